//! Connections of the virtual network: bytes in order or not at all, refused, broken, cut into pieces as it comes.

use crate::{
    network::Network,
    queue::{Event, InFlight},
};
use std::{
    collections::{BTreeMap, BTreeSet},
    net::{IpAddr, SocketAddr},
    time::Duration,
};
use tandem_model::{Delivery, Timestamp};

/// How long whoever connects waits for somebody who says nothing.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(1);

/// The first port of connections that nobody gave one.
const FIRST_PORT: u16 = 49_152;

/// Names a connection.
pub(crate) type StreamId = u64;

/// Which end of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum End {
    Phone,
    Core,
}

impl End {
    fn other(self) -> End {
        match self {
            End::Phone => End::Core,
            End::Core => End::Phone,
        }
    }
}

/// What reaches one end of a connection.
#[derive(Clone, Debug)]
pub(crate) struct Segment {
    pub(crate) stream: StreamId,
    pub(crate) to: End,
    pub(crate) what: What,
}

/// What that is.
#[derive(Clone, Debug)]
pub(crate) enum What {
    Bytes(Vec<u8>),
    /// It is over; what was written to it may have arrived, or cannot.
    Over(Delivery),
}

/// The addresses of both ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Ends {
    pub(crate) phone: SocketAddr,
    pub(crate) core: SocketAddr,
}

impl Ends {
    fn of(self, end: End) -> SocketAddr {
        match end {
            End::Phone => self.phone,
            End::Core => self.core,
        }
    }
}

#[derive(Debug)]
struct Connection {
    ends: Ends,
    maker: End,
    is_open: bool,
    /// When what goes to each end arrives there at the earliest.
    earliest: BTreeMap<End, Timestamp>,
}

/// All connections that there are and were.
#[derive(Debug, Default)]
pub(crate) struct Streams {
    connections: BTreeMap<StreamId, Connection>,
    /// Hosts that there are beside the core.
    pub(crate) hosts: BTreeSet<IpAddr>,
    /// Hosts where nobody listens for connections.
    pub(crate) deaf: BTreeSet<IpAddr>,
    /// Hosts that do not even refuse them.
    pub(crate) mute: BTreeSet<IpAddr>,
    count: StreamId,
    /// Connections that broke.
    pub(crate) broken: usize,
}

impl Streams {
    /// `maker` connects to the other end.
    pub(crate) fn connect(&mut self, now: Timestamp, ends: Ends, maker: End, network: &mut Network, flight: &mut InFlight) -> StreamId {
        self.count += 1;
        let stream = self.count;
        let (from, to) = (ends.of(maker), ends.of(maker.other()));
        let is_there = maker == End::Phone || self.hosts.contains(&to.ip());
        let trip = network
            .trip(from.ip(), to.ip())
            .zip(network.trip(to.ip(), from.ip()))
            .map(|(there, back)| there + back)
            .filter(|_| is_there && !self.mute.contains(&to.ip()));
        let is_open = trip.is_some() && !self.deaf.contains(&to.ip());
        let made = now + trip.unwrap_or(CONNECT_TIMEOUT);
        let earliest = BTreeMap::from([(End::Phone, made), (End::Core, made)]);
        self.connections.insert(stream, Connection { ends, maker, is_open, earliest });
        if !is_open {
            flight.push(made, Event::Segment(Segment { stream, to: maker, what: What::Over(Delivery::Never) }));
        }
        stream
    }

    /// Connections that the core tried to make with a host.
    pub(crate) fn tried(&self, host: IpAddr) -> usize {
        self.connections.values().filter(|connection| connection.maker == End::Core && connection.ends.phone.ip() == host).count()
    }

    /// A port for the end that connects.
    pub(crate) fn free_port(&self) -> u16 {
        FIRST_PORT + (self.count % 10_000) as u16
    }

    /// Both ends of a connection, as long as it is open.
    pub(crate) fn ends(&self, stream: StreamId) -> Option<Ends> {
        self.connections.get(&stream).filter(|connection| connection.is_open).map(|connection| connection.ends)
    }

    /// Both ends of a connection that may be over.
    pub(crate) fn past_ends(&self, stream: StreamId) -> Option<Ends> {
        self.connections.get(&stream).map(|connection| connection.ends)
    }

    /// The open connection of `phone` whose other end is `core`.
    pub(crate) fn find(&self, phone: IpAddr, core: SocketAddr) -> Option<StreamId> {
        let mut open = self.connections.iter().filter(|(_, connection)| connection.is_open);
        open.find(|(_, connection)| connection.ends.phone.ip() == phone && connection.ends.core == core).map(|(stream, _)| *stream)
    }

    /// Puts bytes on their way to one end, in pieces. What is written to a connection that is over is lost.
    pub(crate) fn write(&mut self, now: Timestamp, stream: StreamId, to: End, bytes: &[u8], network: &mut Network, flight: &mut InFlight) {
        let Some(connection) = self.connections.get_mut(&stream).filter(|connection| connection.is_open) else { return };
        let ends = connection.ends;
        let (from_ip, to_ip) = (ends.of(to.other()).ip(), ends.of(to).ip());
        if network.breaks(from_ip, to_ip) {
            return self.break_one(now, stream, network, flight);
        }
        for piece in network.pieces(bytes) {
            // What is lost is sent again: it only comes later, and all that follows waits for it.
            let Some(trip) = network.trip(from_ip, to_ip) else { return self.break_one(now, stream, network, flight) };
            let earliest = connection.earliest.entry(to).or_insert(now);
            let at = (now + trip).max(*earliest);
            *earliest = at;
            flight.push(at, Event::Segment(Segment { stream, to, what: What::Bytes(piece.to_vec()) }));
        }
    }

    /// One end closes; the other learns of it after what was written before.
    pub(crate) fn close(&mut self, now: Timestamp, stream: StreamId, by: End, flight: &mut InFlight) {
        let Some(connection) = self.connections.get_mut(&stream).filter(|connection| connection.is_open) else { return };
        connection.is_open = false;
        let at = connection.earliest.get(&by.other()).copied().unwrap_or(now).max(now);
        flight.push(at, Event::Segment(Segment { stream, to: by.other(), what: What::Over(Delivery::Unknown) }));
    }

    /// All connections with a host break: what is on its way is lost, and both ends find out.
    pub(crate) fn break_all(&mut self, now: Timestamp, host: IpAddr, network: &mut Network, flight: &mut InFlight) {
        let of_host = |connection: &Connection| connection.is_open && connection.ends.phone.ip() == host;
        let broken: Vec<_> = self.connections.iter().filter(|(_, one)| of_host(one)).map(|(stream, _)| *stream).collect();
        for stream in broken {
            self.break_one(now, stream, network, flight);
        }
    }

    fn break_one(&mut self, now: Timestamp, stream: StreamId, network: &mut Network, flight: &mut InFlight) {
        let Some(connection) = self.connections.get_mut(&stream) else { return };
        connection.is_open = false;
        self.broken += 1;
        let ends = connection.ends;
        for to in [End::Phone, End::Core] {
            let at = now + network.trip(ends.of(to.other()).ip(), ends.of(to).ip()).unwrap_or(CONNECT_TIMEOUT);
            flight.push(at, Event::Segment(Segment { stream, to, what: What::Over(Delivery::Unknown) }));
        }
    }
}
