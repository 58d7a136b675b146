//! Records are read from the journal as the batcher wants them.

use super::{
    Marks,
    frame::{Found, Frames},
    segment::{Folder, Position},
};
use std::{io, sync::Arc};

/// Reads what is durable and not committed.
#[derive(Debug)]
pub(crate) struct Reader {
    pub(crate) folder: Folder,
    pub(crate) marks: Arc<Marks>,
    at: Position,
}

/// Some records, one behind the other.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Batch {
    /// Each with when it was pushed, in microseconds since 1970.
    pub(crate) records: Vec<(i64, Box<[u8]>)>,
    /// Where the next one begins.
    pub(crate) end: Position,
    /// Bytes on the way that were no record.
    pub(crate) damaged: u64,
}

impl Reader {
    pub(crate) fn new(folder: Folder, marks: Arc<Marks>) -> Reader {
        let at = marks.state().committed;
        Reader { folder, marks, at }
    }

    /// The next records, at most so many; none when there are none for now.
    pub(crate) fn read(&mut self, most: usize) -> io::Result<Batch> {
        let mut batch = Batch { end: self.at, ..Batch::default() };
        let state = self.marks.state();
        while batch.records.is_empty() && batch.end < state.durable {
            let is_last = batch.end.segment == state.durable.segment;
            let bytes = self.folder.read(batch.end, is_last.then_some(state.durable.offset))?;
            let mut frames = Frames::new(&bytes);
            let is_whole = take(&mut frames, most.max(1), &mut batch);
            batch.end.offset += frames.offset() as u64;
            if !is_whole {
                continue;
            }
            // What is left was durable once, or is the end of a segment that could not be written to any more.
            batch.damaged += (bytes.len() - frames.offset()) as u64;
            batch.end = match state.sizes.range(batch.end.segment + 1..).next() {
                Some((segment, _)) if !is_last => Position::start_of(*segment),
                _ => state.durable,
            };
        }
        self.at = batch.end;
        if let Some((at_us, _)) = batch.records.first() {
            self.marks.lock().oldest_us = Some(*at_us);
        }
        Ok(batch)
    }
}

/// Whether all of it was taken.
fn take(frames: &mut Frames<'_>, most: usize, batch: &mut Batch) -> bool {
    while batch.records.len() < most {
        match frames.next() {
            Some(Found::Frame(at_us, record)) => batch.records.push((at_us, record.into())),
            Some(Found::Damage(bytes)) => batch.damaged += bytes as u64,
            None => return true,
        }
    }
    !frames.clone().any(|found| matches!(found, Found::Frame(..)))
}
