//! Call-minutes of the last hour, those of calls in progress included.

use std::time::Duration;
use tandem_model::Timestamp;

/// The hour is counted by the minute: the one that it is, and those before.
const MINUTES: usize = 60;

const MINUTE_US: u64 = 60_000_000;

/// What whoever calls has spent, and what they may.
#[derive(Clone, Debug)]
pub(crate) struct Account {
    /// As everything here, in microseconds of calls. Nothing while no limit is configured: it counts on for when one is again.
    most: Option<u64>,
    /// Answered calls in progress.
    running: u32,
    spent: [u64; MINUTES],
    total: u64,
    /// Counted until then.
    until: Timestamp,
}

impl Account {
    pub(crate) fn new(minutes: u32, now: Timestamp) -> Account {
        Account { most: Some(u64::from(minutes) * MINUTE_US), running: 0, spent: [0; MINUTES], total: 0, until: now }
    }

    /// Goes on with another limit, or none; what is spent stays spent.
    pub(crate) fn set_minutes(&mut self, minutes: Option<u32>) {
        self.most = minutes.map(|minutes| u64::from(minutes) * MINUTE_US);
    }

    /// A call is answered.
    pub(crate) fn start(&mut self, now: Timestamp) {
        self.advance(now);
        self.running += 1;
    }

    /// An answered call is over.
    pub(crate) fn stop(&mut self, now: Timestamp) {
        self.advance(now);
        self.running = self.running.saturating_sub(1);
    }

    /// Whether nothing is left to spend.
    pub(crate) fn is_spent(&self, now: Timestamp) -> bool {
        let Some(most) = self.most else { return false };
        let mut then = self.clone();
        then.advance(now);
        then.total >= most
    }

    /// When that may be otherwise than `was_spent`, if nothing else happens.
    pub(crate) fn next_change(&self, was_spent: bool) -> Option<Timestamp> {
        let Some(most) = self.most else { return was_spent.then_some(self.until) };
        match most.checked_sub(self.total).filter(|left| *left > 0) {
            None if was_spent => Some(Timestamp::from_micros((micros(self.until) / MINUTE_US + 1) * MINUTE_US)),
            Some(_) if was_spent => Some(self.until),
            None => Some(self.until),
            Some(left) => {
                let span = Duration::from_micros(left.div_ceil(u64::from(self.running.max(1))));
                (self.running > 0).then(|| self.until + span)
            }
        }
    }

    pub(crate) fn is_idle(&self) -> bool {
        self.running == 0
    }

    /// Counts until now.
    pub(crate) fn advance(&mut self, now: Timestamp) {
        let now_us = micros(now);
        // What lies further back is forgotten minute by minute anyway.
        let mut at = micros(self.until).max(now_us.saturating_sub((MINUTES as u64 + 1) * MINUTE_US));
        while at < now_us {
            let minute = at / MINUTE_US;
            let end = ((minute + 1) * MINUTE_US).min(now_us);
            let spent = u64::from(self.running) * (end - at);
            self.spent[place(minute)] += spent;
            self.total += spent;
            at = end;
            if at.is_multiple_of(MINUTE_US) {
                self.total -= std::mem::take(&mut self.spent[place(at / MINUTE_US)]);
            }
        }
        self.until = self.until.max(now);
    }
}

fn place(minute: u64) -> usize {
    (minute % MINUTES as u64) as usize
}

fn micros(at: Timestamp) -> u64 {
    at.as_micros()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Timestamp {
        Timestamp::from_micros(seconds * 1_000_000)
    }

    #[test]
    fn calls_in_progress_are_spent_as_they_go() {
        let mut account = Account::new(10, at(7));
        account.start(at(10));
        account.start(at(70));
        assert_eq!(account.next_change(false), Some(at(70 + 270)));
        assert!(!account.is_spent(at(339)));
        assert!(account.is_spent(at(340)));
        account.stop(at(340));
        account.stop(at(340));
        assert!(account.is_idle() && account.is_spent(at(341)));
    }

    #[test]
    fn an_hour_later_it_is_forgotten_minute_by_minute() {
        let mut account = Account::new(2, at(0));
        account.start(at(0));
        account.stop(at(120));
        assert!(account.is_spent(at(3_599)));
        account.advance(at(3_599));
        assert_eq!(account.next_change(true), Some(at(3_600)));
        assert!(!account.is_spent(at(3_600)), "the first minute is an hour ago");
        account.advance(at(3_600));
        assert_eq!((account.next_change(true), account.next_change(false)), (Some(at(3_600)), None));
        account.start(at(4_000));
        assert!(account.is_spent(at(4_000 + 120)));
        assert!(account.is_spent(at(400_000)));
        account.stop(at(400_000));
        assert!(!account.is_spent(at(403_601)));
    }

    #[test]
    fn what_is_spent_is_what_ran_within_the_hour_whenever_it_is_asked() {
        let mut random = tandem_model::Random::new(1);
        for _ in 0..50 {
            let (mut asked, mut unasked) = (Account::new(1_000_000, at(0)), Account::new(1_000_000, at(0)));
            let (mut now, mut calls) = (0, Vec::new());
            for _ in 0..200 {
                now += random.below(700);
                asked.advance(at(now));
                if random.below(2) == 0 {
                    calls.push((now, None));
                    [&mut asked, &mut unasked].into_iter().for_each(|account| account.start(at(now)));
                } else if let Some((_, end)) = calls.iter_mut().find(|(_, end)| end.is_none()) {
                    *end = Some(now);
                    [&mut asked, &mut unasked].into_iter().for_each(|account| account.stop(at(now)));
                }
                unasked.advance(at(now));
                let since = ((now / 60 + 1) * 60).saturating_sub(3_600);
                let ran = |(start, end): &(u64, Option<u64>)| end.unwrap_or(now).saturating_sub((*start).max(since));
                let expected: u64 = calls.iter().map(ran).sum::<u64>() * 1_000_000;
                assert_eq!((asked.total, unasked.total), (expected, expected), "at {now}");
            }
        }
    }
}
