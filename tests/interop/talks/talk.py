"""One node and its phones, which have no codec in common; each says a tone of its own."""

import contextlib
import time

import node
from audio import HEARD, RATE, level, read_wav
from baresip import Baresip
from stage import check, wait_until

PHONES = {
    "alice": {"sip": 45060, "rtp": "45100-45150", "hertz": 440, "codec": "PCMU"},
    "bob": {"sip": 45070, "rtp": "45200-45250", "hertz": 1000, "codec": "opus"},
    "carol": {"sip": 45080, "rtp": "45300-45350", "hertz": 700, "codec": "G722"},
}

# The share of a signal's power that a tone may have which is not heard.
UNHEARD = 0.01

# Seconds that are looked at.
LISTENED = 1.0


# Seconds until whoever is held hears nothing more: the phone's answer, and what was on its way.
SETTLED = 0.5


@contextlib.contextmanager
def talk(stage, title, name, *phones, **options):
    """A case with a node and phones of its own."""
    one = Talk(stage, name, **options)
    try:
        with stage.case(title, lambda: [phone.story() for phone in one.phones]):
            one.begin(phones)
            yield one
    finally:
        one.close()


class Talk:
    """`lines` are of the trunk of those who call, `route` of the route to bob."""

    def __init__(self, stage, name, lines="", route="", calls=""):
        self.stage = stage
        self.folder = stage.directory / f"recordings-{name}"
        self.tandem = node.Tandem(stage, configuration(stage, lines, route, calls) + f'\n[files]\nrecordings = "{self.folder}"\n', name=f"tandem-{name}")
        self.phones = []

    def begin(self, names):
        for name in names:
            self.phones.append(self._phone(name))

    def _phone(self, name):
        facts = PHONES[name]
        return Baresip(self.stage, name, facts["sip"], facts["rtp"], facts["hertz"], codec=facts["codec"], control=True)

    def dial(self, caller, callee):
        caller.command("dial", f"sip:{callee.name}@{self.stage.address(1)}")
        hear_each_other(caller, callee)

    def refer(self, phone, stays, parameters=""):
        """`phone` has the node connect who stays with that one."""
        phone.command("transfer", f"<sip:{stays.name}@{self.stage.address(1)}{parameters}>")

    def hang_up(self, ends, stays):
        ends.command("hangup")
        stays.process.line("terminated", 5)
        for phone in self.phones:
            phone.end()
            did_not_record_itself(phone)
        self.tandem.stop()

    def close(self):
        for phone in self.phones:
            phone.end()
        self.tandem.process.end()


def configuration(stage, lines, route, calls):
    codecs = 'codecs = ["pcmu", "opus", "g722"]\n'
    phones = f'targets = [{{ uri = "sip:bob@127.0.0.1:{PHONES["bob"]["sip"]};transport=udp" }}]\nmatch = {{ sources = ["127.0.0.1/32"] }}\n'
    carol = f'targets = [{{ uri = "sip:carol@127.0.0.1:{PHONES["carol"]["sip"]};transport=udp" }}]\n'
    to = "from = [\"phones\"]\nto = '^{0}$'\ndo = {{ bridge = [\"trunk:{1}/{0}\"] }}\n"
    return node.config(
        stage,
        trunks=[("phones", phones + codecs + lines), ("carol", carol + codecs)],
        routes=[("bob", to.format("bob", "phones") + route), ("carol", to.format("carol", "carol"))],
        calls=calls,
    )


def hear_each_other(one, other):
    """That each hears the other soon, and from then on nobody else, themselves least of all."""
    one.hears(other.hertz)
    other.hears(one.hertz)
    begun, count = [len(phone.tap.samples()) for phone in (one, other)], round(LISTENED * RATE)
    for phone, said_by, first in zip((one, other), (other, one), begun):
        wait_until(lambda: len(phone.tap.samples()) >= first + count, 3 * LISTENED, f"{phone.name} to hear something")
        hears_only(phone, said_by, phone.tap.samples()[first : first + count])


def hears_only(phone, other, heard):
    check(level(heard, RATE, other.hertz) > HEARD, f"{phone.name} hears {other.name} no more")
    for name, facts in PHONES.items():
        share = level(heard, RATE, facts["hertz"])
        check(name == other.name or share < UNHEARD, f"{phone.name} hears {share:.1%} of {name}")


def falls_silent(phone):
    """That soon nothing reaches the phone any more."""
    wait_until(lambda: time.time() - list(phone.tap.sounds)[-1].at > SETTLED / 2, SETTLED, f"{phone.name} to hear nothing")
    phone.is_silent()


def did_not_record_itself(phone):
    """What came out of its loudspeaker, as far as it recorded that."""
    for path in phone.folder.glob("dump-*-dec.wav"):
        share = level(*read_wav(path), phone.hertz)
        check(share < UNHEARD, f"{phone.name} recorded {share:.1%} of itself")
