//! Opus, as Tandem makes and hears it with libopus, beside ruopus, which is written anew and shares no code with it.
//!
//! A decoder must hear whole packets as the reference does (RFC 6716 §6): SILK is in whole numbers and the same to the bit, CELT is not, and may differ in
//! the last bit of a sample. What is made up where something is missing (§4.4) is everybody's own, and not compared.

use opus::{Application, Bitrate, Channels};
use ruopus::{Mode, OpusDecoder, OpusEncoder, Packet};
use tandem_oracles::sound::{farthest, noise, ratio_db, speech};
use tandem_sound::opus::{Decoder, Encoder, MAX_PACKET, OpusTerms};

/// Decibels between what is heard and what differs, where CELT has a part in it.
const NEARLY_ALIKE_DB: f64 = 75.0;

/// The same where something in between was made up by each in its own way.
const MADE_UP_DB: f64 = 40.0;

/// Octets of a frame at most (RFC 6716 §3.2.1).
const MAX_FRAME: usize = 1_275;

const PLAIN: OpusTerms =
    OpusTerms { max_playback_hz: 48_000, max_average_bitrate: None, fec: false, dtx: false, constant: false, stereo: false };

/// What Tandem makes of sound, in packets of `ms`.
fn coded(encoder: &mut Encoder, sound: &[i16], ms: usize) -> Vec<Vec<u8>> {
    let frames = sound.chunks_exact(encoder.rate_hz() as usize / 1000 * ms);
    let packet = |frame| {
        let mut packet = vec![0; MAX_PACKET];
        let len = encoder.encode(frame, &mut packet).unwrap();
        packet.truncate(len);
        packet
    };
    frames.map(packet).collect()
}

fn heard_by_us(rate_hz: u32, packets: &[Vec<u8>]) -> Vec<i16> {
    let mut decoder = Decoder::new(rate_hz).unwrap();
    let decode = |packet: &Vec<u8>| {
        let mut samples = vec![0; decoder.samples(packet).unwrap()];
        assert_eq!(decoder.decode(packet, &mut samples), Some(samples.len()));
        samples
    };
    packets.iter().flat_map(decode).collect()
}

fn heard_by_them(rate_hz: u32, packets: &[Vec<u8>]) -> Vec<i16> {
    let mut decoder = OpusDecoder::with_rate(rate_hz, 1);
    packets.iter().flat_map(|packet| decoder.decode_packet_i16(packet).unwrap()).collect()
}

fn as_numbers(samples: &[f32]) -> Vec<i16> {
    samples.iter().map(|sample| (sample * 32768.0).round_ties_even() as i16).collect()
}

fn is_silk(packet: &[u8]) -> bool {
    Packet::parse(packet).unwrap().toc().mode() == Mode::SilkOnly
}

/// It has frames that are left out.
fn has_gaps(packet: &[u8]) -> bool {
    Packet::parse(packet).unwrap().frames().iter().any(|frame| frame.len() <= 1)
}

/// Whether a packet says something of the one before: the bit after those that say of each SILK frame whether it has a voice (RFC 6716 §4.2.3).
fn repairs(packet: &[u8]) -> bool {
    let packet = Packet::parse(packet).unwrap();
    let silk_frames = packet.toc().frame_size().tenth_ms().div_ceil(200);
    let first = packet.frames()[0].first().copied().unwrap_or(0);
    packet.toc().mode() != Mode::CeltOnly && first >> (7 - silk_frames) & 1 == 1
}

fn assert_alike(ours: &[i16], theirs: &[i16], is_exact: bool, what: &str) {
    assert_eq!(ours.len(), theirs.len(), "{what}");
    let (apart, ratio) = (farthest(ours, theirs), ratio_db(ours, theirs));
    let is_alike = if is_exact { apart == 0 } else { apart <= 1 && ratio > NEARLY_ALIKE_DB };
    assert!(is_alike, "{what}: {ratio:.1} dB, up to {apart} apart");
}

/// Packets of all lengths for whatever a peer may wish, heard at the rate that they were made at, and at another. How often frames of a packet
/// were left out, so that it was compared up to there only.
fn all_lengths_and_terms(rate_hz: u32, other_hz: u32) -> usize {
    let mut with_gaps = 0;
    let lowest = Some(12_000);
    let wishes = [
        PLAIN,
        OpusTerms { max_average_bitrate: lowest, ..PLAIN },
        OpusTerms { fec: true, ..PLAIN },
        OpusTerms { dtx: true, max_average_bitrate: lowest, ..PLAIN },
        OpusTerms { dtx: true, fec: true, ..PLAIN },
        OpusTerms { constant: true, max_playback_hz: 16_000, ..PLAIN },
    ];
    let (speech, silence) = (speech(rate_hz, 2), noise(1, 1, rate_hz as usize));
    let (before, after) = speech[..speech.len() * 3 / 4].split_at(rate_hz as usize);
    for ms in [10, 20, 40, 60] {
        for terms in &wishes {
            let what = format!("{ms} ms at {rate_hz} Hz, {terms:?}");
            let sound = [before, if terms.dtx { &silence[..] } else { &[] }, after].concat();
            let mut packets = coded(&mut Encoder::new(rate_hz, terms).unwrap(), &sound, ms);
            let all = packets.len();
            packets.retain(|packet| packet.len() > 2);
            assert_eq!(terms.dtx, packets.len() < all, "{what}: silence is left out if that is wished");
            assert!(!terms.constant || packets.iter().all(|packet| packet.len() == packets[0].len()), "{what}: all of one size");
            if let Some(first) = packets.iter().position(|packet| has_gaps(packet)) {
                assert!(terms.dtx && ms > 20, "{what}: frames are left out");
                // Each makes them up in its own way, and finds back.
                let (ours, theirs) = (heard_by_us(rate_hz, &packets), heard_by_them(rate_hz, &packets));
                let last = ours.len() - rate_hz as usize / 5;
                let ratio = ratio_db(&ours[last..], &theirs[last..]);
                assert!(ratio > MADE_UP_DB, "{what}: {ratio:.1} dB in the end");
                packets.truncate(first);
                with_gaps += 1;
            }
            for heard_hz in [rate_hz, other_hz] {
                let (ours, theirs) = (heard_by_us(heard_hz, &packets), heard_by_them(heard_hz, &packets));
                assert_alike(&ours, &theirs, packets.iter().all(|packet| is_silk(packet)), &format!("{what}, heard at {heard_hz} Hz"));
            }
        }
    }
    with_gaps
}

#[test]
fn packets_at_8_khz_are_heard_alike() {
    assert_eq!(all_lengths_and_terms(8_000, 48_000), 0);
}

#[test]
fn packets_at_16_khz_are_heard_alike() {
    assert_eq!(all_lengths_and_terms(16_000, 24_000), 0);
}

/// Frames are left out of longer packets where SILK and CELT both have a part in them.
#[test]
fn packets_at_48_khz_are_heard_alike() {
    assert_ne!(all_lengths_and_terms(48_000, 12_000), 0);
}

/// Every fifth packet is lost, and taken from what the next says of it. Of packets of 40 and 60 ms ruopus takes the first 20 ms alone, and goes on from
/// there in another state (RFC 6716 §4.2.5 has a frame for each 20 ms), so that these are not compared.
#[test]
fn what_the_next_packet_says_of_a_lost_one_is_heard_alike() {
    for (rate_hz, ms) in [(8_000, 10), (8_000, 20), (16_000, 10), (16_000, 20), (48_000, 10), (48_000, 20)] {
        let what = format!("{ms} ms at {rate_hz} Hz");
        let mut encoder = Encoder::new(rate_hz, &OpusTerms { fec: true, ..PLAIN }).unwrap();
        encoder.expect_loss(20);
        let packets = coded(&mut encoder, &speech(rate_hz, 2), ms);
        let (mut us, mut them) = (Decoder::new(rate_hz).unwrap(), OpusDecoder::with_rate(rate_hz, 1));
        let (mut recovered, mut rest) = ([Vec::new(), Vec::new()], [Vec::new(), Vec::new()]);
        for (at, pair) in packets.windows(2).enumerate() {
            let mut samples = vec![0; us.samples(&pair[0]).unwrap()];
            if at % 5 == 4 && repairs(&pair[1]) {
                us.recover(&pair[1], &mut samples).unwrap();
                recovered[1].extend(as_numbers(&them.decode_fec(&pair[1], samples.len()).unwrap()));
                recovered[0].extend(samples);
            } else {
                us.decode(&pair[0], &mut samples).unwrap();
                rest[1].extend(them.decode_packet_i16(&pair[0]).unwrap());
                rest[0].extend(samples);
            }
        }
        assert!(recovered[0].len() > rate_hz as usize / 10, "{what}: hardly anything is said twice");
        for [ours, theirs] in [recovered, rest] {
            if packets.iter().all(|packet| is_silk(packet)) {
                assert_alike(&ours, &theirs, true, &what);
            } else {
                // Above SILK's 8 kHz nothing is said of a lost packet.
                let ratio = ratio_db(&ours, &theirs);
                assert!(ratio > MADE_UP_DB, "{what}: {ratio:.1} dB");
            }
        }
    }
}

/// Two channels as a phone sends them: the same, then others.
fn two_channels(rate_hz: u32) -> Vec<i16> {
    let left = speech(rate_hz, 2);
    let right = [&left[..left.len() / 2], &noise(2, 2_000, left.len() / 2)].concat();
    left.into_iter().zip(right).flat_map(|(left, right)| [left, right / 2]).collect()
}

fn stereo(rate_hz: u32, bits: i32, application: Application, inverts: bool) -> Vec<Vec<u8>> {
    let mut encoder = opus::Encoder::new(rate_hz, Channels::Stereo, application).unwrap();
    encoder.set_bitrate(Bitrate::Bits(bits)).unwrap();
    encoder.set_phase_inversion_disabled(!inverts).unwrap();
    let frames = two_channels(rate_hz);
    frames.chunks_exact(rate_hz as usize / 50 * 2).map(|frame| encoder.encode_vec(frame, MAX_PACKET).unwrap()).collect()
}

#[test]
fn two_channels_become_the_same_one() {
    for (rate_hz, application) in [(16_000, Application::Voip), (48_000, Application::Voip), (48_000, Application::LowDelay)] {
        for bits in [20_000, 40_000, 96_000] {
            let packets = stereo(rate_hz, bits, application, false);
            let (ours, theirs) = (heard_by_us(48_000, &packets), heard_by_them(48_000, &packets));
            let is_exact = packets.iter().all(|packet| is_silk(packet));
            assert_alike(&ours, &theirs, is_exact, &format!("{bits} bit/s at {rate_hz} Hz, {application:?}"));
        }
    }
}

/// A band may be said to be upside down in the second channel. Of two that become one it would be missing, so that libopus leaves it upright there, as
/// RFC 8251 §10 allows; ruopus does not. It does as libopus does when that is told to.
#[test]
fn a_band_that_is_upside_down_in_one_channel_is_heard_by_us_alone() {
    let packets = stereo(48_000, 40_000, Application::LowDelay, true);
    let (ours, theirs) = (heard_by_us(48_000, &packets), heard_by_them(48_000, &packets));
    assert!(ratio_db(&ours, &theirs) < MADE_UP_DB, "nothing is upside down");
    let mut told = opus::Decoder::new(48_000, Channels::Mono).unwrap();
    told.set_phase_inversion_disabled(false).unwrap();
    let decode = |packet: &Vec<u8>| {
        let mut samples = vec![0; 960];
        assert_eq!(told.decode(packet, &mut samples, false).unwrap(), samples.len());
        samples
    };
    let inverted: Vec<i16> = packets.iter().flat_map(decode).collect();
    assert_alike(&inverted, &theirs, false, "as it is told to");
}

#[test]
fn what_they_code_is_heard_alike() {
    let sound: Vec<f32> = speech(48_000, 2).into_iter().map(|sample| f32::from(sample) / 32768.0).collect();
    for bits in [12_000, 24_000, 48_000, 96_000] {
        let mut encoder = OpusEncoder::new(1);
        encoder.set_bitrate(Some(bits));
        let packets: Vec<Vec<u8>> = sound.chunks_exact(960).map(|frame| encoder.encode_auto(frame, MAX_FRAME).unwrap()).collect();
        let (ours, theirs) = (heard_by_us(48_000, &packets), heard_by_them(48_000, &packets));
        let is_exact = packets.iter().all(|packet| is_silk(packet));
        assert_alike(&ours, &theirs, is_exact, &format!("{bits} bit/s"));
    }
}
