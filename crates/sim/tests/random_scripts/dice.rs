//! Drawing from a seed with words instead of numbers.

use std::time::Duration;
use tandem_model::Random;
use tandem_sim::ms;

pub(crate) struct Dice(Random);

impl Dice {
    pub(crate) fn new(seed: u64) -> Dice {
        Dice(Random::new(seed.wrapping_mul(0x9e37_79b9) ^ 0x7461_6e64_656d))
    }

    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        self.0.below(bound)
    }

    pub(crate) fn chance(&mut self, percent: u64) -> bool {
        self.below(100) < percent
    }

    pub(crate) fn pick<T: Clone>(&mut self, from: &[T]) -> T {
        from[self.below(from.len() as u64) as usize].clone()
    }

    /// Milliseconds: mostly short, sometimes long enough for every timer to run out.
    pub(crate) fn pause(&mut self) -> u64 {
        match self.below(10) {
            0 => 0,
            1..5 => self.below(50),
            5..8 => self.below(2_000),
            8 => self.below(10_000),
            _ => self.below(50_000),
        }
    }

    pub(crate) fn span(&mut self) -> Duration {
        ms(self.pause())
    }
}
