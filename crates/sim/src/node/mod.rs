//! The core under test, driven as the shell drives it.

mod agents;
mod arrivals;
mod connections;
mod dial;
mod letters;
mod names;
mod outputs;
mod registrations;

use connections::Connections;
use letters::Posted;
use names::Seeker;

use crate::{
    network::Network,
    queue::{Datagram, InFlight},
    shard::{Shard, Side},
    streams::Streams,
    zone::Zone,
};
use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    net::SocketAddr,
    sync::Arc,
    time::Duration,
};
use tandem_config::Config;
use tandem_media::PortAllocator;
use tandem_model::{
    CallId, CallRecord, CallView, CommandError, CommandId, CommandOutcome, Destination, Event as Happened, EventKind, Question, Random,
    Timestamp, Transport, TrunkId,
};
use tandem_policy::{AbuseBook, Ban, HealthBook, LimitBook, NodeLimits, Places, Ruleset};
use tandem_signalling::{
    Dispatcher, DropReason, Input, Lines, ListenerFacts, Machine, MemoryBindings, Minter, NodeFacts, Reason, Registrar, Roster, Terms,
    TrunkAgent, auth::Wrong, locate::Locator, transaction::TransactionKeys,
};

struct Held {
    call: Machine,
    seed: u64,
    places: Places,
}

/// Dispatcher, calls, policy and media of one node.
pub struct CoreNode {
    dispatcher: Dispatcher,
    calls: BTreeMap<CallId, Held>,
    facts: Arc<NodeFacts>,
    rules: Ruleset,
    trunks: LimitBook,
    health: HealthBook,
    roster: Roster,
    agents: BTreeMap<CallId, TrunkAgent>,
    lines: Lines,
    registrar: Registrar,
    limits: NodeLimits,
    random: Random,
    counter: u16,
    listeners: Vec<(Transport, SocketAddr)>,
    connections: Connections,
    /// What DNS has.
    pub zone: Zone,
    locator: Locator<Seeker>,
    /// The names that were sent to, by what they stood for.
    named: BTreeSet<(SocketAddr, Destination)>,
    founded: usize,
    /// Whose a Call-ID is, of an INVITE that came or went.
    dialogs: BTreeMap<Box<str>, CallId>,
    /// Everything that calls told of themselves.
    pub events: Vec<Happened>,
    /// What came of the commands that were given, in the order in which that was told.
    pub commanded: Vec<(CommandId, Result<CommandOutcome, CommandError>)>,
    /// The media threads.
    pub shard: Shard,
    /// How long policy takes to answer; zero: at once.
    pub policy_delay: Duration,
    /// What is said to routes that ask somebody else, in the order in which they ask, and after how long; with nothing left, nothing.
    pub hooks: VecDeque<(Duration, Option<Box<str>>)>,
    /// What they were asked.
    pub consulted: Vec<Question>,
    /// New calls are refused.
    pub draining: bool,
    /// Letters that were delivered between calls: from, to, which.
    pub letters: Vec<(CallId, CallId, &'static str)>,
    /// Letters of these kinds find no room in any mailbox.
    pub letters_lost: Vec<&'static str>,
    /// Every caller may ask for the place of a leg by Replaces.
    pub honours_replaces: bool,
    posted: VecDeque<Posted>,
    /// Wrong answers to our challenges.
    pub wrong: Vec<Wrong>,
    /// What strangers have had of us.
    pub abuse: AbuseBook,
    /// Who was banned.
    pub bans: Vec<Ban>,
    /// What the dispatcher dropped, and how often.
    pub drops: BTreeMap<DropReason, usize>,
    /// Addresses that the network reports as unreachable at the first datagram sent there.
    pub unreachable: Vec<SocketAddr>,
}

/// What the node works with while it handles something.
pub(crate) struct World<'a> {
    pub(crate) now: Timestamp,
    pub(crate) flight: &'a mut InFlight,
    pub(crate) outbox: &'a mut Vec<Datagram>,
    pub(crate) network: &'a mut Network,
    pub(crate) streams: &'a mut Streams,
}

impl CoreNode {
    pub(crate) fn new(seed: u64, config: &Config, rules: Ruleset) -> CoreNode {
        let mut random = Random::new(seed);
        let secret = std::array::from_fn(|_| random.next_u64() as u8);
        let minter = Minter::new(std::array::from_fn(|_| random.next_u64() as u8));
        let listeners: Vec<_> = config.listeners.iter().map(|listener| (listener.transport, *listener.bind)).collect();
        let facts = config.listeners.iter().zip(&listeners).map(|(listener, (_, bound))| {
            let advertise = listener.advertised(*bound);
            let host = advertise.rsplit_once(':').map_or(&*advertise, |(host, _)| host);
            ListenerFacts { transport: listener.transport, bound: bound.ip(), host: host.into(), advertise: advertise.as_str().into() }
        });
        let facts = NodeFacts {
            minter: minter.clone(),
            keys: TransactionKeys::new(secret),
            listeners: facts.collect(),
            terms: terms(config),
            fault: None,
        };
        let sides = config.media.iter().map(|media| Side {
            address: media.advertise.unwrap_or(*media.bind),
            ports: PortAllocator::new(media.ports.first..=media.ports.last),
        });
        CoreNode {
            dispatcher: Dispatcher::new(minter, secret),
            calls: BTreeMap::new(),
            facts: Arc::new(facts),
            trunks: LimitBook::new(&rules),
            health: HealthBook::new(&rules),
            roster: Roster::default(),
            agents: BTreeMap::new(),
            lines: Lines::default(),
            registrar: Registrar::new(registrations::terms(config), Box::new(MemoryBindings::default())),
            limits: NodeLimits::new(most_calls(config), config.max_cps()),
            abuse: AbuseBook::new(&rules),
            rules,
            random,
            counter: 0,
            listeners,
            connections: Connections::default(),
            zone: Zone::default(),
            locator: Locator::new(),
            named: BTreeSet::new(),
            founded: 0,
            dialogs: BTreeMap::new(),
            events: Vec::new(),
            commanded: Vec::new(),
            shard: Shard::new(sides.collect()),
            policy_delay: Duration::ZERO,
            hooks: VecDeque::new(),
            consulted: Vec::new(),
            draining: false,
            letters: Vec::new(),
            letters_lost: Vec::new(),
            honours_replaces: false,
            posted: VecDeque::new(),
            wrong: Vec::new(),
            bans: Vec::new(),
            drops: BTreeMap::new(),
            unreachable: Vec::new(),
        }
    }

    /// Takes other rules, limits and durations over, for the calls that come from now on.
    pub(crate) fn reload(&mut self, now: Timestamp, config: &Config, rules: Ruleset) {
        self.trunks.reload(&rules, now);
        self.abuse.reload(&rules);
        self.health.reload(&rules);
        self.limits.reload(most_calls(config), config.max_cps(), now);
        self.facts = Arc::new(NodeFacts { terms: terms(config), ..(*self.facts).clone() });
        self.rules = rules;
        self.reload_registrations(now, config);
    }

    /// What a host name resolves to.
    pub fn name(&mut self, host: &str, address: SocketAddr) {
        self.zone.add_address(host, address.ip());
    }

    /// Calls in progress.
    pub fn calls(&self) -> usize {
        self.calls.len()
    }

    /// A call as it is now; `None` once it has ended.
    pub fn view(&self, call: CallId) -> Option<CallView> {
        self.calls.get(&call)?.call.view()
    }

    /// Calls that were ever begun.
    pub fn founded(&self) -> usize {
        self.founded
    }

    /// The call that began with this Call-ID, the last time where its caller had to come again (401, 422), or that had a leg with it
    /// first.
    pub fn call_of(&self, call_id: &str) -> Option<CallId> {
        self.dialogs.get(call_id).copied()
    }

    /// What the dispatcher holds: (legs, open transactions, tombstones).
    pub fn held(&self) -> (usize, usize, usize) {
        self.dispatcher.counts()
    }

    /// Calls that node and trunks count as in progress: (node, all trunks together).
    pub fn counted(&self) -> (u32, u32) {
        let trunks = (0..self.rules.trunks().count()).map(|index| self.trunks.calls(TrunkId(index as u16))).sum();
        (self.limits.calls(), trunks)
    }

    /// Calls that `trunk:NAME`, `route:NAME` or `user:NAME` counts.
    pub fn counted_for(&self, key: &str) -> u32 {
        self.trunks.counted(key)
    }

    /// What was told of limits, in words: `limit.reached trunk:bob calls 1`, `toll.tripped trunk:bob may_call 1 900`.
    pub fn limits_told(&self) -> Vec<String> {
        let told = self.events.iter().filter_map(|event| match &event.kind {
            EventKind::LimitReached(state) | EventKind::LimitOver(state) | EventKind::TollTripped(state) | EventKind::TollOver(state) => {
                let words = format!("{} {} {} {} {}", event.kind.name(), state.of, state.limit.key(), state.refused, state.number);
                Some(words.trim_end().to_owned())
            }
            _ => None,
        });
        told.collect()
    }

    /// Calls that one trunk counts.
    pub fn carried(&self, trunk: TrunkId) -> u32 {
        self.trunks.calls(trunk)
    }

    /// The records of the calls that are over.
    pub fn records(&self) -> impl Iterator<Item = &CallRecord> {
        self.events.iter().filter_map(|event| match &event.kind {
            EventKind::CallEnded(record) => Some(&**record),
            _ => None,
        })
    }

    /// When it is to be woken.
    pub fn poll_timeout(&self) -> Option<Timestamp> {
        self.poll_busy().into_iter().chain(self.registrar.poll_timeout()).chain(self.trunks.poll_timeout()).min()
    }

    /// The same, but for the end of a binding, and for what limits have to tell long after their last call.
    pub fn poll_busy(&self) -> Option<Timestamp> {
        let calls = self.calls.values().filter_map(|held| held.call.poll_timeout()).map(|(at, _)| at);
        let agents = self.agents.values().filter_map(TrunkAgent::poll_timeout);
        calls.chain(self.dispatcher.poll_timeout()).chain(self.shard.poll_timeout()).chain(agents).chain(self.locator.poll_timeout()).min()
    }

    /// What its calls wait for.
    pub fn timers(&self) -> Vec<(CallId, Timestamp, Reason)> {
        self.calls.iter().filter_map(|(id, held)| held.call.poll_timeout().map(|(at, reason)| (*id, at, reason))).collect()
    }

    /// Gives a call an input from outside: an order to end, or news of its media.
    pub(crate) fn input(&mut self, world: &mut World<'_>, id: CallId, input: Input) {
        if let Some(held) = self.calls.get_mut(&id) {
            held.call.handle(world.now, input);
            self.carry_out(world, id);
        } else {
            self.agent_input(world, id, input);
        }
    }

    pub(crate) fn call_ids(&self) -> Vec<CallId> {
        self.calls.keys().copied().collect()
    }

    pub(crate) fn wake(&mut self, world: &mut World<'_>) {
        self.dispatcher.handle_timeout(world.now);
        self.expire_registrations(world.now);
        self.shard.wake(world);
        self.wake_locator(world);
        let told = self.trunks.sweep(world.now).into_iter();
        self.events.extend(told.map(|kind| Happened { time: world.now, call: CallId::from_bits(0), leg: None, kind }));
        let due = |held: &Held| held.call.poll_timeout().is_some_and(|(at, _)| at <= world.now);
        let ids: Vec<CallId> = self.calls.iter().filter(|(_, held)| due(held)).map(|(id, _)| *id).collect();
        for id in ids {
            self.input(world, id, Input::Wake);
        }
        self.wake_agents(world);
    }
}

fn terms(config: &Config) -> Terms {
    Terms {
        domain: config.node.domain.clone(),
        max_duration: config.calls.max_duration,
        inactivity_timeout: config.calls.inactivity_timeout,
        hold_timeout: config.calls.hold_timeout,
    }
}

fn most_calls(config: &Config) -> u32 {
    config.calls.max.as_ref().map_or(u32::MAX, |max| **max)
}
