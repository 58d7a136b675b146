//! One ring of bytes: entries of any length, the oldest overwritten by the newest, those of one call chained backwards.
//!
//! An entry never wraps: where it does not fit before the end of the ring, the rest is skipped, so that its bytes are
//! one slice. Positions count bytes since the beginning and never repeat.

/// Bytes before an entry's content: length, kind, call, leg, time, position of the call's previous entry.
const HEADER: usize = 48;
const ALIGNMENT: usize = 8;
/// The length has 24 bits of the header.
const MAX_CONTENT: usize = (1 << 24) - 1;
/// Kind of an entry that fills the end of the ring.
const SKIP: u8 = u8::MAX;

/// Where an entry is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Position(u64);

/// What an entry is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Label {
    /// The writer's own number for what the content is; 255 is taken.
    pub(crate) kind: u8,
    /// Bits of the call's id.
    pub(crate) call: u64,
    /// Bits of the leg's id; 0 for none.
    pub(crate) leg: u64,
    /// Microseconds of the node's clock.
    pub(crate) time: u64,
    /// The call's entry before this one.
    pub(crate) previous: Option<Position>,
}

/// The ring itself.
pub(crate) struct Ring {
    bytes: Box<[u8]>,
    /// The oldest entry that is still whole.
    oldest: u64,
    /// Where the next entry goes.
    next: u64,
}

impl Ring {
    /// A ring of `capacity` bytes, all of which are taken from the system now: no page is faulted in while calls run.
    pub(crate) fn new(capacity: usize) -> Self {
        let capacity = capacity.next_multiple_of(ALIGNMENT).max(2 * HEADER);
        let mut bytes = vec![0; capacity].into_boxed_slice();
        // Zeroed memory is lent, not given: a page becomes ours when it is written.
        bytes.iter_mut().step_by(4096).for_each(|byte| *byte = std::hint::black_box(1));
        Ring { bytes, oldest: 0, next: 0 }
    }

    /// Bytes that hold something, and all that there are.
    pub(crate) fn bytes(&self) -> (u64, u64) {
        (self.next - self.oldest, self.bytes.len() as u64)
    }

    /// The longest content that an entry can have.
    pub(crate) fn longest(&self) -> usize {
        (self.bytes.len() - HEADER).min(MAX_CONTENT)
    }

    /// Adds an entry of `length` bytes that `fill` writes; it must write all of them, for they hold old bytes. What is
    /// longer than [`Ring::longest`] is not kept.
    pub(crate) fn push(&mut self, label: Label, length: usize, fill: impl FnOnce(&mut [u8])) -> Option<Position> {
        let size = (HEADER + length).next_multiple_of(ALIGNMENT);
        if length > self.longest() || size > self.bytes.len() {
            return None;
        }
        let to_end = self.bytes.len() - self.offset(self.next);
        if size > to_end {
            self.make_room(to_end);
            self.write_header(to_end, 0, &Label { kind: SKIP, call: 0, leg: 0, time: 0, previous: None });
            self.next += to_end as u64;
        }
        self.make_room(size);
        self.write_header(size, length, &label);
        let start = self.offset(self.next) + HEADER;
        fill(&mut self.bytes[start..start + length]);
        let position = Position(self.next);
        self.next += size as u64;
        Some(position)
    }

    /// The entry at `position`, unless it was overwritten.
    pub(crate) fn get(&self, position: Position) -> Option<(Label, &[u8])> {
        if position.0 < self.oldest || position.0 >= self.next {
            return None;
        }
        let (_, length, label) = self.read_header(position.0);
        let start = self.offset(position.0) + HEADER;
        Some((label, &self.bytes[start..start + length]))
    }

    /// The entries of the call whose newest is at `last`, oldest first; `None` if any of them was overwritten.
    pub(crate) fn chain(&self, last: Position) -> Option<Vec<(Label, &[u8])>> {
        let mut entries = Vec::new();
        let mut at = Some(last);
        while let Some(position) = at {
            let entry = self.get(position)?;
            at = entry.0.previous;
            entries.push(entry);
        }
        entries.reverse();
        Some(entries)
    }

    fn offset(&self, position: u64) -> usize {
        (position % self.bytes.len() as u64) as usize
    }

    /// Gives up the oldest entries until `size` bytes are free after `next`.
    fn make_room(&mut self, size: usize) {
        let capacity = self.bytes.len() as u64;
        while self.next + size as u64 > self.oldest + capacity {
            let (whole, ..) = self.read_header(self.oldest);
            self.oldest += whole as u64;
        }
    }

    fn write_header(&mut self, size: usize, length: usize, label: &Label) {
        let start = self.offset(self.next);
        let header = &mut self.bytes[start..];
        // The end of the ring may be shorter than a header; then the skip is told by its first word alone.
        header[..4].copy_from_slice(&(size as u32).to_le_bytes());
        header[4..8].copy_from_slice(&((length as u32) << 8 | u32::from(label.kind)).to_le_bytes());
        if let Some(rest) = header.get_mut(8..HEADER) {
            let previous = label.previous.map_or(u64::MAX, |position| position.0);
            for (place, word) in rest.chunks_exact_mut(8).zip([label.call, label.leg, label.time, previous]) {
                place.copy_from_slice(&word.to_le_bytes());
            }
        }
    }

    /// (size of the whole entry, length of its content, label)
    fn read_header(&self, position: u64) -> (usize, usize, Label) {
        let header = &self.bytes[self.offset(position)..];
        let half = |at: usize| u32::from_le_bytes([header[at], header[at + 1], header[at + 2], header[at + 3]]);
        let (size, kind) = (half(0) as usize, (half(4) & 0xff) as u8);
        if kind == SKIP {
            return (size, 0, Label { kind, call: 0, leg: 0, time: 0, previous: None });
        }
        let word = |at: usize| u64::from(half(at)) | u64::from(half(at + 4)) << 32;
        let previous = Some(word(32)).filter(|position| *position != u64::MAX).map(Position);
        (size, (half(4) >> 8) as usize, Label { kind, call: word(8), leg: word(16), time: word(24), previous })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn label(call: u64, time: u64, previous: Option<Position>) -> Label {
        Label { kind: 3, call, leg: 0, time, previous }
    }

    #[test]
    fn what_is_written_is_read_back() {
        let mut ring = Ring::new(4096);
        let position = ring.push(label(7, 9, None), 5, |content| content.copy_from_slice(b"hello")).unwrap();
        assert_eq!(ring.get(position), Some((label(7, 9, None), &b"hello"[..])));
    }

    #[test]
    fn a_call_is_whole_or_not_there() {
        let mut ring = Ring::new(1 << 12);
        let mut last = None;
        let mut others = None;
        for time in 0..10 {
            last = ring.push(label(1, time, last), 20, |content| content.fill(1));
            others = ring.push(label(2, time, others), 30, |content| content.fill(2));
        }
        let entries = ring.chain(last.unwrap()).unwrap();
        assert_eq!(entries.iter().map(|(label, _)| label.time).collect::<Vec<_>>(), (0..10).collect::<Vec<_>>());
        assert!(entries.iter().all(|(label, content)| label.call == 1 && *content == [1; 20]));
        for time in 10..60 {
            others = ring.push(label(2, time, others), 30, |content| content.fill(2));
        }
        assert!(ring.chain(last.unwrap()).is_none());
    }

    #[test]
    fn any_mixture_of_lengths_survives_many_turns() {
        let capacity = 10_000;
        let mut ring = Ring::new(capacity);
        let mut random = tandem_model::Random::new(5);
        let mut kept = std::collections::VecDeque::new();
        for time in 0..20_000u64 {
            let length = random.below(900) as usize;
            let position = ring.push(label(1, time, None), length, |content| content.fill(time as u8)).unwrap();
            kept.push_back((position, time, length));
            while ring.get(kept[0].0).is_none() {
                kept.pop_front();
            }
            let held: usize = kept.iter().map(|(_, _, length)| length + HEADER).sum();
            assert!(held <= capacity && held + 3_000 > capacity || time < 50, "{held} bytes held at {time}");
            for (position, time, length) in &kept {
                let (found, content) = ring.get(*position).unwrap();
                assert!(found.time == *time && content.len() == *length && content.iter().all(|byte| *byte == *time as u8));
            }
        }
    }

    #[test]
    fn what_can_never_fit_is_not_kept() {
        let mut ring = Ring::new(256);
        assert!(ring.push(label(1, 0, None), ring.longest(), |content| content.fill(0)).is_some());
        assert_eq!(ring.push(label(1, 0, None), ring.longest() + 1, |_| unreachable!()), None);
    }
}
