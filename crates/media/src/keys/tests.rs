use super::*;
use crate::rtp::{header::Header, rewrite::Outgoing, sequence::Seen};
use proptest::prelude::*;
use std::collections::BTreeSet;
use tandem_model::{Codec, Key, KeyPress, Keys, PacketTimes, Random, Speech, Timestamp};
use tandem_sound::g711;
use tandem_sound::keys::{Detector, Generator, Heard};

const EVENTS: Keys = Keys::Events { payload: 101, clock_khz: 8 };

fn key(sign: char) -> Key {
    Key::of_sign(sign).expect("a key")
}

fn at(ms: u64) -> Timestamp {
    Timestamp::from_millis(ms)
}

/// One packet of events.
#[derive(Clone, Copy, Debug)]
struct Packet {
    at_ms: u64,
    marker: bool,
    timestamp: u32,
    payload: [u8; 4],
}

fn packet(at_ms: u64, timestamp: u32, code: u8, is_end: bool, lasted: u16) -> Packet {
    let [high, low] = lasted.to_be_bytes();
    Packet { at_ms, marker: false, timestamp, payload: [code, if is_end { 0x8a } else { 10 }, high, low] }
}

/// The packets of a key that is pressed for so long, every 20 ms, as RFC 4733 wants them.
fn pressed(from_ms: u64, timestamp: u32, code: u8, ms: u64) -> Vec<Packet> {
    let steps = ms / 20;
    let updates = (1..steps).map(|step| packet(from_ms + 20 * (step - 1), timestamp, code, false, (step * 160) as u16));
    let ends = (0..3).map(|n| packet(from_ms + 20 * (steps - 1 + n), timestamp, code, true, (ms * 8) as u16));
    let mut all: Vec<Packet> = updates.chain(ends).collect();
    all[0].marker = true;
    all
}

/// What a collector says of these, with the silence behind them.
fn collected(packets: &[Packet]) -> Vec<Stroke> {
    let (mut collector, mut strokes) = (Collector::default(), Vec::new());
    for (n, packet) in packets.iter().enumerate() {
        strokes.extend(collector.wake(at(packet.at_ms)).iter());
        let header =
            Header { marker: packet.marker, payload: 101, sequence: n as u16, timestamp: packet.timestamp, ssrc: 1, payload_len: 4 };
        let seen = Seen { extended: n as u32, epoch: 1 };
        strokes.extend(collector.take(at(packet.at_ms), seen, &header, 8_000, &packet.payload).iter());
    }
    if let Some(due) = collector.due_at() {
        strokes.extend(collector.wake(due).iter());
    }
    assert_eq!(collector.due_at(), None);
    strokes
}

fn once(sign: char, ms: u16) -> [Stroke; 2] {
    [Stroke::Down(key(sign)), Stroke::Up(key(sign), ms)]
}

#[test]
fn a_key_is_one_key_whatever_is_lost_doubled_or_late() {
    let whole = pressed(0, 4_000, 5, 100);
    assert_eq!(whole.len(), 7);
    assert_eq!(collected(&whole), once('5', 100));
    let doubled: Vec<_> = whole.iter().flat_map(|packet| [*packet, *packet]).collect();
    assert_eq!(collected(&doubled), once('5', 100), "doubled");
    for lost in 0..whole.len() {
        let mut rest = whole.clone();
        rest.remove(lost);
        assert_eq!(collected(&rest), once('5', 100), "without packet {lost}");
    }
    for kept in &whole {
        let ms = u16::from_be_bytes([kept.payload[2], kept.payload[3]]) / 8;
        assert_eq!(collected(&[*kept]), once('5', ms), "nothing but one");
    }
    assert_eq!(collected(&whole[..4]), once('5', 80), "all ends lost");
    assert_eq!(collected(&whole[5..]), once('5', 100), "all but ends lost");
    let mut random = Random::new(3);
    for _ in 0..200 {
        let mut shuffled = whole.clone();
        (1..shuffled.len()).for_each(|place| shuffled.swap(place, random.below(place as u64 + 1) as usize));
        let strokes = collected(&shuffled);
        assert_eq!(strokes.len(), 2, "{shuffled:?}");
    }
}

#[test]
fn keys_that_follow_each_other_are_as_many() {
    let mut packets = Vec::new();
    for (n, code) in [1, 1, 2, 2, 2, 15].into_iter().enumerate() {
        let begins = n as u64 * 90;
        packets.extend(pressed(begins, begins as u32 * 8, code, 40));
    }
    packets.sort_by_key(|packet| packet.at_ms);
    let downs = |packets: &[Packet]| -> String {
        let sign = |stroke: &Stroke| if let Stroke::Up(key, 40 | 20) = stroke { Some(key.sign()) } else { None };
        collected(packets).iter().filter_map(sign).collect()
    };
    assert_eq!(downs(&packets), "11222D");
    let without_ends: Vec<_> = packets.iter().filter(|packet| packet.payload[1] & 0x80 == 0).copied().collect();
    assert_eq!(downs(&without_ends), "11222D", "all ends lost");
    let only_ends: Vec<_> = packets.iter().filter(|packet| packet.payload[1] & 0x80 != 0).copied().collect();
    assert_eq!(downs(&only_ends), "11222D", "all beginnings lost");
    // A packet of the key before, behind the first of the next.
    let mut crossed = pressed(0, 800, 7, 60);
    let late = crossed.pop().expect("an end");
    crossed.extend(pressed(120, 1_760, 7, 60));
    crossed.insert(6, late);
    assert_eq!(collected(&crossed), [once('7', 60), once('7', 60)].concat());
}

#[test]
fn a_timestamp_that_wraps_and_a_source_that_changes() {
    let mut packets = pressed(0, u32::MAX - 300, 9, 100);
    packets.extend(pressed(200, 1_299, 9, 100));
    assert_eq!(collected(&packets), [once('9', 100), once('9', 100)].concat());
    let (mut collector, mut strokes) = (Collector::default(), Vec::new());
    for epoch in 1..4 {
        let header = Header { marker: true, payload: 101, sequence: 0, timestamp: 77, ssrc: 1, payload_len: 4 };
        strokes.extend(collector.take(at(0), Seen { extended: 0, epoch }, &header, 8_000, &[3, 10, 0, 160]).iter());
    }
    let twice = [Stroke::Down(key('3')), Stroke::Up(key('3'), 20)];
    assert_eq!(strokes, [&twice[..], &twice, &[Stroke::Down(key('3'))]].concat());
}

#[test]
fn what_is_no_key_is_none() {
    assert_eq!(collected(&[packet(0, 800, 16, true, 800), packet(20, 1_600, 200, false, 0)]), []);
    let mut collector = Collector::default();
    let header = Header { marker: true, payload: 101, sequence: 0, timestamp: 77, ssrc: 1, payload_len: 3 };
    assert!(collector.take(at(0), Seen::default(), &header, 0, &[1, 2, 3]).is_empty());
}

/// All packets of a sender whose keys are those, with the times at which they came.
fn sent(keys: Keys, packet_ms: u8, presses: &[KeyPress]) -> Vec<(u64, Vec<u8>)> {
    let speech = Speech { payload: 0, codec: Codec::Pcmu, packet_ms, passed: PacketTimes::ANY, parameters: None };
    let (mut pressing, mut stream, mut packets) = (Pressing::new(), Outgoing::new(&mut Random::new(5)), Vec::new());
    presses.iter().for_each(|press| pressing.press(at(1_000), *press));
    while let Some(due) = pressing.due_at() {
        if let Some(made) = pressing.make(due, keys, Some(&speech), &mut stream) {
            let packet = pressing.packet(&made.header).expect("it was made");
            packets.push((due.since(at(1_000)).as_millis() as u64, packet.to_vec()));
        }
    }
    packets
}

fn words(packet: &[u8]) -> (bool, u16, u32, u8, bool, u16) {
    let half = |place: usize| u16::from_be_bytes([packet[place], packet[place + 1]]);
    let timestamp = u32::from(half(4)) << 16 | u32::from(half(6));
    (packet[1] & 0x80 != 0, half(2), timestamp, packet[12], packet[13] & 0x80 != 0, half(14))
}

#[test]
fn an_event_is_said_as_the_rfc_wants_it() {
    let packets = sent(EVENTS, 20, &[KeyPress { key: key('#'), ms: 100 }, KeyPress { key: key('#'), ms: 45 }]);
    let (_, first, begins, ..) = words(&packets[0].1);
    let said: Vec<_> = packets
        .iter()
        .map(|(ms, packet)| {
            let (marker, sequence, timestamp, code, is_end, lasted) = words(packet);
            assert_eq!((packet.len(), packet[1] & 0x7f, code, packet[13] & 0x3f), (16, 101, 11, 10));
            (*ms, marker, sequence.wrapping_sub(first), timestamp.wrapping_sub(begins), is_end, lasted)
        })
        .collect();
    let expected = [
        (0, true, 0, 0, false, 160),
        (20, false, 1, 0, false, 320),
        (40, false, 2, 0, false, 480),
        (60, false, 3, 0, false, 640),
        (80, false, 4, 0, true, 800),
        (100, false, 5, 0, true, 800),
        (120, false, 6, 0, true, 800),
        // 60 ms after the end of the one before.
        (160, true, 7, 1_280, false, 160),
        (180, false, 8, 1_280, false, 320),
        (200, false, 9, 1_280, true, 360),
        (220, false, 10, 1_280, true, 360),
        (240, false, 11, 1_280, true, 360),
    ];
    assert_eq!(said, expected);
}

#[test]
fn a_long_event_goes_on_in_segments_and_is_one_key_to_who_hears_it() {
    for (clock_khz, clock_rate) in [(8, 8_000), (48, 48_000)] {
        let keys = Keys::Events { payload: 101, clock_khz };
        let packets = sent(keys, 20, &[KeyPress { key: key('0'), ms: 10_000 }]);
        let (mut collector, mut strokes) = (Collector::default(), Vec::new());
        let (mut segments, mut last) = (1, words(&packets[0].1));
        for (n, (ms, packet)) in packets.iter().enumerate() {
            let (marker, sequence, timestamp, code, is_end, lasted) = words(packet);
            if timestamp != last.2 {
                assert_eq!((timestamp.wrapping_sub(last.2), last.5, last.4), (65_535, 65_535, false), "as long as can be said");
                segments += 1;
            }
            last = words(packet);
            let header = Header { marker, payload: 101, sequence, timestamp, ssrc: 1, payload_len: 4 };
            assert_eq!((code, lasted > 0, is_end), (0, true, n + 3 >= packets.len()));
            let seen = Seen { extended: n as u32, epoch: 0 };
            strokes.extend(collector.take(at(*ms), seen, &header, clock_rate, &packet[12..]).iter());
        }
        assert_eq!(segments, if clock_khz == 8 { 2 } else { 8 });
        assert_eq!(strokes, once('0', 10_000));
    }
}

#[test]
fn a_key_that_is_held_lasts_as_long_as_it_is() {
    let speech = Speech { payload: 0, codec: Codec::Pcmu, packet_ms: 20, passed: PacketTimes::ANY, parameters: None };
    for (held_ms, told_ms, lasts) in [(70, 100, 100), (200, 100, 200), (3, 0, 40)] {
        let (mut pressing, mut stream) = (Pressing::new(), Outgoing::new(&mut Random::new(5)));
        pressing.down(at(0), 3, key('1'));
        let mut lasted = 0;
        while let Some(due) = pressing.due_at() {
            if due >= at(held_ms) {
                pressing.up(3, told_ms);
            }
            let made = pressing.make(due, EVENTS, Some(&speech), &mut stream).expect("a packet");
            let packet = pressing.packet(&made.header).expect("it was made");
            let (.., is_end, ticks) = words(packet);
            lasted = if is_end { ticks / 8 } else { lasted };
        }
        assert_eq!(lasted, lasts, "held for {held_ms}, told {told_ms}");
    }
    let (mut pressing, mut stream) = (Pressing::new(), Outgoing::new(&mut Random::new(5)));
    pressing.down(at(0), 3, key('1'));
    let mut end = Timestamp::ZERO;
    while let Some(due) = pressing.due_at() {
        (_, end) = (pressing.make(due, EVENTS, Some(&speech), &mut stream), due);
    }
    assert!((60_000..61_000).contains(&(end.since(Timestamp::ZERO).as_millis())), "nobody holds it for ever: {end}");
}

#[test]
fn no_more_wait_than_there_is_room_for() {
    let press = KeyPress { key: key('1'), ms: 40 };
    let packets = sent(EVENTS, 20, &[press; 200]);
    let begun = packets.iter().filter(|(_, packet)| words(packet).0).count();
    assert_eq!(begun, 64);
}

#[test]
fn tones_are_keys_of_that_length_with_pauses_between_them() {
    for packet_ms in [10, 20, 30, 40, 60] {
        let presses: Vec<_> = "15*#D0".chars().map(|sign| KeyPress { key: key(sign), ms: 100 }).collect();
        let packets = sent(Keys::InBand, packet_ms, &presses);
        let (mut samples, mut next) = (Vec::new(), None);
        for (ms, packet) in &packets {
            let timestamp = u32::from_be_bytes([packet[4], packet[5], packet[6], packet[7]]);
            assert!(next.is_none_or(|next| next == timestamp), "a stream without a gap");
            next = Some(timestamp.wrapping_add((packet.len() - 12) as u32));
            assert_eq!(*ms as usize * 8, samples.len());
            samples.extend(packet[12..].iter().map(|octet| g711::FROM_MU_LAW[usize::from(*octet)]));
        }
        samples.resize(samples.len() + 800, 0);
        let (mut heard, mut detector) = (String::new(), Detector::new(8_000));
        detector.listen(&samples, |what| {
            if let Heard::Released(key, samples) = what {
                assert!((600..=1_000).contains(&samples), "{samples}");
                heard.push(key.sign());
            }
        });
        assert_eq!(heard, "15*#D0", "in packets of {packet_ms} ms");
    }
}

#[test]
fn little_of_a_key_is_heard_beside_its_name() {
    for (rate, offset) in [(8_000, 0), (8_000, 77), (16_000, 33), (48_000, 511)] {
        let mut samples = vec![0; offset + rate as usize / 10];
        let mut generator = Generator::new(key('6'), rate);
        let (from, length) = (samples.len(), rate as usize / 5);
        samples.resize(from + length, 0);
        generator.fill(&mut samples[from..]);
        samples.resize(samples.len() + rate as usize / 2, 0);
        let (mut ear, mut strokes) = (Ear::new(rate), Vec::new());
        samples.chunks_mut(rate as usize / 50).for_each(|frame| strokes.extend(ear.listen(frame).iter()));
        assert!(matches!(strokes[..], [Stroke::Down(_), Stroke::Up(six, 180..=226)] if six == key('6')), "{strokes:?}");
        let left = samples.iter().filter(|sample| sample.unsigned_abs() > 100).count() * 1_000 / rate as usize;
        assert!(left <= 26, "{left} ms are left of it");
    }
}

#[test]
fn speech_is_let_through_but_for_a_moment_that_looks_like_a_key() {
    let coded = include_bytes!("../../../sound/tests/vectors/speech.ulaw");
    let speech: Vec<i16> = coded.iter().map(|octet| g711::FROM_MU_LAW[usize::from(*octet)]).collect();
    let (mut ear, mut changed) = (Ear::new(8_000), 0);
    for frame in speech.chunks(160) {
        let mut heard = frame.to_vec();
        assert!(ear.listen(&mut heard).is_empty(), "no key");
        changed += usize::from(heard != frame);
    }
    assert!(changed * 500 < speech.len() / 160, "{changed} frames of {} were silenced", speech.len() / 160);
}

proptest! {
    #[test]
    fn whatever_comes_there_are_no_more_keys_than_timestamps(
        packets in prop::collection::vec((0..30_u64, any::<bool>(), 0..100_000_u32, prop::array::uniform4(any::<u8>())), 0..200),
        codes in prop::collection::vec(0..17_u8, 200),
    ) {
        let mut now = 0;
        let packets: Vec<_> = packets.into_iter().zip(codes).map(|((wait, marker, timestamp, payload), code)| {
            now += wait * 10;
            Packet { at_ms: now, marker, timestamp, payload: [code, payload[1], payload[2], payload[3]] }
        }).collect();
        let strokes = collected(&packets);
        let timestamps: BTreeSet<u32> = packets.iter().map(|packet| packet.timestamp).collect();
        prop_assert!(strokes.len() <= 2 * timestamps.len());
        for pair in strokes.chunks(2) {
            prop_assert!(matches!(pair, [Stroke::Down(down), Stroke::Up(up, _)] if down == up), "{:?}", strokes);
        }
    }

    #[test]
    fn any_payload_is_read(payload in prop::collection::vec(any::<u8>(), 0..40), clock_rate in any::<u32>(), timestamp in any::<u32>()) {
        let mut collector = Collector::default();
        let header = Header { marker: false, payload: 101, sequence: 0, timestamp, ssrc: 1, payload_len: payload.len() };
        let first = collector.take(at(0), Seen::default(), &header, clock_rate, &payload);
        prop_assert!(first.iter().count() <= 2);
        let again = collector.take(at(0), Seen { extended: 1, epoch: 0 }, &header, clock_rate, &payload);
        prop_assert!(again.is_empty());

    }
}
