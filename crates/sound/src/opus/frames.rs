//! What is in an Opus packet (RFC 6716 §3): frames, of which packets of another length are made without hearing them.

use std::ops::Range;

/// Ticks in a second of the clock in which the length of frames is told (RFC 7587 §4.1).
pub const CLOCK_HZ: u32 = 48_000;

/// The most that a packet may hold, in ticks: 120 ms (RFC 6716 §3.2.5, R5).
const MAX_TICKS: u32 = 5_760;

/// The most frames that a packet may have: those of 2.5 ms.
pub const MAX_FRAMES: usize = 48;

/// Octets that a frame may have (RFC 6716 §3.4, R2).
pub const MAX_FRAME: usize = 1_275;

/// Lengths from here on take two octets (RFC 6716 §3.2.1).
const TWO_OCTETS: usize = 252;

/// What the frames of a packet have in common (RFC 6716 §3.1): mode, bandwidth, length, and whether they are of two channels.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Kind(u8);

impl Kind {
    /// How long a frame is, in ticks.
    pub fn frame_ticks(self) -> u32 {
        // RFC 6716 §3.1, table 2.
        match self.0 >> 3 {
            config @ 0..12 => [480, 960, 1_920, 2_880][usize::from(config % 4)],
            config @ 12..16 => [480, 960][usize::from(config % 2)],
            config => [120, 240, 480, 960][usize::from(config % 4)],
        }
    }
}

/// How much sound a packet holds, in ticks, as far as its first octets tell; `None` if it can be no packet.
#[inline]
pub fn ticks(packet: &[u8]) -> Option<u32> {
    let (kind, count) = shape(packet)?;
    Some(kind.frame_ticks() * u32::from(count))
}

/// How many frames of which kind a packet has, likewise.
#[inline]
pub fn shape(packet: &[u8]) -> Option<(Kind, u8)> {
    let first = *packet.first()?;
    // RFC 6716 §3.2.1 to §3.2.5: the code.
    let count = match first & 3 {
        0 => 1,
        1 | 2 => 2,
        _ => packet.get(1)? & 0x3f,
    };
    let kind = Kind(first & 0xfc);
    (1..=MAX_TICKS).contains(&(kind.frame_ticks() * u32::from(count))).then_some((kind, count))
}

/// Where the frames of a packet are in it.
#[derive(Clone, Debug)]
pub struct Frames {
    kind: Kind,
    places: [(u16, u16); MAX_FRAMES],
    count: usize,
}

impl Frames {
    /// Reads a packet; `None` if it is none (RFC 6716 §3.4).
    pub fn read(packet: &[u8]) -> Option<Frames> {
        let (kind, count) = shape(packet)?;
        let count = usize::from(count);
        let mut frames = Frames { kind, places: [(0, 0); MAX_FRAMES], count };
        let places = frames.places.get_mut(..count)?;
        let mut reader = Reader { packet, at: 1, end: packet.len() };
        match packet.first()? & 3 {
            2 => reader.told(places)?,
            3 => {
                reader.at = 2;
                let flags = *packet.get(1)?;
                if flags & 0x40 != 0 {
                    reader.skip_padding()?;
                }
                if flags & 0x80 != 0 { reader.told(places)? } else { reader.alike(places)? }
            }
            _ => reader.alike(places)?,
        }
        Some(frames)
    }

    /// What they have in common.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// Where each is in the packet, in their order. One may be empty: its sender had nothing to say (RFC 6716 §3.2.1).
    pub fn places(&self) -> impl Iterator<Item = Range<usize>> + '_ {
        self.places[..self.count].iter().map(|(from, to)| usize::from(*from)..usize::from(*to))
    }
}

struct Reader<'p> {
    packet: &'p [u8],
    at: usize,
    end: usize,
}

impl Reader<'_> {
    /// RFC 6716 §3.2.5: what an octet of 255 adds is 254, and another follows.
    fn skip_padding(&mut self) -> Option<()> {
        loop {
            let octet = *self.packet.get(self.at)?;
            self.at += 1;
            self.end = self.end.checked_sub(if octet == u8::MAX { 254 } else { octet.into() })?;
            if octet != u8::MAX {
                return (self.at <= self.end).then_some(());
            }
        }
    }

    /// Frames of one length fill the rest.
    fn alike(&mut self, places: &mut [(u16, u16)]) -> Option<()> {
        let rest = self.end.checked_sub(self.at)?;
        let length = rest / places.len().max(1);
        if length * places.len() != rest {
            return None;
        }
        places.iter_mut().try_for_each(|place| self.take(length, place))
    }

    /// The lengths of all but the last are told before them.
    fn told(&mut self, places: &mut [(u16, u16)]) -> Option<()> {
        let (last, others) = places.split_last_mut()?;
        for place in others.iter_mut() {
            *place = (self.length()?, 0);
        }
        for place in others {
            self.take(place.0.into(), place)?;
        }
        self.take(self.end.checked_sub(self.at)?, last)
    }

    /// RFC 6716 §3.2.1.
    fn length(&mut self) -> Option<u16> {
        let first = u16::from(*self.packet.get(self.at)?);
        let is_long = usize::from(first) >= TWO_OCTETS;
        let second = if is_long { u16::from(*self.packet.get(self.at + 1)?) } else { 0 };
        self.at += 1 + usize::from(is_long);
        Some(first + 4 * second)
    }

    fn take(&mut self, length: usize, place: &mut (u16, u16)) -> Option<()> {
        let to = self.at + length;
        if length > MAX_FRAME || to > self.end {
            return None;
        }
        *place = (u16::try_from(self.at).ok()?, u16::try_from(to).ok()?);
        self.at = to;
        Some(())
    }
}

/// Octets of a packet beside its frames, at most.
pub fn overhead(count: usize) -> usize {
    2 + 2 * count
}

/// Makes a packet of frames of a kind, which lie in `octets` one behind the other: how long it is. `None` if there are no frames, too many
/// for a packet, or too long ones for the room.
pub fn join(kind: Kind, lengths: &[u16], octets: &[u8], packet: &mut [u8]) -> Option<usize> {
    let is_whole = lengths.iter().map(|length| usize::from(*length)).sum::<usize>() == octets.len();
    let is_short = u32::try_from(lengths.len()).ok()?.checked_mul(kind.frame_ticks())? <= MAX_TICKS;
    let (last, told) = lengths.split_last().filter(|_| is_whole && is_short)?;
    let is_alike = told.iter().all(|length| length == last);
    let mut at = 0;
    let mut put = |octets: &[u8]| {
        let room = packet.get_mut(at..at + octets.len())?;
        room.copy_from_slice(octets);
        at += octets.len();
        Some(())
    };
    match (lengths.len(), is_alike) {
        (1, _) => put(&[kind.0])?,
        (2, true) => put(&[kind.0 | 1])?,
        (2, false) => put(&[kind.0 | 2])?,
        (count, _) => put(&[kind.0 | 3, count as u8 | if is_alike { 0 } else { 0x80 }])?,
    }
    for length in told.iter().filter(|_| !is_alike) {
        let length = usize::from(*length);
        if length < TWO_OCTETS {
            put(&[length as u8])?;
        } else {
            let first = TWO_OCTETS + length % 4;
            put(&[first as u8, ((length - first) / 4) as u8])?;
        }
    }
    put(octets)?;
    Some(at)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::opus::{Decoder, Encoder, OpusTerms};
    use proptest::prelude::*;

    fn lengths_of(packet: &[u8]) -> Option<Vec<usize>> {
        Frames::read(packet).map(|frames| frames.places().map(|place| place.len()).collect())
    }

    #[test]
    fn frames_are_as_long_as_their_kind_says() {
        // RFC 6716 §3.1, table 2: the first and the last of each mode and bandwidth, in milliseconds.
        for (config, ms) in
            [(0_u8, 10.0), (3, 60.0), (4, 10.0), (7, 60.0), (11, 60.0), (12, 10.0), (13, 20.0), (15, 20.0), (16, 2.5), (31, 20.0)]
        {
            assert_eq!(f64::from(Kind(config << 3).frame_ticks()) / 48.0, ms, "{config}");
        }
    }

    #[test]
    fn each_code_is_read() {
        assert_eq!(lengths_of(&[0x08]), Some(vec![0]), "a frame of nothing");
        assert_eq!(lengths_of(&[0x08, 1, 2, 3]), Some(vec![3]));
        assert_eq!(lengths_of(&[0x09, 1, 2, 3, 4]), Some(vec![2, 2]));
        assert_eq!(lengths_of(&[0x0a, 1, 2, 3, 4]), Some(vec![1, 2]));
        assert_eq!(lengths_of(&[0x0b, 3, 1, 2, 3, 4, 5, 6]), Some(vec![2, 2, 2]));
        assert_eq!(lengths_of(&[0x0b, 0x83, 0, 2, 1, 2, 3]), Some(vec![0, 2, 1]));
        assert_eq!(lengths_of(&[0x0b, 0x41, 2, 1, 0, 0]), Some(vec![1]), "padding is no frame");
        let mut long = vec![0x0a, 252, 1];
        long.extend([7; 256 + 5]);
        assert_eq!(lengths_of(&long), Some(vec![256, 5]));
        let mut padded = vec![0x0b, 0x41, 255, 1, 9];
        padded.extend([0; 255]);
        assert_eq!(lengths_of(&padded), Some(vec![1]));
    }

    #[test]
    fn what_is_no_packet_is_none() {
        for packet in [
            &[][..],
            &[0x09, 1],
            &[0x0a, 3, 1, 2],
            &[0x0a],
            &[0x0b],
            &[0x0b, 0],
            &[0x0b, 3, 1, 2],
            &[0x0b, 7, 1, 2, 3, 4, 5, 6, 7],
            &[0x0b, 0x41, 9, 1],
            &[0x0b, 0x41],
            &[0x0b, 0x82, 252],
        ] {
            assert_eq!(lengths_of(packet), None, "{packet:?}");
        }
        assert_eq!(lengths_of(&[0; MAX_FRAME + 2]), None, "a frame that is too long");
        assert_eq!(ticks(&[0x08]), Some(960));
        assert_eq!(ticks(&[0x0b, 7]), None, "140 ms");
    }

    proptest! {
        #[test]
        fn what_is_joined_is_read_again(config in 0..32_u8, stereo: bool, lengths in prop::collection::vec(prop_oneof![0..4_u16, 250..256_u16, 0..=1_275_u16], 1..=48)) {
            let kind = Kind(config << 3 | if stereo { 4 } else { 0 });
            let most = MAX_TICKS / kind.frame_ticks();
            let lengths = &lengths[..lengths.len().min(most as usize)];
            let octets: Vec<u8> = (0..lengths.iter().map(|length| usize::from(*length)).sum()).map(|place: usize| place as u8).collect();
            let mut packet = vec![0; octets.len() + overhead(lengths.len())];
            let length = join(kind, lengths, &octets, &mut packet).unwrap();
            let frames = Frames::read(&packet[..length]).unwrap();
            prop_assert_eq!(frames.kind(), kind);
            prop_assert_eq!(ticks(&packet[..length]), Some(lengths.len() as u32 * kind.frame_ticks()));
            prop_assert!(frames.places().map(|place| place.len() as u16).eq(lengths.iter().copied()));
            let read: Vec<u8> = frames.places().flat_map(|place| packet[place].to_vec()).collect();
            prop_assert_eq!(read, octets);
        }

        #[test]
        fn whatever_is_read_libopus_reads_likewise(packet in prop::collection::vec(any::<u8>(), 0..400)) {
            let decoder = Decoder::new(48_000).unwrap();
            if let Some(frames) = Frames::read(&packet) {
                prop_assert_eq!(decoder.samples(&packet), ticks(&packet).map(|ticks| ticks as usize));
                prop_assert!(frames.places().all(|place| packet.get(place).is_some()));
            }
        }
    }

    #[test]
    fn joined_packets_sound_as_the_single_ones() {
        let mut encoder = Encoder::new(48_000, &OpusTerms::default()).unwrap();
        let tone = |n: usize| (n * 960..(n + 1) * 960).map(|t| (8_000.0 * (t as f64 * 0.05).sin()) as i16).collect::<Vec<i16>>();
        let (mut one, mut other) = (Decoder::new(48_000).unwrap(), Decoder::new(48_000).unwrap());
        let packets: Vec<Vec<u8>> = (0..30)
            .map(|n| {
                let mut packet = [0; 4_000];
                let length = encoder.encode(&tone(n), &mut packet).unwrap();
                packet[..length].to_vec()
            })
            .collect();
        for three in packets.chunks(3) {
            let lengths: Vec<u16> = three.iter().map(|packet| packet.len() as u16 - 1).collect();
            let octets: Vec<u8> = three.iter().flat_map(|packet| packet[1..].to_vec()).collect();
            let mut packet = [0; 4_000];
            let length = join(shape(&three[0]).unwrap().0, &lengths, &octets, &mut packet).unwrap();
            let mut joined = [0; 2_880];
            assert_eq!(other.decode(&packet[..length], &mut joined), Some(2_880));
            let single: Vec<i16> = three
                .iter()
                .flat_map(|packet| {
                    let mut samples = [0; 960];
                    one.decode(packet, &mut samples).unwrap();
                    samples
                })
                .collect();
            assert_eq!(joined[..], single[..]);
        }
    }
}
