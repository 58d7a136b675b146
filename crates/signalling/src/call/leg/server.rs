//! The leg as user agent server: the peer's INVITE, first or later.

use super::reliable::write_reliable;
use super::{Context, Leg, LegEvent, MAX_FORWARDS, State, ends_of, finish, sdp_of};
use crate::call::{NodeFacts, Output, parties};
use crate::dialog::Dialog;
use crate::message::{Contact, HeaderName, Message, Method, NameAddr, Printer, is_sips, reason_phrase};
use crate::minted::Minted;
use crate::negotiation::LegMedia;
use crate::reason;
use crate::session_id::SessionId;
use crate::tombstone::Tombstone;
use crate::transaction::{Backoff, Event, Kind, T1, T2, TRANSACTION_TIMEOUT, Timer, Transaction, TransactionKey};
use crate::wire::{Arrival, Transmit};
use bytes::Bytes;
use std::time::Duration;
use tandem_model::{Destination, Flow, LegId, LegProfile, ListenerId, Timestamp};

/// §13.3.1.1: a provisional response is repeated every minute, or a proxy between gives up at three.
const PROVISIONAL_REFRESH: Duration = Duration::from_secs(60);

/// The peer's INVITE until it has its final response (and, for a failure, its ACK).
#[derive(Debug)]
pub(super) struct InviteServer {
    pub(super) key: TransactionKey,
    pub(super) request: Message,
    pub(super) transaction: Transaction,
    flow: Flow,
    /// Where its responses go.
    destination: Destination,
    /// The latest response, for retransmitted INVITEs.
    latest: Bytes,
    refresh: Option<Timestamp>,
}

/// A 2xx of ours until its ACK (§13.3.1.4).
#[derive(Debug)]
pub(super) struct AwaitingAck {
    key: TransactionKey,
    cseq: u32,
    /// Of the leg's first INVITE.
    pub(super) first: bool,
    bytes: Bytes,
    listener: ListenerId,
    destination: Destination,
    again: Option<Backoff>,
    give_up: Timestamp,
}

/// Headers beside those that every response has.
#[derive(Clone, Debug, Default)]
pub(crate) struct Extra {
    headers: Vec<(HeaderName, Box<str>)>,
}

impl Extra {
    /// None.
    pub(crate) fn none() -> Self {
        Extra::default()
    }

    /// A Reason, if there is one.
    pub(crate) fn reason(value: Option<&str>) -> Self {
        let mut extra = Extra::default();
        if let Some(value) = value {
            extra.push(HeaderName::Reason, value);
        }
        extra
    }

    /// Adds a header.
    pub(crate) fn push(&mut self, name: HeaderName, value: &str) {
        self.headers.push((name, value.into()));
    }

    /// The value of the first of that name.
    pub(crate) fn get(&self, name: HeaderName) -> Option<&str> {
        self.headers.iter().find(|(known, _)| *known == name).map(|(_, value)| &**value)
    }

    /// What it has.
    pub(crate) fn pairs(&self) -> Vec<(HeaderName, &str)> {
        self.headers.iter().map(|(name, value)| (*name, &**value)).collect()
    }

    pub(crate) fn write(&self, printer: &mut Printer) {
        for (name, value) in &self.headers {
            printer.header_str(*name, value);
        }
    }
}

impl InviteServer {
    fn new(arrival: Arrival, destination: Destination) -> Self {
        InviteServer {
            key: arrival.key,
            transaction: Transaction::server(Kind::ServerInvite, arrival.flow.transport),
            flow: arrival.flow,
            destination,
            latest: Bytes::new(),
            refresh: None,
            request: arrival.message.into_exact(),
        }
    }

    pub(super) fn is_unanswered(&self) -> bool {
        self.transaction.state() == crate::transaction::State::Proceeding
    }

    pub(super) fn poll_timeout(&self) -> Option<Timestamp> {
        [self.transaction.poll_timeout().map(|(at, _)| at), self.refresh].into_iter().flatten().min()
    }

    pub(super) fn last_word(&self, tag: Minted, session: SessionId) -> Transmit {
        let mut printer = Printer::response_to(&self.request, self.flow.remote, 500, reason_phrase(500), Some(tag.as_str()));
        session.write(&mut printer);
        self.transmit(printer.finish())
    }

    fn transmit(&self, bytes: Bytes) -> Transmit {
        Transmit { listener: self.flow.listener, destination: self.destination.clone(), bytes, trial: false }
    }

    fn respond(&mut self, context: &mut Context<'_>, event: Event, bytes: Bytes) {
        self.transaction.on(context.now, event);
        self.latest = bytes.clone();
        context.send(self.transmit(bytes));
    }
}

impl AwaitingAck {
    pub(super) fn poll_timeout(&self) -> Timestamp {
        self.again.map_or(self.give_up, |again| again.due().min(self.give_up))
    }
}

/// Says it once.
pub(super) fn write_user_to_user(printer: &mut Printer, said: &mut Vec<Box<str>>) {
    said.drain(..).for_each(|value| {
        printer.header_str(HeaderName::UserToUser, &value);
    });
}

impl Leg {
    /// A leg from the INVITE that founds a call: 100 is sent at once.
    pub(crate) fn incoming(
        context: &mut Context<'_>,
        id: LegId,
        arrival: Arrival,
        endpoint: Box<str>,
        profile: LegProfile,
        media: LegMedia,
    ) -> Leg {
        let tag = context.node.minter.tag(id);
        let mut leg = Leg::new(id, State::Incoming, endpoint, profile, media, ends_of(&arrival.message), tag);
        leg.remote = Some(arrival.flow.remote);
        leg.call_id = arrival.message.call_id().into();
        leg.home.address = Some(arrival.flow.remote.ip());
        leg.privacy = parties::privacy(&arrival.message);
        leg.sips = begins_secure_dialog(&arrival.message);
        leg.note_allow(&arrival.message);
        leg.hear_session(context.node, &arrival.message);
        leg.dialog = Dialog::from_invite(&arrival.message, tag, leg.over(context.node)).ok().map(|dialog| dialog.in_session(leg.session));
        leg.open_server(context, arrival);
        leg
    }

    /// Whether the first INVITE could found a dialog (it has a usable Contact).
    pub(crate) fn has_dialog(&self) -> bool {
        self.dialog.is_some()
    }

    pub(super) fn open_server(&mut self, context: &mut Context<'_>, arrival: Arrival) {
        if let Some(refused) = self.server.take() {
            // Who goes on to another INVITE has our failure of this one, though its ACK is not here: it needs no more than a memory.
            let latest = refused.latest.to_vec().into_boxed_slice();
            context.outputs.push_back(Output::Retire(refused.key, Tombstone::Repeat(latest, self.returns())));
        }
        let destination = self.answers_to(&arrival.message, &arrival.flow);
        let mut server = InviteServer::new(arrival, destination);
        let mut trying = Printer::response_to(&server.request, server.flow.remote, 100, reason_phrase(100), None);
        self.session.write(&mut trying);
        server.respond(context, Event::Provisional, trying.finish());
        self.server = Some(Box::new(server));
    }

    /// 101 to 199 to the peer's INVITE.
    pub(crate) fn provisional(&mut self, context: &mut Context<'_>, status: u16, reason: &str, sdp: Option<&[u8]>) {
        if self.rings_reliably() {
            return self.ring_reliably(context, status, reason, sdp);
        }
        self.ring(context, status, reason, None, sdp);
    }

    /// The same, with that RSeq if it is a reliable one.
    pub(super) fn ring(&mut self, context: &mut Context<'_>, status: u16, reason: &str, rseq: Option<u32>, sdp: Option<&[u8]>) {
        let (contact, announced) = (self.contact(context.node), self.announced());
        let Some(server) = self.server.as_mut().filter(|server| server.is_unanswered()) else { return };
        let mut printer = Printer::response_to(&server.request, server.flow.remote, status, reason, Some(self.tag.as_str()));
        self.session.write(&mut printer);
        printer.copy_all(&server.request, HeaderName::RecordRoute);
        write_user_to_user(&mut printer, &mut self.user_to_user);
        contact.write(&mut printer);
        announced.write_allow(&mut printer);
        if let Some(rseq) = rseq {
            write_reliable(&mut printer, rseq);
        }
        server.refresh = Some(context.now + PROVISIONAL_REFRESH);
        server.respond(context, Event::Provisional, finish(printer, sdp));
    }

    /// The latest provisional response once more.
    pub(super) fn repeat_ringing(&self, context: &mut Context<'_>) {
        if let Some(server) = self.server.as_ref().filter(|server| server.is_unanswered()) {
            context.send(server.transmit(server.latest.clone()));
        }
    }

    /// 200 to the peer's INVITE. It is repeated until the ACK comes. It waits where a description that went before it is not
    /// acknowledged, and has none of its own where that one is (RFC 3262 §3, §5).
    pub(crate) fn accept(&mut self, context: &mut Context<'_>, sdp: Option<&[u8]>) {
        match self.reliable.as_mut().filter(|_| self.state == State::Incoming) {
            None => self.accept_now(context, sdp),
            Some(reliable) => {
                if let Some(sdp) = reliable.on_success(sdp) {
                    self.accept_now(context, sdp);
                }
            }
        }
    }

    pub(super) fn accept_now(&mut self, context: &mut Context<'_>, sdp: Option<&[u8]>) {
        self.face_us(context.node);
        let (contact, announced) = (self.contact(context.node), self.announced());
        let Some(mut server) = self.server.take_if(|server| server.is_unanswered()) else { return };
        let mut printer = Printer::response_to(&server.request, server.flow.remote, 200, reason_phrase(200), Some(self.tag.as_str()));
        self.session.write(&mut printer);
        printer.copy_all(&server.request, HeaderName::RecordRoute);
        write_user_to_user(&mut printer, &mut self.user_to_user);
        contact.write(&mut printer);
        announced.write_allow(&mut printer);
        announced.write_supported(&mut printer);
        self.answer_timer(context.now, &server.request, &mut printer);
        let bytes = finish(printer, sdp);
        server.respond(context, Event::Success, bytes.clone());
        context.outputs.push_back(Output::Retire(server.key, Tombstone::Absorb(self.id)));
        self.awaiting_ack = Some(Box::new(AwaitingAck {
            key: server.key,
            cseq: server.request.cseq().map_or(0, |cseq| cseq.number),
            first: self.state == State::Incoming,
            bytes,
            listener: server.flow.listener,
            destination: server.destination,
            // §13.3.1.4: repeated over reliable transports too: the ACK can be lost by a proxy that hops to UDP.
            again: Some(Backoff::new(context.now, T1, T2)),
            give_up: context.now + TRANSACTION_TIMEOUT,
        }));
        if self.state == State::Incoming {
            self.state = State::Confirmed;
            self.status = 200;
        }
    }

    /// 3xx to 6xx to the peer's INVITE.
    pub(crate) fn reject(&mut self, context: &mut Context<'_>, status: u16, reason: Option<&str>, extra: &Extra) {
        let Some(server) = self.server.as_mut().filter(|server| server.is_unanswered()) else { return };
        if let Some(reliable) = &mut self.reliable {
            reliable.on_failure();
        }
        let phrase = reason.unwrap_or_else(|| reason_phrase(status));
        let mut printer = Printer::response_to(&server.request, server.flow.remote, status, phrase, Some(self.tag.as_str()));
        self.session.write(&mut printer);
        extra.write(&mut printer);
        server.refresh = None;
        server.respond(context, Event::Failure, printer.finish());
        if self.state == State::Incoming {
            self.state = State::Leaving;
            self.status = status;
        }
    }

    pub(super) fn on_request(&mut self, context: &mut Context<'_>, arrival: Arrival) -> Option<LegEvent> {
        match arrival.message.method() {
            Method::Ack => self.on_ack(context, &arrival),
            Method::Cancel => self.on_cancel(context, &arrival),
            Method::Invite if self.is_known_invite(&arrival) => {
                self.repeat_latest(context, arrival.key);
                None
            }
            // §17.2.2: it waits for its answer.
            _ if self.is_held(arrival.key) => None,
            _ if self.is_subscription() => self.on_request_of_subscriber(context, arrival),
            _ => self.on_request_inside(context, arrival),
        }
    }

    /// Whether the INVITE of this transaction is here. It may be answered already: what came before the answer went out can be
    /// read after it.
    fn is_known_invite(&self, arrival: &Arrival) -> bool {
        self.server.as_ref().is_some_and(|server| server.key == arrival.key)
            || self.awaiting_ack.as_ref().is_some_and(|awaiting| awaiting.key == arrival.key)
    }

    fn is_open_invite(&self, arrival: &Arrival) -> bool {
        self.server.as_ref().is_some_and(|server| server.key == arrival.key && server.is_unanswered())
    }

    fn repeat_latest(&mut self, context: &mut Context<'_>, key: TransactionKey) {
        let Some(server) = self.server.as_mut().filter(|server| server.key == key) else { return };
        if server.transaction.on(context.now, Event::Request).contains(&crate::transaction::Action::Resend) {
            let transmit = server.transmit(server.latest.clone());
            context.send(transmit);
        }
    }

    fn on_ack(&mut self, context: &mut Context<'_>, arrival: &Arrival) -> Option<LegEvent> {
        if let Some(mut server) = self.server.take_if(|server| server.key == arrival.key && !server.is_unanswered()) {
            server.transaction.on(context.now, Event::Ack);
            context.outputs.push_back(Output::Retire(server.key, Tombstone::Absorb(self.id)));
            return None;
        }
        if !self.dialog.as_ref().is_some_and(|dialog| dialog.is_of(&arrival.message)) {
            return None;
        }
        let cseq = arrival.message.cseq().ok()?.number;
        self.awaiting_ack.take_if(|awaiting| awaiting.cseq == cseq)?;
        if let Some(reason) = self.farewell.take() {
            self.bye(context, reason.as_deref());
            return None;
        }
        Some(LegEvent::Acknowledged(sdp_of(&arrival.message)))
    }

    fn on_cancel(&mut self, context: &mut Context<'_>, arrival: &Arrival) -> Option<LegEvent> {
        let known = self.is_known_invite(arrival);
        let open = self.is_open_invite(arrival);
        // §9.2: 200 when the INVITE is known, whatever became of it; 481 when it is not.
        self.answer_plainly(context, arrival, if known { 200 } else { 481 });
        open.then(|| LegEvent::Cancelled(reason::passable(&arrival.message)))
    }

    /// Answers a request other than INVITE with nothing but a status, and forgets it.
    pub(super) fn answer_plainly(&self, context: &mut Context<'_>, arrival: &Arrival, status: u16) {
        let bytes = self.plain_response(arrival, status).finish();
        context.send(Transmit {
            listener: arrival.flow.listener,
            destination: self.answers_to(&arrival.message, &arrival.flow),
            bytes,
            trial: false,
        });
        // A CANCEL shares its key with its INVITE, whose owner is still this call.
        if arrival.message.method() != Method::Cancel {
            context.outputs.push_back(Output::Retire(arrival.key, Tombstone::Answer(status, self.returns())));
        }
    }

    pub(super) fn plain_response(&self, arrival: &Arrival, status: u16) -> Printer {
        let mut printer =
            Printer::response_to(&arrival.message, arrival.flow.remote, status, reason_phrase(status), Some(self.tag.as_str()));
        self.session.write(&mut printer);
        printer
    }

    pub(super) fn server_timeout(&mut self, context: &mut Context<'_>) -> Option<LegEvent> {
        self.server_invite_timeout(context);
        let awaiting = self.awaiting_ack.as_mut()?;
        if awaiting.give_up <= context.now {
            self.awaiting_ack = None;
            if let Some(reason) = self.farewell.take() {
                self.bye(context, reason.as_deref());
                return None;
            }
            return Some(LegEvent::AckMissing);
        }
        if let Some(again) = awaiting.again.as_mut().filter(|again| again.due() <= context.now) {
            again.advance(context.now);
            let transmit = Transmit {
                listener: awaiting.listener,
                destination: awaiting.destination.clone(),
                bytes: awaiting.bytes.clone(),
                trial: false,
            };
            context.send(transmit);
        }
        None
    }

    fn server_invite_timeout(&mut self, context: &mut Context<'_>) {
        let Some(server) = &mut self.server else { return };
        if server.refresh.is_some_and(|at| at <= context.now) {
            server.refresh = Some(context.now + PROVISIONAL_REFRESH);
            let transmit = server.transmit(server.latest.clone());
            context.send(transmit);
        }
        let Some((_, timer)) = server.transaction.poll_timeout().filter(|(at, _)| *at <= context.now) else { return };
        let actions = server.transaction.on(context.now, Event::Expired(timer));
        if actions.contains(&crate::transaction::Action::Resend) {
            let transmit = server.transmit(server.latest.clone());
            context.send(transmit);
        }
        if timer == Timer::H {
            // §17.2.1: no ACK for a failure. The INVITE is as dead as if it had come; what still arrives is absorbed.
            context.outputs.push_back(Output::Retire(server.key, Tombstone::Absorb(self.id)));
            self.server = None;
        }
    }

    /// Our last BYE, should the call die: its CSeq leaves room for what was sent since.
    pub(super) fn last_bye(&self, node: &NodeFacts) -> Option<Transmit> {
        let mut dialog = self.dialog.clone()?;
        let cseq = dialog.next_cseq() + LAST_BYE_AHEAD;
        let way = self.dialog_way(node)?;
        let via = self.via(node, way.listener, LAST_SERIAL);
        let mut printer = dialog.request("BYE", cseq, &via.parts(), MAX_FORWARDS);
        self.announced().write_supported(&mut printer);
        Some(way.transmit(printer.finish()))
    }
}

/// Whether our Contact is to be a `sips:` URI (RFC 3261 §12.1.1).
pub(super) fn begins_secure_dialog(invite: &Message) -> bool {
    let nearest = match (invite.record_routes().next(), invite.contact()) {
        (Some(route), _) => NameAddr::parse(route).is_ok_and(|route| is_sips(route.uri)),
        (None, Ok(Some(Contact::Address(address)))) => is_sips(address.uri),
        (None, _) => false,
    };
    is_sips(invite.uri()) || nearest
}

/// How far the CSeq of a prepared last BYE is ahead of the dialog's.
const LAST_BYE_AHEAD: u32 = 10_000;
/// The branch serial of a prepared last BYE.
const LAST_SERIAL: u16 = u16::MAX;
