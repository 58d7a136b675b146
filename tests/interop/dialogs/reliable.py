"""Reliable provisional responses (RFC 3262): each leg by itself, whatever the other does."""

from case import Case, hangs_up, hung_up
from sipp import Script, sdp

SUPPORTED = ["Supported: 100rel"]
RELIABLE = ["Require: 100rel", "RSeq: 4711"]
ANNOUNCED = "Supported:.*100rel"


def asks(headers=SUPPORTED):
    return Script.caller().invite(sdp(), headers=headers).trying()


def rings_reliably(status=180, offer=None):
    callee = Script.callee().expect("INVITE", has=[ANNOUNCED]).reply(status, sdp=offer, headers=RELIABLE)
    return callee.expect("PRACK", has=["RAck: *4711 [0-9]+ INVITE"]).reply(200, to="PRACK")


CASES = [
    Case(
        "100rel with the caller alone: the callee rings as it always did",
        hangs_up(asks().reliable(180).prack().expect(200).expect(200, has=["m=audio"]).ack()),
        [hung_up(Script.callee().expect("INVITE").reply(180).pause(300).reply(200, sdp=sdp()).expect("ACK"))],
    ),
    Case(
        "100rel with the callee alone: the caller hears an ordinary 180",
        hangs_up(Script.caller().invite(sdp()).trying().expect(180, lacks=["100rel"]).expect(200).ack()),
        [hung_up(rings_reliably().reply(200, sdp=sdp()).expect("ACK"))],
    ),
    Case(
        "100rel on both legs, the answer in the 183: the 200 comes when that is acknowledged",
        hangs_up(asks().reliable(183, body=["m=audio [1-9]"]).pause(700).prack().expect(200).expect(200).ack()),
        [hung_up(rings_reliably(183, sdp()).reply(200).expect("ACK"))],
    ),
    Case(
        "a reliable 180 comes again until its PRACK",
        hangs_up(asks().reliable(180).reliable(180).reliable(180).prack().expect(200).expect(200).ack()),
        [hung_up(Script.callee().expect("INVITE").reply(180).pause(3000).reply(200, sdp=sdp()).expect("ACK"))],
        bare=True,
    ),
    Case(
        "a PRACK that matches nothing gets 481, and the call goes on",
        hangs_up(
            asks().reliable(180).request("PRACK", ["RAck: 1 1 INVITE"]).expect(481).prack().expect(200).expect(200).ack()
        ),
        [hung_up(Script.callee().expect("INVITE").reply(180).pause(400).reply(200, sdp=sdp()).expect("ACK"))],
    ),
    Case(
        "prack = \"off\": nothing is announced, and 100rel that is required gets 420",
        Script.caller().invite(sdp(), headers=["Require: 100rel"]).trying().expect(420, has=["Unsupported: *100rel"]).ack_failure(),
        [],
        near='prack = "off"\n',
        do="reject = 410",
    ),
    Case(
        "prack = \"required\" towards a caller that has none: 421",
        Script.caller().invite(sdp()).trying().expect(421, has=["Require: *100rel"]).ack_failure(),
        [],
        near='prack = "required"\n',
        do="reject = 410",
    ),
]
