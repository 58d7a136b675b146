"""Keys between phones that press and hear them in different ways: a phone of an independent make is on one side, or on both."""

import math
import pathlib
import sys
import time
import wave

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lib"))

import node
from audio import RATE, AudioEnd, level
from baresip import Baresip
from phone import Call, Phone, sdp
from stage import Stage, check, wait_until

NET = 34

PRESSED = "1556#"

# Hertz of the rows and columns, and what lies where they meet (ITU-T Q.23).
ROWS, COLUMNS = (697, 770, 852, 941), (1209, 1336, 1477, 1633)
PAD = ("123A", "456B", "789C", "*0#D")

# Seconds that a key is pressed, and the pause behind it.
KEY, PAUSE = 0.12, 0.12

# Seconds from the last key until all of them must have arrived.
PATIENCE = 8


def place(sign):
    row = next(row for row in range(4) if sign in PAD[row])
    return ROWS[row], COLUMNS[PAD[row].index(sign)]


def keys_in(samples):
    """The keys in sound: blocks of 10 ms of which two of the eight tones are most, five in a row at least."""
    found, last, count = "", None, 0
    for start in range(0, len(samples) - 79, 80):
        block = samples[start : start + 80]
        power = sum(sample * sample for sample in block) / 80
        sign = None
        if power > 1_000_000:
            row = max(range(4), key=lambda at: share(block, ROWS[at]))
            column = max(range(4), key=lambda at: share(block, COLUMNS[at]))
            if share(block, ROWS[row]) > 0.2 and share(block, COLUMNS[column]) > 0.2:
                sign = PAD[row][column]
        count = count + 1 if sign == last else 1
        last = sign
        if sign and count == 5:
            found += sign
    return found


def share(block, hertz):
    re = sum(sample * math.cos(2 * math.pi * hertz * n / RATE) for n, sample in enumerate(block))
    im = sum(sample * math.sin(2 * math.pi * hertz * n / RATE) for n, sample in enumerate(block))
    return 2 * (re * re + im * im) / (len(block) * sum(sample * sample for sample in block))


def recording(path):
    """A file in which the keys are pressed, after two seconds of silence; then silence again."""
    samples = [0] * (2 * RATE)
    for sign in PRESSED:
        low, high = place(sign)
        samples += [
            round(7000 * (math.sin(2 * math.pi * low * n / RATE) + math.sin(2 * math.pi * high * n / RATE))) for n in range(int(KEY * RATE))
        ]
        samples += [0] * int(PAUSE * RATE)
    samples += [0] * (30 * RATE)
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes(b"".join(sample.to_bytes(2, "little", signed=True) for sample in samples))


def configuration(stage, caller, callee, source="127.0.0.1"):
    codec = 'codecs = ["pcmu"]\n'
    alice = f'match = {{ sources = ["{source}/32"] }}\ndtmf = "{caller}"\n{codec}'
    bob = f'targets = [{{ uri = "sip:bob@127.0.0.1:34070;transport=udp" }}]\ndtmf = "{callee}"\n{codec}'
    route = "from = [\"alice\"]\nto = '^bob$'\ndo = { bridge = [\"trunk:bob/bob\"] }\n"
    return node.config(stage, trunks=[("alice", alice), ("bob", bob)], routes=[("bob", route)])


def told(phone, text):
    """The signs of the phone's lines about keys."""
    lines = [line.split(text, 1)[1] for line in list(phone.process.lines) if text in line]
    return "".join(line[1] for line in lines)


def ended(phone):
    """The keys that came as events, each told when it ends."""
    lines = [line for line in list(phone.process.lines) if "received event: '" in line and "end=1" in line]
    return "".join(line.split("received event: '", 1)[1][0] for line in lines)


def by_info(phone):
    return told(phone, "received DTMF: ")


def in_sound(phone):
    return keys_in(phone.tap.samples())


def exactly(phone, how, what):
    """That the keys arrive so, each once and in order, and no other does."""
    wait_until(lambda: len(how(phone)) >= len(PRESSED), PATIENCE, f"the keys {what}")
    time.sleep(0.5)
    check(how(phone) == PRESSED, f"{how(phone)!r} {what}")
    others = {by_info, ended, in_sound} - {how}
    doubled = {other.__name__: other(phone) for other in others if other(phone)}
    check(not doubled, f"keys that were heard twice: {doubled}")


def from_baresip(stage, name, caller, callee, how, what):
    """Alice, who is baresip, presses telephone events; or her microphone is a recording of tones."""
    running = []
    with stage.case(name, lambda: [phone.story() for phone in running]):
        tandem = node.Tandem(stage, configuration(stage, caller, callee), name=f"tandem-{caller}-{callee}")
        path = stage.directory / "keys.wav" if caller == "inband" else None
        if path:
            recording(path)
        bob = Baresip(stage, "bob", 34070, "34200-34250", 1000)
        alice = Baresip(stage, "alice", 34060, "34100-34150", 440, control=True, recording=path)
        running += [alice, bob]
        alice.command("dial", f"sip:bob@{stage.address(1)}")
        bob.process.line("Call established", 5)
        if caller != "inband":
            time.sleep(1)
            for sign in PRESSED:
                alice.command("sndcode", sign)
                time.sleep(KEY + PAUSE)
        exactly(bob, how, what)
        alice.command("hangup")
        bob.process.line("terminated", 5)
        for one in running:
            one.end()
        tandem.stop()


def from_info(stage, callee, how, what):
    """A scripted phone presses by INFO, in both forms; bob is baresip."""
    running = []
    host = stage.address(2)
    with stage.case(f"info to {callee}: {what}", lambda: [phone.story() for phone in running]):
        tandem = node.Tandem(stage, configuration(stage, "info", callee, source=host), name=f"tandem-info-{callee}")
        bob = Baresip(stage, "bob", 34070, "34200-34250", 1000)
        running.append(bob)
        phone, ear = Phone(host), AudioEnd(host, 34000)
        call = Call(phone, (stage.address(1), 5060), "bob").invite(sdp(host, 34000))
        answer = call.answered()
        check("telephone-event" not in answer.body, "a phone that presses by INFO is offered events")
        ear.send_tone(answer.media(), 440, 10)
        time.sleep(1)
        for at, sign in enumerate(PRESSED):
            one = ("application/dtmf", sign) if at % 2 else ("application/dtmf-relay", f"Signal={sign}\r\nDuration={round(KEY * 1000)}\r\n")
            check(call.info(*one).status == 200, f"{sign} was not taken")
            time.sleep(KEY)
        exactly(bob, how, what)
        check(level(ear.samples()[RATE:], RATE, 1000) > 0.9, "the phone does not hear bob")
        call.bye()
        bob.process.line("terminated", 5)
        bob.end()
        ear.close()
        phone.close()
        tandem.stop()


def main():
    with Stage("keys", NET) as stage:
        from_baresip(stage, "events to INFO: each key is told once", "rfc4733", "info", by_info, "by INFO")
        from_baresip(stage, "events to tones: each key is heard once", "rfc4733", "inband", in_sound, "as tones")
        from_baresip(stage, "events to events: they go on as they are", "rfc4733", "rfc4733", ended, "as events")
        from_baresip(stage, "tones to events: each key is found, and taken out of the sound", "inband", "rfc4733", ended, "as events")
        from_baresip(stage, "tones to INFO: likewise", "inband", "info", by_info, "by INFO")
        from_info(stage, "rfc4733", ended, "each key is an event")
        from_info(stage, "inband", in_sound, "each key is a tone")


main()
