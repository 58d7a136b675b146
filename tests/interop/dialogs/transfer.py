"""Transfer (RFC 3515, RFC 5589): carried out here, passed on, refused, and one that fails."""

from case import Case, answered, called, hangs_up, hung_up
from sipp import Script, fragment, sdp

TO_THE_SECOND = (("transfer", 'from = ["{0}"]\nto = \'^2$\'\ndo = {{ bridge = ["trunk:{1}"] }}\n'),)
TO_BOTH = (("transfer", 'from = ["{0}"]\nto = \'^2$\'\ndo = {{ ring = ["trunk:{1}", "trunk:{2}"] }}\n'),)
TO_NOBODY = (("transfer", 'from = ["{0}"]\nto = \'^2$\'\ndo = {{ reject = 404 }}\n'),)
EXECUTES = 'refer = "execute"\n'


def refers(script):
    return script.request("REFER", ["Refer-To: <sip:2@example.com>"]).expect(202)


def hears(script, status, state):
    """A NOTIFY with that fragment."""
    script.expect("NOTIFY", has=["Event: *refer", f"Subscription-State: *{state}"], body=[f"SIP/2.0 {status}"])
    return script.reply(200, to="NOTIFY")


def takes_an_offer(script):
    """The one who stays hears of the target by a re-INVITE."""
    return script.expect("INVITE", body=["m=audio [1-9]"]).reply(200, sdp=sdp(version=2)).expect("ACK")


def target():
    """It is asked for an offer, so that the two who are joined agree with each other."""
    return Script.callee().expect("INVITE", lacks=["m=audio"]).reply(180).pause(200).reply(200, sdp=sdp()).expect("ACK", body=["m=audio [1-9]"])


def called_off():
    """It rings, and another one answers."""
    script = Script.callee().expect("INVITE").reply(180)
    return script.expect("CANCEL", has=["Reason:.*completed elsewhere"]).reply(200, to="CANCEL").reply(487).expect("ACK")


def answers_reliably():
    """It is offered something, and its answer comes in a response that wants a PRACK."""
    script = Script.callee().expect("INVITE", has=["Require: *100rel"], body=["m=audio [1-9]"])
    script.reply(183, sdp=sdp(), headers=["Require: 100rel", "RSeq: 1"], retrans=False)
    return script.expect("PRACK", has=["RAck: *1 1 INVITE"]).reply(200, to="PRACK").pause(200).reply(200).expect("ACK", lacks=["m=audio"])


CASES = [
    Case(
        "blind transfer to a ring group: who answers first is joined, and the other called off",
        hangs_up(takes_an_offer(called()).pause(500)),
        [
            hung_up(hears(hears(hears(refers(answered().pause(300)), 100, "active"), 180, "active"), 200, "terminated")),
            called_off(),
            hung_up(target()),
        ],
        far=EXECUTES,
        routes=TO_BOTH,
    ),
    Case(
        "blind transfer to a target that must answer reliably",
        hangs_up(called().pause(1500)),
        [
            hung_up(hears(hears(hears(refers(answered().pause(300)), 100, "active"), 183, "active"), 200, "terminated")),
            hung_up(answers_reliably()),
        ],
        far=EXECUTES + 'prack = "required"\n',
        routes=TO_THE_SECOND,
    ),
    Case(
        "blind transfer by the callee: the caller goes on with the target",
        hangs_up(takes_an_offer(called()).pause(500)),
        [
            hung_up(hears(hears(hears(refers(answered().pause(300)), 100, "active"), 180, "active"), 200, "terminated")),
            hung_up(target()),
        ],
        far=EXECUTES,
        routes=TO_THE_SECOND,
    ),
    Case(
        "a transfer that leads nowhere: the call goes on as it was",
        hung_up(called()),
        [hangs_up(hears(hears(refers(answered().pause(300)), 100, "active"), 404, "terminated").pause(300))],
        far=EXECUTES,
        routes=TO_NOBODY,
    ),
    Case(
        "a transfer to somebody who is busy: the call goes on as it was",
        hung_up(called()),
        [
            hangs_up(hears(hears(refers(answered().pause(300)), 100, "active"), 486, "terminated").pause(300)),
            Script.callee().expect("INVITE").reply(486).expect("ACK"),
        ],
        far=EXECUTES,
        routes=TO_THE_SECOND,
    ),
    Case(
        "who may not transfer is told so",
        hung_up(called()),
        [hangs_up(answered().pause(300).request("REFER", ["Refer-To: <sip:2@example.com>"]).expect(403))],
    ),
]


def passed_on():
    """The caller asks the callee to call somebody: it is the callee who does, or not."""
    caller = called().request("REFER", ["Refer-To: <sip:2@example.com>"]).expect(202)
    callee = answered().expect("REFER", has=["Refer-To: *<sip:2@example.com>"]).reply(202, to="REFER")
    callee = callee.request("NOTIFY", ["Event: refer", "Subscription-State: terminated;reason=noresource"], fragment("SIP/2.0 200 OK"))
    return Case(
        "REFER is passed on to the other side, and its NOTIFY back",
        hangs_up(hears(caller, 200, "terminated")),
        [hung_up(callee.expect(200))],
        near='refer = "pass"\n',
        far='refer = "pass"\n',
    )


def from_outside():
    """The caller's REFER comes outside of any dialog and names that of its call (RFC 4538): it has a dialog of its own."""
    caller = Script.caller().invite(sdp()).trying().expect(180).expect(200).keeps_tag().ack().pause(300)
    named = "Target-Dialog: [call_id];local-tag=[$their_tag];remote-tag=[pid]caller[call_number]"
    caller = caller.outside("REFER", ["Refer-To: <sip:2@example.com>", named, "Require: tdialog"]).expect(202)
    for status, state in ((100, "active"), (180, "active"), (200, "terminated")):
        caller = caller.expect("NOTIFY", has=["Call-ID: *outside///", f"Subscription-State: *{state}"], body=[f"SIP/2.0 {status}"])
        caller = caller.reply(200, to="NOTIFY")
    return Case(
        "blind transfer by a REFER outside of the call: the callee goes on with the target",
        hung_up(caller),
        [hangs_up(takes_an_offer(answered()).pause(3000)), hung_up(target())],
        near=EXECUTES,
        routes=(("transfer", 'from = ["{caller}"]\nto = \'^2$\'\ndo = {{ bridge = ["trunk:{1}"] }}\n'),),
    )


CASES.append(passed_on())
CASES.append(from_outside())
