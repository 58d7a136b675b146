"""Calls two numbers, joins them, records what they say, and shows what happens.

usage: client.py API FIRST SECOND SECONDS
       client.py http://127.0.0.1:8080 trunk:carrier/+15551230001 trunk:office/20 60
"""

import json
import sys
import threading
import urllib.request


def ask(method, path, body=None):
    headers = {"Content-Type": "application/json"}  # and "Authorization": "Bearer KEY", where there are keys
    request = urllib.request.Request(api + path, json.dumps(body).encode() if body else None, headers, method=method)
    with urllib.request.urlopen(request) as answer:
        return json.loads(answer.read() or "null")


def events():
    for line in stream:
        if line.startswith(b"data: "):
            yield json.loads(line[6:])


api, first, second, seconds = sys.argv[1:5]
stream = urllib.request.urlopen(api + "/v1/events")  # before the call is made, so that nothing is missed
call = ask("POST", "/v1/calls", {"legs": [{"to": first}, {"to": second}], "from": "+15557654321", "max_duration": "2h"})["id"]
talking = set()
for event in events():
    if event.get("call") != call:
        continue
    print(event["time"], event["type"], event.get("leg", ""), event.get("sip_status", ""), event.get("reason", ""), flush=True)
    if event["type"] == "leg.answered":
        talking.add(event["leg"])
        if len(talking) == 2:
            ask("POST", f"/v1/calls/{call}/legs/{event['leg']}/record", {"file": "talk", "of": "call", "layout": "sides"})
            threading.Timer(float(seconds), ask, ("DELETE", f"/v1/calls/{call}")).start()
    if event["type"] == "call.ended":
        print(json.dumps(event["record"], indent=2))
        break
