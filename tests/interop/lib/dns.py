"""An authoritative name server (RFC 1035) that does as the test says: answers over UDP and TCP from a zone that may change at any time,
cuts answers short, refuses, or says nothing at all."""

import select
import socket
import struct
import threading
import time

TYPES = {"A": 1, "CNAME": 5, "SOA": 6, "AAAA": 28, "SRV": 33, "NAPTR": 35}
NAMES = {number: name for name, number in TYPES.items()}

NOERROR, SERVFAIL, NXDOMAIN, REFUSED = 0, 2, 3, 5

# The longest answer over UDP; a longer one is cut (RFC 1035 §4.2.1).
MAX_DATAGRAM = 512


def encode_name(name):
    labels = [label for label in name.rstrip(".").split(".") if label]
    return b"".join(bytes([len(label)]) + label.encode("ascii") for label in labels) + b"\0"


def encode_text(text):
    return bytes([len(text)]) + text.encode("ascii")


def encode_data(kind, data):
    if kind == "A":
        return socket.inet_aton(data)
    if kind == "AAAA":
        return socket.inet_pton(socket.AF_INET6, data)
    if kind == "CNAME":
        return encode_name(data)
    if kind == "SRV":
        priority, weight, port, target = data
        return struct.pack("!HHH", priority, weight, port) + encode_name(target)
    if kind == "NAPTR":
        order, preference, flags, service, regexp, replacement = data
        texts = b"".join(encode_text(text) for text in (flags, service, regexp))
        return struct.pack("!HH", order, preference) + texts + encode_name(replacement)
    raise ValueError(kind)


class NameServer:
    """Serves `zone`, a dictionary of (name, type) to a list of data, over UDP and TCP at one address."""

    def __init__(self, host, port=5353):
        self.host, self.port = host, port
        self.zone = {}
        self.ttl = 300
        # Of what does not exist; None: no SOA record says.
        self.minimum = 60
        # Nobody answers.
        self.is_down = False
        # Names that are answered with SERVFAIL.
        self.broken = set()
        # (when, name, type, transport) of every question.
        self.asked = []
        self.udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.udp.bind((host, port))
        self.tcp = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        self.tcp.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.tcp.bind((host, port))
        self.tcp.listen()
        self.is_over = False
        self.thread = threading.Thread(target=self._serve, daemon=True)
        self.thread.start()

    @property
    def address(self):
        return f"{self.host}:{self.port}"

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.is_over = True
        self.thread.join(timeout=5)
        self.udp.close()
        self.tcp.close()

    def set(self, name, kind, *data):
        """These records of `name`, and no others of that type."""
        self.zone[name, kind] = list(data)

    def questions(self, name=None, kind=None, transport=None):
        """How often that was asked."""
        wanted = (name, kind, transport)
        return sum(all(want in (None, got) for want, got in zip(wanted, one[1:])) for one in list(self.asked))

    def _serve(self):
        streams = []
        while not self.is_over:
            ready, _, _ = select.select([self.udp, self.tcp, *streams], [], [], 0.05)
            for one in ready:
                if one is self.udp:
                    query, source = self.udp.recvfrom(4096)
                    answer = self._answer(query, "udp")
                    if answer:
                        self.udp.sendto(answer, source)
                elif one is self.tcp:
                    streams.append(self.tcp.accept()[0])
                elif not self._serve_stream(one):
                    streams.remove(one)
                    one.close()
        for stream in streams:
            stream.close()

    def _serve_stream(self, stream):
        """One query of a stream; false at its end."""
        head = stream.recv(2, socket.MSG_WAITALL)
        if len(head) < 2:
            return False
        query = stream.recv(struct.unpack("!H", head)[0], socket.MSG_WAITALL)
        answer = self._answer(query, "tcp")
        if answer:
            stream.sendall(struct.pack("!H", len(answer)) + answer)
        return True

    def _answer(self, query, transport):
        number, flags = struct.unpack("!HH", query[:4])
        labels, place = [], 12
        while query[place]:
            labels.append(query[place + 1 : place + 1 + query[place]].decode("ascii"))
            place += query[place] + 1
        question = query[12 : place + 5]
        name, kind = ".".join(labels).lower(), NAMES.get(struct.unpack("!H", query[place + 1 : place + 3])[0], "?")
        self.asked.append((time.monotonic(), name, kind, transport))
        if self.is_down:
            return None
        if name in self.broken:
            return struct.pack("!HHHHHH", number, 0x8400 | flags & 0x0100 | SERVFAIL, 1, 0, 0, 0) + question
        records, at = [], name
        # Aliases, one after the other: a loop of them is for the other side to find out.
        for _ in range(16):
            if (at, kind) in self.zone or (at, "CNAME") not in self.zone:
                break
            alias = self.zone[at, "CNAME"][0]
            records.append((at, "CNAME", alias))
            at = alias
        records += [(at, kind, data) for data in self.zone.get((at, kind), [])]
        exists = any(known == at for known, _ in self.zone)
        code = NOERROR if records or exists else NXDOMAIN
        answers = [self._record(*record) for record in records]
        authority = []
        if not any(one[1] == kind for one in records) and self.minimum is not None:
            data = encode_name("ns.test") + encode_name("root.test") + struct.pack("!IIIII", 1, 3600, 600, 86400, self.minimum)
            authority = [encode_name("test") + struct.pack("!HHIH", TYPES["SOA"], 1, self.minimum, len(data)) + data]
        cut = transport == "udp" and sum(map(len, [question, *answers, *authority])) + 12 > MAX_DATAGRAM
        if cut:
            answers, authority = [], []
        head = struct.pack(
            "!HHHHHH", number, 0x8480 | (0x0200 if cut else 0) | flags & 0x0100 | code, 1, len(answers), len(authority), 0
        )
        return b"".join([head, question, *answers, *authority])

    def _record(self, name, kind, data):
        encoded = encode_data(kind, data)
        return encode_name(name) + struct.pack("!HHIH", TYPES[kind], 1, self.ttl, len(encoded)) + encoded
