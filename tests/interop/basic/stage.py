"""sipp's own scenarios through Tandem, over IPv4 and over IPv6: what a newcomer types first."""

import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lib"))

import node
import sipp
from stage import Stage

NET = 11
CALLS = 10

# There is one IPv6 loopback address: ports tell who is who, and one trunk has them all.
V6 = """
[node]
name = "basic-v6"
drain_timeout = "30s"

[log]
format = "json"

[[listen]]
name = "loop"
transport = "udp"
bind = "[::1]:11060"

[[media]]
name = "loop"
bind = "::1"
ports = "20000-29999"

[[trunk]]
name = "both"
targets = [{ uri = "sip:[::1]:11062;transport=udp" }]
match = { sources = ["::1/128"] }

[[route]]
name = "all"
from = ["both"]
to = '^.+$'
do = { bridge = ["trunk:both"] }
"""


def v4(stage):
    return node.config(
        stage,
        trunks=[("caller", node.trunk(stage.address(10))), ("callee", node.trunk(stage.address(20)))],
        routes=[("all", "from = [\"caller\"]\nto = '^.+$'\ndo = { bridge = [\"trunk:callee\"] }\n")],
    )


def calls(stage, title, text, name, target, caller, callee):
    runs = []
    with stage.case(title, lambda: [run.story() for run in runs]):
        tandem = node.Tandem(stage, text, name=f"tandem-{name}")
        runs.append(sipp.callee(stage, f"uas-{name}", callee, "uas", calls=CALLS))
        runs.append(sipp.caller(stage, f"uac-{name}", caller, target, "uac", calls=CALLS, extra=["-r", "10", "-d", "200"]))
        for run in reversed(runs):
            run.done(20)
        tandem.stop()


def main():
    with Stage("basic", NET) as stage:
        callee = f"{stage.address(20)}:5060"
        calls(stage, "sipp uac to sipp uas over IPv4", v4(stage), "v4", f"{stage.address(1)}:5060", f"{stage.address(10)}:5060", callee)
        calls(stage, "sipp uac to sipp uas over IPv6", V6, "v6", "[::1]:11060", "[::1]:11061", "[::1]:11062")


main()
