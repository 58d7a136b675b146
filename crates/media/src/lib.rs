//! RTP and RTCP packets as values: sessions, relay, source latching, statistics.
//!
//! A [`Session`] is one call's media. It is told what to be by inputs that mirror [`tandem_model::MediaCommand`], is
//! given the packets that arrive at its ports, and answers each with a [`Verdict`]. It knows ports by
//! [`tandem_model::PortId`], never sockets: whoever owns the sockets, a media thread or a simulator, moves the bytes.
//! [`PortAllocator`] says which ports a session may have.
//!
//! What is deliberately not here: sockets, threads, clocks, and any delay. A relayed packet leaves in the buffer in
//! which it came and allocates nothing.
//!
//! Three types to know: [`Session`], [`Verdict`], [`PortAllocator`].

mod endpoint;
mod jitter;
mod keys;
mod latch;
mod packet;
mod path;
mod ports;
mod quality;
mod rtcp;
mod rtp;
mod session;
mod sink;
mod source;
mod statistics;
mod voice;

pub use packet::{Channel, DropReason, MAX_PACKET, PacketBuf, Verdict};
pub use ports::{FOREIGN_RETRY, MAX_PROBES, PortAllocator, PortCounts, Probe};
pub use session::{AddError, Adoptee, Input, OpenError, Output, Reason, Session, Setup};
pub use sink::Format;
pub use source::{Clip, Playable};
