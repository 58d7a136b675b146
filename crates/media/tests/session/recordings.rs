//! What is said and heard becomes blocks of samples, for as long as a recording runs.

use crate::{
    common::*,
    mixing::{ALL, Room, TONES, peak, steepest},
    udptl::{datagram, fax},
};
use std::time::Duration;
use tandem_media::{Clip, Format, Input, Playable, Verdict};
use tandem_model::{
    Codec, EndpointDescription, Layout, MAX_RECORDINGS, PlayId, Recorded, RecordingEnd, RecordingFailure, RecordingId, Speech,
};

const FIRST: RecordingId = RecordingId(1);
const MONO: Format = Format { rate_hz: 8_000, channels: 1 };

impl Bench {
    fn record(&mut self, recording: RecordingId, of: Recorded, layout: Layout) -> Result<Format, RecordingFailure> {
        let begun = self.session.record(self.now, recording, of, layout);
        assert_eq!(self.drain(), (vec![], vec![]));
        begun
    }

    /// How long all blocks of a recording are together.
    fn recorded_ms(&self, recording: RecordingId, format: Format) -> usize {
        self.recorded.bytes.get(&recording).map_or(0, |bytes| bytes.len() / format.moment() * 1_000 / format.rate_hz as usize)
    }
}

/// The samples of each channel of a recording.
fn channels(bench: &Bench, recording: RecordingId, format: Format) -> Vec<Vec<f64>> {
    let samples = bench.recorded.bytes[&recording].as_chunks::<2>().0.iter().map(|sample| f64::from(i16::from_le_bytes(*sample)));
    let samples: Vec<f64> = samples.collect();
    let channel = |index: usize| samples.iter().skip(index).step_by(format.channels.into()).copied().collect();
    (0..format.channels.into()).map(channel).collect()
}

/// Who is to be heard in each channel, by their tones, in its second half.
fn heard(room: &Room, recording: RecordingId, format: Format) -> Vec<Vec<usize>> {
    let legs = |samples: Vec<f64>| {
        let half = &samples[samples.len() / 2..];
        let level = |hz: f64| peak(half, hz, f64::from(format.rate_hz));
        TONES.iter().enumerate().filter(|(_, hz)| level(**hz) > 4_000.0).map(|(index, _)| index).collect()
    };
    channels(&room.bench, recording, format).into_iter().map(legs).collect()
}

#[test]
fn each_channel_has_what_it_is_to_have() {
    let codecs = [Codec::Pcmu, Codec::Opus, Codec::G722];
    let mut room = Room::of(codecs);
    room.hear(ALL);
    room.talk(10);
    let b_and_c = &[B, C][..];
    let cases: [(Recorded, Layout, &[&[usize]]); 6] = [
        (Recorded::Call, Layout::Sides, &[&[A], b_and_c]),
        (Recorded::Call, Layout::Mono, &[&[A, B, C]]),
        (Recorded::Leg(leg(B)), Layout::Sides, &[&[B], &[A, C]]),
        (Recorded::Leg(leg(A)), Layout::Sides, &[&[A], b_and_c]),
        (Recorded::Leg(leg(C)), Layout::Mono, &[&[A, B, C]]),
        (Recorded::Leg(leg(C)), Layout::Sides, &[&[C], &[A, B]]),
    ];
    for (group, cases) in cases.chunks(MAX_RECORDINGS).enumerate() {
        let name = |place: usize| RecordingId((group * MAX_RECORDINGS + place) as u16);
        let formats: Vec<Format> =
            (0..).zip(cases).map(|(place, (of, layout, _))| room.bench.record(name(place), *of, *layout).unwrap()).collect();
        room.talk(60);
        (0..cases.len()).for_each(|place| room.bench.handle(Input::StopRecording(name(place))));
        room.talk(1);
        for (place, ((of, layout, expected), format)) in cases.iter().zip(formats).enumerate() {
            assert_eq!(format.rate_hz, 16_000, "the best that anybody hears");
            assert_eq!(heard(&room, name(place), format), *expected, "{of:?} {layout:?}");
            assert!((1_180..=1_220).contains(&room.bench.recorded_ms(name(place), format)));
        }
    }
}

#[test]
fn two_who_are_recorded_hear_each_other_all_the_time_and_packets_go_on_directly_afterwards() {
    let mut room = Room::of([Codec::Pcmu; 3]);
    room.silent[C] = true;
    room.hear(&[(A, B), (B, A)]);
    room.talk(20);
    let relayed = room.heard[B].len();
    assert_eq!(relayed, 20);
    room.bench.record(FIRST, Recorded::Call, Layout::Sides).unwrap();
    room.talk(100);
    room.bench.handle(Input::StopRecording(FIRST));
    room.talk(130);
    for index in [A, B] {
        let count = room.heard[index].len();
        assert!((246..=252).contains(&count), "{count}");
        let ssrcs = room.heard[index].windows(2).all(|pair| {
            let (first, second) = (&pair[0].1, &pair[1].1);
            second.ssrc() == first.ssrc() && second.sequence() == first.sequence().wrapping_add(1)
        });
        assert!(ssrcs, "one stream");
    }
    let format = Format { channels: 2, ..MONO };
    assert_eq!(heard(&room, FIRST, format), [[A], [B]]);
    for (samples, hz) in channels(&room.bench, FIRST, format).into_iter().zip(TONES) {
        let most = 9_500.0 * std::f64::consts::TAU * hz / 8_000.0;
        assert!(steepest(&samples[1_600..]) < most, "{}", steepest(&samples[1_600..]));
    }
    let packet = room.hums[A].packet();
    assert!(room.bench.say(A, &packet).is_ok(), "relayed");
}

#[test]
fn what_nobody_hears_is_recorded_and_nothing_of_it_is_heard() {
    let mut room = Room::of([Codec::Pcmu; 3]);
    room.hear(&[(A, B)]);
    room.bench.record(FIRST, Recorded::Call, Layout::Sides).unwrap();
    room.talk(60);
    assert_eq!(room.matrix(), [(A, B)]);
    room.bench.handle(Input::StopRecording(FIRST));
    room.bench.drain();
    assert_eq!(heard(&room, FIRST, Format { channels: 2, ..MONO }), [vec![A], vec![B, C]]);
}

#[test]
fn one_who_hears_a_tone_is_recorded_with_it() {
    for codec in [Codec::Pcmu, Codec::G722] {
        let mut room = Room::of([codec; 3]);
        room.hear(&[]);
        (room.silent[B], room.silent[C]) = (true, true);
        room.bench.play(A, Playable::Sine { frequency_hz: 700 });
        room.talk(10);
        let format = room.bench.record(FIRST, Recorded::Leg(leg(A)), Layout::Sides).unwrap();
        assert_eq!(format.rate_hz, if codec == Codec::Pcmu { 8_000 } else { 16_000 });
        room.talk(100);
        room.bench.handle(Input::StopRecording(FIRST));
        room.bench.drain();
        assert_eq!(heard(&room, FIRST, format), [[A], [B]], "the tone is as high as that of the second");
        let tone = &channels(&room.bench, FIRST, format)[1];
        assert!(steepest(&tone[tone.len() / 10..]) < 10_400.0 * std::f64::consts::TAU * 700.0 / f64::from(format.rate_hz) * 1.05);
        assert!((108..=111).contains(&room.heard[A].len()), "{}", room.heard[A].len());
    }
}

/// A hears that tone for ever, over what it hears or in place of it.
fn play(room: &mut Room, play: u16, hz: f64, over: bool) {
    let sound = Playable::Sine { frequency_hz: hz as u16 };
    room.bench.handle(Input::Play { leg: leg(A), play: PlayId(play), sound, times: 0, over });
}

/// Who is heard in all ways to record a room in which A and B hear each other, and A is played what sounds like C, or is in place of B.
fn assert_recorded(room: &mut Room, to_a: &[usize], played: &[usize]) {
    let all: Vec<usize> = [A, B].into_iter().chain(played.iter().copied()).collect();
    let but_a: Vec<usize> = [B].into_iter().chain(played.iter().copied()).collect();
    let with_a: Vec<usize> = [A].into_iter().chain(to_a.iter().copied()).collect();
    let cases: [(Recorded, Layout, &[&[usize]]); 6] = [
        (Recorded::Call, Layout::Mono, &[&all]),
        (Recorded::Call, Layout::Sides, &[&[A], &but_a]),
        (Recorded::Leg(leg(A)), Layout::Mono, &[&with_a]),
        (Recorded::Leg(leg(A)), Layout::Sides, &[&[A], to_a]),
        (Recorded::Leg(leg(B)), Layout::Mono, &[&[A, B]]),
        (Recorded::Leg(leg(B)), Layout::Sides, &[&[B], &[A]]),
    ];
    for (of, layout, expected) in cases {
        let format = room.bench.record(FIRST, of, layout).unwrap();
        room.talk(60);
        room.bench.handle(Input::StopRecording(FIRST));
        room.bench.drain();
        assert_eq!(heard(room, FIRST, format), expected, "{of:?} {layout:?}");
        room.bench.recorded.bytes.clear();
    }
}

#[test]
fn what_is_played_to_a_leg_is_recorded_of_it_and_of_the_call() {
    for codecs in [[Codec::Pcmu; 3], [Codec::G722, Codec::Pcma, Codec::Pcmu], [Codec::Opus, Codec::Pcmu, Codec::Pcmu]] {
        let mut room = Room::of(codecs);
        room.silent[C] = true;
        room.hear(&[(A, B), (B, A)]);
        room.talk(10);
        play(&mut room, 1, TONES[C], true);
        room.talk(10);
        assert_recorded(&mut room, &[B, C], &[C]);
        // In place of what it hears, too, and then nothing but that.
        room.bench.handle(Input::Stop(PlayId(1)));
        play(&mut room, 2, TONES[C], false);
        room.talk(10);
        assert_recorded(&mut room, &[C], &[C]);
    }
}

#[test]
fn one_thing_played_over_another_is_recorded_with_it() {
    let mut room = Room::of([Codec::Pcmu; 3]);
    room.silent = [true; 3];
    room.hear(&[(A, B), (B, A)]);
    play(&mut room, 1, TONES[B], false);
    play(&mut room, 2, TONES[C], true);
    room.talk(10);
    for of in [Recorded::Leg(leg(A)), Recorded::Call] {
        room.bench.record(FIRST, of, Layout::Sides).unwrap();
        room.talk(60);
        room.bench.handle(Input::StopRecording(FIRST));
        room.bench.drain();
        assert_eq!(heard(&room, FIRST, Format { channels: 2, ..MONO }), [vec![], vec![B, C]], "{of:?}");
        room.bench.recorded.bytes.clear();
    }
}

#[test]
fn a_beep_is_in_the_recording_as_the_leg_heard_it() {
    for packet_ms in [20, 30, 60] {
        let mut room = Room::of([Codec::Pcmu; 3]);
        room.silent = [true, false, true];
        let speech = Some(Speech { packet_ms, ..speech(0, Codec::Pcmu) });
        room.bench.describe(A, EndpointDescription { speech, ..description(A) });
        room.hear(&[(A, B), (B, A)]);
        room.bench.record(FIRST, Recorded::Leg(leg(A)), Layout::Sides).unwrap();
        room.talk(30);
        let beep = (0..70 * 8).map(|n| (8_000.0 * (n as f64 * 0.9).sin()) as i16).collect();
        let sound = Playable::Clip(Clip::new(8_000, beep));
        room.bench.handle(Input::Play { leg: leg(A), play: PlayId(7), sound, times: 1, over: true });
        room.talk(30);
        room.bench.handle(Input::StopRecording(FIRST));
        room.bench.drain();
        let recorded = &channels(&room.bench, FIRST, Format { channels: 2, ..MONO })[1];
        let (told, _) = room.samples(A);
        // It is in the middle of both; and what was heard differs by the steps of the codec.
        let recorded = &recorded[recorded.len() / 2 - 1_200..][..2_400];
        let is_same = |told: &[f64]| recorded.iter().zip(told).all(|(a, b)| (a - b).abs() <= 40.0 + b.abs() / 16.0);
        assert!(peak(&recorded[1_200..][..400], 0.9 * 8_000.0 / std::f64::consts::TAU, 8_000.0) > 4_000.0);
        assert!(told.windows(2_400).any(is_same), "{packet_ms} ms");
    }
}

#[test]
fn a_pause_is_as_long_in_the_recording() {
    let mut room = Room::of([Codec::Pcmu; 3]);
    room.hear(&[(A, B), (B, A)]);
    room.bench.record(FIRST, Recorded::Leg(leg(A)), Layout::Sides).unwrap();
    room.talk(20);
    room.silent = [true; 3];
    room.talk(500);
    room.silent = [false; 3];
    room.talk(20);
    room.bench.handle(Input::StopRecording(FIRST));
    room.bench.drain();
    let channels = channels(&room.bench, FIRST, Format { channels: 2, ..MONO });
    assert!((540 * 160..=541 * 160).contains(&channels[0].len()));
    for (samples, hz) in channels.iter().zip(TONES) {
        assert!(samples[160 * 50..160 * 500].iter().all(|sample| sample.abs() < 600.0));
        assert!(peak(&samples[160 * 530..160 * 540], hz, 8_000.0) > 4_000.0);
    }
}

#[test]
fn fax_goes_through_a_call_that_is_recorded() {
    let mut bench = Bench::talking();
    bench.record(FIRST, Recorded::Call, Layout::Mono).unwrap();
    bench.describe(A, fax(A));
    bench.describe(B, fax(B));
    let sent = bench.say(A, &datagram(1)).unwrap();
    assert_eq!((sent.port, sent.bytes), (port(B), datagram(1)));
    bench.run(bench.now + Duration::from_secs(10));
    bench.describe(A, description(A));
    bench.describe(B, description(B));
    assert!(matches!(bench.say(A, &rtp(0, 0xa, 1, 160)), Err(Verdict::Consumed | Verdict::Waits)));
    bench.handle(Input::StopRecording(FIRST));
    bench.drain();
    assert!((10_000..=10_020).contains(&bench.recorded_ms(FIRST, MONO)));
}

#[test]
fn a_recording_is_as_long_as_it_lasted() {
    let mut bench = Bench::talking();
    assert_eq!(bench.record(FIRST, Recorded::Call, Layout::Mono), Ok(MONO));
    bench.run(bench.now + Duration::from_millis(300));
    bench.handle(Input::StopRecording(FIRST));
    bench.handle(Input::StopRecording(FIRST));
    assert_eq!(bench.drain(), (vec![], vec![]));
    let lasted = bench.recorded_ms(FIRST, MONO);
    assert!((300..=320).contains(&lasted), "{lasted} ms");
    assert_eq!(bench.recorded.over, [(FIRST, RecordingEnd::Stopped)]);
    bench.close();
    assert_eq!(bench.recorded.over.len(), 1);
}

#[test]
fn the_end_of_the_session_ends_its_recordings_first() {
    let mut bench = Bench::talking();
    assert_eq!(bench.record(FIRST, Recorded::Leg(leg(B)), Layout::Sides), Ok(Format { channels: 2, ..MONO }));
    bench.wait(Duration::from_millis(100));
    bench.handle(Input::Close);
    let bytes = match bench.session.poll_output() {
        Some(tandem_media::Output::Block { recording: FIRST, bytes }) => bytes.len(),
        other => panic!("{other:?}"),
    };
    assert_eq!(bytes, 3_200);
    assert_eq!(bench.session.poll_output(), Some(tandem_media::Output::RecordingOver { recording: FIRST, end: RecordingEnd::LegGone }));
    assert!(matches!(bench.drain().1[..], [tandem_model::MediaEvent::Closed(_)]));
}

#[test]
fn a_leg_that_leaves_ends_its_own_recordings_alone() {
    let mut bench = Bench::talking();
    bench.record(FIRST, Recorded::Leg(leg(B)), Layout::Mono).unwrap();
    bench.record(RecordingId(2), Recorded::Call, Layout::Mono).unwrap();
    bench.record(RecordingId(3), Recorded::Leg(leg(A)), Layout::Mono).unwrap();
    bench.handle(Input::Remove(leg(B)));
    bench.drain();
    assert_eq!(bench.recorded.over, [(FIRST, RecordingEnd::LegGone)]);
    bench.close();
    assert_eq!(bench.recorded.over.len(), 3);
}

#[test]
fn what_cannot_be_recorded_is_refused() {
    let mut bench = Bench::talking();
    assert_eq!(bench.record(FIRST, Recorded::Leg(leg(C)), Layout::Mono), Err(RecordingFailure::NoLeg));
    (0..MAX_RECORDINGS as u16).for_each(|number| assert!(bench.record(RecordingId(number), Recorded::Call, Layout::Mono).is_ok()));
    assert_eq!(bench.record(RecordingId(99), Recorded::Call, Layout::Mono), Err(RecordingFailure::TooMany));
    bench.handle(Input::StopRecording(RecordingId(0)));
    bench.drain();
    assert_eq!(bench.record(FIRST, Recorded::Call, Layout::Mono), Err(RecordingFailure::TooMany), "that one runs");
    assert_eq!(bench.record(RecordingId(99), Recorded::Call, Layout::Mono), Ok(MONO));
    bench.close();
    assert_eq!(bench.session.record(bench.now, RecordingId(100), Recorded::Call, Layout::Mono), Err(RecordingFailure::NoLeg));
}
