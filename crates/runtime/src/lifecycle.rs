//! A node's life: open everything, carry calls, drain, end.

use crate::{
    background::Background,
    bindings::{BindingsKept, ToldBindings, bearings},
    bus::{Bus, Told},
    clock::Clock,
    commands::Commanded,
    consult::Consultations,
    dns::Resolver,
    flight_recorder::FlightRecorder,
    flows::Flows,
    handle::{Handle, Look},
    hops::Hops,
    ingress,
    media_port::{self, MAX_EVENTS, MediaPort},
    node::Node,
    registrations,
    route_table::RouteTable,
    tls::TlsSettings,
    transport::{Security, Wire},
};
use std::{
    cell::{Cell, RefCell},
    io,
    net::SocketAddr,
    rc::Rc,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};
use tandem_config::{Config, Listener};
use tandem_model::{
    Bindings, CallCommand, CallId, Dial, DialError, EndReason, Epoch, ListenerId, MediaEvent, Random, Timestamp, Transport,
};
use tandem_policy::{AbuseBook, HealthBook, LimitBook, NodeLimits, Ruleset};
use tandem_signalling::{
    Bearings, Dispatcher, Input, Lines, ListenerFacts, MemoryBindings, Minter, NodeFacts, Registrar, RegistrarTerms, Roster, Terms,
    transaction::TransactionKeys,
};
use tokio::{
    runtime,
    sync::{
        Notify,
        mpsc::{self, error::TrySendError},
        oneshot,
    },
    task::LocalSet,
    time::timeout,
};

/// How long calls that have ended get to hear the answers to their last words, and to close their media.
const FAREWELL: Duration = Duration::from_secs(2);

/// How often tombstones that are due are dropped while nothing comes in, and it is told of limits that were reached.
const SWEEP: Duration = Duration::from_secs(4);

/// Orders that may wait.
const MAX_ORDERS: usize = 64;

/// What a running node can be told.
#[derive(Debug)]
pub enum Order {
    /// Let no more calls in and stop when those in progress are over; said twice, end them; a third time, wait for nothing.
    Stop,
    /// Take these rules and limits for whatever comes from now on.
    Reload(Box<Rules>),
    /// Tell a call to do something, and tell this one what came of it.
    Command(CallId, Box<CallCommand>, oneshot::Sender<Commanded>),
    /// Make a call, and tell this one its name, or why there is none.
    Dial(Box<Dial>, oneshot::Sender<Result<CallId, DialError>>),
    /// Show something of the node.
    Look(Look),
}

/// What a reload changes.
#[derive(Debug)]
pub struct Rules {
    /// Trunks, routes and their limits.
    pub ruleset: Ruleset,
    /// Calls at a time.
    pub max_calls: u32,
    /// New calls a second.
    pub max_cps: u32,
    /// Connections that each listener of streams takes. A running node keeps those that it began with.
    pub connections: usize,
    /// How long calls may last, and our domain.
    pub terms: Terms,
    /// How users register.
    pub registrar: RegistrarTerms,
    /// Who answers questions to DNS.
    pub dns: Resolver,
    /// Of each listener, in their order, how it speaks TLS; `None` where it does not.
    pub tls: Box<[Option<TlsSettings>]>,
}

impl Rules {
    /// What `config`, which `ruleset` was made from, says to a process that may open so many descriptors (`None`: any number). The files
    /// of TLS are not read here.
    pub fn new(config: &Config, ruleset: Ruleset, descriptors: Option<u64>) -> Rules {
        let terms = Terms {
            domain: config.node.domain.clone(),
            max_duration: config.calls.max_duration,
            inactivity_timeout: config.calls.inactivity_timeout,
            hold_timeout: config.calls.hold_timeout,
        };
        let connections = usize::try_from(config.connections(descriptors)).unwrap_or(usize::MAX);
        let registrar = registrations::terms(config);
        let (max_calls, max_cps) = (config.max_calls(descriptors), config.max_cps());
        Rules { ruleset, max_calls, max_cps, connections, terms, registrar, dns: Resolver::new(&config.node.dns), tls: Box::default() }
    }
}

/// The end that orders are given at.
pub type Orders = mpsc::Sender<Order>;

/// Where media threads put what they tell. It never waits.
#[derive(Clone, Debug)]
pub struct MediaEvents {
    queue: mpsc::Sender<(CallId, MediaEvent)>,
    /// Places that only what a call must not miss may take.
    reserved: usize,
    lost: Arc<AtomicU64>,
}

impl MediaEvents {
    /// Room for `most` events, and for as many more that a call must not miss.
    fn with_room(most: usize) -> (MediaEvents, mpsc::Receiver<(CallId, MediaEvent)>) {
        let (queue, events) = mpsc::channel(2 * most);
        (MediaEvents { queue, reserved: most, lost: Arc::default() }, events)
    }

    /// Tells the call something. With as many waiting as may it is lost, which is counted and said.
    pub fn send(&self, call: CallId, event: MediaEvent) {
        // A call that never hears that its ports are open gives up by itself; one that never hears that its media is gone would go
        // on without it; and the end of a recording, and of what is played, is waited for.
        let must_arrive = matches!(
            event,
            MediaEvent::Inactive { .. }
                | MediaEvent::Failed
                | MediaEvent::Closed(_)
                | MediaEvent::Recorded { .. }
                | MediaEvent::Played { .. }
        );
        if !must_arrive && self.queue.capacity() <= self.reserved {
            return self.lose(call, &event);
        }
        // A node that takes none any more is stopping.
        if let Err(TrySendError::Full((call, event))) = self.queue.try_send((call, event)) {
            self.lose(call, &event);
        }
    }

    fn lose(&self, call: CallId, event: &MediaEvent) {
        let lost = self.lost.fetch_add(1, Ordering::Relaxed) + 1;
        // Losses come in crowds, and the log is no place for one.
        if lost.is_power_of_two() {
            tracing::error!(%call, ?event, lost, "what the media threads told was lost: as much waits for the calls as may");
        }
    }
}

/// What a node is made of.
#[derive(Debug)]
pub struct Setup {
    /// The configuration that was checked.
    pub config: Config,
    /// Its rules.
    pub rules: Rules,
    /// Where slow work goes.
    pub background: Background,
    /// Where the records of calls go besides; [`records`](crate::records) makes the queue.
    pub records: Option<mpsc::Sender<Told>>,
    /// Where questions leave that routes ask of others; `None`: nobody is asked, and such routes do what they do by default.
    pub consultations: Option<Consultations>,
    /// Where users were before, and where it is told where they are; `None`: that ends with the node.
    pub bindings: Option<BindingsKept>,
    /// For tests of panic isolation: a message whose `X-Tandem-Fault` header says this makes its call panic. Nothing that is
    /// configured can set it.
    pub fault: Option<Box<str>>,
}

/// Why a node did not open.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// A listener's address could not be taken.
    #[error("listener `{name}` cannot bind {address}: {error}")]
    Bind {
        /// The listener's name.
        name: Box<str>,
        /// Its address.
        address: SocketAddr,
        /// The system's word.
        error: io::Error,
    },
    /// The media threads did not start.
    #[error("media: {0}")]
    Media(io::Error),
    /// The system gave no event queue or no random bytes.
    #[error("{0}")]
    System(#[from] io::Error),
}

/// A node that listens and is ready to run.
pub struct OpenNode {
    runtime: runtime::Runtime,
    local: LocalSet,
    node: Rc<Node>,
    events: mpsc::Receiver<(CallId, MediaEvent)>,
    drain_timeout: Duration,
}

/// A channel for orders.
pub fn orders() -> (Orders, mpsc::Receiver<Order>) {
    mpsc::channel(MAX_ORDERS)
}

impl OpenNode {
    /// Opens the listeners and, by `start_media`, the media threads, which keep the node's time.
    ///
    /// # Errors
    /// [`OpenError`]; nothing stays open then.
    pub fn open(
        setup: Setup,
        start_media: impl FnOnce(MediaEvents, Clock) -> io::Result<Box<dyn MediaPort>>,
    ) -> Result<OpenNode, OpenError> {
        let Setup { config, rules, background, records, consultations, bindings, fault } = setup;
        let runtime = runtime::Builder::new_current_thread().enable_all().build()?;
        let transports = {
            let _inside = runtime.enter();
            let bind = |(index, listener)| {
                let security = Security { settings: rules.tls.get(index).cloned().flatten(), background: background.clone() };
                bind(index, listener, rules.connections, security)
            };
            config.listeners.iter().map(|listener| &listener.value).enumerate().map(bind).collect::<Result<Box<[_]>, _>>()?
        };
        let (sender, events) = MediaEvents::with_room(MAX_EVENTS);
        let (clock, media_events) = (Clock::start(), sender.queue.downgrade());
        let media = start_media(sender, clock).map_err(OpenError::Media)?;
        let (minter, secret) = (Minter::new(random_bytes()?), random_bytes()?);
        let facts = facts(&config, rules.terms, &transports, (minter.clone(), secret), fault);
        let registrar = registrar(bindings, rules.registrar, &rules.ruleset, bearings(&config, clock.unix_ms(Timestamp::ZERO)));
        let node = Node {
            clock,
            dispatcher: Dispatcher::new(minter, secret).into(),
            facts: RefCell::new(Arc::new(facts)),
            routes: RouteTable::default(),
            recorder: FlightRecorder::new(usize::try_from(config.node.flight_recorder).unwrap_or(usize::MAX)).into(),
            transports,
            flows: Flows::default(),
            replies: RefCell::default(),
            media,
            hops: Hops::new(rules.dns),
            background,
            dump_dir: config.node.dump_dir.as_ref().into(),
            random: Random::new(u64::from_le_bytes(random_bytes()?)).into(),
            counter: Cell::new(0),
            limits: NodeLimits::new(rules.max_calls, rules.max_cps).into(),
            trunks: LimitBook::new(&rules.ruleset).into(),
            abuse: AbuseBook::new(&rules.ruleset).into(),
            health: HealthBook::new(&rules.ruleset).into(),
            agents: Roster::default().into(),
            lines: Lines::default().into(),
            registrar: registrar.into(),
            rules: rules.ruleset.into(),
            consultations,
            silences: Cell::new(0),
            draining: Cell::new(false),
            stops: Cell::new(0),
            changed: Notify::new(),
            bus: Bus::new(Epoch::new(clock.epoch()), records),
            past: RefCell::default(),
            trunk_notes: RefCell::default(),
            counted: RefCell::default(),
            legs: Cell::new(0),
            sides: config.media.iter().map(|media| media.name.clone()).collect(),
            media_events,
        };
        Ok(OpenNode { runtime, local: LocalSet::new(), node: Rc::new(node), events, drain_timeout: config.node.drain_timeout })
    }

    /// Where SIP is taken, in the order of the listeners.
    pub fn addresses(&self) -> Vec<(Transport, SocketAddr)> {
        self.node.transports.iter().map(|wire| (wire.transport(), wire.local())).collect()
    }

    /// The node for other threads, which gives it orders there.
    pub fn handle(&self, orders: &Orders) -> Handle {
        Handle::new(orders.clone(), self.node.bus.shared(), self.node.bus.epoch())
    }

    /// Carries calls until it is told to stop and has stopped.
    pub fn run(self, orders: mpsc::Receiver<Order>) {
        let OpenNode { runtime, local, node, events, drain_timeout } = self;
        for transport in &node.transports {
            match transport {
                Wire::Udp(udp) => local.spawn_local(ingress::listen(node.clone(), udp.clone())),
                Wire::Tcp(tcp) => local.spawn_local(tcp.clone().accept(node.clone())),
                Wire::Tls(tls) => local.spawn_local(tls.clone().accept(node.clone())),
            };
        }
        local.spawn_local(media_port::deliver(node.clone(), events));
        local.spawn_local(sweep(node.clone()));
        local.spawn_local(follow(node.clone(), orders));
        local.spawn_local(begin_agents(node.clone()));
        runtime.block_on(local.run_until(live(node, drain_timeout)));
    }
}

fn bind(index: usize, listener: &Listener, connections: usize, security: Security) -> Result<Wire, OpenError> {
    let id = ListenerId(u16::try_from(index).unwrap_or(u16::MAX));
    let address = *listener.bind;
    Wire::bind(listener.transport, id, address, connections, security).map_err(|error| OpenError::Bind {
        name: listener.name.clone(),
        address,
        error,
    })
}

/// With the bindings of before, of those who still are users.
fn registrar(kept: Option<BindingsKept>, terms: RegistrarTerms, rules: &Ruleset, here: Bearings) -> Registrar {
    let bindings: Box<dyn Bindings> = match kept {
        Some(kept) => Box::new(ToldBindings::new(kept, here)),
        None => Box::new(MemoryBindings::default()),
    };
    let mut registrar = Registrar::new(terms, bindings);
    registrar.keep_users(|name| rules.has_user(name));
    registrar
}

fn facts(config: &Config, terms: Terms, transports: &[Wire], (minter, secret): (Minter, [u8; 16]), fault: Option<Box<str>>) -> NodeFacts {
    let listeners = config.listeners.iter().zip(transports).map(|(listener, transport)| {
        let advertise = listener.advertised(transport.local());
        let host = advertise.rsplit_once(':').map_or(&*advertise, |(host, _)| host);
        ListenerFacts {
            transport: listener.transport,
            bound: transport.local().ip(),
            host: host.into(),
            advertise: advertise.as_str().into(),
        }
    });
    NodeFacts { minter, keys: TransactionKeys::new(secret), listeners: listeners.collect(), terms, fault }
}

fn random_bytes<const N: usize>() -> io::Result<[u8; N]> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).map_err(io::Error::other)?;
    Ok(bytes)
}

/// What trunks need beside calls begins once everything listens.
async fn begin_agents(node: Rc<Node>) {
    node.take_agents();
}

async fn sweep(node: Rc<Node>) {
    loop {
        tokio::time::sleep(SWEEP).await;
        let now = node.clock.now();
        node.dispatcher.borrow_mut().handle_timeout(now);
        node.forget_strangers(now);
        node.sweep_registrations(now);
        node.sweep_limits(now);
    }
}

/// Does what it is told for as long as somebody gives orders.
async fn follow(node: Rc<Node>, mut orders: mpsc::Receiver<Order>) {
    while let Some(order) = orders.recv().await {
        match order {
            Order::Reload(rules) => node.take_rules(*rules),
            Order::Command(call, command, reply) => node.command(call, command, reply),
            // Whoever asked may have gone.
            Order::Dial(dial, reply) => drop(reply.send(node.dial(*dial))),
            Order::Look(look) => node.show(look),
            Order::Stop => node.stop(),
        }
    }
    // Nobody is left who could say it.
    (0..3).for_each(|_| node.stop());
}

/// Lets the node carry calls, drain and end them, each for as long as it should.
async fn live(node: Rc<Node>, drain_timeout: Duration) {
    node.until(|node| node.stops.get() > 0).await;
    tracing::info!(calls = node.calls(), "draining: no new calls are let in");
    let drained = node.until(|node| node.calls() == 0 || node.stops.get() > 1);
    // Whichever comes first: none left, told again, or the time is over.
    let _ = timeout(drain_timeout, drained).await;
    if node.calls() > 0 {
        tracing::warn!(calls = node.calls(), "ending the calls that are left");
        for call in node.routes.calls() {
            // A call that cannot take it is over, or so busy that it will be dropped as it is.
            let _ = node.routes.deliver(call, Input::End(EndReason::Shutdown));
        }
    }
    // Only now: calls that went on could have been transferred, or called back, over a registration. Agents have a deadline of their own.
    node.dismiss_agents();
    let _ = timeout(FAREWELL, node.until(|node| node.routes.is_empty() || node.stops.get() > 2)).await;
    node.until(|node| node.agents.borrow().is_empty() || node.stops.get() > 2).await;
    tracing::info!(calls_left = node.calls(), "stopped");
}

impl Node {
    /// Calls that have not ended.
    fn calls(&self) -> u32 {
        self.limits.borrow().calls()
    }

    fn stop(&self) {
        self.stops.set(self.stops.get().saturating_add(1));
        // From this word on, whatever comes with the next.
        self.draining.set(true);
        self.changed.notify_one();
    }

    async fn until(&self, is_so: impl Fn(&Node) -> bool) {
        while !is_so(self) {
            self.changed.notified().await;
        }
    }

    fn take_rules(self: &Rc<Self>, rules: Rules) {
        let Rules { ruleset, max_calls, max_cps, terms, registrar, dns, tls, connections: _ } = rules;
        for (wire, settings) in self.transports.iter().zip(tls) {
            if let (Wire::Tls(transport), Some(settings)) = (wire, settings) {
                transport.renew(settings);
            }
        }
        let now = self.clock.now();
        self.trunks.borrow_mut().reload(&ruleset, now);
        self.abuse.borrow_mut().reload(&ruleset);
        self.health.borrow_mut().reload(&ruleset);
        self.limits.borrow_mut().reload(max_calls, max_cps, now);
        self.rules.replace(ruleset);
        self.reload_registrations(now, registrar);
        self.hops.renew(dns, now);
        let facts = NodeFacts { terms, ..(**self.facts.borrow()).clone() };
        self.facts.replace(Arc::new(facts));
        if !self.draining.get() {
            self.take_agents();
        }
        tracing::info!("new rules are in force");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tandem_model::MediaFailure;

    #[test]
    fn a_call_hears_of_its_media_s_end_when_nothing_else_finds_room() {
        let (sender, mut events) = MediaEvents::with_room(2);
        let call = CallId::new(1, 1);
        let refused = || MediaEvent::Refused(MediaFailure::NoPorts);
        (0..3).for_each(|_| sender.send(call, refused()));
        let inactive = MediaEvent::Inactive { leg: call.leg(0).unwrap(), held: false };
        sender.send(call, inactive.clone());
        sender.send(call, MediaEvent::Failed);
        assert_eq!(sender.lost.load(Ordering::Relaxed), 1);
        sender.send(call, MediaEvent::Failed);
        assert_eq!(sender.lost.load(Ordering::Relaxed), 2, "that room has an end too");
        let came: Vec<_> = std::iter::from_fn(|| events.try_recv().ok()).map(|(_, event)| event).collect();
        assert_eq!(came, [refused(), refused(), inactive, MediaEvent::Failed]);
    }
}
