//! G.722 at 64 kbit/s, as Tandem and audio-codec take it, bit for bit.
//!
//! audio-codec begins with other quantizer scales than ITU-T G.722 has after a reset (32 and 8: DETL and DETH, §6.2.1.3, §6.2.2.3): its encoder with four
//! times these, its decoder with none. Ours are as ffmpeg's, whose vectors `tandem-sound` is tested with. What a coder began with leaks
//! away with what it codes, so the two are led to one state before they are compared.

use audio_codec::{
    Decoder as _, Encoder as _,
    g722::{G722Decoder, G722Encoder},
};
use tandem_model::Random;
use tandem_oracles::{
    bytes,
    sound::{noise, speech},
};
use tandem_sound::g722::{Decoder, Encoder};

/// Octets after which both are in the same state, and what is compared after them.
const LEAD: usize = 4_000;
const COMPARED: usize = 100_000;

fn encoded_by_us(samples: &[i16]) -> Vec<u8> {
    let mut octets = vec![0; samples.len() / 2];
    assert_eq!(Encoder::default().encode(samples, &mut octets), octets.len());
    octets
}

fn encoded_by_them(samples: &[i16]) -> Vec<u8> {
    let mut octets = vec![0; samples.len() / 2];
    assert_eq!(G722Encoder::new().encode_into(samples, &mut octets), Ok(octets.len()));
    octets
}

fn heard_by_us(octets: &[u8]) -> Vec<i16> {
    let mut samples = vec![0; octets.len() * 2];
    assert_eq!(Decoder::default().decode(octets, &mut samples), samples.len());
    samples
}

fn heard_by_them(octets: &[u8]) -> Vec<i16> {
    let mut samples = vec![0; octets.len() * 2];
    assert_eq!(G722Decoder::new().decode_into(octets, &mut samples), Ok(samples.len()));
    samples
}

fn square(period: usize, count: usize) -> Vec<i16> {
    (0..count).map(|n| if n % period < period / 2 { i16::MIN } else { i16::MAX }).collect()
}

/// Sounds of all kinds, each after one that leads both encoders to one state: so loud that it has the same codes at any scale.
fn sounds() -> Vec<(&'static str, Vec<i16>)> {
    let count = COMPARED * 2;
    let sounds = [
        ("speech", speech(16_000, count / 16_000)),
        ("noise", noise(2, 8_000, count)),
        ("loud noise", noise(3, i16::MAX, count)),
        ("a whisper", noise(4, 3, count)),
        ("silence", vec![0; count]),
        ("a low square", square(100, count)),
        ("a high square", square(4, count)),
    ];
    let lead = square(20, LEAD * 2);
    sounds.into_iter().map(|(name, sound)| (name, [&lead[..], &sound].concat())).collect()
}

#[test]
fn all_sounds_are_coded_alike() {
    for (name, sound) in sounds() {
        let (ours, theirs) = (encoded_by_us(&sound), encoded_by_them(&sound));
        let different = (LEAD..ours.len()).find(|at| ours[*at] != theirs[*at]);
        assert_eq!(different, None, "the first octet of {name} that is another");
    }
}

#[test]
fn what_either_codes_is_heard_alike() {
    for (name, sound) in sounds() {
        for octets in [encoded_by_us(&sound), encoded_by_them(&sound)] {
            let (ours, theirs) = (heard_by_us(&octets), heard_by_them(&octets));
            let different = (LEAD * 2..ours.len()).find(|at| ours[*at] != theirs[*at]);
            assert_eq!(different, None, "the first sample of {name} that is another");
        }
    }
}

#[test]
fn octets_in_any_order_are_heard_alike() {
    for seed in 0..10 {
        let octets = bytes(&mut Random::new(seed), LEAD + COMPARED);
        let (ours, theirs) = (heard_by_us(&octets), heard_by_them(&octets));
        let different = (LEAD * 2..ours.len()).find(|at| ours[*at] != theirs[*at]);
        assert_eq!(different, None, "seed {seed}: the first sample that is another");
    }
}

/// Were it not so any more, the lead would not be needed.
#[test]
fn they_begin_with_other_scales() {
    let sound = &speech(16_000, 1);
    assert_ne!(encoded_by_us(sound), encoded_by_them(sound));
    let octets = encoded_by_us(sound);
    assert_ne!(heard_by_us(&octets), heard_by_them(&octets));
}
