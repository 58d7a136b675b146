//! The thread that appends to the journal, and asks the disk once for all that came in a moment.

use super::{
    Journal, Marks,
    frame::{self, MAX_RECORD},
    segment::{Folder, HEADER, Position},
};
use crate::{Bounds, CallRow, health::Tally};
use std::{
    fs::File,
    io,
    os::unix::fs::FileExt,
    sync::{
        Arc,
        mpsc::{Receiver, RecvTimeoutError},
    },
    time::{Duration, Instant},
};

/// Bytes that are written at once, and one record more.
const MAX_PENDING: usize = 1 << 20;

/// A disk that takes nothing is asked again so often.
const RETRY: Duration = Duration::from_millis(200);

/// What comes to the thread.
#[derive(Debug)]
pub(crate) enum Item {
    /// A record, and when it was pushed, in microseconds since 1970.
    Record(i64, Box<CallRow>),
    /// There will be no more; look at [`Marks`].
    Wake,
}

#[derive(Debug)]
pub(crate) struct Writer {
    queue: Receiver<Item>,
    folder: Folder,
    marks: Arc<Marks>,
    tally: Arc<Tally>,
    bounds: Bounds,
    /// The segment that is begun next.
    next: u64,
    active: Option<Active>,
    _lock: File,
}

/// The segment that is written to.
#[derive(Debug)]
struct Active {
    file: File,
    end: Position,
}

/// What is written next.
#[derive(Debug, Default)]
struct Pending {
    bytes: Vec<u8>,
    records: u64,
    first_us: i64,
}

impl Writer {
    pub(crate) fn new(queue: Receiver<Item>, journal: Journal, tally: Arc<Tally>, bounds: Bounds) -> Writer {
        let Journal { folder, marks, next, lock, .. } = journal;
        Writer { queue, folder, marks, tally, bounds, next, active: None, _lock: lock }
    }

    /// Runs until the end was told and all that came before is written, or cannot be.
    pub(crate) fn run(mut self) {
        let mut pending = Pending::default();
        while let Some(item) = self.wait() {
            self.take(item, &mut pending);
            self.gather(&mut pending);
            if pending.records > 0 {
                self.write(&pending);
            }
            pending.bytes.clear();
            pending.records = 0;
        }
    }

    fn wait(&self) -> Option<Item> {
        if !self.marks.is_ending() {
            return self.queue.recv().ok();
        }
        self.queue.try_recv().ok()
    }

    /// Takes what comes until it is time to write.
    fn gather(&self, pending: &mut Pending) {
        let until = Instant::now() + self.bounds.sync_every;
        let most = MAX_PENDING.min(usize::try_from(self.bounds.segment_bytes).unwrap_or(MAX_PENDING));
        while pending.bytes.len() < most && !self.marks.is_ending() {
            match self.queue.recv_timeout(until.saturating_duration_since(Instant::now())) {
                Ok(item) => self.take(item, pending),
                Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => return,
            }
        }
    }

    fn take(&self, item: Item, pending: &mut Pending) {
        let Item::Record(at_us, row) = item else { return };
        match serde_json::to_vec(&row) {
            Ok(record) if record.len() <= MAX_RECORD => {
                if pending.records == 0 {
                    pending.first_us = at_us;
                }
                pending.records += 1;
                frame::write(&mut pending.bytes, at_us, &record);
            }
            // Numbers and text: they can be written as JSON. So it is one that is too long.
            _ => {
                self.tally.lose(1);
                tracing::error!(call = %row.call, "a call record is too large to be kept");
            }
        }
    }

    /// Tries until the disk takes it, or all is over.
    fn write(&mut self, pending: &Pending) {
        loop {
            match self.append(&pending.bytes) {
                Ok(end) => {
                    self.marks.written(end, pending.records, pending.first_us);
                    return self.tally.on_durable(pending.records);
                }
                Err(error) => {
                    self.tally.on_journal_stuck(&error);
                    if self.marks.is_ending() {
                        return self.tally.lose(pending.records);
                    }
                    self.marks.wait_for_room(RETRY);
                    if is_full(&error) && self.marks.reclaim(&self.folder) {
                        self.active = None;
                    }
                }
            }
        }
    }

    fn append(&mut self, bytes: &[u8]) -> io::Result<Position> {
        let more = bytes.len() as u64;
        if self.marks.state().bytes() + more > self.bounds.journal_bytes {
            return Err(io::Error::new(io::ErrorKind::StorageFull, "the journal has reached its bound"));
        }
        let mut active = match self.active.take() {
            Some(active) if active.end.offset + more <= self.bounds.segment_bytes || active.end.offset == HEADER.len() as u64 => active,
            _ => self.begin()?,
        };
        let written = active.file.write_all_at(bytes, active.end.offset).and_then(|()| active.file.sync_data());
        if let Err(error) = written {
            // Who knows what a disk has that has failed; but one that is full can be written to as before.
            if active.file.set_len(active.end.offset).is_ok() && is_full(&error) {
                self.active = Some(active);
            }
            return Err(error);
        }
        active.end.offset += more;
        let end = active.end;
        self.active = Some(active);
        Ok(end)
    }

    fn begin(&mut self) -> io::Result<Active> {
        let active = Active { file: self.folder.create(self.next)?, end: Position::start_of(self.next) };
        self.next += 1;
        Ok(active)
    }
}

fn is_full(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
}

impl Drop for Writer {
    fn drop(&mut self) {
        let left = self.queue.try_iter().filter(|item| matches!(item, Item::Record(..))).count();
        self.tally.lose(left as u64);
    }
}
