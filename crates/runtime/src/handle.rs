//! A running node as other threads know it: they tell it what to do, look at it, and hear what happens.

use crate::{
    bus::{Feed, Shared},
    commands::{self, Commanded},
    figures::Figures,
    flight_recorder::Trail,
    lifecycle::{Order, Orders, Rules},
    mailbox::Glance,
    node::Node,
    trace::{PAST_CALLS, Story, Trace},
};
use std::{rc::Rc, sync::Arc};
use tandem_model::{CallCommand, CallId, CallView, Dial, DialError, Epoch, RegistrationView, TrunkView};
use tandem_signalling::CallSetup;
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
    /// What a call was told, as far as that is recorded; nothing of one that is not there any more.
    Story(CallId, oneshot::Sender<Story>),
    /// All trunks.
    Trunks(oneshot::Sender<Vec<TrunkView>>),
    /// Where all users are.
    Registrations(oneshot::Sender<Vec<RegistrationView>>),
    /// What it counts.
    Figures(oneshot::Sender<Box<Figures>>),
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

    /// Makes a call, and waits for its name. What becomes of it is told by its events.
    ///
    /// # Errors
    /// Why there is none.
    pub async fn dial(&self, dial: Dial) -> Result<CallId, DialError> {
        crate::dial::dial(&self.orders, dial).await
    }

    /// A call as it is now; `None` if there is none, or it has ended.
    pub async fn call(&self, call: CallId) -> Option<CallView> {
        self.look(|reply| Look::Call(call, reply)).await
    }

    /// Calls as they are now, oldest first: those after that one, at most `limit` and [`MAX_SHOWN`]. Fewer than that: there are no more.
    pub async fn calls(&self, after: Option<CallId>, limit: usize) -> Vec<CallView> {
        self.look(|reply| Look::Calls { after, limit, reply }).await.unwrap_or_default()
    }

    /// What a call has sent and got, of one that is there or was there a while ago; `None` once the flight recorder has let go of some of
    /// it.
    pub async fn trace(&self, call: CallId) -> Option<Trace> {
        let story = self.look(|reply| Look::Story(call, reply)).await?;
        Trace::of(&story, self.epoch)
    }

    /// All trunks as they are now, in the order of the configuration.
    pub async fn trunks(&self) -> Vec<TrunkView> {
        self.look(Look::Trunks).await.unwrap_or_default()
    }

    /// Where all users are to be found now, by their names.
    pub async fn registrations(&self) -> Vec<RegistrationView> {
        self.look(Look::Registrations).await.unwrap_or_default()
    }

    /// What the node counts; `None` once it has stopped.
    pub async fn figures(&self) -> Option<Box<Figures>> {
        self.look(Look::Figures).await
    }

    /// Hears what happens from now on.
    pub fn subscribe(&self) -> Feed {
        self.shared.subscribe()
    }

    /// Hears what happened from that number on, and then what happens; from 0 on: all since the node began. What of it is kept no longer
    /// is told as missed.
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
            Look::Call(call, reply) => {
                let _ = self.routes.look(call, Glance::View(reply));
            }
            Look::Calls { after, limit, reply } => {
                let node = self.clone();
                answer(reply, async move { node.show_calls(after, limit.min(MAX_SHOWN)).await });
            }
            Look::Story(call, reply) => self.show_story(call, reply),
            Look::Trunks(reply) => drop(reply.send(self.show_trunks())),
            Look::Registrations(reply) => answer(reply, self.clone().show_registrations()),
            Look::Figures(reply) => drop(reply.send(Box::new(self.figures()))),
        }
    }

    fn show_story(&self, call: CallId, reply: oneshot::Sender<Story>) {
        if self.routes.has(call) {
            // One that has as much to do as may wait is not shown.
            let _ = self.routes.look(call, Glance::Story(reply));
            return;
        }
        let past = self.past.borrow();
        let story = past.iter().rfind(|(setup, _)| setup.id == call).and_then(|(setup, trail)| self.story(setup, trail));
        drop(story.map(|story| reply.send(story)));
    }

    /// What a call was told, if all of that is recorded.
    pub(crate) fn story(&self, setup: &CallSetup, trail: &Trail) -> Option<Story> {
        let entries = self.recorder.borrow().recall(trail)?;
        let locals = self.transports.iter().map(|wire| wire.local()).collect();
        Some(Story { setup: setup.clone(), entries, locals })
    }

    /// A call is over. Its story can be told for as long as it is recorded.
    pub(crate) fn remember(&self, setup: &CallSetup, trail: Trail) {
        let mut past = self.past.borrow_mut();
        if past.len() >= PAST_CALLS {
            past.pop_front();
        }
        past.push_back((setup.clone(), trail));
    }

    async fn show_calls(&self, mut after: Option<CallId>, limit: usize) -> Vec<CallView> {
        let mut shown = Vec::new();
        while shown.len() < limit
            && let Some(call) = self.routes.after(after)
        {
            after = Some(call);
            let (reply, view) = oneshot::channel();
            let is_there = self.routes.look(call, Glance::View(reply)).is_ok();
            shown.extend(if is_there { view.await.ok() } else { None });
        }
        shown
    }
}

/// Shows what takes its time. Whoever asked may have gone by then.
fn answer<T: 'static>(reply: oneshot::Sender<T>, shown: impl Future<Output = T> + 'static) {
    tokio::task::spawn_local(async move {
        let _ = reply.send(shown.await);
    });
}
