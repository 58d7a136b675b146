//! Makes sound shorter or longer by a period of the voice, which nobody hears as a change of pitch.

use crate::pitch;

/// How alike two periods are that may be laid over each other.
const ALIKE: f32 = 0.5;

/// Below this a stretch of sound is silence, and can be cut anywhere: the mean of its magnitudes.
const SILENCE: u32 = 60;

/// Samples at the end of a sound that are looked at.
pub fn needed(rate_hz: u32) -> usize {
    pitch::needed(rate_hz).max(2 * pitch::periods(rate_hz).1)
}

/// Takes a period out of the end of `samples`, of which there are at least [`needed`]. By how many samples they are shorter; zero where
/// that would be heard. `most` is how many it may be.
pub fn shorten(samples: &mut [i16], rate_hz: u32, most: usize) -> usize {
    let Some(period) = period(samples, rate_hz, most) else { return 0 };
    let end = samples.len();
    // The last two periods become one, which begins as the first and ends as the second.
    for n in 0..period {
        let (first, second) = (samples[end - 2 * period + n], samples[end - period + n]);
        samples[end - 2 * period + n] = blend(first, second, n, period);
    }
    period
}

/// Puts a period to the end of `samples`, behind which there is room: the first `length` are there. By how many they are longer; zero
/// where that would be heard.
pub fn lengthen(samples: &mut [i16], length: usize, rate_hz: u32, most: usize) -> usize {
    let room = samples.len().saturating_sub(length);
    let Some(period) = samples.get(..length).and_then(|heard| period(heard, rate_hz, most.min(room))) else { return 0 };
    // The last period is said twice: in its own place it comes to end as the one before it did, so that its beginning follows on that.
    samples.copy_within(length - period..length, length);
    for n in 0..period {
        let (last, before) = (samples[length - period + n], samples[length - 2 * period + n]);
        samples[length - period + n] = blend(last, before, n, period);
    }
    period
}

fn blend(from: i16, to: i16, n: usize, of: usize) -> i16 {
    let (n, of) = (n as i32, of as i32);
    ((i32::from(from) * (of - n) + i32::from(to) * n) / of.max(1)) as i16
}

/// The period to take out or put in.
fn period(samples: &[i16], rate_hz: u32, most: usize) -> Option<usize> {
    let (shortest, longest) = pitch::periods(rate_hz);
    if samples.len() < needed(rate_hz) || most < shortest {
        return None;
    }
    let tail = &samples[samples.len() - 2 * longest..];
    let loudness = tail.iter().map(|sample| u32::from(sample.unsigned_abs())).sum::<u32>() / tail.len() as u32;
    if loudness < SILENCE {
        return Some(most.min(longest));
    }
    let (period, likeness) = pitch::period(samples, rate_hz);
    (likeness > ALIKE && period <= most).then_some(period)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::f32::consts::TAU;

    fn buzz(hz: f32, rate: u32, count: usize) -> Vec<i16> {
        let at = |n: usize| (1..5).map(|k| 4_000.0 * (TAU * hz * (n * k) as f32 / rate as f32).sin() / k as f32).sum::<f32>() as i16;
        (0..count).map(at).collect()
    }

    fn steepest(samples: &[i16]) -> u16 {
        samples.array_windows().map(|[a, b]| a.abs_diff(*b)).max().unwrap()
    }

    #[test]
    fn a_voice_is_shorter_and_longer_without_a_click() {
        for rate in [8_000, 16_000, 48_000] {
            for hz in [80.0, 120.0, 205.0] {
                let whole = buzz(hz, rate, rate as usize / 5);
                let mut samples = whole[..rate as usize / 10].to_vec();
                let cut = shorten(&mut samples, rate, rate as usize / 50);
                assert!(cut > 0, "{hz} at {rate}");
                samples.truncate(samples.len() - cut);
                // What comes after it is what would have come.
                samples.extend_from_slice(&whole[rate as usize / 10..]);
                assert!(steepest(&samples) <= steepest(&whole) * 5 / 4, "{hz} at {rate}: {} of {}", steepest(&samples), steepest(&whole));

                let length = rate as usize / 10;
                let mut samples = whole[..length].to_vec();
                samples.resize(length + rate as usize / 50, 0);
                let more = lengthen(&mut samples, length, rate, rate as usize / 50);
                assert!(more > 0, "{hz} at {rate}");
                samples.truncate(length + more);
                samples.extend_from_slice(&whole[length..]);
                assert!(steepest(&samples) <= steepest(&whole) * 5 / 4, "{hz} at {rate}: {} of {}", steepest(&samples), steepest(&whole));
            }
        }
    }

    #[test]
    fn silence_is_cut_at_once_and_noise_is_left_alone() {
        assert_eq!(shorten(&mut [0; 800], 8_000, 80), 80);
        let mut random = tandem_model::Random::new(9);
        let mut noise: Vec<i16> = (0..800).map(|_| random.below(20_000) as i16 - 10_000).collect();
        assert_eq!(shorten(&mut noise, 8_000, 160), 0);
    }

    #[test]
    fn never_more_than_may_be() {
        let mut samples = buzz(80.0, 8_000, 800);
        assert_eq!(shorten(&mut samples, 8_000, 60), 0, "a period is 100");
        assert_eq!(shorten(&mut samples[..100], 8_000, 160), 0, "too little to see a period");
        assert_eq!(lengthen(&mut samples, 760, 8_000, 160), 0, "no room");
        assert_eq!(lengthen(&mut samples, 900, 8_000, 160), 0);
    }
}
