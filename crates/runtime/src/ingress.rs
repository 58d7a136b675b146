//! What comes in: each datagram is given its owner, and the owner exists before the next one is read.

use crate::{
    containment::contain,
    log::Escaped,
    mailbox::Refused,
    node::Node,
    tls::Host,
    transport::{
        stream::{End, StreamUser},
        udp::{Places, Received, UdpTransport},
    },
};
use bytes::Bytes;
use std::{net::SocketAddr, rc::Rc, time::Duration};
use tandem_model::{Flow, ListenerId, Transport};
use tandem_policy::{Offence, Standing};
use tandem_signalling::{
    DropReason, Input, Verdict,
    message::{FrameError, FrameErrorKind, Message, Method},
};

/// How long a socket that cannot be read is left alone.
const AFTER_FAILURE: Duration = Duration::from_secs(1);

/// Reads one listener for as long as the node lives.
pub(crate) async fn listen(node: Rc<Node>, transport: Rc<UdpTransport>) {
    let mut places = Places::new();
    loop {
        let take = |received: Received<'_>| match received {
            Received::Datagram(_, source) if node.is_banned(source) => {}
            Received::Datagram(bytes, source) => {
                let flow = Flow { listener: transport.id(), transport: Transport::Udp, remote: source };
                node.on_bytes(flow, &[], Bytes::copy_from_slice(bytes));
            }
            Received::Undelivered(undelivered) => node.on_undelivered(transport.id(), &undelivered),
        };
        if let Err(error) = transport.receive(&mut places, take).await {
            tracing::error!(listener = transport.id().0, %error, "cannot read from the socket");
            tokio::time::sleep(AFTER_FAILURE).await;
        }
    }
}

impl Node {
    fn is_banned(&self, source: SocketAddr) -> bool {
        let abuse = self.abuse.borrow();
        abuse.has_bans() && abuse.is_banned(self.clock.now(), source)
    }

    /// One datagram, or one message of a stream. `names`: those that the other end has proved to have.
    pub(crate) fn on_bytes(self: &Rc<Self>, flow: Flow, names: &[Box<str>], bytes: Bytes) {
        if let Err(fault) = contain(|| self.take(flow, names, bytes)) {
            tracing::error!(place = %fault.place, "a message made the dispatcher fail and was dropped: {}", Escaped(&fault.message));
        }
    }

    fn take(self: &Rc<Self>, flow: Flow, names: &[Box<str>], bytes: Bytes) {
        let (now, source, asked) = (self.clock.now(), flow.remote, bytes.len());
        self.counted.borrow_mut().received.count(&bytes);
        let shown = tracing::enabled!(tracing::Level::DEBUG).then(|| bytes.clone());
        let verdict = self.dispatcher.borrow_mut().receive(now, bytes, flow);
        let owner = if let Verdict::Call(call, _) = &verdict { Some(*call) } else { None };
        // What founds a call is logged once that has an id.
        if let Some(shown) = shown.filter(|_| !matches!(verdict, Verdict::Founding(_))) {
            self.log_message("received", source, owner, &shown);
        }
        if let Some(call) = owner {
            self.uses(call, &flow);
            if flow.transport.is_reliable() {
                // It has what only the peer of a call can have.
                self.abuse.borrow_mut().let_in(now, &flow, false);
            }
        }
        match verdict {
            Verdict::Call(call, arrival) => match self.routes.deliver(call, Input::Message(arrival)) {
                Ok(()) => {}
                Err(Refused::Full) => tracing::warn!(%call, "a message was dropped: the call has as many waiting as it may"),
                // It ended while this message was on its way: the sender will say it again.
                Err(Refused::Closed) => {}
            },
            Verdict::Founding(arrival) => self.on_founding(now, arrival, names),
            Verdict::Exchange(arrival) => self.on_exchange(now, arrival, names),
            Verdict::Again(transmit) => self.send(transmit, None),
            Verdict::Dismiss(transmits) => transmits.into_iter().for_each(|transmit| self.send(transmit, None)),
            Verdict::Refuse(transmit) if self.is_stranger_to_silence(now, &flow, names) => drop(transmit),
            Verdict::Refuse(transmit) => self.answer_stranger(now, &flow, asked, transmit),
            Verdict::Drop(reason) => {
                if reason == DropReason::Garbage {
                    self.on_offence_over(now, &flow, Offence::NoSip);
                }
                log_drop(reason, source);
            }
        }
    }
}

impl StreamUser for Node {
    fn on_message(self: &Rc<Self>, flow: Flow, names: &[Box<str>], message: Bytes) {
        self.on_bytes(flow, names, message);
    }

    fn on_broken(self: &Rc<Self>, flow: Flow, names: &[Box<str>], error: &FrameError) -> Option<Bytes> {
        let message = Message::parse(error.head.clone()).ok().filter(Message::is_request)?;
        if message.method() == Method::Ack || self.is_stranger_to_silence(self.clock.now(), &flow, names) {
            return None;
        }
        // RFC 3261 §18.3: 400 if the length is missing; nothing after it can be told from its body.
        let status = if error.kind == FrameErrorKind::NoLength || error.kind == FrameErrorKind::BadLength { 400 } else { 513 };
        Some(self.dispatcher.borrow().reply(&message, &flow, status, Some(&error.to_string()), |_| {}).bytes)
    }

    fn answers_keep_alives(&self, flow: &Flow, names: &[Box<str>]) -> bool {
        !self.is_stranger_to_silence(self.clock.now(), flow, names)
    }

    fn is_needed(&self, flow: &Flow) -> bool {
        self.registrar.borrow().is_reached_over(flow.listener, flow.remote)
    }

    fn standing(&self, remote: SocketAddr) -> Standing {
        self.abuse.borrow().standing(self.clock.now(), remote)
    }

    fn on_offence_there(&self, remote: SocketAddr, offence: Offence) {
        self.on_offence(self.clock.now(), remote.ip(), offence);
    }

    fn on_over(self: &Rc<Self>, listener: ListenerId, remote: SocketAddr, hosts: Option<&[Host]>, end: &End) {
        self.on_connection_over(listener, remote, hosts, end.delivery());
    }
}

fn log_drop(reason: DropReason, source: SocketAddr) {
    match reason {
        DropReason::KeepAlive | DropReason::Absorbed => tracing::trace!(%source, ?reason, "dropped"),
        _ => tracing::debug!(%source, ?reason, "dropped"),
    }
}
