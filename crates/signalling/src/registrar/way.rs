//! How a contact is reached: where it says, or over the flow that it registered over. That is always the host that its REGISTER came
//! from: at another its user could have us call whom the routes do not let them call, as those who trust our address.

use super::request::Wanted;
use crate::call::NodeFacts;
use crate::dialog::destination_of;
use crate::message::{HeaderName, Host, Message, NameAddr, Uri};
use crate::wire::{Arrival, ReturnTo};
use std::net::{IpAddr, SocketAddr};
use tandem_model::{Destination, Flow, ListenerId, Transport};

/// The way of the calls to a contact.
#[derive(Debug)]
pub(super) struct Way {
    pub(super) listener: ListenerId,
    pub(super) hop: Destination,
    pub(super) over_flow: bool,
    pub(super) behind_nat: bool,
}

/// Whether a request that came over that flow comes through a NAT: its Via names another host than the one that it came from.
pub fn is_behind_nat(request: &Message, flow: &Flow) -> bool {
    let Ok(via) = request.via() else { return false };
    match via.address() {
        Some(address) => address != flow.remote.ip(),
        // RFC 7118 §5: who does not know its own address writes one that never is.
        None => via.host.to_ascii_lowercase().ends_with(".invalid"),
    }
}

/// Where the answer to a request of somebody who is challenged goes: through a NAT back where it came from, whatever its Via asks for.
pub fn answer_destination(request: &Message, flow: &Flow, is_nat: bool) -> Destination {
    ReturnTo::of(is_nat || is_behind_nat(request, flow)).destination(request, flow)
}

/// RFC 5626 §6: somebody stands between the phone and us, and its first hop did not say in its Path that it keeps flows.
pub(super) fn lacks_outbound(request: &Message, path: &[&str]) -> bool {
    let first_hop = path.last().and_then(|value| NameAddr::parse(value).ok()).and_then(|address| Uri::parse(address.uri).ok());
    is_relayed(request) && !first_hop.is_some_and(|uri| uri.params.has("ob"))
}

fn is_relayed(request: &Message) -> bool {
    request.values(HeaderName::Via).nth(1).is_some()
}

/// The way to a contact. `None` if there is none that we could go.
pub(super) fn way_to(node: &NodeFacts, arrival: &Arrival, path: &[&str], wanted: &Wanted<'_>, is_nat: bool) -> Option<Way> {
    let (request, flow) = (&arrival.message, &arrival.flow);
    let beside = |transport: Option<&str>| {
        let asked =
            transport.and_then(|asked| [Transport::Udp, Transport::Tcp].into_iter().find(|one| one.token().eq_ignore_ascii_case(asked)));
        // What TLS keeps is not given away because a Contact says so.
        let asked = asked.filter(|_| !flow.transport.is_secure());
        asked.and_then(|transport| node.beside(flow.listener, transport)).unwrap_or(flow.listener)
    };
    if let Some(nearest) = path.first() {
        let proxy = NameAddr::parse(nearest).ok()?;
        let proxy = Uri::parse(proxy.uri).ok()?;
        let hop = on_host(flow, destination_of(&proxy, flow.transport)?)?;
        return Some(Way { listener: beside(proxy.transport()), hop, over_flow: false, behind_nat: is_nat });
    }
    let is_direct = !is_relayed(request);
    let behind_nat = is_nat || is_direct && (is_behind_nat(request, flow) || is_elsewhere(&wanted.uri, flow.remote.ip()));
    let back = Way { listener: flow.listener, hop: back_over(flow), over_flow: true, behind_nat };
    let over_connection = flow.transport.is_reliable() && is_direct && is_at(&wanted.uri, flow.remote.ip());
    if behind_nat || over_connection || wanted.reg_id.is_some() && is_direct {
        return Some(back);
    }
    match destination_of(&wanted.uri, flow.transport)? {
        Destination::Address(there) if is_same_host(there.ip(), flow.remote.ip()) => {
            let (hop, over_flow) = (Destination::Address(there), there == flow.remote);
            Some(Way { listener: beside(wanted.uri.transport()), hop, over_flow, behind_nat })
        }
        _ => Some(back),
    }
}

/// The place that a proxy names, on the host that its request came from, whatever host it names.
fn on_host(flow: &Flow, named: Destination) -> Option<Destination> {
    let at = |port: u16| SocketAddr::new(flow.remote.ip(), port);
    match named {
        Destination::Address(address) => Some(Destination::Address(at(address.port()))),
        Destination::Name { host, port } => {
            Some(Destination::Hop { address: at(port.unwrap_or(flow.transport.default_port())), domain: host })
        }
        Destination::Back { .. } | Destination::Domain { .. } | Destination::Hop { .. } => None,
    }
}

fn back_over(flow: &Flow) -> Destination {
    match flow.transport {
        // Whom that connection is with has been settled; whom a new one would be with has not.
        Transport::Tls => Destination::Back { remote: flow.remote, port: flow.remote.port() },
        Transport::Udp | Transport::Tcp => Destination::Address(flow.remote),
    }
}

fn address_of(uri: &Uri<'_>) -> Option<IpAddr> {
    match uri.host {
        Host::V4(address) => Some(address.into()),
        Host::V6(address) => Some(address.into()),
        Host::Name(_) => None,
    }
}

fn is_at(uri: &Uri<'_>, source: IpAddr) -> bool {
    address_of(uri).is_some_and(|address| is_same_host(address, source))
}

fn is_same_host(one: IpAddr, other: IpAddr) -> bool {
    one.to_canonical() == other.to_canonical()
}

/// Whether a contact is at another address than the one that its request came from: one of a house, seen from the street.
fn is_elsewhere(uri: &Uri<'_>, source: IpAddr) -> bool {
    match address_of(uri) {
        Some(address) => !is_same_host(address, source),
        None => matches!(uri.host, Host::Name(name) if name.to_ascii_lowercase().ends_with(".invalid")),
    }
}
