//! The registrar: where users are (RFC 3261 §10.3), over which flows (RFC 5626) and through which proxies (RFC 3327).
//!
//! [`Registrar::register`] answers a REGISTER of a user who has proved to be one. Drain [`Registrar::poll_change`] and
//! [`Registrar::poll_left`] after that, and after [`Registrar::handle_timeout`], [`Registrar::flow_lost`], [`Registrar::flow_failed`] and [`Registrar::keep_users`]. Wake it at
//! [`Registrar::poll_timeout`]. Who keeps the bindings is behind [`Bindings`].

mod barred;
mod date;
mod kept;
mod memory;
mod reply;
mod request;
mod room;
mod update;
mod way;

pub use barred::Barred;
pub use kept::{Bearings, KeptBinding};
pub use memory::MemoryBindings;
pub use reply::Reply;
pub use way::{answer_destination, is_behind_nat};

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::net::SocketAddr;
use std::time::Duration;
use tandem_model::{Binding, BindingUsed, Bindings, Destination, Fate, ListenerId, RegistrationChange, Timestamp};

/// What holds for all users.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RegistrarTerms {
    /// How long a binding holds whose phone does not say.
    pub expires: Duration,
    /// The shortest that a phone may ask for.
    pub min_expires: Duration,
    /// The longest that it gets.
    pub max_expires: Duration,
    /// Contacts of one user.
    pub contacts: usize,
    /// Contacts of all users.
    pub bindings: usize,
    /// How long a flow may be silent (RFC 5626 §4.4).
    pub flow_timer: Option<Duration>,
    /// The domains that our users are of: names, and addresses as URIs write them.
    pub domains: Box<[Box<str>]>,
    /// Where no user is called.
    pub barred: Barred,
}

/// One a node.
#[derive(Debug)]
pub struct Registrar {
    terms: RegistrarTerms,
    bindings: Box<dyn Bindings>,
    /// When the first binding of each user ends.
    ends: BTreeSet<(Timestamp, Box<str>)>,
    /// Whose bindings are reached at the other end of a flow.
    flows: BTreeMap<(ListenerId, SocketAddr), BTreeSet<Box<str>>>,
    /// How many bindings were registered from there.
    sources: BTreeMap<SocketAddr, usize>,
    /// Where none are left.
    left: VecDeque<SocketAddr>,
    /// Bindings, together.
    count: usize,
    changes: VecDeque<RegistrationChange>,
}

impl Registrar {
    /// A registrar whose bindings are kept there; those that are there already hold, of users that [are such](Registrar::keep_users) and
    /// where users may be called.
    pub fn new(terms: RegistrarTerms, bindings: Box<dyn Bindings>) -> Registrar {
        let mut registrar = Registrar {
            terms,
            bindings,
            ends: BTreeSet::new(),
            flows: BTreeMap::new(),
            sources: BTreeMap::new(),
            left: VecDeque::new(),
            count: 0,
            changes: VecDeque::new(),
        };
        for user in registrar.bindings.users() {
            registrar.enter(&user);
        }
        registrar.drop_barred();
        registrar
    }

    /// Goes over to other terms. Who is where nobody is called any more goes; all other bindings stay as they are.
    pub fn reload(&mut self, terms: RegistrarTerms) {
        let is_judged_anew = self.terms.barred != terms.barred;
        self.terms = terms;
        if is_judged_anew {
            self.drop_barred();
        }
    }

    /// Where the users are.
    pub fn bindings(&self) -> &dyn Bindings {
        &*self.bindings
    }

    /// Bindings of all users.
    pub fn count(&self) -> usize {
        self.count
    }

    /// What it holds, to find what is left behind: bindings, users whose first one ends, flows.
    pub fn held(&self) -> (usize, usize, usize) {
        (self.count, self.ends.len(), self.flows.len())
    }

    /// What changed.
    pub fn poll_change(&mut self) -> Option<RegistrationChange> {
        self.changes.pop_front()
    }

    /// The next place from which nobody is registered any more.
    pub fn poll_left(&mut self) -> Option<SocketAddr> {
        loop {
            let source = self.left.pop_front()?;
            if !self.sources.contains_key(&source) {
                return Some(source);
            }
        }
    }

    /// When the next binding ends.
    pub fn poll_timeout(&self) -> Option<Timestamp> {
        self.ends.first().map(|(at, _)| *at)
    }

    /// Drops the bindings that have ended.
    pub fn handle_timeout(&mut self, now: Timestamp) {
        while let Some((_, user)) = self.ends.first().filter(|(at, _)| *at <= now).cloned() {
            self.drop_some(&user, Fate::Expired, |binding| binding.until <= now);
        }
    }

    /// The connection with that other end is over, or the network says that nobody is there: who is reached there alone is not reached.
    pub fn flow_lost(&mut self, listener: ListenerId, remote: SocketAddr) {
        for user in self.flows.get(&(listener, remote)).cloned().unwrap_or_default() {
            self.drop_some(&user, Fate::Lost, |binding| flow_of(binding) == Some((listener, remote)));
        }
    }

    /// Whether a binding lives and dies with the flow to that other end.
    pub fn is_reached_over(&self, listener: ListenerId, remote: SocketAddr) -> bool {
        self.flows.contains_key(&(listener, remote))
    }

    /// A proxy on the way says that the flow behind it is gone (RFC 5626 §5.3).
    /// Whoever renewed theirs since came over another one.
    pub fn flow_failed(&mut self, used: &BindingUsed) {
        self.drop_some(&used.user, Fate::Lost, |binding| used.is(binding));
    }

    /// The bindings of those who are no longer users go.
    pub fn keep_users(&mut self, is_user: impl Fn(&str) -> bool) {
        for user in self.bindings.users().into_iter().filter(|user| !is_user(user)) {
            self.drop_some(&user, Fate::Removed, |_| true);
        }
    }

    fn drop_barred(&mut self) {
        let barred = self.terms.barred.clone();
        for user in self.bindings.users() {
            self.drop_some(&user, Fate::Removed, |binding| barred.bars_hop(&binding.hop, binding.flow.remote));
        }
    }

    fn drop_some(&mut self, user: &str, fate: Fate, is_gone: impl Fn(&Binding) -> bool) {
        let (gone, left): (Vec<Binding>, Vec<Binding>) = self.bindings.of(user).iter().cloned().partition(|binding| is_gone(binding));
        if gone.is_empty() {
            return;
        }
        let contacts = left.len();
        self.replace(user, left);
        gone.iter().for_each(|binding| self.tell(user, binding, fate, contacts));
    }

    /// All bindings of a user, from now on.
    fn replace(&mut self, user: &str, bindings: Vec<Binding>) {
        self.leave(user);
        self.bindings.keep(user, bindings);
        self.enter(user);
    }

    fn tell(&mut self, user: &str, binding: &Binding, fate: Fate, contacts: usize) {
        self.changes.push_back(RegistrationChange {
            user: user.into(),
            contact: binding.contact.clone(),
            fate,
            until: binding.until,
            flow: binding.flow,
            contacts,
        });
    }

    fn enter(&mut self, user: &str) {
        let bindings = self.bindings.of(user);
        self.count += bindings.len();
        self.ends.extend(bindings.iter().map(|binding| (binding.until, user.into())).min());
        for flow in bindings.iter().filter_map(flow_of) {
            self.flows.entry(flow).or_default().insert(user.into());
        }
        for binding in bindings {
            *self.sources.entry(binding.flow.remote).or_default() += 1;
        }
    }

    fn leave(&mut self, user: &str) {
        let bindings = self.bindings.of(user);
        self.count -= bindings.len().min(self.count);
        if let Some(first) = bindings.iter().map(|binding| binding.until).min() {
            self.ends.remove(&(first, Box::from(user)));
        }
        for binding in bindings {
            let source = binding.flow.remote;
            let left = self.sources.get(&source).map_or(0, |count| count - 1);
            if left > 0 {
                self.sources.insert(source, left);
            } else {
                self.sources.remove(&source);
                self.left.push_back(source);
            }
        }
        for flow in bindings.iter().filter_map(flow_of) {
            if let Some(users) = self.flows.get_mut(&flow) {
                users.remove(user);
                if users.is_empty() {
                    self.flows.remove(&flow);
                }
            }
        }
    }
}

/// The flow that a binding lives and dies with: one that goes through no proxy.
fn flow_of(binding: &Binding) -> Option<(ListenerId, SocketAddr)> {
    match &binding.hop {
        _ if !binding.path.is_empty() || !binding.over_flow => None,
        Destination::Address(remote) | Destination::Back { remote, .. } => Some((binding.listener, *remote)),
        Destination::Name { .. } | Destination::Domain { .. } | Destination::Hop { .. } => None,
    }
}
