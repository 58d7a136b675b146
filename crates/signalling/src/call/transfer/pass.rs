//! A REFER that the other peer is to carry out: passed on in its dialog, and its NOTIFYs passed back (RFC 5589 §4 leaves that to whoever
//! stands between).

use super::super::leg::{Facing, HeldId, Passed, Reply};
use super::super::phase::Phase;
use super::super::{Call, NodeFacts, Side, context, parties, user_to_user};
use super::faces;
use crate::message::{
    EventHeader, HeaderName, Message, Method, NameAddr, Scheme, SubscriptionState, Uri, declines_subscription, reason_phrase, sipfrag,
    sipfrag_status,
};
use crate::outside::LATER;
use std::borrow::Cow;
use tandem_model::{LegId, ListenerId, Timestamp, Transport};

/// Passed REFERs of one call whose NOTIFYs are still to come; those of the oldest are no longer passed back when there is one more.
const MAX_PASSED: usize = 4;

/// One of them.
#[derive(Debug)]
pub(super) struct PassedRefer {
    /// Whose peer asked for it.
    transferor: LegId,
    /// Whose peer carries it out.
    to: LegId,
    /// Its CSeq number there, and at the transferor.
    cseq: u32,
    transferor_cseq: u32,
    /// The transferor's request, while it waits.
    asked: HeldId,
    /// It is the first of its dialog, whose NOTIFYs need no `id` (RFC 3515 §2.4.6).
    is_first: bool,
    /// The last NOTIFY of it that was passed back.
    told: Option<HeldId>,
    /// It came outside of any dialog.
    outside: Option<Outside>,
}

#[derive(Debug, Default)]
struct Outside {
    /// What it has made so far.
    dialog: Option<LegId>,
}

impl PassedRefer {
    pub(super) fn is_from_outside(&self) -> bool {
        self.outside.is_some()
    }

    /// The dialog of its own that it has made.
    fn own_dialog(&self) -> Option<LegId> {
        self.outside.as_ref()?.dialog
    }
}

impl Call {
    /// The other peer gets the REFER; with a dialog that it is to replace, if that is named by us.
    pub(super) fn pass_refer(&mut self, now: Timestamp, side: Side, id: HeldId, named: Option<&Facing>) {
        if self.alone.is_some() {
            return self.answer_refer(now, side, id, &Reply::new(403, &[]));
        }
        if !matches!(self.phase, Phase::Talking) {
            return self.answer_refer(now, side, id, &Reply::new(500, &LATER));
        }
        let (near, far) = match side {
            Side::Caller => (Some(&self.caller), self.callee.as_mut()),
            Side::Callee => (self.callee.as_ref(), Some(&mut self.caller)),
        };
        let (Some(near), Some(far)) = (near, far) else { return };
        let Some(request) = near.held(id) else { return };
        let passes = near.profile.user_to_user.lets_in && far.profile.user_to_user.lets_out;
        let to: Cow<'_, str> = match named {
            Some(facing) => Cow::Owned(faces::refer_to(facing, request)),
            None => match rewritten(&self.node, request.header(HeaderName::ReferTo).unwrap_or_default(), far.profile.listener) {
                Some(to) => match user_to_user::screened(&to, passes) {
                    Cow::Owned(screened) => Cow::Owned(screened),
                    Cow::Borrowed(_) => to,
                },
                // RFC 5057 §5.1: a 480 would end the usage that goes on.
                None => return self.answer_refer(now, side, id, &Reply::new(603, &[])),
            },
        };
        let by = request.header(HeaderName::ReferredBy).and_then(|value| NameAddr::parse(value).ok());
        let by = by.and_then(|by| parties::number_in(by.uri)).filter(|user| !user.is_empty());
        let by = parties::referrer(near, by);
        let host = &self.node.listener(far.profile.listener).host;
        let by = by.map(|user| ["<", &parties::uri_of(&user, host), ">"].concat());
        let mut headers = vec![(HeaderName::ReferTo, to.as_ref())];
        headers.extend(by.as_deref().map(|by| (HeaderName::ReferredBy, by)));
        if declines_subscription(request) {
            headers.push((HeaderName::ReferSub, "false"));
        }
        let transferor_cseq = request.cseq().map_or(0, |cseq| cseq.number);
        let passed = far.pass(context!(self, now), id, request, &Passed { headers: &headers, fragment: None });
        let (transferor, to) = (near.id, far.id);
        let Some(cseq) = passed else {
            return self.answer_refer(now, side, id, &Reply::new(500, &LATER));
        };
        let outside = self.is_from_outside(side, id).then(Outside::default);
        let transfers = self.transfers.get_or_insert_default();
        let is_first = outside.is_some() || !transfers.referred.contains(&transferor);
        if is_first && outside.is_none() {
            transfers.referred.push(transferor);
        }
        let mut forgotten = None;
        if transfers.passed.len() == MAX_PASSED {
            // Whoever has not ended the oldest by now may never do so.
            forgotten = transfers.passed.remove(0).own_dialog();
            transfers.has_forgotten = true;
        }
        transfers.passed.push(PassedRefer { transferor, to, cseq, asked: id, transferor_cseq, is_first, told: None, outside });
        forgotten.into_iter().for_each(|dialog| self.end_aside(now, dialog));
    }

    /// The dialog of its own in which the NOTIFYs of that passed REFER go back, if it came outside of any: made now, unless it is there.
    fn way_back(&mut self, place: usize) -> Option<LegId> {
        let passed = self.transfers.as_ref()?.passed.get(place)?;
        let (transferor, to, asked) = (passed.transferor, passed.to, passed.asked);
        let dialog = passed.outside.as_ref()?.dialog.or_else(|| self.open_aside(transferor, asked, Some(to)))?;
        self.transfers.as_mut()?.passed.get_mut(place)?.outside.as_mut()?.dialog = Some(dialog);
        Some(dialog)
    }

    /// Nothing more is passed back in the dialog of its own that a REFER has made.
    pub(super) fn forget_passed(&mut self, dialog: LegId) {
        if let Some(transfers) = &mut self.transfers {
            transfers.passed.retain(|passed| passed.own_dialog() != Some(dialog));
        }
        self.close_aside(dialog);
    }

    /// The other peer answered a request that was passed on: no NOTIFY comes of a REFER that it refused, or that wants none.
    pub(in super::super) fn on_passed_refer_answered(&mut self, from: Side, response: &Message) {
        if response.method() != Method::Refer {
            return;
        }
        let Some(leg) = self.leg(from).map(|leg| leg.id) else { return };
        let cseq = response.cseq().map_or(0, |cseq| cseq.number);
        let passed = self.transfers.as_ref().map(|transfers| transfers.passed.as_slice()).unwrap_or_default();
        let Some(place) = passed.iter().position(|passed| passed.to == leg && passed.cseq == cseq) else { return };
        if response.status() < 300 && !declines_subscription(response) {
            self.way_back(place);
        } else if let Some(transfers) = &mut self.transfers {
            let passed = transfers.passed.remove(place);
            if let Some(dialog) = passed.own_dialog() {
                self.close_aside(dialog);
            }
        }
    }

    /// The transferor at that side wants no more NOTIFYs of what this one told, or does not answer: none is passed back any more
    /// (RFC 6665 §4.2.2).
    pub(in super::super) fn end_passed(&mut self, from: Side, told: HeldId) {
        let Some(teller) = self.leg(from.other()).map(|leg| leg.id) else { return };
        let Some(transfers) = &mut self.transfers else { return };
        let Some(place) = transfers.passed.iter().position(|passed| passed.to == teller && passed.told == Some(told)) else { return };
        let dialog = transfers.passed.remove(place).own_dialog();
        // What comes without an `id` is of this one, and not of the next.
        transfers.has_forgotten = true;
        dialog.into_iter().for_each(|dialog| self.close_aside(dialog));
    }

    /// The REFER went down with its connection, and the transferor hears so: nothing is passed back of what may come of it all the same.
    pub(in super::super) fn forget_undelivered(&mut self, from: Side, asked: HeldId) {
        let (Some(leg), Some(asker)) = (self.leg(from), self.leg(from.other())) else { return };
        let between = (asker.id, leg.id);
        let Some(transfers) = &mut self.transfers else { return };
        let is_it = |passed: &PassedRefer| (passed.transferor, passed.to) == between && passed.asked == asked && passed.told.is_none();
        let Some(place) = transfers.passed.iter().position(is_it) else { return };
        let dialog = transfers.passed.remove(place).own_dialog();
        transfers.has_forgotten = true;
        dialog.into_iter().for_each(|dialog| self.close_aside(dialog));
    }

    /// The transferor has left the conversation, and its dialog ends: nothing is passed back of what it asked for there. What it asked for
    /// outside of any is told on, in the dialog that this has made.
    pub(super) fn forget_passed_of(&mut self, transferor: LegId) {
        let Some(transfers) = &mut self.transfers else { return };
        let before = transfers.passed.len();
        transfers.passed.retain(|passed| passed.transferor != transferor || passed.own_dialog().is_some());
        transfers.has_forgotten |= transfers.passed.len() < before;
    }

    /// The passed REFER that a NOTIFY is about, and whether there is nothing more to come.
    fn passed_of_notify(&self, side: Side, id: HeldId) -> Option<(usize, bool)> {
        let leg = self.leg(side)?;
        let request = leg.held(id)?;
        let event = request.header(HeaderName::Event).and_then(EventHeader::parse);
        let named = event.and_then(|event| event.id).and_then(|id| id.parse::<u32>().ok());
        let transfers = self.transfers.as_ref()?;
        let is_of = |passed: &PassedRefer| named.map_or(!transfers.has_forgotten, |cseq| cseq == passed.cseq);
        let place = transfers.passed.iter().position(|passed| passed.to == leg.id && is_of(passed))?;
        let state = request.header(HeaderName::SubscriptionState).and_then(SubscriptionState::parse)?;
        Some((place, state.is_terminated()))
    }

    /// A NOTIFY of what becomes of a REFER: that of the other side's peer gets it.
    pub(in super::super) fn on_refer_notify(&mut self, now: Timestamp, side: Side, id: HeldId) {
        let Some((place, is_over)) = self.passed_of_notify(side, id) else {
            // RFC 6665 §4.1.3: of nothing that was asked for.
            return self.answer_refer(now, side, id, &Reply::new(481, &[]));
        };
        let aside = self.way_back(place);
        let told =
            self.transfers.as_ref().and_then(|transfers| transfers.passed.get(place)).map(|passed| (passed.transferor, passed.asked));
        if let Some((_, asked)) = told.filter(|(transferor, _)| self.leg(side.other()).is_some_and(|leg| leg.id == *transferor)) {
            // RFC 6665 §4.1.2.4: what is told of has been accepted, whether or not its 202 is lost or late.
            self.answer_refer(now, side.other(), asked, &Reply::new(202, &[]));
        }
        let (near, far) = match side {
            Side::Caller => (Some(&self.caller), self.callee.as_mut()),
            Side::Callee => (self.callee.as_ref(), Some(&mut self.caller)),
        };
        let Some(passed) = self.transfers.as_ref().map(|transfers| transfers.passed.as_slice()) else { return };
        let far = match passed[place].is_from_outside() {
            true => self.strays.iter_mut().find(|stray| Some(stray.id) == aside),
            false => far,
        };
        let Some(request) = near.and_then(|near| near.held(id)) else { return };
        let package = match passed[place].is_first {
            true => Cow::Borrowed("refer"),
            false => Cow::Owned(format!("refer;id={}", passed[place].transferor_cseq)),
        };
        let said = request.header(HeaderName::SubscriptionState).unwrap_or_default();
        // The status line alone: what may follow it names the other network.
        let fragment = sipfrag_status(request).map(|status| sipfrag(status, reason_phrase(status)));
        let headers = [(HeaderName::Event, package.as_ref()), (HeaderName::SubscriptionState, said)];
        let about = Passed { headers: &headers, fragment: fragment.as_deref().map(str::as_bytes) };
        let is_passed = far.is_some_and(|far| far.pass(context!(self, now), id, request, &about).is_some());
        if let Some(transfers) = self.transfers.as_mut().filter(|_| is_over || !is_passed) {
            transfers.passed.remove(place);
            aside.into_iter().for_each(|dialog| self.close_aside(dialog));
        }
        if let Some(passed) =
            self.transfers.as_mut().and_then(|transfers| transfers.passed.get_mut(place)).filter(|_| !is_over && is_passed)
        {
            passed.told = Some(id);
        }
        if !is_passed {
            self.answer_refer(now, side, id, &Reply::new(481, &[]));
        }
    }
}

/// Refer-To as the other peer can use it: where it names us, it does so by the listener that this peer knows. `None`: that one has no TLS,
/// which is asked for.
fn rewritten<'v>(node: &NodeFacts, value: &'v str, listener: ListenerId) -> Option<Cow<'v, str>> {
    let Some(uri) = NameAddr::parse(value).ok().and_then(|address| Uri::parse(address.uri).ok()) else { return Some(Cow::Borrowed(value)) };
    let host = uri.host.to_string();
    if !node.listeners.iter().any(|known| *known.host == *host) {
        return Some(Cow::Borrowed(value));
    }
    let ours = node.listener(listener);
    let (scheme, transport) = match (uri.scheme == Scheme::Sips, ours.transport) {
        // RFC 5630 §3.1.3: beside that scheme the parameter is out of date.
        (true, Transport::Tls) => ("<sips:", ""),
        (true, Transport::Udp | Transport::Tcp) => return None,
        (false, Transport::Udp) => ("<sip:", ""),
        (false, Transport::Tcp) => ("<sip:", ";transport=tcp"),
        (false, Transport::Tls) => ("<sip:", ";transport=tls"),
    };
    let user = uri.user.map(|user| [user, "@"].concat()).unwrap_or_default();
    Some(Cow::Owned([scheme, &user, &ours.advertise, transport, uri.headers.as_str(), ">"].concat()))
}
