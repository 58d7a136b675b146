//! Level and frequency of a tone.

/// Samples that one measurement looks at: half a second of 8 kHz. Older ones are forgotten.
pub const WINDOW: usize = 4000;

const SAMPLE_RATE: f64 = 8000.0;

/// What was heard over the last window.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Measurement {
    /// Root mean square beside the overload point of 16-bit samples, in dBov (RFC 6465: a full-scale sine is −3).
    pub level_dbov: f64,
    /// The strongest frequency in hertz.
    pub frequency_hz: f64,
    /// How much of the power lies at that frequency: 1 for a pure tone.
    pub purity: f64,
}

/// Listens to 8 kHz samples.
#[derive(Clone, Debug, Default)]
pub struct Meter {
    samples: Vec<i16>,
    next: usize,
}

impl Meter {
    /// One more sample.
    pub fn push(&mut self, sample: i16) {
        if self.samples.len() < WINDOW {
            self.samples.push(sample);
        } else {
            self.samples[self.next] = sample;
        }
        self.next = (self.next + 1) % WINDOW;
    }

    /// What was heard; `None` until a tenth of a second has been, or if it was silence.
    pub fn measure(&self) -> Option<Measurement> {
        if self.samples.len() < 800 {
            return None;
        }
        let samples = self.window();
        let power = samples.iter().map(|sample| sample * sample).sum::<f64>() / samples.len() as f64;
        if power < 1e-9 {
            return None;
        }
        let mut best = (0.0, 0.0);
        // Coarse steps no wider than the main lobe of the shortest window, then finer ones around the strongest.
        let (mut low, mut high, mut step) = (50.0, 3950.0, 8.0);
        while step > 0.05 {
            let mut frequency: f64 = low;
            while frequency <= high {
                let found = goertzel(&samples, frequency);
                if found > best.1 {
                    best = (frequency, found);
                }
                frequency += step;
            }
            (low, high, step) = (best.0 - step, best.0 + step, step / 8.0);
        }
        Some(Measurement { level_dbov: 10.0 * power.log10(), frequency_hz: best.0, purity: (best.1 / power).min(1.0) })
    }

    /// Whether a tone of that frequency was heard, whatever else was.
    pub fn has(&self, frequency_hz: f64) -> bool {
        goertzel(&self.window(), frequency_hz) > AUDIBLE
    }

    /// The samples of the window, the oldest first; full scale is 1.
    fn window(&self) -> Vec<f64> {
        let (late, early) = self.samples.split_at(self.next.min(self.samples.len()));
        early.iter().chain(late).map(|sample| f64::from(*sample) / 32_768.0).collect()
    }
}

/// The power from which on a part of what is heard is no noise: a ninth of that of a tone that a phone sends.
const AUDIBLE: f64 = 0.005;

/// Power at one frequency by Goertzel's recurrence.
fn goertzel(samples: &[f64], frequency: f64) -> f64 {
    let coefficient = 2.0 * (2.0 * std::f64::consts::PI * frequency / SAMPLE_RATE).cos();
    let (mut last, mut before) = (0.0, 0.0);
    for sample in samples {
        let new = sample + coefficient * last - before;
        (before, last) = (last, new);
    }
    let count = samples.len() as f64;
    2.0 * (last * last + before * before - coefficient * last * before) / (count * count)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tone_is_found_within_a_hertz_and_a_decibel() {
        let mut meter = Meter::default();
        for index in 0..5000 {
            meter.push((10_000.0 * (2.0 * std::f64::consts::PI * 697.0 * f64::from(index) / SAMPLE_RATE).sin()) as i16);
        }
        let heard = meter.measure().unwrap();
        assert!((heard.frequency_hz - 697.0).abs() < 1.0 && heard.purity > 0.95, "{heard:?}");
        assert!((heard.level_dbov - -13.3).abs() < 0.1, "{heard:?}");
    }

    #[test]
    fn silence_is_no_tone() {
        let mut meter = Meter::default();
        (0..1000).for_each(|_| meter.push(0));
        assert_eq!(meter.measure(), None);
    }
}
