//! SIP as values and machines: messages, transactions, dialogs, offer and answer, calls.
//!
//! What is deliberately not here: sockets, tasks, clocks and policy. Bytes, time and decisions come in as values,
//! and bytes, timers and questions go out as values.
//!
//! Three types to know: [`message::Message`], a parsed message over its bytes; `Dispatcher`, which says who
//! owns a message; and `Call`, the machine that joins legs.

pub mod message;
pub mod negotiation;
pub mod sdp;
