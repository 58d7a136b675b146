"""Programs written for OpenTok: the public SDKs for Node, of now and of 2017, and for Python, call phones into sessions of a Tandem. What the phones
hear is listened to."""

import json
import pathlib
import subprocess
import sys
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lib"))

import node
from audio import AudioEnd, level
from opentok import Client, MediaModes, Roles
from opentok.exceptions import AuthError, RequestError, SipDialError
from phone import Phone, sdp
from stage import Stage, check, wait_until

NET = 46
HERE = pathlib.Path(__file__).resolve().parent
KEY, SECRET = "123456", "0123456789abcdef0123456789abcdef01234567"
PORT = 8080

# What each phone says, in hertz.
TONES = {11: 440, 12: 620, 13: 850}

# Events of telephones (RFC 4733), as the phones number them.
EVENTS = 101


class Node:
    """The SDK for Node, in a process of its own."""

    def __init__(self, stage, package, secret=SECRET):
        command = ["node", str(HERE / "driver.js"), package, f"http://{stage.address(1)}:{PORT}", KEY, secret]
        self.child = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def ask(self, method, *arguments):
        """What comes of it: a value, or an error in words."""
        self.child.stdin.write(json.dumps([method, *arguments]) + "\n")
        self.child.stdin.flush()
        answer = json.loads(self.child.stdout.readline())
        return answer.get("ok"), answer.get("error")

    def __call__(self, method, *arguments):
        ok, error = self.ask(method, *arguments)
        check(error is None, f"{method}: {error}")
        return ok

    def close(self):
        self.child.stdin.close()
        self.child.wait(timeout=10)


class Ear:
    """A phone that answers and says its tone."""

    def __init__(self, stage, host):
        self.host, self.address = host, stage.address(host)
        self.phone, self.audio = Phone(self.address), AudioEnd(self.address, 30000)
        self.uri = f"sip:bob@{self.address}:5060"
        self.sending = None

    def answer(self):
        """Takes the call that comes; the INVITE."""
        invite = self.phone.request("INVITE")
        lines = ("rtpmap:0 PCMU/8000", f"rtpmap:{EVENTS} telephone-event/8000", f"fmtp:{EVENTS} 0-15")
        self.phone.reply(invite, 200, sdp(self.address, 30000, f"0 {EVENTS}", lines), tag=f"t{self.host}")
        self.phone.request("ACK")
        self.sending = self.audio.send_tone(invite.media(), TONES[self.host], 60)
        return invite

    def hears(self):
        """Whose tones it hears now."""
        before = len(self.audio.samples())
        time.sleep(0.6)
        samples = self.audio.samples()[before:]
        return [host for host, tone in TONES.items() if level(samples, 8000, tone) > 0.2]

    def keys(self):
        """The keys that it was told of."""
        events = [packet for _, packet in list(self.audio.received) if packet[1] & 0x7F == EVENTS]
        ends = {packet[4:8]: packet[12] for packet in events if packet[13] & 0x80}
        return list(ends.values())

    def bye(self):
        """It is hung up."""
        self.phone.reply(self.phone.request("BYE"), 200)

    def close(self):
        self.audio.close()
        self.phone.close()


class Ears:
    """Phones of one case."""

    def __init__(self, stage, *hosts):
        self.all = [Ear(stage, host) for host in hosts]

    def __enter__(self):
        return self.all

    def __exit__(self, *_):
        for ear in self.all:
            ear.close()


def configuration(stage):
    api = f'[api]\nbind = "{stage.address(1)}:{PORT}"\nopentok = [{{ key = "{KEY}", secret = "{SECRET}" }}]\n'
    other = "match = { sources = [\"127.0.0.1/32\"] }\n"
    routes = [("none", 'do = { reject = 404 }\n')]
    return node.config(stage, trunks=[("local", other)], routes=routes) + "\n" + api


def all_hear_all_but_themselves(ears):
    for ear in ears:
        expected = [other.host for other in ears if other is not ear]
        wait_until(lambda ear=ear, expected=expected: ear.hears() == expected, 8, f"{ear.host} to hear {expected}")


def todays_node(stage):
    sdk = Node(stage, "opentok")
    session = sdk("createSession", {"mediaMode": "routed"})
    token = sdk("generateToken", session, {"data": "sip=true"})
    check(token.count(".") == 2, f"an odd token: {token}")
    with Ears(stage, 11, 12, 13) as ears:
        calls = []
        for ear in ears[:2]:
            options = {"auth": {}, "headers": {"X-Ref": "42"}, "from": "14155550101@example.com"}
            calls.append(sdk("dial", session, token, ear.uri, options))
            invite = ear.answer()
            check(invite.header("x-ref") == "42" and "14155550101@example.com" in invite.header("from"), invite.text)
        all_hear_all_but_themselves(ears[:2])
        old = sdk("generateToken", session, {"role": "moderator"}, True)
        check(old.startswith("T1=="), f"an odd token: {old}")
        calls.append(sdk("dial", session, old, ears[2].uri, {"observeForceMute": True}))
        ears[2].answer()
        all_hear_all_but_themselves(ears)
        streams = sdk("listStreams", session)
        check([stream["id"] for stream in streams] == [call["streamId"] for call in calls], f"{streams} of {calls}")
        sdk("playDTMF", session, calls[1]["connectionId"], "12p#")
        wait_until(lambda: ears[1].keys() == [1, 2, 11], 5, "the keys")
        sdk("signal", session, None, {"type": "chat", "data": "hello"})
        sdk("signal", session, calls[0]["connectionId"], {"type": "chat", "data": "hello"})
        sdk("forceMuteAll", session, {})
        wait_until(lambda: ears[0].hears() == [12], 5, "the third to be muted")
        sdk("disableForceMute", session)
        wait_until(lambda: ears[0].hears() == [12, 13], 5, "the third to be heard again")
        sdk("forceMuteStream", session, calls[1]["streamId"])
        wait_until(lambda: ears[0].hears() == [13], 5, "the second to be muted")
        for ear, call in zip(ears, calls):
            sdk("forceDisconnect", session, call["connectionId"])
            ear.bye()
        wait_until(lambda: sdk("listStreams", session) == [], 5, "the session to be empty")
    sdk.close()


def errors_of_todays_node(stage):
    sdk = Node(stage, "opentok")
    session, relayed = sdk("createSession", {"mediaMode": "routed"}), sdk("createSession", {})
    token = sdk("generateToken", session)
    for arguments, words in (
        ((relayed, sdk("generateToken", relayed), "sip:a@127.0.0.1", {}), "relayed"),
        ((session, token, "sip:a@127.0.0.1", {"secure": True}), "not built yet"),
        ((session, token, "sip:a@127.0.0.1", {"headers": {"Via": "x"}}), "Via"),
        ((session, sdk("generateToken", relayed), "sip:a@127.0.0.1", {}), "another session"),
    ):
        _, error = sdk.ask("dial", *arguments)
        check(error and "Failed to dial endpoint" in error and words in error, f"{arguments}: {error}")
    _, error = sdk.ask("forceDisconnect", session, "nobody")
    check(error is not None, "nobody was disconnected")
    sdk.close()
    stranger = Node(stage, "opentok", secret="another secret altogether")
    _, error = stranger.ask("createSession", {"mediaMode": "routed"})
    check(error and "Invalid API key or secret" in error, f"a stranger was told {error}")
    stranger.close()


def an_old_node(stage):
    sdk = Node(stage, "opentok-old")
    session = sdk("createSession", {"mediaMode": "routed"})
    token = sdk("generateToken", session, {"data": "sip=true"})
    check(token.startswith("T1=="), f"an odd token: {token}")
    with Ears(stage, 11, 12) as ears:
        calls = []
        for ear in ears:
            calls.append(sdk("dial", session, token, ear.uri, {"auth": {}}))
            ear.answer()
        all_hear_all_but_themselves(ears)
        for ear, call in zip(ears, calls):
            sdk("forceDisconnect", session, call["connectionId"])
            ear.bye()
    sdk.close()


def python(stage):
    url = f"http://{stage.address(1)}:{PORT}"
    sdk = Client(KEY, SECRET, api_url=url)
    session = sdk.create_session(media_mode=MediaModes.routed).session_id
    with Ears(stage, 11, 12) as ears:
        calls = []
        for ear, use_jwt in zip(ears, (True, False)):
            token = sdk.generate_token(session, role=Roles.publisher, data="sip=true", use_jwt=use_jwt)
            token = token.decode() if isinstance(token, bytes) else token
            calls.append(sdk.dial(session, token, ear.uri, {"from": "14155550101@example.com", "observeForceMute": True}))
            ear.answer()
        all_hear_all_but_themselves(ears)
        check(sdk.list_streams(session).count == 2, "not two streams")
        sdk.get_stream(session, calls[0].streamId)
        sdk.play_dtmf(session, calls[0].connectionId, "5")
        wait_until(lambda: ears[0].keys() == [5], 5, "the key")
        sdk.send_signal(session, {"type": "chat", "data": "hello"})
        sdk.mute_all(session, [calls[0].streamId])
        wait_until(lambda: (ears[0].hears(), ears[1].hears()) == ([], [11]), 5, "the second to be muted")
        sdk.disable_force_mute(session)
        wait_until(lambda: ears[0].hears() == [12], 5, "the second to be heard again")
        sdk.mute_stream(session, calls[0].streamId)
        wait_until(lambda: ears[1].hears() == [], 5, "the first to be muted")
        for ear, call in zip(ears, calls):
            sdk.force_disconnect(session, call.connectionId)
            ear.bye()
    for session, error in (("nonsense", SipDialError), (sdk.create_session().session_id, SipDialError)):
        try:
            sdk.dial(session, "nonsense", "sip:a@127.0.0.1")
        except error:
            continue
        check(False, f"{session} was taken")
    try:
        Client(KEY, "another secret altogether", api_url=url).create_session(media_mode=MediaModes.routed)
    except (AuthError, RequestError) as error:
        check("invalid credentials" in str(error), f"a stranger was told {error}")
    else:
        check(False, "a stranger was let in")


def main():
    with Stage("opentok", NET) as stage:
        tandem = node.Tandem(stage, configuration(stage))
        stories = lambda: [tandem.process.story()]
        for title, case in (
            ("the SDK for Node", todays_node),
            ("what it says of errors", errors_of_todays_node),
            ("the SDK for Node of 2017", an_old_node),
            ("the SDK for Python", python),
        ):
            with stage.case(title, stories):
                case(stage)
        with stage.case("nothing is left"):
            tandem.stop()


if __name__ == "__main__":
    main()
