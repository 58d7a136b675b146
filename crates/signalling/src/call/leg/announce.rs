//! What a leg says that it can do: Allow and Supported (RFC 3261 §20.5, §20.37).

use super::Leg;
use crate::dispatcher::ALLOW;
use crate::message::{HeaderName, Printer, RELIABLE};
use tandem_model::Prack;

/// What a leg takes beside what all do.
const AND_PRACK: &str = ", PRACK";

/// The headers that say so, as they stand when a message is begun.
#[derive(Clone, Copy, Debug)]
pub(super) struct Announced {
    reliable: bool,
}

impl Leg {
    /// What it can do.
    pub(super) fn announced(&self) -> Announced {
        Announced { reliable: self.profile.prack != Prack::Off }
    }

    /// The option tags that a request of the peer may require.
    pub(crate) fn extensions(&self) -> &'static [&'static str] {
        if self.profile.prack == Prack::Off { &[] } else { &[RELIABLE] }
    }

    /// Its methods, as Allow lists them.
    pub(crate) fn allow(&self) -> String {
        self.announced().allow().concat()
    }
}

impl Announced {
    fn allow(self) -> [&'static str; 2] {
        [ALLOW, if self.reliable { AND_PRACK } else { "" }]
    }

    /// Its methods.
    pub(super) fn write_allow(self, printer: &mut Printer) {
        printer.header_parts(HeaderName::Allow, &self.allow());
    }

    /// Its extensions, for a response (§13.3.1.4).
    pub(super) fn write_supported(self, printer: &mut Printer) {
        if self.reliable {
            printer.header_str(HeaderName::Supported, RELIABLE);
        }
    }
}
