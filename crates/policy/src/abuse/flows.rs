//! Flows whose other end has proved to be somebody.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::{IpAddr, SocketAddr},
    time::Duration,
};
use tandem_model::{Timestamp, neighbourhood};

/// Flows that are remembered; with more those that end first go. As many as the registrar keeps bindings unless told otherwise, and some.
const MAX_FLOWS: usize = 131_072;

/// Wrong answers within a [`PERIOD`] after which nobody is trusted there for the rest of it: a phone with several accounts may have one
/// with an old password, and whoever guesses has more than these.
const MAX_WRONG: u32 = 5;

/// How long wrong answers are counted together.
const PERIOD: Duration = Duration::from_secs(60);

#[derive(Debug, Default)]
pub(super) struct TrustedFlows {
    flows: BTreeMap<SocketAddr, Trusted>,
    ends: BTreeSet<(Timestamp, SocketAddr)>,
    /// How many there are of each source.
    of: BTreeMap<IpAddr, usize>,
}

#[derive(Clone, Copy, Debug)]
struct Trusted {
    until: Timestamp,
    wrong: u32,
    /// Wrong answers are counted until then.
    counted_until: Timestamp,
}

impl TrustedFlows {
    /// Whether somebody is known to be there.
    pub(super) fn has(&self, now: Timestamp, remote: SocketAddr) -> bool {
        let holds = |flow: &Trusted| now < flow.until && (flow.wrong < MAX_WRONG || flow.counted_until <= now);
        self.flows.get(&remote).is_some_and(holds)
    }

    /// How many there are of that source.
    pub(super) fn count_of(&self, source: IpAddr) -> usize {
        self.of.get(&source).copied().unwrap_or(0)
    }

    pub(super) fn len(&self) -> usize {
        self.flows.len()
    }

    /// Somebody is there until then, at least. What was answered wrong there stays counted.
    pub(super) fn trust(&mut self, remote: SocketAddr, until: Timestamp) {
        let before = self.flows.get(&remote).copied();
        if before.is_some_and(|flow| flow.until >= until) {
            return;
        }
        while before.is_none() && self.flows.len() >= MAX_FLOWS && self.forget_first() {}
        self.put(remote, Trusted { until, ..before.unwrap_or(Trusted { until, wrong: 0, counted_until: Timestamp::ZERO }) });
    }

    /// How long somebody is known to be there.
    pub(super) fn until(&self, remote: SocketAddr) -> Option<Timestamp> {
        self.flows.get(&remote).map(|flow| flow.until)
    }

    /// Nobody is there any more. What was answered wrong there stays counted, else it could be forgotten by leaving and coming back.
    pub(super) fn leave(&mut self, now: Timestamp, remote: SocketAddr) {
        let Some(flow) = self.remove(remote) else { return };
        let until = flow.counted_until.min(flow.until);
        if until > now {
            self.put(remote, Trusted { until, ..flow });
        }
    }

    /// A challenge was answered wrong there.
    pub(super) fn answered_wrong(&mut self, now: Timestamp, remote: SocketAddr) {
        if let Some(flow) = self.flows.get_mut(&remote) {
            if flow.counted_until <= now {
                (flow.wrong, flow.counted_until) = (0, now + PERIOD);
            }
            flow.wrong += 1;
        }
    }

    /// Drops what is due.
    pub(super) fn forget(&mut self, now: Timestamp) {
        while self.ends.first().is_some_and(|(until, _)| *until <= now) {
            self.forget_first();
        }
    }

    fn forget_first(&mut self) -> bool {
        let first = self.ends.first().copied();
        first.is_some_and(|(_, remote)| self.remove(remote).is_some())
    }

    fn put(&mut self, remote: SocketAddr, flow: Trusted) {
        self.remove(remote);
        self.ends.insert((flow.until, remote));
        self.flows.insert(remote, flow);
        *self.of.entry(neighbourhood(remote.ip())).or_default() += 1;
    }

    fn remove(&mut self, remote: SocketAddr) -> Option<Trusted> {
        let flow = self.flows.remove(&remote)?;
        self.ends.remove(&(flow.until, remote));
        let source = neighbourhood(remote.ip());
        if let Some(count) = self.of.get_mut(&source) {
            *count -= 1;
            if *count == 0 {
                self.of.remove(&source);
            }
        }
        Some(flow)
    }
}
