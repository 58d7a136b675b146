//! SIP over UDP: one socket a listener.
//!
//! The socket is registered for reading alone. A UDP socket reports that it can be written each time the system frees a
//! sent datagram, so asking for that would wake the thread once for everything that it sends.

use super::unreachable::{self, Undelivered};
use bytes::Bytes;
use socket2::{Domain, Protocol, Socket, Type};
use std::{
    cell::RefCell,
    collections::VecDeque,
    io::{self, ErrorKind},
    net::{SocketAddr, UdpSocket},
    time::Duration,
};
use tandem_model::ListenerId;
use tokio::io::{Interest, unix::AsyncFd};

/// Datagrams read at one wake-up before other tasks get their turn.
pub(crate) const RECEIVE_BATCH: usize = 32;

/// Datagrams that wait for a full send buffer; beyond it they are lost, as UDP may lose them anywhere.
pub(crate) const MAX_UNSENT: usize = 512;

/// The largest datagram that UDP can carry.
const MAX_DATAGRAM: usize = 65_535;

/// What is asked of the system for each socket's buffers; it may grant less.
const SOCKET_BUFFER_BYTES: usize = 8 << 20;

/// How long a full send buffer is left alone.
const RETRY_AFTER: Duration = Duration::from_millis(2);

/// One listener's socket.
pub(crate) struct UdpTransport {
    id: ListenerId,
    local: SocketAddr,
    socket: AsyncFd<UdpSocket>,
    unsent: RefCell<VecDeque<(SocketAddr, Bytes)>>,
}

/// What became of a datagram.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sent {
    /// The system has it.
    Now,
    /// It waits for the send buffer; [`UdpTransport::send_waiting`] must be called until nothing waits.
    Waiting,
    /// Too many wait already.
    Lost,
    /// The system knows no way there.
    Unreachable,
}

/// What the socket had for us.
pub(crate) enum Received<'a> {
    /// A datagram; the slice is reused for the next.
    Datagram(&'a [u8], SocketAddr),
    /// What we sent did not arrive, by word of the network.
    Undelivered(Undelivered),
}

impl UdpTransport {
    /// Opens the socket of listener `id`. Must be called inside a tokio runtime with I/O.
    ///
    /// # Errors
    /// The system's: address in use or not ours.
    pub(crate) fn bind(id: ListenerId, address: SocketAddr) -> io::Result<Self> {
        let socket = Socket::new(Domain::for_address(address), Type::DGRAM, Some(Protocol::UDP))?;
        if address.is_ipv6() {
            socket.set_only_v6(true)?;
        }
        // The system caps these silently or refuses them; either way the defaults serve, with less room for bursts.
        let _ = socket.set_recv_buffer_size(SOCKET_BUFFER_BYTES);
        let _ = socket.set_send_buffer_size(SOCKET_BUFFER_BYTES);
        unreachable::report_on(&socket, address.is_ipv6())?;
        socket.set_nonblocking(true)?;
        socket.bind(&address.into())?;
        let socket = UdpSocket::from(socket);
        let local = socket.local_addr()?;
        let socket = register(socket)?;
        Ok(UdpTransport { id, local, socket, unsent: RefCell::default() })
    }

    /// The listener it serves.
    pub(crate) fn id(&self) -> ListenerId {
        self.id
    }

    /// Where it is bound; the port is the system's choice where 0 was asked for.
    pub(crate) fn local(&self) -> SocketAddr {
        self.local
    }

    /// Waits for input and hands over what is there, [`RECEIVE_BATCH`] at most. Call it again and again, with a
    /// buffer of [`receive_buffer`].
    ///
    /// # Errors
    /// The system's, when the socket can no longer be waited for.
    pub(crate) async fn receive(&self, buffer: &mut [u8], mut take: impl FnMut(Received<'_>)) -> io::Result<()> {
        let mut ready = self.socket.ready(Interest::READABLE | Interest::ERROR).await?;
        if ready.ready().is_error() {
            unreachable::drain(self.socket.get_ref(), |undelivered| take(Received::Undelivered(undelivered)));
            ready.clear_ready_matching(tokio::io::Ready::ERROR);
        }
        for _ in 0..RECEIVE_BATCH {
            match self.socket.get_ref().recv_from(buffer) {
                Ok((length, source)) => take(Received::Datagram(&buffer[..length], source)),
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    ready.clear_ready();
                    return Ok(());
                }
                // The echo of an earlier send's failure, which the error queue tells in full.
                Err(_) => {}
            }
        }
        tokio::task::yield_now().await;
        Ok(())
    }

    /// Sends, or keeps for later, or loses.
    pub(crate) fn send(&self, destination: SocketAddr, datagram: &Bytes) -> Sent {
        if !self.unsent.borrow().is_empty() {
            return self.keep(destination, datagram);
        }
        match self.try_send(destination, datagram) {
            Ok(()) => Sent::Now,
            Err(error) if error.kind() == ErrorKind::WouldBlock => self.keep(destination, datagram),
            Err(_) => Sent::Unreachable,
        }
    }

    /// Sends what waits as the socket takes it; returns once nothing waits.
    pub(crate) async fn send_waiting(&self) {
        while self.has_waiting_after_sending() {
            tokio::time::sleep(RETRY_AFTER).await;
        }
    }

    fn has_waiting_after_sending(&self) -> bool {
        let mut unsent = self.unsent.borrow_mut();
        while let Some((destination, datagram)) = unsent.front() {
            match self.try_send(*destination, datagram) {
                Err(error) if error.kind() == ErrorKind::WouldBlock => return true,
                // Sent, or not sendable at all: its transaction will time out.
                _ => drop(unsent.pop_front()),
            }
        }
        false
    }

    fn keep(&self, destination: SocketAddr, datagram: &Bytes) -> Sent {
        let mut unsent = self.unsent.borrow_mut();
        if unsent.len() >= MAX_UNSENT {
            return Sent::Lost;
        }
        unsent.push_back((destination, datagram.clone()));
        Sent::Waiting
    }

    fn try_send(&self, destination: SocketAddr, datagram: &[u8]) -> io::Result<()> {
        let send = || self.socket.get_ref().send_to(datagram, destination).map(drop);
        send().or_else(|error| {
            // The system reports an earlier datagram's failure at the next call, which it then does not carry out.
            if unreachable::is_echo(&error) { send() } else { Err(error) }
        })
    }
}

/// For reading alone: see above.
#[expect(deprecated, reason = "its successor is unsafe for types that could change their descriptor; UdpSocket owns one for life")]
fn register(socket: UdpSocket) -> io::Result<AsyncFd<UdpSocket>> {
    AsyncFd::with_interest(socket, Interest::READABLE)
}

/// A buffer for [`UdpTransport::receive`].
pub(crate) fn receive_buffer() -> Box<[u8]> {
    vec![0; MAX_DATAGRAM].into_boxed_slice()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transport::test_runtime;

    async fn next(transport: &UdpTransport) -> (Vec<u8>, SocketAddr) {
        let mut buffer = receive_buffer();
        let mut got = None;
        while got.is_none() {
            let take = |received: Received<'_>| {
                if let Received::Datagram(bytes, source) = received {
                    got = Some((bytes.to_vec(), source));
                }
            };
            transport.receive(&mut buffer, take).await.unwrap();
        }
        got.unwrap()
    }

    fn crossing(address: &str) {
        test_runtime().block_on(async {
            let a = UdpTransport::bind(ListenerId(0), address.parse().unwrap()).unwrap();
            let b = UdpTransport::bind(ListenerId(1), address.parse().unwrap()).unwrap();
            let large = Bytes::from(vec![7; 60_000]);
            assert_eq!(a.send(b.local(), &large), Sent::Now);
            assert_eq!(next(&b).await, (large.to_vec(), a.local()));
            assert_eq!(b.send(a.local(), &Bytes::from_static(b"answer")), Sent::Now);
            assert_eq!(next(&a).await, (b"answer".to_vec(), b.local()));
        });
    }

    #[test]
    fn datagrams_cross_over_ipv4() {
        crossing("127.0.0.1:0");
    }

    #[test]
    fn datagrams_cross_over_ipv6() {
        crossing("[::1]:0");
    }

    #[test]
    fn a_closed_port_is_told_with_its_address_and_what_was_sent() {
        test_runtime().block_on(async {
            let a = UdpTransport::bind(ListenerId(0), "127.0.0.1:0".parse().unwrap()).unwrap();
            let gone = UdpSocket::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
            assert_eq!(a.send(gone, &Bytes::from_static(b"OPTIONS of ours")), Sent::Now);
            let (mut buffer, mut told) = (receive_buffer(), None);
            while told.is_none() {
                let take = |received: Received<'_>| {
                    if let Received::Undelivered(undelivered) = received {
                        told = Some(undelivered);
                    }
                };
                a.receive(&mut buffer, take).await.unwrap();
            }
            let told = told.unwrap();
            assert_eq!((told.destination, &told.datagram[..]), (gone, &b"OPTIONS of ours"[..]));
        });
    }

    #[test]
    fn the_failure_of_one_datagram_does_not_cost_the_next_one() {
        test_runtime().block_on(async {
            let a = UdpTransport::bind(ListenerId(0), "127.0.0.1:0".parse().unwrap()).unwrap();
            let b = UdpTransport::bind(ListenerId(1), "127.0.0.1:0".parse().unwrap()).unwrap();
            let gone = UdpSocket::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
            for _ in 0..3 {
                a.send(gone, &Bytes::from_static(b"lost"));
                assert_eq!(a.send(b.local(), &Bytes::from_static(b"kept")), Sent::Now);
                assert_eq!(next(&b).await.0, b"kept");
            }
        });
    }

    #[test]
    fn what_waits_is_bounded() {
        test_runtime().block_on(async {
            let a = UdpTransport::bind(ListenerId(0), "127.0.0.1:0".parse().unwrap()).unwrap();
            let datagram = Bytes::from_static(b"x");
            let kept = (0..MAX_UNSENT + 5).filter(|_| a.keep(a.local(), &datagram) == Sent::Waiting).count();
            assert_eq!((kept, a.keep(a.local(), &datagram)), (MAX_UNSENT, Sent::Lost));
            a.send_waiting().await;
            assert!(a.unsent.borrow().is_empty());
        });
    }
}
