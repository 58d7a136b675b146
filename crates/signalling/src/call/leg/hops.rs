//! The places that speak for one domain, where the first request of a leg can go, tried one after the other (RFC 3263 §4.3).

use super::cancel::{Cancel, hop_request};
use super::client::InviteClient;
use super::requests::{Interest, OpenRequest};
use super::way::with_value;
use super::{Context, Leg, LegEvent, State, Way};
use crate::auth::Tried;
use crate::call::Output;
use crate::call::over::unanswered;
use crate::locate::{Asker, Located, Sought};
use crate::message::{HeaderName, Method};
use crate::tombstone::Tombstone;
use crate::transaction::{Kind, TRANSACTION_TIMEOUT, Transaction};
use crate::wire::Arrival;
use bytes::Bytes;
use std::collections::VecDeque;
use std::time::Duration;
use tandem_model::{Delivery, Destination, Hop, LegEnd, NO_TARGET, NoHop, Timestamp};

/// Where a request can go beside where it is.
#[derive(Debug, Default)]
pub(super) enum Hops {
    /// Nowhere: it was given a place.
    #[default]
    None,
    /// They are being looked up, and nothing is sent yet.
    Sought,
    /// It is at one of them.
    Found(Found),
}

#[derive(Debug)]
pub(super) struct Found {
    at: Hop,
    left: VecDeque<Hop>,
    domain: Box<str>,
    /// No response at all until then: the next one.
    silent_until: Option<Timestamp>,
    refusals: Refusals,
}

/// What became of it at a place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum HopFailure {
    /// 503; with how long it is to be left alone, if it said so (RFC 3261 §21.5.4).
    Refused(Option<Duration>),
    /// It did not get there.
    Unheard,
    /// Nothing came back in time: it may have been heard all the same.
    Unanswered,
}

/// What the places have said so far that were asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Refusals {
    None,
    /// Each wants to be left alone; for so long the one that does for the shortest time.
    All(Duration),
    /// One failed in another way.
    Some,
}

/// An INVITE that went on to another place, though an answer of this one may yet come.
#[derive(Debug)]
pub(super) struct FormerInvite {
    serial: u16,
    cseq: u32,
    request: Bytes,
    way: Way,
    is_cancelled: bool,
    pub(super) until: Timestamp,
}

impl Hops {
    pub(super) fn silent_until(&self) -> Option<Timestamp> {
        if let Hops::Found(found) = self { found.silent_until } else { None }
    }

    /// Somebody is there.
    pub(super) fn heard(&mut self) {
        if let Hops::Found(found) = self {
            found.silent_until = None;
        }
    }

    /// For how long nobody is to be asked who speaks for the target, when the place where we are says `span`: only where all of them were
    /// asked, and each has said so.
    pub(super) fn closed_for(&self, span: Option<Duration>) -> Option<Duration> {
        match self {
            Hops::None => span,
            Hops::Found(Found { left, refusals: Refusals::All(span), .. }) if left.is_empty() => Some(*span),
            Hops::Sought | Hops::Found(_) => None,
        }
    }
}

impl Found {
    /// The first of the places that were found.
    fn new(hops: Box<[Hop]>, domain: &str) -> Option<Found> {
        let mut left = VecDeque::from(hops.into_vec());
        Some(Found { at: left.pop_front()?, left, domain: domain.into(), silent_until: None, refusals: Refusals::None })
    }

    fn way(&self) -> Way {
        let Hop { listener, address } = self.at;
        Way { listener, destination: Destination::Hop { address, domain: self.domain.clone() }, trial: false }
    }

    /// The place where it is has failed so: the next one, if there is one. False: it is still there.
    fn turn(&mut self, context: &mut Context<'_>, failure: HopFailure, may_turn: bool) -> bool {
        self.silent_until = None;
        self.refusals = self.refusals.with(failure);
        let span = if let HopFailure::Refused(span) = failure { span } else { None };
        context.outputs.push_back(Output::HopFailed(self.at, span));
        let next = may_turn.then(|| self.left.pop_front()).flatten();
        next.inspect(|next| self.at = *next).is_some()
    }
}

impl Refusals {
    fn with(self, failure: HopFailure) -> Refusals {
        match (self, failure) {
            (Refusals::None, HopFailure::Refused(Some(span))) => Refusals::All(span),
            (Refusals::All(known), HopFailure::Refused(Some(span))) => Refusals::All(known.min(span)),
            _ => Refusals::Some,
        }
    }
}

impl OpenRequest {
    /// Nobody has answered in time where it is.
    pub(super) fn give_up_hop(&mut self, context: &mut Context<'_>) {
        if let Some(Hops::Found(found)) = self.hops.as_deref_mut() {
            found.turn(context, HopFailure::Unanswered, false);
        }
    }
}

impl Leg {
    /// Has the places looked up that `way` names, if it names any.
    pub(super) fn seek(&self, context: &mut Context<'_>, way: &Way) -> Hops {
        if way.destination.name().is_none() {
            return Hops::None;
        }
        let seed = context.random.next_u64();
        // A redirection, or the Path of a phone, may name anybody.
        let is_ours = self.target != NO_TARGET || !self.endpoint.starts_with("trunk:") && !self.endpoint.starts_with("user:");
        let asker = if is_ours { Asker::House } else { Asker::Peer(context.call.bits()) };
        let Some(sought) = Sought::of(context.node, way.listener, &way.destination, seed, asker) else { return Hops::None };
        context.outputs.push_back(Output::Locate(self.id, Box::new(sought)));
        Hops::Sought
    }

    /// What became of the search for the places of our first request.
    pub(crate) fn on_located(&mut self, context: &mut Context<'_>, located: Located) -> Option<LegEvent> {
        if let Some(place) = self.requests.iter().position(OpenRequest::is_sought) {
            return self.on_request_located(context, place, located);
        }
        let mut client = self.client.take_if(|client| matches!(client.hops, Hops::Sought))?;
        let domain = client.way.destination.name().unwrap_or_default();
        match located.and_then(|hops| Found::new(hops, domain).ok_or(NoHop::Unknown)) {
            Ok(found) => {
                client.hops = Hops::Found(found);
                self.send_there(context, client);
                Some(LegEvent::Turned)
            }
            Err(why) => {
                self.client = Some(client);
                self.note_end(context, LegEnd { reason: why.reason().into(), ..unanswered(503) });
                self.client_failed(LegEvent::Unreachable, LegEvent::Lost)
            }
        }
    }

    /// The place where our INVITE is has failed: the next one, if there is one and nobody has rung. Gives it back where there is not.
    pub(super) fn turn(
        &mut self,
        context: &mut Context<'_>,
        mut client: Box<InviteClient>,
        failure: HopFailure,
    ) -> Result<LegEvent, Box<InviteClient>> {
        let may_turn = self.state == State::Outgoing && client.cancel == Cancel::No && !client.has_rung;
        let Hops::Found(found) = &mut client.hops else { return Err(client) };
        if !found.turn(context, failure, may_turn) {
            return Err(client);
        }
        if failure == HopFailure::Unanswered {
            let (serial, cseq, request, way) = (client.serial, client.cseq, client.request.clone(), client.way.clone());
            let until = context.now + TRANSACTION_TIMEOUT;
            self.former.push(FormerInvite { serial, cseq, request, way, is_cancelled: false, until });
        }
        self.send_there(context, client);
        Ok(LegEvent::Turned)
    }

    /// §4.3: the same request under another branch, and so another transaction.
    fn send_there(&mut self, context: &mut Context<'_>, mut client: Box<InviteClient>) {
        if let Hops::Found(found) = &mut client.hops {
            found.silent_until = Some(context.now + self.profile.trying_timeout);
            let mut way = found.way();
            let listener = way.listener;
            let (serial, via) = self.new_via(context, &way);
            let mut request = with_value(&client.request, HeaderName::Via, &via.parts()).unwrap_or_else(|| client.request.clone());
            if self.profile.listener != listener {
                self.profile.listener = listener;
                let contact = self.contact(context.node);
                request = with_value(&request, HeaderName::Contact, &contact.parts()).unwrap_or(request);
            }
            let request = self.fit(context.node, serial, &mut way, request);
            context.send(way.transmit(request.clone()));
            let transport = context.node.listener(way.listener).transport;
            client.transaction = Transaction::client(context.now, Kind::ClientInvite, transport);
            (client.serial, client.request, client.way, client.tried) = (serial, request, way, Tried::default());
        }
        self.client = Some(client);
    }

    /// A request that is no INVITE, as soon as it is known where to.
    pub(super) fn seek_and_ask(
        &mut self,
        context: &mut Context<'_>,
        (serial, method): (u16, Method),
        bytes: Bytes,
        way: Way,
        interest: Interest,
    ) {
        match self.seek(context, &way) {
            Hops::None => self.send_asked(context, (serial, method), bytes, way, interest),
            sought => {
                let mut open = OpenRequest::new(context, (serial, method), bytes, way, interest);
                open.hops = Some(Box::new(sought));
                self.requests.push(open);
            }
        }
    }

    fn on_request_located(&mut self, context: &mut Context<'_>, place: usize, located: Located) -> Option<LegEvent> {
        let mut open = self.requests.swap_remove(place);
        let domain = open.way.destination.name().unwrap_or_default();
        let Some(found) = located.ok().and_then(|hops| Found::new(hops, domain)) else {
            if let Interest::Key { .. } = open.interest {
                self.on_key_lost();
            }
            return open.interest.undelivered(Delivery::Never);
        };
        open.hops = Some(Box::new(Hops::Found(found)));
        self.send_request_there(context, &mut open);
        self.requests.push(open);
        None
    }

    /// The place where a request is has failed so: the next one, if there is one.
    pub(super) fn turn_request(&mut self, context: &mut Context<'_>, open: &mut OpenRequest, failure: HopFailure) -> bool {
        let Some(Hops::Found(found)) = open.hops.as_deref_mut() else { return false };
        let turned = found.turn(context, failure, true);
        if turned {
            self.send_request_there(context, open);
        }
        turned
    }

    fn send_request_there(&mut self, context: &mut Context<'_>, open: &mut OpenRequest) {
        let Some(Hops::Found(found)) = open.hops.as_deref() else { return };
        let mut way = found.way();
        self.profile.listener = way.listener;
        let (serial, via) = self.new_via(context, &way);
        let bytes = with_value(&open.bytes, HeaderName::Via, &via.parts()).unwrap_or_else(|| open.bytes.clone());
        let bytes = self.fit(context.node, serial, &mut way, bytes);
        context.send(way.transmit(bytes.clone()));
        open.send_again(context, serial, bytes, way);
    }

    /// Nobody has answered in time where its requests are: others go elsewhere first.
    pub(crate) fn give_up_hops(&mut self, context: &mut Context<'_>) {
        self.requests.iter_mut().for_each(|open| open.give_up_hop(context));
    }

    /// The place where our INVITE is has said nothing for too long.
    pub(super) fn silent_timeout(&mut self, context: &mut Context<'_>) -> Option<LegEvent> {
        let is_due = |client: &InviteClient| client.hops.silent_until().is_some_and(|at| at <= context.now);
        let client = self.client.take_if(|client| is_due(client))?;
        // Where nothing is left it is for the call to give up: it has the same deadline.
        self.turn(context, client, HopFailure::Unanswered).map_err(|client| self.client = Some(client)).ok()
    }

    pub(super) fn is_former(&self, serial: u16) -> bool {
        self.former.iter().any(|former| former.serial == serial)
    }

    /// An answer of a place that our INVITE is no longer at: whoever rings there is told to stop, whoever answers is hung up.
    pub(super) fn on_former_response(&mut self, context: &mut Context<'_>, arrival: &Arrival) {
        let Some(place) = self.former.iter().position(|former| former.serial == arrival.serial) else { return };
        let former = &mut self.former[place];
        let (serial, cseq, way) = (former.serial, former.cseq, former.way.clone());
        match arrival.message.status() {
            100..200 if !std::mem::replace(&mut former.is_cancelled, true) => {
                if let Some(bytes) = hop_request(&former.request, Method::Cancel, None, None) {
                    self.send_request(context, serial, Method::Cancel, bytes, Way { trial: false, ..way });
                }
            }
            100..200 => {}
            200..300 => self.dismiss_fork(context, &arrival.message, cseq),
            _ => {
                if let Some(ack) = hop_request(&former.request, Method::Ack, Some(&arrival.message), None) {
                    let kept = way.transmit(Bytes::copy_from_slice(&ack));
                    context.send(way.transmit(ack));
                    context.outputs.push_back(Output::Retire(arrival.key, Tombstone::Acknowledge(Box::new(kept))));
                }
                self.former.swap_remove(place);
            }
        }
    }
}
