//! Registrations of users, as the shell keeps them.

use super::{CoreNode, World};
use std::net::SocketAddr;
use tandem_config::Config;
use tandem_model::{BindingUsed, Bindings, CallId, Event, EventKind, Fate, ListenerId, Timestamp};
use tandem_signalling::{Arrival, Barred, RegistrarTerms, ReturnTo};

/// What the wall clock says when the virtual one begins, in milliseconds.
pub(super) const EPOCH_MS: u64 = 1_700_000_000_000;

pub(super) fn terms(config: &Config) -> RegistrarTerms {
    let registrar = &config.registrar;
    RegistrarTerms {
        expires: registrar.expires,
        min_expires: registrar.min_expires,
        max_expires: registrar.max_expires,
        contacts: registrar.contacts as usize,
        bindings: registrar.bindings as usize,
        flow_timer: registrar.flow_timer,
        domains: config.domains().into(),
        barred: Barred::new(config.own_places(), config.trunk_networks().map(|network| network.address..=network.last())),
    }
}

impl CoreNode {
    /// Where the users are.
    pub fn bindings(&self) -> &dyn Bindings {
        self.registrar.bindings()
    }

    /// What the registrar holds: bindings, users whose first one ends, flows.
    pub fn registrar_held(&self) -> (usize, usize, usize) {
        self.registrar.held()
    }

    /// What became of whose contacts so far: user, what, how many that user has then.
    pub fn registrations(&self) -> Vec<(&str, Fate, usize)> {
        let changes = self.events.iter().filter_map(|event| match &event.kind {
            EventKind::RegistrationChanged(change) => Some((&*change.user, change.fate, change.contacts)),
            _ => None,
        });
        changes.collect()
    }

    pub(super) fn register(&mut self, world: &mut World<'_>, arrival: &Arrival, user: &str, is_nat: bool) {
        let unix_ms = Some(EPOCH_MS + world.now.as_millis());
        let facts = self.facts.clone();
        let reply = self.registrar.register(world.now, unix_ms, &facts, user, is_nat, arrival);
        let answer = self.dispatcher.answer_register(world.now, arrival, ReturnTo::of(is_nat), &reply);
        self.send(world, None, answer);
        self.note_registrations(world.now);
    }

    pub(super) fn expire_registrations(&mut self, now: Timestamp) {
        self.registrar.handle_timeout(now);
        self.note_registrations(now);
    }

    pub(super) fn flow_lost(&mut self, now: Timestamp, listener: ListenerId, remote: SocketAddr) {
        self.registrar.flow_lost(listener, remote);
        self.note_registrations(now);
    }

    pub(super) fn flow_failed(&mut self, now: Timestamp, used: &BindingUsed) {
        self.registrar.flow_failed(used);
        self.note_registrations(now);
    }

    pub(super) fn reload_registrations(&mut self, now: Timestamp, config: &Config) {
        self.registrar.reload(terms(config));
        let rules = &self.rules;
        self.registrar.keep_users(|name| rules.has_user(name));
        self.note_registrations(now);
    }

    fn note_registrations(&mut self, now: Timestamp) {
        while let Some(change) = self.registrar.poll_change() {
            self.abuse.registration(&change);
            self.counter = self.counter.wrapping_add(1);
            let call = CallId::new(EPOCH_MS + now.as_millis(), self.counter);
            self.events.push(Event { time: now, call, leg: None, kind: EventKind::RegistrationChanged(Box::new(change)) });
        }
        while let Some(source) = self.registrar.poll_left() {
            self.abuse.left(now, source);
        }
    }
}
