//! Compound packets (RFC 3550 §6.1) and the report blocks in them (§6.4.1).

/// Sender report.
pub(crate) const SR: u8 = 200;
/// Receiver report.
pub(crate) const RR: u8 = 201;
/// Goodbye.
pub(crate) const BYE: u8 = 203;
/// Application-defined.
pub(crate) const APP: u8 = 204;

/// Octets before the sender information or the report blocks.
pub(crate) const HEADER_LEN: usize = 8;
/// Octets of the sender information of an SR.
pub(crate) const SENDER_INFO_LEN: usize = 20;
/// Octets of a report block.
pub(crate) const BLOCK_LEN: usize = 24;

/// One packet of a compound: where it lies, padding included in `next` alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Item {
    pub(crate) kind: u8,
    /// Report blocks of an SR or RR.
    pub(crate) count: u8,
    pub(crate) start: usize,
    pub(crate) end: usize,
    pub(crate) next: usize,
}

impl Item {
    /// The packet that begins at `start`; `None` when version or lengths are wrong (RFC 3550 §A.2).
    pub(crate) fn at(packet: &[u8], start: usize) -> Option<Item> {
        let header = packet.get(start..)?.first_chunk::<4>()?;
        if header[0] >> 6 != 2 {
            return None;
        }
        let next = start + (usize::from(u16::from_be_bytes([header[2], header[3]])) + 1) * 4;
        let last = *packet.get(start..next)?.last()?;
        let is_padded = header[0] & 0x20 != 0;
        if is_padded && (next != packet.len() || last == 0 || !last.is_multiple_of(4)) {
            return None;
        }
        let end = if is_padded { next.checked_sub(usize::from(last))? } else { next };
        let item = Item { kind: header[1], count: header[0] & 0x1f, start, end, next };
        (end >= start + item.least_len()).then_some(item)
    }

    fn least_len(&self) -> usize {
        match self.kind {
            SR | RR => self.blocks_at() - self.start + usize::from(self.count) * BLOCK_LEN,
            APP => HEADER_LEN + 4,
            _ => 4,
        }
    }

    /// Where the report blocks of an SR or RR begin.
    pub(crate) fn blocks_at(&self) -> usize {
        self.start + HEADER_LEN + if self.kind == SR { SENDER_INFO_LEN } else { 0 }
    }

    fn is_report(&self) -> bool {
        matches!(self.kind, SR | RR)
    }
}

/// Whether the whole of `packet` is RTCP: packets of types 192 to 223 (RFC 5761 §4), one after the other.
pub(crate) fn is_valid(packet: &[u8]) -> bool {
    let mut at = 0;
    while let Some(item) = Item::at(packet, at).filter(|item| (192..=223).contains(&item.kind)) {
        if item.next == packet.len() {
            return true;
        }
        at = item.next;
    }
    false
}

/// The SSRC of whoever made a packet that [`is_valid`], if it begins with a report.
pub(crate) fn sender(packet: &[u8]) -> Option<u32> {
    let item = Item::at(packet, 0).filter(Item::is_report)?;
    packet.get(item.start + 4..)?.first_chunk().map(|ssrc| u32::from_be_bytes(*ssrc))
}

/// One report block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Block {
    pub(crate) ssrc: u32,
    /// Of 256 packets since the last report.
    pub(crate) fraction: u8,
    /// Below zero when duplicates outnumber losses.
    pub(crate) lost: i32,
    pub(crate) highest: u32,
    /// In units of the stream's clock.
    pub(crate) jitter: u32,
    /// The middle of the NTP time of the last sender report that came; zero: none did.
    pub(crate) last_report: u32,
    /// How long ago it came, in 1/65536 s.
    pub(crate) delay: u32,
}

impl Block {
    /// Reads the block at `at`.
    pub(crate) fn read(packet: &[u8], at: usize) -> Option<Block> {
        let block = packet.get(at..)?.first_chunk::<BLOCK_LEN>()?;
        let word = |place: usize| u32::from_be_bytes([block[place], block[place + 1], block[place + 2], block[place + 3]]);
        // The sign of 24 bits is carried into 32.
        let lost = ((word(4) << 8) as i32) >> 8;
        Some(Block { ssrc: word(0), fraction: block[4], lost, highest: word(8), jitter: word(12), last_report: word(16), delay: word(20) })
    }
}

fn reports(packet: &[u8]) -> impl Iterator<Item = Item> + '_ {
    let mut at = 0;
    std::iter::from_fn(move || {
        let item = Item::at(packet, at)?;
        at = item.next;
        Some(item)
    })
    .filter(Item::is_report)
}

/// The middle 32 bits of the NTP time at which `ssrc` says that it made the last sender report of a packet that [`is_valid`].
pub(crate) fn made_at(packet: &[u8], ssrc: u32) -> Option<u32> {
    let word = |at: usize| packet.get(at..)?.first_chunk().map(|word| u32::from_be_bytes(*word));
    let report = reports(packet).filter(|item| item.kind == SR && word(item.start + 4) == Some(ssrc)).last()?;
    Some(word(report.start + HEADER_LEN)? << 16 | word(report.start + HEADER_LEN + 4)? >> 16)
}

/// The report blocks of a packet that [`is_valid`].
pub(crate) fn blocks(packet: &[u8]) -> impl Iterator<Item = Block> + '_ {
    reports(packet).flat_map(move |item| {
        (0..usize::from(item.count)).filter_map(move |index| Block::read(packet, item.blocks_at() + index * BLOCK_LEN))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(blocks: &[[u32; 6]]) -> Vec<u8> {
        let words = 1 + blocks.len() * 6;
        let mut packet = vec![0x80 | blocks.len() as u8, RR, (words >> 8) as u8, words as u8, 0, 0, 0, 1];
        packet.extend(blocks.iter().flatten().flat_map(|word| word.to_be_bytes()));
        packet
    }

    #[test]
    fn blocks_of_every_report_are_found() {
        let mut packet = report(&[[7, 0x10_00_00_05, 70_000, 16, 0, 0], [8, 0x00_ff_ff_fe, 1, 0, 0, 0]]);
        packet.extend([0x81, 202, 0, 2, 0, 0, 0, 1, 1, 0, 0, 0]);
        packet.extend(report(&[[9, 0, 2, 3, 0, 0]]));
        assert!(is_valid(&packet));
        let found: Vec<_> = blocks(&packet).map(|block| (block.ssrc, block.lost, block.highest, block.jitter)).collect();
        assert_eq!(found, [(7, 5, 70_000, 16), (8, -2, 1, 0), (9, 0, 2, 3)]);
    }

    #[test]
    fn lengths_that_contradict_are_refused() {
        let good = report(&[[7, 0, 0, 0, 0, 0]]);
        assert!(is_valid(&good));
        assert!((0..good.len()).all(|len| !is_valid(&good[..len])));
        let with = |place: usize, octet: u8| {
            let mut packet = good.clone();
            packet[place] = octet;
            is_valid(&packet)
        };
        assert!(!with(0, 0x41), "version 1");
        assert!(!with(0, 0x82), "more blocks than octets");
        assert!(!with(0, 0xa1), "padding of no octets");
        assert!(!with(1, 0), "a payload number");
        assert!(!with(3, 8), "longer than the datagram");
        assert!(!with(3, 6), "a tail that is no packet");
    }

    #[test]
    fn padding_is_allowed_in_the_last_packet_only() {
        let mut padded = report(&[]);
        padded[0] |= 0x20;
        padded[3] += 1;
        padded.extend([0, 0, 0, 4]);
        assert!(is_valid(&padded));
        assert_eq!(Item::at(&padded, 0).map(|item| (item.end, item.next)), Some((8, 12)));
        padded.extend(report(&[]));
        assert!(!is_valid(&padded));
    }
}
