//! The HTTP interface: what programs ask of a node, and see of it.
//!
//! What is here: the listener, who may ask (keys with scopes), the native interface under `/v1`, the document that tells of it
//! (OpenAPI), and health. One resource is one file.
//!
//! What is deliberately not here: calls themselves, which `tandem-runtime` carries and this only asks; and storage, which others bring.
//!
//! Three things to know: [`Server`] listens, [`Interface`] is what it serves, and `problem.rs` has every way in which a request can fail.

mod access;
mod admin;
mod calls;
mod command;
mod compat;
mod cors;
mod csv;
mod dial;
mod dialled;
mod document;
mod events;
mod front;
mod guests;
mod health;
mod hearing;
mod ids;
mod impatient;
mod interface;
mod keeping;
mod kept;
mod legs;
mod metrics;
mod page;
mod paging;
mod problem;
mod public;
mod rate;
mod read;
mod record;
mod records;
mod registrations;
mod repeat;
mod router;
mod server;
mod settings;
mod time;
mod tls;
mod trace;
mod trunks;
mod view;

pub use compat::webex_dialer::WebexDialer;
pub use interface::{Interface, Parts, Reload, Server};
pub use keeping::{AskKeeping, Keeping, StoreFigures, WebhookFigures};
pub use kept::{
    ANSWER_KEPT, Answer, Begun, BoxFuture, Idempotency, ListError, Listed, MAX_RECORDS, MemoryIdempotency, MemoryRecords, Records,
    Repeatable, Unavailable, Wanted,
};
pub use public::PublicEvent;
pub use record::{Direction, Media, Record, RecordLeg, Times, milliseconds};
pub use time::Time;
