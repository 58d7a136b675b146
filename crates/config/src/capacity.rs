//! How many calls the node can carry: `[calls] max` against ports and descriptors.

use crate::{At, Config, Do, Endpoint, From, Place, Problems, Route, Trunk};
use std::collections::{BTreeMap, BTreeSet};
use tandem_model::{MediaSide, PORT_REST};

/// Ports (and sockets) that one leg's media takes: RTP and RTCP.
pub const PORTS_PER_LEG: u32 = 2;

/// Descriptors that are kept for everything but media and listeners: logs, pollers, dumps, name look-ups.
pub const DESCRIPTOR_RESERVE: u64 = 64;

/// `[calls] max` where the file does not say: this, or less if ports or descriptors do not allow it.
pub const MOST_CALLS_UNASKED: u32 = 4000;

/// What the costliest call takes, by the routes of the configuration.
#[derive(Default)]
struct Demand {
    /// Legs that one call can have on a side.
    legs_on: BTreeMap<MediaSide, u32>,
    /// Legs that one call can have here altogether.
    legs: u32,
}

impl Demand {
    fn add(&mut self, call: &[MediaSide]) {
        for side in call {
            let legs = u32::try_from(call.iter().filter(|other| *other == side).count()).unwrap_or(u32::MAX);
            let most = self.legs_on.entry(*side).or_default();
            *most = legs.max(*most);
        }
        self.legs = self.legs.max(u32::try_from(call.len()).unwrap_or(u32::MAX));
    }
}

/// What a stock of ports or descriptors allows.
struct Stock {
    /// How many there are.
    have: u64,
    /// What one call takes of them.
    per_call: u64,
    /// What rests at any time at full `max_cps`.
    resting: u64,
}

impl Stock {
    fn calls(&self) -> u64 {
        self.have.saturating_sub(self.resting).checked_div(self.per_call).unwrap_or(u64::MAX)
    }

    fn needed(&self, calls: u32) -> u64 {
        u64::from(calls) * self.per_call + self.resting
    }
}

impl Config {
    /// Calls at a time: what `[calls] max` says, or as many as ports and `descriptors` allow (`None`: any number), at
    /// most [`MOST_CALLS_UNASKED`].
    pub fn max_calls(&self, descriptors: Option<u64>) -> u32 {
        if let Some(max) = self.calls.max {
            return *max;
        }
        let demand = self.demand();
        let ports = demand.legs_on.iter().map(|(side, legs)| self.port_stock(*side, *legs).calls());
        let descriptors = descriptors.map(|have| self.descriptor_stock(&demand, have).calls());
        let calls = ports.chain(descriptors).min().unwrap_or(u64::MAX);
        u32::try_from(calls).unwrap_or(u32::MAX).min(MOST_CALLS_UNASKED)
    }

    /// Whether the process, which may open so many descriptors, can carry `[calls] max`.
    ///
    /// # Errors
    /// What is too little, and what it would have to be.
    pub fn check_descriptors(&self, descriptors: u64) -> Result<(), Problems> {
        let mut problems = Problems::new(&self.file);
        let stock = self.descriptor_stock(&self.demand(), descriptors);
        let (place, max) = self.wanted_calls();
        if stock.needed(max) > stock.have {
            let message = format!(
                "`max` = {max} calls take {} descriptors ({} a call, {DESCRIPTOR_RESERVE} for the rest of the program and one a listener); \
                 this process may open {descriptors}: raise the limit (`ulimit -n`), or lower `max` to {}",
                stock.needed(max) + self.fixed_descriptors(),
                stock.per_call,
                stock.calls()
            );
            problems.add(place, message);
        }
        problems.or(())
    }

    /// Reports media sides whose ports do not suffice.
    pub(crate) fn check_ports(&self, problems: &mut Problems) {
        let (place, max) = self.wanted_calls();
        for (side, legs) in &self.demand().legs_on {
            let stock = self.port_stock(*side, *legs);
            let Some(media) = self.media.get(usize::from(side.0)).filter(|_| stock.needed(max) > stock.have) else { continue };
            let message = format!(
                "`max` = {max} calls and `max_cps` = {} take {} ports of media side `{}` ({} a call, {} resting); `ports` {} has {}: widen it, \
                 or lower {}",
                *self.calls.max_cps,
                stock.needed(max),
                media.name,
                stock.per_call,
                stock.resting,
                *media.ports,
                stock.have,
                if stock.calls() == 0 { "`max_cps`".to_owned() } else { format!("`max` to {}, or `max_cps`", stock.calls()) }
            );
            problems.add(place, message);
        }
    }

    /// What `max` must be at least satisfied for: what it says, or one call.
    fn wanted_calls(&self) -> (Place, u32) {
        self.calls.max.map_or((self.calls.max_cps.place, 1), |max| (max.place, *max))
    }

    fn port_stock(&self, side: MediaSide, legs: u32) -> Stock {
        let have = self.media.get(usize::from(side.0)).map_or(0, |media| u64::from(media.ports.pairs()) * u64::from(PORTS_PER_LEG));
        self.stock(have, legs)
    }

    fn descriptor_stock(&self, demand: &Demand, descriptors: u64) -> Stock {
        // A resting socket is closed when another needs its descriptor, so none is kept back for them.
        let have = descriptors.saturating_sub(self.fixed_descriptors());
        Stock { have, per_call: u64::from(demand.legs * PORTS_PER_LEG), resting: 0 }
    }

    fn fixed_descriptors(&self) -> u64 {
        DESCRIPTOR_RESERVE + self.listeners.len() as u64
    }

    fn stock(&self, have: u64, legs: u32) -> Stock {
        let per_call = u64::from(legs * PORTS_PER_LEG);
        Stock { have, per_call, resting: per_call * u64::from(*self.calls.max_cps) * PORT_REST.as_secs() }
    }

    /// Walks every way that a call can take: from a trunk, by a route, to an endpoint.
    fn demand(&self) -> Demand {
        let mut demand = Demand::default();
        let mut seen: BTreeSet<(MediaSide, MediaSide)> = BTreeSet::new();
        for route in &self.routes {
            let callers = self.caller_sides(route);
            match &route.action.value {
                Do::Reject { .. } => {}
                Do::Bridge { .. } if !route.anchor => {}
                Do::Answer(_) => callers.iter().for_each(|caller| demand.add(&[*caller])),
                Do::Bridge { endpoints, .. } => {
                    let called: BTreeSet<MediaSide> = endpoints.iter().flat_map(|endpoint| self.called_sides(endpoint)).collect();
                    let pairs = callers.iter().flat_map(|caller| called.iter().map(move |called| (*caller, *called)));
                    seen.extend(pairs);
                }
            }
        }
        seen.iter().for_each(|(caller, called)| demand.add(&[*caller, *called]));
        demand
    }

    fn caller_sides(&self, route: &Route) -> BTreeSet<MediaSide> {
        let is_taken = |trunk: &Trunk| match &route.from {
            From::Anybody => true,
            From::Trunks(names) => names.iter().any(|name| name.value == trunk.name),
        };
        let callers = self.trunks.iter().filter(|trunk| trunk.matching.is_some() && is_taken(trunk));
        callers.flat_map(|trunk| self.sides_called_from(trunk)).collect()
    }

    /// Where a trunk's calls to us have their media: beside any listener that they can come in at.
    fn sides_called_from(&self, trunk: &At<Trunk>) -> BTreeSet<MediaSide> {
        let matching = trunk.matching.as_ref();
        let named = matching.and_then(|matching| matching.listen.as_ref());
        let listeners = (0..self.listeners.len()).filter_map(|index| {
            let listener = &self.listeners[index];
            let is_named = named.is_none_or(|name| name.value == listener.name);
            let fits = |matching: &At<crate::Match>| {
                matching.sources.is_empty() || matching.sources.iter().any(|source| source.address.is_ipv4() == listener.bind.is_ipv4())
            };
            (is_named && matching.is_some_and(fits)).then(|| u16::try_from(index).ok().map(tandem_model::ListenerId))?
        });
        listeners.filter_map(|listener| self.media_beside(Some(trunk), listener)).collect()
    }

    fn called_sides(&self, endpoint: &Endpoint) -> BTreeSet<MediaSide> {
        match endpoint {
            Endpoint::Uri(target) => self.sides(None, &target.destination).map(|sides| sides.media).into_iter().collect(),
            Endpoint::Trunk { name, .. } => {
                let trunk = self.trunks.iter().find(|trunk| trunk.name == *name);
                let targets = trunk.into_iter().flat_map(|trunk| trunk.targets.iter().map(move |target| (trunk, target)));
                targets.filter_map(|(trunk, target)| self.sides(Some(trunk), &target.destination)).map(|sides| sides.media).collect()
            }
        }
    }
}
