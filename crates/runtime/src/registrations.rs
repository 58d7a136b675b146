//! Registrations of users: REGISTERs, what ends them, and who is told.

use crate::node::Node;
use std::{net::SocketAddr, rc::Rc};
use tandem_config::Config;
use tandem_model::{BindingUsed, Event, EventKind, LegProfile, ListenerId, Timestamp};
use tandem_signalling::{Arrival, Barred, RegistrarTerms, ReturnTo};

/// What `config` says of registrations.
pub(crate) fn terms(config: &Config) -> RegistrarTerms {
    let registrar = &config.registrar;
    let count = |number: u32| usize::try_from(number).unwrap_or(usize::MAX);
    RegistrarTerms {
        expires: registrar.expires,
        min_expires: registrar.min_expires,
        max_expires: registrar.max_expires,
        contacts: count(registrar.contacts),
        bindings: count(registrar.bindings),
        flow_timer: registrar.flow_timer,
        domains: config.domains().into(),
        barred: Barred::new(config.own_places(), config.trunk_networks().map(|network| network.address..=network.last())),
    }
}

impl Node {
    /// A REGISTER of a user.
    pub(crate) fn on_register(self: &Rc<Self>, now: Timestamp, arrival: &Arrival, user: &str, profile: &LegProfile) {
        let facts = self.facts.borrow().clone();
        let unix_ms = Some(self.clock.unix_ms(now));
        let reply = self.registrar.borrow_mut().register(now, unix_ms, &facts, user, profile.nat, arrival);
        let answer = self.dispatcher.borrow_mut().answer_register(now, arrival, ReturnTo::of(profile.nat), &reply);
        self.send(answer, None);
        self.tell_registrations(now);
    }

    /// Drops the bindings that nobody refreshed.
    pub(crate) fn sweep_registrations(&self, now: Timestamp) {
        self.registrar.borrow_mut().handle_timeout(now);
        self.tell_registrations(now);
    }

    /// A connection is over, or nobody is at that port any more.
    pub(crate) fn on_flow_lost(&self, listener: ListenerId, remote: SocketAddr) {
        self.registrar.borrow_mut().flow_lost(listener, remote);
        self.tell_registrations(self.clock.now());
    }

    /// A proxy says that the phone behind it is gone.
    pub(crate) fn on_flow_failed(&self, now: Timestamp, used: &BindingUsed) {
        self.registrar.borrow_mut().flow_failed(used);
        self.tell_registrations(now);
    }

    /// Other terms are in force, and perhaps other users.
    pub(crate) fn reload_registrations(&self, now: Timestamp, terms: RegistrarTerms) {
        let rules = self.rules.borrow();
        let mut registrar = self.registrar.borrow_mut();
        registrar.reload(terms);
        registrar.keep_users(|name| rules.has_user(name));
        drop((rules, registrar));
        self.tell_registrations(now);
    }

    fn tell_registrations(&self, now: Timestamp) {
        loop {
            let Some(change) = self.registrar.borrow_mut().poll_change() else { break };
            self.abuse.borrow_mut().registration(&change);
            let kind = EventKind::RegistrationChanged(Box::new(change));
            self.notify(Event { time: now, call: self.next_call_id(now), leg: None, kind });
        }
        while let Some(source) = self.registrar.borrow_mut().poll_left() {
            self.abuse.borrow_mut().left(now, source);
        }
    }
}
