//! A scenario's world: the clock, the network, the phones and the core.

use crate::{
    config::{ALICE, BOB, CAROL, CORE, CORE_V6, DORA, ERIN, STANDARD, standard_over_tcp},
    network::{Link, Network},
    node::{CoreNode, World},
    queue::{Datagram, Event, InFlight},
    streams::{End, Ends, Segment, StreamId, Streams, What},
};
use std::{
    collections::BTreeMap,
    net::{IpAddr, SocketAddr},
    sync::{Arc, Mutex, OnceLock, PoisonError},
    time::Duration,
};
use tandem_config::Config;
use tandem_model::{CallId, EndReason, MediaEvent, Timestamp, Transport};
use tandem_phone::{Act, Call, CallIndex, Input, LIFETIME, Ladder, Output, Phone, Place, Script, Setup, Splitter};
use tandem_policy::Ruleset;

/// How long a scenario may take until everybody is quiet.
pub const QUIET_LIMIT: Duration = Duration::from_secs(1800);

/// Turns of the clock in one scenario; more is a storm.
const MAX_TURNS: u32 = 400_000;

type Rules = Arc<(Config, Ruleset)>;

struct Station {
    phone: Phone,
    /// What the network sees it at, whatever it writes.
    address: SocketAddr,
    /// What came over its connections.
    splitters: BTreeMap<StreamId, Splitter>,
}

/// The world. Dropped in a panic it prints seed and ladder.
pub struct Sim {
    seed: u64,
    now: Timestamp,
    core: CoreNode,
    stations: Vec<Station>,
    hosts: BTreeMap<IpAddr, usize>,
    network: Network,
    pub(crate) flight: InFlight,
    pub(crate) streams: Streams,
    ladder: Ladder,
    turns: u32,
    hides: bool,
    told: bool,
}

impl Sim {
    /// The standard house with five phones, on a clean network.
    ///
    /// # Panics
    /// Never: the standard configuration is tested.
    pub fn new(seed: u64) -> Sim {
        static RULES: OnceLock<(Config, Ruleset)> = OnceLock::new();
        let (config, rules) = RULES.get_or_init(|| load(STANDARD));
        Sim::build(seed, config, rules.clone())
    }

    /// The same, but these of the phones speak SIP over TCP.
    ///
    /// # Panics
    /// Never: the standard configuration is tested.
    pub fn over_tcp(seed: u64, phones: &[SocketAddr]) -> Sim {
        let mut sim = Sim::with_config(seed, &standard_over_tcp(phones));
        for phone in phones {
            sim.phone_mut(*phone).setup_mut().transport = Transport::Tcp;
        }
        sim
    }

    /// The same under another configuration.
    ///
    /// # Panics
    /// If the configuration is wrong.
    pub fn with_config(seed: u64, text: &str) -> Sim {
        /// Reading one takes longer than most scenarios.
        static RULES: Mutex<BTreeMap<String, Rules>> = Mutex::new(BTreeMap::new());
        let rules = {
            let mut known = RULES.lock().unwrap_or_else(PoisonError::into_inner);
            known.entry(text.to_owned()).or_insert_with(|| Arc::new(load(text))).clone()
        };
        Sim::build(seed, &rules.0, rules.1.clone())
    }

    fn build(seed: u64, config: &Config, rules: Ruleset) -> Sim {
        let mut sim = Sim {
            seed,
            now: Timestamp::from_millis(1_000),
            core: CoreNode::new(seed, config, rules),
            stations: Vec::new(),
            hosts: BTreeMap::new(),
            network: Network::new(seed ^ 0x6e65_7477_6f72_6b00),
            flight: InFlight::default(),
            streams: Streams::default(),
            ladder: Ladder::new(["tandem"]),
            turns: 0,
            hides: true,
            told: false,
        };
        for (index, (name, address)) in
            [("alice", ALICE), ("bob", BOB), ("carol", CAROL), ("dora", DORA), ("erin", ERIN)].into_iter().enumerate()
        {
            let outbound = if address.is_ipv4() { CORE } else { CORE_V6 };
            sim.add_phone(address, Setup::new(name, address, outbound, seed.wrapping_mul(31).wrapping_add(index as u64)));
        }
        sim
    }

    /// The node reads this configuration now, as at a SIGHUP.
    ///
    /// # Panics
    /// If the configuration is wrong.
    pub fn reload(&mut self, text: &str) {
        let (config, rules) = load(text);
        self.core.reload(self.now, &config, rules);
    }

    /// One more phone, which the network sees at `address`.
    pub fn add_phone(&mut self, address: SocketAddr, setup: Setup) {
        self.ladder.add(&setup.name);
        self.streams.hosts.insert(address.ip());
        self.hosts.insert(address.ip(), self.stations.len());
        self.stations.push(Station { phone: Phone::new(setup), address, splitters: BTreeMap::new() });
    }

    /// A further address that leads to a phone: of a proxy before it, say.
    pub fn alias(&mut self, address: IpAddr, phone: SocketAddr) {
        let index = self.index(phone);
        self.streams.hosts.insert(address);
        self.hosts.insert(address, index);
    }

    fn index(&self, address: SocketAddr) -> usize {
        *self.hosts.get(&address.ip()).unwrap_or_else(|| unreachable!("no phone at {address}"))
    }

    pub(crate) fn is_phone(&self, address: SocketAddr) -> bool {
        self.hosts.contains_key(&address.ip())
    }

    /// A phone.
    pub fn phone(&self, address: SocketAddr) -> &Phone {
        &self.stations[self.index(address)].phone
    }

    /// A phone, to change its setup or to forgive it something.
    pub fn phone_mut(&mut self, address: SocketAddr) -> &mut Phone {
        let index = self.index(address);
        &mut self.stations[index].phone
    }

    /// The first call of a phone.
    pub fn call(&self, address: SocketAddr) -> &Call {
        self.phone(address).call(0)
    }

    /// The core.
    pub fn core(&self) -> &CoreNode {
        &self.core
    }

    /// The core, to slow its policy down or to let it drain.
    pub fn core_mut(&mut self) -> &mut CoreNode {
        &mut self.core
    }

    /// What time it is.
    pub fn now(&self) -> Timestamp {
        self.now
    }

    /// What decides everything.
    pub fn seed(&self) -> u64 {
        self.seed
    }

    /// Who sent what to whom so far.
    pub fn ladder(&self) -> &Ladder {
        &self.ladder
    }

    /// What every path does, unless said otherwise.
    pub fn links(&mut self, link: Link) -> &mut Sim {
        self.network.set_usual(link);
        self
    }

    /// What one direction of one path does.
    pub fn link(&mut self, from: SocketAddr, to: SocketAddr, link: Link) -> &mut Sim {
        self.network.set(from.ip(), to.ip(), link);
        self
    }

    /// Messages may name other phones' addresses: media is not anchored, say.
    pub fn may_tell_addresses(&mut self) -> &mut Sim {
        self.hides = false;
        self
    }

    /// How a phone treats its next call.
    pub fn expect(&mut self, phone: SocketAddr, script: Script) -> &mut Sim {
        self.phone_mut(phone).expect(script);
        self
    }

    /// A URI of ours for a phone to call.
    pub fn uri(&self, from: SocketAddr, user: &str) -> String {
        format!("sip:{user}@{}", if from.is_ipv4() { "10.0.0.1" } else { "[fd00::1]" })
    }

    /// Calls somebody, and says no more than the script.
    pub fn place(&mut self, from: SocketAddr, user: &str, script: Script) -> CallIndex {
        let place = Place::new(&self.uri(from, user)).script(script);
        self.place_with(from, place)
    }

    /// Calls with an INVITE of one's own making.
    pub fn place_with(&mut self, from: SocketAddr, place: Place) -> CallIndex {
        let (index, now) = (self.index(from), self.now);
        let call = self.stations[index].phone.place(now, place);
        self.flush(index);
        call
    }

    /// Lets a phone act now in its first call.
    pub fn act(&mut self, phone: SocketAddr, act: Act) {
        self.act_in(phone, 0, act);
    }

    /// Lets a phone act now.
    pub fn act_in(&mut self, phone: SocketAddr, call: CallIndex, act: Act) {
        let (index, now) = (self.index(phone), self.now);
        self.stations[index].phone.act(now, call, act);
        self.flush(index);
    }

    /// Sends bytes from a phone's address to the core.
    pub fn send_raw(&mut self, from: SocketAddr, bytes: impl Into<Vec<u8>>) {
        let index = self.index(from);
        let to = if from.is_ipv4() { CORE } else { CORE_V6 };
        self.stations[index].phone.send_raw(to, bytes.into());
        self.flush(index);
    }

    /// Sends a media packet from any address to any other.
    pub fn send_media(&mut self, from: SocketAddr, to: SocketAddr, bytes: impl Into<Vec<u8>>) {
        self.post(vec![Datagram { from, to, bytes: bytes.into(), rtp: true, over: None }]);
    }

    /// Tells all calls to end, as a stop of the node does.
    pub fn end_all(&mut self, reason: EndReason) {
        for id in self.core.call_ids() {
            self.input(id, tandem_signalling::Input::End(reason));
        }
    }

    /// News of a call's media session.
    pub fn media_event(&mut self, call: CallId, event: MediaEvent) {
        self.input(call, tandem_signalling::Input::Media(Box::new(event)));
    }

    fn input(&mut self, call: CallId, input: tandem_signalling::Input) {
        self.with_core(|core, world| core.input(world, call, input));
    }

    /// Lets time pass.
    pub fn run_for(&mut self, span: Duration) {
        let until = self.now + span;
        while self.turn(until) {}
        self.now = until;
    }

    /// Lets time pass for everybody, while what is on its way stays there: a timer that runs out before a message arrives.
    pub fn skip(&mut self, span: Duration) {
        self.now = self.now + span;
        self.wake();
    }

    /// Lets time pass until something is so.
    pub fn run_until(&mut self, what: &str, condition: impl Fn(&Sim) -> bool) {
        let limit = self.now + QUIET_LIMIT;
        while !condition(self) {
            assert!(self.turn(limit), "it never happened: {what}");
        }
    }

    /// Lets time pass until a phone has heard that status in its first call.
    pub fn run_until_status(&mut self, phone: SocketAddr, status: u16) {
        self.run_until(&format!("a {status}"), |sim| {
            sim.phone(phone).calls().first().is_some_and(|call| call.statuses.iter().any(|(_, seen)| *seen == status))
        });
    }

    /// Until both ends of the first call of both phones have it confirmed.
    pub fn run_until_talking(&mut self, caller: SocketAddr, callee: SocketAddr) {
        let confirmed = |sim: &Sim, phone| sim.phone(phone).calls().first().is_some_and(|call| call.has(tandem_phone::When::Confirmed));
        self.run_until("both talk", |sim| confirmed(sim, caller) && confirmed(sim, callee));
    }

    /// Everything that happens at the next instant, if that is not after `limit`.
    fn turn(&mut self, limit: Timestamp) -> bool {
        let phones = self.stations.iter().filter_map(|station| station.phone.poll_timeout()).map(|(at, _)| at);
        let Some(next) = phones.chain(self.flight.next()).chain(self.core.poll_timeout()).min() else { return false };
        if next > limit {
            return false;
        }
        self.turns += 1;
        assert!(self.turns < MAX_TURNS, "a storm");
        self.now = self.now.max(next);
        while let Some(event) = self.flight.pop_due(self.now) {
            self.deliver(event);
        }
        self.wake();
        true
    }

    fn wake(&mut self) {
        if self.core.poll_timeout().is_some_and(|at| at <= self.now) {
            self.with_core(CoreNode::wake);
        }
        for index in 0..self.stations.len() {
            if self.stations[index].phone.poll_timeout().is_some_and(|(at, _)| at <= self.now) {
                self.stations[index].phone.handle(self.now, Input::Wake);
                self.flush(index);
            }
        }
    }

    fn with_core(&mut self, act: impl FnOnce(&mut CoreNode, &mut World<'_>)) {
        let mut outbox = Vec::new();
        let (network, streams) = (&mut self.network, &mut self.streams);
        act(&mut self.core, &mut World { now: self.now, flight: &mut self.flight, outbox: &mut outbox, network, streams });
        self.post(outbox);
    }

    pub(crate) fn deliver(&mut self, event: Event) {
        match event {
            Event::Decided(call, question, decision) => {
                self.input(call, tandem_signalling::Input::Decided(question, decision));
            }
            Event::Media(call, event) => self.input(call, tandem_signalling::Input::Media(event)),
            Event::Segment(segment) => self.deliver_segment(segment),
            Event::Datagram(datagram) => match self.hosts.get(&datagram.to.ip()).copied() {
                None => self.with_core(|core, world| core.receive(world, &datagram)),
                Some(index) => {
                    let Datagram { from: source, to: local, bytes, rtp, .. } = &datagram;
                    let (source, local) = (*source, *local);
                    // What a NAT does: the phone knows its ports by the address that it writes.
                    let inside = SocketAddr::new(self.stations[index].phone.setup().address.ip(), local.port());
                    let input = if *rtp { Input::Rtp { source, local: inside, bytes } } else { Input::Datagram { source, local, bytes } };
                    self.stations[index].phone.handle(self.now, input);
                    self.flush(index);
                }
            },
        }
    }

    fn deliver_segment(&mut self, segment: Segment) {
        let Segment { stream, to, what } = segment;
        match (what, to) {
            (What::Over(delivery), End::Core) => self.with_core(|core, world| core.stream_over(world, stream, delivery)),
            (What::Over(_), End::Phone) => self.stations.iter_mut().for_each(|station| drop(station.splitters.remove(&stream))),
            (What::Bytes(bytes), to) => {
                // What was on its way when the connection broke is lost.
                let Some(ends) = self.streams.ends(stream) else { return };
                match to {
                    End::Core => self.with_core(|core, world| core.receive_stream(world, stream, ends, &bytes)),
                    End::Phone => self.deliver_to_phone(stream, ends, &bytes),
                }
            }
        }
    }

    fn deliver_to_phone(&mut self, stream: StreamId, ends: Ends, bytes: &[u8]) {
        let index = self.index(ends.phone);
        let Some(messages) = self.stations[index].splitters.entry(stream).or_default().push(bytes) else {
            unreachable!("the core wrote to a stream what cannot be read")
        };
        for bytes in messages {
            let input = Input::Streamed { source: ends.core, local: ends.phone, bytes: &bytes };
            self.stations[index].phone.handle(self.now, input);
            self.flush(index);
        }
    }

    /// Puts on the network what a phone has to say.
    fn flush(&mut self, index: usize) {
        let mut outbox = Vec::new();
        while let Some(output) = self.stations[index].phone.poll_output() {
            let address = self.stations[index].address;
            outbox.push(match output {
                Output::Send { transport: Transport::Udp, destination, bytes } => {
                    Datagram { from: address, to: destination, bytes, rtp: false, over: None }
                }
                Output::Send { destination, bytes, .. } => {
                    let over = Some(self.connection(index, destination));
                    Datagram { from: address, to: destination, bytes, rtp: false, over }
                }
                Output::Rtp { local, destination, bytes } => {
                    Datagram { from: SocketAddr::new(address.ip(), local.port()), to: destination, bytes, rtp: true, over: None }
                }
            });
        }
        self.post(outbox);
    }

    /// The connection of a phone with `destination`; made where there is none, to where the phone's own requests go if that was the
    /// other end of one that is over.
    fn connection(&mut self, index: usize, destination: SocketAddr) -> StreamId {
        let (address, outbound) = (self.stations[index].address, self.stations[index].phone.setup().outbound);
        let known = |target| self.streams.find(address.ip(), target);
        known(destination).or_else(|| known(outbound)).unwrap_or_else(|| {
            let ends = Ends { phone: SocketAddr::new(address.ip(), self.streams.free_port()), core: outbound };
            self.streams.connect(self.now, ends, End::Phone, &mut self.network, &mut self.flight)
        })
    }

    /// Every connection with that phone breaks.
    pub fn break_connections(&mut self, phone: SocketAddr) {
        self.streams.break_all(self.now, phone.ip(), &mut self.network, &mut self.flight);
    }

    /// A firewall before that phone swallows connections.
    pub fn ignore_connections(&mut self, phone: SocketAddr) {
        self.streams.mute.insert(phone.ip());
    }

    /// Connections that broke so far.
    pub fn broken_connections(&self) -> usize {
        self.streams.broken
    }

    /// How often the core tried to connect to that phone.
    pub fn connects(&self, phone: SocketAddr) -> usize {
        self.streams.tried(phone.ip())
    }

    /// Nobody listens for connections at that phone, or somebody does again.
    pub fn refuse_connections(&mut self, phone: SocketAddr, refuse: bool) {
        if refuse {
            self.streams.deaf.insert(phone.ip());
        } else {
            self.streams.deaf.remove(&phone.ip());
        }
    }

    fn post(&mut self, outbox: Vec<Datagram>) {
        for datagram in outbox {
            let column = |address: SocketAddr| self.hosts.get(&address.ip()).map_or(0, |index| index + 1);
            if !datagram.rtp {
                self.ladder.record_datagram(self.now, column(datagram.from), column(datagram.to), &datagram.bytes);
                if column(datagram.from) == 0 {
                    self.check_topology(&datagram);
                }
            }
            match datagram.over {
                Some(stream) => {
                    let end = if column(datagram.from) == 0 { End::Phone } else { End::Core };
                    self.streams.write(self.now, stream, end, &datagram.bytes, &mut self.network, &mut self.flight);
                }
                None => self.network.send(self.now, datagram, &mut self.flight),
            }
        }
    }

    /// Nothing that the core writes to one phone names another.
    fn check_topology(&self, datagram: &Datagram) {
        if !self.hides {
            return;
        }
        let text = String::from_utf8_lossy(&datagram.bytes);
        let to = self.hosts.get(&datagram.to.ip()).copied();
        for (index, station) in self.stations.iter().enumerate().filter(|(index, _)| Some(*index) != to) {
            // Two phones at one address: the later one took it over.
            if self.hosts.get(&station.address.ip()) != Some(&index) {
                continue;
            }
            let written = station.phone.setup().address.ip().to_string();
            assert!(!text.contains(&written), "phone {index} is named to another:\n{text}");
            for call in station.phone.calls().iter().filter(|call| call.role == tandem_phone::Role::Caller) {
                assert!(!text.contains(&call.call_id), "a Call-ID crossed over:\n{text}");
            }
        }
    }

    /// Lets everything come to its end, and asserts that nothing is left behind.
    ///
    /// # Panics
    /// If something is.
    pub fn finish(&mut self) {
        self.settle();
        self.assert_clean();
    }

    /// Lets time pass until nobody has anything to do but to forget.
    pub fn settle(&mut self) {
        let limit = self.now + QUIET_LIMIT;
        let quiet = |sim: &Sim| {
            let phones = sim.stations.iter().all(|station| station.phone.is_idle() && station.phone.poll_timeout().is_none());
            phones && sim.flight.is_empty() && sim.core.calls() == 0
        };
        while !quiet(self) {
            assert!(self.turn(limit), "stuck: calls {:?}, phones {:?}", self.core.timers(), self.business());
        }
    }

    fn business(&self) -> Vec<(&str, String)> {
        let busy = self.stations.iter().filter(|station| !station.phone.is_idle());
        busy.map(|station| (station.phone.setup().name.as_str(), station.phone.business())).collect()
    }

    fn assert_clean(&mut self) {
        let (legs, open, _) = self.core.held();
        assert_eq!((self.core.calls(), legs, open), (0, 0, 0), "calls, legs and transactions are left");
        assert_eq!((self.core.shard.sessions(), self.core.shard.ports(self.now)), (0, 0), "media is left");
        assert_eq!(self.core.shard.misdirected, 0, "commands for media sessions that do not exist");
        assert_eq!(self.core.counted(), (0, 0), "calls are counted that are over");
        self.assert_records();
        for station in &self.stations {
            let violations = station.phone.violations();
            let text: Vec<String> = violations.iter().map(|one| format!("{} {}: {}", one.at, one.rule, one.text)).collect();
            assert!(violations.is_empty(), "{} complains:\n{}", station.phone.setup().name, text.join("\n"));
        }
        self.run_for(LIFETIME + Duration::from_secs(1));
        assert_eq!(self.core.held(), (0, 0, 0), "tombstones outlive 64 × T1");
        assert_eq!(self.core.poll_timeout(), None, "a timer is left");
    }

    /// One record a call, in which no leg stands twice and times are in order.
    fn assert_records(&self) {
        let mut ids: Vec<CallId> = self.core.records().map(|record| record.call).collect();
        assert_eq!(ids.len(), self.core.founded(), "one record a call");
        ids.sort_unstable();
        ids.dedup();
        assert_eq!(ids.len(), self.core.founded(), "a call has two records");
        for record in self.core.records() {
            assert!(
                record.began <= record.ended && record.answered.is_none_or(|at| record.began <= at && at <= record.ended),
                "{record:?}"
            );
            let mut legs: Vec<_> = record.legs.iter().map(|leg| leg.leg).collect();
            legs.dedup();
            assert!(!legs.is_empty() && legs.len() == record.legs.len(), "{record:?}");
        }
    }

    /// Why the first call ended.
    pub fn end_reason(&self) -> Option<EndReason> {
        self.core.records().next().map(|record| record.reason)
    }

    /// Prints what happened, once.
    pub fn tell(&mut self) {
        if !std::mem::replace(&mut self.told, true) {
            #[expect(clippy::print_stderr, reason = "a failed scenario tells what happened")]
            {
                eprintln!("seed {}\n{}", self.seed, self.ladder);
            }
        }
    }
}

impl Drop for Sim {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.tell();
        }
    }
}

fn load(text: &str) -> (Config, Ruleset) {
    match tandem_policy::load(text, "sim.toml", &|_| None, None) {
        Ok(loaded) => loaded,
        Err(problems) => unreachable!("the configuration of the scenario is wrong:\n{problems}"),
    }
}

/// The seed that `TANDEM_SEED` names, for replaying one script of thousands.
///
/// # Panics
/// If it is not a number.
pub fn seed_from_environment() -> Option<u64> {
    std::env::var("TANDEM_SEED").ok().map(|text| text.parse().unwrap_or_else(|_| unreachable!("TANDEM_SEED={text} is not a number")))
}
