"""Re-INVITE and UPDATE (RFC 3261 §14, RFC 3311, RFC 3264 §8): each form of hold from each side, refusals, codecs, late offers."""

from case import Case, answered, called, hangs_up, hung_up
from sipp import Script, sdp


def offers(script, offer, expected):
    """One side offers anew, and gets an answer that has `expected` or lacks what is in `lacks`."""
    return script.invite(offer).trying().expect(200, **expected).ack()


def answers(script, expected, answer):
    return script.expect("INVITE", **expected).reply(200, sdp=answer).expect("ACK")


RFC_2543 = sdp(version=2).replace("c=IN IP[media_ip_type] [media_ip]", "c=IN IP4 0.0.0.0")
SWITCHED_OFF = sdp(version=2).replace("[media_port]", "0")

# How a side holds: what it offers, what the other side gets of it and answers, and what comes back.
FORMS = {
    "sendonly": (sdp(direction="sendonly", version=2), {"body": ["a=sendonly"]}, "recvonly", {"body": ["a=recvonly"]}),
    "inactive": (sdp(direction="inactive", version=2), {"body": ["a=inactive"]}, "inactive", {"body": ["a=inactive"]}),
    "recvonly": (sdp(direction="recvonly", version=2), {"body": ["a=recvonly"]}, "sendonly", {"body": ["a=sendonly"]}),
    "a zero address": (RFC_2543, {"body": ["m=audio [1-9]"]}, None, {"body": ["m=audio [1-9]"]}),
    "port 0": (SWITCHED_OFF, {"body": ["a=inactive", "m=audio [1-9]"]}, "inactive", {"body": ["m=audio 0 "]}),
}


def hold(form, by_caller):
    offer, passed, direction, back = FORMS[form]
    resumed = sdp(version=3)
    there = {"body": ["m=audio [1-9]"], "body_lacks": ["a=sendonly|a=inactive|a=recvonly"]}
    who = "caller" if by_caller else "callee"
    holder, held = (called(), answered()) if by_caller else (answered().pause(300), called())
    holder = offers(holder, offer, back).pause(100)
    held = answers(held, passed, sdp(direction=direction, version=2))
    holder, held = offers(holder, resumed, there), answers(held, there, sdp(version=3))
    caller, callee = (holder, held) if by_caller else (held, holder)
    if by_caller:
        return Case(f"the {who} holds with {form} and resumes", hangs_up(caller), [hung_up(callee)])
    return Case(f"the {who} holds with {form} and resumes", hung_up(caller), [hangs_up(callee)])


CASES = [hold(form, by_caller) for form in FORMS for by_caller in (True, False)]

CASES += [
    Case(
        "both hold, and the call ends so",
        hangs_up(
            answers(
                offers(called(), sdp(direction="sendonly", version=2), {"body": ["a=recvonly"]}),
                {"body": ["a=inactive|a=sendonly"]},
                sdp(direction="inactive", version=3),
            )
        ),
        [
            hung_up(
                offers(
                    answers(answered(), {"body": ["a=sendonly"]}, sdp(direction="recvonly", version=2)).pause(300),
                    sdp(direction="inactive", version=3),
                    {"body": ["a=inactive"]},
                )
            )
        ],
    ),
    Case(
        "another codec in mid-call",
        hangs_up(offers(called(), sdp("8", ("8 PCMA/8000",), version=2), {"body": ["RTP/AVP 8"]})),
        [hung_up(answers(answered(), {"body": ["RTP/AVP 8"]}, sdp("8", ("8 PCMA/8000",), version=2)))],
    ),
    Case(
        "a re-INVITE without an offer: the other side offers, the ACK answers",
        hangs_up(called().invite().trying().expect(200, body=["m=audio [1-9]"]).ack(sdp(version=2))),
        [hung_up(answered().expect("INVITE", lacks=["m=audio"]).reply(200, sdp=sdp(version=2)).expect("ACK", body=["m=audio [1-9]"]))],
    ),
]


def refused(status, becomes):
    """The callee refuses what the caller offers anew; the call goes on."""
    caller = called().invite(sdp(direction="sendonly", version=2)).trying().expect(becomes).ack_failure()
    callee = answered().expect("INVITE").reply(status).expect("ACK")
    return Case(f"a re-INVITE that is refused with {status}: the call goes on", hangs_up(caller), [hung_up(callee)])


CASES += [refused(status, becomes) for status, becomes in ((488, 488), (491, 491), (603, 603))]

ALLOWS = ["Allow: INVITE, ACK, CANCEL, BYE, UPDATE"]


def updates(script, offer, expected):
    return script.request("UPDATE", ALLOWS, offer).expect(200, **expected)


def takes_updates(script=None):
    return (script or Script.callee()).expect("INVITE").reply(180).reply(200, sdp=sdp(), headers=ALLOWS).expect("ACK")


CASES += [
    Case(
        "UPDATE with an offer goes on as UPDATE where the other side takes it",
        hangs_up(
            updates(
                Script.caller().invite(sdp(), headers=ALLOWS).trying().expect(180).expect(200, has=["Allow:.*UPDATE"]).ack(),
                sdp(direction="sendonly", version=2),
                {"body": ["a=recvonly"]},
            )
        ),
        [
            hung_up(
                takes_updates()
                .expect("UPDATE", body=["a=sendonly"])
                .reply(200, sdp=sdp(direction="recvonly", version=2), to="UPDATE", headers=ALLOWS)
            )
        ],
    ),
    Case(
        "UPDATE with an offer goes on as re-INVITE where the other side takes no UPDATE",
        hangs_up(updates(called(), sdp(direction="sendonly", version=2), {"body": ["a=recvonly"]})),
        [hung_up(answers(answered(), {"body": ["a=sendonly"]}, sdp(direction="recvonly", version=2)))],
    ),
    Case(
        "a re-INVITE that finds the other side restarted: both legs end",
        hung_up(called().invite(sdp(direction="sendonly", version=2)).trying().expect(487).ack_failure()),
        [answered().expect("INVITE").reply(481).expect("ACK").expect("BYE").reply(481, to="BYE")],
    ),
]
