"""A carrier that wants us to register, as sipp plays it: registrar, called carrier, and a gateway that calls over the registration."""

import pathlib
import re
import signal
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lib"))

import node
import sipp
from sipp import Script
from stage import Stage, check, wait_until

NET = 27

USER, PASSWORD, REALM = "+4930555", "s3cret", "carrier.example"

# What the registrar grants, in seconds: the refresh comes after five.
GRANTED = 10

# Milliseconds until the next REGISTER is there at the latest.
PATIENCE = 20000


class Registrar(Script):
    """Takes one registration from its first REGISTER to its last."""

    def __init__(self):
        super().__init__(False)
        self.variables |= {"contact_whole", "contact"}

    def register(self, expires, has=()):
        self.expect("REGISTER", has=[f"expires={expires}", f"sip:{re.escape(USER)}@", *has], timeout=PATIENCE)
        keep = '<ereg regexp="&lt;([^&gt;]*)&gt;" search_in="hdr" header="Contact:" assign_to="contact_whole,contact"/>'
        self.steps[-1] = self.steps[-1].replace("    </action>", f"      {keep}\n    </action>")
        return self

    def verified(self):
        """Nothing goes on unless the password was right."""
        self.variables.add("right")
        look = f'<verifyauth assign_to="right" username="{USER}" password="{PASSWORD}"/>'
        self.steps[-1] = self.steps[-1].replace("    </action>", f"      {look}\n    </action>")
        number = next(self.numbers)
        self.steps.append(f'  <nop next="right{number}" test="right"/>')
        self.answer(403, "Forbidden")
        self.steps.append(f'  <label id="right{number}"/>')
        return self

    def answer(self, status, reason, headers=()):
        lines = [
            f"SIP/2.0 {status} {reason}",
            *(f"{name}:[$register_{part}]" for name, part in [("Via", "via"), ("From", "from"), ("To", "to")]),
            "[last_Call-ID:]",
            "CSeq:[$register_cseq]",
            *headers,
        ]
        lines[3] += ";tag=[pid]registrar"
        return self._send(lines, None, retrans=False)

    def challenge(self, nonce, stale=False):
        stale = ", stale=true" if stale else ""
        header = f'WWW-Authenticate: Digest realm="{REALM}", nonce="{nonce}", qop="auth", algorithm=MD5{stale}'
        return self.answer(401, "Unauthorized", [header])

    def accept(self):
        return self.answer(200, "OK", [f"Contact: <[$contact]>;expires={GRANTED}", "Contact: <sip:another@192.0.2.1>;expires=3000"])

    def accept_end(self):
        return self.answer(200, "OK")


def registrar():
    """Challenges, takes, is refreshed twice (once under a new nonce), and is told that it is over."""
    script = Registrar().register(600, has=["Supported: *path", "sip.instance="]).challenge("first")
    script.register(600).verified().accept()
    script.register(600, has=["Authorization: *Digest"]).challenge("second", stale=True)
    script.register(600).verified().accept()
    return until_the_end(script)


def until_the_end(script):
    """Takes refreshes, as many as there is time for, until the registration is given up."""
    script.steps.append('  <label id="again"/>')
    script.register("(600|0)")
    script.steps[-1] = script.steps[-1].replace(
        "    </action>", '      <ereg regexp="expires=0" search_in="msg" check_it="false" assign_to="over"/>\n    </action>'
    )
    script.variables.add("over")
    script.steps.append('  <nop next="over" test="over"/>')
    script.accept()
    script.steps.append('  <nop next="again"/>')
    script.steps.append('  <label id="over"/>')
    return script.accept_end()


class Gateway(Script):
    """Calls the Contact that was registered, for a number that To names."""

    def __init__(self, contact, number):
        super().__init__(True)
        self.contact, self.number = contact, number

    def _target(self, cseq):
        return self.contact if cseq == 1 and not self.in_dialog else super()._target(cseq)

    def _send(self, lines, body, retrans):
        to = f"To: <sip:{self.number}@{REALM}>"
        lines = [line.replace("To: <sip:[service]@example.com>", to) if line.startswith("To:") else line for line in lines]
        return super()._send(lines, body, retrans)


def configuration(stage, *, with_second=True):
    secret = stage.directory / "secret"
    secret.write_text(f"{PASSWORD}\n", encoding="utf-8")
    carrier = f"""
targets = [{{ uri = "sip:{stage.address(20)}:5062" }}]
login = {{ username = "{USER}", password = {{ file = "{secret}" }}, realm = "{REALM}" }}
register = {{ uri = "sip:{USER}@{stage.address(20)}", expires = "10m" }}
"""
    pinged = f'targets = [{{ uri = "sip:{stage.address(22)}" }}, {{ uri = "sip:{stage.address(23)}" }}]\nping = {{ every = "1s", down_after = 2 }}\n'
    second = [("second", f'register = {{ uri = "sip:{USER}@{stage.address(24)}" }}\n')] if with_second else []
    return node.config(
        stage,
        trunks=[("carrier", carrier), ("pbx", node.trunk(stage.address(10))), ("pinged", pinged), *second],
        routes=[
            ("in", f"from = [\"carrier\"]\nto = '^\\{USER}\\d*$'\ndo = {{ bridge = [\"trunk:pbx\"] }}\n"),
            ("pinged", "from = [\"pbx\"]\nto = '^1$'\ndo = { bridge = [\"trunk:pinged\"] }\n"),
            ("out", "from = [\"pbx\"]\ndo = { bridge = [\"trunk:carrier\"] }\n"),
        ],
    )


def lines(tandem, word, *has):
    return [line for line in tandem.process.lines if f'"{word}"' in line and all(text in line for text in has)]


def main():
    with Stage("register", NET) as stage:
        taking = sipp.callee(stage, "registrar", f"{stage.address(20)}:5060", registrar(), seconds=55)
        # With -aa it answers OPTIONS, and counts each as a call.
        alive = sipp.callee(stage, "alive", f"{stage.address(22)}:5060", "uas", calls=1000, seconds=55, extra=["-aa"])
        other = sipp.callee(stage, "registrar-2", f"{stage.address(24)}:5060", until_the_end(Registrar().register(600).accept()), seconds=55)
        runs = [taking]
        tandem = node.Tandem(stage, configuration(stage))
        with stage.case("a registration with a password", lambda: [taking.story()]):
            wait_until(lambda: lines(tandem, "trunk.up", "carrier"), 10, "trunk.up")
            wait_until(lambda: "expires=600" in taking.messages.read_text(errors="replace"), 5, "the REGISTER")
        contact = re.search(r"Contact: <(sip:[^>]*)>", taking.messages.read_text(errors="replace")).group(1)
        node_address = f"{stage.address(1)}:5060"
        with stage.case("a call in over the registration, from an address that nobody knows", lambda: [run.story() for run in runs]):
            runs.append(sipp.callee(stage, "pbx-in", f"{stage.address(10)}:5060", "uas"))
            gateway = Gateway(contact, f"{USER}12").invite(sdp=sipp.sdp()).trying().expect(180, optional=True).expect(200).ack().bye().expect(200)
            runs.append(sipp.caller(stage, "gateway", f"{stage.address(21)}:5060", node_address, gateway))
            runs[-1].done(20)
            runs[-2].done(20)
            check(f"INVITE sip:{USER}12@" in runs[-2].messages.read_text(errors="replace"), "the PBX got another number")
        with stage.case("a call to a Contact that was never registered", lambda: [run.story() for run in runs]):
            forged = contact.replace("sip:", "sip:0", 1)
            refused = Gateway(forged, f"{USER}12").invite(sdp=sipp.sdp()).trying().expect(403).ack_failure()
            runs.append(sipp.caller(stage, "forged", f"{stage.address(21)}:5061", node_address, refused))
            runs[-1].done(20)
        with stage.case("a call out to the carrier", lambda: [run.story() for run in runs]):
            runs.append(sipp.callee(stage, "carrier-out", f"{stage.address(20)}:5062", "uas"))
            runs.append(sipp.caller(stage, "pbx-out", f"{stage.address(10)}:5060", node_address, "uac", number="4989123"))
            runs[-1].done(20)
            runs[-2].done(20)
        with stage.case("a target that does not answer is told of once, and passed over", lambda: [alive.story()]):
            dead = stage.address(23)
            wait_until(lambda: lines(tandem, "target.down", dead), 10, "target.down")
            wait_until(lambda: lines(tandem, "target.up", stage.address(22)), 10, "target.up")
            runs.append(sipp.caller(stage, "pbx-pinged", f"{stage.address(10)}:5060", node_address, "uac", number="1"))
            runs[-1].done(20)
            check(len(lines(tandem, "target.down", dead)) == 1, "it is told of twice")
        with stage.case("refreshes, the second under a new nonce", lambda: [taking.story()]):
            text = lambda: taking.messages.read_text(errors="replace")  # noqa: E731
            wait_until(lambda: "stale=true" in text() and text().count("SIP/2.0 200 OK") >= 2, 25, "a refresh")
            check(len(lines(tandem, "trunk.registered", '"carrier"')) == 1, "a refresh is no news")
        with stage.case("given up when SIGHUP takes the trunk away, and no other is touched", lambda: [other.story()]):
            check(lines(tandem, "trunk.registered", '"second"'), "it was not registered")
            tandem.path.write_text(configuration(stage, with_second=False), encoding="utf-8")
            tandem.process.signal(signal.SIGHUP)
            other.done(10)
            check(not lines(tandem, "trunk.unregistered", '"carrier"'), "the carrier's registration was given up")
        with stage.case("given up at SIGTERM after the last call, and no password in the log", lambda: [taking.story()]):
            called = sipp.callee(stage, "carrier-last", f"{stage.address(20)}:5062", "uas")
            calling = sipp.caller(stage, "pbx-last", f"{stage.address(10)}:5060", node_address, "uac", number="4989123", extra=["-d", "2000"])
            wait_until(lambda: "ACK " in called.messages.read_text(errors="replace"), 5, "the call to be up")
            tandem.process.signal(signal.SIGTERM)
            calling.done(20)
            called.done(20)
            check(tandem.process.wait(10) == 0, "an odd end")
            taking.done(10)
            told = tandem.process.lines
            last_call = max(place for place, line in enumerate(told) if node.ENDED in line)
            end = [place for place, line in enumerate(told) if '"trunk.unregistered"' in line and '"carrier"' in line]
            check(len(end) == 1 and end[0] > last_call, "not given up once, after the last call")
            check(not any(PASSWORD in line for line in told), "the password is in the log")
            tandem.check_log()


main()
