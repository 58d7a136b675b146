//! Handshakes, away from the calls: one costs as much as some hundred messages.

use super::stream::TlsStream;
use crate::{
    background::Background,
    tls::explain,
    transport::stream::{CLOSED_EARLY, End},
};
use rustls::Connection;
use std::{future::poll_fn, io, net, time::Duration};
use tokio::{net::TcpStream, time::timeout};

/// Makes a connection of TLS of `socket`, within a time.
///
/// # Errors
/// Why not, in words.
pub(super) async fn shake(background: &Background, socket: TcpStream, tls: Connection, within: Duration) -> Result<TlsStream, End> {
    // A message is written at once and whole: to wait for more of it to fill a segment only delays it.
    socket.set_nodelay(true).map_err(End::Failed)?;
    // Each runtime watches its own sockets.
    let socket = socket.into_std().map_err(End::Failed)?;
    let shaken = background.run(async move {
        match timeout(within, shake_here(socket, tls)).await {
            Ok(Ok(done)) => Ok(done),
            Ok(Err(error)) => Err(End::Handshake(explain_io(&error).into())),
            Err(_) => Err(End::Handshake("the handshake took too long".into())),
        }
    });
    let (socket, tls) = shaken.await.map_err(|_| End::NotMade)??;
    Ok(TlsStream::new(TcpStream::from_std(socket).map_err(End::Failed)?, tls))
}

async fn shake_here(socket: net::TcpStream, tls: Connection) -> io::Result<(net::TcpStream, Connection)> {
    let mut stream = TlsStream::new(TcpStream::from_std(socket)?, tls);
    poll_fn(|context| stream.poll_handshake(context)).await?;
    let (socket, tls) = stream.into_parts();
    Ok((socket.into_std()?, tls))
}

/// What went wrong, in words; of TLS if it is of TLS.
pub(super) fn explain_io(error: &io::Error) -> String {
    match of_tls(error) {
        Some(error) => explain(error),
        None if error.kind() == io::ErrorKind::UnexpectedEof => CLOSED_EARLY.into(),
        None => error.to_string(),
    }
}

/// What TLS says, if it is TLS that failed.
pub(super) fn of_tls(error: &io::Error) -> Option<&rustls::Error> {
    error.get_ref().and_then(|inner| inner.downcast_ref())
}
