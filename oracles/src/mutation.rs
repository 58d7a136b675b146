//! Bytes that are nearly right, and bytes that are anything.

use tandem_model::Random;

/// Any `len` bytes.
pub fn bytes(random: &mut Random, len: usize) -> Vec<u8> {
    (0..len).map(|_| random.below(256) as u8).collect()
}

/// Changes one thing or a few: a bit, an octet, the length, what stands in the middle.
pub fn mutate(random: &mut Random, packet: &mut Vec<u8>) {
    for _ in 0..1 + random.below(3) {
        let len = packet.len();
        let at = random.below(len as u64) as usize;
        // Headers are where most can go wrong.
        let early = random.below(len.min(16) as u64) as usize;
        match random.below(8) {
            _ if len == 0 => packet.push(random.below(256) as u8),
            0 => packet[at] ^= 1 << random.below(8),
            1 => packet[early] ^= 1 << random.below(8),
            2 => packet[early] = random.below(256) as u8,
            3 => packet[len - 1] = random.below(20) as u8,
            4 => packet.truncate(at),
            5 => packet.insert(at, random.below(256) as u8),
            6 => drop(packet.drain(at..len.min(at + 4))),
            _ => {
                let repeated = packet[at..].to_vec();
                packet.extend(repeated);
            }
        }
    }
}
