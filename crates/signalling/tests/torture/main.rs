//! Messages that try to break a SIP element, each with the outcome that its RFC asks of a user agent: RFC 4475, RFC 5118
//! and a set of the project's own for every kind of trouble in the two, and some more.
//!
//! `docs/sip-coverage.md` has the same tables for people.

#![allow(clippy::panic, clippy::unwrap_used, clippy::print_stdout, reason = "tests fail loudly and say what they skip")]
#![allow(clippy::disallowed_methods, reason = "a corpus that is not the project's is read from its own place")]

mod corpus;
mod dispatched;
mod everywhere;
mod outcome;
mod own;
mod rfc4475;
mod streams;
