//! What a leg says that it can do: Allow and Supported (RFC 3261 §20.5, §20.37).

use super::{Leg, OptionTags};
use crate::message::{HeaderName, Printer};
use tandem_model::{LegProfile, Prack, ReferRule};

/// The methods that all legs take.
const ALLOW: &str = "INVITE, ACK, CANCEL, BYE, OPTIONS, INFO, MESSAGE, UPDATE";

/// What a leg takes beside.
const AND_PRACK: &str = ", PRACK";

/// And what a leg takes whose peer may transfer.
const AND_REFER: &str = ", REFER, SUBSCRIBE";

/// And what a leg takes whose peer was handed a REFER.
const AND_NOTIFY: &str = ", NOTIFY";

/// The headers that say so, as they stand when a message is begun.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Announced {
    reliable: bool,
    transfers: bool,
    hears: bool,
    tags: OptionTags,
}

impl Leg {
    /// What it can do.
    pub(super) fn announced(&self) -> Announced {
        Announced { hears: self.was_referred, ..Announced::of(&self.profile) }
    }

    /// The option tags that a request of the peer may require.
    pub(crate) fn extensions(&self) -> OptionTags {
        OptionTags::of(&self.profile)
    }

    /// Its methods but for one, as Allow lists them.
    pub(crate) fn allow_without(&self, refused: &str) -> String {
        let all = self.announced().allow().concat();
        all.split(", ").filter(|method| *method != refused).collect::<Vec<_>>().join(", ")
    }
}

impl Announced {
    /// What a leg of this profile can do.
    pub(crate) fn of(profile: &LegProfile) -> Announced {
        let transfers = profile.refer != ReferRule::Refuse;
        Announced { reliable: profile.prack != Prack::Off, transfers, hears: false, tags: OptionTags::of(profile) }
    }

    fn allow(self) -> [&'static str; 4] {
        let also = |takes: bool, methods| if takes { methods } else { "" };
        [ALLOW, also(self.reliable, AND_PRACK), also(self.transfers, AND_REFER), also(self.hears, AND_NOTIFY)]
    }

    /// Its methods.
    pub(crate) fn write_allow(self, printer: &mut Printer) {
        printer.header_parts(HeaderName::Allow, &self.allow());
    }

    /// The option tags that it knows.
    pub(crate) fn tags(self) -> OptionTags {
        self.tags
    }

    /// Its extensions, for a response (§13.3.1.4).
    pub(super) fn write_supported(self, printer: &mut Printer) {
        self.tags.write(printer);
    }
}
