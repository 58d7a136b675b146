//! Who asks, and whether they may.

use crate::{
    Interface,
    problem::{FORBIDDEN, NO_KEY, Problem, TOO_MANY},
    rate::Asker,
    settings::{Key, Settings},
};
use axum::{
    extract::{Request, State},
    http::{HeaderMap, header, uri::Authority},
    middleware::Next,
    response::{IntoResponse, Response},
};
use std::{
    net::{IpAddr, SocketAddr},
    sync::Arc,
    time::Instant,
};
use subtle::ConstantTimeEq;
use tandem_config::Scope;

/// The other end of the connection that a request came by.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Peer(pub(crate) SocketAddr);

/// Who sent a request.
#[derive(Clone, Debug)]
pub(crate) enum Caller {
    /// Who has this key.
    Key { name: Arc<str>, scopes: Box<[Scope]> },
    /// A program on this machine, where no key is configured.
    Local,
    /// Nobody that is known, and why not.
    Nobody(Stranger),
}

/// Why somebody is not known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stranger {
    NoKey,
    WrongKey,
    /// There are no keys, and they are on another machine.
    Elsewhere,
    /// There are no keys, and another program speaks for them.
    Proxied,
    /// There are no keys, and a browser asks for a page of somebody else.
    ForeignPage,
}

impl Caller {
    /// What calls and records call them.
    pub(crate) fn name(&self) -> &str {
        match self {
            Caller::Key { name, .. } => name,
            Caller::Local => "local",
            Caller::Nobody(_) => "",
        }
    }

    fn may(&self, scope: Scope) -> Result<(), Problem> {
        match self {
            Caller::Local => Ok(()),
            Caller::Key { scopes, .. } if scopes.contains(&scope) => Ok(()),
            Caller::Key { name, .. } => {
                Err(Problem::new(FORBIDDEN, format!("the key `{name}` lacks the scope `{}` that this needs", scope.word())))
            }
            Caller::Nobody(stranger) => Err(stranger.problem()),
        }
    }
}

impl Stranger {
    fn problem(self) -> Problem {
        match self {
            Stranger::NoKey => Problem::new(NO_KEY, "send a key of `keys` in [api] as `Authorization: Bearer KEY`"),
            Stranger::WrongKey => Problem::new(NO_KEY, "the key is none of `keys` in [api]"),
            Stranger::Elsewhere => {
                Problem::new(FORBIDDEN, "no `keys` are configured in [api], so only programs on the node's own machine may ask")
            }
            Stranger::Proxied => Problem::new(FORBIDDEN, "this came through a proxy, and no `keys` are configured in [api]"),
            Stranger::ForeignPage => Problem::new(FORBIDDEN, "a page of another site asks, and no `keys` are configured in [api]"),
        }
    }
}

/// Tells who sends each request and counts it against what they may, before anything else is done.
pub(crate) async fn identify(State(interface): State<Arc<Interface>>, mut request: Request, next: Next) -> Response {
    let peer = peer_of(&request);
    let settings = interface.settings.now();
    let caller = caller(&settings, peer, request.headers());
    let asker = match &caller {
        Caller::Key { name, .. } => Asker::Key(name.clone()),
        Caller::Local | Caller::Nobody(_) => Asker::source(peer),
    };
    if let Err(seconds) = interface.rates.take(asker, settings.rate, Instant::now()) {
        return Problem::new(TOO_MANY, format!("more than {} requests a second are not served", settings.rate))
            .after(seconds)
            .into_response();
    }
    request.extensions_mut().insert(caller);
    next.run(request).await
}

/// Lets only those through who may do what needs `scope`.
pub(crate) async fn require(State(scope): State<Scope>, request: Request, next: Next) -> Response {
    let caller = request.extensions().get::<Caller>();
    match caller.map_or_else(|| Err(Stranger::NoKey.problem()), |caller| caller.may(scope)) {
        Ok(()) => next.run(request).await,
        Err(problem) => problem.into_response(),
    }
}

/// Who may ask where programs are used to be asked for no key: who is on this machine, or with `open` whoever reaches it, but not by way of
/// a page of somebody else; and who shows a key that may.
pub(crate) fn may_without_key(settings: &Settings, request: &Request, open: bool) -> Result<(), Problem> {
    if let Some(caller @ Caller::Key { .. }) = request.extensions().get::<Caller>() {
        return caller.may(Scope::Call);
    }
    if open {
        let is_own = is_own_page(settings, request.headers());
        return if is_own { Ok(()) } else { Err(Problem::new(FORBIDDEN, "a page of another site asks")) };
    }
    match stranger_here(settings, peer_of(request), request.headers()) {
        None => Ok(()),
        Some(_) => Err(Problem::new(FORBIDDEN, "only programs on the node's own machine may ask, or who has a key with the scope `call`")),
    }
}

fn peer_of(request: &Request) -> IpAddr {
    request.extensions().get::<Peer>().map_or(IpAddr::from([0, 0, 0, 0]), |peer| peer.0.ip().to_canonical())
}

fn caller(settings: &Settings, peer: IpAddr, headers: &HeaderMap) -> Caller {
    if settings.keys.is_empty() {
        return stranger_here(settings, peer, headers).map_or(Caller::Local, Caller::Nobody);
    }
    let Some(shown) = headers.get(header::AUTHORIZATION) else { return Caller::Nobody(Stranger::NoKey) };
    let Some(key) = bearer(shown.as_bytes()) else { return Caller::Nobody(Stranger::NoKey) };
    match find(&settings.keys, key) {
        Some(key) => Caller::Key { name: key.name.clone(), scopes: key.scopes.clone() },
        None => Caller::Nobody(Stranger::WrongKey),
    }
}

/// The name of the scheme is of either case (RFC 9110 §11.1).
fn bearer(value: &[u8]) -> Option<&[u8]> {
    let (scheme, key) = value.split_at_checked(b"Bearer ".len())?;
    scheme.eq_ignore_ascii_case(b"Bearer ").then(|| key.trim_ascii())
}

/// All keys are looked at, each to its end: how long it takes tells nothing of what they are.
fn find<'k>(keys: &'k [Key], shown: &[u8]) -> Option<&'k Key> {
    keys.iter().fold(None, |found, key| if bool::from(key.key.expose().as_bytes().ct_eq(shown)) { Some(key) } else { found })
}

/// Why somebody without a key is not taken for a program on this machine. A browser on it may ask for pages that are not ours: by
/// their own name, which an `Origin` tells, or by a name of theirs that leads here, which `Host` tells.
fn stranger_here(settings: &Settings, peer: IpAddr, headers: &HeaderMap) -> Option<Stranger> {
    if !peer.is_loopback() {
        return Some(Stranger::Elsewhere);
    }
    if headers.contains_key("forwarded") || headers.contains_key("x-forwarded-for") {
        return Some(Stranger::Proxied);
    }
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok());
    let is_ours = host.and_then(|host| host.parse::<Authority>().ok()).is_none_or(|host| is_loopback(host.host()));
    if is_ours && is_own_page(settings, headers) { None } else { Some(Stranger::ForeignPage) }
}

/// Whether no page asks, or one of ours, or one that the configuration names.
fn is_own_page(settings: &Settings, headers: &HeaderMap) -> bool {
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok());
    let is_same = |origin: &str| origin.split_once("://").map(|(_, rest)| rest) == host;
    let origin = headers.get(header::ORIGIN).map(|origin| origin.to_str().unwrap_or_default());
    origin.is_none_or(|origin| is_same(origin) || settings.cors.iter().any(|other| **other == *origin))
}

fn is_loopback(host: &str) -> bool {
    let address = host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
    host.eq_ignore_ascii_case("localhost") || address.is_ok_and(|address| address.to_canonical().is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;
    use tandem_model::Secret;

    fn settings(keys: &[(&str, &str)]) -> Settings {
        let key = |(name, key): &(&str, &str)| Key { name: Arc::from(*name), key: Secret::new(key), scopes: [Scope::Read].into() };
        Settings {
            keys: keys.iter().map(key).collect(),
            cors: ["https://a.example".into()].into(),
            rate: 10,
            body: 1024,
            opentok: Box::default(),
            webex: None,
        }
    }

    fn told(settings: &Settings, peer: &str, headers: &[(&'static str, &str)]) -> Result<String, Stranger> {
        let headers = headers.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect();
        match caller(settings, peer.parse().unwrap(), &headers) {
            Caller::Nobody(stranger) => Err(stranger),
            known => Ok(known.name().to_owned()),
        }
    }

    #[test]
    fn a_key_is_known_wherever_it_comes_from() {
        let settings = settings(&[("one", "0123456789abcdef"), ("two", "fedcba9876543210")]);
        let shown = |value: &str| told(&settings, "192.0.2.1", &[("authorization", value)]);
        assert_eq!(shown("Bearer fedcba9876543210"), Ok("two".into()));
        assert_eq!(shown("bearer  0123456789abcdef "), Ok("one".into()));
        for wrong in ["Bearer 0123456789abcdeg", "Bearer 0123456789abcde", "Bearer 0123456789abcdef0", "Bearer "] {
            assert_eq!(shown(wrong), Err(Stranger::WrongKey), "{wrong}");
        }
        assert_eq!(shown("Basic 0123456789abcdef"), Err(Stranger::NoKey));
        assert_eq!(told(&settings, "127.0.0.1", &[]), Err(Stranger::NoKey), "with keys, also those on this machine need one");
    }

    #[test]
    fn without_keys_a_program_on_this_machine_is_let_and_no_page() {
        let settings = settings(&[]);
        let told = |peer: &str, headers: &[(&'static str, &str)]| told(&settings, peer, headers);
        for host in ["127.0.0.1:8080", "localhost", "LOCALHOST:1", "[::1]:8080", "127.0.0.9"] {
            assert_eq!(told("127.0.0.1", &[("host", host)]), Ok("local".into()), "{host}");
        }
        assert_eq!(told("::1", &[]), Ok("local".into()));
        assert_eq!(told("192.0.2.1", &[]), Err(Stranger::Elsewhere));
        assert_eq!(told("127.0.0.1", &[("x-forwarded-for", "192.0.2.1")]), Err(Stranger::Proxied));
        assert_eq!(told("127.0.0.1", &[("host", "rebound.example:8080")]), Err(Stranger::ForeignPage));
        let page = |origin: &str| told("127.0.0.1", &[("host", "127.0.0.1:8080"), ("origin", origin)]);
        assert_eq!(page("http://127.0.0.1:8080"), Ok("local".into()));
        assert_eq!(page("https://a.example"), Ok("local".into()));
        for foreign in ["https://b.example", "null", "http://127.0.0.1:8081"] {
            assert_eq!(page(foreign), Err(Stranger::ForeignPage), "{foreign}");
        }
    }
}
