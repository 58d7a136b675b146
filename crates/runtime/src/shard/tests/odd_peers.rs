//! Peers that misbehave, at real sockets: ports that are closed, ports that change, two address families.

use super::*;
use std::net::Ipv6Addr;

/// A receiver report by `ssrc`.
fn report(ssrc: u32) -> Vec<u8> {
    [&[0x80, 201, 0, 1][..], &ssrc.to_be_bytes()].concat()
}

/// A phone: its sockets for RTP and RTCP.
struct Phone {
    rtp: UdpSocket,
    rtcp: UdpSocket,
}

impl Phone {
    fn at(host: impl Into<IpAddr> + Copy) -> Phone {
        let socket = || {
            let socket = UdpSocket::bind((host.into(), 0)).unwrap();
            socket.set_read_timeout(Some(PATIENCE)).unwrap();
            socket
        };
        Phone { rtp: socket(), rtcp: socket() }
    }

    fn describe(&self, bench: &Bench, leg: u8, mux: bool) {
        let rtp = self.rtp.local_addr().unwrap();
        let rtcp = Some(if mux { rtp } else { self.rtcp.local_addr().unwrap() });
        let description = EndpointDescription { rtcp, rtcp_mux: mux, ..description(rtp) };
        let leg = call(1).leg(leg).unwrap();
        bench.shards.send(MediaCommand::Describe { call: call(1), leg, description: description.into() }).unwrap();
    }
}

#[test]
fn between_ipv4_and_ipv6_both_kinds_of_packets_pass_both_ways() {
    let (four, six) = (own_host(21), Ipv6Addr::LOCALHOST);
    let side = |bind: IpAddr, first: u16| SideConfig { bind, advertise: bind, ports: first..=first + 15, dscp: 46 };
    let config = ShardConfig {
        sides: [side(four, 20_000), side(six.into(), own_port_on_six(1))].into(),
        threads: 1,
        max_sockets: 100,
        recordings: PathBuf::new(),
    };
    let (sender, events) = channel();
    let sink = Arc::new(move |call, event| drop(sender.send((call, event))));
    let bench = Bench { shards: Shards::start(&config, Clock::start(), sink).unwrap(), events, address: four };
    let MediaEvent::Opened(locals) = bench.open_on(1, &[0, 1]) else { panic!("not opened") };
    let (a, b) = (Phone::at(four), Phone::at(six));
    a.describe(&bench, 0, false);
    b.describe(&bench, 1, true);
    talk(&a.rtp, &locals[0], &b.rtp, &locals[1]);
    talk(&b.rtp, &locals[1], &a.rtp, &locals[0]);
    a.rtcp.send_to(&report(1), locals[0].rtcp).unwrap();
    let (heard, source) = hear(&b.rtp);
    assert_eq!((heard[1], source), (201, locals[1].rtp), "the leg on IPv6 shares its port");
    b.rtp.send_to(&report(2), locals[1].rtp).unwrap();
    let (heard, source) = hear(&a.rtcp);
    assert_eq!((heard[1], source), (201, locals[0].rtcp), "the one on IPv4 does not");
    let MediaEvent::Closed(stats) = bench.close(1) else { panic!("not closed") };
    assert_eq!(stats.iter().map(|leg| (leg.received.packets, leg.sent.packets, leg.dropped)).collect::<Vec<_>>(), [(1, 1, 0); 2]);
}

#[test]
fn a_port_that_is_closed_costs_nobody_else_anything_and_may_open_again() {
    for (host, first) in [(own_host(22), 22_000), (Ipv6Addr::LOCALHOST.into(), own_port_on_six(2))] {
        let side = SideConfig { bind: host, advertise: host, ports: first..=first + 15, dscp: 46 };
        let config = ShardConfig { sides: [side].into(), threads: 1, max_sockets: 100, recordings: PathBuf::new() };
        let (sender, events) = channel();
        let sink = Arc::new(move |call, event| drop(sender.send((call, event))));
        let bench = Bench { shards: Shards::start(&config, Clock::start(), sink).unwrap(), events, address: host };
        let locals = bench.open(1);
        let (a, b) = (Phone::at(host), Phone::at(host));
        a.describe(&bench, 0, false);
        b.describe(&bench, 1, false);
        talk(&a.rtp, &locals[0], &b.rtp, &locals[1]);
        let closed = b.rtp.local_addr().unwrap();
        drop(b.rtp);
        // Each of these is answered with an ICMP message at the socket that it left from.
        for number in 2..52 {
            a.rtp.send_to(&packet(number), locals[0].rtp).unwrap();
            a.rtcp.send_to(&report(1), locals[0].rtcp).unwrap();
            b.rtcp.send_to(&report(2), locals[1].rtcp).unwrap();
            assert_eq!(hear(&a.rtcp).0[1], 201, "the other direction goes on");
        }
        let again = UdpSocket::bind(closed).unwrap();
        again.set_read_timeout(Some(PATIENCE)).unwrap();
        talk(&again, &locals[1], &a.rtp, &locals[0]);
        let mut last = packet(52);
        last[171] = 52;
        a.rtp.send_to(&last, locals[0].rtp).unwrap();
        // One from before may have found the port open again.
        while hear(&again).0[171] != 52 {}
        let MediaEvent::Closed(stats) = bench.close(1) else { panic!("not closed") };
        assert_eq!((stats[0].received.packets, stats[1].sent.packets, stats[1].received.packets), (52, 52, 1));
        assert_eq!(bench.shards.counts().unsent, 0);
    }
}

#[test]
fn packets_follow_a_port_that_was_translated_anew() {
    let bench = start(23, 1, 1, 100);
    let locals = bench.open(1);
    let (a, b, anew) = (Phone::at(own_host(23)), Phone::at(own_host(23)), Phone::at(own_host(23)));
    a.describe(&bench, 0, false);
    b.describe(&bench, 1, false);
    talk(&a.rtp, &locals[0], &b.rtp, &locals[1]);
    anew.rtp.send_to(&packet(2), locals[0].rtp).unwrap();
    assert_eq!(hear(&b.rtp).0[12..], packet(2)[12..]);
    talk(&b.rtp, &locals[1], &anew.rtp, &locals[0]);
}

#[test]
fn what_is_no_packet_is_dropped_whatever_its_length() {
    let bench = start(24, 1, 1, 100);
    let locals = bench.open(1);
    let (a, b) = (Phone::at(own_host(24)), Phone::at(own_host(24)));
    a.describe(&bench, 0, false);
    b.describe(&bench, 1, false);
    let rubbish: [&[u8]; 6] = [&[], &[0x80], &[0x80; 11], &[0; 1400], &[0x80; 2048], &[0x80; 60_000]];
    for bytes in rubbish {
        a.rtp.send_to(bytes, locals[0].rtp).unwrap();
        a.rtcp.send_to(bytes, locals[0].rtcp).unwrap();
    }
    // More than a frame of Ethernet holds, and all of it there.
    let long = [&packet(1)[..], &[1; 1600]].concat();
    a.rtp.send_to(&long, locals[0].rtp).unwrap();
    assert_eq!(hear(&b.rtp).0[12..], long[12..]);
    a.rtcp.send_to(&report(1), locals[0].rtcp).unwrap();
    hear(&b.rtcp);
    let MediaEvent::Closed(stats) = bench.close(1) else { panic!("not closed") };
    assert_eq!((stats[0].received.packets, stats[0].dropped), (1, 2 * rubbish.len() as u64));
}
