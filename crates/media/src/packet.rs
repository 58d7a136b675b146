//! A packet on its way through a session, and what became of it.

use std::{fmt, net::SocketAddr};
use tandem_model::PortId;

/// Octets that a packet may have. Audio over paths of 1500 octets stays well below; what fills the buffer may have
/// been cut and is dropped.
pub const MAX_PACKET: usize = 2048;

/// Which of an endpoint's two sockets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Channel {
    /// The even port: RTP, and RTCP as well where both share a port (RFC 5761).
    Rtp,
    /// The odd port: RTCP.
    Rtcp,
}

/// One packet. The buffer is made once and used for every packet that a thread handles.
pub struct PacketBuf {
    octets: Box<[u8; MAX_PACKET]>,
    len: usize,
}

impl PacketBuf {
    /// An empty buffer. This allocates; nothing that is done with it later does.
    pub fn new() -> Self {
        PacketBuf { octets: Box::new([0; MAX_PACKET]), len: 0 }
    }

    /// The whole buffer, to receive into; [`PacketBuf::set_len`] says how much was received.
    pub fn space(&mut self) -> &mut [u8] {
        &mut self.octets[..]
    }

    /// The first `len` octets are the packet; more than the buffer holds means all of it.
    pub fn set_len(&mut self, len: usize) {
        self.len = len.min(MAX_PACKET);
    }

    /// Takes a copy of `packet`, as far as it fits.
    pub fn fill(&mut self, packet: &[u8]) {
        self.set_len(packet.len());
        self.octets[..self.len].copy_from_slice(&packet[..self.len]);
    }

    /// The packet.
    pub fn bytes(&self) -> &[u8] {
        &self.octets[..self.len]
    }

    /// The packet, to change in place.
    pub(crate) fn bytes_mut(&mut self) -> &mut [u8] {
        &mut self.octets[..self.len]
    }

    /// Puts `tail` behind the packet if there is room for it.
    pub(crate) fn append(&mut self, tail: &[u8]) -> bool {
        let end = self.len + tail.len();
        let room = self.octets.get_mut(self.len..end);
        let fits = room.is_some();
        if let Some(room) = room {
            room.copy_from_slice(tail);
            self.len = end;
        }
        fits
    }

    /// Nothing of it was cut off on arrival, as far as can be told.
    pub(crate) fn is_whole(&self) -> bool {
        self.len < MAX_PACKET
    }
}

impl Default for PacketBuf {
    fn default() -> Self {
        PacketBuf::new()
    }
}

impl fmt::Debug for PacketBuf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("PacketBuf").field(&self.bytes()).finish()
    }
}

/// What became of a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The buffer now holds what is to be sent.
    Forward {
        /// From the ports of this endpoint …
        port: PortId,
        /// … and of these the socket of this channel …
        channel: Channel,
        /// … to this address.
        to: SocketAddr,
    },
    /// The same, and the session may want to be woken earlier than it said.
    ForwardAndWait {
        /// From the ports of this endpoint …
        port: PortId,
        /// … and of these the socket of this channel …
        channel: Channel,
        /// … to this address.
        to: SocketAddr,
    },
    /// It was the session's to take, and nothing is to be sent.
    Consumed,
    /// It waits to be said to the other leg in another way. The session may want to be woken earlier than it said.
    Waits,
    /// It was not taken.
    Dropped(DropReason),
}

/// Why a packet went no further.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum DropReason {
    /// The port is none of this session's.
    UnknownPort,
    /// Not RTP or RTCP, or its lengths contradict each other.
    Malformed,
    /// Its source is not the leg's.
    Stranger,
    /// The leg is not to send now.
    NotReceiving,
    /// Its payload number was not agreed.
    UnknownPayload,
    /// Of a source that another has just replaced.
    Superseded,
    /// Its sequence number lies where no packet of the stream can be (RFC 3550 §A.1).
    OutOfSequence,
    /// Nobody is to hear the leg.
    Unheard,
}
