//! What leaves: to an address at once, to a name once it is known; and what the network says did not arrive.

use crate::{
    flight_recorder::mask_secrets,
    log::EscapedBytes,
    node::Node,
    tls::Host,
    transport::{Sent, Undelivered, Whom, Wire, udp::UdpTransport},
};
use bytes::Bytes;
use nix::errno::Errno;
use std::{net::SocketAddr, rc::Rc, time::Duration};
use tandem_model::{CallId, Delivery, Destination, Flow, Hop, LegId, ListenerId};
use tandem_signalling::{Input, Transmit, message::Message};

/// A message that leaves, and for whom.
struct Parcel<'a> {
    listener: ListenerId,
    bytes: &'a Bytes,
    trial: bool,
    owner: Option<CallId>,
}

impl Node {
    /// Sends for a call, which is told if there is no way there.
    pub(crate) fn send_for(self: &Rc<Self>, call: CallId, transmit: Transmit) {
        self.send(transmit, Some(call));
    }

    /// Sends.
    pub(crate) fn send(self: &Rc<Self>, transmit: Transmit, owner: Option<CallId>) {
        let Some(wire) = self.transports.get(usize::from(transmit.listener.0)) else { return };
        let place = match &transmit.destination {
            Destination::Address(address) => (*address, Whom::Address),
            Destination::Hop { address, domain } => (*address, Whom::Name(domain)),
            Destination::Back { remote, port } => wire.way_back(*remote, *port),
            Destination::Name { .. } | Destination::Domain { .. } => return self.send_by_name(owner, transmit),
        };
        if self.send_over(&transmit, owner, place) == Sent::Unreachable {
            self.tell_unreachable(owner, transmit.listener, transmit.destination, Delivery::Never);
        }
    }

    /// Sends to that place, wherever it was for.
    pub(crate) fn send_over(self: &Rc<Self>, transmit: &Transmit, owner: Option<CallId>, place: (SocketAddr, Whom<'_>)) -> Sent {
        let Transmit { listener, bytes, trial, .. } = transmit;
        let Some(wire) = self.transports.get(usize::from(listener.0)) else { return Sent::Unreachable };
        self.send_to(wire, &Parcel { listener: *listener, bytes, trial: *trial, owner }, place)
    }

    /// Says the last words of a call that failed, again and again: whoever would repeat them until they arrive is gone.
    pub(crate) fn say_last_words(self: &Rc<Self>, words: Vec<Transmit>, when: &'static [Duration]) {
        if words.is_empty() {
            return;
        }
        let node = self.clone();
        tokio::task::spawn_local(async move {
            for pause in when {
                tokio::time::sleep(*pause).await;
                words.iter().for_each(|word| node.send(word.clone(), None));
            }
        });
    }

    /// Whoever sent what the network gave back is told, and nobody else: only who has sent something there can say that it is true.
    pub(crate) fn on_undelivered(&self, listener: ListenerId, undelivered: &Undelivered) {
        let Some(leg) = self.facts.borrow().minter.leg_in(&undelivered.datagram) else { return };
        let Undelivered { destination: address, error, .. } = *undelivered;
        let call = leg.created_by();
        tracing::debug!(%call, %leg, destination = %address, %error, "undelivered");
        let delivery = Delivery::Returned { leg: leg.index(), nobody_there: error == Errno::ECONNREFUSED };
        self.tell_unreachable(Some(call), listener, Destination::Address(address), delivery);
        for name in self.hops.names_of(address) {
            let (Destination::Name { host: domain, .. } | Destination::Domain { host: domain, .. }) = name else { continue };
            self.tell_unreachable(Some(call), listener, Destination::Hop { address, domain }, delivery);
        }
    }

    /// A connection is over: what its calls sent over it and nobody answered is lost. `hosts`: with whom it was, if that is known.
    pub(crate) fn on_connection_over(&self, listener: ListenerId, remote: SocketAddr, hosts: Option<&[Host]>, delivery: Delivery) {
        let wire = self.transports.get(usize::from(listener.0));
        let is_another_there = wire.is_some_and(|wire| wire.is_connected(remote));
        if !is_another_there {
            self.on_flow_lost(listener, remote);
        }
        for call in self.flows.over(listener, remote, is_another_there) {
            let Some(hosts) = hosts else {
                self.tell_lost(call, listener, remote, delivery);
                continue;
            };
            let port = remote.port();
            self.tell_unreachable(Some(call), listener, Destination::Back { remote, port }, delivery);
            for host in hosts {
                let Host::Name(host) = host else {
                    self.tell_unreachable(Some(call), listener, Destination::Address(remote), delivery);
                    continue;
                };
                let hop = Destination::Hop { address: remote, domain: host.clone() };
                self.tell_unreachable(Some(call), listener, hop, delivery);
                let is_it = |name: &Destination| matches!(name, Destination::Name { host: name, .. } | Destination::Domain { host: name, .. } if name == host);
                for name in self.hops.names_of(remote).into_iter().filter(is_it) {
                    self.hop_failed(Hop { listener, address: remote }, None);
                    self.tell_unreachable(Some(call), listener, name, delivery);
                }
            }
        }
    }

    /// `call` depends on the flow, should that be a connection.
    pub(crate) fn uses(&self, call: CallId, flow: &Flow) {
        if flow.transport.is_reliable() {
            self.flows.used(flow.listener, flow.remote, call, |call| self.routes.has(call));
        }
    }

    fn send_to(self: &Rc<Self>, wire: &Wire, parcel: &Parcel<'_>, (address, whom): (SocketAddr, Whom<'_>)) -> Sent {
        let Parcel { listener, bytes, trial, owner } = *parcel;
        self.log_message("sent", address, owner, bytes);
        self.counted.borrow_mut().sent.count(bytes);
        let sent = match wire {
            Wire::Udp(udp) => self.send_datagram(udp, address, bytes),
            Wire::Tcp(tcp) => tcp.send(address, bytes, trial, self),
            Wire::Tls(tls) => tls.send(address, whom, bytes, self),
        };
        if let (Sent::Now, Some(call)) = (sent, owner) {
            self.uses(call, &Flow { listener, transport: wire.transport(), remote: address });
        }
        if sent == Sent::Lost {
            tracing::warn!(%address, "a message was lost: as many wait for the send buffer as may");
        }
        sent
    }

    fn send_datagram(self: &Rc<Self>, udp: &Rc<UdpTransport>, address: SocketAddr, bytes: &Bytes) -> Sent {
        let sent = udp.send(address, bytes);
        if sent == Sent::Waiting
            && let Some(flush) = udp.flush()
        {
            tokio::task::spawn_local(flush.run());
        }
        sent
    }

    /// What `call` sent to `address`, as an address or as a name, did not arrive.
    fn tell_lost(&self, call: CallId, listener: ListenerId, address: SocketAddr, delivery: Delivery) {
        self.tell_unreachable(Some(call), listener, Destination::Address(address), delivery);
        for name in self.hops.names_of(address) {
            self.hop_failed(Hop { listener, address }, None);
            self.tell_unreachable(Some(call), listener, name, delivery);
        }
    }

    pub(crate) fn tell_unreachable(&self, owner: Option<CallId>, listener: ListenerId, destination: Destination, delivery: Delivery) {
        if let Some(call) = owner {
            // A call that has ended since does not mind.
            let _ = self.routes.deliver(call, Input::Unreachable(listener, destination, delivery));
        }
    }

    /// One message, at DEBUG, with its secrets masked, and with its call and leg where these are known.
    pub(crate) fn log_message(&self, direction: &'static str, peer: SocketAddr, owner: Option<CallId>, bytes: &[u8]) {
        if tracing::enabled!(tracing::Level::DEBUG) {
            let leg = self.leg_of(direction == "sent", bytes);
            let call = owner.or(leg.map(LegId::created_by));
            // What shows no leg and belongs to a call is between its caller and us: an INVITE without To tag, its CANCEL, its 100.
            let leg = leg.or_else(|| owner.and_then(|call| call.leg(0)));
            let mut shown = bytes.to_vec();
            mask_secrets(&mut shown);
            tracing::debug!(call = call.map(tracing::field::display), leg = leg.map(tracing::field::display), %peer, sip = %EscapedBytes(&shown), "{direction}");
        }
    }

    /// The leg whose message this is: our branch is in the requests that we send and in the responses to them, our To tag in the
    /// requests that we get and in our responses.
    fn leg_of(&self, sent: bool, bytes: &[u8]) -> Option<LegId> {
        let message = Message::parse(Bytes::copy_from_slice(bytes)).ok()?;
        let facts = self.facts.borrow();
        let minter = &facts.minter;
        if message.is_request() == sent {
            minter.read_branch(message.branch()?).map(|(leg, _)| leg)
        } else {
            minter.read_tag(message.to_tag()?)
        }
    }
}
