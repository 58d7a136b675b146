//! A message on its way in, and one on its way out.

use crate::message::Message;
use crate::transaction::TransactionKey;
use bytes::Bytes;
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
}

/// Where the response to a request goes (RFC 3261 §18.2.2, RFC 3581 §4): with `rport` back to where the request came
/// from; without, to that address and the port of its Via.
pub fn response_destination(request: &Message, flow: &Flow) -> Destination {
    let mut address = flow.remote;
    if let Ok(via) = request.via()
        && via.rport().is_none()
    {
        // A maddr would send the response to a group (§18.2.2); we answer who asked instead: nobody else can be made a target.
        address.set_port(via.port.unwrap_or(5060));
    }
    Destination::Address(address)
}
