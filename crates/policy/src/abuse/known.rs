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

#[derive(Debug)]
struct Hop {
    host: Box<str>,
    until: Timestamp,
}

impl LocatedHops {
    pub(super) fn note(&mut self, now: Timestamp, host: &str, address: IpAddr) {
        let (address, until) = (address.to_canonical(), now + LOCATED);
        if let Some(hop) = self.hops.get_mut(&address) {
            hop.until = until;
            return;
        }
        if self.hops.len() >= MAX_LOCATED
            && let Some(oldest) = self.hops.iter().min_by_key(|(_, hop)| hop.until).map(|(address, _)| *address)
        {
            self.hops.remove(&oldest);
        }
        self.hops.insert(address, Hop { host: host.into(), until });
    }

    pub(super) fn knows(&self, now: Timestamp, address: IpAddr) -> bool {
        !self.hops.is_empty() && self.hops.get(&address.to_canonical()).is_some_and(|hop| now < hop.until)
    }

    /// Whether one of them is at that source.
    pub(super) fn knows_some_of(&self, now: Timestamp, source: IpAddr) -> bool {
        let last = match source {
            IpAddr::V6(first) => IpAddr::V6(Ipv6Addr::from_bits(first.to_bits() | u128::from(u64::MAX))),
            v4 => v4,
        };
        self.hops.range(source..=last).any(|(_, hop)| now < hop.until)
    }

    /// Forgets where names led that are no trunk's any more.
    pub(super) fn keep(&mut self, rules: &AbuseRules) {
        self.hops.retain(|_, hop| rules.names(&hop.host));
    }

    pub(super) fn len(&self) -> usize {
        self.hops.len()
    }
}

fn plain(host: &str) -> Box<str> {
    host.strip_suffix('.').unwrap_or(host).to_ascii_lowercase().into()
}
