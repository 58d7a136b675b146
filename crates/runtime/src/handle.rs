//! A running node as other threads know it: they tell it what to do, look at it, and hear what happens.

use crate::{
    bus::{Feed, Shared},
    commands::{self, Commanded},
    lifecycle::{Order, Orders, Rules},
    node::Node,
};
use std::{rc::Rc, sync::Arc};
use tandem_model::{CallCommand, CallId, CallView, Epoch};
use tokio::sync::oneshot;

/// Calls that one look shows at most.
pub const MAX_SHOWN: usize = 1000;

/// A running node. Copies are of the same one. Of a node that has stopped nothing is to be seen.
#[derive(Clone, Debug)]
pub struct Handle {
    orders: Orders,
    shared: Arc<Shared>,
    epoch: Epoch,
}

/// Something of a node that is to be shown, and to whom.
#[derive(Debug)]
pub enum Look {
    /// A call; nothing of one that is not there, or has ended.
    Call(CallId, oneshot::Sender<CallView>),
    /// Calls, oldest first.
    Calls {
        /// Those after this one.
        after: Option<CallId>,
        /// At most so many, and [`MAX_SHOWN`].
        limit: usize,
        /// To whom.
        reply: oneshot::Sender<Vec<CallView>>,
    },
}

impl Handle {
    pub(crate) fn new(orders: Orders, shared: Arc<Shared>, epoch: Epoch) -> Handle {
        Handle { orders, shared, epoch }
    }

    /// Tells a call to do something, and waits for what comes of it: at the latest the end of the call.
    ///
    /// # Errors
    /// What the call says, and `Busy` where as much waits for the node as may.
    pub async fn command(&self, call: CallId, command: CallCommand) -> Commanded {
        commands::command(&self.orders, call, command).await
    }

    /// A call as it is now; `None` if there is none, or it has ended.
    pub async fn call(&self, call: CallId) -> Option<CallView> {
        self.look(|reply| Look::Call(call, reply)).await
    }

    /// Calls as they are now, oldest first: those after that one, at most `limit` and [`MAX_SHOWN`]. Fewer than that: there are no more.
    pub async fn calls(&self, after: Option<CallId>, limit: usize) -> Vec<CallView> {
        self.look(|reply| Look::Calls { after, limit, reply }).await.unwrap_or_default()
    }

    /// Hears what happens from now on.
    pub fn subscribe(&self) -> Feed {
        self.shared.subscribe()
    }

    /// Hears what happened from that number on, and then what happens.
    pub fn subscribe_from(&self, seq: u64) -> Feed {
        self.shared.subscribe_from(seq)
    }

    /// Turns the node's times into wall-clock time.
    pub fn epoch(&self) -> Epoch {
        self.epoch
    }

    /// Lets no more calls in, and stops when those in progress are over; said twice, ends them.
    pub async fn stop(&self) {
        // A node that takes no orders has stopped.
        let _ = self.orders.send(Order::Stop).await;
    }

    /// Puts these rules in force. Whether they may be, whoever made them has seen to.
    pub async fn reload(&self, rules: Rules) {
        let _ = self.orders.send(Order::Reload(Box::new(rules))).await;
    }

    async fn look<T>(&self, ask: impl FnOnce(oneshot::Sender<T>) -> Look) -> Option<T> {
        let (reply, shown) = oneshot::channel();
        self.orders.send(Order::Look(ask(reply))).await.ok()?;
        shown.await.ok()
    }
}

impl Node {
    /// Shows something of itself.
    pub(crate) fn show(self: &Rc<Self>, look: Look) {
        match look {
            // A call that has as much to do as may wait is not shown.
            Look::Call(call, reply) => drop(self.routes.look(call, reply)),
            Look::Calls { after, limit, reply } => {
                let node = self.clone();
                tokio::task::spawn_local(async move {
                    // Whoever asked may have gone.
                    let _ = reply.send(node.show_calls(after, limit.min(MAX_SHOWN)).await);
                });
            }
        }
    }

    async fn show_calls(&self, mut after: Option<CallId>, limit: usize) -> Vec<CallView> {
        let mut shown = Vec::new();
        while shown.len() < limit
            && let Some(call) = self.routes.after(after)
        {
            after = Some(call);
            let (reply, view) = oneshot::channel();
            let is_there = self.routes.look(call, reply).is_ok();
            shown.extend(if is_there { view.await.ok() } else { None });
        }
        shown
    }
}
