"""A call as all its sides tell it."""

import dataclasses

from sipp import Script, sdp


@dataclasses.dataclass
class Case:
    title: str
    caller: Script
    callees: list
    # Lines of the caller's trunk, and of each callee's.
    near: str = ""
    far: str = ""
    # What the route does, with {0}, {1} … for the callees' trunks; None: it bridges to the first.
    do: str | None = None
    # More routes, before that one: names and lines, with {0}, {1} … and {caller}.
    routes: tuple = ()
    # Without retransmissions of its own sipp also shows those of the other side as messages.
    bare: bool = False


def called(script=None):
    """A caller up to its ACK."""
    return (script or Script.caller()).invite(sdp()).trying().expect(180).expect(200).ack()


def answered(script=None):
    """A callee up to its ACK."""
    return (script or Script.callee()).expect("INVITE").reply(180).reply(200, sdp=sdp()).expect("ACK")


def hung_up(script, **expected):
    return script.expect("BYE", **expected).reply(200, to="BYE")


def hangs_up(script):
    return script.bye().expect(200)
