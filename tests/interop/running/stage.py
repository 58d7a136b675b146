"""What an operator does: check a file, start, reload, drain, stop; and what the exit codes say."""

import functools
import os
import pathlib
import random
import signal
import socket
import subprocess
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lib"))

import node
import reload
from phone import Call, Phone, sdp
from secure import Authority
from stage import ROOT, Stage, check, wait_until

NET = 16
NODE = (f"127.0.{NET}.1", 5060)
CALLER, CALLEE, NEWCOMER = (f"127.0.{NET}.{host}" for host in (10, 20, 30))

# Broken messages that are sent, 100 between two looks.
MUTATIONS = 5000


def configuration(stage, *, extra_trunk=False, drain="30s", calls="", caller="", callee="", extra_routes=()):
    trunks = [("caller", node.trunk(CALLER, lines=caller)), ("callee", node.trunk(CALLEE, lines=callee))]
    if extra_trunk:
        trunks.append(("newcomer", node.trunk(NEWCOMER)))
    routes = [
        ("callee", "from = [\"*\"]\nto = '^100$'\ndo = { bridge = [\"trunk:callee\"] }\n"),
        ("echo", "from = [\"*\"]\nto = '^echo$'\ndo = { answer = \"echo\" }\n"),
        *extra_routes,
    ]
    return node.config(stage, trunks=trunks, routes=routes, calls=calls).replace('drain_timeout = "30s"', f'drain_timeout = "{drain}"')


class Line:
    """A caller and a callee with one call up between them."""

    def __enter__(self):
        self.caller, self.callee = Phone(CALLER), Phone(CALLEE)
        self.call = Call(self.caller, NODE, "100").invite(sdp(CALLER, 40000))
        self.callee.reply(self.callee.request("INVITE"), 200, sdp(CALLEE, 40000))
        self.call.answered()
        self.callee.request("ACK")
        return self

    def hang_up(self):
        self.call.bye()
        self.callee.reply(self.callee.request("BYE"), 200)

    def __exit__(self, *_):
        self.caller.close()
        self.callee.close()


def run(*arguments, **options):
    return subprocess.run([node.binary(), *arguments], capture_output=True, text=True, timeout=10, check=False, **options)


def asks_for_help(_):
    for arguments, words in ((["--help"], ["serve", "check"]), (["--version"], ["tandem"])):
        done = run(*arguments)
        check(done.returncode == 0, f"{arguments} ends with {done.returncode}")
        check(all(word in done.stdout for word in words), f"{arguments} says {done.stdout!r}")


def mistypes(_):
    nowhere = (["serve", "--config", "/nowhere.toml"], ["check", "--config", "/nowhere.toml"], ["replay", "/nowhere.dump"])
    for arguments in (["--nonsense"], ["serve"], *nowhere):
        done = run(*arguments)
        check(done.returncode == 2, f"{arguments} ends with {done.returncode}: {done.stderr}")
        check(done.stderr.strip(), f"{arguments} says nothing")


def checks_samples(stage):
    samples = sorted((ROOT / "config").glob("*.toml"))
    check(samples, "there are no samples in config/")
    Authority(stage.directory, "carrier-ca").issue("cert", "DNS:sip.example.com")
    (stage.directory / "cert.key").rename(stage.directory / "key.pem")
    for sample in samples:
        names = ["CARRIER_PASSWORD", "BRANCH_PASSWORD", "TANDEM_API_KEY", "OPENTOK_SECRET", "TANDEM_WEBHOOK_SECRET"]
        secrets = dict.fromkeys(names, "0123456789abcdef")
        status, said = node.check_command(sample, CERTIFICATES=str(stage.directory), **secrets)
        check(status == 0, f"{sample.name}: {status}, {said}")


def checks_mistakes(stage):
    good = configuration(stage)
    path = stage.directory / "mistaken.toml"
    mistakes = [
        ("an unknown key", good.replace("drain_timeout", "drain_timeuot"), ["drain_timeuot", "drain_timeout"]),
        ("a key not built yet", good + '[[token]]\nname = "web"\n', ["token", "not built yet"]),
        ("an unknown trunk", good.replace('"trunk:callee"', '"trunk:calleee"'), ["calleee", "`callee`"]),
        ("a bad duration", good.replace('"30s"', '"soon"'), ["soon"]),
        ("no TOML", good + "[[[\n", []),
    ]
    for title, text, words in mistakes:
        path.write_text(text, encoding="utf-8")
        status, said = node.check_command(path)
        check(status == 2, f"{title}: exit {status}, {said}")
        line = next((line for line in said.splitlines() if f"{path.name}:" in line), "")
        check(line, f"{title}: no file and line in {said!r}")
        check(all(word in said for word in words), f"{title}: {words} not in {said!r}")
        done = run("serve", "--config", str(path))
        check(done.returncode == 2 and "ready" not in done.stdout, f"{title}: serve ends with {done.returncode}")


def finds_its_port_taken(stage):
    taken = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    taken.bind(NODE)
    path = stage.directory / "taken.toml"
    path.write_text(configuration(stage), encoding="utf-8")
    done = run("serve", "--config", str(path))
    taken.close()
    check(done.returncode == 1, f"ends with {done.returncode}")
    check(NODE[0] in done.stdout + done.stderr, f"does not name the address: {done.stderr!r}")


def reloads(stage):
    tandem = node.Tandem(stage, configuration(stage), name="tandem-reload")
    newcomer = Phone(NEWCOMER)
    with Line() as line:
        check(Call(newcomer, NODE, "echo").invite(sdp(NEWCOMER, 40000)).final().status == 403, "a stranger is let in")
        tandem.path.write_text(configuration(stage, extra_trunk=True).replace("[[route]]", "[[raute]]"), encoding="utf-8")
        tandem.process.signal(signal.SIGHUP)
        tandem.process.line("raute", 5)
        check(Call(newcomer, NODE, "echo").invite(sdp(NEWCOMER, 40000)).final().status == 403, "a bad file changed something")
        tandem.path.write_text(configuration(stage, extra_trunk=True), encoding="utf-8")
        tandem.process.signal(signal.SIGHUP)
        wait_until(lambda: answers(newcomer), 5, "the new trunk to be let in", every=0.2)
        line.hang_up()
    newcomer.close()
    check(tandem.process.running, "ended by SIGHUP")
    wait_until(lambda: len(tandem.ended_calls()) >= 2, 5, "the calls to end")
    tandem.process.signal(signal.SIGTERM)
    check(tandem.process.wait(node.QUIET_END) == 0, "ended badly after a reload")


def answers(newcomer):
    call = Call(newcomer, NODE, "echo").invite(sdp(NEWCOMER, 40000))
    if call.final().status != 200:
        return False
    call.bye()
    return True


def drains(stage):
    """A call in progress goes on, a new one is turned away with a time to come back, and the end of the last is the end."""
    tandem = node.Tandem(stage, configuration(stage), name="tandem-drain")
    with Line() as line:
        tandem.process.signal(signal.SIGTERM)
        refused = wait_until(lambda: turned_away(line.caller), 5, "a 503", every=0.1)
        check(refused.header("retry-after").isdigit(), f"no Retry-After in {refused.text!r}")
        line.caller.send(options(), NODE)
        check(line.caller.response("OPTIONS").status == 503, "OPTIONS is answered as if nothing were")
        line.call.invite(sdp(CALLER, 40000, lines=("sendonly",)))
        line.callee.reply(line.callee.request("INVITE"), 200, sdp(CALLEE, 40000, lines=("recvonly",)))
        line.call.answered()
        line.callee.request("ACK")
        check(tandem.process.running, "ended with a call up")
        line.hang_up()
        check(tandem.process.wait(node.QUIET_END) == 0, "ended badly")
    tandem.check_log()


def turned_away(caller):
    call = Call(caller, NODE, "echo").invite(sdp(CALLER, 41000))
    final = call.final()
    if final.status == 200:
        call.bye()
        return None
    check(final.status == 503, f"{final.start} while draining")
    return final


def options():
    return (
        f"OPTIONS sip:{NODE[0]} SIP/2.0\r\nVia: SIP/2.0/UDP {CALLER}:5060;branch=z9hG4bKoptions{time.monotonic_ns()}\r\n"
        f"From: <sip:a@example.com>;tag=o\r\nTo: <sip:{NODE[0]}>\r\nCall-ID: options{time.monotonic_ns()}\r\nCSeq: 1 OPTIONS\r\n"
        "Max-Forwards: 70\r\nContent-Length: 0\r\n\r\n"
    )


def stops_at_the_second_signal(stage):
    tandem = node.Tandem(stage, configuration(stage), name="tandem-twice")
    with Line() as line:
        tandem.process.signal(signal.SIGTERM)
        wait_until(lambda: turned_away(line.caller), 5, "a 503", every=0.1)
        tandem.process.signal(signal.SIGTERM)
        check(tandem.process.wait(node.QUIET_END) == 0, "ended badly")
    tandem.check_log()


def stops_when_its_patience_ends(stage):
    """A drain that no call ends is ended by `drain_timeout`, with BYE to both sides."""
    tandem = node.Tandem(stage, configuration(stage, drain="1s"), name="tandem-patience")
    with Line() as line:
        tandem.process.signal(signal.SIGTERM)
        line.caller.reply(line.caller.request("BYE"), 200)
        line.callee.reply(line.callee.request("BYE"), 200)
        check(tandem.process.wait(5) == 0, "ended badly")


def survives_noise(stage):
    """Bytes that are no SIP, and keep-alives, are no reason to stop or to answer."""
    tandem = node.Tandem(stage, configuration(stage), name="tandem-noise")
    phone = Phone(CALLER)
    for noise in (b"", b"\r\n\r\n", b"\0" * 100, os.urandom(1200), b"INVITE", b"INVITE sip:x SIP/2.0\r\n\r\n", b"SIP/2.0 200 OK\r\n\r\n", b"\xff" * 60000):
        phone.send(noise, NODE)
    phone.send(options(), NODE)
    check(phone.response("OPTIONS").status == 200, "no answer to OPTIONS after noise")
    phone.close()
    tandem.stop()


def survives_mutations(stage):
    """An INVITE with bytes changed, cut and doubled at random, over and over."""
    seed = int(os.environ.get("SEED", "4475"))
    random_bytes = random.Random(seed)
    tandem = node.Tandem(stage, configuration(stage), name="tandem-mutations")
    phone = Phone(CALLER)
    for number in range(MUTATIONS):
        message = bytearray(invite(number).encode())
        for _ in range(random_bytes.randint(1, 8)):
            at = random_bytes.randrange(len(message))
            kind = random_bytes.randrange(4)
            if kind == 0:
                message[at] = random_bytes.randrange(256)
            elif kind == 1:
                del message[at : at + random_bytes.randint(1, 40)]
            elif kind == 2:
                message[at:at] = message[at : at + random_bytes.randint(1, 40)]
            else:
                message[at:at] = random_bytes.choice([b"\r\n", b"\r\n ", b'"', b"<", b">", b";", b",", b"%", b"\0", b"99999999999"])
        phone.send(bytes(message), NODE)
        if number % 100 == 0:
            phone.drop_all()
            phone.send(options(), NODE)
            check(phone.response("OPTIONS").status == 200, f"no answer to OPTIONS after message {number} of seed {seed}")
    phone.close()
    # Refusals that nobody acknowledged are still being repeated: the second signal ends them.
    tandem.process.signal(signal.SIGTERM)
    tandem.process.line("draining", 5)
    tandem.process.signal(signal.SIGTERM)
    check(tandem.process.wait(2 * node.QUIET_END) == 0, "ended badly")
    tandem.check_log()


def invite(number):
    """An INVITE to a number that no route takes."""
    body = sdp(CALLER, 40000, "0 8 101", ("rtpmap:101 telephone-event/8000", "fmtp:101 0-15"))
    return (
        f"INVITE sip:nobody@{NODE[0]} SIP/2.0\r\nVia: SIP/2.0/UDP {CALLER}:5060;branch=z9hG4bKm{number};rport\r\n"
        f'From: "A \\"b\\"" <sip:a@example.com>;tag=m{number}\r\nTo: <sip:nobody@{NODE[0]}>\r\nCall-ID: mutation{number}\r\n'
        f"CSeq: 1 INVITE\r\nContact: <sip:a@{CALLER}>\r\nMax-Forwards: 70\r\nRecord-Route: <sip:p@{CALLER};lr>\r\n"
        f"Content-Type: application/sdp\r\nContent-Length: {len(body)}\r\n\r\n{body}"
    )


def main():
    with Stage("running", NET) as stage:
        cases = [
            ("help and version", asks_for_help),
            ("bad usage is exit code 2", mistypes),
            ("the samples in config/ load as they stand", checks_samples),
            ("a mistaken configuration is explained with file and line", checks_mistakes),
            ("a port that is taken is exit code 1, and named", finds_its_port_taken),
            ("SIGHUP reloads, refuses a bad file whole, and touches no call", reloads),
            ("SIGTERM drains: calls go on, new ones get 503 with Retry-After", drains),
            ("a second SIGTERM ends at once", stops_at_the_second_signal),
            ("a drain ends when drain_timeout does", stops_when_its_patience_ends),
            ("noise is survived", survives_noise),
            (f"{MUTATIONS} broken INVITEs are survived", survives_mutations),
        ]
        for title, case in cases:
            with stage.case(title):
                case(stage)
        reload.play(stage, functools.partial(configuration, stage), Line, NODE)


main()
