//! What a trunk needs beside its calls: registrations with its registrars, and questions to its targets whether they are there.
//!
//! [`TrunkAgent::new`] makes it from its plan. Wake it at [`TrunkAgent::poll_timeout`], which is at once, and then [`TrunkAgent::handle`]
//! every input and drain [`TrunkAgent::poll_output`] to `None` each time, as with a [`Call`](crate::Call). [`Input::End`] tells it to
//! give its registrations up; after [`Output::Ended`] nothing more comes.
//!
//! It is no call: it has a call's id only so that what we mint for it leads answers to it.

mod backoff;
mod client;
mod contact;
mod lines;
mod options;
mod registration;
mod roster;
pub mod table;

pub use lines::Lines;
pub(crate) use registration::retry_after;
pub use roster::{Roster, Step};

use crate::call::{Input, NodeFacts, Output};
use crate::locate::Located;
use crate::wire::{Arrival, Transmit};
use options::{Life, Ping};
use registration::{News, Registration};
use sha2::{Digest, Sha256};
use std::borrow::Cow;
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;
use tandem_model::{AgentPlan, CallId, Destination, Event, EventKind, HealthNews, LegId, ListenerId, Random, Timestamp, TrunkState};

/// How long registrars have to take note that we leave.
pub const LEAVE_PATIENCE: Duration = Duration::from_secs(5);

/// What an agent is made from beside its plan.
#[derive(Clone, Debug)]
pub struct AgentSetup {
    /// Its id.
    pub id: CallId,
    /// Decides its random choices.
    pub seed: u64,
    /// What it shares with the calls.
    pub node: Arc<NodeFacts>,
}

/// The agent of one trunk.
#[derive(Debug)]
pub struct TrunkAgent {
    id: CallId,
    trunk: Box<str>,
    node: Arc<NodeFacts>,
    random: Random,
    outputs: VecDeque<Output>,
    registrations: Vec<Registration>,
    pings: Vec<Ping>,
    phase: Phase,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// At work. Whether the trunk can be used, if that is known.
    Working(Option<bool>),
    /// Registrations are given up, until then.
    Leaving(Timestamp),
    /// Nothing is left.
    Over,
}

/// Lends the parts what they work with.
struct Context<'a> {
    now: Timestamp,
    node: &'a NodeFacts,
    outputs: &'a mut VecDeque<Output>,
    random: &'a mut Random,
}

impl Context<'_> {
    fn send(&mut self, transmit: Transmit) {
        self.outputs.push_back(Output::Send(Box::new(transmit)));
    }
}

/// As whom we register.
#[derive(Clone, Debug)]
struct Identity {
    /// The trunk: our Contact has a token for it, and calls have that.
    trunk: Arc<str>,
    /// `+sip.instance` (RFC 5626 §4.1).
    instance: Arc<str>,
    /// `reg-id`: which of the registrations.
    reg_id: String,
}

macro_rules! context {
    ($agent:expr, $now:expr) => {
        &mut Context { now: $now, node: &$agent.node, outputs: &mut $agent.outputs, random: &mut $agent.random }
    };
}

impl TrunkAgent {
    /// An agent that does what `plan` says as soon as it is woken.
    pub fn new(setup: AgentSetup, now: Timestamp, plan: &AgentPlan) -> TrunkAgent {
        let AgentSetup { id, seed, node } = setup;
        let mut agent = TrunkAgent {
            id,
            trunk: plan.trunk.clone(),
            random: Random::new(seed),
            outputs: VecDeque::new(),
            registrations: Vec::new(),
            pings: Vec::new(),
            phase: Phase::Working(None),
            node,
        };
        let mut legs = (0..).map_while(|index| id.leg(index));
        let trunk: Arc<str> = (&*plan.trunk).into();
        let instance: Arc<str> = urn(&plan.instance).into();
        for (number, registrar) in (1..).zip(&plan.registrars) {
            let Some(leg) = legs.next() else { break };
            let identity = Identity { trunk: trunk.clone(), instance: instance.clone(), reg_id: u32::to_string(&number) };
            let registration = Registration::new(context!(agent, now), leg, registrar, identity, plan.login.clone());
            agent.registrations.push(registration);
        }
        for (ping, target) in plan.pings.iter().flat_map(|pings| pings.targets.iter().map(move |target| (pings, target))) {
            let Some(leg) = legs.next() else { break };
            agent.pings.push(Ping::new(context!(agent, now), leg, ping, target));
        }
        agent.outputs.extend(agent.legs().into_iter().map(Output::LegAdded));
        agent
    }

    /// Takes one input.
    pub fn handle(&mut self, now: Timestamp, input: Input) {
        match input {
            Input::Message(arrival) => self.on_message(now, *arrival),
            Input::Located(leg, located) => self.on_located(now, leg, located),
            Input::Unreachable(listener, destination, _) => self.on_unreachable(now, listener, &destination),
            Input::End(_) => self.leave(now),
            Input::Wake => self.on_wake(now),
            // Of calls alone.
            Input::Decided(..) | Input::Media(_) | Input::Referred(..) | Input::Letter(..) | Input::Command(..) => {}
        }
        self.judge(now);
        self.end_if_over(now);
    }

    /// The next thing to be done.
    pub fn poll_output(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    /// When to wake it.
    pub fn poll_timeout(&self) -> Option<Timestamp> {
        let registrations = self.registrations.iter().filter_map(Registration::poll_timeout);
        match self.phase {
            Phase::Working(_) => registrations.chain(self.pings.iter().map(Ping::poll_timeout)).min(),
            Phase::Leaving(until) => registrations.chain([until]).min(),
            Phase::Over => None,
        }
    }

    fn legs(&self) -> Vec<LegId> {
        self.registrations.iter().map(Registration::id).chain(self.pings.iter().map(Ping::id)).collect()
    }

    fn on_message(&mut self, now: Timestamp, arrival: Arrival) {
        if arrival.message.is_request() {
            return;
        }
        let Some(leg) = arrival.leg else { return };
        if let Some(place) = self.registrations.iter().position(|registration| registration.id() == leg) {
            let another_holds = self.another_holds(place);
            let news = self.registrations[place].on_message(context!(self, now), arrival, another_holds);
            return self.on_news(now, place, news);
        }
        if let Some(place) = self.pings.iter().position(|ping| ping.id() == leg)
            && self.pings[place].on_message(context!(self, now), arrival)
        {
            self.on_life(now, place);
        }
    }

    fn on_unreachable(&mut self, now: Timestamp, listener: ListenerId, destination: &Destination) {
        for place in 0..self.registrations.len() {
            let another_holds = self.another_holds(place);
            let news = self.registrations[place].on_unreachable(context!(self, now), (listener, destination), another_holds);
            self.on_news(now, place, news);
        }
        for place in 0..self.pings.len() {
            if self.pings[place].on_unreachable(context!(self, now), listener, destination) {
                self.on_life(now, place);
            }
        }
    }

    fn on_located(&mut self, now: Timestamp, leg: LegId, located: Located) {
        if let Some(place) = self.registrations.iter().position(|registration| registration.id() == leg) {
            let another_holds = self.another_holds(place);
            let news = self.registrations[place].on_located(context!(self, now), located, another_holds);
            return self.on_news(now, place, news);
        }
        if let Some(place) = self.pings.iter().position(|ping| ping.id() == leg)
            && self.pings[place].on_located(context!(self, now), located)
        {
            self.on_life(now, place);
        }
    }

    fn on_wake(&mut self, now: Timestamp) {
        for place in 0..self.registrations.len() {
            if self.registrations[place].poll_timeout().is_some_and(|at| at <= now) {
                let another_holds = self.another_holds(place);
                let news = self.registrations[place].on_wake(context!(self, now), another_holds);
                self.on_news(now, place, news);
            }
        }
        if !matches!(self.phase, Phase::Working(_)) {
            return;
        }
        for place in 0..self.pings.len() {
            if self.pings[place].poll_timeout() <= now && self.pings[place].on_wake(context!(self, now)) {
                self.on_life(now, place);
            }
        }
    }

    fn another_holds(&self, place: usize) -> bool {
        self.registrations.iter().enumerate().any(|(other, registration)| other != place && registration.is_in())
    }

    fn leave(&mut self, now: Timestamp) {
        if !matches!(self.phase, Phase::Working(_)) {
            return;
        }
        self.phase = Phase::Leaving(now + LEAVE_PATIENCE);
        for place in 0..self.registrations.len() {
            let news = self.registrations[place].leave(context!(self, now));
            self.on_news(now, place, news);
        }
    }

    fn end_if_over(&mut self, now: Timestamp) {
        let Phase::Leaving(until) = self.phase else { return };
        if until > now && !self.registrations.iter().all(Registration::is_gone) {
            return;
        }
        for place in 0..self.registrations.len() {
            let news = self.registrations[place].forsake(context!(self, now));
            self.on_news(now, place, news);
        }
        self.phase = Phase::Over;
        self.outputs.push_back(Output::Health(Box::new(HealthNews::Forgotten { trunk: self.trunk.clone() })));
        self.outputs.extend(self.legs().into_iter().map(Output::LegRemoved));
        self.outputs.push_back(Output::Ended);
    }

    fn on_news(&mut self, now: Timestamp, place: usize, news: Option<News>) {
        let Some(news) = news else { return };
        let registration = &self.registrations[place];
        let (at, is_in, route) = (registration.at().clone(), news != News::Out, registration.routes().cloned());
        let told = HealthNews::Routes { trunk: self.trunk.clone(), registrar: place_number(place), at, is_in, route };
        let state = self.state(registration.registrar(), registration.failure());
        let kind = match news {
            News::In => Some(EventKind::Registered(state)),
            News::Overdue => Some(EventKind::RefreshFailed(state)),
            News::Out => Some(EventKind::Unregistered(state)),
            News::Routes => None,
        };
        self.outputs.push_back(Output::Health(Box::new(told)));
        kind.into_iter().for_each(|kind| self.notify(now, kind));
    }

    fn on_life(&mut self, now: Timestamp, place: usize) {
        let ping = &self.pings[place];
        let (is_alive, reason): (bool, Cow<'static, str>) = match ping.life() {
            Life::Unknown => return,
            Life::Alive => (true, Cow::Borrowed("")),
            Life::Dead(why) => (false, why.clone()),
        };
        let state = self.state(ping.uri(), &reason);
        let news = HealthNews::Target { trunk: self.trunk.clone(), target: place_number(place), is_alive };
        self.outputs.push_back(Output::Health(Box::new(news)));
        self.notify(now, if is_alive { EventKind::TargetUp(state) } else { EventKind::TargetDown(state) });
    }

    /// Says once that the trunk can be used, or cannot: it can with one registration of those that it has and one target that answers.
    fn judge(&mut self, now: Timestamp) {
        let Phase::Working(known) = self.phase else { return };
        let is_registered = judged(&self.registrations, Registration::is_in, Registration::has_failed);
        let is_there = judged(&self.pings, |ping| *ping.life() == Life::Alive, |ping| matches!(ping.life(), Life::Dead(_)));
        let is_up = match (is_registered, is_there) {
            (Some(false), _) | (_, Some(false)) => Some(false),
            (Some(true), Some(true)) => Some(true),
            _ => known,
        };
        if is_up == known {
            return;
        }
        self.phase = Phase::Working(is_up);
        let dead = self.pings.iter().find_map(|ping| if let Life::Dead(why) = ping.life() { Some(why.clone()) } else { None });
        let mut refused = self.registrations.iter().map(|registration| Cow::Owned(registration.failure().to_owned()));
        let why: Cow<'_, str> = match (is_registered, is_there) {
            (Some(false), _) => refused.next_back().unwrap_or_default(),
            (_, Some(false)) => dead.unwrap_or_default(),
            _ => Cow::Borrowed(""),
        };
        let state = self.state("", &why);
        self.notify(now, if is_up == Some(true) { EventKind::TrunkUp(state) } else { EventKind::TrunkDown(state) });
    }

    fn state(&self, at: &str, reason: &str) -> Box<TrunkState> {
        Box::new(TrunkState { trunk: self.trunk.clone(), at: at.into(), reason: reason.into() })
    }

    fn notify(&mut self, now: Timestamp, kind: EventKind) {
        self.outputs.push_back(Output::Notify(Box::new(Event { time: now, call: self.id, leg: None, kind })));
    }
}

/// Whether one of them is well, or all are not; `None` while that is open. With none of them all is well.
fn judged<T>(all: &[T], is_well: impl Fn(&T) -> bool, is_ill: impl Fn(&T) -> bool) -> Option<bool> {
    if all.is_empty() || all.iter().any(is_well) {
        return Some(true);
    }
    all.iter().all(is_ill).then_some(false)
}

fn place_number(place: usize) -> u8 {
    u8::try_from(place).unwrap_or(u8::MAX)
}

/// A UUID made of a name (RFC 9562 §5.8), as a URN.
fn urn(name: &str) -> String {
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&Sha256::digest(["tandem instance ", name].concat())[..16]);
    (bytes[6], bytes[8]) = (bytes[6] & 0x0f | 0x80, bytes[8] & 0x3f | 0x80);
    let mut text = String::from("urn:uuid:");
    for (place, byte) in bytes.iter().enumerate() {
        if matches!(place, 4 | 6 | 8 | 10) {
            text.push('-');
        }
        text.push_str(&format!("{byte:02x}"));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_instance_is_a_uuid_that_its_name_decides() {
        let text = urn("tandem/carrier");
        assert_eq!((text.len(), text == urn("tandem/carrier"), text == urn("tandem/other")), (45, true, false));
        let uuid: Vec<&str> = text.trim_start_matches("urn:uuid:").split('-').collect();
        assert_eq!(uuid.iter().map(|part| part.len()).collect::<Vec<_>>(), [8, 4, 4, 4, 12]);
        assert!(uuid[2].starts_with('8') && uuid[3].starts_with(['8', '9', 'a', 'b']), "{text}");
    }
}
