//! A sine, sample by sample.

use std::f32::consts::TAU;

/// Turns a pointer on; put back to its length now and then, which rounding would change.
#[derive(Clone, Debug)]
pub struct Oscillator {
    sin: f32,
    cos: f32,
    step: (f32, f32),
    peak: f32,
}

impl Oscillator {
    /// Of that frequency and peak, from zero upwards.
    pub fn new(hz: f32, peak: f32, rate_hz: u32) -> Oscillator {
        Oscillator { sin: 0.0, cos: 1.0, step: (TAU * hz / rate_hz as f32).sin_cos(), peak }
    }

    /// The next sample.
    pub fn step(&mut self) -> f32 {
        let sample = self.sin * self.peak;
        let (step_sin, step_cos) = self.step;
        let (sin, cos) = (self.sin * step_cos + self.cos * step_sin, self.cos * step_cos - self.sin * step_sin);
        // The first terms of one over its length: exact enough for what one step changes.
        let correction = (3.0 - (sin * sin + cos * cos)) / 2.0;
        (self.sin, self.cos) = (sin * correction, cos * correction);
        sample
    }
}
