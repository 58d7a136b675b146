//! A client that posts and gets, to addresses that it may call and for no longer than it may.

use crate::{Guard, Url};
use bytes::Bytes;
use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use hyper::{
    Method, Request, Response, StatusCode,
    body::Incoming,
    header::{CONTENT_TYPE, HeaderName, HeaderValue, LOCATION, USER_AGENT},
};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::{
    client::legacy::{
        Client as Pool,
        connect::{HttpConnector, dns::Name},
    },
    rt::{TokioExecutor, TokioTimer},
};
use rustls::{
    ClientConfig, RootCertStore,
    crypto::aws_lc_rs,
    pki_types::{CertificateDer, pem::PemObject},
};
use std::{
    error::Error,
    io::{self, ErrorKind},
    net::SocketAddr,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
    vec,
};
use tower_service::Service;

/// Redirections that one request follows.
pub const MAX_REDIRECTS: usize = 3;

/// How long an idle connection is kept for the next request, and how many to one host.
const IDLE: (Duration, usize) = (Duration::from_secs(30), 32);

/// How long one address may take to be connected to, if there is another.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

const JSON: HeaderValue = HeaderValue::from_static("application/json");
const AGENT: HeaderValue = HeaderValue::from_static(concat!("Tandem/", env!("CARGO_PKG_VERSION")));

/// What one request may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Terms {
    /// From its beginning to the last octet of the answer, redirections included.
    pub timeout: Duration,
    /// The longest body of an answer, in bytes.
    pub max_reply: usize,
}

/// What was answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    /// HTTP status.
    pub status: u16,
    /// All of the body.
    pub body: Bytes,
}

/// Why there is no answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PostError {
    /// All addresses of the host are of networks that may not be called.
    #[error("{0} is, or leads to, an address that may not be called")]
    Forbidden(Box<str>),
    /// A redirection that is not followed: too many, to something that is no URL, or away from TLS.
    #[error("a redirection was not followed")]
    Redirected,
    /// The answer is longer than it may be.
    #[error("the answer is longer than {0} bytes")]
    TooLong(usize),
    /// It took longer than it may.
    #[error("no answer within {} ms", .0.as_millis())]
    Timeout(Duration),
    /// It could not be sent, or the answer not be read.
    #[error("{0}")]
    Failed(Box<str>),
}

/// Posts JSON, and gets what others have. Cheap to clone; connections are shared and kept.
#[derive(Clone, Debug)]
pub struct Client {
    pool: Pool<HttpsConnector<HttpConnector<Lookup>>, Full<Bytes>>,
    guard: Arc<Guard>,
}

impl Client {
    /// One that calls what `guard` lets it, and believes servers whose certificates these issuers (PEM) vouch for.
    ///
    /// # Panics
    /// Never: the versions of TLS are those of the library.
    pub fn new(guard: Guard, issuers: Option<&[u8]>) -> Client {
        let mut roots = RootCertStore::empty();
        let certificates = issuers.into_iter().flat_map(CertificateDer::pem_slice_iter).filter_map(Result::ok);
        roots.add_parsable_certificates(certificates);
        let provider = Arc::new(aws_lc_rs::default_provider());
        let versions = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
        let tls = versions.expect("the provider speaks the default versions").with_root_certificates(roots).with_no_client_auth();
        let guard = Arc::new(guard);
        let mut tcp = HttpConnector::new_with_resolver(Lookup(guard.clone()));
        tcp.enforce_http(false);
        tcp.set_connect_timeout(Some(CONNECT_TIMEOUT));
        tcp.set_nodelay(true);
        let connector = HttpsConnectorBuilder::new().with_tls_config(tls).https_or_http().enable_http1().wrap_connector(tcp);
        let mut pool = Pool::builder(TokioExecutor::new());
        pool.timer(TokioTimer::new()).pool_timer(TokioTimer::new()).pool_idle_timeout(IDLE.0).pool_max_idle_per_host(IDLE.1);
        Client { pool: pool.build(connector), guard }
    }

    /// Posts `body` with these headers beside the usual ones. Redirections that keep the method (307, 308) are followed. Needs a tokio
    /// runtime with I/O and time.
    ///
    /// # Errors
    /// Why there is no answer; an answer of any status is one.
    pub async fn post(&self, url: &Url, headers: &[(HeaderName, HeaderValue)], body: Bytes, terms: &Terms) -> Result<Reply, PostError> {
        self.within(Sent { method: Method::POST, url: url.clone(), headers, body }, terms).await
    }

    /// Gets what is there, with these headers beside the usual ones. Redirections are followed; `headers`, which may hold a token, go to
    /// the scheme, host and port of `url` alone. Needs a tokio runtime with I/O and time.
    ///
    /// # Errors
    /// Why there is no answer; an answer of any status is one.
    pub async fn get(&self, url: &Url, headers: &[(HeaderName, HeaderValue)], terms: &Terms) -> Result<Reply, PostError> {
        self.within(Sent { method: Method::GET, url: url.clone(), headers, body: Bytes::new() }, terms).await
    }

    async fn within(&self, sent: Sent<'_>, terms: &Terms) -> Result<Reply, PostError> {
        let answered = tokio::time::timeout(terms.timeout, self.follow(sent, terms.max_reply)).await;
        answered.unwrap_or(Err(PostError::Timeout(terms.timeout)))
    }

    async fn follow(&self, mut sent: Sent<'_>, most: usize) -> Result<Reply, PostError> {
        for _ in 0..=MAX_REDIRECTS {
            let response = self.once(&sent).await?;
            let status = response.status();
            if !sent.follows(status) {
                let body = read(response, most).await?;
                return Ok(Reply { status: status.as_u16(), body });
            }
            let location = response.headers().get(LOCATION).and_then(|location| location.to_str().ok());
            let next = location.and_then(|location| sent.url.redirected(location)).ok_or(PostError::Redirected)?;
            if sent.method == Method::GET && !next.is_beside(&sent.url) {
                sent.headers = &[];
            }
            sent.url = next;
        }
        Err(PostError::Redirected)
    }

    async fn once(&self, sent: &Sent<'_>) -> Result<Response<Incoming>, PostError> {
        let url = &sent.url;
        // What has an address in place of a name is not looked up.
        if url.address().is_some_and(|address| !self.guard.lets(address)) {
            return Err(forbidden(url));
        }
        let mut request = Request::builder().method(&sent.method).uri(url.uri().clone()).header(USER_AGENT, AGENT);
        if sent.method == Method::POST {
            request = request.header(CONTENT_TYPE, JSON);
        }
        for (name, value) in sent.headers {
            request = request.header(name, value);
        }
        let request = request.body(Full::new(sent.body.clone())).map_err(|error| failed(&error))?;
        self.pool.request(request).await.map_err(|error| if is_forbidden(&error) { forbidden(url) } else { failed(&error) })
    }
}

/// A request.
struct Sent<'a> {
    method: Method,
    url: Url,
    headers: &'a [(HeaderName, HeaderValue)],
    body: Bytes,
}

impl Sent<'_> {
    /// Whether that status is a redirection that it goes by: what is posted would be something else under another method.
    fn follows(&self, status: StatusCode) -> bool {
        let turns_into_get = matches!(status, StatusCode::MOVED_PERMANENTLY | StatusCode::FOUND | StatusCode::SEE_OTHER);
        matches!(status, StatusCode::TEMPORARY_REDIRECT | StatusCode::PERMANENT_REDIRECT) || (turns_into_get && self.method == Method::GET)
    }
}

async fn read(response: Response<Incoming>, most: usize) -> Result<Bytes, PostError> {
    match Limited::new(response.into_body(), most).collect().await {
        Ok(body) => Ok(body.to_bytes()),
        Err(error) if error.is::<LengthLimitError>() => Err(PostError::TooLong(most)),
        Err(error) => Err(failed(&*error)),
    }
}

fn forbidden(url: &Url) -> PostError {
    PostError::Forbidden(url.uri().host().unwrap_or_default().into())
}

fn failed(error: &(dyn Error + 'static)) -> PostError {
    // The innermost word says most: "connection refused".
    let innermost = chain(error).last().map(|error| error.to_string()).unwrap_or_default();
    PostError::Failed(innermost.into())
}

fn is_forbidden(error: &(dyn Error + 'static)) -> bool {
    chain(error)
        .any(|error| error.downcast_ref::<io::Error>().is_some_and(|error| error.get_ref().is_some_and(|inner| inner.is::<NotAllowed>())))
}

/// The error, and those that it came of.
fn chain<'e>(error: &'e (dyn Error + 'static)) -> impl Iterator<Item = &'e (dyn Error + 'static)> {
    std::iter::successors(Some(error), |error: &&'e (dyn Error + 'static)| (**error).source())
}

/// Looks names up, and leaves out the addresses that may not be called: what is connected to is what was checked.
#[derive(Clone, Debug)]
struct Lookup(Arc<Guard>);

#[derive(Debug, thiserror::Error)]
#[error("the name leads to addresses that may not be called")]
struct NotAllowed;

impl Service<Name> for Lookup {
    type Response = vec::IntoIter<SocketAddr>;
    type Error = io::Error;
    type Future = Pin<Box<dyn Future<Output = io::Result<Self::Response>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, name: Name) -> Self::Future {
        let guard = self.0.clone();
        Box::pin(async move {
            let mut addresses: Vec<SocketAddr> = tokio::net::lookup_host((name.as_str(), 0)).await?.collect();
            let had_any = !addresses.is_empty();
            addresses.retain(|address| guard.lets(address.ip()));
            if addresses.is_empty() && had_any {
                return Err(io::Error::new(ErrorKind::PermissionDenied, NotAllowed));
            }
            Ok(addresses.into_iter())
        })
    }
}
