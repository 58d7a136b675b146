"""A thousand phones on many hosts: each REGISTER of theirs is sent, challenged, and sent again with its answer. Says what came of them.

usage: phones.py NODE REGISTERS SECONDS USERS DOMAIN WRONG HOST...

With WRONG they answer with the password of nobody, and everything that is said to that, or nothing, will do."""

import pathlib
import re
import selectors
import socket
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lib"))

import digest

# Seconds after which what was not answered is sent again, and how often at most.
AGAIN, TRIES = 1.0, 4

# Seconds that the last ones get.
LATEST = 10


class Phones:
    def __init__(self, node, users, domain, is_wrong, hosts):
        self.node, self.users, self.domain, self.is_wrong = (node, 5060), users, domain, is_wrong
        self.selector = selectors.DefaultSelector()
        self.sockets = []
        for host in hosts:
            own = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            own.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
            own.bind((host, 5060))
            own.setblocking(False)
            self.selector.register(own, selectors.EVENT_READ)
            self.sockets.append(own)
        self.cseqs = [0] * users
        self.open = {}  # branch: (register, socket, bytes, tries, when it is sent again)
        self.due = []
        self.sent = self.done = self.failed = 0
        self.times = []
        self.began = {}
        self.asked = set()

    def send(self, register, authorization=""):
        user, own = register % self.users, self.sockets[register % len(self.sockets)]
        host = own.getsockname()[0]
        self.cseqs[user] += 1
        branch = f"z9hG4bK{register}x{self.cseqs[user]}"
        lines = [
            f"REGISTER sip:{self.domain} SIP/2.0",
            f"Via: SIP/2.0/UDP {host}:5060;branch={branch};rport",
            "Max-Forwards: 70",
            f"From: <sip:u{user}@{self.domain}>;tag={register}",
            f"To: <sip:u{user}@{self.domain}>",
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
        if status == "401" and register in self.asked and "stale=true" not in text:
            self.asked.discard(register)
            self.failed += 1
        elif status == "401":
            self.asked.add(register)
            user = register % self.users
            password = "guess" if self.is_wrong else f"p{user}"
            self.send(register, digest.answer(text, f"u{user}", password, "REGISTER", f"sip:{self.domain}"))
        elif status == "200":
            self.done += 1
            self.asked.discard(register)
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
            if tries == (1 if self.is_wrong else TRIES):
                del self.open[branch]
                self.failed += 1
            else:
                self.transmit(branch, register, own, data, tries + 1)
        del self.due[:index]

    def run(self, registers, seconds):
        began = time.monotonic()
        next_one = 0
        while next_one < registers or self.open:
            now = time.monotonic()
            while next_one < registers and now >= began + next_one * seconds / registers:
                self.began[next_one] = now
                self.send(next_one)
                next_one += 1
            self.read(0.002)
            self.repeat()
            if now > began + seconds + LATEST:
                break
        return time.monotonic() - began


def main():
    node, registers, seconds, users, domain, wrong, *hosts = sys.argv[1:]
    phones = Phones(node, int(users), domain, wrong == "wrong", hosts)
    took = phones.run(int(registers), int(seconds))
    times = sorted(phones.times) or [0.0]
    half, most = (times[len(times) * percent // 100] * 1e3 for percent in (50, 99))
    print(f"done={phones.done} failed={phones.failed} sent={phones.sent} seconds={took:.1f} half_ms={half:.1f} most_ms={most:.1f}", flush=True)


main()
