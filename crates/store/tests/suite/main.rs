//! One suite for all databases: SQLite in memory and in a file, and PostgreSQL where `TANDEM_TEST_POSTGRES` has the URL of a database that may
//! be emptied.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod bench;
mod calls;
mod idempotency;
mod opening;
mod registrations;
mod webhooks;
