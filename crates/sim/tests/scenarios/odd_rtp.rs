//! RTP of peers that misbehave: the other phone hears one stream all the same.

use crate::sound::{stream, tones};
use std::net::SocketAddr;
use tandem_phone::{Act, Script, media::Packet};
use tandem_sim::{ALICE, BOB, DORA, Sim, ms, secs};

const NATTED: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::new(10, 0, 8, 1)), 5060);

fn sounding(seed: u64) -> Sim {
    let mut sim = Sim::new(seed);
    tones(&mut sim);
    sim
}

fn talking_to(seed: u64, callee: SocketAddr, user: &str) -> Sim {
    let mut sim = sounding(seed);
    sim.expect(callee, Script::answers(100));
    sim.place(ALICE, user, Script::new());
    sim.run_until_talking(ALICE, callee);
    sim.run_for(secs(1));
    sim
}

fn talking(seed: u64) -> Sim {
    talking_to(seed, BOB, "bob")
}

/// How many packets a phone hears within a second.
fn heard_in_a_second(sim: &mut Sim, phone: SocketAddr) -> u64 {
    let before = stream(sim, phone).received();
    sim.run_for(secs(1));
    stream(sim, phone).received() - before
}

fn is_one_stream(sim: &Sim, phone: SocketAddr) -> bool {
    let stream = stream(sim, phone);
    (stream.sources(), stream.gaps(), stream.clock_jumps()) == (1, 0, 0)
}

fn renumber(sim: &mut Sim, phone: SocketAddr, change: impl FnOnce((u32, u16, u32)) -> (u32, u16, u32)) {
    if let Some(stream) = sim.phone_mut(phone).stream_mut(0) {
        let (ssrc, sequence, timestamp) = change(stream.numbers());
        stream.renumber(ssrc, sequence, timestamp);
    }
}

/// Ends the call; packets that Alice's leg lost, and that were dropped there.
fn hang_up(sim: &mut Sim) -> (u64, u64) {
    sim.act(ALICE, Act::Bye);
    sim.finish();
    let media = sim.core().records().next().and_then(|record| record.legs[0].media);
    media.map_or((u64::MAX, u64::MAX), |media| (media.received.lost, media.dropped))
}

#[test]
fn a_source_that_moves_to_another_port_is_heard_and_hears() {
    let mut sim = talking(1);
    sim.phone_mut(ALICE).move_media(0, 4444);
    assert!(heard_in_a_second(&mut sim, BOB) >= 49);
    assert!(heard_in_a_second(&mut sim, ALICE) >= 49, "packets to it follow");
    assert!(is_one_stream(&sim, BOB) && stream(&sim, ALICE).sources() == 1);
    assert_eq!(hang_up(&mut sim), (0, 0));
}

#[test]
fn a_source_behind_nat_that_moves_is_heard_and_hears() {
    let mut sim = sounding(2);
    let written = SocketAddr::from(([192, 168, 1, 2], 5060));
    let mut setup = tandem_phone::Setup::new("natted", written, tandem_sim::CORE, 77);
    (setup.sticky, setup.tone) = (true, Some(1000.0));
    sim.add_phone(NATTED, setup);
    sim.expect(BOB, Script::answers(100));
    sim.place(NATTED, "bob", Script::new());
    sim.run_until_talking(NATTED, BOB);
    sim.run_for(secs(1));
    sim.phone_mut(NATTED).move_media(0, 4444);
    assert!(heard_in_a_second(&mut sim, BOB) >= 49);
    assert!(heard_in_a_second(&mut sim, NATTED) >= 49);
    assert!(is_one_stream(&sim, BOB));
    sim.act(BOB, Act::Bye);
    sim.finish();
}

#[test]
fn a_source_that_moves_and_begins_anew_is_heard_after_a_while() {
    let mut sim = talking(3);
    sim.phone_mut(ALICE).move_media(0, 4444);
    renumber(&mut sim, ALICE, |_| (0xbeef, 7, 7));
    assert!(heard_in_a_second(&mut sim, BOB) <= 1, "one may have been on its way");
    sim.run_for(ms(1100));
    assert!(heard_in_a_second(&mut sim, BOB) >= 49);
    assert!(is_one_stream(&sim, BOB));
    sim.act(ALICE, Act::Bye);
    sim.finish();
}

#[test]
fn a_new_source_new_numbers_and_a_new_clock_do_not_reach_the_other_phone() {
    let mut sim = talking(4);
    for (ssrc, sequence, timestamp) in [(0xbeef, 0, 0), (0, 0, 700_000_000), (0xcafe, 40_000, 1), (0, 0, 1 << 31)] {
        // Zero: as before.
        renumber(&mut sim, ALICE, |now| match (ssrc, sequence) {
            (0, _) => (now.0, now.1, now.2.wrapping_add(timestamp)),
            anew => (anew.0, anew.1, timestamp),
        });
        sim.run_for(ms(1000));
    }
    assert!(is_one_stream(&sim, BOB), "{:?}", stream(&sim, BOB));
    assert_eq!(hang_up(&mut sim), (0, 0));
}

#[test]
fn a_jump_in_sequence_costs_one_packet() {
    let mut sim = talking(5);
    for jump in [1500, 30_000, 65_000] {
        renumber(&mut sim, ALICE, |(ssrc, sequence, timestamp)| (ssrc, sequence.wrapping_add(jump), timestamp));
        sim.run_for(secs(1));
    }
    assert!(is_one_stream(&sim, BOB), "{:?}", stream(&sim, BOB));
    assert_eq!(hang_up(&mut sim), (0, 3));
}

#[test]
fn between_ipv4_and_ipv6_control_packets_pass_too() {
    let mut sim = talking_to(6, DORA, "dora");
    let (ours, theirs): (Vec<SocketAddr>, Vec<SocketAddr>) = sim.core().shard.addresses().into_iter().partition(SocketAddr::is_ipv4);
    let rtcp = |address: SocketAddr| SocketAddr::new(address.ip(), address.port() + 1);
    let report = |ssrc: u32| [&[0x80, 201, 0, 1][..], &ssrc.to_be_bytes()].concat();
    let dropped = sim.core().shard.dropped;
    sim.send_media(SocketAddr::new(ALICE.ip(), 4001), rtcp(ours[0]), report(1));
    sim.send_media(SocketAddr::new(DORA.ip(), 4001), rtcp(theirs[0]), report(2));
    // And one at the port for RTP.
    sim.send_media(SocketAddr::new(DORA.ip(), 4000), theirs[0], report(2));
    sim.run_for(ms(100));
    assert_eq!(sim.core().shard.dropped, dropped);
    assert!(heard_in_a_second(&mut sim, DORA) >= 49 && heard_in_a_second(&mut sim, ALICE) >= 49);
    assert!(is_one_stream(&sim, DORA) && is_one_stream(&sim, ALICE));
    assert_eq!(stream(&sim, DORA).source().map(|source| source.is_ipv6()), Some(true));
    assert_eq!(hang_up(&mut sim), (0, 0));
}

#[test]
fn packets_before_the_answer_are_counted_and_spoil_nothing() {
    let mut sim = sounding(7);
    sim.expect(BOB, Script::new().reply(50, 180).reply(2000, 200));
    sim.place(ALICE, "bob", Script::new());
    sim.run_until_status(ALICE, 180);
    let packet = |n: u16| Packet { payload_type: 0, marker: false, sequence: n, timestamp: 0, ssrc: 5, payload: vec![0x55; 160] }.print();
    let ours = sim.core().shard.addresses();
    for (host, port) in [(ALICE, ours[0]), (BOB, ours[1])] {
        for n in 0..10 {
            sim.send_media(SocketAddr::new(host.ip(), 4000), port, packet(n));
        }
    }
    sim.run_for(ms(100));
    assert_eq!((sim.core().shard.dropped, stream_is_silent(&sim, ALICE)), (20, true));
    sim.run_until_talking(ALICE, BOB);
    assert!(heard_in_a_second(&mut sim, ALICE) >= 48 && heard_in_a_second(&mut sim, BOB) >= 48);
    assert!(is_one_stream(&sim, ALICE) && is_one_stream(&sim, BOB));
    assert_eq!(hang_up(&mut sim), (0, 10));
}

fn stream_is_silent(sim: &Sim, phone: SocketAddr) -> bool {
    sim.call(phone).stream().is_none_or(|stream| stream.received() == 0)
}

#[test]
fn rubbish_at_the_ports_of_a_leg_stops_nothing() {
    let mut sim = talking(8);
    let ours = sim.core().shard.addresses();
    let good = Packet { payload_type: 0, marker: false, sequence: 1, timestamp: 1, ssrc: 1, payload: vec![0; 160] }.print();
    let with = |first: u8| [&[first][..], &good[1..]].concat();
    let rubbish = [
        vec![],
        vec![0x80],
        good[..11].to_vec(),
        with(0x00),
        with(0x40),
        with(0xc0),
        // Padding of no octets, an extension that is longer than the packet, fifteen sources in a short one.
        with(0xa0),
        [&with(0x90)[..12], &[0, 0, 0xff, 0xff]].concat(),
        with(0x8f)[..40].to_vec(),
        vec![0x80; 2048],
        vec![0x80; 9000],
        b"INVITE sip:bob@10.0.0.1 SIP/2.0\r\n\r\n".to_vec(),
    ];
    for bytes in &rubbish {
        for (from, to) in [(4000, ours[0]), (4001, SocketAddr::new(ours[0].ip(), ours[0].port() + 1))] {
            sim.send_media(SocketAddr::new(ALICE.ip(), from), to, bytes.clone());
        }
    }
    assert!(heard_in_a_second(&mut sim, BOB) >= 49 && heard_in_a_second(&mut sim, ALICE) >= 49);
    assert!(is_one_stream(&sim, BOB) && is_one_stream(&sim, ALICE));
    assert_eq!(hang_up(&mut sim), (0, 2 * rubbish.len() as u64));
}
