"""Everything at once, for a minute: 20 000 REGISTERs of phones, each answered after a challenge of its own; a flood of INVITEs from nobody;
a flood of REGISTERs with wrong passwords; and 100 calls of a known trunk. Of the calls, and of the REGISTERs, at least 99 % succeed. Not a
benchmark: a floor. Each of them is a process of its own."""

import os
import pathlib
import re
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lib"))

import node
import sipp
from stage import Stage, check

NET = 42
HERE = pathlib.Path(__file__).resolve().parent
REGISTERS = int(os.environ.get("REGISTERS", "20000"))
SECONDS = int(os.environ.get("SECONDS", "60"))
USERS = 1000
CALLS, HELD = 100 * SECONDS // 60, 500

# REGISTERs with wrong passwords, in the same time.
GUESSES = REGISTERS // 4

# Where they come from: phones, guesses, the flood. Of the guesses and the flood each host is a source that is bounded by itself.
PHONES, GUESSERS, FLOODERS = range(100, 164), range(170, 178), range(180, 184)

# Answers a second that a source gets which is nobody's.
ANSWERS = 30

DOMAIN = "house.example"


def configuration(stage):
    users = "".join(f'[[user]]\nname = "u{number}"\npassword = "p{number}"\n' for number in range(USERS))
    return users + node.config(
        stage,
        node=f'domain = "{DOMAIN}"\n',
        trunks=[("caller", node.trunk(stage.address(10))), ("callee", node.trunk(stage.address(20)))],
        routes=[("all", "from = [\"caller\"]\nto = '^.+$'\ndo = { bridge = [\"trunk:callee\"] }\n")],
    )


class Clients:
    """All that come to the node, from now on."""

    def __init__(self, stage):
        self.stage = stage
        self.uas = sipp.callee(stage, "uas", f"{stage.address(20)}:5060", "uas", calls=CALLS, seconds=SECONDS + 25, traced=False)
        extra = ["-r", 100, "-rp", 60000, "-d", HELD]
        self.phones = self.registering("phones", REGISTERS, "right", PHONES)
        self.guessers = self.registering("guessers", GUESSES, "wrong", GUESSERS)
        flooders = [stage.address(host) for host in FLOODERS]
        self.flood = stage.start("flood", [sys.executable, HERE / "flood.py", stage.address(1), 5060, SECONDS, *flooders])
        own, other = f"{stage.address(10)}:5060", f"{stage.address(1)}:5060"
        self.uac = sipp.caller(stage, "uac", own, other, "uac", calls=CALLS, seconds=SECONDS + 20, traced=False, extra=extra)

    def registering(self, name, registers, word, hosts):
        addresses = [self.stage.address(host) for host in hosts]
        return self.stage.start(name, [sys.executable, HERE / "phones.py", self.stage.address(1), registers, SECONDS, USERS, DOMAIN, word, *addresses])

    def figures(self):
        """What each came to, once all are done."""
        told = {one.name: one.line("sent=", SECONDS + 20) for one in (self.phones, self.guessers, self.flood)}
        self.uac.process.wait(25)
        self.uas.process.end()
        figures = {f"{name}_{key}": float(value) for name, line in told.items() for key, value in re.findall(r"(\w+)=([\d.]+)", line)}
        return {**figures, "calls": int(self.uac.counts()["SuccessfulCall(C)"])}

    def stories(self):
        return [self.uac.story(), self.uas.story()]


def processor_seconds(process):
    with open(f"/proc/{process.child.pid}/stat", encoding="ascii") as file:
        fields = file.read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def bans(tandem):
    told = [line for line in list(tandem.process.lines) if "a source is banned" in line]
    return {found[1] for line in told if (found := re.search(r'"source":"([^"]+)"', line))}


def main():
    with Stage("registers", NET) as stage:
        tandem = node.Tandem(stage, configuration(stage))
        spent = processor_seconds(tandem.process)
        clients = Clients(stage)
        figures = clients.figures()
        spent = processor_seconds(tandem.process) - spent
        print(
            f"          {figures['phones_done']:.0f} of {REGISTERS} registered in {figures['phones_seconds']:.1f} s ({figures['phones_sent']:.0f} requests), "
            f"half of them within {figures['phones_half_ms']:.1f} ms, 99 % within {figures['phones_most_ms']:.1f} ms;\n"
            f"          {figures['calls']} of {CALLS} calls; meanwhile {figures['flood_sent'] / SECONDS:.0f} INVITEs a second from nobody, "
            f"{figures['flood_answers']:.0f} answered, and {figures['guessers_sent']:.0f} REGISTERs of {GUESSES} guesses; {spent:.1f} s of processor",
            flush=True,
        )
        with stage.case(f"{CALLS} calls of a known trunk: 99 % go well", clients.stories):
            check(figures["calls"] >= CALLS * 0.99, f"{figures['calls']} of {CALLS} calls")
        with stage.case(f"{REGISTERS} REGISTERs in {SECONDS} s: 99 % succeed", lambda: [clients.phones.story()]):
            check(figures["phones_done"] >= REGISTERS * 0.99, f"{figures['phones_done']} of {REGISTERS}, {figures['phones_failed']} failed")
        with stage.case("the flood is one, and gets no more answers than it may"):
            check(figures["flood_sent"] > 500 * SECONDS, "that is no flood")
            most = len(FLOODERS) * ANSWERS * (SECONDS + 2)
            check(figures["flood_answers"] <= most, f"{figures['flood_answers']} answers")
        with stage.case("no guess registers, who guesses is banned, and nobody else is"):
            check(figures["guessers_done"] == 0, f"{figures['guessers_done']} guesses register")
            check(bans(tandem) == {stage.address(host) for host in GUESSERS}, f"banned: {sorted(bans(tandem))}")
        with stage.case("nothing is left"):
            check(len(tandem.ended_calls()) == CALLS, f"{len(tandem.ended_calls())} calls have ended")
            tandem.stop()


main()
