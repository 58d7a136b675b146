//! A 2xx to an INVITE of ours that is not the first: the same again, or of another phone that a proxy rang too (RFC 3261 §13.2.2.4).

use super::{Context, Leg, MAX_FORWARDS};
use crate::dialog::Dialog;
use crate::message::{Message, Method};
use crate::wire::Arrival;

/// Further phones that may answer one INVITE; what more of them say is left unanswered.
const MAX_FORKS: usize = 8;

impl Leg {
    /// A 2xx to an INVITE that is already acknowledged.
    pub(super) fn on_late_success(&mut self, context: &mut Context<'_>, arrival: &Arrival) {
        let Some(acked) = self.acked.as_ref().filter(|acked| acked.serial == arrival.serial) else { return };
        if self.is_ours(&arrival.message) {
            let transmit = self.transmit(acked.destination.clone(), acked.ack.clone());
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
    fn dismiss_fork(&mut self, context: &mut Context<'_>, response: &Message, cseq: u32) {
        let tag = response.to_tag().unwrap_or_default();
        let known = self.forks.iter().any(|fork| **fork == *tag);
        if !known && self.forks.len() == MAX_FORKS {
            return;
        }
        let Ok(mut dialog) = Dialog::from_response(response, self.tag, cseq, &self.to, self.over(context.node)) else { return };
        let Some(destination) = dialog.destination() else { return };
        let (_, via) = self.new_via(context);
        let ack = dialog.request(Method::Ack.as_str(), cseq, &via.parts(), MAX_FORWARDS).finish();
        context.send(self.transmit(destination.clone(), ack));
        if known {
            return;
        }
        self.forks.push(tag.into());
        let (serial, via) = self.new_via(context);
        let number = dialog.next_cseq();
        let bye = dialog.request(Method::Bye.as_str(), number, &via.parts(), MAX_FORWARDS).finish();
        self.send_request(context, serial, Method::Bye, bye, destination);
    }
}
