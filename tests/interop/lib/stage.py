"""A stage of the interop tests: its own network, its own directory, its own processes, and a count of cases.

    with Stage("basic", net=11) as stage:
        with stage.case("a call"):
            ...

Each stage has a 127.0.N.0/24 to itself, so that stages never meet and no port has to be guessed. A case that fails does not
stop the stage; what its processes wrote is printed with it. Only processes that the stage started are ended, by their ids.
"""

import contextlib
import pathlib
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import traceback

ROOT = pathlib.Path(__file__).resolve().parents[3]

# Lines of each log that are printed with a failure.
TAIL = 120


class Failure(Exception):
    """What a case found wrong."""


def check(condition, message):
    """Fails the case with `message` unless `condition` holds."""
    if not condition:
        raise Failure(message)


def wait_until(condition, seconds, what, every=0.02):
    """Waits until `condition()` is true and returns its value; fails the case after `seconds`."""
    deadline = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise Failure(f"waited {seconds} s in vain for {what}")
        time.sleep(every)


def is_bound(host, port, transport="udp"):
    """Whether some process has a socket at this address (or at all addresses) and port; over TCP, one that listens."""
    if ":" in host:
        path, size = f"/proc/net/{transport}6", 16
        packed = socket.inet_pton(socket.AF_INET6, host.strip("[]"))
    else:
        path, size = f"/proc/net/{transport}", 4
        packed = socket.inet_aton(host)
    words = [packed[at : at + 4][::-1] for at in range(0, size, 4)]
    wanted = {f"{b''.join(words).hex().upper()}:{port:04X}", f"{'00' * size}:{port:04X}"}
    with open(path, encoding="ascii") as table:
        rows = [line.split() for line in table.readlines()[1:]]
    # 0A: it listens.
    return any(row[1] in wanted and (transport == "udp" or row[3] == "0A") for row in rows)


class Process:
    """A program that a stage runs, its output kept line by line and in a file."""

    def __init__(self, name, arguments, directory, env=None):
        self.name = name
        self.arguments = [str(argument) for argument in arguments]
        self.log = pathlib.Path(directory) / f"{name}.log"
        self.lines = []
        self.child = subprocess.Popen(
            self.arguments,
            cwd=directory,
            env=env,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self):
        with open(self.log, "w", encoding="utf-8") as log:
            for line in self.child.stdout:
                log.write(line)
                log.flush()
                self.lines.append(line.rstrip("\n"))

    @property
    def running(self):
        return self.child.poll() is None

    def line(self, text, seconds):
        """The first output line that contains `text`, waited for."""

        def found():
            hit = next((line for line in list(self.lines) if text in line), None)
            if hit is None and not self.running:
                self._reader.join(timeout=1)
                hit = next((line for line in self.lines if text in line), None)
                check(hit is not None, f"{self.name} ended with {self.child.returncode} before it wrote {text!r}")
            return hit

        return wait_until(found, seconds, f"{text!r} from {self.name}")

    def wait(self, seconds):
        """The exit status, waited for."""
        try:
            status = self.child.wait(timeout=seconds)
        except subprocess.TimeoutExpired:
            raise Failure(f"{self.name} still runs after {seconds} s") from None
        self._reader.join(timeout=2)
        return status

    def signal(self, number):
        self.child.send_signal(number)

    def end(self):
        """Ends the program, if it still runs."""
        if self.running:
            self.child.terminate()
            try:
                self.child.wait(timeout=2)
            except subprocess.TimeoutExpired:
                self.child.kill()
                self.child.wait(timeout=5)

    def story(self):
        # baresip redraws its status line for ever.
        tail = [line for line in self.lines if line.strip() and "(bit/s)" not in line][-TAIL:]
        return f"--- {self.name}: {' '.join(self.arguments)}\n" + "\n".join(f"    {line}" for line in tail)


class Stage:
    """One stage; see the module."""

    def __init__(self, name, net):
        self.name = name
        self.net = net
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix=f"tandem-{name}-"))
        self.processes = []
        self.passed = 0
        self.failed = 0
        self._lock = threading.Lock()

    def address(self, host):
        """An address in the network of this stage."""
        return f"127.0.{self.net}.{host}"

    def start(self, name, arguments, env=None):
        """Starts a program; the stage ends it if nobody else does."""
        process = Process(name, arguments, self.directory, env)
        with self._lock:
            self.processes.append(process)
        return process

    @contextlib.contextmanager
    def case(self, title, stories=lambda: []):
        """A named case: counts it, and prints what went wrong."""
        began = time.monotonic()
        try:
            yield
        except Exception as error:
            with self._lock:
                self.failed += 1
                print(f"  FAILED  {title} ({time.monotonic() - began:.1f} s): {error}", flush=True)
                if not isinstance(error, Failure):
                    traceback.print_exc(file=sys.stdout)
                for story in stories():
                    print(story, flush=True)
        else:
            with self._lock:
                self.passed += 1
                print(f"  ok      {title} ({time.monotonic() - began:.1f} s)", flush=True)

    def __enter__(self):
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
        return self

    def __exit__(self, kind, error, trace):
        if error is not None and not isinstance(error, SystemExit):
            self.failed += 1
            print(f"  FAILED  {self.name}: {error}")
            traceback.print_exception(kind, error, trace, file=sys.stdout)
        for process in reversed(self.processes):
            process.end()
        if self.failed:
            for process in self.processes:
                if process.name.startswith("tandem"):
                    print(process.story())
            print(f"  logs are kept in {self.directory}")
        else:
            shutil.rmtree(self.directory, ignore_errors=True)
        print(f"{self.name}: {self.passed} passed, {self.failed} failed", flush=True)
        sys.exit(1 if self.failed or not self.passed else 0)
