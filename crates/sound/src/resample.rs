//! From one sample rate to another: a polyphase filter, a windowed sinc whose taps are laid out by phase.
//!
//! The band up to 0.84 of what the lower rate can carry passes, as much as a telephone passes of 8 kHz; what would fold back
//! into it is 80 dB down. The delay is 16 samples of the lower rate: 2 ms at 8 kHz.

use std::f64::consts::PI;

/// Taps that each output sample has on its way, in samples of the lower rate.
const TAPS: usize = 32;

/// The shape of the Kaiser window: side lobes 80 dB down.
const BETA: f64 = 7.857;

/// Sums that are formed side by side, as vector registers hold them. Rows of taps are a multiple of it.
const LANES: usize = 8;

/// The longest piece that is converted in one go, in input samples; more is taken in such pieces.
const PIECE: usize = 960;

/// A stream from one rate to another.
#[derive(Clone, Debug)]
pub struct Resampler {
    /// Output samples to so many …
    up: usize,
    /// … input samples, in lowest terms.
    down: usize,
    /// One row for each of the `up` places between two input samples.
    rows: Box<[f32]>,
    row: usize,
    /// The last `row` input samples but one, and behind them the piece that is being converted.
    window: Box<[f32]>,
    /// Where the next output sample lies behind the first of the window, in 1/`up` of an input sample.
    position: usize,
}

impl Resampler {
    /// Both rates in hertz, neither zero.
    pub fn new(from_hz: u32, to_hz: u32) -> Resampler {
        let common = common_divisor(from_hz, to_hz).max(1);
        let (up, down) = ((to_hz / common).max(1) as usize, (from_hz / common).max(1) as usize);
        let wanted = if down > up { (TAPS * down).div_ceil(up) } else { TAPS };
        let row = wanted.next_multiple_of(LANES);
        let rows = (0..up).flat_map(|place| taps(row, place as f64 / up as f64, up as f64 / down as f64)).collect();
        Resampler { up, down, rows, row, window: vec![0.0; row - 1 + PIECE].into(), position: 0 }
    }

    /// The most samples that come of so many.
    pub fn most(&self, samples: usize) -> usize {
        (samples * self.up).div_ceil(self.down) + 1
    }

    /// Converts `input`, as far as `output` has room for it (see [`Resampler::most`]). How many samples came of it.
    pub fn convert(&mut self, input: &[i16], output: &mut [i16]) -> usize {
        let mut made = 0;
        for piece in input.chunks(PIECE) {
            made += self.convert_piece(piece, &mut output[made..]);
        }
        made
    }

    fn convert_piece(&mut self, piece: &[i16], output: &mut [i16]) -> usize {
        let past = self.row - 1;
        for (place, sample) in self.window[past..].iter_mut().zip(piece) {
            *place = f32::from(*sample);
        }
        let end = piece.len() * self.up;
        let mut made = 0;
        for place in output.iter_mut() {
            if self.position >= end {
                break;
            }
            let (first, phase) = (self.position / self.up, self.position % self.up);
            let taps = &self.rows[phase * self.row..][..self.row];
            *place = rounded(product(taps, &self.window[first..][..self.row]));
            self.position += self.down;
            made += 1;
        }
        // What had no room is left out, so that time stays right.
        let left_out = end.saturating_sub(self.position).div_ceil(self.down);
        self.position = self.position + left_out * self.down - end;
        self.window.copy_within(piece.len()..piece.len() + past, 0);
        made
    }
}

/// The taps for an output sample that lies `place` (0 to 1) behind the middle one of the row. `ratio` is how much higher the output
/// rate is: below 1, what the output cannot carry is taken away.
fn taps(row: usize, place: f64, ratio: f64) -> Vec<f32> {
    let (half, cut) = (row as f64 / 2.0, ratio.min(1.0));
    let tap = |index: usize| {
        let distance = index as f64 - (half - 1.0) - place;
        let sinc = if distance.abs() < 1e-9 { 1.0 } else { (PI * cut * distance).sin() / (PI * cut * distance) };
        let across = (1.0 - (distance / half).powi(2)).max(0.0);
        sinc * bessel(BETA * across.sqrt())
    };
    let taps: Vec<f64> = (0..row).map(tap).collect();
    // Each place passes a constant as it is, or the constant would become a tone.
    let sum: f64 = taps.iter().sum();
    taps.into_iter().map(|tap| (tap / sum) as f32).collect()
}

/// The modified Bessel function of order zero, as its series.
fn bessel(x: f64) -> f64 {
    let quarter = x * x / 4.0;
    let terms = (1..40).scan(1.0, |term, k| {
        *term *= quarter / f64::from(k * k);
        Some(*term)
    });
    1.0 + terms.sum::<f64>()
}

#[inline]
fn product(taps: &[f32], samples: &[f32]) -> f32 {
    let (taps, samples) = (taps.as_chunks::<LANES>().0, samples.as_chunks::<LANES>().0);
    let mut sums = [0.0; LANES];
    for (taps, samples) in taps.iter().zip(samples) {
        for lane in 0..LANES {
            sums[lane] += taps[lane] * samples[lane];
        }
    }
    sums.iter().sum()
}

#[inline]
fn rounded(sample: f32) -> i16 {
    // A float that is too large becomes the largest integer.
    sample.round_ties_even() as i16
}

fn common_divisor(a: u32, b: u32) -> u32 {
    if b == 0 { a } else { common_divisor(b, a % b) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::f64::consts::TAU;

    fn sine(hz: f64, rate: u32, count: usize) -> Vec<i16> {
        (0..count).map(|n| (10_000.0 * (TAU * hz * n as f64 / f64::from(rate)).sin()).round() as i16).collect()
    }

    fn convert(from: u32, to: u32, input: &[i16], frame: usize) -> Vec<i16> {
        let mut resampler = Resampler::new(from, to);
        let mut heard = Vec::new();
        for piece in input.chunks(frame) {
            let mut output = vec![0; resampler.most(piece.len())];
            let made = resampler.convert(piece, &mut output);
            heard.extend_from_slice(&output[..made]);
        }
        heard
    }

    /// How strong a tone is, and how strong everything else, in decibels below 10 000.
    fn spectrum(samples: &[i16], rate: u32, hz: f64) -> (f64, f64) {
        let n = samples.len() as f64;
        let (mut re, mut im) = (0.0, 0.0);
        for (index, sample) in samples.iter().enumerate() {
            let angle = TAU * hz * index as f64 / f64::from(rate);
            re += f64::from(*sample) * angle.cos();
            im += f64::from(*sample) * angle.sin();
        }
        let (a, b) = (2.0 * re / n, 2.0 * im / n);
        let rest = samples.iter().enumerate().map(|(index, sample)| {
            let angle = TAU * hz * index as f64 / f64::from(rate);
            (f64::from(*sample) - a * angle.cos() - b * angle.sin()).powi(2)
        });
        let rest = (2.0 * rest.sum::<f64>() / n).sqrt();
        let db = |level: f64| 20.0 * (level.max(1e-3) / 10_000.0).log10();
        (db(a.hypot(b)), db(rest))
    }

    const RATES: [(u32, u32); 9] = [
        (8_000, 16_000),
        (8_000, 48_000),
        (16_000, 8_000),
        (16_000, 48_000),
        (48_000, 8_000),
        (48_000, 16_000),
        (44_100, 8_000),
        (44_100, 48_000),
        (11_025, 16_000),
    ];

    #[test]
    fn a_tone_of_the_band_stays_and_nothing_comes_to_it() {
        for (from, to) in RATES {
            let lower = f64::from(from.min(to));
            for hz in [0.02 * lower, 0.125 * lower, 0.3 * lower, 0.41 * lower].map(f64::round) {
                let heard = convert(from, to, &sine(hz, from, from as usize), from as usize / 50);
                let (tone, rest) = spectrum(&heard[heard.len() / 10..][..to as usize / 2], to, hz);
                assert!(tone.abs() < 0.1 && rest < -68.0, "{from} to {to}, {hz} Hz: {tone:.2} dB, beside it {rest:.1} dB");
            }
        }
    }

    #[test]
    fn what_the_lower_rate_cannot_carry_does_not_fold_back() {
        for (from, to) in RATES.into_iter().filter(|(from, to)| from > to) {
            for hz in [0.6 * f64::from(to), 0.75 * f64::from(to), 0.95 * f64::from(to)] {
                let heard = convert(from, to, &sine(hz, from, from as usize), from as usize / 50);
                let loudest = heard[to as usize / 10..].iter().map(|sample| sample.unsigned_abs()).max();
                assert!(loudest < Some(6), "{from} to {to}, {hz} Hz: {loudest:?}");
            }
        }
    }

    #[test]
    fn frames_make_no_seam_and_no_drift() {
        for (from, to) in RATES {
            let input = sine(440.0, from, from as usize);
            let whole = convert(from, to, &input, input.len());
            assert_eq!(whole.len(), to as usize, "{from} to {to}: a second is a second");
            for frame in [1, 7, from as usize / 100, from as usize / 50, from as usize * 60 / 1000] {
                assert_eq!(convert(from, to, &input, frame), whole, "{from} to {to} by {frame}");
            }
        }
    }

    #[test]
    fn what_has_no_room_is_left_out_and_time_goes_on() {
        let mut resampler = Resampler::new(8_000, 16_000);
        let mut output = [0; 10];
        assert_eq!(resampler.convert(&[0; 160], &mut output), 10);
        let mut output = [0; 400];
        assert_eq!(resampler.convert(&[0; 160], &mut output), 320);
    }

    #[test]
    fn the_loudest_is_not_turned_over() {
        let square: Vec<i16> = (0..8_000).map(|n| if n / 10 % 2 == 0 { i16::MAX } else { i16::MIN }).collect();
        let heard = convert(8_000, 48_000, &square, 160);
        // The delay is 16 samples of the input.
        let middle = |n: usize| heard[16 * 6 + n * 60 + 30];
        assert!((20..100).all(|n| (middle(n) > 28_000) == (n % 2 == 0) && (middle(n) < -28_000) == (n % 2 == 1)));
    }
}
