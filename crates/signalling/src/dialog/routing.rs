//! Route sets, loose and strict, and the place that a URI names (RFC 3261 §12.2.1.1, §8.1.2, §18.1.1).

use super::{DialogError, MAX_ROUTES};
use crate::message::{Host, Message, NameAddr, Scheme, Uri};
use std::net::{IpAddr, SocketAddr};
use tandem_model::{Destination, Transport};

/// Where a URI sends its requests.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct NextHop {
    /// Address or name, and port.
    pub(super) destination: Destination,
    /// Its `transport` parameter, where that is a transport without TLS of ours.
    pub(super) transport: Option<Transport>,
}

/// [`place_of`] a URI that is still to be read.
pub(super) fn next_hop(uri: &str, over: Transport) -> Option<NextHop> {
    place_of(&Uri::parse(uri).ok()?, over)
}

/// Where a route leads to that requests leave `over`, and what transport without TLS it asks for.
pub(crate) fn first_hop(uri: &str, over: Transport) -> Option<(Destination, Option<Transport>)> {
    next_hop(uri, over).map(|hop| (hop.destination, hop.transport))
}

/// Where requests to that URI go, if they can.
pub(crate) fn destination_of(uri: &Uri<'_>, over: Transport) -> Option<Destination> {
    place_of(uri, over).map(|hop| hop.destination)
}

/// The place that a SIP URI names: its `maddr` if it has one, else its host. `None` for what is not a SIP URI, and for `sips` where
/// requests leave `over` less than TLS (RFC 3261 §26.2.2).
pub(super) fn place_of(uri: &Uri<'_>, over: Transport) -> Option<NextHop> {
    let asks_for_tls = match uri.scheme {
        Scheme::Sip => uri.transport().is_some_and(|transport| transport.eq_ignore_ascii_case("tls")),
        Scheme::Sips if over.is_secure() => true,
        _ => return None,
    };
    // §19.1.2, and what stays on a connection of TLS is at the port of TLS.
    let port = uri.port.unwrap_or(if asks_for_tls { Transport::Tls.default_port() } else { over.default_port() });
    let destination = match uri.maddr() {
        Some(name) => match name.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>() {
            Ok(address) => Destination::Address(SocketAddr::new(address, port)),
            Err(_) => Destination::Name { host: name.into(), port: uri.port },
        },
        None => match uri.host {
            Host::V4(address) => Destination::Address(SocketAddr::new(IpAddr::V4(address), port)),
            Host::V6(address) => Destination::Address(SocketAddr::new(IpAddr::V6(address), port)),
            Host::Name(name) => Destination::Name { host: name.into(), port: uri.port },
        },
    };
    Some(NextHop { destination, transport: transport_of(uri) })
}

fn transport_of(uri: &Uri<'_>) -> Option<Transport> {
    let asked = uri.transport()?;
    [Transport::Udp, Transport::Tcp].into_iter().find(|known| known.token().eq_ignore_ascii_case(asked))
}

/// The URIs that a dialog's requests travel through, nearest first.
#[derive(Clone, Debug, Default)]
pub(super) struct RouteSet {
    /// Route values as they came (`<sip:…;lr>`), parameters and all.
    routes: Box<[Box<str>]>,
}

impl RouteSet {
    /// The callee's: Record-Route in its order (§12.1.1).
    pub(super) fn from_request(request: &Message) -> Result<RouteSet, DialogError> {
        RouteSet::new(request, false)
    }

    /// The caller's: Record-Route backwards (§12.1.2).
    pub(super) fn from_response(response: &Message) -> Result<RouteSet, DialogError> {
        RouteSet::new(response, true)
    }

    fn new(message: &Message, backwards: bool) -> Result<RouteSet, DialogError> {
        let mut routes: Vec<Box<str>> = message.record_routes().take(MAX_ROUTES + 1).map(Into::into).collect();
        if routes.len() > MAX_ROUTES {
            return Err(DialogError::TooManyRoutes);
        }
        if backwards {
            routes.reverse();
        }
        Ok(RouteSet { routes: routes.into_boxed_slice() })
    }

    /// Where requests go whose target is at `place`: to the first route, if there is one.
    pub(super) fn next_hop(&self, place: Option<NextHop>, over: Transport) -> Option<NextHop> {
        self.first().map_or(place, |first| next_hop(first, over))
    }

    /// The URI of the first route.
    pub(super) fn first(&self) -> Option<&str> {
        self.routes.first().and_then(|route| uri_of(route))
    }

    /// Request-URI and Route values for `target` (§12.2.1.1): through a strict router the first route becomes the
    /// Request-URI and the target goes to the end.
    pub(super) fn plan<'a>(&'a self, target: &'a str) -> (&'a str, impl Iterator<Item = RouteValue<'a>>) {
        let strict = self.first().filter(|first| is_strict(first));
        let skipped = usize::from(strict.is_some());
        let last = strict.map(|_| RouteValue::Target(target));
        let routes = self.routes.iter().skip(skipped).map(|route| RouteValue::AsItCame(route)).chain(last);
        (strict.unwrap_or(target), routes)
    }
}

/// One Route value.
pub(super) enum RouteValue<'a> {
    AsItCame(&'a str),
    Target(&'a str),
}

impl std::fmt::Display for RouteValue<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            RouteValue::AsItCame(value) => f.write_str(value),
            RouteValue::Target(uri) => write!(f, "<{uri}>"),
        }
    }
}

/// Whether it is a router of RFC 2543, which has no `lr`.
fn is_strict(route: &str) -> bool {
    Uri::parse(route).is_ok_and(|uri| matches!(uri.scheme, Scheme::Sip | Scheme::Sips) && !uri.is_loose_router())
}

fn uri_of(route: &str) -> Option<&str> {
    NameAddr::parse(route).ok().map(|address| address.uri)
}
