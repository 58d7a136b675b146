//! One band: its scale, and what its past lets expect (ITU-T G.722 §6.2.1.2 to §6.2.1.5). Encoder and decoder keep the same.

use super::tables::{HIGH, HIGH_SCALING, LEVEL_HIGH, LEVELS, LOW, LOW_SCALING, POWERS};

/// Differences that the zeros of the predictor look back at.
const ZEROS: usize = 6;

#[derive(Clone, Debug)]
pub(super) struct Band {
    /// The step of the quantizer (DETL, DETH).
    scale: i32,
    /// Its logarithm (NBL, NBH).
    log_scale: i32,
    /// What is expected next (SL, SH), and the part of it that the zeros give (SZL, SZH).
    expected: i32,
    from_zeros: i32,
    /// The last two reconstructed samples, and two poles (RLT, AL).
    heard: [i32; 2],
    poles: [i32; 2],
    /// The last two sums of a difference and what the zeros gave (PLT).
    partial: [i32; 2],
    /// The last six differences, and as many zeros (DLT, BL).
    differences: [i32; ZEROS],
    zeros: [i32; ZEROS],
}

impl Band {
    pub(super) fn low() -> Band {
        Band::with_scale(32)
    }

    pub(super) fn high() -> Band {
        Band::with_scale(8)
    }

    fn with_scale(scale: i32) -> Band {
        Band {
            scale,
            log_scale: 0,
            expected: 0,
            from_zeros: 0,
            heard: [0; 2],
            poles: [0; 2],
            partial: [0; 2],
            differences: [0; ZEROS],
            zeros: [0; ZEROS],
        }
    }

    /// The six bits of a sample of the lower band (SUBTRA, QUANTL).
    pub(super) fn quantize_low(&self, sample: i32) -> u8 {
        let error = saturated(sample - self.expected);
        let magnitude = if error < 0 { -(error + 1) } else { error };
        // Levels rise: the number of those that are reached says which interval it is.
        let reached = LEVELS[1..].partition_point(|level| magnitude >= (level * self.scale) >> 12) as u8;
        match (error < 0, reached) {
            (false, _) => 61 - reached,
            (true, 0 | 1) => 63 - reached,
            (true, _) => 33 - reached,
        }
    }

    /// The two bits of a sample of the higher band (SUBTRA, QUANTH).
    pub(super) fn quantize_high(&self, sample: i32) -> u8 {
        let error = saturated(sample - self.expected);
        let magnitude = if error < 0 { -(error + 1) } else { error };
        let is_large = magnitude >= (LEVEL_HIGH * self.scale) >> 12;
        match (error < 0, is_large) {
            (false, false) => 3,
            (false, true) => 2,
            (true, false) => 1,
            (true, true) => 0,
        }
    }

    /// What is heard of a code that stands for `level` (RECONS, LIMIT).
    pub(super) fn heard(&self, level: i32) -> i32 {
        (self.expected + self.difference(level)).clamp(-16_384, 16_383)
    }

    fn difference(&self, level: i32) -> i32 {
        (self.scale * level) >> 15
    }

    /// Goes on by the four bits that say all that the prediction needs (INVQAL, LOGSCL, SCALEL).
    pub(super) fn adapt_low(&mut self, code: u8) {
        let code = usize::from(code);
        let difference = self.difference(LOW[code]);
        self.rescale(LOW_SCALING[code], 18_432, 8);
        self.predict(difference);
    }

    /// The same by the two of the higher band (INVQAH, LOGSCH, SCALEH).
    pub(super) fn adapt_high(&mut self, code: u8) {
        let code = usize::from(code);
        let difference = self.difference(HIGH[code]);
        self.rescale(HIGH_SCALING[code], 22_528, 10);
        self.predict(difference);
    }

    fn rescale(&mut self, change: i32, most: i32, shift: i32) {
        self.log_scale = (((self.log_scale * 127) >> 7) + change).clamp(0, most);
        let power = POWERS[(self.log_scale >> 6 & 31) as usize];
        let shift = shift - (self.log_scale >> 11);
        let scale = if shift < 0 { power << -shift } else { power >> shift };
        self.scale = scale << 2;
    }

    /// Takes a difference in, and says what comes next (block 4).
    fn predict(&mut self, difference: i32) {
        let heard = saturated(self.expected + difference);
        let partial = saturated(self.from_zeros + difference);
        self.move_poles(partial);
        self.move_zeros(difference);
        self.differences.copy_within(..ZEROS - 1, 1);
        self.differences[0] = difference;
        self.heard = [heard, self.heard[0]];
        self.partial = [partial, self.partial[0]];
        // FILTEP, FILTEZ, PREDIC
        let by = |coefficient: i32, sample: i32| (coefficient * saturated(sample + sample)) >> 15;
        let from_poles = saturated(by(self.poles[0], self.heard[0]) + by(self.poles[1], self.heard[1]));
        self.from_zeros = saturated(self.zeros.iter().zip(self.differences).map(|(zero, difference)| by(*zero, difference)).sum());
        self.expected = saturated(from_poles + self.from_zeros);
    }

    /// UPPOL2, UPPOL1
    fn move_poles(&mut self, partial: i32) {
        let is_alike = |past: i32| (partial < 0) == (past < 0);
        let first = saturated(self.poles[0] << 2);
        let pull = saturated(if is_alike(self.partial[0]) { -first } else { first }) >> 7;
        let push = if is_alike(self.partial[1]) { 128 } else { -128 };
        let second = (pull + push + ((self.poles[1] * 32_512) >> 15)).clamp(-12_288, 12_288);
        let push = if is_alike(self.partial[0]) { 192 } else { -192 };
        // The sum of both stays below what makes the filter ring for ever.
        let most = saturated(15_360 - second);
        let first = saturated(push + ((self.poles[0] * 32_640) >> 15)).clamp(-most, most);
        self.poles = [first, second];
    }

    /// UPZERO
    fn move_zeros(&mut self, difference: i32) {
        let step = if difference == 0 { 0 } else { 128 };
        for (zero, past) in self.zeros.iter_mut().zip(self.differences) {
            let push = if (difference < 0) == (past < 0) { step } else { -step };
            *zero = saturated(push + ((*zero * 32_640) >> 15));
        }
    }
}

/// As 16 bits hold it.
fn saturated(value: i32) -> i32 {
    value.clamp(i16::MIN.into(), i16::MAX.into())
}
