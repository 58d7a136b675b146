"""Attackers at a node with users: which there are they do not learn, nor a password, over UDP, TCP or TLS; and who has registered from the
same address stays served."""

import re
import select
import threading
import time

import digest
import node
from phone import Phone, finish
from secure import SecurePhone
from stage import check, wait_until
from stream import calling

# Where the node with users listens: for phones, for nobody but who is known, and for phones where nobody is banned.
HOUSE, SILENT_HOUSE, PATIENT_HOUSE = 4, 5, 6

USER, PASSWORD = "1001", "1999"

# As long as the user's, so that what is said of them is as long too.
NOBODY = "9901"

METHODS = ("REGISTER", "INVITE", "OPTIONS")

# Seconds in which anything that is said would have come.
QUIET = 1


def configuration(stage, host, silent=None, abuse=""):
    """A node with users on every transport at `host`, and silent ones at `silent`."""
    address = stage.address(host)
    tls = f'cert = "{stage.directory}/tandem.pem"\nkey = "{stage.directory}/tandem.key"\nca = "{stage.directory}/ca.pem"\n'
    listen = f'[[listen]]\nname = "stream"\ntransport = "tcp"\nbind = "{address}:5060"\n[[listen]]\nname = "secure"\ntransport = "tls"\nbind = "{address}"\n{tls}'
    if silent:
        for transport in ("udp", "tcp", "tls"):
            port = 5061 if transport == "tls" else 5060
            listen += f'[[listen]]\nname = "silent-{transport}"\ntransport = "{transport}"\nbind = "{stage.address(silent)}:{port}"\nsilent = true\n'
            listen += tls if transport == "tls" else ""
    passwords = {USER: PASSWORD, **{f"{1002 + number}": f"other-{number}" for number in range(4)}}
    users = "".join(f'[[user]]\nname = "{name}"\npassword = "{password}"\n' for name, password in passwords.items())
    text = node.config(stage, host=host, node='domain = "tandem.test"\n', listen=listen, trunks=[], routes=[], ports=f"{30000 + 1000 * host}-{30999 + 1000 * host}")
    return f"{text}\n{users}\n{abuse}"


def request(phone, method, name, number, *more):
    """A request that names `name` wherever a name stands. What tells it from others is as long in each."""
    uri = "sip:tandem.test" if method == "REGISTER" else f"sip:{name}@tandem.test"
    lines = [
        f"{method} {uri} SIP/2.0",
        f"Via: SIP/2.0/{phone.transport} {phone.host}:{phone.port};branch=z9hG4bK{number:08};rport",
        "Max-Forwards: 70",
        f"From: <sip:{name}@tandem.test>;tag=t{number:08}",
        f"To: <sip:{name}@tandem.test>",
        f"Call-ID: c{number:08}",
        f"CSeq: 1 {method}",
        f"Contact: <sip:{name}@{phone.host}:{phone.port}>;expires=60",
        *more,
    ]
    return uri, finish(lines, "")


def bare(text, name):
    """An answer without what differs by right: the name that was asked for, tags, nonces, and what told the request from others."""
    for pattern, plain in [
        (re.escape(name), "NAME"),
        (r"tag=[^;\s]+", "tag=T"),
        (r'nonce="[^"]*"', lambda found: f'nonce="{len(found[0])} bytes"'),
        (r"branch=z9hG4bK\d+", "branch=B"),
        (r"Call-ID: c\d+", "Call-ID: C"),
    ]:
        text = re.sub(pattern, plain, text)
    return text


class Prober:
    """Asks about names over one connection, or from one port."""

    numbers = iter(range(1, 1_000_000))

    def __init__(self, phone, remote):
        self.phone, self.remote = phone, remote

    def told(self, method, name):
        """What is said of `name`: to a request, and to one with a wrong password. Once each."""
        said, more = [], []
        for _ in range(2):
            number = next(self.numbers)
            uri, text = request(self.phone, method, name, number, *more)
            self.phone.send(text, self.remote)
            answer = self.phone.receive()
            check(answer.status == 401 and f"c{number:08}" in answer.text, f"{method} of {name}: {answer.text}")
            said.append(bare(answer.text, name))
            more = [f"Authorization: {digest.answer(answer.header('www-authenticate'), name, 'guess', method, uri)}"]
        return said


def phones(stage, host, own, authority):
    """A phone for each transport, at addresses of their own, and where it sends to."""
    address = stage.address(host)
    yield "UDP", lambda: Phone(stage.address(own)), (address, 5060)
    yield "TCP", lambda: calling(stage.address(own + 1), (address, 5060)), None
    yield "TLS", lambda: SecurePhone(stage.address(own + 2), (address, 5061), authority.cert, "tandem.test"), None


def told_the_same(stage, authority):
    for transport, connected, remote in phones(stage, HOUSE, 50, authority):
        with stage.case(f"{transport}: of a user and of nobody every method is told the same, byte for byte, with a wrong password too"):
            prober = Prober(connected(), remote)
            for method in METHODS:
                known, unknown = (prober.told(method, name) for name in (USER, NOBODY))
                check(known == unknown, f"{method}: {known} and {unknown}")
            prober.phone.close()


def hears_nothing(stage, authority):
    for transport, connected, remote in phones(stage, SILENT_HOUSE, 60, authority):
        with stage.case(f"{transport}: a silent listener says nothing, whatever comes"):
            phone = connected()
            for number, method in enumerate((*METHODS, "BYE", "CANCEL", "FROB")):
                phone.send(request(phone, method, USER, number)[1], remote)
            for odd in ("\r\n\r\n", f"OPTIONS sip:{USER}@tandem.test SIP/2.0\r\nVia: nonsense\r\nContent-Length: 0\r\n\r\n"):
                phone.send(odd, remote)
            check(says_nothing(phone), "it said something")
            phone.close()


def says_nothing(phone):
    """Whether no byte comes. A connection may be closed."""
    end = time.monotonic() + QUIET
    phone.socket.settimeout(QUIET)
    while time.monotonic() < end:
        try:
            return phone.socket.recv(65535) == b""
        except TimeoutError:
            return True
        except OSError:
            return True
    return True


class Regular:
    """A phone of the user, which knows the password and comes back from the same port."""

    def __init__(self, host, port, remote, algorithm="SHA-256"):
        self.phone, self.remote, self.algorithm = Phone(host, port), remote, algorithm
        self.cseq = 0

    def statuses(self, method="REGISTER", expires=60):
        """What it is told: at first, and with its answer to a challenge. Nothing where nothing is said."""
        said, more = [], []
        for _ in range(2):
            self.cseq += 1
            number = 50_000_000 + self.phone.port * 100 + self.cseq
            uri, text = request(self.phone, method, USER, number, *more)
            text = text.replace("CSeq: 1 ", f"CSeq: {self.cseq} ").replace(f"Call-ID: c{number:08}", f"Call-ID: p{self.phone.port}")
            self.phone.send(text.replace("expires=60", f"expires={expires}"), self.remote)
            if self.phone.silent(QUIET):
                break
            answer = self.phone.receive()
            said.append(answer.status)
            if answer.status != 401:
                break
            more = [f"Authorization: {digest.answer(answer.header('www-authenticate'), USER, PASSWORD, method, uri, self.algorithm)}"]
        return said


def registrations(tandem):
    return [line for line in list(tandem.process.lines) if '"registration.changed"' in line]


class Relay:
    """Between svcrack and a node. svcrack falls over any algorithm but MD5, and somebody on its side could take the others away: this does.
    What it passes on comes from `own`, an address that it shares with honest phones, as behind a NAT."""

    def __init__(self, door, own, remote):
        self.inner, self.outer, self.remote = Phone(door), Phone(own, 5090), remote
        self.client = None
        threading.Thread(target=self.run, daemon=True).start()

    def run(self):
        while True:
            for ready in select.select([self.inner.socket, self.outer.socket], [], [])[0]:
                data, source = ready.recvfrom(65535)
                if ready is self.inner.socket:
                    self.client = source
                    self.outer.socket.sendto(data, self.remote)
                elif self.client:
                    self.inner.socket.sendto(re.sub(rb"WWW-Authenticate: [^\r]*SHA-256[^\r]*\r\n", b"", data), self.client)


def svcrack(stage, tools, port, host, door, own):
    """Whether svcrack, sent from `own`, finds the user's password; what it said."""
    vicious, rows, words = tools
    Relay(stage.address(door), stage.address(own), (stage.address(host), 5060))
    text = vicious(stage, "svcrack", port, door, "-u", USER, "-d", words, "--maximumtime", 2, seconds=30)
    return any(PASSWORD in cell for row in rows(text) for cell in row), text


def cracked(stage, tandem, tools):
    """svcrack from an address where a phone of the same user has registered."""
    remote, own = (stage.address(HOUSE), 5060), 70
    phone, other = (Regular(stage.address(own), port, remote) for port in (5074, 5075))
    with stage.case("svcrack finds no user's password, and is banned before it comes to the right one"):
        said = phone.statuses()
        check(said == [401, 200], f"the right password does not register: {said}")
        found, text = svcrack(stage, tools, 5076, HOUSE, 71, own)
        check(not found, text)
        line = tandem.process.line("a source is banned", 5)
        check(f'"{stage.address(own)}"' in line and "wrong credentials" in line and '"served":1' in line, line)
    with stage.case("the phone that has registered behind the address that is banned is served, another is not heard"):
        said = phone.statuses(), other.statuses(), phone.statuses(expires=0)
        check(said == ([401, 200], [], [401, 200]), f"{said}")


def outlasted(stage, tools):
    """The same where nobody is banned: the right password comes when no answer is looked at any more."""
    tandem = node.Tandem(stage, configuration(stage, PATIENT_HOUSE, abuse='[abuse]\nban = "0s"\nanswers = 1000\n'), name="tandem-patient")
    remote, own = (stage.address(PATIENT_HOUSE), 5060), 72
    phone, other = (Regular(stage.address(own), port, remote) for port in (5074, 5075))
    with stage.case("svcrack finds no user's password where nobody is banned: after 30 wrong ones the right one is told the same"):
        said = phone.statuses()
        check(said == [401, 200], f"the right password does not register: {said}")
        found, text = svcrack(stage, tools, 5078, PATIENT_HOUSE, 73, own)
        check(not found, text)
        counts = [int(found) for line in list(tandem.process.lines) for found in re.findall(r'"count":(\d+)', line)]
        check(max(counts, default=0) >= 128, f"it did not come to the right one: {counts}")
    with stage.case("the phone that has registered there is served, while no answer of others from its address is looked at"):
        said = phone.statuses(), other.statuses(), phone.statuses(expires=0)
        check(said == ([401, 200], [401, 401], [401, 200]), f"{said}")
        wait_until(lambda: len(registrations(tandem)) == 2, 5, "one registration to come and go")
        tandem.stop()
