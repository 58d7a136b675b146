//! Telephone events of a leg (RFC 4733) as the keys that it presses: each once, however many packets tell of it.

use super::{Stroke, Strokes};
use crate::rtp::{header::Header, sequence::Seen};
use std::time::Duration;
use tandem_model::{Key, Timestamp};

/// An event of which nothing has come for so long is over: all its last packets were lost. Some tell of it every 50 ms, and one in three of
/// these may be lost.
const SILENCE: Duration = Duration::from_millis(200);

/// Longest segment of an event (RFC 4733 §2.5.1.3).
const LONGEST: u32 = u16::MAX as u32;

/// What a packet says of one event.
const BLOCK: usize = 4;

/// The keys of one leg.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Collector {
    last: Option<Event>,
}

/// The newest event.
#[derive(Clone, Copy, Debug)]
struct Event {
    key: Key,
    /// Of which stream it is.
    epoch: u32,
    /// The timestamp of its segment, how long that has lasted, and how long those before it did: in ticks.
    begins: u32,
    lasted: u32,
    before: u32,
    /// Ticks in a millisecond.
    clock_khz: u32,
    heard_at: Timestamp,
    is_over: bool,
}

impl Event {
    fn ms(&self) -> u16 {
        let ticks = self.before.saturating_add(self.lasted);
        u16::try_from(ticks / self.clock_khz).unwrap_or(u16::MAX)
    }

    fn end(&mut self, strokes: &mut Strokes) {
        if !std::mem::replace(&mut self.is_over, true) {
            strokes.push(Stroke::Up(self.key, self.ms()));
        }
    }
}

impl Collector {
    /// Takes a packet of events, whose clock runs at `clock_rate` hertz. Of several events in one packet it is the first that counts: keys
    /// have pauses between them, and no two are told of at once (RFC 4733 §2.3.5 is for other events).
    pub(crate) fn take(&mut self, now: Timestamp, seen: Seen, header: &Header, clock_rate: u32, payload: &[u8]) -> Strokes {
        let mut strokes = Strokes::default();
        let Some(&[code, flags, high, low]) = payload.first_chunk::<BLOCK>() else { return strokes };
        let Some(key) = Key::of_code(code) else { return strokes };
        let (is_end, lasted) = (flags & 0x80 != 0, u32::from(u16::from_be_bytes([high, low])));
        match &mut self.last {
            Some(last) if last.epoch == seen.epoch => {
                let after = header.timestamp.wrapping_sub(last.begins);
                if after == 0 || after as i32 <= 0 {
                    // RFC 4733 §2.5.1.1: all packets of an event have the timestamp of its beginning. What is older is told already.
                    if after == 0 && key == last.key && !last.is_over {
                        (last.lasted, last.heard_at) = (last.lasted.max(lasted), now);
                        if is_end {
                            last.end(&mut strokes);
                        }
                    }
                    return strokes;
                }
                // RFC 4733 §2.5.1.3: one that lasts longer than can be said goes on in another segment. The last packets of the one before may
                // be lost.
                let goes_on = after == last.lasted || after == LONGEST || last.lasted > LONGEST / 2 && after < LONGEST;
                if goes_on && key == last.key && !last.is_over && !header.marker {
                    (last.before, last.begins) = (last.before.saturating_add(after), header.timestamp);
                    (last.lasted, last.heard_at) = (lasted, now);
                    if is_end {
                        last.end(&mut strokes);
                    }
                    return strokes;
                }
                last.end(&mut strokes);
            }
            Some(last) => last.end(&mut strokes),
            None => {}
        }
        strokes.push(Stroke::Down(key));
        let clock_khz = (clock_rate / 1_000).max(1);
        let (begins, epoch) = (header.timestamp, seen.epoch);
        let mut event = Event { key, epoch, begins, lasted, before: 0, clock_khz, heard_at: now, is_over: false };
        if is_end {
            event.end(&mut strokes);
        }
        self.last = Some(event);
        strokes
    }

    /// When an event is over of which nothing more has come.
    pub(crate) fn due_at(&self) -> Option<Timestamp> {
        self.last.filter(|last| !last.is_over).map(|last| last.heard_at + SILENCE)
    }

    /// Ends it if that time has come.
    pub(crate) fn wake(&mut self, now: Timestamp) -> Strokes {
        let is_due = self.due_at().is_some_and(|at| at <= now);
        if is_due { self.end() } else { Strokes::default() }
    }

    /// Nothing more comes.
    pub(crate) fn end(&mut self) -> Strokes {
        let mut strokes = Strokes::default();
        if let Some(last) = &mut self.last {
            last.end(&mut strokes);
        }
        strokes
    }
}
