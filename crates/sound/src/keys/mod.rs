//! The sixteen keys and their two tones each (ITU-T Q.23): made, and heard (Q.24).

mod detector;
mod generator;

pub use detector::{Detector, Heard};
pub use generator::Generator;

use tandem_model::Key;

/// Hertz of the rows and columns.
const ROWS: [u16; 4] = [697, 770, 852, 941];
const COLUMNS: [u16; 4] = [1_209, 1_336, 1_477, 1_633];

/// The keys as they lie.
const KEYS: [[char; 4]; 4] = [['1', '2', '3', 'A'], ['4', '5', '6', 'B'], ['7', '8', '9', 'C'], ['*', '0', '#', 'D']];

/// The key where a row and a column meet, each counted from 0.
fn at(row: usize, column: usize) -> Option<Key> {
    Key::of_sign(*KEYS.get(row)?.get(column)?)
}

/// The two tones of a key, in hertz.
fn tones(key: Key) -> [u16; 2] {
    let place = KEYS.iter().flatten().position(|sign| *sign == key.sign()).unwrap_or(0);
    [ROWS[place / 4], COLUMNS[place % 4]]
}

#[cfg(test)]
mod tests;
