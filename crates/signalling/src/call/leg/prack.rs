//! The leg as user agent client: reliable provisional responses to our first INVITE, and their PRACK (RFC 3262 §4).

use super::{Context, Leg, MAX_FORWARDS, finish};
use crate::dialog::reliable::{Receiving, ReceivingAct};
use crate::message::{HeaderName, Message, Method, Printer, RELIABLE};
use tandem_model::Prack;

/// Early dialogs whose reliable responses are kept count of; what more of them say is not acknowledged.
const MAX_DIALOGS: usize = 8;

/// What was acknowledged of one INVITE, by early dialog.
#[derive(Debug, Default)]
pub(super) struct Acknowledged {
    dialogs: Vec<InDialog>,
}

#[derive(Debug)]
struct InDialog {
    tag: Box<str>,
    state: Receiving,
    /// The RSeq whose PRACK waits for the answer to its offer.
    owed: Option<u32>,
    /// It has had a description: another is none.
    is_described: bool,
}

/// What the first INVITE requires. What it supports stands in its Supported header, with the rest of that.
pub(super) fn write_asked(printer: &mut Printer, prack: Prack) {
    if prack == Prack::Required {
        printer.header_str(HeaderName::Require, RELIABLE);
    }
}

impl Leg {
    /// Whether a response to our first INVITE came reliably: what it describes is final for its dialog.
    pub(crate) fn is_bound_by(&self, tag: &str) -> bool {
        let dialogs = self.acknowledged.iter().flat_map(|acknowledged| &acknowledged.dialogs);
        dialogs.into_iter().any(|dialog| *dialog.tag == *tag && dialog.is_described)
    }

    /// Whether the PRACK of that dialog waits for the answer to its offer.
    pub(crate) fn owes_answer(&self, tag: &str) -> bool {
        let dialogs = self.acknowledged.iter().flat_map(|acknowledged| &acknowledged.dialogs);
        dialogs.into_iter().any(|dialog| *dialog.tag == *tag && dialog.owed.is_some())
    }

    /// A reliable response. False: it is to be read over (§4). Its PRACK is sent, unless the call must answer an offer first.
    pub(super) fn take_reliable(&mut self, context: &mut Context<'_>, response: &Message, rseq: u32, was_offered: bool) -> bool {
        let Some(tag) = response.to_tag() else { return false };
        let acknowledged = self.acknowledged.get_or_insert_default();
        let known = acknowledged.dialogs.iter().position(|dialog| *dialog.tag == *tag);
        let place = match known {
            Some(place) => place,
            None if acknowledged.dialogs.len() == MAX_DIALOGS => return false,
            None => {
                acknowledged.dialogs.push(InDialog { tag: tag.into(), state: Receiving::Fresh, owed: None, is_described: false });
                acknowledged.dialogs.len() - 1
            }
        };
        let dialog = &mut acknowledged.dialogs[place];
        let (next, act) = dialog.state.on_response(rseq);
        dialog.state = next;
        if act != ReceivingAct::Acknowledge {
            return false;
        }
        let is_offer = !was_offered && !dialog.is_described && super::sdp_of(response).is_some();
        dialog.is_described |= super::sdp_of(response).is_some();
        if is_offer {
            dialog.owed = Some(rseq);
        } else {
            self.send_prack(context, tag, rseq, None);
        }
        true
    }

    /// The PRACK that the call had to answer an offer for.
    pub(crate) fn prack(&mut self, context: &mut Context<'_>, tag: &str, answer: Option<&[u8]>) {
        let mut dialogs = self.acknowledged.iter_mut().flat_map(|acknowledged| &mut acknowledged.dialogs);
        let Some(rseq) = dialogs.find(|dialog| *dialog.tag == *tag).and_then(|dialog| dialog.owed.take()) else { return };
        self.send_prack(context, tag, rseq, answer);
    }

    fn send_prack(&mut self, context: &mut Context<'_>, tag: &str, rseq: u32, sdp: Option<&[u8]>) {
        let Some(invite) = self.invite_cseq() else { return };
        let of_tag = |dialog: &&mut crate::dialog::Dialog| dialog.remote_tag() == Some(tag);
        let Some(place) = self.dialog.as_ref().into_iter().chain(&self.early).find(|dialog| dialog.remote_tag() == Some(tag)) else {
            return;
        };
        let Some(way) = self.way_of(context.node, place) else { return };
        let (serial, via) = self.new_via(context, &way);
        let announced = self.announced();
        let Some(dialog) = self.dialog.as_mut().into_iter().chain(&mut self.early).find(of_tag) else { return };
        let cseq = dialog.next_cseq();
        let mut printer = dialog.request(Method::Prack.as_str(), cseq, &via.parts(), MAX_FORWARDS);
        // §7.2: the response number, and the CSeq that it has.
        printer.header(HeaderName::RAck, format_args!("{rseq} {invite} INVITE"));
        announced.write_supported(&mut printer);
        self.send_request(context, serial, Method::Prack, finish(printer, sdp), way);
    }
}
