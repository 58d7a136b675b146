//! Samples between the decoder and the listener, and those that were heard last, by which the others can be stretched.

/// The longest that may wait here.
const MOST_MS: u32 = 260;

#[derive(Debug)]
pub(super) struct Samples {
    all: Vec<i16>,
    /// The first that has not been heard.
    head: usize,
    /// How many of those before it are kept.
    past: usize,
}

impl Samples {
    pub(super) fn new(rate_hz: u32) -> Samples {
        let past = tandem_sound::stretch::needed(rate_hz);
        let mut all = Vec::with_capacity(past + (MOST_MS * rate_hz / 1_000) as usize);
        all.resize(past, 0);
        Samples { all, head: past, past }
    }

    /// How many wait.
    pub(super) fn len(&self) -> usize {
        self.all.len() - self.head
    }

    /// `fill` makes so many more; fewer if there is no room.
    pub(super) fn push(&mut self, count: usize, fill: impl FnOnce(&mut [i16])) {
        self.make_room(count);
        let (from, room) = (self.all.len(), self.all.capacity() - self.all.len());
        self.all.resize(from + count.min(room), 0);
        fill(&mut self.all[from..]);
    }

    /// The next ones, as far as there are so many. How many there were.
    pub(super) fn pop(&mut self, out: &mut [i16]) -> usize {
        let count = out.len().min(self.len());
        out[..count].copy_from_slice(&self.all[self.head..self.head + count]);
        self.head += count;
        count
    }

    /// All that wait, led over to the last of them: `out` begins with the first that waits and ends with the last that came. There must be
    /// so many that the one can be led over to the other.
    pub(super) fn pop_all(&mut self, newest: usize, out: &mut [i16]) {
        let end = self.all.len() - newest;
        let (first, lead) = (end.saturating_sub(out.len()), self.len().min(out.len()));
        let span = lead.max(1) as i32;
        for (place, sample) in out.iter_mut().enumerate() {
            let last = i32::from(self.all[first + place]);
            let led = if place < lead {
                i32::from(self.all[self.head + place]) * (span - place as i32) + last * place as i32
            } else {
                last * span
            };
            *sample = (led / span) as i16;
        }
        self.head = self.all.len();
    }

    /// Makes what waits shorter, by at most `most`. By how many.
    pub(super) fn shorten(&mut self, rate_hz: u32, most: usize) -> usize {
        // Two periods are laid over each other, and neither may have been heard.
        let most = most.min(self.len() / 2);
        let cut = tandem_sound::stretch::shorten(&mut self.all, rate_hz, most);
        self.all.truncate(self.all.len() - cut);
        cut
    }

    /// Makes what waits longer, by at most `most`. By how many.
    pub(super) fn lengthen(&mut self, rate_hz: u32, most: usize) -> usize {
        let most = most.min(self.len());
        self.make_room(most);
        let length = self.all.len();
        let room = (self.all.capacity() - length).min(most);
        self.all.resize(length + room, 0);
        let more = tandem_sound::stretch::lengthen(&mut self.all, length, rate_hz, room);
        self.all.truncate(length + more);
        more
    }

    fn make_room(&mut self, count: usize) {
        if self.all.len() + count > self.all.capacity() {
            let first = self.head - self.past;
            self.all.copy_within(first.., 0);
            self.all.truncate(self.all.len() - first);
            self.head = self.past;
        }
    }
}
