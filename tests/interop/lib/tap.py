"""What arrives at a phone, read from the wire: sound with the time of each packet, and the messages that it exchanges."""

import collections
import re
import socket
import struct
import threading

from decoders import DECODERS

# Linux: have the kernel tell when a packet came (seconds and nanoseconds).
SO_TIMESTAMPNS = 35

# Where the headers begin behind Ethernet's, and behind one of IPv4 without options; what those of UDP and RTP take.
IP, UDP = 14, 34
UDP_HEADER, RTP_HEADER = 8, 12

# A packet of sound: when it came, in seconds, from which port to which, and what it holds.
Sound = collections.namedtuple("Sound", "at source port sequence ssrc samples")

# A message: when it went by, whether the phone sent it, its text.
Signal = collections.namedtuple("Signal", "at sent text")


class Tap:
    """Reads the RTP of one codec that arrives on loopback at the even ports from `first` to `last`, and all SIP from and to the port `sip`."""

    def __init__(self, first, last, codec="PCMU", sip=None):
        self.ports = range(first + first % 2, last + 1, 2)
        self.sip = sip
        self.sounds, self.signals = [], []
        self._decoder, self._least, self._highest = DECODERS.get(codec, DECODERS["PCMU"])
        self._decoders = {}
        self.socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(0x0800))
        self.socket.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
        self.socket.bind(("lo", 0))
        self.socket.settimeout(0.1)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def samples(self):
        """All that came so far, decoded."""
        return [sample for sound in list(self.sounds) for sample in sound.samples]

    def close(self):
        self._stop.set()
        self._thread.join(timeout=2)
        self.socket.close()

    def _read(self):
        while not self._stop.is_set():
            try:
                frame, times, _, whence = self.socket.recvmsg(4096, socket.CMSG_SPACE(16))
            except TimeoutError:
                continue
            # Loopback shows each packet twice: as it leaves and as it arrives.
            if whence[2] == socket.PACKET_OUTGOING or len(frame) < UDP + UDP_HEADER or frame[IP + 9] != socket.IPPROTO_UDP:
                continue
            source, port, size = struct.unpack_from("!HHH", frame, UDP)
            seconds, nanoseconds = struct.unpack("qq", times[0][2])
            self._packet(seconds + nanoseconds / 1e9, source, port, frame[UDP + UDP_HEADER : UDP + size])

    def _packet(self, at, source, port, packet):
        if self.sip in (source, port):
            self.signals.append(Signal(at, source == self.sip, packet.decode("utf-8", "replace")))
        elif port in self.ports and len(packet) > RTP_HEADER and self._least <= packet[1] & 0x7F <= self._highest:
            _, _, sequence, _, ssrc = struct.unpack_from("!BBHII", packet)
            if port not in self._decoders:
                self._decoders[port] = self._decoder()
            samples = self._decoders[port].decode(packet[RTP_HEADER:])
            self.sounds.append(Sound(at, source, port, sequence, ssrc, samples))


def header(text, name):
    """What a message has in its first header of that name."""
    found = re.search(rf"^{name}: *([^\r\n]*)", text, re.M | re.I)
    return found[1] if found else ""
