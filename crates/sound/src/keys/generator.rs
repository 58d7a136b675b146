//! Makes the tones of a key.

use super::tones;
use crate::oscillator::Oscillator;
use tandem_model::Key;

/// Peaks of the lower and the higher tone: 9 and 7 dB below the loudest sine of a telephone, as the higher one loses more on a line.
const PEAKS: [f32; 2] = [8_000.0, 10_000.0];

/// Samples over which it begins, and ends, so that neither clicks: at 8 kHz; 3 ms.
const RAMP_MS: u32 = 3;

/// A key while it is pressed.
#[derive(Clone, Debug)]
pub struct Generator {
    tones: [Oscillator; 2],
    ramp: u32,
    made: u32,
    ends: Option<u32>,
}

impl Generator {
    /// The key begins to sound, at `rate_hz`.
    pub fn new(key: Key, rate_hz: u32) -> Generator {
        let [low, high] = tones(key).map(f32::from);
        let tones = [Oscillator::new(low, PEAKS[0], rate_hz), Oscillator::new(high, PEAKS[1], rate_hz)];
        Generator { tones, ramp: rate_hz * RAMP_MS / 1_000, made: 0, ends: None }
    }

    /// It is let go: it dies away within 3 ms.
    pub fn release(&mut self) {
        self.ends.get_or_insert(self.made + self.ramp);
    }

    /// Whether it has died away.
    pub fn is_over(&self) -> bool {
        self.ends.is_some_and(|ends| ends <= self.made)
    }

    /// The next samples, in place of what is in `samples`.
    pub fn fill(&mut self, samples: &mut [i16]) {
        for sample in samples {
            let fade_out = self.ends.map_or(self.ramp, |ends| ends.saturating_sub(self.made));
            let loudness = self.made.min(fade_out).min(self.ramp) as f32 / self.ramp.max(1) as f32;
            let [low, high] = &mut self.tones;
            *sample = ((low.step() + high.step()) * loudness) as i16;
            self.made = self.made.saturating_add(1);
        }
    }
}
