"""200 calls a second that programs ask for by HTTP, with every event to a webhook and every record to a store: none fails, nothing is
lost. Ten seconds of it; SECONDS=60 is the minute that figures are told of."""

import asyncio
import json
import os
import pathlib
import sqlite3
import sys
import time
import urllib.request

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lib"))

import node
import sipp
from stage import Stage, check, wait_until

NET = 48
RATE = int(os.environ.get("RATE", "200"))
SECONDS = int(os.environ.get("SECONDS", "10"))
CALLS = RATE * SECONDS
CONNECTIONS = 64
CONNECTIONS_OF_THE_STORE = 4
SECRET = "a secret of the two"

# What a webhook is told of a call of one leg.
OF_A_CALL = ["call.created", "leg.created", "leg.ringing", "leg.answered", "leg.ended", "call.ended"]


def configuration(stage):
    api = f"""
[api]
bind = "{stage.address(1)}:8080"
rate = 100000
webhook = {{ url = "http://{stage.address(9)}:8000/events", secret = "{SECRET}" }}
[webhooks]
allow = ["{stage.address(9)}"]
"""
    text = node.config(
        stage,
        ports="20000-59999",
        calls=f"max_cps = {2 * RATE}\n",
        trunks=[("far", node.trunk(stage.address(20)))],
        routes=[("nobody", "do = { reject = 404 }")],
        node=f'store = "sqlite:{stage.directory}/records.db"\njournal_dir = "{stage.directory}/journal"\n',
    )
    return text + api


async def ask(stage, jobs, took, answers):
    """One connection: takes what is to be asked, asks it, and notes how long the answer took from when it was due."""
    reader, writer = await asyncio.open_connection(stage.address(1), 8080)
    while (job := await jobs.get()) is not None:
        due, number = job
        body = json.dumps({"legs": [{"to": f"trunk:far/{number}"}], "then": {"answer": "echo"}, "max_duration": "1s"})
        head = f"POST /v1/calls HTTP/1.1\r\nHost: {stage.address(1)}\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        writer.write((head + body).encode())
        head = await reader.readuntil(b"\r\n\r\n")
        length = next(int(line[15:]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:"))
        await reader.readexactly(length)
        took.append(time.monotonic() - due)
        status = head.split(b" ", 2)[1].decode()
        answers[status] = answers.get(status, 0) + 1
    writer.close()


async def dial(stage):
    """Asks for CALLS calls, each at its time whatever became of those before."""
    jobs, took, answers = asyncio.Queue(), [], {}
    asking = [asyncio.create_task(ask(stage, jobs, took, answers)) for _ in range(CONNECTIONS)]
    began = time.monotonic()
    for number in range(CALLS):
        due = began + number / RATE
        await asyncio.sleep(max(0, due - time.monotonic()))
        jobs.put_nowait((due, number))
    for _ in asking:
        jobs.put_nowait(None)
    await asyncio.gather(*asking)
    return took, answers


def percentiles(values):
    ordered = sorted(values)
    return " / ".join(f"{ordered[min(len(ordered) - 1, len(ordered) * share // 1000)]:.1f}" for share in (500, 950, 990, 999))


def metric(stage, name):
    with urllib.request.urlopen(f"http://{stage.address(1)}:8080/metrics", timeout=10) as answer:
        return sum(float(line.split()[-1]) for line in answer.read().decode().splitlines() if line.split("{")[0].split(" ")[0] == name)


def main():
    with Stage("dials", NET) as stage:
        told = stage.directory / "told.json"
        receiver = stage.start("receiver", [sys.executable, pathlib.Path(__file__).parent / "receiver.py", stage.address(9), 8000, SECRET, told])
        receiver.line("ready", 5)
        tandem = node.Tandem(stage, configuration(stage))
        uas = sipp.callee(stage, "uas", f"{stage.address(20)}:5060", "uas", calls=CALLS, seconds=SECONDS + 60, traced=False)
        with stage.case(f"{CALLS} calls at {RATE} a second are asked for, and all are made", lambda: [uas.story()]):
            took, answers = asyncio.run(dial(stage))
            check(answers == {"201": CALLS}, f"answers by status: {answers}")
            uas.done(30)
            print(f"          answers of the interface, ms (50 / 95 / 99 / 99.9 %): {percentiles([1000 * one for one in took])}", flush=True)
        with stage.case("the webhook is told of each event, once, and signed"):
            wait_until(lambda: f"ended {CALLS}" in receiver.lines, 30, "the end of each call at the webhook")
            receiver.end()
            seen = json.loads(told.read_text(encoding="utf-8"))
            counts = {kind: seen["events"].get(kind) for kind in OF_A_CALL}
            check(counts == dict.fromkeys(OF_A_CALL, CALLS), f"{seen['events']} for {CALLS} calls")
            check(seen["wrong"] == 0 and len(seen["setups"]) == CALLS and None not in seen["setups"], f"{seen['wrong']} wrong signatures")
            check(metric(stage, "tandem_webhook_lost_total") == 0, "events were lost")
            print(f"          set up in ms (50 / 95 / 99 / 99.9 %): {percentiles(seen['setups'])}; ends: {seen['reasons']}", flush=True)
        with stage.case("each call has one record, and none is left"):
            check(metric(stage, "tandem_calls_failed_total") == 0, "calls failed")
            wait_until(lambda: metric(stage, "tandem_calls") == 0, 5, "the calls to end")
            # A connection to the database has a thread, and is opened when it is needed.
            tandem.threads += CONNECTIONS_OF_THE_STORE
            tandem.stop()
            database = sqlite3.connect(stage.directory / "records.db")
            count = database.execute("SELECT count(*), count(DISTINCT call) FROM calls").fetchone()
            check(count == (CALLS, CALLS), f"{count} records for {CALLS} calls")


main()
