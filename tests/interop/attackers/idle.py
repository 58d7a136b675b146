"""Opens connections from many addresses and leaves them as they are; says how many were cut, and when the last was.

usage: idle.py NODE PORT COUNT SECONDS ADDRESS...

Of four connections one says nothing, one sends half a message and then nothing, one sends it little by little, and one closes its half
after half a message."""

import select
import socket
import sys
import time

HALF = b"INVITE sip:1@tandem SIP/2.0\r\nVia: SIP/2.0/TCP 192.0.2.1;branch=z9hG4bKidle\r\n"


def main():
    node, port, count, seconds = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), float(sys.argv[4])
    hosts = sys.argv[5:]
    poll, connections, slow, refused = select.epoll(), {}, [], 0
    began = time.monotonic()
    for number in range(count):
        one = socket.socket()
        one.bind((hosts[number % len(hosts)], 0))
        try:
            one.connect((node, port))
            if number % 4 == 1 or number % 4 == 3:
                one.sendall(HALF)
            if number % 4 == 3:
                one.shutdown(socket.SHUT_WR)
        except OSError:
            refused += 1
            one.close()
            continue
        one.setblocking(False)
        connections[one.fileno()] = one
        poll.register(one.fileno(), select.EPOLLIN | select.EPOLLHUP | select.EPOLLERR)
        if number % 4 == 2:
            slow.append(one)
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
            drip += 1
            byte = HALF[drip % len(HALF) : drip % len(HALF) + 1]
            for one in slow:
                if one.fileno() in connections:
                    try:
                        one.send(byte)
                    except OSError:
                        pass
    print(f"cut={cut} of={made} left={len(connections)} last={last:.1f}", flush=True)


main()
