"""Attended transfer: bob talks with alice, holds, consults carol and joins the two. His phone has no command for that, but it sends
whatever Refer-To it is told, so the dialog that Replaces names is read from the wire."""

import os
import pathlib
import re

from stage import check
from tap import header
from talk import falls_silent, hear_each_other, talk

# How long nobody may be heard once the one who stays has taken what it was offered, how far packets are apart, and how long that is
# looked at, in seconds.
MAX_PAUSE, PACKET, LOOKED_AT = 0.06, 0.02, 1

# What is louder than silence.
LOUD = 1000


def joins(stage, shards):
    title = f"attended transfer between PCMU, Opus and G.722, {shards} media thread{'s' if shards > 1 else ''}"
    with talk(stage, title, f"join-{shards}", "alice", "bob", "carol", lines='refer = "execute"\n', calls=f"shards = {shards}\n") as one:
        alice, bob, carol = one.phones
        one.dial(alice, bob)
        bob.command("hold")
        falls_silent(alice)
        one.dial(bob, carol)
        apart = [threads_of(one.tandem, phone) for phone in (alice, carol)]
        check((apart[0] == apart[1]) == (shards == 1), f"their legs are watched by {apart}")
        bob.command("line", "1")
        one.refer(bob, carol, replaces(bob))
        hear_each_other(alice, carol)
        falls_silent(bob)
        together = [threads_of(one.tandem, phone) for phone in (alice, carol)]
        check(together[0] == together[1], f"one call is watched by {together}")
        joined = agreed(alice)
        for phone in (alice, carol):
            is_one_stream(phone)
            pause = pause_of(phone, joined)
            told = f"{phone.name} hears nobody for {pause * 1000:.0f} ms, of packets that are {PACKET * 1000:.0f} ms apart"
            print(f"          {told}", flush=True)
            check(pause <= MAX_PAUSE, told)
        one.hang_up(carol, alice)


def replaces(phone):
    """How Refer-To names the call that the phone made last."""
    signals = list(phone.tap.signals)
    made = [signal.text for signal in signals if signal.sent and signal.text.startswith("INVITE") and "tag=" not in header(signal.text, "To")]
    check(made, f"{phone.name} called nobody")
    call = header(made[-1], "Call-ID")
    answers = [signal.text for signal in signals if not signal.sent and signal.text.startswith("SIP/2.0 200") and header(signal.text, "Call-ID") == call]
    check(answers, f"nobody answered {phone.name}")
    ours, theirs = (re.search(r";tag=([^;\s]+)", header(answers[-1], name))[1] for name in ("To", "From"))
    return f"?Replaces={call.replace('@', '%40')}%3Bto-tag%3D{ours}%3Bfrom-tag%3D{theirs}"


def threads_of(tandem, phone):
    """The pollers of the node that watch the port which the phone hears; each media thread has one."""
    port = list(phone.tap.sounds)[-1].source
    own = pathlib.Path(f"/proc/{tandem.process.child.pid}")
    rows = [line.split() for line in pathlib.Path("/proc/net/udp").read_text(encoding="ascii").splitlines()[1:]]
    sockets = {f"socket:[{row[9]}]" for row in rows if row[1].endswith(f":{port:04X}")}
    kinds = {number: os.readlink(own / "fd" / number) for number in os.listdir(own / "fd")}
    watched = {number for number, kind in kinds.items() if kind in sockets}
    pollers = [number for number, kind in kinds.items() if kind == "anon_inode:[eventpoll]"]
    check(watched, f"nobody has port {port}")
    return {poller for poller in pollers if watched & set(re.findall(r"tfd: +(\d+)", (own / "fdinfo" / poller).read_text()))}


def is_one_stream(phone):
    """That all the phone heard is of one sender, and no number is missing."""
    sounds = list(phone.tap.sounds)
    check(len({(sound.ssrc, sound.source) for sound in sounds}) == 1, f"{phone.name} hears more than one stream")
    missing = [(before.sequence, after.sequence) for before, after in zip(sounds, sounds[1:]) if (after.sequence - before.sequence) & 0xFFFF != 1]
    check(not missing, f"gaps in the sequence of {phone.name}: {missing}")


def pause_of(phone, since):
    """The longest time, in seconds, that no packet with sound came to the phone in the second behind `since`."""
    sounds = [sound for sound in list(phone.tap.sounds) if since - PACKET < sound.at < since + LOOKED_AT]
    heard = [sound.at for sound in sounds if max(map(abs, sound.samples), default=0) > LOUD]
    return max(after - before for before, after in zip([since, *heard], [*heard, since + LOOKED_AT]))


def agreed(phone):
    """When the phone took the last offer that it got, on the wire."""
    said = [signal.at for signal in list(phone.tap.signals) if signal.sent and signal.text.startswith("SIP/2.0 200") and "INVITE" in header(signal.text, "CSeq")]
    check(said, f"{phone.name} agreed to nothing")
    return said[-1]
