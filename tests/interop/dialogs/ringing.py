"""Several targets for one call (RFC 3261 §13.2.2.4, §16.7): who answers first, who is told so, and what the caller hears of failures."""

from case import Case, answered, called, hangs_up, hung_up
from sipp import Script, sdp

BOTH = 'ring = ["trunk:{0}", "trunk:{1}"], '


def rings():
    return Script.callee().expect("INVITE").reply(180)


def told(script, has=()):
    """Somebody else was first."""
    return script.expect("CANCEL", has=has).reply(200, to="CANCEL").reply(487).expect("ACK")


CASES = [
    Case(
        "ring in parallel: the first answer counts, the other is told so",
        hangs_up(called()),
        [told(rings(), ["Reason: *SIP;cause=200"]), hung_up(rings().pause(400).reply(200, sdp=sdp()).expect("ACK"))],
        do=BOTH + 'strategy = "parallel"',
    ),
    Case(
        "ring in parallel: an answer that crosses the CANCEL is acknowledged and hung up",
        hangs_up(called()),
        [
            hung_up(rings().expect("CANCEL").reply(200, to="CANCEL").reply(200, sdp=sdp()).expect("ACK")),
            hung_up(rings().pause(400).reply(200, sdp=sdp()).expect("ACK")),
        ],
        do=BOTH + 'strategy = "parallel"',
    ),
    Case(
        "ring in sequence: the second is called when the first is busy, though it rang",
        hangs_up(called()),
        [rings().pause(200).reply(486).expect("ACK"), hung_up(answered())],
        do=BOTH + 'strategy = "sequential"',
    ),
    Case(
        "ring in sequence: nobody waits longer than target_timeout for one of them",
        hangs_up(called()),
        [told(rings()), hung_up(answered())],
        do=BOTH + 'strategy = "sequential", target_timeout = "2s"',
    ),
    Case(
        "ring in parallel: all fail, and the best failure reaches the caller",
        Script.caller().invite(sdp()).trying().expect(180, optional=True).expect(486).ack_failure(),
        [Script.callee().expect("INVITE").reply(503).expect("ACK"), rings().pause(300).reply(486).expect("ACK")],
        do=BOTH + 'strategy = "parallel"',
    ),
    Case(
        "ring in parallel: a 603 ends the group",
        Script.caller().invite(sdp()).trying().expect(180, optional=True).expect(603).ack_failure(),
        [told(rings()), Script.callee().expect("INVITE").pause(300).reply(603).expect("ACK")],
        do=BOTH + 'strategy = "parallel"',
    ),
]

AT_ONCE = BOTH + 'picks_up = "at-once"'

CASES += [
    Case(
        "ring with an answer at once: the caller is there before anybody rings",
        hangs_up(Script.caller().invite(sdp()).trying().expect(200, body=["m=audio [1-9]"]).ack().pause(1500)),
        [told(rings()), hung_up(rings().pause(500).reply(200, sdp=sdp()).expect("ACK"))],
        do=AT_ONCE,
    ),
    Case(
        "ring with an answer at once: nobody takes the call, and its end says why",
        hung_up(Script.caller().invite(sdp()).trying().expect(200).ack(), has=["Reason:.*SIP;cause=486"]),
        [rings().reply(486).expect("ACK"), rings().pause(300).reply(486).expect("ACK")],
        do=AT_ONCE,
    ),
]
