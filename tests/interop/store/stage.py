"""Call records are lost by nothing and doubled by nothing: processes that are killed, databases that are locked, slow, stopped or not there,
disks that are full. With SQLite, and with a PostgreSQL of our own.

    run                all cases
    run WORD...        only the cases whose title has one of the words
    run --kills N      kills N processes with SQLite and a quarter with PostgreSQL, instead of 120 and 30
    run --seed N       kills at the moments of an earlier run
"""

import argparse
import os
import pathlib
import random
import re
import signal
import sqlite3
import subprocess
import sys
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lib"))

import node
import sipp
from postgres import Postgres
from stage import ROOT, Stage, check, wait_until

NET = 71
TARGET = pathlib.Path(os.environ.get("CARGO_TARGET_DIR") or ROOT / "target")
DRILL = TARGET / "debug" / "examples" / "drill"

# Records a second while processes are killed.
RATE = 4000
# A process is killed at the latest so long after it was started, in seconds: some before they have opened anything.
LONGEST_LIFE = 0.4
PATIENCE = 200


class Drill:
    """The program, with a database and a journal."""

    def __init__(self, stage, name, url=None):
        self.stage = stage
        self.folder = stage.directory / name
        self.folder.mkdir()
        self.url = url or f"sqlite:{self.folder}/store.db"
        self.runs = 0

    def command(self, verb, *arguments, journal="journal"):
        return [DRILL, verb, self.url, self.folder / journal, *arguments]

    def push(self, rate, count):
        """Starts one that pushes so many, in a run of its own."""
        self.runs += 1
        return self.stage.start(f"push-{self.folder.name}-{self.runs}", self.command("push", self.runs, rate, count))

    def kill_one(self, moment):
        """Pushes until it is killed after so many seconds; how many records were durable for all that it told."""
        self.runs += 1
        child = subprocess.Popen(
            [str(word) for word in self.command("push", self.runs, RATE)], stdout=subprocess.PIPE, stdin=subprocess.DEVNULL, text=True
        )
        timer = threading.Timer(moment, child.send_signal, [signal.SIGKILL])
        timer.start()
        told = [line for line in child.stdout if line.endswith("\n")]
        timer.join()
        check(child.wait() == -signal.SIGKILL, f"it ended by itself: {told}")
        durable = [int(line.split()[1]) for line in told if line.startswith("durable")]
        return durable[-1] if durable else 0

    def check(self):
        """What the database has: records by run."""
        done = subprocess.run([str(word) for word in self.command("check")], capture_output=True, text=True, timeout=PATIENCE, check=False)
        check(done.returncode == 0, f"drill check: {done.stdout}{done.stderr}")
        return counted(done.stdout)


def counted(text):
    """The lines of `drill check`: records by run, in which there is no gap, and none is doubled."""
    runs = {}
    for run, records, highest, doubled in re.findall(r"run (\d+) records (\d+) highest (\d+) doubled (\d+)", text):
        check(int(doubled) == 0, f"{doubled} doubled in run {run}")
        check(int(highest) == int(records) - 1, f"run {run} has {records} records, up to number {highest}")
        runs[int(run)] = int(records)
    legs = int(re.search(r"legs=(\d+)", text)[1])
    check(legs == 2 * sum(runs.values()), f"{legs} legs of {sum(runs.values())} calls")
    check("settled=true" in text and "refused=0 damaged=0 waiting=0 lost=0" in text, text)
    return runs


def figures(process_lines, count):
    """Checks the last line of one that pushed `count`, and prints it."""
    line = next(line for line in process_lines if line.startswith("figures"))
    wanted = f"figures pushed={count} written={count} lost=0 refused=0 damaged=0 waiting=0 settled=true"
    check(line.startswith(wanted), line)
    print(f"          {line}", flush=True)


def killed(drill, kills, seed):
    chance = random.Random(seed)
    acknowledged = {}
    for _ in range(kills):
        durable = drill.kill_one(chance.uniform(0, LONGEST_LIFE))
        acknowledged[drill.runs] = durable
    written = drill.check()
    lost = sum(max(0, durable - written.get(run, 0)) for run, durable in acknowledged.items())
    check(lost == 0, f"{lost} lost: {acknowledged} {written} (seed {seed})")
    total, told = sum(written.values()), sum(acknowledged.values())
    check(told > 0, "nothing was written at all")
    print(f"          {kills} killed, seed {seed}: acknowledged {told}, records written {total}, lost 0, doubled 0", flush=True)


def pushed(drill, count, rate, meanwhile):
    """Pushes `count` while something is done to the database, and looks that all came."""
    process = drill.push(rate, count)
    process.line("durable", 30)
    meanwhile(process)
    check(process.wait(PATIENCE) == 0, process.story())
    figures(process.lines, count)
    print(f"          {next(line for line in process.lines if line.startswith('pushed'))}", flush=True)
    check(drill.check()[drill.runs] == count, "they are not all there")


def locked(drill):
    def lock(process):
        other = sqlite3.connect(drill.folder / "store.db", isolation_level=None, timeout=30)
        other.execute("BEGIN EXCLUSIVE")
        line = process.line("pushed", 60)
        waiting = int(re.search(r"(\d+) on the disk", line)[1])
        check(waiting > 0, line)
        time.sleep(6)
        other.execute("ROLLBACK")
        other.close()

    return lock


def full(stage, name, count, is_database):
    """A disk of its own for the database or for the journal, which the program fills."""
    drill = Drill(stage, name)
    small = drill.folder / "small"
    small.mkdir()
    if is_database:
        drill.url = f"sqlite:{small}/store.db"
    journal = "journal" if is_database else "small/journal"
    mount = f"mount -t tmpfs -o size={'24m' if is_database else '8m'} none '{small}' && exec \"$0\" \"$@\""
    fill = drill.command("fill", 1, count, small / "filler", journal=journal)
    command = ["unshare", "--mount", "--map-root-user", "sh", "-c", mount, *fill]
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True, timeout=PATIENCE, check=False)
    if "mount" in done.stderr or "unshare" in done.stderr:
        print(f"          not shown: nothing may be mounted here: {done.stderr.strip()}", flush=True)
        return
    check(done.returncode == 0, done.stdout + done.stderr)
    stuck = re.search(r"^stuck .*", done.stdout, re.MULTILINE)[0]
    part = "journal=true database=false" if is_database else "journal=false"
    check(part in stuck, stuck)
    print(f"          {stuck}", flush=True)
    figures(done.stdout.splitlines(), count)
    check(counted(done.stdout) == {1: count}, done.stdout)


def suite(url):
    command = ["cargo", "test", "--locked", "--workspace", "--test", "suite", "--", "--test-threads", "1"]
    done = subprocess.run(
        command, cwd=ROOT, env={**os.environ, "TANDEM_TEST_POSTGRES": url}, capture_output=True, text=True, timeout=600, check=False
    )
    check(done.returncode == 0, done.stdout + done.stderr)
    print(f"          {re.search('test result: .*', done.stdout)[0]}", flush=True)


SLOW = """
CREATE FUNCTION wait() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN PERFORM pg_sleep(0.2); RETURN NULL; END';
CREATE TABLE slowly (n BIGINT);
CREATE CONSTRAINT TRIGGER slowly AFTER INSERT ON slowly DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION wait();
CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN INSERT INTO slowly VALUES (1); RETURN NULL; END';
CREATE TRIGGER slow AFTER INSERT ON calls FOR EACH STATEMENT EXECUTE FUNCTION slow();
"""


def slow_commits(server):
    def slow(process):
        server.sql(SLOW, "slow")
        check(process.running, "it was over before it was slow")

    return slow


def stopped(server, seconds):
    def stop(process):
        server.stop()
        process.line("pushed", PATIENCE)
        time.sleep(seconds)
        server.start()

    return stop


def absent(drill, server):
    server.stop()
    process = drill.push(2000, 4000)
    line = process.line("pushed", 60)
    check(sum(map(int, re.findall(r"(\d+) (?:in memory|on the disk)", line))) == 4000, line)
    server.start()
    check(process.wait(PATIENCE) == 0, process.story())
    figures(process.lines, 4000)
    check(drill.check()[drill.runs] == 4000, "they are not all there")


CALLS = 300


def killed_with_calls(stage):
    """The program itself: calls while its database is locked, `kill -9`, and what the next process makes of it."""
    database = stage.directory / "tandem.db"
    settings = f'store = "sqlite:{database}"\njournal_dir = "{stage.directory}/tandem-journal"\n'
    caller, callee = stage.address(20), stage.address(30)
    text = node.config(
        stage,
        node=settings,
        calls="max_cps = 400\n",
        trunks=[("caller", node.trunk(caller)), ("callee", node.trunk(callee))],
        routes=[("all", "from = [\"caller\"]\nto = '^.+$'\ndo = { bridge = [\"trunk:callee\"] }\n")],
    )
    tandem = node.Tandem(stage, text)
    other = sqlite3.connect(database, isolation_level=None, timeout=30)
    other.execute("BEGIN EXCLUSIVE")
    uas = sipp.callee(stage, "uas", f"{callee}:5060", "uas", calls=CALLS, seconds=60, traced=False)
    where = f"{stage.address(1)}:5060"
    uac = sipp.caller(stage, "uac", f"{caller}:5060", where, "uac", calls=CALLS, seconds=60, traced=False, extra=["-r", 100, "-d", 200])
    uac.done(60)
    uas.done(30)
    wait_until(lambda: len(tandem.ended_calls()) == CALLS, 20, "all calls to be over")
    # What a record may take to be safe.
    time.sleep(0.5)
    tandem.process.signal(signal.SIGKILL)
    tandem.process.wait(5)
    check(other.execute("SELECT count(*) FROM calls").fetchone()[0] == 0, "they were written all the same")
    other.execute("ROLLBACK")
    again = node.Tandem(stage, text, "tandem-again")

    def count(what):
        return other.execute(f"SELECT count(*) FROM {what}").fetchone()[0]

    wait_until(lambda: count("calls") == CALLS, 20, f"{CALLS} calls in the database")
    check(count("legs WHERE end_reason != '' AND sip_call_id IS NOT NULL") == 2 * CALLS, "legs are missing")
    check(count("calls WHERE reason = 'caller hung up' AND answered_us - began_us BETWEEN 0 AND 60000000") == CALLS, "odd calls")
    now = time.time() * 1e6
    check(count(f"calls WHERE began_us BETWEEN {now - 300e6:.0f} AND {now:.0f}") == CALLS, "odd times")
    again.stop()
    other.close()
    print(f"          records written {CALLS}, lost 0, doubled 0", flush=True)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("words", nargs="*")
    parser.add_argument("--kills", type=int, default=120)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1 << 32))
    options = parser.parse_args()
    with Stage("store", NET) as stage:
        server = Postgres(stage.directory, stage.address(10))
        server.start()
        try:
            cases(stage, server, options)
        finally:
            server.end()


def cases(stage, server, options):
    kills, seed, lockable = options.kills, options.seed, Drill(stage, "locked")
    every = [
        ("PostgreSQL has the suite of SQLite", lambda: suite(server.create("suite"))),
        ("SQLite: killed at any moment", lambda: killed(Drill(stage, "sqlite"), kills, seed)),
        ("PostgreSQL: killed at any moment", lambda: killed(Drill(stage, "killed", server.create("killed")), max(1, kills // 4), seed)),
        ("SQLite: locked for seconds", lambda: pushed(lockable, 6000, 2000, locked(lockable))),
        ("SQLite: its disk is full", lambda: full(stage, "full-database", 5000, True)),
        ("the disk of the journal is full", lambda: full(stage, "full-journal", 5000, False)),
        ("Tandem: its database locked, and killed when calls are over", lambda: killed_with_calls(stage)),
        ("PostgreSQL: 200 ms a commit", lambda: pushed(Drill(stage, "slow", server.create("slow")), 20000, 4000, slow_commits(server))),
        ("PostgreSQL: stopped and started", lambda: pushed(Drill(stage, "stopped", server.create("stopped")), 8000, 2000, stopped(server, 3))),
        ("PostgreSQL: not there at the start", lambda: absent(Drill(stage, "absent", server.create("absent")), server)),
    ]
    for title, case in every:
        if not options.words or any(word in title for word in options.words):
            with stage.case(title):
                case()


if __name__ == "__main__":
    main()
