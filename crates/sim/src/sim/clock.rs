//! Letting time pass.

use super::Sim;
use crate::node::CoreNode;
use std::{net::SocketAddr, time::Duration};
use tandem_model::Timestamp;
use tandem_phone::Input;

/// How long a scenario may take until everybody is quiet.
pub const QUIET_LIMIT: Duration = Duration::from_secs(1800);

/// Turns of the clock in one scenario; more is a storm.
const MAX_TURNS: u32 = 400_000;

impl Sim {
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
        assert!(
            self.turns < MAX_TURNS,
            "a storm at {next}: the core waits for {:?}; busy: {:?}",
            self.core.poll_timeout(),
            self.business()
        );
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
}
