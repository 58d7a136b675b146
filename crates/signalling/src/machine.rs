//! What owns the messages of one conversation, whichever it is: a call, or a request that is passed on outside of any dialog.

use crate::call::{Call, CallSetup, Input, MessageExchange, Output, Reason};
use crate::message::Method;
use crate::wire::{Arrival, Transmit};
use tandem_model::{CallView, Dial, LegProfile, Origin, Timestamp};

/// One of the machines that a request outside of any dialog begins, or somebody who tells us to call. Used as a [`Call`] is.
#[derive(Debug)]
pub enum Machine {
    /// From an INVITE, or because we were told to call.
    Call(Box<Call>),
    /// From a MESSAGE.
    Message(Box<MessageExchange>),
}

impl Machine {
    /// What `arrival` begins, once policy has let it in.
    pub fn found(setup: CallSetup, now: Timestamp, arrival: Box<Arrival>, origin: Origin, profile: LegProfile) -> Machine {
        match arrival.message.method() {
            Method::Message => Machine::Message(Box::new(MessageExchange::found(setup, now, arrival, origin, profile))),
            _ => Machine::Call(Box::new(Call::found(setup, now, arrival, origin, profile))),
        }
    }

    /// A call that somebody tells us to make.
    pub fn dial(setup: CallSetup, now: Timestamp, dial: Dial) -> Machine {
        Machine::Call(Box::new(Call::dial(setup, now, dial)))
    }

    /// Takes one input.
    pub fn handle(&mut self, now: Timestamp, input: Input) {
        match self {
            Machine::Call(call) => call.handle(now, input),
            Machine::Message(exchange) => exchange.handle(now, input),
        }
    }

    /// The call as it is now; `None` once it has ended, and of what is no call.
    pub fn view(&self) -> Option<CallView> {
        match self {
            Machine::Call(call) => call.view(),
            Machine::Message(_) => None,
        }
    }

    /// The next thing to be done.
    pub fn poll_output(&mut self) -> Option<Output> {
        match self {
            Machine::Call(call) => call.poll_output(),
            Machine::Message(exchange) => exchange.poll_output(),
        }
    }

    /// When to wake it, and why.
    pub fn poll_timeout(&self) -> Option<(Timestamp, Reason)> {
        match self {
            Machine::Call(call) => call.poll_timeout(),
            Machine::Message(exchange) => exchange.poll_timeout(),
        }
    }

    /// What to send to its peers should it be given up without a word.
    pub fn last_words(&self) -> Vec<Transmit> {
        match self {
            Machine::Call(call) => call.last_words(),
            Machine::Message(exchange) => exchange.last_words(),
        }
    }
}
