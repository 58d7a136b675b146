"""Targets that are names, with a name server of our own: which records choose the next hop, which failures lead to another, and what
is remembered of the answers, also when nobody answers."""

import contextlib
import pathlib
import select
import ssl
import socket
import sys
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lib"))

import node
import phone
import sipp
from dns import NameServer
from secure import Authority
from stage import Failure, Stage, check, wait_until
from stream import StreamPhone

NET = 26

CALLER, FIRST, SECOND, THIRD, CLOSED, STREAM, SECURE, BESIDE, SERVER = 10, 20, 21, 22, 23, 24, 25, 26, 53

# Of the machine itself, and so at ports of this stage's own.
SIX, SIX_PORT, SIX_PEER = "::1", 26060, 26062

# Each case has a name, and so answers of its own; the number that is called is its place here.
NAMES = {
    "open.test": "sip:open.test",
    "plain.test": "sip:plain.test",
    "srv.test": "sip:srv.test;transport=udp",
    "busy.test": "sip:busy.test;transport=udp",
    "silent.test": "sip:silent.test;transport=udp",
    "icmp.test": "sip:icmp.test;transport=udp",
    "tcp.test": "sip:tcp.test;transport=tcp",
    "rung.test": "sip:rung.test;transport=udp",
    "ttl.test": "sip:ttl.test:5060",
    "none.test": "sip:none.test:5060",
    "down.test": "sip:down.test;transport=udp",
    "cut.test": "sip:cut.test;transport=udp",
    "alias.test": "sip:alias.test:5060",
    "loop.test": "sip:loop.test:5060",
    "broken.test": "sip:broken.test:5060",
    "fails.test": "sip:fails.test;transport=udp",
    "router.test": "sip:router.test",
    "secure.test": "sips:secure.test",
    "other.test": "sips:other.test",
    "pick.test": "sips:pick.test",
    "mute.test": "sips:mute.test",
    "both.test": "sip:both.test;transport=udp",
}


class Peer:
    """A phone that answers every call in one way: `200`, or a list of responses, or nothing."""

    def __init__(self, stage, host, answers=(200,)):
        self.phone = phone.Phone(stage.address(host))
        self.answers = answers
        self.invites = []
        self.acks = 0
        self.is_over = False
        self.thread = threading.Thread(target=self._serve, daemon=True)
        self.thread.start()

    def _serve(self):
        while not self.is_over:
            if not select.select([self.phone.socket], [], [], 0.05)[0]:
                continue
            message = self.phone.receive(1)
            if message.method == "ACK":
                self.acks += 1
            elif message.status == 0 and message.method == "INVITE":
                # One that is repeated is the same.
                if all(known.header("via") != message.header("via") for known in self.invites):
                    self.invites.append(message)
                for status in self.answers:
                    body = phone.sdp(self.phone.host, 40000) if status == 200 else ""
                    self.phone.reply(message, status, body)
            elif message.status == 0:
                self.phone.reply(message, 200)

    def calls(self):
        return len(self.invites)

    def reset(self, answers=(200,)):
        self.answers, self.invites, self.acks = answers, [], 0

    def close(self):
        self.is_over = True
        self.thread.join(timeout=5)
        self.phone.close()


def configuration(stage, server, authority):
    address = stage.address(1)
    cert, key = authority.issue("tandem", f"DNS:tandem.test,IP:{address}")
    listen = f'[[listen]]\nname = "stream"\ntransport = "tcp"\nbind = "{address}:5060"\n'
    listen += f'[[listen]]\nname = "secure"\ntransport = "tls"\nbind = "{address}:5061"\ncert = "{cert}"\nkey = "{key}"\nca = "{authority.cert}"\n'
    listen += f'[[listen]]\nname = "six"\nbind = "[{SIX}]:{SIX_PORT}"\n[[media]]\nname = "six"\nbind = "{SIX}"\nports = "30000-31999"\n'
    trunks = [("caller", f'match = {{ sources = ["{stage.address(CALLER)}/32"] }}\n')]
    trunks += [(name.split(".")[0], f'targets = [{{ uri = "{uri}" }}]\ntrying_timeout = "400ms"\nfailover = []\n') for name, uri in NAMES.items()]
    # A stale answer is waited for before it is used.
    trunks = [(name, lines.replace("400ms", "3s") if name == "down" else lines) for name, lines in trunks]
    trunks.append(("both-six", f'targets = [{{ uri = "{NAMES["both.test"]}" }}]\nlisten = "six"\nmedia = "six"\n'))
    trunks = [(name, lines.replace("failover = []", 'failover = ["unreachable"]') if name == "both" else lines) for name, lines in trunks]
    routes = [(f"to {name}", f"to = '^{place}$'\ndo = {{ bridge = [\"trunk:{name.split('.')[0]}\"] }}\n") for place, name in enumerate(NAMES, 1)]
    routes = [(name, lines.replace('"trunk:both"', '"trunk:both", "trunk:both-six"')) for name, lines in routes]
    return node.config(stage, listen=listen, node=f'dns = ["{server.address}"]\n', trunks=trunks, routes=routes)


class House:
    """The stage with all that is in it."""

    def __init__(self, stage, server, authority):
        self.stage, self.server, self.authority = stage, server, authority
        self.peers = [Peer(stage, host) for host in (FIRST, SECOND, THIRD)]
        self.caller = phone.Phone(stage.address(CALLER))
        self.tandem = node.Tandem(stage, configuration(stage, server, authority))
        for number, host in enumerate((FIRST, SECOND, THIRD, CLOSED, STREAM, SECURE, BESIDE), 1):
            server.set(f"h{number}.test", "A", stage.address(host))

    def reset(self, *answers):
        for peer, answer in zip(self.peers, [*answers, *([(200,)] * 3)]):
            peer.reset(answer)
        self.caller.drop_all()

    def begin(self, name):
        number = list(NAMES).index(name) + 1
        call = phone.Call(self.caller, (self.stage.address(1), 5060), number)
        return call.invite(phone.sdp(self.caller.host, 40002))

    def call(self, name):
        """A whole call; how many seconds it took until it was answered."""
        began = time.monotonic()
        call = self.begin(name)
        call.answered(seconds=8)
        took = time.monotonic() - began
        call.bye()
        return took

    def fails(self, name):
        """A call that fails: its status, and after how long."""
        began = time.monotonic()
        return self.begin(name).final(seconds=8).status, time.monotonic() - began

    def counts(self):
        return [peer.calls() for peer in self.peers]

    def close(self):
        for peer in self.peers:
            peer.close()
        self.caller.close()


def chooses(house):
    stage, server = house.stage, house.server
    with stage.case("NAPTR: the transport that the domain prefers, of those that we have"):
        records = [
            (10, 10, "s", "SIPS+D2X", "", "_sips._sctp.open.test"),
            (30, 10, "s", "SIP+D2U", "", "_sip._udp.open.test"),
            (20, 10, "s", "SIP+D2T", "", "_sip._tcp.open.test"),
        ]
        server.set("open.test", "NAPTR", *records)
        server.set("_sip._tcp.open.test", "SRV", (1, 1, 5060, "h5.test"))
        server.set("_sip._udp.open.test", "SRV", (1, 1, 5060, "h1.test"))
        house.reset()
        stream = sipp.callee(stage, "stream", f"{stage.address(STREAM)}:5060", "uas", extra=["-t", "t1"])
        house.call("open.test")
        stream.done(20)
        check(house.counts() == [0, 0, 0], "nobody was called over UDP")
        check(server.questions("_sip._udp.open.test") == 0, "what NAPTR did not choose was not asked for")
    with stage.case("no NAPTR, no SRV: a host that speaks UDP"):
        server.set("plain.test", "A", stage.address(FIRST))
        house.reset()
        house.call("plain.test")
        check(house.counts() == [1, 0, 0], house.counts())
        asked = [server.questions(name, kind) for name, kind in [("plain.test", "NAPTR"), ("_sip._udp.plain.test", "SRV"), ("_sip._tcp.plain.test", "SRV"), ("plain.test", "A")]]
        check(asked == [1, 1, 1, 1], f"asked {asked}")
    with stage.case("SRV: lower priorities first, and weights in proportion"):
        server.set("_sip._udp.srv.test", "SRV", (1, 30, 5060, "h1.test"), (1, 10, 5060, "h2.test"), (2, 1000, 5060, "h3.test"))
        house.reset()
        for _ in range(100):
            house.call("srv.test")
        first, second, third = house.counts()
        # Five standard deviations around 75.
        check(third == 0 and first + second == 100 and 53 <= first <= 97, f"{house.counts()}")
        check(server.questions("_sip._udp.srv.test") == 1, "one question for a hundred calls")


def fails_over(house):
    stage, server = house.stage, house.server
    both = [(1, 1, 5060, "h1.test"), (2, 1, 5060, "h2.test")]
    with stage.case("503: the next hop, the same INVITE with another branch"):
        server.set("_sip._udp.busy.test", "SRV", *both)
        house.reset((503,))
        house.call("busy.test")
        check(house.counts() == [1, 1, 0], house.counts())
        one, two = (peer.invites[0] for peer in house.peers[:2])
        check(all(one.header(name) == two.header(name) for name in ("call-id", "cseq", "from", "to", "contact")), "it is the same INVITE")
        check(one.header("via") != two.header("via"), "it has the same branch")
        wait_until(lambda: house.peers[0].acks == 1, 2, "the ACK of the 503")
        house.call("busy.test")
        check(house.counts() == [1, 2, 0], "what failed lately is tried last")
    with stage.case("silence: the next hop after trying_timeout"):
        server.set("_sip._udp.silent.test", "SRV", (1, 1, 5060, "h3.test"), (2, 1, 5060, "h2.test"))
        house.reset((200,), (200,), ())
        took = house.call("silent.test")
        check(house.counts()[1:] == [1, 1] and 0.4 <= took < 1.5, f"{house.counts()} after {took:.2f} s")
    with stage.case("a closed port (ICMP): the next hop at once"):
        server.set("_sip._udp.icmp.test", "SRV", (1, 1, 5060, "h4.test"), (2, 1, 5060, "h2.test"))
        house.reset()
        took = house.call("icmp.test")
        check(house.counts() == [0, 1, 0] and took < 0.35, f"{house.counts()} after {took:.2f} s")
    with stage.case("a refused connection: the next hop at once"):
        server.set("_sip._tcp.tcp.test", "SRV", (1, 1, 5060, "h4.test"), (2, 1, 5060, "h5.test"))
        house.reset()
        stream = sipp.callee(stage, "stream-2", f"{stage.address(STREAM)}:5060", "uas", extra=["-t", "t1"])
        took = house.call("tcp.test")
        check(took < 0.35, f"{took:.2f} s")
        stream.done(20)
    with stage.case("after ringing: nobody else"):
        server.set("_sip._udp.rung.test", "SRV", (1, 1, 5060, "h2.test"), (2, 1, 5060, "h3.test"))
        house.reset((200,), (180, 503))
        status, _ = house.fails("rung.test")
        check(status == 500 and house.counts() == [0, 1, 0], f"{status}, {house.counts()}")


def remembers(house):
    stage, server = house.stage, house.server
    with stage.case("TTL: records are used for their time, and no longer"):
        server.ttl = 2
        server.set("ttl.test", "A", stage.address(SECOND))
        house.reset()
        house.call("ttl.test")
        server.set("ttl.test", "A", stage.address(THIRD))
        house.call("ttl.test")
        check(house.counts() == [0, 2, 0], f"before its time: {house.counts()}")
        time.sleep(2.1)
        house.call("ttl.test")
        check(house.counts() == [0, 2, 1] and server.questions("ttl.test") == 2, f"after it: {house.counts()}")
        server.ttl = 300
    with stage.case("negative answers: for as long as the SOA record says"):
        server.minimum = 2
        status, took = house.fails("none.test")
        check(status == 500 and took < 0.35, f"{status} after {took:.2f} s")
        server.set("none.test", "A", stage.address(SECOND))
        status, _ = house.fails("none.test")
        check(status == 500 and server.questions("none.test") == 1, "it was asked again before its time")
        time.sleep(2.1)
        house.reset()
        house.call("none.test")
        server.minimum = 60
    with stage.case("SERVFAIL is no answer: it is asked again"):
        server.set("broken.test", "A", stage.address(SECOND))
        server.broken.add("broken.test")
        status, _ = house.fails("broken.test")
        server.broken.clear()
        time.sleep(3.1)
        house.reset()
        took = house.call("broken.test")
        check(status == 500 and took < 0.35, f"{status}, then {took:.2f} s")
    with stage.case("SERVFAIL for SRV is not that there are none: the address of the name is not called"):
        server.set("fails.test", "A", stage.address(SECOND))
        server.broken.add("_sip._udp.fails.test")
        house.reset()
        status, took = house.fails("fails.test")
        check(status == 500 and took < 0.35 and house.counts() == [0, 0, 0], f"{status} after {took:.2f} s, {house.counts()}")
        check(server.questions("fails.test") == 0, "its address was asked for")
    with stage.case("SERVFAIL for NAPTR: SRV says where, as behind many a router"):
        server.broken.add("router.test")
        server.set("_sip._udp.router.test", "SRV", (1, 1, 5060, "h2.test"))
        house.reset()
        took = house.call("router.test")
        server.broken.clear()
        check(took < 0.35 and house.counts() == [0, 1, 0], f"{took:.2f} s, {house.counts()}")
    with stage.case("the server is down: what it said last is used"):
        server.ttl = 1
        server.set("_sip._udp.down.test", "SRV", (1, 1, 5060, "down-host.test"))
        server.set("down-host.test", "A", stage.address(SECOND))
        house.reset()
        house.call("down.test")
        time.sleep(1.1)
        server.is_down = True
        first, second = house.call("down.test"), house.call("down.test")
        check(0.9 <= first < 2 and second < 0.35, f"{first:.2f} s, then {second:.2f} s")
        server.is_down, server.ttl = False, 300
        check(house.counts() == [0, 3, 0], house.counts())


def odd_answers(house):
    stage, server = house.stage, house.server
    with stage.case("an answer that is cut short is asked for over TCP"):
        many = [(1, 1, 5060, "h2.test")] + [(2, 1, 5060, f"further-{number}.test") for number in range(60)]
        server.set("_sip._udp.cut.test", "SRV", *many)
        house.reset()
        house.call("cut.test")
        check(server.questions("_sip._udp.cut.test", transport="tcp") >= 1 and house.counts() == [0, 1, 0], house.counts())
    with stage.case("aliases are followed, and a loop of them ends"):
        server.set("alias.test", "CNAME", "second.test")
        server.set("second.test", "CNAME", "h2.test")
        server.set("loop.test", "CNAME", "pool.test")
        server.set("pool.test", "CNAME", "loop.test")
        house.reset()
        house.call("alias.test")
        status, took = house.fails("loop.test")
        check(status in (408, 500) and took < 4 and house.counts() == [0, 1, 0], f"{status} after {took:.2f} s")


def proves(house):
    """RFC 5922: the certificate is for the domain of the URI, and not for the host that SRV names."""
    stage, server = house.stage, house.server
    for name, certified, works in [("secure.test", "secure.test", True), ("other.test", "h6.test", False)]:
        with stage.case(f"sips:{name} of a server whose certificate is for {certified}"):
            server.set(f"_sips._tcp.{name}", "SRV", (1, 1, 5061, "h6.test"))
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(*house.authority.issue(f"server-{name}", f"DNS:{certified}"))
            with socket.create_server((stage.address(SECURE), 5061)) as listener:
                listener.settimeout(8)
                call = house.begin(name)
                plain, _ = listener.accept()
                plain.settimeout(8)
                try:
                    with context.wrap_socket(plain, server_side=True) as secure:
                        text = secure.recv(65535)
                except OSError:
                    text = b""
                plain.close()
            check(text.startswith(b"INVITE") == works, f"{text[:40]!r}")
            status = call.final(seconds=8).status
            # The connection ends without an answer, in either case.
            check(status >= 400, status)


def served(listener, context):
    """The phone behind the next connection, once its TLS is made; `None` where the other side does not want it."""
    plain, _ = listener.accept()
    plain.settimeout(8)
    try:
        caller = StreamPhone(context.wrap_socket(plain, server_side=True))
        caller.invite = caller.receive(8)
        return caller
    except (OSError, Failure):
        plain.close()
        return None


def picks(house):
    """A server that cannot prove that it is the domain's is passed over as one that is not there."""
    stage, server = house.stage, house.server
    for name, port, refusal in [("pick.test", 5062, "a certificate for another name"), ("mute.test", 5063, "no TLS at all")]:
        with stage.case(f"{refusal}: the next hop"), contextlib.ExitStack() as stack:
            # Ports of its own: what failed lately is tried last.
            server.set(f"_sips._tcp.{name}", "SRV", (1, 1, port, "h6.test"), (2, 1, port, "h7.test"))
            doors = []
            for host, certified in [(SECURE, "h6.test"), (BESIDE, name)]:
                context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
                context.load_cert_chain(*house.authority.issue(f"{name}-{host}", f"DNS:{certified}"))
                listener = stack.enter_context(socket.create_server((stage.address(host), port)))
                listener.settimeout(8)
                doors.append((listener, context))
            call = house.begin(name)
            if name == "mute.test":
                plain, _ = doors[0][0].accept()
                plain.sendall(b"SIP/2.0 400 Bad Request\r\n\r\n")
                plain.close()
            else:
                check(served(*doors[0]) is None, "who has a certificate for another name got the INVITE")
            second = served(*doors[1])
            check(second is not None and second.invite.method == "INVITE", "the second was not called")
            second.reply(second.invite, 486)
            check(call.final(seconds=8).status == 486, "the second has answered")
            second.close()


def families(house):
    """A name with addresses of both families: each trunk calls those of its listener's, and the other family is another trunk's."""
    stage, server = house.stage, house.server
    with stage.case("A and AAAA: the listener's family, and the other one by failover"):
        server.set("_sip._udp.both.test", "SRV", (1, 1, SIX_PEER, "h8.test"))
        server.set("h8.test", "A", stage.address(CLOSED))
        server.set("h8.test", "AAAA", SIX)
        six = sipp.callee(stage, "six", f"[{SIX}]:{SIX_PEER}", "uas")
        took = house.call("both.test")
        six.done(20)
        kinds = [kind for _, name, kind, _ in server.asked if name == "h8.test"]
        check(kinds == ["A", "AAAA"] and took < 0.5, f"{kinds} after {took:.2f} s")


def main():
    with Stage("dns", NET) as stage, NameServer(stage.address(SERVER)) as server:
        house = House(stage, server, Authority(stage.directory, "ca"))
        chooses(house)
        fails_over(house)
        remembers(house)
        odd_answers(house)
        proves(house)
        picks(house)
        families(house)
        house.close()
        with stage.case("nothing is left"):
            house.tandem.stop()


main()
