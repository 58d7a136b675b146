//! Keys in the sound of a leg: heard, and taken out of it, so that whoever is told of them in another way does not hear them too.

use super::{Stroke, Strokes};
use tandem_sound::keys::{Detector, Heard};

/// Samples of a thousandth of a second over which sound dies away where a key begins, and comes back: neither is to click.
const RAMP_MS: u32 = 2;

/// Listens to one leg.
#[derive(Clone, Debug)]
pub(crate) struct Ear {
    detector: Detector,
    rate_hz: u32,
    /// What was last let through was a key's.
    is_shut: bool,
}

impl Ear {
    /// For samples at `rate_hz`.
    pub(crate) fn new(rate_hz: u32) -> Ear {
        Ear { detector: Detector::new(rate_hz), rate_hz: rate_hz.max(1), is_shut: false }
    }

    /// Listens to the next samples, and silences them where there is a key in them.
    pub(crate) fn listen(&mut self, samples: &mut [i16]) -> Strokes {
        let (mut strokes, was_heard) = (Strokes::default(), self.detector.suspected().is_some());
        let rate_hz = self.rate_hz;
        self.detector.listen(samples, |heard| match heard {
            Heard::Pressed(key) => strokes.push(Stroke::Down(key)),
            Heard::Released(key, samples) => {
                let ms = u64::from(samples) * 1_000 / u64::from(rate_hz);
                strokes.push(Stroke::Up(key, u16::try_from(ms).unwrap_or(u16::MAX)));
            }
        });
        let shuts = was_heard || self.detector.suspected().is_some() || !strokes.is_empty();
        let was_shut = std::mem::replace(&mut self.is_shut, shuts);
        let ramp = ((RAMP_MS * rate_hz / 1_000) as usize).min(samples.len()).max(1);
        match (was_shut, shuts) {
            (false, false) => {}
            (true, true) => samples.fill(0),
            (false, true) => {
                let (first, rest) = samples.split_at_mut(ramp.min(samples.len()));
                fade(first, |place| ramp - place, ramp);
                rest.fill(0);
            }
            (true, false) => {
                let (first, _) = samples.split_at_mut(ramp.min(samples.len()));
                fade(first, |place| place, ramp);
            }
        }
        strokes
    }
}

fn fade(samples: &mut [i16], loudness: impl Fn(usize) -> usize, of: usize) {
    for (place, sample) in samples.iter_mut().enumerate() {
        *sample = (i64::from(*sample) * loudness(place) as i64 / of as i64) as i16;
    }
}
