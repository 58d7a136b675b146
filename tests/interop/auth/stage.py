"""Digest authentication with sipp: as a caller who answers our challenge, and as callees who challenge us."""

import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lib"))

import node
import sipp
from sipp import Script
from stage import Stage, check

NET = 20
CALLS = 200
RATE = 50

USER, PASSWORD, REALM = "acme", "s3cret", "interop"

SDP = """
      v=0
      o=sipp 42 1 IN IP[local_ip_type] [local_ip]
      s=-
      c=IN IP[media_ip_type] [media_ip]
      t=0 0
      m=audio [media_port] RTP/AVP 0
      a=rtpmap:0 PCMU/8000"""


class Raw(Script):
    """A scenario whose steps are XML: sipp's own words for authentication."""

    def __init__(self, is_caller, steps):
        super().__init__(is_caller)
        self.steps = steps


def send(text, sdp=False, retrans=True):
    body = f"      Content-Type: application/sdp\n      Content-Length: [len]\n{SDP}" if sdp else "      Content-Length: 0\n"
    attribute = ' retrans="500"' if retrans else ""
    return f"  <send{attribute}>\n    <![CDATA[\n\n{text}\n{body}\n\n    ]]>\n  </send>"


def request(method, cseq, headers="", branch="[branch]", to="", uri="sip:[service]@[remote_ip]:[remote_port]"):
    return f"""      {method} {uri} SIP/2.0
      Via: SIP/2.0/[transport] [local_ip]:[local_port];branch={branch}
      From: caller <sip:caller@example.com>;tag=[pid]caller[call_number]
      To: <sip:[service]@example.com>{to}
      Call-ID: [call_id]
      CSeq: {cseq} {method}
      Contact: <sip:caller@[local_ip]:[local_port]>
      Max-Forwards: 70{headers}"""


def asked_caller(final):
    """Calls without credentials, is asked, calls again with them, and gets `final`."""
    steps = [
        send(request("INVITE", 1), sdp=True),
        '  <recv response="401" auth="true"/>',
        send(request("ACK", 1, branch="[branch-2]", to="[peer_tag_param]"), retrans=False),
        send(request("INVITE", 2, headers="\n      [authentication]"), sdp=True),
        '  <recv response="100" optional="true"/>',
        '  <recv response="180" optional="true"/>',
    ]
    if final != 200:
        steps.append(f'  <recv response="{final}"/>')
        steps.append(send(request("ACK", 2, branch="[branch-4]", to="[peer_tag_param]"), retrans=False))
        return Raw(True, steps)
    inside = {"to": "[peer_tag_param]", "uri": "[next_url]"}
    steps += [
        '  <recv response="200" rrs="true"/>',
        send(request("ACK", 2, **inside), retrans=False),
        '  <pause milliseconds="200"/>',
        send(request("BYE", 3, **inside)),
        '  <recv response="200"/>',
    ]
    return Raw(True, steps)


def reply(status, headers="", tag=True):
    tag = ";tag=[pid]callee[call_number]" if tag else ""
    return f"""      SIP/2.0 {status}
      [last_Via:]
      [last_From:]
      [last_To:]{tag}
      [last_Call-ID:]
      [last_CSeq:]
      Contact: <sip:callee@[local_ip]:[local_port]>{headers}"""


def asking_callee(status, header, algorithm, verify=True):
    """Asks once, and takes the call only if the answer is right."""
    challenge = f'\n      {header}: Digest realm="{REALM}", nonce="[call_number]b102dd2f0e8b11d0f600bfb0c093", qop="auth", algorithm={algorithm}'
    answered = header.replace("WWW-", "").replace("Authenticate", "Authorization")
    wanted = f'username="{USER}", realm="{REALM}"'.replace('"', "&quot;")
    look = f"""    <action>
      <ereg regexp="{wanted}" search_in="hdr" header="{answered}:" check_it="true" assign_to="seen"/>
      {f'<verifyauth assign_to="right" username="{USER}" password="{PASSWORD}"/>' if verify else ""}
    </action>"""
    steps = [
        '  <recv request="INVITE"/>',
        send(reply(status, challenge)),
        '  <recv request="ACK"/>',
        f'  <recv request="INVITE" rrs="true">\n{look}\n  </recv>',
    ]
    if verify:
        steps.append('  <nop next="1" test="right"/>')
        steps += [send(reply("403 Forbidden")), '  <recv request="ACK" next="2"/>', '  <label id="1"/>']
    steps += [
        send(reply("180 Ringing"), retrans=False),
        send(reply("200 OK"), sdp=True),
        '  <recv request="ACK"/>',
        '  <recv request="BYE"/>',
        send(reply("200 OK", tag=False), retrans=False),
        '  <label id="2"/>',
        '  <Reference variables="seen"/>',
    ]
    return Raw(False, steps)


def configuration(stage):
    login = f'login = {{ username = "{USER}", password = "{PASSWORD}", realm = "{REALM}" }}\n'
    wrong = f'login = {{ username = "{USER}", password = "other" }}\n'
    secret = stage.directory / "secret"
    secret.write_text(f"{PASSWORD}\n", encoding="utf-8")
    # This sipp gives up at the sight of SHA-256.
    challenge = f'challenge = {{ username = "{USER}", password = {{ file = "{secret}" }}, realm = "{REALM}", algorithms = ["md5"] }}\n'
    callees = [("open", 20, ""), ("asking", 21, login), ("wary", 22, wrong)]
    return node.config(
        stage,
        ports="20000-59999",
        calls=f"max_cps = {4 * RATE}\n",
        trunks=[
            ("guarded", f'match = {{ sources = ["{stage.address(10)}/32"] }}\n{challenge}'),
            ("caller", f'match = {{ sources = ["{stage.address(11)}/32"] }}\n'),
            *((name, node.trunk(stage.address(host), lines=lines)) for name, host, lines in callees),
        ],
        routes=[(name, f"to = '^{number}$'\ndo = {{ bridge = [\"trunk:{name}\"] }}\n") for number, (name, _, _) in enumerate(callees, start=1)],
    )


def play(stage, title, *, caller, callee, hosts, number, calls=CALLS, extra=()):
    runs = []
    with stage.case(title, lambda: [run.story() for run in runs]):
        came_from, goes_to = hosts
        name = "".join(character for character in title if character.isalnum())[:24] + str(goes_to)
        if callee:
            runs.append(sipp.callee(stage, f"uas-{name}", f"{stage.address(goes_to)}:5060", callee, calls=calls, seconds=60))
        runs.append(
            sipp.caller(
                stage, f"uac-{name}", f"{stage.address(came_from)}:5060", f"{stage.address(1)}:5060", caller,
                number=number, calls=calls, seconds=60, extra=[*extra, "-r", RATE],
            )
        )  # fmt: skip
        for run in reversed(runs):
            run.done(60)


def main():
    with Stage("auth", NET) as stage:
        tandem = node.Tandem(stage, configuration(stage))
        right, wrong = ["-au", USER, "-ap", PASSWORD], ["-au", USER, "-ap", "wrong"]
        play(stage, "a caller who answers our challenge", caller=asked_caller(200), callee="uas", hosts=(10, 20), number="1", extra=right)
        for status, header in [("401 Unauthorized", "WWW-Authenticate"), ("407 Proxy Authentication Required", "Proxy-Authenticate")]:
            title = f"a callee who asks us with {status[:3]}"
            # This sipp verifies Authorization alone.
            callee = asking_callee(status, header, "MD5", verify=status.startswith("401"))
            play(stage, title, caller="uac", callee=callee, hosts=(11, 21), number="2", extra=["-d", "200"])
        # This sipp knows MD5 alone: it takes whatever the answer to SHA-256 is, the simulator's phones check that.
        asking = asking_callee("401 Unauthorized", "WWW-Authenticate", "SHA-256", verify=False)
        play(stage, "a callee who asks us for SHA-256", caller="uac", callee=asking, hosts=(11, 21), number="2", calls=10, extra=["-d", "200"])
        refused = Script.caller().invite(sdp=sipp.sdp()).trying().expect(500).ack_failure()
        play(
            stage, "a callee whose password we do not know", caller=refused,
            callee=asking_callee_that_refuses(), hosts=(11, 22), number="3", calls=10,
        )  # fmt: skip
        play(stage, "a caller with a wrong password", caller=asked_caller(401), callee=None, hosts=(10, 0), number="1", calls=10, extra=wrong)
        with stage.case("the log tells of both, without a password"):
            lines = tandem.process.lines
            check(any("wrong credentials" in line and '"guarded"' in line for line in lines), "no line about wrong credentials")
            check(any("login refused by realm" in line for line in lines), "no line about the refused login")
            check(not any(PASSWORD in line for line in lines), "the password is in the log")
        with stage.case("nothing is left"):
            tandem.stop()


def asking_callee_that_refuses():
    """Asks, and asks again whatever the answer is."""
    challenge = f'\n      WWW-Authenticate: Digest realm="{REALM}", nonce="[call_number]b102dd2f0e8b11d0", qop="auth", algorithm=MD5'
    once = ['  <recv request="INVITE"/>', send(reply("401 Unauthorized", challenge)), '  <recv request="ACK"/>']
    return Raw(False, once + once)


main()
