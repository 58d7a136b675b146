//! What is heard instead of what is lost, for codecs that have no way of their own: what was heard before goes on, softer and softer, and
//! where it is known what comes next, that is gone back from, too. Like ITU-T G.711 Appendix I it repeats the last period of the voice, but
//! of what excites it ([`Extrapolation`]); it adds no delay, and takes any rate.

use crate::{extrapolation::Extrapolation, pitch};

/// How long the first good frame is mixed in over, where what came before it was made up without it, in milliseconds.
const JOIN_MS: u32 = 5;

/// How much of what comes next is looked at, in milliseconds, and the least of which anything can be told.
const AHEAD_MS: u32 = 20;
const LEAST_AHEAD_MS: u32 = 5;

/// Fills gaps of one stream.
#[derive(Clone, Debug)]
pub struct Concealer {
    rate_hz: u32,
    /// The last that was heard. Of what was made up it has only what was made from both sides.
    past: Box<[i16]>,
    /// What comes next, the last of it first.
    ahead: Box<[i16]>,
    onward: Extrapolation,
    backward: Extrapolation,
    /// What was made up last goes on.
    is_open: bool,
}

impl Concealer {
    /// For samples at `rate_hz`.
    pub fn new(rate_hz: u32) -> Concealer {
        let (_, longest) = pitch::periods(rate_hz);
        let extrapolation = Extrapolation::new(rate_hz, longest);
        Concealer {
            rate_hz,
            past: vec![0; pitch::needed(rate_hz).max(2 * longest)].into(),
            ahead: vec![0; (AHEAD_MS * rate_hz / 1_000) as usize].into(),
            onward: extrapolation.clone(),
            backward: extrapolation,
            is_open: false,
        }
    }

    /// Samples of what comes next that can be of use.
    pub fn looks_ahead(&self) -> usize {
        self.ahead.len()
    }

    /// Takes a frame that was heard, and joins it to what was made up before it if that is so.
    pub fn heard(&mut self, samples: &mut [i16]) {
        if std::mem::take(&mut self.is_open) {
            let join = ((JOIN_MS * self.rate_hz / 1_000) as usize).min(samples.len());
            for (n, sample) in samples[..join].iter_mut().enumerate() {
                let share = (n + 1) as f32 / (join + 1) as f32;
                *sample = (f32::from(*sample) * share + self.onward.next() * (1.0 - share)) as i16;
            }
        }
        self.remember(samples);
    }

    /// Makes up a frame that is missing. `next` is what comes right after it, as far as that is known: so much as is
    /// [of use](Concealer::looks_ahead), or nothing.
    pub fn conceal(&mut self, next: &[i16], samples: &mut [i16]) {
        if !std::mem::replace(&mut self.is_open, true) {
            let (period, _) = pitch::period(&self.past, self.rate_hz);
            self.onward.begin(&self.past, period);
        }
        let known = next.len().min(self.ahead.len());
        if known < (LEAST_AHEAD_MS * self.rate_hz / 1_000) as usize {
            return samples.iter_mut().for_each(|sample| *sample = self.onward.next() as i16);
        }
        let ahead = &mut self.ahead[..known];
        ahead.iter_mut().zip(next[..known].iter().rev()).for_each(|(place, sample)| *place = *sample);
        self.backward.begin(ahead, pitch::period_within(ahead, self.rate_hz));
        samples.iter_mut().rev().for_each(|sample| *sample = self.backward.next() as i16);
        let whole = samples.len() as f32;
        for (n, sample) in samples.iter_mut().enumerate() {
            let share = (n as f32 + 0.5) / whole;
            *sample = (f32::from(*sample) * share + self.onward.next() * (1.0 - share)) as i16;
        }
        // It ends where what comes next begins.
        self.is_open = false;
        self.remember(samples);
    }

    fn remember(&mut self, samples: &[i16]) {
        let (kept, new) = (self.past.len(), samples.len());
        if new >= kept {
            self.past.copy_from_slice(&samples[new - kept..]);
        } else {
            self.past.copy_within(new.., 0);
            self.past[kept - new..].copy_from_slice(samples);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::f32::consts::TAU;

    fn buzz(hz: f32, rate: u32, n: usize) -> i16 {
        let turn = TAU * hz * n as f32 / rate as f32;
        (1..6).map(|k| 4_000.0 * (turn * k as f32).sin() / k as f32).sum::<f32>() as i16
    }

    /// Every frame of 20 ms for which `is_lost` is made up; the rest is as it was.
    fn with_gaps(sound: &[i16], rate: u32, is_lost: impl Fn(usize) -> bool) -> Vec<i16> {
        with_gaps_between(sound, rate, is_lost, false)
    }

    /// The same, where what comes next may be there already.
    fn with_gaps_between(sound: &[i16], rate: u32, is_lost: impl Fn(usize) -> bool, looks_ahead: bool) -> Vec<i16> {
        let (mut concealer, mut heard) = (Concealer::new(rate), sound.to_vec());
        let length = rate as usize / 50;
        for (n, frame) in heard.chunks_mut(length).enumerate() {
            let next = sound.chunks(length).nth(n + 1).filter(|_| looks_ahead && !is_lost(n + 1)).unwrap_or_default();
            if is_lost(n) { concealer.conceal(next, frame) } else { concealer.heard(frame) }
        }
        heard
    }

    fn db(sound: &[i16], other: &[i16]) -> f32 {
        let power = |samples: &mut dyn Iterator<Item = f32>| samples.map(|sample| sample * sample).sum::<f32>().max(1.0);
        let difference = &mut sound.iter().zip(other).map(|(a, b)| f32::from(*a) - f32::from(*b));
        10.0 * (power(&mut sound.iter().map(|sample| f32::from(*sample))) / power(difference)).log10()
    }

    #[test]
    fn a_steady_voice_goes_on_over_one_lost_frame() {
        for rate in [8_000, 16_000] {
            for hz in [80.0, 125.0, 210.0] {
                let sound: Vec<i16> = (0..rate as usize / 2).map(|n| buzz(hz, rate, n)).collect();
                let heard = with_gaps(&sound, rate, |n| n == 10);
                let lost = rate as usize / 50 * 10..rate as usize / 50 * 11;
                assert!(
                    db(&sound[lost.clone()], &heard[lost.clone()]) > 9.0,
                    "{hz} Hz at {rate}: {}",
                    db(&sound[lost.clone()], &heard[lost])
                );
                let after = rate as usize / 50 * 12..;
                assert_eq!(sound[after.clone()], heard[after]);
            }
        }
    }

    #[test]
    fn what_comes_next_makes_it_better() {
        // Up by a third in a second, and softer and louder.
        let glide = |n: usize| {
            let seconds = n as f32 / 8_000.0;
            let turn = TAU * (120.0 * seconds + 20.0 * seconds * seconds);
            (1..6).map(|k| 4_000.0 * (turn * k as f32).sin() / k as f32).sum::<f32>() * (0.6 + 0.4 * (seconds * 9.0).sin())
        };
        let sound: Vec<i16> = (0..16_000).map(|n| glide(n) as i16).collect();
        for lost in 1..3 {
            let is_lost = |n: usize| n >= 8 && n % 11 < lost;
            let [alone, between] = [false, true].map(|looks_ahead| db(&sound, &with_gaps_between(&sound, 8_000, is_lost, looks_ahead)));
            assert!(between > alone + 3.0, "{lost}: {between} dB, {alone} without");
        }
    }

    #[test]
    fn a_long_gap_fades_to_silence() {
        let sound: Vec<i16> = (0..8_000).map(|n| buzz(125.0, 8_000, n)).collect();
        let heard = with_gaps(&sound, 8_000, |n| (10..20).contains(&n));
        let loudest = |frame: usize| heard[frame * 160..][..160].iter().map(|sample| sample.unsigned_abs()).max().unwrap();
        assert!(loudest(10) > 5_000 && loudest(11) < loudest(10) && loudest(12) < loudest(11));
        assert!((13..20).all(|frame| loudest(frame) == 0));
    }

    #[test]
    fn nothing_clicks() {
        let sound: Vec<i16> = (0..16_000).map(|n| buzz(97.0, 8_000, n)).collect();
        let steepest = |samples: &[i16]| samples.array_windows().map(|[a, b]| a.abs_diff(*b)).max().unwrap();
        for length in 1..6 {
            for looks_ahead in [false, true] {
                let heard = with_gaps_between(&sound, 8_000, |n| n >= 8 && n % 13 < length, looks_ahead);
                let (made, natural) = (steepest(&heard), steepest(&sound));
                assert!(made < natural * 3 / 2, "{length}: {made} where {natural} is natural");
            }
        }
    }

    #[test]
    fn nothing_is_made_of_nothing_and_the_loudest_is_not_turned_over() {
        assert!(with_gaps(&[0; 1_600], 8_000, |n| n % 2 == 0).iter().all(|sample| *sample == 0));
        let square: Vec<i16> = (0..8_000).map(|n| if n / 31 % 2 == 0 { i16::MAX } else { i16::MIN }).collect();
        [false, true].into_iter().for_each(|looks_ahead| drop(with_gaps_between(&square, 8_000, |n| n % 3 == 2, looks_ahead)));
        let mut first = [0; 480];
        Concealer::new(48_000).conceal(&[], &mut first);
        Concealer::new(48_000).conceal(&[7; 2_000], &mut first);
    }
}
