//! How the trunks are, as it was told last, for whoever looks at the node; and who has registered.

use crate::{masked::mask, node::Node};
use std::{collections::BTreeMap, rc::Rc};
use tandem_model::{AgentPlan, Binding, Condition, Event, EventKind, PartView, RegistrationView, TrunkId, TrunkState, TrunkView};
use tokio::task::yield_now;

/// Users whose registrations are shown before calls get their turn.
const USERS_AT_ONCE: usize = 256;

/// What of a trunk a condition is about.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Part {
    Whole,
    Target,
    Registration,
}

/// What was told of trunks. As much as their agents have to tell: nothing of those that are neither registered nor pinged.
#[derive(Default)]
pub(crate) struct TrunkNotes {
    trunks: BTreeMap<Box<str>, Conditions>,
}

/// Of a trunk as a whole, and of its parts by their URIs.
type Conditions = BTreeMap<(Part, Box<str>), Condition>;

impl TrunkNotes {
    /// Takes note of what is told, if it is about a trunk.
    pub(crate) fn note(&mut self, event: &Event) {
        let (part, is_up, state) = match &event.kind {
            EventKind::TrunkUp(state) => (Part::Whole, true, state),
            EventKind::TrunkDown(state) => (Part::Whole, false, state),
            EventKind::TargetUp(state) => (Part::Target, true, state),
            EventKind::TargetDown(state) => (Part::Target, false, state),
            // A registration that was not refreshed holds until its time is over.
            EventKind::Registered(state) | EventKind::RefreshFailed(state) => (Part::Registration, true, state),
            EventKind::Unregistered(state) => (Part::Registration, false, state),
            _ => return,
        };
        let TrunkState { trunk, at, reason } = &**state;
        let condition = Condition { is_up: Some(is_up), reason: reason.clone(), since: Some(event.time) };
        self.trunks.entry(trunk.clone()).or_default().insert((part, at.clone()), condition);
    }

    /// Its agent is gone, and what it told holds no longer.
    pub(crate) fn forget(&mut self, trunk: &str) {
        self.trunks.remove(trunk);
    }

    fn of(&self, trunk: &str, part: Part, at: &str) -> Condition {
        self.trunks.get(trunk).and_then(|parts| parts.get(&(part, at.into()))).cloned().unwrap_or_default()
    }
}

impl Node {
    /// All trunks, in the order of the configuration.
    pub(crate) fn show_trunks(&self) -> Vec<TrunkView> {
        let rules = self.rules.borrow();
        let uris = rules.targets().map(|(_, uris)| uris);
        let trunks = (0..).zip(rules.trunks()).zip(uris);
        trunks
            .map(|((id, (name, limits)), uris)| {
                let plan = rules.agents().iter().find(|plan| *plan.trunk == *name);
                TrunkView {
                    trunk: name.into(),
                    condition: self.trunk_notes.borrow().of(name, Part::Whole, ""),
                    targets: self.show_targets(TrunkId(id), name, &uris, plan),
                    registrations: self.show_registrars(name, plan),
                    calls: self.trunks.borrow().counted(&format!("trunk:{name}")),
                    max_calls: limits.calls,
                    max_cps: limits.cps,
                }
            })
            .collect()
    }

    fn show_targets(&self, id: TrunkId, trunk: &str, uris: &[Box<str>], plan: Option<&AgentPlan>) -> Box<[PartView]> {
        let (now, health, notes) = (self.clock.now(), self.health.borrow(), self.trunk_notes.borrow());
        let pinged = plan.and_then(|plan| plan.pings.as_ref()).map_or(&[][..], |pings| &pings.targets);
        let targets = uris.iter().enumerate().map(|(place, uri)| PartView {
            at: uri.clone(),
            condition: pinged.get(place).map(|ping| notes.of(trunk, Part::Target, &ping.uri)).unwrap_or_default(),
            rests_until: health.rests_until(id, place, now),
        });
        targets.collect()
    }

    fn show_registrars(&self, trunk: &str, plan: Option<&AgentPlan>) -> Box<[PartView]> {
        let notes = self.trunk_notes.borrow();
        let registrars = plan.into_iter().flat_map(|plan| &plan.registrars).map(|registrar| PartView {
            at: registrar.registrar.clone(),
            condition: notes.of(trunk, Part::Registration, &registrar.registrar),
            rests_until: None,
        });
        registrars.collect()
    }

    /// Where all users are, by name.
    pub(crate) async fn show_registrations(self: Rc<Self>) -> Vec<RegistrationView> {
        let (users, mut shown) = (self.registrar.borrow().bindings().users(), Vec::new());
        for some in users.chunks(USERS_AT_ONCE) {
            some.iter().for_each(|user| self.show_bindings(user, &mut shown));
            yield_now().await;
        }
        shown
    }

    fn show_bindings(&self, user: &str, shown: &mut Vec<RegistrationView>) {
        let (now, registrar) = (self.clock.now(), self.registrar.borrow());
        let held = registrar.bindings().of(user).iter().filter(|binding| binding.until > now);
        shown.extend(held.map(|binding| registration(user, binding)));
    }
}

fn registration(user: &str, binding: &Binding) -> RegistrationView {
    let mut contact = binding.contact.clone();
    mask(&mut contact);
    RegistrationView {
        user: user.into(),
        contact,
        since: binding.since,
        until: binding.until,
        flow: binding.flow,
        agent: binding.agent.clone(),
        instance: binding.instance.clone(),
        behind_nat: binding.behind_nat,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tandem_model::{CallId, Timestamp};

    fn told(micros: u64, kind: impl Fn(Box<TrunkState>) -> EventKind, at: &str, reason: &str) -> Event {
        let state = Box::new(TrunkState { trunk: "carrier".into(), at: at.into(), reason: reason.into() });
        Event { time: Timestamp::from_micros(micros), call: CallId::new(1, 1), leg: None, kind: kind(state) }
    }

    #[test]
    fn what_was_told_last_holds_until_the_agent_is_gone() {
        let mut notes = TrunkNotes::default();
        notes.note(&told(1, EventKind::TargetUp, "sip:a", ""));
        notes.note(&told(2, EventKind::TargetDown, "sip:a", "no answer"));
        notes.note(&told(3, EventKind::TrunkDown, "", "no answer"));
        notes.note(&told(4, EventKind::Registered, "sip:a", ""));
        let down = |micros| Condition { is_up: Some(false), reason: "no answer".into(), since: Some(Timestamp::from_micros(micros)) };
        assert_eq!((notes.of("carrier", Part::Target, "sip:a"), notes.of("carrier", Part::Whole, "")), (down(2), down(3)));
        assert_eq!(notes.of("carrier", Part::Registration, "sip:a").word(), "up");
        assert_eq!(notes.of("carrier", Part::Target, "sip:b").word(), "unknown");
        notes.forget("carrier");
        assert_eq!(notes.of("carrier", Part::Whole, ""), Condition::default());
    }
}
