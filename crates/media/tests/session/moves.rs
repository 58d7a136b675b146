//! Sources that move without a word of signalling, and ports that are not where one expects them.

use crate::common::*;
use std::time::Duration;
use tandem_media::{Channel, DropReason, Verdict};
use tandem_model::SourceRule;

const FRAME: Duration = Duration::from_millis(20);
const STRANGE: Result<Sent, Verdict> = Err(Verdict::Dropped(DropReason::Stranger));
const NEW_PORT: &str = "192.0.2.1:50000";
const NEWER_PORT: &str = "192.0.2.1:50002";

fn packet(ssrc: u32, number: u16) -> Vec<u8> {
    rtp(0, ssrc, number, u32::from(number) * 160)
}

/// A receiver report by `ssrc`.
fn report(ssrc: u32) -> Vec<u8> {
    [&[0x80, 201, 0, 1][..], &ssrc.to_be_bytes()].concat()
}

impl Bench {
    fn hear_from(&mut self, source: &str, packet: &[u8]) -> Result<Sent, Verdict> {
        self.wait(FRAME);
        self.offer(A, Channel::Rtp, source, packet)
    }
}

#[test]
fn a_port_translated_anew_is_followed_at_once_and_the_other_leg_notices_nothing() {
    for rule in [SourceRule::Described(address(NEW_PORT).ip()), SourceRule::Host(address(NEW_PORT).ip())] {
        let mut bench = Bench::talking();
        let mut a = description(A);
        a.source = rule;
        bench.describe(A, a);
        let before = bench.hear_from(PHONE[A], &packet(7, 100)).unwrap();
        let after = bench.hear_from(NEW_PORT, &packet(7, 101)).unwrap();
        assert_eq!((after.ssrc(), after.sequence()), (before.ssrc(), before.sequence() + 1));
        assert_eq!((after.timestamp(), after.marker()), (before.timestamp().wrapping_add(160), false));
        assert_eq!(bench.say(B, &packet(9, 1)).unwrap().to, address(NEW_PORT), "packets to it follow");
        // Twice is once more, with some loss in between.
        assert_eq!(bench.hear_from(NEWER_PORT, &packet(7, 130)).unwrap().sequence(), before.sequence() + 30);
        assert_eq!(bench.say(B, &packet(9, 2)).unwrap().to, address(NEWER_PORT));
    }
}

#[test]
fn a_port_that_does_not_go_on_with_the_stream_must_wait_for_silence() {
    let mut bench = Bench::talking();
    assert!(bench.hear_from(PHONE[A], &packet(7, 100)).is_ok());
    for _ in 0..96 {
        assert_eq!(bench.hear_from(NEW_PORT, &packet(8, 1)), STRANGE);
    }
    assert_eq!(bench.hear_from(NEW_PORT, &packet(7, 100)), STRANGE, "a copy is no successor");
    assert_eq!(bench.hear_from(NEW_PORT, &packet(7, 99)), STRANGE);
    assert_eq!(bench.hear_from(NEW_PORT, &packet(7, 9000)), STRANGE, "too far ahead to be one");
    // By now the leg has been silent for two seconds.
    let after = bench.hear_from(NEW_PORT, &packet(8, 1)).unwrap();
    assert!(after.marker());
    assert_eq!(bench.say(B, &packet(9, 1)).unwrap().to, address(PHONE[A]), "packets to it go where it said");
    bench.wait(Duration::from_millis(100));
    assert!(bench.hear_from(PHONE[A], &packet(7, 500)).is_ok(), "the described address wins");
    assert_eq!(bench.hear_from(NEW_PORT, &packet(8, 2)), STRANGE);
}

#[test]
fn behind_nat_the_other_half_of_a_peer_takes_over_after_silence() {
    let mut bench = Bench::talking();
    let mut a = description(A);
    a.source = SourceRule::Host(address(NEW_PORT).ip());
    a.rtp = Some(address("10.0.0.5:4000"));
    bench.describe(A, a);
    assert!(bench.hear_from(PHONE[A], &packet(7, 100)).is_ok());
    assert_eq!(bench.hear_from(NEW_PORT, &packet(8, 1)), STRANGE);
    bench.wait(Duration::from_secs(2));
    assert!(bench.hear_from(NEW_PORT, &packet(8, 2)).is_ok());
    assert_eq!(bench.say(B, &packet(9, 1)).unwrap().to, address(NEW_PORT));
}

#[test]
fn another_host_is_a_stranger_whatever_it_sends_and_however_long_it_waits() {
    for rule in [SourceRule::Described(address(PHONE[A]).ip()), SourceRule::Host(address(PHONE[A]).ip())] {
        let mut bench = Bench::talking();
        let mut a = description(A);
        a.source = rule;
        bench.describe(A, a);
        assert!(bench.hear_from(PHONE[A], &packet(7, 100)).is_ok());
        assert_eq!(bench.hear_from(STRANGER, &packet(7, 101)), STRANGE);
        bench.wait(Duration::from_secs(250));
        assert_eq!(bench.hear_from(STRANGER, &packet(7, 102)), STRANGE);
        assert_eq!(bench.offer(A, Channel::Rtcp, STRANGER, &report(7)), STRANGE);
        assert_eq!(bench.offer(A, Channel::Rtp, STRANGER, &report(7)), STRANGE);
        assert_eq!(bench.say(B, &packet(9, 1)).unwrap().to, address(PHONE[A]));
    }
}

#[test]
fn reports_move_with_the_stream_that_they_speak_of() {
    let mut bench = Bench::talking();
    let mut a = description(A);
    a.source = SourceRule::Host(address(PHONE[A]).ip());
    bench.describe(A, a);
    bench.say(A, &packet(7, 1)).unwrap();
    assert!(bench.report(A, &report(7)).is_ok());
    assert_eq!(bench.offer(A, Channel::Rtcp, NEW_PORT, &report(8)), STRANGE);
    assert!(bench.offer(A, Channel::Rtcp, NEW_PORT, &report(7)).is_ok());
    assert_eq!(bench.report(B, &report(9)).unwrap().to, address(NEW_PORT));
    assert_eq!(bench.offer(A, Channel::Rtcp, NEWER_PORT, &report(8)), STRANGE);
    bench.wait(Duration::from_secs(25));
    assert!(bench.offer(A, Channel::Rtcp, NEWER_PORT, &report(8)).is_ok(), "after five intervals of silence");
}

#[test]
fn odd_ports_are_as_good_as_even_ones() {
    let mut bench = Bench::talking();
    let mut a = description(A);
    (a.rtp, a.rtcp) = (Some(address("192.0.2.1:4003")), Some(address("192.0.2.200:53020")));
    bench.describe(A, a);
    assert!(bench.offer(A, Channel::Rtp, "192.0.2.1:4003", &packet(7, 1)).is_ok());
    assert_eq!(bench.say(B, &packet(9, 1)).unwrap().to, address("192.0.2.1:4003"));
    assert_eq!(bench.report(B, &report(9)).unwrap().to, address("192.0.2.200:53020"));
    assert!(bench.offer(A, Channel::Rtcp, "192.0.2.1:4004", &report(7)).is_ok(), "from a port that nobody named");
    assert!(bench.offer(A, Channel::Rtcp, "192.0.2.200:53020", &report(7)).is_ok(), "from the host that a=rtcp named");
    assert_eq!(bench.report(B, &report(9)).unwrap().to, address("192.0.2.200:53020"), "where it goes does not change");
}

#[test]
fn reports_at_the_rtp_port_are_told_apart_though_nobody_agreed_on_that() {
    let mut bench = Bench::talking();
    bench.say(A, &packet(7, 1)).unwrap();
    let sent = bench.offer(A, Channel::Rtp, PHONE[A], &report(7)).unwrap();
    assert_eq!((sent.port, sent.channel, sent.to), (port(B), Channel::Rtcp, address(PHONE_RTCP[B])));
    let back = bench.report(B, &report(9)).unwrap();
    assert_eq!((back.channel, back.to), (Channel::Rtcp, address(PHONE_RTCP[A])), "what was agreed holds for what it gets");
    // They may even come from the RTCP port: that does not pin it for RTP.
    let mut fresh = Bench::talking();
    assert!(fresh.offer(A, Channel::Rtp, PHONE_RTCP[A], &report(7)).is_ok());
    assert!(fresh.offer(A, Channel::Rtp, NEW_PORT, &packet(7, 1)).is_ok());
    // A payload number that was agreed is what it was agreed to be.
    let mut a = description(A);
    a.payloads[0].from = 73;
    bench.describe(A, a);
    assert_eq!(bench.say(A, &rtp(73 | 0x80, 7, 2, 320)).unwrap().payload(), 0);
}

#[test]
fn a_leg_that_agreed_to_share_its_port_and_does_not_is_heard_all_the_same() {
    let mut bench = Bench::talking();
    let mut mux = description(A);
    (mux.rtcp_mux, mux.rtcp) = (true, mux.rtp);
    bench.describe(A, mux);
    bench.say(A, &packet(7, 1)).unwrap();
    assert!(bench.offer(A, Channel::Rtcp, PHONE_RTCP[A], &report(7)).is_ok());
    let back = bench.report(B, &report(9)).unwrap();
    assert_eq!((back.channel, back.to), (Channel::Rtp, address(PHONE[A])));
    // Its reports may also come to the right port from the wrong one: sound does not follow them.
    mux = description(A);
    (mux.rtcp_mux, mux.rtcp, mux.source) = (true, mux.rtp, SourceRule::Host(address(PHONE[A]).ip()));
    bench.describe(A, mux);
    bench.say(A, &packet(7, 2)).unwrap();
    assert!(bench.offer(A, Channel::Rtp, NEW_PORT, &report(7)).is_ok());
    assert_eq!(bench.offer(A, Channel::Rtp, NEW_PORT, &report(8)), STRANGE);
    assert_eq!(bench.say(B, &packet(9, 1)).unwrap().to, address(PHONE[A]));
}

#[test]
fn a_leg_that_only_reports_shows_the_way_with_its_reports() {
    let mut bench = Bench::talking();
    let mut quiet = description(A);
    (quiet.rtcp_mux, quiet.rtcp, quiet.receives) = (true, quiet.rtp, false);
    quiet.source = SourceRule::Host(address(PHONE[A]).ip());
    bench.describe(A, quiet);
    assert!(bench.offer(A, Channel::Rtp, NEW_PORT, &report(7)).is_ok());
    assert_eq!(bench.say(B, &packet(9, 1)).unwrap().to, address(NEW_PORT));
    bench.wait(Duration::from_secs(5));
    assert_eq!(bench.offer(A, Channel::Rtp, NEWER_PORT, &report(8)), STRANGE, "a pause between two reports is no silence");
    bench.wait(Duration::from_secs(20));
    assert!(bench.offer(A, Channel::Rtp, NEWER_PORT, &report(7)).is_ok());
    assert_eq!(bench.say(B, &packet(9, 2)).unwrap().to, address(NEWER_PORT));
}
