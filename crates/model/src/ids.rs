//! Identifiers. All are newtypes over integers: cheap to copy, ordered, and never confused with each other.

use serde::{Deserialize, Serialize};
use std::{fmt, str::FromStr};

/// Legs that one call may own over its whole life: the low bits of a [`LegId`] count them.
pub const MAX_LEGS: u8 = 63;

/// A call. Sortable by time: 42 bits of milliseconds since the epoch, 16 bits of a counter, 6 zero bits in
/// which its legs are numbered.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct CallId(u64);

impl CallId {
    /// The id of call number `counter` that began at `unix_ms`.
    pub const fn new(unix_ms: u64, counter: u16) -> Self {
        CallId((unix_ms << 22) | ((counter as u64) << 6))
    }

    /// The `index`-th leg that this call creates, from 0; `None` once [`MAX_LEGS`] have been created.
    pub const fn leg(self, index: u8) -> Option<LegId> {
        if index < MAX_LEGS { Some(LegId(self.0 | (index as u64 + 1))) } else { None }
    }

    /// When it began: milliseconds since the epoch.
    pub const fn unix_ms(self) -> u64 {
        self.0 >> 22
    }

    /// The number as stored; [`CallId::from_bits`] reads it back.
    pub const fn bits(self) -> u64 {
        self.0
    }

    /// A call id from [`CallId::bits`].
    pub const fn from_bits(bits: u64) -> Self {
        CallId(bits)
    }
}

/// A leg. It keeps its id when it moves to another call, so the call that created it can be told from the id, the
/// call that owns it cannot.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct LegId(u64);

impl LegId {
    /// The call that created the leg; it may have moved to another since.
    pub const fn created_by(self) -> CallId {
        CallId(self.0 & !(MAX_LEGS as u64))
    }

    /// Which leg of that call it is: the index that [`CallId::leg`] had.
    pub const fn index(self) -> u8 {
        ((self.0 & MAX_LEGS as u64) as u8).saturating_sub(1)
    }

    /// The number as stored; [`LegId::from_bits`] reads it back.
    pub const fn bits(self) -> u64 {
        self.0
    }

    /// A leg id from [`LegId::bits`].
    pub const fn from_bits(bits: u64) -> Self {
        LegId(bits)
    }
}

/// A pair of media ports (RTP and RTCP) that a shard owns. Sessions know these, never sockets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct PortId(pub u32);

/// Crockford's base 32: digits and letters sort as the numbers do.
const DIGITS: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";

/// Digits of an id.
const LENGTH: usize = 13;

fn write_base32(f: &mut fmt::Formatter<'_>, prefix: &str, bits: u64) -> fmt::Result {
    let mut text = [0u8; LENGTH];
    for (place, digit) in text.iter_mut().rev().enumerate() {
        *digit = DIGITS[(bits >> (5 * place)) as usize & 31];
    }
    f.write_str(prefix)?;
    text.iter().try_for_each(|digit| fmt::Write::write_char(f, *digit as char))
}

impl fmt::Display for CallId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_base32(f, "call_", self.0)
    }
}

impl fmt::Display for LegId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_base32(f, "leg_", self.0)
    }
}

impl fmt::Debug for CallId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Debug for LegId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// That text is no id of that kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NoId(&'static str);

impl fmt::Display for NoId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "an id is wanted that begins with `{}`, as we wrote it", self.0)
    }
}

impl std::error::Error for NoId {}

/// What [`write_base32`] wrote, and nothing else.
fn read_base32(text: &str, prefix: &'static str) -> Result<u64, NoId> {
    let digits = text.strip_prefix(prefix).filter(|digits| digits.len() == LENGTH).ok_or(NoId(prefix))?;
    let mut bits = 0u64;
    for (place, digit) in digits.bytes().enumerate() {
        let digit = DIGITS.iter().position(|known| *known == digit).filter(|digit| place > 0 || *digit < 16);
        bits = (bits << 5) | digit.ok_or(NoId(prefix))? as u64;
    }
    Ok(bits)
}

impl FromStr for CallId {
    type Err = NoId;

    fn from_str(text: &str) -> Result<CallId, NoId> {
        let bits = read_base32(text, "call_")?;
        if bits & u64::from(MAX_LEGS) == 0 { Ok(CallId(bits)) } else { Err(NoId("call_")) }
    }
}

impl FromStr for LegId {
    type Err = NoId;

    fn from_str(text: &str) -> Result<LegId, NoId> {
        let bits = read_base32(text, "leg_")?;
        if bits & u64::from(MAX_LEGS) != 0 { Ok(LegId(bits)) } else { Err(NoId("leg_")) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_sort_by_time_as_numbers_and_as_text() {
        let ids = [CallId::new(1, 7), CallId::new(2, 0), CallId::new(2, 1), CallId::new(1 << 41, 0)];
        assert!(ids.is_sorted());
        assert!(ids.map(|id| id.to_string()).is_sorted());
    }

    #[test]
    fn a_call_numbers_its_legs_and_no_more_than_the_bound() {
        let call = CallId::new(1_700_000_000_000, 3);
        assert!(call.leg(0) < call.leg(1));
        assert_eq!((call.leg(MAX_LEGS), call.unix_ms()), (None, 1_700_000_000_000));
        assert!((0..MAX_LEGS).filter_map(|index| call.leg(index)).all(|leg| leg.created_by() == call));
        assert!(call.leg(MAX_LEGS - 1).is_some_and(|leg| leg.bits() < CallId::new(1_700_000_000_000, 4).bits()));
    }

    #[test]
    fn ids_are_read_as_they_were_written_and_not_otherwise() {
        let call = CallId::new((1 << 42) - 1, u16::MAX);
        let leg = call.leg(MAX_LEGS - 1).unwrap();
        assert_eq!((call.to_string().parse(), leg.to_string().parse()), (Ok(call), Ok(leg)));
        let other_kind = [call.to_string().replace("call_", "leg_"), leg.to_string().replace("leg_", "call_")];
        assert!(other_kind[0].parse::<LegId>().is_err() && other_kind[1].parse::<CallId>().is_err());
        let wrong =
            ["", "call_", "call_000000000000", "call_00000000000000", "call_000000000000i", "call_g000000000000", "CALL_0000000000000"];
        assert!(wrong.iter().all(|text| text.parse::<CallId>().is_err()));
    }
}
