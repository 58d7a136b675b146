"""Phones whose SIP goes over one connection of TCP."""

import contextlib
import select
import socket
import time

from phone import Message, Phone
from stage import Failure, check


class StreamPhone(Phone):
    """A phone with one connection, which `connection` is."""

    transport = "TCP"

    def __init__(self, connection):
        self.socket = connection
        self.host, self.port = connection.getsockname()
        self.received = b""

    def send(self, text, remote=None):
        self.socket.sendall(text if isinstance(text, bytes) else text.encode())

    def receive(self, seconds=5):
        deadline = time.monotonic() + seconds
        while True:
            message = self._whole()
            if message:
                return Message(message, self.socket.getpeername())
            self.socket.settimeout(max(deadline - time.monotonic(), 0.001))
            try:
                data = self.socket.recv(65535)
            except TimeoutError:
                raise Failure(f"{self.host} waited {seconds} s in vain for a message") from None
            check(data, "the connection was closed")
            self.received += data

    def _whole(self):
        head, found, rest = self.received.partition(b"\r\n\r\n")
        if not found:
            return None
        lengths = [line.split(b":")[1] for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:")]
        length = int(lengths[0])
        if len(rest) < length:
            return None
        self.received = rest[length:]
        return head + found + rest[:length]


def calling(host, node):
    """A phone that connects to the node."""
    return StreamPhone(socket.create_connection(node, timeout=5, source_address=(host, 0)))


class Door:
    """Where connections come in."""

    def __init__(self, host, port=5060, backlog=5):
        self.socket = socket.socket()
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.socket.bind((host, port))
        self.socket.listen(backlog)
        self.fillers = []

    def phone(self, seconds=5):
        """The phone that the next connection is for."""
        check(self.is_knocked(seconds), f"nobody connected within {seconds} s")
        return StreamPhone(self.socket.accept()[0])

    def is_knocked(self, seconds=0):
        """Whether a connection is there that nobody has taken."""
        return bool(select.select([self.socket], [], [], seconds)[0])

    def shut(self):
        """Lets the system drop whatever asks for a connection: as many wait as may."""
        for _ in range(3):
            filler = socket.socket()
            filler.setblocking(False)
            with contextlib.suppress(BlockingIOError):
                filler.connect(self.socket.getsockname())
            self.fillers.append(filler)

    def close(self):
        for one in (*self.fillers, self.socket):
            one.close()
