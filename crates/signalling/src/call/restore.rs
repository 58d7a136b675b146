//! A change that one side took and that comes to nothing all the same: the session is as it was before (RFC 3261 §14.1). Whoever asked for it
//! is refused, and whoever took it is offered its session again. The call ends only if that is refused, too.

use super::failure::Failure;
use super::leg::sdp_of;
use super::modify::{Asker, Modify, Passing, Step};
use super::reoffer::Purpose;
use super::{Call, Side};
use crate::message::Message;
use crate::negotiation::{self, Offer};
use tandem_model::Timestamp;

impl Call {
    /// The other side took the change with what cannot be used, and has its ACK.
    pub(super) fn refuse_and_restore(&mut self, now: Timestamp, from: Side, asker: Asker, failure: Failure) {
        self.refuse_modify(now, from, asker, failure);
        self.reoffer(now, from.other(), Purpose::Restore);
    }

    /// The peer took its re-INVITE back; 200 is sent to its CANCEL.
    pub(super) fn on_modify_cancelled(&mut self, now: Timestamp, side: Side, reason: Option<&str>) {
        // RFC 3261 §9.2: 487 at once. The change is not over before the other side has said its last word.
        self.refuse_modify(now, side, Asker::Invite, Failure::new(487));
        if let Some(Modify::Passing(passing)) = self.modify.as_deref_mut()
            && passing.from == side
            && matches!(passing.asker, Asker::Invite)
        {
            passing.asker = Asker::Gone;
            self.with_leg(side.other(), now, |leg, context| leg.cancel(context, reason));
        }
    }

    /// Its 2xx crossed our CANCEL.
    pub(super) fn on_taken_back_accepted(&mut self, now: Timestamp, passing: Passing, message: &Message) {
        let side = passing.from.other();
        match (passing.step, sdp_of(message).and_then(|sdp| Offer::read(sdp).ok())) {
            (Step::Asking, Some(offer)) => self.answer_for_other(now, side, &offer),
            (step, _) => {
                drop(step);
                self.acknowledge(now, side, None);
                self.reoffer(now, side, Purpose::Restore);
            }
        }
    }

    /// An offer that nobody asks for any more gets the answer that the other side would give as it stands, in the ACK.
    fn answer_for_other(&mut self, now: Timestamp, side: Side, offer: &Offer) {
        let Some((other, leg)) = self.pair(side.other()) else { return };
        match negotiation::answer_unasked(offer, &mut leg.media, Some(&other.media)) {
            Ok(answer) => {
                self.describe_now();
                self.acknowledge(now, side, Some(&answer));
            }
            Err(_) => {
                self.acknowledge_declined(now, side, Some(offer));
                self.reoffer(now, side, Purpose::Restore);
            }
        }
    }
}
