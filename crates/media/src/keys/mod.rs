//! Keys, by telephone events (RFC 4733) and as tones: which ones a leg presses, and how they are pressed for one to hear.

mod collector;
mod ear;
mod sender;
mod tones;

pub(crate) use collector::Collector;
#[cfg(test)]
use ear::Ear;
pub(crate) use ear::Listening;
pub(crate) use sender::Pressing;

use tandem_model::Key;

/// What a leg does with a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stroke {
    /// It presses it.
    Down(Key),
    /// It lets it go, after so many milliseconds.
    Up(Key, u16),
}

/// What comes of one packet, or of one frame: a key ends, another begins, and ends too. And what is heard no longer ends.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Strokes {
    list: [Option<Stroke>; 4],
}

impl Strokes {
    fn push(&mut self, stroke: Stroke) {
        // More than that no packet says, nor do so few samples.
        if let Some(place) = self.list.iter_mut().find(|place| place.is_none()) {
            *place = Some(stroke);
        }
    }

    pub(crate) fn extend(&mut self, more: Strokes) {
        more.iter().for_each(|stroke| self.push(stroke));
    }

    pub(crate) fn iter(self) -> impl Iterator<Item = Stroke> {
        self.list.into_iter().flatten()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.list[0].is_none()
    }
}

#[cfg(test)]
mod tests;
