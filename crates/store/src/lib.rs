//! What outlives the process: call records, registrations, answers to repeated requests, webhooks that wait.
//!
//! Two parts make it up. A **database**, SQLite or PostgreSQL, with the same tables, is what is read. A **journal** on the disk is where
//! call records go first: [`Records::push`] never waits, a thread appends to the journal, and a task takes records from there to the
//! database in transactions. A database that is slow, locked, full or away delays nobody: records lie in the journal until it is back, also
//! over a restart. Each is in the database once, because its key is its id, and the journal is only forgotten as far as was committed.
//!
//! It is deliberately not on the way of a call, and knows nothing of SIP or HTTP: it depends on `tandem-model` alone.
//!
//! The types to know are [`Store`], [`Records`] and [`CallRow`].

mod batcher;
mod database;
mod health;
mod journal;
mod number;
mod records;
mod row;
mod store;

pub use database::{
    Answer, BadCursor, Begun, BindingRow, Cursor, DatabaseError, Export, Filter, GIVEN_UP, Idempotency, KEPT, Page, Registrations,
    WaitingEvent, Webhooks,
};
pub use health::Health;
pub use records::Records;
pub use row::{CallRow, DirectionRow, LegRow, MediaRow};
pub use store::{Bounds, OpenError, Settings, Store};
