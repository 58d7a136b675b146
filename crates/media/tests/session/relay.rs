//! One leg's packets reach the other, and only what was agreed does.

use crate::common::*;
use tandem_media::{Channel, DropReason, Input, MAX_PACKET, OpenError, Session, Setup, Verdict};
use tandem_model::{Across, Carries, Codec, DirectionStats, MAX_ENDPOINTS, PayloadRule, PortId, SourceRule};

#[test]
fn packets_go_both_ways_from_our_ports_to_the_described_addresses() {
    let mut bench = Bench::talking();
    let there = bench.say(A, &rtp(0, 0xaaaa, 100, 5000)).unwrap();
    assert_eq!((there.port, there.channel, there.to), (port(B), Channel::Rtp, address(PHONE[B])));
    let back = bench.say(B, &rtp(0, 0xbbbb, 9, 80)).unwrap();
    assert_eq!((back.port, back.channel, back.to), (port(A), Channel::Rtp, address(PHONE[A])));
    assert_eq!(there.bytes[12..], rtp(0, 0, 0, 0)[12..], "the payload is untouched");
    assert_ne!(there.ssrc(), 0xaaaa);
    assert_ne!(there.ssrc(), back.ssrc());
}

#[test]
fn each_side_keeps_its_payload_numbers() {
    let mut bench = Bench::talking();
    let mut a = description(A);
    a.payloads = [
        PayloadRule { from: 111, carries: Carries::Sound(Codec::Opus), across: Across::As(96), clock_rate: 48_000 },
        PayloadRule { from: 126, carries: Carries::Event, across: Across::As(101), clock_rate: 48_000 },
    ]
    .into();
    bench.describe(A, a);
    let mut audio = rtp(111, 1, 1, 1);
    audio[1] |= 0x80;
    let sent = bench.say(A, &audio).unwrap();
    assert_eq!((sent.payload(), sent.marker()), (96, true));
    assert_eq!(bench.say(A, &rtp(126, 1, 2, 1)).unwrap().payload(), 101);
    assert_eq!(bench.say(A, &rtp(0, 1, 3, 1)), Err(Verdict::Dropped(DropReason::UnknownPayload)));
}

#[test]
fn header_extension_sources_and_padding_pass_as_they_are() {
    let mut bench = Bench::talking();
    let mut packet = rtp(0, 1, 1, 1);
    packet[0] |= 0x30 | 1;
    packet.splice(12..12, [0, 0, 0, 9, 0xbe, 0xde, 0, 1, 1, 2, 3, 4]);
    packet.push(1);
    let sent = bench.say(A, &packet).unwrap();
    assert_eq!(sent.bytes[12..], packet[12..]);
    assert_eq!(sent.bytes[0], packet[0]);
    assert_eq!(bench.close()[A].received.bytes, 160);
}

#[test]
fn nothing_is_taken_before_the_leg_is_described() {
    let mut bench = Bench::bare(2);
    bench.describe(B, description(B));
    assert_eq!(bench.say(A, &rtp(0, 1, 1, 1)), Err(Verdict::Dropped(DropReason::Stranger)));
    let mut unknown = description(A);
    unknown.source = SourceRule::None;
    bench.describe(A, unknown);
    assert_eq!(bench.say(A, &rtp(0, 1, 1, 1)), Err(Verdict::Dropped(DropReason::Stranger)));
}

#[test]
fn a_leg_that_is_not_to_send_is_not_heard() {
    let mut bench = Bench::talking();
    let mut quiet = description(A);
    quiet.receives = false;
    bench.describe(A, quiet);
    assert_eq!(bench.say(A, &rtp(0, 1, 1, 1)), Err(Verdict::Dropped(DropReason::NotReceiving)));
}

#[test]
fn a_leg_without_an_address_is_sent_nothing() {
    let mut bench = Bench::talking();
    let mut held = description(B);
    held.rtp = None;
    bench.describe(B, held);
    assert_eq!(bench.say(A, &rtp(0, 1, 1, 1)), Err(Verdict::Consumed));
    let stats = bench.close();
    assert_eq!((stats[A].received.packets, stats[A].dropped, stats[B].sent.packets), (1, 0, 0));
}

#[test]
fn what_is_no_rtp_is_dropped_and_pins_nothing() {
    let mut bench = Bench::talking();
    let other_port = "192.0.2.1:4998";
    for junk in [&b""[..], b"x", &[0x80; 11], &[0; 172], &[0x40; 172], &vec![0x80; MAX_PACKET]] {
        assert_eq!(bench.offer(A, Channel::Rtp, other_port, junk), Err(Verdict::Dropped(DropReason::Malformed)), "{} octets", junk.len());
    }
    assert!(bench.offer(A, Channel::Rtp, "192.0.2.1:4997", &rtp(0, 1, 1, 1)).is_ok());
    assert_eq!(bench.close()[A].dropped, 6);
}

#[test]
fn ports_of_other_sessions_are_none_of_ours() {
    let mut bench = Bench::talking();
    let mut packet = tandem_media::PacketBuf::new();
    packet.fill(&rtp(0, 1, 1, 1));
    let verdict = bench.session.handle_packet(bench.now, PortId(99), Channel::Rtp, address(PHONE[A]), &mut packet);
    assert_eq!(verdict, Verdict::Dropped(DropReason::UnknownPort));
    bench.close();
    assert!(bench.session.is_closed());
    assert_eq!(bench.say(A, &rtp(0, 1, 1, 1)), Err(Verdict::Dropped(DropReason::UnknownPort)));
    bench.describe(A, description(A));
    bench.handle(Input::Close);
    assert_eq!(bench.drain().1, [], "it closes once");
}

#[test]
fn both_directions_are_counted() {
    let mut bench = Bench::talking();
    for n in 0..10_u16 {
        // Numbers 3 and 4 get lost on the way, number 7 comes 4 ms late.
        if !(3..5).contains(&n) {
            bench.now = tandem_model::Timestamp::from_millis(2_000_000 + u64::from(n) * 20 + if n == 7 { 4 } else { 0 });
            bench.say(A, &rtp(0, 1, 65_530_u16.wrapping_add(n), u32::from(n) * 160)).unwrap();
        }
    }
    bench.offer(A, Channel::Rtp, STRANGER, &rtp(0, 1, 1, 1)).unwrap_err();
    bench.say(A, &rtp(77, 1, 4, 1600)).unwrap_err();
    let stats = bench.close();
    assert_eq!((stats[A].leg, stats[B].leg), (leg(A), leg(B)));
    assert_eq!((stats[A].received.packets, stats[A].received.bytes, stats[A].received.lost), (8, 1280, 2));
    // RFC 3550 §6.4.1: 4000/16, then 250 - 250/16 + 4000/16, then decayed by the last packet.
    assert!((440..=460).contains(&stats[A].received.jitter_us), "{}", stats[A].received.jitter_us);
    assert_eq!(stats[A].dropped, 2);
    assert_eq!(stats[B].sent, DirectionStats { packets: 8, bytes: 1280, lost: 0, jitter_us: 0, mos: None });
    assert_eq!((stats[A].sent, stats[B].received, stats[B].dropped), (DirectionStats::default(), DirectionStats::default(), 0));
}

#[test]
fn a_session_has_as_many_endpoints_as_it_may() {
    let setup = |endpoints| Setup { endpoints, inactivity: INACTIVITY, hold: HOLD, seed: 1, wall_clock: WALL_CLOCK };
    assert_eq!(Session::open(tandem_model::Timestamp::ZERO, setup(&[])).err(), Some(OpenError::Endpoints(0)));
    let local = tandem_model::LocalEndpoint { leg: leg(0), rtp: address(PHONE[0]), rtcp: address(PHONE[0]) };
    let many: Vec<_> = (0..=MAX_ENDPOINTS).map(|index| (local, port(index))).collect();
    assert_eq!(Session::open(tandem_model::Timestamp::ZERO, setup(&many)).err(), Some(OpenError::Endpoints(MAX_ENDPOINTS + 1)));
}
