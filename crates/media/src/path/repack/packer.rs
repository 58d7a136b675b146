//! What is cut and joined for one listener.
//!
//! Pieces leave when their time has come, beside the packet that they came in, and what was still to leave when the next one comes leaves
//! then: so nothing waits for longer than its sender took to fill a packet. What is lost stays a gap in time, and in number by as many
//! packets as it would have filled.

use super::{
    filling::{Filling, Taken, Target},
    ready::{Piece, Ready},
};
use crate::rtp::{header::Header, sequence::Seen};
use std::time::Duration;
use tandem_model::Timestamp;

/// Packets that may wait to leave: what the longest datagram holds, twice.
const MAX_READY: usize = 40;

/// The same of Opus, of which a packet has no more than 120 ms.
const MAX_READY_OPUS: usize = 24;

/// A gap that is longer is a jump of the clock, and nothing is known to have been in it: seconds.
const MAX_GAP: u32 = 1;

#[derive(Debug)]
pub(crate) struct Packer {
    pub(crate) speaker: u8,
    target: Target,
    /// Counts the sources.
    epoch: u32,
    source: Option<Source>,
    /// Numbers that were given to packets, or left out.
    numbered: u32,
    partial: Partial,
    gap: Option<Gap>,
    /// A packet that came late, while it is cut.
    late: Filling,
    ready: Ready,
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
    filling: Filling,
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
    /// Ticks for which a number was left out.
    span: u32,
    /// Numbers that were given after all.
    filled: u128,
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
    /// The first packet that one makes.
    pub(crate) const FIRST: Seen = Seen { extended: 0, epoch: 1 };

    pub(super) fn new(speaker: u8, target: Target) -> Packer {
        let filling = Filling::new(target);
        let packets = if matches!(target, Target::Frames { .. }) { MAX_READY_OPUS } else { MAX_READY };
        Packer {
            speaker,
            target,
            epoch: Packer::FIRST.epoch - 1,
            source: None,
            numbered: Packer::FIRST.extended,
            partial: Partial { filling, begins: 0, marker: false, number: 0, until: Timestamp::ZERO },
            gap: None,
            late: Filling::new(target),
            ready: Ready::new(packets, target.room()),
        }
    }

    pub(super) fn is_for(&self, speaker: u8, target: Target) -> bool {
        (self.speaker, self.target) == (speaker, target)
    }

    /// Ticks of its sound in a second.
    pub(crate) fn clock_rate(&self) -> u32 {
        self.target.clock_hz()
    }

    /// A packet of that leg took this number, and is no sound.
    pub(crate) fn pass_over(&mut self, leg: u8, seen: Seen) {
        if let Some(source) = self.source.as_mut().filter(|source| leg == self.speaker && source.epoch == seen.epoch)
            && (seen.extended.wrapping_sub(source.next.0) as i32) >= 0
        {
            source.next.0 = seen.extended.wrapping_add(1);
        }
    }

    /// Takes a packet of the speaker, of whose header the payload number is that for the listener. One that `is_whole` leaves as it is.
    pub(super) fn take(&mut self, now: Timestamp, seen: Seen, header: &Header, payload: &[u8], is_whole: bool) {
        // What is no packet counts as lost.
        let Some(taken) = Taken::read(self.target, payload) else { return };
        // Where it is now, where it is another, and nothing before the first.
        let source = self.source.filter(|source| source.epoch == seen.epoch).unwrap_or_else(|| {
            self.flush(now);
            (self.gap, self.epoch) = (None, self.epoch.wrapping_add(1));
            Source { epoch: seen.epoch, next: (seen.extended, header.timestamp) }
        });
        let ahead = seen.extended.wrapping_sub(source.next.0) as i32;
        if ahead < 0 {
            return self.fill_gap(now, header, &taken);
        }
        self.ready.hurry(now);
        let goes_on = header.timestamp == source.next.1 && header.payload == self.partial.number && !header.marker;
        if !goes_on || !self.partial.filling.goes_with(&taken) {
            self.flush(now);
        }
        if !goes_on && ahead > 0 {
            self.leave_gap(source.next.1, header.timestamp, taken.span(self.target));
        }
        let ticks = taken.ticks();
        self.source = Some(Source { epoch: seen.epoch, next: (seen.extended.wrapping_add(1), header.timestamp.wrapping_add(ticks)) });
        if self.partial.filling.is_empty() {
            (self.partial.begins, self.partial.marker, self.partial.number) = (header.timestamp, header.marker, header.payload);
        }
        self.partial.filling.put(&taken);
        let mut due = now;
        while let Some(ticks) = self.cut(due, true) {
            due = due + self.lasting(ticks);
        }
        // The rest is waited for as long as the next packet takes, and a packet of ours for it to be late.
        self.partial.until = now + self.lasting(ticks) + self.lasting(taken.span(self.target));
        if is_whole {
            self.flush(now);
        }
    }

    fn lasting(&self, ticks: u32) -> Duration {
        Duration::from_micros(u64::from(ticks) * 1_000_000 / u64::from(self.clock_rate()))
    }

    /// What is there leaves as it is.
    fn flush(&mut self, due: Timestamp) {
        while self.cut(due, false).is_some() {}
    }

    /// Makes a packet of what came first, a whole one or what there is: how long it is. `None` if there is not enough.
    fn cut(&mut self, due: Timestamp, is_whole: bool) -> Option<u32> {
        let Partial { filling, begins, marker, number, .. } = &mut self.partial;
        let header = Header { marker: *marker, payload: *number, sequence: 0, timestamp: *begins, ssrc: 0, payload_len: 0 };
        let piece = Piece { due, extended: self.numbered, header };
        let ticks = self.ready.put(piece, |room| filling.cut(is_whole, room))?;
        (*begins, *marker) = (begins.wrapping_add(ticks), false);
        self.numbered = self.numbered.wrapping_add(1);
        Some(ticks)
    }

    /// Packets were lost between these times: their numbers are left out.
    fn leave_gap(&mut self, from: u32, to: u32, span: u32) {
        let lost = to.wrapping_sub(from);
        if (1..=MAX_GAP * self.clock_rate()).contains(&lost) {
            self.gap = Some(Gap { from, to, first: self.numbered, span, filled: 0 });
            self.numbered = self.numbered.wrapping_add(lost.div_ceil(span));
        }
    }

    /// A packet that came late, and that others overtook, goes where it is missing.
    fn fill_gap(&mut self, now: Timestamp, header: &Header, taken: &Taken<'_>) {
        let Some(gap) = &mut self.gap else { return };
        let (mut begins, room) = (header.timestamp.wrapping_sub(gap.from), gap.to.wrapping_sub(gap.from));
        if begins >= room || taken.ticks() > room - begins {
            return;
        }
        self.late.clear();
        self.late.put(taken);
        while !self.ready.is_full() {
            let nth = begins / gap.span;
            let header = Header { timestamp: gap.from.wrapping_add(begins), marker: false, ..*header };
            let piece = Piece { due: now, extended: gap.first.wrapping_add(nth), header };
            // A number that has been given says something else already.
            let bit = 1_u128.checked_shl(nth).filter(|bit| gap.filled & bit == 0);
            let cut = |room: &mut [u8]| self.late.cut(false, room);
            let Some(ticks) = (if bit.is_some() { self.ready.put(piece, cut) } else { self.ready.leave_out(cut) }) else { break };
            gap.filled |= bit.unwrap_or(0);
            begins += ticks;
        }
    }

    /// When the next packet leaves.
    pub(crate) fn due_at(&self) -> Option<Timestamp> {
        let rest = (!self.partial.filling.is_empty()).then_some(self.partial.until);
        self.ready.due_at().into_iter().chain(rest).min()
    }

    /// The packet that is due, if one is.
    pub(crate) fn next(&mut self, now: Timestamp) -> Option<Packed> {
        if !self.partial.filling.is_empty() && self.partial.until <= now {
            self.flush(now);
        }
        let Piece { due, extended, header } = self.ready.next(now)?;
        Some(Packed { header, seen: Seen { extended, epoch: self.epoch }, due })
    }

    /// The packet that [`Packer::next`] made, with the header that it shall have.
    pub(crate) fn packet(&mut self, header: &Header) -> &[u8] {
        self.ready.packet(header)
    }
}
