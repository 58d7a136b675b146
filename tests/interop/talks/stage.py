"""Who hears whom when phones that have no codec in common hold and transfer: each says a tone of its own, so what arrives at a phone tells
who is heard there, and that nobody hears themselves. The phones are of an independent make; see lib/baresip.py."""

import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lib"))

from audio import HEARD, level, read_wav
from join import joins
from stage import Stage, check
from talk import UNHEARD, falls_silent, hear_each_other, talk

NET = 45


def holds(stage):
    """Each in turn, then both at once, in a call that is recorded with each side in a channel of its own."""
    with talk(stage, "hold and resume between PCMU and Opus, recorded", "holds", "alice", "bob", route='record = "sides"\n') as one:
        alice, bob = one.phones
        one.dial(alice, bob)
        for holder, held in ((alice, bob), (bob, alice)):
            holder.command("hold")
            falls_silent(held)
            holder.command("resume")
            hear_each_other(alice, bob)
        for phone in (alice, bob):
            phone.command("hold")
        for phone in (alice, bob):
            falls_silent(phone)
        for phone in (alice, bob):
            phone.command("resume")
        hear_each_other(alice, bob)
        one.hang_up(alice, bob)
        has_each_side(one.folder, alice.hertz, bob.hertz)


def has_each_side(folder, left, right):
    files = list(folder.glob("*/*.wav"))
    check(len(files) == 1, f"{len(files)} recordings")
    for channel, (own, other) in enumerate(((left, right), (right, left))):
        samples, rate = read_wav(files[0], channel)
        there, crossed = level(samples, rate, own), level(samples, rate, other)
        check(there > HEARD and crossed < UNHEARD, f"channel {channel} has {there:.0%} of its side's tone and {crossed:.1%} of the other's")


def transfers(stage):
    """Bob has alice call carol; alice goes on in PCMU, and carol speaks G.722."""
    with talk(stage, "blind transfer from Opus to G.722", "transfers", "alice", "bob", "carol", lines='refer = "execute"\n') as one:
        alice, bob, carol = one.phones
        one.dial(alice, bob)
        one.refer(bob, carol)
        hear_each_other(alice, carol)
        bob.process.line("terminated", 5)
        falls_silent(bob)
        one.hang_up(carol, alice)


def main():
    with Stage("talks", NET) as stage:
        holds(stage)
        transfers(stage)
        for shards in (1, 2):
            joins(stage, shards)


main()
