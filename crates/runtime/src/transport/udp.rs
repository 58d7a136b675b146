//! SIP over UDP: one socket a listener.
//!
//! The socket is registered for reading alone. A UDP socket reports that it can be written each time the system frees a
//! sent datagram, so asking for that would wake the thread once for everything that it sends.

use super::{
    Sent,
    unreachable::{self, Undelivered, socket_address},
};
use bytes::Bytes;
use nix::{
    errno::Errno,
    sys::socket::{MsgFlags, MultiHeaders, SockaddrStorage, recvmmsg},
};
use socket2::{Domain, Protocol, Socket, Type};
use std::{
    array,
    cell::{Cell, RefCell},
    collections::VecDeque,
    io::{self, ErrorKind, IoSliceMut},
    net::{SocketAddr, UdpSocket},
    os::fd::AsRawFd,
    rc::Rc,
    time::Duration,
};
use tandem_model::ListenerId;
use tokio::io::{Interest, unix::AsyncFd};

/// Datagrams read by one system call, after which other tasks get their turn.
pub(crate) const RECEIVE_BATCH: usize = 16;

/// Datagrams that wait for a full send buffer; beyond it they are lost, as UDP may lose them anywhere.
pub(crate) const MAX_UNSENT: usize = 512;

/// The largest datagram that UDP can carry, and one byte more, so that each place begins on a page.
const MAX_DATAGRAM: usize = 65_536;

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
    /// There is a [`Flush`].
    flushing: Cell<bool>,
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
        Ok(UdpTransport { id, local, socket, unsent: RefCell::default(), flushing: Cell::new(false) })
    }

    /// The listener it serves.
    pub(crate) fn id(&self) -> ListenerId {
        self.id
    }

    /// Where it is bound; the port is the system's choice where 0 was asked for.
    pub(crate) fn local(&self) -> SocketAddr {
        self.local
    }

    /// Waits for input and hands over what is there, [`RECEIVE_BATCH`] at most. Call it again and again.
    ///
    /// # Errors
    /// The system's, when the socket can no longer be waited for.
    pub(crate) async fn receive(&self, places: &mut Places, mut take: impl FnMut(Received<'_>)) -> io::Result<()> {
        let mut ready = self.socket.ready(Interest::READABLE | Interest::ERROR).await?;
        if ready.ready().is_error() {
            unreachable::drain(self.socket.get_ref(), |undelivered| take(Received::Undelivered(undelivered)));
            ready.clear_ready_matching(tokio::io::Ready::ERROR);
        }
        match places.fill(self.socket.get_ref(), |bytes, source| take(Received::Datagram(bytes, source))) {
            // Fewer than asked for: the system looked for one more and found none. Whatever comes after that look, an error included,
            // is an event of its own, and it waits in the system's queue until this task waits again.
            Ok(received) if received < RECEIVE_BATCH => ready.clear_ready(),
            Err(Errno::EAGAIN) => ready.clear_ready(),
            // There may be more. An error is the echo of an earlier send's failure, which the error queue tells in full.
            Ok(_) | Err(_) => tokio::task::yield_now().await,
        }
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

    /// For whoever is to send what waits; `None` while somebody else is.
    pub(crate) fn flush(self: &Rc<Self>) -> Option<Flush> {
        (!self.flushing.replace(true)).then(|| Flush(self.clone()))
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

/// Sends what waits for one socket. There is one of it a socket at a time.
pub(crate) struct Flush(Rc<UdpTransport>);

impl Flush {
    /// Sends what waits as the socket takes it; returns once nothing waits.
    pub(crate) async fn run(self) {
        while self.0.has_waiting_after_sending() {
            tokio::time::sleep(RETRY_AFTER).await;
        }
    }
}

/// However it ends, the next one may begin.
impl Drop for Flush {
    fn drop(&mut self) {
        self.0.flushing.set(false);
    }
}

/// For reading alone: see above.
#[expect(deprecated, reason = "its successor is unsafe for types that could change their descriptor; UdpSocket owns one for life")]
fn register(socket: UdpSocket) -> io::Result<AsyncFd<UdpSocket>> {
    AsyncFd::with_interest(socket, Interest::READABLE)
}

/// Room for the datagrams of one system call.
pub(crate) struct Places {
    headers: MultiHeaders<SockaddrStorage>,
    bytes: Box<[u8]>,
}

impl Places {
    /// All empty. Memory is taken for as many as are ever filled at once.
    pub(crate) fn new() -> Self {
        Places { headers: MultiHeaders::preallocate(RECEIVE_BATCH, None), bytes: vec![0; RECEIVE_BATCH * MAX_DATAGRAM].into_boxed_slice() }
    }

    /// Takes what a socket has, and says how many datagrams that was.
    fn fill(&mut self, socket: &UdpSocket, mut take: impl FnMut(&[u8], SocketAddr)) -> nix::Result<usize> {
        let mut chunks = self.bytes.chunks_exact_mut(MAX_DATAGRAM);
        let mut parts: [_; RECEIVE_BATCH] = array::from_fn(|_| [IoSliceMut::new(chunks.next().unwrap_or_default())]);
        let datagrams = recvmmsg(socket.as_raw_fd(), &mut self.headers, &mut parts, MsgFlags::MSG_DONTWAIT, None)?;
        let mut received = 0;
        for datagram in datagrams {
            received += 1;
            if let Some(source) = datagram.address.as_ref().and_then(socket_address) {
                take(datagram.iovs().next().unwrap_or_default(), source);
            }
        }
        Ok(received)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transport::test_runtime;

    async fn next(transport: &UdpTransport) -> (Vec<u8>, SocketAddr) {
        let mut places = Places::new();
        let mut got = None;
        while got.is_none() {
            let take = |received: Received<'_>| {
                if let Received::Datagram(bytes, source) = received {
                    got = Some((bytes.to_vec(), source));
                }
            };
            transport.receive(&mut places, take).await.unwrap();
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
    fn everything_arrives_in_order_in_bursts_of_any_length() {
        test_runtime().block_on(async {
            let a = UdpTransport::bind(ListenerId(0), "127.0.0.1:0".parse().unwrap()).unwrap();
            let b = UdpTransport::bind(ListenerId(1), "127.0.0.1:0".parse().unwrap()).unwrap();
            let mut places = Places::new();
            for burst in (1..=RECEIVE_BATCH + 1).chain([2 * RECEIVE_BATCH, 3 * RECEIVE_BATCH + 1]) {
                let sent: Vec<_> = (0..burst).map(|number| Bytes::from(vec![number as u8; number * 30])).collect();
                assert!(sent.iter().all(|datagram| a.send(b.local(), datagram) == Sent::Now));
                let mut got: Vec<Vec<u8>> = Vec::new();
                while got.len() < burst {
                    let take = |received: Received<'_>| {
                        if let Received::Datagram(bytes, _) = received {
                            got.push(bytes.to_vec());
                        }
                    };
                    b.receive(&mut places, take).await.unwrap();
                }
                assert_eq!(got, sent);
            }
        });
    }

    #[test]
    fn a_closed_port_is_told_with_its_address_and_what_was_sent() {
        test_runtime().block_on(async {
            let a = UdpTransport::bind(ListenerId(0), "127.0.0.1:0".parse().unwrap()).unwrap();
            let gone = UdpSocket::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
            assert_eq!(a.send(gone, &Bytes::from_static(b"OPTIONS of ours")), Sent::Now);
            let (mut places, mut told) = (Places::new(), None);
            while told.is_none() {
                let take = |received: Received<'_>| {
                    if let Received::Undelivered(undelivered) = received {
                        told = Some(undelivered);
                    }
                };
                a.receive(&mut places, take).await.unwrap();
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
            let a = Rc::new(UdpTransport::bind(ListenerId(0), "127.0.0.1:0".parse().unwrap()).unwrap());
            let datagram = Bytes::from_static(b"x");
            let kept = (0..MAX_UNSENT + 5).filter(|_| a.keep(a.local(), &datagram) == Sent::Waiting).count();
            assert_eq!((kept, a.keep(a.local(), &datagram)), (MAX_UNSENT, Sent::Lost));
            a.flush().unwrap().run().await;
            assert!(a.unsent.borrow().is_empty());
        });
    }

    #[test]
    fn each_socket_has_what_waits_for_it_sent() {
        test_runtime().block_on(async {
            let bind = |id| Rc::new(UdpTransport::bind(ListenerId(id), "127.0.0.1:0".parse().unwrap()).unwrap());
            let (a, b) = (bind(0), bind(1));
            b.keep(a.local(), &Bytes::from_static(b"kept"));
            let of_a = a.flush().unwrap();
            assert!(a.flush().is_none(), "a's is under way");
            b.flush().unwrap().run().await;
            assert_eq!(next(&a).await, (b"kept".to_vec(), b.local()));
            // Given up half way, it is no reason for another not to begin.
            drop(of_a);
            assert!(a.flush().is_some());
        });
    }
}
