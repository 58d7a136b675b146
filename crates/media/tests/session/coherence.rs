//! To the listener there is one stream from beginning to end: one SSRC, a sequence without a seam, a timestamp that
//! goes on with the time that passes.

use crate::common::*;
use proptest::prelude::*;
use std::time::Duration;
use tandem_media::{DropReason, Verdict};
use tandem_model::Timestamp;

const FRAME: Duration = Duration::from_millis(20);

#[test]
fn a_new_source_of_the_leg_goes_on_in_the_same_stream() {
    let mut bench = Bench::talking();
    let first = bench.say(A, &rtp(0, 0xa1, 65_535, 0xffff_ffff)).unwrap();
    assert!(first.marker());
    bench.wait(FRAME);
    let second = bench.say(A, &rtp(0, 0xa1, 0, 159)).unwrap();
    assert_eq!((second.sequence(), second.timestamp()), (first.sequence() + 1, first.timestamp().wrapping_add(160)));
    assert!(!second.marker());
    bench.wait(Duration::from_millis(300));
    let other = bench.say(A, &rtp(0, 0xa2, 4711, 42)).unwrap();
    assert_eq!((other.ssrc(), other.sequence(), other.marker()), (first.ssrc(), first.sequence() + 2, true));
    assert_eq!(other.timestamp(), second.timestamp().wrapping_add(2400));
    bench.wait(FRAME);
    let after = bench.say(A, &rtp(0, 0xa2, 4712, 202)).unwrap();
    assert_eq!((after.sequence(), after.timestamp(), after.marker()), (first.sequence() + 3, other.timestamp().wrapping_add(160), false));
}

#[test]
fn a_re_invite_that_moves_the_leg_does_not_break_the_stream() {
    let mut bench = Bench::talking();
    let first = bench.say(A, &rtp(0, 0xa1, 10, 1000)).unwrap();
    let mut moved = description(A);
    moved.rtp = Some(address("192.0.2.1:4800"));
    bench.describe(A, moved);
    bench.wait(FRAME);
    let second = bench.offer(A, tandem_media::Channel::Rtp, "192.0.2.1:4800", &rtp(0, 0xa9, 900, 7)).unwrap();
    assert_eq!((second.ssrc(), second.sequence(), second.marker()), (first.ssrc(), first.sequence() + 1, true));
    assert_eq!(second.timestamp(), first.timestamp().wrapping_add(160));
    // The same device going on with its numbers is no new source at all.
    let mut back = Bench::talking();
    let first = back.say(A, &rtp(0, 0xa1, 10, 1000)).unwrap();
    back.describe(A, description(A));
    back.wait(FRAME);
    let second = back.say(A, &rtp(0, 0xa1, 12, 1320)).unwrap();
    assert_eq!((second.sequence(), second.timestamp()), (first.sequence() + 2, first.timestamp().wrapping_add(320)));
    assert!(!second.marker());
}

#[test]
fn what_is_said_while_the_listener_is_held_does_not_look_lost() {
    let mut bench = Bench::talking();
    let before = bench.say(A, &rtp(0, 1, 10, 1000)).unwrap();
    let mut held = description(B);
    held.rtp = None;
    bench.describe(B, held);
    for n in 1..=500_u16 {
        bench.wait(FRAME);
        assert_eq!(bench.say(A, &rtp(0, 1, 10 + n, 1000 + u32::from(n) * 160)), Err(Verdict::Consumed));
    }
    bench.describe(B, description(B));
    bench.wait(FRAME);
    let after = bench.say(A, &rtp(0, 1, 511, 1000 + 501 * 160)).unwrap();
    assert_eq!((after.sequence(), after.marker()), (before.sequence() + 1, true));
    assert_eq!(after.timestamp(), before.timestamp().wrapping_add(501 * 160));
}

#[test]
fn a_source_that_begins_anew_under_its_ssrc_goes_on_too() {
    let mut bench = Bench::talking();
    let first = bench.say(A, &rtp(0, 1, 10, 1000)).unwrap();
    bench.wait(FRAME);
    assert_eq!(bench.say(A, &rtp(0, 1, 30_000, 5)), Err(Verdict::Dropped(DropReason::OutOfSequence)));
    bench.wait(FRAME);
    let anew = bench.say(A, &rtp(0, 1, 30_001, 165)).unwrap();
    assert_eq!((anew.sequence(), anew.timestamp()), (first.sequence() + 1, first.timestamp().wrapping_add(320)));
}

/// What may happen on the way: the packet's number relative to where the source is, or another source.
#[derive(Clone, Debug)]
enum Step {
    Next,
    Skip(u16),
    Late(u16),
    Source { gap_ms: u64, sequence: u16, timestamp: u32 },
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        6 => Just(Step::Next),
        2 => (1..50_u16).prop_map(Step::Skip),
        2 => (0..20_u16).prop_map(Step::Late),
        1 => (100..5000_u64, any::<u16>(), any::<u32>()).prop_map(|(gap_ms, sequence, timestamp)| Step::Source { gap_ms, sequence, timestamp }),
    ];
    prop::collection::vec(step, 1..200)
}

proptest! {
    /// Within a source every packet keeps its distance from every other, late ones and duplicates too; a new source
    /// begins at the number after the highest, and at the time that has passed since.
    #[test]
    fn the_stream_is_one_whatever_the_sources_do(begin in any::<(u16, u32)>(), steps in steps()) {
        let mut bench = Bench::talking();
        let (mut ssrc, mut sequence, mut timestamp) = (1, begin.0, begin.1);
        let mut since_start = 0_u16;
        let mut highest = bench.say(A, &rtp(0, ssrc, sequence, timestamp)).unwrap();
        let mut highest_at = bench.now;
        let stream = highest.ssrc();
        for step in steps {
            bench.wait(FRAME);
            match step {
                Step::Late(back) => {
                    let back = back.min(since_start);
                    let late = rtp(0, ssrc, sequence.wrapping_sub(back), timestamp.wrapping_sub(u32::from(back) * 160));
                    let sent = bench.say(A, &late).unwrap();
                    prop_assert_eq!(sent.sequence(), highest.sequence().wrapping_sub(back));
                    prop_assert_eq!(sent.timestamp(), highest.timestamp().wrapping_sub(u32::from(back) * 160));
                    prop_assert_eq!((sent.ssrc(), sent.marker()), (stream, false));
                }
                Step::Next | Step::Skip(_) => {
                    let ahead = if let Step::Skip(more) = step { more + 1 } else { 1 };
                    sequence = sequence.wrapping_add(ahead);
                    timestamp = timestamp.wrapping_add(u32::from(ahead) * 160);
                    since_start = since_start.saturating_add(ahead);
                    let sent = bench.say(A, &rtp(0, ssrc, sequence, timestamp)).unwrap();
                    prop_assert_eq!(sent.sequence(), highest.sequence().wrapping_add(ahead));
                    prop_assert_eq!(sent.timestamp(), highest.timestamp().wrapping_add(u32::from(ahead) * 160));
                    prop_assert_eq!((sent.ssrc(), sent.marker()), (stream, false));
                    (highest, highest_at) = (sent, bench.now);
                }
                Step::Source { gap_ms, sequence: new_sequence, timestamp: new_timestamp } => {
                    bench.wait(Duration::from_millis(gap_ms));
                    (ssrc, sequence, timestamp, since_start) = (ssrc + 1, new_sequence, new_timestamp, 0);
                    let sent = bench.say(A, &rtp(0, ssrc, sequence, timestamp)).unwrap();
                    prop_assert_eq!(sent.sequence(), highest.sequence().wrapping_add(1));
                    let passed_ms = Timestamp::from_micros(bench.now.as_micros()).since(highest_at).as_millis() as u32;
                    prop_assert_eq!(sent.timestamp(), highest.timestamp().wrapping_add(passed_ms * 8));
                    prop_assert_eq!((sent.ssrc(), sent.marker()), (stream, true));
                    (highest, highest_at) = (sent, bench.now);
                }
            }
        }
    }
}
