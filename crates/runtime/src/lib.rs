//! The shell around the pure core: sockets, threads, tasks, clocks and logs.
//!
//! One thread carries all signalling: a datagram is read, given its owner, and handled by the owner's task, without a lock
//! and without another thread being woken. Media has threads of its own, and everything slow has one more.
//!
//! What is deliberately not here: decisions. What a call does is `tandem-signalling`'s, who may call whom is
//! `tandem-policy`'s, what becomes of a packet is `tandem-media`'s; the shell carries out what they say.
//!
//! Three things to know: [`OpenNode`] is a node's life, [`flight_recorder`] remembers what every call was told, and
//! [`replay()`](replay::replay) runs a call again from that.

mod actor;
mod agents;
mod alarm;
pub mod background;
mod bindings;
mod bus;
pub mod clock;
mod commands;
mod consult;
mod containment;
mod dial;
mod dns;
mod figures;
pub mod flight_recorder;
mod flows;
mod handle;
mod hops;
mod ingress;
pub mod ladder;
mod letters;
mod lifecycle;
pub mod limits;
pub mod log;
mod mailbox;
mod masked;
mod media_port;
mod node;
mod outbox;
mod plain_text;
pub mod prompts;
mod recorder;
mod registrations;
pub mod replay;
mod report;
mod route_table;
pub mod shard;
mod strangers;
mod supervisor;
pub mod tls;
mod trace;
mod transport;
mod trunks;

pub use bindings::{BindingsKept, ChangedBindings, KeptBinding, UserBindings};
pub use bus::{EVENTS_KEPT, Feed, Heard, LegOver, MAX_RECORDS, Records, Told, records};
pub use commands::{Commanded, command};
pub use consult::{Consultation, Consultations, MAX_CONSULTATIONS};
pub use dial::dial;
pub use figures::{Counted, Figures, Histogram, MediaFigures, Messages, Queue, Streams};
pub use handle::{Handle, Look, MAX_SHOWN};
pub use lifecycle::{MediaEvents, OpenError, OpenNode, Order, Orders, Rules, Setup, orders};
pub use media_port::MediaPort;
pub use tandem_signalling::cause::cause_of_status;
pub use trace::{Direction, Ends, Step, Story, Trace};
