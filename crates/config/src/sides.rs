//! Which listener and which media side a trunk or a URI uses: what it says, or the first that fits.

use crate::{At, Config, Host, Listener, Target, Trunk};
use std::net::{IpAddr, Ipv4Addr};
use tandem_model::{Destination, ListenerId, MediaSide, Transport};

/// A listener and a media side that go together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sides {
    /// Where requests leave from.
    pub listener: ListenerId,
    /// Where media is.
    pub media: MediaSide,
}

impl Config {
    /// The listener of that name.
    pub fn listener(&self, name: &str) -> Option<ListenerId> {
        index_of(&self.listeners, |listener| &*listener.name == name).map(ListenerId)
    }

    /// The media side of that name.
    pub fn media_side(&self, name: &str) -> Option<MediaSide> {
        index_of(&self.media, |media| &*media.name == name).map(MediaSide)
    }

    /// The domains that are ours, as URIs write them: our domain, our name, and what our listeners are known by.
    pub fn domains(&self) -> Vec<Box<str>> {
        let written = |address: IpAddr| -> Box<str> {
            match address {
                IpAddr::V4(address) => address.to_string().into(),
                IpAddr::V6(address) => format!("[{address}]").into(),
            }
        };
        let mut domains: Vec<Box<str>> = self.node.domain.iter().chain([&self.node.name]).cloned().collect();
        for listener in &self.listeners {
            domains.push(written(listener.bind.ip()));
            match listener.advertise.as_ref().map(|advertise| &advertise.host) {
                Some(Host::Address(address)) => domains.push(written(*address)),
                Some(Host::Name(name)) => domains.push(name.clone()),
                None => {}
            }
        }
        domains
    }

    /// What a request from `trunk` (`None`: a plain URI of a route) to `target` uses, through its proxy if it has one. `None` if
    /// nothing fits.
    pub fn sides(&self, trunk: Option<&Trunk>, target: &Target) -> Option<Sides> {
        let target = trunk.map_or(target, |trunk| trunk.next_hop(target));
        let listener = match trunk.and_then(|trunk| trunk.listen.as_ref()) {
            Some(name) => self.listener(name)?,
            None => self.first_listener(target)?,
        };
        let media = self.media_beside(trunk, listener)?;
        Some(Sides { listener, media })
    }

    /// Where a request from `trunk` to `target` is sent first. A listener that the trunk names leaves a domain no choice of transport.
    pub fn hop(&self, trunk: &Trunk, target: &Target) -> Destination {
        match trunk.next_hop(target).destination.clone() {
            Destination::Domain { host, secure: false } if trunk.listen.is_some() => Destination::Name { host, port: None },
            destination => destination,
        }
    }

    /// The media side for a leg that uses `listener`: the trunk's own, or the first of the same address family,
    /// preferably one that is as local as the listener.
    pub fn media_beside(&self, trunk: Option<&Trunk>, listener: ListenerId) -> Option<MediaSide> {
        if let Some(name) = trunk.and_then(|trunk| trunk.media.as_ref()) {
            return self.media_side(name);
        }
        let beside = self.listeners.get(usize::from(listener.0))?.bind.ip();
        let is_of_family = |bind: IpAddr| bind.is_ipv4() == beside.is_ipv4();
        index_of(&self.media, |media| is_of_family(*media.bind) && media.bind.is_loopback() == beside.is_loopback())
            .or_else(|| index_of(&self.media, |media| is_of_family(*media.bind)))
            .map(MediaSide)
    }

    /// The first listener that a request to `target` can leave from, of the transport that it asks for. Where it asks for none
    /// UDP comes first (RFC 3263 §4.1). What a name stands for is not known yet: it takes the first listener that reaches beyond
    /// this machine.
    fn first_listener(&self, target: &Target) -> Option<ListenerId> {
        let first = |transport: Transport| {
            let of_transport = move |listener: &Listener| listener.transport == transport;
            let reaches = |target: IpAddr| index_of(&self.listeners, |listener| of_transport(listener) && listener.reaches(target));
            match &target.destination {
                Destination::Address(address) | Destination::Back { remote: address, .. } | Destination::Hop { address, .. } => {
                    reaches(address.ip())
                }
                Destination::Name { host, .. } | Destination::Domain { host, .. } if host.eq_ignore_ascii_case("localhost") => {
                    reaches(Ipv4Addr::LOCALHOST.into())
                }
                Destination::Name { .. } | Destination::Domain { .. } => {
                    index_of(&self.listeners, |listener| of_transport(listener) && !listener.bind.ip().is_loopback())
                        .or_else(|| index_of(&self.listeners, of_transport))
                }
            }
        };
        match target.transport {
            Some(transport) => first(transport),
            None => first(Transport::Udp).or_else(|| first(Transport::Tcp)),
        }
        .map(ListenerId)
    }
}

fn index_of<T>(sections: &[At<T>], fits: impl Fn(&T) -> bool) -> Option<u16> {
    sections.iter().position(|section| fits(section)).and_then(|index| u16::try_from(index).ok())
}
