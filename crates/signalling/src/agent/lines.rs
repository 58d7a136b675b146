//! Which trunk a call is for that comes where we registered: the tokens in our Contacts.

use super::registration::token_of;
use crate::call::NodeFacts;
use crate::message::Uri;
use std::collections::BTreeMap;
use tandem_model::{ListenerId, Transport};

/// The tokens of the trunks that register. Empty for most nodes, and then nothing is looked at.
#[derive(Clone, Debug, Default)]
pub struct Lines {
    tokens: BTreeMap<Box<str>, Line>,
}

#[derive(Clone, Debug)]
struct Line {
    trunk: Box<str>,
    /// The listener that is registered from, and one more where calls to its Contact may come in.
    listeners: [ListenerId; 2],
}

impl Lines {
    /// Those of the trunks of these names, from any listener of `node`.
    pub fn new<'a>(node: &NodeFacts, trunks: impl IntoIterator<Item = &'a str>) -> Lines {
        let mut tokens = BTreeMap::new();
        for trunk in trunks {
            for listener in (0..).map(ListenerId).take(node.listeners.len()) {
                let line = Line { trunk: trunk.into(), listeners: [listener, for_long_ones(node, listener)] };
                tokens.insert(node.minter.line(trunk, listener).as_str().into(), line);
            }
        }
        Lines { tokens }
    }

    /// The trunk whose registrations have a Contact with that URI, for what comes in at `listener`: what was told over TLS is worth
    /// nothing elsewhere.
    pub fn trunk_of(&self, request_uri: &Uri<'_>, listener: ListenerId) -> Option<&str> {
        if self.tokens.is_empty() {
            return None;
        }
        let line = self.tokens.get(token_of(request_uri)?)?;
        line.listeners.contains(&listener).then_some(&*line.trunk)
    }
}

/// RFC 3261 §18.1.1: a request that is too long for UDP comes over TCP, to the same address and port.
fn for_long_ones(node: &NodeFacts, own: ListenerId) -> ListenerId {
    let facts = node.listener(own);
    let is_for_them = |other: ListenerId| {
        let other = node.listener(other);
        facts.transport == Transport::Udp && other.transport == Transport::Tcp && other.advertise == facts.advertise
    };
    (0..).map(ListenerId).take(node.listeners.len()).find(|other| is_for_them(*other)).unwrap_or(own)
}
