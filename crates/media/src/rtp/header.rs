//! The RTP header (RFC 3550 §5.1), read by value and changed in place.

use std::ops::Range;

/// Octets before the contributing sources.
pub(crate) const FIXED_LEN: usize = 12;

const VERSION: u8 = 2;
const MARKER: u8 = 0x80;

/// What a relay wants to know of an RTP packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Header {
    pub(crate) marker: bool,
    pub(crate) payload: u8,
    pub(crate) sequence: u16,
    pub(crate) timestamp: u32,
    pub(crate) ssrc: u32,
    /// Octets of payload: without header, contributing sources, extension and padding.
    pub(crate) payload_len: usize,
}

impl Header {
    /// Reads the header; `None` when version or lengths are wrong (RFC 3550 §A.1).
    #[inline]
    pub(crate) fn parse(packet: &[u8]) -> Option<Header> {
        let (fixed, rest) = packet.split_first_chunk::<FIXED_LEN>()?;
        let [flags, kind, s0, s1, t0, t1, t2, t3, i0, i1, i2, i3] = *fixed;
        if flags >> 6 != VERSION {
            return None;
        }
        let contributing = usize::from(flags & 0x0f) * 4;
        let mut rest = rest.get(contributing..)?;
        if flags & 0x10 != 0 {
            let (extension, tail) = rest.split_first_chunk::<4>()?;
            rest = tail.get(usize::from(u16::from_be_bytes([extension[2], extension[3]])) * 4..)?;
        }
        let padding = match (flags & 0x20 != 0, rest.last()) {
            (false, _) => 0,
            (true, Some(octets @ 1..)) => usize::from(*octets),
            (true, _) => return None,
        };
        let payload_len = rest.len().checked_sub(padding)?;
        Some(Header {
            marker: kind & MARKER != 0,
            payload: kind & !MARKER,
            sequence: u16::from_be_bytes([s0, s1]),
            timestamp: u32::from_be_bytes([t0, t1, t2, t3]),
            ssrc: u32::from_be_bytes([i0, i1, i2, i3]),
            payload_len,
        })
    }

    /// The payload of a packet that this was read from.
    pub(crate) fn payload_of<'p>(&self, packet: &'p [u8]) -> &'p [u8] {
        packet.get(self.payload_in(packet)).unwrap_or(&[])
    }

    /// The same, to be changed in place.
    pub(crate) fn payload_of_mut<'p>(&self, packet: &'p mut [u8]) -> &'p mut [u8] {
        let place = self.payload_in(packet);
        packet.get_mut(place).unwrap_or(&mut [])
    }

    fn payload_in(&self, packet: &[u8]) -> Range<usize> {
        let flags = packet.first().copied().unwrap_or(0);
        let fixed = FIXED_LEN + usize::from(flags & 0x0f) * 4;
        let words = packet.get(fixed + 2..fixed + 4).filter(|_| flags & 0x10 != 0);
        let extension = words.map_or(0, |words| 4 + usize::from(u16::from_be_bytes([words[0], words[1]])) * 4);
        fixed + extension..fixed + extension + self.payload_len
    }

    /// Writes all but the lengths and flags into `packet`, which [`Header::parse`] has accepted or [`Header::begin`] made.
    #[inline]
    pub(crate) fn write(&self, packet: &mut [u8]) {
        if let Some(fixed) = packet.first_chunk_mut::<FIXED_LEN>() {
            fixed[1] = self.payload | if self.marker { MARKER } else { 0 };
            fixed[2..4].copy_from_slice(&self.sequence.to_be_bytes());
            fixed[4..8].copy_from_slice(&self.timestamp.to_be_bytes());
            fixed[8..12].copy_from_slice(&self.ssrc.to_be_bytes());
        }
    }

    /// A packet of our own: no padding, extension or contributing source.
    pub(crate) fn begin(packet: &mut [u8; FIXED_LEN]) {
        packet[0] = VERSION << 6;
    }
}

/// Whether a packet at a port that RTP and RTCP share is RTCP: RTP payload numbers 64 to 95 are never used there
/// (RFC 5761 §4), so 192 to 223 in the second octet can only be an RTCP packet type.
#[inline]
pub(crate) fn is_rtcp(packet: &[u8]) -> bool {
    packet.get(1).is_some_and(|kind| (192..=223).contains(kind))
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLAIN: [u8; 16] = [0x80, 0x88, 0x12, 0x34, 0, 0, 1, 0x40, 0xde, 0xad, 0xbe, 0xef, 1, 2, 3, 4];

    #[test]
    fn a_plain_packet_is_read_and_written_back() {
        let header = Header::parse(&PLAIN).unwrap();
        let read = (header.marker, header.payload, header.sequence, header.timestamp, header.ssrc, header.payload_len);
        assert_eq!(read, (true, 8, 0x1234, 0x140, 0xdead_beef, 4));
        let mut copy = PLAIN;
        copy[1..12].fill(0);
        header.write(&mut copy);
        assert_eq!(copy, PLAIN);
    }

    #[test]
    fn sources_extension_and_padding_are_not_payload() {
        let mut packet = vec![0x80 | 0x20 | 0x10 | 2, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 9];
        packet.extend([0; 8]); // two contributing sources
        packet.extend([0xbe, 0xde, 0, 1, 0, 0, 0, 0]); // one word of extension
        packet.extend([7; 5]);
        packet.extend([0, 0, 3]);
        let header = Header::parse(&packet).unwrap();
        assert_eq!((header.payload_len, header.payload_of(&packet)), (5, &[7; 5][..]));
        assert_eq!(Header::parse(&PLAIN).unwrap().payload_of(&PLAIN), [1, 2, 3, 4]);
    }

    #[test]
    fn lengths_that_contradict_are_refused() {
        let with = |flags: u8, tail: &[u8]| {
            let mut packet = PLAIN.to_vec();
            packet.truncate(FIXED_LEN);
            packet[0] = flags;
            packet.extend(tail);
            Header::parse(&packet).map(|header| header.payload_len)
        };
        assert_eq!(with(0x80, &[]), Some(0));
        assert_eq!(with(0x40, &[]), None, "version 1");
        assert_eq!(with(0x81, &[0; 3]), None, "a source cut short");
        assert_eq!(with(0x90, &[0; 3]), None, "an extension header cut short");
        assert_eq!(with(0x90, &[0, 0, 0, 2, 1, 1, 1, 1]), None, "an extension cut short");
        assert_eq!(with(0xa0, &[]), None, "padding that is not there");
        assert_eq!(with(0xa0, &[0, 0]), None, "padding of no octets");
        assert_eq!(with(0xa0, &[0, 3]), None, "more padding than packet");
        assert_eq!(with(0xa0, &[0, 2]), Some(0));
        assert_eq!(Header::parse(&PLAIN[..11]), None);
    }

    #[test]
    fn only_packet_types_192_to_223_are_rtcp() {
        let found: Vec<u8> = (0..=255).filter(|kind| is_rtcp(&[0x80, *kind])).collect();
        assert_eq!(found, (192..=223).collect::<Vec<u8>>());
        assert!(!is_rtcp(&[0x80]));
    }
}
