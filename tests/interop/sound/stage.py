"""How it sounds, by PESQ (ITU-T P.862, narrow band), and how long it takes from mouth to ear, on every path that audio takes.

What is said is a recording of people; a call of phones that are sent each other's packets directly is what paths are held against. Each
score is the median of many pieces, for PESQ judges eight seconds at a time; losses are random, and the same in every run."""

import collections
import concurrent.futures
import os
import pathlib
import statistics
import subprocess
import sys
import wave

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lib"))

import numpy
from audio import RATE, from_ulaw
from pesq import pesq
from stage import ROOT, Stage, check

NET = 43

SPEECH = ROOT / "crates" / "sound" / "tests" / "vectors" / "speech.ulaw"

# Seconds that PESQ judges at once: what it is made for.
PIECE = 8

# A path through sessions in virtual time: what transcode_heard is told, percent of packets lost, seeds of who is lost, the least
# median score. `None`: for the table alone.
Path = collections.namedtuple("Path", "words loss seeds least")
PATHS = [
    Path("pcmu pcmu", 0, 1, 4.53),
    Path("pcmu pcma", 0, 1, 4.3),
    Path("pcmu g722 pcmu", 0, 1, 4.2),
    Path("pcmu opus", 0, 1, 4.0),
    Path("opus pcmu", 0, 1, 4.0),
    Path("pcmu opus pcmu", 0, 1, 4.0),
    Path("pcmu mix pcmu", 0, 1, 4.4),
    Path("pcmu mix opus mix pcmu", 0, 1, 4.0),
    Path("pcmu pcma", 1, 3, None),
    Path("pcmu pcma", 5, 8, 3.7),
    Path("pcmu mix pcmu", 5, 8, 3.7),
    Path("opus pcmu", 1, 3, None),
    Path("opus pcmu", 5, 8, 3.6),
    Path("opus mix pcmu", 5, 8, 3.6),
]

# What relaying may lose against the direct call.
RELAY_LOSES = 0.02

# Median delay that a path may add, in milliseconds, by the first word of its name. Where the machine is busy with something else, threads
# are late, and jitter buffers wait for that as they do for a network: by how much, the slowest of what is only relayed tell.
DELAYS = {"direct": 1, "relay": 1, "transcode": 25, "mix": 45}
BUFFERED, RELAYED, ON_TIME = ("transcode", "mix"), "relay PCMU", 1

# Of what is said so much must be recognised; much of it is silence.
RECOGNISED = 0.3

# Seconds that each path is measured for, and streams of it: as in mouth_to_ear.
SECONDS, STREAMS = 24, 2


def example(name):
    target = pathlib.Path(os.environ.get("CARGO_TARGET_DIR") or ROOT / "target")
    return target / "debug" / "examples" / name


def read(path):
    with wave.open(str(path)) as file:
        check(file.getframerate() == RATE, f"{path} is of {file.getframerate()} Hz")
        return numpy.frombuffer(file.readframes(file.getnframes()), dtype="<i2")


def write(path, samples):
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes(samples.astype("<i2").tobytes())


def pieces(stage):
    """The recording in files of eight seconds, and its samples."""
    samples = numpy.array([from_ulaw(octet) for octet in SPEECH.read_bytes()], dtype="<i2")
    found = [samples[at : at + PIECE * RATE] for at in range(0, len(samples) - PIECE * RATE + 1, PIECE * RATE)]
    paths = [stage.directory / f"piece-{number}.wav" for number in range(len(found))]
    for path, piece in zip(paths, found):
        write(path, piece)
    return list(zip(paths, found))


def score(path, piece, seed):
    """How one piece sounds at the end of a path."""
    source, said = piece
    heard = source.with_name(f"{source.stem}-{path.words.replace(' ', '-')}-{path.loss}-{seed}.wav")
    command = [example("transcode_heard"), source, heard, str(path.loss), str(seed), *path.words.split()]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    check(done.returncode == 0, f"{path.words}: {done.stderr}")
    found = pesq(RATE, said, read(heard), "nb")
    heard.unlink()
    return found


def heard_through(stage, pool, pieces, path):
    lost = f" at {path.loss} % loss" if path.loss else ""
    bound = f", at least {path.least}" if path.least else ""
    with stage.case(f"{' to '.join(path.words.split())}{lost} sounds like what was said{bound}"):
        jobs = [pool.submit(score, path, piece, seed) for seed in range(1, path.seeds + 1) for piece in pieces]
        scores = [job.result() for job in jobs]
        median = statistics.median(scores)
        print(f"{path.words + lost:<40}median {median:.2f}  worst {min(scores):.2f}  of {len(scores)}", flush=True)
        check(path.least is None or median >= path.least, f"PESQ {median:.2f} is below {path.least}")


def delays(stage):
    """What mouth_to_ear says: for each path its packets and delays."""
    command = [example("mouth_to_ear"), stage.address(1), str(SECONDS), stage.directory]
    done = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS + 240)
    check(done.returncode == 0, f"mouth_to_ear: {done.stderr}")
    print(done.stdout, end="", flush=True)
    found = {}
    for line in done.stdout.splitlines()[1:]:
        *name, packets, p50, p99, _ = line.split()
        found[" ".join(name)] = (int(packets), float(p50), float(p99))
    return found


def live_score(stage, name):
    said, heard = (read(stage.directory / f"{name.replace(' ', '-')}.{which}.wav") for which in ("said", "heard"))
    ends = range(0, min(len(said), len(heard)) - PIECE * RATE + 1, PIECE * RATE)
    scores = [pesq(RATE, said[at : at + PIECE * RATE], heard[at : at + PIECE * RATE], "nb") for at in ends]
    check(scores, f"{name}: {len(heard) / RATE:.1f} s were heard")
    return statistics.median(scores)


def through_sockets(stage):
    found = {}
    with stage.case("what each path adds to the way from mouth to ear is measured at the receiver"):
        found = delays(stage)
        check(found, "no path was measured")
    lateness = found.get(RELAYED, (0, 0, 0))[2]
    for name, (packets, p50, _) in found.items():
        way = name.split()[0]
        most = DELAYS[way] + (lateness if way in BUFFERED and lateness > ON_TIME else 0)
        with stage.case(f"{name}: at most {most:.0f} ms are added"):
            recognised = packets / (SECONDS * 50 * STREAMS)
            check(recognised > RECOGNISED, f"only {recognised:.0%} of the packets were recognised")
            check(p50 <= most, f"{p50} ms at the median")
    with stage.case(f"a relayed call loses at most {RELAY_LOSES} against a direct one"):
        direct, relayed = live_score(stage, "direct"), live_score(stage, RELAYED)
        print(f"through sockets: direct {direct:.3f}, relayed {relayed:.3f}", flush=True)
        check(direct - relayed <= RELAY_LOSES, f"{direct:.3f} directly, {relayed:.3f} relayed")


def main():
    with Stage("sound", NET) as stage:
        # First, while nothing else of this stage wants the processor.
        through_sockets(stage)
        with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
            said = pieces(stage)
            for path in PATHS:
                heard_through(stage, pool, said, path)


main()
