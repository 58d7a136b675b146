//! How that is which outlives the process, for `/metrics`.

use crate::kept::BoxFuture;
use std::time::Duration;

/// Asks how it is; what cannot be told in a moment is left out.
pub type AskKeeping = Box<dyn Fn() -> BoxFuture<'static, Keeping> + Send + Sync>;

/// What the node keeps, and sends until it is taken.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Keeping {
    /// Where records of calls go; `None`: nowhere.
    pub store: Option<StoreFigures>,
    /// Who is told of events; `None`: nobody.
    pub webhook: Option<WebhookFigures>,
}

/// What became of records of calls since the node began.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StoreFigures {
    /// The database took what it was given last.
    pub is_database_up: bool,
    /// The journal takes records.
    pub is_journal_up: bool,
    /// Records that wait for the disk.
    pub in_memory: u64,
    /// Records on the disk that wait for the database.
    pub in_journal: u64,
    /// For how long the first of those has waited.
    pub lag: Duration,
    /// Bytes of the journal.
    pub journal_bytes: u64,
    /// Records that the database took.
    pub written: u64,
    /// Records that were lost.
    pub lost: u64,
    /// Records that the database will never take.
    pub refused: u64,
}

/// What became of events for the webhook since the node began.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct WebhookFigures {
    /// Events that wait; `None`: the database does not say.
    pub waiting: Option<u64>,
    /// Events that were taken.
    pub taken: u64,
    /// Attempts that came to nothing.
    pub failed: u64,
    /// Events that were not taken for a day, and given up.
    pub given_up: u64,
    /// Events for which there was no room.
    pub lost: u64,
}
