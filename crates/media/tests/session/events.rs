//! Telephone events beside audio that is said again in another codec.

use crate::{
    common::*,
    transcode::{FRAME, Humming, hum, speaking},
};
use std::time::Duration;
use tandem_media::{DropReason, Verdict};
use tandem_model::{Across, Carries, Codec, EndpointDescription, PayloadRule, Timestamp};

const SSRC: u32 = 0xabc;

/// Number and clock of the events of a leg that speaks that.
fn event_of(codec: Codec) -> (u8, u32) {
    if codec == Codec::Opus { (110, 48_000) } else { (101, 8_000) }
}

/// A leg that speaks `codec`, where the other speaks `other`.
fn beside(index: usize, codec: Codec, other: Codec) -> EndpointDescription {
    let ((from, clock_rate), (number, to_hz)) = (event_of(codec), event_of(other));
    let event =
        PayloadRule { from, carries: Carries::Event, across: Across::Event { number, clock_khz: (to_hz / 1_000) as u8 }, clock_rate };
    let told = speaking(index, codec);
    EndpointDescription { payloads: [told.payloads[0], event].into(), ..told }
}

/// A and B, who speak these.
fn pair(a: Codec, b: Codec) -> Bench {
    let mut bench = Bench::bare(2);
    bench.describe(A, beside(A, a, b));
    bench.describe(B, beside(B, b, a));
    bench
}

/// One packet of digit 5, -10 dBm0.
fn event(codec: Codec, sequence: u32, timestamp: u32, end: bool, duration: u16) -> Vec<u8> {
    let mut packet = rtp(event_of(codec).0, SSRC, sequence as u16, timestamp);
    packet.truncate(12);
    packet.extend([5, 10 | if end { 0x80 } else { 0 }]);
    packet.extend(duration.to_be_bytes());
    packet
}

fn duration(sent: &Sent) -> u16 {
    u16::from_be_bytes([sent.bytes[14], sent.bytes[15]])
}

/// What A does with the packets of an event.
#[derive(Clone, Copy, Default)]
struct Habit {
    /// It speaks all the while.
    speaks: bool,
    /// That many of the last packets do not arrive.
    loses_last: usize,
    /// Each arrives twice.
    doubles: bool,
}

/// A speaks for a second, presses a key for 100 ms, speaks again: all that B gets.
fn press(bench: &mut Bench, codec: Codec, habit: Habit) -> Timed<Sent> {
    let (mut humming, tick) = (Humming::new(codec, 440.0), codec.clock_rate() / 50);
    let mut heard = hum(bench, A, &mut humming, 50, |_| Duration::ZERO);
    let (begins, mut sequence) = (humming.sent * tick, humming.sent);
    let steps = [(1, false), (2, false), (3, false), (4, false), (5, true), (5, true), (5, true)];
    for (n, (ticks, end)) in steps.into_iter().enumerate() {
        let mut packet = event(codec, sequence, begins, end, (ticks * tick) as u16);
        packet[1] |= if n == 0 { 0x80 } else { 0 };
        sequence += 1;
        if n + habit.loses_last < steps.len() {
            heard.push((bench.now, bench.say(A, &packet).unwrap()));
            if habit.doubles {
                assert_eq!(bench.say(A, &packet), Err(Verdict::Consumed));
            }
        }
        let mut audio = humming.packet();
        if habit.speaks {
            audio[2..4].copy_from_slice(&(sequence as u16).to_be_bytes());
            sequence += 1;
            assert_eq!(bench.say(A, &audio), Err(Verdict::Waits));
        }
        heard.extend(bench.run(bench.now + FRAME).0);
    }
    for _ in 0..50 {
        let mut audio = humming.packet();
        audio[2..4].copy_from_slice(&(sequence as u16).to_be_bytes());
        sequence += 1;
        assert_eq!(bench.say(A, &audio), Err(Verdict::Waits));
        heard.extend(bench.run(bench.now + FRAME).0);
    }
    heard
}

/// The stream has no gap and no way back, and between sound and event it changes twice. Returns the event.
fn check(heard: &Timed<Sent>, to: Codec) -> Vec<&(Timestamp, Sent)> {
    let (number, clock_rate) = event_of(to);
    let is_event = |sent: &Sent| sent.payload() == number;
    let changes = heard.windows(2).filter(|pair| is_event(&pair[0].1) != is_event(&pair[1].1)).count();
    assert_eq!(changes, 2, "sound, an event, sound");
    for pair in heard.windows(2) {
        let ((at, first), (then, second)) = (&pair[0], &pair[1]);
        assert_eq!((second.ssrc(), second.sequence()), (first.ssrc(), first.sequence().wrapping_add(1)));
        let ticks = second.timestamp().wrapping_sub(first.timestamp());
        assert!((ticks as i32) >= 0);
        if !is_event(first) && !is_event(second) {
            assert_eq!(ticks, clock_rate / 50);
        } else if !is_event(first) {
            assert_eq!(u128::from(ticks), (then.since(*at).max(FRAME).as_micros() * u128::from(clock_rate)) / 1_000_000);
        }
        assert!(second.marker() == (is_event(first) != is_event(second)));
    }
    let event: Vec<_> = heard.iter().filter(|(_, sent)| is_event(sent)).collect();
    assert!(event.iter().all(|(_, sent)| sent.timestamp() == event[0].1.timestamp() && sent.bytes[12] == 5 && sent.bytes[13] & 0x3f == 10));
    let (back_at, back) = &heard[heard.iter().rposition(|(_, sent)| is_event(sent)).unwrap() + 1];
    let passed = back_at.since(event[0].0).as_micros() * u128::from(clock_rate) / 1_000_000;
    assert_eq!(u128::from(back.timestamp().wrapping_sub(event[0].1.timestamp())), passed, "sound goes on at the time that has passed");
    event
}

#[test]
fn an_event_crosses_between_clocks_and_nothing_is_said_while_it_sounds() {
    for (a, b) in [(Codec::Pcmu, Codec::Opus), (Codec::Opus, Codec::Pcmu), (Codec::G722, Codec::Pcma), (Codec::Opus, Codec::G722)] {
        for speaks in [false, true] {
            let mut bench = pair(a, b);
            let heard = press(&mut bench, a, Habit { speaks, ..Habit::default() });
            let event = check(&heard, b);
            let told: Vec<_> = event.iter().map(|(_, sent)| (duration(sent), sent.bytes[13] & 0x80 != 0)).collect();
            let frame = (event_of(b).1 / 50) as u16;
            let steps = [(1, false), (2, false), (3, false), (4, false), (5, true), (5, true), (5, true)];
            assert_eq!(told, steps.map(|(n, end)| (n * frame, end)), "{a:?} to {b:?}");
            // Sound is back with the next packet.
            let after = heard.iter().position(|(at, sent)| sent.payload() != event_of(b).0 && *at > event[6].0).unwrap();
            assert!(heard[after].0.since(event[6].0) <= FRAME * 3 / 2, "{a:?} to {b:?}: {:?}", heard[after].0.since(event[6].0));
        }
    }
}

#[test]
fn lost_ends_and_duplicates_change_nothing() {
    for (loses_last, doubles) in [(1, false), (2, false), (3, false), (0, true), (3, true)] {
        let mut bench = pair(Codec::Pcmu, Codec::Opus);
        let heard = press(&mut bench, Codec::Pcmu, Habit { speaks: true, loses_last, doubles });
        let event = check(&heard, Codec::Opus);
        assert_eq!(event.len(), 7 - loses_last);
        let last = event[event.len() - 1].0;
        let back = heard.iter().find(|(at, sent)| sent.payload() != 110 && *at > last).unwrap().0.since(last);
        let silence = Duration::from_millis(if loses_last > 0 { 100 } else { 0 });
        assert!((silence..silence + FRAME * 3 / 2).contains(&back), "{loses_last} lost: {back:?}");
    }
}

#[test]
fn who_is_over_is_not_heard_again() {
    let mut bench = pair(Codec::Pcmu, Codec::Opus);
    press(&mut bench, Codec::Pcmu, Habit { speaks: true, loses_last: 1, doubles: false });
    // Its third end comes a second late.
    assert_eq!(bench.say(A, &event(Codec::Pcmu, 115, 8_000, true, 800)), Err(Verdict::Consumed));
    let next = bench.say(A, &event(Codec::Pcmu, 116, 20_000, false, 160)).unwrap();
    assert!(next.marker(), "and another begins");
    // What was said of it before comes after.
    assert_eq!(bench.say(A, &event(Codec::Pcmu, 115, 20_000, false, 80)), Err(Verdict::Consumed));
}

#[test]
fn a_long_one_keeps_its_timestamp_and_its_duration_ends_at_what_can_be_said() {
    let mut bench = pair(Codec::Pcmu, Codec::Opus);
    let told = [(1, 8_000), (2, 10_922), (3, 10_923), (4, 40_000)].map(|(sequence, ticks)| {
        bench.wait(FRAME);
        let sent = bench.say(A, &event(Codec::Pcmu, sequence, 777, false, ticks)).unwrap();
        (duration(&sent), sent.timestamp())
    });
    assert_eq!(told.map(|(duration, _)| duration), [48_000, 65_532, 65_535, 65_535]);
    assert!(told.iter().all(|(_, timestamp)| *timestamp == told[0].1));
}

#[test]
fn segments_of_a_long_one_stay_one_event() {
    let mut bench = pair(Codec::Opus, Codec::Pcmu);
    let first = bench.say(A, &event(Codec::Opus, 1, 1_000, false, 0xffff)).unwrap();
    bench.wait(FRAME);
    let second = bench.say(A, &event(Codec::Opus, 2, 1_000 + 0xffff, false, 960)).unwrap();
    assert_eq!((duration(&first), duration(&second)), (10_923, 160));
    assert_eq!(second.timestamp().wrapping_sub(first.timestamp()), 10_923, "where the first ends");
    assert!(first.marker() && !second.marker());
}

#[test]
fn one_after_the_other_keep_their_distance() {
    let mut bench = pair(Codec::Opus, Codec::Pcmu);
    let mut said = Vec::new();
    for n in 0..4_u32 {
        for end in [false, true, true, true] {
            // Each is a little late.
            bench.wait(Duration::from_millis(u64::from(n)));
            said.push(bench.say(A, &event(Codec::Opus, said.len() as u32, n * 9_600, end, 4_800)).unwrap());
        }
        bench.wait(Duration::from_millis(200 - 4 * u64::from(n)));
    }
    let begins: Vec<_> = said.iter().step_by(4).map(|sent| sent.timestamp().wrapping_sub(said[0].timestamp())).collect();
    assert_eq!(begins, [0, 1_600, 3_200, 4_800]);
    assert!(said.iter().enumerate().all(|(n, sent)| sent.marker() == (n % 4 == 0)));
}

#[test]
fn several_in_a_packet_are_each_said_by_the_other_clock() {
    let mut bench = pair(Codec::Pcmu, Codec::Opus);
    let mut packet = event(Codec::Pcmu, 1, 0, true, 400);
    packet.extend([6, 0x80 | 10, 0x01, 0x90]);
    let sent = bench.say(A, &packet).unwrap();
    assert_eq!(&sent.bytes[12..], [5, 0x8a, 0x09, 0x60, 6, 0x8a, 0x09, 0x60]);
}

#[test]
fn one_that_is_no_event_is_dropped_and_counted() {
    let mut bench = pair(Codec::Pcmu, Codec::Opus);
    let mut short = event(Codec::Pcmu, 1, 0, false, 160);
    let first = bench.say(A, &short).unwrap();
    short[3] = 2;
    short.truncate(15);
    assert_eq!(bench.say(A, &short), Err(Verdict::Dropped(DropReason::Malformed)));
    let next = bench.say(A, &event(Codec::Pcmu, 3, 0, false, 320)).unwrap();
    assert_eq!(next.sequence(), first.sequence().wrapping_add(1));
    assert_eq!(bench.close()[0].dropped, 1);
}

#[test]
fn who_may_not_be_sent_to_gets_none() {
    let mut bench = pair(Codec::Pcmu, Codec::Opus);
    bench.describe(B, EndpointDescription { rtp: None, ..beside(B, Codec::Opus, Codec::Pcmu) });
    assert_eq!(bench.say(A, &event(Codec::Pcmu, 1, 0, false, 160)), Err(Verdict::Waits));
    bench.describe(B, beside(B, Codec::Opus, Codec::Pcmu));
    assert!(bench.say(A, &event(Codec::Pcmu, 2, 0, false, 320)).unwrap().marker());
}
