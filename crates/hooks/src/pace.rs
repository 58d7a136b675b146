//! When what was not taken is sent again.

use std::time::Duration;

/// How long to wait after each attempt, and when to give up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Pace {
    /// After the first attempt; doubled after each other one.
    pub(crate) first: Duration,
    /// Never longer than that.
    pub(crate) most: Duration,
    /// What is older is given up.
    pub(crate) give_up_after: Duration,
}

impl Pace {
    /// After so many attempts, the last included. `draw` spreads it by a quarter, so that what failed together does not come again together.
    pub(crate) fn after(&self, attempts: u32, draw: u16) -> Duration {
        let doubled = self.first.saturating_mul(1u32.checked_shl(attempts.saturating_sub(1)).unwrap_or(u32::MAX));
        let span = doubled.min(self.most);
        span.saturating_mul(3 * u32::from(u16::MAX) + u32::from(draw)) / (4 * u32::from(u16::MAX))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_waits_longer_each_time_up_to_a_bound() {
        let pace = Pace { first: Duration::from_secs(1), most: Duration::from_secs(300), give_up_after: Duration::MAX };
        let spans: Vec<_> = [1, 2, 3, 9, 10, 33, u32::MAX].map(|attempts| pace.after(attempts, u16::MAX).as_secs()).into();
        assert_eq!(spans, [1, 2, 4, 256, 300, 300, 300]);
        assert_eq!(pace.after(3, 0), Duration::from_secs(3));
    }
}
