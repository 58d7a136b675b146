//! The one clock of the node: the core counts microseconds from a base instant that is chosen here.

use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tandem_model::Timestamp;
use tokio::time::Instant;

/// A base instant and the wall-clock time at which it was taken. Copies tell the same time.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    base: Instant,
    /// Time since the Unix epoch at `base`.
    epoch: Duration,
}

impl Clock {
    /// A clock that begins now.
    pub fn start() -> Self {
        let epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Clock { base: Instant::now(), epoch }
    }

    /// Now, as the core counts it.
    pub fn now(&self) -> Timestamp {
        Timestamp::from_micros(u64::try_from(self.base.elapsed().as_micros()).unwrap_or(u64::MAX))
    }

    /// Time since the Unix epoch when [`Clock::now`] said zero.
    pub fn epoch(&self) -> Duration {
        self.epoch
    }

    /// The instant at which [`Clock::now`] will say `at`.
    pub fn instant(&self, at: Timestamp) -> Instant {
        self.base.checked_add(Duration::from_micros(at.as_micros())).unwrap_or_else(|| self.base + FAR_FUTURE)
    }

    /// Wall-clock time of `at`, as milliseconds since the Unix epoch. It does not follow later changes of the
    /// system's clock: times within one run stay in order.
    pub fn unix_ms(&self, at: Timestamp) -> u64 {
        u64::try_from(self.epoch.as_millis()).unwrap_or(u64::MAX).saturating_add(at.as_millis())
    }
}

/// As far ahead as a timer is ever set: thirty years.
const FAR_FUTURE: Duration = Duration::from_secs(30 * 365 * 86_400);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_instant_is_where_the_clock_says_it_is() {
        let clock = Clock::start();
        let at = clock.now() + Duration::from_millis(250);
        assert_eq!(clock.instant(at) - clock.instant(Timestamp::ZERO), Duration::from_micros(at.as_micros()));
        assert!(clock.unix_ms(at) >= clock.unix_ms(Timestamp::ZERO) + 250);
    }

    #[test]
    fn a_timer_beyond_all_time_is_capped() {
        let clock = Clock::start();
        assert!(clock.instant(Timestamp::from_micros(u64::MAX)) > clock.instant(clock.now()));
    }
}
