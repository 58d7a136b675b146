//! The time to a leg and back, from when it was sent a sender report, ours or the other leg's, to when it says that it got it
//! (RFC 3550 §6.4.1).

use super::compound::Block;
use std::time::Duration;
use tandem_model::Timestamp;

/// What was last measured.
#[derive(Debug, Default)]
pub(crate) struct RoundTrip {
    /// The last two sender reports that the leg was sent: the middle of their NTP times, and when. Whose clock that is does not matter.
    told: [Option<(u32, Timestamp)>; 2],
    measured: Option<Duration>,
}

impl RoundTrip {
    /// The leg was sent a sender report.
    pub(crate) fn on_told(&mut self, now: Timestamp, middle: u32) {
        self.told = [Some((middle, now)), self.told[0]];
    }

    /// Takes what the leg says of the stream to it.
    pub(crate) fn hear(&mut self, now: Timestamp, block: &Block) {
        // Zero says that it has had no report, and what it was not told says nothing.
        let is_meant = |told: &&(u32, Timestamp)| block.last_report != 0 && told.0 == block.last_report;
        let Some((_, told_at)) = self.told.iter().flatten().find(is_meant) else { return };
        let waited = Duration::from_micros((u64::from(block.delay) * 1_000_000) >> 16);
        // Who says that it has waited for longer than it can have is next door.
        self.measured = Some(now.since(*told_at).saturating_sub(waited));
    }

    /// As the leg's last report says.
    pub(crate) fn measured(&self) -> Option<Duration> {
        self.measured
    }
}
