//! Where our trunks are, and where we are, as far as the file says it in addresses.

use crate::{Config, Host, Network, Target};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use tandem_model::Destination;

impl Config {
    /// The addresses of trunks: `sources`, and those of `targets`, `register` and `proxy` that are no names.
    pub fn trunk_networks(&self) -> impl Iterator<Item = Network> {
        let matching = self.trunks.iter().filter_map(|trunk| trunk.matching.as_ref());
        // A trunk whose `match` takes everybody's address knows its callers by something else.
        let sources = matching.flat_map(|matching| matching.sources.iter().map(|source| source.value)).filter(|source| source.prefix > 0);
        let addresses = self.trunk_hops().filter_map(|hop| match &hop.destination {
            Destination::Address(address) | Destination::Hop { address, .. } => {
                Network::around(address.ip(), if address.ip().to_canonical().is_ipv4() { 32 } else { 128 })
            }
            Destination::Back { .. } | Destination::Name { .. } | Destination::Domain { .. } => None,
        });
        sources.chain(addresses)
    }

    /// The names of trunks: those of `targets`, `register` and `proxy` that are no addresses.
    pub fn trunk_hosts(&self) -> impl Iterator<Item = &str> {
        self.trunk_hops().filter_map(|hop| match &hop.destination {
            Destination::Name { host, .. } | Destination::Domain { host, .. } => Some(&**host),
            Destination::Address(_) | Destination::Hop { .. } | Destination::Back { .. } => None,
        })
    }

    /// Where trunks are called and registered with.
    fn trunk_hops(&self) -> impl Iterator<Item = &Target> {
        self.trunks.iter().flat_map(|trunk| {
            let registrars = trunk.register.iter().map(|register| &register.uri);
            trunk.targets.iter().map(|target| &target.uri).chain(registrars).map(|target| trunk.next_hop(target))
        })
    }

    /// The addresses and ports of our listeners: what they are bound to, and what they are called.
    pub fn own_places(&self) -> Vec<SocketAddr> {
        let mut places = Vec::new();
        for listener in &self.listeners {
            let bind = *listener.bind;
            let local = [IpAddr::V4(Ipv4Addr::LOCALHOST), IpAddr::V6(Ipv6Addr::LOCALHOST)];
            match bind.ip().is_unspecified() {
                true => places.extend(local.map(|address| SocketAddr::new(address, bind.port()))),
                false => places.push(bind),
            }
            if let Some(advertise) = &listener.advertise
                && let Host::Address(address) = advertise.host
            {
                places.push(SocketAddr::new(address, advertise.port.unwrap_or(bind.port())));
            }
        }
        places
    }
}
