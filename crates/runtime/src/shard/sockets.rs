//! The sockets of one media thread: pairs on ports of its part of each side's range. A pair stays open when its session
//! is over, so that the next one need not open it again; while it rests, what still arrives is read and dropped.

mod loans;

use super::{
    ShardConfig, Shared, SideGauges,
    poller::Poller,
    stock::{MAX_STOCKED, Stock, Stocked},
};
use loans::Home;
pub(super) use loans::Loan;
use socket2::{Domain, Protocol, Socket, Type};
use std::{
    hint::black_box,
    io, mem,
    net::{IpAddr, SocketAddr, UdpSocket},
    sync::{Arc, atomic::Ordering::Relaxed},
};
use tandem_media::{Channel, PacketBuf, PortAllocator, Probe};
use tandem_model::{LegId, LocalEndpoint, MediaSide, PortId, Timestamp};

/// All pairs that this thread may have, and the poller that watches those that are open.
#[derive(Debug)]
pub(super) struct Sockets {
    pub(super) poller: Poller,
    sides: Box<[Side]>,
    /// By [`PortId`]: the parts of all sides, one after the other, and behind them pairs of other threads.
    slots: Vec<Slot>,
    /// Places behind them that are empty.
    vacant: Vec<PortId>,
    open: usize,
    max_open: usize,
    /// Where the search for a pair to close goes on.
    hand: usize,
    /// The last pair that was wanted could not be opened: said once, not for every call that is refused.
    short: bool,
    /// Which of the threads this is.
    index: usize,
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Side {
    bind: IpAddr,
    advertise: IpAddr,
    dscp: u8,
    allocator: PortAllocator,
    /// The lowest RTP port of the part, and its slot.
    first_port: u16,
    first_slot: usize,
    /// How many pairs are in the stock, as far as this thread has heard.
    stocked: usize,
    told: Told,
}

/// What the gauges have been told of this part.
#[derive(Clone, Copy, Debug, Default)]
struct Told {
    in_use: usize,
    foreign: usize,
}

#[derive(Debug)]
struct Slot {
    side: usize,
    port: u16,
    pair: Option<Pair>,
    /// It is in the stock, or was taken from there for a session that is still to be made.
    stocked: bool,
    /// The session that has it, by its place in the thread's table.
    session: Option<u32>,
    /// Whose it is, if not this thread's.
    home: Option<Home>,
}

#[derive(Debug)]
struct Pair {
    rtp: UdpSocket,
    rtcp: UdpSocket,
}

/// A side of fewer pairs than this has none of them stocked for every so many that it has.
const PAIRS_PER_STOCKED: usize = 16;

/// Descriptors of a pair.
const SOCKETS_PER_PAIR: usize = 2;

impl Sockets {
    /// The `share`-th of so many parts; nothing is open yet.
    pub(super) fn new(config: &ShardConfig, share: (usize, usize), shared: Arc<Shared>) -> io::Result<Sockets> {
        let (index, shares) = share;
        let mut slots = Vec::new();
        let part = |(side, config): (usize, &super::SideConfig)| {
            let allocator = PortAllocator::share(config.ports.clone(), index, shares);
            let (first_slot, ports) = (slots.len(), allocator.rtp_ports());
            let first_port = ports.clone().next().unwrap_or(0);
            shared.gauges[side].pairs.fetch_add(ports.len(), Relaxed);
            slots.extend(ports.map(|port| Slot { side, port, pair: None, stocked: false, session: None, home: None }));
            Side {
                bind: config.bind,
                advertise: config.advertise,
                dscp: config.dscp,
                allocator,
                first_port,
                first_slot,
                stocked: 0,
                told: Told::default(),
            }
        };
        let sides = config.sides.iter().enumerate().map(part).collect();
        Ok(Sockets {
            poller: Poller::new()?,
            sides,
            slots,
            vacant: Vec::new(),
            open: 0,
            max_open: config.max_sockets / shares,
            hand: 0,
            short: false,
            index,
            shared,
        })
    }

    /// Takes a pair of a side for a session; `None` when there is none to be had.
    pub(super) fn take(&mut self, now: Timestamp, side: MediaSide, session: u32) -> Option<PortId> {
        let side = usize::from(side.0);
        let port = self.take_unstocked(now, side).or_else(|| self.stock().take(side).map(|stocked| stocked.port))?;
        self.assign(now, port, session);
        Some(port)
    }

    /// Gives a pair that was taken to a session.
    pub(super) fn assign(&mut self, now: Timestamp, port: PortId, session: u32) {
        let slot = &mut self.slots[port.0 as usize];
        slot.session = Some(session);
        self.unstock(now, port);
    }

    /// Opens pairs for calls to come. Only where there is plenty of both ports and sockets: no call is refused for them.
    pub(super) fn stock_up(&mut self, now: Timestamp) {
        for side in 0..self.sides.len() {
            let full = MAX_STOCKED.min(self.sides[side].pairs() / PAIRS_PER_STOCKED);
            for _ in self.stock().len(side)..full {
                let used: usize = self.sides.iter().map(|side| side.told.in_use + side.stocked).sum();
                if used * SOCKETS_PER_PAIR >= self.max_open / 2 {
                    return;
                }
                let Some(port) = self.take_unstocked(now, side) else { break };
                self.slots[port.0 as usize].stocked = true;
                self.sides[side].stocked += 1;
                self.tell(now, side);
                let (rtp, rtcp) = self.addresses(port);
                self.stock().put(Stocked { side, port, rtp, rtcp });
            }
        }
    }

    fn stock(&self) -> &Stock {
        &self.shared.stocks[self.index]
    }

    /// A pair is in the stock no longer, if it was.
    fn unstock(&mut self, now: Timestamp, port: PortId) {
        let slot = &mut self.slots[port.0 as usize];
        let side = slot.side;
        self.sides[side].stocked -= usize::from(mem::take(&mut slot.stocked));
        self.tell(now, side);
    }

    fn take_unstocked(&mut self, now: Timestamp, index: usize) -> Option<PortId> {
        self.make_room(now);
        let Sockets { poller, sides, slots, open, max_open, short, shared, .. } = self;
        let side = sides.get_mut(index)?;
        let port = side.allocator.take(now, |port| {
            let place = side.first_slot + usize::from(port - side.first_port) / 2;
            if slots[place].pair.is_some() {
                return Probe::Opened;
            }
            if *open + SOCKETS_PER_PAIR > *max_open {
                if !mem::replace(short, true) {
                    tracing::warn!(open = *open, "media has as many sockets open as it may");
                }
                return Probe::Failed;
            }
            match open_pair(poller, (side.bind, port), side.dscp, place) {
                Ok(pair) => {
                    *short = false;
                    slots[place].pair = Some(pair);
                    *open += SOCKETS_PER_PAIR;
                    shared.counters.sockets.fetch_add(SOCKETS_PER_PAIR, Relaxed);
                    Probe::Opened
                }
                Err(error) if matches!(error.kind(), io::ErrorKind::AddrInUse | io::ErrorKind::PermissionDenied) => Probe::InUse,
                Err(error) => {
                    if !mem::replace(short, true) {
                        tracing::error!(%error, port, "no socket for media");
                    }
                    Probe::Failed
                }
            }
        });
        let place = port.map(|port| side.first_slot + usize::from(port - side.first_port) / 2);
        self.tell(now, index);
        u32::try_from(place?).ok().map(PortId)
    }

    /// Where as many sockets are open as may be, closes a pair that no session has.
    fn make_room(&mut self, now: Timestamp) {
        if self.open + SOCKETS_PER_PAIR <= self.max_open {
            return;
        }
        let count = self.slots.len();
        let is_idle = |slot: &Slot| slot.session.is_none() && !slot.stocked && slot.pair.is_some();
        if let Some(place) = (0..count).map(|step| (self.hand + step) % count).find(|place| is_idle(&self.slots[*place])) {
            self.hand = place + 1;
            self.slots[place].pair = None;
            self.open -= SOCKETS_PER_PAIR;
            self.shared.counters.sockets.fetch_sub(SOCKETS_PER_PAIR, Relaxed);
        } else if let Some(stocked) = (0..self.sides.len()).find_map(|side| self.stock().take(side)) {
            self.give_back(now, stocked.port, false);
            self.make_room(now);
        }
    }

    /// Takes back a pair, to rest if anybody may send to it.
    pub(super) fn give_back(&mut self, now: Timestamp, port: PortId, was_used: bool) {
        let Some(slot) = self.slots.get_mut(port.0 as usize) else { return };
        if slot.home.is_some() {
            return self.lend(port).into_iter().for_each(|loan| self.send_home(loan));
        }
        slot.session = None;
        let side = &mut self.sides[slot.side];
        if was_used {
            side.allocator.give_back(now, slot.port);
        } else {
            side.allocator.give_back_unused(slot.port);
        }
        self.unstock(now, port);
    }

    fn tell(&mut self, now: Timestamp, side: usize) {
        self.sides[side].tell(now, &self.shared.gauges[side]);
    }

    /// Our end of a leg, as SDP states it.
    pub(super) fn local(&self, leg: LegId, port: PortId) -> LocalEndpoint {
        let (rtp, rtcp) = self.addresses(port);
        LocalEndpoint { leg, rtp, rtcp }
    }

    fn addresses(&self, port: PortId) -> (SocketAddr, SocketAddr) {
        let slot = &self.slots[port.0 as usize];
        let advertise = self.sides[slot.side].advertise;
        (SocketAddr::new(advertise, slot.port), SocketAddr::new(advertise, slot.port + 1))
    }

    /// Which session a token's packet is for, and the port it comes in at.
    #[inline]
    pub(super) fn owner(&self, token: u64) -> Option<(u32, PortId)> {
        let (place, _) = from_token(token);
        Some((self.slots.get(place)?.session?, PortId(place as u32)))
    }

    /// Reads what sending from a port will need.
    #[inline]
    pub(super) fn touch(&self, port: PortId) {
        black_box(self.slots.get(port.0 as usize).map(|slot| slot.port));
    }

    /// Reads one packet from the socket that `token` names: for which session, from which of its ports, whose.
    #[inline]
    pub(super) fn receive(&mut self, token: u64, packet: &mut PacketBuf) -> Option<(u32, PortId, Channel, SocketAddr)> {
        let (place, channel) = from_token(token);
        let slot = self.slots.get(place)?;
        // An error is one that an earlier packet met on its way; the socket is as good as before.
        let (len, source) = slot.socket(channel)?.recv_from(packet.space()).ok()?;
        packet.set_len(len);
        match slot.session {
            Some(session) => Some((session, PortId(place as u32), channel, source)),
            None => {
                self.shared.counters.strays.fetch_add(1, Relaxed);
                None
            }
        }
    }

    /// Sends one packet from a socket of a session.
    #[inline]
    pub(super) fn send(&self, port: PortId, channel: Channel, to: SocketAddr, packet: &[u8]) {
        let socket = self.slots.get(port.0 as usize).and_then(|slot| slot.socket(channel));
        if socket.is_none_or(|socket| socket.send_to(packet, to).is_err()) {
            self.shared.counters.unsent.fetch_add(1, Relaxed);
        }
    }
}

impl Side {
    fn pairs(&self) -> usize {
        self.allocator.rtp_ports().len()
    }

    /// Brings the gauges up to date.
    fn tell(&mut self, now: Timestamp, gauges: &SideGauges) {
        let counts = self.allocator.counts(now);
        let in_use = counts.in_use.saturating_sub(self.stocked);
        gauges.in_use.fetch_add(in_use.wrapping_sub(self.told.in_use), Relaxed);
        gauges.foreign.fetch_add(counts.foreign.wrapping_sub(self.told.foreign), Relaxed);
        self.told = Told { in_use, foreign: counts.foreign };
    }
}

impl Slot {
    #[inline]
    fn socket(&self, channel: Channel) -> Option<&UdpSocket> {
        self.pair.as_ref().map(|pair| match channel {
            Channel::Rtp => &pair.rtp,
            Channel::Rtcp => &pair.rtcp,
        })
    }
}

fn to_token(place: usize, channel: Channel) -> u64 {
    (place as u64) << 1 | u64::from(channel == Channel::Rtcp)
}

fn from_token(token: u64) -> (usize, Channel) {
    ((token >> 1) as usize, if token & 1 == 0 { Channel::Rtp } else { Channel::Rtcp })
}

fn open_pair(poller: &Poller, (bind, port): (IpAddr, u16), dscp: u8, place: usize) -> io::Result<Pair> {
    let rtp = open_socket(SocketAddr::new(bind, port), dscp)?;
    let rtcp = open_socket(SocketAddr::new(bind, port + 1), dscp)?;
    poller.watch(&rtp, to_token(place, Channel::Rtp))?;
    poller.watch(&rtcp, to_token(place, Channel::Rtcp))?;
    Ok(Pair { rtp, rtcp })
}

fn open_socket(address: SocketAddr, dscp: u8) -> io::Result<UdpSocket> {
    let socket = Socket::new(Domain::for_address(address), Type::DGRAM.nonblocking(), Some(Protocol::UDP))?;
    if address.is_ipv6() {
        socket.set_only_v6(true)?;
    }
    mark(&socket, address, dscp)?;
    socket.bind(&address.into())?;
    Ok(socket.into())
}

/// RFC 2474 §3: the code point is the upper six bits of the field that used to be the type of service.
fn mark(socket: &Socket, address: SocketAddr, dscp: u8) -> io::Result<()> {
    let field = u32::from(dscp) << 2;
    if address.is_ipv4() { socket.set_tos_v4(field) } else { socket.set_tclass_v6(field) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::{Ipv4Addr, Ipv6Addr};

    #[test]
    fn packets_carry_the_code_point_of_their_side() {
        for dscp in [0, 46, 63] {
            let v4 = Socket::from(open_socket((Ipv4Addr::LOCALHOST, 0).into(), dscp).unwrap());
            assert_eq!(v4.tos_v4().unwrap(), u32::from(dscp) << 2);
            let v6 = Socket::from(open_socket((Ipv6Addr::LOCALHOST, 0).into(), dscp).unwrap());
            assert_eq!(v6.tclass_v6().unwrap(), u32::from(dscp) << 2);
        }
    }
}
