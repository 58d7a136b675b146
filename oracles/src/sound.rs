//! Sound for codecs to be tried with, and how far two versions of it are apart.

use tandem_model::Random;
use tandem_sound::g711;

/// Recorded speech at 8 kHz, as µ-law.
static SPEECH: &[u8] = include_bytes!("../../crates/sound/tests/vectors/speech.ulaw");

/// `seconds` of speech at `rate_hz`, which is a multiple of 8000; samples between those of the recording are on straight lines, so that all of
/// the band has something in it.
pub fn speech(rate_hz: u32, seconds: usize) -> Vec<i16> {
    let steps = (rate_hz / 8000) as i32;
    let sample = |at: usize| i32::from(g711::FROM_MU_LAW[usize::from(SPEECH[at])]);
    let between = |at: usize, step: i32| (sample(at) * (steps - step) + sample(at + 1) * step) / steps;
    (0..seconds * 8000).flat_map(|at| (0..steps).map(move |step| between(at, step) as i16)).collect()
}

/// Noise between `-peak` and `peak`.
pub fn noise(seed: u64, peak: i16, count: usize) -> Vec<i16> {
    let mut random = Random::new(seed);
    let span = u64::from(peak.unsigned_abs()) * 2 + 1;
    (0..count).map(|_| (random.below(span) as i32 - i32::from(peak)) as i16).collect()
}

/// How far what is heard is above what differs, in decibels; infinite where nothing does.
pub fn ratio_db(heard: &[i16], other: &[i16]) -> f64 {
    let power = |samples: &mut dyn Iterator<Item = f64>| samples.map(|sample| sample * sample).sum::<f64>();
    let signal = power(&mut heard.iter().map(|sample| f64::from(*sample)));
    let difference = power(&mut heard.iter().zip(other).map(|(ours, theirs)| f64::from(*ours) - f64::from(*theirs)));
    10.0 * (signal / difference).log10()
}

/// The widest that any two samples are apart.
pub fn farthest(heard: &[i16], other: &[i16]) -> u16 {
    heard.iter().zip(other).map(|(ours, theirs)| ours.abs_diff(*theirs)).max().unwrap_or(0)
}
