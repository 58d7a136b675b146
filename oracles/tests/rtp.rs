//! RTP packets, as Tandem and rtp-types read and write them.

use rtp_types::{RtpPacket, RtpPacketBuilder};
use tandem_model::Random;
use tandem_oracles::{bytes, media::Rtp, mutate};

/// Packets made from a seed each, and ways in which each is spoilt.
const GENERATED: u64 = 20_000;
const SPOILT: usize = 10;

/// Packets of any bytes at all.
const WILD: usize = 200_000;

fn theirs(packet: &[u8]) -> Option<Rtp> {
    let packet = RtpPacket::parse(packet).ok()?;
    Some(Rtp {
        marker: packet.marker_bit(),
        number: packet.payload_type(),
        sequence: packet.sequence_number(),
        timestamp: packet.timestamp(),
        ssrc: packet.ssrc(),
        payload: packet.payload().to_vec(),
    })
}

fn rtp(random: &mut Random) -> Rtp {
    let len = random.below(200) as usize;
    Rtp {
        marker: random.below(2) == 0,
        number: random.below(128) as u8,
        sequence: random.next_u64() as u16,
        timestamp: random.next_u64() as u32,
        ssrc: random.next_u64() as u32,
        payload: bytes(random, len),
    }
}

/// What a profile puts between header and payload: nothing, elements with headers of one octet or of two (RFC 8285 §4.2, §4.3), or anything.
fn extension(random: &mut Random) -> Option<(u16, Vec<u8>)> {
    let (profile, mut elements) = match random.below(5) {
        0 => (0xbede, (1..=random.below(4) as u8).flat_map(|id| [vec![id << 4 | 1], vec![id; 2]].concat()).collect()),
        1 => (0x1000, (1..=random.below(4) as u8).flat_map(|id| [vec![id, id], vec![7; usize::from(id)]].concat()).collect()),
        2 => (random.next_u64() as u16, bytes(random, 64)),
        3 => (0, Vec::new()),
        _ => return None,
    };
    elements.resize(elements.len().next_multiple_of(4), 0);
    Some((profile, elements))
}

/// The packet as rtp-types writes it, with all that may stand around the payload.
fn written_by_them(random: &mut Random, rtp: &Rtp) -> Vec<u8> {
    let extension = extension(random);
    let mut builder = RtpPacketBuilder::<&[u8], &[u8]>::new()
        .marker_bit(rtp.marker)
        .payload_type(rtp.number)
        .sequence_number(rtp.sequence)
        .timestamp(rtp.timestamp)
        .ssrc(rtp.ssrc)
        .payload(&rtp.payload);
    for _ in 0..random.below(4) * random.below(6) {
        builder = builder.add_csrc(random.next_u64() as u32);
    }
    if let Some((profile, elements)) = &extension {
        builder = builder.extension(*profile, elements);
    }
    if random.below(2) == 0 {
        builder = builder.padding(1 + random.below(255) as u8);
    }
    builder.write_vec().unwrap()
}

#[test]
fn what_they_write_is_read_as_it_was_meant() {
    for seed in 0..GENERATED {
        let mut random = Random::new(seed);
        let meant = rtp(&mut random);
        let packet = written_by_them(&mut random, &meant);
        assert_eq!(Rtp::read(&packet).as_ref(), Some(&meant), "seed {seed}: {packet:02x?}");
        assert_eq!(theirs(&packet), Some(meant), "seed {seed}: {packet:02x?}");
    }
}

#[test]
fn what_we_write_is_read_as_it_was_meant() {
    for seed in 0..GENERATED {
        let meant = rtp(&mut Random::new(seed));
        let packet = meant.write();
        assert_eq!(theirs(&packet), Some(meant), "seed {seed}: {packet:02x?}");
    }
}

#[test]
fn what_a_relay_writes_into_a_packet_leaves_the_rest_of_it() {
    for seed in 0..GENERATED {
        let mut random = Random::new(seed);
        let before = rtp(&mut random);
        let packet = written_by_them(&mut random, &before);
        let after = Rtp { payload: before.payload, ..rtp(&mut random) };
        let mut relayed = packet.clone();
        after.write_over(&mut relayed);
        assert_eq!(theirs(&relayed), Some(after), "seed {seed}: {packet:02x?}");
        let around = |packet: &[u8]| {
            let packet = RtpPacket::parse(packet).unwrap();
            let extension = packet.extension().map(|(profile, elements)| (profile, elements.to_vec()));
            (packet.csrc().collect::<Vec<u32>>(), extension, packet.padding())
        };
        assert_eq!(around(&relayed), around(&packet), "seed {seed}");
    }
}

#[test]
fn what_is_no_packet_is_refused_by_both_and_what_is_one_is_read_alike() {
    let mut random = Random::new(1);
    let (mut taken, mut refused) = (0, 0);
    let mut compare = |packet: &[u8]| {
        let ours = Rtp::read(packet);
        assert_eq!(ours, theirs(packet), "{packet:02x?}");
        *if ours.is_some() { &mut taken } else { &mut refused } += 1;
    };
    for seed in 0..GENERATED {
        let mut made = Random::new(seed);
        let meant = rtp(&mut made);
        let whole = written_by_them(&mut made, &meant);
        for _ in 0..SPOILT {
            let mut packet = whole.clone();
            mutate(&mut random, &mut packet);
            compare(&packet);
        }
    }
    for _ in 0..WILD {
        let len = random.below(80) as usize;
        let mut packet = bytes(&mut random, len);
        if let Some(first) = packet.first_mut() {
            // Three of four would be of another version.
            *first = *first & 0x3f | 0x80;
        }
        compare(&packet);
    }
    assert!(taken > 50_000 && refused > 50_000, "{taken} taken, {refused} refused: one side is hardly tried");
}
