//! Keys between legs that press and hear them in different ways, packet by packet.

use crate::{
    common::*,
    transcode::{FRAME, Humming, payload, speaking},
};
use std::time::Duration;
use tandem_media::{Input, Playable, Verdict};
use tandem_model::{
    Across, Carries, Codec, EndpointDescription, Hearing, Key, KeyPress, Keys, Layout, MediaEvent, PayloadRule, PlayId, Recorded,
    RecordingId, Speech, Timestamp,
};
use tandem_sound::{
    Decoder, Encoder,
    keys::{Detector, Generator, Heard},
    opus::OpusTerms,
};

const SSRC: u32 = 0xabc;
const EVENTS: Keys = Keys::Events { payload: 101, clock_khz: 8 };

fn key(sign: char) -> Key {
    Key::of_sign(sign).unwrap()
}

fn told(index: usize, sign: char, ms: u16) -> MediaEvent {
    MediaEvent::Key { leg: leg(index), key: key(sign), ms }
}

/// A leg of PCMU with that habit, whose sound goes on as it is.
fn of(index: usize, keys: Keys, other: Keys) -> EndpointDescription {
    let across = if other == EVENTS { Across::As(101) } else { Across::Key };
    let sound = match (keys, other) {
        (Keys::InBand, EVENTS | Keys::Info) => Across::Sound(Codec::Pcmu),
        _ => Across::As(0),
    };
    let rules = [
        PayloadRule { from: 0, carries: Carries::Sound(Codec::Pcmu), across: sound, clock_rate: 8000 },
        PayloadRule { from: 101, carries: Carries::Event, across, clock_rate: 8000 },
    ];
    EndpointDescription { payloads: rules.into(), keys, ..description(index) }
}

fn pair(a: Keys, b: Keys) -> Bench {
    let mut bench = Bench::bare(2);
    bench.describe(A, of(A, a, b));
    bench.describe(B, of(B, b, a));
    bench
}

/// One packet of an event.
fn event(sequence: u16, timestamp: u32, code: u8, is_end: bool, lasted: u16) -> Vec<u8> {
    let mut packet = rtp(101, SSRC, sequence, timestamp);
    packet.truncate(12);
    packet.extend([code, 10 | if is_end { 0x80 } else { 0 }]);
    packet.extend(lasted.to_be_bytes());
    packet
}

/// A leg presses a key for 100 ms by events; what reaches anybody, and what is told. So many of the last packets are lost.
fn press_events(bench: &mut Bench, from: usize, first: u16, code: u8, lost: usize) -> (Timed<Sent>, Timed<MediaEvent>) {
    let (mut packets, mut events) = (Vec::new(), Vec::new());
    let begins = u32::from(first) * 160;
    for (n, (ticks, is_end)) in [(1, false), (2, false), (3, false), (4, false), (5, true), (5, true), (5, true)].into_iter().enumerate() {
        if n + lost < 7 {
            let mut packet = event(first + n as u16, begins, code, is_end, ticks * 160);
            packet[1] |= if n == 0 { 0x80 } else { 0 };
            let now = bench.now;
            match bench.say(from, &packet) {
                Ok(sent) => packets.push((now, sent)),
                Err(Verdict::Waits | Verdict::Consumed) => {}
                other => panic!("{other:?}"),
            }
        }
        let (more, told) = bench.run(bench.now + FRAME);
        packets.extend(more);
        events.extend(told);
    }
    (packets, events)
}

fn decoded(packets: &[(Timestamp, Sent)], codec: Codec, to: usize) -> Vec<i16> {
    let mut decoder = Decoder::new(codec, if codec == Codec::Opus { 48_000 } else { 8_000 }).unwrap();
    let (mut all, mut next) = (Vec::new(), None);
    for (_, sent) in packets.iter().filter(|(_, sent)| sent.port == port(to) && sent.payload() == payload(codec)) {
        let mut samples = vec![0; decoder.samples(&sent.bytes[12..]).unwrap()];
        let per_second = |ticks: usize| ticks * decoder.rate_hz() as usize / codec.clock_rate() as usize;
        // Opus leaves silence out.
        let left_out = next.map_or(0, |next| sent.timestamp().wrapping_sub(next) as usize);
        all.resize(all.len() + per_second(left_out.min(8_000)), 0);
        next = Some(sent.timestamp().wrapping_add((samples.len() * codec.clock_rate() as usize / decoder.rate_hz() as usize) as u32));
        decoder.decode(&sent.bytes[12..], &mut samples);
        all.extend(samples);
    }
    all
}

/// The keys in sound, with their length in milliseconds.
fn keys_in(samples: &[i16], rate: u32) -> Vec<(char, u32)> {
    let (mut found, mut detector) = (Vec::new(), Detector::new(rate));
    let mut all = samples.to_vec();
    all.resize(samples.len() + rate as usize / 10, 0);
    detector.listen(&all, |heard| {
        if let Heard::Released(key, samples) = heard {
            found.push((key.sign(), samples * 1_000 / rate));
        }
    });
    found
}

/// The events that reach a leg: sign, and milliseconds.
fn events_in(packets: &[(Timestamp, Sent)], to: usize) -> Vec<(char, u16)> {
    let mut events: Vec<(u32, char, u16)> = Vec::new();
    for (_, sent) in packets.iter().filter(|(_, sent)| sent.port == port(to) && sent.payload() == 101) {
        let ms = u16::from_be_bytes([sent.bytes[14], sent.bytes[15]]) / 8;
        match events.last_mut().filter(|(begins, ..)| *begins == sent.timestamp()) {
            Some((.., lasted)) => *lasted = ms.max(*lasted),
            None => events.push((sent.timestamp(), Key::of_code(sent.bytes[12]).unwrap().sign(), ms)),
        }
    }
    events.into_iter().map(|(_, sign, ms)| (sign, ms)).collect()
}

/// The stream to a leg has one source, no gap and no way back.
fn assert_coherent(packets: &[(Timestamp, Sent)], to: usize) {
    let stream: Vec<_> = packets.iter().filter(|(_, sent)| sent.port == port(to)).map(|(_, sent)| sent).collect();
    for pair in stream.windows(2) {
        assert_eq!((pair[1].ssrc(), pair[1].sequence()), (pair[0].ssrc(), pair[0].sequence().wrapping_add(1)));
        assert!(pair[1].timestamp().wrapping_sub(pair[0].timestamp()) as i32 >= 0);
    }
}

/// A says so much, in packets of 20 ms.
fn say_sound(bench: &mut Bench, codec: Codec, samples: &[i16]) -> (Timed<Sent>, Timed<MediaEvent>) {
    let rate = if codec == Codec::Opus { 48_000 } else { 8_000 };
    let mut encoder = Encoder::new(codec, rate, &OpusTerms::default()).unwrap();
    let (mut packets, mut events) = (Vec::new(), Vec::new());
    for (n, frame) in samples.chunks_exact(rate as usize / 50).enumerate() {
        let mut packet = rtp(payload(codec), SSRC, n as u16, n as u32 * codec.clock_rate() / 50);
        packet.resize(2_000, 0);
        let length = encoder.encode(frame, &mut packet[12..]).unwrap();
        packet.truncate(12 + length);
        assert_eq!(bench.say(A, &packet), Err(Verdict::Waits));
        let (more, told) = bench.run(bench.now + FRAME);
        packets.extend(more);
        events.extend(told);
    }
    (packets, events)
}

/// A second of silence, keys of 100 ms with pauses of 80, half a second of silence.
fn dialled(signs: &str, rate: u32) -> Vec<i16> {
    let mut sound = vec![0; rate as usize];
    for sign in signs.chars() {
        let mut samples = vec![0; rate as usize / 10];
        let mut generator = Generator::new(key(sign), rate);
        let ramp = rate as usize * 3 / 1_000;
        let (on, off) = samples.split_at_mut(rate as usize / 10 - ramp);
        generator.fill(on);
        generator.release();
        generator.fill(off);
        sound.extend(samples);
        sound.resize(sound.len() + rate as usize * 80 / 1_000, 0);
    }
    sound.resize(sound.len() + rate as usize / 2, 0);
    sound
}

#[test]
fn events_that_are_passed_on_keep_their_timing_and_are_told_once() {
    let mut bench = pair(EVENTS, EVENTS);
    let before = bench.say(A, &rtp(0, SSRC, 99, 99 * 160)).unwrap();
    bench.wait(FRAME);
    let (packets, events) = press_events(&mut bench, A, 100, 5, 0);
    assert_eq!(packets.len(), 7);
    for (n, (_, sent)) in packets.iter().enumerate() {
        assert_eq!(sent.sequence(), before.sequence().wrapping_add(1 + n as u16));
        assert_eq!((sent.timestamp().wrapping_sub(before.timestamp()), sent.marker(), sent.payload()), (160, n == 0, 101));
        assert_eq!(sent.bytes[12..], event(0, 0, 5, n > 3, [1, 2, 3, 4, 5, 5, 5][n] * 160)[12..]);
    }
    assert_eq!(events.iter().map(|(_, event)| event).collect::<Vec<_>>(), [&told(A, '5', 100)]);
    assert_eq!(bench.say(A, &rtp(0, SSRC, 107, 107 * 160)).unwrap().timestamp().wrapping_sub(before.timestamp()), 8 * 160);
}

#[test]
fn one_whose_ends_are_all_lost_is_over_after_a_silence() {
    for keys in [EVENTS, Keys::Info, Keys::InBand] {
        let mut bench = pair(EVENTS, keys);
        let (_, mut events) = press_events(&mut bench, A, 100, 11, 3);
        assert!(events.is_empty());
        events.extend(bench.run(bench.now + Duration::from_secs(1)).1);
        assert_eq!(events.iter().map(|(_, event)| event).collect::<Vec<_>>(), [&told(A, '#', 80)], "{keys:?}");
    }
}

#[test]
fn who_wants_info_is_sent_nothing_of_an_event() {
    let mut bench = pair(EVENTS, Keys::Info);
    let first = bench.say(A, &rtp(0, SSRC, 99, 99 * 160)).unwrap();
    bench.wait(FRAME);
    let (packets, events) = press_events(&mut bench, A, 100, 1, 0);
    assert_eq!((packets.len(), events.len()), (0, 1));
    let next = bench.say(A, &rtp(0, SSRC, 107, 107 * 160)).unwrap();
    assert_eq!(next.sequence(), first.sequence().wrapping_add(1), "nothing looks lost");
}

#[test]
fn an_event_is_a_tone_to_who_wants_that_while_it_lasts() {
    for codec in Codec::ALL {
        let mut bench = Bench::bare(2);
        let mut speaks = of(A, EVENTS, Keys::InBand);
        speaks.payloads[0].across = if codec == Codec::Pcmu { Across::As(0) } else { Across::Sound(Codec::Pcmu) };
        bench.describe(A, speaks);
        bench.describe(B, EndpointDescription { speech: Some(speech(payload(codec), codec)), ..of(B, Keys::InBand, EVENTS) });
        let mut packets = Vec::new();
        let hums = |bench: &mut Bench, packets: &mut Timed<Sent>, from: u16| {
            for n in from..from + 25 {
                packets.extend(bench.say(A, &rtp(0, SSRC, n, u32::from(n) * 160)).ok().map(|sent| (bench.now, sent)));
                packets.extend(bench.run(bench.now + FRAME).0);
            }
        };
        hums(&mut bench, &mut packets, 0);
        let begins = bench.now;
        let mut events = Vec::new();
        for (first, code) in [(100, 1), (107, 5), (114, 5)] {
            let (more, told) = press_events(&mut bench, A, first, code, 0);
            packets.extend(more);
            events.extend(told);
        }
        hums(&mut bench, &mut packets, 121);
        assert_eq!(events.len(), 3, "{codec:?}");
        assert_coherent(&packets, B);
        let rate = if codec == Codec::Opus { 48_000 } else { 8_000 };
        let rate = if codec == Codec::G722 { 16_000 } else { rate };
        let found = keys_in(&decoded(&packets, codec, B), rate);
        assert_eq!(found.iter().map(|(sign, _)| *sign).collect::<String>(), "155", "{codec:?}: {found:?}");
        assert!(found.iter().all(|(_, ms)| (70..=130).contains(ms)), "{codec:?}: {found:?}");
        let first = packets.iter().find(|(at, sent)| *at >= begins && sent.marker()).unwrap();
        assert!(first.0.since(begins) < FRAME, "at once");
    }
}

#[test]
fn tones_are_events_to_who_wants_those_and_not_heard_beside() {
    for codec in [Codec::Pcmu, Codec::Opus] {
        let mut bench = Bench::bare(2);
        bench.describe(A, EndpointDescription { keys: Keys::InBand, ..speaking(A, codec) });
        bench.describe(B, of(B, EVENTS, Keys::InBand));
        let rate = if codec == Codec::Opus { 48_000 } else { 8_000 };
        let (mut packets, mut events) = say_sound(&mut bench, codec, &dialled("1556#", rate));
        let (more, last) = bench.run(bench.now + Duration::from_secs(1));
        packets.extend(more);
        events.extend(last);
        let found = events_in(&packets, B);
        assert_eq!(found.iter().map(|(sign, _)| *sign).collect::<String>(), "1556#", "{codec:?}: {found:?}");
        assert!(found.iter().all(|(_, ms)| (80..=140).contains(ms)), "{codec:?}: {found:?}");
        assert_eq!(events.len(), 5);
        assert_eq!(keys_in(&decoded(&packets, Codec::Pcmu, B), 8_000), [], "{codec:?}: nothing is left in the sound");
        assert_coherent(&packets, B);
    }
}

#[test]
fn speech_presses_no_keys() {
    let mut bench = pair(Keys::InBand, EVENTS);
    let coded = include_bytes!("../../../sound/tests/vectors/speech.ulaw");
    let (mut heard, mut told, mut same) = (0, 0, 0);
    for (n, frame) in coded.chunks_exact(160).enumerate() {
        let mut packet = rtp(0, SSRC, n as u16, n as u32 * 160);
        packet.truncate(12);
        packet.extend(frame);
        assert_eq!(bench.say(A, &packet), Err(Verdict::Waits));
        let (packets, events) = bench.run(bench.now + FRAME);
        told += events.len();
        heard += packets.len();
        same += packets.iter().filter(|(_, sent)| sent.payload() == 0).count();
    }
    assert_eq!((told, heard), (0, same));
    assert!(heard * 100 > coded.len() / 160 * 99, "{heard} packets");
}

#[test]
fn keys_are_pressed_for_a_leg_that_nobody_speaks_to() {
    for (keys, codec) in [(EVENTS, Codec::Pcmu), (Keys::InBand, Codec::Pcma), (Keys::InBand, Codec::G722)] {
        let mut bench = Bench::bare(1);
        bench.describe(A, EndpointDescription { keys, speech: Some(speech(payload(codec), codec)), ..description(A) });
        let presses = "19*".chars().map(|sign| KeyPress { key: key(sign), ms: 90 }).collect();
        bench.handle(Input::Press(leg(A), presses));
        let (packets, events) = bench.run(bench.now + Duration::from_secs(2));
        assert!(events.is_empty(), "nobody has pressed them");
        let found: String = match keys {
            EVENTS => events_in(&packets, A).iter().map(|(sign, _)| *sign).collect(),
            _ => {
                let rate = if codec == Codec::G722 { 16_000 } else { 8_000 };
                keys_in(&decoded(&packets, codec, A), rate).iter().map(|(sign, _)| *sign).collect()
            }
        };
        assert_eq!(found, "19*", "{keys:?}");
        assert_coherent(&packets, A);
        assert!(bench.session.poll_timeout().is_some_and(|(at, _)| at > bench.now));
    }
}

#[test]
fn what_is_relayed_is_left_out_while_a_key_is_pressed() {
    for keys in [EVENTS, Keys::InBand] {
        let mut bench = pair(keys, keys);
        let mut packets = Vec::new();
        for n in 0..50_u16 {
            if n == 10 {
                bench.handle(Input::Press(leg(B), [KeyPress { key: key('7'), ms: 100 }].into()));
            }
            packets.extend(bench.say(A, &rtp(0, SSRC, n, u32::from(n) * 160)).ok().map(|sent| (bench.now, sent)));
            packets.extend(bench.run(bench.now + FRAME).0);
        }
        assert_coherent(&packets, B);
        let of_a = packets.iter().filter(|(_, sent)| sent.payload() == 0 && sent.bytes[12..] == rtp(0, 0, 0, 0)[12..]).count();
        let left_out = if keys == EVENTS { 6 } else { 5 };
        assert_eq!(of_a, 50 - left_out, "{keys:?}");
        let span = packets.last().unwrap().1.timestamp().wrapping_sub(packets[0].1.timestamp());
        assert_eq!(span, 49 * 160, "{keys:?}: the time that has passed");
    }
}

#[test]
fn who_leaves_lets_its_keys_go_and_who_is_held_is_told_of_none() {
    let mut bench = Bench::bare(3);
    bench.describe(A, of(A, EVENTS, Keys::InBand));
    bench.describe(B, of(B, Keys::InBand, EVENTS));
    let _ = bench.say(A, &event(1, 800, 4, false, 160));
    bench.run(bench.now + FRAME * 3);
    bench.handle(Input::Remove(leg(A)));
    let (packets, events) = bench.run(bench.now + Duration::from_secs(1));
    assert_eq!(events.first().map(|(_, event)| event), Some(&told(A, '4', 20)));
    assert!(packets.len() < 5, "{}", packets.len());
    bench.describe(B, EndpointDescription { rtp: None, ..of(B, Keys::InBand, EVENTS) });
    bench.handle(Input::Press(leg(B), [KeyPress { key: key('1'), ms: 100 }].into()));
    assert_eq!(bench.run(bench.now + Duration::from_secs(1)).0, []);
}

#[test]
fn in_a_mix_each_hears_keys_in_its_own_way() {
    let mut bench = Bench::bare(3);
    for (index, keys) in [(A, EVENTS), (B, Keys::InBand), (C, EVENTS)] {
        let mut described = of(index, keys, EVENTS);
        described.hearer = Some(leg(17));
        bench.describe(index, described);
    }
    let all = [(A, B), (A, C), (B, A), (B, C), (C, A), (C, B)];
    bench.handle(Input::Hear(all.map(|(speaker, listener)| Hearing { speaker: leg(speaker), listener: leg(listener) }).into()));
    let mut hums: Vec<Humming> = [300.0, 500.0].map(|hz| Humming::new(Codec::Pcmu, hz)).into();
    let dialled = dialled("8", 8_000);
    let mut packets = Vec::new();
    let mut events = Vec::new();
    // A presses a key as events, then B one as tones.
    for n in 0..150_u16 {
        for (index, humming) in [A, C].into_iter().zip(&mut hums) {
            let packet = humming.packet();
            let _ = bench.say(index, &packet);
        }
        if (20..27).contains(&n) {
            let mut packet = event(1_000 + n, 0, 3, n >= 24, (n - 19).min(5) * 160);
            packet[8..12].copy_from_slice(&hums[0].packet()[8..12]);
            packet[2..4].copy_from_slice(&(hums[0].sent as u16).to_be_bytes());
            packet[4..8].copy_from_slice(&(21 * 160_u32).to_be_bytes());
            let _ = bench.say(A, &packet);
        }
        if let Some(frame) = dialled.chunks_exact(160).nth(usize::from(n)) {
            let mut packet = rtp(0, 0xbbb, n, u32::from(n) * 160);
            packet.truncate(12);
            packet.extend(frame.iter().map(|sample| tandem_sound::g711::mu_law(*sample)));
            let _ = bench.say(B, &packet);
        }
        let (more, told) = bench.run(bench.now + FRAME);
        packets.extend(more);
        events.extend(told.into_iter().map(|(_, event)| event));
    }
    let signs: Vec<_> = events
        .iter()
        .filter_map(|event| if let MediaEvent::Key { leg, key, .. } = event { Some((*leg, key.sign())) } else { None })
        .collect();
    assert_eq!(signs, [(leg(A), '3'), (leg(B), '8')]);
    assert_eq!(events_in(&packets, A).iter().map(|(sign, _)| *sign).collect::<String>(), "8");
    assert_eq!(events_in(&packets, C).iter().map(|(sign, _)| *sign).collect::<String>(), "38");
    let heard = keys_in(&decoded(&packets, Codec::Pcmu, B), 8_000);
    assert_eq!(heard.iter().map(|(sign, _)| *sign).collect::<String>(), "3");
    (A..=C).for_each(|index| assert_coherent(&packets, index));
}

#[test]
fn packets_of_any_length_tell_of_keys() {
    for packet_ms in [10, 20, 30, 40, 60] {
        let mut bench = pair(EVENTS, EVENTS);
        let speech = Some(Speech { packet_ms, ..speech(0, Codec::Pcmu) });
        bench.describe(B, EndpointDescription { speech, ..of(B, EVENTS, EVENTS) });
        bench.handle(Input::Press(leg(B), [KeyPress { key: key('2'), ms: 120 }].into()));
        let (packets, _) = bench.run(bench.now + Duration::from_secs(1));
        let spaced = Duration::from_millis(packet_ms.into());
        assert!(packets.windows(2).all(|pair| pair[1].0.since(pair[0].0) == spaced));
        assert_eq!((events_in(&packets, B), packets.len()), (vec![('2', 120)], usize::from(120 / packet_ms) + 2));
    }
}

fn record(bench: &mut Bench) {
    bench.session.record(bench.now, RecordingId(1), Recorded::Call, Layout::Mono).unwrap();
}

fn stop_recording(bench: &mut Bench) {
    bench.handle(Input::StopRecording(RecordingId(1)));
}

/// One tick of both: A says that, B is silent. What reaches B, and what is told.
fn tick(bench: &mut Bench, n: u16, packet: &[u8]) -> (Timed<Sent>, Timed<MediaEvent>) {
    let now = bench.now;
    let mut silence = rtp(0, 0xbbb, n, u32::from(n) * 160);
    silence[12..].fill(0xff);
    let said: Timed<Sent> = bench.say(A, packet).into_iter().chain(bench.say(B, &silence)).map(|sent| (now, sent)).collect();
    let (more, told) = bench.run(now + FRAME);
    (said.into_iter().chain(more).filter(|(_, sent)| sent.port == port(B)).collect(), told)
}

/// Sound goes on to B after the key: for half a second at the end nothing else is heard.
fn assert_sounds_at_the_end(packets: &[(Timestamp, Sent)], now: Timestamp) {
    let last: Vec<u8> = packets.iter().filter(|(at, _)| now.since(*at) <= FRAME * 25).map(|(_, sent)| sent.payload()).collect();
    assert!(last.len() > 20 && last.iter().all(|payload| *payload == 0), "{last:?}");
}

#[test]
fn an_event_ends_though_the_mix_has_ended_in_it() {
    for stop_at in [12, 22] {
        let mut bench = pair(EVENTS, EVENTS);
        record(&mut bench);
        let (mut packets, mut told_of) = (Vec::new(), Vec::new());
        for n in 0..100_u16 {
            if n == stop_at {
                stop_recording(&mut bench);
            }
            let is_pressed = (20..31).contains(&n);
            let mut packet =
                if is_pressed { event(n, 3_200, 5, n >= 28, (n - 19).min(9) * 160) } else { rtp(0, SSRC, n, u32::from(n) * 160) };
            if !is_pressed {
                // Loud until the recording stops: the mix waits for a pause, which is in the key.
                packet[12..].fill(if n < 20 && stop_at == 12 { 0x10 } else { 0xff });
            }
            let (more, told) = tick(&mut bench, n, &packet);
            packets.extend(more);
            told_of.extend(told.into_iter().filter(|(_, event)| matches!(event, MediaEvent::Key { .. })));
        }
        assert_eq!(told_of.iter().map(|(_, event)| event).collect::<Vec<_>>(), [&told(A, '5', 180)]);
        let found = events_in(&packets, B);
        assert!(found.len() == 1 && found[0].0 == '5' && (140..=220).contains(&found[0].1), "{stop_at}: {found:?}");
        assert_sounds_at_the_end(&packets, bench.now);
    }
}

#[test]
fn a_tone_is_one_key_whatever_changes_in_it() {
    type Change = fn(&mut Bench);
    let changes: [(&str, bool, u16, Change); 6] = [
        ("nothing", false, 28, |_| {}),
        ("begins to be mixed", false, 28, record),
        ("ends to be mixed in it", true, 26, stop_recording),
        ("ends to be mixed at the next pause", true, 15, stop_recording),
        ("is played something", false, 28, |bench| bench.play_as(B, 7, Playable::Sine { frequency_hz: 440 }, 1)),
        ("is played something, mixed", true, 28, |bench| bench.play_as(B, 7, Playable::Sine { frequency_hz: 440 }, 1)),
    ];
    for (what, is_mixed, at, change) in changes {
        let mut bench = pair(Keys::InBand, EVENTS);
        if is_mixed {
            record(&mut bench);
        }
        let (mut packets, mut told_of) = (Vec::new(), Vec::new());
        let mut tone = vec![0; 160 * 15];
        Generator::new(key('5'), 8_000).fill(&mut tone);
        for n in 0..150_u16 {
            if n == at {
                change(&mut bench);
            }
            if n == 60 {
                bench.handle(Input::Stop(PlayId(7)));
            }
            let mut packet = rtp(0, SSRC, n, u32::from(n) * 160);
            packet[12..].fill(if n < 20 && at == 15 { 0x10 } else { 0xff });
            if (20..35).contains(&n) {
                let samples = tone[usize::from(n - 20) * 160..][..160].iter();
                packet[12..].iter_mut().zip(samples).for_each(|(octet, sample)| *octet = tandem_sound::g711::mu_law(*sample));
            }
            let (more, told) = tick(&mut bench, n, &packet);
            packets.extend(more);
            told_of.extend(told.into_iter().filter(|(_, event)| matches!(event, MediaEvent::Key { .. })));
        }
        let found = events_in(&packets, B);
        assert_eq!((told_of.len(), found.len()), (1, 1), "{what}: {told_of:?} {found:?}");
        let least = if what.starts_with("is played") { 40 } else { 270 };
        assert!(found[0].0 == '5' && (least..=340).contains(&found[0].1), "{what}: {found:?}");
        assert_sounds_at_the_end(&packets, bench.now);
    }
}

#[test]
fn a_tone_that_is_held_when_its_leg_or_the_call_goes_is_one_key() {
    type End = fn(&mut Bench);
    let ends: [(&str, End); 4] = [
        ("its leg leaves", |bench| bench.handle(Input::Remove(leg(A)))),
        ("who hears it leaves", |bench| bench.handle(Input::Remove(leg(B)))),
        ("both leave", |bench| {
            bench.handle(Input::Remove(leg(B)));
            bench.handle(Input::Remove(leg(A)));
        }),
        ("the call ends", |bench| bench.handle(Input::Close)),
    ];
    for (what, end) in ends {
        // Listened to by the voice of B, by a mix, and by a mix that waits for its end. So many packets say the key.
        for (mixed, packets) in [("", 8), ("", 1), ("mixed", 8), ("mixed", 1), ("mixed until now", 8)] {
            let mut bench = pair(Keys::InBand, EVENTS);
            if !mixed.is_empty() {
                record(&mut bench);
            }
            let mut told_of = Vec::new();
            let mut tone = [0; 160 * 8];
            Generator::new(key('5'), 8_000).fill(&mut tone);
            for n in 0..20 + packets {
                let mut packet = rtp(0, SSRC, n, u32::from(n) * 160);
                packet[12..].fill(0x10);
                if n >= 20 {
                    let samples = tone[usize::from(n - 20) * 160..][..160].iter();
                    packet[12..].iter_mut().zip(samples).for_each(|(octet, sample)| *octet = tandem_sound::g711::mu_law(*sample));
                }
                if n == 22 && mixed == "mixed until now" {
                    stop_recording(&mut bench);
                }
                told_of.extend(tick(&mut bench, n, &packet).1.into_iter().map(|(_, event)| event));
            }
            end(&mut bench);
            told_of.extend(bench.drain().1);
            told_of.extend(bench.run(bench.now + Duration::from_secs(1)).1.into_iter().map(|(_, event)| event));
            told_of.retain(|event| matches!(event, MediaEvent::Key { .. }));
            match told_of[..] {
                [] if packets == 1 => {}
                [MediaEvent::Key { leg: of, key: pressed, ms }] if packets > 1 => {
                    assert!(of == leg(A) && pressed == key('5') && (90..=180).contains(&ms), "{what}, {mixed}: {ms} ms");
                }
                _ => panic!("{what}, {mixed}, {packets} packets: {told_of:?}"),
            }
        }
    }
}

#[test]
fn a_leg_that_something_is_played_to_hears_no_keys() {
    let mut bench = pair(EVENTS, Keys::InBand);
    // One that is held when the play begins is let go.
    bench.say(A, &event(99, 1_000, 1, false, 160)).unwrap_err();
    bench.run(bench.now + FRAME * 4);
    bench.play_as(B, 7, Playable::Sine { frequency_hz: 440 }, 0);
    bench.run(bench.now + FRAME * 20);
    let (mut packets, told_of) = press_events(&mut bench, A, 120, 5, 0);
    packets.extend(bench.run(bench.now + FRAME * 20).0);
    assert!(told_of.iter().any(|(_, event)| *event == told(A, '5', 100)));
    assert_eq!(keys_in(&decoded(&packets, Codec::Pcmu, B), 8_000), []);
    assert_eq!(packets.iter().filter(|(_, sent)| sent.port == port(B)).count(), 27);
}

#[test]
fn a_key_of_a_leg_that_nobody_hears_is_told_at_once() {
    let mut bench = pair(EVENTS, EVENTS);
    bench.handle(Input::Remove(leg(B)));
    bench.drain();
    assert_eq!(bench.say(A, &event(1, 800, 5, true, 800)), Err(Verdict::Waits));
    assert_eq!(bench.session.poll_timeout().map(|(at, _)| at <= bench.now), Some(true));
    assert_eq!(bench.drain().1, [told(A, '5', 100)]);
}
