//! `may_call`: which numbers a trunk or user may call.

use crate::{CallView, Ruleset};
use tandem_model::{Decision, Forward, Origin};

/// What whoever may not call a number is told.
const BARRED: u16 = 403;

impl Ruleset {
    /// Whether `origin` may call that number, which is as routes write it.
    pub(crate) fn lets_call(&self, origin: &Origin, number: &str) -> bool {
        self.manner_of(origin).toll.lets_call(number)
    }

    /// Whether `origin` calls an emergency service by that number, which is as it writes it.
    pub fn is_emergency(&self, origin: &Origin, called: &str) -> bool {
        if !self.has_emergency {
            return false;
        }
        let called = self.manner_of(origin).called_in(called);
        self.routes.iter().find(|route| route.takes(origin, &called)).is_some_and(|route| route.emergency)
    }
}

/// What becomes of a call to a number that none of `by` may call, which is told of each.
pub(crate) fn barred<'a>(view: &CallView<'_>, by: impl IntoIterator<Item = &'a Origin>, number: &str) -> Decision {
    by.into_iter().for_each(|by| view.load.note_barred(by, number, view.now));
    Decision::Reject { status: BARRED, reason: None }
}

/// May a redirection be followed? `dialled` is what is answered if it may.
pub(crate) fn forward(rules: &Ruleset, view: &CallView<'_>, forward: &Forward, dialled: impl FnOnce() -> Decision) -> Decision {
    let number = forward.by.last().map(|by| rules.manner_of(by).called_in(&forward.number)).unwrap_or_default();
    if !forward.by.iter().all(|by| rules.lets_call(by, &number)) {
        return barred(view, forward.by.iter().filter(|by| !rules.lets_call(by, &number)), &number);
    }
    match forward.by.iter().find_map(|by| view.load.refuses(by, view.now)) {
        Some(status) => Decision::Reject { status, reason: None },
        None => dialled(),
    }
}
