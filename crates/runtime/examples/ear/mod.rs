//! A phone that plays what comes when it comes, and loses nothing: for programs that measure what is heard.

use crate::talk::Failure;
use tandem_model::Codec;
use tandem_sound::{Decoder, Resampler};

/// It plays at 8000 Hz.
const RATE: u32 = 8_000;

type Conversion = Box<dyn FnMut(&[i16]) -> Vec<i16>>;

pub(crate) struct Ear {
    decoder: Decoder,
    convert: Conversion,
}

impl Ear {
    pub(crate) fn new(codec: Codec) -> Result<Ear, Failure> {
        let decoder = Decoder::new(codec, RATE)?;
        Ok(Ear { convert: Box::new(conversion(decoder.rate_hz(), RATE)), decoder })
    }

    /// What is played of a payload.
    pub(crate) fn hear(&mut self, payload: &[u8]) -> Result<Vec<i16>, Failure> {
        let mut samples = vec![0; self.decoder.samples(payload).ok_or("a packet cannot be decoded")?];
        self.decoder.decode(payload, &mut samples);
        Ok((self.convert)(&samples))
    }
}

/// From samples at one rate to those at another, a piece at a time.
pub(crate) fn conversion(from_hz: u32, to_hz: u32) -> impl FnMut(&[i16]) -> Vec<i16> {
    let mut resampler = (from_hz != to_hz).then(|| Resampler::new(from_hz, to_hz));
    move |samples| {
        let Some(resampler) = &mut resampler else { return samples.to_vec() };
        let mut converted = vec![0; resampler.most(samples.len())];
        let count = resampler.convert(samples, &mut converted);
        converted.truncate(count);
        converted
    }
}
