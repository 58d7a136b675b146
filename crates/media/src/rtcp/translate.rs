//! Turns a leg's RTCP into the other leg's, in place: what is kept only ever moves towards the front.

use super::{
    compound::{APP, BLOCK_LEN, Block, HEADER_LEN, Item, RR, SENDER_INFO_LEN, SR},
    write::{CNAME_LEN, begin, description, write},
};
use crate::{packet::PacketBuf, rtp::rewrite::Mapping};

/// How one leg's RTCP becomes the other's.
pub(crate) struct Translation<'a> {
    /// The SSRC of the stream to the listener.
    pub(crate) sender: u32,
    /// Its name.
    pub(crate) cname: &'a [u8; CNAME_LEN],
    /// The speaker's source, while it feeds that stream, and how.
    pub(crate) source: Option<(u32, &'a Mapping)>,
    /// The other direction, which the speaker's report blocks are about.
    pub(crate) reverse: Option<Reverse<'a>>,
}

/// The stream from listener to speaker.
pub(crate) struct Reverse<'a> {
    /// As the speaker knows it.
    pub(crate) stream: u32,
    /// As the listener sends it.
    pub(crate) source: u32,
    /// The extended sequence number of its newest packet.
    pub(crate) newest: u32,
    pub(crate) mapping: &'a Mapping,
}

impl Translation<'_> {
    /// Rewrites a packet that is valid; false when nothing of it is left to pass on.
    pub(crate) fn apply(&self, packet: &mut PacketBuf) -> bool {
        let bytes = packet.bytes_mut();
        let (mut from, mut to, mut begins_with_report) = (0, 0, false);
        while let Some(item) = Item::at(bytes, from) {
            let kept = match item.kind {
                SR => self.sender_report(bytes, item, to),
                RR => self.receiver_report(bytes, item, to),
                APP => self.application(bytes, item, to),
                _ => 0,
            };
            begins_with_report |= to == 0 && kept > 0 && item.kind != APP;
            to += kept;
            from = item.next;
        }
        packet.set_len(to);
        // RFC 3550 §6.1: a compound that begins with a report has a CNAME.
        to > 0 && (!begins_with_report || packet.append(&description(self.sender, self.cname)))
    }

    fn sender_report(&self, bytes: &mut [u8], item: Item, to: usize) -> usize {
        let Some((_, mapping)) = self.source.filter(|(ssrc, _)| read(bytes, item.start + 4) == *ssrc) else {
            // Of a source that does not feed the stream: what it says about reception still holds.
            return self.receiver_report(bytes, item, to);
        };
        bytes.copy_within(item.start..item.blocks_at(), to);
        let info = to + HEADER_LEN;
        add(bytes, info + 8, mapping.timestamp);
        add(bytes, info + 12, mapping.before.0);
        add(bytes, info + 16, mapping.before.1);
        self.finish_report(bytes, item, to, SR, HEADER_LEN + SENDER_INFO_LEN)
    }

    fn receiver_report(&self, bytes: &mut [u8], item: Item, to: usize) -> usize {
        bytes.copy_within(item.start..item.start + HEADER_LEN, to);
        self.finish_report(bytes, item, to, RR, HEADER_LEN)
    }

    /// Puts the blocks that can be passed on behind what begins at `to`, and states type, count, length and sender.
    fn finish_report(&self, bytes: &mut [u8], item: Item, to: usize, kind: u8, head: usize) -> usize {
        let (mut len, mut count) = (head, 0);
        for index in 0..usize::from(item.count) {
            let at = item.blocks_at() + index * BLOCK_LEN;
            if let Some((source, highest)) = Block::read(bytes, at).and_then(|block| self.turn(&block)) {
                bytes.copy_within(at..at + BLOCK_LEN, to + len);
                write(bytes, to + len, source);
                write(bytes, to + len + 8, highest);
                len += BLOCK_LEN;
                count += 1;
            }
        }
        begin(bytes, to, count, kind, len);
        write(bytes, to + 4, self.sender);
        len
    }

    /// Whom a block is about, and up to which packet, in the listener's own terms.
    fn turn(&self, block: &Block) -> Option<(u32, u32)> {
        let reverse = self.reverse.as_ref().filter(|reverse| reverse.stream == block.ssrc)?;
        // Speakers differ in where they count wraps from; none can have heard more than was sent.
        let behind = (reverse.newest as u16).wrapping_sub(block.highest as u16);
        let highest = reverse.newest.wrapping_sub(u32::from(behind));
        // What ends before the present source began is about the one before.
        let is_about_it = highest.wrapping_sub(reverse.mapping.first) as i32 >= 0;
        is_about_it.then(|| (reverse.source, highest.wrapping_sub(reverse.mapping.sequence)))
    }

    fn application(&self, bytes: &mut [u8], item: Item, to: usize) -> usize {
        let len = item.end - item.start;
        bytes.copy_within(item.start..item.end, to);
        begin(bytes, to, item.count, APP, len);
        write(bytes, to + 4, self.sender);
        len
    }
}

fn read(bytes: &[u8], at: usize) -> u32 {
    bytes.get(at..).and_then(<[u8]>::first_chunk).map_or(0, |word| u32::from_be_bytes(*word))
}

fn add(bytes: &mut [u8], at: usize, by: u32) {
    write(bytes, at, read(bytes, at).wrapping_add(by));
}
