//! Whose addresses are known: those that the configuration names, and those that its names stand for.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::{IpAddr, Ipv6Addr},
    time::Duration,
};
use tandem_config::{Abuse, Config, Network};
use tandem_model::{Timestamp, neighbourhood};

/// Addresses that names of trunks stood for and that are remembered; with more the one that was seen longest ago goes.
const MAX_LOCATED: usize = 4_096;

/// Names that are remembered of one such address; with more the one that was seen longest ago goes.
const MAX_NAMES: usize = 4;

/// How long such an address is remembered after it was last seen.
const LOCATED: Duration = Duration::from_secs(24 * 60 * 60);

/// The rules of `[abuse]`, and whose addresses are known.
#[derive(Clone, Debug)]
pub(crate) struct AbuseRules {
    pub(super) terms: Abuse,
    networks: BTreeSet<Network>,
    /// The lengths that there are among them.
    prefixes: BTreeSet<u8>,
    /// The sources that they are a part of.
    sources: BTreeSet<IpAddr>,
    /// The names of trunks.
    hosts: BTreeSet<Box<str>>,
}

impl AbuseRules {
    pub(crate) fn compile(config: &Config) -> AbuseRules {
        let listed = config.abuse.allow.iter().map(|network| network.value);
        let networks: BTreeSet<Network> = config.trunk_networks().chain(listed).collect();
        AbuseRules {
            terms: config.abuse.clone(),
            prefixes: networks.iter().map(|network| network.prefix).collect(),
            sources: networks.iter().map(|network| neighbourhood(network.address)).collect(),
            networks,
            hosts: config.trunk_hosts().map(plain).collect(),
        }
    }

    /// Whether that is a name of a trunk's.
    pub(super) fn names(&self, host: &str) -> bool {
        !self.hosts.is_empty() && self.hosts.contains(&plain(host))
    }

    pub(super) fn knows(&self, address: IpAddr) -> bool {
        let around = |prefix: &u8| Network::around(address, *prefix).is_some_and(|network| self.networks.contains(&network));
        self.prefixes.iter().any(around)
    }

    /// Whether somebody known is at that source, alone or not.
    pub(super) fn knows_some_of(&self, source: IpAddr) -> bool {
        self.sources.contains(&source) || self.knows(source)
    }
}

/// Where the names of trunks led.
#[derive(Debug, Default)]
pub(super) struct LocatedHops {
    hops: BTreeMap<IpAddr, Hop>,
}

/// What leads to one address.
#[derive(Debug)]
struct Hop {
    /// The one that was seen last is the last.
    names: Vec<Name>,
}

#[derive(Debug)]
struct Name {
    host: Box<str>,
    until: Timestamp,
}

impl Hop {
    fn until(&self) -> Option<Timestamp> {
        self.names.last().map(|name| name.until)
    }

    fn is_known(&self, now: Timestamp) -> bool {
        self.until().is_some_and(|until| now < until)
    }

    fn note(&mut self, host: &str, until: Timestamp) {
        let known = self.names.iter().position(|name| name.host.eq_ignore_ascii_case(without_root(host)));
        if let Some(known) = known {
            self.names[known..].rotate_left(1);
        } else {
            if self.names.len() >= MAX_NAMES {
                self.names.remove(0);
            }
            self.names.push(Name { host: plain(host), until });
        }
        if let Some(last) = self.names.last_mut() {
            last.until = until;
        }
    }
}

impl LocatedHops {
    pub(super) fn note(&mut self, now: Timestamp, host: &str, address: IpAddr) {
        let (address, until) = (address.to_canonical(), now + LOCATED);
        if let Some(hop) = self.hops.get_mut(&address) {
            return hop.note(host, until);
        }
        if self.hops.len() >= MAX_LOCATED
            && let Some(oldest) = self.hops.iter().min_by_key(|(_, hop)| hop.until()).map(|(address, _)| *address)
        {
            self.hops.remove(&oldest);
        }
        self.hops.insert(address, Hop { names: vec![Name { host: plain(host), until }] });
    }

    pub(super) fn knows(&self, now: Timestamp, address: IpAddr) -> bool {
        !self.hops.is_empty() && self.hops.get(&address.to_canonical()).is_some_and(|hop| hop.is_known(now))
    }

    /// Whether one of them is at that source.
    pub(super) fn knows_some_of(&self, now: Timestamp, source: IpAddr) -> bool {
        let last = match source {
            IpAddr::V6(first) => IpAddr::V6(Ipv6Addr::from_bits(first.to_bits() | u128::from(u64::MAX))),
            v4 => v4,
        };
        self.hops.range(source..=last).any(|(_, hop)| hop.is_known(now))
    }

    /// Forgets where names led that are no trunk's any more.
    pub(super) fn keep(&mut self, rules: &AbuseRules) {
        self.hops.retain(|_, hop| {
            hop.names.retain(|name| rules.names(&name.host));
            !hop.names.is_empty()
        });
    }

    pub(super) fn len(&self) -> usize {
        self.hops.len()
    }
}

fn plain(host: &str) -> Box<str> {
    without_root(host).to_ascii_lowercase().into()
}

fn without_root(host: &str) -> &str {
    host.strip_suffix('.').unwrap_or(host)
}
