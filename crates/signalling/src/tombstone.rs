//! Finished transactions that only wait for retransmissions: a few words each, or the one message that is sent again, outside of
//! every call.

use crate::table::Table;
use crate::transaction::{TOMBSTONE_SPAN, TransactionKey};
use crate::wire::{ReturnTo, Transmit};
use std::collections::VecDeque;
use std::collections::hash_map::Entry as Slot;
use tandem_model::{CallId, LegId, Timestamp};

/// Tombstones kept at most; beyond it the oldest go first. 2 000 calls a second leave 64 000 INVITEs and as many BYEs.
const MAX_TOMBSTONES: usize = 1 << 19;

/// Bytes of messages that tombstones keep at most, together; beyond it the oldest tombstones go first. 2 000 calls a second that all
/// fail leave 64 000 ACKs, of up to 1 KiB each.
const MAX_TOMBSTONE_BYTES: usize = 64 << 20;

/// What a finished transaction still does when its peer repeats itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Tombstone {
    /// INVITE server, Accepted (Timer L) or Confirmed (Timer I): INVITE and ACK are absorbed; a late CANCEL is answered
    /// 200 with this leg's tag and changes nothing (RFC 3261 §9.2).
    Absorb(LegId),
    /// Non-INVITE server, Completed (Timer J): the same plain final response again, by the same way.
    Answer(u16, ReturnTo),
    /// The same with a response that had more to it.
    Repeat(Box<[u8]>, ReturnTo),
    /// INVITE client, Completed (Timer D): the same ACK again, to where the INVITE went (§17.1.1.3).
    Acknowledge(Box<Transmit>),
    /// INVITE client, Accepted (Timer M), of a leg that is gone: a 2xx of one more phone, or once more of the first, is acknowledged
    /// and hung up (§13.2.2.4). Holds the ACK of the first where its INVITE had credentials, which every ACK of it has (§22.1).
    Dismiss(Option<Box<[u8]>>),
}

impl Tombstone {
    /// The length of the message that it keeps.
    fn kept_bytes(&self) -> usize {
        match self {
            Tombstone::Absorb(_) | Tombstone::Answer(..) | Tombstone::Dismiss(None) => 0,
            Tombstone::Repeat(message, _) | Tombstone::Dismiss(Some(message)) => message.len(),
            Tombstone::Acknowledge(ack) => ack.bytes.len(),
        }
    }
}

/// Who owns a transaction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Owner {
    Call(CallId),
    Finished(Tombstone),
}

#[derive(Debug)]
struct Entry {
    owner: Owner,
    /// The index of merged requests goes when this goes.
    merged: Option<TransactionKey>,
}

/// Known transactions: open ones point to their call, finished ones are tombstones.
#[derive(Debug, Default)]
pub(crate) struct TransactionTable {
    entries: Table<TransactionKey, Entry>,
    /// (Call-ID, From tag, CSeq) of initial requests → their transaction.
    merged: Table<TransactionKey, TransactionKey>,
    /// Tombstones by age. All live equally long, so this is a queue.
    ages: VecDeque<(Timestamp, TransactionKey)>,
    /// The messages that tombstones keep, together.
    kept_bytes: usize,
}

impl TransactionTable {
    pub(crate) fn owner(&self, key: TransactionKey) -> Option<&Owner> {
        self.entries.get(&key).map(|entry| &entry.owner)
    }

    /// Whether another transaction than `key` already carries the request that `merged` names.
    pub(crate) fn is_merged(&self, merged: TransactionKey, key: TransactionKey) -> bool {
        self.merged.get(&merged).is_some_and(|first| *first != key)
    }

    pub(crate) fn open(&mut self, key: TransactionKey, merged: TransactionKey, call: CallId) {
        self.entries.insert(key, Entry { owner: Owner::Call(call), merged: Some(merged) });
        self.merged.insert(merged, key);
    }

    /// An open transaction is another call's from now on; whether there is one.
    pub(crate) fn pass_on(&mut self, key: TransactionKey, to: CallId) -> bool {
        match self.entries.get_mut(&key).map(|entry| &mut entry.owner) {
            Some(Owner::Call(call)) => {
                *call = to;
                true
            }
            Some(Owner::Finished(_)) | None => false,
        }
    }

    /// The first tombstone stays: a copy of the request that was under way when its transaction ended changes nothing.
    pub(crate) fn retire(&mut self, now: Timestamp, key: TransactionKey, tombstone: Tombstone) {
        let kept_bytes = tombstone.kept_bytes();
        let finished = Owner::Finished(tombstone);
        match self.entries.entry(key) {
            Slot::Occupied(slot) if matches!(slot.get().owner, Owner::Finished(_)) => return,
            Slot::Occupied(mut slot) => slot.get_mut().owner = finished,
            Slot::Vacant(slot) => {
                slot.insert(Entry { owner: finished, merged: None });
            }
        }
        self.ages.push_back((now + TOMBSTONE_SPAN, key));
        self.kept_bytes += kept_bytes;
        while self.ages.len() > MAX_TOMBSTONES || self.kept_bytes > MAX_TOMBSTONE_BYTES {
            self.drop_oldest();
        }
    }

    /// Forgets an open transaction whose call is gone without having retired it.
    pub(crate) fn forget(&mut self, key: TransactionKey) {
        let Some(entry) = self.entries.remove(&key) else { return };
        if let Some(merged) = entry.merged {
            self.merged.remove(&merged);
        }
        if let Owner::Finished(tombstone) = entry.owner {
            self.kept_bytes -= tombstone.kept_bytes();
        }
    }

    pub(crate) fn expire(&mut self, now: Timestamp) {
        while self.ages.front().is_some_and(|(at, _)| *at <= now) {
            self.drop_oldest();
        }
    }

    pub(crate) fn next_expiry(&self) -> Option<Timestamp> {
        self.ages.front().map(|(at, _)| *at)
    }

    /// (open transactions, tombstones)
    pub(crate) fn counts(&self) -> (usize, usize) {
        (self.entries.len() - self.ages.len().min(self.entries.len()), self.ages.len())
    }

    fn drop_oldest(&mut self) {
        if let Some((_, key)) = self.ages.pop_front() {
            self.forget(key);
        }
    }
}
