"""A trunk of several targets with sipp: one refuses, one is silent, two are closed ports, one answers; none of the calls fails.
Then what number and header rules make of an INVITE, as sipp sees it."""

import pathlib
import socket
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lib"))

import node
import sipp
from sipp import Script, sdp
from stage import Stage, wait_until

NET = 21
CALLS = 50
RATE = 10

REFUSING, SILENT, CLOSED, RULED, ANSWERING = 20, 21, 22, 23, 24


def target(stage, host, priority, transport="udp"):
    return f'{{ uri = "sip:{stage.address(host)}:5060;transport={transport}", priority = {priority} }}'


def configuration(stage):
    address = stage.address(1)
    three = [target(stage, ANSWERING, 3), target(stage, REFUSING, 1), target(stage, SILENT, 2)]
    closed = [target(stage, CLOSED, 1), target(stage, CLOSED, 2, "tcp"), target(stage, ANSWERING, 3)]
    rules = """caller_id = "pai"
from_domain = "acme.example"
numbers_out = [{ of = "called", match = '^\\+49', to = '0' }, { of = "caller", match = '^(\\d+)$', to = '+4930$1' }]
headers_out = { pass = ["X-*", "Subject"], remove = ["X-Secret"], set = { X-Carrier = "acme" } }
"""
    return node.config(
        stage,
        listen=f'[[listen]]\nname = "stream"\ntransport = "tcp"\nbind = "{address}:5060"\n',
        trunks=[
            ("caller", f'match = {{ sources = ["{stage.address(10)}/32"] }}\ncaller_id = "pai"\nnumbers_in = [{{ of = "called", match = \'^00\', to = \'+\' }}]\n'),
            ("three", f'targets = [{", ".join(three)}]\ntrying_timeout = "300ms"\n'),
            ("closed", f'targets = [{", ".join(closed)}]\nfailover = ["unreachable"]\n'),
            ("ruled", f'targets = [{target(stage, RULED, 1)}]\n{rules}'),
        ],
        routes=[
            ("to three", "to = '^1$'\ndo = { bridge = [\"trunk:three\"] }\n"),
            ("to closed", "to = '^2$'\ndo = { bridge = [\"trunk:closed\"] }\n"),
            ("to ruled", "to = '^\\+49'\ndo = { bridge = [\"trunk:ruled\"] }\n"),
        ],
    )


def calls(stage, tandem, title, number, refusals):
    """Every call is answered by the last target, whatever the ones before it do."""
    runs = []
    with stage.case(title, lambda: [run.story() for run in runs]):
        ended = len(tandem.ended_calls())
        runs.append(sipp.callee(stage, f"uas-{number}", f"{stage.address(ANSWERING)}:5060", "uas", calls=CALLS, seconds=60))
        if refusals:
            busy = Script.callee().expect("INVITE").reply(503).expect("ACK")
            runs.append(sipp.callee(stage, f"refusing-{number}", f"{stage.address(REFUSING)}:5060", busy, calls=CALLS, seconds=60))
        runs.append(
            sipp.caller(
                stage, f"uac-{number}", f"{stage.address(10)}:5060", f"{stage.address(1)}:5060", "uac",
                number=number, calls=CALLS, seconds=60, extra=["-r", RATE, "-d", 200],
            )
        )  # fmt: skip
        for run in reversed(runs):
            run.done(60)
        wait_until(lambda: len(tandem.ended_calls()) - ended == CALLS, 5, "as many calls to have ended as there were")


def rules(stage):
    runs = []
    with stage.case("number and header rules, as they come over the wire", lambda: [run.story() for run in runs]):
        has = [
            f"^INVITE sip:0301@{stage.address(RULED)}:5060;transport=udp SIP/2.0",
            f"To: <sip:0301@{stage.address(RULED)}:5060;transport=udp>",
            'From: "Desk" <sip:[+]493042@acme.example>;tag=',
            'P-Asserted-Identity: "Desk" <sip:[+]493042@acme.example>',
            "X-Ref: 1.*Subject: Lunch.*X-Ref: 2.*X-Carrier: acme",
        ]
        script = Script.callee().expect("INVITE", has=has, lacks=["X-Secret", "User-to-User", "example[.]com"])
        script.reply(180).reply(200, sdp=sdp()).expect("ACK").expect("BYE", lacks=["X-Ref", "X-Carrier"]).reply(200, to="BYE")
        runs.append(sipp.callee(stage, "ruled", f"{stage.address(RULED)}:5060", script))
        headers = [
            'P-Asserted-Identity: "Desk" <sip:42@example.com>',
            "X-Ref: 1",
            "s: Lunch",
            "X-Secret: 7",
            "User-to-User: 56a3",
            "X-Ref: 2",
        ]
        caller = Script.caller().invite(sdp=sdp(), headers=headers).trying().expect(180).expect(200).ack().pause(200).bye().expect(200)
        runs.append(sipp.caller(stage, "caller", f"{stage.address(10)}:5060", f"{stage.address(1)}:5060", caller, number="0049301"))
        for run in reversed(runs):
            run.done(20)


def main():
    with Stage("failover", NET) as stage, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as silent:
        silent.bind((stage.address(SILENT), 5060))
        tandem = node.Tandem(stage, configuration(stage))
        calls(stage, tandem, f"{CALLS} calls past a target that refuses and one that says nothing", "1", refusals=True)
        calls(stage, tandem, f"{CALLS} calls past closed ports, UDP and TCP", "2", refusals=False)
        rules(stage)
        with stage.case("nothing is left"):
            tandem.stop()


main()
