"""The HTTP interface beside its own description: schemathesis makes requests of the OpenAPI document, right ones and wrong ones, and no
answer may be a fault of ours, have a status, a type or a body that the document does not have, or let in who shows no key."""

import json
import pathlib
import re
import subprocess
import sys
import urllib.request

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lib"))

import node
from stage import Stage, check, wait_until

NET = 47
KEY = "a-key-that-may-do-everything"

API = f"""
[api]
bind = "127.0.{NET}.1:8080"
rate = 100000
keys = [{{ name = "all", key = "{KEY}" }}]
"""

# A stream of events has no end, and a node that drains takes no calls any more: both have tests of their own.
ALL = ["--exclude-path", "/v1/events", "--exclude-path", "/v1/admin/drain"]

# What a leg may be told, but for what ends it.
ON_A_LEG = ["--include-path-regex", r"/v1/calls/\{id\}(/hearing|/trace|/legs/\{leg\}/(?!transfer).+)?$", "--exclude-method", "DELETE"]

# Not every text of a right form is a number that can be called, or the id of something that is there: 422 says so, and is right to.
UNASKED = "positive_data_acceptance"


def ask(method, path, body=None):
    data = None if body is None else json.dumps(body).encode()
    headers = {"Authorization": f"Bearer {KEY}", "Content-Type": "application/json"}
    with urllib.request.urlopen(urllib.request.Request(f"http://127.0.{NET}.1:8080{path}", data, headers, method=method), timeout=10) as answer:
        return json.load(answer)


def requests_of_the_document(stage, name, seed, examples, arguments, parameters=()):
    """Runs schemathesis; `parameters` are those of paths that it is to take."""
    folder = stage.directory / name
    folder.mkdir()
    words = "".join(f'"path.{key}" = "{value}"\n' for key, value in parameters)
    (folder / "schemathesis.toml").write_text(f"[parameters]\n{words}" if words else "", encoding="utf-8")
    program = pathlib.Path(sys.executable).parent / "st"
    command = [program, "run", f"http://127.0.{NET}.1:8080/v1/openapi.json", "--header", f"Authorization: Bearer {KEY}", *arguments]
    command += ["--checks", "all", "--exclude-checks", UNASKED, "--continue-on-failure", "--generation-database", "none"]
    command += ["--seed", str(seed), "--max-examples", str(examples), "--request-timeout", "70", "--warnings", "off"]
    done = subprocess.run([str(word) for word in command], cwd=folder, capture_output=True, text=True, timeout=300, check=False)
    check(done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:])
    count = int(re.search(r"(\d+) generated", done.stdout)[1])
    tested = int(re.search(r"Tested: (\d+)", done.stdout)[1])
    print(f"          {count} requests of {tested} operations", flush=True)
    return count, tested


def call_of_two_legs():
    """A call that this node has with itself: the ids of it, and of its first leg."""
    body = {"legs": [{"to": f"sip:echo@127.0.{NET}.1", "trunk": "self"}], "then": {"answer": "echo"}, "wait": True}
    call = ask("POST", "/v1/calls", body)
    check(call["state"] == "answered", call)
    return call["id"], call["legs"][0]["id"]


def main():
    with Stage("openapi", NET) as stage:
        address = stage.address(1)
        far, own = node.trunk(stage.address(2)), node.trunk(address)
        text = node.config(stage, trunks=[("far", far), ("self", own)], routes=[("all", 'do = { answer = "echo" }')])
        tandem = node.Tandem(stage, text + API)
        with stage.case("requests to whatever ids there may be: no fault, no answer that the document does not have"):
            count, tested = requests_of_the_document(stage, "any", 1, 20, ALL)
            check(count > 1000 and tested > 25, f"{count} requests of {tested} operations are few")
        with stage.case("the same for a call that is up: what is done to its leg"):
            call, leg = call_of_two_legs()
            count, tested = requests_of_the_document(stage, "up", 2, 20, ON_A_LEG, [("id", call), ("leg", leg)])
            check(count > 300 and tested > 10, f"{count} requests of {tested} operations are few")
            check(ask("GET", f"/v1/calls/{call}")["state"] == "answered", "the call is not up any more")
            ended = urllib.request.Request(f"http://{address}:8080/v1/calls/{call}", None, {"Authorization": f"Bearer {KEY}"}, method="DELETE")
            urllib.request.urlopen(ended, timeout=10).close()
        with stage.case("nothing is left"):
            wait_until(lambda: not ask("GET", "/v1/calls")["items"], 5, "the calls to end")
            tandem.stop()


main()
