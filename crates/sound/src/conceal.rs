//! What is heard instead of what is lost, after ITU-T G.711 Appendix I: the last period of the voice goes on, softer and softer. For codecs
//! that have no way of their own; unlike the appendix it adds no delay, and takes any rate.

use crate::pitch;

/// How long it goes on as loud as it was, and after how long nothing is left, in milliseconds. Sooner than in the appendix, and of one
/// period all the time: PESQ (`tests/interop/sound`) hears a tenth of a point in that and in the join, at 5 % loss of packets of 20 ms.
const LOUD_MS: u32 = 5;
const SILENT_MS: u32 = 40;

/// How long the first good frame is mixed in over, in milliseconds.
const JOIN_MS: u32 = 5;

/// Fills gaps of one stream.
#[derive(Clone, Debug)]
pub struct Concealer {
    rate_hz: u32,
    /// The last that was heard, with what was made up left out.
    past: Box<[i16]>,
    gap: Option<Gap>,
}

/// A gap that is being filled.
#[derive(Clone, Debug)]
struct Gap {
    /// Samples made up so far.
    made: usize,
    period: usize,
    /// Where in it it is.
    at: usize,
    /// What the last good sample was above the one that its place in the period has.
    step: f32,
}

impl Concealer {
    /// For samples at `rate_hz`.
    pub fn new(rate_hz: u32) -> Concealer {
        Concealer { rate_hz, past: vec![0; pitch::needed(rate_hz).max(2 * pitch::periods(rate_hz).1)].into(), gap: None }
    }

    /// Takes a frame that was heard, and joins it to what was made up before it if that is so.
    pub fn heard(&mut self, samples: &mut [i16]) {
        if let Some(mut gap) = self.gap.take() {
            let join = ((JOIN_MS * self.rate_hz / 1_000) as usize).min(samples.len());
            for (n, sample) in samples[..join].iter_mut().enumerate() {
                let share = (n + 1) as f32 / (join + 1) as f32;
                let made_up = gap.next(&self.past, self.rate_hz);
                *sample = (f32::from(*sample) * share + made_up * (1.0 - share)) as i16;
            }
        }
        let (kept, new) = (self.past.len(), samples.len());
        if new >= kept {
            self.past.copy_from_slice(&samples[new - kept..]);
        } else {
            self.past.copy_within(new.., 0);
            self.past[kept - new..].copy_from_slice(samples);
        }
    }

    /// Makes up a frame that is missing.
    pub fn conceal(&mut self, samples: &mut [i16]) {
        let gap = self.gap.get_or_insert_with(|| Gap::new(&self.past, self.rate_hz));
        samples.iter_mut().for_each(|sample| *sample = gap.next(&self.past, self.rate_hz) as i16);
    }
}

impl Gap {
    fn new(past: &[i16], rate_hz: u32) -> Gap {
        let (period, _) = pitch::period(past, rate_hz);
        let last = |back: usize| past.len().checked_sub(back).and_then(|place| past.get(place)).copied().map_or(0.0, f32::from);
        Gap { made: 0, period, at: 0, step: last(1) - last(period + 1) }
    }

    fn next(&mut self, past: &[i16], rate_hz: u32) -> f32 {
        let of = |ms: u32| (ms * rate_hz / 1_000) as usize;
        let length = self.period;
        let tail = &past[past.len().saturating_sub(length)..];
        let sample = tail.get(self.at).copied().map_or(0.0, f32::from);
        // Its end is laid over what came before its beginning, so that it closes.
        let lap = (self.period / 4).max(1);
        let (left, before) = (length - self.at, past.len().saturating_sub(length + lap));
        let closed = if left <= lap {
            let share = left as f32 / (lap + 1) as f32;
            let onto = past.get(before + lap - left).copied().map_or(0.0, f32::from);
            sample * share + onto * (1.0 - share)
        } else {
            sample
        };
        let smoothed = closed + self.step * (1.0 - self.made as f32 / lap as f32).max(0.0);
        let faded = self.made.saturating_sub(of(LOUD_MS)) as f32 / of(SILENT_MS - LOUD_MS) as f32;
        self.at = (self.at + 1) % length.max(1);
        self.made += 1;
        (smoothed * (1.0 - faded).max(0.0)).clamp(i16::MIN.into(), i16::MAX.into())
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
        let (mut concealer, mut heard) = (Concealer::new(rate), sound.to_vec());
        for (n, frame) in heard.chunks_mut(rate as usize / 50).enumerate() {
            if is_lost(n) { concealer.conceal(frame) } else { concealer.heard(frame) }
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
            let heard = with_gaps(&sound, 8_000, |n| n >= 8 && n % 13 < length);
            assert!(steepest(&heard) < steepest(&sound) * 3 / 2, "{length}: {} where {} is natural", steepest(&heard), steepest(&sound));
        }
    }

    #[test]
    fn nothing_is_made_of_nothing_and_the_loudest_is_not_turned_over() {
        assert!(with_gaps(&[0; 1_600], 8_000, |n| n % 2 == 0).iter().all(|sample| *sample == 0));
        let square: Vec<i16> = (0..8_000).map(|n| if n / 31 % 2 == 0 { i16::MAX } else { i16::MIN }).collect();
        with_gaps(&square, 8_000, |n| n % 3 == 2);
        let mut first = [0; 480];
        Concealer::new(48_000).conceal(&mut first);
    }
}
