//! The sixteen keys and their two tones each (ITU-T Q.23): made, and heard (Q.24).

mod detector;
mod generator;

pub use detector::{Detector, Heard};
pub use generator::Generator;

/// Hertz of the rows and columns.
const ROWS: [u16; 4] = [697, 770, 852, 941];
const COLUMNS: [u16; 4] = [1_209, 1_336, 1_477, 1_633];

/// The keys as they lie.
const KEYS: [[char; 4]; 4] = [['1', '2', '3', 'A'], ['4', '5', '6', 'B'], ['7', '8', '9', 'C'], ['*', '0', '#', 'D']];

/// The keys in the order of their event codes (RFC 4733 §3.2, table 3).
const CODES: [char; 16] = ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9', '*', '#', 'A', 'B', 'C', 'D'];

/// One of the keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Key(u8);

impl Key {
    /// The key with that event code (RFC 4733 §3.2): below 16.
    pub fn of_code(code: u8) -> Option<Key> {
        (usize::from(code) < CODES.len()).then_some(Key(code))
    }

    /// The key with that sign: a digit, `*`, `#`, or a letter from A to D, of either case.
    pub fn of_sign(sign: char) -> Option<Key> {
        let sign = sign.to_ascii_uppercase();
        CODES.iter().position(|known| *known == sign).map(|code| Key(code as u8))
    }

    /// Its event code.
    pub fn code(self) -> u8 {
        self.0
    }

    /// What stands on it.
    pub fn sign(self) -> char {
        CODES[usize::from(self.0)]
    }

    /// The key where a row and a column meet, each counted from 0.
    fn at(row: usize, column: usize) -> Option<Key> {
        Key::of_sign(*KEYS.get(row)?.get(column)?)
    }

    /// The two tones of it, in hertz.
    fn tones(self) -> [u16; 2] {
        let place = KEYS.iter().flatten().position(|sign| *sign == self.sign()).unwrap_or(0);
        [ROWS[place / 4], COLUMNS[place % 4]]
    }
}

#[cfg(test)]
mod tests;
