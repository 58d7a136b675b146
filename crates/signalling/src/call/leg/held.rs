//! Requests of the peer inside the dialog that the other leg's peer is to answer: INFO, OPTIONS, MESSAGE, UPDATE; and what is about that
//! dialog, though it came outside of any.
//!
//! Such a request waits in the state Trying (RFC 3261 §17.2.2): what comes again is absorbed, and no provisional response is sent
//! (RFC 4320 §4.1).

use super::requests::Interest;
use super::{Asked, Context, Leg, LegEvent, State, finish, hops_left};
use crate::call::Output;
use crate::message::{HeaderName, Message, Method, Printer, reason_phrase, unreadable_body};
use crate::tombstone::Tombstone;
use crate::transaction::TransactionKey;
use crate::wire::{Arrival, Transmit};
use std::collections::VecDeque;
use tandem_model::{Flow, LegId};

/// Requests of one peer that may wait at once. One more is told to come again later.
const MAX_HELD: usize = 8;

/// Seconds after which it may, from none to one less than this (RFC 3261 §14.2, RFC 3311 §5.2: 0 to 10, at random).
pub(crate) const RETRY_AFTER_RANGE: u64 = 11;

/// Names a held request within its leg.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct HeldId(u16);

impl HeldId {
    /// Of a leg that asks one thing.
    pub(super) const ONLY: HeldId = HeldId(0);
}

/// The held requests of a leg, and the last that were answered.
#[derive(Debug, Default)]
pub(super) struct HeldRequests {
    next: u16,
    open: Vec<Held>,
    /// At most [`MAX_HELD`]: a copy that was on its way from the dispatcher while the answer went out is no new request.
    answered: VecDeque<TransactionKey>,
}

#[derive(Debug)]
pub(super) struct Held {
    id: HeldId,
    key: TransactionKey,
    pub(super) flow: Flow,
    pub(super) request: Message,
    pub(super) came: Came,
}

/// How a request came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Came {
    /// In the dialog.
    Inside,
    /// Outside of any, and this is the dialog that it has made so far.
    Outside(Option<LegId>),
}

/// What answers a held request.
pub(crate) struct Reply<'a> {
    pub(crate) status: u16,
    /// The usual phrase where `None`.
    pub(crate) reason: Option<&'a str>,
    /// Headers beside those that every response has.
    pub(crate) extra: &'a [(HeaderName, &'a str)],
    /// Whose body goes along, with the headers that are about it.
    pub(crate) body_of: Option<&'a Message>,
    /// The answer, where an offer was asked about.
    pub(crate) sdp: Option<&'a [u8]>,
}

impl<'a> Reply<'a> {
    /// A status, and a header or two.
    pub(crate) fn new(status: u16, extra: &'a [(HeaderName, &'a str)]) -> Reply<'a> {
        Reply { status, reason: None, extra, body_of: None, sdp: None }
    }
}

impl Leg {
    /// Whether a request of this transaction waits or has just been answered.
    pub(super) fn is_held(&self, key: TransactionKey) -> bool {
        self.held.as_ref().is_some_and(|held| held.open.iter().any(|open| open.key == key) || held.answered.contains(&key))
    }

    /// Keeps a request until the call has its answer, unless it must be refused.
    pub(super) fn hold(&mut self, context: &mut Context<'_>, arrival: Arrival) -> Option<LegEvent> {
        if arrival.message.method() == Method::Update {
            // RFC 3311 §5.2: one UPDATE at a time.
            if self.held.as_ref().is_some_and(|held| held.open.iter().any(|open| open.request.method() == Method::Update)) {
                self.refuse_for_now(context, &arrival);
                return None;
            }
            if let Some(accept) = unreadable_body(&arrival.message).filter(|_| arrival.message.has_description()) {
                self.refuse(context, &arrival, 415, |printer| {
                    printer.header(accept.0, accept.1);
                });
                return None;
            }
            self.note_allow(&arrival.message);
            if let Some(dialog) = &mut self.dialog {
                dialog.refresh_target(&arrival.message);
            }
        } else if arrival.message.has_description() {
            // It describes no session of ours, and would tell one peer the addresses of the other.
            self.refuse(context, &arrival, 415, |printer| {
                printer.header_str(HeaderName::Accept, "*/*");
            });
            return None;
        }
        if arrival.message.method() == Method::Refer && arrival.message.contact().is_ok_and(|contact| contact.is_some()) {
            // RFC 6665 §4.4.1 with RFC 3261 §12.2: what makes a subscription refreshes the target.
            if let Some(dialog) = &mut self.dialog {
                dialog.refresh_target(&arrival.message);
            }
        }
        if !self.has_room_to_hold() {
            self.refuse_for_now(context, &arrival);
            return None;
        }
        let id = self.keep(arrival, Came::Inside);
        if self.is_refresh(id) {
            self.reply(context, id, &Reply::new(200, &[]));
            return None;
        }
        Some(LegEvent::Asked(id))
    }

    /// Keeps a request; there is [room](Leg::has_room_to_hold) for it.
    pub(super) fn keep(&mut self, arrival: Arrival, came: Came) -> HeldId {
        let held = self.held.get_or_insert_default();
        let id = HeldId(held.next);
        held.next = held.next.wrapping_add(1);
        held.open.push(Held { id, key: arrival.key, flow: arrival.flow, request: arrival.message.into_exact(), came });
        id
    }

    /// Whether one more request may wait.
    pub(super) fn has_room_to_hold(&self) -> bool {
        self.held.as_ref().is_none_or(|held| held.open.len() < MAX_HELD)
    }

    /// How a request came that waits.
    pub(super) fn held_as(&self, id: HeldId) -> Option<Came> {
        self.held.as_ref()?.open.iter().find(|open| open.id == id).map(|open| open.came)
    }

    /// A request that waits, to be worked on.
    pub(super) fn held_mut(&mut self, id: HeldId) -> Option<&mut Held> {
        self.held.as_mut()?.open.iter_mut().find(|open| open.id == id)
    }

    /// Whether a held request does no more than to refresh the session of this leg (RFC 4028 §7.4): that is nobody else's business.
    fn is_refresh(&self, id: HeldId) -> bool {
        let asks = |request: &Message| {
            request.method() == Method::Update && !request.has_description() && request.header(HeaderName::SessionExpires).is_some()
        };
        self.profile.session_timer.is_some() && self.state == State::Confirmed && self.held(id).is_some_and(asks)
    }

    /// Whether any request waits.
    pub(super) fn has_held(&self) -> bool {
        self.held.as_ref().is_some_and(|held| !held.open.is_empty())
    }

    /// 500, and when to come again.
    pub(super) fn refuse_for_now(&self, context: &mut Context<'_>, arrival: &Arrival) {
        let seconds = context.random.below(RETRY_AFTER_RANGE);
        self.refuse(context, arrival, 500, |printer| {
            printer.header(HeaderName::RetryAfter, seconds);
        });
    }

    /// A request that waits.
    pub(crate) fn held(&self, id: HeldId) -> Option<&Message> {
        self.held.as_ref()?.open.iter().find(|open| open.id == id).map(|open| &open.request)
    }

    /// Answers a held request.
    pub(crate) fn reply(&mut self, context: &mut Context<'_>, id: HeldId, reply: &Reply<'_>) {
        let Some(held) = self.take_held(id) else { return };
        let phrase = reply.reason.unwrap_or_else(|| reason_phrase(reply.status));
        let tag = self.tag_for(context.node, &held);
        let mut printer = Printer::response_to(&held.request, held.flow.remote, reply.status, phrase, Some(tag.as_str()));
        self.session.write(&mut printer);
        let method = held.request.method();
        if (200..300).contains(&reply.status) {
            // RFC 3311 §5.2, RFC 3515 §2.2: the 2xx to a target refresh names our Contact.
            if matches!(method, Method::Update | Method::Refer | Method::Subscribe) {
                self.contact_for(context.node, &held).write(&mut printer);
            }
            if let Came::Outside(Some(_)) = held.came {
                // RFC 3261 §12.1.1.
                printer.copy_all(&held.request, HeaderName::RecordRoute);
            }
            if matches!(method, Method::Update | Method::Options) {
                let announced = self.announced();
                announced.write_allow(&mut printer);
                announced.write_supported(&mut printer);
            }
            if method == Method::Update && self.state == State::Confirmed {
                self.answer_timer(context.now, &held.request, &mut printer);
            }
            if method == Method::Options {
                printer.header_str(HeaderName::Accept, ACCEPT);
            }
        }
        for (name, value) in reply.extra {
            printer.header_str(*name, value);
        }
        let bytes = match reply.sdp {
            Some(sdp) => finish(printer, Some(sdp)),
            None => finish_like(printer, reply.body_of),
        };
        context.outputs.push_back(Output::Retire(held.key, Tombstone::Repeat(bytes.to_vec().into_boxed_slice(), self.returns())));
        let destination = self.answers_to(&held.request, &held.flow);
        context.send(Transmit { listener: held.flow.listener, destination, bytes, trial: false });
    }

    /// Lets a held request go without an answer: its sender has given it up, and must not get a late 408 (RFC 4320 §4.2).
    pub(crate) fn take_back_held(&mut self, id: HeldId) {
        self.take_held(id);
    }

    /// The dialog ends: what waits is answered 487 (RFC 3261 §15.1.2).
    pub(crate) fn end_held(&mut self, context: &mut Context<'_>) {
        while let Some(id) = self.held.as_ref().and_then(|held| held.open.first()).map(|open| open.id) {
            self.reply(context, id, &Reply::new(487, &[]));
        }
    }

    fn take_held(&mut self, id: HeldId) -> Option<Held> {
        let held = self.held.as_mut()?;
        let place = held.open.iter().position(|open| open.id == id)?;
        let taken = held.open.remove(place);
        if held.answered.len() == MAX_HELD {
            held.answered.pop_front();
        }
        held.answered.push_back(taken.key);
        Some(taken)
    }

    /// Passes a request of the other leg's peer on to this leg's. False if there is nobody to pass it to.
    pub(crate) fn ask(&mut self, context: &mut Context<'_>, id: HeldId, request: &Message) -> bool {
        if self.state == State::Leaving || !self.has_room_to_ask() {
            return false;
        }
        let Some(way) = self.dialog_way(context.node) else { return false };
        let (serial, via) = self.new_via(context, &way);
        let (contact, announced) = (self.contact(context.node), self.announced());
        let hops = hops_left(Some(request));
        let method = request.method();
        let asked = Asked { id, settled: self.dialog.is_some() };
        let Some(dialog) = self.dialog.as_mut().or(self.early.last_mut()) else { return false };
        let cseq = dialog.next_cseq();
        let mut printer = dialog.request(method.as_str(), cseq, &via.parts(), hops);
        if method == Method::Update {
            contact.write(&mut printer);
            announced.write_allow(&mut printer);
            self.write_mid_session(&mut printer);
        } else {
            // RFC 4028 §7.1: in every request.
            announced.write_supported(&mut printer);
        }
        if method == Method::Options {
            printer.header_str(HeaderName::Accept, ACCEPT);
        }
        printer.copy_all(request, HeaderName::InfoPackage);
        printer.copy_all(request, HeaderName::RecvInfo);
        let bytes = finish_like(printer, Some(request));
        self.send_asked(context, (serial, method), bytes, way, Interest::Asker(asked));
        true
    }
}

/// What bodies we understand ourselves.
pub(super) const ACCEPT: &str = "application/sdp";

/// Ends a message with the body of another, and what is said about it there. A session description is not copied: it is of another
/// session.
pub(super) fn finish_like(mut printer: Printer, like: Option<&Message>) -> bytes::Bytes {
    let Some(like) = like.filter(|like| !like.body().is_empty() && !like.has_description()) else { return printer.finish() };
    for name in [HeaderName::ContentDisposition, HeaderName::ContentEncoding, HeaderName::ContentLanguage, HeaderName::MimeVersion] {
        printer.copy_all(like, name);
    }
    match like.header(HeaderName::ContentType) {
        Some(kind) => printer.finish_with_body(kind, like.body()),
        // §7.4.1: a body of no type has no meaning that could be passed on.
        None => printer.finish(),
    }
}
