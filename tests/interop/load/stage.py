"""200 calls a second for 20 seconds with media set up, and none fails. Not a benchmark: a floor that a two-core machine which
also runs sipp twice must hold."""

import os
import pathlib
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lib"))

import node
import sipp
from stage import Stage, check, wait_until

NET = 13
RATE = int(os.environ.get("RATE", "200"))
SECONDS = int(os.environ.get("SECONDS", "20"))
CALLS = RATE * SECONDS

# Milliseconds from ACK to BYE.
HELD = 500


def configuration(stage):
    return node.config(
        stage,
        ports="20000-59999",
        calls=f"max_cps = {2 * RATE}\n",
        trunks=[("caller", node.trunk(stage.address(10))), ("callee", node.trunk(stage.address(20)))],
        routes=[("all", "from = [\"caller\"]\nto = '^.+$'\ndo = { bridge = [\"trunk:callee\"] }\n")],
    )


def processor_seconds(process):
    with open(f"/proc/{process.child.pid}/stat", encoding="ascii") as file:
        fields = file.read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def resident_kib(process):
    with open(f"/proc/{process.child.pid}/status", encoding="ascii") as file:
        return next(int(line.split()[1]) for line in file if line.startswith("VmRSS"))


def main():
    with Stage("load", NET) as stage:
        tandem = node.Tandem(stage, configuration(stage))
        runs = []
        with stage.case(f"{CALLS} calls at {RATE} a second, none fails", lambda: [run.story() for run in runs]):
            began, spent = time.monotonic(), processor_seconds(tandem.process)
            uas = sipp.callee(stage, "uas", f"{stage.address(20)}:5060", "uas", calls=CALLS, seconds=90, traced=False)
            uac = sipp.caller(
                stage,
                "uac",
                f"{stage.address(10)}:5060",
                f"{stage.address(1)}:5060",
                "uac",
                calls=CALLS,
                seconds=90,
                traced=False,
                extra=["-r", RATE, "-d", HELD, "-l", CALLS],
            )
            runs += [uac, uas]
            uac.done(90)
            uas.done(30)
            took, spent = time.monotonic() - began, processor_seconds(tandem.process) - spent
            again = uac.counts()["Retransmissions(C)"]
            print(f"          {took:.1f} s, {spent / CALLS * 1e6:.0f} µs of processor a call, {again} retransmissions, "
                  f"{resident_kib(tandem.process)} KiB resident")
        with stage.case("each call left its one line, and none is left"):
            wait_until(lambda: len(tandem.ended_calls()) >= CALLS, 10, f"{CALLS} ended calls in the log")
            check(len(tandem.ended_calls()) == CALLS, f"{len(tandem.ended_calls())} lines for {CALLS} calls")
            tandem.stop()


main()
