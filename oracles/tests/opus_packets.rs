//! What is in an Opus packet (RFC 6716 §3), as Tandem reads and writes it beside ruopus, and as libopus does.

use ruopus::{OpusDecoder, Packet, PacketError, Toc};
use std::time::Duration;
use tandem_model::Random;
use tandem_oracles::{Exception, Ledger, bytes, mutate, sound::speech};
use tandem_sound::opus::{
    Decoder, Encoder, MAX_PACKET, OpusTerms,
    frames::{CLOCK_HZ, Frames, MAX_FRAME, join, overhead, shape, ticks},
};

const PACKETS: u32 = 40_000;

fn lasts(count: usize, rate_hz: u32) -> Duration {
    Duration::from_micros(count as u64 * 1_000_000 / u64::from(rate_hz))
}

/// Every first octet in turn; now and then a count of frames that is too large, octets for long frames, and one thing or a few that are spoilt.
fn packet(random: &mut Random, number: u32) -> Vec<u8> {
    let most = if number & 0x700 == 0 { 3 * MAX_FRAME } else { 60 };
    let len = random.below(most as u64) as usize;
    let mut packet = bytes(random, len);
    packet.insert(0, number as u8);
    if let Some(count) = packet.get_mut(1).filter(|_| number & 0x100 == 0) {
        *count &= 0xc7;
    }
    if random.below(4) == 0 {
        mutate(random, &mut packet);
    }
    packet
}

#[test]
fn the_first_octet_is_read_alike() {
    for first in 0..=u8::MAX {
        let (kind, _) = shape(&[first, 1]).unwrap();
        assert_eq!(kind.frame_ticks() as usize, Toc::new(first).frame_size().samples_per_channel_48k(), "{first:#x}");
    }
}

#[test]
fn what_is_a_packet_and_where_its_frames_are() {
    let mut random = Random::new(1);
    let (mut decoder, mut samples) = (Decoder::new(8_000).unwrap(), vec![0; 960]);
    let (mut taken, mut refused) = (0, 0);
    for number in 0..PACKETS {
        let packet = packet(&mut random, number);
        let theirs = Packet::parse(&packet);
        let decoded = decoder.decode(&packet, &mut samples).map(|count| lasts(count, 8_000));
        assert_eq!(decoded, theirs.as_ref().ok().map(Packet::duration), "libopus: {packet:02x?}: {theirs:?}");
        let ours: Option<Vec<&[u8]>> = Frames::read(&packet).map(|frames| frames.places().map(|place| &packet[place]).collect());
        assert_eq!(ours.as_deref(), theirs.as_ref().ok().map(Packet::frames), "{packet:02x?}: {theirs:?}");
        *if decoded.is_some() { &mut taken } else { &mut refused } += 1;
    }
    assert!(taken > 10_000 && refused > 10_000, "{taken} taken, {refused} refused: one side is hardly tried");
}

/// A packet, and why ruopus refuses it.
#[derive(Debug)]
struct Refused {
    _packet: Vec<u8>,
    why: Option<PacketError>,
}

const EXCEPTIONS: &[Exception<Refused>] = &[Exception {
    name: "frames that do not fill the packet, or more than fill it",
    why: "RFC 6716 §3.4, R2 to R4, R6, R7: theirs. How long a packet lasts is asked before it is decoded, and read from what says so alone; decoding refuses it",
    covers: |refused| refused.why.is_some_and(|why| why != PacketError::Empty && why != PacketError::InvalidFrameCount),
}];

#[test]
fn how_long_a_packet_lasts() {
    let mut random = Random::new(2);
    let rates = [8_000, 12_000, 16_000, 24_000, 48_000].map(|rate_hz| (rate_hz, Decoder::new(rate_hz).unwrap()));
    let mut ledger = Ledger::new(EXCEPTIONS);
    for number in 0..PACKETS {
        let packet = packet(&mut random, number);
        let read = Packet::parse(&packet);
        let theirs = read.as_ref().ok().map(Packet::duration);
        let by_rate = rates.iter().map(|(rate_hz, decoder)| decoder.samples(&packet).map(|count| lasts(count, *rate_hz)));
        let by_octets = ticks(&packet).map(|ticks| lasts(ticks as usize, CLOCK_HZ));
        for _ in by_rate.chain([by_octets]).filter(|ours| *ours != theirs) {
            ledger.differ(&Refused { _packet: packet.clone(), why: read.as_ref().err().copied() });
        }
    }
    ledger.judge().unwrap();
}

#[test]
fn what_we_join_is_read_as_it_was_meant() {
    for seed in 0..5_000 {
        let mut random = Random::new(seed);
        let first = random.below(256) as u8 & 0xfc;
        let (kind, _) = shape(&[first]).unwrap();
        let count = 1 + random.below(u64::from(5_760 / kind.frame_ticks()));
        let most = [3, 300, MAX_FRAME as u64][random.below(3) as usize];
        let is_alike = random.below(2) == 0;
        let length = random.below(most + 1) as u16;
        let lengths: Vec<u16> = (0..count).map(|_| if is_alike { length } else { random.below(most + 1) as u16 }).collect();
        let octets = bytes(&mut random, lengths.iter().map(|length| usize::from(*length)).sum());
        let mut packet = vec![0; octets.len() + overhead(lengths.len())];
        let len = join(kind, &lengths, &octets, &mut packet).unwrap();
        let read = Packet::parse(&packet[..len]).unwrap();
        assert!(read.frames().iter().map(|frame| frame.len() as u16).eq(lengths), "seed {seed}");
        assert_eq!((read.frames().concat(), read.toc().byte() & 0xfc), (octets, first), "seed {seed}");
    }
}

#[test]
fn packets_that_we_join_are_heard_as_the_single_ones() {
    for rate_hz in [8_000, 16_000, 48_000] {
        let mut encoder = Encoder::new(rate_hz, &OpusTerms::default()).unwrap();
        let (mut one, mut other) = (OpusDecoder::with_rate(rate_hz, 1), OpusDecoder::with_rate(rate_hz, 1));
        for frames in speech(rate_hz, 2).chunks_exact(rate_hz as usize / 50 * 3) {
            let mut single = Vec::new();
            let (mut lengths, mut octets, mut kind) = (Vec::new(), Vec::new(), None);
            for frame in frames.chunks_exact(rate_hz as usize / 50) {
                let mut packet = vec![0; MAX_PACKET];
                let len = encoder.encode(frame, &mut packet).unwrap();
                single.extend(one.decode_packet_i16(&packet[..len]).unwrap());
                kind = shape(&packet[..len]).map(|(kind, _)| kind);
                lengths.push(len as u16 - 1);
                octets.extend_from_slice(&packet[1..len]);
            }
            let mut packet = vec![0; octets.len() + overhead(lengths.len())];
            let len = join(kind.unwrap(), &lengths, &octets, &mut packet).unwrap();
            assert_eq!(other.decode_packet_i16(&packet[..len]).unwrap(), single, "at {rate_hz} Hz");
        }
    }
}
