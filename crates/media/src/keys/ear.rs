//! Keys in the sound of a leg: heard, and taken out of it, so that whoever is told of them in another way does not hear them too.

use super::{Stroke, Strokes};
use tandem_model::Key;
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
    /// The key that it hears, and for how many samples.
    pressed: Option<(Key, u64)>,
}

impl Ear {
    /// For samples at `rate_hz`.
    pub(crate) fn new(rate_hz: u32) -> Ear {
        Ear { detector: Detector::new(rate_hz), rate_hz: rate_hz.max(1), is_shut: false, pressed: None }
    }

    /// Listens to the next samples, and silences them where there is a key in them.
    pub(crate) fn listen(&mut self, samples: &mut [i16]) -> Strokes {
        let (mut strokes, was_heard) = (Strokes::default(), self.detector.suspected().is_some());
        let rate_hz = self.rate_hz;
        self.pressed = self.pressed.map(|(key, lasted)| (key, lasted + samples.len() as u64));
        self.detector.listen(samples, |heard| match heard {
            Heard::Pressed(key) => {
                self.pressed = Some((key, samples.len() as u64));
                strokes.push(Stroke::Down(key));
            }
            Heard::Released(key, samples) => {
                self.pressed = None;
                strokes.push(up(key, samples.into(), rate_hz));
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

    /// It listens no longer: a key that it hears is over for those who were told of it.
    fn end(&mut self) -> Strokes {
        let mut strokes = Strokes::default();
        if let Some((key, lasted)) = self.pressed.take() {
            strokes.push(up(key, lasted, self.rate_hz));
        }
        strokes
    }
}

/// Listens to one leg while it is to, and keeps what it has heard until that is asked for.
#[derive(Clone, Debug, Default)]
pub(crate) struct Listening {
    ear: Option<Box<Ear>>,
    strokes: Strokes,
}

impl Listening {
    /// Whether it is to listen from now on, to samples at `rate_hz`.
    pub(crate) fn listen_for_keys(&mut self, listen: bool, rate_hz: u32) {
        if self.ear.is_some() != listen {
            self.end();
            self.ear = listen.then(|| Box::new(Ear::new(rate_hz)));
        }
    }

    /// Listens to the next samples, which count as silence unless they sound.
    pub(crate) fn listen(&mut self, sounds: bool, samples: &mut [i16]) {
        if let Some(ear) = &mut self.ear {
            if !sounds {
                samples.fill(0);
            }
            self.strokes.extend(ear.listen(samples));
        }
    }

    /// The keys that were heard since this was asked last.
    pub(crate) fn heard_keys(&mut self) -> Option<Strokes> {
        Some(std::mem::take(&mut self.strokes)).filter(|strokes| !strokes.is_empty())
    }

    /// It listens no longer.
    pub(crate) fn end(&mut self) {
        if let Some(mut ear) = self.ear.take() {
            self.strokes.extend(ear.end());
        }
    }

    /// Whether it hears a key.
    pub(crate) fn hears_key(&self) -> bool {
        self.ear.as_ref().is_some_and(|ear| ear.pressed.is_some())
    }

    /// Whether what it let through last was silenced for a key.
    pub(crate) fn is_shut(&self) -> bool {
        self.ear.as_ref().is_some_and(|ear| ear.is_shut)
    }
}

fn up(key: Key, samples: u64, rate_hz: u32) -> Stroke {
    Stroke::Up(key, u16::try_from(samples * 1_000 / u64::from(rate_hz)).unwrap_or(u16::MAX))
}

fn fade(samples: &mut [i16], loudness: impl Fn(usize) -> usize, of: usize) {
    for (place, sample) in samples.iter_mut().enumerate() {
        *sample = (i64::from(*sample) * loudness(place) as i64 / of as i64) as i16;
    }
}
