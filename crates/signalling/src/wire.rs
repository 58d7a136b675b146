//! A message on its way in, and one on its way out.

use crate::message::Message;
use crate::transaction::TransactionKey;
use bytes::Bytes;
use std::net::SocketAddr;
use tandem_model::{Destination, Flow, LegId, ListenerId};

/// A message from outside with what the dispatcher found out about it.
#[derive(Clone, Debug)]
pub struct Arrival {
    /// The message, parsed and screened.
    pub message: Message,
    /// How it came.
    pub flow: Flow,
    /// A request's server transaction, a response's client transaction.
    pub key: TransactionKey,
    /// The leg whose tag or branch it carries, if that is one of ours.
    pub leg: Option<LegId>,
    /// A response's client transaction within its leg.
    pub serial: u16,
}

/// Bytes to be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Transmit {
    /// From which listener.
    pub listener: ListenerId,
    /// Where to.
    pub destination: Destination,
    /// One whole message.
    pub bytes: Bytes,
    /// Its sender has another way, and takes it at once if no connection could be made there lately (RFC 3261 §18.1.1).
    pub trial: bool,
}

/// Which of its addresses the sender of a request over UDP is believed for its answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReturnTo {
    /// What its Via asks for.
    Via,
    /// Where the request, or its copy, came from: the sender is behind NAT.
    Source,
}

impl ReturnTo {
    /// `is_nat`: the sender is known to be behind NAT.
    pub fn of(is_nat: bool) -> ReturnTo {
        if is_nat { ReturnTo::Source } else { ReturnTo::Via }
    }

    /// Where the response to `request` goes.
    pub fn destination(self, request: &Message, flow: &Flow) -> Destination {
        match self {
            ReturnTo::Source if !flow.transport.is_reliable() => Destination::Address(flow.remote),
            ReturnTo::Source | ReturnTo::Via => response_destination(request, flow),
        }
    }
}

/// Where the response to a request goes (RFC 3261 §18.2.2, RFC 3581 §4): back over the connection that the request came over;
/// over UDP with `rport` back to where it came from; without, to that address and the port of its Via.
pub fn response_destination(request: &Message, flow: &Flow) -> Destination {
    // A maddr would send the response to a group (§18.2.2); we answer who asked instead: nobody else can be made a target.
    let via = request.via().ok();
    let port = via.and_then(|via| via.port).unwrap_or(flow.transport.default_port());
    match via {
        _ if flow.transport.is_reliable() => Destination::Back { remote: flow.remote, port },
        Some(via) if via.rport().is_none() => Destination::Address(SocketAddr::new(flow.remote.ip(), port)),
        _ => Destination::Address(flow.remote),
    }
}
