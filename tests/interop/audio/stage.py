"""Audio that is heard: tones through the relay, both ways, and nobody else's."""

import contextlib
import pathlib
import struct
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lib"))

import node
import sipp
from audio import RATE, AudioEnd, level
from phone import Call, Phone, sdp
from stage import Stage, check, wait_until

NET = 14
NODE = (f"127.0.{NET}.1", 5060)
ALICE, BOB, SIPP, HIDDEN, DORA = (f"127.0.{NET}.{host}" for host in (10, 20, 30, 40, 50))
STRANGER = f"127.0.{NET}.99"

# Where dora has her audio, and Tandem its ports for her.
SIX, SIX_PORTS = "::1", "21400-21499"

# Where the phone behind NAT claims to be.
CLAIMED = f"127.0.{NET}.77"

ALICE_HZ, BOB_HZ, STRANGER_HZ = 440, 1000, 2000
SECONDS = 2

# The share of a signal's power that must be at the tone for it to count as heard, and may be for it not to.
HEARD, UNHEARD = 0.95, 0.01


def configuration(stage):
    return node.config(
        stage,
        trunks=[
            ("alice", node.trunk(ALICE)),
            ("bob", node.trunk(BOB)),
            ("sipp", node.trunk(SIPP)),
            ("hidden", node.trunk(HIDDEN, lines="nat = true")),
            ("dora", node.trunk(DORA, lines='media = "six"')),
        ],
        calls=f'[[media]]\nname = "six"\nbind = "{SIX}"\nports = "{SIX_PORTS}"\n',
        routes=[
            ("bob", "from = [\"*\"]\nto = '^bob$'\ndo = { bridge = [\"trunk:bob\"] }\n"),
            ("direct", "from = [\"*\"]\nto = '^direct$'\ndo = { bridge = [\"trunk:bob\"] }\nanchor = false\n"),
            ("dora", "from = [\"*\"]\nto = '^dora$'\ndo = { bridge = [\"trunk:dora\"] }\n"),
            ("sipp", "from = [\"*\"]\nto = '^sipp$'\ndo = { bridge = [\"trunk:sipp\"] }\n"),
            ("echo", "from = [\"*\"]\nto = '^echo$'\ndo = { answer = \"echo\" }\n"),
            ("tone", "from = [\"*\"]\nto = '^tone$'\ndo = { answer = \"tone\" }\n"),
        ],
    )


class Party:
    """A phone with an audio end."""

    def __init__(self, host, port=40000, claims=None, speaks_at=None, lines=()):
        at = speaks_at or host
        self.phone = Phone(host)
        self.audio = AudioEnd(at, port)
        self.control = AudioEnd(at, port + 1)
        self.description = sdp(claims or at, port, lines=lines)
        self.remote = None

    def close(self):
        for part in (self.phone, self.audio, self.control):
            part.close()


@contextlib.contextmanager
def party(*arguments, **options):
    one = Party(*arguments, **options)
    try:
        yield one
    finally:
        one.close()


def call(caller, number):
    """A call that Tandem or sipp answers."""
    made = Call(caller.phone, NODE, number).invite(caller.description)
    caller.remote = made.answered().media()
    return made


def connect(caller, callee, number):
    """A call that `callee` answers."""
    made = Call(caller.phone, NODE, number).invite(caller.description)
    invite = callee.phone.request("INVITE")
    callee.remote = invite.media()
    callee.phone.reply(invite, 200, callee.description)
    caller.remote = made.answered().media()
    callee.phone.request("ACK")
    return made


def hang_up(made, callee):
    """BYE by the caller: relayed, and answered at once by Tandem."""
    made.bye()
    callee.phone.reply(callee.phone.request("BYE"), 200)


def talk(*ends):
    """Each of `ends` (party, frequency) sends its tone; returns when all have."""
    senders = [one.audio.send_tone(one.remote, frequency, SECONDS) for one, frequency in ends]
    for sender in senders:
        sender.join()


def hears(one, frequency, share=0.9):
    """That what `one` received is that tone, nearly all of it, and from Tandem alone."""
    samples = wait_until(lambda: heard_enough(one, share), 2, f"{share:.0%} of the audio at {one.phone.host}")
    found = level(samples, RATE, frequency)
    check(found > HEARD, f"{one.phone.host} hears {found:.0%} of {frequency} Hz")
    sources = {source for source, _ in one.audio.received}
    check(sources == {one.remote}, f"{one.phone.host} got audio from {sources}")


def heard_enough(one, share):
    samples = one.audio.samples()
    return samples if len(samples) >= share * SECONDS * RATE else None


def coherent(one):
    """One SSRC, and sequence and timestamp that go on without a jump."""
    heads = [struct.unpack("!BBHII", packet[:12]) for _, packet in one.audio.received]
    check(len({head[4] for head in heads}) == 1, "more than one SSRC")
    for before, after in zip(heads, heads[1:]):
        steps = (after[2] - before[2]) & 0xFFFF
        check(0 < steps < 10, f"sequence number jumps from {before[2]} to {after[2]}")
        check((after[3] - before[3]) & 0xFFFFFFFF == 160 * steps, f"timestamp jumps from {before[3]} to {after[3]}")


def both_ways():
    with party(ALICE) as alice, party(BOB) as bob:
        made = connect(alice, bob, "bob")
        check(alice.remote[0] == bob.remote[0] == NODE[0], "audio does not go through Tandem")
        talk((alice, ALICE_HZ), (bob, BOB_HZ))
        hears(alice, BOB_HZ)
        hears(bob, ALICE_HZ)
        coherent(alice)
        coherent(bob)
        hang_up(made, bob)


def strangers():
    with party(ALICE) as alice, party(BOB) as bob, party(STRANGER) as stranger:
        made = connect(alice, bob, "bob")
        stranger.remote = alice.remote
        talk((alice, ALICE_HZ), (bob, BOB_HZ), (stranger, STRANGER_HZ))
        hears(alice, BOB_HZ)
        hears(bob, ALICE_HZ)
        heard = level(bob.audio.samples(), RATE, STRANGER_HZ)
        check(heard < UNHEARD, f"bob hears the stranger: {heard:.0%}")
        check(not stranger.audio.received, "the stranger gets audio")
        hang_up(made, bob)


def behind_nat():
    with party(HIDDEN, claims=CLAIMED) as hidden, party(BOB) as bob:
        made = connect(hidden, bob, "bob")
        talk((hidden, ALICE_HZ))
        hears(bob, ALICE_HZ)
        talk((bob, BOB_HZ))
        hears(hidden, BOB_HZ)
        hang_up(made, bob)


def control_packets():
    """A sender report from alice reaches bob's RTCP port (RFC 3550: the RTP port plus one)."""
    report = struct.pack("!BBHIIIIII", 0x80, 200, 6, 0x1234, 0, 0, 0, 0, 0) + struct.pack("!BBHI", 0x81, 202, 3, 0x1234) + b"\x01\x02me\x00\x00\x00\x00"
    with party(ALICE) as alice, party(BOB) as bob:
        made = connect(alice, bob, "bob")
        talk((alice, ALICE_HZ))
        alice.control.socket.sendto(report, (alice.remote[0], alice.remote[1] + 1))
        wait_until(lambda: bob.control.received, 2, "a report at bob's RTCP port")
        hang_up(made, bob)


def after_hold():
    """Nothing reaches a party that holds; afterwards the stream goes on where it was."""
    with party(ALICE) as alice, party(BOB) as bob:
        made = connect(alice, bob, "bob")
        talk((alice, ALICE_HZ), (bob, BOB_HZ))
        for direction, answer in (("inactive", "inactive"), ("sendrecv", "sendrecv")):
            made.invite(f"{alice.description}a={direction}\r\n")
            bob.phone.reply(bob.phone.request("INVITE"), 200, f"{bob.description}a={answer}\r\n")
            made.answered()
            bob.phone.request("ACK")
            if direction == "inactive":
                before = len(alice.audio.received)
                bob.audio.send_tone(bob.remote, BOB_HZ, 0.5).join()
                check(len(alice.audio.received) - before <= 1, "audio while held")
        before = len(alice.audio.received)
        talk((alice, ALICE_HZ), (bob, BOB_HZ))
        wait_until(lambda: len(alice.audio.received) - before > 80, 2, "audio after the hold")
        check(len({packet[8:12] for _, packet in alice.audio.received}) == 1, "another SSRC after the hold")
        hang_up(made, bob)


def is_one_stream(packets):
    """One SSRC, and a sequence without a gap."""
    heads = [struct.unpack("!BBHII", packet[:12]) for _, packet in packets]
    check(len({head[4] for head in heads}) == 1, "more than one SSRC")
    gaps = [(before[2], after[2]) for before, after in zip(heads, heads[1:]) if (after[2] - before[2]) & 0xFFFF != 1]
    check(not gaps, f"gaps in the sequence: {gaps}")


def counted(one, count, what):
    """That `one` has so many packets by now."""
    wait_until(lambda: len(one.received) >= count, 2, f"{count} packets {what}, not {len(one.received)}")


def another_port():
    """A NAT on the way translates anew: the stream goes on from another port, and what alice hears goes there."""
    for host, claims, number in ((ALICE, None, 40010), (HIDDEN, CLAIMED, 40012)):
        with party(host, claims=claims) as alice, party(BOB) as bob, contextlib.closing(AudioEnd(host, number)) as moved:
            made = connect(alice, bob, "bob")
            alice.audio.send_tone(alice.remote, ALICE_HZ, 0.5).join()
            moved.send_tone(alice.remote, ALICE_HZ, 0.5, first=25).join()
            counted(bob.audio, 50, "at bob")
            is_one_stream(bob.audio.received)
            bob.audio.send_tone(bob.remote, BOB_HZ, 0.5).join()
            counted(moved, 25, "at the new port")
            check(not alice.audio.received, "audio at the old port")
            hang_up(made, bob)


def another_source():
    """A new SSRC, with numbers of its own, in the middle of the call."""
    with party(ALICE) as alice, party(BOB) as bob:
        made = connect(alice, bob, "bob")
        for ssrc, first in ((0x1111, 0), (0x2222, 30000), (0x3333, 65530)):
            alice.audio.send_tone(alice.remote, ALICE_HZ, 0.5, ssrc=ssrc, first=first).join()
        counted(bob.audio, 75, "at bob")
        is_one_stream(bob.audio.received)
        hang_up(made, bob)


def two_families():
    """IPv4 on one leg, IPv6 on the other, RTCP included."""
    report = struct.pack("!BBHI", 0x80, 201, 1, 0x1234)
    with party(ALICE) as alice, party(DORA, speaks_at=SIX, port=41000) as dora:
        made = connect(alice, dora, "dora")
        check((alice.remote[0], dora.remote[0]) == (NODE[0], SIX), f"told to send to {alice.remote} and {dora.remote}")
        talk((alice, ALICE_HZ), (dora, BOB_HZ))
        hears(alice, BOB_HZ)
        hears(dora, ALICE_HZ)
        for one, other in ((alice, dora), (dora, alice)):
            one.control.socket.sendto(report, (one.remote[0], one.remote[1] + 1))
            wait_until(lambda: other.control.received, 2, f"a report at {other.phone.host}")
        hang_up(made, dora)


def closed_port():
    """Bob's port is closed for a while: alice still hears what comes from elsewhere at his host, and he hears again."""
    with party(ALICE) as alice, party(BOB) as bob, contextlib.closing(AudioEnd(BOB, 40020)) as elsewhere:
        made = connect(alice, bob, "bob")
        bob.audio.close()
        sender = alice.audio.send_tone(alice.remote, ALICE_HZ, 1)
        elsewhere.send_tone(bob.remote, BOB_HZ, 1).join()
        sender.join()
        counted(alice.audio, 50, "at alice while bob's port is closed")
        bob.audio = AudioEnd(BOB, 40000)
        alice.audio.send_tone(alice.remote, ALICE_HZ, 0.5, first=50).join()
        counted(bob.audio, 25, "at bob, whose port is open again")
        hang_up(made, bob)


def shared_port():
    """rtcp-mux with alice alone: her reports come and go at the port for audio, bob's at the next one."""
    report = struct.pack("!BBHI", 0x80, 201, 1, 0x1234)
    with party(ALICE, lines=["rtcp-mux"]) as alice, party(BOB) as bob:
        made = connect(alice, bob, "bob")
        check(alice.remote[1] % 2 == 0, "an odd port")
        alice.audio.socket.sendto(report, alice.remote)
        wait_until(lambda: bob.control.received, 2, "a report at bob's RTCP port")
        bob.control.socket.sendto(report, (bob.remote[0], bob.remote[1] + 1))
        wait_until(lambda: alice.audio.received, 2, "a report at alice's only port")
        check(alice.audio.received[0][0] == alice.remote, f"it came from {alice.audio.received[0][0]}")
        hang_up(made, bob)


def between_the_peers():
    with party(ALICE) as alice, party(BOB) as bob:
        made = connect(alice, bob, "direct")
        check(alice.remote == (BOB, 40000), f"alice is to send to {alice.remote}")
        check(bob.remote == (ALICE, 40000), f"bob is to send to {bob.remote}")
        hang_up(made, bob)


def sipp_echo(stage):
    answering = sipp.callee(stage, "echo", f"{SIPP}:5060", "uas", extra=["-rtp_echo", "-mp", "40000"])
    with party(ALICE) as alice:
        made = call(alice, "sipp")
        talk((alice, ALICE_HZ))
        hears(alice, ALICE_HZ)
        made.bye()
    answering.done(10)


def built_in_echo():
    with party(ALICE) as alice:
        made = call(alice, "echo")
        talk((alice, ALICE_HZ))
        hears(alice, ALICE_HZ)
        made.bye()


def built_in_tone():
    with party(ALICE) as alice:
        made = call(alice, "tone")
        hears(alice, 440)
        made.bye()


def main():
    with Stage("audio", NET) as stage:
        tandem = node.Tandem(stage, configuration(stage))
        cases = [
            ("a tone each way", both_ways),
            ("a stranger is neither heard nor steals the stream", strangers),
            ("a phone that does not know its address is heard and hears", behind_nat),
            ("RTCP goes through", control_packets),
            ("silence while held, and the same stream afterwards", after_hold),
            ("a port that changes in mid-call is followed", another_port),
            ("a new source goes on in the same stream", another_source),
            ("IPv4 on one leg, IPv6 on the other", two_families),
            ("a port that is closed for a while", closed_port),
            ("rtcp-mux on one leg alone", shared_port),
            ("anchor = false: the peers are told of each other", between_the_peers),
            ("sipp echoes through the relay", lambda: sipp_echo(stage)),
            ("the built-in echo", built_in_echo),
            ("the built-in tone", built_in_tone),
        ]
        for title, case in cases:
            with stage.case(title):
                case()
        with stage.case("nothing is left when all calls have ended"):
            tandem.stop()


main()
