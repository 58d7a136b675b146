//! The journal: a folder of files that records lie in from when the call is over until the database has them.
//!
//! A thread of its own appends ([`writer`]); the batcher reads, and says how far the database has everything. Between the two there is
//! [`Marks`]. A record is *durable* when the disk has it, at the latest [`Bounds::sync_every`](crate::Bounds) and one `fsync` after it was
//! pushed; what was pushed before that may be lost when the process is killed, what is durable is not.

mod checksum;
mod frame;
mod open;
mod reader;
mod segment;
mod writer;

#[cfg(test)]
mod tests;

use std::{
    collections::BTreeMap,
    io,
    sync::{Condvar, Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use tokio::sync::{Notify, watch};

pub(crate) use frame::MAX_RECORD;
pub(crate) use open::Journal;
pub(crate) use reader::{Batch, Reader};
pub(crate) use segment::{Folder, Position};
pub(crate) use writer::{Item, Writer};

/// How far the journal is written, and how far it is in the database.
#[derive(Debug)]
pub(crate) struct Marks {
    state: Mutex<State>,
    /// Told when there is more to read.
    pub(crate) more: Notify,
    /// Told when there is more room, or an end.
    room: Condvar,
    /// How far the database has everything.
    committed: watch::Sender<Position>,
}

#[derive(Clone, Debug, Default)]
pub(crate) struct State {
    /// Up to here the disk has everything.
    pub(crate) durable: Position,
    /// Up to here the database has everything.
    pub(crate) committed: Position,
    /// Bytes of each segment.
    pub(crate) sizes: BTreeMap<u64, u64>,
    /// Records on the disk that the database may not have.
    pub(crate) waiting: u64,
    /// When the first of them was pushed, in microseconds since 1970.
    pub(crate) oldest_us: Option<i64>,
    /// No more is pushed: what there is may still be written.
    pub(crate) is_ending: bool,
}

impl State {
    pub(crate) fn bytes(&self) -> u64 {
        self.sizes.values().sum()
    }
}

impl Marks {
    fn new(state: State) -> Marks {
        let committed = watch::Sender::new(state.committed);
        Marks { state: Mutex::new(state), more: Notify::new(), room: Condvar::new(), committed }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn state(&self) -> State {
        self.lock().clone()
    }

    fn is_ending(&self) -> bool {
        self.lock().is_ending
    }

    /// The writer gives up waiting for room.
    pub(crate) fn end(&self) {
        self.lock().is_ending = true;
        self.room.notify_all();
        self.more.notify_one();
    }

    /// The disk has so many records more, up to here.
    fn written(&self, up_to: Position, records: u64, first_us: i64) {
        let mut state = self.lock();
        state.durable = up_to;
        state.sizes.insert(up_to.segment, up_to.offset);
        state.waiting += records;
        state.oldest_us.get_or_insert(first_us);
        drop(state);
        self.more.notify_one();
    }

    /// The database has everything up to here, so many records more.
    ///
    /// # Errors
    ///
    /// What could not be noted or deleted: then it is read again by the next process.
    pub(crate) fn commit(&self, folder: &Folder, up_to: Position, records: u64) -> io::Result<()> {
        let noted = folder.set_position(up_to);
        let mut state = self.lock();
        state.committed = up_to;
        state.waiting = state.waiting.saturating_sub(records);
        if state.waiting == 0 {
            state.oldest_us = None;
        }
        let done = state.sizes.keys().copied().take_while(|segment| *segment < up_to.segment).collect();
        let deleted = forget(folder, &mut state, done);
        drop(state);
        self.room.notify_all();
        self.committed.send_replace(up_to);
        noted.and(deleted)
    }

    /// Waits until the database has everything up to there.
    pub(crate) async fn committed(&self, target: Position) {
        // We have the sender: it is not gone.
        let _ = self.committed.subscribe().wait_for(|committed| *committed >= target).await;
    }

    /// Deletes all files if the database has all that is in them; whether that made room.
    fn reclaim(&self, folder: &Folder) -> bool {
        let mut state = self.lock();
        if state.committed < state.durable || state.sizes.is_empty() {
            return false;
        }
        let all = state.sizes.keys().copied().collect();
        forget(folder, &mut state, all).is_ok()
    }

    /// Waits for room, but not for long.
    fn wait_for_room(&self, most: Duration) {
        let state = self.lock();
        if !state.is_ending {
            drop(self.room.wait_timeout(state, most));
        }
    }
}

fn forget(folder: &Folder, state: &mut State, segments: Vec<u64>) -> io::Result<()> {
    segments.into_iter().try_for_each(|segment| {
        folder.delete(segment)?;
        state.sizes.remove(&segment);
        Ok(())
    })
}
