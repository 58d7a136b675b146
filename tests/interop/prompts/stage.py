"""What a phone of an independent make hears of Tandem itself: a prompt until it is over, an announcement before a refusal, the ringing tone
of a country and music while somebody rings."""

import math
import pathlib
import sys
import wave

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lib"))

import node
import sipp
from baresip import Baresip
from stage import Stage, check, wait_until

NET = 44

# A rate that no codec has.
FILE_RATE = 44100

# What the prompts are, and the German ringing tone.
PROMPT, REFUSAL, MUSIC, RINGING = 440, 620, 830, 425


def prompt(folder, name, hertz, seconds):
    with wave.open(str(folder / name), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(FILE_RATE)
        samples = (round(8000 * math.sin(2 * math.pi * hertz * n / FILE_RATE)) for n in range(int(FILE_RATE * seconds)))
        file.writeframes(b"".join(sample.to_bytes(2, "little", signed=True) for sample in samples))


def configuration(stage):
    folder = stage.directory / "prompts"
    folder.mkdir()
    for name, hertz, seconds in (("welcome.wav", PROMPT, 2), ("unknown.wav", REFUSAL, 3), ("music.wav", MUSIC, 1)):
        prompt(folder, name, hertz, seconds)
    routes = {
        "welcome": 'answer = "welcome.wav", times = 2',
        "nobody": 'reject = 404, announce = "unknown.wav"',
        "german": 'bridge = ["trunk:bob/bob"], ringback = "de"',
        "music": 'bridge = ["trunk:bob/bob"], ringback = "music.wav"',
    }
    alice = 'match = { sources = ["127.0.0.1/32"] }\n'
    text = node.config(
        stage,
        trunks=[("alice", alice), ("bob", node.trunk(stage.address(2)))],
        routes=[(name, f"from = [\"alice\"]\nto = '^{name}$'\ndo = {{ {do} }}\n") for name, do in routes.items()],
    )
    return text + f'\n[files]\nprompts = "{folder}"\n'


def stop(tandem):
    """The threads that read files stay for ten seconds, should there be more to read."""
    wait_until(lambda: tandem._threads() <= tandem.threads, 15, "the threads that read files to end")
    tandem.stop()


def calls(stage, number, seconds):
    return Baresip(stage, "alice", 44060, "44100-44150", 1000, "-t", str(seconds), "-e", f"d sip:{number}@{stage.address(1)}")


def played(stage, tandem, number, hertz, ending):
    phones = []
    with stage.case(f"{number}: {hertz} Hz of a file of {FILE_RATE} Hz, then {ending}", lambda: [phone.story() for phone in phones]):
        before = len(tandem.ended_calls())
        alice = calls(stage, number, 10)
        phones.append(alice)
        alice.hears(hertz)
        wait_until(lambda: len(tandem.ended_calls()) > before, 8, "the call to end by itself")
        check(ending in tandem.ended_calls()[-1], f"it ended otherwise: {tandem.ended_calls()[-1]}")
        alice.end()


def ringing(stage, number, hertz):
    phones = []
    with stage.case(f"{number}: {hertz} Hz while somebody rings, and no more once that one has answered", lambda: [phone.story() for phone in phones]):
        tandem = node.Tandem(stage, stage.text, name=f"tandem-{number}")
        script = sipp.Script.callee().expect("INVITE").reply(180).pause(5000).reply(200, sdp=sipp.sdp()).expect("ACK").expect("BYE").reply(200)
        bob = sipp.callee(stage, f"bob-{number}", f"{stage.address(2)}:5060", script)
        phones.append(bob)
        alice = calls(stage, number, 9)
        phones.append(alice)
        alice.hears(hertz, 4)
        wait_until(lambda: any("Call established" in line for line in alice.process.lines), 8, "bob to answer")
        alice.is_silent()
        bob.done(12)
        alice.end()
        wait_until(lambda: tandem.ended_calls(), 5, "the call to end")
        stop(tandem)


def main():
    with Stage("prompts", NET) as stage:
        stage.text = configuration(stage)
        tandem = node.Tandem(stage, stage.text)
        played(stage, tandem, "welcome", PROMPT, "announcement over")
        played(stage, tandem, "nobody", REFUSAL, "404")
        stop(tandem)
        ringing(stage, "german", RINGING)
        ringing(stage, "music", MUSIC)


main()
