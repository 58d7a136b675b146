//! How often somebody answered wrong: whoever tries passwords does not get to try many.

use std::collections::{BTreeMap, VecDeque};
use std::net::IpAddr;
use std::time::Duration;
use tandem_model::{Timestamp, neighbourhood};

/// Wrong answers of one address that are looked at in one [`PERIOD`]; what comes after them is not, and counts as wrong.
pub(super) const MAX_GUESSES: u32 = 30;

/// How long wrong answers are counted together.
pub(super) const PERIOD: Duration = Duration::from_secs(60);

/// Addresses that are counted at once; with more the oldest go.
const MAX_SOURCES: usize = 1_024;

#[derive(Debug, Default)]
pub(super) struct Guesses {
    counts: BTreeMap<IpAddr, Count>,
    /// When each of them ends.
    ends: VecDeque<(Timestamp, IpAddr)>,
}

#[derive(Debug, Default)]
struct Count {
    all: u32,
    /// Those to a challenge of ours. Only they count as tries: whoever forges the address of another never saw one.
    tries: u32,
    /// The same over flows that are known to be somebody's: nobody else behind that address uses up what they may try.
    known_tries: u32,
}

/// Who answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Who {
    /// Somebody over a flow that is known to be somebody's.
    Known,
    /// Somebody who was asked.
    Asked,
    /// Whoever it is: we never asked.
    Unasked,
}

impl Guesses {
    /// Whether answers from there are looked at.
    pub(super) fn may_try(&mut self, now: Timestamp, source: IpAddr, who: Who) -> bool {
        while self.ends.front().is_some_and(|(end, _)| *end <= now) {
            self.forget_oldest();
        }
        let tries = |count: &Count| if who == Who::Known { count.known_tries } else { count.tries };
        self.counts.get(&neighbourhood(source)).is_none_or(|count| tries(count) < MAX_GUESSES)
    }

    /// Another wrong answer; how many there are now.
    pub(super) fn count(&mut self, now: Timestamp, source: IpAddr, who: Who) -> u32 {
        let source = neighbourhood(source);
        if !self.counts.contains_key(&source) {
            if self.counts.len() == MAX_SOURCES {
                if who == Who::Unasked {
                    // Source addresses can be forged: they must not make us forget who guesses.
                    return 1;
                }
                self.forget_oldest();
            }
            self.ends.push_back((now + PERIOD, source));
        }
        let count = self.counts.entry(source).or_default();
        count.all = count.all.saturating_add(1);
        match who {
            Who::Known => count.known_tries = count.known_tries.saturating_add(1),
            Who::Asked => count.tries = count.tries.saturating_add(1),
            Who::Unasked => {}
        }
        count.all
    }

    fn forget_oldest(&mut self) {
        if let Some((_, source)) = self.ends.pop_front() {
            self.counts.remove(&source);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn after_so_many_wrong_answers_no_more_are_looked_at_for_a_while() {
        let (mut guesses, now) = (Guesses::default(), Timestamp::from_millis(10));
        let [source, neighbour, other] = ["2001:db8::1", "2001:db8::2", "192.0.2.1"].map(|text| text.parse::<IpAddr>().unwrap());
        for count in 1..=MAX_GUESSES {
            assert!(guesses.may_try(now, source, Who::Asked));
            assert_eq!(guesses.count(now, source, Who::Asked), count);
            guesses.count(now, other, Who::Unasked);
        }
        let mut may = |now, source| guesses.may_try(now, source, Who::Asked);
        assert!(!may(now, source) && !may(now, neighbour) && may(now, other));
        assert!(may(now + PERIOD, source));
    }

    #[test]
    fn strangers_do_not_use_up_what_those_may_who_are_known_there() {
        let (mut guesses, now) = (Guesses::default(), Timestamp::from_millis(10));
        let source = IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);
        for (who, other) in [(Who::Asked, Who::Known), (Who::Known, Who::Asked)] {
            assert!(guesses.may_try(now, source, who));
            (0..MAX_GUESSES).for_each(|_| _ = guesses.count(now, source, who));
            assert!(!guesses.may_try(now, source, who));
            assert_eq!(guesses.may_try(now, source, other), other == Who::Known, "each has its own");
        }
    }

    #[test]
    fn the_table_is_bounded() {
        let (mut guesses, now) = (Guesses::default(), Timestamp::from_millis(10));
        for number in 0..MAX_SOURCES as u32 * 2 {
            guesses.count(now, IpAddr::V4(std::net::Ipv4Addr::from_bits(number)), Who::Asked);
        }
        assert_eq!((guesses.counts.len(), guesses.ends.len()), (MAX_SOURCES, MAX_SOURCES));
    }

    #[test]
    fn forged_addresses_do_not_make_forget_who_guesses() {
        let (mut guesses, now) = (Guesses::default(), Timestamp::from_millis(10));
        let source = IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);
        for _ in 0..MAX_GUESSES {
            guesses.count(now, source, Who::Asked);
        }
        for number in 0..MAX_SOURCES as u32 * 2 {
            guesses.count(now, IpAddr::V4(std::net::Ipv4Addr::from_bits(number)), Who::Unasked);
        }
        assert!(!guesses.may_try(now, source, Who::Asked));
        assert_eq!(guesses.counts.len(), MAX_SOURCES);
    }
}
