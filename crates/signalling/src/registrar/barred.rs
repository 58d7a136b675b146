//! Where no user is called: a call would be taken for one of ours by somebody whom routes, limits and `may_call` stand before.

use std::collections::BTreeSet;
use std::net::{IpAddr, SocketAddr};
use std::ops::RangeInclusive;
use tandem_model::Destination;

/// The places of trunks, and ours.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Barred {
    /// What our listeners are bound to, and what they are called.
    own: BTreeSet<SocketAddr>,
    /// Addresses that trunks have, in order; none lies in two.
    trunks: Box<[RangeInclusive<IpAddr>]>,
}

impl Barred {
    /// `trunks`: ranges of addresses, of which two lie apart or one within the other.
    pub fn new(own: impl IntoIterator<Item = SocketAddr>, trunks: impl IntoIterator<Item = RangeInclusive<IpAddr>>) -> Barred {
        let mut ranges: Vec<_> = trunks.into_iter().collect();
        ranges.sort_by_key(|range| (*range.start(), std::cmp::Reverse(*range.end())));
        ranges.dedup_by(|next, before| before.contains(next.start()));
        Barred { own: own.into_iter().map(canonical).collect(), trunks: ranges.into() }
    }

    /// Whether one who registers from `source` may not be called there. A name is nowhere that could be judged.
    pub(super) fn bars_hop(&self, hop: &Destination, source: SocketAddr) -> bool {
        match hop {
            Destination::Address(address) | Destination::Back { remote: address, .. } | Destination::Hop { address, .. } => {
                self.bars(*address, source)
            }
            Destination::Name { .. } | Destination::Domain { .. } => true,
        }
    }

    /// Whether one who registers from `source` may not be called at `hop`. Who is a trunk's neighbour, or shares its address, is there
    /// with the very port that they register from.
    fn bars(&self, hop: SocketAddr, source: SocketAddr) -> bool {
        let (hop, source) = (canonical(hop), canonical(source));
        self.own.contains(&hop) || hop != source && self.is_of_trunk(hop.ip())
    }

    fn is_of_trunk(&self, address: IpAddr) -> bool {
        let behind = self.trunks.partition_point(|range| *range.start() <= address);
        self.trunks[..behind].last().is_some_and(|range| range.contains(&address))
    }
}

fn canonical(address: SocketAddr) -> SocketAddr {
    SocketAddr::new(address.ip().to_canonical(), address.port())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_neighbour_of_a_trunk_is_where_it_comes_from_and_nobody_is_where_we_are() {
        let at = |text: &str| text.parse::<SocketAddr>().unwrap();
        let range = |first: &str, last: &str| first.parse().unwrap()..=last.parse().unwrap();
        let trunks = [range("10.0.2.7", "10.0.2.7"), range("10.0.2.0", "10.0.2.255"), range("10.0.4.4", "10.0.4.4")];
        let barred = Barred::new([at("10.0.0.1:5060")], trunks);
        assert!(barred.bars(at("10.0.0.1:5060"), at("10.0.0.1:5060")), "ours");
        assert!(!barred.bars(at("10.0.0.1:5070"), at("10.0.0.1:5090")), "a phone on our host");
        for there in ["10.0.2.0", "10.0.2.7", "10.0.2.9", "10.0.2.255", "10.0.4.4", "::ffff:10.0.4.4"] {
            let (one, other) = (SocketAddr::new(there.parse().unwrap(), 5060), SocketAddr::new(there.parse().unwrap(), 5061));
            assert!(barred.bars(one, other) && !barred.bars(one, one), "{there}");
        }
        for there in ["10.0.1.255", "10.0.3.0", "10.0.4.5", "::1"] {
            let there = SocketAddr::new(there.parse().unwrap(), 5060);
            assert!(!barred.bars(there, SocketAddr::new(there.ip(), 5061)), "{there}");
        }
    }
}
