//! A scenario's world: the clock, the network, the phones and the core.

mod clean;
mod clock;
mod delivery;
mod power;

pub use clock::QUIET_LIMIT;

use crate::{
    config::{ALICE, BOB, CAROL, CORE, CORE_V6, DORA, ERIN, STANDARD, standard_over_tcp},
    network::{Link, Network},
    node::CoreNode,
    queue::{Datagram, InFlight},
    streams::{StreamId, Streams},
};
use std::{
    collections::BTreeMap,
    net::{IpAddr, SocketAddr},
    sync::{Arc, Mutex, OnceLock, PoisonError},
};
use tandem_config::Config;
use tandem_model::{
    CallCommand, CallId, CommandError, CommandId, CommandOutcome, Dial, DialError, EndReason, MediaEvent, Timestamp, Transport,
};
use tandem_phone::{Act, Call, CallIndex, Ladder, Message, Phone, Place, Register, Script, Setup, Splitter};
use tandem_policy::Ruleset;

type Rules = Arc<(Config, Ruleset)>;

/// Configurations that are kept read; a random script may have one of its own.
const MAX_RULES: usize = 64;

struct Station {
    phone: Phone,
    /// What the network sees it at, whatever it writes.
    address: SocketAddr,
    /// What came over its connections.
    splitters: BTreeMap<StreamId, Splitter>,
    /// Switched off.
    is_off: bool,
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
    commands: u64,
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
            if known.len() == MAX_RULES && !known.contains_key(text) {
                known.pop_first();
            }
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
            commands: 0,
            hides: true,
            told: false,
        };
        for (index, (name, address)) in
            [("alice", ALICE), ("bob", BOB), ("carol", CAROL), ("dora", DORA), ("erin", ERIN)].into_iter().enumerate()
        {
            let outbound = if address.is_ipv4() { CORE } else { CORE_V6 };
            sim.add_phone(address, Setup::new(name, address, outbound, seed.wrapping_mul(31).wrapping_add(index as u64)));
        }
        sim.with_core(CoreNode::take_agents);
        sim
    }

    /// The node reads this configuration now, as at a SIGHUP.
    ///
    /// # Panics
    /// If the configuration is wrong.
    pub fn reload(&mut self, text: &str) {
        let (config, rules) = load(text);
        self.core.reload(self.now, &config, rules);
        self.with_core(CoreNode::take_agents);
    }

    /// What the node keeps up for its trunks beside calls is given up, as at its end.
    pub fn dismiss_agents(&mut self) {
        self.with_core(CoreNode::dismiss_agents);
    }

    /// One more phone, which the network sees at `address`.
    pub fn add_phone(&mut self, address: SocketAddr, setup: Setup) {
        self.ladder.add(&setup.name);
        self.streams.hosts.insert(address.ip());
        self.hosts.insert(address.ip(), self.stations.len());
        self.stations.push(Station { phone: Phone::new(setup), address, splitters: BTreeMap::new(), is_off: false });
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

    /// Turns of the clock so far: what the scenario costs.
    pub fn turns(&self) -> u32 {
        self.turns
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

    /// Lets a phone register, and time pass until it has its answer.
    pub fn register(&mut self, phone: SocketAddr, register: &Register) -> Message {
        let before = self.phone(phone).registrations().len();
        self.send_register(phone, register);
        self.run_until("an answer to a REGISTER", |sim| sim.phone(phone).registrations().len() > before);
        self.phone(phone).registrations()[before].clone()
    }

    /// Lets a phone send a REGISTER, and go on with it as answers come.
    pub fn send_register(&mut self, phone: SocketAddr, register: &Register) {
        let (index, now) = (self.index(phone), self.now);
        self.stations[index].phone.register(now, register);
        self.flush(index);
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

    /// Tells the node to make a call.
    ///
    /// # Errors
    /// Why it does not.
    pub fn dial(&mut self, dial: Dial) -> Result<CallId, DialError> {
        let mut told = Err(DialError::Busy);
        self.with_core(|core, world| told = core.dial(world, dial));
        told
    }

    /// Tells a call to do something. [`CoreNode::commanded`] has what came of it, under the name that is returned.
    pub fn command(&mut self, call: CallId, command: CallCommand) -> CommandId {
        self.commands += 1;
        let id = CommandId(self.commands);
        if self.core.call_ids().contains(&call) {
            self.input(call, tandem_signalling::Input::Command(id, Box::new(command)));
        } else {
            self.core.commanded.push((id, Err(CommandError::CallOver(call))));
        }
        id
    }

    /// What came of that command, once it is told.
    ///
    /// # Panics
    /// If it was told twice.
    pub fn outcome(&self, command: CommandId) -> Option<&Result<CommandOutcome, CommandError>> {
        let mut told = self.core.commanded.iter().filter(|(id, _)| *id == command).map(|(_, outcome)| outcome);
        let first = told.next();
        assert!(told.next().is_none(), "what came of {command:?} was told twice");
        first
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
