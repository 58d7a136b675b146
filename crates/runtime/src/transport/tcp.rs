//! SIP over TCP: the connections of one listener, those that came and those that we made (RFC 3261 §18).
//!
//! A connection is known by the other end's address. What is sent there goes over it for as long as it is open (RFC 5923 §4 for
//! those that we made; §18.2.2 for answers); where there is none, one is made. Each has a task of its own that reads, writes and
//! watches its limits, and tells the [`StreamUser`] when it is over.

use super::Sent;
use bytes::Bytes;
use socket2::{Domain, Protocol, Socket, Type};
use std::{
    cell::{Cell, RefCell},
    collections::{HashMap, VecDeque, hash_map::Entry},
    future::{Future, poll_fn},
    io,
    net::SocketAddr,
    pin::pin,
    rc::Rc,
    task::Poll,
    time::Duration,
};
use tandem_model::{Flow, ListenerId, Transport};
use tandem_signalling::message::{Frame, FrameError, Framer};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpSocket, TcpStream, tcp::OwnedReadHalf, tcp::OwnedWriteHalf},
    sync::Notify,
    time::{Instant, timeout, timeout_at},
};

/// What a listener's connections may take.
#[derive(Clone, Copy, Debug)]
pub(crate) struct StreamLimits {
    /// Connections of the listener, those being made included.
    pub(crate) connections: usize,
    /// Those that came from one address.
    pub(crate) of_one_address: usize,
    /// How long the other end may take to accept a connection; then the message goes another way (§18.1.1).
    pub(crate) connect: Duration,
    /// How long a connection that came may stay before its first message.
    pub(crate) first_message: Duration,
    /// How long a message may take from its first byte to its last.
    pub(crate) message: Duration,
    /// How long a connection may be silent both ways.
    pub(crate) idle: Duration,
    /// How long the other end may leave unread what we have written.
    pub(crate) unread: Duration,
    /// Bytes that may wait to be written to one connection.
    pub(crate) unwritten: usize,
}

impl StreamLimits {
    pub(crate) const USUAL: StreamLimits = StreamLimits {
        connections: 4_096,
        of_one_address: 256,
        connect: Duration::from_secs(1),
        first_message: Duration::from_secs(10),
        message: Duration::from_secs(10),
        // Longer than any transaction, and than the keep-alives of RFC 5626 (at most two minutes apart over TCP, §4.4.1).
        idle: Duration::from_secs(300),
        unread: Duration::from_secs(10),
        unwritten: 1 << 20,
    };
}

/// Connections that the system may hold before we take them.
const BACKLOG: u32 = 1_024;

/// Bytes read at once.
const READ_BYTES: usize = 16 << 10;

/// How long no connection is taken after the system refused one: it is short of descriptors or memory.
const AFTER_FAILURE: Duration = Duration::from_millis(100);

/// What answers a keep-alive (RFC 5626 §4.4.1).
const PONG: Bytes = Bytes::from_static(b"\r\n");

/// Who works on what comes over streams.
pub(crate) trait StreamUser {
    /// One whole message.
    fn on_message(self: &Rc<Self>, flow: Flow, message: Bytes);

    /// A message whose end cannot be told: the connection is closed after what this answers.
    fn on_broken(self: &Rc<Self>, flow: Flow, error: &FrameError) -> Option<Bytes>;

    /// A connection is over, or could not be made: what was sent over it and not answered never will be.
    fn on_over(self: &Rc<Self>, listener: ListenerId, remote: SocketAddr, end: &End);
}

/// Why a connection is over.
#[derive(Debug, thiserror::Error)]
pub(crate) enum End {
    /// The other end closed it.
    #[error("closed by the other end")]
    Closed,
    /// The system says that it is broken.
    #[error("{0}")]
    Failed(io::Error),
    /// Nobody accepted it.
    #[error("not accepted")]
    NotMade,
    /// One of the limits above ran out.
    #[error("{0}")]
    Limit(&'static str),
    /// What it brought is no SIP.
    #[error("{0}")]
    Broken(FrameError),
}

/// One listener.
pub(crate) struct TcpTransport {
    id: ListenerId,
    limits: StreamLimits,
    local: SocketAddr,
    listener: TcpListener,
    connections: RefCell<HashMap<SocketAddr, Rc<Connection>>>,
}

/// What others may do with a connection.
struct Connection {
    limits: StreamLimits,
    unwritten: RefCell<VecDeque<Bytes>>,
    waiting: Cell<usize>,
    more: Notify,
}

impl TcpTransport {
    /// Listens. Must be called inside a tokio runtime with I/O.
    ///
    /// # Errors
    /// The system's: address in use or not ours.
    pub(crate) fn bind(id: ListenerId, address: SocketAddr, limits: StreamLimits) -> io::Result<Self> {
        let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
        if address.is_ipv6() {
            socket.set_only_v6(true)?;
        }
        // A node that starts again must not wait for the connections of the one before.
        socket.set_reuse_address(true)?;
        socket.set_nonblocking(true)?;
        socket.bind(&address.into())?;
        socket.listen(i32::try_from(BACKLOG).unwrap_or(i32::MAX))?;
        let listener = TcpListener::from_std(socket.into())?;
        let local = listener.local_addr()?;
        Ok(TcpTransport { id, limits, local, listener, connections: RefCell::default() })
    }

    /// Where it listens; the port is the system's choice where 0 was asked for.
    pub(crate) fn local(&self) -> SocketAddr {
        self.local
    }

    /// Whether there is a connection with `remote`, or one being made.
    pub(crate) fn is_connected(&self, remote: SocketAddr) -> bool {
        self.connections.borrow().contains_key(&remote)
    }

    /// Takes connections for as long as the node lives.
    pub(crate) async fn accept<U: StreamUser + 'static>(self: Rc<Self>, user: Rc<U>) {
        loop {
            match self.listener.accept().await {
                Ok((stream, remote)) => self.admit(stream, remote, &user),
                Err(error) => {
                    tracing::warn!(listener = self.id.0, %error, "cannot take a connection");
                    tokio::time::sleep(AFTER_FAILURE).await;
                }
            }
        }
    }

    fn admit<U: StreamUser + 'static>(self: &Rc<Self>, stream: TcpStream, remote: SocketAddr, user: &Rc<U>) {
        let of_one_address = self.connections.borrow().keys().filter(|known| known.ip() == remote.ip()).count();
        if of_one_address >= self.limits.of_one_address {
            tracing::debug!(%remote, "a connection was refused: its address has as many as it may");
            return;
        }
        let Some(connection) = self.enter(remote) else {
            tracing::debug!(%remote, "a connection was refused: there are as many as may be");
            return;
        };
        let (transport, user) = (self.clone(), user.clone());
        tokio::task::spawn_local(async move {
            let end = connection.carry(stream, Some(Instant::now() + transport.limits.first_message), transport.flow(remote), &user).await;
            transport.leave(remote, &end, &user);
        });
    }

    /// Sends over the connection with `remote`; makes one where there is none.
    pub(crate) fn send<U: StreamUser + 'static>(self: &Rc<Self>, remote: SocketAddr, message: &Bytes, user: &Rc<U>) -> Sent {
        let known = self.connections.borrow().get(&remote).cloned();
        if let Some(connection) = known {
            return connection.push(message);
        }
        let Some(connection) = self.enter(remote) else {
            tracing::warn!(%remote, "no connection was made: there are as many as may be");
            return Sent::Unreachable;
        };
        let queued = connection.push(message);
        let (transport, user) = (self.clone(), user.clone());
        tokio::task::spawn_local(async move {
            let end = match timeout(transport.limits.connect, transport.connect(remote)).await {
                Ok(Ok(stream)) => connection.carry(stream, None, transport.flow(remote), &user).await,
                Ok(Err(error)) => End::Failed(error),
                Err(_) => End::NotMade,
            };
            transport.leave(remote, &end, &user);
        });
        queued
    }

    /// From the listener's own address: a peer knows us by it.
    async fn connect(&self, remote: SocketAddr) -> io::Result<TcpStream> {
        let socket = if remote.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
        if !self.local.ip().is_unspecified() {
            socket.bind(SocketAddr::new(self.local.ip(), 0))?;
        }
        socket.connect(remote).await
    }

    fn enter(&self, remote: SocketAddr) -> Option<Rc<Connection>> {
        let mut connections = self.connections.borrow_mut();
        if connections.len() >= self.limits.connections {
            return None;
        }
        match connections.entry(remote) {
            // The system gives an address anew only once the old connection is gone on both sides, whatever we know of it.
            Entry::Occupied(_) => None,
            Entry::Vacant(vacant) => Some(vacant.insert(Rc::new(Connection::new(self.limits))).clone()),
        }
    }

    fn flow(&self, remote: SocketAddr) -> Flow {
        Flow { listener: self.id, transport: Transport::Tcp, remote }
    }

    fn leave<U: StreamUser>(&self, remote: SocketAddr, end: &End, user: &Rc<U>) {
        self.connections.borrow_mut().remove(&remote);
        tracing::debug!(listener = self.id.0, %remote, reason = %end, "a connection is over");
        user.on_over(self.id, remote, end);
    }
}

impl Connection {
    fn new(limits: StreamLimits) -> Connection {
        Connection { limits, unwritten: RefCell::default(), waiting: Cell::new(0), more: Notify::new() }
    }

    fn push(&self, message: &Bytes) -> Sent {
        let waiting = self.waiting.get() + message.len();
        // Nobody would repeat it (RFC 3261 §17): what is lost here has failed.
        if waiting > self.limits.unwritten {
            return Sent::Unreachable;
        }
        self.waiting.set(waiting);
        self.unwritten.borrow_mut().push_back(message.clone());
        self.more.notify_one();
        Sent::Now
    }

    /// Reads and writes until one of the two is over.
    async fn carry<U: StreamUser>(&self, stream: TcpStream, first_message: Option<Instant>, flow: Flow, user: &Rc<U>) -> End {
        // A message is written at once and whole: to wait for more of it to fill a segment only delays it.
        if let Err(error) = stream.set_nodelay(true) {
            return End::Failed(error);
        }
        let (read, mut write) = stream.into_split();
        let written = Cell::new(Instant::now());
        let end = first_of(self.read(read, first_message, &written, flow, user), self.write(&mut write, &written)).await;
        if let End::Broken(_) = end {
            // The answer to what was broken.
            let _ = timeout(self.limits.unread, self.write_all(&mut write, &written)).await;
        }
        end
    }

    async fn read<U: StreamUser>(
        &self,
        mut stream: OwnedReadHalf,
        mut first_message: Option<Instant>,
        written: &Cell<Instant>,
        flow: Flow,
        user: &Rc<U>,
    ) -> End {
        let mut framer = Framer::new();
        let mut buffer = vec![0; READ_BYTES];
        let mut begun: Option<Instant> = None;
        let mut heard = Instant::now();
        loop {
            let idle = heard.max(written.get()) + self.limits.idle;
            let slow = begun.map(|begun| begun + self.limits.message);
            let until = [Some(idle), slow, first_message].into_iter().flatten().min().unwrap_or(idle);
            let length = match timeout_at(until, stream.read(&mut buffer)).await {
                Ok(Ok(0)) => return End::Closed,
                Ok(Ok(length)) => length,
                Ok(Err(error)) => return End::Failed(error),
                Err(_) if slow == Some(until) => return End::Limit("a message took too long"),
                Err(_) if first_message == Some(until) => return End::Limit("nothing came"),
                // Something was written meanwhile: it was not idle.
                Err(_) if heard.max(written.get()) + self.limits.idle > Instant::now() => continue,
                Err(_) => return End::Limit("idle"),
            };
            heard = Instant::now();
            framer.push(&buffer[..length]);
            while let Some(frame) = framer.poll_frame() {
                match frame {
                    Ok(Frame::Message(message)) => {
                        (begun, first_message) = (None, None);
                        user.on_message(flow, message);
                    }
                    Ok(Frame::KeepAlive) => {
                        self.push(&PONG);
                    }
                    Err(error) => {
                        if let Some(answer) = user.on_broken(flow, &error) {
                            self.push(&answer);
                        }
                        return End::Broken(error);
                    }
                }
            }
            begun = framer.is_amid_message().then(|| begun.unwrap_or(heard));
        }
    }

    async fn write(&self, stream: &mut OwnedWriteHalf, written: &Cell<Instant>) -> End {
        loop {
            if let Err(end) = self.write_all(stream, written).await {
                return end;
            }
            self.more.notified().await;
        }
    }

    /// Writes until nothing waits.
    async fn write_all(&self, stream: &mut OwnedWriteHalf, written: &Cell<Instant>) -> Result<(), End> {
        loop {
            let Some(message) = self.unwritten.borrow_mut().pop_front() else { return Ok(()) };
            self.waiting.set(self.waiting.get() - message.len());
            match timeout(self.limits.unread, stream.write_all(&message)).await {
                Ok(Ok(())) => written.set(Instant::now()),
                Ok(Err(error)) => return Err(End::Failed(error)),
                Err(_) => return Err(End::Limit("the other end does not read")),
            }
        }
    }
}

/// What the first of two to end ends with.
async fn first_of<T>(one: impl Future<Output = T>, other: impl Future<Output = T>) -> T {
    let (mut one, mut other) = (pin!(one), pin!(other));
    poll_fn(|context| match one.as_mut().poll(context) {
        Poll::Pending => other.as_mut().poll(context),
        ready => ready,
    })
    .await
}

#[cfg(test)]
mod tests;
