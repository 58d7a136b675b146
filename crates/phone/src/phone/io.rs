//! What goes into a phone and what comes out.

use std::net::SocketAddr;
use tandem_model::Transport;

/// Something that happens to a phone.
#[derive(Clone, Copy, Debug)]
pub enum Input<'a> {
    /// A datagram of signalling.
    Datagram {
        /// From.
        source: SocketAddr,
        /// To which of the phone's addresses.
        local: SocketAddr,
        /// What.
        bytes: &'a [u8],
    },
    /// A message that came over a stream, whole: see [`Splitter`](crate::Splitter).
    Streamed {
        /// The other end of the connection.
        source: SocketAddr,
        /// Our end.
        local: SocketAddr,
        /// What.
        bytes: &'a [u8],
    },
    /// A datagram at a media port.
    Rtp {
        /// From.
        source: SocketAddr,
        /// To which of the phone's ports.
        local: SocketAddr,
        /// What.
        bytes: &'a [u8],
    },
    /// The time that [`super::Phone::poll_timeout`] named has come.
    Wake,
}

/// Something that a phone wants done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Output {
    /// Send a message.
    Send {
        /// What its top Via says (RFC 3261 §18.1.1, §18.2.2). Over TCP: on the connection with that other end, or a new one to
        /// `outbound` where that is gone.
        transport: Transport,
        /// To.
        destination: SocketAddr,
        /// What.
        bytes: Vec<u8>,
    },
    /// Send a media packet.
    Rtp {
        /// From which of the phone's ports.
        local: SocketAddr,
        /// To.
        destination: SocketAddr,
        /// What.
        bytes: Vec<u8>,
    },
}

/// Why a phone wants to be woken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Reason {
    /// The next packet of its tone.
    Media,
    /// A step of a script.
    Step,
    /// A message to send again, or to give up.
    Transaction,
}
