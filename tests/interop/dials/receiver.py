"""Takes webhooks as fast as they come, checks each signature, and writes what it got when it is ended.

usage: receiver.py ADDRESS PORT SECRET FILE
"""

import asyncio
import hashlib
import hmac
import json
import signal
import sys

ADDRESS, PORT, SECRET, FILE = sys.argv[1], int(sys.argv[2]), sys.argv[3].encode(), sys.argv[4]

events, wrong, setups, reasons = {}, [], [], {}


def take(head, body):
    headers = dict(line.split(": ", 1) for line in head.decode("ascii").lower().split("\r\n")[1:] if ": " in line)
    said = dict(part.split("=", 1) for part in headers.get("tandem-signature", "").split(","))
    made = hmac.new(SECRET, said.get("t", "").encode() + b"." + body, hashlib.sha256).hexdigest()
    if made != said.get("v1"):
        wrong.append(headers)
        return
    event = json.loads(body)
    events.setdefault(event["type"], set()).add(event["id"])
    if event["type"] == "call.ended":
        setups.append(event.get("setup_ms"))
        reasons[event["reason"]] = reasons.get(event["reason"], 0) + 1


class Connection(asyncio.Protocol):
    def connection_made(self, transport):
        self.transport, self.bytes = transport, b""

    def data_received(self, data):
        self.bytes += data
        while b"\r\n\r\n" in self.bytes:
            head, rest = self.bytes.split(b"\r\n\r\n", 1)
            length = next(int(line[15:]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:"))
            if len(rest) < length:
                return
            take(head, rest[:length])
            self.bytes = rest[length:]
            self.transport.write(b"HTTP/1.1 204 No Content\r\n\r\n")


async def main():
    loop = asyncio.get_running_loop()
    ended = asyncio.Event()
    loop.add_signal_handler(signal.SIGTERM, ended.set)
    server = await loop.create_server(Connection, ADDRESS, PORT)
    print("ready", flush=True)

    async def tell():
        while True:
            await asyncio.sleep(0.5)
            print("ended", len(setups), flush=True)

    telling = asyncio.create_task(tell())
    await ended.wait()
    telling.cancel()
    server.close()
    with open(FILE, "w", encoding="utf-8") as file:
        counts = {kind: len(ids) for kind, ids in events.items()}
        json.dump({"events": counts, "wrong": len(wrong), "setups": setups, "reasons": reasons}, file)


asyncio.run(main())
