//! The same codec on both sides, and packets of another length: sound of which each octet is a tick of the clock is cut and joined
//! without being heard.
//!
//! Pieces leave when their time has come, beside the packet that they came in, and what was still to leave when the next one comes leaves
//! then: so nothing waits for longer than its sender took to fill a packet. What is lost stays a gap in time, and in number by as many
//! packets as it would have filled.

use super::relay;
use crate::{
    endpoint::{Heard, Plain},
    packet::{PacketBuf, Verdict},
    rtp::{
        header::{FIXED_LEN, Header},
        sequence::Seen,
    },
};
use std::{collections::VecDeque, time::Duration};
use tandem_model::{Carries, Timestamp};

/// Octets, which are ticks, in a millisecond.
const PER_MS: usize = 8;

/// The longest packet that is made: 60 ms.
const LONGEST: usize = 60 * PER_MS;

/// Pieces that may wait to leave: what the longest datagram holds, twice. More push out the oldest.
const MAX_READY: usize = 40;

/// A gap that is longer is a jump of the clock, and nothing is known to have been in it: a second.
const MAX_GAP: u32 = 8_000;

/// Within what the packets to a leg have to be, milliseconds, and under which number they go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Lengths {
    pub(crate) number: u8,
    pub(crate) least_ms: u8,
    pub(crate) most_ms: u8,
}

impl Lengths {
    fn fit(self, octets: usize) -> bool {
        (usize::from(self.least_ms) * PER_MS..=usize::from(self.most_ms) * PER_MS).contains(&octets)
    }

    fn span(self) -> usize {
        (usize::from(self.most_ms) / 10 * 10 * PER_MS).clamp(10 * PER_MS, LONGEST)
    }
}

/// Passes on an RTP packet of the leg that the session knows by the name `speaker`. Once one has not fitted, all go this way.
pub(crate) fn rtp(now: Timestamp, speaker: u8, heard: Heard, lengths: Lengths, listener: &mut Plain, packet: &mut PacketBuf) -> Verdict {
    if listener.rtp_target().is_none() {
        listener.packer = None;
        listener.outgoing.interrupt();
        return Verdict::Consumed;
    }
    let is_whole = !matches!(heard.rule.carries, Carries::Sound(_));
    let is_begun = listener.packer.as_ref().is_some_and(|packer| (packer.speaker, packer.span) == (speaker, lengths.span()));
    if !is_begun {
        if is_whole || lengths.fit(heard.header.payload_len) {
            listener.packer = None;
            return relay::rtp(now, speaker, heard, lengths.number, listener, packet);
        }
        listener.packer = Some(Box::new(Packer::new(speaker, lengths.span())));
        listener.outgoing.interrupt();
    }
    if let Some(packer) = &mut listener.packer {
        packer.take(now, heard.seen, &Header { payload: lengths.number & 0x7f, ..heard.header }, heard.header.payload_of(packet.bytes()));
        if is_whole {
            packer.flush(now);
        }
    }
    Verdict::Waits
}

/// What is cut and joined for one listener.
#[derive(Debug)]
pub(crate) struct Packer {
    pub(crate) speaker: u8,
    /// Octets of a packet.
    span: usize,
    /// Counts the sources.
    epoch: u32,
    source: Option<Source>,
    /// Numbers that were given to packets, or left out.
    numbered: u32,
    partial: Partial,
    gap: Option<Gap>,
    ready: VecDeque<Piece>,
    packet: Box<[u8; FIXED_LEN + LONGEST]>,
}

/// Where the speaker is.
#[derive(Clone, Copy, Debug)]
struct Source {
    epoch: u32,
    /// The number that comes next, and its time.
    next: (u32, u32),
}

/// What does not fill a packet yet.
#[derive(Debug)]
struct Partial {
    octets: Vec<u8>,
    begins: u32,
    marker: bool,
    number: u8,
    /// When it leaves as it is.
    until: Timestamp,
}

/// What has not come: from one time to another, for packets from that number on.
#[derive(Debug)]
struct Gap {
    from: u32,
    to: u32,
    first: u32,
    /// Numbers that were given after all.
    filled: u128,
}

#[derive(Debug)]
struct Piece {
    due: Timestamp,
    extended: u32,
    header: Header,
    octets: [u8; LONGEST],
}

/// A packet that is ready, but for the numbers of the stream that it goes into.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Packed {
    pub(crate) header: Header,
    pub(crate) seen: Seen,
    /// When it was to leave.
    pub(crate) due: Timestamp,
}

impl Packer {
    fn new(speaker: u8, span: usize) -> Packer {
        let partial = Partial {
            octets: Vec::with_capacity(crate::MAX_PACKET + LONGEST),
            begins: 0,
            marker: false,
            number: 0,
            until: Timestamp::ZERO,
        };
        Packer {
            speaker,
            span,
            epoch: 0,
            source: None,
            numbered: 0,
            partial,
            gap: None,
            ready: VecDeque::with_capacity(MAX_READY),
            packet: Box::new([0; FIXED_LEN + LONGEST]),
        }
    }

    /// A packet of that leg took this number, and is no sound.
    pub(crate) fn pass_over(&mut self, leg: u8, seen: Seen) {
        if let Some(source) = self.source.as_mut().filter(|source| leg == self.speaker && source.epoch == seen.epoch)
            && (seen.extended.wrapping_sub(source.next.0) as i32) >= 0
        {
            source.next.0 = seen.extended.wrapping_add(1);
        }
    }

    /// Takes a packet of the speaker, of whose header the payload number is that for the listener.
    fn take(&mut self, now: Timestamp, seen: Seen, header: &Header, payload: &[u8]) {
        // Where it is now, where it is another, and nothing before the first.
        let source = self.source.filter(|source| source.epoch == seen.epoch).unwrap_or_else(|| {
            self.flush(now);
            (self.gap, self.epoch) = (None, self.epoch.wrapping_add(1));
            Source { epoch: seen.epoch, next: (seen.extended, header.timestamp) }
        });
        let ahead = seen.extended.wrapping_sub(source.next.0) as i32;
        if ahead < 0 {
            return self.fill_gap(now, header, payload);
        }
        self.ready.iter_mut().for_each(|piece| piece.due = piece.due.min(now));
        if header.timestamp != source.next.1 || header.payload != self.partial.number || header.marker {
            self.flush(now);
            if ahead > 0 {
                self.leave_gap(source.next.1, header.timestamp);
            }
        }
        self.source =
            Some(Source { epoch: seen.epoch, next: (seen.extended.wrapping_add(1), header.timestamp.wrapping_add(payload.len() as u32)) });
        if self.partial.octets.is_empty() {
            (self.partial.begins, self.partial.marker, self.partial.number) = (header.timestamp, header.marker, header.payload);
        }
        self.partial.octets.extend_from_slice(payload);
        let mut due = now;
        while self.partial.octets.len() >= self.span {
            self.cut(due, self.span);
            due = due + self.length();
        }
        // The rest is waited for as long as the next packet takes, and a packet of ours for it to be late.
        self.partial.until = now + Duration::from_millis((payload.len() / PER_MS) as u64) + self.length();
    }

    fn length(&self) -> Duration {
        Duration::from_millis((self.span / PER_MS) as u64)
    }

    /// What is there leaves as it is.
    fn flush(&mut self, due: Timestamp) {
        let left = self.partial.octets.len();
        if left > 0 {
            self.cut(due, left);
        }
    }

    /// Makes a packet of the first octets.
    fn cut(&mut self, due: Timestamp, length: usize) {
        let length = length.min(LONGEST);
        let Partial { octets, begins, marker, number, .. } = &mut self.partial;
        let header =
            Header { marker: std::mem::take(marker), payload: *number, sequence: 0, timestamp: *begins, ssrc: 0, payload_len: length };
        let extended = self.numbered;
        self.numbered = self.numbered.wrapping_add(1);
        *begins = begins.wrapping_add(length as u32);
        let mut piece = Piece { due, extended, header, octets: [0; LONGEST] };
        piece.octets[..length].copy_from_slice(&octets[..length]);
        octets.drain(..length);
        if self.ready.len() == MAX_READY {
            self.ready.pop_front();
        }
        self.ready.push_back(piece);
    }

    /// Packets were lost between these times: their numbers are left out.
    fn leave_gap(&mut self, from: u32, to: u32) {
        let lost = to.wrapping_sub(from);
        if (1..=MAX_GAP).contains(&lost) {
            self.gap = Some(Gap { from, to, first: self.numbered, filled: 0 });
            self.numbered = self.numbered.wrapping_add(lost.div_ceil(self.span as u32));
        }
    }

    /// A packet that came late, and that others overtook, goes where it is missing.
    fn fill_gap(&mut self, now: Timestamp, header: &Header, payload: &[u8]) {
        let (span, Some(gap)) = (self.span, &mut self.gap) else { return };
        let (begins, room) = (header.timestamp.wrapping_sub(gap.from), gap.to.wrapping_sub(gap.from));
        if begins >= room || payload.len() as u32 > room - begins {
            return;
        }
        for (place, octets) in (0_u32..).zip(payload.chunks(span)) {
            let begins = begins + place * span as u32;
            let nth = begins / span as u32;
            // A number that has been given says something else already.
            if gap.filled & 1_u128.checked_shl(nth).unwrap_or(u128::MAX) != 0 || self.ready.len() == MAX_READY {
                continue;
            }
            gap.filled |= 1 << nth;
            let header = Header { timestamp: gap.from.wrapping_add(begins), payload_len: octets.len(), marker: false, ..*header };
            let mut piece = Piece { due: now, extended: gap.first.wrapping_add(nth), header, octets: [0; LONGEST] };
            piece.octets[..octets.len()].copy_from_slice(octets);
            self.ready.push_back(piece);
        }
    }

    /// When the next packet leaves.
    pub(crate) fn due_at(&self) -> Option<Timestamp> {
        let rest = (!self.partial.octets.is_empty()).then_some(self.partial.until);
        self.ready.iter().map(|piece| piece.due).chain(rest).min()
    }

    /// The packet that is due, if one is.
    pub(crate) fn next(&mut self, now: Timestamp) -> Option<Packed> {
        if !self.partial.octets.is_empty() && self.partial.until <= now {
            self.flush(now);
        }
        let place = self.ready.iter().position(|piece| piece.due <= now)?;
        let Piece { due, extended, header, octets } = self.ready.remove(place)?;
        self.packet[FIXED_LEN..][..header.payload_len].copy_from_slice(&octets[..header.payload_len]);
        Some(Packed { header, seen: Seen { extended, epoch: self.epoch }, due })
    }

    /// The packet that [`Packer::next`] made, with the header that it shall have.
    pub(crate) fn packet(&mut self, header: &Header) -> &[u8] {
        let packet = &mut self.packet[..FIXED_LEN + header.payload_len];
        if let Some(fixed) = packet.first_chunk_mut() {
            Header::begin(fixed);
        }
        header.write(packet);
        packet
    }
}
