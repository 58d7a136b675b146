//! Our Contact in what an agent sends: it depends on the listener that it leaves from.

use super::registration::LINE;
use crate::call::NodeFacts;
use std::sync::Arc;
use tandem_model::{ListenerId, Transport};

/// A Contact value of ours, but for where we are.
#[derive(Clone, Debug, Default)]
pub(super) struct Contact {
    /// `sips:`.
    pub(super) is_secure: bool,
    /// The trunk whose calls come there, if any do.
    pub(super) line: Option<Arc<str>>,
    /// It is for all numbers of a PBX (RFC 6140).
    pub(super) is_bulk: bool,
    /// Parameters of the header, each with its semicolon.
    pub(super) params: Box<str>,
}

impl Contact {
    /// The value, where that listener takes requests.
    pub(super) fn at(&self, node: &NodeFacts, listener: ListenerId) -> String {
        let token = self.line.as_deref().map(|trunk| node.minter.line(trunk, listener));
        let token = token.as_ref().map_or("", |token| token.as_str());
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
        let (user, line) = match (token, self.is_bulk) {
            ("", _) => Default::default(),
            (token, false) => ([token, "@"].concat(), String::new()),
            // RFC 6140 §5.1: no user, and `bnc`; what else is in the URI comes back in every call.
            (token, true) => (String::new(), [";bnc;", LINE, "=", token].concat()),
        };
        let scheme = if is_secure { "<sips:" } else { "<sip:" };
        [scheme, &user, &listener.advertise, transport, &line, ">", &self.params].concat()
    }
}
