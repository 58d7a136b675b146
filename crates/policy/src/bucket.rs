//! A token bucket on virtual time.

use std::time::Duration;
use tandem_model::Timestamp;

/// One token, in the unit in which the level is kept: at a rate of one a second, one unit comes in a microsecond.
const TOKEN: u64 = 1_000_000;

/// Lets `rate` calls a second through, and up to one second's worth at once after a quiet time.
#[derive(Clone, Debug)]
pub(crate) struct Bucket {
    rate: u32,
    level: u64,
    filled: Timestamp,
}

impl Bucket {
    /// A full bucket.
    pub(crate) fn new(rate: u32) -> Self {
        Bucket { rate, level: u64::from(rate) * TOKEN, filled: Timestamp::ZERO }
    }

    /// Goes on with another rate; what is in it stays, as far as it fits.
    pub(crate) fn set_rate(&mut self, rate: u32, now: Timestamp) {
        self.level = self.level_at(now);
        self.filled = now;
        self.rate = rate;
        self.level = self.level.min(self.capacity());
    }

    pub(crate) fn has_token(&self, now: Timestamp) -> bool {
        self.level_at(now) >= TOKEN
    }

    /// Takes a token, if there is one.
    pub(crate) fn take(&mut self, now: Timestamp) -> bool {
        let level = self.level_at(now);
        let Some(left) = level.checked_sub(TOKEN) else { return false };
        self.level = left;
        self.filled = now.max(self.filled);
        true
    }

    fn capacity(&self) -> u64 {
        u64::from(self.rate) * TOKEN
    }

    fn level_at(&self, now: Timestamp) -> u64 {
        let quiet = now.since(self.filled).min(Duration::from_secs(1));
        let quiet_us = u64::from(quiet.subsec_micros()) + quiet.as_secs() * 1_000_000;
        (self.level + quiet_us * u64::from(self.rate)).min(self.capacity())
    }
}
