//! What a session tells of how its calls went.

use crate::{
    common::*,
    transcode::{Humming, hum, speaking},
};
use std::time::Duration;
use tandem_media::{Channel, Input};
use tandem_model::{Across, Codec, Hearing, Timestamp};

const FRAME: Duration = Duration::from_millis(20);

/// RTCP of a leg: a report of that type, with those words after the first.
fn control(kind: u8, count: u8, words: &[u32]) -> Vec<u8> {
    let mut packet = vec![0x80 | count, kind, 0, words.len() as u8];
    packet.extend(words.iter().flat_map(|word| word.to_be_bytes()));
    packet
}

/// A sender report whose NTP time has that middle.
fn sender_report(ssrc: u32, middle: u32) -> Vec<u8> {
    control(200, 0, &[ssrc, middle >> 16, middle << 16, 0, 0, 0])
}

/// Says of that stream that so many were lost, that jitter is so many ticks, and when the last sender report came.
fn receiver_report(from: u32, about: u32, highest: u32, lost: u32, jitter: u32, heard: (u32, u32)) -> Vec<u8> {
    control(201, 1, &[from, about, lost, highest, jitter, heard.0, heard.1])
}

/// Packets of a leg, without those that are left out.
fn talk(bench: &mut Bench, index: usize, count: u16, is_lost: impl Fn(u16) -> bool) -> Vec<Sent> {
    let mut sent = Vec::new();
    for n in 0..count {
        bench.wait(FRAME);
        if !is_lost(n) {
            sent.push(bench.say(index, &rtp(0, 0xaaaa + index as u32, n, u32::from(n) * 160)).unwrap());
        }
    }
    sent
}

#[test]
fn the_round_trip_of_either_leg_is_learnt_from_reports_that_pass() {
    let mut bench = Bench::talking();
    let to_b = talk(&mut bench, A, 2, |_| false).pop().unwrap();
    let to_a = talk(&mut bench, B, 2, |_| false).pop().unwrap();
    bench.report(A, &sender_report(0xaaaa, 0x1234_5678)).unwrap();
    bench.report(B, &sender_report(0xaaab, 0x9999_0000)).unwrap();
    assert_eq!(bench.session.round_trip(leg(A)), None);

    // B has waited for half a second, A for a quarter.
    bench.wait(Duration::from_millis(530));
    let heard = (0x1234_5678, 0x8000);
    bench.report(B, &receiver_report(0xaaab, to_b.ssrc(), to_b.sequence().into(), 0, 0, heard)).unwrap();
    bench.wait(Duration::from_millis(20));
    bench.report(A, &receiver_report(0xaaaa, to_a.ssrc(), to_a.sequence().into(), 0, 0, (0x9999_0000, 0x4000))).unwrap();
    assert_eq!(bench.session.round_trip(leg(B)), Some(Duration::from_millis(30)));
    assert_eq!(bench.session.round_trip(leg(A)), Some(Duration::from_millis(300)));

    let stats = bench.close();
    assert_eq!([stats[A].round_trip_us, stats[B].round_trip_us], [Some(300_000), Some(30_000)]);
}

#[test]
fn of_a_report_that_was_never_passed_nothing_is_learnt() {
    let mut bench = Bench::talking();
    let to_b = talk(&mut bench, A, 2, |_| false).pop().unwrap();
    for heard in [(0, 0), (0x1234_5678, 0)] {
        // B has sent nothing that the report could be of.
        let _ = bench.report(B, &receiver_report(0xaaab, to_b.ssrc(), to_b.sequence().into(), 0, 0, heard));
    }
    assert_eq!(bench.session.round_trip(leg(B)), None);
    for n in 0..3 {
        bench.wait(Duration::from_secs(5));
        bench.report(A, &sender_report(0xaaaa, 0x1_0000 * (n + 1))).unwrap();
    }
    let _ = bench.report(B, &receiver_report(0xaaab, to_b.ssrc(), to_b.sequence().into(), 0, 0, (0x1_0000, 0)));
    assert_eq!(bench.session.round_trip(leg(B)), None, "two reports are remembered");
    let _ = bench.report(B, &receiver_report(0xaaab, to_b.ssrc(), to_b.sequence().into(), 0, 0, (0x2_0000, 0)));
    assert_eq!(bench.session.round_trip(leg(B)), Some(Duration::from_secs(5)));
}

#[test]
fn a_clean_call_sounds_as_good_as_its_codec() {
    let mut bench = Bench::talking();
    talk(&mut bench, A, 500, |_| false);
    let stats = bench.close();
    let mos = stats[A].received.mos.unwrap().value();
    assert!((4.37..=4.41).contains(&mos), "{mos}: a packet of 20 ms is all that is to be waited for");
    assert_eq!((stats[B].sent.packets, stats[B].sent.mos), (500, None), "B has not said how it came");
    assert_eq!((stats[B].received.mos, stats[A].sent.mos), (None, None), "nobody has said anything that way");
}

#[test]
fn loss_and_bursts_are_heard_in_the_score() {
    let score = |is_lost: fn(u16) -> bool| {
        let mut bench = Bench::talking();
        talk(&mut bench, A, 1_000, is_lost);
        let stats = bench.close();
        (stats[A].received.lost, stats[A].received.mos.unwrap().value())
    };
    let (single, single_mos) = score(|n| n % 20 == 7);
    let (burst, burst_mos) = score(|n| (107..112).contains(&(n % 200)) || (7..12).contains(&(n % 200)));
    assert_eq!((single, burst), (50, 50));
    assert!((3.85..3.95).contains(&single_mos), "{single_mos}");
    assert!(burst_mos < single_mos - 0.1, "{burst_mos} after {single_mos}");
}

#[test]
fn what_a_leg_reports_is_rated_as_it_came_there() {
    let rated = |lost: u32, jitter: u32, heard_ms: Option<u64>| {
        let mut bench = Bench::talking();
        let to_b = talk(&mut bench, A, 100, |_| false).pop().unwrap();
        let began: Timestamp = bench.now;
        bench.report(A, &sender_report(0xaaaa, 0x7777_0000)).unwrap();
        bench.wait(Duration::from_millis(heard_ms.unwrap_or(0)));
        let heard = heard_ms.map_or((0, 0), |_| (0x7777_0000, 0));
        let _ = bench.offer(
            B,
            Channel::Rtcp,
            PHONE_RTCP[B],
            &receiver_report(0xbbbb, to_b.ssrc(), to_b.sequence().into(), lost, jitter, heard),
        );
        assert!(bench.now >= began);
        let sent = bench.close()[B].sent;
        (sent.lost, sent.jitter_us, sent.mos.unwrap().value())
    };
    let (lost, jitter, clean) = rated(0, 0, Some(20));
    assert_eq!((lost, jitter), (0, 0));
    assert!((4.35..=4.41).contains(&clean), "{clean}");
    let (lost, jitter, bad) = rated(5, 80, Some(20));
    assert_eq!((lost, jitter), (5, 10_000));
    assert!((3.7..3.95).contains(&bad), "{bad}");
    let (.., far) = rated(0, 0, Some(600));
    assert!(far < clean - 0.4, "{far}: 300 ms hinder a talk");
}

#[test]
fn what_the_jitter_buffer_did_is_told_of_who_spoke() {
    let mut bench = Bench::bare(2);
    bench.describe(A, speaking(A, Codec::Pcmu));
    bench.describe(B, speaking(B, Codec::Pcma));
    // Every tenth packet is 60 ms late, and the others are not.
    hum(&mut bench, A, &mut Humming::new(Codec::Pcmu, 440.0), 500, |n| Duration::from_millis(if n % 10 == 3 { 60 } else { 0 }));
    let stats = bench.close();
    let playout = stats[A].playout.unwrap();
    assert!((20_000..90_000).contains(&playout.delay_us) && playout.lengthened > 0, "{playout:?}");
    assert_eq!(stats[A].received.lost, 0);
    assert_eq!(stats[B].playout, None, "B has said nothing");
    let mos = stats[A].received.mos.unwrap().value();
    assert!((4.0..4.4).contains(&mos), "{mos}");
}

#[test]
fn figures_go_on_from_one_jitter_buffer_to_the_next() {
    let mut bench = Bench::bare(2);
    bench.describe(A, speaking(A, Codec::Pcmu));
    bench.describe(B, speaking(B, Codec::Pcma));
    let mut humming = Humming::new(Codec::Pcmu, 440.0);
    let late = |n: usize| Duration::from_millis(if n % 10 == 3 { 60 } else { 0 });
    hum(&mut bench, A, &mut humming, 100, late);
    bench.handle(Input::Hear([].into()));
    bench.handle(Input::Hear(Hearing::each_other([leg(A), leg(B)])));
    hum(&mut bench, A, &mut humming, 100, late);
    let both = bench.close()[A].playout.unwrap();
    let mut bench = Bench::bare(2);
    bench.describe(A, speaking(A, Codec::Pcmu));
    bench.describe(B, speaking(B, Codec::Pcma));
    hum(&mut bench, A, &mut Humming::new(Codec::Pcmu, 440.0), 100, late);
    let one = bench.close()[A].playout.unwrap();
    assert!(one.lengthened > 0 && both.lengthened >= 2 * one.lengthened, "{both:?} {one:?}");
}

#[test]
fn numbers_that_events_take_are_not_missing_sound() {
    let mut bench = Bench::bare(2);
    let mut speaker = speaking(A, Codec::Pcmu);
    speaker.payloads[1].across = Across::Event { number: 101, clock_khz: 8 };
    bench.describe(A, speaker);
    bench.describe(B, speaking(B, Codec::Pcma));
    let mut sequence = 0_u16;
    for n in 0..200_u32 {
        bench.run(bench.now + FRAME);
        let _ = bench.say(A, &rtp(0, 0xaaaa, sequence, n * 160));
        sequence += 1;
        // A key is held in the middle of it, and the sound goes on.
        if (100..110).contains(&n) {
            let mut event = rtp(101, 0xaaaa, sequence, 100 * 160)[..12].to_vec();
            event.extend([5, 10, 0, 160]);
            bench.say(A, &event).unwrap();
            sequence += 1;
        }
    }
    assert_eq!(bench.close()[A].playout.unwrap().missing, 0);
}
