//! One stream of a codec, whichever it is.

use crate::{
    Concealer, g711, g722,
    opus::{self, OpusError, OpusTerms},
};
use tandem_model::Codec;

/// From samples to payloads.
#[derive(Debug)]
pub enum Encoder {
    /// G.711, by its function.
    G711(fn(i16) -> u8),
    /// G.722.
    G722(Box<g722::Encoder>),
    /// Opus.
    Opus(Box<opus::Encoder>),
}

impl Encoder {
    /// An encoder for sound that has up to `rate_hz` to say: Opus is made for that rate, the others have their own. `terms` matter to
    /// Opus alone.
    ///
    /// # Errors
    /// A rate that Opus does not know.
    pub fn new(codec: Codec, rate_hz: u32, terms: &OpusTerms) -> Result<Encoder, OpusError> {
        Ok(match codec {
            Codec::Pcmu => Encoder::G711(g711::mu_law),
            Codec::Pcma => Encoder::G711(g711::a_law),
            Codec::G722 => Encoder::G722(Box::default()),
            Codec::Opus => Encoder::Opus(Box::new(opus::Encoder::new(rate_hz, terms)?)),
        })
    }

    /// The rate of the samples that it takes, in hertz.
    pub fn rate_hz(&self) -> u32 {
        match self {
            Encoder::G711(_) => 8_000,
            Encoder::G722(_) => 16_000,
            Encoder::Opus(encoder) => encoder.rate_hz(),
        }
    }

    /// How long a packet is that shall have `wanted_ms`, in milliseconds.
    pub fn packet_ms(&self, wanted_ms: u8) -> u8 {
        match self {
            Encoder::G711(_) | Encoder::G722(_) => (wanted_ms / 10 * 10).clamp(10, 60),
            Encoder::Opus(_) => opus::packet_ms(wanted_ms),
        }
    }

    /// One packet: octets of its payload, and `None` where nothing is to be sent for it.
    pub fn encode(&mut self, samples: &[i16], payload: &mut [u8]) -> Option<usize> {
        match self {
            Encoder::G711(law) => {
                payload.iter_mut().zip(samples).for_each(|(octet, sample)| *octet = law(*sample));
                Some(samples.len().min(payload.len()))
            }
            Encoder::G722(encoder) => Some(encoder.encode(samples, payload)),
            // RFC 7587 §3.1.3: so short a packet says that there is nothing to be heard.
            Encoder::Opus(encoder) => encoder.encode(samples, payload).filter(|length| *length > 2),
        }
    }

    /// Its packets follow on those of another stream of the same codec, as far as the codec can: whoever has decoded those hears no seam.
    pub fn go_on_from(&mut self, other: &Encoder) {
        match (self, other) {
            (Encoder::G722(encoder), Encoder::G722(other)) => encoder.clone_from(other),
            (Encoder::Opus(encoder), _) => encoder.begin_anew(),
            _ => {}
        }
    }

    /// Its packets follow on nothing.
    pub fn begin_anew(&mut self) {
        match self {
            Encoder::G711(_) => {}
            Encoder::G722(encoder) => **encoder = g722::Encoder::default(),
            Encoder::Opus(encoder) => encoder.begin_anew(),
        }
    }

    /// So many of a hundred packets do not arrive.
    pub fn expect_loss(&mut self, percent: u8) {
        if let Encoder::Opus(encoder) = self {
            encoder.expect_loss(percent);
        }
    }
}

/// Samples of what comes after a gap that are looked at most: 20 ms at 16 kHz.
const MOST_AHEAD: usize = 320;

/// From payloads to samples, and over what is missing between them.
#[derive(Debug)]
pub enum Decoder {
    /// G.711, by its table.
    G711(&'static [i16; 256], Box<Concealer>),
    /// G.722.
    G722(Box<g722::Decoder>, Box<Concealer>),
    /// Opus.
    Opus(Box<opus::Decoder>),
}

impl Decoder {
    /// A decoder whose samples shall be used at `rate_hz`, which Opus is made for; the others have their own.
    ///
    /// # Errors
    /// A rate that Opus does not know.
    pub fn new(codec: Codec, rate_hz: u32) -> Result<Decoder, OpusError> {
        Ok(match codec {
            Codec::Pcmu => Decoder::G711(&g711::FROM_MU_LAW, Box::new(Concealer::new(8_000))),
            Codec::Pcma => Decoder::G711(&g711::FROM_A_LAW, Box::new(Concealer::new(8_000))),
            Codec::G722 => Decoder::G722(Box::default(), Box::new(Concealer::new(16_000))),
            Codec::Opus => Decoder::Opus(Box::new(opus::Decoder::new(rate_hz)?)),
        })
    }

    /// The rate of the samples that it makes, in hertz.
    pub fn rate_hz(&self) -> u32 {
        match self {
            Decoder::G711(..) => 8_000,
            Decoder::G722(..) => 16_000,
            Decoder::Opus(decoder) => decoder.rate_hz(),
        }
    }

    /// Samples that a payload stands for; `None` if it is none.
    pub fn samples(&self, payload: &[u8]) -> Option<usize> {
        match self {
            Decoder::G711(..) => Some(payload.len()),
            Decoder::G722(..) => Some(payload.len() * 2),
            Decoder::Opus(decoder) => decoder.samples(payload),
        }
    }

    /// Decodes a payload into `samples`, which are as many as [`Decoder::samples`] says.
    pub fn decode(&mut self, payload: &[u8], samples: &mut [i16]) {
        match self {
            Decoder::G711(table, concealer) => {
                samples.iter_mut().zip(payload).for_each(|(sample, octet)| *sample = table[usize::from(*octet)]);
                concealer.heard(samples);
            }
            Decoder::G722(decoder, concealer) => {
                decoder.decode(payload, samples);
                concealer.heard(samples);
            }
            Decoder::Opus(decoder) => {
                if decoder.decode(payload, samples).is_none() {
                    samples.fill(0);
                }
            }
        }
    }

    /// Makes up `samples` that are missing, from what was heard before them and, where it says something of them, from the payload that
    /// comes right after. Their number is a multiple of 2.5 ms.
    pub fn conceal(&mut self, next: Option<&[u8]>, samples: &mut [i16]) {
        match self {
            Decoder::G711(table, concealer) => {
                let (mut ahead, next) = ([0; MOST_AHEAD], next.unwrap_or(&[]));
                let known = next.len().min(concealer.looks_ahead()).min(MOST_AHEAD);
                ahead.iter_mut().zip(&next[..known]).for_each(|(sample, octet)| *sample = table[usize::from(*octet)]);
                concealer.conceal(&ahead[..known], samples);
            }
            Decoder::G722(decoder, concealer) => {
                let (mut ahead, next) = ([0; MOST_AHEAD], next.unwrap_or(&[]));
                let octets = next.len().min(concealer.looks_ahead().min(MOST_AHEAD) / 2);
                // It will be decoded again when it is its turn.
                g722::Decoder::clone(decoder).decode(&next[..octets], &mut ahead[..octets * 2]);
                concealer.conceal(&ahead[..octets * 2], samples);
            }
            Decoder::Opus(decoder) => {
                if decoder.recover(next.unwrap_or(&[]), samples).is_none() {
                    samples.fill(0);
                }
            }
        }
    }
}
