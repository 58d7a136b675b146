//! A journal is taken up again where the process before left it.

use super::{
    Marks, State,
    frame::{Found, Frames},
    segment::{Folder, HEADER, Position},
};
use std::{fs::File, io, path::Path, sync::Arc};

/// The journal of this process.
#[derive(Debug)]
pub(crate) struct Journal {
    pub(crate) folder: Folder,
    pub(crate) marks: Arc<Marks>,
    /// The segment that is written next. What a process before wrote is never written to.
    pub(crate) next: u64,
    /// Held for as long as the journal is.
    pub(crate) lock: File,
    pub(crate) leftover: Leftover,
}

/// What was found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Leftover {
    /// Records that the database may not have.
    pub(crate) records: u64,
    /// Bytes at the end of segments that were no whole record, and were cut off: the process was killed as it wrote them.
    pub(crate) torn: u64,
}

impl Journal {
    /// Takes up the journal in this folder, or begins one. Reads all that the database may not have.
    pub(crate) fn open(path: &Path) -> io::Result<Journal> {
        let folder = Folder::open(path)?;
        let lock = folder.lock()?;
        let mut sizes = folder.segments()?;
        let known = folder.position();
        let committed = begin(known, sizes.keys().next().copied());
        let mut leftover = Leftover::default();
        let mut oldest_us = None;
        for (segment, size) in &mut sizes {
            let header = folder.read(Position { segment: *segment, offset: 0 }, Some(HEADER.len() as u64))?;
            if header.starts_with(&HEADER[..7]) && header.len() == HEADER.len() && header != HEADER {
                return Err(io::Error::new(io::ErrorKind::InvalidData, "the journal was written by a newer version"));
            }
            if *segment < committed.segment {
                folder.delete(*segment)?;
                *size = 0;
                continue;
            }
            let from = committed.max(Position::start_of(*segment));
            let bytes = folder.read(from, None)?;
            let mut frames = Frames::new(&bytes);
            for found in frames.by_ref() {
                if let Found::Frame(at_us, _) = found {
                    leftover.records += 1;
                    oldest_us = oldest_us.or(Some(at_us));
                }
            }
            let torn = (bytes.len() - frames.offset()) as u64;
            if torn > 0 {
                *size = from.offset + frames.offset() as u64;
                folder.cut(*segment, *size)?;
                leftover.torn += torn;
            }
        }
        sizes.retain(|_, size| *size > 0);
        let next = 1 + sizes.keys().next_back().copied().max(known.map(|position| position.segment)).unwrap_or(0);
        let durable =
            sizes.last_key_value().map_or(committed, |(segment, size)| Position { segment: *segment, offset: *size }.max(committed));
        // From now on it is written over in place, also on a full disk.
        let _ = folder.set_position(committed);
        let state = State { durable, committed, sizes, waiting: leftover.records, oldest_us, is_ending: false };
        Ok(Journal { folder, marks: Arc::new(Marks::new(state)), next, lock, leftover })
    }
}

/// Where to read from. A position before the first segment that is left is as good as the beginning of that.
fn begin(known: Option<Position>, first: Option<u64>) -> Position {
    match (known, first) {
        (Some(known), Some(first)) if known.segment >= first => known,
        (_, Some(first)) => Position::start_of(first),
        (Some(known), None) => known,
        (None, None) => Position::default(),
    }
}
