//! What silence sounds like (RFC 3389): passed on, heard, and said.

use crate::{
    common::*,
    transcode::{FRAME, Humming, hum, speaking},
};
use std::time::Duration;
use tandem_media::{Input, Verdict};
use tandem_model::{Across, Carries, Codec, EndpointDescription, Hearing, PayloadRule, Timestamp};
use tandem_sound::g711::{FROM_A_LAW, FROM_MU_LAW};

const NOISE: u8 = 13;

/// A leg that speaks `codec`, where the other does not, and sends noise that reaches that so.
fn pausing(index: usize, codec: Codec, across: Across) -> EndpointDescription {
    let mut told = speaking(index, codec);
    let noise = PayloadRule { from: NOISE, carries: Carries::Noise, across, clock_rate: 8000 };
    told.payloads = told.payloads.iter().copied().chain([noise]).collect();
    told
}

/// So many seconds in which a leg says once in 200 ms that it is so silent: what the other hears.
fn rest(bench: &mut Bench, humming: &mut Humming, seconds: u32, level: u8) -> Timed<Sent> {
    let mut heard = Vec::new();
    for n in 0..seconds * 50 {
        heard.extend(bench.run(bench.now + FRAME).0);
        if n % 10 == 0 {
            let mut packet = rtp(NOISE, 0xabc, humming.sent as u16, humming.sent * 160 + n * 160)[..12].to_vec();
            packet.push(level);
            assert_eq!(bench.say(A, &packet), Err(Verdict::Waits));
            humming.sent += 1;
        }
    }
    heard
}

/// How loud G.711 is, in decibels below the loudest.
fn level(packets: &[(Timestamp, Sent)], table: &[i16; 256]) -> f64 {
    let samples: Vec<f64> =
        packets.iter().flat_map(|(_, sent)| &sent.bytes[12..]).map(|octet| f64::from(table[usize::from(*octet)])).collect();
    let power = samples.iter().map(|sample| sample * sample).sum::<f64>() / samples.len() as f64;
    -10.0 * (power / 32_768_f64.powi(2)).log10()
}

#[test]
fn where_both_sides_have_it_it_goes_on_as_it_is() {
    let mut bench = Bench::bare(2);
    for index in [A, B] {
        let mut told = pausing(index, Codec::Pcmu, Across::As(NOISE));
        told.payloads[0].across = Across::As(0);
        bench.describe(index, told);
    }
    bench.say(A, &rtp(0, 5, 1, 160)).unwrap();
    let mut packet = rtp(NOISE, 5, 2, 320)[..12].to_vec();
    packet.extend([40, 127, 130]);
    let sent = bench.say(A, &packet).unwrap();
    assert_eq!((sent.payload(), &sent.bytes[12..]), (NOISE, &[40, 127, 130][..]));
}

#[test]
fn who_does_not_know_it_hears_the_noise_that_it_stands_for() {
    let mut bench = Bench::bare(2);
    bench.describe(A, pausing(A, Codec::Pcmu, Across::Sound(Codec::Pcmu)));
    bench.describe(B, speaking(B, Codec::Pcma));
    let mut humming = Humming::new(Codec::Pcmu, 440.0);
    hum(&mut bench, A, &mut humming, 50, |_| Duration::ZERO);
    let heard = rest(&mut bench, &mut humming, 3, 45);
    assert!((145..=152).contains(&heard.len()), "{}", heard.len());
    assert!(heard.iter().all(|(_, sent)| sent.payload() == 8 && sent.bytes.len() == 172));
    let loud = level(&heard[60..], &FROM_A_LAW);
    assert!((loud - 45.0).abs() < 1.5, "{loud}");
    assert_eq!(bench.close()[A].playout.unwrap().missing, 0);
}

#[test]
fn who_knows_it_is_told_when_the_other_rests_and_what_that_sounds_like() {
    let mut bench = Bench::bare(2);
    bench.describe(A, pausing(A, Codec::Pcma, Across::Sound(Codec::Pcma)));
    bench.describe(B, pausing(B, Codec::Pcmu, Across::Sound(Codec::Pcmu)));
    let mut humming = Humming::new(Codec::Pcma, 440.0);
    let before = hum(&mut bench, A, &mut humming, 50, |_| Duration::ZERO);
    let heard = rest(&mut bench, &mut humming, 4, 50);
    let noise: Vec<&Sent> = heard.iter().map(|(_, sent)| sent).filter(|sent| sent.payload() == NOISE).collect();
    assert!((15..=21).contains(&noise.len()), "{}", noise.len());
    assert!(heard.len() - noise.len() < 10, "else nothing is said");
    for sent in &noise[5..] {
        assert!(sent.bytes[12].abs_diff(50) <= 3 && sent.bytes.len() > 13 && !sent.marker(), "{sent:?}");
    }
    // One stream, with the time that passes.
    let all: Vec<&Sent> = before.iter().chain(&heard).map(|(_, sent)| sent).collect();
    assert!(all.windows(2).all(|pair| pair[1].sequence() == pair[0].sequence().wrapping_add(1) && pair[1].ssrc() == pair[0].ssrc()));
    assert!(noise[5..].windows(2).all(|pair| pair[1].timestamp().wrapping_sub(pair[0].timestamp()) == 1_600));
}

#[test]
fn who_stops_without_a_word_is_silence_and_is_heard_again_when_it_speaks() {
    let mut bench = Bench::bare(2);
    bench.describe(A, speaking(A, Codec::Opus));
    bench.describe(B, pausing(B, Codec::Pcmu, Across::Sound(Codec::Pcmu)));
    let mut humming = Humming::new(Codec::Opus, 440.0);
    hum(&mut bench, A, &mut humming, 50, |_| Duration::ZERO);
    let (heard, _) = bench.run(bench.now + Duration::from_secs(5));
    let noise: Vec<&Sent> = heard.iter().map(|(_, sent)| sent).filter(|sent| sent.payload() == NOISE).collect();
    assert!((23..=25).contains(&noise.len()), "{}", noise.len());
    assert!(noise.iter().all(|sent| sent.bytes[12..] == [127]));
    humming.sent += 250;
    let again = hum(&mut bench, A, &mut humming, 50, |_| Duration::ZERO);
    let spoken: Vec<&Sent> = again.iter().map(|(_, sent)| sent).filter(|sent| sent.payload() == 0).collect();
    assert!(spoken.len() > 45 && spoken[0].marker() && spoken[1..].iter().all(|sent| !sent.marker()), "{}", spoken.len());
    assert!(level(&again[20..40], &FROM_MU_LAW) < 20.0);
}

#[test]
fn who_does_not_want_it_is_not_told_of_it() {
    let mut bench = Bench::bare(2);
    bench.describe(A, speaking(A, Codec::Opus));
    bench.describe(B, speaking(B, Codec::Pcmu));
    hum(&mut bench, A, &mut Humming::new(Codec::Opus, 440.0), 50, |_| Duration::ZERO);
    let (heard, _) = bench.run(bench.now + Duration::from_secs(5));
    assert!(heard.iter().all(|(_, sent)| sent.payload() == 0) && heard.len() < 12, "{}", heard.len());
}

/// What reaches C of A, whose rules were made for B, where the codec of C is that and it wants to be told under that number, if it does; and how many
/// of its 40 packets go on as they are.
fn heard_by_another(codec: Codec, number: Option<u8>) -> (Vec<Sent>, usize) {
    let mut bench = Bench::bare(3);
    let mut speaks = pausing(A, Codec::Pcmu, Across::As(NOISE));
    speaks.payloads[0].across = Across::As(0);
    // It may speak something else too, which has nothing to do with the noise.
    let other = PayloadRule { from: 111, carries: Carries::Sound(Codec::Opus), across: Across::As(111), clock_rate: 48_000 };
    speaks.payloads = [other].into_iter().chain(speaks.payloads).collect();
    speaks.hearer = Some(leg(B));
    bench.describe(A, speaks);
    bench.describe(B, description(B));
    let mut hears = speaking(C, codec);
    let noise = number.map(|from| PayloadRule { from, carries: Carries::Noise, across: Across::As(NOISE), clock_rate: 8000 });
    hears.payloads = hears.payloads.iter().copied().chain(noise).collect();
    bench.describe(C, hears);
    bench.handle(Input::Hear([Hearing { speaker: leg(A), listener: leg(C) }].into()));
    bench.drain();
    let (mut heard, mut passed_on) = (Vec::new(), 0);
    for n in 0..40_u16 {
        let mut packet = rtp(0, 5, n, u32::from(n) * 160);
        if n % 10 == 9 {
            packet.truncate(12);
            packet[1] = NOISE;
            packet.push(60);
        }
        let sent = bench.say(A, &packet);
        passed_on += usize::from(sent.is_ok());
        heard.extend(sent);
        heard.extend(bench.run(bench.now + FRAME).0.into_iter().map(|(_, sent)| sent));
    }
    assert!(heard.len() > 30 && heard.iter().all(|sent| sent.port == port(C)));
    (heard, passed_on)
}

#[test]
fn another_who_hears_the_leg_by_now_is_told_as_it_wants_to_be() {
    let noise = |(packets, passed_on): (Vec<Sent>, usize)| -> (Vec<u8>, usize) {
        (packets.iter().map(|sent| sent.payload()).filter(|payload| *payload != 0).collect(), passed_on)
    };
    assert_eq!(noise(heard_by_another(Codec::Pcmu, Some(99))), (vec![99; 4], 40), "under its own number");
    assert_eq!(noise(heard_by_another(Codec::Pcmu, None)), (vec![], 36), "it did not agree to any");
    let (said, passed_on) = heard_by_another(Codec::G722, None);
    assert!(passed_on == 0 && said.iter().all(|sent| sent.payload() == 9), "it is heard in its codec");
}
