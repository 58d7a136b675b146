//! The listeners' sockets, one file a transport.

mod census;
mod refusals;
pub(crate) mod stream;
pub(crate) mod tcp;
pub(crate) mod tls;
pub(crate) mod udp;
mod unreachable;

pub(crate) use unreachable::Undelivered;

use crate::{background::Background, tls::TlsSettings};
use std::{io, net::SocketAddr, rc::Rc};
use stream::StreamLimits;
use tandem_model::{ListenerId, Transport};
use tcp::TcpTransport;
use tls::{TlsLimits, TlsTransport};
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

/// What a listener of TLS needs.
pub(crate) struct Security {
    /// How it speaks; `None` where a listener does not speak TLS.
    pub(crate) settings: Option<TlsSettings>,
    /// Where handshakes are made.
    pub(crate) background: Background,
}

/// One listener's sockets.
pub(crate) enum Wire {
    Udp(Rc<UdpTransport>),
    Tcp(Rc<TcpTransport>),
    Tls(Rc<TlsTransport>),
}

/// With whom the connection must be that a message goes over. Only TLS can tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Whom<'a> {
    /// With whoever sent the request that this answers.
    Back,
    /// With the host that is known by its address.
    Address,
    /// With the host of that name.
    Name(&'a str),
}

impl Wire {
    /// Opens the socket of listener `id`. Must be called inside a tokio runtime with I/O.
    ///
    /// # Errors
    /// The system's: address in use or not ours.
    pub(crate) fn bind(
        transport: Transport,
        id: ListenerId,
        address: SocketAddr,
        connections: usize,
        security: Security,
    ) -> io::Result<Wire> {
        let limits = StreamLimits { connections, ..StreamLimits::USUAL };
        match transport {
            Transport::Udp => UdpTransport::bind(id, address).map(Rc::new).map(Wire::Udp),
            Transport::Tcp => TcpTransport::bind(id, address, limits).map(Rc::new).map(Wire::Tcp),
            Transport::Tls => {
                let settings = security.settings.ok_or_else(|| io::Error::other("no certificate"))?;
                let limits = TlsLimits { stream: limits, ..TlsLimits::USUAL };
                let transport = TlsTransport::bind(id, address, limits, settings, security.background)?;
                Ok(Wire::Tls(Rc::new(transport)))
            }
        }
    }

    /// Where it is bound; the port is the system's choice where 0 was asked for.
    pub(crate) fn local(&self) -> SocketAddr {
        match self {
            Wire::Udp(udp) => udp.local(),
            Wire::Tcp(tcp) => tcp.local(),
            Wire::Tls(tls) => tls.local(),
        }
    }

    /// Where an answer goes to a request that came from `remote`: back there for as long as that is a way, else to `port` of the same host.
    pub(crate) fn way_back(&self, remote: SocketAddr, port: u16) -> (SocketAddr, Whom<'static>) {
        if self.is_connected(remote) { (remote, Whom::Back) } else { (SocketAddr::new(remote.ip(), port), Whom::Address) }
    }

    /// Whether a message can go to `remote` without a connection being made.
    pub(crate) fn is_connected(&self, remote: SocketAddr) -> bool {
        match self {
            Wire::Udp(_) => true,
            Wire::Tcp(tcp) => tcp.is_connected(remote),
            Wire::Tls(tls) => tls.is_connected(remote),
        }
    }

    /// Which transport it is.
    pub(crate) fn transport(&self) -> Transport {
        match self {
            Wire::Udp(_) => Transport::Udp,
            Wire::Tcp(_) => Transport::Tcp,
            Wire::Tls(_) => Transport::Tls,
        }
    }
}

#[cfg(test)]
pub(crate) fn test_runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap()
}
