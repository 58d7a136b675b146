//! Interfaces of others, for programs that are written against them already. Each keeps to its own contract, also in how it fails.

pub(crate) mod opentok;
pub(crate) mod webex_dialer;
