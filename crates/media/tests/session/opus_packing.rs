//! Packets of Opus of another length than the other side wants: their frames go into others.

use crate::common::*;
use proptest::prelude::*;
use std::time::Duration;
use tandem_media::Verdict;
use tandem_model::{Across, Carries, Codec, EndpointDescription, PacketTimes, PayloadRule, Speech, Timestamp};
use tandem_sound::opus::{
    Decoder, Encoder, OpusTerms,
    frames::{Frames, Kind, join, shape},
};

const SSRC: u32 = 0xabc;
const BEGINS: u32 = 48_000;

/// Modes of which each frame is, by the first octet: SILK of 10, 20, 40 and 60 ms, hybrid of 10 and 20, CELT of 2.5 to 20, one with two channels.
const SILK_10: u8 = 0x40;
const SILK_20: u8 = 0x48;
const SILK_40: u8 = 0x50;
const SILK_60: u8 = 0x58;
const CELT_20: u8 = 0xf8;
const STEREO_20: u8 = 0xfc;
const CELT_5: u8 = 0xe8;

fn opus(index: usize, passed: PacketTimes) -> EndpointDescription {
    let sound = PayloadRule { from: 111, carries: Carries::Sound(Codec::Opus), across: Across::As(111), clock_rate: 48_000 };
    let event = PayloadRule { from: 101, carries: Carries::Event, across: Across::As(101), clock_rate: 8_000 };
    let packet_ms = passed.most_ms.min(60);
    let speech = Some(Speech { packet_ms, passed, ..speech(111, Codec::Opus) });
    EndpointDescription { payloads: [sound, event].into(), speech, ..description(index) }
}

fn asked(ms: u8) -> PacketTimes {
    PacketTimes { least_ms: ms, most_ms: ms, frame_ms: u8::MAX }
}

/// A speaks, and B wants that.
fn bench(passed: PacketTimes) -> Bench {
    let mut bench = Bench::bare(2);
    bench.describe(A, opus(A, PacketTimes::ANY));
    bench.describe(B, opus(B, passed));
    bench
}

fn kind(first: u8) -> Kind {
    shape(&[first]).unwrap().0
}

/// A packet of these frames.
fn packet(first: u8, frames: &[Vec<u8>]) -> Vec<u8> {
    let lengths: Vec<u16> = frames.iter().map(|frame| frame.len() as u16).collect();
    let mut packet = vec![0; 4_000];
    let length = join(kind(first), &lengths, &frames.concat(), &mut packet).unwrap();
    packet.truncate(length);
    packet
}

fn packet_of_rtp(number: u16, timestamp: u32, payload: &[u8]) -> Vec<u8> {
    let mut packet = rtp(111, SSRC, number, timestamp)[..12].to_vec();
    packet.extend(payload);
    packet
}

/// What is said in a frame.
type Frame = (u32, Vec<u8>);

/// The frames of packets, with their times; in each packet all are of one kind and no more than 120 ms.
fn frames_of<'p>(packets: impl IntoIterator<Item = (u32, &'p [u8])>) -> Vec<Frame> {
    let mut all = Vec::new();
    for (mut timestamp, payload) in packets {
        let frames = Frames::read(payload).unwrap();
        for place in frames.places() {
            all.push((timestamp, payload[place].to_vec()));
            timestamp = timestamp.wrapping_add(frames.kind().frame_ticks());
        }
    }
    all
}

fn heard_frames(heard: &[(Timestamp, Sent)]) -> Vec<Frame> {
    let first = heard.first().map_or(0, |(_, sent)| sent.timestamp());
    frames_of(heard.iter().map(|(_, sent)| (BEGINS.wrapping_add(sent.timestamp().wrapping_sub(first)), &sent.bytes[12..])))
}

/// Gives packets to A, each when it would come, and says what B hears.
fn speak(bench: &mut Bench, packets: &[(u16, u32, Vec<u8>)]) -> Timed<Sent> {
    let began = bench.now;
    let mut heard = Vec::new();
    for (number, timestamp, payload) in packets {
        let length = frames_of([(0, &payload[..])]).len() as u32 * shape(payload).unwrap().0.frame_ticks();
        let at = began + Duration::from_micros(u64::from(timestamp + length - BEGINS) * 1_000 / 48);
        heard.extend(bench.run(at.max(bench.now)).0);
        match bench.say(A, &packet_of_rtp(*number, *timestamp, payload)) {
            Ok(sent) => heard.push((bench.now, sent)),
            Err(verdict) => assert_eq!(verdict, Verdict::Waits),
        }
    }
    heard.extend(bench.run(bench.now + Duration::from_millis(300)).0);
    heard
}

/// Packets of so many frames each, of one kind.
fn steady(first: u8, frames: usize, packets: u16) -> Vec<(u16, u32, Vec<u8>)> {
    let ticks = kind(first).frame_ticks() * frames as u32;
    (0..packets)
        .map(|n| {
            let said: Vec<Vec<u8>> = (0..frames).map(|frame| vec![n as u8 ^ frame as u8; 20 + usize::from(n) * 7 % 150]).collect();
            (n, BEGINS + u32::from(n) * ticks, packet(first, &said))
        })
        .collect()
}

fn said_frames(said: &[(u16, u32, Vec<u8>)]) -> Vec<Frame> {
    frames_of(said.iter().map(|(_, timestamp, payload)| (*timestamp, &payload[..])))
}

fn ms_of(sent: &Sent) -> u32 {
    let (kind, count) = shape(&sent.bytes[12..]).unwrap();
    kind.frame_ticks() * u32::from(count) / 48
}

#[test]
fn frames_go_into_packets_of_the_length_that_is_wanted() {
    for (first, frames, wanted, got) in [
        (SILK_20, 1, 60, 60),
        (SILK_20, 3, 20, 20),
        (SILK_20, 1, 40, 40),
        (SILK_20, 2, 60, 60),
        (SILK_10, 2, 30, 30),
        (SILK_10, 6, 10, 10),
        (CELT_20, 1, 120, 120),
        (STEREO_20, 3, 40, 40),
        (CELT_5, 4, 10, 10),
        // As near as whole frames come to it.
        (SILK_20, 3, 30, 20),
        (SILK_20, 1, 50, 40),
        (SILK_40, 2, 60, 40),
        (SILK_60, 2, 20, 60),
    ] {
        let mut bench = bench(asked(wanted));
        // As many frames as make whole packets of any length.
        let said = steady(first, frames, 120);
        let heard = speak(&mut bench, &said);
        assert_eq!(heard_frames(&heard), said_frames(&said), "{first:#x}, {frames} frames to {wanted} ms");
        let lengths: Vec<u32> = heard.iter().map(|(_, sent)| ms_of(sent)).collect();
        assert!(lengths.iter().rev().skip(1).all(|ms| *ms == got), "{first:#x}, {frames} frames to {wanted} ms: {lengths:?}");
        let is_next = |pair: &[(Timestamp, Sent)]| pair[1].1.sequence() == pair[0].1.sequence().wrapping_add(1) && !pair[1].1.marker();
        assert!(heard.windows(2).all(is_next) && heard[0].1.marker());
        // None waits for longer than it takes to fill it, or than its sender took.
        let before: u64 = heard.iter().take(heard.len() / 2).map(|(_, sent)| u64::from(ms_of(sent))).sum();
        let waited = heard[heard.len() / 2].0.since(Timestamp::from_millis(1_000_000)).as_millis() as u64 - before;
        let sent_ms = u64::from(kind(first).frame_ticks()) / 48 * frames as u64;
        assert!(waited <= u64::from(got).max(sent_ms) + sent_ms, "{first:#x}, {frames} frames to {wanted} ms: {waited}");
    }
}

#[test]
fn what_fits_or_cannot_come_nearer_goes_on_in_the_buffer_in_which_it_came() {
    for (first, frames, passed) in [
        (SILK_20, 1, asked(20)),
        (SILK_20, 3, asked(60)),
        (SILK_60, 1, asked(20)),
        (SILK_20, 1, asked(30)),
        (SILK_20, 2, PacketTimes { least_ms: 0, most_ms: 40, frame_ms: 40 }),
        (SILK_20, 6, PacketTimes::ANY),
    ] {
        let mut bench = bench(passed);
        for (number, timestamp, payload) in steady(first, frames, 5) {
            let sent = bench.say(A, &packet_of_rtp(number, timestamp, &payload)).unwrap();
            assert_eq!(sent.bytes[12..], payload);
        }
    }
}

#[test]
fn packets_that_may_be_shorter_are_only_cut() {
    let mut bench = bench(PacketTimes { least_ms: 0, most_ms: 40, frame_ms: 40 });
    assert!(bench.say(A, &packet_of_rtp(0, 0, &steady(SILK_20, 1, 1)[0].2)).is_ok());
    let said = steady(SILK_20, 3, 20);
    let heard = speak(&mut bench, &said.iter().map(|(n, at, payload)| (n + 1, *at, payload.clone())).collect::<Vec<_>>());
    assert_eq!(heard_frames(&heard), said_frames(&said));
    assert!(heard.iter().all(|(_, sent)| ms_of(sent) <= 40));
}

#[test]
fn a_frame_that_is_too_long_is_said_again() {
    let mut bench = bench(PacketTimes { least_ms: 20, most_ms: 20, frame_ms: 40 });
    let mut encoder = Encoder::new(16_000, &OpusTerms::default()).unwrap();
    let said: Vec<(u16, u32, Vec<u8>)> = (0..50)
        .map(|n: u16| {
            let tone = (0..960).map(|t| (8_000.0 * (f64::from(u32::from(n) * 960 + t) * 0.2).sin()) as i16);
            let mut packet = [0; 4_000];
            let length = encoder.encode(&tone.collect::<Vec<i16>>(), &mut packet).unwrap();
            assert_eq!(shape(&packet).map(|(kind, count)| (kind.frame_ticks(), count)), Some((2_880, 1)));
            (n, BEGINS + u32::from(n) * 2_880, packet[..length].to_vec())
        })
        .collect();
    let heard = speak(&mut bench, &said);
    assert!(heard.len() > 140 && heard.iter().all(|(_, sent)| ms_of(sent) == 20), "{}", heard.len());
    assert!(heard.windows(2).all(|pair| pair[1].1.sequence() == pair[0].1.sequence().wrapping_add(1)));
    // So is what follows, of whatever length, and events go into it.
    assert_eq!(bench.say(A, &packet_of_rtp(50, BEGINS + 50 * 2_880, &steady(SILK_20, 1, 1)[0].2)), Err(Verdict::Waits));
    assert_eq!(bench.say(A, &rtp(101, SSRC, 51, 9)).unwrap().payload(), 101);
}

#[test]
fn silence_ends_a_packet_and_nothing_waits_for_it() {
    for told in [false, true] {
        let mut bench = bench(asked(60));
        // After a packet and a frame there is nothing to say, which a frame of nothing may tell.
        let mut said = steady(SILK_20, 1, 4);
        if told {
            said.push((4, BEGINS + 4 * 960, vec![SILK_20]));
        }
        let mut heard = speak(&mut bench, &said);
        assert_eq!(heard_frames(&heard), said_frames(&said));
        assert_eq!(heard.len(), 2, "what does not fill a packet leaves all the same");
        // 400 ms later there is again: numbers go on, time has passed.
        let next = said.len() as u16;
        let at = BEGINS + 24 * 960;
        let again: Vec<_> = (0..3).map(|n| (next + n, at + u32::from(n) * 960, steady(SILK_20, 1, 1)[0].2.clone())).collect();
        for (number, timestamp, payload) in &again {
            bench.wait(Duration::from_millis(20));
            assert_eq!(bench.say(A, &packet_of_rtp(*number, *timestamp, payload)), Err(Verdict::Waits));
        }
        heard.extend(bench.run(bench.now + Duration::from_millis(300)).0);
        said.extend(again);
        assert_eq!(heard_frames(&heard), said_frames(&said));
        assert!(heard.windows(2).all(|pair| pair[1].1.sequence() == pair[0].1.sequence().wrapping_add(1)), "nothing is lost");
    }
}

#[test]
fn a_marker_and_another_kind_of_frames_begin_a_packet() {
    let mut bench = bench(asked(60));
    let mut said = steady(SILK_20, 1, 4);
    said.extend((4..6).map(|n: u16| (n, BEGINS + u32::from(n) * 960, packet(CELT_20, &[vec![7; 50]]))));
    let heard = speak(&mut bench, &said);
    assert_eq!(heard_frames(&heard), said_frames(&said));
    assert_eq!(heard.iter().map(|(_, sent)| ms_of(sent)).collect::<Vec<_>>(), [60, 20, 40]);
    let mut marked = packet_of_rtp(6, BEGINS + 6 * 960, &steady(SILK_20, 1, 1)[0].2);
    marked[1] |= 0x80;
    assert_eq!(bench.say(A, &marked), Err(Verdict::Waits));
    let last = bench.run(bench.now + Duration::from_millis(300)).0;
    assert!(last.len() == 1 && last[0].1.marker());
}

#[test]
fn long_frames_make_no_datagram_that_is_too_long() {
    let mut bench = bench(asked(60));
    let said: Vec<_> =
        (0..30).map(|n: u16| (n, BEGINS + u32::from(n) * 960, packet(CELT_20, &[vec![n as u8; 500 + 25 * usize::from(n)]]))).collect();
    let heard = speak(&mut bench, &said);
    assert_eq!(heard_frames(&heard), said_frames(&said));
    assert!(heard.iter().all(|(_, sent)| sent.bytes.len() <= 12 + 1_276));
}

#[test]
fn what_is_no_packet_counts_as_lost() {
    let mut bench = bench(asked(20));
    let mut said = steady(SILK_20, 3, 9);
    let heard = speak(&mut bench, &said[..4]);
    // Three frames whose lengths do not add up.
    let junk = [SILK_20 | 3, 3, 1, 2];
    bench.wait(Duration::from_millis(60));
    assert_eq!(bench.say(A, &packet_of_rtp(4, said[4].1, &junk)), Err(Verdict::Waits));
    bench.wait(Duration::from_millis(60));
    assert_eq!(bench.say(A, &packet_of_rtp(5, said[5].1, &said[5].2)), Err(Verdict::Waits));
    let after = bench.run(bench.now + Duration::from_millis(300)).0;
    said.truncate(4);
    assert_eq!(heard_frames(&heard), said_frames(&said));
    let last = &heard.last().unwrap().1;
    assert_eq!((after[0].1.sequence().wrapping_sub(last.sequence()), after.len()), (4, 3), "a number for each frame");
    assert_eq!(after[0].1.timestamp().wrapping_sub(last.timestamp()), 4 * 960);
}

#[test]
fn joined_packets_sound_as_those_that_were_said() {
    let mut encoder = Encoder::new(48_000, &OpusTerms::read("useinbandfec=1;usedtx=1")).unwrap();
    let mut said = Vec::new();
    for n in 0..150_u16 {
        // Somebody talks, and pauses.
        let loud = if n % 100 < 50 { 8_000.0 } else { 0.0 };
        let tone: Vec<i16> = (0..960).map(|t| (loud * (f64::from(u32::from(n) * 960 + t) * 0.05).sin()) as i16).collect();
        let mut packet = [0; 4_000];
        let length = encoder.encode(&tone, &mut packet).unwrap();
        said.push((n, BEGINS + u32::from(n) * 960, packet[..length].to_vec()));
    }
    let sound = |payloads: Vec<&[u8]>| {
        let mut decoder = Decoder::new(48_000).unwrap();
        let mut all = Vec::new();
        for payload in payloads {
            let mut samples = vec![0; decoder.samples(payload).unwrap()];
            decoder.decode(payload, &mut samples).unwrap();
            all.extend(samples);
        }
        all
    };
    let spoken = sound(said.iter().map(|(_, _, payload)| &payload[..]).collect());
    for ms in [40, 60, 120] {
        let heard = speak(&mut bench(asked(ms)), &said);
        assert!(heard.len() < said.len());
        assert_eq!(sound(heard.iter().map(|(_, sent)| &sent.bytes[12..]).collect()), spoken, "{ms} ms");
    }
}

#[test]
fn what_is_lost_stays_a_gap_and_what_comes_late_goes_where_it_belongs() {
    for (first, frames, wanted) in [(SILK_20, 1, 60), (SILK_20, 3, 20), (SILK_10, 2, 40), (SILK_20, 1, 20)] {
        let mut said = steady(first, frames, 60);
        for n in [10, 25, 40] {
            said.swap(n, n + 1);
        }
        said.retain(|(number, _, _)| !matches!(number % 20, 4 | 5));
        let mut bench = bench(asked(wanted));
        let mut heard = speak(&mut bench, &said);
        heard.sort_by_key(|(_, sent)| sent.sequence().wrapping_sub(u16::MAX / 2));
        let mut frames = heard_frames(&heard);
        let mut expected = said_frames(&said);
        expected.sort();
        assert!(frames.is_sorted_by_key(|(timestamp, _)| *timestamp), "by number they are in order");
        frames.sort();
        assert_eq!(frames, expected, "{first:#x} to {wanted} ms");
    }
}

proptest! {
    /// Whatever the frames and however they are packed, the listener gets the same ones, in the same order, at the same times.
    #[test]
    fn the_same_frames_come_at_the_same_times(
        packets in prop::collection::vec(
            (prop::sample::select(vec![SILK_10, SILK_20, SILK_40, SILK_60, CELT_20, STEREO_20, CELT_5]), prop::collection::vec(0..=600_usize, 1..6), 0..20_u32),
            1..60,
        ),
        wanted in prop::sample::select(vec![10_u8, 20, 30, 40, 60, 120]),
        joins: bool,
        lost in prop_oneof![Just(Vec::new()), prop::collection::vec(1..60_usize, 0..10)],
    ) {
        let (mut said, mut at) = (Vec::new(), BEGINS);
        for (n, (first, lengths, pause)) in packets.iter().enumerate() {
            let ticks = kind(*first).frame_ticks();
            let most = (5_760 / ticks) as usize;
            // As much as a datagram holds.
            let mut room = 1_900_usize;
            let fits = |length: &&usize| room.checked_sub(**length + 2).map(|rest| room = rest).is_some();
            let frames: Vec<Vec<u8>> = lengths.iter().take(most).take_while(fits).map(|length| vec![n as u8; *length]).collect();
            // Now and then nothing is said.
            at += if *pause == 0 && n > 0 { 4_800 } else { 0 };
            said.push((n as u16, at, packet(*first, &frames)));
            at += ticks * frames.len() as u32;
        }
        let passed = PacketTimes { least_ms: if joins { wanted } else { 0 }, most_ms: wanted, frame_ms: u8::MAX };
        // The first begins the time of what is heard.
        said.retain(|(n, ..)| *n == 0 || !lost.contains(&usize::from(*n)));
        let heard = speak(&mut bench(passed), &said);
        prop_assert_eq!(heard_frames(&heard), said_frames(&said));
        let is_behind = |pair: &[(Timestamp, Sent)]| (1..0x8000).contains(&pair[1].1.sequence().wrapping_sub(pair[0].1.sequence()));
        let is_next = |pair: &[(Timestamp, Sent)]| pair[1].1.sequence() == pair[0].1.sequence().wrapping_add(1);
        prop_assert!(heard.windows(2).all(|pair| is_behind(pair) && (!lost.is_empty() || is_next(pair))));
        for (_, sent) in &heard {
            let (_, count) = shape(&sent.bytes[12..]).unwrap();
            prop_assert!(ms_of(sent) <= wanted.into() || count == 1);
        }
    }
}
