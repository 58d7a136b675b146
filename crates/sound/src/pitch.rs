//! After how many samples a sound repeats itself.

/// The range of voices, as a tenth of a millisecond per period: 66 to 400 Hz.
const SHORTEST: u32 = 25;
const LONGEST: u32 = 150;

/// What is compared: 20 ms.
const COMPARED_MS: u32 = 20;

/// Of that rate, the shortest and the longest period in samples.
pub(crate) fn periods(rate_hz: u32) -> (usize, usize) {
    ((SHORTEST * rate_hz / 10_000) as usize, (LONGEST * rate_hz / 10_000) as usize)
}

/// How many samples are looked at.
pub(crate) fn needed(rate_hz: u32) -> usize {
    periods(rate_hz).1 + (COMPARED_MS * rate_hz / 1_000) as usize
}

/// The period of what `samples` end with, at least [`needed`] of them, and how much it is one: 1 if each repeats the other, 0 or less if
/// there is none.
pub(crate) fn period(samples: &[i16], rate_hz: u32) -> (usize, f32) {
    let (shortest, longest) = periods(rate_hz);
    let compared = (COMPARED_MS * rate_hz / 1_000) as usize;
    search(rate_hz, (shortest, longest), |lag, step| likeness(samples, compared, lag, step))
}

/// The same of fewer samples: what is compared is all that there is of them.
pub(crate) fn period_within(samples: &[i16], rate_hz: u32) -> usize {
    let (shortest, longest) = periods(rate_hz);
    let longest = longest.min(samples.len() / 2).max(shortest);
    search(rate_hz, (shortest, longest), |lag, step| likeness(samples, samples.len().saturating_sub(lag), lag, step)).0
}

/// First roughly, at no more than 8 kHz, then around what was found.
fn search(rate_hz: u32, (shortest, longest): (usize, usize), likeness: impl Fn(usize, usize) -> f32) -> (usize, f32) {
    let step = (rate_hz / 8_000).max(1) as usize;
    let rough = best((shortest..=longest).step_by(step), |lag| likeness(lag, step));
    if step == 1 {
        return rough;
    }
    let near = rough.0.saturating_sub(step).max(shortest)..=(rough.0 + step).min(longest);
    best(near, |lag| likeness(lag, 1))
}

fn best(lags: impl Iterator<Item = usize>, likeness: impl Fn(usize) -> f32) -> (usize, f32) {
    let mut best = (periods(8_000).0, f32::MIN);
    for lag in lags {
        let likeness = likeness(lag);
        if likeness > best.1 {
            best = (lag, likeness);
        }
    }
    best
}

/// How like the last samples are to those `lag` before them: from -1 to 1.
fn likeness(samples: &[i16], compared: usize, lag: usize, step: usize) -> f32 {
    let Some(first) = samples.len().checked_sub(compared + lag) else { return f32::MIN };
    let (then, now) = (&samples[first..first + compared], &samples[first + lag..]);
    let (mut both, mut power_then, mut power_now) = (0.0, 1.0, 1.0);
    for (then, now) in then.iter().step_by(step).zip(now.iter().step_by(step)) {
        let (then, now) = (f32::from(*then), f32::from(*now));
        both += then * now;
        power_then += then * then;
        power_now += now * now;
    }
    both / (power_then * power_now).sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::f32::consts::TAU;

    #[test]
    fn a_voice_has_its_period() {
        for rate in [8_000, 16_000, 48_000] {
            for hz in [70, 100, 133, 220, 390] {
                let buzz = |n: usize| {
                    let turn = TAU * hz as f32 * n as f32 / rate as f32;
                    (1..5).map(|k| 3_000.0 * (turn * k as f32).sin() / k as f32).sum::<f32>() as i16
                };
                let samples: Vec<i16> = (0..needed(rate)).map(buzz).collect();
                let (period, likeness) = period(&samples, rate);
                let times = period as f32 * hz as f32 / rate as f32;
                assert!((times - times.round()).abs() < 0.04 * times.round() && times > 0.9, "{hz} Hz at {rate}: {times} periods");
                assert!(likeness > 0.97, "{likeness}");
            }
        }
    }

    #[test]
    fn noise_has_none() {
        let mut random = tandem_model::Random::new(5);
        let samples: Vec<i16> = (0..needed(8_000)).map(|_| random.below(20_000) as i16 - 10_000).collect();
        assert!(period(&samples, 8_000).1 < 0.5);
    }
}
