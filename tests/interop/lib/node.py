"""The program under test, as an operator runs it: a configuration file, signals, an exit code and a log."""

import os
import pathlib
import signal
import subprocess
import time

from stage import ROOT, check, is_bound, wait_until

# Seconds until a started node must say that it is ready.
READY = 10

# What the log line of an ended call says.
ENDED = "call ended"

# Seconds that a node without a call may take to end after SIGTERM. Its `drain_timeout` is longer: one that ends in time
# had no call left.
QUIET_END = 3


def binary():
    """The built program; TANDEM names another one."""
    target = pathlib.Path(os.environ.get("CARGO_TARGET_DIR") or ROOT / "target")
    path = pathlib.Path(os.environ.get("TANDEM") or target / "debug" / "tandem")
    check(path.exists(), f"{path} is not there: make stage-build")
    return path


def config(stage, *, host=1, trunks, routes, calls="", ports="20000-29999", listen="", node=""):
    """A configuration with one listener and one media side at `host` of the stage's network.

    `trunks` and `routes` are pairs of a name and the lines of its section."""
    address = stage.address(host)
    sections = [
        f'[node]\nname = "{stage.name}"\ndrain_timeout = "30s"\n{node}',
        '[log]\nformat = "json"\n',
        f'[[listen]]\nname = "loop"\ntransport = "udp"\nbind = "{address}:5060"\n{listen}',
        f'[[media]]\nname = "loop"\nbind = "{address}"\nports = "{ports}"\n',
        f"[calls]\n{calls}",
        *(f'[[trunk]]\nname = "{name}"\n{lines}' for name, lines in trunks),
        *(f'[[route]]\nname = "{name}"\n{lines}' for name, lines in routes),
    ]
    return "\n".join(sections)


def trunk(*hosts, port=5060, lines=""):
    """The lines of a trunk whose peers are at `hosts`; the first is called."""
    sources = ", ".join(f'"{host}/32"' for host in hosts)
    return f'targets = [{{ uri = "sip:{hosts[0]}:{port};transport=udp" }}]\nmatch = {{ sources = [{sources}] }}\n{lines}\n'


class Tandem:
    """A running node."""

    def __init__(self, stage, text, name="tandem"):
        self.stage = stage
        self.path = stage.directory / f"{name}.toml"
        self.path.write_text(text, encoding="utf-8")
        self.process = stage.start(name, [binary(), "serve", "--config", self.path])
        line = self.process.line("tandem ready ", READY)
        check(line.startswith("tandem ready sip=udp:"), f"an odd ready line: {line!r}")
        self.ready = line
        self.threads = self._threads()

    def stop(self):
        """SIGTERM to a node without calls: it ends at once, as asked, and leaves nothing behind."""
        wait_until(lambda: self._threads() <= self.threads, 5, "the threads to be as many as at the start")
        began = time.monotonic()
        self.process.signal(signal.SIGTERM)
        status = self.process.wait(QUIET_END)
        check(status == 0, f"ended with {status} after SIGTERM")
        check(time.monotonic() - began < QUIET_END, "a call was still there when all had ended")
        self.check_log()

    def check_log(self):
        """No call may have made the node stumble."""
        bad = [line for line in self.process.lines if "panicked" in line or "ERROR" in line]
        check(not bad, f"the log has: {bad[:3]}")

    def ended_calls(self):
        """The INFO lines that ended calls left."""
        return [line for line in self.process.lines if ENDED in line]

    def bound(self, host, port=5060):
        return is_bound(self.stage.address(host), port)

    def _threads(self):
        try:
            return len(os.listdir(f"/proc/{self.process.child.pid}/task"))
        except FileNotFoundError:
            return 0


def check_command(path, **environment):
    """`tandem check` on a file, with these variables beside our own: exit status and what it printed."""
    variables = {**os.environ, **environment}
    done = subprocess.run([binary(), "check", "--config", path], capture_output=True, text=True, timeout=10, check=False, env=variables)
    return done.returncode, done.stdout + done.stderr
