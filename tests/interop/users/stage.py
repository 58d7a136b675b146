"""Phones of an independent make register over UDP, TCP and TLS, call each other by name and are called; one that has the wrong
password gets nowhere. baresip is at 127.0.0.1, as in the stage of that name, and so a user like any other: no trunk is there."""

import pathlib
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lib"))

import node
from audio import hears
from baresip import Baresip
from secure import Authority
from stage import Stage, check, wait_until

NET = 41

# Seconds from the caller's start to its end, most of them in the call.
SECONDS = 7

PASSWORDS = {"alice": "w0nder", "bob": "bu1lder"}

PHONES = {
    "alice": {"sip": 21060, "rtp": "21100-21150", "hertz": 440},
    "bob": {"sip": 21070, "rtp": "21200-21250", "hertz": 1000},
    "bob-2": {"sip": 21080, "rtp": "21300-21350", "hertz": 700},
}


def configuration(stage):
    address = stage.address(1)
    listen = (
        f'[[listen]]\nname = "stream"\ntransport = "tcp"\nbind = "{address}:5060"\n'
        f'[[listen]]\nname = "secure"\ntransport = "tls"\nbind = "{address}"\n'
        f'cert = "{stage.directory}/tandem.pem"\nkey = "{stage.directory}/tandem.key"\nca = "{stage.directory}/ca.pem"\n'
    )
    users = "".join(f'[[user]]\nname = "{name}"\npassword = "{password}"\ncodecs = ["pcmu"]\n' for name, password in PASSWORDS.items())
    routes = [(name, f"from = [\"users\"]\nto = '^{name}$'\ndo = {{ bridge = [\"user:{name}\"] }}\n") for name in PASSWORDS]
    text = node.config(stage, node='domain = "house.example"\n', listen=listen, trunks=[], routes=routes)
    return text + users


def registering(stage, name, transport, *arguments, password=None, authority=None, own=None):
    """A phone that registers as a user; `own` is which of its phones it is."""
    facts = PHONES[own or name]
    port = 5061 if transport == "tls" else 5060
    account = (
        f"<sip:{name}@house.example;transport={transport}>;outbound=\"sip:{stage.address(1)}:{port};transport={transport}\""
        f";auth_user={name};auth_pass={password or PASSWORDS[name]};regint=60"
    )
    lines = f"sip_cafile {authority.cert}\n" if authority else ""
    return Baresip(stage, own or name, facts["sip"], facts["rtp"], facts["hertz"], *arguments, account=account, control=True, lines=lines)


def registrations(tandem, user, change):
    told = (line for line in list(tandem.process.lines) if '"registration.changed"' in line)
    return [line for line in told if f'"user":"{user}"' in line and f'"change":"{change}"' in line]


def is_registered(tandem, user):
    wait_until(lambda: registrations(tandem, user, "added"), 5, f"{user} to register")


def calls(stage, transport, authority=None):
    phones = []
    with stage.case(f"phones register over {transport}, and one calls the other", lambda: [phone.story() for phone in phones]):
        tandem = node.Tandem(stage, configuration(stage), name=f"tandem-{transport}")
        bob = registering(stage, "bob", transport, "-t", str(2 * SECONDS), authority=authority)
        phones.append(bob)
        is_registered(tandem, "bob")
        alice = registering(stage, "alice", transport, "-t", str(SECONDS), authority=authority)
        phones.append(alice)
        is_registered(tandem, "alice")
        alice.command("dial", "sip:bob@house.example")
        check(alice.process.wait(2 * SECONDS) == 0, "alice ended badly")
        bob.process.line("terminated", 5)
        hears(alice.folder, alice.hertz, bob.hertz)
        hears(bob.folder, bob.hertz, alice.hertz)
        ended = tandem.process.line(node.ENDED, 5)
        check('"caller":"user:alice@' in ended and '"callee":"user:bob@' in ended, f"an odd line: {ended}")
        wait_until(lambda: any(registrations(tandem, "alice", fate) for fate in ("removed", "lost")), 5, "alice to be gone")
        for one in phones:
            one.end()
        tandem.stop()


def wrong_password(stage):
    phones = []
    with stage.case("a wrong password registers nobody, and calls nobody", lambda: [phone.story() for phone in phones]):
        tandem = node.Tandem(stage, configuration(stage), name="tandem-wrong")
        mallory = registering(stage, "alice", "udp", "-t", "20", password="guess")
        phones.append(mallory)
        tandem.process.line('"wrong credentials"', 5)
        mallory.command("dial", "sip:bob@house.example")
        time.sleep(2)
        check(not registrations(tandem, "alice", "added"), "a guess registers")
        check(not any(node.ENDED in line for line in list(tandem.process.lines)), "a guess calls")
        mallory.end()
        tandem.stop()


def two_phones(stage):
    phones = []
    with stage.case("both phones of a user ring, over UDP and over TCP", lambda: [phone.story() for phone in phones]):
        tandem = node.Tandem(stage, configuration(stage), name="tandem-two")
        bob = registering(stage, "bob", "udp", "-t", "30")
        other = registering(stage, "bob", "tcp", "-t", "30", own="bob-2")
        alice = registering(stage, "alice", "udp", "-t", "30")
        phones += [bob, other, alice]
        for user, count in (("bob", 2), ("alice", 1)):
            wait_until(lambda: len(registrations(tandem, user, "added")) == count, 5, f"{user} to register")
        alice.command("dial", "sip:bob@house.example")
        bob.process.line("from sdp offer", 5)
        other.process.line("from sdp offer", 5)
        alice.process.line("Call established", 5)
        alice.command("hangup")
        tandem.process.line(node.ENDED, 5)
        for one in phones:
            one.end()
        tandem.stop()


def main():
    with Stage("users", NET) as stage:
        authority = Authority(stage.directory, "ca")
        authority.issue("tandem", f"DNS:house.example,IP:{stage.address(1)}")
        for transport in ("udp", "tcp"):
            calls(stage, transport)
        calls(stage, "tls", authority)
        two_phones(stage)
        wrong_password(stage)


main()
