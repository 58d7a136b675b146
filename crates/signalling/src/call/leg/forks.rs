//! Several phones behind one INVITE of ours: an early dialog for each (RFC 3261 §12.1), and the 2xx that is not the first: the same
//! again, or of another phone (§13.2.2.4).

use super::{Context, Leg, MAX_FORWARDS, State, finish, sdp_of};
use crate::call::{NodeFacts, Output};
use crate::dialog::Dialog;
use crate::message::{HeaderName, Message, Method};
use crate::negotiation::{self, LegMedia, Offer};
use crate::reason::COMPLETED_ELSEWHERE;
use crate::tombstone::Tombstone;
use crate::wire::Arrival;
use bytes::Bytes;
use std::sync::Arc;

/// Further phones that may answer one INVITE; what more of them say is left unanswered.
const MAX_FORKS: usize = 8;

/// Early dialogs that are kept of one INVITE; the oldest goes first.
const MAX_EARLY_DIALOGS: usize = 8;

impl Leg {
    /// A provisional response: the dialog that it makes, or that it says has ended (RFC 6228).
    pub(super) fn note_early(&mut self, context: &Context<'_>, response: &Message, cseq: u32) {
        let Some(tag) = response.to_tag() else { return };
        self.note_allow(response);
        let known = self.early.iter().position(|dialog| dialog.remote_tag() == Some(tag));
        match known {
            Some(place) if response.status() == 199 => _ = self.early.remove(place),
            None if response.status() != 199 => {
                let Ok(dialog) = Dialog::from_response(response, self.tag, cseq, &self.to, self.over(context.node)) else { return };
                let dialog = dialog.in_session(self.session);
                if self.early.len() == MAX_EARLY_DIALOGS {
                    self.early.remove(0);
                }
                self.early.push(dialog);
            }
            _ => {}
        }
    }

    /// The dialog of the first 2xx: that of its provisional responses, if it had any. The others are over for us.
    pub(super) fn confirmed(&mut self, context: &Context<'_>, response: &Message, cseq: u32) -> Option<Dialog> {
        let mut early = std::mem::take(&mut self.early);
        match early.iter().position(|dialog| dialog.remote_tag() == response.to_tag()) {
            Some(place) => early.swap_remove(place).confirmed(response),
            None => Dialog::from_response(response, self.tag, cseq, &self.to, self.over(context.node))
                .map(|dialog| dialog.in_session(self.session)),
        }
        .ok()
    }

    /// A 2xx to an INVITE that is already acknowledged.
    pub(super) fn on_late_success(&mut self, context: &mut Context<'_>, arrival: &Arrival) {
        if let (true, Ok(cseq)) = (self.given_up == Some(arrival.serial), arrival.message.cseq()) {
            return self.dismiss_fork(context, &arrival.message, cseq.number);
        }
        let Some(acked) = self.acked.as_ref().filter(|acked| acked.serial == arrival.serial) else { return };
        if self.is_ours(&arrival.message) {
            let transmit = acked.way.transmit(acked.ack.clone());
            context.send(transmit);
        } else {
            let cseq = acked.cseq;
            self.dismiss_fork(context, &arrival.message, cseq);
        }
    }

    /// A 2xx to an INVITE that has a 2xx already, while the call makes the ACK.
    pub(super) fn on_second_success(&mut self, context: &mut Context<'_>, response: &Message, cseq: u32) {
        if !self.is_ours(response) {
            self.dismiss_fork(context, response, cseq);
        }
    }

    /// Whether it is of the phone that the leg speaks with.
    fn is_ours(&self, response: &Message) -> bool {
        self.dialog.as_ref().is_some_and(|dialog| response.to_tag() == dialog.remote_tag())
    }

    /// ACK, then BYE. When its 2xx comes again, only the ACK was lost.
    pub(super) fn dismiss_fork(&mut self, context: &mut Context<'_>, response: &Message, cseq: u32) {
        let tag = response.to_tag().unwrap_or_default();
        let known = self.forks.iter().any(|fork| **fork == *tag);
        if !known && self.forks.len() == MAX_FORKS {
            return;
        }
        let Ok(dialog) = Dialog::from_response(response, self.tag, cseq, &self.to, self.over(context.node)) else { return };
        let mut dialog = dialog.in_session(self.session);
        let Some(way) = self.way_in(context.node, &dialog) else { return };
        let (_, via) = self.new_via(context, &way);
        let declined = self.decline_offer_of(context, response);
        let mut ack = dialog.request(Method::Ack.as_str(), cseq, &via.parts(), MAX_FORWARDS);
        if let Some(invite) = self.last_invite() {
            self.copy_credentials(invite, &way, &mut ack);
        }
        context.send(way.transmit(finish(ack, declined.as_deref())));
        if known {
            return;
        }
        self.forks.push(tag.into());
        let (serial, via) = self.new_via(context, &way);
        let number = dialog.next_cseq();
        let mut bye = dialog.request(Method::Bye.as_str(), number, &via.parts(), MAX_FORWARDS);
        if self.state == State::Confirmed {
            bye.header_str(HeaderName::Reason, COMPLETED_ELSEWHERE);
        }
        self.announced().write_supported(&mut bye);
        let bye = bye.finish();
        self.send_request(context, serial, Method::Bye, bye, way);
    }

    /// §13.2.2.4: where our INVITE had no offer the 2xx has one, and its ACK an answer: one that takes nothing. For a phone that was never
    /// told a description of ours.
    pub(super) fn decline_offer_of(&self, context: &mut Context<'_>, response: &Message) -> Option<Arc<[u8]>> {
        let offer = self.offer_owed_an_answer(response)?;
        // A session of its own, which ends with this word.
        let mut media = LegMedia::new(&[], self.media.is_anchored(), None, context.random.next_u64() >> 2);
        if let Some(local) = self.media.local() {
            media.set_local(local);
        }
        Some(negotiation::decline_offer(&offer, &mut media))
    }

    /// The offer of a 2xx to an INVITE that had none.
    pub(super) fn offer_owed_an_answer(&self, response: &Message) -> Option<Offer> {
        let has_sdp = |bytes: &Bytes| Message::parse(bytes.clone()).is_ok_and(|message| message.sdp_body().is_some());
        let was_asked = match (&self.client, &self.acked) {
            (Some(client), _) => !has_sdp(client.request()),
            (None, Some(acked)) => has_sdp(&acked.ack),
            (None, None) => false,
        };
        sdp_of(response).filter(|_| was_asked).and_then(|sdp| Offer::read(sdp).ok())
    }

    /// The leg is to be forgotten: a 2xx that comes later still is acknowledged and hung up by the dispatcher, for as long as one may
    /// come (§13.2.2.4: 64×T1 from the first). An INVITE inside the dialog has no other phone to answer it, and this one has our BYE. One that
    /// was given up, with its connection or with its CANCEL, may have been heard all the same.
    pub(crate) fn leave_behind(&self, node: &NodeFacts) -> Option<Output> {
        let Some(acked) = self.acked.as_ref().filter(|acked| acked.first) else {
            return self.given_up.map(|serial| Output::Retire(node.keys.of_client(self.id, serial), Tombstone::Dismiss(None)));
        };
        let has_credentials = self.answers.as_ref().is_some_and(|answers| !answers.is_empty());
        let kept = has_credentials.then(|| acked.ack.to_vec().into_boxed_slice());
        Some(Output::Retire(node.keys.of_client(self.id, acked.serial), Tombstone::Dismiss(kept)))
    }
}
