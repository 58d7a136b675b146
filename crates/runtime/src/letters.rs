//! Letters between calls: into the mailbox of the call that each is for, and back where that cannot be.
//!
//! All calls share one thread, so what leads to a leg moves in the same step in which the letter that holds it is put into the mailbox.
//! What comes for the leg later lies behind the letter.

use crate::node::Node;
use std::rc::Rc;
use tandem_model::CallId;
use tandem_signalling::{Addressee, Input, Letter};

impl Node {
    /// Delivers a letter of `from`; what `from` is to be told at once if that cannot be.
    pub(crate) fn post(&self, from: CallId, to: Addressee, letter: Box<Letter>) -> Option<Input> {
        let receiver = match to {
            Addressee::OwnerOf(leg) => self.dispatcher.borrow().owner_of(leg),
            Addressee::Call(call) => Some(call),
        };
        match receiver.filter(|call| self.routes.has_room(*call)) {
            Some(receiver) => {
                self.hand_over(from, receiver, letter);
                None
            }
            None => Some(Input::Letter(from, Box::new(Letter::Undelivered(letter)))),
        }
    }

    fn hand_over(&self, from: CallId, to: CallId, letter: Box<Letter>) {
        tracing::debug!(call = %from, %to, letter = letter.name(), "a letter to another call");
        if let Some((leg, invite)) = letter.travels() {
            self.dispatcher.borrow_mut().leg_moved(leg, invite, to);
        }
        // There is room: that was asked first, and nothing has run in between.
        let _ = self.routes.deliver(to, Input::Letter(from, letter));
    }

    /// A call is over, and these waited for it: its letters go back to those who wrote them.
    pub(crate) fn return_letters(self: &Rc<Self>, over: CallId, left: Vec<Input>) {
        for input in left {
            let Input::Letter(writer, letter) = input else { continue };
            match *letter {
                // It had come back to the call itself.
                Letter::Undelivered(own) => self.bury(over, &own),
                letter if writer != over && self.routes.has_room(writer) => {
                    self.hand_over(over, writer, Box::new(Letter::Undelivered(Box::new(letter))));
                }
                letter => self.bury(over, &letter),
            }
        }
    }

    /// Nobody is left for a letter. The peer of a leg in it is told that it is over.
    fn bury(self: &Rc<Self>, call: CallId, letter: &Letter) {
        let Some((leg, _)) = letter.travels() else { return };
        tracing::warn!(%call, %leg, "a leg on its way to another call found neither that nor the one that it came from; it is ended");
        let last_word = letter.last_word(&self.facts.borrow());
        self.dispatcher.borrow_mut().leg_removed(leg, call);
        if let Some(transmit) = last_word {
            self.send_for(call, transmit);
        }
    }
}
