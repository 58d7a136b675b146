"""20 000 REGISTERs in a minute, each answered by its user after a challenge of its own, beside 100 calls a minute of a trunk: of those at
least 99 % succeed, and of the REGISTERs as many get their 200. Not a benchmark: a floor."""

import hashlib
import os
import pathlib
import re
import selectors
import socket
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lib"))

import node
import sipp
from stage import Stage, check

NET = 42
REGISTERS = int(os.environ.get("REGISTERS", "20000"))
SECONDS = int(os.environ.get("SECONDS", "60"))
USERS, HOSTS = 1000, 64
CALLS, HELD = 100 * SECONDS // 60, 500

# Seconds after which what was not answered is sent again, and how often at most.
AGAIN, TRIES = 1.0, 4

DOMAIN = "house.example"


def configuration(stage):
    users = "".join(f'[[user]]\nname = "u{number}"\npassword = "p{number}"\n' for number in range(USERS))
    return users + node.config(
        stage,
        node=f'domain = "{DOMAIN}"\n',
        trunks=[("caller", node.trunk(stage.address(10))), ("callee", node.trunk(stage.address(20)))],
        routes=[("all", "from = [\"caller\"]\nto = '^.+$'\ndo = { bridge = [\"trunk:callee\"] }\n")],
    )


def digest(user, nonce, uri, cnonce="c0ffee", count="00000001"):
    def hashed(text):
        return hashlib.sha256(text.encode()).hexdigest()

    first, second = hashed(f"u{user}:{DOMAIN}:p{user}"), hashed(f"REGISTER:{uri}")
    response = hashed(f"{first}:{nonce}:{count}:{cnonce}:auth:{second}")
    return (
        f'Digest username="u{user}", realm="{DOMAIN}", nonce="{nonce}", uri="{uri}", response="{response}", algorithm=SHA-256, '
        f'qop=auth, nc={count}, cnonce="{cnonce}"'
    )


class Phones:
    """A thousand phones on 64 hosts. Each REGISTER of theirs is sent, challenged, and sent again with its answer."""

    def __init__(self, stage):
        self.node = (stage.address(1), 5060)
        self.selector = selectors.DefaultSelector()
        self.sockets = []
        for host in range(HOSTS):
            own = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            own.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
            own.bind((stage.address(100 + host), 5060))
            own.setblocking(False)
            self.selector.register(own, selectors.EVENT_READ)
            self.sockets.append(own)
        self.cseqs = [0] * USERS
        self.open = {}  # branch: (register, socket, bytes, tries, when it is sent again)
        self.due = []
        self.sent = self.done = self.failed = 0
        self.times = []
        self.began = {}

    def send(self, register, authorization=""):
        user, own = register % USERS, self.sockets[register % HOSTS]
        host = own.getsockname()[0]
        self.cseqs[user] += 1
        branch = f"z9hG4bK{register}x{self.cseqs[user]}"
        lines = [
            f"REGISTER sip:{DOMAIN} SIP/2.0",
            f"Via: SIP/2.0/UDP {host}:5060;branch={branch};rport",
            "Max-Forwards: 70",
            f"From: <sip:u{user}@{DOMAIN}>;tag={register}",
            f"To: <sip:u{user}@{DOMAIN}>",
            f"Call-ID: {user}@{host}",
            f"CSeq: {self.cseqs[user]} REGISTER",
            f"Contact: <sip:u{user}@{host}:5060>;expires=300",
            *([f"Authorization: {authorization}"] if authorization else []),
            "Content-Length: 0",
            "",
            "",
        ]
        data = "\r\n".join(lines).encode()
        self.sent += 1
        self.transmit(branch, register, own, data, 1)

    def transmit(self, branch, register, own, data, tries):
        try:
            own.sendto(data, self.node)
        except BlockingIOError:
            pass
        at = time.monotonic() + AGAIN
        self.open[branch] = (register, own, data, tries, at)
        self.due.append((at, branch))

    def read(self, seconds):
        for key, _ in self.selector.select(seconds):
            while True:
                try:
                    data = key.fileobj.recv(4096)
                except BlockingIOError:
                    break
                self.answered(data.decode(errors="replace"))

    def answered(self, text):
        branch = re.search(r"branch=([^;\s]+)", text)
        known = self.open.pop(branch.group(1), None) if branch else None
        if known is None:
            return
        register, status = known[0], text[8:11]
        if status == "401":
            nonce = re.search(r'nonce="([^"]+)"', text).group(1)
            self.send(register, digest(register % USERS, nonce, f"sip:{DOMAIN}"))
        elif status == "200":
            self.done += 1
            self.times.append(time.monotonic() - self.began.pop(register))
        else:
            self.failed += 1

    def repeat(self):
        now, index = time.monotonic(), 0
        while index < len(self.due) and self.due[index][0] <= now:
            at, branch = self.due[index]
            index += 1
            known = self.open.get(branch)
            if known is None or known[4] != at:
                continue
            register, own, data, tries, _ = known
            if tries == TRIES:
                del self.open[branch]
                self.failed += 1
            else:
                self.transmit(branch, register, own, data, tries + 1)
        del self.due[:index]

    def run(self):
        began = time.monotonic()
        next_one = 0
        while next_one < REGISTERS or self.open:
            now = time.monotonic()
            while next_one < REGISTERS and now >= began + next_one * SECONDS / REGISTERS:
                self.began[next_one] = now
                self.send(next_one)
                next_one += 1
            self.read(0.002)
            self.repeat()
            check(now < began + SECONDS + 10, f"{len(self.open)} REGISTERs are still open after {SECONDS + 10} s")
        return time.monotonic() - began


def processor_seconds(process):
    with open(f"/proc/{process.child.pid}/stat", encoding="ascii") as file:
        fields = file.read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def main():
    with Stage("registers", NET) as stage:
        tandem = node.Tandem(stage, configuration(stage))
        runs = []
        with stage.case(f"{REGISTERS} REGISTERs in {SECONDS} s beside {CALLS} calls", lambda: [run.story() for run in runs]):
            spent = processor_seconds(tandem.process)
            uas = sipp.callee(stage, "uas", f"{stage.address(20)}:5060", "uas", calls=CALLS, seconds=SECONDS + 15, traced=False)
            extra = ["-r", 100, "-rp", 60000, "-d", HELD]
            address = f"{stage.address(10)}:5060"
            uac = sipp.caller(stage, "uac", address, f"{stage.address(1)}:5060", "uac", calls=CALLS, seconds=SECONDS + 10, traced=False, extra=extra)
            runs += [uac, uas]
            phones = Phones(stage)
            took = phones.run()
            uac.process.wait(15)
            good = int(uac.counts()["SuccessfulCall(C)"])
            times = sorted(phones.times) or [0.0]
            spent = processor_seconds(tandem.process) - spent
            print(
                f"          {phones.done} of {REGISTERS} registered in {took:.1f} s ({phones.sent} requests), half of them within "
                f"{times[len(times) // 2] * 1e3:.1f} ms, 99 % within {times[len(times) * 99 // 100] * 1e3:.1f} ms; "
                f"{good} of {CALLS} calls; {spent:.1f} s of processor"
            )
            check(phones.done >= REGISTERS * 0.99, f"{phones.done} of {REGISTERS} REGISTERs, {phones.failed} failed")
            check(good >= CALLS * 0.99, f"{good} of {CALLS} calls")
            uas.process.end()
        tandem.process.end()


main()
