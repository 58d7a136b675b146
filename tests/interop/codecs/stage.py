"""Phones of an independent make that have no codec in common call each other, and each hears the other's tone in its own codec."""

import itertools
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lib"))

import node
from baresip import CODECS, Baresip, hear_each_other
from stage import Stage

NET = 33

# Seconds from the caller's start to its end, most of them in the call.
SECONDS = 5

ALICE_HZ, BOB_HZ = 440, 1000


def configuration(stage, caller, callee):
    alice = f'match = {{ sources = ["127.0.0.1/32"] }}\ncodecs = ["{caller.lower()}"]\n'
    bob = f'targets = [{{ uri = "sip:bob@127.0.0.1:33070;transport=udp" }}]\ncodecs = ["{callee.lower()}"]\n'
    route = "from = [\"alice\"]\nto = '^bob$'\ndo = { bridge = [\"trunk:bob/bob\"] }\n"
    return node.config(stage, trunks=[("alice", alice), ("bob", bob)], routes=[("bob", route)])


def call(stage, caller, callee):
    phones = []
    with stage.case(f"{caller} to {callee}: each hears the other's tone", lambda: [phone.story() for phone in phones]):
        tandem = node.Tandem(stage, configuration(stage, caller, callee), name=f"tandem-{caller}-{callee}")
        bob = Baresip(stage, "bob", 33070, "33200-33250", BOB_HZ, "-t", str(SECONDS + 1), codec=callee)
        phones.append(bob)
        there = f"d sip:bob@{stage.address(1)}"
        alice = Baresip(stage, "alice", 33060, "33100-33150", ALICE_HZ, "-t", str(SECONDS), "-e", there, codec=caller)
        phones.append(alice)
        hear_each_other(alice, bob, SECONDS)
        tandem.stop()


def main():
    with Stage("codecs", NET) as stage:
        for caller, callee in itertools.permutations(CODECS, 2):
            call(stage, caller, callee)


main()
