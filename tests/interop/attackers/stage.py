"""Attackers at the door: SIPVicious and sipsak at trunks and at users, and thousands of idle connections while known trunks' calls go on."""

import os
import pathlib
import re
import socket
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lib"))

import node
import sipp
import users
from phone import Call, sdp
from secure import Authority, SecurePhone
from stage import ROOT, Failure, Stage, check, wait_until

NET = 62
HERE = pathlib.Path(__file__).resolve().parent

# Where the node with trunks listens: for everybody, for nobody but who is known, and for phones, who are asked for a password.
OPEN, SILENT, PHONES = 1, 2, 3

LISTENERS = {OPEN: "an open listener", PHONES: "a listener that asks for passwords", users.HOUSE: "a listener for users"}

# Known trunks by how they call.
CALLERS = {"udp": 10, "tcp": 11, "tls": 12}

# Seconds of calls beside idle connections, and calls a minute of each trunk.
BESIDE = 12
CALLS_A_MINUTE = 100

IDLE = 10_000

# Seconds until idle connections must be gone: the limits of docs/operations.md, and the time to find them.
IDLE_GONE = 25

# How long a call beside them is.
HELD_MS = 500


def configuration(stage):
    address = stage.address(OPEN)
    others = (
        f'[[listen]]\nname = "silent"\nbind = "{stage.address(SILENT)}:5060"\nsilent = true\n\n'
        f'[[listen]]\nname = "phones"\nbind = "{stage.address(PHONES)}:5060"\n\n'
        f'[[listen]]\nname = "stream"\ntransport = "tcp"\nbind = "{address}:5060"\n\n'
        f'[[listen]]\nname = "secure"\ntransport = "tls"\nbind = "{address}"\n'
        f'cert = "{stage.directory}/tandem.pem"\nkey = "{stage.directory}/tandem.key"\nca = "{stage.directory}/ca.pem"\n'
    )
    trunks = [
        *((name, node.trunk(stage.address(host))) for name, host in CALLERS.items()),
        ("callee", node.trunk(stage.address(20))),
        ("phones", f'match = {{ listen = "phones" }}\nchallenge = {{ username = "{users.USER}", password = "{users.PASSWORD}", realm = "tandem", algorithms = ["md5"] }}\n'),
    ]
    routes = [("all", f"from = {list(CALLERS)}\nto = '^.+$'\n" + "do = { bridge = [\"trunk:callee\"] }\n")]
    return node.config(stage, listen=others, trunks=trunks, routes=routes)


def run(stage, *arguments, seconds=20):
    """What a tool says."""
    command = [*map(str, arguments)]
    environment = {**os.environ, "HOME": str(stage.directory), "TERM": "dumb"}
    try:
        done = subprocess.run(command, capture_output=True, timeout=seconds, check=False, env=environment, cwd=stage.directory)
        text = done.stdout + done.stderr
    except subprocess.TimeoutExpired as late:
        text = (late.stdout or b"") + (late.stderr or b"")
    return text.decode("utf-8", "replace")


def vicious(stage, tool, port, listener, *arguments, seconds=20):
    return run(stage, tool, "-P", port, *arguments, stage.address(listener), seconds=seconds)


def rows(text):
    """The lines of the table that SIPVicious prints of what it found, without its head."""
    lines = [line for line in text.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("| \n").split("|")] for line in lines[1:]]


def finds(stage):
    with stage.case("svmap finds a listener, and learns nothing of it"):
        text = vicious(stage, "svmap", 5080, OPEN)
        check(len(rows(text)) == 1 and "andem" not in text, text)


def finds_nothing(stage, port, method, listener):
    whose = "for users " if listener == users.SILENT_HOUSE else ""
    with stage.case(f"svmap finds no silent listener {whose}with {method}"):
        text = vicious(stage, "svmap", port, listener, "-m", method)
        check(not rows(text), text)


def tells_nothing_apart(stage, port, method, listener):
    with stage.case(f"svwar with {method} tells no extension from another at {LISTENERS[listener]}"):
        text = vicious(stage, "svwar", port, listener, "-m", method, "-e", "990-1010", "--force", "-t", "0.02", "--maximumtime", 2)
        found = rows(text)
        ways = {row[1] for row in found if len(row) > 1}
        # Either it finds nothing, or it finds those that there are as it finds all the others.
        check(not found or (len(found) > 10 and len(ways) == 1), text)


def scanned(stage):
    """All scans at once, each from a port of its own: SIPVicious sends from 127.0.0.1 whatever it is told."""
    wars = [("REGISTER", OPEN), ("INVITE", OPEN), ("OPTIONS", OPEN), ("REGISTER", PHONES), ("INVITE", PHONES)]
    wars += [(method, users.HOUSE) for method in users.METHODS]
    maps = [(method, listener) for method in users.METHODS for listener in (SILENT, users.SILENT_HOUSE)]
    with ThreadPoolExecutor(16) as scans:
        scans.submit(finds, stage)
        for number, (method, listener) in enumerate(maps):
            scans.submit(finds_nothing, stage, 5081 + number, method, listener)
        for number, (method, listener) in enumerate(wars):
            scans.submit(tells_nothing_apart, stage, 5090 + number, method, listener)


def pinged(stage):
    with stage.case("sipsak: OPTIONS are refused, random garbage and a flood are survived"):
        address = f"sip:nobody@{stage.address(OPEN)}"
        text = run(stage, "sipsak", "-v", "-s", address, seconds=10)
        check("403" in text, text)
        with ThreadPoolExecutor(4) as floods:
            for listener in (OPEN, users.HOUSE):
                for mode in ("-F", "-R"):
                    address = f"sip:{users.USER}@{stage.address(listener)}"
                    floods.submit(run, stage, "sipsak", mode, "-s", address, seconds=2)
    with stage.case("sipsak registers nobody, and of a user it is told what it is told of nobody"):
        text = run(stage, "sipsak", "-vv", "-u", users.USER, "-a", "guess", "-s", f"sip:{users.USER}@{stage.address(PHONES)}", seconds=10)
        check("401" in text and "200 OK" not in text, text)
        told = []
        for name in (users.USER, users.NOBODY):
            address = f"sip:{name}@{stage.address(users.HOUSE)}"
            text = run(stage, "sipsak", "-U", "-vv", "-x", 60, "-a", "guess", "-s", address, seconds=10)
            check("401" in text and "200 OK" not in text, text)
            told.append(re.findall(r"^SIP/2.0 .*", text, re.M))
        check(told[0] == told[1], f"{told}")


def guessed(stage, tandem, words):
    with stage.case("svcrack finds no trunk's password: it is banned before"):
        text = vicious(stage, "svcrack", 5071, PHONES, "-u", users.USER, "-d", words, "--maximumtime", 2, seconds=30)
        check(not any(users.PASSWORD in cell for row in rows(text) for cell in row), text)
        line = tandem.process.line("a source is banned", 5)
        check('"127.0.0.1"' in line and "wrong credentials" in line, line)
    with stage.case("the right password opens, and nothing to who is banned"):
        peers = [users.Regular(host, port, (stage.address(PHONES), 5060), "MD5") for host, port in ((stage.address(81), 5060), ("127.0.0.1", 5072))]
        statuses = [peer.statuses("OPTIONS") for peer in peers]
        check(statuses == [[401, 200], []], f"{statuses}")


def read_by_fail2ban(stage, tandem, house):
    with stage.case("fail2ban's filter reads each ban but that of an address where a phone stays served"):
        filter_file = ROOT / "examples" / "fail2ban" / "filter.d" / "tandem.conf"
        for one, read in ((tandem, 1), (house, 0)):
            log = stage.directory / "fail2ban.log"
            log.write_text("\n".join(one.process.lines) + "\n", encoding="utf-8")
            text = run(stage, "fail2ban-regex", "-v", log, filter_file)
            bans = sum("a source is banned" in line for line in one.process.lines)
            found = re.search(r"Failregex: (\d+) total", text)
            check(bans == 1 and found and int(found[1]) == read, text)


def left_nothing(tandem, files, registered=0):
    """Neither descriptors nor memory, no call, and no registration but our own, which came and went."""
    wait_until(lambda: open_files(tandem) <= files, 10, "the node's descriptors to be as few as before")
    check(memory_kb(tandem) < 100_000, f"{memory_kb(tandem)} kB")
    check(not tandem.ended_calls(), "a scan became a call")
    wait_until(lambda: len(users.registrations(tandem)) >= 2 * registered, 5, "the end of our registration")
    told = users.registrations(tandem)
    check(len(told) == 2 * registered, f"{told}")


def secure_calls(stage, authority, calls):
    """Calls over TLS, over a connection of its own each, as the trunk that is known by its address: how many go well."""
    good, remote = 0, (stage.address(OPEN), 5061)
    for number in range(calls):
        began = time.monotonic()
        try:
            phone = SecurePhone(stage.address(CALLERS["tls"]), remote, authority.cert, "tandem.test")
            call = Call(phone, remote, "100").invite(sdp(phone.host, 40000))
            call.answered()
            time.sleep(HELD_MS / 1000)
            call.bye()
            phone.close()
            good += 1
        except (Failure, OSError) as error:
            print(f"          call {number} over TLS: {error}", flush=True)
        time.sleep(max(60 / CALLS_A_MINUTE - (time.monotonic() - began), 0))
    return good


class Good:
    """Calls of known trunks that go on meanwhile, over UDP, TCP and TLS. Over the latter two each makes a connection."""

    def __init__(self, stage, authority):
        self.calls = BESIDE * CALLS_A_MINUTE // 60
        self.callee = sipp.callee(stage, "uas", f"{stage.address(20)}:5060", "uas", calls=3 * self.calls, seconds=60, traced=False)
        rate = ["-r", CALLS_A_MINUTE, "-rp", 60_000, "-d", HELD_MS]
        over = {"udp": [], "tcp": ["-t", "tn", "-max_socket", 100]}
        self.callers = {
            transport: sipp.caller(
                stage, f"uac-{transport}", f"{stage.address(CALLERS[transport])}:5060", f"{stage.address(OPEN)}:5060", "uac",
                calls=self.calls, seconds=60, traced=False, extra=[*rate, *more],
            )
            for transport, more in over.items()
        }  # fmt: skip
        self.secure = ThreadPoolExecutor(1).submit(secure_calls, stage, authority, self.calls)

    def check(self, what):
        """Waits until all are over."""
        good = {"tls": self.secure.result(90)}
        for transport, caller in self.callers.items():
            caller.process.wait(60)
            good[transport] = int(caller.counts()["SuccessfulCall(C)"])
        self.callee.process.end()
        print(f"          of {self.calls} calls each went well {good} {what}", flush=True)
        for transport, count in good.items():
            check(count >= 0.99 * self.calls, f"{count} of {self.calls} calls over {transport}")

    def stories(self):
        return [caller.story() for caller in self.callers.values()]


def idle(stage, tandem, authority):
    goods = []
    title = f"{IDLE} idle, slow and half-closed connections of TCP and TLS are cut while known trunks call over UDP, TCP and TLS"
    with stage.case(title, lambda: [story for good in goods for story in good.stories()]):
        before = open_files(tandem)
        hosts = [stage.address(host) for host in range(100, 250)]
        client = stage.start("idle", [sys.executable, HERE / "idle.py", stage.address(OPEN), IDLE, IDLE_GONE, 5060, 5061, *hosts])
        # They come when strangers have all the places that they may have.
        wait_until(lambda: open_files(tandem) - before > 1_000 or not client.running, 30, "the first idle connections")
        goods.append(Good(stage, authority))
        opened = client.line("opened ", 60)
        held = open_files(tandem) - before
        line = client.line("cut=", IDLE_GONE + 10)
        goods[0].check(f"meanwhile: {opened}; the node held {held} of them then; {line}")
        check(" left=0 " in line, line)
        wait_until(lambda: connections(stage) == 0, 10, "the last connection to go")


def connections(stage):
    """Connections with the node, half-closed ones too, as its system sees them."""
    packed = socket.inet_aton(stage.address(OPEN))[::-1].hex().upper()
    own = {f"{packed}:{port:04X}" for port in (5060, 5061)}
    with open("/proc/net/tcp", encoding="ascii") as table:
        rows = [line.split() for line in table.readlines()[1:]]
    # 01: established, 08: the other half is closed.
    return sum(row[1] in own and row[3] in ("01", "08") for row in rows)


def open_files(tandem):
    return len(os.listdir(f"/proc/{tandem.process.child.pid}/fd"))


def memory_kb(tandem):
    text = pathlib.Path(f"/proc/{tandem.process.child.pid}/status").read_text(encoding="ascii")
    return int(re.search(r"VmRSS:\s+(\d+)", text)[1])


def main():
    with Stage("attackers", NET) as stage:
        authority = Authority(stage.directory, "ca")
        authority.issue("tandem", "DNS:tandem.test")
        words = stage.directory / "passwords"
        words.write_text("\n".join([*(f"guess-{number}" for number in range(200)), users.PASSWORD]) + "\n", encoding="ascii")
        tandem = node.Tandem(stage, configuration(stage))
        house = node.Tandem(stage, users.configuration(stage, users.HOUSE, users.SILENT_HOUSE), name="tandem-users")
        files = [open_files(one) for one in (tandem, house)]
        scanned(stage)
        pinged(stage)
        users.told_the_same(stage, authority)
        users.hears_nothing(stage, authority)
        with ThreadPoolExecutor(3) as crackers:
            done = [
                crackers.submit(guessed, stage, tandem, words),
                crackers.submit(users.cracked, stage, house, (vicious, rows, words)),
                crackers.submit(users.outlasted, stage, (vicious, rows, words)),
            ]
        for one in done:
            one.result()
        read_by_fail2ban(stage, tandem, house)
        with stage.case("the attacks have left nothing: no call, no registration, no descriptor"):
            left_nothing(tandem, files[0])
            left_nothing(house, files[1], registered=1)
            house.stop()
        idle(stage, tandem, authority)
        with stage.case("nothing is left"):
            check(memory_kb(tandem) < 200_000, f"{memory_kb(tandem)} kB")
            tandem.stop()


main()
