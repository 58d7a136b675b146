"""Whether each query of the dashboard, and each of the warnings, finds something in a Prometheus that has watched a node.

usage: shown.py PROMETHEUS DASHBOARD
"""

import json
import sys
import urllib.parse
import urllib.request

prometheus, dashboard = sys.argv[1:3]


def ask(path, **query):
    with urllib.request.urlopen(f"{prometheus}/api/v1/{path}?{urllib.parse.urlencode(query)}") as answer:
        return json.load(answer)["data"]


with open(dashboard, encoding="utf-8") as file:
    panels = json.load(file)["panels"]
empty = 0
for panel in panels:
    for target in panel["targets"]:
        query = target["expr"].replace("$instance", ".*").replace("$__rate_interval", "30s")
        found = len(ask("query", query=query)["result"])
        empty += found == 0
        print(f"{found:4} {panel['title']}: {query}")
rules = [rule for group in ask("rules")["groups"] for rule in group["rules"]]
wrong = [rule["name"] for rule in rules if rule["health"] != "ok"]
print(f"{len(panels)} panels, {empty} queries find nothing; {len(rules)} warnings, wrong: {wrong or 'none'}")
sys.exit(1 if empty or wrong or not rules else 0)
