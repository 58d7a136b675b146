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
ALICE, BOB, SIPP, HIDDEN = (f"127.0.{NET}.{host}" for host in (10, 20, 30, 40))
STRANGER = f"127.0.{NET}.99"

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
        ],
        routes=[
            ("bob", "from = [\"*\"]\nto = '^bob$'\ndo = { bridge = [\"trunk:bob\"] }\n"),
            ("direct", "from = [\"*\"]\nto = '^direct$'\ndo = { bridge = [\"trunk:bob\"] }\nanchor = false\n"),
            ("sipp", "from = [\"*\"]\nto = '^sipp$'\ndo = { bridge = [\"trunk:sipp\"] }\n"),
            ("echo", "from = [\"*\"]\nto = '^echo$'\ndo = { answer = \"echo\" }\n"),
            ("tone", "from = [\"*\"]\nto = '^tone$'\ndo = { answer = \"tone\" }\n"),
        ],
    )


class Party:
    """A phone with an audio end."""

    def __init__(self, host, port=40000, claims=None):
        self.phone = Phone(host)
        self.audio = AudioEnd(host, port)
        self.control = AudioEnd(host, port + 1)
        self.description = sdp(claims or host, port)
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
