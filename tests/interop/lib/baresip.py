"""baresip, a phone of an independent make: a sine is its microphone, a recording its loudspeaker.

It binds its media sockets to all addresses, so that on loopback its packets leave from 127.0.0.1 whatever it is told: the phones are
at that address, told apart by their ports. Its recording stops at the first hold and does not go on when that is over: what it hears
in the middle of a call is read from the wire."""

import json
import pathlib
import socket
import time

from audio import HEARD, RATE, hears, level
from stage import check, is_bound, wait_until
from tap import Tap

HOST = "127.0.0.1"
TEMPLATE = pathlib.Path(__file__).resolve().parent / "baresip.template"

# How an account names a codec, and the module that brings it where the template has none.
CODECS = {
    "PCMU": ("PCMU/8000/1", None),
    "PCMA": ("PCMA/8000/1", None),
    "G722": ("G722/16000/1", "g722.so"),
    "opus": ("opus/48000/2", "opus.so"),
}

# Seconds of what was heard last that are looked at, and how long they may take to be right.
LISTENED, PATIENCE = 1.5, 8


class Baresip:
    """One running phone that answers by itself; `account` has it register, and `recording` is what it says in place of a sine. `control` opens a TCP port for commands, two above its SIP port (the one between is of TLS)."""

    def __init__(self, stage, name, sip, rtp, hertz, *arguments, codec="PCMU", control=False, lines="", account=None, recording=None):
        self.name, self.sip, self.hertz = name, sip, hertz
        self.folder = stage.directory / f"{name}-{len(stage.processes)}"
        self.folder.mkdir()
        text = TEMPLATE.read_text(encoding="utf-8")
        for key, value in {"SIP": sip, "RTP": rtp, "HERTZ": hertz, "NAME": name, "FOLDER": self.folder}.items():
            text = text.replace(f"@{key}@", str(value))
        if recording:
            # A microphone that hears that file, of one channel at 8 kHz. What comes first in a configuration counts.
            source = f"module aufile.so\naudio_source aufile,{recording}\nausrc_srate 8000\nausrc_channels 1\n"
            text = source + text
        account = account or f"<sip:{name}@{HOST}:{sip}>;regint=0"
        named, module = CODECS[codec]
        if module:
            lines += f"module {module}\n"
        account += f";answermode=auto;audio_codecs={named}\n"
        if control:
            lines += f"module_app ctrl_tcp.so\nctrl_tcp_listen {HOST}:{sip + 2}\n"
        (self.folder / "config").write_text(text + lines, encoding="utf-8")
        (self.folder / "accounts").write_text(account, encoding="utf-8")
        (self.folder / "contacts").write_text("", encoding="utf-8")
        self.tap = Tap(*(int(port) for port in rtp.split("-")), codec, sip)
        self.process = stage.start(self.folder.name, ["baresip", "-f", self.folder, *arguments])
        wait_until(lambda: is_bound(HOST, sip) or not self.process.running, 5, f"{name} to listen")
        if control:
            wait_until(lambda: is_bound(HOST, sip + 2, "tcp"), 5, f"{name} to take commands")

    def command(self, name, parameters=""):
        """Types a command, and waits for the phone's word that it was done."""
        text = json.dumps({"command": name, "params": parameters, "token": "1"})
        with socket.create_connection((HOST, self.sip + 2), timeout=5) as connection:
            connection.sendall(f"{len(text)}:{text},".encode())
            connection.settimeout(5)
            answer = b""
            while b'"response":true' not in answer.replace(b" ", b""):
                piece = connection.recv(4096)
                check(piece, f"{self.name} closed on {name}")
                answer += piece
        check(b'"ok":true' in answer.replace(b" ", b""), f"{self.name} did not do {name}: {answer!r}")

    def end(self):
        self.process.end()
        self.tap.close()

    def story(self):
        return self.process.story()

    def hears(self, hertz, seconds=PATIENCE):
        """That what reaches the phone from now on is that tone."""
        before, count = len(self.tap.samples()), round(LISTENED * RATE)
        until = time.monotonic() + seconds
        share = 0.0
        while time.monotonic() < until:
            heard = self.tap.samples()
            if len(heard) >= before + count:
                share = level(heard[-count:], RATE, hertz)
                if share > HEARD:
                    return
            time.sleep(0.1)
        check(False, f"{self.name} does not hear {hertz} Hz within {seconds} s: {share:.0%} of the last {LISTENED} s")

    def is_silent(self, seconds=1.0):
        """That nothing reaches the phone for so long."""
        before = len(self.tap.samples())
        time.sleep(seconds)
        fresh = len(self.tap.samples()) - before
        check(fresh < RATE // 10, f"{self.name} hears {fresh / RATE:.1f} s of something")


def hear_each_other(caller, callee, seconds):
    """Waits for a call to end that the caller ends after so many seconds; each must have heard the other's tone all the time."""
    check(caller.process.wait(2 * seconds) == 0, f"{caller.name} ended badly")
    callee.process.line("terminated", 5)
    callee.process.wait(3 * seconds)
    hears(caller.folder, caller.hertz, callee.hertz)
    hears(callee.folder, callee.hertz, caller.hertz)
    for one in (caller, callee):
        one.end()
