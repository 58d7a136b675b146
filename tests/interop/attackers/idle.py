"""Opens connections from many addresses and leaves them as they are; says how many were cut, and when the last was.

usage: idle.py NODE COUNT SECONDS TCP_PORT TLS_PORT ADDRESS...

Of eight connections four go to each port. Of four one says nothing, one sends half of what it should and then nothing, one sends it a byte
a second, and one closes its half: to TCP after half a message, to TLS before it has said a word."""

import select
import socket
import sys
import time

# The beginning of a message, and of a ClientHello (RFC 8446 §4.1.2).
HALVES = {
    "tcp": b"INVITE sip:1@tandem SIP/2.0\r\nVia: SIP/2.0/TCP 192.0.2.1;branch=z9hG4bKidle\r\n",
    "tls": bytes.fromhex("1603010200010001fc0303") + bytes(range(32)),
}


def main():
    node, count, seconds, tcp, tls = sys.argv[1], int(sys.argv[2]), float(sys.argv[3]), int(sys.argv[4]), int(sys.argv[5])
    hosts = sys.argv[6:]
    poll, connections, slow, refused = select.epoll(), {}, [], 0
    began = time.monotonic()
    for number in range(count):
        one, kind, is_tls = socket.socket(), number % 4, number // 4 % 2 == 1
        half = HALVES["tls" if is_tls else "tcp"]
        one.bind((hosts[number % len(hosts)], 0))
        try:
            one.connect((node, tls if is_tls else tcp))
            if kind == 1 or (kind == 3 and not is_tls):
                one.sendall(half)
            if kind == 3:
                one.shutdown(socket.SHUT_WR)
        except OSError:
            refused += 1
            one.close()
            continue
        one.setblocking(False)
        connections[one.fileno()] = one
        poll.register(one.fileno(), select.EPOLLIN | select.EPOLLHUP | select.EPOLLERR)
        if kind == 2:
            slow.append((one, half))
    made, cut, last = len(connections), 0, 0.0
    opened = time.monotonic() - began
    print(f"opened made={made} refused={refused} seconds={opened:.1f}", flush=True)
    end, drip = began + opened + seconds, 0
    while connections and time.monotonic() < end:
        for number, _ in poll.poll(0.2):
            one = connections.get(number)
            try:
                over = one.recv(4096) == b""
            except BlockingIOError:
                over = False
            except OSError:
                over = True
            if over:
                poll.unregister(number)
                connections.pop(number).close()
                cut += 1
                last = time.monotonic() - began
        if time.monotonic() - began > drip:
            for one, half in slow:
                if one.fileno() in connections:
                    try:
                        one.send(half[drip % len(half) : drip % len(half) + 1])
                    except OSError:
                        pass
            drip += 1
    print(f"cut={cut} of={made} left={len(connections)} last={last:.1f}", flush=True)


main()
