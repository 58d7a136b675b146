//! Our Contact in what an agent sends: it depends on the listener that it leaves from.

use crate::call::NodeFacts;
use crate::minted::Minted;
use tandem_model::{ListenerId, Transport};

/// A Contact value of ours, but for where we are.
#[derive(Clone, Debug, Default)]
pub(super) struct Contact {
    /// `sips:`.
    pub(super) is_secure: bool,
    /// The user part, if it has one.
    pub(super) user: Option<Minted>,
    /// Parameters of the URI, each with its semicolon.
    pub(super) uri_params: Box<str>,
    /// Parameters of the header, likewise.
    pub(super) params: Box<str>,
}

impl Contact {
    /// The value, where that listener takes requests.
    pub(super) fn at(&self, node: &NodeFacts, listener: ListenerId) -> String {
        let listener = node.listener(listener);
        let is_secure = self.is_secure && listener.transport.is_secure();
        let transport = match listener.transport {
            // What a URI means that says nothing (RFC 3263 §4.1).
            Transport::Udp => "",
            Transport::Tcp => ";transport=tcp",
            // RFC 5630 §3.1.3: the scheme says it.
            Transport::Tls if is_secure => "",
            Transport::Tls => ";transport=tls",
        };
        let (user, at) = self.user.as_ref().map_or(("", ""), |user| (user.as_str(), "@"));
        let scheme = if is_secure { "<sips:" } else { "<sip:" };
        [scheme, user, at, &listener.advertise, transport, &self.uri_params, ">", &self.params].concat()
    }
}
