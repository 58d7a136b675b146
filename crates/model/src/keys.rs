//! The keys of a telephone, and the ways in which legs press them and want to hear them.

use serde::{Deserialize, Serialize};
use std::fmt;

/// The keys in the order of their event codes (RFC 4733 §3.2, table 3).
const SIGNS: [char; 16] = ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9', '*', '#', 'A', 'B', 'C', 'D'];

/// One of the sixteen keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "u8", into = "u8")]
pub struct Key(u8);

impl Key {
    /// The key with that event code (RFC 4733 §3.2): below 16.
    pub fn of_code(code: u8) -> Option<Key> {
        (usize::from(code) < SIGNS.len()).then_some(Key(code))
    }

    /// The key with that sign: a digit, `*`, `#`, or a letter from A to D, of either case.
    pub fn of_sign(sign: char) -> Option<Key> {
        let sign = sign.to_ascii_uppercase();
        SIGNS.iter().position(|known| *known == sign).map(|code| Key(code as u8))
    }

    /// Its event code.
    pub fn code(self) -> u8 {
        self.0
    }

    /// What stands on it.
    pub fn sign(self) -> char {
        SIGNS[usize::from(self.0)]
    }
}

/// There is no key with that event code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NoKey(u8);

impl fmt::Display for NoKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} is the code of no key", self.0)
    }
}

impl TryFrom<u8> for Key {
    type Error = NoKey;

    fn try_from(code: u8) -> Result<Key, NoKey> {
        Key::of_code(code).ok_or(NoKey(code))
    }
}

impl From<Key> for u8 {
    fn from(key: Key) -> u8 {
        key.0
    }
}

/// A key that is to be pressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyPress {
    /// Which.
    pub key: Key,
    /// For how many milliseconds.
    pub ms: u16,
}

impl KeyPress {
    /// How long a key is pressed where nothing says it.
    pub const USUAL_MS: u16 = 160;
}

/// How a leg presses keys, and wants to hear those of others, as offer and answer made it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Keys {
    /// As telephone events (RFC 4733).
    Events {
        /// The number that the leg expects.
        payload: u8,
        /// Ticks of its clock in a millisecond.
        clock_khz: u8,
    },
    /// By INFO: media has nothing to say.
    Info,
    /// As tones in its sound.
    #[default]
    InBand,
}

/// How keys are to be spoken of with a leg, as configuration says it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Dtmf {
    /// As telephone events (RFC 4733); in its sound where the leg knows none.
    #[default]
    Events,
    /// By INFO.
    Info,
    /// As tones in its sound.
    InBand,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signs_and_codes() {
        let all: Vec<Key> = (0..16).filter_map(Key::of_code).collect();
        assert_eq!(all.iter().map(|key| key.sign()).collect::<String>(), "0123456789*#ABCD");
        assert!(all.iter().all(|key| Key::of_sign(key.sign()) == Some(*key) && Key::try_from(key.code()) == Ok(*key)));
        assert_eq!(Key::of_sign('d').map(Key::code), Some(15));
        assert_eq!((Key::of_code(16), Key::of_sign('E'), Key::of_sign('é')), (None, None, None));
        assert_eq!(Key::try_from(16).map_err(|none| none.to_string()), Err("16 is the code of no key".into()));
    }
}
