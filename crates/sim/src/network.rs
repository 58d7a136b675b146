//! Paths between addresses and what they do to datagrams.

use crate::queue::{Datagram, Event, InFlight};
use std::{collections::BTreeMap, net::IpAddr, time::Duration};
use tandem_model::{Random, Timestamp};

/// What a stream loses comes so much later.
const RESEND: Duration = Duration::from_millis(300);

/// One direction of a path. Reordering comes from jitter: a later datagram may draw the shorter delay.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Link {
    /// How long a datagram takes at least.
    pub delay: Duration,
    /// What is added at most, drawn for each datagram.
    pub jitter: Duration,
    /// How many of a thousand are lost.
    pub loss: u16,
    /// How many of a thousand arrive twice, the second drawing a delay of its own.
    pub duplicates: u16,
    /// How many of a thousand arrive with a few bytes changed.
    pub garbled: u16,
    /// At how many of a thousand messages a connection breaks.
    pub breaks: u16,
}

impl Link {
    /// A millisecond and no trouble.
    pub const CLEAN: Link = Link { delay: Duration::from_millis(1), jitter: Duration::ZERO, loss: 0, duplicates: 0, garbled: 0, breaks: 0 };

    /// Nothing gets through.
    pub const CUT: Link = Link { loss: 1000, ..Link::CLEAN };
}

impl Default for Link {
    fn default() -> Self {
        Link::CLEAN
    }
}

/// All paths, and the dice.
#[derive(Debug)]
pub(crate) struct Network {
    random: Random,
    usual: Link,
    links: BTreeMap<(IpAddr, IpAddr), Link>,
}

impl Network {
    pub(crate) fn new(seed: u64) -> Network {
        Network { random: Random::new(seed), usual: Link::CLEAN, links: BTreeMap::new() }
    }

    pub(crate) fn set_usual(&mut self, link: Link) {
        self.usual = link;
    }

    pub(crate) fn set(&mut self, from: IpAddr, to: IpAddr, link: Link) {
        self.links.insert((from, to), link);
    }

    /// Puts a datagram on its way, once, twice or not at all.
    pub(crate) fn send(&mut self, now: Timestamp, mut datagram: Datagram, flight: &mut InFlight) {
        let link = self.of(datagram.from.ip(), datagram.to.ip());
        if self.chance(link.loss) {
            return;
        }
        if self.chance(link.duplicates) {
            let at = now + self.delay(link);
            flight.push(at, Event::Datagram(datagram.clone()));
        }
        let at = now + self.delay(link);
        if self.chance(link.garbled) {
            self.garble(&mut datagram.bytes);
        }
        flight.push(at, Event::Datagram(datagram));
    }

    /// How long a piece of a stream takes, however often it has to be sent. `None` where nothing gets through.
    pub(crate) fn trip(&mut self, from: IpAddr, to: IpAddr) -> Option<Duration> {
        let link = self.of(from, to);
        if link.loss >= 1000 {
            return None;
        }
        let mut trip = self.delay(link);
        while self.chance(link.loss) {
            trip += RESEND;
        }
        Some(trip)
    }

    /// Whether a connection breaks at what is now written to it.
    pub(crate) fn breaks(&mut self, from: IpAddr, to: IpAddr) -> bool {
        let breaks = self.of(from, to).breaks;
        self.chance(breaks)
    }

    /// Cuts what is written into what is read at once.
    pub(crate) fn pieces<'b>(&mut self, bytes: &'b [u8]) -> Vec<&'b [u8]> {
        let (first, rest) = bytes.split_at(self.random.below(bytes.len() as u64 + 1) as usize);
        let (second, third) = rest.split_at(self.random.below(rest.len() as u64 + 1) as usize);
        [first, second, third].into_iter().filter(|piece| !piece.is_empty()).collect()
    }

    fn of(&self, from: IpAddr, to: IpAddr) -> Link {
        self.links.get(&(from, to)).copied().unwrap_or(self.usual)
    }

    fn garble(&mut self, bytes: &mut Vec<u8>) {
        for _ in 0..1 + self.random.below(3) {
            let place = self.random.below(bytes.len() as u64) as usize;
            match self.random.below(4) {
                0 => bytes.truncate(place),
                1 => bytes.insert(place, self.random.next_u64() as u8),
                2 => drop((place < bytes.len()).then(|| bytes.remove(place))),
                _ => bytes.iter_mut().skip(place).take(1).for_each(|byte| *byte = self.random.next_u64() as u8),
            }
        }
    }

    fn chance(&mut self, per_mille: u16) -> bool {
        per_mille > 0 && self.random.below(1000) < u64::from(per_mille)
    }

    fn delay(&mut self, link: Link) -> Duration {
        let spread = u64::try_from(link.jitter.as_micros()).unwrap_or(u64::MAX);
        link.delay + Duration::from_micros(if spread == 0 { 0 } else { self.random.below(spread) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn arrivals(link: Link, count: usize) -> Vec<Timestamp> {
        let (mut network, mut flight) = (Network::new(7), InFlight::default());
        network.set_usual(link);
        for _ in 0..count {
            let datagram = Datagram { from: crate::ALICE, to: crate::CORE, bytes: Vec::new(), rtp: false, over: None };
            network.send(Timestamp::ZERO, datagram, &mut flight);
        }
        let mut seen = Vec::new();
        while let Some(at) = flight.next() {
            flight.pop_due(at);
            seen.push(at);
        }
        seen
    }

    #[test]
    fn links_delay_lose_and_double_as_they_say() {
        assert_eq!(arrivals(Link::CLEAN, 2), [Timestamp::from_millis(1); 2]);
        assert!(arrivals(Link::CUT, 100).is_empty());
        let lossy = arrivals(Link { loss: 500, ..Link::CLEAN }, 1000).len();
        assert!((400..600).contains(&lossy), "{lossy}");
        let doubled = arrivals(Link { duplicates: 500, ..Link::CLEAN }, 1000).len();
        assert!((1400..1600).contains(&doubled), "{doubled}");
        let spread = arrivals(Link { jitter: Duration::from_millis(10), ..Link::CLEAN }, 100);
        assert!(spread[0] < Timestamp::from_millis(3) && spread[99] > Timestamp::from_millis(8));
    }
}
