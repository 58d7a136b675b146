//! How many answers each stranger has had within a second.

use std::{
    collections::{BTreeMap, VecDeque},
    net::IpAddr,
    time::Duration,
};
use tandem_model::Timestamp;

/// How long a source is answered no more than so often.
const WINDOW: Duration = Duration::from_secs(1);

/// Sources that are counted in one window. With more the oldest goes, and is counted anew should it come back: whoever forges thousands
/// of addresses must not use up the answers of those who come after.
const MAX_SOURCES: usize = 16_384;

/// Answers to strangers since a second began.
#[derive(Debug, Default)]
pub(super) struct Window {
    until: Timestamp,
    answers: BTreeMap<IpAddr, u32>,
    /// The same sources, in the order in which they came.
    order: VecDeque<IpAddr>,
    pub(super) withheld: u64,
}

impl Window {
    /// Whether that source may have another, of `most`.
    pub(super) fn take(&mut self, now: Timestamp, source: IpAddr, most: u32) -> bool {
        if now >= self.until {
            self.until = now + WINDOW;
            self.answers.clear();
            self.order.clear();
        }
        if !self.answers.contains_key(&source) {
            if self.order.len() == MAX_SOURCES
                && let Some(oldest) = self.order.pop_front()
            {
                self.answers.remove(&oldest);
            }
            self.order.push_back(source);
        }
        let answers = self.answers.entry(source).or_default();
        let may = *answers < most;
        *answers += u32::from(may);
        may
    }

    /// The last one did not go to a stranger after all.
    pub(super) fn give_back(&mut self, source: IpAddr) {
        if let Some(answers) = self.answers.get_mut(&source) {
            *answers = answers.saturating_sub(1);
        }
    }

    /// Sources that are counted.
    pub(super) fn len(&self) -> usize {
        self.answers.len()
    }
}
