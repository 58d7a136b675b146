"""What SIGHUP changes in a running node while a call is up: routes, limits, passwords, durations; and that the call does not notice."""

import contextlib
import hashlib
import signal
import time

import node
from phone import Call, sdp
from stage import check, wait_until

USER, PASSWORD = "acme", "first-s3cret"

IN_FORCE = "new rules are in force"


class Reloading:
    """A running node whose file changes. `text` makes the file of what is added to the sections."""

    def __init__(self, stage, text):
        self.text = text
        self.tandem = node.Tandem(stage, text(), name="tandem-sighup")

    def reload(self, **changes):
        """Returns when the new file is in force."""
        self.tandem.path.write_text(self.text(**changes), encoding="utf-8")
        self.sighup(IN_FORCE)

    def refuse(self, text, words):
        """Returns when the file has been refused with these words."""
        self.tandem.path.write_text(text, encoding="utf-8")
        self.sighup("the configuration was not reloaded")
        check(any(words in line for line in self.tandem.process.lines), f"no word of {words}")

    def sighup(self, words):
        """Returns when the log has said this once more."""
        lines = self.tandem.process.lines
        before = sum(words in line for line in lines)
        self.tandem.process.signal(signal.SIGHUP)
        wait_until(lambda: sum(words in line for line in list(lines)) > before, 5, words)


def ends(line, address, number):
    """The final status of a new call of the caller's."""
    call = Call(line.caller, address, number).invite(sdp(line.caller.host, 42000))
    final = call.final()
    if final.status == 200:
        call.bye()
    return final


def routes(running, line, address):
    check(ends(line, address, "new").status == 404, "there is a route before there is one")
    running.reload(extra_routes=[("new", "to = '^new$'\ndo = { reject = 410 }\n")])
    check(ends(line, address, "new").status == 410, "the new route is not in force")
    running.reload()
    check(ends(line, address, "new").status == 404, "the route is there when it is gone")


def limits(running, line, address):
    """The call that is up counts."""
    running.reload(callee="limits = { calls = 1, status = 486 }\n")
    check(ends(line, address, "100").status == 486, "no limit of the trunk")
    running.reload(calls="max = 1\n")
    full = ends(line, address, "echo")
    check(full.status == 503 and full.header("Retry-After"), f"{full.start} from a full node")
    running.reload()
    check(ends(line, address, "echo").status == 200, "the limit is in force when it is gone")


def challenge(running, line, address):
    running.reload(caller=f'challenge = {{ username = "{USER}", password = "{PASSWORD}", realm = "here" }}\n')
    asked = ends(line, address, "echo")
    check(asked.status == 401 and 'realm="here"' in asked.header("WWW-Authenticate"), f"{asked.start} to who must say who it is")
    # What is inside the call that is up is not asked.
    line.call.invite(sdp(line.caller.host, 40000, lines=("sendonly",)))
    line.callee.reply(line.callee.request("INVITE"), 200, sdp(line.callee.host, 40000, lines=("recvonly",)))
    line.call.answered()
    line.callee.request("ACK")


def login(running, line, address):
    """The callee asks who we are: 500 to the caller without `login`, an answer with it."""
    asking = 'WWW-Authenticate: Digest realm="there", nonce="n1", qop="auth", algorithm=MD5'
    running.reload()
    call = Call(line.caller, address, "100").invite(sdp(line.caller.host, 42000))
    line.callee.reply(line.callee.request("INVITE"), 401, headers=[asking], tag="asking")
    check(call.final().status == 500, "not 500 without a login")
    secret = running.tandem.path.parent / "login-secret"
    for password in (PASSWORD, "second-s3cret"):
        secret.write_text(f"{password}\n", encoding="utf-8")
        running.reload(callee=f'login = {{ username = "{USER}", password = {{ file = "{secret}" }} }}\n')
        call = Call(line.caller, address, "100").invite(sdp(line.caller.host, 42000))
        line.callee.reply(line.callee.request("INVITE"), 401, headers=[asking], tag="asking")
        invite = line.callee.request("INVITE")
        check(is_answer(invite, password), f"not the answer to the challenge: {invite.header('Authorization')}")
        line.callee.reply(invite, 486)
        check(call.final().status == 486, "not 486")


def is_answer(request, password):
    """Whether the request's credentials are right (RFC 7616 §3.4.1)."""
    fields = dict(part.strip().split("=", 1) for part in request.header("Authorization").removeprefix("Digest ").split(","))
    fields = {name: value.strip('"') for name, value in fields.items()}

    def md5(text):
        return hashlib.md5(text.encode()).hexdigest()

    secret = md5(f"{USER}:there:{password}")
    asked = md5(f"{request.method}:{fields['uri']}")
    return fields["response"] == md5(f"{secret}:{fields['nonce']}:{fields['nc']}:{fields['cnonce']}:{fields['qop']}:{asked}")


def durations(running, line, address):
    running.reload(calls='max_duration = "1s"\n')
    call = Call(line.caller, address, "echo").invite(sdp(line.caller.host, 42000))
    call.answered()
    began = time.monotonic()
    bye = line.caller.request("BYE")
    line.caller.reply(bye, 200)
    check(call.id in bye.header("Call-ID"), "the call before is ended")
    check(0.5 < time.monotonic() - began < 2.5, "not after a second")
    running.reload(calls='inactivity_timeout = "1s"\n')
    Call(line.caller, address, "echo").invite(sdp(line.caller.host, 42000)).answered()
    line.caller.reply(line.caller.request("BYE"), 200)
    running.reload()


def mistakes(running, line, address):
    """A file that changes what needs a restart is refused whole, what it could have changed included."""
    good = running.text(extra_routes=[("new", "to = '^new$'\ndo = { reject = 410 }\n")])
    running.refuse(good.replace('ports = "20000-29999"', 'ports = "20000-29998"'), "[[media]] loop changed: that needs a restart")
    running.refuse(good.replace("[calls]", "[calls]\nmax_duratoin = '1s'"), "max_duratoin")
    check(ends(line, address, "new").status == 404, "a bad file changed something")


def play(stage, text, line, address):
    running = Reloading(stage, text)
    with contextlib.ExitStack() as stack:
        talking = stack.enter_context(line())
        for title, case in [
            ("SIGHUP changes routes", routes),
            ("SIGHUP changes limits, and calls that are up count", limits),
            ("SIGHUP makes a trunk's calls answer a challenge, but for what is up", challenge),
            ("SIGHUP changes a login, and the file that its password is in", login),
            ("SIGHUP changes durations of the calls that come", durations),
            ("SIGHUP with a file that would need a restart changes nothing", mistakes),
        ]:
            with stage.case(title):
                case(running, talking, address)
        with stage.case("the call that was up through all of it is hung up by its caller"):
            running.reload()
            talking.hang_up()
    with stage.case("nothing is left after these"):
        running.tandem.process.signal(signal.SIGTERM)
        check(running.tandem.process.wait(node.QUIET_END) == 0, "ended badly after reloads")
        check(not any(PASSWORD in line for line in running.tandem.process.lines), "a password is in the log")
