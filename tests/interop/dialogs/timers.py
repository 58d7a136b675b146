"""Session timers (RFC 4028): each leg agrees on its own. Here is what the legs agree on; `refreshes.py` waits for what comes of it."""

from case import Case, answered, called, hangs_up, hung_up
from sipp import Script, sdp

TIMER = "Supported: timer"


def asks(*headers):
    return Script.caller().invite(sdp(), headers=headers).trying()


def too_short_for_callee():
    """The callee wants at least an hour."""
    callee = Script.callee().expect("INVITE", has=["Session-Expires: *1800"]).reply(422, headers=["Min-SE: 3600"]).expect("ACK")
    # Nothing came of it: the next INVITE has no tag yet either.
    callee.in_dialog = False
    return callee.expect("INVITE", has=["Session-Expires: *3600", "Min-SE: *3600", "CSeq: *2 INVITE"])


CASES = [
    Case(
        "a session timer of the caller alone: it is kept, and the caller refreshes",
        hangs_up(
            asks(TIMER, "Session-Expires: 1800;refresher=uac")
            .expect(180)
            .expect(200, has=["Session-Expires: *1800;refresher=uac", "Require: *timer"])
            .ack()
        ),
        [hung_up(answered())],
    ),
    Case(
        "a session timer that is too short for the caller's trunk: 422 with Min-SE",
        asks(TIMER, "Session-Expires: 91").expect(422, has=["Min-SE: *300"]).ack_failure(),
        [],
        near='session_timer = { min = "300s" }\n',
        do="reject = 410",
    ),
    Case(
        "a session timer that is too short for the callee: asked for again with its Min-SE",
        hangs_up(called()),
        [
            hung_up(
                too_short_for_callee()
                .reply(180)
                .reply(200, sdp=sdp(), headers=["Require: timer", "Session-Expires: 3600;refresher=uac"])
                .expect("ACK")
            )
        ],
    ),
    Case(
        "no session timer where the trunk's is off",
        hangs_up(asks(TIMER, "Session-Expires: 1800").expect(180).expect(200, lacks=["Session-Expires"]).ack()),
        [hung_up(Script.callee().expect("INVITE", lacks=["Session-Expires", "timer"]).reply(180).reply(200, sdp=sdp()).expect("ACK"))],
        near='session_timer = "off"\n',
        far='session_timer = "off"\n',
    ),
]
