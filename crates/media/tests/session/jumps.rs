//! Numbers and clocks that jump: the listener hears one coherent stream, and the figures do not speak of loss where none was.

use crate::common::*;
use std::time::Duration;
use tandem_media::{DropReason, Verdict};

const FRAME: Duration = Duration::from_millis(20);

/// Steps in sequence and timestamp from one packet to the next.
fn step(before: &Sent, after: &Sent) -> (u16, u32) {
    assert_eq!(before.ssrc(), after.ssrc());
    (after.sequence().wrapping_sub(before.sequence()), after.timestamp().wrapping_sub(before.timestamp()))
}

fn dropped(reason: DropReason) -> Result<Sent, Verdict> {
    Err(Verdict::Dropped(reason))
}

impl Bench {
    /// One packet a frame after the one before.
    fn next(&mut self, packet: &[u8]) -> Result<Sent, Verdict> {
        self.wait(FRAME);
        self.say(A, packet)
    }
}

#[test]
fn a_clock_that_is_set_anew_does_not_reach_the_listener() {
    for jump in [200_000, 0x4000_0000, 0x8000_0000, 0_u32.wrapping_sub(200_000)] {
        let mut bench = Bench::talking();
        let first = bench.next(&rtp(0, 7, 10, 5_000_000)).unwrap();
        let second = bench.next(&rtp(0, 7, 11, 5_000_160_u32.wrapping_add(jump))).unwrap();
        assert_eq!((step(&first, &second), second.marker()), ((1, 160), true), "{jump}");
        let third = bench.next(&rtp(0, 7, 12, 5_000_320_u32.wrapping_add(jump))).unwrap();
        assert_eq!((step(&second, &third), third.marker()), ((1, 160), false), "{jump}");
        assert_eq!(bench.close()[A].received.jitter_us, 0);
    }
}

#[test]
fn a_late_packet_from_before_the_jump_is_dropped() {
    let mut bench = Bench::talking();
    let first = bench.next(&rtp(0, 7, 10, 160)).unwrap();
    bench.next(&rtp(0, 7, 12, 900_000)).unwrap();
    assert_eq!(bench.next(&rtp(0, 7, 11, 320)), dropped(DropReason::Superseded));
    let after = bench.next(&rtp(0, 7, 13, 900_160)).unwrap();
    assert_eq!(step(&first, &after), (2, 480));
}

#[test]
fn pauses_and_events_are_no_jumps() {
    let mut bench = Bench::talking();
    let first = bench.next(&rtp(0, 7, 10, 160)).unwrap();
    // Nine seconds of one event: every packet has its timestamp.
    for number in 0..450_u16 {
        let event = bench.next(&rtp(101, 7, 11 + number, 320)).unwrap();
        assert_eq!((step(&first, &event), event.payload(), event.marker()), ((1 + number, 160), 101, false));
    }
    let sound = bench.next(&rtp(0, 7, 461, 320 + 450 * 160)).unwrap();
    assert_eq!((step(&first, &sound), sound.marker()), ((451, 451 * 160), false));
    // A minute without a packet.
    bench.wait(Duration::from_secs(60));
    let later = bench.next(&rtp(0, 7, 462, 320 + 451 * 160 + 480_000)).unwrap();
    assert_eq!((step(&sound, &later), later.marker()), ((1, 480_160), false));
}

#[test]
fn a_jump_in_sequence_that_no_time_explains_is_no_loss() {
    for jump in [150, 2000, 2999, 3001, 30_000, 65_000] {
        let mut bench = Bench::talking();
        let first = bench.next(&rtp(0, 7, 1000, 160)).unwrap();
        let jumped = 1001_u16.wrapping_add(jump);
        assert_eq!(bench.next(&rtp(0, 7, jumped, 320)), dropped(DropReason::OutOfSequence), "{jump}: it may be a stray");
        let anew = bench.next(&rtp(0, 7, jumped.wrapping_add(1), 480)).unwrap();
        assert_eq!((step(&first, &anew), anew.marker()), ((1, 320), true), "{jump}");
        assert_eq!(bench.close()[A].received.lost, 0, "{jump}");
    }
}

#[test]
fn a_gap_that_time_explains_is_loss() {
    let mut bench = Bench::talking();
    let first = bench.next(&rtp(0, 7, 1000, 0)).unwrap();
    bench.wait(Duration::from_secs(10));
    let after = bench.next(&rtp(0, 7, 1501, 501 * 160)).unwrap();
    assert_eq!((step(&first, &after), after.marker()), ((501, 501 * 160), false));
    let stats = bench.close();
    assert_eq!((stats[A].received.lost, stats[A].dropped), (500, 0));
}

#[test]
fn a_sequence_that_stands_still_is_passed_on_as_it_is() {
    let mut bench = Bench::talking();
    let first = bench.next(&rtp(0, 7, 1000, 0)).unwrap();
    for number in 1..=50 {
        let again = bench.next(&rtp(0, 7, 1000, 160 * number)).unwrap();
        assert_eq!(step(&first, &again), (0, 160 * number));
    }
    let stats = bench.close();
    assert_eq!((stats[A].received.packets, stats[A].received.lost, stats[A].received.jitter_us), (51, 0, 0));
}

#[test]
fn packets_under_a_number_that_nobody_agreed_on_leave_no_gap() {
    // Comfort noise (RFC 3389) in a pause, while sound and events were agreed on.
    let mut bench = Bench::talking();
    let before = bench.next(&rtp(0, 7, 100, 0)).unwrap();
    for number in 1..=200_u16 {
        assert_eq!(bench.next(&rtp(13, 7, 100 + number, u32::from(number) * 160)), dropped(DropReason::UnknownPayload));
    }
    let after = bench.next(&rtp(0, 7, 301, 201 * 160)).unwrap();
    assert_eq!((step(&before, &after), after.marker()), ((1, 201 * 160), false));
    // One of them is late: sound keeps its order.
    bench.wait(FRAME);
    assert_eq!(step(&after, &bench.next(&rtp(0, 7, 303, 203 * 160)).unwrap()), (2, 320));
    assert_eq!(bench.say(A, &rtp(13, 7, 302, 202 * 160)), dropped(DropReason::UnknownPayload));
    let last = bench.next(&rtp(0, 7, 304, 204 * 160)).unwrap();
    assert_eq!(step(&after, &last), (3, 480));
    let stats = bench.close();
    assert_eq!((stats[A].received.packets, stats[A].received.lost, stats[A].dropped), (4, 0, 201));
}

#[test]
fn keep_alives_with_a_source_of_their_own_do_not_disturb_the_stream() {
    let mut bench = Bench::talking();
    let first = bench.next(&rtp(0, 7, 100, 0)).unwrap();
    assert_eq!(bench.next(&rtp(20, 0, 0, 0)), dropped(DropReason::UnknownPayload));
    let next = bench.next(&rtp(0, 7, 101, 160)).unwrap();
    assert_eq!((step(&first, &next), next.marker()), ((1, 160), false));
}

#[test]
fn what_a_leg_says_while_it_is_not_to_speak_does_not_look_lost() {
    let mut bench = Bench::talking();
    let before = bench.next(&rtp(0, 7, 100, 0)).unwrap();
    let mut quiet = description(A);
    quiet.receives = false;
    bench.describe(A, quiet);
    for number in 1..=3500_u16 {
        assert_eq!(bench.next(&rtp(0, 7, 100 + number, u32::from(number) * 160)), dropped(DropReason::NotReceiving));
    }
    bench.describe(A, description(A));
    let after = bench.next(&rtp(0, 7, 3601, 3501 * 160)).unwrap();
    assert_eq!((step(&before, &after), after.marker()), ((1, 3501 * 160), false));
    assert_eq!(bench.close()[A].received.lost, 0);
}

#[test]
fn reports_speak_of_the_numbers_before_the_gap_that_was_closed() {
    let mut bench = Bench::talking();
    bench.next(&rtp(0, 7, 100, 0)).unwrap();
    assert!(bench.next(&rtp(13, 7, 101, 160)).is_err());
    let heard = bench.next(&rtp(0, 7, 102, 320)).unwrap();
    bench.say(B, &rtp(0, 9, 1, 1)).unwrap();
    let mut report = vec![0x81, 201, 0, 7, 0, 0, 0, 9];
    for block in [heard.ssrc(), 0, u32::from(heard.sequence()), 0, 0, 0] {
        report.extend(block.to_be_bytes());
    }
    let sent = bench.report(B, &report).unwrap();
    assert_eq!((word(&sent.bytes, 8), word(&sent.bytes, 16)), (7, 102), "A hears of its own packet 102");
}
