//! How a sound would go on: what excites it goes on with its last period, through the filter that its spectrum is (linear prediction), softer
//! and softer.

/// Coefficients of the filter.
const ORDER: usize = 16;

/// Its spectrum is that of so much sound at most, in milliseconds.
const WINDOW_MS: u32 = 20;

/// After so long nothing is left, in milliseconds. Sooner than in ITU-T G.711 Appendix I: PESQ (`tests/interop/sound`) hears that.
const SILENT_MS: u32 = 40;

/// Where the window is widest.
const WIDEST: f32 = 0.8;

/// How much narrower each coefficient is made, so that the filter rings no longer than voices do.
const DAMPING: f32 = 0.995;

/// One sound that goes on. Nothing of it allocates but [`Extrapolation::new`].
#[derive(Clone, Debug)]
pub(crate) struct Extrapolation {
    silent: usize,
    coefficients: [f32; ORDER],
    /// The last samples, the newest first.
    last: [f32; ORDER],
    /// A period of what excites the filter, at the beginning of it.
    excitation: Box<[f32]>,
    period: usize,
    /// Samples made so far.
    made: usize,
    windowed: Box<[f32]>,
}

impl Extrapolation {
    /// Of sounds at `rate_hz` whose periods have up to `longest` samples.
    pub(crate) fn new(rate_hz: u32, longest: usize) -> Extrapolation {
        let of = |ms: u32| (ms * rate_hz / 1_000) as usize;
        Extrapolation {
            silent: of(SILENT_MS).max(1),
            coefficients: [0.0; ORDER],
            last: [0.0; ORDER],
            excitation: vec![0.0; longest.max(1)].into(),
            period: 1,
            made: 0,
            windowed: vec![0.0; of(WINDOW_MS)].into(),
        }
    }

    /// Goes on from the end of `samples`, of which so many are a period.
    pub(crate) fn begin(&mut self, samples: &[i16], period: usize) {
        (self.period, self.made) = (period.clamp(1, self.excitation.len()), 0);
        self.predict(samples);
        let back = |by: usize| samples.len().checked_sub(by).and_then(|place| samples.get(place)).copied().map_or(0.0, f32::from);
        self.last = std::array::from_fn(|place| back(place + 1));
        let period = self.period;
        for (place, excitation) in self.excitation[..period].iter_mut().enumerate() {
            let now = period - place;
            let predicted = self.coefficients.iter().zip(1..).map(|(coefficient, by)| coefficient * back(now + by)).sum::<f32>();
            *excitation = back(now) - predicted;
        }
    }

    /// The next sample.
    pub(crate) fn next(&mut self) -> f32 {
        if self.made >= self.silent {
            return 0.0;
        }
        let excitation = self.excitation[self.made % self.period];
        let predicted = self.coefficients.iter().zip(&self.last).map(|(coefficient, last)| coefficient * last).sum::<f32>();
        let sample = (excitation + predicted).clamp(i16::MIN.into(), i16::MAX.into());
        self.last.rotate_right(1);
        self.last[0] = sample;
        let loudness = 1.0 - self.made as f32 / self.silent as f32;
        self.made += 1;
        sample * loudness
    }

    /// Finds the coefficients that tell the end of `samples` best from what was before each of them, by Levinson's recursion.
    fn predict(&mut self, samples: &[i16]) {
        let length = samples.len().min(self.windowed.len());
        let windowed = &mut self.windowed[..length];
        for (place, (windowed, sample)) in windowed.iter_mut().zip(&samples[samples.len() - length..]).enumerate() {
            *windowed = f32::from(*sample) * window((place as f32 + 0.5) / length as f32);
        }
        let alike = |by: usize| windowed.iter().zip(windowed.iter().skip(by)).map(|(then, now)| then * now).sum::<f32>();
        let mut autocorrelation = [0.0; ORDER + 1];
        autocorrelation.iter_mut().enumerate().for_each(|(by, place)| *place = alike(by));
        // A little noise, without which the filter of a pure tone would be unstable.
        autocorrelation[0] = autocorrelation[0] * 1.0001 + 1.0;
        let (mut found, mut error) = ([0.0; ORDER], autocorrelation[0]);
        for order in 0..ORDER {
            let told: f32 = (0..order).map(|place| found[place] * autocorrelation[order - place]).sum();
            let reflection = (autocorrelation[order + 1] - told) / error;
            let before = found;
            (0..order).for_each(|place| found[place] -= reflection * before[order - 1 - place]);
            found[order] = reflection;
            error *= 1.0 - reflection * reflection;
            if error <= 0.0 {
                break;
            }
        }
        let mut damping = 1.0;
        self.coefficients = found.map(|coefficient| {
            damping *= DAMPING;
            coefficient * damping
        });
    }
}

/// How much what lies there counts, of the whole from 0 to 1: the newest most, but for the very end.
fn window(at: f32) -> f32 {
    use std::f32::consts::{FRAC_PI_2, PI};
    if at < WIDEST { 0.5 - 0.5 * (PI * at / WIDEST).cos() } else { (FRAC_PI_2 * (at - WIDEST) / (1.0 - WIDEST)).cos() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tandem_model::Random;

    fn go_on(samples: &[i16], period: usize) -> Vec<f32> {
        let mut extrapolation = Extrapolation::new(8_000, 120);
        extrapolation.begin(samples, period);
        (0..400).map(|_| extrapolation.next()).collect()
    }

    #[test]
    fn a_tone_goes_on_in_its_phase_and_fades() {
        let tone = |n: usize| 8_000.0 * (n as f32 * std::f32::consts::TAU / 40.0).sin();
        let samples: Vec<i16> = (0..320).map(|n| tone(n) as i16).collect();
        for (n, sample) in go_on(&samples, 40).into_iter().enumerate() {
            let expected = tone(320 + n) * (1.0 - n as f32 / 320.0).max(0.0);
            assert!((sample - expected).abs() < 900.0, "{n}: {sample}, not {expected}");
        }
    }

    #[test]
    fn nothing_makes_it_louder_than_it_was_for_long() {
        let mut random = Random::new(3);
        for loudest in [1, 100, i16::MAX] {
            for length in [0, 1, 7, 40, 400] {
                let samples: Vec<i16> =
                    (0..length).map(|_| (random.below(2 * loudest as u64) as i32 - i32::from(loudest)) as i16).collect();
                for period in [0, 1, 20, 120, 1_000] {
                    let made = go_on(&samples, period);
                    assert!(made.iter().all(|sample| sample.is_finite() && sample.abs() <= 32_768.0));
                    assert!(made[320..].iter().all(|sample| *sample == 0.0));
                }
            }
        }
        let square: Vec<i16> = (0..400).map(|n| if n / 20 % 2 == 0 { i16::MAX } else { i16::MIN }).collect();
        assert!(go_on(&square, 40).iter().all(|sample| sample.is_finite()));
    }
}
