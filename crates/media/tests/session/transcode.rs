//! Legs that speak different codecs.

use crate::common::*;
use std::time::Duration;
use tandem_media::{Channel, Input, Verdict};
use tandem_model::{Across, Carries, Codec, EndpointDescription, Hearing, PayloadRule, Speech, Timestamp};
use tandem_sound::{Decoder, Encoder, opus::OpusTerms};

pub(crate) const FRAME: Duration = Duration::from_millis(20);

pub(crate) fn payload(codec: Codec) -> u8 {
    codec.static_payload().unwrap_or(111)
}

/// A leg that speaks `codec`, where the other does not.
pub(crate) fn speaking(index: usize, codec: Codec) -> EndpointDescription {
    let sound =
        PayloadRule { from: payload(codec), carries: Carries::Sound(codec), across: Across::Sound(codec), clock_rate: codec.clock_rate() };
    let event = PayloadRule { from: 101, carries: Carries::Event, across: Across::As(101), clock_rate: 8000 };
    EndpointDescription { payloads: [sound, event].into(), speech: Some(speech(payload(codec), codec)), ..description(index) }
}

/// Somebody who hums, in packets.
pub(crate) struct Humming {
    encoder: Encoder,
    codec: Codec,
    pub(crate) hz: f64,
    pub(crate) sent: u32,
    samples: usize,
}

impl Humming {
    pub(crate) fn new(codec: Codec, hz: f64) -> Humming {
        Humming { encoder: Encoder::new(codec, 48_000, &OpusTerms::default()).unwrap(), codec, hz, sent: 0, samples: 0 }
    }

    pub(crate) fn packet(&mut self) -> Vec<u8> {
        let rate = self.encoder.rate_hz();
        let sample = |n: usize| (9_000.0 * (std::f64::consts::TAU * self.hz * n as f64 / f64::from(rate)).sin()) as i16;
        let samples: Vec<i16> = (self.samples..).take(rate as usize / 50).map(sample).collect();
        self.samples += samples.len();
        let mut coded = [0; 4_000];
        let length = self.encoder.encode(&samples, &mut coded).unwrap();
        let mut packet = rtp(payload(self.codec), 0xabc, self.sent as u16, self.sent * self.codec.clock_rate() / 50);
        packet.truncate(12);
        packet.extend_from_slice(&coded[..length]);
        self.sent += 1;
        packet
    }
}

/// How much of what was said is that tone, in decibels below all of it.
fn share(packets: &[(Timestamp, Sent)], codec: Codec, hz: f64) -> f64 {
    let mut decoder = Decoder::new(codec, 48_000).unwrap();
    let mut samples = Vec::new();
    for (_, packet) in packets {
        let mut decoded = vec![0; decoder.samples(&packet.bytes[12..]).unwrap()];
        decoder.decode(&packet.bytes[12..], &mut decoded);
        samples.extend(decoded.into_iter().map(f64::from));
    }
    let (step, samples) = (std::f64::consts::TAU * hz / f64::from(decoder.rate_hz()), &samples[samples.len() / 3..]);
    let (mut re, mut im, mut all) = (0.0, 0.0, 1.0);
    for (n, sample) in samples.iter().enumerate() {
        re += sample * (step * n as f64).cos();
        im += sample * (step * n as f64).sin();
        all += sample * sample;
    }
    10.0 * (2.0 * (re * re + im * im) / (samples.len() as f64 * all)).log10()
}

/// A leg says `frames` packets, each `late` on its way, and all that the other hears of it.
pub(crate) fn hum(
    bench: &mut Bench,
    from: usize,
    humming: &mut Humming,
    frames: usize,
    mut late: impl FnMut(usize) -> Duration,
) -> Timed<Sent> {
    let began = bench.now;
    let mut packets: Vec<(Timestamp, Vec<u8>)> = (0..frames).map(|n| (began + FRAME * n as u32 + late(n), humming.packet())).collect();
    packets.sort_by_key(|(at, _)| *at);
    let mut heard = Vec::new();
    for (at, packet) in packets {
        heard.extend(bench.run(at).0);
        assert_eq!(bench.say(from, &packet), Err(Verdict::Waits));
    }
    heard.extend(bench.run(began + FRAME * frames as u32).0);
    heard
}

#[test]
fn each_codec_is_heard_in_each_other() {
    for (a, b) in Codec::ALL.into_iter().flat_map(|a| Codec::ALL.map(|b| (a, b))).filter(|(a, b)| a != b) {
        let mut bench = Bench::bare(2);
        bench.describe(A, speaking(A, a));
        bench.describe(B, speaking(B, b));
        let heard = hum(&mut bench, A, &mut Humming::new(a, 440.0), 100, |_| Duration::ZERO);
        assert!((98..=100).contains(&heard.len()), "{a:?} to {b:?}: {} packets", heard.len());
        let share = share(&heard, b, 440.0);
        assert!(share > -0.2, "{a:?} to {b:?}: {share} dB");
        let ticks = b.clock_rate() / 50;
        for pair in heard.windows(2) {
            let ((_, first), (_, second)) = (&pair[0], &pair[1]);
            assert_eq!((second.port, second.to, second.payload()), (port(B), address(PHONE[B]), payload(b)));
            assert_eq!((second.ssrc(), second.sequence()), (first.ssrc(), first.sequence().wrapping_add(1)));
            assert_eq!(second.timestamp().wrapping_sub(first.timestamp()), ticks);
            assert!(!second.marker());
        }
        assert!(heard[0].1.marker());
    }
}

#[test]
fn little_is_waited_where_packets_come_in_time() {
    for phase in [0, 7, 13, 19] {
        let mut bench = Bench::bare(2);
        bench.describe(A, speaking(A, Codec::Pcmu));
        bench.describe(B, speaking(B, Codec::Pcma));
        bench.wait(Duration::from_millis(phase));
        let began = bench.now;
        let heard = hum(&mut bench, A, &mut Humming::new(Codec::Pcmu, 440.0), 50, |_| Duration::ZERO);
        let waited = heard[0].0.since(began);
        assert!(waited <= Duration::from_millis(3), "{waited:?}");
        assert!(heard.windows(2).all(|pair| pair[1].0.since(pair[0].0) == FRAME));
    }
}

#[test]
fn both_ways_at_once_and_events_go_through() {
    let mut bench = Bench::bare(2);
    bench.describe(A, speaking(A, Codec::Pcmu));
    bench.describe(B, speaking(B, Codec::G722));
    let (mut low, mut high) = (Humming::new(Codec::Pcmu, 300.0), Humming::new(Codec::G722, 900.0));
    let mut heard = Vec::new();
    for n in 0..100 {
        assert_eq!(bench.say(A, &low.packet()), Err(Verdict::Waits));
        assert_eq!(bench.say(B, &high.packet()), Err(Verdict::Waits));
        if n == 99 {
            assert_eq!(bench.say(A, &rtp(101, 0xabc, 100, 16_000)).unwrap().payload(), 101);
        }
        heard.extend(bench.run(bench.now + FRAME).0);
    }
    let of = |index: usize| heard.iter().filter(|(_, sent)| sent.port == port(index)).map(copy).collect::<Vec<_>>();
    assert!(share(&of(B), Codec::G722, 300.0) > -0.2 && share(&of(A), Codec::Pcmu, 900.0) > -0.2);
}

fn copy((at, sent): &(Timestamp, Sent)) -> (Timestamp, Sent) {
    (*at, Sent { bytes: sent.bytes.clone(), ..*sent })
}

#[test]
fn packets_may_be_longer_or_shorter_on_the_other_side() {
    for (packet_ms, codec) in [10, 20, 30, 40, 60].into_iter().flat_map(|ms| [(ms, Codec::Pcma), (ms, Codec::G722), (ms, Codec::Opus)]) {
        let mut bench = Bench::bare(2);
        bench.describe(A, speaking(A, Codec::Pcmu));
        bench
            .describe(B, EndpointDescription { speech: Some(Speech { packet_ms, ..speech(payload(codec), codec) }), ..speaking(B, codec) });
        let heard = hum(&mut bench, A, &mut Humming::new(Codec::Pcmu, 440.0), 120, |_| Duration::ZERO);
        // Opus has no packets of 30 ms.
        let spaced = if codec == Codec::Opus && packet_ms == 30 { 20 } else { u64::from(packet_ms) };
        assert!(heard.windows(2).all(|pair| pair[1].0.since(pair[0].0) == Duration::from_millis(spaced)), "{packet_ms} {codec:?}");
        let share = share(&heard, codec, 440.0);
        assert!(share > -0.3, "{packet_ms} ms of {codec:?}: {share} dB");
    }
}

#[test]
fn jitter_and_loss_leave_no_holes() {
    let mut bench = Bench::bare(2);
    bench.describe(A, speaking(A, Codec::Pcmu));
    bench.describe(B, speaking(B, Codec::Opus));
    let mut random = tandem_model::Random::new(1);
    let heard = hum(&mut bench, A, &mut Humming::new(Codec::Pcmu, 440.0), 500, |_| Duration::from_micros(random.below(40_000)));
    assert!(heard.len() > 490, "{}", heard.len());
    assert!(heard.windows(2).all(|pair| pair[1].1.sequence() == pair[0].1.sequence().wrapping_add(1)));
}

#[test]
fn one_who_pauses_is_not_spoken_for() {
    let mut bench = Bench::bare(2);
    bench.describe(A, speaking(A, Codec::Pcmu));
    bench.describe(B, speaking(B, Codec::Pcma));
    let mut humming = Humming::new(Codec::Pcmu, 440.0);
    let before = hum(&mut bench, A, &mut humming, 50, |_| Duration::ZERO);
    let (tail, _) = bench.run(bench.now + Duration::from_secs(10));
    assert!(tail.len() <= 8, "{} packets after the last", tail.len());
    humming.sent += 500;
    let after = hum(&mut bench, A, &mut humming, 50, |_| Duration::ZERO);
    let last = tail.last().or(before.last()).unwrap();
    assert_eq!((after[0].1.marker(), after[0].1.sequence()), (true, last.1.sequence().wrapping_add(1)));
    let passed = after[0].1.timestamp().wrapping_sub(last.1.timestamp());
    assert_eq!(u64::from(passed) / 8, after[0].0.since(last.0).as_millis() as u64);
    assert_eq!(bench.session.poll_timeout().map(|(at, _)| at > bench.now), Some(true));
}

#[test]
fn nobody_who_leaves_is_heard_any_more() {
    let mut bench = Bench::bare(3);
    bench.describe(A, speaking(A, Codec::Pcmu));
    bench.describe(B, speaking(B, Codec::Pcma));
    bench.describe(C, speaking(C, Codec::G722));
    hum(&mut bench, A, &mut Humming::new(Codec::Pcmu, 440.0), 50, |_| Duration::ZERO);
    bench.handle(Input::Hear(Hearing::each_other([leg(B), leg(C)])));
    assert!(bench.run(bench.now + Duration::from_secs(1)).0.is_empty());
    let heard = hum(&mut bench, C, &mut Humming::new(Codec::G722, 440.0), 50, |_| Duration::ZERO);
    assert!(heard.iter().all(|(_, sent)| sent.port == port(B)) && share(&heard, Codec::Pcma, 440.0) > -0.2);
    bench.handle(Input::Remove(leg(C)));
    assert!(bench.run(bench.now + Duration::from_secs(1)).0.is_empty());
}

#[test]
fn who_may_not_be_sent_to_hears_nothing_later() {
    let mut bench = Bench::bare(2);
    bench.describe(A, speaking(A, Codec::Pcmu));
    bench.describe(B, EndpointDescription { rtp: None, ..speaking(B, Codec::Pcma) });
    let mut humming = Humming::new(Codec::Pcmu, 440.0);
    for _ in 0..50 {
        assert_eq!(bench.offer(A, Channel::Rtp, PHONE[A], &humming.packet()), Err(Verdict::Consumed));
        assert!(bench.run(bench.now + FRAME).0.is_empty());
    }
    bench.describe(B, speaking(B, Codec::Pcma));
    let heard = hum(&mut bench, A, &mut humming, 10, |_| Duration::ZERO);
    assert!((9..=10).contains(&heard.len()));
}

#[test]
fn from_one_way_to_the_other_the_stream_has_no_seam() {
    let mut bench = Bench::bare(2);
    let both = |index: usize| {
        let relayed = PayloadRule { from: 8, carries: Carries::Sound(Codec::Pcma), across: Across::As(8), clock_rate: 8000 };
        let told = speaking(index, Codec::Pcmu);
        EndpointDescription { payloads: told.payloads.iter().copied().chain([relayed]).collect(), ..told }
    };
    bench.describe(A, both(A));
    bench.describe(B, speaking(B, Codec::Pcma));
    let mut humming = Humming::new(Codec::Pcmu, 440.0);
    let before = hum(&mut bench, A, &mut humming, 50, |_| Duration::ZERO);
    let next = bench.say(A, &rtp(8, 0xabc, humming.sent as u16, humming.sent * 160)).unwrap();
    let last = &before.last().unwrap().1;
    assert_eq!((next.ssrc(), next.sequence()), (last.ssrc(), last.sequence().wrapping_add(1)));
}

#[test]
fn one_packet_that_comes_far_too_late_is_no_new_clock() {
    for late_ms in [300, 500, 900] {
        let mut bench = Bench::bare(2);
        bench.describe(A, speaking(A, Codec::Pcmu));
        bench.describe(B, speaking(B, Codec::Pcma));
        let late = |n: usize| if n == 100 { Duration::from_millis(late_ms) } else { Duration::ZERO };
        let heard = hum(&mut bench, A, &mut Humming::new(Codec::Pcmu, 440.0), 200, late);
        assert!(heard.len() >= 198, "{}", heard.len());
        let playout = bench.close()[A].playout.unwrap();
        assert!(playout.missing <= 1 && playout.late <= 1, "{late_ms} ms: {playout:?}");
    }
}

#[test]
fn what_is_said_again_leaves_no_gap_among_what_goes_on_as_it_is() {
    let mut bench = Bench::talking();
    let mut from = description(A);
    from.payloads.iter_mut().filter(|rule| rule.from == 8).for_each(|rule| rule.across = Across::Sound(Codec::Pcma));
    bench.describe(A, from);
    let first = bench.say(A, &rtp(0, 1, 10, 0)).unwrap();
    assert_eq!(bench.say(A, &rtp(8, 1, 11, 160)), Err(Verdict::Waits));
    let next = bench.say(A, &rtp(0, 1, 12, 320)).unwrap();
    assert_eq!(next.sequence(), first.sequence().wrapping_add(1));
}
