//! Three who hear each other, or not: told apart by the tones that they hum.

use crate::{
    common::*,
    transcode::{FRAME, Humming, payload, speaking},
};
use std::time::Duration;
use tandem_media::{Clip, Input, Playable, Verdict};
use tandem_model::{Codec, EndpointDescription, Hearing, MediaEvent, PlayEnd, PlayId, Speech, Timestamp};
use tandem_sound::Decoder;

pub(crate) const TONES: [f64; 3] = [400.0, 700.0, 1_100.0];
/// As loud as somebody hums, less 3 dB; and not to be heard.
const LOUD: f64 = 6_000.0;
const SILENT: f64 = 150.0;

/// One who was asked what it speaks for nobody in particular.
fn in_a_room(index: usize, codec: Codec) -> EndpointDescription {
    EndpointDescription { hearer: Some(leg(17)), ..speaking(index, codec) }
}

/// Everybody hears everybody else.
pub(crate) const ALL: &[(usize, usize)] = &[(A, B), (A, C), (B, A), (B, C), (C, A), (C, B)];

pub(crate) struct Room {
    pub(crate) bench: Bench,
    pub(crate) hums: Vec<Humming>,
    codecs: [Codec; 3],
    /// Who says nothing.
    pub(crate) silent: [bool; 3],
    pub(crate) heard: [Timed<Sent>; 3],
}

impl Room {
    pub(crate) fn of(codecs: [Codec; 3]) -> Room {
        let mut bench = Bench::bare(3);
        codecs.into_iter().enumerate().for_each(|(index, codec)| bench.describe(index, in_a_room(index, codec)));
        let hums = codecs.into_iter().zip(TONES).map(|(codec, hz)| Humming::new(codec, hz)).collect();
        Room { bench, hums, codecs, silent: [false; 3], heard: Default::default() }
    }

    pub(crate) fn hear(&mut self, pairs: &[(usize, usize)]) {
        let pairs = pairs.iter().map(|(speaker, listener)| Hearing { speaker: leg(*speaker), listener: leg(*listener) });
        self.bench.handle(Input::Hear(pairs.collect()));
        let (packets, events) = self.bench.drain();
        assert!(events.is_empty());
        self.sort(packets.into_iter().map(|packet| (self.bench.now, packet)).collect());
    }

    fn sort(&mut self, packets: Timed<Sent>) {
        for (at, sent) in packets {
            let index = (0..3).find(|index| sent.port == port(*index)).unwrap();
            self.heard[index].push((at, sent));
        }
    }

    /// Everybody hums for so many frames, a little after each other.
    pub(crate) fn talk(&mut self, frames: usize) {
        for _ in 0..frames {
            let began = self.bench.now;
            for index in 0..3 {
                if !self.silent[index] {
                    let packet = self.hums[index].packet();
                    if let Ok(sent) = self.bench.say(index, &packet) {
                        let now = self.bench.now;
                        self.sort(vec![(now, sent)]);
                    }
                }
                let until = self.bench.now + Duration::from_millis(5);
                let packets = self.bench.run(until).0;
                self.sort(packets);
            }
            let packets = self.bench.run(began + FRAME).0;
            self.sort(packets);
        }
    }

    /// Forgets what was heard so far.
    pub(crate) fn listen_anew(&mut self) {
        self.heard = Default::default();
    }

    pub(crate) fn samples(&self, index: usize) -> (Vec<f64>, f64) {
        let mut decoder = Decoder::new(self.codecs[index], 48_000).unwrap();
        let mut samples = Vec::new();
        for (_, packet) in &self.heard[index] {
            let mut decoded = vec![0; decoder.samples(&packet.bytes[12..]).unwrap()];
            decoder.decode(&packet.bytes[12..], &mut decoded);
            samples.extend(decoded.into_iter().map(f64::from));
        }
        (samples, f64::from(decoder.rate_hz()))
    }

    /// How loud a leg hears the tones of all, at their peaks, in the second half of what it heard.
    fn levels(&self, index: usize) -> [f64; 3] {
        let (samples, rate) = self.samples(index);
        TONES.map(|hz| peak(&samples[samples.len() / 2..], hz, rate))
    }

    /// Who is heard by whom, as far as anybody can tell.
    pub(crate) fn matrix(&self) -> Vec<(usize, usize)> {
        let mut pairs = Vec::new();
        for (listener, levels) in (0..3).map(|index| (index, self.levels(index))) {
            for (speaker, level) in levels.into_iter().enumerate() {
                assert!(!(SILENT..LOUD).contains(&level), "{speaker} is heard by {listener} at {level}");
                if level > LOUD {
                    pairs.push((speaker, listener));
                }
            }
        }
        pairs.sort_unstable();
        pairs
    }
}

pub(crate) fn peak(samples: &[f64], hz: f64, rate: f64) -> f64 {
    let step = std::f64::consts::TAU * hz / rate;
    let (mut re, mut im) = (0.0, 0.0);
    for (n, sample) in samples.iter().enumerate() {
        re += sample * (step * n as f64).cos();
        im += sample * (step * n as f64).sin();
    }
    2.0 * (re * re + im * im).sqrt() / samples.len().max(1) as f64
}

/// The steepest step from one sample to the next.
pub(crate) fn steepest(samples: &[f64]) -> f64 {
    samples.windows(2).map(|pair| (pair[1] - pair[0]).abs()).fold(0.0, f64::max)
}

/// One stream: an SSRC, numbers without a gap, times that never go back.
fn assert_coherent(heard: &Timed<Sent>) {
    for pair in heard.windows(2) {
        let (first, second) = (&pair[0].1, &pair[1].1);
        assert_eq!((second.ssrc(), second.sequence()), (first.ssrc(), first.sequence().wrapping_add(1)));
        let step = second.timestamp().wrapping_sub(first.timestamp());
        assert!(step > 0 && step < 48_000, "{step}");
    }
}

#[test]
fn each_hears_the_others_and_not_itself_in_every_codec() {
    use Codec::{G722, Opus, Pcma, Pcmu};
    for codecs in [[Pcmu; 3], [Pcmu, Pcma, G722], [Opus, Pcmu, G722], [Opus; 3]] {
        let mut room = Room::of(codecs);
        room.hear(ALL);
        room.talk(100);
        assert_eq!(room.matrix(), ALL, "{codecs:?}");
        room.heard.iter().for_each(assert_coherent);
        for (index, codec) in codecs.into_iter().enumerate() {
            let heard = &room.heard[index];
            assert!((98..=101).contains(&heard.len()), "{}", heard.len());
            assert!(heard.windows(2).all(|pair| pair[1].0.since(pair[0].0) == FRAME), "on a clock of 20 ms");
            assert!(heard.iter().all(|(_, sent)| sent.payload() == payload(codec) && sent.to == address(PHONE[index])));
        }
    }
}

#[test]
fn every_matrix_of_three_is_heard_as_it_was_set() {
    for bits in 0..1_u32 << ALL.len() {
        let pairs: Vec<(usize, usize)> = ALL.iter().enumerate().filter(|(bit, _)| bits & 1 << bit != 0).map(|(_, pair)| *pair).collect();
        let mut room = Room::of([Codec::Pcmu, Codec::Pcma, Codec::Pcmu]);
        room.hear(&pairs);
        room.talk(40);
        assert_eq!(room.matrix(), pairs, "{bits:b}");
    }
}

#[test]
fn a_coach_is_heard_by_the_one_who_is_coached_alone() {
    let (agent, customer, coach) = (A, B, C);
    let coached = [(agent, customer), (agent, coach), (customer, agent), (customer, coach), (coach, agent)];
    let mut room = Room::of([Codec::Pcmu; 3]);
    room.talk(20);
    room.hear(&coached);
    room.talk(60);
    room.listen_anew();
    room.talk(60);
    assert_eq!(room.matrix(), coached);
    // The coach comes in, and leaves.
    for (pairs, expected) in [(ALL, ALL), (&coached, &coached)] {
        room.hear(pairs);
        room.listen_anew();
        room.talk(60);
        assert_eq!(room.matrix(), expected);
    }
}

#[test]
fn one_who_is_muted_or_unmuted_fades_and_the_others_go_on() {
    let mut room = Room::of([Codec::Pcmu; 3]);
    room.hear(ALL);
    room.talk(50);
    let muted: Vec<(usize, usize)> = ALL.iter().copied().filter(|(speaker, _)| *speaker != B).collect();
    for pairs in [&muted, ALL, &muted] {
        room.hear(pairs);
        room.talk(30);
    }
    let after = room.heard.each_ref().map(Vec::len);
    room.talk(30);
    for index in [A, C] {
        assert_coherent(&room.heard[index]);
        let (samples, _) = room.samples(index);
        // A sine of 1100 Hz and one of 700 Hz go no steeper than this at 8 kHz, together.
        let limit = 9_000.0 * std::f64::consts::TAU * (1_100.0 + 700.0) / 8_000.0;
        assert!(steepest(&samples) < limit, "{} {limit}", steepest(&samples));
        assert!(room.heard[index].windows(2).all(|pair| pair[1].0.since(pair[0].0) == FRAME));
    }
    room.heard[A].drain(..after[A]);
    assert!(room.levels(A)[B] < SILENT, "{:?}", room.levels(A));
}

#[test]
fn a_third_comes_and_leaves_and_the_stream_goes_on() {
    for codecs in [[Codec::Pcmu; 3], [Codec::Pcmu, Codec::G722, Codec::Pcmu]] {
        let mut room = Room::of(codecs);
        room.talk(50);
        room.hear(ALL);
        room.talk(50);
        room.hear(&[(A, B), (B, A)]);
        // It goes back to packets as they come where nobody speaks for a moment, or after two seconds.
        room.talk(150);
        let packet = room.hums[A].packet();
        let verdict = room.bench.say(A, &packet).map(|_| ());
        assert_eq!(verdict, if codecs[A] == codecs[B] { Ok(()) } else { Err(Verdict::Waits) }, "directly again");
        [A, B].into_iter().for_each(|index| assert_coherent(&room.heard[index]));
        for index in [A, B] {
            let numbers = room.heard[index].len();
            assert!((245..=253).contains(&numbers), "{numbers}");
        }
    }
}

#[test]
fn between_transcoding_and_mixing_no_sample_is_lost() {
    let mut room = Room::of([Codec::Pcmu, Codec::Pcma, Codec::Pcmu]);
    room.silent[C] = true;
    room.talk(50);
    for pairs in [ALL, &[(A, B), (B, A)], ALL, &[(A, B), (B, A)]] {
        room.hear(pairs);
        room.talk(25);
    }
    for (index, hz) in [(A, TONES[B]), (B, TONES[A])] {
        let heard = &room.heard[index];
        assert_coherent(heard);
        assert!(heard.windows(2).all(|pair| pair[1].1.timestamp().wrapping_sub(pair[0].1.timestamp()) == 160));
        let (samples, rate) = room.samples(index);
        let limit = 9_000.0 * std::f64::consts::TAU * hz / rate * 1.1;
        assert!(steepest(&samples[200..]) < limit, "{} {limit}", steepest(&samples[200..]));
        // One wave from the beginning to the end.
        let purity = peak(&samples[200..], hz, rate) / 9_000.0;
        assert!(purity > 0.97, "{purity}");
    }
}

#[test]
fn who_hears_the_same_is_sent_the_same() {
    let mut room = Room::of([Codec::Opus; 3]);
    room.hear(&[(A, B), (A, C)]);
    room.talk(50);
    let payloads = |index: usize| room.heard[index].iter().map(|(_, sent)| sent.bytes[12..].to_vec()).collect::<Vec<_>>();
    assert_eq!(payloads(B), payloads(C));
    assert!(payloads(B).len() > 45);
    // And from then on not any more, without a seam in the numbers.
    room.hear(&[(A, B), (A, C), (B, C)]);
    room.talk(50);
    assert_eq!(room.matrix(), [(A, B), (A, C), (B, C)]);
    room.heard.iter().for_each(assert_coherent);
}

#[test]
fn what_happens_to_one_disturbs_no_other() {
    let mut room = Room::of([Codec::Pcmu; 3]);
    room.hear(ALL);
    room.talk(50);
    room.listen_anew();
    // B is gone for a while, then sends a burst of what was held up.
    room.silent[B] = true;
    room.talk(15);
    let held: Vec<Vec<u8>> = (0..15).map(|_| room.hums[B].packet()).collect();
    held.iter().for_each(|packet| drop(room.bench.say(B, packet)));
    room.silent[B] = false;
    room.talk(50);
    for (listener, speaker) in [(A, C), (C, A)] {
        assert_coherent(&room.heard[listener]);
        assert!(room.heard[listener].windows(2).all(|pair| pair[1].0.since(pair[0].0) == FRAME));
        let (samples, rate) = room.samples(listener);
        let purity = peak(&samples, TONES[speaker], rate) / 9_000.0;
        assert!(purity > 0.97, "{purity}");
    }
}

#[test]
fn packets_are_as_long_as_each_wants_them() {
    for lengths in [[10, 20, 30], [20, 40, 60], [60, 60, 60], [30, 30, 20]] {
        let mut room = Room::of([Codec::Pcmu; 3]);
        for (index, packet_ms) in lengths.into_iter().enumerate() {
            let speech = Some(Speech { packet_ms, ..speech(0, Codec::Pcmu) });
            room.bench.describe(index, EndpointDescription { speech, ..in_a_room(index, Codec::Pcmu) });
        }
        room.hear(ALL);
        room.talk(120);
        assert_eq!(room.matrix(), ALL, "{lengths:?}");
        for (index, packet_ms) in lengths.into_iter().enumerate() {
            let heard = &room.heard[index];
            assert!(heard.iter().all(|(_, sent)| sent.bytes.len() == 12 + 8 * usize::from(packet_ms)));
            let step = u32::from(packet_ms) * 8;
            assert!(heard.windows(2).all(|pair| pair[1].1.timestamp().wrapping_sub(pair[0].1.timestamp()) == step));
            let span = Duration::from_millis(packet_ms.into());
            assert!(heard.windows(2).all(|pair| pair[1].0.since(pair[0].0) == span), "{packet_ms}");
        }
    }
}

#[test]
fn a_room_in_which_nobody_speaks_rests() {
    let mut room = Room::of([Codec::Pcmu; 3]);
    room.hear(ALL);
    room.talk(20);
    let until = room.bench.now + Duration::from_secs(2);
    room.bench.run(until);
    let next = room.bench.session.poll_timeout().map(|(at, _)| at.since(room.bench.now));
    assert!(next.is_some_and(|next| next > Duration::from_millis(100)), "{next:?}: only reports and silence are watched");
    room.listen_anew();
    room.talk(40);
    assert_eq!(room.matrix(), ALL);
}

#[test]
fn a_tick_that_comes_late_is_made_up_for_or_left_out() {
    let mut room = Room::of([Codec::Pcmu; 3]);
    room.hear(ALL);
    room.talk(20);
    let began = room.bench.now;
    for (late_ms, expected) in [(70, 3..=4), (2_000, 1..=6)] {
        room.bench.wait(Duration::from_millis(late_ms));
        room.bench.handle(Input::Wake);
        let packets = room.bench.drain().0;
        let to_a = packets.iter().filter(|sent| sent.port == port(A)).count();
        assert!(expected.contains(&to_a), "{to_a} after {late_ms} ms");
    }
    assert!(room.bench.now.since(began) > Duration::from_secs(2));
    room.talk(60);
    room.listen_anew();
    room.talk(60);
    assert_eq!(room.matrix(), ALL);
}

#[test]
fn who_leaves_fades_and_who_hears_a_tone_hears_nobody() {
    let mut room = Room::of([Codec::Pcmu; 3]);
    room.hear(ALL);
    room.talk(30);
    room.bench.handle(Input::Remove(leg(C)));
    room.bench.drain();
    room.silent[C] = true;
    room.talk(30);
    let (samples, _) = room.samples(A);
    let limit = 9_000.0 * std::f64::consts::TAU * (1_100.0 + 700.0) / 8_000.0;
    assert!(steepest(&samples) < limit, "{} {limit}", steepest(&samples));
    assert_coherent(&room.heard[A]);
}

/// What a leg is described anew with in the middle of it.
#[test]
fn a_leg_that_changes_its_codec_is_spoken_to_in_it() {
    let mut room = Room::of([Codec::Pcmu; 3]);
    room.hear(ALL);
    room.talk(30);
    room.listen_anew();
    room.bench.describe(B, in_a_room(B, Codec::G722));
    room.codecs[B] = Codec::G722;
    let sent = room.hums[B].sent;
    room.hums[B] = Humming::new(Codec::G722, TONES[B]);
    room.hums[B].sent = sent;
    room.talk(100);
    assert_eq!(room.matrix(), ALL);
    assert!(room.heard[B].iter().all(|(_, sent): &(Timestamp, Sent)| sent.payload() == payload(Codec::G722)));
    assert_coherent(&room.heard[B]);
}

/// How a play ended, of all that happened.
fn ends(room: &mut Room, span: Duration) -> Vec<MediaEvent> {
    let until = room.bench.now + span;
    let (packets, events) = room.bench.run(until);
    room.sort(packets);
    events.into_iter().map(|(_, event)| event).collect()
}

#[test]
fn what_is_played_over_what_a_leg_hears_is_heard_with_it_and_by_nobody_else() {
    let whisper = |room: &mut Room, hz: f64| {
        let sound = Playable::Sine { frequency_hz: hz as u16 };
        room.bench.handle(Input::Play { leg: leg(A), play: PlayId(7), sound, times: 0, over: true });
    };
    for codecs in [[Codec::Pcmu; 3], [Codec::Opus, Codec::Pcmu, Codec::Pcmu], [Codec::G722, Codec::G722, Codec::Pcmu]] {
        let mut room = Room::of(codecs);
        room.silent[C] = true;
        room.talk(30);
        whisper(&mut room, TONES[C]);
        room.talk(30);
        room.listen_anew();
        room.talk(60);
        let [own, of_b, played] = room.levels(A);
        assert!(own < SILENT && of_b > LOUD && played > LOUD, "{own} {of_b} {played}");
        let [of_a, _, leaked] = room.levels(B);
        assert!(of_a > LOUD && leaked < SILENT, "{of_a} {leaked}");
        [A, B].into_iter().for_each(|index| assert_coherent(&room.heard[index]));
        room.bench.handle(Input::Stop(PlayId(7)));
        room.silent = [true; 3];
        let stopped = MediaEvent::Played { leg: leg(A), play: PlayId(7), end: PlayEnd::Stopped };
        assert_eq!(ends(&mut room, Duration::from_secs(3)), [stopped]);
        // Nobody is mixed any more.
        let packet = room.hums[A].packet();
        let verdict = room.bench.say(A, &packet).map(|_| ());
        assert_eq!(verdict, if codecs[A] == codecs[B] { Ok(()) } else { Err(Verdict::Waits) });
    }
}

#[test]
fn the_last_of_what_is_played_over_a_leg_is_heard_though_it_ends_within_a_packet() {
    for packet_ms in [20, 30, 60] {
        let mut room = Room::of([Codec::Pcmu; 3]);
        room.silent = [true; 3];
        let speech = Some(Speech { packet_ms, ..speech(0, Codec::Pcmu) });
        room.bench.describe(A, EndpointDescription { speech, ..in_a_room(A, Codec::Pcmu) });
        for ms in [70, 90, 130] {
            room.listen_anew();
            let sound = Playable::Clip(Clip::new(8_000, vec![9_000; ms * 8].into()));
            room.bench.handle(Input::Play { leg: leg(A), play: PlayId(1), sound, times: 1, over: true });
            let finished = MediaEvent::Played { leg: leg(A), play: PlayId(1), end: PlayEnd::Finished };
            assert_eq!(ends(&mut room, Duration::from_millis(400)), [finished]);
            // But for the ramps at its ends.
            let loud = room.samples(A).0.iter().filter(|sample| **sample > 4_000.0).count();
            assert!((ms * 8 - 60..=ms * 8).contains(&loud), "{ms} ms in packets of {packet_ms}: {loud} samples");
        }
    }
}

#[test]
fn something_is_played_over_silence_over_another_play_and_until_its_end() {
    let mut room = Room::of([Codec::Pcmu; 3]);
    room.silent = [true; 3];
    let play = |room: &mut Room, play: u16, hz: f64, over: bool| {
        let sound = Playable::Sine { frequency_hz: hz as u16 };
        room.bench.handle(Input::Play { leg: leg(A), play: PlayId(play), sound, times: 0, over });
    };
    play(&mut room, 1, TONES[B], true);
    assert_eq!(ends(&mut room, Duration::from_secs(1)), []);
    assert!(room.levels(A)[B] > LOUD);
    play(&mut room, 2, TONES[C], false);
    ends(&mut room, Duration::from_millis(200));
    room.listen_anew();
    assert_eq!(ends(&mut room, Duration::from_secs(1)), []);
    let [_, over, under] = room.levels(A);
    assert!(over > LOUD && under > LOUD, "{over} {under}");
    // Another takes the place of the one that is over it, and leaves with the leg.
    play(&mut room, 3, TONES[A], true);
    let ended = |play, end| MediaEvent::Played { leg: leg(A), play: PlayId(play), end };
    assert_eq!(ends(&mut room, Duration::from_millis(100)), [ended(1, PlayEnd::Stopped)]);
    room.bench.handle(Input::Remove(leg(A)));
    let mut left = room.bench.drain().1;
    left.sort_by_key(|event| format!("{event:?}"));
    assert_eq!(left, [ended(2, PlayEnd::Stopped), ended(3, PlayEnd::Stopped)]);
}

#[test]
fn time_that_nobody_fills_passes_all_the_same() {
    let mut room = Room::of([Codec::Pcmu; 3]);
    room.hear(ALL);
    room.talk(30);
    let (before, first) = room.heard[A].last().map(|(at, sent)| (*at, sent.timestamp())).unwrap();
    // Nobody speaks for half a minute, and later the thread sleeps for two seconds.
    let until = room.bench.now + Duration::from_secs(30);
    let packets = room.bench.run(until).0;
    room.sort(packets);
    room.talk(30);
    room.bench.wait(Duration::from_secs(2));
    room.talk(30);
    let (after, last) = room.heard[A].last().map(|(at, sent)| (*at, sent.timestamp())).unwrap();
    let (passed_ms, told_ms) = (after.since(before).as_millis() as i64, i64::from(last.wrapping_sub(first)) / 8);
    assert!((passed_ms - told_ms).abs() < 60, "{passed_ms} ms passed, {told_ms} were told");
    for pair in room.heard[A].windows(2) {
        assert_eq!(pair[1].1.sequence(), pair[0].1.sequence().wrapping_add(1));
    }
}

#[test]
fn who_is_made_deaf_hears_no_more_of_what_was_transcoded() {
    let mut room = Room::of([Codec::Pcmu, Codec::Pcma, Codec::Pcmu]);
    room.hear(&[(A, B), (B, A)]);
    room.talk(50);
    room.hear(&[(A, C), (B, C)]);
    room.listen_anew();
    room.talk(50);
    assert!(room.heard[B].len() <= 1, "{} packets", room.heard[B].len());
    assert_eq!(room.levels(C).map(|level| level > LOUD), [true, true, false]);
}

#[test]
fn who_codes_alone_after_the_other_left_begins_afresh() {
    for codec in [Codec::G722, Codec::Opus, Codec::Pcmu] {
        let mut room = Room::of([codec; 3]);
        room.hear(&[(C, A), (C, B)]);
        room.talk(40);
        room.bench.handle(Input::Remove(leg(A)));
        room.bench.drain();
        room.silent[A] = true;
        room.listen_anew();
        room.talk(60);
        assert!(room.levels(B)[C] > LOUD, "{codec:?} {:?}", room.levels(B));
        assert_coherent(&room.heard[B]);
    }
}
