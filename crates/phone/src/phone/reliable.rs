//! Reliable provisional responses (RFC 3262) in both roles: sent until their PRACK comes, and acknowledged; with what the other side
//! must get right.

use super::{CallIndex, Outcome, Phone, Todo};
use crate::{
    Body, Message, PrackHabit, Reply,
    dialog::Outstanding,
    script::Edit,
    transaction::{Due, Purpose, Retransmission},
};
use std::net::SocketAddr;
use tandem_model::Timestamp;

/// The option tag.
const RELIABLE: &str = "100rel";

fn lists(message: &Message, name: &str) -> bool {
    message.list(name).iter().any(|tag| tag.eq_ignore_ascii_case(RELIABLE))
}

/// Whether an INVITE knows reliable responses.
fn knows(invite: &Message) -> bool {
    lists(invite, "Supported") || lists(invite, "Require")
}

impl Phone {
    /// Whether this response to the first INVITE of a call goes reliably.
    pub(super) fn goes_reliably(&self, invite: &Message, status: u16) -> bool {
        (101..200).contains(&status) && knows(invite) && (self.setup.reliable || lists(invite, "Require"))
    }

    /// A reply that may not go out before the PRACK of the one before it (§3): it waits.
    pub(super) fn waits_for_prack(&mut self, call: CallIndex, dialog: usize, invite: &Message, reply: &Reply) -> bool {
        let is_provisional = self.goes_reliably(invite, reply.status);
        let reliable = &mut self.calls[call].dialogs[dialog].reliable;
        let waits = reliable
            .out
            .as_ref()
            .is_some_and(|out| !out.is_acknowledged && (is_provisional || (out.is_described && (200..300).contains(&reply.status))));
        if waits {
            reliable.waiting.push(reply.clone());
        }
        waits
    }

    /// What a reply carries, as far as reliable responses have a say in it (§5).
    pub(super) fn reliable_body(&self, call: CallIndex, dialog: usize, invite: &Message, reply: &Reply) -> Body {
        let reliable = &self.calls[call].dialogs[dialog].reliable;
        if matches!(reply.body, Body::Raw(_)) {
            return reply.body.clone();
        }
        if reliable.is_settled {
            return Body::None;
        }
        // RFC 3261 §13.2.1: the first reliable response to an INVITE without an offer makes one.
        let offers = self.goes_reliably(invite, reply.status) && !invite.has_sdp() && reliable.out.is_none();
        if offers { Body::Sdp } else { reply.body.clone() }
    }

    /// The headers of a reliable response.
    pub(super) fn make_reliable(&mut self, call: CallIndex, dialog: usize, response: &mut Message) {
        let first = 1 + self.random.below(1 << 20) as u32;
        let reliable = &mut self.calls[call].dialogs[dialog].reliable;
        reliable.said = if reliable.said == 0 { first } else { reliable.said + 1 };
        response.push("Require", RELIABLE);
        response.push("RSeq", reliable.said.to_string());
    }

    /// It is out: from now on it is sent again until its PRACK comes.
    pub(super) fn await_prack(
        &mut self,
        now: Timestamp,
        (call, dialog): (CallIndex, usize),
        response: &Message,
        bytes: Vec<u8>,
        destination: SocketAddr,
    ) {
        let cseq = response.cseq().map_or(0, |(number, _)| number);
        let reliable = &mut self.calls[call].dialogs[dialog].reliable;
        let (rseq, is_described) = (reliable.said, response.has_sdp());
        let timer = Retransmission::start(now, None);
        reliable.out = Some(Outstanding { rseq, cseq, bytes, destination, timer, is_described, is_acknowledged: false });
    }

    /// A PRACK in a dialog of ours.
    pub(super) fn on_prack(&mut self, now: Timestamp, server: usize, (call, dialog): (CallIndex, usize), message: &Message) {
        let said: Vec<String> = message.header("RAck").unwrap_or_default().split_whitespace().map(str::to_owned).collect();
        let reliable = &mut self.calls[call].dialogs[dialog].reliable;
        let out = reliable.out.as_mut().filter(|out| !out.is_acknowledged);
        let due = out.as_ref().map(|out| vec![out.rseq.to_string(), out.cseq.to_string(), "INVITE".to_owned()]);
        let Some(out) = out.filter(|_| due.as_ref() == Some(&said)) else {
            self.violate(now, "rack", format!("PRACK of {said:?} where {due:?} is due (RFC 3262 §7.2)"));
            return self.refuse(now, server, 481);
        };
        out.is_acknowledged = true;
        out.timer.stop(None);
        let (is_described, offered) = (out.is_described, self.calls[call].dialogs[dialog].session.local_offer.is_some());
        if is_described && offered {
            if message.has_sdp() {
                self.take_answer(now, call, dialog, &message.body, false);
            } else {
                self.violate(now, "sdp-missing", "our offer in a reliable response got no answer in its PRACK (RFC 3262 §5)");
            }
        }
        let own = &mut self.calls[call].dialogs[dialog];
        own.reliable.is_settled |= is_described;
        let waiting = std::mem::take(&mut own.reliable.waiting);
        self.refuse(now, server, 200);
        for reply in waiting {
            self.reply(now, call, &reply);
        }
    }

    /// What is out once more; given up after 64×T1.
    pub(super) fn wake_reliable(&mut self, now: Timestamp, call: CallIndex, dialog: usize) {
        let is_open = self.waiting_invite(call).is_some();
        let Some(out) = &mut self.calls[call].dialogs[dialog].reliable.out else { return };
        if !is_open {
            out.timer.stop(None);
        }
        match out.timer.poll(now) {
            Some(Due::Again) => {
                let (destination, bytes) = (out.destination, out.bytes.clone());
                self.put(destination, bytes);
            }
            Some(Due::TimedOut) => {
                out.is_acknowledged = true;
                self.violate(now, "prack-missing", "no PRACK in 64 × T1 (RFC 3262 §4)");
                self.reply(now, call, &Reply::new(504));
            }
            None => {}
        }
    }

    /// A provisional response that may be a reliable one. False: it says nothing new.
    pub(super) fn on_maybe_reliable(
        &mut self,
        now: Timestamp,
        index: usize,
        (call, dialog): (CallIndex, usize),
        message: &Message,
    ) -> bool {
        let invite = self.clients[index].request.clone();
        if !lists(message, "Require") {
            if lists(&invite, "Require") {
                self.violate(now, "100rel", format!("{} is not reliable, and was required to be (RFC 3262 §3)", message.label()));
            }
            return true;
        }
        if !knows(&invite) {
            self.violate(now, "100rel", format!("{} is reliable, and nobody asked for that (RFC 3262 §3)", message.label()));
            return true;
        }
        let rseq = message.header("RSeq").and_then(|value| value.parse::<u32>().ok()).unwrap_or(0);
        let reliable = &mut self.calls[call].dialogs[dialog].reliable;
        let wrong = match reliable.heard {
            None if (1..1 << 31).contains(&rseq) => None,
            Some(last) if rseq <= last => return false,
            Some(last) if rseq == last + 1 && reliable.owed.is_none() => None,
            Some(last) if rseq == last + 1 => Some(("rseq-early", format!("RSeq {rseq} before {last} is acknowledged (RFC 3262 §3)"))),
            before => Some(("rseq", format!("RSeq {rseq} after {before:?} (RFC 3262 §3)"))),
        };
        if let Some((rule, text)) = wrong {
            self.violate(now, rule, text);
        }
        let body = self.body_for_prack(now, (call, dialog), &invite, message);
        let reliable = &mut self.calls[call].dialogs[dialog].reliable;
        (reliable.heard, reliable.owed) = (Some(rseq), Some(message.has_sdp()));
        match self.calls[call].script.habits.prack {
            PrackHabit::Never => {}
            PrackHabit::Late(after) => self.schedule(now, after, call, Todo::Prack(dialog, rseq, body)),
            PrackHabit::Wrong => {
                self.send_prack(now, (call, dialog), rseq.wrapping_add(7), None);
                self.send_prack(now, (call, dialog), rseq, body);
            }
            PrackHabit::Prompt | PrackHabit::Offers => self.send_prack(now, (call, dialog), rseq, body),
        }
        true
    }

    /// Reads what a reliable response describes. What its PRACK carries.
    fn body_for_prack(
        &mut self,
        now: Timestamp,
        (call, dialog): (CallIndex, usize),
        invite: &Message,
        message: &Message,
    ) -> Option<Vec<u8>> {
        let reliable = &self.calls[call].dialogs[dialog].reliable;
        let (is_first, is_settled) = (reliable.heard.is_none(), reliable.is_settled);
        if !message.has_sdp() {
            if is_first && !invite.has_sdp() {
                self.violate(
                    now,
                    "offer-missing",
                    "the first reliable response to an INVITE without an offer made none (RFC 3261 §13.2.1)",
                );
            }
            return None;
        }
        if is_settled {
            self.violate(now, "sdp-again", format!("{} describes a session that is settled (RFC 6337 §3.1)", message.label()));
            return None;
        }
        self.calls[call].dialogs[dialog].reliable.is_settled = true;
        if !invite.has_sdp() {
            self.take_offer(now, call, dialog, &message.body);
            return self.answer_offer(now, call, dialog).map(|answer| answer.print());
        }
        self.take_answer(now, call, dialog, &message.body, false);
        let offers = self.calls[call].script.habits.prack == PrackHabit::Offers;
        offers.then(|| self.next_offer(call, dialog, None).print())
    }

    pub(super) fn send_prack(&mut self, now: Timestamp, (call, dialog): (CallIndex, usize), rseq: u32, body: Option<Vec<u8>>) {
        let own = &mut self.calls[call];
        if own.outcome.is_some() {
            return;
        }
        if own.dialogs[dialog].reliable.heard == Some(rseq) {
            own.dialogs[dialog].reliable.owed = None;
        }
        let rack = format!("{rseq} {} INVITE", own.invite_seq);
        self.send_in_dialog(now, call, dialog, "PRACK", Purpose::Prack, &[Edit::set("RAck", &rack)], body);
    }

    /// The final response to a PRACK of ours.
    pub(super) fn on_pracked(&mut self, now: Timestamp, index: usize, message: &Message) {
        let (Some(call), Some(dialog)) = (self.clients[index].call, self.clients[index].dialog) else { return };
        let (own, request) = (&self.calls[call], &self.clients[index].request);
        let is_strange = own.script.habits.prack == PrackHabit::Wrong;
        // One that crosses the final response of its INVITE may match nothing any more.
        let is_over = own.final_status().is_some() || own.outcome.is_some();
        if message.status() >= 300 && !is_strange && !is_over {
            let text = format!("PRACK of {:?} got {}", request.header("RAck"), message.status());
            return self.violate(now, "prack-refused", text);
        }
        // RFC 3261 §13.2.2.3: a failure ends the early dialog, and RFC 3262 §3 has the PRACK that crosses it taken all the same: there is no
        // session any more that its offer could be of.
        let is_refused = matches!(own.outcome, Some(Outcome::Failed(_)));
        if message.status() < 300 && !is_refused && own.dialogs[dialog].session.local_offer.is_some() && request.has_sdp() {
            if message.has_sdp() {
                self.take_answer(now, call, dialog, &message.body, false);
            } else {
                self.violate(now, "sdp-missing", "our offer in a PRACK got no answer in its 200 (RFC 3262 §5)");
            }
        }
    }

    /// A 2xx of a dialog with reliable responses: whether its description is settled by them.
    pub(super) fn check_settled(&mut self, now: Timestamp, (call, dialog): (CallIndex, usize), message: &Message) -> bool {
        let reliable = &self.calls[call].dialogs[dialog].reliable;
        let (is_settled, owed) = (reliable.is_settled, reliable.owed);
        if owed == Some(true) {
            self.violate(now, "answer-early", "a 2xx before the description in a reliable response was acknowledged (RFC 3262 §3)");
        }
        if is_settled && message.has_sdp() {
            self.violate(now, "sdp-again", format!("{} describes a session that is settled (RFC 6337 §3.1)", message.label()));
        }
        is_settled
    }
}
