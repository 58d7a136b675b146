//! Which nonces were answered, and with which counts: no answer is taken twice (RFC 7616 §3.4, §5.5).

use std::collections::BTreeMap;
use tandem_model::Timestamp;

/// Nonces that are remembered at once. With more in use the oldest are forgotten, and are then too old for everybody.
const MAX_NONCES: usize = 1 << 16;

/// Counts below the highest that may still come, as requests overtake each other.
const WINDOW: u32 = 64;

#[derive(Debug, Default)]
pub(super) struct Used {
    /// By the number of the nonce, which is the order of their making and so of their end.
    nonces: BTreeMap<u64, Counts>,
    /// Nonces up to this one may have been forgotten.
    floor: u64,
}

#[derive(Debug)]
struct Counts {
    until: Timestamp,
    highest: u32,
    /// One bit for each count seen: the highest is the lowest bit.
    seen: u64,
}

impl Used {
    /// Takes this count of this nonce, or one use where there is no count. False: it was taken before, or may have been.
    pub(super) fn take(&mut self, now: Timestamp, number: u64, until: Timestamp, count: Option<u32>) -> bool {
        self.expire(now);
        if number <= self.floor {
            return false;
        }
        let Some(counts) = self.nonces.get_mut(&number) else {
            self.remember(number, until, count);
            return true;
        };
        count.is_some_and(|count| counts.take(count))
    }

    fn remember(&mut self, number: u64, until: Timestamp, count: Option<u32>) {
        if self.nonces.len() == MAX_NONCES
            && let Some((oldest, _)) = self.nonces.pop_first()
        {
            self.floor = self.floor.max(oldest);
        }
        // An answer without a count leaves none for another.
        let (highest, seen) = count.map_or((u32::MAX, u64::MAX), |count| (count, 1));
        self.nonces.insert(number, Counts { until, highest, seen });
    }

    fn expire(&mut self, now: Timestamp) {
        while self.nonces.first_key_value().is_some_and(|(_, counts)| counts.until <= now) {
            self.nonces.pop_first();
        }
    }
}

impl Counts {
    fn take(&mut self, count: u32) -> bool {
        if count > self.highest {
            self.seen = self.seen.checked_shl(count - self.highest).unwrap_or(0) | 1;
            self.highest = count;
            return true;
        }
        let behind = self.highest - count;
        let bit = 1u64.checked_shl(behind).unwrap_or(0);
        let is_new = behind < WINDOW && self.seen & bit == 0;
        self.seen |= bit;
        is_new
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_millis(1_000);
    const UNTIL: Timestamp = Timestamp::from_millis(2_000);

    #[test]
    fn a_count_is_taken_once() {
        let mut used = Used::default();
        let taken: Vec<bool> = [1, 1, 3, 2, 2, 3, 4].map(|count| used.take(NOW, 9, UNTIL, Some(count))).into();
        assert_eq!(taken, [true, false, true, true, false, false, true]);
    }

    #[test]
    fn what_is_far_behind_counts_as_taken() {
        let mut used = Used::default();
        assert!(used.take(NOW, 9, UNTIL, Some(100)));
        assert!(used.take(NOW, 9, UNTIL, Some(100 - 63)));
        assert!(!used.take(NOW, 9, UNTIL, Some(100 - 64)));
        assert!(used.take(NOW, 9, UNTIL, Some(u32::MAX)));
        assert!(!used.take(NOW, 9, UNTIL, Some(101)));
    }

    #[test]
    fn an_answer_without_a_count_is_the_only_one() {
        let mut used = Used::default();
        assert!(used.take(NOW, 9, UNTIL, None));
        assert!(!used.take(NOW, 9, UNTIL, None));
        assert!(!used.take(NOW, 9, UNTIL, Some(5)));
        assert!(used.take(NOW, 8, UNTIL, Some(5)));
        assert!(!used.take(NOW, 8, UNTIL, None));
    }

    #[test]
    fn what_is_forgotten_is_refused_and_not_taken_again() {
        let mut used = Used::default();
        for number in 1..=MAX_NONCES as u64 + 10 {
            assert!(used.take(NOW, number, UNTIL, Some(1)));
        }
        assert_eq!(used.nonces.len(), MAX_NONCES);
        for number in 1..=11 {
            assert!(!used.take(NOW, number, UNTIL, Some(2)) || number == 11, "nonce {number}");
        }
    }

    #[test]
    fn what_is_over_leaves_no_trace() {
        let mut used = Used::default();
        assert!(used.take(NOW, 1, UNTIL, Some(1)));
        assert!(used.take(UNTIL, 2, Timestamp::from_millis(3_000), Some(1)));
        assert_eq!(used.nonces.len(), 1);
    }
}
