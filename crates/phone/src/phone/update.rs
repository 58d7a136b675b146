//! UPDATE (RFC 3311): a session changed, or a target refreshed, without a third message.

use super::{CallIndex, Phone, Todo};
use crate::{
    Body, Message, Offer, Reply, When,
    address::NameAddr,
    dialog::Stage,
    script::Act,
    transaction::{ClientTransaction, Purpose},
};
use std::time::Duration;
use tandem_model::Timestamp;

impl Phone {
    /// Our UPDATEs that wait for their answer.
    fn open_updates(&self, call: CallIndex) -> impl Iterator<Item = &ClientTransaction> {
        self.clients
            .iter()
            .filter(move |client| client.call == Some(call) && matches!(client.purpose, Purpose::Update(_)) && client.is_open())
    }

    /// Whether the offer of ours that is open went out in an UPDATE.
    pub(super) fn has_offered_by_update(&self, call: CallIndex) -> bool {
        self.open_updates(call).any(|client| client.request.has_sdp())
    }

    pub(super) fn update(&mut self, now: Timestamp, call: CallIndex, offer: Offer) {
        let own = &self.calls[call];
        let Some(dialog) = own.current() else { return };
        let asking = self.open_updates(call).next().is_some();
        let session = &own.dialogs[dialog].session;
        // RFC 3311 §5.1: no offer while one is open, and none in an early dialog before the first has its answer.
        let may_offer = session.is_quiet() && session.is_settled() && session.early_answer.is_none();
        if own.outcome.is_some() || asking || !(offer.late || may_offer) {
            return;
        }
        // Nothing is agreed to by an UPDATE without an offer.
        if !offer.late {
            self.adopt(call, offer.direction, offer.formats.clone());
        }
        self.calls[call].hold = offer.hold.filter(|_| !offer.late);
        if let Some(contact) = &offer.contact {
            self.calls[call].dialogs[dialog].move_to(contact);
        }
        let body = (!offer.late).then(|| self.next_offer(call, dialog, offer.fax).print());
        let edits = offer.edits.clone();
        self.send_in_dialog(now, call, dialog, "UPDATE", Purpose::Update(offer), &edits, body);
    }

    /// The final response to ours.
    pub(super) fn on_updated(&mut self, now: Timestamp, index: usize, message: &Message, offer: Offer) {
        let (Some(call), Some(dialog)) = (self.clients[index].call, self.clients[index].dialog) else { return };
        let offered = self.clients[index].request.has_sdp();
        match message.status() {
            200..300 => {
                if message.header("Contact").is_none() {
                    self.violate(now, "contact", "a 2xx to UPDATE without a Contact (RFC 3311 §5.2)");
                }
                self.refresh_target(call, dialog, message);
                let request = self.clients[index].request.clone();
                self.time_accepted(now, call, &request, message);
                if offered && !message.has_sdp() {
                    self.violate(now, "sdp-missing", "our offer in UPDATE got no answer in the 2xx (RFC 3311 §5.2)");
                } else if offered {
                    // Also after our BYE: what was written counts, as no version is used twice.
                    self.take_answer(now, call, dialog, &message.body, false);
                }
            }
            status => {
                if offered {
                    self.calls[call].dialogs[dialog].session.local_offer = None;
                }
                match status {
                    408 | 481 => self.lose_dialog(now, call, dialog),
                    491 => self.try_after_glare(now, call, Act::Update(offer)),
                    _ => {}
                }
            }
        }
        self.trigger(now, call, When::Reanswered);
    }

    /// Whether the phone's own ways decide about an UPDATE, and not what the script says of other requests.
    pub(super) fn is_for_update(&mut self, now: Timestamp, call: CallIndex, message: &Message) -> bool {
        if !self.setup.updates {
            self.violate(now, "update-unasked", "an UPDATE to a phone whose Allow has none (RFC 3311 §5.1)");
            return false;
        }
        message.has_sdp() || self.calls[call].script.habits.others.is_empty()
    }

    /// Theirs, in the dialog and in order.
    pub(super) fn on_update(&mut self, now: Timestamp, server: usize, call: CallIndex, dialog: usize, message: &Message) {
        if NameAddr::parse(message.header("Contact").unwrap_or_default()).uri.is_empty() {
            self.violate(now, "contact", "an UPDATE without a Contact (RFC 3311 §5.1)");
        }
        let others = self.servers.iter().enumerate().filter(|(other, one)| *other != server && one.call == Some(call));
        let waits = others.filter(|(_, one)| one.request.method() == "UPDATE").any(|(_, one)| !one.is_answered());
        if waits {
            self.violate(now, "two-updates", "an UPDATE while another of theirs is unanswered (RFC 3311 §5.2)");
            return self.refuse(now, server, 500);
        }
        if self.is_too_short(now, call, message) {
            let least = self.calls[call].least_interval();
            return self.refuse_too_short(now, server, least);
        }
        if !message.has_sdp() {
            self.refresh_target(call, dialog, message);
            return self.answer_update(now, server, call, dialog, &Reply { body: Body::None, ..Reply::new(200) });
        }
        // An offer counts as written even if it is refused: no version is used twice.
        if let Ok(offer) = crate::sdp::Sdp::parse(&message.body) {
            self.written(now, call, dialog, &offer);
        }
        let session = &self.calls[call].dialogs[dialog].session;
        let (ours, theirs, settled) = (session.local_offer.is_some(), session.remote_offer.is_some(), session.is_settled());
        if theirs || !(ours || settled) {
            self.violate(now, "two-offers", "an offer while the one before it is open (RFC 3311 §5.1)");
            return self.refuse(now, server, 500);
        }
        // §5.2.
        if ours {
            return self.refuse(now, server, 491);
        }
        self.refresh_target(call, dialog, message);
        self.take_offer(now, call, dialog, &message.body);
        let habits = &mut self.calls[call].script.habits;
        let (after, reply) = if habits.reoffers.is_empty() { (Duration::ZERO, Reply::new(200)) } else { habits.reoffers.remove(0) };
        self.trigger(now, call, When::Reoffered);
        if after.is_zero() {
            self.answer_update(now, server, call, dialog, &reply);
        } else {
            self.schedule(now, after, call, Todo::Answer(server, reply));
        }
    }

    /// Answers an UPDATE of theirs.
    pub(super) fn answer_update(&mut self, now: Timestamp, server: usize, call: CallIndex, dialog: usize, reply: &Reply) {
        let (request, source) = (self.servers[server].request.clone(), self.servers[server].source);
        let is_over = self.calls[call].dialogs[dialog].stage == Stage::Over;
        let wanted = request.has_sdp() && (200..300).contains(&reply.status) && !is_over;
        let answer = match &reply.body {
            // What is no answer is said as it is.
            Body::None | Body::Raw(_) if wanted => self.reply_sdp(now, call, dialog, &reply.body, reply.status),
            _ if wanted => self.answer_offer(now, call, dialog).map(|answer| answer.print()),
            _ => None,
        };
        if request.has_sdp() {
            self.calls[call].dialogs[dialog].session.remote_offer = None;
        }
        let status = match reply.status {
            // RFC 3261 §15.1.2: what is open when the dialog ends.
            _ if is_over => 487,
            200..300 if wanted && answer.is_none() && reply.body == Body::Auto => 488,
            status => status,
        };
        let tag = self.calls[call].dialogs[dialog].local_tag.clone();
        if let Some(contact) = &reply.contact {
            self.calls[call].dialogs[dialog].move_to(contact);
        }
        let (mut response, destination) = self.response_to(&request, source, status, reply.reason.as_deref(), &tag);
        if (200..300).contains(&status) {
            response.push("Contact", format!("<{}>", self.calls[call].dialogs[dialog].contact));
        }
        if (200..300).contains(&status) {
            self.time_reply(now, call, &request, &mut response);
        }
        if let Some(answer) = answer {
            response.set_body("application/sdp", answer);
        }
        reply.edits.iter().for_each(|edit| edit.apply(&mut response));
        self.answer(now, server, &response, destination);
    }
}
