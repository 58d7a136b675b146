//! Requests of ours other than INVITE and ACK: CANCEL, BYE, and what the other leg's peer asks (RFC 3261 §17.1.2).

use super::super::usage::ends_subscription;
use super::challenged::asks_again;
use super::held::HeldId;
use super::hops::{HopFailure, Hops};
use super::{Context, Leg, LegEvent, LostWay, OurVia, State, Way};
use crate::agent::retry_after;
use crate::auth::Tried;
use crate::message::{Message, Method};
use crate::transaction::{Action, Event, Kind, Transaction};
use bytes::Bytes;
use tandem_model::{Delivery, Timestamp};

/// Such requests that a leg may have open at once: a CANCEL, a BYE, BYEs to further forks, and requests of the other leg.
const MAX_OPEN_REQUESTS: usize = 24;

/// How many of these may be open when one of the other leg is passed on: what ends dialogs has room in any case.
const MAX_OPEN_BEFORE_ASKING: usize = 14;

/// One of them, while it is open.
#[derive(Debug)]
pub(super) struct OpenRequest {
    serial: u16,
    pub(super) method: Method,
    pub(super) transaction: Transaction,
    pub(super) bytes: Bytes,
    pub(super) way: Way,
    pub(super) interest: Interest,
    /// The call was answered when it went out.
    confirmed: bool,
    /// It could not be delivered, and the call is to be told so at once.
    lost: Option<(Timestamp, Delivery)>,
    /// What it was sent again for.
    tried: Tried,
    /// Where else it can go, if anywhere.
    pub(super) hops: Option<Box<Hops>>,
}

/// Whose question it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Asked {
    pub(crate) id: HeldId,
    /// It went out in the dialog that the call stands on, and not in an early one that may be another phone's: only then is the call
    /// over when that dialog is.
    pub(crate) settled: bool,
}

/// Who waits for the final response.
#[derive(Clone, Copy, Debug)]
pub(super) enum Interest {
    Nobody,
    /// A request of the other leg's peer.
    Asker(Asked),
    /// The subscription that our NOTIFY tells of.
    Notice(u16),
    /// The call, which changes or refreshes the session by it. `settled` as in [`Asked`].
    Call {
        settled: bool,
    },
    /// The leg itself, whose session it refreshes (RFC 4028).
    Refresh,
    /// The leg itself, which tells of a key. `settled` as in [`Asked`].
    Key {
        settled: bool,
    },
}

impl Interest {
    fn answered(self, response: Message) -> Option<LegEvent> {
        match self {
            Interest::Nobody | Interest::Refresh | Interest::Key { .. } => None,
            Interest::Asker(asked) => Some(LegEvent::Replied(asked, Box::new(response))),
            Interest::Notice(notice) => Some(LegEvent::Noticed(notice, !ends_subscription(response.status()))),
            Interest::Call { .. } => Some(LegEvent::Modified(Box::new(response))),
        }
    }

    fn unanswered(self) -> Option<LegEvent> {
        match self {
            Interest::Nobody => None,
            Interest::Asker(asked) => Some(LegEvent::Unanswered(asked)),
            Interest::Notice(notice) => Some(LegEvent::Noticed(notice, false)),
            // RFC 3261 §12.2.1.2.
            Interest::Call { settled: true } | Interest::Refresh => Some(LegEvent::Lost),
            Interest::Key { settled: true } => Some(LegEvent::KeyLost),
            Interest::Key { settled: false } => None,
            Interest::Call { settled: false } => Some(LegEvent::Unmodified),
        }
    }

    pub(super) fn undelivered(self, delivery: Delivery) -> Option<LegEvent> {
        match self {
            Interest::Nobody => None,
            Interest::Asker(asked) => Some(LegEvent::Undelivered(asked, delivery)),
            Interest::Notice(notice) => Some(LegEvent::Noticed(notice, false)),
            Interest::Call { settled: true } | Interest::Refresh if delivery.is_never() => Some(LegEvent::Lost),
            Interest::Key { settled: true } if delivery.is_never() => Some(LegEvent::KeyLost),
            Interest::Refresh | Interest::Key { .. } => None,
            Interest::Call { .. } => Some(LegEvent::Unmodified),
        }
    }
}

impl OpenRequest {
    pub(super) fn new(context: &Context<'_>, (serial, method): (u16, Method), bytes: Bytes, way: Way, interest: Interest) -> OpenRequest {
        let transport = context.node.listener(way.listener).transport;
        let transaction = Transaction::client(context.now, Kind::ClientOther, transport);
        OpenRequest { serial, method, transaction, bytes, way, interest, confirmed: false, lost: None, tried: Tried::default(), hops: None }
    }

    /// It waits until it is known where it goes.
    pub(super) fn is_sought(&self) -> bool {
        matches!(self.hops.as_deref(), Some(Hops::Sought))
    }

    /// It is under way once more, as a transaction of its own.
    pub(super) fn send_again(&mut self, context: &Context<'_>, serial: u16, bytes: Bytes, way: Way) {
        let transport = context.node.listener(way.listener).transport;
        self.transaction = Transaction::client(context.now, Kind::ClientOther, transport);
        (self.serial, self.bytes, self.way, self.tried, self.lost) = (serial, bytes, way, Tried::default(), None);
    }

    pub(super) fn poll_timeout(&self) -> Option<Timestamp> {
        if self.is_sought() {
            // Whoever asks has a deadline of its own.
            return None;
        }
        self.lost.map(|(at, _)| at).or_else(|| self.transaction.poll_timeout().map(|(at, _)| at))
    }
}

impl Leg {
    pub(super) fn send_request(&mut self, context: &mut Context<'_>, serial: u16, method: Method, bytes: Bytes, way: Way) {
        self.send_asked(context, (serial, method), bytes, way, Interest::Nobody);
    }

    /// The same for somebody who waits for the answer.
    pub(super) fn send_asked(
        &mut self,
        context: &mut Context<'_>,
        (serial, method): (u16, Method),
        bytes: Bytes,
        mut way: Way,
        interest: Interest,
    ) {
        // A CANCEL has those of its INVITE.
        let bytes = if method == Method::Cancel { bytes } else { self.with_credentials(bytes, &way) };
        let bytes = self.fit(context.node, serial, &mut way, bytes);
        context.send(way.transmit(bytes.clone()));
        if self.requests.len() == MAX_OPEN_REQUESTS && matches!(method, Method::Bye | Method::Cancel) {
            self.make_room();
        }
        if self.requests.len() < MAX_OPEN_REQUESTS {
            let confirmed = self.state == State::Confirmed;
            self.requests.push(OpenRequest { confirmed, ..OpenRequest::new(context, (serial, method), bytes, way, interest) });
        }
    }

    /// What ends a dialog is repeated until it is answered, however much else is open: a PRACK is not, for its response comes again.
    fn make_room(&mut self) {
        let ends = |open: &OpenRequest| matches!(open.method, Method::Bye | Method::Cancel);
        let acknowledges = self.requests.iter().position(|open| open.method == Method::Prack);
        let is_idle = |open: &OpenRequest| matches!(open.interest, Interest::Nobody) && !ends(open);
        if let Some(place) = acknowledges.or_else(|| self.requests.iter().position(is_idle)) {
            self.requests.remove(place);
        }
    }

    /// What the other leg's peer asks of this one's has no other end any more: those who wait for answers, which are not told of here
    /// from now on.
    pub(crate) fn forget_askers(&mut self) -> Vec<HeldId> {
        let asked = self.requests.iter_mut().filter_map(|open| match std::mem::replace(&mut open.interest, Interest::Nobody) {
            Interest::Asker(asked) => Some(asked.id),
            interest => {
                open.interest = interest;
                None
            }
        });
        asked.collect()
    }

    /// Whether one more request of the other leg may be passed on.
    pub(super) fn has_room_to_ask(&self) -> bool {
        self.requests.len() < MAX_OPEN_BEFORE_ASKING
    }

    pub(super) fn on_request_response(
        &mut self,
        context: &mut Context<'_>,
        serial: u16,
        method: Method,
        response: Message,
    ) -> Option<LegEvent> {
        let place = self.requests.iter().position(|open| open.serial == serial && open.method == method)?;
        let event = if response.status() < 200 { Event::Provisional } else { Event::Success };
        self.requests[place].transaction.on(context.now, event);
        if event == Event::Provisional {
            return None;
        }
        // Timer K only absorbs repeated responses, which find nobody now and are dropped all the same.
        let mut open = self.requests.swap_remove(place);
        self.take_next_nonce(&response);
        // RFC 3263 §4.3.
        if response.status() == 503 && self.turn_request(context, &mut open, HopFailure::Refused(retry_after(&response))) {
            self.requests.push(open);
            return None;
        }
        // §22.1: a CANCEL cannot be sent again.
        if asks_again(&response) && method != Method::Cancel {
            open = self.request_again(context, open, &response)?;
        }
        if method == Method::Update && response.status() < 300 {
            self.on_updated(context, &response, open.confirmed);
        }
        if let Interest::Refresh = open.interest {
            return self.on_refreshed(context, Some(&response));
        }
        if let Interest::Key { settled } = open.interest {
            return self.on_key_told(context, settled, Some(&response));
        }
        open.interest.answered(response)
    }

    /// A request once more, as the response asks; back where it cannot be had so.
    fn request_again(&mut self, context: &mut Context<'_>, mut open: OpenRequest, response: &Message) -> Option<OpenRequest> {
        let again = self.once_more(context, &mut open.way, &open.bytes, &mut open.tried, response);
        let Some(again) = again else { return Some(open) };
        context.send(open.way.transmit(again.request.clone()));
        let transport = context.node.listener(open.way.listener).transport;
        open.transaction = Transaction::client(context.now, Kind::ClientOther, transport);
        (open.serial, open.bytes) = (again.serial, again.request);
        self.requests.push(open);
        None
    }

    /// Lets what is due run out, up to the first request that the call must hear of.
    pub(super) fn request_timeout(&mut self, context: &mut Context<'_>) -> Option<LegEvent> {
        let (mut place, mut event) = (0, None);
        while let (Some(open), None) = (self.requests.get_mut(place), &event) {
            if let Some((_, delivery)) = open.lost {
                let interest = self.requests.swap_remove(place).interest;
                event = interest.undelivered(delivery);
                match (interest, &event) {
                    (Interest::Refresh, None) => event = self.on_refreshed(context, None),
                    (Interest::Key { settled }, None) => event = self.on_key_told(context, settled, None),
                    (Interest::Key { .. }, Some(_)) => self.on_key_lost(),
                    _ => {}
                }
                continue;
            }
            place += 1;
            if open.is_sought() {
                continue;
            }
            let Some((_, timer)) = open.transaction.poll_timeout().filter(|(at, _)| *at <= context.now) else { continue };
            let actions = open.transaction.on(context.now, Event::Expired(timer));
            if actions.contains(&Action::Resend) {
                context.send(open.way.transmit(open.bytes.clone()));
            }
            if actions.contains(&Action::ReportTimeout) {
                let interest = open.interest;
                event = interest.unanswered();
                open.give_up_hop(context);
                place -= 1;
                self.requests.swap_remove(place);
                match (interest, &event) {
                    (Interest::Key { .. }, None) => event = self.on_key_told(context, false, None),
                    (Interest::Key { .. }, Some(_)) => self.on_key_lost(),
                    _ => {}
                }
            }
        }
        event
    }

    /// What could not be sent fails; or, where it was only tried over a stream, is sent as a datagram (§18.1.1).
    pub(super) fn requests_unreachable(&mut self, context: &mut Context<'_>, lost: &LostWay<'_>) {
        let (id, mut open) = (self.id, std::mem::take(&mut self.requests));
        open.retain_mut(|request| {
            if !lost.is(id, &request.way) {
                return true;
            }
            let again = (request.way.trial && lost.delivery == Delivery::Never)
                .then(|| self.as_datagram(context.node, &mut request.way, &request.bytes))
                .flatten();
            let Some((serial, bytes)) = again else {
                let failure = if lost.delivery == Delivery::Never { HopFailure::Unheard } else { HopFailure::Unanswered };
                if self.turn_request(context, request, failure) {
                    return true;
                }
                request.lost = Some((context.now, lost.delivery));
                context.outputs.extend(lost.told(&request.way));
                return !matches!(request.interest, Interest::Nobody);
            };
            let transport = context.node.listener(request.way.listener).transport;
            (request.serial, request.bytes) = (serial, bytes);
            request.transaction = Transaction::client(context.now, Kind::ClientOther, transport);
            context.send(request.way.transmit(request.bytes.clone()));
            true
        });
        self.requests = open;
    }

    /// A client transaction that nobody has used, and its Via.
    pub(super) fn new_via(&mut self, context: &Context<'_>, way: &Way) -> (u16, OurVia) {
        let serial = self.next_serial();
        (serial, self.via(context.node, way.listener, serial))
    }
}
