//! The leg as user agent client: our INVITE, first or later, and its ACK.

use super::cancel::{Cancel, hop_request};
use super::challenged::{Again, Home, asks_again};
use super::hops::{HopFailure, Hops};
use super::prack::write_asked;
use super::{Context, Extra, Leg, LegEvent, LostWay, MAX_FORWARDS, OurVia, State, Way, finish, sdp_of};
use crate::agent::retry_after;
use crate::auth::Tried;
use crate::call::Output;
use crate::message::{HeaderName, Message, Method, Printer, is_sips};
use crate::negotiation::{self, LegMedia};
use crate::session_id::Uuid;
use crate::tombstone::Tombstone;
use crate::transaction::{Action, Event, Kind, TRANSACTION_TIMEOUT, Transaction};
use crate::wire::{Arrival, Transmit};
use bytes::Bytes;
use std::time::Duration;
use tandem_model::{Delivery, HealthNews, LegId, LegPlan, LegState, Prack, Timestamp};

/// CSeq of the first request on a leg.
const FIRST_CSEQ: u32 = 1;
/// How long a peer may think about an INVITE inside the dialog once it has said that it does (as Timer C, §16.6).
const REINVITE_PATIENCE: Duration = Duration::from_secs(180);

/// What the first INVITE of a leg says beside what the leg knows itself.
pub(crate) struct Invitation<'a> {
    /// From value without its tag.
    pub(crate) from: &'a str,
    /// Its URI alone, for the record.
    pub(crate) from_uri: &'a str,
    /// A Call-ID that nobody has used.
    pub(crate) call_id: &'a str,
    /// One less than the caller's (RFC 7332 §4).
    pub(crate) max_forwards: u32,
    /// Who calls, beside From.
    pub(crate) identity: Extra,
    /// Whom the leg's peer is to talk with, as Session-ID names it; `None`: with us, for now.
    pub(crate) far: Option<Uuid>,
    /// The offer; `None` asks the peer for one.
    pub(crate) sdp: Option<&'a [u8]>,
    /// How it speaks of reliable provisional responses.
    pub(crate) prack: Prack,
}

/// Our INVITE until it is acknowledged or given up.
#[derive(Debug)]
pub(super) struct InviteClient {
    pub(super) serial: u16,
    pub(super) cseq: u32,
    pub(super) request: Bytes,
    pub(super) way: Way,
    pub(super) transaction: Transaction,
    pub(super) cancel: Cancel,
    /// The leg's first INVITE, which makes the dialog.
    first: bool,
    /// Reliable provisional responses to it are acknowledged: whether it made an offer.
    reliable: Option<bool>,
    /// It is cancelled if only provisional responses came until then. (The call sees to that for a first INVITE.)
    patience: Option<Timestamp>,
    /// What it was sent again for.
    pub(super) tried: Tried,
    /// Where else it can go.
    pub(super) hops: Hops,
    /// Something beyond 100 came back.
    pub(super) has_rung: bool,
}

/// What an [`InviteClient`] is made from.
struct NewInvite {
    serial: u16,
    cseq: u32,
    way: Way,
    first: bool,
    /// How it speaks of reliable provisional responses.
    prack: Prack,
}

/// The ACK of a 2xx, for when the 2xx comes again (§13.2.2.4).
#[derive(Debug)]
pub(super) struct AckedInvite {
    pub(super) serial: u16,
    pub(super) cseq: u32,
    pub(super) ack: Bytes,
    pub(super) way: Way,
    /// Of the leg's first INVITE, which other phones may answer too.
    pub(super) first: bool,
    pub(super) until: Timestamp,
}

impl InviteClient {
    pub(super) fn poll_timeout(&self) -> Option<Timestamp> {
        if self.is_accepted() || matches!(self.hops, Hops::Sought) {
            // Whoever dials has a deadline for it to be sent. The call acknowledges or hangs up; the caller's own ACK timer bounds that.
            return None;
        }
        let given_up = match self.cancel {
            Cancel::Sent(at) => Some(at),
            Cancel::No if self.has_provisional() => self.patience,
            _ => None,
        };
        let silent_until = self.hops.silent_until();
        [self.transaction.poll_timeout().map(|(at, _)| at), given_up, silent_until].into_iter().flatten().min()
    }

    pub(super) fn is_accepted(&self) -> bool {
        self.transaction.state() == crate::transaction::State::Accepted
    }

    pub(super) fn has_provisional(&self) -> bool {
        self.transaction.state() == crate::transaction::State::Proceeding
    }

    /// As it was sent.
    pub(super) fn request(&self) -> &Bytes {
        &self.request
    }

    /// A CANCEL, should the call die.
    pub(super) fn last_word(&self) -> Option<Transmit> {
        if matches!(self.hops, Hops::Sought) {
            return None;
        }
        hop_request(&self.request, Method::Cancel, None, None).map(|bytes| self.way.transmit(bytes))
    }
}

impl Leg {
    /// A leg that sends its first INVITE now.
    pub(crate) fn outgoing(context: &mut Context<'_>, id: LegId, plan: &LegPlan, media: LegMedia, invitation: &Invitation<'_>) -> Leg {
        let tag = context.node.minter.tag(id);
        let (from, to) = (invitation.from_uri.into(), plan.uri.clone());
        let mut leg = Leg::new(id, State::Outgoing, plan.endpoint.clone(), plan.profile.clone(), media, (from, to), tag);
        (leg.sips, leg.target, leg.call_id) = (is_sips(&plan.uri), plan.target, invitation.call_id.into());
        match invitation.far {
            Some(far) => leg.face(far),
            None => leg.face_us(context.node),
        }
        let serial = leg.next_serial();
        let way = leg.first_way(plan.destination.clone());
        leg.home = Home::of(&leg.profile, &plan.destination);
        let via = leg.via(context.node, way.listener, serial);
        let printer = leg.first_request(Method::Invite, plan, &via, invitation);
        let invite = NewInvite { serial, cseq: FIRST_CSEQ, way, first: true, prack: invitation.prack };
        leg.finish_invite(context, printer, invitation.sdp, invite);
        leg
    }

    /// The begin of the first request of a leg.
    pub(super) fn first_request(&self, method: Method, plan: &LegPlan, via: &OurVia, invitation: &Invitation<'_>) -> Printer {
        let mut printer = Printer::request(method.as_str(), &plan.uri);
        printer.header_parts(HeaderName::Via, &via.parts());
        let presentation = plan.presentation.as_deref();
        if let Some(route) = presentation.and_then(|presentation| presentation.route.as_deref()) {
            printer.header_str(HeaderName::Route, route);
        }
        printer.header_number(HeaderName::MaxForwards, invitation.max_forwards);
        printer.header_parts(HeaderName::From, &[invitation.from, ";tag=", self.tag.as_str()]);
        printer.header_parts(HeaderName::To, &["<", &plan.uri, ">"]);
        printer.header_str(HeaderName::CallId, invitation.call_id);
        printer.header_cseq(FIRST_CSEQ, method.as_str());
        invitation.identity.write(&mut printer);
        self.session.write(&mut printer);
        for (name, value) in presentation.into_iter().flat_map(|presentation| &presentation.headers) {
            printer.header_raw(name, value);
        }
        printer
    }

    /// An INVITE inside the dialog. False if it cannot be sent now.
    pub(crate) fn reinvite(&mut self, context: &mut Context<'_>, sdp: Option<&[u8]>, max_forwards: u32) -> bool {
        let (Some(way), None) = (self.dialog_way(context.node), &self.client) else { return false };
        let (serial, via) = self.new_via(context, &way);
        let Some(dialog) = &mut self.dialog else { return false };
        let cseq = dialog.next_cseq();
        let printer = dialog.request(Method::Invite.as_str(), cseq, &via.parts(), max_forwards);
        self.finish_invite(context, printer, sdp, NewInvite { serial, cseq, way, first: false, prack: Prack::Off });
        true
    }

    fn finish_invite(&mut self, context: &mut Context<'_>, mut printer: Printer, sdp: Option<&[u8]>, invite: NewInvite) {
        let NewInvite { serial, cseq, mut way, first, prack } = invite;
        self.contact(context.node).write(&mut printer);
        self.announced().write_allow(&mut printer);
        write_asked(&mut printer, prack);
        self.write_timer(&mut printer, prack);
        let reliable = (prack != Prack::Off).then_some(sdp.is_some());
        let mut request = self.with_credentials(finish(printer, sdp), &way);
        let sought = if first { self.seek(context, &way) } else { Hops::None };
        if matches!(sought, Hops::None) {
            request = self.fit(context.node, serial, &mut way, request);
            context.send(way.transmit(request.clone()));
        }
        let transport = context.node.listener(way.listener).transport;
        let transaction = Transaction::client(context.now, Kind::ClientInvite, transport);
        let patience = (!first).then(|| context.now + REINVITE_PATIENCE);
        self.client = Some(Box::new(InviteClient {
            serial,
            cseq,
            request,
            way,
            transaction,
            cancel: Cancel::No,
            first,
            reliable,
            patience,
            tried: Tried::default(),
            hops: sought,
            has_rung: false,
        }));
    }

    /// The ACK of a 2xx to our INVITE, with the answer where the 2xx had the offer.
    pub(crate) fn ack(&mut self, context: &mut Context<'_>, sdp: Option<&[u8]>) {
        let Some(client) = self.client.take_if(|client| client.is_accepted()) else { return };
        self.acknowledged = None;
        let Some(mut way) = self.dialog_way(context.node) else { return };
        let (serial, via) = self.new_via(context, &way);
        let Some(dialog) = &self.dialog else { return };
        let mut printer = dialog.request(Method::Ack.as_str(), client.cseq, &via.parts(), MAX_FORWARDS);
        self.copy_credentials(&client.request, &way, &mut printer);
        let ack = self.fit(context.node, serial, &mut way, finish(printer, sdp));
        context.send(way.transmit(ack.clone()));
        let (serial, until) = (client.serial, context.now + TRANSACTION_TIMEOUT);
        self.acked = Some(AckedInvite { serial, cseq: client.cseq, ack, way, first: client.first, until });
    }

    /// The ACK of a 2xx that comes when the leg is over: an offer in it is answered (§13.2.2.4), and nothing of it taken.
    fn ack_and_decline(&mut self, context: &mut Context<'_>, response: &Message) {
        let declined = self.decline_offer_of(context, response);
        self.ack(context, declined.as_deref());
    }

    pub(super) fn on_response(&mut self, context: &mut Context<'_>, arrival: Arrival) -> Option<LegEvent> {
        if arrival.message.method() == Method::Invite && self.is_former(arrival.serial) {
            self.on_former_response(context, &arrival);
            return None;
        }
        self.note_remote(&arrival);
        match arrival.message.method() {
            Method::Invite => self.on_invite_response(context, arrival),
            method => self.on_request_response(context, arrival.serial, method, arrival.message),
        }
    }

    fn on_invite_response(&mut self, context: &mut Context<'_>, arrival: Arrival) -> Option<LegEvent> {
        let current = self.client.as_ref().is_some_and(|client| client.serial == arrival.serial);
        match arrival.message.status() {
            200..300 if !current => {
                self.on_late_success(context, &arrival);
                None
            }
            _ if !current => None,
            100..200 => self.on_provisional(context, arrival.message),
            200..300 => self.on_success(context, arrival.message),
            _ => self.on_failure(context, arrival),
        }
    }

    fn on_provisional(&mut self, context: &mut Context<'_>, message: Message) -> Option<LegEvent> {
        let client = self.client.as_mut()?;
        let was_silent = !client.has_provisional();
        if !client.transaction.on(context.now, Event::Provisional).contains(&Action::Deliver) {
            return None;
        }
        let (wanted, cancelled) = (matches!(client.cancel, Cancel::Wanted(_)), client.cancel != Cancel::No);
        let (first, cseq) = (client.first, client.cseq);
        client.hops.heard();
        client.has_rung |= message.status() > 100;
        let reliable = client.reliable.zip(message.rseq());
        if first {
            self.progress = self.progress.max(progress_of(&message));
        }
        if wanted {
            self.send_cancel(context);
        }
        if message.status() == 100 || !first {
            return (was_silent && first && !cancelled).then_some(LegEvent::Trying);
        }
        if let Some((was_offered, rseq)) = reliable {
            return self.on_reliable(context, message, (rseq, was_offered), cseq).filter(|_| !cancelled);
        }
        if cancelled {
            return None;
        }
        self.note_early(context, &message, cseq);
        Some(LegEvent::Provisional(Box::new(message)))
    }

    /// One that wants a PRACK. Also where the INVITE is taken back: until its final response is here (RFC 3262 §4).
    fn on_reliable(
        &mut self,
        context: &mut Context<'_>,
        message: Message,
        (rseq, was_offered): (u32, bool),
        cseq: u32,
    ) -> Option<LegEvent> {
        // The last word of a fork is acknowledged before its dialog goes.
        let is_end = message.status() == 199;
        if !is_end {
            self.note_early(context, &message, cseq);
        }
        let is_new = self.take_reliable(context, &message, rseq, was_offered);
        if is_end {
            self.note_early(context, &message, cseq);
        }
        if !is_new {
            return None;
        }
        let tag = message.to_tag().unwrap_or_default();
        if self.state == State::Leaving && self.owes_answer(tag) {
            let declined = self.decline_offer_of(context, &message);
            self.prack(context, tag, declined.as_deref());
        }
        Some(LegEvent::Provisional(Box::new(message)))
    }

    /// The number of our first INVITE, while it is open.
    pub(super) fn invite_cseq(&self) -> Option<u32> {
        self.client.as_ref().filter(|client| client.first).map(|client| client.cseq)
    }

    fn on_success(&mut self, context: &mut Context<'_>, message: Message) -> Option<LegEvent> {
        let client = self.client.as_mut()?;
        let (again, first, cancelled) = (client.is_accepted(), client.first, client.cancel != Cancel::No);
        client.transaction.on(context.now, Event::Success);
        let cseq = client.cseq;
        self.take_next_nonce(&message);
        if again {
            self.on_second_success(context, &message, cseq);
            return None;
        }
        self.note_allow(&message);
        if !first {
            if let Some(dialog) = &mut self.dialog {
                dialog.refresh_target(&message);
            }
            if self.state == State::Leaving {
                // RFC 3264 §8: in the session that was.
                let offer = self.offer_owed_an_answer(&message);
                let declined = offer.map(|offer| negotiation::decline_offer(&offer, &mut self.media));
                self.ack(context, declined.as_deref());
                return None;
            }
            self.on_timer_answer(context.now, &message);
            return Some(LegEvent::Modified(Box::new(message)));
        }
        let leaving = cancelled || self.state == State::Leaving;
        self.dialog = self.confirmed(context, &message, cseq);
        if self.dialog.is_none() {
            // There is no way to acknowledge it, and so no session.
            self.client = None;
            self.state = State::Leaving;
            return (!leaving).then(|| LegEvent::Rejected(Box::new(message)));
        }
        if leaving {
            // §9.1: the 2xx crossed our CANCEL: the session exists and is ended like any other.
            self.requests.retain(|request| request.method != Method::Cancel);
            self.ack_and_decline(context, &message);
            self.bye(context, None);
            return None;
        }
        self.state = State::Confirmed;
        self.status = message.status();
        self.on_timer_answer(context.now, &message);
        Some(LegEvent::Accepted(Box::new(message)))
    }

    fn on_failure(&mut self, context: &mut Context<'_>, arrival: Arrival) -> Option<LegEvent> {
        let client = self.client.take_if(|client| !client.is_accepted())?;
        let ack = hop_request(&client.request, Method::Ack, Some(&arrival.message), None);
        if let Some(ack) = ack {
            let kept = client.way.transmit(Bytes::copy_from_slice(&ack));
            context.send(client.way.transmit(ack));
            context.outputs.push_back(Output::Retire(arrival.key, Tombstone::Acknowledge(Box::new(kept))));
        }
        self.requests.retain(|request| request.method != Method::Cancel);
        let leaving = self.state == State::Leaving;
        let span = retry_after(&arrival.message);
        // RFC 3263 §4.3.
        let client = match client.first && arrival.message.status() == 503 {
            true => match self.turn(context, client, HopFailure::Refused(span)) {
                Ok(event) => return Some(event),
                Err(client) => client,
            },
            false => client,
        };
        let client = if asks_again(&arrival.message) && !leaving && client.cancel == Cancel::No {
            self.invite_again(context, client, &arrival.message)?
        } else {
            client
        };
        if client.first {
            self.state = State::Leaving;
            self.status = arrival.message.status();
            if arrival.message.status() == 503 {
                self.note_closed(context, client.hops.closed_for(span));
            }
        }
        let event = if client.first { LegEvent::Rejected } else { LegEvent::Modified };
        (!leaving).then(|| event(Box::new(arrival.message)))
    }

    /// RFC 3261 §21.5.4: a target that says when to come again is left alone until then.
    fn note_closed(&self, context: &mut Context<'_>, span: Option<Duration>) {
        if let Some(span) = span {
            let (endpoint, target) = (self.endpoint.clone(), self.target);
            context.outputs.push_back(Output::Health(Box::new(HealthNews::Closed { endpoint, target, span })));
        }
    }

    /// The INVITE once more, as the response asks; back where it cannot be had so.
    fn invite_again(&mut self, context: &mut Context<'_>, mut client: Box<InviteClient>, response: &Message) -> Option<Box<InviteClient>> {
        let again = self.once_more(context, &mut client.way, &client.request, &mut client.tried, response);
        let Some(Again { serial, cseq, request }) = again else { return Some(client) };
        context.send(client.way.transmit(request.clone()));
        let transport = context.node.listener(client.way.listener).transport;
        client.transaction = Transaction::client(context.now, Kind::ClientInvite, transport);
        (client.serial, client.cseq, client.request) = (serial, cseq, request);
        self.client = Some(client);
        // Its dialogs are over with it, and so are their numbers.
        self.acknowledged = None;
        None
    }

    /// What our INVITE was, or the ACK of its 2xx: both have its credentials.
    pub(super) fn last_invite(&self) -> Option<&Bytes> {
        self.client.as_ref().map(|client| &client.request).or(self.acked.as_ref().map(|acked| &acked.ack))
    }

    pub(super) fn client_timeout(&mut self, context: &mut Context<'_>) -> Option<LegEvent> {
        if let Some(event) = self.silent_timeout(context) {
            return Some(event);
        }
        let client = self.client.as_mut()?;
        if client.is_accepted() || matches!(client.hops, Hops::Sought) {
            return None;
        }
        if matches!(client.cancel, Cancel::Sent(at) if at <= context.now) {
            return self.client_failed(LegEvent::TimedOut, LegEvent::Lost);
        }
        if client.cancel == Cancel::No && client.has_provisional() && client.patience.is_some_and(|at| at <= context.now) {
            self.cancel(context, None);
            return None;
        }
        let (_, timer) = client.transaction.poll_timeout().filter(|(at, _)| *at <= context.now)?;
        let actions = client.transaction.on(context.now, Event::Expired(timer));
        if actions.contains(&Action::Resend) {
            context.send(client.way.transmit(client.request.clone()));
        }
        if !actions.contains(&Action::ReportTimeout) {
            return None;
        }
        let client = self.client.take()?;
        match self.turn(context, client, HopFailure::Unanswered) {
            Ok(event) => Some(event),
            Err(client) => {
                self.client = Some(client);
                self.client_failed(LegEvent::TimedOut, LegEvent::Lost)
            }
        }
    }

    /// The transport could not deliver there.
    pub(crate) fn on_unreachable(&mut self, context: &mut Context<'_>, lost: &LostWay<'_>) -> Option<LegEvent> {
        let id = self.id;
        self.requests_unreachable(context, lost);
        self.ack_unreachable(context, lost);
        let client = self.client.as_mut().filter(|client| lost.is(id, &client.way))?;
        if client.way.trial && lost.delivery == Delivery::Never && client.cancel == Cancel::No && !client.is_accepted() {
            self.invite_by_datagram(context);
            return None;
        }
        let actions = client.transaction.on(context.now, Event::TransportError);
        // Over a connection that is lost nothing more comes, whatever has come; over UDP a response may yet.
        let is_lost = context.node.listener(lost.listener).transport.is_reliable() && !client.is_accepted();
        // Nothing more over that connection: whoever has the INVITE may answer over another.
        let may_answer = (client.first && !lost.delivery.is_never()).then_some(client.serial);
        // §8.1.3.1: that counts as a 503, which ends no dialog; but nobody is at an address that the network does not know any more.
        let later = if lost.delivery.is_never() { LegEvent::Lost } else { LegEvent::Unmodified };
        let failed = is_lost || actions.contains(&Action::ReportTransportError);
        if failed {
            let client = self.client.take()?;
            let failure = if may_answer.is_some() { HopFailure::Unanswered } else { HopFailure::Unheard };
            context.outputs.extend(lost.told(&client.way));
            match self.turn(context, client, failure) {
                Ok(event) => return Some(event),
                Err(client) => self.client = Some(client),
            }
        }
        self.given_up = may_answer.filter(|_| failed);
        failed.then(|| self.client_failed(LegEvent::Unreachable, later)).flatten()
    }

    /// §18.1.1: no connection was to be had for an INVITE that is too long for a datagram.
    fn invite_by_datagram(&mut self, context: &mut Context<'_>) {
        let Some(mut client) = self.client.take() else { return };
        if let Some((serial, request)) = self.as_datagram(context.node, &mut client.way, &client.request) {
            (client.serial, client.request) = (serial, request);
            let transport = context.node.listener(client.way.listener).transport;
            client.transaction = Transaction::client(context.now, Kind::ClientInvite, transport);
            context.send(client.way.transmit(client.request.clone()));
        }
        self.client = Some(client);
    }

    fn ack_unreachable(&mut self, context: &mut Context<'_>, lost: &LostWay<'_>) {
        let Some(mut acked) = self.acked.take_if(|acked| acked.way.trial && lost.is(self.id, &acked.way)) else { return };
        if let Some((_, ack)) = self.as_datagram(context.node, &mut acked.way, &acked.ack) {
            context.send(acked.way.transmit(ack.clone()));
            acked.ack = ack;
        }
        self.acked = Some(acked);
    }

    /// Where the peer is, as its messages show: those that came where the leg's own requests leave from.
    pub(super) fn note_remote(&mut self, arrival: &Arrival) {
        if self.remote.is_none() || arrival.flow.listener == self.profile.listener {
            self.remote = Some(arrival.flow.remote);
        }
        if self.dialog.is_none() {
            self.home.address = Some(arrival.flow.remote.ip());
        }
    }

    /// Our INVITE came to nothing: what the call is told, of the first one and of a later one.
    pub(super) fn client_failed(&mut self, event: LegEvent, later: LegEvent) -> Option<LegEvent> {
        let client = self.client.take()?;
        let leaving = self.state == State::Leaving;
        if client.first {
            self.state = State::Leaving;
            self.given_up = self.given_up.or(client.has_provisional().then_some(client.serial));
            return (!leaving).then_some(event);
        }
        (!leaving).then_some(later)
    }

    pub(super) fn is_unacknowledged(&self) -> bool {
        self.client.as_ref().is_some_and(|client| client.is_accepted())
    }
}

/// What a provisional response says of its sender.
fn progress_of(response: &Message) -> LegState {
    match response.status() {
        180 => LegState::Ringing,
        101..199 if sdp_of(response).is_some() => LegState::EarlyMedia,
        _ => LegState::Trying,
    }
}
