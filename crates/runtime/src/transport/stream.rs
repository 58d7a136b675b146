//! What TCP and TLS share: how a connection is carried, from its first byte to its last, and what it may take.
//!
//! Each connection has a task of its own that reads, writes and watches its limits, and tells the [`StreamUser`] when it is over.

use super::{
    Sent,
    census::{Most, Seat},
};
use crate::tls::Host;
use bytes::Bytes;
use socket2::{Domain, Protocol, Socket, Type};
use std::{
    cell::{Cell, RefCell},
    collections::VecDeque,
    future::{Future, poll_fn},
    io,
    net::SocketAddr,
    pin::pin,
    rc::Rc,
    task::Poll,
    time::Duration,
};
use tandem_model::{Delivery, Flow, ListenerId};
use tandem_policy::{Offence, Standing};
use tandem_signalling::message::{Frame, FrameError, Framer};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::{TcpListener, TcpSocket, TcpStream},
    sync::Notify,
    task::yield_now,
    time::{Instant, timeout, timeout_at},
};

/// What a listener's connections may take.
#[derive(Clone, Copy, Debug)]
pub(crate) struct StreamLimits {
    /// Connections of the listener, those being made included.
    pub(crate) connections: usize,
    /// Those that came from one address.
    pub(crate) of_one_address: usize,
    /// Those of them that are nobody's: from no trunk's address, and without a message that was anybody's.
    pub(crate) of_one_stranger: usize,
    /// How long the other end may take to accept a connection; then the message goes another way (§18.1.1).
    pub(crate) connect: Duration,
    /// One that lasted less is held against no stranger: somebody has looked whether the port is open.
    pub(crate) glance: Duration,
    /// With more at once from one address nobody has only looked.
    pub(crate) glances: usize,
    /// How long a connection that came may stay before its first message.
    pub(crate) first_message: Duration,
    /// How long it may stay before a message that is somebody's.
    pub(crate) somebody: Duration,
    /// How long a message may take from its first byte to its last.
    pub(crate) message: Duration,
    /// How long a connection may be silent both ways.
    pub(crate) idle: Duration,
    /// How long the other end may leave unread what we have written.
    pub(crate) unread: Duration,
    /// Bytes that may wait to be written to one connection.
    pub(crate) unwritten: usize,
    /// With more than this waiting nothing more is read: who does not take answers gets no more of them made.
    pub(crate) unanswered: usize,
}

impl StreamLimits {
    pub(crate) const USUAL: StreamLimits = StreamLimits {
        connections: 4_096,
        of_one_address: 256,
        of_one_stranger: 64,
        connect: Duration::from_secs(1),
        glance: Duration::from_secs(1),
        glances: 4,
        first_message: Duration::from_secs(10),
        // As long as the transaction of a first request may take (RFC 3261 §17.1.1.2), a password asked for included.
        somebody: Duration::from_secs(32),
        message: Duration::from_secs(10),
        // Longer than any transaction, and than the keep-alives of RFC 5626 (at most two minutes apart over TCP, §4.4.1).
        idle: Duration::from_secs(300),
        unread: Duration::from_secs(10),
        unwritten: 1 << 20,
        unanswered: 64 << 10,
    };

    /// Connections that may be there when one more comes: some places are for those that we make, and some for those whom we know.
    pub(super) fn for_those_that_come(&self) -> Most {
        Most {
            all: self.connections - self.connections / OURS,
            strangers: self.connections / STRANGERS,
            of_one: self.of_one_address,
            of_one_stranger: self.of_one_stranger,
        }
    }

    /// The same for one that we make.
    pub(super) fn for_ours(&self) -> Most {
        Most { all: self.connections, strangers: 0, of_one: usize::MAX, of_one_stranger: 0 }
    }
}

/// One place in so many is kept for connections that we make: nobody can keep calls from going out.
const OURS: usize = 8;

/// One place in so many is for whoever comes: strangers cannot keep out those whom we know.
const STRANGERS: usize = 2;

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
    /// One whole message. `names` are those that the other end has proved by its certificate.
    fn on_message(self: &Rc<Self>, flow: Flow, names: &[Box<str>], message: Bytes);

    /// A message whose end cannot be told: the connection is closed after what this answers.
    fn on_broken(self: &Rc<Self>, flow: Flow, names: &[Box<str>], error: &FrameError) -> Option<Bytes>;

    /// Whether a keep-alive of the other end is answered: one of a stranger to a silent listener is not.
    fn answers_keep_alives(&self, flow: &Flow, names: &[Box<str>]) -> bool;

    /// Whether somebody is reached over the connection with that other end for whom no other is made: it may be silent for longer than
    /// others.
    fn is_needed(&self, flow: &Flow) -> bool;

    /// Who is at the other end, as far as that can be told by now.
    fn standing(&self, remote: SocketAddr) -> Standing;

    /// A stranger who is there has done that over a connection.
    fn on_offence_there(&self, remote: SocketAddr, offence: Offence);

    /// A connection is over, or could not be made: what was sent over it and not answered never will be. `hosts` are those that
    /// it was for, where these are told apart.
    fn on_over(self: &Rc<Self>, listener: ListenerId, remote: SocketAddr, hosts: Option<&[Host]>, end: &End);
}

/// What belongs to all that comes over one connection.
#[derive(Clone, Copy, Debug)]
pub(super) struct Whence<'a> {
    pub(super) flow: Flow,
    /// What the other end has proved by its certificate.
    pub(super) names: &'a [Box<str>],
    /// Of one that came: its place, and since when it has it.
    pub(super) came: Option<(&'a Seat, Instant)>,
}

/// Why connections are cut that only strangers make, in words.
const NOTHING_CAME: &str = "nothing came";
const TOO_SLOW: &str = "a message took too long";
const NOBODY: &str = "nothing came that is anybody's";
/// Why a handshake came to nothing, where the other end has said nothing wrong.
pub(super) const CLOSED_EARLY: &str = "it closed the connection during the handshake";
const BANNED: &str = "its address is banned";

/// Why a connection is over.
#[derive(Debug, thiserror::Error)]
pub(crate) enum End {
    /// The other end closed it.
    #[error("closed by the other end")]
    Closed,
    /// The system says that it is broken.
    #[error("{0}")]
    Failed(io::Error),
    /// Nobody accepted it in time.
    #[error("not accepted")]
    NotMade,
    /// It was refused, or there is no way there.
    #[error("not made: {0}")]
    Refused(io::Error),
    /// No TLS came about.
    #[error("no TLS: {0}")]
    Handshake(Box<str>),
    /// One of the limits above ran out.
    #[error("{0}")]
    Limit(&'static str),
    /// What it brought is no SIP.
    #[error("{0}")]
    Broken(FrameError),
}

impl End {
    /// What it says of who made the connection at `came`, if that is nobody's by now.
    pub(super) fn offence(&self, limits: &StreamLimits, seat: &Seat, came: Instant) -> Option<Offence> {
        if !seat.is_strangers() {
            return None;
        }
        let only_looked = || came.elapsed() < limits.glance && seat.strangers_beside() <= limits.glances;
        match self {
            // Whoever leaves just before a limit cuts them has held the place as long.
            End::Handshake(why) if **why == *CLOSED_EARLY => (!only_looked()).then_some(Offence::Slow),
            End::Closed | End::Failed(_) => (!only_looked()).then_some(Offence::Slow),
            End::Handshake(_) => Some(Offence::NoTls),
            End::Broken(_) => Some(Offence::NoSip),
            End::NotMade | End::Refused(_) | End::Limit(BANNED) => None,
            End::Limit(_) => Some(Offence::Slow),
        }
    }

    /// Whether what was to go over the connection may have arrived.
    pub(crate) fn delivery(&self) -> Delivery {
        match self {
            End::NotMade | End::Refused(_) | End::Handshake(_) => Delivery::Never,
            End::Closed | End::Failed(_) | End::Limit(_) | End::Broken(_) => Delivery::Unknown,
        }
    }
}

/// Listens. Must be called inside a tokio runtime with I/O.
///
/// # Errors
/// The system's: address in use or not ours.
pub(super) fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    if address.is_ipv6() {
        socket.set_only_v6(true)?;
    }
    // A node that starts again must not wait for the connections of the one before.
    socket.set_reuse_address(true)?;
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    socket.listen(i32::try_from(BACKLOG).unwrap_or(i32::MAX))?;
    TcpListener::from_std(socket.into())
}

/// Takes connections for as long as the node lives.
pub(super) async fn accept(listener: &TcpListener, id: ListenerId, mut admit: impl FnMut(TcpStream, SocketAddr)) {
    loop {
        match listener.accept().await {
            Ok((stream, remote)) => admit(stream, remote),
            Err(error) => {
                tracing::warn!(listener = id.0, %error, "cannot take a connection");
                tokio::time::sleep(AFTER_FAILURE).await;
            }
        }
    }
}

/// Connects from the listener's own address: a peer knows us by it.
pub(super) async fn connect(local: SocketAddr, remote: SocketAddr, within: Duration) -> Result<TcpStream, End> {
    let connected = async {
        let socket = if remote.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
        if !local.ip().is_unspecified() {
            socket.bind(SocketAddr::new(local.ip(), 0))?;
        }
        socket.connect(remote).await
    };
    timeout(within, connected).await.map_err(|_| End::NotMade)?.map_err(End::Refused)
}

/// What others may do with a connection.
pub(super) struct Connection {
    limits: StreamLimits,
    unwritten: RefCell<VecDeque<Bytes>>,
    waiting: Cell<usize>,
    more: Notify,
    less: Notify,
}

impl Connection {
    pub(super) fn new(limits: StreamLimits) -> Connection {
        Connection { limits, unwritten: RefCell::default(), waiting: Cell::new(0), more: Notify::new(), less: Notify::new() }
    }

    /// Has the message written as soon as there is a connection and what came before it is written.
    pub(super) fn push(&self, message: &Bytes) -> Sent {
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

    /// Answers a keep-alive. One answer does for all that were not answered yet: they say the same.
    fn pong(&self) {
        if self.unwritten.borrow().back() != Some(&PONG) {
            self.push(&PONG);
        }
    }

    /// Reads and writes until one of the two is over.
    pub(super) async fn carry<R, W, U>(&self, read: R, mut write: W, whence: Whence<'_>, user: &Rc<U>) -> End
    where
        R: AsyncRead + Unpin,
        W: AsyncWrite + Unpin,
        U: StreamUser,
    {
        let written = Cell::new(Instant::now());
        // Writing first: both share the turns that a task has, and who sends without a pause must not keep us from answering.
        let end = first_of(self.write(&mut write, &written), self.read(read, &written, whence, user)).await;
        if let End::Broken(_) = end {
            // The answer to what was broken.
            let _ = timeout(self.limits.unread, self.write_all(&mut write, &written)).await;
        }
        end
    }

    async fn read<R, U>(&self, mut stream: R, written: &Cell<Instant>, whence: Whence<'_>, user: &Rc<U>) -> End
    where
        R: AsyncRead + Unpin,
        U: StreamUser,
    {
        let Whence { flow, names, came } = whence;
        let mut first_message = came.map(|(_, since)| since + self.limits.first_message);
        let mut framer = Framer::new();
        let mut buffer = vec![0; READ_BYTES];
        let mut begun: Option<Instant> = None;
        let mut heard = Instant::now();
        loop {
            let idle = heard.max(written.get()) + self.limits.idle;
            let slow = begun.map(|begun| begun + self.limits.message);
            let stranger = came.filter(|(seat, _)| seat.is_strangers());
            let somebody = stranger.map(|(_, since)| since + self.limits.somebody);
            let strict = [(slow, TOO_SLOW), (first_message, NOTHING_CAME), (somebody, NOBODY)];
            let until = strict.iter().filter_map(|(at, _)| *at).chain([idle]).min().unwrap_or(idle);
            let read = timeout_at(until, stream.read(&mut buffer)).await;
            let now = Instant::now();
            // Asked after each read: who never pauses lets no timer run out.
            if let Some((_, passed)) = strict.iter().find(|(at, _)| at.is_some_and(|at| at <= now)) {
                return End::Limit(passed);
            }
            let length = match read {
                Ok(Ok(0)) => return End::Closed,
                Ok(Ok(length)) => length,
                Ok(Err(error)) => return End::Failed(error),
                // Something was written meanwhile: it was not idle.
                Err(_) if heard.max(written.get()) + self.limits.idle > now => continue,
                Err(_) if user.is_needed(&flow) => {
                    heard = now;
                    continue;
                }
                Err(_) => return End::Limit("idle"),
            };
            heard = now;
            framer.push(&buffer[..length]);
            while let Some(frame) = framer.poll_frame() {
                while self.waiting.get() > self.limits.unanswered {
                    self.less.notified().await;
                }
                match frame {
                    Ok(Frame::Message(message)) => {
                        (begun, first_message) = (None, None);
                        user.on_message(flow, names, message);
                        if let Some((seat, _)) = stranger {
                            match user.standing(flow.remote) {
                                Standing::Known => seat.is_known_now(),
                                Standing::Stranger => {}
                                Standing::Banned => return End::Limit(BANNED),
                            }
                        }
                    }
                    Ok(Frame::KeepAlive) if came.is_none() || user.answers_keep_alives(&flow, names) => self.pong(),
                    Ok(Frame::KeepAlive) => {}
                    Err(error) => {
                        if let Some(answer) = user.on_broken(flow, names, &error) {
                            self.push(&answer);
                        }
                        return End::Broken(error);
                    }
                }
            }
            begun = framer.is_amid_message().then(|| begun.unwrap_or(heard));
            if length == READ_BYTES {
                // There is probably more, and others wait as well.
                yield_now().await;
            }
        }
    }

    async fn write<W: AsyncWrite + Unpin>(&self, stream: &mut W, written: &Cell<Instant>) -> End {
        loop {
            if let Err(end) = self.write_all(stream, written).await {
                return end;
            }
            self.more.notified().await;
        }
    }

    /// Writes until nothing waits.
    async fn write_all<W: AsyncWrite + Unpin>(&self, stream: &mut W, written: &Cell<Instant>) -> Result<(), End> {
        loop {
            let Some(message) = self.unwritten.borrow_mut().pop_front() else { return Ok(()) };
            self.waiting.set(self.waiting.get() - message.len());
            self.less.notify_one();
            let whole = async {
                stream.write_all(&message).await?;
                stream.flush().await
            };
            match timeout(self.limits.unread, whole).await {
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
