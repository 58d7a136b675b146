//! The two whom the call joins, while a guest talks: what one of them offers is answered by us, so that a hold of one is no hold of all.

use super::super::modify::{Asker, Modify};
use super::super::{Call, Side};
use super::asked::answer_by_itself;
use crate::negotiation::{self, Alone};
use bytes::Bytes;
use tandem_model::{BuiltIn, EndReason, LegId, MediaCommand, Timestamp};

impl Call {
    /// A peer of the two changes its session, with that offer or with ours.
    pub(in super::super) fn modify_beside(&mut self, now: Timestamp, from: Side, asker: Asker, offer: Option<Bytes>) {
        let Some(leg) = from.of(&mut self.caller, &mut self.callee) else { return };
        let id = leg.id;
        let refusal = match offer {
            Some(offer) => match answer_by_itself(offer, leg) {
                Ok(alone) => {
                    self.describe_beside(now, (from, id), &alone);
                    return self.accept_modify(now, from, asker, &alone.sdp);
                }
                Err(refusal) => refusal,
            },
            None => match negotiation::offer_alone(&mut leg.media, BuiltIn::Player) {
                Ok(pending) => {
                    self.accept_modify(now, from, asker, pending.sdp());
                    self.modify = Some(Box::new(Modify::Beside { from, pending }));
                    return;
                }
                Err(refusal) => refusal,
            },
        };
        let failure = self.failure_of(&refusal);
        self.refuse_modify(now, from, asker, failure);
    }

    /// The ACK of a 2xx that made our offer. False: it is of another.
    pub(in super::super) fn settle_beside(&mut self, now: Timestamp, side: Side, sdp: Option<&[u8]>) -> bool {
        if !matches!(self.modify.as_deref(), Some(Modify::Beside { from, .. }) if *from == side) {
            return false;
        }
        let Some(Modify::Beside { pending, .. }) = self.modify.take().map(|modify| *modify) else { return false };
        let Some(leg) = side.of(&mut self.caller, &mut self.callee) else { return true };
        let id = leg.id;
        match negotiation::settle_alone(&pending, sdp.unwrap_or_default(), &mut leg.media) {
            Ok(alone) => self.describe_beside(now, (side, id), &alone),
            Err(_) => self.leave(now, side, EndReason::Failed(488), None),
        }
        true
    }

    fn describe_beside(&mut self, now: Timestamp, (side, leg): (Side, LegId), alone: &Alone) {
        if let Some(guests) = &mut self.guests {
            guests.is_parted = true;
        }
        self.media(MediaCommand::Describe { call: self.id, leg, description: alone.describe.clone() });
        self.note_hold(now, side, leg, alone.holds);
    }

    /// No guest is left: the two are described for each other's ears again.
    pub(super) fn join_two(&mut self) {
        let was_parted = self.guests.as_mut().is_some_and(|guests| std::mem::take(&mut guests.is_parted));
        if was_parted && self.callee.is_some() {
            self.describe_now();
        }
    }
}
