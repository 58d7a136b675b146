//! Which listener a request of ours leaves from, and where to; and where answers go (RFC 3261 §8.1.2, §18.1.1).

use super::Leg;
use crate::call::{NodeFacts, Output};
use crate::dialog::Dialog;
use crate::message::{HeaderName, Message, NameAddr, Uri};
use crate::minted::Minted;
use crate::wire::{ReturnTo, Transmit};
use bytes::Bytes;
use std::sync::Arc;
use tandem_model::{CallId, Delivery, Destination, Flow, Hop, LegId, ListenerId, Transport};

/// RFC 3261 §18.1.1: a longer request goes over a transport with congestion control.
const MAX_DATAGRAM_REQUEST: usize = 1_300;

/// How a request leaves.
#[derive(Clone, Debug)]
pub(crate) struct Way {
    pub(crate) listener: ListenerId,
    pub(crate) destination: Destination,
    /// It is too long for a datagram and goes over a stream; if there is none to be had, it goes as a datagram all the same.
    pub(crate) trial: bool,
}

/// A way that turned out to lead nowhere.
#[derive(Clone, Copy, Debug)]
pub(crate) struct LostWay<'a> {
    /// The call that is told.
    pub(crate) call: CallId,
    pub(crate) listener: ListenerId,
    pub(crate) destination: &'a Destination,
    pub(crate) delivery: Delivery,
}

impl LostWay<'_> {
    /// Whether `leg` has lost what it sends on that way.
    pub(crate) fn is(&self, leg: LegId, way: &Way) -> bool {
        // The network knows nothing of names.
        let same_place = match (&way.destination, self.destination) {
            (Destination::Hop { address, .. }, Destination::Address(lost)) => address == lost,
            (Destination::Name { host, .. } | Destination::Domain { host, .. }, Destination::Hop { domain, .. }) => host == domain,
            (ours, lost) => ours == lost,
        };
        let is_ours = !matches!(self.delivery, Delivery::Returned { leg: whose, .. } if self.call.leg(whose) != Some(leg));
        way.listener == self.listener && same_place && is_ours
    }

    /// What others are told, now that somebody knows of something that was sent on `way`, this one.
    pub(super) fn told(&self, way: &Way) -> Option<Output> {
        let Delivery::Returned { nobody_there, .. } = self.delivery else { return None };
        match (&way.destination, self.destination) {
            (Destination::Name { .. } | Destination::Domain { .. }, Destination::Hop { address, .. }) => {
                Some(Output::HopFailed(Hop { listener: self.listener, address: *address }, None))
            }
            (_, Destination::Address(address)) if nobody_there => {
                Some(Output::NobodyThere(Hop { listener: self.listener, address: *address }))
            }
            _ => None,
        }
    }
}

impl Way {
    /// `bytes` on this way.
    pub(crate) fn transmit(&self, bytes: Bytes) -> Transmit {
        Transmit { listener: self.listener, destination: self.destination.clone(), bytes, trial: self.trial }
    }
}

/// Our Via value of one client transaction.
pub(super) struct OurVia {
    transport: &'static str,
    place: Arc<str>,
    branch: Minted,
}

impl OurVia {
    /// The value, in pieces.
    pub(super) fn parts(&self) -> [&str; 7] {
        // RFC 3581 §3: rport without a value asks for the answer to come back where the request came from.
        ["SIP/2.0/", self.transport, " ", &self.place, ";branch=", self.branch.as_str(), ";rport"]
    }
}

impl Leg {
    /// The way of the leg's first request.
    pub(super) fn first_way(&self, destination: Destination) -> Way {
        Way { listener: self.profile.listener, destination, trial: false }
    }

    /// The way of a request inside the dialog.
    pub(super) fn dialog_way(&self, node: &NodeFacts) -> Option<Way> {
        self.way_over(node, self.dialog.as_ref().or(self.early.last()))
    }

    /// The way of a request inside that one of its dialogs.
    pub(super) fn way_of(&self, node: &NodeFacts, dialog: &Dialog) -> Option<Way> {
        self.way_over(node, Some(dialog))
    }

    fn way_over(&self, node: &NodeFacts, dialog: Option<&Dialog>) -> Option<Way> {
        let listener = self.profile.listener;
        let over_tls = self.over(node).is_secure();
        let seen = self.remote.map(|remote| match over_tls {
            // Whom that connection is with has been settled; whom a new one to that address would be with has not.
            true => Destination::Back { remote, port: remote.port() },
            false => Destination::Address(remote),
        });
        if (self.profile.nat || self.profile.over_flow) && seen.is_some() {
            return seen.map(|destination| Way { listener, destination, trial: false });
        }
        let way = dialog.and_then(|dialog| self.way_in(node, dialog));
        way.or_else(|| seen.map(|destination| Way { listener, destination, trial: false }))
    }

    /// Where the answer to a request of the peer goes. Behind NAT that is where it came from, whatever its Via says and whether or not
    /// it asks for that with `rport`.
    pub(super) fn answers_to(&self, request: &Message, flow: &Flow) -> Destination {
        self.returns().destination(request, flow)
    }

    pub(super) fn returns(&self) -> ReturnTo {
        ReturnTo::of(self.profile.nat)
    }

    /// The way of a request inside `dialog`: over the transport that its next hop asks for, if we have a listener of that beside
    /// the leg's own (RFC 3263 §4.1).
    pub(super) fn way_in(&self, node: &NodeFacts, dialog: &Dialog) -> Option<Way> {
        let own = self.profile.listener;
        // What TLS keeps is not given away because a Contact says so.
        let asked = dialog.transport().filter(|_| !dialog.over().is_secure()).and_then(|transport| node.beside(own, transport));
        Some(Way { listener: asked.unwrap_or(own), destination: dialog.destination()?, trial: false })
    }

    /// Our Via value for client transaction `serial` on that way.
    pub(super) fn via(&self, node: &NodeFacts, listener: ListenerId, serial: u16) -> OurVia {
        let listener = node.listener(listener);
        OurVia { transport: listener.transport.token(), place: listener.advertise.clone(), branch: node.minter.branch(self.id, serial) }
    }

    /// A request that is too long for a datagram is turned to the stream listener beside its own, if there is one and its next
    /// hop does not ask for UDP.
    pub(super) fn fit(&self, node: &NodeFacts, serial: u16, way: &mut Way, request: Bytes) -> Bytes {
        if request.len() <= MAX_DATAGRAM_REQUEST || node.listener(way.listener).transport.is_reliable() {
            return request;
        }
        let Some(stream) = node.beside(way.listener, Transport::Tcp).filter(|_| !asks_for_udp(&request)) else { return request };
        (way.listener, way.trial) = (stream, true);
        with_value(&request, HeaderName::Via, &self.via(node, stream, serial).parts()).unwrap_or(request)
    }

    /// No stream is to be had: the request as a datagram, under a new transaction (§18.1.1).
    pub(super) fn as_datagram(&mut self, node: &NodeFacts, way: &mut Way, request: &Bytes) -> Option<(u16, Bytes)> {
        (way.listener, way.trial) = (self.profile.listener, false);
        let serial = self.next_serial();
        Some((serial, with_value(request, HeaderName::Via, &self.via(node, way.listener, serial).parts())?))
    }
}

/// Whether the next hop, the first Route or else the Request-URI, has `transport=udp`.
fn asks_for_udp(request: &Bytes) -> bool {
    let Ok(message) = Message::parse(request.clone()) else { return true };
    let route = message.header(HeaderName::Route).and_then(|route| NameAddr::parse(route).ok());
    let hop = Uri::parse(route.map_or(message.uri(), |route| route.uri)).ok();
    hop.and_then(|hop| hop.transport()).is_some_and(|transport| transport.eq_ignore_ascii_case("udp"))
}

/// The request with another value of its first header of that name.
pub(super) fn with_value(request: &Bytes, name: HeaderName, parts: &[&str]) -> Option<Bytes> {
    let message = Message::parse(request.clone()).ok()?;
    let value = message.header(name)?;
    let begin = value.as_ptr() as usize - message.bytes().as_ptr() as usize;
    let (before, after) = (request.get(..begin)?, request.get(begin + value.len()..)?);
    let parts = parts.iter().map(|part| part.as_bytes());
    Some(Bytes::from([before].into_iter().chain(parts).chain([after]).collect::<Vec<_>>().concat()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::SocketAddr;

    #[test]
    fn what_the_network_returns_is_believed_by_whose_it_was() {
        let call = CallId::new(1, 1);
        let (address, listener) = (SocketAddr::from(([192, 0, 2, 1], 5060)), ListenerId(0));
        let [own, other] = [0, 1].map(|index| call.leg(index).expect("a leg"));
        let way = |destination: Destination| Way { listener, destination, trial: false };
        let named = way(Destination::Name { host: "sip.example".into(), port: None });
        let direct = way(Destination::Address(address));
        let (there, hop) = (Destination::Address(address), Destination::Hop { address, domain: "sip.example".into() });
        let lost = |destination, delivery| LostWay { call, listener, destination, delivery };
        for nobody_there in [true, false] {
            let returned = Delivery::Returned { leg: 0, nobody_there };
            assert!(lost(&there, returned).is(own, &direct) && !lost(&there, returned).is(other, &direct));
            assert!(lost(&hop, returned).is(own, &named) && !lost(&there, returned).is(own, &named));
            let told = lost(&there, returned).told(&direct);
            assert_eq!(matches!(told, Some(Output::NobodyThere(hop)) if hop.address == address), nobody_there);
            assert!(matches!(lost(&hop, returned).told(&named), Some(Output::HopFailed(hop, None)) if hop.address == address));
        }
        let elsewhere = Destination::Hop { address, domain: "other.example".into() };
        assert!(!lost(&elsewhere, Delivery::Returned { leg: 0, nobody_there: true }).is(own, &named));
        assert!(lost(&there, Delivery::Unknown).is(other, &direct), "a connection is everybody's");
        assert!(lost(&there, Delivery::Unknown).told(&direct).is_none());
    }
}
