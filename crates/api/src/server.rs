//! The listener: connections in, requests to the router. What is too many, or too slow, is cut.

use crate::{access::Peer, impatient::Impatient, tls::Secured};
use axum::Router;
use hyper::{Request, body::Incoming, server::conn::http1, service::Service};
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    service::TowerToHyperService,
};
use std::{
    collections::HashMap,
    io,
    net::{IpAddr, SocketAddr},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};
use tandem_model::neighbourhood;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpListener, TcpStream},
    time::{sleep, timeout},
};
use tokio_rustls::TlsAcceptor;

/// How long the head of a request may take to come, and a connection may be without one.
const HEAD_TIME: Duration = Duration::from_secs(15);

/// How long a TLS handshake may take.
const HANDSHAKE_TIME: Duration = Duration::from_secs(10);

/// How long the other side may read nothing of what waits for it.
const WRITE_TIME: Duration = Duration::from_secs(30);

/// The longest head of a request, in bytes.
const MAX_HEAD: usize = 32 << 10;

/// Lines of it.
const MAX_HEADERS: usize = 64;

/// How long nothing is accepted when the system has no descriptor to give.
const PAUSE: Duration = Duration::from_millis(100);

/// What is served to whom.
#[derive(Clone)]
pub(crate) struct Served {
    pub(crate) router: Router,
    pub(crate) secured: Arc<Secured>,
    pub(crate) connections: usize,
}

/// Serves for as long as it is polled.
pub(crate) async fn serve(listener: TcpListener, served: Served) {
    let census = Arc::new(Census::default());
    loop {
        let (stream, peer) = match listener.accept().await {
            Ok(accepted) => accepted,
            Err(error) => {
                tracing::debug!(%error, "a connection of HTTP was not accepted");
                sleep(PAUSE).await;
                continue;
            }
        };
        let Some(place) = Census::enter(&census, peer.ip(), served.connections) else {
            tracing::debug!(%peer, "a connection of HTTP too many");
            continue;
        };
        let served = served.clone();
        tokio::spawn(async move {
            connected(stream, peer, served).await;
            drop(place);
        });
    }
}

async fn connected(stream: TcpStream, peer: SocketAddr, served: Served) {
    // Events are small, and somebody waits for each.
    let _ = stream.set_nodelay(true);
    let stream = Impatient::new(stream, WRITE_TIME);
    match served.secured.now() {
        None => talk(stream, peer, served.router).await,
        Some(config) => match timeout(HANDSHAKE_TIME, TlsAcceptor::from(config).accept(stream)).await {
            Ok(Ok(stream)) => talk(stream, peer, served.router).await,
            Ok(Err(error)) => tracing::debug!(%peer, %error, "a TLS handshake of HTTP failed"),
            Err(_) => tracing::debug!(%peer, "a TLS handshake of HTTP took too long"),
        },
    }
}

async fn talk(stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static, peer: SocketAddr, router: Router) {
    let router = TowerToHyperService::new(router);
    let service = hyper::service::service_fn(move |mut request: Request<Incoming>| {
        request.extensions_mut().insert(Peer(peer));
        router.call(request)
    });
    let served = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIME)
        .max_buf_size(MAX_HEAD)
        .max_headers(MAX_HEADERS)
        .serve_connection(TokioIo::new(stream), service)
        .with_upgrades()
        .await;
    if let Err(error) = served {
        tracing::debug!(%peer, %error, "a connection of HTTP broke");
    }
}

/// Who is connected how often.
#[derive(Debug, Default)]
struct Census(Mutex<HashMap<IpAddr, usize>>);

/// One connection, until it is dropped.
struct Entered {
    census: Arc<Census>,
    source: IpAddr,
}

impl Census {
    /// One more, if there is room: nobody but this machine gets more than half of it, or one source could shut out all others.
    fn enter(census: &Arc<Census>, address: IpAddr, most: usize) -> Option<Entered> {
        let source = neighbourhood(address);
        let mut all = census.0.lock().unwrap_or_else(PoisonError::into_inner);
        let theirs = all.get(&source).copied().unwrap_or_default();
        let share = if source.is_loopback() || source.to_canonical().is_loopback() { most } else { most.div_ceil(2) };
        if all.values().sum::<usize>() >= most || theirs >= share {
            return None;
        }
        all.insert(source, theirs + 1);
        Some(Entered { census: census.clone(), source })
    }
}

impl Drop for Entered {
    fn drop(&mut self) {
        let mut all = self.census.0.lock().unwrap_or_else(PoisonError::into_inner);
        match all.get_mut(&self.source) {
            Some(theirs) if *theirs > 1 => *theirs -= 1,
            _ => drop(all.remove(&self.source)),
        }
    }
}

/// Binds the listener.
///
/// # Errors
/// The system's.
pub(crate) fn bind(address: SocketAddr) -> io::Result<std::net::TcpListener> {
    let listener = std::net::TcpListener::bind(address)?;
    listener.set_nonblocking(true)?;
    Ok(listener)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_source_takes_all_connections() {
        let census = Arc::new(Census::default());
        let enter = |address: &str| Census::enter(&census, address.parse().unwrap(), 4);
        let first: Vec<_> = (0..3).filter_map(|_| enter("192.0.2.1")).collect();
        assert_eq!(first.len(), 2);
        let (third, fourth) = (enter("192.0.2.2"), enter("127.0.0.1"));
        assert!(third.is_some() && fourth.is_some() && enter("192.0.2.3").is_none());
        drop(first);
        assert!(enter("192.0.2.3").is_some());
        drop((third, fourth));
        assert!(census.0.lock().unwrap().is_empty());
        let all: Vec<_> = (0..5).filter_map(|_| enter("127.0.0.1")).collect();
        assert_eq!(all.len(), 4);
    }
}
