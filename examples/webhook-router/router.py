"""Says where calls go: who calls 100 gets the desk, 200 an echo, and everybody else is refused.

usage: router.py ADDRESS PORT SECRET
"""

import hashlib
import hmac
import http.server
import json
import sys
import time

ADDRESS, PORT, SECRET = sys.argv[1], int(sys.argv[2]), sys.argv[3]


def is_ours(header, body):
    """Whether Tandem has sent this, and not long ago."""
    said = dict(part.split("=", 1) for part in header.split(",") if "=" in part)
    made = hmac.new(SECRET.encode(), said.get("t", "").encode() + b"." + body, hashlib.sha256).hexdigest()
    return hmac.compare_digest(made, said.get("v1", "")) and abs(time.time() - int(said["t"])) < 300


def where(call):
    """A `do`, as it would stand in a route of the configuration."""
    if call["called"] == "100":
        return {"bridge": ["trunk:desk/100"], "timeout": "20s"}
    if call["called"] == "200":
        return {"answer": "echo"}
    return {"reject": 404, "reason": "No such extension"}


class Router(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if not is_ours(self.headers.get("Tandem-Signature", ""), body):
            return self.send_error(401)
        call = json.loads(body)
        said = json.dumps(where(call)).encode()
        print(call["caller"] and call["caller"]["number"], "calls", call["called"], said.decode(), flush=True)
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(said)))
        self.end_headers()
        self.wfile.write(said)


http.server.ThreadingHTTPServer((ADDRESS, PORT), Router).serve_forever()
