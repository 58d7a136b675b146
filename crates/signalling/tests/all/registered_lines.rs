//! What comes to a Contact that we registered is the trunk's only where we registered from.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use crate::bench::Bench;
use std::sync::Arc;
use tandem_model::{ListenerId, Transport};
use tandem_signalling::{Lines, ListenerFacts, NodeFacts, message::Uri};

const UDP: ListenerId = ListenerId(0);
const TCP: ListenerId = ListenerId(1);
const TLS: ListenerId = ListenerId(2);
/// UDP at another port.
const SIDE: ListenerId = ListenerId(3);

fn node() -> Arc<NodeFacts> {
    let mut node = Bench::new().node;
    let facts = Arc::get_mut(&mut node).unwrap();
    let one = &facts.listeners[0];
    let (tcp, tls) =
        (ListenerFacts { transport: Transport::Tcp, ..one.clone() }, ListenerFacts { transport: Transport::Tls, ..one.clone() });
    let side = ListenerFacts { advertise: "192.0.2.9:5070".into(), ..one.clone() };
    facts.listeners = [&*facts.listeners, &[tcp, tls, side]].concat().into();
    node
}

#[test]
fn a_contact_counts_at_the_listener_that_it_was_registered_from() {
    let node = node();
    let lines = Lines::new(&node, ["carrier", "other"]);
    for (from, counts_at) in [(UDP, &[UDP, TCP][..]), (TCP, &[TCP]), (TLS, &[TLS]), (SIDE, &[SIDE])] {
        for at in [UDP, TCP, TLS, SIDE] {
            for trunk in ["carrier", "other"] {
                let uri = format!("sip:{}@192.0.2.9", node.minter.line(trunk, from));
                // RFC 3261 §18.1.1: what is too long for UDP comes over TCP.
                let expected = counts_at.contains(&at).then_some(trunk);
                assert_eq!(lines.trunk_of(&Uri::parse(&uri).unwrap(), at), expected, "from {from:?} at {at:?}");
            }
        }
    }
}

#[test]
fn a_trunk_that_does_not_register_has_none() {
    let node = node();
    let uri = format!("sip:{}@192.0.2.9", node.minter.line("carrier", UDP));
    for lines in [Lines::default(), Lines::new(&node, ["other"])] {
        assert_eq!(lines.trunk_of(&Uri::parse(&uri).unwrap(), UDP), None);
    }
}
