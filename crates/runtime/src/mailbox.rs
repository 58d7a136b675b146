//! A call's mailbox: what waits to be handled by the one task that owns the call.
//!
//! Both ends live on the signalling thread, so there is no lock and no atomic in it.

use crate::trace::Story;
use std::{
    cell::RefCell,
    collections::VecDeque,
    rc::Rc,
    task::{Poll, Waker},
};
use tandem_model::{CallView, QuestionId};
use tandem_signalling::Input;
use tokio::sync::oneshot;

/// Items that may wait for one call.
pub(crate) const MAX_ITEMS: usize = 64;

/// Places kept for inputs that nobody repeats: media events, network errors, letters, the end. Messages are repeated by their
/// senders and may be dropped, and who gives a command is told that there is no room.
pub(crate) const RESERVED_ITEMS: usize = 16;

/// A mailbox item stays small: messages are boxed.
const _: () = assert!(size_of::<Mail>() <= 64);

/// What waits in a mailbox.
pub(crate) enum Mail {
    /// For the machine.
    Input(Input),
    /// Somebody wants to see the call. The machine is not told, so that nothing of it need be recorded.
    Look(Glance),
    /// What was said to a question that somebody else was asked, if anything was.
    Said(QuestionId, Option<Box<str>>),
}

/// What of a call is to be shown, and to whom.
pub(crate) enum Glance {
    /// How it is.
    View(oneshot::Sender<CallView>),
    /// What it was told, as far as that is recorded.
    Story(oneshot::Sender<Story>),
}

impl Mail {
    /// Who sends it would send it again, or is told that there is no room.
    fn may_be_refused(&self) -> bool {
        matches!(self, Mail::Look(_) | Mail::Input(Input::Message(_) | Input::Command(..)))
    }

    pub(crate) fn input(self) -> Option<Input> {
        if let Mail::Input(input) = self { Some(input) } else { None }
    }
}

#[derive(Default)]
struct State {
    items: VecDeque<Mail>,
    waker: Option<Waker>,
    closed: bool,
}

/// The end that others put inputs into.
#[derive(Clone, Default)]
pub(crate) struct Mailbox(Rc<RefCell<State>>);

/// The mailbox was full or its call is over; the input is lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refused {
    /// As many wait as may.
    Full,
    /// The call is over.
    Closed,
}

impl Mailbox {
    /// An empty mailbox.
    pub(crate) fn new() -> Self {
        Mailbox::default()
    }

    /// Puts an input in and wakes the call.
    ///
    /// # Errors
    /// [`Refused`], and the input is gone.
    pub(crate) fn put(&self, input: Input) -> Result<(), Refused> {
        self.put_mail(Mail::Input(input))
    }

    /// Asks to see the call.
    ///
    /// # Errors
    /// [`Refused`], and nothing will be seen.
    pub(crate) fn look(&self, glance: Glance) -> Result<(), Refused> {
        self.put_mail(Mail::Look(glance))
    }

    /// Tells what was said to a question.
    ///
    /// # Errors
    /// [`Refused`], and the call does not hear of it.
    pub(crate) fn say(&self, id: QuestionId, said: Option<Box<str>>) -> Result<(), Refused> {
        self.put_mail(Mail::Said(id, said))
    }

    fn put_mail(&self, mail: Mail) -> Result<(), Refused> {
        let waker = {
            let mut state = self.0.borrow_mut();
            if state.closed {
                return Err(Refused::Closed);
            }
            let room = if mail.may_be_refused() { MAX_ITEMS - RESERVED_ITEMS } else { MAX_ITEMS };
            if state.items.len() >= room {
                return Err(Refused::Full);
            }
            state.items.push_back(mail);
            state.waker.take()
        };
        if let Some(waker) = waker {
            waker.wake();
        }
        Ok(())
    }

    /// The oldest item, or `Pending` with the waker kept: there is one task that takes.
    pub(crate) fn poll_take(&self, waker: &Waker) -> Poll<Mail> {
        let mut state = self.0.borrow_mut();
        match state.items.pop_front() {
            Some(mail) => Poll::Ready(mail),
            None => {
                if !state.waker.as_ref().is_some_and(|known| known.will_wake(waker)) {
                    state.waker = Some(waker.clone());
                }
                Poll::Pending
            }
        }
    }

    /// Items that wait.
    pub(crate) fn waiting(&self) -> usize {
        self.0.borrow().items.len()
    }

    /// Whether something that nobody repeats finds room.
    pub(crate) fn has_room(&self) -> bool {
        let state = self.0.borrow();
        !state.closed && state.items.len() < MAX_ITEMS
    }

    /// Refuses everything from now on; what waits is given back.
    pub(crate) fn close(&self) -> impl Iterator<Item = Input> + use<> {
        let mut state = self.0.borrow_mut();
        std::mem::replace(&mut *state, State { closed: true, ..State::default() }).items.into_iter().filter_map(Mail::input)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tandem_model::EndReason;

    fn end() -> Input {
        Input::End(EndReason::Shutdown)
    }

    #[test]
    fn what_is_put_in_comes_out_in_order_and_then_it_waits() {
        let mailbox = Mailbox::new();
        mailbox.put(Input::Wake).unwrap();
        mailbox.put(end()).unwrap();
        assert!(matches!(mailbox.poll_take(Waker::noop()), Poll::Ready(Mail::Input(Input::Wake))));
        assert!(matches!(mailbox.poll_take(Waker::noop()), Poll::Ready(Mail::Input(Input::End(_)))));
        assert!(mailbox.poll_take(Waker::noop()).is_pending());
    }

    #[test]
    fn it_is_bounded_and_a_closed_one_takes_nothing() {
        let mailbox = Mailbox::new();
        (0..MAX_ITEMS).for_each(|_| mailbox.put(Input::Wake).unwrap());
        assert_eq!(mailbox.put(end()), Err(Refused::Full));
        assert!(!mailbox.has_room());
        assert_eq!(mailbox.close().count(), MAX_ITEMS);
        assert!(!mailbox.has_room());
        assert_eq!(mailbox.put(end()), Err(Refused::Closed));
        assert!(mailbox.poll_take(Waker::noop()).is_pending());
    }
}
