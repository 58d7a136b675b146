//! What comes in: each datagram is given its owner, and the owner exists before the next one is read.

use crate::{
    containment::contain,
    log::Escaped,
    mailbox::Refused,
    node::Node,
    transport::udp::{Places, Received, UdpTransport},
};
use bytes::Bytes;
use std::{net::SocketAddr, rc::Rc, time::Duration};
use tandem_model::{Flow, ListenerId, Transport};
use tandem_signalling::{DropReason, Input, Verdict};

/// How long a socket that cannot be read is left alone.
const AFTER_FAILURE: Duration = Duration::from_secs(1);

/// Reads one listener for as long as the node lives.
pub(crate) async fn listen(node: Rc<Node>, transport: Rc<UdpTransport>) {
    let mut places = Places::new();
    loop {
        let take = |received: Received<'_>| match received {
            Received::Datagram(bytes, source) => {
                if let Err(fault) = contain(|| node.on_datagram(transport.id(), bytes, source)) {
                    tracing::error!(place = %fault.place, "a datagram made the dispatcher fail and was dropped: {}", Escaped(&fault.message));
                }
            }
            Received::Undelivered(undelivered) => node.on_undelivered(&undelivered),
        };
        if let Err(error) = transport.receive(&mut places, take).await {
            tracing::error!(listener = transport.id().0, %error, "cannot read from the socket");
            tokio::time::sleep(AFTER_FAILURE).await;
        }
    }
}

impl Node {
    fn on_datagram(self: &Rc<Self>, listener: ListenerId, bytes: &[u8], source: SocketAddr) {
        let now = self.clock.now();
        let flow = Flow { listener, transport: Transport::Udp, remote: source };
        let verdict = self.dispatcher.borrow_mut().receive(now, Bytes::copy_from_slice(bytes), flow);
        match &verdict {
            Verdict::Call(call, _) => self.log_message("received", source, Some(*call), bytes),
            // It is logged once its call has an id.
            Verdict::Founding(_) => {}
            _ => self.log_message("received", source, None, bytes),
        }
        match verdict {
            Verdict::Call(call, arrival) => match self.routes.deliver(call, Input::Message(arrival)) {
                Ok(()) => {}
                Err(Refused::Full) => tracing::warn!(%call, "a message was dropped: the call has as many waiting as it may"),
                // It ended while this message was on its way: the sender will say it again.
                Err(Refused::Closed) => {}
            },
            Verdict::Founding(arrival) => self.on_founding(now, arrival),
            Verdict::Exchange(arrival) => self.on_exchange(now, &arrival),
            Verdict::Again(transmit) => self.send(transmit, None),
            Verdict::Refuse(transmit) if self.is_stranger_to_silence(now, &flow) => drop(transmit),
            Verdict::Refuse(transmit) => self.send(transmit, None),
            Verdict::Drop(reason) => log_drop(reason, source),
        }
    }
}

fn log_drop(reason: DropReason, source: SocketAddr) {
    match reason {
        DropReason::KeepAlive | DropReason::Absorbed => tracing::trace!(%source, ?reason, "dropped"),
        _ => tracing::debug!(%source, ?reason, "dropped"),
    }
}
