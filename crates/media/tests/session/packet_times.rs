//! Whatever the length of the packets that come, who hears them in another codec, or in a mix, gets packets as long as it wants.

use crate::{
    common::*,
    transcode::{payload, speaking},
};
use std::time::Duration;
use tandem_media::Input;
use tandem_model::{Codec, EndpointDescription, Hearing, Speech, Timestamp};
use tandem_sound::{Encoder, opus::OpusTerms};

const LENGTHS: [u8; 5] = [10, 20, 30, 40, 60];

/// Who speaks, and in packets of what length; who hears it, and in packets of what length.
type Case = ((Codec, u8), (Codec, u8));

fn wanting(index: usize, codec: Codec, packet_ms: u8) -> EndpointDescription {
    EndpointDescription { speech: Some(Speech { packet_ms, ..speech(payload(codec), codec) }), ..speaking(index, codec) }
}

/// Opus has no packets of 30 ms.
fn made(codec: Codec, ms: u8) -> u8 {
    if codec == Codec::Opus && ms == 30 { 20 } else { ms }
}

/// Packets of two seconds of a tone.
fn hum(codec: Codec, ms: u8) -> Vec<Vec<u8>> {
    let mut encoder = Encoder::new(codec, 48_000, &OpusTerms::default()).unwrap();
    let rate_hz = encoder.rate_hz();
    let samples = rate_hz as usize * usize::from(ms) / 1_000;
    let sample = |n: usize| (9_000.0 * (std::f64::consts::TAU * 440.0 * n as f64 / f64::from(rate_hz)).sin()) as i16;
    let packet = |n: usize| {
        let mut coded = [0; 4_000];
        let sound: Vec<i16> = (n * samples..(n + 1) * samples).map(sample).collect();
        let length = encoder.encode(&sound, &mut coded).unwrap();
        let mut packet = rtp(payload(codec), 0xabc, n as u16, n as u32 * codec.clock_rate() / 1_000 * u32::from(ms));
        packet.truncate(12);
        packet.extend(&coded[..length]);
        packet
    };
    (0..2_000 / usize::from(ms)).map(packet).collect()
}

/// What B hears of A.
fn heard(bench: &mut Bench, ((codec, ms), _): Case) -> Timed<Sent> {
    let mut heard = Vec::new();
    for packet in hum(codec, ms) {
        heard.extend(bench.run(bench.now + Duration::from_millis(ms.into())).0);
        assert!(bench.say(A, &packet).is_err());
    }
    heard.extend(bench.run(bench.now + Duration::from_millis(60)).0);
    heard.retain(|(_, sent)| sent.port == port(B));
    heard
}

fn check(heard: &[(Timestamp, Sent)], case: Case) {
    let (_, (codec, wanted)) = case;
    let expected = u64::from(made(codec, wanted));
    assert!(heard.len() as u64 * expected >= 1_900, "{case:?}: {}", heard.len());
    for pair in heard.windows(2) {
        let [(before, first), (after, second)] = pair else { continue };
        assert_eq!(second.sequence(), first.sequence().wrapping_add(1), "{case:?}");
        assert_eq!(second.timestamp().wrapping_sub(first.timestamp()), codec.clock_rate() / 1_000 * expected as u32, "{case:?}");
        let apart = after.since(*before).as_millis() as u64;
        assert!((expected - 5..=expected + 10).contains(&apart), "{case:?}: {apart}");
    }
    let octets = |sent: &Sent| sent.bytes.len() as u64 - 12;
    assert!(codec == Codec::Opus || heard.iter().all(|(_, sent)| octets(sent) == 8 * expected), "{case:?}");
}

fn cases() -> impl Iterator<Item = Case> {
    let codecs = [(Codec::Pcmu, Codec::Pcma), (Codec::Pcmu, Codec::Opus), (Codec::Opus, Codec::G722)];
    let lengths = LENGTHS.into_iter().flat_map(|from| LENGTHS.map(|to| (from, to)));
    lengths.flat_map(move |(from, to)| codecs.map(|(a, b)| ((a, made(a, from)), (b, to))))
}

#[test]
fn of_what_is_said_again_packets_are_as_long_as_they_are_wanted() {
    for case in cases() {
        let ((codec, _), (other, wanted)) = case;
        let mut bench = Bench::bare(2);
        bench.describe(A, speaking(A, codec));
        bench.describe(B, wanting(B, other, wanted));
        check(&heard(&mut bench, case), case);
    }
}

#[test]
fn of_what_is_mixed_likewise() {
    for case in cases() {
        let ((codec, _), (other, wanted)) = case;
        let mut bench = Bench::bare(3);
        bench.describe(A, speaking(A, codec));
        bench.describe(B, wanting(B, other, wanted));
        bench.describe(C, wanting(C, Codec::Pcma, 20));
        let pairs = [A, B, C].into_iter().flat_map(|speaker| [A, B, C].map(|listener| (speaker, listener)));
        let pairs = pairs.filter(|(speaker, listener)| speaker != listener);
        bench.handle(Input::Hear(pairs.map(|(speaker, listener)| Hearing { speaker: leg(speaker), listener: leg(listener) }).collect()));
        check(&heard(&mut bench, case), case);
    }
}
