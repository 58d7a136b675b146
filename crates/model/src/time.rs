//! Time as the core sees it: a count of microseconds that somebody else keeps.

use serde::{Deserialize, Serialize};
use std::{fmt, ops, time::Duration};

/// Microseconds since a base instant that the shell (or the simulator) chose. Monotonic; never a wall clock.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Timestamp(u64);

impl Timestamp {
    /// The base instant itself.
    pub const ZERO: Timestamp = Timestamp(0);

    /// The instant `micros` microseconds after the base.
    pub const fn from_micros(micros: u64) -> Self {
        Timestamp(micros)
    }

    /// The instant `millis` milliseconds after the base.
    pub const fn from_millis(millis: u64) -> Self {
        Timestamp(millis * 1000)
    }

    /// Microseconds since the base.
    pub const fn as_micros(self) -> u64 {
        self.0
    }

    /// Whole milliseconds since the base.
    pub const fn as_millis(self) -> u64 {
        self.0 / 1000
    }

    /// How long ago `earlier` was; zero when it lies in the future.
    pub fn since(self, earlier: Timestamp) -> Duration {
        Duration::from_micros(self.0.saturating_sub(earlier.0))
    }
}

/// Which wall-clock time the base instant was: turns a [`Timestamp`] into what others call time. It does not follow later changes of
/// the system's clock: times of one run stay in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Epoch {
    /// Microseconds since the Unix epoch.
    base_us: i64,
}

impl Epoch {
    /// The base instant was so long after the Unix epoch.
    pub fn new(base: Duration) -> Self {
        Epoch { base_us: i64::try_from(base.as_micros()).unwrap_or(i64::MAX) }
    }

    /// Microseconds since the Unix epoch at `at`.
    pub fn unix_us(self, at: Timestamp) -> i64 {
        self.base_us.saturating_add(i64::try_from(at.0).unwrap_or(i64::MAX))
    }
}

impl ops::Add<Duration> for Timestamp {
    type Output = Timestamp;

    fn add(self, span: Duration) -> Timestamp {
        Timestamp(self.0.saturating_add(u64::try_from(span.as_micros()).unwrap_or(u64::MAX)))
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{:06}", self.0 / 1_000_000, self.0 % 1_000_000)
    }
}
