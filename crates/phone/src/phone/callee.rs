//! The phone as it is asked: requests, in dialogs and outside.

use super::{CallIndex, MAX_CALLS, Outcome, Phone, Role, Todo};
use crate::{
    Message, Reply, Script, When,
    address::{NameAddr, Via},
    dialog::{Dialog, Reliable, Session, Stage},
    script::{Act, OnCancel},
    transaction::ServerTransaction,
};
use std::{collections::VecDeque, net::SocketAddr, time::Duration};
use tandem_model::Timestamp;

impl Phone {
    pub(super) fn on_request(&mut self, now: Timestamp, source: SocketAddr, message: Message) {
        let Some(via) = message.header("Via").and_then(Via::parse) else { return };
        let key = (via.branch().to_owned(), via.sent_by.to_owned());
        let method = message.method().to_owned();
        let family = if method == "ACK" { "INVITE" } else { &method };
        let known = self.servers.iter().position(|server| server.key == key && server.request.method() == family);
        match (method.as_str(), known) {
            ("ACK", Some(server)) => self.on_failure_ack(now, server, &message),
            ("ACK", None) => self.on_success_ack(now, &message),
            (_, Some(server)) => {
                self.check_retransmission(now, server, &message);
                // The 2xx of an INVITE is repeated by its dialog alone.
                let accepted = self.servers[server].response.as_ref().is_some_and(|(status, ..)| (200..300).contains(status));
                if family != "INVITE" || !accepted {
                    self.repeat_response(server);
                }
            }
            ("CANCEL", None) => self.on_cancel(now, source, key, message),
            (_, None) if !self.setup.demands.is_empty() => self.on_demanded(now, source, key, message),
            ("INVITE", None) => self.on_invite(now, source, key, message),
            (_, None) => self.on_other_request(now, source, key, message),
        }
    }

    /// A request to a phone that asks who is there.
    fn on_demanded(&mut self, now: Timestamp, source: SocketAddr, key: (String, String), message: Message) {
        match self.unmet(now, &message) {
            Some((demand, stale)) => {
                let found = self.find_dialog(&message);
                match (found, message.method()) {
                    // Who wants to leave, and is asked who it is, does not refresh the session meanwhile.
                    (Some((call, _)), "BYE") => self.calls[call].timer.agreed = None,
                    (Some((call, _)), "INVITE" | "UPDATE") => self.calls[call].timer.asked_who = true,
                    _ => {}
                }
                let server = self.remember(key, message, source, found.map(|(call, _)| call), found.map(|(_, dialog)| dialog));
                self.ask(now, server, &demand, stale);
            }
            None if message.method() == "INVITE" => self.on_invite(now, source, key, message),
            None => self.on_other_request(now, source, key, message),
        }
    }

    fn remember(
        &mut self,
        key: (String, String),
        request: Message,
        source: SocketAddr,
        call: Option<CallIndex>,
        dialog: Option<usize>,
    ) -> usize {
        self.servers.push(ServerTransaction { key, request, source, call, dialog, response: None, timer: None, acknowledged: false });
        self.servers.len() - 1
    }

    /// Call and dialog of a request, by Call-ID and both tags.
    fn find_dialog(&self, message: &Message) -> Option<(CallIndex, usize)> {
        let to = NameAddr::parse(message.header("To")?).tag()?;
        let from = NameAddr::parse(message.header("From")?).tag().unwrap_or_default();
        let calls = self.calls.iter().enumerate().filter(|(_, call)| call.call_id == message.call_id());
        calls
            .filter_map(|(index, call)| Some((index, call.dialogs.iter().position(|one| one.local_tag == to && one.remote_tag == from)?)))
            .next()
    }

    fn on_invite(&mut self, now: Timestamp, source: SocketAddr, key: (String, String), message: Message) {
        if NameAddr::parse(message.header("To").unwrap_or_default()).tag().is_some() {
            return self.on_reinvite(now, source, key, message);
        }
        if self.calls.len() >= MAX_CALLS {
            let server = self.remember(key, message, source, None, None);
            return self.refuse(now, server, 486);
        }
        let replaced = match self.replaced_by(now, &message) {
            Ok(replaced) => replaced,
            Err(status) => {
                let server = self.remember(key, message, source, None, None);
                return self.refuse(now, server, status);
            }
        };
        if let Some(least) = self.least_of_plan(&message) {
            let server = self.remember(key, message, source, None, None);
            return self.refuse_too_short(now, server, least);
        }
        let remote = crate::message::split_list(message.header("From").unwrap_or_default()).first().map_or("", |from| *from).to_owned();
        let bare = remote.split(";tag=").next().unwrap_or_default().to_owned();
        let local = message.header("To").unwrap_or_default().to_owned();
        let script = self.plans.pop_front().unwrap_or_else(|| self.plan.clone());
        let script = Script { habits: crate::Habits { deaf: 0, ..script.habits.clone() }, ..script };
        let call = self.new_call(Role::Callee, message.call_id().to_owned(), local, bare, script);
        self.calls[call].replaced = replaced;
        self.check_invite(now, &message);
        self.is_too_short(now, call, &message);
        self.remember(key, message, source, Some(call), None);
        self.trigger(now, call, When::Start);
    }

    /// The dialog of a fork at the callee (RFC 3261 §12.1.1), made at its first response.
    pub(super) fn fork_dialog(&mut self, call: CallIndex, fork: u8, request: &Message) -> usize {
        let contact = if fork == 0 { self.own_contact() } else { self.contact_of(&format!("{}-{fork}", self.setup.name)) };
        let own = &mut self.calls[call];
        let local_tag = if fork == 0 { own.local_tag.clone() } else { format!("{}-{fork}", own.local_tag) };
        if let Some(known) = own.dialogs.iter().position(|dialog| dialog.local_tag == local_tag) {
            return known;
        }
        let text = |name| request.header(name).unwrap_or_default();
        own.dialogs.push(Dialog {
            local_tag,
            remote_tag: NameAddr::parse(text("From")).tag().unwrap_or_default().to_owned(),
            remote_target: NameAddr::parse(text("Contact")).uri.to_owned(),
            routes: self
                .setup
                .record_route
                .iter()
                .cloned()
                .chain(request.list("Record-Route").iter().map(|route| (*route).to_owned()))
                .collect(),
            contact,
            local_seq: 100,
            remote_seq: request.cseq().map(|(number, _)| number),
            past_contacts: Vec::new(),
            stage: Stage::Early,
            accepted: None,
            acknowledged: None,
            acks: VecDeque::new(),
            session: Session::default(),
            reliable: Reliable::default(),
        });
        let dialog = own.dialogs.len() - 1;
        if request.has_sdp() {
            let body = request.body.clone();
            // The check of versions starts with the fork's first view of the offer.
            if let Ok(offer) = crate::sdp::Sdp::parse(&body) {
                let session = &mut self.calls[call].dialogs[dialog].session;
                (session.remote_written, session.remote_offer) = (Some(offer.clone()), Some(offer));
            }
        }
        dialog
    }

    fn on_reinvite(&mut self, now: Timestamp, source: SocketAddr, key: (String, String), message: Message) {
        let found = self.find_dialog(&message);
        let server = self.remember(key, message.clone(), source, found.map(|(call, _)| call), found.map(|(_, dialog)| dialog));
        let Some((call, dialog)) = found.filter(|(call, dialog)| self.calls[*call].dialogs[*dialog].stage != Stage::Over) else {
            return self.refuse(now, server, 481);
        };
        if !self.check_in_dialog(now, call, dialog, &message) {
            return self.refuse(now, server, 500);
        }
        // An offer counts as written even if it is refused: no version is used twice.
        if let Some(Ok(offer)) = message.has_sdp().then(|| crate::sdp::Sdp::parse(&message.body)) {
            self.written(now, call, dialog, &offer);
        }
        // RFC 3261 §14.2.
        let asking = self.clients.iter().any(|client| client.call == Some(call) && client.request.method() == "INVITE" && client.is_open());
        let session = &self.calls[call].dialogs[dialog].session;
        if asking || session.local_offer.is_some() {
            return self.refuse(now, server, 491);
        }
        if session.remote_offer.is_some() && message.has_sdp() {
            self.violate(now, "two-offers", "a re-INVITE with an offer while another of theirs waits for our answer (RFC 3264 §4)");
            return self.refuse(now, server, 500);
        }
        let waiting = self.servers.iter().enumerate();
        let mut waiting = waiting.filter(|(other, one)| *other != server && one.call == Some(call) && one.request.method() == "INVITE");
        if waiting.any(|(_, one)| !one.is_answered()) {
            return self.refuse(now, server, 500);
        }
        if self.is_too_short(now, call, &message) {
            let least = self.calls[call].least_interval();
            return self.refuse_too_short(now, server, least);
        }
        self.refresh_target(call, dialog, &message);
        if message.has_sdp() {
            self.take_offer(now, call, dialog, &message.body);
        }
        let habits = &mut self.calls[call].script.habits;
        let (after, reply) = if habits.reoffers.is_empty() { (Duration::ZERO, Reply::new(200)) } else { habits.reoffers.remove(0) };
        self.trigger(now, call, When::Reoffered);
        if after.is_zero() {
            self.reply(now, call, &reply);
        } else {
            self.schedule(now, after, call, Todo::Act(Act::Reply(reply)));
        }
    }

    pub(super) fn refresh_target(&mut self, call: CallIndex, dialog: usize, message: &Message) {
        if let Some(contact) = message.header("Contact") {
            self.calls[call].dialogs[dialog].remote_target = NameAddr::parse(contact).uri.to_owned();
        }
    }

    /// A final response of no further interest. Of an INVITE it is repeated until its ACK comes.
    pub(super) fn refuse(&mut self, now: Timestamp, server: usize, status: u16) {
        let (request, source) = (self.servers[server].request.clone(), self.servers[server].source);
        let own = self.servers[server].call.zip(self.servers[server].dialog);
        let tag = own.map_or_else(|| "stateless".to_owned(), |(call, dialog)| self.calls[call].dialogs[dialog].local_tag.clone());
        let (mut response, destination) = self.response_to(&request, source, status, None, &tag);
        if status == 500 {
            response.push("Retry-After", "1");
        }
        self.answer(now, server, &response, destination);
        if request.method() == "INVITE" {
            let transport = super::write::transport_of(&request.print());
            self.servers[server].timer = Some(self.new_timer(now, Some(crate::T2), transport));
        }
    }

    fn on_cancel(&mut self, now: Timestamp, source: SocketAddr, key: (String, String), message: Message) {
        let invite = self.servers.iter().position(|server| server.key == key && server.request.method() == "INVITE");
        let Some(invite) = invite else {
            if !self.has_forgotten(message.call_id()) {
                self.violate(now, "cancel-stray", "a CANCEL of nothing that we were asked");
            }
            let server = self.remember(key, message, source, None, None);
            return self.refuse(now, server, 481);
        };
        self.check_cancel(now, invite, &message);
        let request = self.servers[invite].request.clone();
        self.check_credentials(now, &request, &message);
        let Some(call) = self.servers[invite].call else { return };
        let habits = &self.calls[call].script.habits;
        if habits.ignore_cancel {
            return;
        }
        let delay = habits.cancel_delay;
        self.remember(key, message.clone(), source, Some(call), None);
        if delay.is_zero() {
            self.answer_cancel(now, call, message, source);
        } else {
            self.schedule(now, delay, call, Todo::AnswerCancel(Box::new(message), source));
        }
    }

    pub(super) fn answer_cancel(&mut self, now: Timestamp, call: CallIndex, message: Message, source: SocketAddr) {
        let branch = message.header("Via").and_then(Via::parse).map_or("", |via| via.branch());
        let server = self.servers.iter().position(|server| server.request.method() == "CANCEL" && server.key.0 == branch);
        let Some(server) = server else { return };
        let tag = self.calls[call].local_tag.clone();
        let (response, destination) = self.response_to(&message, source, 200, None, &tag);
        self.answer(now, server, &response, destination);
        match self.calls[call].script.habits.on_cancel {
            OnCancel::Terminate => self.reply(now, call, &Reply::new(487)),
            OnCancel::Answer => self.reply(now, call, &Reply::new(200)),
            OnCancel::Nothing => {}
        }
        self.trigger(now, call, When::Cancelled);
    }

    /// The ACK of a failure: absorbed by its transaction (RFC 3261 §17.2.1).
    fn on_failure_ack(&mut self, now: Timestamp, server: usize, message: &Message) {
        self.check_failure_ack(now, server, message);
        let request = self.servers[server].request.clone();
        self.check_credentials(now, &request, message);
        self.servers[server].acknowledged = true;
        if let Some(timer) = &mut self.servers[server].timer {
            timer.stop(None);
        }
    }

    fn on_success_ack(&mut self, now: Timestamp, message: &Message) {
        let Some((call, dialog)) = self.find_dialog(message) else {
            if self.has_forgotten(message.call_id()) {
                return;
            }
            return self.violate(now, "ack-stray", format!("an ACK that fits no dialog: {:?}", message.header("To")));
        };
        self.check_success_ack(now, call, dialog, message);
        let cseq = message.cseq().map_or(0, |(number, _)| number);
        let invite = |server: &&ServerTransaction| {
            let request = &server.request;
            request.method() == "INVITE"
                && request.call_id() == message.call_id()
                && request.cseq().is_some_and(|(number, _)| number == cseq)
        };
        let request = self.servers.iter().find(invite).map(|server| server.request.clone());
        if let Some(request) = &request {
            self.check_credentials(now, request, message);
        }
        let is_update = self.has_offered_by_update(call);
        let own = &mut self.calls[call].dialogs[dialog];
        if own.accepted.as_ref().is_none_or(|accepted| accepted.cseq != cseq) {
            // Our BYE crossed it. What was written counts all the same, as no version is used twice.
            let answers = message.has_sdp() && !is_update && request.is_some_and(|request| !request.has_sdp());
            if answers && own.stage == Stage::Over && own.acknowledged < Some(cseq) {
                own.acknowledged = Some(cseq);
                self.take_answer(now, call, dialog, &message.body, false);
            }
            return;
        }
        own.accepted = None;
        own.acknowledged = Some(cseq);
        if own.session.local_offer.is_some() && own.stage != Stage::Over && !is_update {
            if message.has_sdp() {
                self.take_answer(now, call, dialog, &message.body, false);
            } else {
                self.violate(now, "sdp-missing", "our offer in the 2xx got no answer in the ACK (RFC 3261 §13.2.2.4)");
            }
        }
        self.trigger(now, call, When::Confirmed);
        if std::mem::take(&mut self.calls[call].bye_pending) && self.calls[call].dialogs[dialog].stage == Stage::Confirmed {
            self.send_bye(now, call, dialog);
        }
    }

    /// RFC 3261 §13.3.1.4: the dialog stands all the same, and is ended with BYE.
    pub(super) fn on_ack_missing(&mut self, now: Timestamp, call: CallIndex, dialog: usize) {
        let accepted = self.calls[call].dialogs[dialog].accepted.take();
        if !accepted.is_some_and(|accepted| accepted.is_late) {
            self.violate(now, "ack-missing", "no ACK of our 2xx in 64 × T1");
        }
        if self.calls[call].dialogs[dialog].stage == Stage::Confirmed {
            self.send_bye(now, call, dialog);
            if self.calls[call].outcome == Some(Outcome::WeHungUp) {
                self.calls[call].outcome = Some(Outcome::Lost);
            }
        }
    }

    fn on_other_request(&mut self, now: Timestamp, source: SocketAddr, key: (String, String), message: Message) {
        let found = self.find_dialog(&message).or_else(|| self.aside_of_notify(&message));
        let tagged = NameAddr::parse(message.header("To").unwrap_or_default()).tag().is_some();
        let is_bye = message.method() == "BYE";
        if let Some((call, _)) = found.filter(|_| is_bye) {
            self.trigger(now, call, When::ByeSeen);
            if self.calls[call].script.habits.ignore_bye {
                return;
            }
        }
        let server = self.remember(key, message.clone(), source, found.map(|(call, _)| call), found.map(|(_, dialog)| dialog));
        match found {
            Some((call, dialog)) => {
                if !self.check_in_dialog(now, call, dialog, &message) {
                    self.refuse(now, server, 500);
                } else if is_bye {
                    self.on_bye(now, server, call, dialog);
                } else if message.method() == "PRACK" && self.calls[call].dialogs[dialog].reliable.out.is_some() {
                    self.on_prack(now, server, (call, dialog), &message);
                } else if message.method() == "NOTIFY" && self.on_refer_notify(now, server, (call, dialog), &message) {
                } else if message.method() == "REFER" && self.calls[call].script.habits.obeys_refer {
                    self.obey_refer(now, server, (call, dialog), &message);
                } else if message.method() == "UPDATE" && self.is_for_update(now, call, &message) {
                    self.on_update(now, server, call, dialog, &message);
                } else if self.calls[call].script.habits.others.is_empty() {
                    let status = if message.method() == "OPTIONS" { 200 } else { 405 };
                    self.refuse(now, server, status);
                } else {
                    let (after, reply) = self.calls[call].script.habits.others.remove(0);
                    self.schedule(now, after, call, Todo::Answer(server, reply));
                }
            }
            None if tagged || is_bye => self.refuse(now, server, 481),
            None if message.method() == "REGISTER" && self.setup.registrar.is_some() => self.on_register(now, server),
            None if self.setup.outside.is_empty() => self.refuse(now, server, 200),
            None => match self.setup.outside.remove(0) {
                0 => {}
                status => self.refuse(now, server, status),
            },
        }
    }

    /// A response of the script's to a request inside a dialog.
    pub(super) fn answer_other(&mut self, now: Timestamp, server: usize, reply: &Reply) {
        let (request, source) = (self.servers[server].request.clone(), self.servers[server].source);
        let Some((call, dialog)) = self.servers[server].call.zip(self.servers[server].dialog) else { return };
        if request.method() == "UPDATE" && self.setup.updates {
            return self.answer_update(now, server, call, dialog, reply);
        }
        let tag = self.calls[call].dialogs[dialog].local_tag.clone();
        let (mut response, destination) = self.response_to(&request, source, reply.status, reply.reason.as_deref(), &tag);
        reply.edits.iter().for_each(|edit| edit.apply(&mut response));
        self.answer(now, server, &response, destination);
    }

    fn on_bye(&mut self, now: Timestamp, server: usize, call: CallIndex, dialog: usize) {
        self.check_bye(now, call, dialog);
        let status = self.calls[call].script.habits.bye_status;
        self.refuse(now, server, if status == 0 { 200 } else { status });
        let own = &mut self.calls[call].dialogs[dialog];
        let was_early = own.stage == Stage::Early;
        own.stage = Stage::Over;
        own.accepted = None;
        // RFC 3261 §15.1.2: what is still open in the dialog gets 487.
        if let Some(invite) = self.waiting_invite(call).filter(|_| !self.calls[call].script.habits.leaves_invite_open) {
            self.refuse(now, invite, 487);
            if was_early {
                self.calls[call].statuses.push((now, 487));
            }
        }
        if self.calls[call].current().is_none() {
            self.finish(now, call, Outcome::TheyHungUp);
        }
    }
}
