//! Our end of a leg: what comes in from it, what goes out to it.

mod converted;
mod figures;
mod plain;
mod reports;
mod udptl;

pub(crate) use plain::{Heard, Hears, Plain, Unheard};
