//! G.722 at 64 kbit/s (ITU-T G.722), in the fixed-point arithmetic of the recommendation: 16 kHz are split into two bands, each of
//! which is coded as the difference to what its own past lets expect. Names are the recommendation's blocks (§6.2).
//!
//! RTP counts G.722 at 8000 Hz by an old mistake that RFC 3551 §4.5.2 keeps; an octet is one tick of that clock and two samples.

mod band;
mod mirror;
mod tables;

use band::Band;
use mirror::{Join, Split};
use tables::{HIGH, LOW_FINE};

/// From samples at 16 kHz to octets.
#[derive(Clone, Debug)]
pub struct Encoder {
    split: Split,
    low: Band,
    high: Band,
}

impl Default for Encoder {
    fn default() -> Encoder {
        Encoder { split: Split::default(), low: Band::low(), high: Band::high() }
    }
}

impl Encoder {
    /// One octet for each pair of samples, as far as there are pairs and room. How many there were.
    pub fn encode(&mut self, samples: &[i16], octets: &mut [u8]) -> usize {
        let pairs = samples.as_chunks().0;
        for (octet, pair) in octets.iter_mut().zip(pairs) {
            let (low, high) = self.split.pair(*pair);
            let low_code = self.low.quantize_low(low);
            self.low.adapt_low(low_code >> 2);
            let high_code = self.high.quantize_high(high);
            self.high.adapt_high(high_code);
            *octet = high_code << 6 | low_code;
        }
        pairs.len().min(octets.len())
    }
}

/// From octets to samples at 16 kHz.
#[derive(Clone, Debug)]
pub struct Decoder {
    join: Join,
    low: Band,
    high: Band,
}

impl Default for Decoder {
    fn default() -> Decoder {
        Decoder { join: Join::default(), low: Band::low(), high: Band::high() }
    }
}

impl Decoder {
    /// Two samples for each octet, as far as there is room. How many there are.
    pub fn decode(&mut self, octets: &[u8], samples: &mut [i16]) -> usize {
        let pairs = samples.as_chunks_mut().0;
        let count = pairs.len().min(octets.len());
        for (pair, octet) in pairs.iter_mut().zip(octets) {
            let (low_code, high_code) = (octet & 0x3f, octet >> 6);
            // What is heard has all six bits; what the prediction goes on with has four (blocks 5L and 2L).
            let low = self.low.heard(LOW_FINE[usize::from(low_code)]);
            self.low.adapt_low(low_code >> 2);
            let high = self.high.heard(HIGH[usize::from(high_code)]);
            self.high.adapt_high(high_code);
            *pair = self.join.pair(low, high);
        }
        count * 2
    }
}

#[cfg(test)]
mod tests;
