//! Several voices at once are louder than what can be said: then all of it becomes softer, for as long as need be.

/// The loudest sample that is let out.
const CEILING: f32 = 30_000.0;

/// Of a tick, the part over which sound becomes softer: the first 16th.
const ATTACK: usize = 16;

/// How much louder it becomes again in each tick: from half to full in 20 of them.
const RELEASE: f32 = 1.035;

/// The loudness of one mix.
#[derive(Debug)]
pub(crate) struct Limiter {
    gain: f32,
}

impl Limiter {
    pub(crate) fn new() -> Limiter {
        Limiter { gain: 1.0 }
    }

    /// Fits a tick of `sum` into samples.
    pub(crate) fn limit(&mut self, sum: &[i32], out: &mut [i16]) {
        let peak = sum.iter().map(|sample| sample.unsigned_abs()).max().unwrap_or(0) as f32;
        let allowed = if peak > CEILING { CEILING / peak } else { 1.0 };
        let target = allowed.min(self.gain * RELEASE).min(1.0);
        if self.gain >= 1.0 && target >= 1.0 {
            out.iter_mut().zip(sum).for_each(|(out, sample)| *out = *sample as i16);
            return;
        }
        // Softer at once, louder over the whole tick.
        let over = if target < self.gain { out.len() / ATTACK } else { out.len() }.max(1);
        let step = (target - self.gain) / over as f32;
        for (place, (out, sample)) in out.iter_mut().zip(sum).enumerate() {
            let gain = if place < over { self.gain + step * (place + 1) as f32 } else { target };
            // What is still too loud while it becomes softer is cut: a cast stops at the ends.
            *out = (*sample as f32 * gain) as i16;
        }
        self.gain = target;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sine(peak: f64, ticks: usize) -> Vec<Vec<i32>> {
        let sample = |n: usize| (peak * (n as f64 * 0.3).sin()) as i32;
        (0..ticks).map(|tick| (0..160).map(|n| sample(tick * 160 + n)).collect()).collect()
    }

    #[test]
    fn what_fits_is_left_as_it_is() {
        let mut limiter = Limiter::new();
        for tick in sine(29_000.0, 10) {
            let mut out = [0; 160];
            limiter.limit(&tick, &mut out);
            assert!(out.iter().zip(&tick).all(|(out, sample)| i32::from(*out) == *sample));
        }
    }

    #[test]
    fn what_is_too_loud_is_made_softer_and_keeps_its_shape() {
        let mut limiter = Limiter::new();
        let (loud, mut out) = (sine(90_000.0, 5), [0; 160]);
        loud.iter().for_each(|tick| limiter.limit(tick, &mut out));
        let last = &loud[4];
        assert!(out.iter().all(|sample| sample.unsigned_abs() <= 30_001));
        assert!(out.iter().zip(last).all(|(out, sample)| (i32::from(*out) * 3 - sample).abs() < 600), "a third of it, not a square");
        // Then all is as before, within half a second.
        for tick in sine(8_000.0, 40) {
            limiter.limit(&tick, &mut out);
        }
        assert!(limiter.gain >= 1.0);
    }

    #[test]
    fn the_change_itself_does_not_click() {
        let loud: Vec<Vec<i32>> = sine(20_000.0, 3).into_iter().chain(sine(60_000.0, 3)).chain(sine(20_000.0, 30)).collect();
        let (mut limiter, mut said) = (Limiter::new(), Vec::new());
        for tick in &loud {
            let mut out = [0; 160];
            limiter.limit(tick, &mut out);
            said.extend(out.map(i32::from));
        }
        let steepest = |samples: &[i32]| samples.windows(2).map(|pair| (pair[1] - pair[0]).abs()).max().unwrap();
        assert!(steepest(&said) <= steepest(&loud.concat()), "{}", steepest(&said));
    }
}
