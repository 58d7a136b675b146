//! What a leg says that it can do: Allow and Supported (RFC 3261 §20.5, §20.37).

use super::{Leg, OptionTags};
use crate::dispatcher::ALLOW;
use crate::message::{HeaderName, Printer};
use tandem_model::{Prack, ReferRule};

/// What a leg takes beside what all do.
const AND_PRACK: &str = ", PRACK";

/// And what a leg takes whose peer may transfer.
const AND_REFER: &str = ", REFER, SUBSCRIBE";

/// The headers that say so, as they stand when a message is begun.
#[derive(Clone, Copy, Debug)]
pub(super) struct Announced {
    reliable: bool,
    transfers: bool,
    tags: OptionTags,
}

impl Leg {
    /// What it can do.
    pub(super) fn announced(&self) -> Announced {
        let transfers = self.profile.refer != ReferRule::Refuse;
        Announced { reliable: self.profile.prack != Prack::Off, transfers, tags: self.extensions() }
    }

    /// The option tags that a request of the peer may require.
    pub(crate) fn extensions(&self) -> OptionTags {
        OptionTags::of(&self.profile)
    }

    /// Its methods, as Allow lists them.
    pub(crate) fn allow(&self) -> String {
        self.announced().allow().concat()
    }
}

impl Announced {
    fn allow(self) -> [&'static str; 3] {
        [ALLOW, if self.reliable { AND_PRACK } else { "" }, if self.transfers { AND_REFER } else { "" }]
    }

    /// Its methods.
    pub(super) fn write_allow(self, printer: &mut Printer) {
        printer.header_parts(HeaderName::Allow, &self.allow());
    }

    /// Its extensions, for a response (§13.3.1.4).
    pub(super) fn write_supported(self, printer: &mut Printer) {
        self.tags.write(printer);
    }
}
