//! What the node as a whole may use: descriptors of the system, calls a second of the configuration.

use nix::sys::resource::{Resource, getrlimit, setrlimit};
use tandem_model::Timestamp;

/// Raises the soft limit on open descriptors to the hard limit; says what it is then.
///
/// # Errors
/// The system's error where the limit can be neither read nor raised.
pub fn raise_descriptor_limit() -> std::io::Result<u64> {
    let (soft, hard) = getrlimit(Resource::RLIMIT_NOFILE)?;
    if soft < hard {
        setrlimit(Resource::RLIMIT_NOFILE, hard, hard)?;
    }
    Ok(hard)
}

/// At most so many a second, with room for a burst of one second's worth; a bucket of tokens that fills as time
/// passes.
#[derive(Clone, Debug)]
pub struct RateLimit {
    per_second: u32,
    /// Microtokens: a million are one call.
    level: u64,
    filled_at: Timestamp,
}

const MICRO: u64 = 1_000_000;

impl RateLimit {
    /// A full bucket of `per_second`.
    pub fn new(per_second: u32, now: Timestamp) -> Self {
        RateLimit { per_second, level: u64::from(per_second) * MICRO, filled_at: now }
    }

    /// Changes the rate; what has been used up stays used.
    pub fn set(&mut self, per_second: u32) {
        self.per_second = per_second;
        self.level = self.level.min(u64::from(per_second) * MICRO);
    }

    /// Takes one, if there is one.
    pub fn take(&mut self, now: Timestamp) -> bool {
        let elapsed_us = now.as_micros().saturating_sub(self.filled_at.as_micros());
        let gained = elapsed_us.saturating_mul(u64::from(self.per_second));
        self.level = self.level.saturating_add(gained).min(u64::from(self.per_second) * MICRO);
        self.filled_at = now;
        let allowed = self.level >= MICRO;
        if allowed {
            self.level -= MICRO;
        }
        allowed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_of_one_second_passes_and_then_the_rate_holds() {
        let mut limit = RateLimit::new(10, Timestamp::ZERO);
        assert_eq!((0..20).filter(|_| limit.take(Timestamp::ZERO)).count(), 10);
        let later = (1..=2000).map(Timestamp::from_millis);
        assert_eq!(later.filter(|now| limit.take(*now)).count(), 20);
    }

    #[test]
    fn a_pause_saves_up_no_more_than_one_second() {
        let mut limit = RateLimit::new(5, Timestamp::ZERO);
        let much_later = Timestamp::from_millis(3_600_000);
        assert_eq!((0..100).filter(|_| limit.take(much_later)).count(), 5);
    }

    #[test]
    fn zero_lets_nothing_through() {
        let mut limit = RateLimit::new(0, Timestamp::ZERO);
        assert!(!limit.take(Timestamp::from_millis(10_000)));
    }

    #[test]
    fn a_lowered_rate_holds_at_once() {
        let mut limit = RateLimit::new(100, Timestamp::ZERO);
        limit.set(2);
        assert_eq!((0..10).filter(|_| limit.take(Timestamp::ZERO)).count(), 2);
    }
}
