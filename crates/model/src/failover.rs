//! After which failures a call turns to its next target.

use serde::{Deserialize, Serialize};

/// The lowest status that can be one.
const FIRST: u16 = 400;

/// A set of failures.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failover {
    /// Statuses from 400, a bit each.
    statuses: [u64; 5],
    /// Whole classes: a bit each for 4xx, 5xx and 6xx.
    classes: u8,
    /// Nobody answered in time.
    pub timeout: bool,
    /// The network says that nobody is there.
    pub unreachable: bool,
}

impl Failover {
    /// None at all.
    pub const NONE: Failover = Failover { statuses: [0; 5], classes: 0, timeout: false, unreachable: false };

    /// Adds a status from 400 to 699; another changes nothing.
    #[must_use]
    pub fn with_status(mut self, status: u16) -> Failover {
        if let Some((word, bit)) = place(status) {
            self.statuses[word] |= bit;
        }
        self
    }

    /// Adds a class: 4, 5 or 6; another changes nothing.
    #[must_use]
    pub fn with_class(mut self, class: u16) -> Failover {
        if (4..=6).contains(&class) {
            self.classes |= 1 << (class - 4);
        }
        self
    }

    /// Whether a final response of this status is one of them.
    pub fn has(&self, status: u16) -> bool {
        place(status).is_some_and(|(word, bit)| self.statuses[word] & bit != 0 || self.classes & 1 << (status / 100 - 4) != 0)
    }
}

/// RFC 3263 §4.3: a 503, a timeout and a transport error; further, a target that is out of order in another way, or that waited for
/// somebody in vain.
impl Default for Failover {
    fn default() -> Self {
        Failover { timeout: true, unreachable: true, ..Failover::NONE.with_class(5).with_status(408) }
    }
}

/// Where a status stands in [`Failover::statuses`].
fn place(status: u16) -> Option<(usize, u64)> {
    let index = status.checked_sub(FIRST).filter(|index| *index < 300)?;
    Some((usize::from(index / 64), 1 << (index % 64)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_set_has_what_was_put_into_it() {
        let set = Failover::NONE.with_status(404).with_status(699).with_class(5);
        let has: Vec<u16> = (0..1000).filter(|status| set.has(*status)).collect();
        let expected: Vec<u16> = std::iter::once(404).chain(500..600).chain([699]).collect();
        assert_eq!(has, expected);
    }

    #[test]
    fn what_is_no_failure_cannot_be_put_into_it() {
        let odd = [0, 200, 302, 399, 700, u16::MAX].into_iter().fold(Failover::NONE, Failover::with_status);
        assert_eq!([0, 3, 7, u16::MAX].into_iter().fold(odd, Failover::with_class), Failover::NONE);
    }
}
