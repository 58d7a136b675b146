"""One behaviour a case: sipp on both sides of Tandem, each with its own story of the call.

    run                all of them through Tandem
    run --direct       those that make sense without it, caller straight to callee: shows that the stories themselves are right
    run WORD...        only the cases whose title has one of the words
"""

import concurrent.futures
import dataclasses
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lib"))

import node
import sipp
from sipp import Script, sdp
from stage import Stage, check

NET = 12
NODE = f"127.0.{NET}.1"
CALLER = f"127.0.{NET}.10"
CALLEE = f"127.0.{NET}.20"
DEAD = f"127.0.{NET}.30"
STRANGER = f"127.0.{NET}.99"

# Each case has a port pair of its own, so that a late retransmission of one never reaches another.
FIRST_PORT = 6000
# The slowest wait for Timer H, 32 s.
SECONDS = 60
AT_ONCE = 6


@dataclasses.dataclass
class Case:
    """A call as its two sides tell it. `callee` is None where no call may go out."""

    title: str
    caller: Script
    callee: Script | None
    number: str = "100"
    source: str = CALLER
    direct: bool = True
    # Without retransmissions of its own sipp also shows those of the other side as messages.
    bare: bool = False


def caller():
    return Script.caller()


def callee():
    return Script.callee()


def answered(script):
    """The callee's story up to the ACK."""
    return script.reply(180).reply(200, sdp=sdp()).expect("ACK")


def hung_up(script):
    return script.expect("BYE").reply(200, to="BYE")


G729 = {"payloads": "18", "rtpmap": ("18 G729/8000",)}
EVENTS = {"payloads": "0 96", "rtpmap": ("0 PCMU/8000", "96 telephone-event/8000"), "extra": ("fmtp:96 0-15",)}
OURS = NODE.replace(".", r"\.")

CASES = [
    Case(
        "a call is set up and ended by the caller; each side sees Tandem alone",
        caller()
        .invite(sdp())
        .trying()
        .expect(180)
        .expect(200, lacks=[CALLEE], body=[f"c=IN IP4 {OURS}", "m=audio 2[0-9]{4} RTP/AVP"])
        .ack()
        .bye()
        .expect(200),
        hung_up(
            answered(
                callee().expect(
                    "INVITE", has=["Max-Forwards: *69"], lacks=[CALLER], body=[f"c=IN IP4 {OURS}", "m=audio 2[0-9]{4} RTP/AVP"]
                )
            )
        ),
        direct=False,
    ),
    Case(
        "a call is ended by the callee",
        hung_up(caller().invite(sdp()).trying().expect(180).expect(200).ack()),
        answered(callee().expect("INVITE")).bye().expect(200),
    ),
    Case(
        "early media: 183 with a description",
        caller().invite(sdp()).trying().expect(183, body=["m=audio [1-9]"]).expect(200, body=["m=audio [1-9]"]).ack().bye().expect(200),
        hung_up(callee().expect("INVITE").reply(183, sdp=sdp()).pause(200).reply(200, sdp=sdp()).expect("ACK")),
    ),
    Case(
        "CANCEL while it rings",
        caller().invite(sdp()).trying().expect(180).cancel().expect(200).expect(487).ack_failure(),
        callee().expect("INVITE").reply(180).expect("CANCEL").reply(200, to="CANCEL").reply(487).expect("ACK"),
    ),
    Case(
        "CANCEL before the callee said anything but 100",
        caller().invite(sdp()).expect(100).pause(300).cancel().expect(200).expect(487).ack_failure(),
        callee().expect("INVITE").reply(100).expect("CANCEL").reply(200, to="CANCEL").reply(487).expect("ACK"),
    ),
    Case(
        "CANCEL crosses the answer: the callee is acknowledged and hung up",
        caller().invite(sdp()).trying().expect(180).cancel().expect(200).expect(487).ack_failure(),
        hung_up(
            callee().expect("INVITE").reply(180).expect("CANCEL").reply(200, to="CANCEL").reply(200, sdp=sdp()).expect("ACK")
        ),
        direct=False,
    ),
    Case(
        "486 reaches the caller",
        caller().invite(sdp()).trying().expect(180).expect(486, has=["Reason: *Q.850;cause=17"]).ack_failure(),
        callee().expect("INVITE").reply(180).reply(486, headers=["Reason: Q.850;cause=17"]).expect("ACK"),
    ),
    Case(
        "302 reaches the caller with its Contact",
        caller().invite(sdp()).trying().expect(302, has=["Contact: *<sip:200@elsewhere.example.com>"]).ack_failure(),
        callee().expect("INVITE").reply(302, contact="sip:200@elsewhere.example.com").expect("ACK"),
    ),
    Case(
        "503 reaches the caller as 500 and without Retry-After",
        caller().invite(sdp()).trying().expect(500, lacks=["Retry-After"]).ack_failure(),
        callee().expect("INVITE").reply(503, headers=["Retry-After: 30"]).expect("ACK"),
        direct=False,
    ),
    Case(
        "603 reaches the caller",
        caller().invite(sdp()).trying().expect(603).ack_failure(),
        callee().expect("INVITE").reply(603).expect("ACK"),
    ),
    Case(
        "hold and resume by the caller",
        caller()
        .invite(sdp())
        .trying()
        .expect(180)
        .expect(200)
        .ack()
        .invite(sdp(direction="sendonly", version=2))
        .trying()
        .expect(200, body=["a=recvonly"])
        .ack()
        .pause(100)
        .invite(sdp(version=3))
        .trying()
        .expect(200, body_lacks=["a=recvonly"])
        .ack()
        .bye()
        .expect(200),
        hung_up(
            answered(callee().expect("INVITE"))
            .expect("INVITE", body=["a=sendonly"])
            .reply(200, sdp=sdp(direction="recvonly", version=2))
            .expect("ACK")
            .expect("INVITE", body_lacks=["a=sendonly"])
            .reply(200, sdp=sdp(version=3))
            .expect("ACK")
        ),
    ),
    Case(
        "hold and resume by the callee",
        hung_up(
            caller()
            .invite(sdp())
            .trying()
            .expect(180)
            .expect(200)
            .ack()
            .expect("INVITE", body=["a=sendonly"])
            .reply(200, sdp=sdp(direction="recvonly", version=2))
            .expect("ACK")
            .expect("INVITE", body_lacks=["a=sendonly"])
            .reply(200, sdp=sdp(version=3))
            .expect("ACK")
        ),
        answered(callee().expect("INVITE"))
        .pause(200)
        .invite(sdp(direction="sendonly", version=2))
        .trying()
        .expect(200, body=["a=recvonly"])
        .ack()
        .pause(100)
        .invite(sdp(version=3))
        .trying()
        .expect(200, body_lacks=["a=recvonly"])
        .ack()
        .bye()
        .expect(200),
    ),
    Case(
        "a re-INVITE that the callee refuses leaves the call as it was",
        caller()
        .invite(sdp())
        .trying()
        .expect(180)
        .expect(200)
        .ack()
        .invite(sdp(direction="inactive", version=2))
        .trying()
        .expect(488)
        .ack_failure()
        .pause(200)
        .bye()
        .expect(200),
        hung_up(answered(callee().expect("INVITE")).expect("INVITE").reply(488).expect("ACK")),
    ),
    Case(
        "late offer: the callee offers in its 200 and is answered in the ACK",
        caller().invite().trying().expect(180).expect(200, body=["m=audio [1-9]"]).ack(sdp()).bye().expect(200),
        hung_up(
            callee().expect("INVITE", lacks=["m=audio"]).reply(180).reply(200, sdp=sdp()).expect("ACK", body=["m=audio [1-9]"])
        ),
    ),
    Case(
        "a lost ACK: the 200 comes again until it is acknowledged",
        caller().invite(sdp()).trying().expect(180).expect(200).expect(200).expect(200).ack().bye().expect(200),
        hung_up(callee().expect("INVITE").reply(180, retrans=False).reply(200, sdp=sdp(), retrans=False).expect("ACK")),
        direct=False,
        bare=True,
    ),
    Case(
        "a caller that never acknowledges: after 32 s both legs are hung up",
        caller().invite(sdp()).trying().expect(180).expect(200).expect("BYE", timeout=45000).reply(200, to="BYE"),
        callee().expect("INVITE").reply(180).reply(200, sdp=sdp()).expect("ACK").expect("BYE", timeout=45000).reply(200, to="BYE"),
        direct=False,
    ),
    Case(
        "the callee's 200 comes twice: it is acknowledged twice",
        caller().invite(sdp()).trying().expect(180).expect(200).ack().pause(1500).bye().expect(200),
        hung_up(
            callee()
            .expect("INVITE")
            .reply(180)
            .reply(200, sdp=sdp(), retrans=False)
            .expect("ACK")
            .reply(200, sdp=sdp(), retrans=False)
            .expect("ACK")
        ),
        direct=False,
        bare=True,
    ),
    Case(
        "no codec in common: 488 with a Warning, and no call goes out",
        caller().invite(sdp(**G729)).trying().expect(488, has=["Warning: *30[45]"]).ack_failure(),
        None,
    ),
    Case(
        "codecs that the trunk has not are not offered; telephone-event passes",
        caller()
        .invite(
            sdp("18 0 8 3 96", ("18 G729/8000", "0 PCMU/8000", "8 PCMA/8000", "3 GSM/8000", "96 telephone-event/8000"),
                extra=("fmtp:96 0-15",))
        )
        .trying()
        .expect(180)
        .expect(200, body=["PCMU/8000", "telephone-event/8000"])
        .ack()
        .bye()
        .expect(200),
        hung_up(
            callee()
            .expect("INVITE", body=["PCMU/8000", "PCMA/8000", "telephone-event/8000"], body_lacks=["G729", "GSM"])
            .reply(180)
            .reply(200, sdp=sdp(**EVENTS))
            .expect("ACK")
        ),
        direct=False,
    ),
    Case(
        "nobody answers in time: CANCEL to the callee, 480 to the caller",
        caller().invite(sdp()).trying().expect(180).expect(480).ack_failure(),
        callee().expect("INVITE").reply(180).expect("CANCEL").reply(200, to="CANCEL").reply(487).expect("ACK"),
        number="300",
        direct=False,
    ),
    Case(
        "nobody is there: the caller gets a 500 at once",
        caller().invite(sdp()).trying().expect(500, timeout=3000).ack_failure(),
        None,
        number="200",
    ),
    Case(
        "nobody is at the first target: the second is called",
        caller().invite(sdp()).trying().expect(180).expect(200).ack().bye().expect(200),
        hung_up(answered(callee().expect("INVITE"))),
        number="400",
        direct=False,
    ),
    Case("no route: 404", caller().invite(sdp()).trying().expect(404).ack_failure(), None, number="999"),
    Case("a route that rejects: its status", caller().invite(sdp()).trying().expect(410).ack_failure(), None, number="410"),
    Case("a stranger: 403", caller().invite(sdp()).trying().expect(403).ack_failure(), None, source=STRANGER),
    Case(
        "an extension that is required and nobody has: 420",
        caller().invite(sdp(), headers=["Require: teleport"]).trying().expect(420, has=["Unsupported: *teleport"]).ack_failure(),
        None,
    ),
    Case(
        "a method that is not allowed inside a call: 405 with Allow, and the call goes on",
        caller()
        .invite(sdp())
        .trying()
        .expect(180)
        .expect(200)
        .ack()
        .request("PUBLISH", headers=["Event: presence"])
        .expect(405, has=["Allow: .*INVITE"])
        .bye()
        .expect(200),
        hung_up(answered(callee().expect("INVITE"))),
        direct=False,
    ),
    Case(
        "echo: Tandem answers by itself",
        caller().invite(sdp()).trying().expect(200, body=[f"c=IN IP4 {OURS}"]).ack().pause(200).bye().expect(200),
        None,
        number="echo",
    ),
]


def configuration(stage, ports):
    """A trunk and a route for each callee's port, by a prefix of the number that is the index of its case."""
    codecs = 'codecs = ["pcmu", "pcma"]'
    trunks = [
        ("callers", node.trunk(CALLER, lines=codecs)),
        ("dead", node.trunk(DEAD, lines=f'{codecs}\ntrying_timeout = "2s"')),
    ]
    routes = [
        ("rejected", "from = [\"*\"]\nto = '^[0-9]+-410$'\ndo = { reject = 410, reason = \"long gone\" }\n"),
        ("echo", "from = [\"*\"]\nto = '^[0-9]+-echo$'\ndo = { answer = \"echo\" }\n"),
        ("nobody", "from = [\"*\"]\nto = '^[0-9]+-200$'\ndo = { bridge = [\"trunk:dead\"] }\n"),
    ]
    for index, port in ports.items():
        # These are only called: what comes from there is inside calls, and needs no trunk.
        lines = f'targets = [{{ uri = "sip:{CALLEE}:{port};transport=udp" }}]\n{codecs}\n'
        trunks.append((f"callee-{index}", lines))
        trunks.append((f"patience-{index}", f'{lines}trying_timeout = "1s"\nring_timeout = "2s"\n'))
        ends = {"100": f'"trunk:callee-{index}"', "300": f'"trunk:patience-{index}"', "400": f'"trunk:dead", "trunk:callee-{index}"'}
        for number, bridge in ends.items():
            name = f"{index}-{number}"
            routes.append((name, f"from = [\"callers\"]\nto = '^{name}$'\ndo = {{ bridge = [{bridge}] }}\n"))
    return node.config(stage, trunks=trunks, routes=routes)


def play(stage, index, case, direct):
    """One case, both sides of it to the end."""
    port = FIRST_PORT + 4 * index
    media = ["-mp", str(20000 + 10 * index)]
    extra = [*media, *(["-nr"] if case.bare else [])]
    runs = []
    with stage.case(case.title, lambda: [run.story() for run in runs]):
        if case.callee:
            runs.append(sipp.callee(stage, f"callee-{index}", f"{CALLEE}:{port}", case.callee, seconds=SECONDS, extra=extra))
        target = f"{CALLEE}:{port}" if direct else f"{NODE}:5060"
        number = f"{index}-{case.number}"
        runs.append(
            sipp.caller(
                stage, f"caller-{index}", f"{case.source}:{port}", target, case.caller, number=number, seconds=SECONDS, extra=extra
            )
        )
        for run in reversed(runs):
            run.done(SECONDS)


def main(arguments):
    direct = "--direct" in arguments
    words = [word for word in arguments if not word.startswith("-")]
    cases = [
        (index, case)
        for index, case in enumerate(CASES)
        if (case.direct and case.callee if direct else True) and (not words or any(word in case.title for word in words))
    ]
    with Stage("scenarios", NET) as stage:
        text = configuration(stage, {index: FIRST_PORT + 4 * index for index, _ in cases})
        tandem = None if direct else node.Tandem(stage, text)
        with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
            list(pool.map(lambda item: play(stage, *item, direct), cases))
        if tandem:
            with stage.case("nothing is left when all calls have ended"):
                tandem.stop()
                check(not tandem.bound(1), "the SIP port is still bound")


main(sys.argv[1:])
