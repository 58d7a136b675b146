//! Letters between calls, as the shell carries them: each lies in the mailbox of its call before anything else can come for the leg
//! in it.

use super::{CoreNode, World};
use std::collections::VecDeque;
use tandem_model::CallId;
use tandem_signalling::{Addressee, Input, Letter};

/// Letters that one input may lead to; more are two calls that write to each other for ever.
const MAX_LETTERS: usize = 64;

/// A letter in a mailbox.
pub(super) struct Posted {
    from: CallId,
    to: CallId,
    letter: Box<Letter>,
}

impl CoreNode {
    pub(super) fn post(&mut self, from: CallId, to: Addressee, letter: Box<Letter>) -> Option<Input> {
        let receiver = match to {
            Addressee::OwnerOf(leg) => self.dispatcher.owner_of(leg),
            Addressee::Call(call) => Some(call),
        };
        let lost = self.letters_lost.contains(&letter.name());
        match receiver.filter(|call| self.calls.contains_key(call) && !lost) {
            Some(to) => {
                self.hand_over(from, to, letter);
                None
            }
            None => Some(Input::Letter(from, Box::new(Letter::Undelivered(letter)))),
        }
    }

    fn hand_over(&mut self, from: CallId, to: CallId, letter: Box<Letter>) {
        if let Some((leg, invite)) = letter.travels() {
            self.dispatcher.leg_moved(leg, invite, to);
        }
        self.letters.push((from, to, letter.name()));
        self.posted.push_back(Posted { from, to, letter });
    }

    pub(super) fn deliver_letters(&mut self, world: &mut World<'_>) {
        for _ in 0..MAX_LETTERS {
            let Some(Posted { from, to, letter }) = self.posted.pop_front() else { return };
            if let Some(held) = self.calls.get_mut(&to) {
                held.call.handle(world.now, Input::Letter(from, letter));
                self.carry_out_one(world, to);
            }
        }
        assert!(self.posted.is_empty(), "letters go to and fro without end");
    }

    /// A call is over: what waited for it goes back to those who wrote it, or nowhere.
    pub(super) fn return_letters(&mut self, world: &mut World<'_>, over: CallId) {
        let (left, kept): (VecDeque<_>, _) = std::mem::take(&mut self.posted).into_iter().partition(|posted| posted.to == over);
        self.posted = kept;
        for Posted { from, letter, .. } in left {
            if self.calls.contains_key(&from) && !matches!(*letter, Letter::Undelivered(_)) {
                self.hand_over(over, from, Box::new(Letter::Undelivered(letter)));
            } else if let Some((leg, _)) = letter.travels() {
                self.dispatcher.leg_removed(leg, over);
                let last_word = letter.last_word(&self.facts);
                last_word.into_iter().for_each(|word| self.send(world, None, word));
            }
        }
    }
}
