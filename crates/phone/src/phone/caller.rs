//! The phone as it asks: INVITE and what comes back to it, and to every other request of ours.

use super::{Call, CallIndex, MAX_CALLS, Outcome, Phone, Role, Todo, call::Cancel, write::Outgoing};
use crate::{
    Message, Place, Script, When,
    address::NameAddr,
    dialog::{Dialog, MAX_ACKS, Reliable, Session, Stage},
    script::{Act, Edit},
    sdp::{Direction, Sdp},
    transaction::{Client, LIFETIME, Purpose},
};
use std::{collections::VecDeque, net::SocketAddr, time::Duration};
use tandem_model::Timestamp;

/// Times that a re-INVITE is tried again after 491.
const MAX_RETRIES: u32 = 5;

impl Phone {
    pub(super) fn new_call(&mut self, role: Role, call_id: String, local: String, remote: String, script: Script) -> CallIndex {
        let index = self.calls.len();
        let media = SocketAddr::new(self.setup.media.ip(), self.setup.media.port().wrapping_add((index * 2) as u16));
        let call = Call {
            role,
            call_id,
            outcome: None,
            statuses: Vec::new(),
            local_tag: self.token(),
            local,
            remote,
            started: vec![false; script.steps.len()],
            fired: Vec::new(),
            acks_lost: script.habits.lose_acks,
            unheard: Vec::new(),
            script,
            dialogs: Vec::new(),
            invite_seq: 1 + self.random.below(1000) as u32,
            cancel: Cancel::No,
            bye_pending: false,
            media,
            session_id: self.random.below(1 << 40),
            retries: 0,
            formats: self.setup.formats.clone(),
            direction: Direction::SendRecv,
            hold: None,
            stream: None,
            datagrams: Vec::new(),
            referrals: Vec::new(),
            referrer: None,
            timer: super::timer::CallTimer::default(),
            replaced: None,
        };
        self.calls.push(call);
        index
    }

    pub(super) fn begin(&mut self, now: Timestamp, place: Place) -> CallIndex {
        debug_assert!(self.calls.len() < MAX_CALLS);
        let call_id = format!("{}@{}", self.token(), self.setup.address.ip());
        let local = format!("<sip:{}@{}>", self.setup.name, self.setup.address);
        let index = self.new_call(Role::Caller, call_id, local, format!("<{}>", place.uri), place.script);
        self.adopt(index, None, place.formats);
        let mut message = self.first_invite(&self.calls[index], &place.uri);
        if !place.late {
            message.set_body("application/sdp", self.first_offer(index).print());
        }
        self.start_client(
            now,
            Outgoing {
                message,
                destination: self.setup.outbound,
                call: Some(index),
                dialog: None,
                purpose: Purpose::Invite,
                edits: &place.edits,
            },
        );
        self.trigger(now, index, When::Start);
        index
    }

    pub(super) fn on_response(&mut self, now: Timestamp, message: Message) {
        let branch = crate::Via::parse(message.header("Via").unwrap_or_default()).map_or("", |via| via.branch()).to_owned();
        let found = self.clients.iter().position(|client| client.branch == branch && client.request.method() == message.method());
        let Some(index) = found else {
            if !self.known_branches.contains(&branch) {
                self.violate(now, "stray-response", format!("{} to nothing that we asked", message.label()));
            }
            return;
        };
        self.check_response(now, index, &message);
        let status = message.status();
        let keeps_deadline = self.is_cancelled(index) || self.is_given_up(index);
        let client = &mut self.clients[index];
        let first_final = client.is_open() && status >= 200;
        if client.is_open() {
            if status < 200 {
                client.state = Client::Proceeding;
                if client.request.method() == "INVITE" {
                    // RFC 3261 §17.1.1.2: timer B ends with Calling. The deadline stays that a CANCEL put there (§9.1), or the end of the
                    // call, which this one crossed.
                    let deadline = client.timer.deadline.filter(|_| keeps_deadline);
                    client.timer.stop(deadline);
                } else {
                    client.timer.slow_down(now);
                }
            } else {
                client.state = Client::Finished(status);
                client.timer.stop(None);
            }
        }
        if first_final && (self.answer_challenge(now, index, &message) || self.answer_too_short(now, index, &message)) {
            if let (Purpose::Invite, Some(call)) = (&self.clients[index].purpose, self.clients[index].call) {
                self.calls[call].statuses.push((now, status));
                self.trigger(now, call, When::Status(status));
            }
            return;
        }
        match self.clients[index].purpose.clone() {
            Purpose::Invite => self.on_invite_response(now, index, &message, first_final),
            Purpose::Reinvite(offer) => {
                self.on_invite_response(now, index, &message, first_final);
                if first_final {
                    self.on_reanswered(now, index, status, offer);
                }
            }
            Purpose::Update(offer) if first_final => self.on_updated(now, index, &message, offer),
            Purpose::Update(_) => {}
            Purpose::Bye | Purpose::Other if first_final => {
                // Whatever it was sent for, an UPDATE refreshes the session (RFC 4028 §7.2).
                let client = &self.clients[index];
                if let (Some(call), "UPDATE", 200..300) = (client.call, client.request.method(), status) {
                    let request = client.request.clone();
                    self.time_accepted(now, call, &request, &message);
                }
                self.on_other_final(now, index, status);
            }
            Purpose::Refer if first_final => {
                self.on_referred(now, index, &message);
                self.on_other_final(now, index, status);
            }
            // RFC 6665 §4.2.2: its refusal ends the subscription alone.
            Purpose::Prack if first_final => self.on_pracked(now, index, &message),
            Purpose::Register if first_final => self.on_registered(&message),
            Purpose::Register => {}
            Purpose::Bye | Purpose::Other | Purpose::Cancel | Purpose::Refer | Purpose::Notify | Purpose::Prack => {}
        }
    }

    fn on_invite_response(&mut self, now: Timestamp, index: usize, message: &Message, first_final: bool) {
        let Some(call) = self.clients[index].call else { return };
        let status = message.status();
        if self.clients[index].purpose == Purpose::Invite {
            self.calls[call].statuses.push((now, status));
        }
        match status {
            100..200 => self.on_provisional(now, index, call, message),
            200..300 => self.on_accepted(now, index, call, message),
            _ => {
                self.ack_failure(now, index, message);
                if first_final && self.clients[index].purpose == Purpose::Invite {
                    for dialog in &mut self.calls[call].dialogs {
                        dialog.stage = Stage::Over;
                    }
                    self.finish(now, call, Outcome::Failed(status));
                }
            }
        }
        self.trigger(now, call, When::Status(status));
        self.on_obeyed(now, call, status);
    }

    fn on_provisional(&mut self, now: Timestamp, index: usize, call: CallIndex, message: &Message) {
        if self.calls[call].cancel == Cancel::Wanted && self.clients[index].is_open() {
            self.send_cancel(now, call, index);
        }
        if message.status() == 100 || self.clients[index].purpose != Purpose::Invite || self.calls[call].outcome.is_some() {
            return;
        }
        let Some(dialog) = self.dialog_for(now, index, call, message) else { return };
        if self.calls[call].dialogs[dialog].stage != Stage::Early || !self.on_maybe_reliable(now, index, (call, dialog), message) {
            return;
        }
        if !self.calls[call].dialogs[dialog].reliable.is_settled && message.has_sdp() {
            self.take_answer(now, call, dialog, &message.body, true);
        }
    }

    /// The dialog that a response belongs to, made if it is a new one (RFC 3261 §12.1.2).
    fn dialog_for(&mut self, now: Timestamp, index: usize, call: CallIndex, message: &Message) -> Option<usize> {
        if let Some(dialog) = self.clients[index].dialog {
            return Some(dialog);
        }
        let tag = NameAddr::parse(message.header("To").unwrap_or_default()).tag()?.to_owned();
        let contact = NameAddr::parse(message.header("Contact").unwrap_or_default()).uri.to_owned();
        let mut routes: Vec<String> = message.list("Record-Route").iter().map(|route| (*route).to_owned()).collect();
        routes.reverse();
        if let Some(known) = self.calls[call].dialogs.iter().position(|dialog| dialog.remote_tag == tag) {
            let dialog = &mut self.calls[call].dialogs[known];
            if dialog.stage == Stage::Early && !contact.is_empty() {
                dialog.remote_target = contact;
                dialog.routes = routes;
            }
            return Some(known);
        }
        if !self.calls[call].dialogs.is_empty() {
            self.violate(now, "second-tag", format!("{} has another To tag: towards a caller there is one", message.label()));
        }
        let request = &self.clients[index].request;
        let offer = request.has_sdp().then(|| Sdp::parse(&request.body).ok()).flatten();
        let own = self.own_contact();
        let call = &mut self.calls[call];
        call.dialogs.push(Dialog {
            local_tag: call.local_tag.clone(),
            remote_tag: tag,
            remote_target: contact,
            routes,
            contact: own,
            local_seq: call.invite_seq,
            remote_seq: None,
            past_contacts: Vec::new(),
            stage: Stage::Early,
            accepted: None,
            acknowledged: None,
            acks: VecDeque::new(),
            session: Session { local_offer: offer, ..Session::default() },
            reliable: Reliable::default(),
        });
        Some(call.dialogs.len() - 1)
    }

    fn on_accepted(&mut self, now: Timestamp, index: usize, call: CallIndex, message: &Message) {
        let Some(dialog) = self.dialog_for(now, index, call, message) else { return };
        let cseq = message.cseq().map_or(0, |(number, _)| number);
        if self.calls[call].dialogs[dialog].acks.iter().any(|(acked, ..)| *acked == cseq) {
            return self.send_ack(now, call, dialog, cseq);
        }
        let contact = NameAddr::parse(message.header("Contact").unwrap_or_default()).uri.to_owned();
        let own = &mut self.calls[call].dialogs[dialog];
        if !contact.is_empty() {
            own.remote_target = contact;
        }
        let was_early = own.stage == Stage::Early;
        if was_early {
            own.stage = Stage::Confirmed;
            let others = self.calls[call].dialogs.iter_mut().filter(|other| other.stage == Stage::Early);
            others.for_each(|other| other.stage = Stage::Over);
        }
        let request = self.clients[index].request.clone();
        self.time_accepted(now, call, &request, message);
        let body = self.body_for_ack(now, index, call, dialog, message);
        let (mut ack, destination) = self.dialog_request(call, dialog, "ACK", cseq);
        let via = self.new_via(&ack);
        ack.headers.insert(0, ("Via".into(), via));
        if let Some(body) = body {
            ack.set_body("application/sdp", body);
        }
        let acks = &mut self.calls[call].dialogs[dialog].acks;
        acks.truncate(MAX_ACKS - 1);
        acks.push_front((cseq, ack.print(), destination));
        self.trigger(now, call, When::Answered);
        let delay = self.calls[call].script.habits.ack_delay;
        if delay.is_zero() {
            self.send_ack(now, call, dialog, cseq);
        } else {
            self.schedule(now, delay, call, Todo::Ack(dialog, cseq));
        }
        let own = &self.calls[call];
        let extra = own.dialogs.iter().filter(|other| other.stage == Stage::Confirmed).count() > 1;
        // RFC 3261 §13.2.2.4: one that comes when the INVITE was given up is acknowledged and ended.
        let unwanted = own.outcome.is_some() || own.cancel == Cancel::Sent || own.bye_pending;
        if was_early && (extra || unwanted) {
            self.send_bye(now, call, dialog);
        }
    }

    /// What our ACK carries: the answer, if the 2xx made the offer.
    fn body_for_ack(&mut self, now: Timestamp, index: usize, call: CallIndex, dialog: usize, message: &Message) -> Option<Vec<u8>> {
        let offered = self.clients[index].request.has_sdp();
        if self.clients[index].purpose == Purpose::Invite && self.check_settled(now, (call, dialog), message) {
            return None;
        }
        if !message.has_sdp() {
            // A 2xx without SDP after a provisional answer is allowed only if that one was reliable.
            self.violate(now, "sdp-missing", format!("{} carries no SDP (RFC 3261 §13.3.1.4)", message.label()));
            return None;
        }
        if offered {
            self.take_answer(now, call, dialog, &message.body, false);
            return None;
        }
        self.take_offer(now, call, dialog, &message.body);
        self.answer_offer(now, call, dialog).map(|answer| answer.print())
    }

    pub(super) fn send_ack(&mut self, now: Timestamp, call: CallIndex, dialog: usize, cseq: u32) {
        let own = &mut self.calls[call];
        if own.script.habits.never_ack {
            return;
        }
        if own.acks_lost > 0 {
            own.acks_lost -= 1;
            return;
        }
        let known = own.dialogs[dialog].acks.iter().find(|(acked, ..)| *acked == cseq);
        let Some((_, bytes, destination)) = known.cloned() else { return };
        let message = Message::parse(&bytes).ok();
        self.transmit(now, Some(call), destination, bytes, message.as_ref());
        self.trigger(now, call, When::Confirmed);
    }

    /// RFC 3261 §17.1.1.3: within the transaction, for every copy of the failure.
    pub(super) fn ack_failure(&mut self, now: Timestamp, index: usize, message: &Message) {
        let client = &mut self.clients[index];
        if client.ack.is_none() {
            let request = &client.request;
            let mut ack = Message::request("ACK", request.uri());
            ack.push("Via", request.list("Via").first().copied().unwrap_or_default());
            for route in request.list("Route") {
                ack.push("Route", route);
            }
            ack.push("Max-Forwards", "70");
            ack.push("From", request.header("From").unwrap_or_default());
            ack.push("To", message.header("To").unwrap_or_default());
            ack.push("Call-ID", request.call_id());
            ack.push("CSeq", format!("{} ACK", request.cseq().map_or(0, |(number, _)| number)));
            for name in ["Authorization", "Proxy-Authorization"] {
                request.header(name).into_iter().for_each(|credentials| ack.push(name, credentials));
            }
            client.ack = Some(ack.print());
        }
        let (destination, call) = (client.destination, client.call);
        if let Some(bytes) = client.ack.clone() {
            let ack = Message::parse(&bytes).ok();
            self.transmit(now, call, destination, bytes, ack.as_ref());
        }
    }

    fn on_reanswered(&mut self, now: Timestamp, index: usize, status: u16, offer: crate::Offer) {
        let (Some(call), Some(dialog)) = (self.clients[index].call, self.clients[index].dialog) else { return };
        // An UPDATE may have made one that is still open.
        if status >= 300 && !self.has_offered_by_update(call) {
            self.calls[call].dialogs[dialog].session.local_offer = None;
        }
        // RFC 3261 §14.1: the session is as it was, so what the offer alone had is not spoken. RFC 3264 §6: nor is what was listed for a
        // stream that is off, which nobody agreed to.
        if offer.formats.is_some() && (status >= 300 || self.offered_no_audio(index)) {
            self.calls[call].formats.clone_from(&self.setup.formats);
        }
        match status {
            481 | 408 => self.lose_dialog(now, call, dialog),
            491 => self.try_after_glare(now, call, Act::Reinvite(offer)),
            _ => {}
        }
        self.trigger(now, call, When::Reanswered);
    }

    fn offered_no_audio(&self, client: usize) -> bool {
        let request = &self.clients[client].request;
        let offer = request.has_sdp().then(|| Sdp::parse(&request.body).ok()).flatten();
        offer.is_some_and(|offer| offer.audio_line().is_none_or(|line| line.port == 0))
    }

    /// RFC 3261 §14.1: the owner of the Call-ID waits longer.
    pub(super) fn try_after_glare(&mut self, now: Timestamp, call: CallIndex, act: Act) {
        if self.calls[call].retries < MAX_RETRIES {
            self.calls[call].retries += 1;
            let (base, spread) = if self.calls[call].role == Role::Caller { (2100, 1900) } else { (0, 2000) };
            let wait = Duration::from_millis(base + self.random.below(spread / 10) * 10);
            self.schedule(now, wait, call, Todo::Act(act));
        }
    }

    fn on_other_final(&mut self, now: Timestamp, index: usize, status: u16) {
        let (Some(call), Some(dialog)) = (self.clients[index].call, self.clients[index].dialog) else { return };
        if matches!(status, 481 | 408) && matches!(self.clients[index].purpose, Purpose::Other | Purpose::Refer) {
            self.lose_dialog(now, call, dialog);
        }
    }

    pub(super) fn lose_dialog(&mut self, now: Timestamp, call: CallIndex, dialog: usize) {
        self.calls[call].dialogs[dialog].stage = Stage::Over;
        if self.calls[call].current().is_none() {
            self.finish(now, call, Outcome::Lost);
        }
    }

    pub(super) fn on_client_timeout(&mut self, now: Timestamp, index: usize) {
        let client = &self.clients[index];
        let Some(call) = client.call else { return };
        match (&client.purpose, client.dialog) {
            (Purpose::Invite, _) if self.calls[call].outcome.is_some() => {
                let text = format!("{} got no final response after its call was over (RFC 3261 §15.1.2)", client.request.label());
                self.violate(now, "no-answer", text);
            }
            (Purpose::Invite, _) => self.finish(now, call, Outcome::TimedOut),
            (Purpose::Bye | Purpose::Reinvite(_) | Purpose::Refer | Purpose::Other, Some(dialog)) => {
                let text = format!("{} was never answered", client.request.label());
                self.violate(now, "no-answer", text);
                self.lose_dialog(now, call, dialog);
            }
            (Purpose::Refer, None) => {
                let text = format!("{} was never answered", client.request.label());
                self.violate(now, "no-answer", text);
            }
            (_, _) => {}
        }
    }

    /// Takes an INVITE of ours back: the first or a later one.
    pub(super) fn send_cancel(&mut self, now: Timestamp, call: CallIndex, invite: usize) {
        let client = &mut self.clients[invite];
        let first = client.purpose == Purpose::Invite;
        // RFC 3261 §9.1: without a final response after 64 × T1 the INVITE is considered cancelled.
        client.timer.deadline = Some(now + LIFETIME);
        let request = &client.request;
        let mut cancel = Message::request("CANCEL", request.uri()).with("Max-Forwards", "70");
        for route in request.list("Route") {
            cancel.push("Route", route);
        }
        for name in ["From", "To", "Call-ID"] {
            cancel.push(name, request.header(name).unwrap_or_default());
        }
        cancel.push("CSeq", format!("{} CANCEL", request.cseq().map_or(0, |(number, _)| number)));
        let via = request.list("Via").first().copied().unwrap_or_default().to_owned();
        let destination = client.destination;
        if first {
            self.calls[call].cancel = Cancel::Sent;
        }
        let outgoing = Outgoing { message: cancel, destination, call: Some(call), dialog: None, purpose: Purpose::Cancel, edits: &[] };
        self.start_client_under(now, outgoing, via);
    }

    pub(super) fn send_bye(&mut self, now: Timestamp, call: CallIndex, dialog: usize) {
        self.send_in_dialog(now, call, dialog, "BYE", Purpose::Bye, &[], None);
        self.calls[call].dialogs[dialog].stage = Stage::Over;
        self.calls[call].dialogs[dialog].accepted = None;
        if let Some(reinvite) = self.waiting_invite(call).filter(|server| self.servers[*server].dialog == Some(dialog)) {
            self.refuse(now, reinvite, 487);
        }
        if self.calls[call].current().is_none() {
            self.finish(now, call, Outcome::WeHungUp);
        }
    }

    /// Sends a request in a dialog, under the dialog's next CSeq number.
    #[expect(clippy::too_many_arguments, reason = "they are the parts of one request")]
    pub(super) fn send_in_dialog(
        &mut self,
        now: Timestamp,
        call: CallIndex,
        dialog: usize,
        method: &str,
        purpose: Purpose,
        edits: &[Edit],
        body: Option<Vec<u8>>,
    ) {
        let own = &mut self.calls[call].dialogs[dialog];
        own.local_seq += 1;
        let cseq = own.local_seq;
        let (mut message, destination) = self.dialog_request(call, dialog, method, cseq);
        if let Some(body) = body {
            message.set_body("application/sdp", body);
        }
        self.start_client(now, Outgoing { message, destination, call: Some(call), dialog: Some(dialog), purpose, edits });
    }

    pub(super) fn schedule(&mut self, now: Timestamp, after: Duration, call: CallIndex, todo: Todo) {
        self.scheduled.push((now + after, call, todo));
        self.scheduled.sort_by_key(|(at, ..)| *at);
    }
}
