"""Sends INVITEs from addresses of nobody's as fast as it can, for so many seconds, and says how many went out and how many answers came.

usage: flood.py NODE PORT SECONDS ADDRESS..."""

import select
import socket
import sys
import time


def main():
    node, port, seconds = sys.argv[1], int(sys.argv[2]), float(sys.argv[3])
    sockets = []
    for host in sys.argv[4:]:
        one = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        one.bind((host, 5060))
        one.setblocking(False)
        sockets.append((host, one))
    sent = answers = 0
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        for host, one in sockets:
            for _ in range(50):
                sent += 1
                text = (
                    f"INVITE sip:{sent}@{node} SIP/2.0\r\nVia: SIP/2.0/UDP {host}:5060;branch=z9hG4bKflood{sent};rport\r\nMax-Forwards: 70\r\n"
                    f"From: <sip:flood@{host}>;tag={sent}\r\nTo: <sip:{sent}@{node}>\r\nCall-ID: flood-{sent}\r\nCSeq: 1 INVITE\r\n"
                    f"Contact: <sip:flood@{host}:5060>\r\nContent-Length: 0\r\n\r\n"
                )
                try:
                    one.sendto(text.encode(), (node, port))
                except BlockingIOError:
                    break
        # As much as the machine leaves beside the calls that are to go on.
        time.sleep(0.005)
        for _, one in sockets:
            while select.select([one], [], [], 0)[0]:
                one.recv(65535)
                answers += 1
    print(f"sent={sent} answers={answers}", flush=True)


main()
