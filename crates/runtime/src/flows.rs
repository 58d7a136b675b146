//! Which calls use which connection: told when it breaks, so that they need not wait for a timer to find out.

use std::{
    cell::RefCell,
    collections::{BTreeMap, BTreeSet},
    net::SocketAddr,
};
use tandem_model::{CallId, ListenerId};

/// Calls of one connection that are looked through for those that are over, at least.
const FEW: usize = 64;

/// By listener and other end. Bounded by the connections, and each by twice the calls that are alive.
#[derive(Default)]
pub(crate) struct Flows {
    users: RefCell<BTreeMap<(ListenerId, SocketAddr), Users>>,
}

#[derive(Default)]
struct Users {
    calls: BTreeSet<CallId>,
    /// So many are looked through the next time.
    full: usize,
}

impl Flows {
    /// `call` has something under way over the connection with `remote`.
    pub(crate) fn used(&self, listener: ListenerId, remote: SocketAddr, call: CallId, is_alive: impl Fn(CallId) -> bool) {
        let mut flows = self.users.borrow_mut();
        let users = flows.entry((listener, remote)).or_default();
        if users.calls.insert(call) && users.calls.len() > users.full.max(FEW) {
            users.calls.retain(|call| is_alive(*call));
            users.full = 2 * users.calls.len();
        }
    }

    /// The connection is over: who used it. They are remembered where another one with the same other end `is_left`.
    pub(crate) fn over(&self, listener: ListenerId, remote: SocketAddr, is_left: bool) -> BTreeSet<CallId> {
        let mut flows = self.users.borrow_mut();
        if is_left {
            return flows.get(&(listener, remote)).map(|users| users.calls.clone()).unwrap_or_default();
        }
        flows.remove(&(listener, remote)).map(|users| users.calls).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_uses_a_connection_is_told_once_and_the_dead_are_forgotten() {
        let flows = Flows::default();
        let (listener, remote) = (ListenerId(0), SocketAddr::from(([192, 0, 2, 1], 5060)));
        let call = |number: u16| CallId::new(1, number);
        (0..1_000).for_each(|number| flows.used(listener, remote, call(number), |call| call.bits() % 100 == 0));
        assert_eq!(flows.over(listener, remote, true), flows.over(listener, remote, true));
        let users = flows.over(listener, remote, false);
        assert!(users.len() <= 2 * FEW + 1, "{}", users.len());
        assert!(users.contains(&call(999)));
        assert!(flows.over(listener, remote, false).is_empty());
    }
}
