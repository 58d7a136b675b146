//! A prompt as samples.

use std::{fmt, sync::Arc};
use tandem_sound::{Resampler, wav::Wav};

/// The rates that codecs have: from one to another is little work.
const RATES: [u32; 3] = [8_000, 16_000, 48_000];

/// Samples that all who play them share.
#[derive(Clone, PartialEq, Eq)]
pub struct Clip {
    rate_hz: u32,
    samples: Arc<[i16]>,
}

impl fmt::Debug for Clip {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Clip({} samples at {} Hz)", self.samples.len(), self.rate_hz)
    }
}

impl Clip {
    /// Of samples at that rate, which is not zero.
    pub fn new(rate_hz: u32, samples: Arc<[i16]>) -> Clip {
        Clip { rate_hz: rate_hz.max(1), samples }
    }

    /// Of a file. What has a rate that no codec has is brought to the next higher one that a codec has: that takes its time, and whoever plays it
    /// would have to take it.
    pub fn of(wav: &Wav) -> Clip {
        let target = RATES.into_iter().find(|rate| *rate >= wav.rate_hz).unwrap_or(RATES[2]);
        if target == wav.rate_hz {
            return Clip::new(target, wav.samples.as_ref().into());
        }
        let mut resampler = Resampler::new(wav.rate_hz, target);
        // What is left in the filter comes out with half a filter's length of silence, 16 samples of the lower rate.
        let tail = vec![0; (wav.rate_hz as usize * 16).div_ceil(wav.rate_hz.min(target) as usize)];
        let mut converted = vec![0; resampler.most(wav.samples.len()) + resampler.most(tail.len())];
        let made = resampler.convert(&wav.samples, &mut converted);
        let made = made + resampler.convert(&tail, &mut converted[made..]);
        Clip::new(target, converted[..made].into())
    }

    /// Samples a second.
    pub fn rate_hz(&self) -> u32 {
        self.rate_hz
    }

    /// The samples.
    pub fn samples(&self) -> &[i16] {
        &self.samples
    }

    /// How long it plays, in milliseconds.
    pub fn ms(&self) -> u64 {
        (self.samples.len() as u64 * 1_000).div_ceil(self.rate_hz.into())
    }

    /// What it takes of memory, about.
    pub fn bytes(&self) -> usize {
        size_of_val(&*self.samples)
    }
}
