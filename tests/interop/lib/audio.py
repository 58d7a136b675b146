"""Audio to send and to recognise: G.711 tones as RTP, and the level of one frequency in what came back."""

import array
import math
import socket
import struct
import sys
import threading
import time
import wave

from stage import check

RATE = 8000
FRAME = 160  # samples in 20 ms


def level(samples, rate, frequency):
    """The share of the signal's power that is at `frequency`, 0 to 1 (Goertzel's algorithm over windows of 0.1 s, so that
    a gap or a change of phase counts little)."""
    size = rate // 10
    window = [0.5 - 0.5 * math.cos(2 * math.pi * (at + 0.5) / size) for at in range(size)]
    coefficient = 2 * math.cos(2 * math.pi * frequency / rate)
    found = total = 0.0
    for start in range(0, len(samples) - size + 1, size):
        block = [sample * weight for sample, weight in zip(samples[start : start + size], window)]
        before = last = 0.0
        for sample in block:
            before, last = last, sample + coefficient * last - before
        power = before * before + last * last - coefficient * before * last
        found += power / size
        total += sum(sample * sample for sample in block)
    # Under this window (Hann's) a lone sine gives a third.
    return 0.0 if total == 0 else min(1.0, found / total * 3)


def read_wav(path, channel=0):
    """Samples of that channel, and their rate."""
    with wave.open(str(path)) as file:
        samples = array.array("h", file.readframes(file.getnframes()))
        if sys.byteorder == "big":
            samples.byteswap()
        return samples[channel :: file.getnchannels()], file.getframerate()


# What a phone must have recorded of a call, in seconds, and how clean it must be.
LEAST_SECONDS, HEARD = 3, 0.9


def hears(folder, own, other):
    """That the recording of what came in is the other's tone, and that there is enough of it."""
    recordings = list(folder.glob("dump-*-dec.wav"))
    check(recordings, f"{folder.name} heard nothing")
    samples, rate = read_wav(recordings[0])
    check(len(samples) > LEAST_SECONDS * rate, f"{folder.name} recorded {len(samples) / rate:.1f} s")
    steady = samples[rate // 2 : -rate // 2]
    there, back = level(steady, rate, other), level(steady, rate, own)
    check(there > HEARD and back < 0.01, f"{folder.name} hears {there:.0%} of the other's tone and {back:.0%} of its own")


def to_ulaw(sample):
    """G.711 µ-law of one 16-bit sample."""
    sign = 0x80 if sample < 0 else 0
    magnitude = min(abs(sample), 32635) + 132
    exponent = max(magnitude.bit_length() - 8, 0)
    return ~(sign | (exponent << 4) | ((magnitude >> (exponent + 3)) & 15)) & 0xFF


def from_ulaw(byte):
    byte = ~byte & 0xFF
    magnitude = (((byte & 15) << 3) + 132 << ((byte >> 4) & 7)) - 132
    return -magnitude if byte & 0x80 else magnitude


def tone(frequency, at, count=FRAME, amplitude=8000):
    """µ-law of a sine, from sample `at` on."""
    return bytes(to_ulaw(round(amplitude * math.sin(2 * math.pi * frequency * n / RATE))) for n in range(at, at + count))


class AudioEnd:
    """An RTP socket that can send a tone every 20 ms and keeps what it receives."""

    def __init__(self, host, port):
        self.address = (host, port)
        self.socket = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(self.address)
        self.socket.settimeout(0.1)
        self.received = []  # (source, packet)
        self.sent = 0
        self.echo = False
        self._stop = threading.Event()
        self._threads = []
        self._begin(self._receive)

    def send_tone(self, remote, frequency, seconds, payload=0, ssrc=0x1234, first=0):
        """Sends in the background, from packet number `first` on; the thread that it returns ends with the tone."""
        return self._begin(lambda: self._send(remote, frequency, seconds, payload, ssrc, first))

    def samples(self, source=None, payload=0):
        """What arrived, decoded, in the order of arrival."""
        packets = [packet for whence, packet in list(self.received) if source in (None, whence) and packet[1] & 0x7F == payload]
        return [from_ulaw(byte) for packet in packets for byte in packet[12:]]

    def close(self):
        self._stop.set()
        for thread in self._threads:
            thread.join(timeout=2)
        self.socket.close()

    def _begin(self, work):
        thread = threading.Thread(target=work, daemon=True)
        thread.start()
        self._threads.append(thread)
        return thread

    def _receive(self):
        while not self._stop.is_set():
            try:
                packet, source = self.socket.recvfrom(2048)
            except TimeoutError:
                continue
            except OSError:
                return
            self.received.append((source[:2], packet))
            if self.echo:
                self.socket.sendto(packet, source)

    def _send(self, remote, frequency, seconds, payload, ssrc, first):
        began = time.monotonic()
        for number in range(first, first + round(seconds * 50)):
            delay = began + (number - first) * 0.02 - time.monotonic()
            if self._stop.wait(max(delay, 0)):
                return
            header = struct.pack("!BBHII", 0x80, payload | (0x80 if number == 0 else 0), number & 0xFFFF, number * FRAME, ssrc)
            self.socket.sendto(header + tone(frequency, number * FRAME), remote)
            self.sent += 1
