//! SIP over TCP: the connections of one listener, those that came and those that we made (RFC 3261 §18).
//!
//! A connection is known by the other end's address. What is sent there goes over it for as long as it is open (RFC 5923 §4 for
//! those that we made; §18.2.2 for answers); where there is none, one is made.

use super::{
    Sent,
    census::{Census, Seat, Taken},
    refusals::Refusals,
    stream::{self, Connection, End, StreamLimits, StreamUser, Whence},
};
use bytes::Bytes;
use std::{
    cell::RefCell,
    collections::{HashMap, hash_map::Entry},
    io,
    net::SocketAddr,
    rc::Rc,
};
use tandem_model::{Flow, ListenerId, Transport};
use tandem_policy::Standing;
use tokio::{
    net::{TcpListener, TcpStream},
    time::Instant,
};

/// One listener.
pub(crate) struct TcpTransport {
    id: ListenerId,
    limits: StreamLimits,
    local: SocketAddr,
    listener: TcpListener,
    connections: RefCell<HashMap<SocketAddr, Rc<Connection>>>,
    places: Rc<Census>,
    refusals: RefCell<Refusals>,
}

impl TcpTransport {
    /// Listens. Must be called inside a tokio runtime with I/O.
    ///
    /// # Errors
    /// The system's: address in use or not ours.
    pub(crate) fn bind(id: ListenerId, address: SocketAddr, limits: StreamLimits) -> io::Result<Self> {
        let listener = stream::listen(address)?;
        let local = listener.local_addr()?;
        Ok(TcpTransport {
            id,
            limits,
            local,
            listener,
            connections: RefCell::default(),
            places: Rc::default(),
            refusals: RefCell::default(),
        })
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
        stream::accept(&self.listener, self.id, |stream, remote| self.admit(stream, remote, &user)).await;
    }

    fn admit<U: StreamUser + 'static>(self: &Rc<Self>, stream: TcpStream, remote: SocketAddr, user: &Rc<U>) {
        let standing = user.standing(remote);
        if standing == Standing::Banned {
            return tracing::debug!(%remote, "a connection was refused: its address is banned");
        }
        let seat = match self.places.enter(&self.limits.for_those_that_come(), remote.ip(), standing == Standing::Stranger) {
            Ok(seat) => seat,
            Err(Taken::OfOne) => return tracing::debug!(%remote, "a connection was refused: its address has as many as it may"),
            Err(Taken::All) => return tracing::debug!(%remote, "a connection was refused: there are as many as may be"),
        };
        let Some(connection) = self.enter(remote) else { return };
        let (transport, user) = (self.clone(), user.clone());
        tokio::task::spawn_local(async move {
            let came = Instant::now();
            let end = transport.carry(&connection, stream, remote, Some((&seat, came)), &user).await;
            if let Some(offence) = end.offence(&transport.limits, &seat, came) {
                user.on_offence_there(remote, offence);
            }
            drop(seat);
            transport.leave(remote, &end, &user);
        });
    }

    /// Sends over the connection with `remote`; makes one where there is none, unless it is a `trial` and none could be made lately.
    pub(crate) fn send<U: StreamUser + 'static>(self: &Rc<Self>, remote: SocketAddr, message: &Bytes, trial: bool, user: &Rc<U>) -> Sent {
        let known = self.connections.borrow().get(&remote).cloned();
        if let Some(connection) = known {
            return connection.push(message);
        }
        if trial && self.refusals.borrow().has(remote) {
            return Sent::Unreachable;
        }
        let seat = self.places.enter(&self.limits.for_ours(), remote.ip(), false);
        let (Ok(seat), Some(connection)) = (seat, self.enter(remote)) else {
            tracing::warn!(%remote, "no connection was made: there are as many as may be");
            return Sent::Unreachable;
        };
        let queued = connection.push(message);
        let (transport, user) = (self.clone(), user.clone());
        tokio::task::spawn_local(async move {
            let end = match stream::connect(transport.local, remote, transport.limits.connect).await {
                Ok(stream) => {
                    transport.refusals.borrow_mut().forget(remote);
                    transport.carry(&connection, stream, remote, None, &user).await
                }
                Err(end) => {
                    transport.refusals.borrow_mut().note(remote);
                    end
                }
            };
            drop(seat);
            transport.leave(remote, &end, &user);
        });
        queued
    }

    async fn carry<U: StreamUser>(
        &self,
        connection: &Connection,
        stream: TcpStream,
        remote: SocketAddr,
        came: Option<(&Seat, Instant)>,
        user: &Rc<U>,
    ) -> End {
        // A message is written at once and whole: to wait for more of it to fill a segment only delays it.
        if let Err(error) = stream.set_nodelay(true) {
            return End::Failed(error);
        }
        let (read, write) = stream.into_split();
        let flow = Flow { listener: self.id, transport: Transport::Tcp, remote };
        connection.carry(read, write, Whence { flow, names: &[], came }, user).await
    }

    /// The system gives an address anew only once the old connection is gone on both sides, whatever we know of it.
    fn enter(&self, remote: SocketAddr) -> Option<Rc<Connection>> {
        match self.connections.borrow_mut().entry(remote) {
            Entry::Occupied(_) => None,
            Entry::Vacant(vacant) => Some(vacant.insert(Rc::new(Connection::new(self.limits))).clone()),
        }
    }

    fn leave<U: StreamUser>(&self, remote: SocketAddr, end: &End, user: &Rc<U>) {
        self.connections.borrow_mut().remove(&remote);
        tracing::debug!(listener = self.id.0, %remote, reason = %end, "a connection is over");
        user.on_over(self.id, remote, None, end);
    }
}

#[cfg(test)]
mod tests;
