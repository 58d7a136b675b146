//! The quadrature mirror filters that part 16 kHz into two bands and join them (ITU-T G.722 §6.2.1.1, §6.2.2.5).

use super::tables::MIRROR;

/// What the filter reaches back to: pairs of samples.
const PAIRS: usize = 12;

/// Pairs of the past, twice over, so that the last twelve always stand side by side.
#[derive(Clone, Debug, Default)]
struct Past {
    pairs: [[i32; 2]; PAIRS * 2],
    at: usize,
}

impl Past {
    /// Takes a pair in; the sums of both halves of the filter over the last twelve.
    fn filter(&mut self, pair: [i32; 2]) -> (i32, i32) {
        self.pairs[self.at] = pair;
        self.pairs[self.at + PAIRS] = pair;
        self.at = (self.at + 1) % PAIRS;
        let last = &self.pairs[self.at..self.at + PAIRS];
        let taps = last.iter().zip(MIRROR.iter().zip(MIRROR.iter().rev()));
        taps.fold((0, 0), |(first, second), (pair, (forward, backward))| (first + pair[0] * forward, second + pair[1] * backward))
    }
}

/// Two samples into one of each band.
#[derive(Clone, Debug, Default)]
pub(super) struct Split(Past);

impl Split {
    /// Lower band, higher band.
    pub(super) fn pair(&mut self, samples: [i16; 2]) -> (i32, i32) {
        let (first, second) = self.0.filter(samples.map(i32::from));
        ((second + first) >> 14, (second - first) >> 14)
    }
}

/// One sample of each band into two.
#[derive(Clone, Debug, Default)]
pub(super) struct Join(Past);

impl Join {
    pub(super) fn pair(&mut self, low: i32, high: i32) -> [i16; 2] {
        let (first, second) = self.0.filter([low + high, low - high]);
        // Written out so that the earlier of both is the one that the second half of the filter makes.
        [second >> 11, first >> 11].map(|sample| sample.clamp(i16::MIN.into(), i16::MAX.into()) as i16)
    }
}
