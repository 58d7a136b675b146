//! Who hears what we say in another way gets reports of ours about it.

use crate::{
    common::*,
    transcode::{FRAME, Humming, hum, speaking},
};
use std::time::Duration;
use tandem_media::{Channel, Input, Playable, Verdict};
use tandem_model::{Codec, EndpointDescription, Hearing, SourceRule, Speech, StreamKind, Timestamp};
use tandem_sound::Decoder;

const SR: u8 = 200;
const RR: u8 = 201;
const BYE: u8 = 203;

/// A speaks µ-law and B that codec.
fn transcoding(codec: Codec) -> Bench {
    let mut bench = Bench::bare(2);
    bench.describe(A, speaking(A, Codec::Pcmu));
    bench.describe(B, speaking(B, codec));
    bench
}

/// A hums for so many seconds: what B heard of it.
fn minutes(bench: &mut Bench, humming: &mut Humming, seconds: usize) -> Timed<Sent> {
    hum(bench, A, humming, seconds * 50, |_| Duration::ZERO)
}

fn to(bench: &Bench, index: usize) -> Vec<(Timestamp, &Sent)> {
    bench.reports.iter().filter(|(_, sent)| sent.port == port(index)).map(|(at, sent)| (*at, sent)).collect()
}

/// Types of the packets of a compound.
fn kinds(bytes: &[u8]) -> Vec<u8> {
    let (mut at, mut kinds) = (0, Vec::new());
    while at < bytes.len() {
        assert_eq!(bytes[at] >> 6, 2);
        kinds.push(bytes[at + 1]);
        at += (usize::from(u16::from_be_bytes([bytes[at + 2], bytes[at + 3]])) + 1) * 4;
    }
    assert_eq!(at, bytes.len());
    kinds
}

/// Words of the report block of a report, if it has one.
fn block(sent: &Sent) -> Option<[u32; 6]> {
    let begins = if sent.bytes[1] == SR { 28 } else { 8 };
    (sent.bytes[0] & 0x1f == 1).then(|| std::array::from_fn(|place| word(&sent.bytes, begins + place * 4)))
}

/// NTP time as the session's clock has it, in microseconds: it is that of the wall clock, and counts from 1900.
fn ntp_us(sent: &Sent) -> u64 {
    let seconds = u64::from(word(&sent.bytes, 8)) - 2_208_988_800 - WALL_CLOCK.as_secs();
    seconds * 1_000_000 + ((u64::from(word(&sent.bytes, 12)) * 1_000_000) >> 32)
}

/// The middle of the NTP time of a sender report.
fn middle(sent: &Sent) -> u32 {
    word(&sent.bytes, 8) << 16 | word(&sent.bytes, 12) >> 16
}

/// RTCP of a leg: a report of that type, with those words after the first.
fn control(kind: u8, count: u8, words: &[u32]) -> Vec<u8> {
    let mut packet = vec![0x80 | count, kind, 0, words.len() as u8];
    packet.extend(words.iter().flat_map(|word| word.to_be_bytes()));
    packet
}

#[test]
fn both_legs_get_them_at_the_intervals_of_the_rfc() {
    let mut bench = transcoding(Codec::Pcma);
    let began = bench.now;
    minutes(&mut bench, &mut Humming::new(Codec::Pcmu, 440.0), 120);
    let mut spacings = Vec::new();
    for (index, kind) in [(A, RR), (B, SR)] {
        let reports = to(&bench, index);
        let first = reports[0].0.since(began);
        assert!((1_250..=3_750).contains(&first.as_millis()), "{first:?}");
        spacings.extend(reports.windows(2).map(|pair| pair[1].0.since(pair[0].0).as_millis()));
        for (_, sent) in reports {
            assert_eq!((sent.channel, sent.to), (Channel::Rtcp, address(PHONE_RTCP[index])));
            assert_eq!(kinds(&sent.bytes), [kind, 202]);
            let name = sent.bytes.len() - 28;
            assert_eq!(word(&sent.bytes, 4), word(&sent.bytes, name + 4));
            assert_eq!(sent.bytes[name + 8..name + 10], [1, 16]);
        }
    }
    assert!(spacings.iter().all(|spacing| (2_500..=7_500).contains(spacing)), "{spacings:?}");
    let mean = spacings.iter().sum::<u128>() / spacings.len() as u128;
    assert!((4_000..6_000).contains(&mean), "{mean}");
}

#[test]
fn a_sender_report_says_what_was_sent_and_when_it_was() {
    for codec in [Codec::Pcma, Codec::G722, Codec::Opus] {
        let mut bench = transcoding(codec);
        let heard = minutes(&mut bench, &mut Humming::new(Codec::Pcmu, 440.0), 30);
        for (at, report) in to(&bench, B) {
            let before: Vec<&(Timestamp, Sent)> = heard.iter().filter(|(sent, _)| *sent <= at).collect();
            let (last_at, last) = before.last().unwrap();
            assert_eq!(word(&report.bytes, 4), last.ssrc());
            assert_eq!(ntp_us(report).abs_diff(at.as_micros()), at.as_micros() - ntp_us(report), "never ahead");
            assert!(at.as_micros() - ntp_us(report) <= 1);
            let ahead = u64::from(word(&report.bytes, 16).wrapping_sub(last.timestamp()));
            let passed = at.since(*last_at).as_micros() as u64 * u64::from(codec.clock_rate()) / 1_000_000;
            assert_eq!(ahead, passed, "{codec:?}");
            let octets: usize = before.iter().map(|(_, sent)| sent.bytes.len() - 12).sum();
            assert_eq!((word(&report.bytes, 20), word(&report.bytes, 24)), (before.len() as u32, octets as u32));
            assert_eq!(block(report), None, "B has said nothing");
        }
    }
}

#[test]
fn who_is_not_spoken_to_any_more_is_sent_receiver_reports() {
    let mut bench = transcoding(Codec::Pcma);
    minutes(&mut bench, &mut Humming::new(Codec::Pcmu, 440.0), 10);
    bench.reports.clear();
    bench.run(bench.now + Duration::from_secs(60));
    let to_b: Vec<u8> = to(&bench, B).iter().map(|(_, sent)| sent.bytes[1]).collect();
    assert!(to_b.len() > 6 && to_b[2..].iter().all(|kind| *kind == RR), "{to_b:?}");
    // Of A nothing has come since the first of them.
    assert!(to(&bench, A)[1..].iter().all(|(_, sent)| sent.bytes[1] == RR && block(sent).is_none()));
}

#[test]
fn loss_is_that_since_the_last_report_and_that_of_all() {
    let mut bench = transcoding(Codec::Pcma);
    let mut humming = Humming::new(Codec::Pcmu, 440.0);
    humming.sent = 65_000;
    let (mut lost, mut expected, mut seen, mut at_last) = (0_u64, 0_u64, 0, (0, 0));
    for n in 0..60 * 50_u64 {
        let packet = humming.packet();
        // One of ten, in the first half.
        if n < 1_500 && n % 10 == 5 {
            lost += 1;
        } else {
            bench.say(A, &packet).unwrap_err();
        }
        expected += 1;
        bench.run(bench.now + FRAME);
        if n % 10 != 9 {
            continue;
        }
        // What has come since is of the same packets, give or take those after the report.
        for (_, sent) in to(&bench, A).drain(seen..) {
            let [ssrc, loss, highest, jitter, ..] = block(sent).unwrap();
            assert_eq!((ssrc, jitter), (0xabc, 0));
            assert!((u64::from(highest) - 65_000).abs_diff(expected) <= 10);
            assert!(u64::from(loss & 0xff_ffff).abs_diff(lost) <= 1);
            let since = ((lost - at_last.0) * 256 / (expected - at_last.1)) as u32;
            assert!((loss >> 24).abs_diff(since) <= 2, "{} of 256, not {since}", loss >> 24);
            at_last = (lost, expected);
            seen += 1;
        }
    }
    assert!(seen > 8 && lost == 150);
}

#[test]
fn jitter_is_told_in_the_clock_of_what_came() {
    let mut bench = transcoding(Codec::Pcma);
    hum(&mut bench, A, &mut Humming::new(Codec::Pcmu, 440.0), 1_000, |n| Duration::from_millis(if n % 2 == 0 { 10 } else { 0 }));
    let (_, last) = *to(&bench, A).last().unwrap();
    // Ten milliseconds from each to the next, at 8 kHz.
    assert!((75..=80).contains(&block(last).unwrap()[3]), "{:?}", block(last));
}

#[test]
fn who_reports_learns_when_its_report_came() {
    let mut bench = transcoding(Codec::Pcma);
    let mut humming = Humming::new(Codec::Pcmu, 440.0);
    bench.say(A, &humming.packet()).unwrap_err();
    let report = control(SR, 0, &[0xabc, 0xe000_1234, 0x5678_9abc, 0, 1, 160]);
    assert_eq!(bench.report(A, &report), Err(Verdict::Consumed), "it stays with us");
    let told_at = bench.now;
    assert_eq!(bench.report(A, &control(SR, 0, &[0xdef, 1, 1, 0, 1, 160])), Err(Verdict::Consumed));
    minutes(&mut bench, &mut humming, 20);
    for (at, sent) in to(&bench, A) {
        let [.., last, delay] = block(sent).unwrap();
        assert_eq!(last, 0x1234_5678);
        assert_eq!(u128::from(delay), (at.since(told_at).as_micros() << 16) / 1_000_000);
    }
}

#[test]
fn the_round_trip_is_what_the_leg_did_not_wait() {
    let mut bench = transcoding(Codec::Pcma);
    let mut humming = Humming::new(Codec::Pcmu, 440.0);
    let heard = minutes(&mut bench, &mut humming, 8);
    let (at, report) = *to(&bench, B).last().unwrap();
    let (ours, made) = (heard[0].1.ssrc(), middle(report));
    let now = bench.now;
    let answer = |last: u32, waited: Duration| {
        control(RR, 1, &[0xb0b, ours, 0, 1, 0, last, u32::try_from((waited.as_micros() << 16) / 1_000_000).unwrap()])
    };
    let waited = now.since(at);
    assert_eq!(bench.session.round_trip(leg(B)), None);
    bench.report(B, &answer(0, Duration::ZERO)).unwrap_err();
    bench.report(B, &answer(made ^ 0x100, Duration::ZERO)).unwrap_err();
    assert_eq!(bench.session.round_trip(leg(B)), None, "of no report of ours");
    bench.wait(Duration::from_millis(80));
    bench.report(B, &answer(made, waited)).unwrap_err();
    let measured = bench.session.round_trip(leg(B)).unwrap();
    assert!(measured.abs_diff(Duration::from_millis(80)) < Duration::from_micros(100), "{measured:?}");
    bench.report(B, &answer(made, waited + Duration::from_secs(9))).unwrap_err();
    assert_eq!(bench.session.round_trip(leg(B)), Some(Duration::ZERO), "none is less than nothing");
    assert_eq!(bench.session.round_trip(leg(A)), None);
}

/// What B hears in Opus of A, who sings for a second before B reports that of 256 packets so many are lost, and for one after: payloads.
fn repaired(fraction: u32) -> [Vec<Vec<u8>>; 2] {
    let mut bench = Bench::bare(2);
    let fec = Speech { parameters: Some("useinbandfec=1".into()), ..speech(111, Codec::Opus) };
    bench.describe(A, speaking(A, Codec::G722));
    bench.describe(B, EndpointDescription { speech: Some(fec), ..speaking(B, Codec::Opus) });
    let mut humming = Humming::new(Codec::G722, 300.0);
    let mut sing = |bench: &mut Bench| -> Timed<Sent> {
        let step = |_| {
            humming.hz = if humming.hz > 1_000.0 { 300.0 } else { humming.hz + 40.0 };
            hum(bench, A, &mut humming, 1, |_| Duration::ZERO)
        };
        (0..50).flat_map(step).collect()
    };
    let before = sing(&mut bench);
    let ours = before[0].1.ssrc();
    // What is said of another stream is not about this one.
    let report = control(RR, 2, &[0xb0b, ours, fraction << 24, 1, 0, 0, 0, ours ^ 1, 0xff << 24, 1, 0, 0, 0]);
    assert_eq!(bench.report(B, &report), Err(Verdict::Consumed));
    [before, sing(&mut bench)].map(|packets| packets.into_iter().map(|(_, sent)| sent.bytes[12..].to_vec()).collect())
}

/// How far off what is made of the packets after each third one is from what was in it.
fn error(packets: &[Vec<u8>]) -> f64 {
    let (mut all, mut some) = (Decoder::new(Codec::Opus, 16_000).unwrap(), Decoder::new(Codec::Opus, 16_000).unwrap());
    let mut error = 0.0;
    for (n, pair) in packets.windows(2).enumerate() {
        let (mut said, mut heard) = ([0; 320], [0; 320]);
        all.decode(&pair[0], &mut said);
        if n % 3 == 2 {
            some.conceal(Some(&pair[1]), &mut heard);
            error += said.iter().zip(heard).map(|(said, heard)| (f64::from(*said) - f64::from(heard)).powi(2)).sum::<f64>();
        } else {
            some.decode(&pair[0], &mut heard);
        }
    }
    error
}

#[test]
fn an_encoder_that_can_repair_does_when_loss_is_reported() {
    let ([before, none], [same, loss]) = (repaired(0), repaired(52));
    assert_eq!(before, same);
    let (without, with) = (error(&none), error(&loss));
    assert!(with < without / 2.0, "{with} of {without}");
}

#[test]
fn whoever_has_had_one_is_told_of_the_end() {
    let mut bench = transcoding(Codec::Pcma);
    let mut humming = Humming::new(Codec::Pcmu, 440.0);
    let heard = minutes(&mut bench, &mut humming, 10);
    bench.reports.clear();
    bench.close();
    for (index, kind) in [(A, RR), (B, SR)] {
        let [(_, last)] = to(&bench, index)[..] else { panic!("{:?}", bench.reports) };
        assert_eq!(kinds(&last.bytes), [kind, 202, BYE]);
        assert_eq!(word(&last.bytes, last.bytes.len() - 4), word(&last.bytes, 4));
        assert_eq!((last.channel, last.to), (Channel::Rtcp, address(PHONE_RTCP[index])));
    }
    assert_eq!(word(&to(&bench, B)[0].1.bytes, 4), heard[0].1.ssrc());

    let mut short = transcoding(Codec::Pcma);
    minutes(&mut short, &mut Humming::new(Codec::Pcmu, 440.0), 1);
    short.close();
    assert_eq!(short.reports, [], "of what it has not heard nobody takes leave");
}

#[test]
fn one_who_leaves_is_told_so_and_who_comes_in_its_place_gets_reports() {
    let mut bench = Bench::bare(3);
    bench.describe(A, speaking(A, Codec::Pcmu));
    bench.describe(B, speaking(B, Codec::Pcma));
    bench.describe(C, description(C));
    minutes(&mut bench, &mut Humming::new(Codec::Pcmu, 440.0), 10);
    assert!(to(&bench, C).is_empty());
    bench.reports.clear();
    bench.handle(Input::Remove(leg(B)));
    bench.handle(Input::Hear(Hearing::each_other([leg(A), leg(C)])));
    bench.drain();
    assert_eq!(bench.released, [port(B)]);
    let [(_, last)] = to(&bench, B)[..] else { panic!("{:?}", bench.reports) };
    assert_eq!(kinds(&last.bytes).last(), Some(&BYE));
    bench.run(bench.now + Duration::from_secs(10));
    assert!(!to(&bench, C).is_empty());
    // What A reports is of our clock, and means nothing to C.
    assert_eq!(bench.report(A, &control(RR, 0, &[0xabc])), Err(Verdict::Consumed));
    assert_eq!(bench.report(C, &control(RR, 0, &[0xc0c])), Err(Verdict::Consumed));
}

#[test]
fn a_tone_is_reported_where_rtcp_goes_on_a_shared_port_and_back_where_it_came_from() {
    let mut bench = Bench::bare(1);
    let from = "192.0.2.1:7777";
    let host = SourceRule::Host(address(from).ip());
    bench.describe(A, EndpointDescription { rtcp_mux: true, rtcp: description(A).rtp, source: host, ..description(A) });
    bench.play(A, Playable::Sine { frequency_hz: 440 });
    bench.offer(A, Channel::Rtp, from, &rtp(0, 1, 1, 1)).unwrap_err();
    let (heard, _) = bench.run(bench.now + Duration::from_secs(10));
    let reports = to(&bench, A);
    assert!(!reports.is_empty());
    for (_, sent) in reports {
        assert_eq!((sent.channel, sent.to), (Channel::Rtp, address(from)));
        assert_eq!((kinds(&sent.bytes)[0], word(&sent.bytes, 4)), (SR, heard[0].1.ssrc()));
    }
}

#[test]
fn there_are_none_where_the_leg_takes_none() {
    for without in [
        EndpointDescription { rtcp: None, ..speaking(B, Codec::Pcma) },
        EndpointDescription { kind: StreamKind::Udptl, ..speaking(B, Codec::Pcma) },
    ] {
        let mut bench = transcoding(Codec::Pcma);
        minutes(&mut bench, &mut Humming::new(Codec::Pcmu, 440.0), 10);
        bench.describe(B, without);
        bench.reports.clear();
        bench.run(bench.now + Duration::from_secs(30));
        assert!(to(&bench, B).is_empty() && !to(&bench, A).is_empty());
    }
}

#[test]
fn reports_of_one_who_only_listens_to_a_mix_are_taken() {
    let mut bench = Bench::bare(3);
    (A..=C).for_each(|index| bench.describe(index, description(index)));
    let pairs = [A, B].map(|speaker| Hearing { speaker: leg(speaker), listener: leg(C) });
    bench.handle(Input::Hear(pairs.into()));
    assert_eq!(bench.report(C, &control(SR, 0, &[0xdef, 1, 1, 0, 1, 160])), Err(Verdict::Consumed));
    assert_eq!(bench.close()[C].dropped, 0);
}
