//! Our Contact: where the peer of a leg sends what is in its dialog (RFC 3261 §8.1.1.8).

use super::Leg;
use crate::call::NodeFacts;
use crate::message::{HeaderName, Printer};
use crate::minted::Minted;
use std::sync::Arc;
use tandem_model::{LegId, ListenerId, Transport};

impl Leg {
    /// Our Contact value.
    pub(super) fn contact(&self, node: &NodeFacts) -> OurContact {
        OurContact::of(node, self.id, self.profile.listener, self.sips)
    }
}

/// Our Contact towards one peer.
pub(super) struct OurContact {
    user: Minted,
    place: Arc<str>,
    transport: Transport,
    sips: bool,
}

impl OurContact {
    pub(super) fn of(node: &NodeFacts, leg: LegId, listener: ListenerId, sips: bool) -> OurContact {
        let listener = node.listener(listener);
        let sips = sips && listener.transport.is_secure();
        OurContact { user: node.minter.contact(leg), place: listener.advertise.clone(), transport: listener.transport, sips }
    }

    pub(super) fn write(&self, printer: &mut Printer) {
        printer.header_parts(HeaderName::Contact, &self.parts());
    }

    /// The value, in pieces.
    pub(super) fn parts(&self) -> [&str; 6] {
        let transport = match self.transport {
            // What a URI means that says nothing (RFC 3263 §4.1).
            Transport::Udp => "",
            Transport::Tcp => ";transport=tcp",
            // RFC 5630 §3.1.3: the scheme says it.
            Transport::Tls if self.sips => "",
            Transport::Tls => ";transport=tls",
        };
        let scheme = if self.sips { "<sips:" } else { "<sip:" };
        [scheme, self.user.as_str(), "@", &self.place, transport, ">"]
    }
}
