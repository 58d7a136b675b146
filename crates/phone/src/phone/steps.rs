//! The acts of a script.

use super::{CallIndex, Outcome, Phone, Role, call::Cancel, write::Outgoing};
use crate::{
    Message, Offer, Reply, When,
    dialog::{Accepted, Stage},
    script::Act,
    transaction::{Purpose, Retransmission, T1, T2},
};
use tandem_model::Timestamp;

impl Phone {
    pub(super) fn perform(&mut self, now: Timestamp, call: CallIndex, act: Act) {
        match act {
            Act::Reply(reply) => self.reply(now, call, &reply),
            Act::Cancel => self.cancel(now, call),
            Act::Bye => self.hang_up(now, call),
            Act::Reinvite(offer) => self.reinvite(now, call, offer),
            Act::Update(offer) => self.update(now, call, offer),
            Act::Refer(refer) => self.refer(now, call, &refer),
            Act::Attended => self.refer_attended(now, call),
            Act::ReferOutside(refer) => self.refer_outside(now, call, &refer),
            Act::Request(request) => self.other_request(now, call, &request),
        }
    }

    fn cancel(&mut self, now: Timestamp, call: CallIndex) {
        let own = &self.calls[call];
        if own.outcome.is_some() {
            return;
        }
        let early = own.script.habits.cancel_early;
        let invite =
            self.clients.iter().position(|client| client.call == Some(call) && client.is_open() && client.request.method() == "INVITE");
        let Some(invite) = invite else { return };
        let heard = self.clients[invite].state == crate::transaction::Client::Proceeding;
        if self.is_cancelled(invite) {
            return;
        }
        if self.clients[invite].purpose == Purpose::Invite {
            let own = &mut self.calls[call];
            match own.cancel {
                Cancel::No => own.cancel = Cancel::Wanted,
                Cancel::Wanted => return,
                // That was of one that was told to come again: this one came since.
                Cancel::Sent => {}
            }
        }
        if heard || early {
            self.send_cancel(now, call, invite);
        }
    }

    /// Whether a CANCEL of that INVITE went out.
    pub(super) fn is_cancelled(&self, invite: usize) -> bool {
        self.clients.iter().any(|client| client.purpose == Purpose::Cancel && client.branch == self.clients[invite].branch)
    }

    /// Whether that is the first INVITE of a call that is over.
    pub(super) fn is_given_up(&self, invite: usize) -> bool {
        let client = &self.clients[invite];
        client.purpose == Purpose::Invite && client.call.is_some_and(|call| self.calls[call].outcome.is_some())
    }

    fn hang_up(&mut self, now: Timestamp, call: CallIndex) {
        let own = &self.calls[call];
        if own.outcome.is_some() {
            return;
        }
        match (own.current(), own.role) {
            (Some(dialog), Role::Caller) => self.send_bye(now, call, dialog),
            // Nobody to say BYE to yet.
            (None, Role::Caller) => self.cancel(now, call),
            (Some(dialog), Role::Callee) if own.dialogs[dialog].stage == Stage::Confirmed => {
                if own.dialogs[dialog].accepted.is_some() && !own.script.habits.bye_early {
                    self.calls[call].bye_pending = true;
                } else {
                    self.send_bye(now, call, dialog);
                }
            }
            (_, Role::Callee) => {}
        }
    }

    fn reinvite(&mut self, now: Timestamp, call: CallIndex, offer: Offer) {
        let own = &self.calls[call];
        let Some(dialog) = own.current().filter(|dialog| own.dialogs[*dialog].stage == Stage::Confirmed) else { return };
        // RFC 3261 §14.1: not while another INVITE is open in either direction, nor an ACK outstanding.
        let asking = self.clients.iter().any(|client| client.call == Some(call) && client.request.method() == "INVITE" && client.is_open());
        let open = !own.dialogs[dialog].session.is_quiet();
        if asking || open || own.outcome.is_some() || own.dialogs[dialog].accepted.is_some() || self.waiting_invite(call).is_some() {
            return;
        }
        self.adopt(call, offer.direction, offer.formats.clone());
        self.calls[call].hold = offer.hold;
        if let Some(contact) = &offer.contact {
            self.calls[call].dialogs[dialog].move_to(contact);
        }
        let body = (!offer.late).then(|| self.next_offer(call, dialog, offer.fax).print());
        let edits = offer.edits.clone();
        self.send_in_dialog(now, call, dialog, "INVITE", Purpose::Reinvite(offer), &edits, body);
    }

    fn other_request(&mut self, now: Timestamp, call: CallIndex, request: &crate::Request) {
        if let Some(dialog) = self.calls[call].current() {
            return self.send_in_dialog(now, call, dialog, &request.method, Purpose::Other, &request.edits, None);
        }
        let tag = self.token();
        let own = &self.calls[call];
        let uri = crate::NameAddr::parse(&own.remote).uri.to_owned();
        let message = Message::request(&request.method, &uri)
            .with("Max-Forwards", "70")
            .with("From", format!("{};tag={tag}", own.local))
            .with("To", own.remote.as_str())
            .with("Call-ID", format!("{tag}-other"))
            .with("CSeq", format!("1 {}", request.method));
        let destination = self.setup.outbound;
        let outgoing = Outgoing { message, destination, call: Some(call), dialog: None, purpose: Purpose::Other, edits: &request.edits };
        self.start_client(now, outgoing);
    }

    /// The server transaction of an INVITE that still waits for its final response.
    pub(super) fn waiting_invite(&self, call: CallIndex) -> Option<usize> {
        self.servers.iter().position(|server| server.call == Some(call) && server.request.method() == "INVITE" && !server.is_answered())
    }

    /// An INVITE that may be answered: one that waits, or for another fork one that got a 2xx already.
    fn answerable(&self, call: CallIndex, reply: &Reply) -> Option<usize> {
        let forked = |index: &usize| {
            let server = &self.servers[*index];
            let accepted = server.response.as_ref().is_some_and(|(status, ..)| *status < 300);
            let initial = server.call == Some(call) && server.request.method() == "INVITE" && server.dialog.is_none();
            initial && accepted && reply.fork > 0 && (200..300).contains(&reply.status)
        };
        self.waiting_invite(call).or_else(|| (0..self.servers.len()).find(forked))
    }

    pub(super) fn reply(&mut self, now: Timestamp, call: CallIndex, reply: &Reply) {
        let Some(server) = self.answerable(call, reply) else { return };
        let (request, source) = (self.servers[server].request.clone(), self.servers[server].source);
        let first = self.servers[server].dialog.is_none();
        let dialog = match self.servers[server].dialog {
            Some(dialog) => dialog,
            None => self.fork_dialog(call, reply.fork, &request),
        };
        if first && self.waits_for_prack(call, dialog, &request, reply) {
            return;
        }
        let wanted = if first { self.reliable_body(call, dialog, &request, reply) } else { reply.body.clone() };
        let body = self.reply_sdp(now, call, dialog, &wanted, reply.status);
        let status = if (200..300).contains(&reply.status) && body.is_none() && wanted == crate::Body::Auto { 488 } else { reply.status };
        let tag = self.calls[call].dialogs[dialog].local_tag.clone();
        let (mut response, destination) = self.response_to(&request, source, status, reply.reason.as_deref(), &tag);
        if let Some(contact) = &reply.contact {
            self.calls[call].dialogs[dialog].move_to(contact);
        }
        if (101..300).contains(&status) {
            response.push("Contact", format!("<{}>", self.calls[call].dialogs[dialog].contact));
        }
        if (200..300).contains(&status) {
            self.time_reply(now, call, &request, &mut response);
        }
        if let Some(body) = body.filter(|_| status < 300) {
            response.set_body("application/sdp", body);
        }
        let is_reliable = first && self.goes_reliably(&request, status);
        if is_reliable {
            self.make_reliable(call, dialog, &mut response);
        }
        reply.edits.iter().for_each(|edit| edit.apply(&mut response));
        let bytes = self.answer(now, server, &response, destination);
        if is_reliable {
            self.await_prack(now, (call, dialog), &response, bytes.clone(), destination);
        }
        if first {
            self.calls[call].statuses.push((now, status));
        }
        if (200..300).contains(&status) {
            let cseq = request.cseq().map_or(0, |(number, _)| number);
            let timer = Retransmission::start(now, Some(T2));
            let accepted = self.calls[call].statuses.iter().find(|(_, status)| (200..300).contains(status));
            let is_late = first && accepted.is_some_and(|(at, _)| now.since(*at) >= T1 * 64);
            let own = &mut self.calls[call].dialogs[dialog];
            own.accepted = Some(Accepted { cseq, bytes, destination, timer, is_late });
            own.stage = Stage::Confirmed;
            // Whoever lets them ring takes the other forks back (RFC 3261 §16.7).
            let others = self.calls[call].dialogs.iter_mut().filter(|other| other.stage == Stage::Early);
            others.for_each(|other| other.stage = Stage::Over);
            self.trigger(now, call, When::Answered);
            self.let_go_of_replaced(now, call);
        } else if status >= 300 {
            self.servers[server].timer = Some(self.new_timer(now, Some(T2), super::write::transport_of(&bytes)));
            self.calls[call].dialogs[dialog].session.remote_offer = None;
            if first {
                self.calls[call].dialogs.iter_mut().for_each(|dialog| dialog.stage = Stage::Over);
                self.finish(now, call, Outcome::Failed(status));
            }
        }
    }
}
