//! SIP as values and machines: messages, transactions, dialogs, offer and answer, calls.
//!
//! What is deliberately not here: sockets, tasks, clocks and policy. Bytes, time and decisions come in as values,
//! and bytes, timers and questions go out as values.
//!
//! Three types to know: [`message::Message`], a parsed message over its bytes; [`Dispatcher`], which says who
//! owns a message; and [`Call`], the machine that joins legs.

pub mod agent;
mod call;
pub mod cause;
mod dialog;
mod dismissal;
mod dispatcher;
pub mod locate;
mod machine;
mod minted;
mod outside;
pub mod reason;
mod registrar;
mod session_id;
mod table;
mod tombstone;
mod wire;

pub mod auth;
pub mod message;
pub mod negotiation;
pub mod sdp;
pub mod transaction;

pub use agent::{AgentSetup, Lines, Roster, TrunkAgent};
pub use call::{
    Addressee, Call, CallSetup, Facing, Input, Letter, ListenerFacts, MessageExchange, MovingLeg, NodeFacts, Output, Reason, Terms,
    number_called, relayed_status,
};
// A machine of its own, which the call alone uses: public so that it can be tried, and tested, without one.
pub use dialog::{Dialog, DialogError, Verdict as InDialog};
pub use dialog::{reliable, session_timer, subscription};
pub use dispatcher::{Dispatcher, DropReason, Unproven, Verdict};
pub use machine::Machine;
pub use minted::{MAGIC_COOKIE, Minted, Minter};
pub use outside::RETRY_WHEN_DRAINING_S;
pub use registrar::{Barred, Bearings, KeptBinding, MemoryBindings, Registrar, RegistrarTerms, Reply, answer_destination, is_behind_nat};
pub use tombstone::Tombstone;
pub use wire::{Arrival, ReturnTo, Transmit, response_destination};
