use super::*;

/// Speech, noise, a sweep, a square at full scale and silence, and what ffmpeg makes of them (`tests/vectors/make`).
const INPUT: &[u8] = include_bytes!("../../tests/vectors/g722/input.pcm");
const CODED: &[u8] = include_bytes!("../../tests/vectors/g722/coded.g722");
const HEARD: &[u8] = include_bytes!("../../tests/vectors/g722/heard.pcm");

fn samples(bytes: &[u8]) -> Vec<i16> {
    bytes.as_chunks().0.iter().map(|bytes| i16::from_le_bytes(*bytes)).collect()
}

#[test]
fn the_encoder_makes_the_bits_that_ffmpeg_makes() {
    let (mut encoder, mut octets) = (Encoder::default(), Vec::new());
    for frame in samples(INPUT).chunks(320) {
        let mut coded = [0; 160];
        let count = encoder.encode(frame, &mut coded);
        octets.extend_from_slice(&coded[..count]);
    }
    assert_eq!(octets.len(), CODED.len());
    assert_eq!(octets.iter().zip(CODED).position(|(ours, theirs)| ours != theirs), None);
}

#[test]
fn the_decoder_hears_what_ffmpeg_hears() {
    let (mut decoder, mut heard) = (Decoder::default(), Vec::new());
    for frame in CODED.chunks(160) {
        let mut samples = [0; 320];
        let count = decoder.decode(frame, &mut samples);
        heard.extend_from_slice(&samples[..count]);
    }
    let theirs = samples(HEARD);
    assert_eq!(heard.len(), theirs.len());
    assert_eq!(heard.iter().zip(&theirs).position(|(ours, theirs)| ours != theirs), None);
}

#[test]
fn all_octets_in_any_order_are_heard_without_an_overflow() {
    let mut random = tandem_model::Random::new(1);
    let octets: Vec<u8> = (0..100_000).map(|_| random.below(256) as u8).collect();
    let mut samples = vec![0; octets.len() * 2];
    assert_eq!(Decoder::default().decode(&octets, &mut samples), samples.len());
}
