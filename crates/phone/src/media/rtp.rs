//! RTP packets (RFC 3550 §5.1), as far as a phone needs them.

/// One packet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Packet {
    /// Payload number.
    pub payload_type: u8,
    /// First of a talk spurt.
    pub marker: bool,
    /// Sequence number.
    pub sequence: u16,
    /// In the clock of the payload.
    pub timestamp: u32,
    /// Source.
    pub ssrc: u32,
    /// What it carries.
    pub payload: Vec<u8>,
}

impl Packet {
    /// Reads one; contributing sources, an extension and padding are skipped. `None`: not RTP.
    pub fn parse(bytes: &[u8]) -> Option<Packet> {
        let [first, second, ..] = *bytes.first_chunk::<12>()?;
        if first >> 6 != 2 {
            return None;
        }
        let mut begin = 12 + 4 * usize::from(first & 0x0f);
        if first & 0x10 != 0 {
            let length = bytes.get(begin + 2..begin + 4)?;
            begin += 4 + 4 * usize::from(u16::from_be_bytes([length[0], length[1]]));
        }
        let padding = if first & 0x20 != 0 { usize::from(*bytes.last()?) } else { 0 };
        let word = |at: usize| u32::from_be_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]]);
        Some(Packet {
            payload_type: second & 0x7f,
            marker: second & 0x80 != 0,
            sequence: u16::from_be_bytes([bytes[2], bytes[3]]),
            timestamp: word(4),
            ssrc: word(8),
            payload: bytes.get(begin..bytes.len().checked_sub(padding)?)?.to_vec(),
        })
    }

    /// The bytes for the wire.
    pub fn print(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(12 + self.payload.len());
        bytes.extend([0x80, self.payload_type | u8::from(self.marker) << 7]);
        bytes.extend(self.sequence.to_be_bytes());
        bytes.extend(self.timestamp.to_be_bytes());
        bytes.extend(self.ssrc.to_be_bytes());
        bytes.extend(&self.payload);
        bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_packet_comes_back_and_short_ones_are_none() {
        let packet = Packet { payload_type: 8, marker: true, sequence: 7, timestamp: 9, ssrc: 11, payload: vec![1, 2, 3] };
        assert_eq!(Packet::parse(&packet.print()), Some(packet));
        assert_eq!(Packet::parse(&[0x80; 11]), None);
        let mut extended = vec![0x90; 12];
        extended.extend([0, 0, 0, 9]);
        assert_eq!(Packet::parse(&extended), None);
    }
}
