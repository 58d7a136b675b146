//! Where messages come from and go to.

use serde::{Deserialize, Serialize};
use std::{
    fmt,
    net::{IpAddr, Ipv6Addr, SocketAddr},
};

/// A transport that SIP runs over here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Transport {
    /// RFC 3261 §18 over UDP.
    Udp,
    /// RFC 3261 §18 over TCP.
    Tcp,
    /// RFC 3261 §26.2 over TLS over TCP.
    Tls,
}

impl Transport {
    /// The word for Via's sent-protocol (RFC 3261 §20.42).
    pub const fn token(self) -> &'static str {
        match self {
            Transport::Udp => "UDP",
            Transport::Tcp => "TCP",
            Transport::Tls => "TLS",
        }
    }

    /// Whether the transport itself retransmits: then Timers A, E, G are off (RFC 3261 §17).
    pub const fn is_reliable(self) -> bool {
        matches!(self, Transport::Tcp | Transport::Tls)
    }

    /// Whether it keeps what `sips:` promises (RFC 3261 §26.2.2).
    pub const fn is_secure(self) -> bool {
        matches!(self, Transport::Tls)
    }

    /// The port where none is written (RFC 3261 §19.1.2, §18.2.2).
    pub const fn default_port(self) -> u16 {
        match self {
            Transport::Udp | Transport::Tcp => 5060,
            Transport::Tls => 5061,
        }
    }
}

/// A `[[listen]]` section, by its index.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ListenerId(pub u16);

/// Whom an address is counted with, where what one source may do is bounded: an IPv4 address is alone, and whoever has an IPv6 address
/// has the 2⁶⁴ beside it.
pub fn neighbourhood(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() & !u128::from(u64::MAX))),
        v4 => v4,
    }
}

/// How a message reached us: what a response goes back over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Flow {
    /// Which of our listeners.
    pub listener: ListenerId,
    /// Its transport.
    pub transport: Transport,
    /// The other end's address as we see it.
    pub remote: SocketAddr,
}

/// What is known of a message that the transport gave back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Delivery {
    /// It did not arrive: no connection was made.
    Never,
    /// The network returned a datagram. Whoever can read some of our datagrams can forge that: it is about this leg's alone.
    Returned {
        /// Whose it was: the [leg](crate::CallId::leg) of that number of the call that is told.
        leg: u8,
        /// Nobody is at that port any more. Otherwise the way there may be out of order for a while.
        nobody_there: bool,
    },
    /// It may have: the connection that it went over is lost.
    Unknown,
}

impl Delivery {
    /// Whether it cannot have arrived.
    pub const fn is_never(self) -> bool {
        !matches!(self, Delivery::Unknown)
    }
}

/// Where a message is to go.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Destination {
    /// A literal address.
    Address(SocketAddr),
    /// The connection that a request came over; once that is gone, a new one to where its Via says (RFC 3261 §18.2.2).
    Back {
        /// Its other end.
        remote: SocketAddr,
        /// The port that its Via names, on the same host.
        port: u16,
    },
    /// A host name that is looked up before anything is sent (RFC 3263 §4.2): its addresses where it has a port, else where the records for
    /// the transport of its listener lead.
    Name {
        /// The name, as written.
        host: Box<str>,
        /// The port, if one was given.
        port: Option<u16>,
    },
    /// A domain that chooses the transport too (RFC 3263 §4.1).
    Domain {
        /// The name, as written.
        host: Box<str>,
        /// It was asked for as `sips:`.
        secure: bool,
    },
    /// One of the addresses that were found for a name.
    Hop {
        /// Where that is.
        address: SocketAddr,
        /// The name: what the certificate of TLS is to be for (RFC 5922 §4).
        domain: Box<str>,
    },
}

/// One place where the requests for a domain can go.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Hop {
    /// Which of our listeners they leave from, and so over which transport.
    pub listener: ListenerId,
    /// Where to.
    pub address: SocketAddr,
}

/// Why a domain has no hop.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum NoHop {
    /// DNS says that there is nothing.
    Unknown,
    /// DNS does not answer.
    Unanswered,
}

impl Destination {
    /// The name that is to be looked up, if it is one.
    pub fn name(&self) -> Option<&str> {
        match self {
            Destination::Name { host, .. } | Destination::Domain { host, .. } => Some(host),
            Destination::Address(_) | Destination::Back { .. } | Destination::Hop { .. } => None,
        }
    }
}

impl NoHop {
    /// In words.
    pub const fn reason(self) -> &'static str {
        match self {
            NoHop::Unknown => "DNS has nothing for it",
            NoHop::Unanswered => "DNS does not answer",
        }
    }
}

impl fmt::Display for Destination {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Destination::Address(address) | Destination::Back { remote: address, .. } | Destination::Hop { address, .. } => address.fmt(f),
            Destination::Name { host, port: Some(port) } => write!(f, "{host}:{port}"),
            Destination::Name { host, port: None } | Destination::Domain { host, .. } => f.write_str(host),
        }
    }
}
