//! The option tags that a leg knows (RFC 3261 §19.2): its Supported header, and what a Require may name.

use crate::message::{HeaderName, Printer, RELIABLE};
use std::fmt;
use tandem_model::{LegProfile, Prack, ReferRule};

/// RFC 4028.
pub(super) const TIMER: &str = "timer";

/// RFC 3891.
const REPLACES: &str = "replaces";

/// RFC 4488: a REFER without a subscription.
const NO_REFER_SUB: &str = "norefersub";

/// More tags than there are is a mistake of ours.
const MAX_TAGS: usize = 4;

/// Option tags, in the order in which they are written.
#[derive(Clone, Copy, Debug)]
pub(crate) struct OptionTags {
    tags: [&'static str; MAX_TAGS],
    count: usize,
}

impl OptionTags {
    /// Those that a leg of this profile knows.
    pub(crate) fn of(profile: &LegProfile) -> OptionTags {
        OptionTags::listed(profile, profile.prack != Prack::Off)
    }

    /// Those that a request of such a leg lists as supported, when it speaks so of reliable provisional responses.
    pub(super) fn asked(profile: &LegProfile, prack: Prack) -> OptionTags {
        OptionTags::listed(profile, prack == Prack::Supported)
    }

    fn listed(profile: &LegProfile, reliable: bool) -> OptionTags {
        let mut known = OptionTags { tags: [""; MAX_TAGS], count: 0 };
        let (timed, executes) = (profile.session_timer.is_some(), profile.refer == ReferRule::Execute);
        let all = [(reliable, RELIABLE), (timed, TIMER), (profile.replaces, REPLACES), (executes, NO_REFER_SUB)];
        for (_, tag) in all.into_iter().filter(|(knows, _)| *knows) {
            known.tags[known.count] = tag;
            known.count += 1;
        }
        known
    }

    /// As a list.
    pub(crate) fn as_slice(&self) -> &[&'static str] {
        &self.tags[..self.count]
    }

    /// The Supported header, where there is something to name.
    pub(super) fn write(&self, printer: &mut Printer) {
        if self.count > 0 {
            printer.header(HeaderName::Supported, self);
        }
    }
}

impl fmt::Display for OptionTags {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, tag) in self.as_slice().iter().enumerate() {
            f.write_str(if place == 0 { "" } else { ", " })?;
            f.write_str(tag)?;
        }
        Ok(())
    }
}
