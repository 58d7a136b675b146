//! The core under test, driven as the shell drives it.

use crate::{
    network::Network,
    queue::{Datagram, Event, InFlight},
    shard::{Shard, Side},
    streams::{End, Ends, StreamId, Streams},
};
use bytes::Bytes;
use std::{
    collections::{BTreeMap, BTreeSet},
    net::SocketAddr,
    sync::Arc,
    time::Duration,
};
use tandem_config::Config;
use tandem_media::PortAllocator;
use tandem_model::{
    Action, Admit, CallId, CallRecord, Decision, Delivery, Destination, Event as Happened, EventKind, Flow, LegProfile, ListenerId,
    MediaCommand, Origin, Question, QuestionId, Random, Timestamp, Transport, TrunkId,
};
use tandem_policy::{Begun, CallView, LimitBook, NodeLimits, Ruleset};
use tandem_signalling::{
    Arrival, Call, CallSetup, Dispatcher, DropReason, Input, ListenerFacts, Minter, NodeFacts, Output, RETRY_WHEN_DRAINING_S, Reason,
    Terms, Transmit, Verdict,
    auth::Wrong,
    message::{Frame, Framer, Message, Uri},
    transaction::TransactionKeys,
};

/// Inputs that one input may lead to at once; more is a call that talks to itself for ever.
const MAX_ANSWERS: usize = 64;

/// How a description in a message begins.
const SDP_BEGINS: &[u8] = b"\r\n\r\nv=0";

struct Held {
    call: Call,
    seed: u64,
    /// On the trunk that it comes from.
    calling: Option<Begun>,
    /// On the trunk that it goes to.
    called: Option<Begun>,
}

/// Dispatcher, calls, policy and media of one node.
pub struct CoreNode {
    dispatcher: Dispatcher,
    calls: BTreeMap<CallId, Held>,
    facts: Arc<NodeFacts>,
    rules: Ruleset,
    trunks: LimitBook,
    limits: NodeLimits,
    random: Random,
    counter: u16,
    listeners: Vec<(Transport, SocketAddr)>,
    connections: Connections,
    names: BTreeMap<Box<str>, SocketAddr>,
    founded: usize,
    /// Everything that calls told of themselves.
    pub events: Vec<Happened>,
    /// The media threads.
    pub shard: Shard,
    /// How long policy takes to answer; zero: at once.
    pub policy_delay: Duration,
    /// New calls are refused.
    pub draining: bool,
    /// Wrong answers to our challenges.
    pub wrong: Vec<Wrong>,
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
            limits: NodeLimits::new(most_calls(config), config.max_cps()),
            rules,
            random,
            counter: 0,
            listeners,
            connections: Connections::default(),
            names: BTreeMap::new(),
            founded: 0,
            events: Vec::new(),
            shard: Shard::new(sides.collect()),
            policy_delay: Duration::ZERO,
            draining: false,
            wrong: Vec::new(),
            drops: BTreeMap::new(),
            unreachable: Vec::new(),
        }
    }

    /// Takes other rules, limits and durations over, for the calls that come from now on.
    pub(crate) fn reload(&mut self, now: Timestamp, config: &Config, rules: Ruleset) {
        self.trunks.reload(&rules, now);
        self.limits.reload(most_calls(config), config.max_cps(), now);
        self.facts = Arc::new(NodeFacts { terms: terms(config), ..(*self.facts).clone() });
        self.rules = rules;
    }

    /// What a host name resolves to.
    pub fn name(&mut self, host: &str, address: SocketAddr) {
        self.names.insert(host.into(), address);
    }

    /// Calls in progress.
    pub fn calls(&self) -> usize {
        self.calls.len()
    }

    /// Calls that were ever begun.
    pub fn founded(&self) -> usize {
        self.founded
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

    /// The records of the calls that are over.
    pub fn records(&self) -> impl Iterator<Item = &CallRecord> {
        self.events.iter().filter_map(|event| match &event.kind {
            EventKind::CallEnded(record) => Some(&**record),
            _ => None,
        })
    }

    /// When it is to be woken.
    pub fn poll_timeout(&self) -> Option<Timestamp> {
        let calls = self.calls.values().filter_map(|held| held.call.poll_timeout()).map(|(at, _)| at);
        calls.chain(self.dispatcher.poll_timeout()).chain(self.shard.poll_timeout()).min()
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
        }
    }

    pub(crate) fn call_ids(&self) -> Vec<CallId> {
        self.calls.keys().copied().collect()
    }

    pub(crate) fn wake(&mut self, world: &mut World<'_>) {
        self.dispatcher.handle_timeout(world.now);
        self.shard.wake(world);
        let due = |held: &Held| held.call.poll_timeout().is_some_and(|(at, _)| at <= world.now);
        let ids: Vec<CallId> = self.calls.iter().filter(|(_, held)| due(held)).map(|(id, _)| *id).collect();
        for id in ids {
            self.input(world, id, Input::Wake);
        }
    }

    pub(crate) fn receive(&mut self, world: &mut World<'_>, datagram: &Datagram) {
        if datagram.rtp {
            return self.shard.receive(world, datagram);
        }
        let Some(listener) = self.listener(Transport::Udp, datagram.to) else { return };
        let flow = Flow { listener, transport: Transport::Udp, remote: datagram.from };
        self.take(world, flow, Bytes::copy_from_slice(&datagram.bytes));
    }

    fn take(&mut self, world: &mut World<'_>, flow: Flow, bytes: Bytes) {
        match self.dispatcher.receive(world.now, bytes, flow) {
            Verdict::Call(call, arrival) => {
                self.uses(call, &flow);
                self.input(world, call, Input::Message(arrival));
            }
            Verdict::Founding(arrival) => self.found(world, arrival),
            Verdict::Exchange(arrival) => self.exchange(world, &arrival),
            Verdict::Again(transmit) => self.send(world, None, transmit),
            Verdict::Dismiss(transmits) => transmits.into_iter().for_each(|transmit| self.send(world, None, transmit)),
            Verdict::Refuse(transmit) => {
                let admit = Admit {
                    listener: flow.listener,
                    source: flow.remote,
                    domain: Box::default(),
                    to: Box::default(),
                    tls_names: Box::default(),
                };
                if self.decide(world.now, 0, &Question::Admit(admit)) != Decision::Ignore {
                    self.send(world, None, transmit);
                }
            }
            Verdict::Drop(reason) => *self.drops.entry(reason).or_default() += 1,
        }
    }

    fn decide(&self, now: Timestamp, draw: u64, question: &Question) -> Decision {
        tandem_policy::decide(&self.rules, &CallView { load: &self.trunks, now, draw }, question)
    }

    fn admitted(&mut self, world: &mut World<'_>, arrival: &Arrival) -> Option<(Origin, LegProfile)> {
        match self.decide(world.now, 0, &Question::Admit(admit(&arrival.message, &arrival.flow))) {
            Decision::Admitted { origin, profile, challenge } => {
                let asked = challenge.and_then(|challenge| self.dispatcher.authenticate(world.now, &challenge, arrival).err());
                let Some(unproven) = asked else { return Some((origin, profile)) };
                self.wrong.extend(unproven.wrong);
                self.send(world, None, unproven.transmit);
                None
            }
            Decision::Reject { status, reason } => {
                let transmit = self.dispatcher.reply(&arrival.message, &arrival.flow, status, reason.as_deref(), |_| {});
                self.send(world, None, transmit);
                None
            }
            Decision::Ignore | Decision::Route { .. } | Decision::Dial(_) => None,
        }
    }

    fn found(&mut self, world: &mut World<'_>, arrival: Box<Arrival>) {
        let Some((origin, profile)) = self.admitted(world, &arrival) else { return };
        let is_full =
            if self.draining { Some(RETRY_WHEN_DRAINING_S) } else { self.limits.try_begin(world.now).err().map(|full| full.retry_after_s) };
        if let Some(retry_after_s) = is_full {
            let answer = self.dispatcher.refuse_for_now(world.now, &arrival, retry_after_s);
            return self.send(world, None, answer);
        }
        let Origin::Trunk { id: trunk, .. } = &origin;
        let begun = match self.trunks.try_begin(*trunk, world.now) {
            Ok(begun) => begun,
            Err(status) => {
                self.limits.end();
                let answer = self.dispatcher.answer(world.now, &arrival, status, |_| {});
                return self.send(world, None, answer);
            }
        };
        self.counter = self.counter.wrapping_add(1);
        let id = CallId::new(1_700_000_000_000 + world.now.as_millis(), self.counter);
        self.dispatcher.adopt(&arrival, id);
        self.founded += 1;
        let seed = self.random.next_u64();
        let setup = CallSetup { id, seed, node: self.facts.clone() };
        let call = Call::found(setup, world.now, arrival, origin, profile);
        self.calls.insert(id, Held { call, seed, calling: Some(begun), called: None });
        self.carry_out(world, id);
    }

    fn exchange(&mut self, world: &mut World<'_>, arrival: &Arrival) {
        if self.admitted(world, arrival).is_none() {
            return;
        }
        let answer = self.dispatcher.answer_outside(world.now, arrival, self.draining);
        self.send(world, None, answer);
    }

    /// Does what a call wants until it wants nothing more.
    fn carry_out(&mut self, world: &mut World<'_>, id: CallId) {
        for _ in 0..MAX_ANSWERS {
            let (mut answers, mut described) = (Vec::new(), true);
            while let Some(output) = self.calls.get_mut(&id).and_then(|held| held.call.poll_output()) {
                if matches!(output, Output::Ended) {
                    return self.over(id);
                }
                match &output {
                    Output::Media(command) if !matches!(**command, MediaCommand::Close { .. } | MediaCommand::Open { .. }) => {
                        assert!(described, "media hears of a description after the peer, who may send as soon as it has it: {command:?}");
                    }
                    Output::Send(transmit) => described &= !transmit.bytes.windows(SDP_BEGINS.len()).any(|bytes| bytes == SDP_BEGINS),
                    _ => {}
                }
                answers.extend(self.do_one(world, id, output));
            }
            if answers.is_empty() {
                return;
            }
            for answer in answers {
                if let Some(held) = self.calls.get_mut(&id) {
                    held.call.handle(world.now, answer);
                }
            }
        }
        assert!(self.calls.is_empty(), "{id} asks and asks");
    }

    fn do_one(&mut self, world: &mut World<'_>, id: CallId, output: Output) -> Option<Input> {
        match output {
            Output::Send(transmit) => self.send(world, Some(id), *transmit),
            Output::Ask(question, what) => return self.ask(world, id, question, &what),
            Output::Media(command) => self.shard.command(world, *command),
            Output::Notify(event) => {
                if matches!(event.kind, EventKind::CallEnded(_)) {
                    self.limits.end();
                    let begun = self.calls.get_mut(&id).map(|held| [held.calling.take(), held.called.take()]);
                    begun.into_iter().flatten().flatten().for_each(|begun| self.trunks.end(begun));
                }
                self.events.push(*event);
            }
            Output::LegAdded(leg) => self.dispatcher.leg_added(leg, id),
            Output::LegRemoved(leg) => self.dispatcher.leg_removed(leg),
            Output::Retire(key, tombstone) => self.dispatcher.retire(world.now, key, tombstone),
            Output::Ended => {}
        }
        None
    }

    fn ask(&mut self, world: &mut World<'_>, id: CallId, question: QuestionId, what: &Question) -> Option<Input> {
        // It asks when it turns to somebody else.
        let before = self.calls.get_mut(&id).and_then(|held| held.called.take());
        before.into_iter().for_each(|begun| self.trunks.end(begun));
        let seed = self.calls.get(&id).map_or(0, |held| held.seed);
        let decision = self.decide(world.now, seed, what);
        let trunk = match &decision {
            Decision::Route { action: Action::Bridge { legs, .. }, .. } => legs.first().and_then(|leg| leg.trunk),
            Decision::Dial(trunk) => *trunk,
            _ => None,
        };
        if let Some(held) = self.calls.get_mut(&id) {
            held.called = trunk.and_then(|trunk| self.trunks.try_begin(trunk, world.now).ok());
        }
        if self.policy_delay.is_zero() {
            return Some(Input::Decided(question, Box::new(decision)));
        }
        world.flight.push(world.now + self.policy_delay, Event::Decided(id, question, Box::new(decision)));
        None
    }

    fn over(&mut self, id: CallId) {
        self.calls.remove(&id);
        self.dispatcher.call_removed(id);
    }

    fn send(&mut self, world: &mut World<'_>, call: Option<CallId>, transmit: Transmit) {
        let (transport, from) = self.listeners[usize::from(transmit.listener.0)];
        let to = match &transmit.destination {
            Destination::Address(address) => Some(*address),
            Destination::Back { remote, port } if transport.is_reliable() => {
                let is_there = self.connections.find(transmit.listener, *remote).is_some();
                Some(SocketAddr::new(remote.ip(), if is_there { remote.port() } else { *port }))
            }
            Destination::Back { remote, .. } => Some(*remote),
            Destination::Name { host, .. } => self.names.get(host).copied(),
        };
        let bytes = transmit.bytes.to_vec();
        match to {
            Some(to) if transport.is_reliable() && transmit.trial && self.connections.refused.contains(&to) => {
                self.tell_unreachable(world, call, transmit);
            }
            Some(to) if transport.is_reliable() => {
                let over = self.connections.find(transmit.listener, to).unwrap_or_else(|| {
                    let ends = Ends { phone: to, core: SocketAddr::new(from.ip(), world.streams.free_port()) };
                    let stream = world.streams.connect(world.now, ends, End::Core, world.network, world.flight);
                    self.connections.enter(transmit.listener, to, stream)
                });
                if let Some(call) = call {
                    self.uses(call, &Flow { listener: transmit.listener, transport, remote: to });
                }
                world.outbox.push(Datagram { from, to, bytes, rtp: false, over: Some(over) });
            }
            Some(to) if !self.unreachable.contains(&to) => world.outbox.push(Datagram { from, to, bytes, rtp: false, over: None }),
            // What cannot be sent is told to the call after it has said everything.
            _ => self.tell_unreachable(world, call, transmit),
        }
    }

    fn tell_unreachable(&mut self, world: &World<'_>, call: Option<CallId>, transmit: Transmit) {
        if let Some(held) = call.and_then(|call| self.calls.get_mut(&call)) {
            held.call.handle(world.now, Input::Unreachable(transmit.listener, transmit.destination, Delivery::Never));
        }
    }

    fn listener(&self, transport: Transport, address: SocketAddr) -> Option<ListenerId> {
        let place = self.listeners.iter().position(|listener| *listener == (transport, address))?;
        u16::try_from(place).ok().map(ListenerId)
    }

    fn uses(&mut self, call: CallId, flow: &Flow) {
        if flow.transport.is_reliable() {
            self.connections.users.entry((flow.listener, flow.remote)).or_default().insert(call);
        }
    }

    /// Bytes of a stream.
    pub(crate) fn receive_stream(&mut self, world: &mut World<'_>, stream: StreamId, ends: Ends, bytes: &[u8]) {
        let listener = match self.connections.listener_of(stream) {
            Some(listener) => listener,
            None => {
                let Some(listener) = self.listener(Transport::Tcp, ends.core) else { return };
                self.connections.enter(listener, ends.phone, stream);
                listener
            }
        };
        let flow = Flow { listener, transport: Transport::Tcp, remote: ends.phone };
        let mut framer = self.connections.framers.remove(&stream).unwrap_or_default();
        framer.push(bytes);
        while let Some(frame) = framer.poll_frame() {
            match frame {
                Ok(Frame::Message(message)) => self.take(world, flow, message),
                Ok(Frame::KeepAlive) => {}
                Err(_) => {
                    world.streams.close(world.now, stream, End::Core, world.flight);
                    return self.stream_over(world, stream, Delivery::Unknown);
                }
            }
        }
        self.connections.framers.insert(stream, framer);
    }

    /// A connection is over: what its calls sent over it and nobody answered is lost.
    pub(crate) fn stream_over(&mut self, world: &mut World<'_>, stream: StreamId, delivery: Delivery) {
        let Some((listener, remote)) = self.connections.leave(stream) else { return };
        if delivery == Delivery::Never {
            self.connections.refused.insert(remote);
        }
        let names = self.names.iter().filter(|(_, address)| address.ip() == remote.ip());
        let names = names.map(|(host, _)| Destination::Name { host: host.clone(), port: remote.port() });
        let lost: Vec<_> = names.chain([Destination::Address(remote)]).collect();
        for call in self.connections.users.remove(&(listener, remote)).unwrap_or_default() {
            for destination in &lost {
                self.input(world, call, Input::Unreachable(listener, destination.clone(), delivery));
            }
        }
    }
}

/// The connections of all listeners, by their other ends, as the transports of the shell keep them.
#[derive(Default)]
struct Connections {
    streams: BTreeMap<(ListenerId, SocketAddr), StreamId>,
    framers: BTreeMap<StreamId, Framer>,
    users: BTreeMap<(ListenerId, SocketAddr), BTreeSet<CallId>>,
    /// Where no connection could be made.
    refused: BTreeSet<SocketAddr>,
}

impl Connections {
    fn find(&self, listener: ListenerId, remote: SocketAddr) -> Option<StreamId> {
        self.streams.get(&(listener, remote)).copied()
    }

    fn enter(&mut self, listener: ListenerId, remote: SocketAddr, stream: StreamId) -> StreamId {
        self.streams.insert((listener, remote), stream);
        stream
    }

    fn listener_of(&self, stream: StreamId) -> Option<ListenerId> {
        self.streams.iter().find(|(_, known)| **known == stream).map(|((listener, _), _)| *listener)
    }

    fn leave(&mut self, stream: StreamId) -> Option<(ListenerId, SocketAddr)> {
        let key = self.streams.iter().find(|(_, known)| **known == stream).map(|(key, _)| *key)?;
        self.streams.remove(&key);
        self.framers.remove(&stream);
        Some(key)
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

/// What a request shows before anything is spent on it.
fn admit(request: &Message, flow: &Flow) -> Admit {
    let domain = Uri::parse(request.uri()).map(|uri| uri.host.to_string().into()).unwrap_or_default();
    let to = request.to().ok().and_then(|to| Uri::parse(to.uri).ok().map(|uri| uri.user_unescaped().as_ref().into()));
    Admit { listener: flow.listener, source: flow.remote, domain, to: to.unwrap_or_default(), tls_names: Box::default() }
}
