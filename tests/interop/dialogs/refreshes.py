"""Session timers of the shortest interval there is, waited for (RFC 4028 §10): 90 s, so that a refresh is due after 45 s, and a session that
nobody refreshed ends after 60 s. These cases take a minute each; the stage plays them beside all others."""

from case import Case, answered, called, hangs_up, hung_up
from sipp import Script, sdp

# How long one of them may take.
SECONDS = 90

OFF = 'session_timer = "off"\n'
SHORTEST = 'session_timer = { expires = "90s" }\n'
WITH_UPDATE = "Allow: INVITE, ACK, CANCEL, BYE, UPDATE"
WITHOUT_UPDATE = "Allow: INVITE, ACK, CANCEL, BYE"


def timer(refresher, knows="Supported: timer"):
    return [knows, f"Session-Expires: 90;refresher={refresher}"]


def between(script, least, most, what, **expected):
    """`what` comes no sooner and no later, in seconds from the step before."""
    return script.pause(least * 1000).expect(what, timeout=(most - least) * 1000, **expected)


def calls(refresher, *headers):
    """A caller with a timer, up to its ACK."""
    script = Script.caller().invite(sdp(), headers=[*timer(refresher), *headers]).trying().expect(180)
    return script.expect(200, has=[f"Session-Expires: *90;refresher={refresher}"]).ack()


def answers(refresher, *headers):
    """A callee with a timer, up to the ACK that it gets."""
    callee = Script.callee().expect("INVITE", has=["Session-Expires: *90"]).reply(180)
    return callee.reply(200, sdp=sdp(), headers=[*timer(refresher, "Require: timer"), *headers]).expect("ACK")


def refreshed(script, method):
    """Our refresh comes at half the interval, and is taken."""
    between(script, 41, 49, method, has=["Session-Expires: *90;refresher=uac"])
    body = sdp() if method == "INVITE" else None
    script.reply(200, sdp=body, headers=timer("uac", "Require: timer"), to=method)
    return script.expect("ACK") if method == "INVITE" else script


def refreshes(script, method):
    """The peer's refresh at half the interval; 60 s after the beginning the call still stands."""
    script.pause(45_000)
    if method == "INVITE":
        script.invite(sdp(), headers=timer("uac")).trying()
    else:
        script.request(method, timer("uac"))
    script.expect(200, has=["Session-Expires: *90;refresher=uac"])
    return (script.ack() if method == "INVITE" else script).pause(20_000)


def offered(script):
    """The other side's re-INVITE brings its offer along, which goes through the call."""
    script.expect("INVITE", lacks=["Session-Expires"], body=["m=audio [1-9]"], timeout=50_000)
    return script.reply(200, sdp=sdp(version=2)).expect("ACK")


def kept(script):
    """Waits for the BYE of a call of a good minute."""
    return script.expect("BYE", lacks=["Reason:"], timeout=75_000).reply(200, to="BYE")


def expired(script):
    """§10: a third of the interval, here less than 32 s, before it is over."""
    return between(script, 56, 64, "BYE", has=["Reason:.*session timer expired"]).reply(200, to="BYE")


CASES = [
    Case(
        "we refresh the caller's session by UPDATE and the callee's by re-INVITE",
        hangs_up(refreshed(calls("uas", WITH_UPDATE), "UPDATE").pause(1500)),
        [hung_up(refreshed(answers("uac", WITHOUT_UPDATE), "INVITE"))],
        far=SHORTEST,
    ),
    Case(
        "we refresh the caller's session by re-INVITE and the callee's by UPDATE",
        hangs_up(refreshed(calls("uas", WITHOUT_UPDATE), "INVITE").pause(1500)),
        [hung_up(refreshed(answers("uac", WITH_UPDATE), "UPDATE"))],
        far=SHORTEST,
    ),
    Case(
        "a caller that was to refresh and does not: the call ends a third of the interval before",
        expired(calls("uac")),
        [expired(answered())],
        far=OFF,
    ),
    Case(
        "a callee that was to refresh and does not: the call ends a third of the interval before",
        expired(called()),
        [expired(answers("uas"))],
        near=OFF,
        far=SHORTEST,
    ),
    Case(
        "a caller that refreshes by UPDATE: the call goes on",
        hangs_up(refreshes(calls("uac"), "UPDATE")),
        [kept(answered())],
        far=OFF,
    ),
    Case(
        "a callee that refreshes by re-INVITE: the call goes on",
        kept(offered(called())),
        [hangs_up(refreshes(answers("uas"), "INVITE"))],
        near=OFF,
        far=SHORTEST,
    ),
]
