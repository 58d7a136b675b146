"""What phones hear, as samples at 8 kHz: the libraries that baresip itself decodes with. One decoder a stream, for they remember."""

import ctypes
import ctypes.util

from audio import RATE, from_ulaw

# The longest packet of Opus, 120 ms.
MAX_FRAME = RATE * 120 // 1000

# Of spandsp: G.722's lower band alone, which is sound at 8 kHz.
G722_SAMPLE_RATE_8000 = 1

ULAW = [from_ulaw(byte) for byte in range(256)]


class Ulaw:
    """G.711 µ-law."""

    def decode(self, payload):
        return [ULAW[byte] for byte in payload]


class G722:
    def __init__(self):
        self.library = library("spandsp")
        self.library.g722_decode_init.restype = ctypes.c_void_p
        self.state = ctypes.c_void_p(self.library.g722_decode_init(None, 64000, G722_SAMPLE_RATE_8000))

    def decode(self, payload):
        samples = (ctypes.c_int16 * len(payload))()
        return samples[: self.library.g722_decode(self.state, samples, payload, len(payload))]


class Opus:
    def __init__(self):
        self.library = library("opus")
        self.library.opus_decoder_create.restype = ctypes.c_void_p
        self.state = ctypes.c_void_p(self.library.opus_decoder_create(RATE, 1, None))

    def decode(self, payload):
        samples = (ctypes.c_int16 * MAX_FRAME)()
        return samples[: max(self.library.opus_decode(self.state, payload, len(payload), samples, MAX_FRAME, 0), 0)]


def library(name):
    return ctypes.CDLL(ctypes.util.find_library(name))


# By the names of an account's codecs: the decoder, and the least and highest payload type that is its own.
DECODERS = {"PCMU": (Ulaw, 0, 0), "G722": (G722, 9, 9), "opus": (Opus, 96, 127)}
