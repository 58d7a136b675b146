//! Sound on its way into packets of another length, as it is coded.

use super::{OCTETS_PER_MS, TICKS_PER_MS};
use crate::packet::MAX_PACKET;
use tandem_sound::opus::frames::{self, Frames, Kind, MAX_FRAME, MAX_FRAMES};

/// Octets of a packet of Opus that is made: as many as the longest frame takes by itself, which any path of 1500 octets bears.
const MAX_OPUS: usize = 1 + MAX_FRAME;

/// What packets are made to hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Target {
    /// So many milliseconds of a codec of which an octet is a tick.
    Octets { ms: u8 },
    /// As many frames of Opus as make no more than so many milliseconds, and one at least. Fewer do where none are joined.
    Frames { most_ms: u8, joins: bool },
}

impl Target {
    /// Whether a packet cannot be brought any nearer to it.
    pub(super) fn is_met(self, payload: &[u8]) -> bool {
        match self {
            Target::Octets { ms } => payload.len() == usize::from(ms) * usize::from(OCTETS_PER_MS),
            // What is no packet is not made one by being cut.
            Target::Frames { joins, .. } => frames::shape(payload).is_none_or(|(kind, count)| {
                let (count, wanted) = (usize::from(count), self.frames(kind));
                count == wanted || !joins && count < wanted
            }),
        }
    }

    /// How many frames of a kind make a packet.
    fn frames(self, kind: Kind) -> usize {
        let Target::Frames { most_ms, .. } = self else { return 1 };
        (usize::from(most_ms) * usize::from(TICKS_PER_MS) / kind.frame_ticks() as usize).clamp(1, MAX_FRAMES)
    }

    /// Octets that a packet may take.
    pub(super) fn room(self) -> usize {
        match self {
            Target::Octets { ms } => usize::from(ms) * usize::from(OCTETS_PER_MS),
            Target::Frames { .. } => MAX_OPUS,
        }
    }

    pub(super) fn clock_hz(self) -> u32 {
        match self {
            Target::Octets { .. } => u32::from(OCTETS_PER_MS) * 1_000,
            Target::Frames { .. } => frames::CLOCK_HZ,
        }
    }
}

/// A payload that was read, and its frames if it has any.
pub(super) struct Taken<'p> {
    payload: &'p [u8],
    frames: Option<Frames>,
}

impl<'p> Taken<'p> {
    /// Reads a payload; `None` if it is none.
    pub(super) fn read(target: Target, payload: &'p [u8]) -> Option<Taken<'p>> {
        let frames = match target {
            Target::Octets { .. } => None,
            Target::Frames { .. } => Some(Frames::read(payload)?),
        };
        Some(Taken { payload, frames })
    }

    pub(super) fn ticks(&self) -> u32 {
        let of = |frames: &Frames| frames.kind().frame_ticks() * frames.places().count() as u32;
        self.frames.as_ref().map_or(self.payload.len() as u32, of)
    }

    /// Ticks of a whole packet that is made of its like.
    pub(super) fn span(&self, target: Target) -> u32 {
        let of = |frames: &Frames| frames.kind().frame_ticks() * target.frames(frames.kind()) as u32;
        self.frames.as_ref().map_or(target.room() as u32, of)
    }
}

/// What does not fill a packet yet.
#[derive(Debug)]
pub(super) struct Filling {
    target: Target,
    octets: Vec<u8>,
    /// How long each frame is, and of which kind all are; nothing where the octets have no frames.
    lengths: Vec<u16>,
    kind: Kind,
}

impl Filling {
    pub(super) fn new(target: Target) -> Filling {
        // What is not enough for a packet, and what comes in one.
        let octets = Vec::with_capacity(MAX_PACKET + target.room());
        let lengths = Vec::with_capacity(if matches!(target, Target::Frames { .. }) { 2 * MAX_FRAMES } else { 0 });
        Filling { target, octets, lengths, kind: Kind::default() }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.octets.is_empty() && self.lengths.is_empty()
    }

    pub(super) fn clear(&mut self) {
        self.octets.clear();
        self.lengths.clear();
    }

    /// Whether that can be in one packet with what is there.
    pub(super) fn goes_with(&self, taken: &Taken<'_>) -> bool {
        // RFC 6716 §3.1: the frames of a packet are of one kind.
        self.lengths.is_empty() || taken.frames.as_ref().is_some_and(|frames| frames.kind() == self.kind)
    }

    /// Puts a payload behind what is there, with which it has to [go](Filling::goes_with).
    pub(super) fn put(&mut self, taken: &Taken<'_>) {
        let Some(frames) = &taken.frames else { return self.octets.extend_from_slice(taken.payload) };
        self.kind = frames.kind();
        for frame in frames.places().filter_map(|place| taken.payload.get(place)) {
            self.octets.extend_from_slice(frame);
            self.lengths.push(frame.len() as u16);
        }
    }

    /// Makes a packet of what came first, a whole one or what there is: its octets and its ticks. `None` if there is not enough.
    pub(super) fn cut(&mut self, is_whole: bool, room: &mut [u8]) -> Option<(usize, u32)> {
        match self.target {
            Target::Octets { .. } => self.cut_octets(is_whole, room),
            Target::Frames { .. } => self.cut_frames(is_whole, room),
        }
    }

    fn cut_octets(&mut self, is_whole: bool, room: &mut [u8]) -> Option<(usize, u32)> {
        let length = self.octets.len().min(room.len());
        if length == 0 || is_whole && length < room.len() {
            return None;
        }
        room[..length].copy_from_slice(&self.octets[..length]);
        self.octets.drain(..length);
        Some((length, length as u32))
    }

    fn cut_frames(&mut self, is_whole: bool, room: &mut [u8]) -> Option<(usize, u32)> {
        let wanted = self.target.frames(self.kind);
        let (mut count, mut length) = (0, 0);
        for frame in self.lengths.iter().take(wanted) {
            let longer = length + usize::from(*frame);
            if count > 0 && longer + frames::overhead(count + 1) > room.len() {
                break;
            }
            (count, length) = (count + 1, longer);
        }
        // Fewer fill a packet too where there is no room for the next.
        if count == 0 || is_whole && count < wanted && count == self.lengths.len() {
            return None;
        }
        let made = frames::join(self.kind, &self.lengths[..count], &self.octets[..length], room);
        self.octets.drain(..length);
        self.lengths.drain(..count);
        Some((made?, self.kind.frame_ticks() * count as u32))
    }
}
