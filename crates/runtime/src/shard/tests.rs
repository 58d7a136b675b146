//! Media threads with real sockets, each test on an address of its own.

use super::{worker::Fault, *};
use std::{
    net::{SocketAddr, UdpSocket},
    sync::mpsc::{Receiver, channel},
    time::Duration,
};
use tandem_model::{
    Across, Carries, Codec, EndpointDescription, EndpointRequest, Keys, LocalEndpoint, MediaFailure, PayloadRule, SourceRule, StreamKind,
};

/// Long enough for a machine that is busy with other tests; nothing waits for it to pass but a failing test.
const PATIENCE: Duration = Duration::from_secs(20);

struct Bench {
    shards: Shards,
    events: Receiver<(CallId, MediaEvent)>,
    address: IpAddr,
}

/// An address of this process alone: the same tests may run elsewhere on the machine.
fn own_host(host: u8) -> IpAddr {
    let [.., high, low] = std::process::id().to_be_bytes();
    IpAddr::from([127, 64 + high % 128, low, host])
}

/// IPv6 has one address for loopback: the first of 16 ports there that are this process's alone, below those that the system gives out.
fn own_port_on_six(place: u16) -> u16 {
    10_240 + u16::try_from(std::process::id() % 340).unwrap() * 64 + 16 * place
}

/// Threads with `sides` sides of 8 pairs each at `host` of this process.
fn start(host: u8, sides: usize, threads: usize, max_sockets: usize) -> Bench {
    start_at(own_host(host), sides, threads, max_sockets)
}

fn start_at(address: IpAddr, sides: usize, threads: usize, max_sockets: usize) -> Bench {
    start_with(address, 8, sides, threads, max_sockets)
}

fn start_with(address: IpAddr, pairs: u16, sides: usize, threads: usize, max_sockets: usize) -> Bench {
    start_in(PathBuf::new(), address, pairs, sides, (threads, max_sockets))
}

fn start_in(recordings: PathBuf, address: IpAddr, pairs: u16, sides: usize, (threads, max_sockets): (usize, usize)) -> Bench {
    let side = |index: usize| {
        let first = if address.is_ipv4() { 20_000 + 1000 * index as u16 } else { own_port_on_six(0) };
        SideConfig { bind: address, advertise: address, ports: first..=first + 2 * pairs - 1, dscp: 46 }
    };
    let config = ShardConfig { sides: (0..sides).map(side).collect(), threads, max_sockets, recordings };
    let (sender, events) = channel();
    let sink = Arc::new(move |call, event| drop(sender.send((call, event))));
    Bench { shards: Shards::start(&config, Clock::start(), sink).unwrap(), events, address }
}

fn call(number: u16) -> CallId {
    CallId::new(1, number)
}

/// A phone there that sends µ-law as 0, which goes on as 96, and that nobody here speaks to.
fn description(rtp: SocketAddr) -> EndpointDescription {
    EndpointDescription {
        kind: StreamKind::Rtp,
        rtp: Some(rtp),
        rtcp: None,
        rtcp_mux: false,
        source: SourceRule::Described(rtp.ip()),
        receives: true,
        held: false,
        payloads: [PayloadRule { from: 0, carries: Carries::Sound(Codec::Pcmu), across: Across::As(96), clock_rate: 8000 }].into(),
        hearer: None,
        speech: None,
        keys: Keys::InBand,
    }
}

impl Bench {
    fn event(&self) -> (CallId, MediaEvent) {
        self.events.recv_timeout(PATIENCE).unwrap()
    }

    fn open_on(&self, number: u16, sides: &[u16]) -> MediaEvent {
        let legs = (0..).map_while(|index| call(number).leg(index));
        let endpoints = legs.zip(sides).map(|(leg, side)| EndpointRequest { leg, side: MediaSide(*side) }).collect();
        let timeout = Duration::from_secs(300);
        let open = MediaCommand::Open { call: call(number), endpoints, inactivity: timeout, hold: timeout };
        if let Some(event) = self.shards.send(open).unwrap() {
            return event;
        }
        let (opened, event) = self.event();
        assert_eq!(opened, call(number));
        event
    }

    /// Opens a call with both legs on the first side.
    fn open(&self, number: u16) -> Box<[LocalEndpoint]> {
        match self.open_on(number, &[0, 0]) {
            MediaEvent::Opened(locals) => locals,
            other => panic!("{other:?}"),
        }
    }

    fn close(&self, number: u16) -> MediaEvent {
        self.shards.send(MediaCommand::Close { call: call(number) }).unwrap();
        self.event().1
    }

    /// Two phones that the call knows.
    fn phones(&self, number: u16) -> [UdpSocket; 2] {
        [0, 1].map(|index| self.describe(number, index))
    }

    /// A phone that is the `index`-th leg of a call.
    fn describe(&self, number: u16, index: u8) -> UdpSocket {
        let phone = self.socket();
        let rtp = phone.local_addr().unwrap();
        let description = description(rtp);
        let leg = call(number).leg(index).unwrap();
        self.shards.send(MediaCommand::Describe { call: call(number), leg, description: description.into() }).unwrap();
        phone
    }

    fn socket(&self) -> UdpSocket {
        let socket = UdpSocket::bind((self.address, 0)).unwrap();
        socket.set_read_timeout(Some(PATIENCE)).unwrap();
        socket
    }

    fn in_use(&self) -> usize {
        self.shards.ports(MediaSide(0)).in_use
    }

    fn inject(&self, number: u16, fault: Fault) {
        let shard = self.shards.shared.route(call(number)).unwrap();
        self.shards.shared.outlets[shard].push(Item::Fault(call(number), fault)).unwrap();
    }
}

fn packet(sequence: u16) -> [u8; 172] {
    let mut packet = [7; 172];
    packet[..2].copy_from_slice(&[0x80, 0]);
    packet[2..4].copy_from_slice(&sequence.to_be_bytes());
    packet
}

/// The packet that arrives next, and where from.
fn hear(phone: &UdpSocket) -> (Vec<u8>, SocketAddr) {
    let mut buffer = [0; 2048];
    let (len, source) = phone.recv_from(&mut buffer).unwrap();
    (buffer[..len].to_vec(), source)
}

fn talk(from: &UdpSocket, ours: &LocalEndpoint, to: &UdpSocket, other: &LocalEndpoint) {
    from.send_to(&packet(1), ours.rtp).unwrap();
    let (heard, source) = hear(to);
    assert_eq!((heard.len(), heard[1] & 0x7f, &heard[12..]), (172, 96, &packet(1)[12..]));
    assert_eq!(source, other.rtp);
}

#[test]
fn packets_are_relayed_between_the_phones_and_strangers_are_not() {
    let bench = start(1, 1, 1, 100);
    let locals = bench.open(1);
    let [a, b] = bench.phones(1);
    assert_eq!((locals[0].rtp, locals[0].rtcp), (SocketAddr::new(bench.address, 20_000), SocketAddr::new(bench.address, 20_001)));
    talk(&a, &locals[0], &b, &locals[1]);
    talk(&b, &locals[1], &a, &locals[0]);
    let mut strange = packet(2);
    strange[8..12].fill(66);
    bench.socket().send_to(&strange, locals[0].rtp).unwrap();
    a.send_to(&packet(3), locals[0].rtp).unwrap();
    let heard = hear(&b).0;
    let MediaEvent::Closed(stats) = bench.close(1) else { panic!("not closed") };
    assert_eq!((stats[0].received.packets, stats[0].dropped, stats[1].sent.packets), (2, 1, 2));
    assert_eq!(heard[12..], packet(3)[12..]);
    assert_eq!((bench.in_use(), bench.shards.counts().sessions, bench.shards.counts().sockets), (0, 0, 4));
}

#[test]
fn ipv6_is_relayed_too() {
    let bench = start_at(IpAddr::from(std::net::Ipv6Addr::LOCALHOST), 1, 1, 100);
    let locals = bench.open(1);
    let [a, b] = bench.phones(1);
    talk(&a, &locals[0], &b, &locals[1]);
    talk(&b, &locals[1], &a, &locals[0]);
}

#[test]
fn ports_rest_after_use_and_their_packets_go_nowhere() {
    let bench = start(2, 1, 1, 100);
    let first = bench.open(1);
    bench.close(1);
    bench.socket().send_to(&packet(1), first[0].rtp).unwrap();
    let second = bench.open(2);
    assert!(second.iter().all(|local| first.iter().all(|before| before.rtp != local.rtp)));
    let [a, b] = bench.phones(2);
    talk(&a, &second[0], &b, &second[1]);
    bench.close(2);
    assert_eq!(bench.shards.counts().strays, 1);
}

#[test]
fn ports_that_others_use_are_left_out() {
    let bench = start(3, 1, 1, 100);
    let _rtcp_of_the_first = UdpSocket::bind((bench.address, 20_001)).unwrap();
    let _rtp_of_the_third = UdpSocket::bind((bench.address, 20_004)).unwrap();
    let ports: Vec<u16> = bench.open(1).iter().map(|local| local.rtp.port()).collect();
    assert_eq!(ports, [20_002, 20_006]);
    let ports = bench.shards.ports(MediaSide(0));
    assert_eq!((ports.pairs, ports.in_use, ports.foreign, ports.free()), (8, 2, 2, 4));
}

#[test]
fn when_the_ports_are_used_up_a_call_gets_all_or_none() {
    let bench = start(4, 2, 1, 100);
    (0..3).for_each(|number| drop(bench.open(number)));
    assert!(matches!(bench.open_on(3, &[0]), MediaEvent::Opened(_)));
    assert_eq!(bench.open_on(4, &[0, 0]), MediaEvent::Refused(MediaFailure::NoPorts));
    assert_eq!(bench.in_use(), 7);
    assert_eq!(bench.open_on(5, &[1, 7]), MediaEvent::Refused(MediaFailure::NoPorts), "a side that is not");
    assert_eq!(bench.shards.ports(MediaSide(1)).in_use, 0);
    assert!(matches!(bench.open_on(6, &[0, 1]), MediaEvent::Opened(_)));
    assert_eq!((bench.shards.counts().refused, bench.shards.counts().sessions), (2, 5));
    // What was refused is gone: to close it means nothing, and its call may open again.
    bench.shards.send(MediaCommand::Close { call: call(4) }).unwrap();
    assert!(matches!(bench.close(6), MediaEvent::Closed(_)));
}

#[test]
fn a_session_that_no_path_serves_fails_and_keeps_nothing() {
    let bench = start_with(own_host(5), 32, 1, 1, 100);
    assert_eq!(bench.open_on(1, &[0; 19]), MediaEvent::Failed);
    assert_eq!(bench.open_on(2, &[]), MediaEvent::Failed);
    assert_eq!((bench.in_use(), bench.shards.counts().sessions), (0, 0));
}

#[test]
fn no_more_sockets_are_open_than_allowed_and_idle_ones_make_room() {
    let bench = start(6, 2, 1, 6);
    bench.open(1);
    assert!(matches!(bench.open_on(2, &[1]), MediaEvent::Opened(_)));
    assert_eq!(bench.open_on(3, &[1]), MediaEvent::Refused(MediaFailure::NoPorts));
    assert_eq!(bench.shards.counts().sockets, 6);
    bench.close(1);
    assert!(matches!(bench.open_on(4, &[1, 1]), MediaEvent::Opened(_)));
    assert_eq!(bench.shards.counts().sockets, 6);
}

#[test]
fn a_panic_in_a_session_ends_that_session_and_no_other() {
    let bench = start(7, 1, 1, 100);
    let (_, second, third) = (bench.open(1), bench.open(2), bench.open(3));
    let (phones, [a, b]) = (bench.phones(2), bench.phones(3));
    bench.inject(1, Fault::Command);
    assert_eq!(bench.event(), (call(1), MediaEvent::Failed));
    assert_eq!(bench.in_use(), 4);
    bench.inject(2, Fault::Packet);
    phones[0].send_to(&packet(1), second[0].rtp).unwrap();
    assert_eq!(bench.event(), (call(2), MediaEvent::Failed));
    talk(&a, &third[0], &b, &third[1]);
    bench.shards.send(MediaCommand::Close { call: call(1) }).unwrap();
    assert!(matches!(bench.close(3), MediaEvent::Closed(_)));
    assert_eq!((bench.in_use(), bench.shards.counts().failed, bench.shards.counts().sessions), (0, 2, 0));
}

#[test]
fn a_call_that_is_closed_before_its_ports_are_open_gives_them_back() {
    let bench = start(8, 1, 1, 100);
    for number in 0..50 {
        let leg = call(number).leg(0).unwrap();
        let endpoints = [EndpointRequest { leg, side: MediaSide(0) }].into();
        let open = MediaCommand::Open { call: call(number), endpoints, inactivity: Duration::ZERO, hold: Duration::ZERO };
        assert_eq!(bench.shards.send(open).unwrap(), None, "so few ports have no stock");
        bench.shards.send(MediaCommand::Close { call: call(number) }).unwrap();
        match (bench.event().1, number) {
            (MediaEvent::Opened(_), 0..8) => assert!(matches!(bench.event().1, MediaEvent::Closed(_))),
            (MediaEvent::Refused(MediaFailure::NoPorts), 8..) => {}
            // On a slow machine the first pairs may have rested by now.
            (MediaEvent::Opened(_), _) => drop(bench.event()),
            other => panic!("{other:?}"),
        }
    }
    assert_eq!((bench.in_use(), bench.shards.counts().sessions), (0, 0));
}

#[test]
fn calls_are_spread_over_the_threads_by_load() {
    let bench = start(9, 1, 2, 100);
    let ports: Vec<u16> = [1, 2, 3].into_iter().flat_map(|number| bench.open(number)).map(|local| local.rtp.port()).collect();
    assert_eq!(ports, [20_000, 20_002, 20_008, 20_010, 20_004, 20_006]);
    bench.close(2);
    bench.close(1);
    let [a, b] = bench.phones(3);
    assert_eq!(bench.open(4)[0].rtp.port(), 20_012, "the thread without a session");
    let third = LocalEndpoint {
        leg: call(3).leg(0).unwrap(),
        rtp: SocketAddr::new(bench.address, 20_004),
        rtcp: SocketAddr::new(bench.address, 20_005),
    };
    let other = LocalEndpoint { rtp: SocketAddr::new(bench.address, 20_006), ..third };
    talk(&a, &third, &b, &other);
}

#[test]
fn commands_for_a_call_without_a_session_are_ignored() {
    let bench = start(10, 1, 1, 100);
    bench.phones(9);
    bench.shards.send(MediaCommand::Close { call: call(9) }).unwrap();
    bench.open(1);
    bench.close(1);
    bench.shards.stop();
    assert!(bench.events.try_recv().is_err());
}

/// A bench whose only thread has stocked so many pairs of its first side.
fn start_stocked(host: u8, pairs: u16, max_sockets: usize, stocked: usize) -> Bench {
    let bench = start_with(own_host(host), pairs, 1, 1, max_sockets);
    let began = std::time::Instant::now();
    while bench.stocked() < stocked && began.elapsed() < PATIENCE {
        thread::yield_now();
    }
    bench
}

impl Bench {
    fn stocked(&self) -> usize {
        self.shards.shared.stocks[0].len(0)
    }

    fn open_at_once(&self, number: u16) -> Option<Box<[LocalEndpoint]>> {
        let endpoints = [0, 1].map(|leg| EndpointRequest { leg: call(number).leg(leg).unwrap(), side: MediaSide(0) });
        let timeout = Duration::from_secs(300);
        let open = MediaCommand::Open { call: call(number), endpoints: endpoints.into(), inactivity: timeout, hold: timeout };
        match self.shards.send(open).unwrap() {
            Some(MediaEvent::Opened(locals)) => Some(locals),
            None => None,
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn ports_in_stock_are_told_at_once_and_packets_flow_between_them() {
    let bench = start_stocked(11, 64, 1000, 4);
    assert_eq!(bench.in_use(), 0);
    let locals = bench.open_at_once(1).expect("a stock of four pairs");
    let [a, b] = bench.phones(1);
    talk(&a, &locals[0], &b, &locals[1]);
    talk(&b, &locals[1], &a, &locals[0]);
    assert_eq!(bench.in_use(), 2);
    let MediaEvent::Closed(stats) = bench.close(1) else { panic!("not closed") };
    assert_eq!((stats[0].leg, stats[0].received.packets, stats[1].received.packets), (call(1).leg(0).unwrap(), 1, 1));
    assert_eq!((bench.in_use(), bench.shards.counts().sessions, bench.shards.counts().strays), (0, 0, 0));
}

#[test]
fn a_packet_that_comes_before_the_description_finds_its_session() {
    let bench = start_stocked(12, 64, 1000, 4);
    let locals = bench.open_at_once(1).expect("a stock of four pairs");
    UdpSocket::bind((own_host(212), 0)).unwrap().send_to(&packet(1), locals[0].rtp).unwrap();
    let [a, b] = bench.phones(1);
    talk(&a, &locals[0], &b, &locals[1]);
    let MediaEvent::Closed(stats) = bench.close(1) else { panic!("not closed") };
    assert_eq!((stats[0].dropped, bench.shards.counts().strays), (1, 0));
}

#[test]
fn every_pair_of_the_range_serves_a_call_stocked_or_not() {
    let bench = start_stocked(13, 16, 1000, 1);
    let opened: Vec<_> = (0..16).map(|number| bench.open_on(number, &[0])).collect();
    assert!(opened.iter().all(|event| matches!(event, MediaEvent::Opened(_))), "{opened:?}");
    assert_eq!(bench.open_on(16, &[0]), MediaEvent::Refused(MediaFailure::NoPorts));
    assert_eq!((bench.in_use(), bench.stocked(), bench.shards.counts().sessions), (16, 0, 16));
}

#[test]
fn stocked_sockets_make_room_where_few_may_be_open() {
    let bench = start_stocked(14, 64, 16, 4);
    let opened: Vec<_> = (0..8).map(|number| bench.open_on(number, &[0])).collect();
    assert!(opened.iter().all(|event| matches!(event, MediaEvent::Opened(_))), "{opened:?}");
    assert_eq!(bench.open_on(8, &[0]), MediaEvent::Refused(MediaFailure::NoPorts));
    assert_eq!((bench.shards.counts().sockets, bench.in_use()), (16, 8));
}

mod adoption;
mod members;
mod odd_peers;
mod recordings;
mod who_hears_whom;
