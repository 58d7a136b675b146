//! Packets that have come and are not yet to be heard, in their order.

use tandem_model::Timestamp;

/// How many there may be: 320 ms of the shortest packets.
const SLOTS: usize = 32;

/// What one is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum What {
    #[default]
    Sound,
    /// It says how silence sounds.
    Noise,
    /// Something else that took a number of the stream.
    Nothing,
}

/// What is kept of one.
#[derive(Debug, Default)]
pub(super) struct Kept {
    /// The extended sequence number; `None`: there is none.
    number: Option<u32>,
    pub(super) timestamp: u32,
    /// When it came.
    pub(super) at: Timestamp,
    pub(super) what: What,
    /// Keeps its room for the next one.
    pub(super) payload: Vec<u8>,
}

/// Them, each at the place of its number.
#[derive(Debug)]
pub(super) struct Ring {
    slots: [Kept; SLOTS],
    newest: Option<u32>,
}

impl Ring {
    pub(super) fn new() -> Ring {
        Ring { slots: std::array::from_fn(|_| Kept::default()), newest: None }
    }

    pub(super) fn clear(&mut self) {
        self.slots.iter_mut().for_each(|slot| slot.number = None);
        self.newest = None;
    }

    /// Keeps one. What was at its place is too old by now.
    pub(super) fn put(&mut self, number: u32, (at, timestamp): (Timestamp, u32), what: What, payload: &[u8]) {
        let slot = &mut self.slots[number as usize % SLOTS];
        (slot.number, slot.timestamp, slot.at, slot.what) = (Some(number), timestamp, at, what);
        slot.payload.clear();
        slot.payload.extend_from_slice(payload);
        if self.newest.is_none_or(|newest| is_after(number, newest)) {
            self.newest = Some(number);
        }
    }

    pub(super) fn get(&self, number: u32) -> Option<&Kept> {
        Some(&self.slots[number as usize % SLOTS]).filter(|slot| slot.number == Some(number))
    }

    /// The first one of sound or noise behind `number`, which is not there itself.
    pub(super) fn next_after(&self, number: u32) -> Option<(u32, &Kept)> {
        let ahead = self.newest?.wrapping_sub(number);
        (1..=ahead.min(SLOTS as u32))
            .map(|ahead| number.wrapping_add(ahead))
            .find_map(|number| Some((number, self.get(number).filter(|kept| kept.what != What::Nothing)?)))
    }

    /// Whether there would be no room for `number` beside one that is to be heard at `first`.
    pub(super) fn is_beyond(number: u32, first: u32) -> bool {
        number.wrapping_sub(first) as i32 >= SLOTS as i32
    }
}

pub(super) fn is_after(number: u32, other: u32) -> bool {
    number.wrapping_sub(other) as i32 > 0
}
