"""Requests that are too long for a datagram (RFC 3261 §18.1.1), with real sockets: over TCP to whoever takes a connection, else as
datagrams, and that is remembered."""

import time

from phone import Call, Phone, sdp
from stage import check
from stream import Door

# Bytes of a request that is too long for a datagram.
LONG = 1300

# Seconds that a call takes to reach a callee where no connection is tried, at most; and where nobody takes the connection.
AT_ONCE, GIVEN_UP = 0.5, (0.9, 2.0)

# The last part of each callee's address.
TAKING, REFUSING, SHUT, ASKING = 30, 31, 32, 33


def trunks(stage):
    """Their INVITEs are long by what is written into them."""
    padding = ", ".join(f'X-Padding-{number} = "{"x" * 500}"' for number in range(3))
    parameters = {TAKING: "", REFUSING: "", SHUT: "", ASKING: ";transport=udp"}
    return [
        (f"long-{host}", f'targets = [{{ uri = "sip:{stage.address(host)}{parameter}" }}]\nheaders_out = {{ set = {{ {padding} }} }}\n')
        for host, parameter in parameters.items()
    ]


def routes():
    return [(f"long-{host}", f"to = '^{host}$'\ndo = {{ bridge = [\"trunk:long-{host}\"] }}\n") for host in (TAKING, REFUSING, SHUT, ASKING)]


class Ends:
    """A caller, and a callee at UDP and at a door for TCP, if there is one."""

    def __init__(self, stage, host, door=True):
        self.node = (stage.address(1), 5060)
        self.caller, self.datagrams = Phone(stage.address(10)), Phone(stage.address(host))
        self.number = str(host)
        self.door = Door(stage.address(host)) if door else None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for end in (self.caller, self.datagrams, self.door):
            if end:
                end.close()

    def cancelled_call(self, callee, protocol):
        """A call that rings and is cancelled; `callee` says at which phone. Returns the seconds until it was there."""
        began = time.monotonic()
        call = Call(self.caller, self.node, self.number).invite(sdp(self.caller.host, 40000))
        phone = callee()
        invite = phone.request("INVITE")
        took = time.monotonic() - began
        check(len(invite.text.encode()) > LONG, "this is about long requests")
        phone.reply(invite, 180)
        check(self.caller.response("INVITE", least=180).status == 180, "no 180")
        call.cancel()
        cancel = phone.request("CANCEL")
        phone.reply(cancel, 200)
        phone.reply(invite, 487)
        ack = phone.request("ACK")
        check(call.final().status == 487, "no 487")
        for request in (cancel, ack):
            check(len(request.text.encode()) < LONG, "it is long itself")
        for request in (invite, cancel, ack):
            check(request.header("via").startswith(f"SIP/2.0/{protocol} "), f"{request.start} with {request.header('via')}")
            check(request.header("via") == invite.header("via"), "another branch")
        return took


def taken(stage):
    with stage.case("a long INVITE goes over TCP, and its short CANCEL and ACK follow it"), Ends(stage, TAKING) as ends:
        ends.cancelled_call(ends.door.phone, "TCP")
        check(ends.datagrams.silent(0.2), "something came as a datagram")


def refused(stage):
    with stage.case("a long INVITE to who takes no connection is a datagram at once"), Ends(stage, REFUSING, door=False) as ends:
        took = ends.cancelled_call(lambda: ends.datagrams, "UDP")
        check(took < AT_ONCE, f"it took {took:.1f} s")
        # Had it not been remembered, the next would come here.
        ends.door = Door(stage.address(REFUSING))
        ends.cancelled_call(lambda: ends.datagrams, "UDP")
        check(not ends.door.is_knocked(), "a connection was tried again")


def shut(stage):
    with stage.case("a connection that nobody takes costs one second, once"), Ends(stage, SHUT, door=False) as ends:
        ends.door = Door(stage.address(SHUT), backlog=0)
        ends.door.shut()
        took = ends.cancelled_call(lambda: ends.datagrams, "UDP")
        check(GIVEN_UP[0] < took < GIVEN_UP[1], f"it took {took:.1f} s")
        took = ends.cancelled_call(lambda: ends.datagrams, "UDP")
        check(took < AT_ONCE, f"it took {took:.1f} s again")


def asking(stage):
    with stage.case("a target with transport=udp gets long datagrams"), Ends(stage, ASKING) as ends:
        ends.cancelled_call(lambda: ends.datagrams, "UDP")
        check(not ends.door.is_knocked(), "a connection was tried")


def play(stage):
    taken(stage)
    refused(stage)
    shut(stage)
    asking(stage)
