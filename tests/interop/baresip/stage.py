"""Phones of an independent make call each other through Tandem, and each hears the other's tone: through the whole call, and again
after each hold, each resumption and each transfer. Tandem alone is in the stage's network; see lib/baresip.py."""

import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lib"))

import node
from baresip import Baresip, hear_each_other
from stage import Stage

NET = 15

# Seconds from the caller's start to its end, most of them in the call.
SECONDS = 6

PHONES = {
    "alice": {"SIP": 15060, "RTP": "15100-15150", "HERTZ": 440},
    "bob": {"SIP": 15070, "RTP": "15200-15250", "HERTZ": 1000},
    "carol": {"SIP": 15080, "RTP": "15300-15350", "HERTZ": 700},
}


def configuration(stage, codecs, lines=""):
    phones = f'targets = [{{ uri = "sip:bob@127.0.0.1:15070;transport=udp" }}]\nmatch = {{ sources = ["127.0.0.1/32"] }}\ncodecs = {codecs}\n'
    carol = f'targets = [{{ uri = "sip:carol@127.0.0.1:15080;transport=udp" }}]\ncodecs = {codecs}\n'
    return node.config(
        stage,
        trunks=[("phones", phones + lines), ("carol", carol)],
        routes=[
            ("bob", "from = [\"phones\"]\nto = '^bob$'\ndo = { bridge = [\"trunk:phones/bob\"] }\n"),
            ("carol", "from = [\"phones\"]\nto = '^carol$'\ndo = { bridge = [\"trunk:carol/carol\"] }\n"),
        ],
    )


def phone(stage, name, codec, *arguments, control=False):
    facts = PHONES[name]
    return Baresip(stage, name, facts["SIP"], facts["RTP"], facts["HERTZ"], *arguments, codec=codec, control=control)


def call(stage, codec):
    phones = []
    title = f"baresip to baresip over {codec}: each hears the other's tone"
    with stage.case(title, lambda: [phone.story() for phone in phones]):
        tandem = node.Tandem(stage, configuration(stage, f'["{codec.lower()}"]'), name=f"tandem-{codec}")
        bob = phone(stage, "bob", codec, "-t", str(2 * SECONDS))
        phones.append(bob)
        alice = phone(stage, "alice", codec, "-t", str(SECONDS), "-e", f"d sip:bob@{stage.address(1)}")
        phones.append(alice)
        hear_each_other(alice, bob, SECONDS)
        tandem.stop()


def holds(stage):
    """Each in turn, then both at once: who is held hears nothing, and after the resumption both hear the right tone again."""
    phones = []
    with stage.case("hold and resume from either side, and from both", lambda: [phone.story() for phone in phones]):
        tandem = node.Tandem(stage, configuration(stage, '["pcmu"]'), name="tandem-holds")
        bob = phone(stage, "bob", "PCMU", "-t", "60", control=True)
        alice = phone(stage, "alice", "PCMU", "-t", "60", control=True)
        phones += [alice, bob]
        alice.command("dial", f"sip:bob@{stage.address(1)}")

        def both_hear():
            alice.hears(bob.hertz)
            bob.hears(alice.hertz)

        both_hear()
        for holder, held in ((alice, bob), (bob, alice)):
            holder.command("hold")
            held.is_silent()
            holder.command("resume")
            both_hear()
        alice.command("hold")
        bob.command("hold")
        alice.is_silent()
        bob.is_silent()
        bob.command("resume")
        alice.command("resume")
        both_hear()
        alice.command("hangup")
        bob.process.line("terminated", 5)
        for one in phones:
            one.end()
        tandem.stop()


def transfers(stage, transferor):
    """The transferor, who called or was called, sends the other one on to carol: those two hear each other then."""
    phones = []
    with stage.case(f"blind transfer by {transferor}, who {'called' if transferor == 'alice' else 'was called'}", lambda: [phone.story() for phone in phones]):
        tandem = node.Tandem(stage, configuration(stage, '["pcmu"]', 'refer = "execute"\n'), name=f"tandem-transfer-{transferor}")
        bob = phone(stage, "bob", "PCMU", "-t", "60", control=True)
        carol = phone(stage, "carol", "PCMU", "-t", "60", control=True)
        alice = phone(stage, "alice", "PCMU", "-t", "60", control=True)
        phones += [alice, bob, carol]
        alice.command("dial", f"sip:bob@{stage.address(1)}")
        alice.hears(bob.hertz)
        bob.hears(alice.hertz)
        leaves, stays = (alice, bob) if transferor == "alice" else (bob, alice)
        leaves.command("transfer", f"sip:carol@{stage.address(1)}")
        stays.hears(carol.hertz)
        carol.hears(stays.hertz)
        leaves.process.line("terminated", 5)
        leaves.is_silent()
        carol.command("hangup")
        stays.process.line("terminated", 5)
        for one in phones:
            one.end()
        tandem.stop()


def main():
    with Stage("baresip", NET) as stage:
        for codec in ("PCMU", "PCMA"):
            call(stage, codec)
        holds(stage)
        for transferor in ("bob", "alice"):
            transfers(stage, transferor)


main()
