//! What is told of connections that fail, and not more often than a person can read.

use std::{cell::Cell, time::Duration};
use tokio::time::Instant;

/// Lines in [`WHILE`]; the others are counted.
const LINES: u32 = 5;

const WHILE: Duration = Duration::from_secs(10);

/// Says which lines are told.
#[derive(Default)]
pub(super) struct Warnings {
    since: Cell<Option<Instant>>,
    told: Cell<u32>,
    untold: Cell<u32>,
}

impl Warnings {
    /// Whether one more line is told, and then how many were not told before it.
    pub(super) fn may_tell(&self, now: Instant) -> Option<u32> {
        if self.since.get().is_none_or(|since| now >= since + WHILE) {
            self.since.set(Some(now));
            self.told.set(0);
        }
        if self.told.get() == LINES {
            self.untold.set(self.untold.get().saturating_add(1));
            return None;
        }
        self.told.set(self.told.get() + 1);
        Some(self.untold.replace(0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_crowd_of_failures_is_a_few_lines_and_a_number() {
        let warnings = Warnings::default();
        let now = Instant::now();
        let told: Vec<_> = (0..1_000).filter_map(|_| warnings.may_tell(now)).collect();
        assert_eq!(told, [0; LINES as usize]);
        assert_eq!(warnings.may_tell(now + WHILE), Some(995));
        assert_eq!(warnings.may_tell(now + WHILE), Some(0));
    }
}
