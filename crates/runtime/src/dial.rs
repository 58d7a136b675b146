//! Calls that begin here: somebody gives the order.

use crate::{
    actor::Actor,
    lifecycle::{Order, Orders},
    mailbox::Mailbox,
    node::Node,
};
use std::rc::Rc;
use tandem_model::{CallId, Dial, DialError};
use tandem_signalling::CallSetup;
use tokio::sync::{mpsc::error::TrySendError, oneshot};

/// Tells a running node to make a call, and waits for the name that the call has. What becomes of it is told by its events.
///
/// # Errors
/// Why there is none.
pub async fn dial(orders: &Orders, dial: Dial) -> Result<CallId, DialError> {
    dial.check()?;
    let (reply, begun) = oneshot::channel();
    match orders.try_send(Order::Dial(Box::new(dial), reply)) {
        Ok(()) => begun.await.unwrap_or(Err(DialError::Busy)),
        Err(TrySendError::Full(_) | TrySendError::Closed(_)) => Err(DialError::Busy),
    }
}

impl Node {
    /// Makes a call, where there is room for it.
    pub(crate) fn dial(self: &Rc<Self>, dial: Dial) -> Result<CallId, DialError> {
        dial.check()?;
        if self.draining.get() {
            return Err(DialError::Draining);
        }
        let now = self.clock.now();
        self.limits.borrow_mut().try_begin(now).map_err(|full| DialError::Full { retry_after_s: full.retry_after_s })?;
        let id = self.next_call_id(now);
        let mailbox = Mailbox::new();
        self.routes.insert(id, mailbox.clone());
        let setup = CallSetup { id, seed: self.random.borrow_mut().next_u64(), node: self.facts.borrow().clone() };
        if let Some(actor) = Actor::dial(self.clone(), now, setup, dial, mailbox) {
            tokio::task::spawn_local(actor.run());
        }
        Ok(id)
    }
}
