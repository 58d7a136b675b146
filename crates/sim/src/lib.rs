//! The simulator: virtual clock, seeded network, phones and the core under test.
//!
//! A scenario makes a [`Sim`], puts phones on it, places calls, lets time pass and ends with [`Sim::finish`], which
//! asserts that nothing is left behind: no call, leg, port or timer, one record a call, and no phone with a complaint.
//! The same seed gives the same bytes. Nothing here waits: a minute of calls takes a millisecond or so.
//!
//! What is deliberately not here: sockets, threads, real time; and knowledge of how the core works inside. It is
//! driven as the shell drives it.
//!
//! Three types to know: [`Sim`], [`Link`] says what a path does to datagrams, and [`explore`] runs a race in
//! every order, [`explore_losses`] also with each of its messages lost once.

mod config;
mod network;
mod node;
mod queue;
mod race;
mod recordings;
mod shard;
mod sim;
mod streams;
mod zone;

pub use config::{ALICE, BOB, CAROL, CORE, CORE_V6, DORA, ERIN, STANDARD, standard_over_tcp};
pub use network::Link;
pub use node::CoreNode;
pub use race::{Action, Explored, Run, explore, explore_losses};
pub use recordings::{Recording, Recordings};
pub use shard::Shard;
pub use sim::{QUIET_LIMIT, Sim, seed_from_environment};
pub use tandem_phone as phone;
pub use zone::Zone;

use std::time::Duration;

/// A span in milliseconds.
pub const fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

/// A span in seconds.
pub const fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}
