//! What arrives, and what is put on its way.

use super::Sim;
use crate::{
    node::{CoreNode, World},
    queue::{Datagram, Event},
    streams::{End, Ends, Segment, StreamId, What},
};
use std::net::SocketAddr;
use tandem_model::{CallId, Delivery, Destination, ListenerId, Transport};
use tandem_phone::{Input, Output};

impl Sim {
    pub(super) fn with_core(&mut self, act: impl FnOnce(&mut CoreNode, &mut World<'_>)) {
        let mut outbox = Vec::new();
        let (network, streams) = (&mut self.network, &mut self.streams);
        act(&mut self.core, &mut World { now: self.now, flight: &mut self.flight, outbox: &mut outbox, network, streams });
        self.post(outbox);
    }

    pub(super) fn input(&mut self, call: CallId, input: tandem_signalling::Input) {
        self.with_core(|core, world| core.input(world, call, input));
    }

    pub(crate) fn deliver(&mut self, event: Event) {
        match event {
            Event::Decided(call, question, decision) => {
                self.input(call, tandem_signalling::Input::Decided(question, decision));
            }
            Event::Said(call, question, consulted) => self.with_core(|core, world| core.said(world, call, question, *consulted)),
            Event::Media(call, event) => self.input(call, tandem_signalling::Input::Media(event)),
            Event::Segment(segment) => self.deliver_segment(segment),
            Event::Resolved(resolved) => self.with_core(|core, world| core.resolved(world, &resolved.0, resolved.1)),
            Event::Back(phone) => self.switch_on(phone),
            Event::Datagram(datagram) => match self.hosts.get(&datagram.to.ip()).copied() {
                None => self.with_core(|core, world| core.receive(world, &datagram)),
                Some(index) if self.stations[index].is_off => {}
                Some(index) => {
                    let Datagram { from: source, to: local, bytes, rtp, .. } = &datagram;
                    let (source, local) = (*source, *local);
                    // What a NAT does: the phone knows its ports by the address that it writes.
                    let inside = SocketAddr::new(self.stations[index].phone.setup().address.ip(), local.port());
                    let input = if *rtp { Input::Rtp { source, local: inside, bytes } } else { Input::Datagram { source, local, bytes } };
                    self.stations[index].phone.handle(self.now, input);
                    self.flush(index);
                }
            },
        }
    }

    fn deliver_segment(&mut self, segment: Segment) {
        let Segment { stream, to, what } = segment;
        match (what, to) {
            (What::Over(delivery), End::Core) => self.with_core(|core, world| core.stream_over(world, stream, delivery)),
            (What::Over(_), End::Phone) => self.stations.iter_mut().for_each(|station| drop(station.splitters.remove(&stream))),
            (What::Bytes(bytes), to) => {
                // What was on its way when the connection broke is lost.
                let Some(ends) = self.streams.ends(stream) else { return };
                match to {
                    End::Core => self.with_core(|core, world| core.receive_stream(world, stream, ends, &bytes)),
                    End::Phone => self.deliver_to_phone(stream, ends, &bytes),
                }
            }
        }
    }

    fn deliver_to_phone(&mut self, stream: StreamId, ends: Ends, bytes: &[u8]) {
        let index = self.index(ends.phone);
        let Some(messages) = self.stations[index].splitters.entry(stream).or_default().push(bytes) else {
            unreachable!("the core wrote to a stream what cannot be read")
        };
        for bytes in messages {
            let input = Input::Streamed { source: ends.core, local: ends.phone, bytes: &bytes };
            self.stations[index].phone.handle(self.now, input);
            self.flush(index);
        }
    }

    /// Puts on the network what a phone has to say.
    pub(super) fn flush(&mut self, index: usize) {
        let mut outbox = Vec::new();
        while let Some(output) = self.stations[index].phone.poll_output() {
            let address = self.stations[index].address;
            outbox.push(match output {
                Output::Send { transport: Transport::Udp, destination, bytes } => {
                    Datagram { from: address, to: destination, bytes, rtp: false, over: None }
                }
                Output::Send { destination, bytes, .. } => {
                    let over = Some(self.connection(index, destination));
                    Datagram { from: address, to: destination, bytes, rtp: false, over }
                }
                Output::Rtp { local, destination, bytes } => {
                    Datagram { from: SocketAddr::new(address.ip(), local.port()), to: destination, bytes, rtp: true, over: None }
                }
            });
        }
        self.post(outbox);
    }

    /// The connection of a phone with `destination`; made where there is none, to where the phone's own requests go if that was the
    /// other end of one that is over.
    fn connection(&mut self, index: usize, destination: SocketAddr) -> StreamId {
        let (address, outbound) = (self.stations[index].address, self.stations[index].phone.setup().outbound);
        let known = |target| self.streams.find(address.ip(), target);
        known(destination).or_else(|| known(outbound)).unwrap_or_else(|| {
            let ends = Ends { phone: SocketAddr::new(address.ip(), self.streams.free_port()), core: outbound };
            self.streams.connect(self.now, ends, End::Phone, &mut self.network, &mut self.flight)
        })
    }

    /// An ICMP error says that nobody is at `address`. Whoever made it knows something of ours of the `leg`th leg of each call.
    pub fn forge_error(&mut self, leg: u8, address: SocketAddr) {
        for call in self.core.call_ids() {
            let delivery = Delivery::Returned { leg, nobody_there: true };
            self.input(call, tandem_signalling::Input::Unreachable(ListenerId(0), Destination::Address(address), delivery));
        }
    }

    /// Every connection with that phone breaks.
    pub fn break_connections(&mut self, phone: SocketAddr) {
        self.streams.break_all(self.now, phone.ip(), &mut self.network, &mut self.flight);
    }

    /// A firewall before that phone swallows connections.
    pub fn ignore_connections(&mut self, phone: SocketAddr) {
        self.streams.mute.insert(phone.ip());
    }

    /// Connections that broke so far.
    pub fn broken_connections(&self) -> usize {
        self.streams.broken
    }

    /// How often the core tried to connect to that phone.
    pub fn connects(&self, phone: SocketAddr) -> usize {
        self.streams.tried(phone.ip())
    }

    /// Nobody listens for connections at that phone, or somebody does again.
    pub fn refuse_connections(&mut self, phone: SocketAddr, refuse: bool) {
        if refuse {
            self.streams.deaf.insert(phone.ip());
        } else {
            self.streams.deaf.remove(&phone.ip());
        }
    }

    pub(super) fn post(&mut self, outbox: Vec<Datagram>) {
        for datagram in outbox {
            let (from, to) = (self.column(datagram.from), self.column(datagram.to));
            if !datagram.rtp {
                self.ladder.record_datagram(self.now, from, to, &datagram.bytes);
                if from == 0 {
                    self.check_topology(&datagram);
                }
            }
            match datagram.over {
                Some(stream) => {
                    let end = if from == 0 { End::Phone } else { End::Core };
                    self.streams.write(self.now, stream, end, &datagram.bytes, &mut self.network, &mut self.flight);
                }
                None => self.network.send(self.now, datagram, &mut self.flight),
            }
        }
    }

    /// Draws what a race has lost.
    pub(crate) fn note_lost(&mut self, datagram: &Datagram) {
        let label = format!("{} LOST", tandem_phone::ladder::label(&datagram.bytes));
        self.ladder.record(self.now, self.column(datagram.from), self.column(datagram.to), label);
    }

    /// The column of the ladder for an address.
    fn column(&self, address: SocketAddr) -> usize {
        self.hosts.get(&address.ip()).map_or(0, |index| index + 1)
    }

    /// Nothing that the core writes to one phone names another.
    fn check_topology(&self, datagram: &Datagram) {
        if !self.hides {
            return;
        }
        let text = String::from_utf8_lossy(&datagram.bytes);
        if text.starts_with("SIP/2.0 200 ") && text.contains(" REGISTER\r\n") {
            // RFC 3261 §10.3: a user is told all its contacts.
            return;
        }
        let to = self.hosts.get(&datagram.to.ip()).copied();
        for (index, station) in self.stations.iter().enumerate().filter(|(index, _)| Some(*index) != to) {
            // Two phones at one address: the later one took it over.
            if self.hosts.get(&station.address.ip()) != Some(&index) {
                continue;
            }
            let written = station.phone.setup().address.ip().to_string();
            assert!(!text.contains(&written), "phone {index} is named to another:\n{text}");
            for call in station.phone.calls().iter().filter(|call| call.role == tandem_phone::Role::Caller) {
                assert!(!text.contains(&call.call_id), "a Call-ID crossed over:\n{text}");
            }
        }
    }
}
