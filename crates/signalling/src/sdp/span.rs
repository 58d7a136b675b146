//! A part of a text, for whoever keeps both.

use std::ops::Range;

/// Where a part lies in the text that it was read from. [`super::MAX_DESCRIPTION_BYTES`] fit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Span {
    start: u16,
    end: u16,
}

impl Span {
    /// Of `part`, which is a slice of `text`.
    pub(crate) fn of(part: &[u8], text: &[u8]) -> Span {
        let start = part.as_ptr().addr().wrapping_sub(text.as_ptr().addr());
        let place = |place: usize| u16::try_from(place).unwrap_or_default();
        Span { start: place(start), end: place(start.wrapping_add(part.len())) }
    }

    pub(crate) fn is_empty(self) -> bool {
        self.start == self.end
    }

    /// The part again, from the same text.
    pub(crate) fn read(self, text: &[u8]) -> &[u8] {
        text.get(Range { start: self.start.into(), end: self.end.into() }).unwrap_or_default()
    }
}
