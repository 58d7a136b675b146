//! Which calls and trunks' agents there are, and how to reach them.

use crate::mailbox::{Glance, Mailbox, Refused};
use std::{cell::RefCell, collections::BTreeMap, ops::Bound};
use tandem_model::{CallId, QuestionId};
use tandem_signalling::Input;

/// Every call whose last transaction is not over. Bounded: a call is let in only where the supervisor finds room, and what has
/// ended stays for 32 s at most.
#[derive(Default)]
pub(crate) struct RouteTable {
    calls: RefCell<BTreeMap<CallId, Mailbox>>,
    /// Those of trunks, which are no calls: at most one a trunk.
    agents: RefCell<BTreeMap<CallId, Mailbox>>,
}

impl RouteTable {
    /// Whether there is no call.
    pub(crate) fn is_empty(&self) -> bool {
        self.calls.borrow().is_empty()
    }

    /// Whether it is there.
    pub(crate) fn has(&self, call: CallId) -> bool {
        self.calls.borrow().contains_key(&call) || self.agents.borrow().contains_key(&call)
    }

    /// A call begins.
    pub(crate) fn insert(&self, call: CallId, mailbox: Mailbox) {
        self.calls.borrow_mut().insert(call, mailbox);
    }

    /// A trunk's agent begins.
    pub(crate) fn insert_agent(&self, agent: CallId, mailbox: Mailbox) {
        self.agents.borrow_mut().insert(agent, mailbox);
    }

    /// A call is over; nothing reaches it any more. What waited for it is given back.
    pub(crate) fn remove(&self, call: CallId) -> impl Iterator<Item = Input> + use<> {
        let call = self.calls.borrow_mut().remove(&call).or_else(|| self.agents.borrow_mut().remove(&call));
        call.into_iter().flat_map(|mailbox| mailbox.close())
    }

    /// Whether a call is there and can be told something that nobody repeats.
    pub(crate) fn has_room(&self, call: CallId) -> bool {
        self.calls.borrow().get(&call).is_some_and(Mailbox::has_room)
    }

    /// Hands an input to a call.
    ///
    /// # Errors
    /// [`Refused`]: the call is over, or has as much to do as may wait.
    pub(crate) fn deliver(&self, call: CallId, input: Input) -> Result<(), Refused> {
        match self.calls.borrow().get(&call) {
            Some(mailbox) => mailbox.put(input),
            None => self.agents.borrow().get(&call).ok_or(Refused::Closed)?.put(input),
        }
    }

    /// The same where only a call will do.
    ///
    /// # Errors
    /// As [`RouteTable::deliver`].
    pub(crate) fn deliver_to_call(&self, call: CallId, input: Input) -> Result<(), Refused> {
        self.calls.borrow().get(&call).ok_or(Refused::Closed)?.put(input)
    }

    /// Asks to see a call.
    ///
    /// # Errors
    /// As [`RouteTable::deliver`].
    pub(crate) fn look(&self, call: CallId, glance: Glance) -> Result<(), Refused> {
        self.calls.borrow().get(&call).ok_or(Refused::Closed)?.look(glance)
    }

    /// Items in the mailbox of the call that has the most to do.
    pub(crate) fn fullest(&self) -> usize {
        self.calls.borrow().values().map(Mailbox::waiting).max().unwrap_or_default()
    }

    /// Tells a call what was said to a question of its.
    ///
    /// # Errors
    /// As [`RouteTable::deliver`].
    pub(crate) fn say(&self, call: CallId, id: QuestionId, said: Option<Box<str>>) -> Result<(), Refused> {
        self.calls.borrow().get(&call).ok_or(Refused::Closed)?.say(id, said)
    }

    /// The one that comes after that one.
    pub(crate) fn after(&self, call: Option<CallId>) -> Option<CallId> {
        let from = call.map_or(Bound::Unbounded, Bound::Excluded);
        self.calls.borrow().range((from, Bound::Unbounded)).next().map(|(call, _)| *call)
    }

    /// All of them, oldest first.
    pub(crate) fn calls(&self) -> Vec<CallId> {
        self.calls.borrow().keys().copied().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_removed_call_is_reached_no_more() {
        let (table, mailbox) = (RouteTable::default(), Mailbox::new());
        let call = CallId::new(1, 1);
        table.insert(call, mailbox.clone());
        assert_eq!((table.deliver(call, Input::Wake), table.calls()), (Ok(()), vec![call]));
        assert_eq!((table.has_room(call), table.remove(call).count(), table.has_room(call)), (true, 1, false));
        assert_eq!(table.deliver(call, Input::Wake), Err(Refused::Closed));
        assert_eq!(mailbox.put(Input::Wake), Err(Refused::Closed));
        assert!(table.is_empty());
    }
}
