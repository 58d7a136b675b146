//! Who called numbers that `may_call` does not have: told at the first, and when nobody has for a while.

use crate::slot::QUIET;
use std::cell::RefCell;
use tandem_model::{EventKind, Limit, LimitState, Timestamp};

/// Characters of a number that are kept.
const MAX_NUMBER: usize = 64;

/// Those of one trunk or user.
#[derive(Debug, Default)]
pub(crate) struct Barred {
    /// Since that was last looked at.
    lately: RefCell<Option<Lately>>,
    /// Since the first: what is told of them, and when the last was.
    before: Option<(LimitState, Timestamp)>,
}

#[derive(Debug)]
struct Lately {
    refused: u32,
    since: Timestamp,
    /// The first of them, where no other is told already.
    number: Box<str>,
}

impl Barred {
    /// That number was called.
    pub(crate) fn note(&self, number: &str, now: Timestamp) {
        let mut lately = self.lately.borrow_mut();
        match &mut *lately {
            Some(lately) => lately.refused = lately.refused.saturating_add(1),
            None => {
                let shown = if self.before.is_none() { MAX_NUMBER } else { 0 };
                *lately = Some(Lately { refused: 1, since: now, number: number.chars().take(shown).collect() });
            }
        }
    }

    /// What is to be told by now of those whom `of` names.
    pub(crate) fn sweep(&mut self, of: &str, now: Timestamp, told: &mut Vec<EventKind>) {
        match (self.lately.get_mut().take(), &mut self.before) {
            (Some(lately), Some((state, last))) => {
                state.refused = state.refused.saturating_add(lately.refused);
                *last = now;
            }
            (Some(Lately { refused, number, .. }), before @ None) => {
                let state = LimitState { of: of.into(), limit: Limit::Numbers, refused, number };
                told.push(EventKind::TollTripped(Box::new(state.clone())));
                *before = Some((state, now));
            }
            (None, _) => {}
        }
        if let Some((state, _)) = self.before.take_if(|(_, last)| now.since(*last) >= QUIET) {
            told.push(EventKind::TollOver(Box::new(state)));
        }
    }

    /// When there may be something to tell.
    pub(crate) fn poll_timeout(&self) -> Option<Timestamp> {
        let lately = self.lately.borrow().as_ref().map(|lately| lately.since);
        let quiet = self.before.as_ref().map(|(_, last)| *last + QUIET);
        lately.into_iter().chain(quiet).min()
    }
}
