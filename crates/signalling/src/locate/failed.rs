//! Hops that failed lately: they are tried after the others for a while, or for as long as they asked.

use std::collections::BTreeMap;
use std::time::Duration;
use tandem_model::{Hop, Timestamp};

/// How long it is remembered at least.
const REMEMBERED: Duration = Duration::from_secs(60);

/// The longest that a hop is passed over because it asked for that (Retry-After of a 503).
const MAX_REMEMBERED: Duration = Duration::from_secs(5 * 60);

/// Hops that are remembered; the oldest goes when there are more.
const MAX_FAILED: usize = 1_024;

/// Them, and until when that counts.
#[derive(Debug, Default)]
pub(super) struct FailedHops(BTreeMap<Hop, Timestamp>);

impl FailedHops {
    /// `span`: for how long it wants to be left alone.
    pub(super) fn note(&mut self, now: Timestamp, hop: Hop, span: Option<Duration>) {
        if self.0.len() >= MAX_FAILED {
            self.0.retain(|_, until| *until > now);
            let oldest = self.0.iter().min_by_key(|(_, until)| **until).map(|(hop, _)| *hop);
            if let Some(oldest) = oldest.filter(|_| self.0.len() >= MAX_FAILED) {
                self.0.remove(&oldest);
            }
        }
        let until = now + span.unwrap_or_default().clamp(REMEMBERED, MAX_REMEMBERED);
        let known = self.0.entry(hop).or_insert(until);
        *known = until.max(*known);
    }

    /// Those that failed go behind the others, and the one that is to be left alone for longest behind them all; else the order stays.
    pub(super) fn sort(&self, now: Timestamp, hops: &mut [Hop]) {
        if !self.0.is_empty() {
            hops.sort_by_key(|hop| self.0.get(hop).filter(|until| **until > now));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::SocketAddr;
    use tandem_model::ListenerId;

    fn hop(number: u16) -> Hop {
        Hop { listener: ListenerId(0), address: SocketAddr::from(([192, 0, 2, 1], number)) }
    }

    #[test]
    fn what_failed_goes_behind_the_others_for_a_while() {
        let (mut failed, now) = (FailedHops::default(), Timestamp::from_millis(1));
        failed.note(now, hop(1), None);
        let mut hops = [hop(1), hop(2), hop(3)];
        failed.sort(now, &mut hops);
        assert_eq!(hops, [hop(2), hop(3), hop(1)]);
        let mut hops = [hop(1), hop(2)];
        failed.sort(now + REMEMBERED, &mut hops);
        assert_eq!(hops, [hop(1), hop(2)]);
    }

    #[test]
    fn a_hop_that_says_when_to_come_again_is_passed_over_until_then() {
        let now = Timestamp::from_millis(1);
        for (asked, passed_over) in [(5, 60), (120, 120), (86_400, 300)] {
            let mut failed = FailedHops::default();
            failed.note(now, hop(1), Some(Duration::from_secs(asked)));
            let first = |at: u64| {
                let mut hops = [hop(1), hop(2)];
                failed.sort(now + Duration::from_secs(at), &mut hops);
                hops[0]
            };
            assert_eq!((first(passed_over - 1), first(passed_over)), (hop(2), hop(1)), "{asked} s");
        }
    }

    #[test]
    fn what_failed_first_is_forgotten_first() {
        let mut failed = FailedHops::default();
        (0..=MAX_FAILED).for_each(|number| failed.note(Timestamp::from_millis(number as u64), hop(number as u16), None));
        assert_eq!((failed.0.len(), failed.0.contains_key(&hop(0))), (MAX_FAILED, false));
    }
}
