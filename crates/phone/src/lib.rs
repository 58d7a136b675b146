//! A scripted SIP phone, written apart from the signalling crate: a second opinion for simulator, demo and benches.
//!
//! It reads, prints, retransmits and negotiates with code of its own, judges by RFC 3261 and RFC 3264 whatever comes
//! in, and plays a [`Script`]: well behaved by default, as badly as [`Habits`] say otherwise.
//!
//! What is deliberately not here: sockets, clocks and sleeping; transports other than UDP and TCP; any attempt
//! to be fast or complete. It knows what a scenario needs.
//!
//! Three types to know: [`Phone`] is the machine, [`Script`] what it is told to do, and [`Ladder`] prints what
//! went to and fro.

mod address;
mod dialog;
mod digest;
pub mod ladder;
pub mod media;
mod message;
mod phone;
mod script;
pub mod sdp;
mod stream;
mod transaction;

pub use address::{NameAddr, Via, socket_of};
pub use dialog::Stage;
pub use digest::Demand;
pub use ladder::Ladder;
pub use message::{Message, NotSip, StartLine};
pub use phone::{
    Agreed, Binding, Call, CallIndex, Input, MAX_CALLS, Outcome, Output, Phone, Reason, Refer, Referral, Register, Registrar, Role, Setup,
    Timer, Traced, Violation,
};
pub use script::{Act, Body, Edit, Fax, Habits, Hold, Offer, OnCancel, Place, PrackHabit, Reply, Request, Script, Step, When};
pub use stream::Splitter;
pub use transaction::{LIFETIME, T1, T2, T4};
