//! Packets of strangers are neither relayed nor do they steal the stream; behind NAT the stream finds its way back.

use crate::common::*;
use tandem_media::{Channel, DropReason, Verdict};
use tandem_model::SourceRule;

const STRANGE: Result<Sent, Verdict> = Err(Verdict::Dropped(DropReason::Stranger));
const SAME_HOST: &str = "192.0.2.1:4998";

fn packet(sequence: u16) -> Vec<u8> {
    rtp(0, 1, sequence, 0)
}

#[test]
fn before_during_and_after_the_stream_strangers_are_dropped() {
    let mut bench = Bench::talking();
    assert_eq!(bench.offer(A, Channel::Rtp, STRANGER, &packet(1)), STRANGE);
    assert!(bench.say(A, &packet(1)).is_ok());
    assert_eq!(bench.offer(A, Channel::Rtp, STRANGER, &packet(2)), STRANGE);
    assert_eq!(bench.offer(A, Channel::Rtp, SAME_HOST, &rtp(0, 66, 2, 0)), STRANGE);
    assert!(bench.say(A, &packet(2)).is_ok());
    assert_eq!(bench.say(B, &packet(1)).unwrap().to, address(PHONE[A]));
    let stats = bench.close();
    assert_eq!((stats[A].received.packets, stats[A].dropped), (2, 3));
}

#[test]
fn a_phone_that_sends_from_another_port_is_heard_and_stays_so() {
    let mut bench = Bench::talking();
    assert!(bench.offer(A, Channel::Rtp, SAME_HOST, &packet(1)).is_ok());
    assert!(bench.offer(A, Channel::Rtp, SAME_HOST, &packet(2)).is_ok());
    assert_eq!(bench.offer(A, Channel::Rtp, "192.0.2.1:4997", &rtp(0, 66, 3, 0)), STRANGE);
    assert_eq!(bench.say(B, &packet(1)).unwrap().to, address(PHONE[A]), "packets to it go where it said");
}

#[test]
fn whoever_was_first_at_the_host_the_described_port_wins() {
    let mut bench = Bench::talking();
    assert!(bench.offer(A, Channel::Rtp, SAME_HOST, &rtp(0, 66, 9, 9)).is_ok());
    assert!(bench.say(A, &packet(1)).is_ok());
    assert_eq!(bench.offer(A, Channel::Rtp, SAME_HOST, &rtp(0, 66, 10, 9)), STRANGE);
}

#[test]
fn the_last_packets_of_the_old_stream_do_not_lock_out_the_new_one() {
    let mut bench = Bench::talking();
    assert!(bench.say(A, &packet(1)).is_ok());
    let mut moved = description(A);
    moved.rtp = Some(address("192.0.2.1:4800"));
    bench.describe(A, moved);
    assert!(bench.say(A, &packet(2)).is_ok(), "still under way when the description came");
    assert!(bench.offer(A, Channel::Rtp, SAME_HOST, &rtp(0, 2, 70, 0)).is_ok(), "the new stream, from a port not described");
    assert_eq!(bench.say(A, &packet(3)), STRANGE);
}

#[test]
fn behind_nat_packets_go_back_to_where_they_come_from() {
    let mut bench = Bench::talking();
    let mut a = description(A);
    a.rtp = Some(address("10.0.0.5:4000"));
    a.rtcp = Some(address("10.0.0.5:4001"));
    a.source = SourceRule::Host(address(SAME_HOST).ip());
    bench.describe(A, a);
    assert_eq!(bench.say(B, &packet(1)).unwrap().to, address("10.0.0.5:4000"), "nothing better is known yet");
    assert_eq!(bench.offer(A, Channel::Rtp, "10.0.0.5:4000", &packet(1)), STRANGE);
    assert!(bench.offer(A, Channel::Rtp, SAME_HOST, &packet(1)).is_ok());
    assert_eq!(bench.say(B, &packet(2)).unwrap().to, address(SAME_HOST));
    let report = [0x80, 201, 0, 1, 0, 0, 0, 9];
    assert_eq!(bench.report(B, &report).unwrap().to, address("10.0.0.5:4001"));
    assert!(bench.offer(A, Channel::Rtcp, "192.0.2.1:61001", &report).is_ok());
    assert_eq!(bench.report(B, &report).unwrap().to, address("192.0.2.1:61001"));
    assert_eq!(bench.offer(A, Channel::Rtcp, "192.0.2.1:61002", &report), STRANGE);
}

#[test]
fn behind_nat_a_leg_that_only_listens_shows_the_way_with_packets_that_say_nothing() {
    let mut bench = Bench::talking();
    let mut a = description(A);
    a.source = SourceRule::Host(address(SAME_HOST).ip());
    a.receives = false;
    bench.describe(A, a);
    // RFC 6263 §4.6: a payload number that nobody agreed on.
    assert_eq!(bench.offer(A, Channel::Rtp, SAME_HOST, &rtp(20, 1, 1, 1)), Err(Verdict::Dropped(DropReason::NotReceiving)));
    assert_eq!(bench.say(B, &packet(1)).unwrap().to, address(SAME_HOST));
}

#[test]
fn ipv6_sources_are_compared_without_scope_and_flow_label() {
    let mut bench = Bench::talking();
    let mut a = description(A);
    a.rtp = Some(address("[2001:db8::1]:4000"));
    a.source = SourceRule::Described(address("[2001:db8::1]:4000").ip());
    bench.describe(A, a);
    assert!(bench.offer(A, Channel::Rtp, "[2001:db8::1%3]:4000", &packet(1)).is_ok());
    assert_eq!(bench.offer(A, Channel::Rtp, "[2001:db8::2]:4000", &packet(2)), STRANGE);
}
