"""How calls end: the reason that one peer gives reaches the other (RFC 3326), and a status has its cause (RFC 3398). And what peers ask
of each other beside calls."""

from case import Case, answered, called, hangs_up
from sipp import Script, sdp

CASES = [
    Case(
        "the reason of a BYE reaches the other side",
        called().bye(headers=["Reason: Q.850;cause=31;text=\"normal, unspecified\""]).expect(200),
        [answered().expect("BYE", has=["Reason:.*Q.850;cause=31"]).reply(200, to="BYE")],
    ),
    Case(
        "the cause of a failure reaches the caller",
        Script.caller().invite(sdp()).trying().expect(486, has=["Reason:.*Q.850;cause=17"]).ack_failure(),
        [Script.callee().expect("INVITE").reply(486, headers=["Reason: Q.850;cause=17"]).expect("ACK")],
    ),
    Case(
        "INFO and MESSAGE go through, each with its answer",
        hangs_up(called().request("INFO").expect(200).request("MESSAGE").expect(200)),
        [
            answered()
            .expect("INFO")
            .reply(200, to="INFO")
            .expect("MESSAGE")
            .reply(200, to="MESSAGE")
            .expect("BYE")
            .reply(200, to="BYE")
        ],
    ),
    Case(
        "a MESSAGE outside of a call goes by route, and its answer comes back",
        Script.caller().request("MESSAGE").expect(200),
        [Script.callee().expect("MESSAGE", lacks=["example.com;tag=.*caller"]).reply(200, to="MESSAGE")],
    ),
    Case(
        "a subscription that nobody keeps gets 489 with what is kept",
        Script.caller().request("SUBSCRIBE", ["Event: presence"]).expect(489, has=["Allow-Events: *refer"]),
        [],
        do="reject = 410",
    ),
]
