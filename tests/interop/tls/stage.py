"""SIP over TLS: baresip to baresip with a certificate each, certificates that are refused, and one that is renewed during a call.

sipp as Debian has it speaks no TLS; a scripted phone speaks for it. baresip is at 127.0.0.1, as in the stage of that name."""

import pathlib
import re
import signal
import ssl
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lib"))

import node
import sipp
from audio import hears
from phone import Call, sdp
from secure import Authority, SecurePhone
from sipp import Script
from stage import Stage, check, is_bound, wait_until

NET = 19
HERE = pathlib.Path(__file__).resolve().parent
TEMPLATE = HERE.parent / "lib" / "baresip.template"

# Seconds from the caller's start to its end, most of them in the call.
SECONDS = 6

# baresip's TLS is at the port after the one that it is told.
PHONES = {
    "alice": {"SIP": 19060, "RTP": "19100-19150", "HERTZ": 440},
    "bob": {"SIP": 19070, "RTP": "19200-19250", "HERTZ": 1000},
}


def configuration(stage):
    address = stage.address(1)
    listener = (
        f'[[listen]]\nname = "secure"\ntransport = "tls"\nbind = "{address}"\n'
        f'cert = "{stage.directory}/tandem.pem"\nkey = "{stage.directory}/tandem.key"\n'
        f'client_ca = "{stage.directory}/ca.pem"\nca = "{stage.directory}/ca.pem"\n'
    )
    phones = [
        (name, f'targets = [{{ uri = "sip:{name}@127.0.0.1:{facts["SIP"] + 1};transport=tls" }}]\nmatch = {{ tls_name = "{name}.test" }}\ncodecs = ["pcmu"]\n')
        for name, facts in PHONES.items()
    ]
    desk = ("desk", 'match = { tls_name = "desk.test" }\nnat = true\n')
    plain = ("plain", node.trunk(stage.address(20)))
    routes = [(name, f"to = '^{name}$'\ndo = {{ bridge = [\"trunk:{name}\"] }}\n") for name in (*PHONES, "plain")]
    echo = ("echo", "to = '^echo$'\ndo = { answer = \"echo\" }\n")
    return node.config(stage, listen=listener, trunks=[*phones, desk, plain], routes=[*routes, echo])


def baresip(stage, authority, name, arguments):
    """A running baresip with a certificate; its recordings are in its folder."""
    facts = PHONES[name]
    folder = stage.directory / f"phone-{name}-{len(stage.processes)}"
    folder.mkdir()
    cert, key = authority.issue(f"{name}-{len(stage.processes)}", f"URI:sip:{name}.test,IP:127.0.0.1")
    both = folder / "own.pem"
    both.write_text(key.read_text() + cert.read_text(), encoding="ascii")
    text = TEMPLATE.read_text(encoding="utf-8")
    for word, value in {**facts, "NAME": name, "FOLDER": folder}.items():
        text = text.replace(f"@{word}@", str(value))
    text += f"sip_certificate {both}\nsip_cafile {authority.cert}\n"
    (folder / "config").write_text(text, encoding="utf-8")
    account = f"<sip:{name}@127.0.0.1:{facts['SIP'] + 1};transport=tls>;regint=0;answermode=auto;audio_codecs=PCMU/8000/1\n"
    (folder / "accounts").write_text(account, encoding="utf-8")
    (folder / "contacts").write_text("", encoding="utf-8")
    process = stage.start(f"{name}-{len(stage.processes)}", ["baresip", "-f", folder, *arguments])
    wait_until(lambda: is_bound("127.0.0.1", facts["SIP"] + 1, "tcp") or not process.running, 5, f"{name} to listen")
    return process, folder


def between(stage, authority, caller, callee):
    phones = []
    with stage.case(f"baresip to baresip over TLS, {caller} calls {callee}", lambda: [process.story() for process, _ in phones]):
        phones.append(baresip(stage, authority, callee, ["-t", str(2 * SECONDS)]))
        uri = f"sip:{callee}@{stage.address(1)}:5061;transport=tls"
        phones.append(baresip(stage, authority, caller, ["-t", str(SECONDS), "-e", f"d {uri}"]))
        check(phones[1][0].wait(2 * SECONDS) == 0, f"{caller} ended badly")
        phones[0][0].line("terminated", 5)
        phones[0][0].wait(3 * SECONDS)
        hears(phones[1][1], PHONES[caller]["HERTZ"], PHONES[callee]["HERTZ"])
        hears(phones[0][1], PHONES[callee]["HERTZ"], PHONES[caller]["HERTZ"])


def desk(stage, authority, own):
    return SecurePhone(stage.address(30), (stage.address(1), 5061), authority.cert, "tandem.test", own)


def refused(stage, tandem, authority, stranger):
    """Certificates that nobody asked for, or that are missing."""
    for title, own, words in [
        ("a certificate of another authority is refused", stranger.issue("stranger", "URI:sip:desk.test"), "issuer that is not trusted"),
        ("who has no certificate is refused", None, "shown no certificate"),
    ]:
        with stage.case(title):
            try:
                phone = desk(stage, authority, own)
                check(phone.is_refused(), "the connection stays open")
            except (ssl.SSLError, ConnectionError):
                pass
            tandem.process.line(words, 5)
    with stage.case("a good certificate of somebody who is no trunk gets 403"):
        phone = desk(stage, authority, authority.issue("other", "URI:sip:other.test"))
        status = Call(phone, (stage.address(1), 5061), "echo").invite(sdp(stage.address(30), 4000)).final().status
        check(status == 403, f"{status} instead of 403")


def promised(stage, authority, own):
    with stage.case("sips: is sent on to no target without TLS"):
        phone = desk(stage, authority, own)
        call = Call(phone, (stage.address(1), 5061), "plain")
        call.target = call.target.replace("sip:", "sips:")
        answer = call.invite(sdp(stage.address(30), 4000)).final()
        check(answer.status == 480 and answer.header("Warning").startswith("380 "), f"{answer.start}, Warning {answer.header('Warning')}")
    with stage.case("sips: is served over TLS with a sips: Contact"):
        call = Call(phone, (stage.address(1), 5061), "echo")
        call.target = call.target.replace("sip:", "sips:")
        answer = call.invite(sdp(stage.address(30), 4000)).answered()
        check(answer.header("Contact").startswith("<sips:"), answer.header("Contact"))
        call.bye()


def onward(stage, authority, own):
    runs = []
    with stage.case("from TLS to UDP", lambda: [run.story() for run in runs]):
        runs.append(sipp.callee(stage, "uas", f"{stage.address(20)}:5060", "uas", calls=1))
        call = Call(desk(stage, authority, own), (stage.address(1), 5061), "plain")
        call.invite(sdp(stage.address(30), 4000)).answered()
        call.bye()
        runs[0].done(10)
    with stage.case("from UDP to TLS: baresip answers", lambda: [phone.story(), *(run.story() for run in runs)]):
        phone, _ = baresip(stage, authority, "bob", ["-t", "8"])
        script = Script.caller().invite(sdp=sipp.sdp()).trying().expect(180, optional=True).expect(200).ack().pause(500).bye().expect(200)
        runs.append(sipp.caller(stage, "uac", f"{stage.address(20)}:5060", f"{stage.address(1)}:5060", script, number="bob"))
        runs[-1].done(10)
        phone.wait(15)


def renewed(stage, tandem, authority, own):
    with stage.case("SIGHUP with a new certificate while a call is up keeps the call"):
        phone = desk(stage, authority, own)
        before = phone.certificate()
        call = Call(phone, (stage.address(1), 5061), "echo")
        call.invite(sdp(stage.address(30), 4000)).answered()
        authority.issue("tandem", "DNS:tandem.test,IP:127.0.19.1")
        tandem.process.signal(signal.SIGHUP)
        tandem.process.line("new rules are in force", 5)
        check(desk(stage, authority, own).certificate() != before, "who connects now is shown the old certificate")
        call.bye()


def checked(stage, authority):
    with stage.case("tandem check names the file that is wrong, with its line"):
        path = stage.directory / "bad.toml"
        good = (stage.directory / "tandem.toml").read_text(encoding="utf-8")
        line = next(number for number, line in enumerate(good.splitlines(), 1) if line.startswith("key = "))
        for key, words in [("ca.key", "is not the key of the certificate in `cert`"), ("ca.pem", "holds no private key"), ("nowhere.key", "cannot be read")]:
            path.write_text(good.replace("/tandem.key", f"/{key}"), encoding="utf-8")
            status, text = node.check_command(path)
            check(status == 2 and f"bad.toml:{line}:" in text and words in text, f"{status}: {text}")
        path.write_text(good, encoding="utf-8")
        status, text = node.check_command(path)
        check(status == 0 and re.search(r"good: 2 listeners", text), f"{status}: {text}")


def main():
    with Stage("tls", NET) as stage:
        authority, stranger = Authority(stage.directory, "ca"), Authority(stage.directory, "strange")
        authority.issue("tandem", "DNS:tandem.test,IP:127.0.19.1")
        own = authority.issue("desk", "URI:sip:desk.test")
        tandem = node.Tandem(stage, configuration(stage))
        check("tls:" in tandem.ready, f"an odd ready line: {tandem.ready!r}")
        between(stage, authority, "alice", "bob")
        between(stage, authority, "bob", "alice")
        refused(stage, tandem, authority, stranger)
        promised(stage, authority, own)
        onward(stage, authority, own)
        renewed(stage, tandem, authority, own)
        checked(stage, authority)
        with stage.case("nothing is left"):
            tandem.stop()


main()
