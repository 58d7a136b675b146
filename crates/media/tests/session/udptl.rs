//! Fax: datagrams go on as they are, between the same sources and ports as the audio before them.

use crate::common::*;
use std::time::Duration;
use tandem_media::{Channel, DropReason, Input, Verdict};
use tandem_model::{EndpointDescription, Hearing, MediaEvent, SourceRule, StreamKind};

pub(crate) fn fax(index: usize) -> EndpointDescription {
    EndpointDescription { kind: StreamKind::Udptl, rtcp: None, payloads: Box::default(), ..description(index) }
}

/// A datagram of UDPTL: its number, one message, no redundancy.
pub(crate) fn datagram(sequence: u16) -> Vec<u8> {
    [&sequence.to_be_bytes()[..], &[1, 6, 0, 0]].concat()
}

fn faxing() -> Bench {
    let mut bench = Bench::talking();
    switch(&mut bench);
    bench
}

fn switch(bench: &mut Bench) {
    bench.describe(A, fax(A));
    bench.describe(B, fax(B));
}

#[test]
fn datagrams_cross_unchanged_both_ways() {
    let mut bench = faxing();
    // Any first octet, among them those that an RTP or RTCP packet begins with.
    for sequence in [0, 1, 0x8000, 0x80c8, 0xffff] {
        for (from, to) in [(A, B), (B, A)] {
            let sent = bench.say(from, &datagram(sequence)).unwrap();
            assert_eq!((sent.port, sent.channel, sent.to), (port(to), Channel::Rtp, address(PHONE[to])));
            assert_eq!(sent.bytes, datagram(sequence));
        }
    }
    let octets = 5 * 6;
    for stats in bench.close() {
        assert_eq!((stats.received.packets, stats.received.bytes, stats.received.lost, stats.received.jitter_us), (5, octets, 0, 0));
        assert_eq!((stats.sent.packets, stats.sent.bytes, stats.dropped), (5, octets, 0));
    }
}

#[test]
fn strangers_empty_and_cut_datagrams_and_rtcp_are_dropped() {
    let mut bench = faxing();
    let offer = |bench: &mut Bench, channel, from: &str, packet: &[u8]| bench.offer(A, channel, from, packet).unwrap_err();
    assert_eq!(offer(&mut bench, Channel::Rtp, STRANGER, &datagram(0)), Verdict::Dropped(DropReason::Stranger));
    assert_eq!(offer(&mut bench, Channel::Rtp, PHONE[A], &[]), Verdict::Dropped(DropReason::Malformed));
    assert_eq!(offer(&mut bench, Channel::Rtp, PHONE[A], &[7; tandem_media::MAX_PACKET]), Verdict::Dropped(DropReason::Malformed));
    assert_eq!(
        offer(&mut bench, Channel::Rtcp, PHONE_RTCP[A], &[0x80, 201, 0, 1, 0, 0, 0, 9]),
        Verdict::Dropped(DropReason::UnknownPayload)
    );
    assert_eq!(bench.close()[A].dropped, 4);
}

#[test]
fn late_audio_does_not_pass_for_fax() {
    let mut bench = Bench::talking();
    bench.say(A, &rtp(0, 7, 1, 160)).unwrap();
    switch(&mut bench);
    assert_eq!(bench.say(A, &rtp(0, 7, 2, 320)).unwrap_err(), Verdict::Dropped(DropReason::UnknownPayload));
    bench.say(A, &datagram(0)).unwrap();
}

#[test]
fn another_port_of_the_host_is_let_in_once_the_first_is_silent_and_described_ports_stay_the_target() {
    let mut bench = faxing();
    bench.say(A, &datagram(0)).unwrap();
    let moved = "192.0.2.1:4444";
    assert_eq!(bench.offer(A, Channel::Rtp, moved, &datagram(1)).unwrap_err(), Verdict::Dropped(DropReason::Stranger));
    bench.wait(Duration::from_secs(3));
    assert!(bench.offer(A, Channel::Rtp, moved, &datagram(1)).is_ok());
    assert_eq!(bench.say(B, &datagram(0)).unwrap().to, address(PHONE[A]));
}

#[test]
fn behind_a_nat_datagrams_go_back_where_they_come_from() {
    let mut bench = Bench::talking();
    let host = address("203.0.113.9:1").ip();
    bench.describe(A, EndpointDescription { source: SourceRule::Host(host), ..fax(A) });
    bench.describe(B, fax(B));
    bench.offer(A, Channel::Rtp, "203.0.113.9:7777", &datagram(0)).unwrap();
    assert_eq!(bench.say(B, &datagram(0)).unwrap().to, address("203.0.113.9:7777"));
}

#[test]
fn a_leg_on_hold_neither_sends_nor_is_sent_to() {
    let mut bench = faxing();
    bench.describe(A, EndpointDescription { receives: false, rtp: None, held: true, ..fax(A) });
    assert_eq!(bench.say(A, &datagram(0)).unwrap_err(), Verdict::Dropped(DropReason::NotReceiving));
    assert_eq!(bench.say(B, &datagram(0)).unwrap_err(), Verdict::Consumed);
}

#[test]
fn audio_goes_on_after_the_fax_where_it_was() {
    let mut bench = Bench::talking();
    let before = bench.say(A, &rtp(0, 7, 100, 16_000)).unwrap();
    switch(&mut bench);
    for sequence in 0..50 {
        bench.wait(Duration::from_millis(40));
        bench.say(A, &datagram(sequence)).unwrap();
    }
    bench.describe(A, description(A));
    bench.describe(B, description(B));
    assert_eq!(bench.say(A, &datagram(50)).unwrap_err(), Verdict::Dropped(DropReason::Malformed));
    let after = bench.say(A, &rtp(0, 7, 101, 32_000)).unwrap();
    assert_eq!((after.ssrc(), after.sequence(), after.marker()), (before.ssrc(), before.sequence().wrapping_add(1), true));
    assert_eq!(after.timestamp().wrapping_sub(before.timestamp()), 16_000, "two seconds");
    let stats = bench.close();
    assert_eq!((stats[A].received.packets, stats[A].received.lost, stats[B].sent.packets), (52, 0, 52));
}

#[test]
fn silence_counts_only_when_both_are_silent() {
    let mut bench = faxing();
    let began = bench.now;
    // Pages go from A to B for two hours.
    for _ in 0..120 {
        bench.say(A, &datagram(0)).unwrap();
        let (_, events) = bench.run(bench.now + Duration::from_secs(60));
        assert_eq!(events, []);
    }
    let last = began + Duration::from_secs(119 * 60);
    let (_, events) = bench.run(last + INACTIVITY * 3 / 2);
    let inactive = |index| (last + INACTIVITY, MediaEvent::Inactive { leg: leg(index), held: false });
    assert_eq!(events, [inactive(A), inactive(B)]);
}

#[test]
fn it_goes_to_nobody_who_does_not_hear_it_while_a_mix_ends() {
    let mut bench = Bench::talking();
    bench.session.add(bench.now, local(C), port(C)).unwrap();
    bench.describe(C, description(C));
    switch(&mut bench);
    let hear = |bench: &mut Bench, pairs: &[(usize, usize)]| {
        let pairs = pairs.iter().map(|(speaker, listener)| Hearing { speaker: leg(*speaker), listener: leg(*listener) });
        bench.handle(Input::Hear(pairs.collect()));
    };
    hear(&mut bench, &[(A, B), (B, B)]);
    assert_eq!(bench.say(A, &datagram(0)).unwrap().port, port(B));
    hear(&mut bench, &[(B, A)]);
    assert!(bench.say(A, &datagram(1)).is_err());
    bench.handle(Input::Remove(leg(B)));
    assert!(bench.say(A, &datagram(2)).is_err());
    bench.handle(Input::Remove(leg(C)));
    assert!(bench.say(A, &datagram(3)).is_err());
}
