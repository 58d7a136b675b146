"""The first five minutes: what `make run` starts and shows, and the first steps of the README, on the addresses that they have there."""

import pathlib
import re
import signal
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lib"))

import node
import sipp
from audio import RATE, AudioEnd, level
from phone import Call, Phone, sdp
from stage import ROOT, Process, Stage, check, is_bound

# The one stage that has no network of its own: these addresses are config/tandem.toml's.
CONFIG = ROOT / "config" / "tandem.toml"
HERE = "127.0.0.1"
NODE = (HERE, 5060)

# Where the phone of the README's reader is; any free port will do.
PHONE, AUDIO = 5090, 41000


def start(stage, config, name="tandem"):
    check(not is_bound(*NODE), f"{NODE[0]}:{NODE[1]} is taken: is another Tandem running?")
    process = Process(name, [node.binary(), "serve", "--demo", "--config", config], stage.directory)
    stage.processes.append(process)
    listeners = [f"udp:{HERE}:5060", f"tcp:{HERE}:5060"][: 2 if config == CONFIG else 1]
    line = process.line("tandem ready ", node.READY)
    http = f" http={HERE}:8080" if config == CONFIG else ""
    check(line == f"tandem ready sip={','.join(listeners)}{http}", f"an odd ready line: {line!r}")
    return process


def shows_a_call(process):
    """The ladder, and that each phone heard the other's tone."""
    process.line("the demo call went well", 15)
    shown = "\n".join(process.lines)
    for step in ("INVITE (SDP)", "180 Ringing", "200 OK (INVITE, SDP)", "ACK", "BYE"):
        check(shown.count(step) >= 2, f"the ladder does not show {step} on both sides")
    tones = re.findall(r"(\w+) sent (\d+) Hz; (\w+) heard ([\d.]+) Hz", shown)
    check(len(tones) == 2, f"{len(tones)} tones in {shown!r}")
    for _, sent, listener, heard in tones:
        check(abs(float(sent) - float(heard)) < 5, f"{listener} heard {heard} Hz instead of {sent}")


def without_the_demo_trunks(stage):
    """A configuration that does not know the demo's phones, and what it says then."""
    path = stage.directory / "without.toml"
    path.write_text(
        f'[[listen]]\nname = "l"\nbind = "{HERE}:5060"\n[[media]]\nname = "m"\nbind = "{HERE}"\nports = "20000-20199"\n'
        f'[[trunk]]\nname = "other"\nmatch = {{ sources = ["192.0.2.1"] }}\n[[route]]\ndo = {{ answer = "echo" }}\n'
    )
    began = time.monotonic()
    process = start(stage, path, "tandem-without")
    told = process.line("the demo call failed: ", 5)
    check(time.monotonic() - began < 5, "it took too long")
    check("refused with 403" in told and "demo-alice" in told, f"no help: {told}")
    check("403 Forbidden" in "\n".join(process.lines), "no ladder")
    process.signal(signal.SIGINT)
    check(process.wait(node.QUIET_END) == 0, "ended badly")


def answers_echo():
    phone, audio = Phone(HERE, PHONE), AudioEnd(HERE, AUDIO)
    try:
        call = Call(phone, NODE, "echo").invite(sdp(HERE, AUDIO))
        remote = call.answered().media()
        audio.send_tone(remote, 700, 1).join()
        call.bye()
        check(level(audio.samples(), RATE, 700) > 0.9, "the echo is not what was said")
    finally:
        phone.close()
        audio.close()


def takes_sipp(stage):
    uas = sipp.callee(stage, "uas", f"{HERE}:5070", "uas", calls=100, traced=False)
    uac = sipp.caller(stage, "uac", f"{HERE}:5080", f"{HERE}:5060", "uac", number="service", calls=100, traced=False, extra=["-r", "10"])
    uac.done(30)
    uas.done(30)


def main():
    with Stage("demo", 0) as stage:
        process = start(stage, CONFIG)
        with stage.case("two phones inside the process call each other, and the call is shown"):
            shows_a_call(process)
        with stage.case("a phone calls echo"):
            answers_echo()
        with stage.case("sipp calls sipp, as the README says"):
            takes_sipp(stage)
        with stage.case("Ctrl-C ends it"):
            process.signal(signal.SIGINT)
            check(process.wait(node.QUIET_END) == 0, "ended badly")
        with stage.case("phones that the configuration does not know are told so at once"):
            without_the_demo_trunks(stage)


main()
