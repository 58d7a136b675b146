"""Attended transfer (RFC 5589 §7), and a call that is taken over (RFC 3891): who stays goes on with who was consulted.

The transferor is two runs of sipp, one a dialog: the stage reads from the messages of one how the other has to name it."""

import re
import urllib.parse

import node
import sipp
from case import answered, called, hangs_up, hung_up
from sipp import Script, fragment, sdp
from stage import check, wait_until
from transfer import called_off

# Hosts of the stage's network: behind those of the cases.
STAYS, TRANSFEROR, CONSULTED, NEWCOMER, PASSES = 250, 251, 252, 253, 249
PORTS = 5060, 5064
SECONDS = 60


def sections(stage):
    """Trunks and routes: who stays calls the transferor, and the transferor calls who is consulted."""

    def lines(host, keys=""):
        return node.trunk(stage.address(host), lines='codecs = ["pcmu", "pcma"]\n' + keys)

    trunks = [
        ("stays", lines(STAYS, "replaces = true\n")),
        ("transferor", lines(TRANSFEROR, 'refer = "execute"\n')),
        ("passes", lines(PASSES, 'refer = "pass"\n')),
        ("consulted", lines(CONSULTED)),
        ("newcomer", lines(NEWCOMER, "replaces = true\n")),
    ]
    routes = [
        ("to who has it passed on", 'from = ["stays"]\nto = \'^300$\'\ndo = { bridge = ["trunk:passes"] }\n'),
        ("to the transferor", 'from = ["stays"]\ndo = { bridge = ["trunk:transferor"] }\n'),
        ("to be consulted", 'from = ["transferor", "passes"]\ndo = { bridge = ["trunk:consulted"] }\n'),
    ]
    return trunks, routes


def message_of(run, start, method, seconds=5):
    """The first message of a run that begins so and is of that method."""

    def found():
        text = run.messages.read_text(errors="replace").replace("\r", "") if run.messages.exists() else ""
        parts = text.split("-" * 47)
        return next((part for part in parts if start in part and re.search(rf"^CSeq: *\d+ {method}$", part, re.M)), None)

    return wait_until(found, seconds, f"the {start} of {run.name}")


def dialog_of(run, status=200, called=False):
    """Call-ID, our node's tag and the peer's own of the dialog that a response makes; of a run that calls, or that is called."""
    message = message_of(run, f"SIP/2.0 {status}", "INVITE")
    ours, theirs = ("From", "To") if called else ("To", "From")
    patterns = (r"^Call-ID: *(\S+)", rf"^{ours}:.*;tag=([^;\s]+)", rf"^{theirs}:.*;tag=([^;\s]+)")
    found = [re.search(pattern, message, re.M | re.I) for pattern in patterns]
    check(all(found), f"{run.name} has no dialog")
    return [match[1] for match in found]


def joined(script):
    """The one who stays hears of the other by a re-INVITE with an offer."""
    return script.expect("INVITE", body=["m=audio [1-9]"]).reply(200, sdp=sdp(version=2)).expect("ACK")


def notified(script, status, state):
    script.expect("NOTIFY", has=[f"Subscription-State: *{state}"], body=[f"SIP/2.0 {status}"])
    return script.reply(200, to="NOTIFY")


class Play:
    """The runs of one case, by name."""

    def __init__(self, stage, case):
        self.stage, self.case, self.runs = stage, case, []
        self.node = f"{stage.address(1)}:5060"

    def callee(self, name, host, script, port=PORTS[0]):
        return self._keep(sipp.callee(self.stage, f"{self.case}-{name}", f"{self.stage.address(host)}:{port}", script, seconds=SECONDS))

    def caller(self, name, host, script, port=PORTS[0], number="100"):
        address = f"{self.stage.address(host)}:{port}"
        return self._keep(sipp.caller(self.stage, f"{self.case}-{name}", address, self.node, script, number=number, seconds=SECONDS))

    def done(self):
        for run in reversed(self.runs):
            run.done(SECONDS)

    def stories(self):
        return [run.story() for run in self.runs]

    def _keep(self, run):
        self.runs.append(run)
        return run


def transfer(stage):
    play = Play(stage, "transfer")
    with stage.case("attended transfer by REFER with Replaces: who stays goes on with who was consulted", play.stories):
        play.callee("consulted", CONSULTED, hung_up(answered()))
        consulting = play.caller("consulting", TRANSFEROR, hung_up(called()), PORTS[1])
        call_id, ours, theirs = dialog_of(consulting)
        named = f"Replaces={call_id.replace('@', '%40')}%3Bto-tag%3D{ours}%3Bfrom-tag%3D{theirs}"
        refers = answered().pause(300).request("REFER", [f"Refer-To: <sip:200@example.com?{named}>"]).expect(202)
        play.callee("transferor", TRANSFEROR, hung_up(notified(notified(refers, 100, "active"), 200, "terminated")))
        play.caller("stays", STAYS, hangs_up(joined(called()).pause(3000)))
        play.done()


def passed(stage):
    """Who stays carries the REFER out, and calls through us whom it names."""
    play = Play(stage, "passed")
    with stage.case("attended transfer by REFER that is passed on: Replaces names the dialog of who was consulted", play.stories):
        play.callee("consulted", CONSULTED, hung_up(joined(answered())))
        consulting = play.caller("consulting", PASSES, hung_up(called()), PORTS[1])
        call_id, ours, theirs = dialog_of(consulting)
        named = f"Replaces={call_id.replace('@', '%40')}%3Bto-tag%3D{ours}%3Bfrom-tag%3D{theirs}"
        refers = answered().pause(300).request("REFER", [f"Refer-To: <sip:200@example.com?{named}>"]).expect(202)
        play.callee("passes", PASSES, hung_up(notified(refers, 200, "terminated")))
        stays = called().expect("REFER", has=[f"Refer-To: *<sip:callee@{re.escape(stage.address(CONSULTED))}:{PORTS[0]}[?]Replaces="])
        stays.reply(202, to="REFER").pause(2000)
        stays.request("NOTIFY", ["Event: refer", "Subscription-State: terminated;reason=noresource"], fragment("SIP/2.0 200 OK")).expect(200)
        refer = message_of(play.caller("stays", STAYS, hangs_up(stays), number="300"), "REFER sip:", "REFER")
        check(call_id not in refer and theirs not in refer, "the transferor's dialog is told")
        header = "Replaces: " + urllib.parse.unquote(re.search(r"[?]Replaces=([^>&]+)>", refer)[1])
        newcomer = Script.caller().invite(sdp(), headers=["Require: replaces", header]).trying().expect(200, body=["m=audio [1-9]"]).ack()
        play.caller("newcomer", STAYS, hangs_up(newcomer.pause(500)), PORTS[1])
        play.done()


def takeover(stage):
    play = Play(stage, "takeover")
    with stage.case("INVITE with Replaces: the newcomer takes the place of one of the two", play.stories):
        play.callee("left", TRANSFEROR, hung_up(joined(answered())))
        replaced = play.caller("replaced", STAYS, hung_up(called()))
        call_id, ours, theirs = dialog_of(replaced)
        header = f"Replaces: {call_id};to-tag={ours};from-tag={theirs}"
        newcomer = Script.caller().invite(sdp(), headers=["Require: replaces", header]).trying().expect(200, body=["m=audio [1-9]"]).ack()
        play.caller("newcomer", NEWCOMER, hangs_up(newcomer.pause(500)))
        play.done()


def pickup(stage):
    play = Play(stage, "pickup")
    with stage.case("INVITE with Replaces while it rings: the newcomer answers in its place", play.stories):
        ringing = play.callee("ringing", TRANSFEROR, called_off())
        play.caller("caller", STAYS, hangs_up(called().pause(1500)))
        call_id, ours, theirs = dialog_of(ringing, 180, called=True)
        header = f"Replaces: {call_id};to-tag={ours};from-tag={theirs};early-only"
        newcomer = Script.caller().invite(sdp(), headers=["Require: replaces", header]).trying().expect(200, body=["m=audio [1-9]"]).ack()
        play.caller("newcomer", NEWCOMER, hung_up(newcomer))
        play.done()


def late(stage):
    play = Play(stage, "late")
    with stage.case("INVITE with Replaces that comes after the answer: 486 to early-only, and the call goes on", play.stories):
        answers = play.callee("answers", TRANSFEROR, hung_up(answered()))
        play.caller("caller", STAYS, hangs_up(called().pause(1500)))
        call_id, ours, theirs = dialog_of(answers, called=True)
        message_of(answers, "ACK sip:", "ACK")
        header = f"Replaces: {call_id};to-tag={ours};from-tag={theirs};early-only"
        refused = Script.caller().invite(sdp(), headers=["Require: replaces", header]).trying()
        play.caller("newcomer", NEWCOMER, refused.expect(486).ack_failure())
        play.done()


def stranger(stage):
    play = Play(stage, "stranger")
    with stage.case("INVITE with Replaces of a trunk that may not: 420, and the call goes on", play.stories):
        play.callee("left", TRANSFEROR, hung_up(answered()))
        replaced = play.caller("replaced", STAYS, hangs_up(called().pause(1500)))
        call_id, ours, theirs = dialog_of(replaced)
        header = f"Replaces: {call_id};to-tag={ours};from-tag={theirs}"
        refused = Script.caller().invite(sdp(), headers=["Require: replaces", header]).trying()
        play.caller("stranger", CONSULTED, refused.expect(420, has=["Unsupported: *replaces"]).ack_failure())
        play.done()


CASES = [transfer, passed, takeover, pickup, late, stranger]
