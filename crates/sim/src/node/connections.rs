//! The connections of the node's listeners.

use super::{CoreNode, World};
use crate::streams::{End, Ends, StreamId};
use std::{
    collections::{BTreeMap, BTreeSet},
    net::SocketAddr,
};
use tandem_model::{CallId, Delivery, Destination, Flow, ListenerId, Transport};
use tandem_signalling::{
    Input,
    message::{Frame, Framer},
};

impl CoreNode {
    pub(super) fn listener(&self, transport: Transport, address: SocketAddr) -> Option<ListenerId> {
        let place = self.listeners.iter().position(|listener| *listener == (transport, address))?;
        u16::try_from(place).ok().map(ListenerId)
    }

    pub(super) fn uses(&mut self, call: CallId, flow: &Flow) {
        if flow.transport.is_reliable() {
            self.connections.users.entry((flow.listener, flow.remote)).or_default().insert(call);
        }
    }

    /// Bytes of a stream.
    pub(crate) fn receive_stream(&mut self, world: &mut World<'_>, stream: StreamId, ends: Ends, bytes: &[u8]) {
        let listener = match self.connections.listener_of(stream) {
            Some(listener) => listener,
            None => {
                let Some(listener) = self.listener(Transport::Tcp, ends.core) else { return };
                self.connections.enter(listener, ends.phone, stream);
                listener
            }
        };
        let flow = Flow { listener, transport: Transport::Tcp, remote: ends.phone };
        let mut framer = self.connections.framers.remove(&stream).unwrap_or_default();
        framer.push(bytes);
        while let Some(frame) = framer.poll_frame() {
            match frame {
                Ok(Frame::Message(message)) => {
                    self.take(world, flow, message);
                    if self.abuse.is_banned(world.now, flow.remote) {
                        world.streams.close(world.now, stream, End::Core, world.flight);
                        return self.stream_over(world, stream, Delivery::Unknown);
                    }
                }
                Ok(Frame::KeepAlive) => {}
                Err(_) => {
                    world.streams.close(world.now, stream, End::Core, world.flight);
                    return self.stream_over(world, stream, Delivery::Unknown);
                }
            }
        }
        self.connections.framers.insert(stream, framer);
    }

    /// The network reports that nobody is at that address.
    pub(crate) fn lose(&mut self, address: SocketAddr) {
        if !self.unreachable.contains(&address) {
            self.unreachable.push(address);
        }
    }

    /// Somebody is there again.
    pub(crate) fn find_again(&mut self, address: SocketAddr) {
        self.unreachable.retain(|lost| *lost != address);
        self.connections.refused.remove(&address);
    }

    /// A connection is over: what its calls sent over it and nobody answered is lost.
    pub(crate) fn stream_over(&mut self, world: &mut World<'_>, stream: StreamId, delivery: Delivery) {
        let Some((listener, remote)) = self.connections.leave(stream) else { return };
        if delivery == Delivery::Never {
            self.connections.refused.insert(remote);
        }
        self.flow_lost(world.now, listener, remote);
        let names = self.named.iter().filter(|(address, _)| *address == remote).map(|(_, name)| name.clone());
        let lost: Vec<_> = names.chain([Destination::Address(remote)]).collect();
        for call in self.connections.users.remove(&(listener, remote)).unwrap_or_default() {
            for destination in &lost {
                self.input(world, call, Input::Unreachable(listener, destination.clone(), delivery));
            }
        }
    }
}

/// The connections of all listeners, by their other ends, as the transports of the shell keep them.
#[derive(Default)]
pub(super) struct Connections {
    streams: BTreeMap<(ListenerId, SocketAddr), StreamId>,
    framers: BTreeMap<StreamId, Framer>,
    pub(super) users: BTreeMap<(ListenerId, SocketAddr), BTreeSet<CallId>>,
    /// Where no connection could be made.
    pub(super) refused: BTreeSet<SocketAddr>,
}

impl Connections {
    pub(super) fn find(&self, listener: ListenerId, remote: SocketAddr) -> Option<StreamId> {
        self.streams.get(&(listener, remote)).copied()
    }

    pub(super) fn enter(&mut self, listener: ListenerId, remote: SocketAddr, stream: StreamId) -> StreamId {
        self.streams.insert((listener, remote), stream);
        stream
    }

    fn listener_of(&self, stream: StreamId) -> Option<ListenerId> {
        self.streams.iter().find(|(_, known)| **known == stream).map(|((listener, _), _)| *listener)
    }

    fn leave(&mut self, stream: StreamId) -> Option<(ListenerId, SocketAddr)> {
        let key = self.streams.iter().find(|(_, known)| **known == stream).map(|(key, _)| *key)?;
        self.streams.remove(&key);
        self.framers.remove(&stream);
        Some(key)
    }
}
