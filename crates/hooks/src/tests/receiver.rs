//! A receiver that does what a test says.

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::{Request, Response, body::Incoming, header::LOCATION, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use std::{
    convert::Infallible,
    net::{IpAddr, SocketAddr},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpListener,
    sync::{Semaphore, mpsc},
};
use tokio_rustls::TlsAcceptor;

/// What it answers.
#[derive(Clone, Debug)]
pub(super) enum Answer {
    Status(u16),
    /// A body of so many octets.
    Long(usize),
    Redirect(u16, String),
    /// Once it is given a permit.
    When(Arc<Semaphore>),
}

/// A request as it came.
#[derive(Debug)]
pub(super) struct Got {
    pub(super) method: String,
    pub(super) path: String,
    pub(super) authorization: Option<String>,
    pub(super) signature: Option<String>,
    pub(super) content_type: String,
    pub(super) body: Bytes,
}

pub(super) struct Receiver {
    pub(super) address: SocketAddr,
    pub(super) got: mpsc::UnboundedReceiver<Got>,
    /// Most requests that were in hand at a time.
    pub(super) most: Arc<AtomicUsize>,
}

type Script = Arc<dyn Fn(usize) -> Answer + Send + Sync>;

/// One at that address; `script` says what the request of that number gets.
pub(super) async fn receive(host: &str, tls: Option<TlsAcceptor>, script: impl Fn(usize) -> Answer + Send + Sync + 'static) -> Receiver {
    let listener = TcpListener::bind((host.parse::<IpAddr>().unwrap(), 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    let (told, got) = mpsc::unbounded_channel();
    let most = Arc::new(AtomicUsize::new(0));
    let at = At { script: Arc::new(script), told, number: Arc::default(), in_hand: Arc::default(), most: most.clone() };
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let (tls, at) = (tls.clone(), at.clone());
            tokio::spawn(async move {
                match tls {
                    None => at.serve(stream).await,
                    Some(tls) => {
                        if let Ok(stream) = tls.accept(stream).await {
                            at.serve(stream).await;
                        }
                    }
                }
            });
        }
    });
    Receiver { address, got, most }
}

#[derive(Clone)]
struct At {
    script: Script,
    told: mpsc::UnboundedSender<Got>,
    number: Arc<AtomicUsize>,
    in_hand: Arc<AtomicUsize>,
    most: Arc<AtomicUsize>,
}

impl At {
    async fn serve(self, stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static) {
        let service = service_fn(move |request| self.clone().answer(request));
        let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
    }

    async fn answer(self, request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
        let header = |name| request.headers().get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
        let (path, signature, authorization) = (request.uri().path().to_owned(), header("tandem-signature"), header("authorization"));
        let method = request.method().to_string();
        let content_type = header("content-type").unwrap_or_default();
        let body = request.into_body().collect().await.map(|body| body.to_bytes()).unwrap_or_default();
        let in_hand = self.in_hand.fetch_add(1, Ordering::SeqCst) + 1;
        self.most.fetch_max(in_hand, Ordering::SeqCst);
        let answer = (self.script)(self.number.fetch_add(1, Ordering::SeqCst));
        let _ = self.told.send(Got { method, path, authorization, signature, content_type, body });
        let response = Response::builder();
        let response = match answer {
            Answer::Status(status) => response.status(status).body(Full::default()),
            Answer::Long(length) => response.body(Full::new(vec![b'x'; length].into())),
            Answer::Redirect(status, to) => response.status(status).header(LOCATION, to).body(Full::default()),
            Answer::When(permits) => {
                permits.acquire().await.unwrap().forget();
                response.status(204).body(Full::default())
            }
        };
        self.in_hand.fetch_sub(1, Ordering::SeqCst);
        Ok(response.unwrap())
    }
}
