//! SIP over TLS: the connections of one listener, those that came and those that we made (RFC 3261 §26.2, RFC 5923).
//!
//! What is sent to a host goes only over a connection whose other end has proved to be that host (RFC 5922 §7): one that was made
//! for it, or whose certificate speaks for it too. One address can have several hosts, and so several connections. What answers a
//! request goes back over the connection that the request came over, whoever that is with.

mod handshake;
mod stream;
mod warnings;

use super::{
    Sent, Whom,
    census::{Census, Most, Seat, Taken},
    stream::{self as streams, Connection, End, StreamLimits, StreamUser, Whence},
};
use crate::{
    background::Background,
    log::Escaped,
    tls::{CertificateNames, Host, TlsSettings},
};
use bytes::Bytes;
use rustls::{ClientConnection, ServerConnection};
use std::{
    cell::{OnceCell, RefCell},
    collections::HashMap,
    io,
    net::SocketAddr,
    rc::Rc,
    time::Duration,
};
use stream::TlsStream;
use tandem_model::{Flow, ListenerId, Transport};
use tandem_policy::Standing;
use tokio::{
    net::{TcpListener, TcpStream},
    time::Instant,
};
use warnings::Warnings;

/// What a listener's connections may take beside what those of TCP may.
#[derive(Clone, Copy, Debug)]
pub(crate) struct TlsLimits {
    pub(crate) stream: StreamLimits,
    /// How long a handshake may take.
    pub(crate) handshake: Duration,
    /// Handshakes at a time, of those that came and of those that we make each.
    pub(crate) handshakes: usize,
    /// Of those that came, those of one address.
    pub(crate) handshakes_of_one_address: usize,
}

impl TlsLimits {
    pub(crate) const USUAL: TlsLimits =
        TlsLimits { stream: StreamLimits::USUAL, handshake: Duration::from_secs(5), handshakes: 64, handshakes_of_one_address: 16 };
}

impl TlsLimits {
    /// Handshakes that may be under way when one more comes: some places are for those whom we know.
    fn for_those_that_come(&self) -> Most {
        let strangers = self.handshakes - self.handshakes / KNOWN;
        Most { all: self.handshakes, strangers, of_one: self.handshakes_of_one_address, of_one_stranger: self.handshakes_of_one_address }
    }

    /// The same for those that we make.
    fn for_ours(&self) -> Most {
        Most { all: self.handshakes, strangers: 0, of_one: usize::MAX, of_one_stranger: 0 }
    }
}

/// One place in so many for a handshake is kept from strangers.
const KNOWN: usize = 4;

/// Hosts that one connection that we made can be used for.
const MAX_HOSTS: usize = 64;

/// One listener.
pub(crate) struct TlsTransport {
    id: ListenerId,
    limits: TlsLimits,
    local: SocketAddr,
    listener: TcpListener,
    background: Background,
    settings: RefCell<TlsSettings>,
    connections: RefCell<Connections>,
    places: Rc<Census>,
    /// Handshakes under way of those that came.
    shaking: Rc<Census>,
    /// The same of those that we make.
    making: Rc<Census>,
    warnings: Warnings,
}

#[derive(Default)]
struct Connections {
    by_remote: HashMap<SocketAddr, Vec<Rc<Known>>>,
}

/// A connection, and what is known of its other end.
struct Known {
    connection: Connection,
    /// They made it.
    came: bool,
    /// Whom what we sent over it was for.
    hosts: RefCell<Vec<Host>>,
    /// Once the handshake is done.
    proved: OnceCell<Option<CertificateNames>>,
}

impl TlsTransport {
    /// Listens. Must be called inside a tokio runtime with I/O.
    ///
    /// # Errors
    /// The system's: address in use or not ours.
    pub(crate) fn bind(
        id: ListenerId,
        address: SocketAddr,
        limits: TlsLimits,
        settings: TlsSettings,
        background: Background,
    ) -> io::Result<Self> {
        let listener = streams::listen(address)?;
        Ok(TlsTransport {
            id,
            limits,
            local: listener.local_addr()?,
            listener,
            background,
            settings: settings.into(),
            connections: RefCell::default(),
            places: Rc::default(),
            shaking: Rc::default(),
            making: Rc::default(),
            warnings: Warnings::default(),
        })
    }

    /// Where it listens; the port is the system's choice where 0 was asked for.
    pub(crate) fn local(&self) -> SocketAddr {
        self.local
    }

    /// New connections are made by these settings; those that there are stay as they are.
    pub(crate) fn renew(&self, settings: TlsSettings) {
        self.settings.replace(settings);
    }

    /// Whether there is a connection with `remote`, or one being made.
    pub(crate) fn is_connected(&self, remote: SocketAddr) -> bool {
        self.connections.borrow().by_remote.contains_key(&remote)
    }

    /// Takes connections for as long as the node lives.
    pub(crate) async fn accept<U: StreamUser + 'static>(self: Rc<Self>, user: Rc<U>) {
        streams::accept(&self.listener, self.id, |socket, remote| self.admit(socket, remote, &user)).await;
    }

    fn admit<U: StreamUser + 'static>(self: &Rc<Self>, socket: TcpStream, remote: SocketAddr, user: &Rc<U>) {
        let standing = user.standing(remote);
        if standing == Standing::Banned {
            return tracing::debug!(%remote, "a connection was refused: its address is banned");
        }
        let is_stranger = standing == Standing::Stranger;
        let seat = self.places.enter(&self.limits.stream.for_those_that_come(), remote.ip(), is_stranger);
        let both = seat.and_then(|seat| Ok((seat, self.shaking.enter(&self.limits.for_those_that_come(), remote.ip(), is_stranger)?)));
        let (seat, shaking) = match both {
            Ok(both) => both,
            Err(Taken::OfOne) => return tracing::debug!(%remote, "a connection was refused: its address has as many as it may"),
            Err(Taken::All) => return tracing::debug!(%remote, "a connection was refused: there are as many as may be"),
        };
        let known = self.enter(remote, None);
        let (transport, user) = (self.clone(), user.clone());
        tokio::task::spawn_local(async move {
            let came = Instant::now();
            let answered = transport.answer(socket).await;
            drop(shaking);
            let end = match answered {
                Ok(stream) => transport.carry(&known, stream, remote, Some((&seat, Instant::now())), &user).await,
                Err(end) => end,
            };
            if let Some(offence) = end.offence(&transport.limits.stream, &seat, came) {
                user.on_offence_there(remote, offence);
            }
            drop(seat);
            transport.leave(remote, &known, &end, &user);
        });
    }

    async fn answer(&self, socket: TcpStream) -> Result<TlsStream, End> {
        let tls = ServerConnection::new(self.settings.borrow().server.clone()).map_err(|error| End::Handshake(error.to_string().into()))?;
        handshake::shake(&self.background, socket, tls.into(), self.limits.handshake).await
    }

    /// Sends over a connection with `remote` that is good for `whom`; makes one where there is none.
    pub(crate) fn send<U: StreamUser + 'static>(
        self: &Rc<Self>,
        remote: SocketAddr,
        whom: Whom<'_>,
        message: &Bytes,
        user: &Rc<U>,
    ) -> Sent {
        let host = match whom {
            Whom::Back => match self.connections.borrow().back(remote) {
                Some(known) => return known.connection.push(message),
                None => Host::Address(remote.ip()),
            },
            Whom::Address => Host::Address(remote.ip()),
            Whom::Name(name) => Host::Name(name.into()),
        };
        let known = self.connections.borrow().find(remote, &host);
        if let Some(known) = known {
            return known.connection.push(message);
        }
        let seat = self.places.enter(&self.limits.stream.for_ours(), remote.ip(), false);
        let making = self.making.enter(&self.limits.for_ours(), remote.ip(), false);
        let (Ok(seat), Ok(making)) = (seat, making) else {
            tracing::warn!(%remote, "no connection was made: there are as many as may be");
            return Sent::Unreachable;
        };
        let known = self.enter(remote, Some(host.clone()));
        let queued = known.connection.push(message);
        let (transport, user) = (self.clone(), user.clone());
        tokio::task::spawn_local(async move {
            let made = transport.make(remote, &host).await;
            drop(making);
            let end = match made {
                Ok(stream) => transport.carry(&known, stream, remote, None, &user).await,
                Err(end) => end,
            };
            drop(seat);
            transport.leave(remote, &known, &end, &user);
        });
        queued
    }

    async fn make(&self, remote: SocketAddr, host: &Host) -> Result<TlsStream, End> {
        let name = host.server_name().ok_or_else(|| End::Handshake("no certificate could have that name".into()))?;
        let socket = streams::connect(self.local, remote, self.limits.stream.connect).await?;
        let client = self.settings.borrow().client.clone();
        // RFC 6066 §3: a name is told, an address is not. rustls sees to that.
        let tls = ClientConnection::new(client, name).map_err(|error| End::Handshake(error.to_string().into()))?;
        handshake::shake(&self.background, socket, tls.into(), self.limits.handshake).await
    }

    async fn carry<U: StreamUser>(
        &self,
        known: &Known,
        stream: TlsStream,
        remote: SocketAddr,
        came: Option<(&Seat, Instant)>,
        user: &Rc<U>,
    ) -> End {
        let names = known.proved.get_or_init(|| stream.certificate().and_then(CertificateNames::of));
        let names = names.as_ref().map_or(&[][..], CertificateNames::identities);
        let (read, write) = stream.split();
        let flow = Flow { listener: self.id, transport: Transport::Tls, remote };
        known.connection.carry(read, write, Whence { flow, names, came }, user).await
    }

    fn enter(&self, remote: SocketAddr, host: Option<Host>) -> Rc<Known> {
        let known = Rc::new(Known {
            connection: Connection::new(self.limits.stream),
            came: host.is_none(),
            hosts: RefCell::new(host.into_iter().collect()),
            proved: OnceCell::new(),
        });
        self.connections.borrow_mut().by_remote.entry(remote).or_default().push(known.clone());
        known
    }

    fn leave<U: StreamUser>(&self, remote: SocketAddr, known: &Rc<Known>, end: &End, user: &Rc<U>) {
        self.connections.borrow_mut().remove(remote, known);
        let hosts = known.hosts.take();
        tracing::debug!(listener = self.id.0, %remote, reason = %end, "a connection is over");
        self.warn(remote, known.came, &hosts, end);
        user.on_over(self.id, remote, Some(&hosts), end);
    }

    /// Says what a person should know of: TLS that did not come about, or broke.
    fn warn(&self, remote: SocketAddr, came: bool, hosts: &[Host], end: &End) {
        let why = match end {
            End::Handshake(why) => why.to_string(),
            End::Failed(error) if handshake::of_tls(error).is_some() => handshake::explain_io(error),
            _ => return,
        };
        let Some(untold) = self.warnings.may_tell(Instant::now()) else { return };
        let why = Escaped(&why);
        let more = (untold > 0).then_some(untold);
        match hosts.first().filter(|_| !came) {
            Some(host) => tracing::warn!(listener = self.id.0, %remote, %host, more, "no TLS with whom we connect to: {why}"),
            None => tracing::warn!(listener = self.id.0, %remote, more, "no TLS with who connects to us: {why}"),
        }
    }
}

impl Connections {
    /// The connection that a request from `remote` came over. Where we made several to that address, the latest.
    fn back(&self, remote: SocketAddr) -> Option<Rc<Known>> {
        let known = self.by_remote.get(&remote)?;
        known.iter().find(|known| known.came).or(known.last()).cloned()
    }

    /// A connection whose other end is known to be `host`, or will be once it is made.
    fn find(&self, remote: SocketAddr, host: &Host) -> Option<Rc<Known>> {
        self.by_remote.get(&remote)?.iter().find(|known| known.serves(host)).cloned()
    }

    fn remove(&mut self, remote: SocketAddr, known: &Rc<Known>) {
        let Some(all) = self.by_remote.get_mut(&remote) else { return };
        all.retain(|other| !Rc::ptr_eq(other, known));
        if all.is_empty() {
            self.by_remote.remove(&remote);
        }
    }
}

impl Known {
    fn serves(&self, host: &Host) -> bool {
        let mut hosts = self.hosts.borrow_mut();
        if hosts.contains(host) {
            return true;
        }
        // Whom a client's certificate speaks for says who calls. Whom we call is for `ca` to say, not for `client_ca`.
        let speaks_for_it = || !self.came && self.proved.get().is_some_and(|names| names.as_ref().is_some_and(|names| names.is_for(host)));
        let serves = hosts.len() < MAX_HOSTS && speaks_for_it();
        if serves {
            hosts.push(host.clone());
        }
        serves
    }
}

#[cfg(test)]
mod tests;
