//! Hears keys in sound (ITU-T Q.24), by what Goertzel's filters say of blocks of 12.75 ms.
//!
//! A key counts from the second block in a row that has it and nothing but it, and until three in a row do not, or two have another: 40 ms of
//! it and pauses of 40 ms are always seen, 20 ms of it never, nor a gap of 10 ms. Speech seldom has just two tones of these for so long.

use super::{COLUMNS, ROWS, at};
use std::f32::consts::TAU;
use tandem_model::Key;

/// Samples of a block at 8 kHz: the length for which the eight tones fall between each other best.
const BLOCK_8K: u32 = 102;

/// Peak of the weaker tone at least: about 36 dB below the loudest.
const LEAST_PEAK: f32 = 500.0;

/// Of the power of a block, so much at least is that of the two tones: what else there is makes it speech, or music.
const SHARE: f32 = 0.82;

/// How much stronger a tone is than the others of its group: 8 dB.
const CLEARLY: f32 = 6.3;

/// How much stronger the higher tone may be than the lower, and the lower than the higher: 4 dB, and 8 dB as lines take from the higher.
const TWIST: f32 = 2.5;
const REVERSE_TWIST: f32 = 6.3;

/// Blocks in a row without it that end a key: a gap of 10 ms can spoil two, a pause of 40 ms spoils three.
const MISSED: u32 = 3;

/// What was heard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Heard {
    /// It began about two blocks ago.
    Pressed(Key),
    /// It has ended; how many samples it sounded, to a block.
    Released(Key, u32),
}

/// Listens to one stream.
#[derive(Clone, Debug)]
pub struct Detector {
    filters: [Filter; 8],
    block: u32,
    seen: u32,
    power: f32,
    /// What the last block had.
    last: Option<Key>,
    /// What is pressed, for how many blocks, and how many in a row have missed it.
    pressed: Option<(Key, u32)>,
    missed: u32,
}

#[derive(Clone, Copy, Debug)]
struct Filter {
    turn: f32,
    last: f32,
    before: f32,
}

impl Filter {
    fn new(hz: u16, rate_hz: u32) -> Filter {
        Filter { turn: 2.0 * (TAU * f32::from(hz) / rate_hz as f32).cos(), last: 0.0, before: 0.0 }
    }

    fn take(&mut self, sample: f32) {
        (self.last, self.before) = (self.turn * self.last - self.before + sample, self.last);
    }

    fn power(&mut self) -> f32 {
        let power = self.last * self.last + self.before * self.before - self.turn * self.last * self.before;
        (self.last, self.before) = (0.0, 0.0);
        power
    }
}

impl Detector {
    /// For samples at `rate_hz`.
    pub fn new(rate_hz: u32) -> Detector {
        let hz = |index: usize| ROWS.iter().chain(&COLUMNS).copied().nth(index).unwrap_or_default();
        Detector {
            filters: std::array::from_fn(|index| Filter::new(hz(index), rate_hz)),
            block: (BLOCK_8K * rate_hz).div_ceil(8_000),
            seen: 0,
            power: 0.0,
            last: None,
            pressed: None,
            missed: 0,
        }
    }

    /// Listens on; `tell` gets what came of it, in its order.
    pub fn listen(&mut self, samples: &[i16], mut tell: impl FnMut(Heard)) {
        for sample in samples {
            let sample = f32::from(*sample);
            self.power += sample * sample;
            self.filters.iter_mut().for_each(|filter| filter.take(sample));
            self.seen += 1;
            if self.seen == self.block {
                let key = self.judge();
                self.debounce(key, &mut tell);
            }
        }
    }

    /// Whether a key sounds as far as is known.
    pub fn pressed(&self) -> Option<Key> {
        self.pressed.map(|(key, _)| key)
    }

    /// The key that the last block had, or that sounds as far as is known: a block alone may yet be something else.
    pub fn suspected(&self) -> Option<Key> {
        self.pressed().or(self.last)
    }

    fn debounce(&mut self, key: Option<Key>, tell: &mut impl FnMut(Heard)) {
        let is_twice = key.is_some() && self.last == key;
        self.last = key;
        if let Some((pressed, blocks)) = self.pressed {
            self.missed = if key == Some(pressed) { 0 } else { self.missed + 1 };
            if self.missed < MISSED && !(is_twice && self.missed > 0) {
                self.pressed = Some((pressed, blocks + 1));
                return;
            }
            tell(Heard::Released(pressed, (blocks + 1 - self.missed) * self.block));
            (self.pressed, self.missed) = (None, 0);
        }
        if let Some(key) = key.filter(|_| is_twice) {
            self.pressed = Some((key, 2));
            tell(Heard::Pressed(key));
        }
    }

    /// What the block that is over had.
    fn judge(&mut self) -> Option<Key> {
        let powers = self.filters.each_mut().map(Filter::power);
        let (block, power) = (self.block as f32, std::mem::take(&mut self.power));
        self.seen = 0;
        let (rows, columns) = powers.split_at(ROWS.len());
        let ((row, low), (column, high)) = (strongest(rows)?, strongest(columns)?);
        // A sine of that peak has so much.
        let least = (LEAST_PEAK * block / 2.0).powi(2);
        let is_loud = low >= least && high >= least;
        let is_even = high <= low * TWIST && low <= high * REVERSE_TWIST;
        // Both together have at most half of what all samples have, times their number.
        let is_all = low + high >= SHARE * power * block / 2.0;
        if is_loud && is_even && is_all { at(row, column) } else { None }
    }
}

/// Which is clearly stronger than all others, and its power.
fn strongest(powers: &[f32]) -> Option<(usize, f32)> {
    let (place, power) = powers.iter().copied().enumerate().max_by(|(_, a), (_, b)| a.total_cmp(b))?;
    let is_clear = powers.iter().enumerate().all(|(other, theirs)| other == place || theirs * CLEARLY < power);
    is_clear.then_some((place, power))
}
