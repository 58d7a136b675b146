"""SIP over TCP with sipp: from TCP to TCP, to UDP and back, 100 calls a second, and connections that refuse or die. Then what
is too long for a datagram."""

import pathlib
import signal
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lib"))

import long
import node
import sipp
from phone import Call
from phone import sdp as sdp_of
from sipp import Script, sdp
from stage import Stage, check
from stream import calling

NET = 18
CALLS = 10
RATE = 100
SECONDS = 20

STREAM = ["-t", "t1"]


def trunk(host, transport):
    return f'targets = [{{ uri = "sip:{host}:5060;transport={transport}" }}]\nmatch = {{ sources = ["{host}/32"] }}\n'


def configuration(stage):
    """One address that listens for both; who is called decides what the call goes on over."""
    address = stage.address(1)
    routes = [(name, f"to = '^{number}$'\ndo = {{ bridge = [\"trunk:{name}\"] }}\n") for name, number in [("stream", 1), ("datagram", 2), ("nobody", 3)]]
    return node.config(
        stage,
        ports="20000-59999",
        calls=f"max_cps = {2 * RATE}\n",
        listen=f'[[listen]]\nname = "stream"\ntransport = "tcp"\nbind = "{address}:5060"\n',
        trunks=[
            ("caller", f'match = {{ sources = ["{stage.address(10)}/32"] }}\n'),
            ("stream", trunk(stage.address(20), "tcp")),
            ("datagram", trunk(stage.address(21), "udp")),
            ("nobody", trunk(stage.address(22), "tcp")),
            *long.trunks(stage),
        ],
        routes=[*routes, *long.routes()],
    )


def crossing(stage, title, number, callee, ends):
    """`ends` are sipp's arguments for the caller and the callee."""
    runs = []
    with stage.case(title, lambda: [run.story() for run in runs]):
        caller, called = ends
        name = f"{number}-{len(caller)}{len(called)}"
        runs.append(sipp.callee(stage, f"uas-{name}", f"{stage.address(callee)}:5060", "uas", calls=CALLS, extra=called))
        runs.append(
            sipp.caller(
                stage, f"uac-{name}", f"{stage.address(10)}:5060", f"{stage.address(1)}:5060", "uac",
                number=number, calls=CALLS, extra=[*caller, "-r", "10", "-d", "200"],
            )
        )  # fmt: skip
        for run in reversed(runs):
            run.done(20)


def load(stage):
    calls = RATE * SECONDS
    runs = []
    with stage.case(f"{calls} calls at {RATE} a second over TCP, none fails", lambda: [run.story() for run in runs]):
        runs.append(sipp.callee(stage, "uas-load", f"{stage.address(20)}:5060", "uas", calls=calls, seconds=90, traced=False, extra=STREAM))
        runs.append(
            sipp.caller(
                stage, "uac-load", f"{stage.address(10)}:5060", f"{stage.address(1)}:5060", "uac",
                number="1", calls=calls, seconds=90, traced=False, extra=[*STREAM, "-r", RATE, "-d", 300, "-l", calls],
            )
        )  # fmt: skip
        for run in reversed(runs):
            run.done(90)


def refused(stage):
    runs = []
    with stage.case("a callee that refuses the connection fails the call at once", lambda: [run.story() for run in runs]):
        script = Script.caller().invite(sdp=sdp()).trying().expect(500).ack_failure()
        began = time.monotonic()
        runs.append(sipp.caller(stage, "refused", f"{stage.address(10)}:5060", f"{stage.address(1)}:5060", script, number="3", extra=STREAM))
        runs[0].done(10)
        check(time.monotonic() - began < 5, "it took as long as a timer")


def dying(stage):
    runs = []
    with stage.case("a callee whose connection dies while it rings fails the call at once", lambda: [run.story() for run in runs]):
        rings = Script.callee().expect("INVITE").reply(180).expect("BYE", timeout=30_000)
        callee = sipp.callee(stage, "dying-uas", f"{stage.address(20)}:5060", rings, seconds=60, extra=STREAM)
        script = Script.caller().invite(sdp=sdp()).trying().expect(180).expect(500, timeout=20_000).ack_failure()
        runs.append(sipp.caller(stage, "dying-uac", f"{stage.address(10)}:5060", f"{stage.address(1)}:5060", script, number="1", extra=STREAM))
        time.sleep(1)
        began = time.monotonic()
        callee.process.signal(signal.SIGKILL)
        runs[0].done(20)
        check(time.monotonic() - began < 5, "it took as long as a timer")


def kept_alive(stage):
    with stage.case("a keep-alive is answered with one, between messages and before the first"):
        phone = calling(stage.address(11), (stage.address(1), 5060))
        for _ in range(2):
            phone.send(b"\r\n\r\n")
            phone.socket.settimeout(5)
            check(phone.socket.recv(100) == b"\r\n", "no answer to a keep-alive")
            # A stranger's, which is refused and leaves the connection as it is.
            status = Call(phone, (stage.address(1), 5060), "1").invite(sdp_of(phone.host, 4000)).final().status
            check(status == 403, f"{status} instead of 403")
        phone.close()


def main():
    with Stage("tcp", NET) as stage:
        tandem = node.Tandem(stage, configuration(stage))
        crossing(stage, "from TCP to TCP", "1", 20, (STREAM, STREAM))
        crossing(stage, "from TCP to UDP", "2", 21, (STREAM, []))
        crossing(stage, "from UDP to TCP", "1", 20, ([], STREAM))
        refused(stage)
        dying(stage)
        kept_alive(stage)
        long.play(stage)
        load(stage)
        with stage.case("nothing is left"):
            tandem.stop()


main()
