"""Two phones of an independent make call each other through Tandem, and each hears the other's tone.

baresip binds its media sockets to all addresses, so that on loopback its packets leave from 127.0.0.1 whatever it is told:
here the phones are at that address, told apart by their ports, and Tandem alone is in the stage's network."""

import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lib"))

import node
from audio import hears
from stage import Stage, check, is_bound, wait_until

NET = 15
HERE = pathlib.Path(__file__).resolve().parent

# Seconds from the caller's start to its end, most of them in the call.
SECONDS = 6

PHONES = {
    "alice": {"SIP": 15060, "RTP": "15100-15150", "HERTZ": 440},
    "bob": {"SIP": 15070, "RTP": "15200-15250", "HERTZ": 1000},
}


def configuration(stage, codecs):
    phones = f'targets = [{{ uri = "sip:bob@127.0.0.1:15070;transport=udp" }}]\nmatch = {{ sources = ["127.0.0.1/32"] }}\ncodecs = {codecs}\n'
    return node.config(
        stage,
        trunks=[("phones", phones)],
        routes=[("all", "from = [\"phones\"]\nto = '^bob$'\ndo = { bridge = [\"trunk:phones/bob\"] }\n")],
    )


def phone(stage, name, codec, arguments):
    """A running baresip; its recordings are in its folder."""
    facts = PHONES[name]
    folder = stage.directory / f"{name}-{codec}"
    folder.mkdir()
    text = (HERE / "config.template").read_text(encoding="utf-8")
    for key, value in {**facts, "NAME": name, "FOLDER": folder}.items():
        text = text.replace(f"@{key}@", str(value))
    (folder / "config").write_text(text, encoding="utf-8")
    account = f"<sip:{name}@127.0.0.1:{facts['SIP']}>;regint=0;answermode=auto;audio_codecs={codec}/8000/1\n"
    (folder / "accounts").write_text(account, encoding="utf-8")
    (folder / "contacts").write_text("", encoding="utf-8")
    process = stage.start(f"{name}-{codec}", ["baresip", "-f", folder, *arguments])
    wait_until(lambda: is_bound("127.0.0.1", facts["SIP"]) or not process.running, 5, f"{name} to listen")
    return process, folder


def call(stage, codec):
    phones = []
    title = f"baresip to baresip over {codec}: each hears the other's tone"
    with stage.case(title, lambda: [process.story() for process, _ in phones]):
        tandem = node.Tandem(stage, configuration(stage, f'["{codec.lower()}"]'), name=f"tandem-{codec}")
        bob = phone(stage, "bob", codec, ["-t", str(2 * SECONDS)])
        phones.append(bob)
        alice = phone(stage, "alice", codec, ["-t", str(SECONDS), "-e", f"d sip:bob@{stage.address(1)}"])
        phones.append(alice)
        check(alice[0].wait(2 * SECONDS) == 0, "alice ended badly")
        bob[0].line("terminated", 5)
        bob[0].wait(3 * SECONDS)
        hears(alice[1], PHONES["alice"]["HERTZ"], PHONES["bob"]["HERTZ"])
        hears(bob[1], PHONES["bob"]["HERTZ"], PHONES["alice"]["HERTZ"])
        tandem.stop()


def main():
    with Stage("baresip", NET) as stage:
        for codec in ("PCMU", "PCMA"):
            call(stage, codec)


main()
