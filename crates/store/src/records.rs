//! The way of a record to the disk, from wherever calls end.

use crate::{
    CallRow,
    health::{Tally, now_us},
    journal::Item,
};
use std::sync::{Arc, atomic::Ordering::Relaxed, mpsc::SyncSender};

/// Takes records, and never waits.
#[derive(Clone, Debug)]
pub struct Records {
    queue: SyncSender<Item>,
    tally: Arc<Tally>,
    node: Arc<str>,
}

impl Records {
    pub(crate) fn new(queue: SyncSender<Item>, tally: Arc<Tally>, node: Arc<str>) -> Records {
        Records { queue, tally, node }
    }

    /// Hands over a record; it is [durable](crate::Records::durable) a moment later. Where as many as may wait already, it is lost: then this
    /// is false, [`Health::lost`](crate::Health) counts it, and the log says so.
    pub fn push(&self, mut row: CallRow) -> bool {
        row.node = (*self.node).into();
        self.tally.pushed.fetch_add(1, Relaxed);
        let is_taken = self.queue.try_send(Item::Record(now_us(), Box::new(row))).is_ok();
        if !is_taken {
            self.tally.lose(1);
        }
        is_taken
    }

    /// How many of the records that were pushed are on the disk: killed now, the process loses none of these.
    pub fn durable(&self) -> u64 {
        self.tally.durable.load(Relaxed)
    }

    /// Waits until what was pushed before this is durable, or lost.
    pub async fn flush(&self) {
        let target = self.tally.pushed.load(Relaxed);
        // The tally lives as long as we do: its sender is not gone.
        let _ = self.tally.settled().wait_for(|settled| *settled >= target).await;
    }

    pub(crate) fn wake(&self) {
        // A queue without room has enough in it to wake anybody.
        let _ = self.queue.try_send(Item::Wake);
    }
}
