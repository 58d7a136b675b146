"""What happens in a call that stands: sipp on both sides of Tandem, each with its own story, and a trunk of its own for each side.

    run                all of them
    run WORD...        only the cases whose title has one of the words
"""

import concurrent.futures
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lib"))

import attended
import ends
import node
import refreshes
import reliable
import renegotiation
import ringing
import sipp
import timers
import transfer
from stage import Stage, check

NET = 22
NODE = f"127.0.{NET}.1"
# Of each case: the caller is at one of these, those who are called at one of each of those. There is room for so many cases.
CALLERS, CALLEES, ROOM = 4, (64, 124, 184), 60
PORT = 5060
SECONDS = 60
AT_ONCE = 6

CASES = [case for part in (renegotiation, reliable, timers, ringing, transfer, ends) for case in part.CASES]
# Most of what these do is to wait: they begin before all others, each at once.
LONG = refreshes.CASES


def caller_at(index):
    return f"127.0.{NET}.{CALLERS + index}"


def callee_at(index, place):
    return f"127.0.{NET}.{CALLEES[place] + index}"


def configuration(cases):
    """For each case a trunk on either side, one more for each further callee, and a route between them."""
    trunks, routes = [], []
    for index, case in cases:
        codecs = 'codecs = ["pcmu", "pcma"]\n'
        trunks.append((f"caller-{index}", node.trunk(caller_at(index), lines=codecs + case.near)))
        names = [f"callee-{index}-{place}" for place in range(len(case.callees))]
        for place, name in enumerate(names):
            trunks.append((name, node.trunk(callee_at(index, place), lines=codecs + case.far)))
        routes += [(f"{index}-{name}", text.format(*names, caller=f"caller-{index}")) for name, text in case.routes]
        do = case.do or 'bridge = ["trunk:{0}"]'
        routes.append((f"{index}", f'from = ["caller-{index}"]\ndo = {{ {do.format(*names)} }}\n'))
    return trunks, routes


def play(stage, index, case, seconds=SECONDS):
    """One case, all sides of it to the end."""
    runs = []
    bare = ["-nr"] if case.bare else []
    with stage.case(case.title, lambda: [run.story() for run in runs]):
        for place, script in enumerate(case.callees):
            address = f"{callee_at(index, place)}:{PORT}"
            runs.append(sipp.callee(stage, f"callee-{index}-{place}", address, script, seconds=seconds, extra=bare))
        runs.append(
            sipp.caller(stage, f"caller-{index}", f"{caller_at(index)}:{PORT}", f"{NODE}:5060", case.caller, seconds=seconds, extra=bare)
        )
        for run in reversed(runs):
            run.done(seconds)


def main(words):
    wanted = [(index, case) for index, case in enumerate(LONG + CASES) if not words or any(word in case.title for word in words)]
    long = [(index, case) for index, case in wanted if index < len(LONG)]
    cases = wanted[len(long) :]
    check(len(LONG + CASES) <= ROOM, "too many cases for the addresses that there are")
    with Stage("dialogs", NET) as stage:
        trunks, routes = (first + second for first, second in zip(configuration(wanted), attended.sections(stage)))
        tandem = node.Tandem(stage, node.config(stage, trunks=trunks, routes=routes))
        with concurrent.futures.ThreadPoolExecutor(len(LONG)) as beside:
            waiting = [beside.submit(play, stage, index, case, refreshes.SECONDS) for index, case in long]
            with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
                list(pool.map(lambda item: play(stage, *item), cases))
            for case in attended.CASES:
                if not words or any(word in case.__name__ for word in words):
                    case(stage)
            for run in waiting:
                run.result()
        with stage.case("nothing is left when all calls have ended"):
            tandem.stop()
            check(not tandem.bound(1), "the SIP port is still bound")


main(sys.argv[1:])
