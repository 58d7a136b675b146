//! The listeners' sockets, one file a transport.

mod refusals;
pub(crate) mod stream;
pub(crate) mod tcp;
pub(crate) mod udp;
mod unreachable;

pub(crate) use unreachable::Undelivered;

use std::{io, net::SocketAddr, rc::Rc};
use stream::StreamLimits;
use tandem_model::{ListenerId, Transport};
use tcp::TcpTransport;
use udp::UdpTransport;

/// What became of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sent {
    /// The system has it, or its connection will write it.
    Now,
    /// It waits for the send buffer, for whoever holds the socket's flush.
    Waiting,
    /// Too many wait already.
    Lost,
    /// The system knows no way there.
    Unreachable,
}

/// One listener's sockets.
pub(crate) enum Wire {
    Udp(Rc<UdpTransport>),
    Tcp(Rc<TcpTransport>),
}

impl Wire {
    /// Opens the socket of listener `id`. Must be called inside a tokio runtime with I/O.
    ///
    /// # Errors
    /// The system's: address in use or not ours.
    pub(crate) fn bind(transport: Transport, id: ListenerId, address: SocketAddr) -> io::Result<Wire> {
        match transport {
            Transport::Udp => UdpTransport::bind(id, address).map(Rc::new).map(Wire::Udp),
            Transport::Tcp => TcpTransport::bind(id, address, StreamLimits::USUAL).map(Rc::new).map(Wire::Tcp),
            // No configuration asks for it yet.
            Transport::Tls => Err(io::ErrorKind::Unsupported.into()),
        }
    }

    /// Where it is bound; the port is the system's choice where 0 was asked for.
    pub(crate) fn local(&self) -> SocketAddr {
        match self {
            Wire::Udp(udp) => udp.local(),
            Wire::Tcp(tcp) => tcp.local(),
        }
    }

    /// Where an answer goes to a request that came from `remote`: back there for as long as that is a way, else to `port` of the same host.
    pub(crate) fn way_back(&self, remote: SocketAddr, port: u16) -> SocketAddr {
        match self {
            Wire::Tcp(tcp) if !tcp.is_connected(remote) => SocketAddr::new(remote.ip(), port),
            _ => remote,
        }
    }

    /// Which transport it is.
    pub(crate) fn transport(&self) -> Transport {
        match self {
            Wire::Udp(_) => Transport::Udp,
            Wire::Tcp(_) => Transport::Tcp,
        }
    }
}

#[cfg(test)]
pub(crate) fn test_runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap()
}
