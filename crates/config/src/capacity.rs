//! How many calls the node can carry: `[calls] max` against ports and descriptors.

use crate::{At, Config, Do, Endpoint, From, Place, Problems, Route, Trunk, User};
use std::{
    borrow::Cow,
    collections::{BTreeMap, BTreeSet},
};
use tandem_model::{MediaSide, PORT_REST, Strategy};

/// Ports (and sockets) that one leg's media takes: RTP and RTCP.
pub const PORTS_PER_LEG: u32 = 2;

/// Descriptors that are kept for everything but media and listeners: logs, pollers, dumps, name look-ups.
pub const DESCRIPTOR_RESERVE: u64 = 64;

/// Connections that there is always room for at a listener of streams, and the most that it takes where descriptors allow them.
pub const CONNECTIONS: std::ops::RangeInclusive<u64> = 256..=4_096;

/// `[calls] max` where the file does not say: this, or less if ports or descriptors do not allow it.
pub const MOST_CALLS_UNASKED: u32 = 4000;

/// `[calls] max_cps` where the file does not say: this, or less if ports do not allow it.
pub const MOST_CPS_UNASKED: u32 = 200;

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

    /// A caller and several that ring, each on one of its sides.
    fn add_group(&mut self, caller: MediaSide, members: &[BTreeSet<MediaSide>]) {
        for side in members.iter().flatten() {
            let on = |member: &BTreeSet<MediaSide>| if member.contains(side) { Some(*side) } else { member.first().copied() };
            let call: Vec<MediaSide> = std::iter::once(caller).chain(members.iter().filter_map(on)).collect();
            self.add(&call);
        }
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
        let max_cps = self.max_cps_for(&demand);
        let ports = demand.legs_on.iter().map(|(side, legs)| self.port_stock(*side, *legs, max_cps).calls());
        let descriptors = descriptors.map(|have| self.descriptor_stock(&demand, have).calls());
        let calls = ports.chain(descriptors).min().unwrap_or(u64::MAX);
        u32::try_from(calls).unwrap_or(u32::MAX).min(MOST_CALLS_UNASKED)
    }

    /// New calls a second: what `[calls] max_cps` says, or as many as ports allow beside `max`, at most [`MOST_CPS_UNASKED`].
    pub fn max_cps(&self) -> u32 {
        self.max_cps_for(&self.demand())
    }

    fn max_cps_for(&self, demand: &Demand) -> u32 {
        if let Some(max_cps) = self.calls.max_cps {
            return *max_cps;
        }
        let room = demand.legs_on.iter().map(|(side, legs)| self.port_stock(*side, *legs, 0).calls()).min();
        let Some(room) = room else { return MOST_CPS_UNASKED };
        // What `max` leaves may rest; without it, half of the ports.
        let may_rest = self.calls.max.map_or(room / 2, |max| room.saturating_sub(u64::from(*max)));
        u32::try_from(may_rest / PORT_REST.as_secs()).unwrap_or(u32::MAX).clamp(1, MOST_CPS_UNASKED)
    }

    /// Whether the process, which may open so many descriptors, can carry `[calls] max`.
    ///
    /// # Errors
    /// What is too little, and what it would have to be.
    pub fn check_descriptors(&self, descriptors: u64) -> Result<(), Problems> {
        let mut problems = Problems::new(&self.file);
        let stock = self.descriptor_stock(&self.demand(), descriptors);
        let max = self.wanted_calls();
        if stock.needed(max) > stock.have {
            let lower = if self.calls.max.is_some() && stock.calls() > 0 {
                format!(", or lower `max` to {}", stock.calls())
            } else {
                String::new()
            };
            let message = format!(
                "{} descriptors are needed for {} ({} a call, {DESCRIPTOR_RESERVE} for the rest of the program and one a listener{}); \
                 this process may open {descriptors}: raise the limit (`ulimit -n`){lower}",
                stock.needed(max) + self.fixed_descriptors(),
                self.calls_in_words(),
                stock.per_call,
                if self.stream_listeners() > 0 {
                    format!(", {} for the connections of each that is not UDP", CONNECTIONS.start())
                } else {
                    String::new()
                },
            );
            problems.add(self.calls.max.map_or(Place::WHOLE, |max| max.place), message);
        }
        problems.or(())
    }

    /// Reports media sides whose ports do not suffice: at what the file says of calls, or else at the ports.
    pub(crate) fn check_ports(&self, problems: &mut Problems) {
        let demand = self.demand();
        let (max, max_cps) = (self.wanted_calls(), self.max_cps_for(&demand));
        for (side, legs) in &demand.legs_on {
            let stock = self.port_stock(*side, *legs, max_cps);
            let Some(media) = self.media.get(usize::from(side.0)).filter(|_| stock.needed(max) > stock.have) else { continue };
            let rate: Cow<'_, str> = match self.calls.max_cps {
                Some(max_cps) => format!("`max_cps` = {}", *max_cps).into(),
                None => "one new call a second (the least that `max_cps` can be)".into(),
            };
            let message = format!(
                "{} and {rate} take {} ports of media side `{}` ({} a call, {} resting); `ports` {} has {}: widen it{}",
                self.calls_in_words(),
                stock.needed(max),
                media.name,
                stock.per_call,
                stock.resting,
                *media.ports,
                stock.have,
                self.lower(&stock),
            );
            let place = self.calls.max.or(self.calls.max_cps).map_or(media.ports.place, |number| number.place);
            problems.add(place, message);
        }
    }

    /// Which of the numbers that the file says could be lowered, and to what, so that `stock` suffices.
    fn lower(&self, stock: &Stock) -> String {
        let max = self.calls.max.map(|_| ("max", stock.calls()));
        let resting_per_cps = stock.per_call * PORT_REST.as_secs();
        let may_rest = stock.have.saturating_sub(stock.per_call * u64::from(self.wanted_calls()));
        let max_cps = self.calls.max_cps.map(|_| ("max_cps", may_rest / resting_per_cps));
        let possible = [max, max_cps].into_iter().flatten().filter(|(_, most)| *most > 0);
        possible.map(|(key, most)| format!(", or lower `{key}` to {most}")).collect()
    }

    /// How many calls there must be room for: what `max` says, or one.
    fn wanted_calls(&self) -> u32 {
        self.calls.max.map_or(1, |max| *max)
    }

    fn calls_in_words(&self) -> Cow<'static, str> {
        self.calls.max.map_or("one call".into(), |max| format!("`max` = {} calls", *max).into())
    }

    /// The ports of a side, where a call has so many legs there and `max_cps` calls a second leave theirs resting.
    fn port_stock(&self, side: MediaSide, legs: u32, max_cps: u32) -> Stock {
        let have = self.media.get(usize::from(side.0)).map_or(0, |media| u64::from(media.ports.pairs()) * u64::from(PORTS_PER_LEG));
        let per_call = u64::from(legs * PORTS_PER_LEG);
        Stock { have, per_call, resting: per_call * u64::from(max_cps) * PORT_REST.as_secs() }
    }

    fn descriptor_stock(&self, demand: &Demand, descriptors: u64) -> Stock {
        // A resting socket is closed when another needs its descriptor, so none is kept back for them.
        let have = descriptors.saturating_sub(self.fixed_descriptors());
        Stock { have, per_call: u64::from(demand.legs * PORTS_PER_LEG), resting: 0 }
    }

    /// Connections that each listener of streams may take, if the process may open so many `descriptors` (`None`: any number).
    pub fn connections(&self, descriptors: Option<u64>) -> u64 {
        let Some(descriptors) = descriptors else { return *CONNECTIONS.end() };
        let stock = self.descriptor_stock(&self.demand(), descriptors);
        let left = stock.have.saturating_sub(stock.needed(self.max_calls(Some(descriptors))));
        let more = left.checked_div(self.stream_listeners()).unwrap_or(0);
        (CONNECTIONS.start() + more).min(*CONNECTIONS.end())
    }

    /// Sockets that media may take of so many `descriptors`: what everything else leaves.
    pub fn media_sockets(&self, descriptors: u64) -> u64 {
        let connections = self.stream_listeners() * self.connections(Some(descriptors));
        descriptors.saturating_sub(DESCRIPTOR_RESERVE + self.listeners.len() as u64 + connections)
    }

    fn stream_listeners(&self) -> u64 {
        self.listeners.iter().filter(|listener| listener.transport.is_reliable()).count() as u64
    }

    fn fixed_descriptors(&self) -> u64 {
        DESCRIPTOR_RESERVE + self.listeners.len() as u64 + self.stream_listeners() * CONNECTIONS.start()
    }

    /// Walks every way that a call can take: from a trunk, by a route, to an endpoint.
    fn demand(&self) -> Demand {
        let mut demand = Demand::default();
        let mut seen: BTreeSet<(MediaSide, MediaSide)> = BTreeSet::new();
        for route in &self.routes {
            let callers = self.caller_sides(route);
            // What may be answered nobody knows: what is done without an answer stands for it.
            let action = if let Do::Ask(ask) = &route.action.value { &ask.default.value } else { &route.action.value };
            match action {
                Do::Reject { .. } | Do::Ask(_) => {}
                Do::Bridge { .. } | Do::Ring { .. } if !route.anchor => {}
                Do::Answer(_) | Do::Announce(_) => callers.iter().for_each(|caller| demand.add(&[*caller])),
                Do::Bridge { endpoints, .. } => {
                    let called: BTreeSet<MediaSide> = endpoints.iter().flat_map(|endpoint| self.called_sides(endpoint)).collect();
                    let pairs = callers.iter().flat_map(|caller| called.iter().map(move |called| (*caller, *called)));
                    seen.extend(pairs);
                }
                Do::Ring { endpoints, terms, .. } => {
                    let members: Vec<_> = endpoints.iter().map(|endpoint| self.called_sides(endpoint)).collect();
                    // Those that ring at once have ports of their own.
                    let at_once = if terms.strategy == Strategy::Parallel { members.len().max(1) } else { 1 };
                    for group in members.windows(at_once) {
                        callers.iter().for_each(|caller| demand.add_group(*caller, group));
                    }
                }
            }
        }
        seen.iter().for_each(|(caller, called)| demand.add(&[*caller, *called]));
        demand
    }

    fn caller_sides(&self, route: &Route) -> BTreeSet<MediaSide> {
        let is_taken = |trunk: &Trunk| match &route.from {
            From::Anybody => true,
            From::Trunks(names) | From::Users(_, names) => names.iter().any(|name| name.value == trunk.name),
        };
        let callers = self.trunks.iter().filter(|trunk| trunk.matching.is_some() && is_taken(trunk));
        let users = self.users.iter().filter(|_| !matches!(route.from, From::Trunks(_)));
        callers.flat_map(|trunk| self.sides_called_from(trunk)).chain(users.flat_map(|user| self.sides_of(user))).collect()
    }

    /// Where a user's calls have their media: beside any listener that it can register at.
    fn sides_of(&self, user: &User) -> BTreeSet<MediaSide> {
        let is_heard = |index: &usize| self.listeners.get(*index).is_some_and(|listener| !listener.silent);
        let listeners =
            (0..self.listeners.len()).filter(is_heard).filter_map(|index| u16::try_from(index).ok().map(tandem_model::ListenerId));
        listeners.filter_map(|listener| self.media_beside(Some(&user.spoken), listener)).collect()
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
            Endpoint::Uri(target) => self.sides(None, target).map(|sides| sides.media).into_iter().collect(),
            // One of its phones: how many register, nobody knows.
            Endpoint::User(name) => self.users.iter().find(|user| user.name == *name).map(|user| self.sides_of(user)).unwrap_or_default(),
            Endpoint::Trunk { name, .. } => {
                let trunk = self.trunks.iter().find(|trunk| trunk.name == *name);
                let targets = trunk.into_iter().flat_map(|trunk| trunk.targets.iter().map(move |target| (trunk, target)));
                targets.filter_map(|(trunk, target)| self.sides(Some(trunk), &target.uri)).map(|sides| sides.media).collect()
            }
        }
    }
}
