//! Calls are told to do something, and whoever said so hears what came of it.

use crate::{
    lifecycle::{Order, Orders},
    mailbox::Refused,
    node::Node,
};
use std::collections::BTreeMap;
use tandem_model::{CallCommand, CallId, CommandError, CommandId, CommandOutcome};
use tandem_signalling::Input;
use tokio::sync::{mpsc::error::TrySendError, oneshot};

/// Commands that may wait for their outcome, in all calls together.
pub(crate) const MAX_WAITING: usize = 4096;

/// What a command came to.
pub type Commanded = Result<CommandOutcome, CommandError>;

/// Who waits for what.
#[derive(Default)]
pub(crate) struct Replies {
    last: u64,
    waiting: BTreeMap<(CallId, CommandId), oneshot::Sender<Commanded>>,
}

impl Replies {
    /// How many wait.
    pub(crate) fn waiting(&self) -> usize {
        self.waiting.len()
    }
}

/// Tells a call of a running node to do something, and waits for what comes of it: at the latest the end of the call.
///
/// # Errors
/// What the call says, and [`CommandError::Busy`] where as much waits for the node as may.
pub async fn command(orders: &Orders, call: CallId, command: CallCommand) -> Commanded {
    let (reply, outcome) = oneshot::channel();
    match orders.try_send(Order::Command(call, Box::new(command), reply)) {
        Ok(()) => outcome.await.unwrap_or(Err(CommandError::CallOver(call))),
        Err(TrySendError::Full(_)) => Err(CommandError::Busy(call)),
        // The node has stopped, and its calls with it.
        Err(TrySendError::Closed(_)) => Err(CommandError::CallOver(call)),
    }
}

impl Node {
    /// Tells a call to do something. `reply` hears what came of it as soon as that is known: at the latest at the end of the call.
    pub(crate) fn command(&self, call: CallId, command: Box<CallCommand>, reply: oneshot::Sender<Commanded>) {
        let mut replies = self.replies.borrow_mut();
        if replies.waiting.len() >= MAX_WAITING {
            return tell(reply, Err(CommandError::Busy(call)));
        }
        replies.last += 1;
        let id = CommandId(replies.last);
        tracing::debug!(%call, id = id.0, command = command.name(), "a call is told to do something");
        match self.routes.deliver_to_call(call, Input::Command(id, command)) {
            Ok(()) => {
                replies.waiting.insert((call, id), reply);
            }
            Err(Refused::Full) => tell(reply, Err(CommandError::Busy(call))),
            Err(Refused::Closed) => tell(reply, Err(CommandError::CallOver(call))),
        }
    }

    /// What came of a command.
    pub(crate) fn reply(&self, call: CallId, id: CommandId, outcome: Commanded) {
        if let Err(error) = &outcome {
            tracing::debug!(%call, id = id.0, %error, "a command came to nothing");
        }
        if let Some(reply) = self.replies.borrow_mut().waiting.remove(&(call, id)) {
            tell(reply, outcome);
        }
    }

    /// A call has left without a word on these.
    pub(crate) fn end_commands(&self, call: CallId) {
        let waiting = &mut self.replies.borrow_mut().waiting;
        let of_call: Vec<_> = waiting.range((call, CommandId(0))..=(call, CommandId(u64::MAX))).map(|(key, _)| *key).collect();
        for reply in of_call.iter().filter_map(|key| waiting.remove(key)) {
            tell(reply, Err(CommandError::CallOver(call)));
        }
    }
}

/// Whoever asked need not wait for the answer.
fn tell(reply: oneshot::Sender<Commanded>, outcome: Commanded) {
    let _ = reply.send(outcome);
}
