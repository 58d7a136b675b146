//! A leg goes from one session to another, of this thread or another one.
//!
//! The thread that has the leg takes it out and sends it over, sockets and all ([`Item::Here`]). The one that is to have it was told before that
//! it comes ([`Item::Comes`]): what the call says meanwhile waits for it, so that its call need not. It does not wait for ever: a thread that never
//! sends it has failed. Where both are one thread it is the same, as the giver may itself be waiting for a leg.

use super::{
    super::inbox::{Item, Leaving, Passage},
    Worker,
};
use crate::containment::contain;
use std::time::Duration;
use tandem_media::Adoptee;
use tandem_model::{CallId, LegId, MediaEvent, MediaFailure, PortId, Timestamp};

/// How long a leg may be on its way: threads have their turn within milliseconds.
const PATIENCE: Duration = Duration::from_secs(1);

/// What a call may say meanwhile: it says a few things about each of its legs.
const MAX_WAITING: usize = 256;

/// A leg that comes from another session.
#[derive(Debug)]
pub(super) struct Awaited {
    leg: LegId,
    until: Timestamp,
    /// What the call has said since.
    waiting: Vec<Item>,
}

impl Worker {
    /// Does what an item says, at once or when the leg is there that its call waits for.
    pub(super) fn receive(&mut self, now: Timestamp, item: Item) {
        let awaited = item.call().and_then(|call| Some((call, self.awaited.get_mut(&call)?)));
        match (awaited, item) {
            (Some((call, awaited)), Item::Here(_, leg, passage)) if awaited.leg == leg => {
                let waiting = std::mem::take(&mut awaited.waiting);
                self.awaited.remove(&call);
                self.come(now, call, leg, passage);
                waiting.into_iter().for_each(|item| self.receive(now, item));
            }
            (Some((_, awaited)), item) if awaited.waiting.len() < MAX_WAITING => awaited.waiting.push(item),
            (Some((call, _)), item) => {
                self.give_up_waiting(now, call);
                self.receive(now, item);
            }
            (None, item) => self.act(now, item),
        }
    }

    /// A leg comes: what is said from now on is for when it is here.
    pub(super) fn expect(&mut self, now: Timestamp, call: CallId, leg: LegId) {
        self.awaited.insert(call, Awaited { leg, until: now + PATIENCE, waiting: Vec::new() });
    }

    /// A leg goes to another session.
    pub(super) fn leave(&mut self, now: Timestamp, leaving: Leaving) {
        let Leaving { leg, from, call, shard } = leaving;
        let left = self.take_out(now, leg, from);
        let passage = left.and_then(|(adoptee, port)| Some(Box::new(Passage { adoptee, loan: self.sockets.lend(port)? })));
        let here = Item::Here(call, leg, passage);
        if shard == self.index { self.receive(now, here) } else { self.shared.outlets[shard].push_reserved(here) }
    }

    fn take_out(&mut self, now: Timestamp, leg: LegId, from: CallId) -> Option<(Box<Adoptee>, PortId)> {
        let place = *self.calls.get(&from)?;
        let entry = self.sessions.get_mut(place as usize)?.as_mut()?;
        match contain(|| entry.session.detach(now, leg)) {
            Ok(detached) => {
                if let Some((_, port)) = &detached {
                    entry.ports.retain(|own| own != port);
                }
                self.handle(now, place, None);
                detached
            }
            Err(panic) => {
                self.fail(now, place, &panic);
                None
            }
        }
    }

    /// A leg that was awaited is here, or is not to be had.
    fn come(&mut self, now: Timestamp, call: CallId, leg: LegId, passage: Option<Box<Passage>>) {
        let Some(passage) = passage else { return self.tell_gone(call, leg) };
        let Some(place) = self.calls.get(&call).copied() else { return self.turn_away(Some(passage)) };
        let Passage { adoptee, loan } = *passage;
        match self.sockets.borrow(loan, place) {
            Ok(port) => self.settle_in(now, place, adoptee, port),
            Err(error) => {
                tracing::error!(%call, %leg, %error, "the sockets of a leg cannot be watched");
                self.tell_gone(call, leg);
            }
        }
    }

    fn settle_in(&mut self, now: Timestamp, place: u32, adoptee: Box<Adoptee>, port: PortId) {
        let Some(Some(entry)) = self.sessions.get_mut(place as usize) else { return };
        let (call, leg) = (entry.call, adoptee.leg());
        match contain(|| entry.session.adopt(now, adoptee, port)) {
            Ok(Ok(())) => {
                entry.ports.push(port);
                self.handle(now, place, None);
            }
            Ok(Err(error)) => {
                tracing::error!(%call, %leg, %error, "a media session cannot take a leg in");
                self.sockets.give_back(now, port, true);
                self.tell_gone(call, leg);
            }
            Err(panic) => {
                entry.ports.push(port);
                self.fail(now, place, &panic);
            }
        }
    }

    /// It comes too late for anybody, or who waited for it has failed.
    pub(super) fn turn_away(&mut self, passage: Option<Box<Passage>>) {
        if let Some(passage) = passage {
            self.sockets.send_home(passage.loan);
        }
    }

    /// When whoever comes must be there.
    pub(super) fn awaited_until(&self) -> Option<Timestamp> {
        self.awaited.values().map(|awaited| awaited.until).min()
    }

    /// Gives up waiting for those who have not come in time.
    pub(super) fn look_for_awaited(&mut self, now: Timestamp) {
        // The first one first: it may be what the others wait for.
        let longest =
            |worker: &Worker| worker.awaited.iter().min_by_key(|(_, awaited)| awaited.until).map(|(call, awaited)| (*call, awaited.until));
        while let Some((call, _)) = longest(self).filter(|(_, until)| *until <= now) {
            self.give_up_waiting(now, call);
        }
    }

    fn give_up_waiting(&mut self, now: Timestamp, call: CallId) {
        let Some(Awaited { leg, waiting, .. }) = self.awaited.remove(&call) else { return };
        tracing::error!(%call, %leg, "a leg was to come from another media session and has not");
        self.tell_gone(call, leg);
        waiting.into_iter().for_each(|item| self.receive(now, item));
    }

    fn tell_gone(&self, call: CallId, leg: LegId) {
        (self.sink)(call, MediaEvent::NotAdded { leg, failure: MediaFailure::Gone });
    }
}
