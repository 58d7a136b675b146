//! `[calls] max` and `max_cps`: how many calls the node carries, and how fast new ones come.

use crate::bucket::Bucket;
use tandem_model::Timestamp;

/// Why the node takes no call now: 503 with `Retry-After: retry_after_s`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NodeFull {
    /// Seconds.
    pub retry_after_s: u32,
}

/// Calls end after minutes, so a node full of them is worth asking again soon, but not at once.
const RETRY_WHEN_FULL_S: u32 = 10;

/// The rate is counted by the second.
const RETRY_WHEN_FAST_S: u32 = 1;

/// `[calls] max` and `max_cps`.
#[derive(Clone, Debug)]
pub struct NodeLimits {
    calls: u32,
    most_calls: u32,
    bucket: Bucket,
}

impl NodeLimits {
    /// No calls, of at most `max`, and `max_cps` new ones a second.
    pub fn new(max: u32, max_cps: u32) -> Self {
        NodeLimits { calls: 0, most_calls: max, bucket: Bucket::new(max_cps) }
    }

    /// Goes over to other limits; calls in progress go on even if they are more than that.
    pub fn reload(&mut self, max: u32, max_cps: u32, now: Timestamp) {
        self.most_calls = max;
        self.bucket.set_rate(max_cps, now);
    }

    /// Counts a call.
    ///
    /// # Errors
    /// When to ask again, if the node is full.
    pub fn try_begin(&mut self, now: Timestamp) -> Result<(), NodeFull> {
        if self.calls >= self.most_calls {
            return Err(NodeFull { retry_after_s: RETRY_WHEN_FULL_S });
        }
        if !self.bucket.take(now) {
            return Err(NodeFull { retry_after_s: RETRY_WHEN_FAST_S });
        }
        self.calls += 1;
        Ok(())
    }

    /// Counts a call to an emergency service, however fast calls come; as many at a time as there is room for.
    ///
    /// # Errors
    /// When to ask again, if the node is full.
    pub fn try_begin_emergency(&mut self, now: Timestamp) -> Result<(), NodeFull> {
        if self.calls >= self.most_calls {
            return Err(NodeFull { retry_after_s: RETRY_WHEN_FULL_S });
        }
        self.bucket.take(now);
        self.calls += 1;
        Ok(())
    }

    /// A call is over.
    pub fn end(&mut self) {
        self.calls = self.calls.saturating_sub(1);
    }

    /// Calls in progress.
    pub fn calls(&self) -> u32 {
        self.calls
    }

    /// How many there may be.
    pub fn most_calls(&self) -> u32 {
        self.most_calls
    }
}
