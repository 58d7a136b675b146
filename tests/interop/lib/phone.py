"""A phone that does as it is told, for what sipp cannot say: signals in the middle of a call, odd bytes, audio that is heard."""

import itertools
import re
import select
import socket
import time

from stage import Failure, check

COUNTER = itertools.count(1)


class Message:
    """A received message: its start line, headers by lower-case name, and body."""

    def __init__(self, data, source):
        head, _, self.body = data.decode("utf-8", "replace").partition("\r\n\r\n")
        self.start, *lines = head.split("\r\n")
        self.headers = {}
        for line in lines:
            name, _, value = line.partition(":")
            self.headers.setdefault(name.strip().lower(), []).append(value.strip())
        self.source = source
        self.text = data.decode("utf-8", "replace")

    @property
    def status(self):
        return int(self.start.split()[1]) if self.start.startswith("SIP/2.0") else 0

    @property
    def method(self):
        words = self.header("cseq").split() if self.status else ["", *self.start.split()[:1]]
        return words[1] if len(words) > 1 else ""

    def header(self, name):
        return self.headers.get(name.lower(), [""])[0]

    def media(self):
        """Address and port of the first media line."""
        address = re.search(r"^c=IN IP[46] (\S+)", self.body, re.M)
        port = re.search(r"^m=audio (\d+)", self.body, re.M)
        check(address and port, f"no media in {self.text!r}")
        return address[1], int(port[1])


def sdp(host, port, payloads="0", lines=()):
    """A session description with one audio stream."""
    attributes = "".join(f"a={line}\r\n" for line in lines)
    family = "IP6" if ":" in host else "IP4"
    return f"v=0\r\no=phone 1 1 IN {family} {host}\r\ns=-\r\nc=IN {family} {host}\r\nt=0 0\r\nm=audio {port} RTP/AVP {payloads}\r\n{attributes}"


class Phone:
    """One UDP socket that speaks SIP. Nothing happens by itself: no retransmission, no automatic answer."""

    transport = "UDP"

    def __init__(self, host, port=5060):
        self.host, self.port = host, port
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind((host, port))
        self.waiting = []

    def close(self):
        self.socket.close()

    def send(self, text, remote):
        data = text if isinstance(text, bytes) else text.encode()
        self.socket.sendto(data, remote)

    def receive(self, seconds=5):
        """The next message, waited for."""
        ready, _, _ = select.select([self.socket], [], [], seconds)
        if not ready:
            raise Failure(f"{self.host} waited {seconds} s in vain for a message")
        return Message(*self.socket.recvfrom(65535))

    def drop_all(self):
        """Forgets what has come."""
        while select.select([self.socket], [], [], 0)[0]:
            self.socket.recv(65535)

    def silent(self, seconds):
        """Whether nothing comes."""
        ready, _, _ = select.select([self.socket], [], [], seconds)
        return not ready

    def response(self, method, *, least=200, seconds=5):
        """The next response to `method` with a status of at least `least`; what comes before is skipped."""
        deadline = time.monotonic() + seconds
        while True:
            message = self.receive(max(deadline - time.monotonic(), 0))
            if message.status >= least and message.method == method:
                return message

    def request(self, method, seconds=5):
        """The next request of `method`; what comes before is skipped."""
        deadline = time.monotonic() + seconds
        while True:
            message = self.receive(max(deadline - time.monotonic(), 0))
            if not message.status and message.method == method:
                return message

    def reply(self, request, status, body="", headers=(), tag="callee"):
        """A response to `request`."""
        whither = request.header("to") + ("" if "tag=" in request.header("to") or status == 100 else f";tag={tag}")
        lines = [f"SIP/2.0 {status} Reason"]
        lines += [f"Via: {via}" for via in request.headers["via"]]
        lines += [f"From: {request.header('from')}", f"To: {whither}"]
        lines += [f"{name}: {request.header(name)}" for name in ("Call-ID", "CSeq")]
        lines += [f"Contact: <sip:phone@{self.host}:{self.port}>", *headers]
        self.send(finish(lines, body), request.source)


class Call:
    """The caller's side of one call from `phone` through the node at `node`."""

    def __init__(self, phone, node, number):
        self.phone, self.node, self.number = phone, node, number
        self.id = f"call{next(COUNTER)}-{time.monotonic_ns()}"
        self.cseq = 0
        self.target = f"sip:{number}@{node[0]}:{node[1]}"
        self.remote_tag = ""
        self.branch = ""

    def invite(self, body="", headers=()):
        self.cseq += 1
        self._send("INVITE", self.cseq, body, headers)
        return self

    def answered(self, seconds=5):
        """Waits for the 200 and acknowledges it."""
        message = self.final(seconds)
        check(message.status == 200, f"{message.start} instead of 200")
        return message

    def final(self, seconds=5):
        """Waits for the final response to the INVITE and acknowledges it."""
        message = self.phone.response("INVITE", seconds=seconds)
        if message.status < 300:
            tag = re.search(r";tag=([^;\s]+)", message.header("to"))
            check(tag, "a 200 without a To tag")
            self.remote_tag = tag[1]
            self.target = re.search(r"<([^>]+)>", message.header("contact"))[1]
            self._send("ACK", self.cseq)
        else:
            self._send("ACK", self.cseq, branch=self.branch, to=message.header("to"))
        return message

    def cancel(self):
        """Takes the INVITE back, and waits for the word that this was heard."""
        self._send("CANCEL", self.cseq, branch=self.branch)
        message = self.phone.response("CANCEL")
        check(message.status == 200, f"{message.start} to CANCEL")

    def bye(self):
        self.cseq += 1
        self._send("BYE", self.cseq)
        message = self.phone.response("BYE")
        check(message.status == 200, f"{message.start} to BYE")

    def info(self, kind, body):
        """Asks the other phone this, and gives its answer."""
        self.cseq += 1
        self._send("INFO", self.cseq, body, kind=kind)
        return self.phone.response("INFO")

    def _send(self, method, cseq, body="", headers=(), branch=None, to=None, kind="application/sdp"):
        branch = branch or f"z9hG4bK{next(COUNTER)}x{time.monotonic_ns()}"
        if method == "INVITE":
            self.branch = branch
        tag = f";tag={self.remote_tag}" if self.remote_tag else ""
        lines = [
            f"{method} {self.target} SIP/2.0",
            f"Via: SIP/2.0/{self.phone.transport} {self.phone.host}:{self.phone.port};branch={branch};rport",
            f"From: <sip:phone@example.com>;tag={self.id}",
            f"To: {to}" if to else f"To: <sip:{self.number}@example.com>{tag}",
            f"Call-ID: {self.id}@phone",
            f"CSeq: {cseq} {method}",
            f"Contact: <sip:phone@{self.phone.host}:{self.phone.port}>",
            "Max-Forwards: 70",
            *headers,
        ]
        self.phone.send(finish(lines, body, kind), self.node)


def finish(lines, body, kind="application/sdp"):
    """A message of these lines."""
    kind = [f"Content-Type: {kind}"] if body else []
    return "\r\n".join([*lines, *kind, f"Content-Length: {len(body.encode())}", "", body])
