//! The option tags that a leg knows (RFC 3261 §19.2): its Supported header, and what a Require may name.

use crate::message::{HeaderName, Message, Printer, RELIABLE};
use std::fmt;
use tandem_model::{LegProfile, Prack, ReferRule};

/// RFC 4028.
pub(super) const TIMER: &str = "timer";

/// RFC 3891.
const REPLACES: &str = "replaces";

/// RFC 4488: a REFER without a subscription.
const NO_REFER_SUB: &str = "norefersub";

/// RFC 4538: a request outside of any dialog that names one.
const TARGET_DIALOG: &str = "tdialog";

/// All that there are, in the order in which they are written.
const ALL: [&str; 5] = [RELIABLE, TIMER, REPLACES, NO_REFER_SUB, TARGET_DIALOG];

/// Some of them: a bit for each place in [`ALL`].
#[derive(Clone, Copy, Debug)]
pub(crate) struct OptionTags(u8);

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
        let (timed, executes, refers) =
            (profile.session_timer.is_some(), profile.refer == ReferRule::Execute, profile.refer != ReferRule::Refuse);
        let known: [bool; ALL.len()] = [reliable, timed, profile.replaces, executes, refers];
        OptionTags(known.iter().rev().fold(0, |bits, is_known| bits << 1 | u8::from(*is_known)))
    }

    fn iter(self) -> impl Iterator<Item = &'static str> {
        ALL.into_iter().enumerate().filter(move |(place, _)| self.0 >> place & 1 == 1).map(|(_, tag)| tag)
    }

    /// The option tags that a request requires and that are none of these (RFC 3261 §8.2.2.3).
    pub(crate) fn missing(self, request: &Message) -> impl Iterator<Item = &str> {
        request.values(HeaderName::Require).filter(move |tag| !self.iter().any(|known| known.eq_ignore_ascii_case(tag)))
    }

    /// The Supported header, where there is something to name.
    pub(super) fn write(&self, printer: &mut Printer) {
        if self.0 != 0 {
            printer.header(HeaderName::Supported, self);
        }
    }
}

impl fmt::Display for OptionTags {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, tag) in self.iter().enumerate() {
            f.write_str(if place == 0 { "" } else { ", " })?;
            f.write_str(tag)?;
        }
        Ok(())
    }
}
