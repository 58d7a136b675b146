//! Built-in sources: a leg that hears itself, a leg that hears a tone.

use crate::common::*;
use std::time::Duration;
use tandem_media::{Channel, Input, Playable, Verdict};
use tandem_model::{Across, Carries, Codec, Hearing, PayloadRule, Speech, Timestamp};

const SINE: Playable = Playable::Sine { frequency_hz: 440 };

#[test]
fn an_echo_comes_back_as_a_stream_of_our_own() {
    let mut bench = Bench::bare(1);
    let mut a = description(A);
    a.payloads = [PayloadRule { from: 0, carries: Carries::Sound(Codec::Pcmu), across: Across::As(0), clock_rate: 8000 }].into();
    bench.describe(A, a);
    assert_eq!(bench.say(A, &rtp(0, 5, 9, 9)), Err(Verdict::Consumed), "nobody hears it yet");
    bench.handle(Input::Hear([Hearing { speaker: leg(A), listener: leg(A) }].into()));
    let first = bench.say(A, &rtp(0, 5, 10, 169)).unwrap();
    assert_eq!((first.port, first.channel, first.to), (port(A), Channel::Rtp, address(PHONE[A])));
    assert_eq!(first.bytes[12..], rtp(0, 0, 0, 0)[12..]);
    assert_ne!(first.ssrc(), 5);
    let second = bench.say(A, &rtp(0, 5, 11, 329)).unwrap();
    assert_eq!((second.sequence(), second.timestamp()), (first.sequence() + 1, first.timestamp().wrapping_add(160)));
    assert_eq!(bench.report(A, &[0x80, 201, 0, 1, 0, 0, 0, 5]), Err(Verdict::Consumed), "reports are not echoed");
}

#[test]
fn who_hears_itself_gets_reports_of_ours_about_it() {
    let mut bench = Bench::bare(1);
    bench.describe(A, description(A));
    bench.handle(Input::Hear([Hearing { speaker: leg(A), listener: leg(A) }].into()));
    let mut newest = 0;
    for n in 0..500_u16 {
        bench.run(bench.now + Duration::from_millis(20));
        newest = bench.say(A, &rtp(0, 5, n, u32::from(n) * 160)).unwrap().ssrc();
    }
    assert!(bench.reports.len() >= 2, "{}", bench.reports.len());
    for (_, report) in &bench.reports {
        assert_eq!((report.to, report.bytes[1], word(&report.bytes, 4)), (address(PHONE_RTCP[A]), 200, newest));
        assert_eq!(word(&report.bytes, 28), 5, "what it says is reported on");
    }
}

/// The power of one frequency in 8000 Hz samples, by Goertzel's algorithm, relative to a full-scale sine.
fn level_db(samples: &[f64], frequency_hz: f64) -> f64 {
    let (mut one, mut two) = (0.0, 0.0);
    let coefficient = 2.0 * (std::f64::consts::TAU * frequency_hz / 8000.0).cos();
    for sample in samples {
        (one, two) = (sample + coefficient * one - two, one);
    }
    let power = one * one + two * two - coefficient * one * two;
    10.0 * (power / (samples.len() as f64 * 32_768.0 / 2.0).powi(2)).log10()
}

fn from_mu_law(code: u8) -> f64 {
    let code = !code;
    let magnitude = (((i32::from(code & 15) << 3) + 0x84) << (code >> 4 & 7)) - 0x84;
    f64::from(if code & 0x80 != 0 { -magnitude } else { magnitude })
}

#[test]
fn a_tone_has_its_frequency_and_level_and_one_packet_every_20_ms() {
    let mut bench = Bench::bare(1);
    bench.describe(A, description(A));
    bench.play(A, SINE);
    let began = bench.now;
    let (packets, events) = bench.run(began + Duration::from_millis(999));
    assert!(events.is_empty());
    assert_eq!(packets.len(), 50);
    for (n, (at, packet)) in packets.iter().enumerate() {
        assert_eq!(at.since(began), Duration::from_millis(20 * n as u64));
        assert_eq!(packet.sequence(), packets[0].1.sequence() + n as u16);
        assert_eq!(packet.timestamp(), packets[0].1.timestamp().wrapping_add(160 * n as u32));
        assert_eq!((packet.bytes.len(), packet.bytes[0], packet.payload(), packet.marker()), (172, 0x80, 0, n == 0));
        assert_eq!((packet.port, packet.channel, packet.to), (port(A), Channel::Rtp, address(PHONE[A])));
    }
    let samples: Vec<f64> = packets.iter().flat_map(|(_, packet)| &packet.bytes[12..]).map(|code| from_mu_law(*code)).collect();
    assert!((level_db(&samples, 440.0) + 10.0).abs() < 0.2, "{}", level_db(&samples, 440.0));
    assert!(level_db(&samples, 880.0) < -45.0 && level_db(&samples, 1000.0) < -45.0);
    let stats = bench.close();
    assert_eq!((stats[A].sent.packets, stats[A].sent.bytes), (50, 8000));
}

#[test]
fn a_tone_has_the_packets_that_were_asked_for() {
    for (packet_ms, expected_ms) in [(10, 10), (30, 30), (60, 60), (0, 10), (255, 60), (47, 40)] {
        let mut bench = Bench::bare(1);
        let mut a = description(A);
        a.speech = Some(Speech { packet_ms, ..speech(0, Codec::Pcmu) });
        bench.describe(A, a);
        bench.play(A, SINE);
        let began = bench.now;
        let (packets, _) = bench.run(began + Duration::from_millis(599));
        assert_eq!(packets.len(), 600 / expected_ms);
        for (n, (at, packet)) in packets.iter().enumerate() {
            assert_eq!(at.since(began), Duration::from_millis((expected_ms * n) as u64));
            assert_eq!(packet.timestamp(), packets[0].1.timestamp().wrapping_add((8 * expected_ms * n) as u32));
            assert_eq!(packet.bytes.len(), 12 + 8 * expected_ms);
        }
        let samples: Vec<f64> = packets.iter().flat_map(|(_, packet)| &packet.bytes[12..]).map(|code| from_mu_law(*code)).collect();
        assert!((level_db(&samples, 440.0) + 10.0).abs() < 0.2, "one wave over all packets");
    }
}

#[test]
fn a_tone_that_was_not_woken_in_time_leaves_frames_out() {
    let mut bench = Bench::bare(1);
    bench.describe(A, description(A));
    bench.play(A, SINE);
    let (before, _) = bench.drain();
    assert_eq!(before.len(), 1, "the first frame is due at once");
    bench.wait(Duration::from_millis(80));
    bench.handle(tandem_media::Input::Wake);
    assert_eq!(bench.drain().0.len(), 4, "a little late: all of them");
    bench.wait(Duration::from_secs(2));
    bench.handle(tandem_media::Input::Wake);
    let (after, _) = bench.drain();
    assert_eq!(after.len(), 1, "much too late: the newest");
    assert_eq!(after[0].sequence(), before[0].sequence() + 5, "what was never sent is not missed");
    assert_eq!(after[0].timestamp(), before[0].timestamp().wrapping_add(16_640));
}

#[test]
fn a_tone_waits_while_nothing_may_be_sent() {
    let mut bench = Bench::bare(1);
    let mut held = description(A);
    held.rtp = None;
    bench.describe(A, held);
    bench.play(A, SINE);
    let began = bench.now;
    assert!(bench.run(began + Duration::from_millis(500)).0.is_empty());
    bench.describe(A, description(A));
    let (packets, _) = bench.run(began + Duration::from_millis(600));
    assert_eq!(packets.len(), 5);
    assert!(packets[0].1.marker());
}

#[test]
fn a_tone_takes_the_place_of_the_other_leg() {
    let mut bench = Bench::talking();
    let relayed = bench.say(B, &rtp(0, 7, 1, 1)).unwrap();
    bench.wait(Duration::from_millis(20));
    let mut a = description(A);
    a.speech = Some(speech(8, Codec::Pcma));
    bench.describe(A, a);
    bench.play(A, Playable::Sine { frequency_hz: 1000 });
    let (packets, _) = bench.drain();
    assert_eq!((packets[0].ssrc(), packets[0].sequence(), packets[0].payload()), (relayed.ssrc(), relayed.sequence() + 1, 8));
    assert_eq!(packets[0].timestamp(), relayed.timestamp().wrapping_add(160));
    assert_eq!(bench.say(B, &rtp(0, 7, 2, 161)), Err(Verdict::Consumed));
    assert_eq!(bench.say(A, &rtp(0, 8, 1, 1)).unwrap().to, address(PHONE[B]), "the other still hears the leg");
    // One tone after another is a new source of the same stream.
    bench.wait(Duration::from_millis(20));
    bench.describe(A, description(A));
    bench.play_as(A, 1, SINE, 0);
    let (next, _) = bench.drain();
    assert_eq!((next[0].sequence(), next[0].payload()), (packets[0].sequence() + 1, 0));
}

#[test]
fn a_session_of_one_leg_is_closed_with_its_figures() {
    let mut bench = Bench::bare(1);
    bench.now = Timestamp::from_millis(5_000_000);
    bench.describe(A, description(A));
    bench.handle(Input::Hear([Hearing { speaker: leg(A), listener: leg(A) }].into()));
    bench.say(A, &rtp(0, 1, 1, 1)).unwrap();
    let stats = bench.close();
    assert_eq!((stats.len(), stats[A].received.packets, stats[A].sent.packets), (1, 1, 1));
}
