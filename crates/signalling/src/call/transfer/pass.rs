//! A REFER that the other peer is to carry out: passed on in its dialog, and its NOTIFYs passed back (RFC 5589 §4 leaves that to whoever
//! stands between).

use super::super::leg::{Facing, HeldId, Passed, Reply};
use super::super::phase::Phase;
use super::super::{Call, NodeFacts, Side, context, parties};
use super::faces;
use crate::message::{
    EventHeader, HeaderName, Message, Method, NameAddr, SubscriptionState, Uri, declines_subscription, reason_phrase, sipfrag,
    sipfrag_status,
};
use std::borrow::Cow;
use tandem_model::{LegId, ListenerId, Timestamp, Transport};

/// Passed REFERs of one call whose NOTIFYs are still to come; those of the oldest are no longer passed back when there is one more.
const MAX_PASSED: usize = 4;

/// One of them.
#[derive(Debug)]
pub(super) struct PassedRefer {
    /// Whose peer carries it out.
    to: LegId,
    /// Its CSeq number there, and at the transferor.
    cseq: u32,
    transferor_cseq: u32,
    /// It is the transferor's first, whose NOTIFYs need no `id` (RFC 3515 §2.4.6).
    is_first: bool,
}

impl Call {
    /// The other peer gets the REFER; with a dialog that it is to replace, if that is named by us.
    pub(super) fn pass_refer(&mut self, now: Timestamp, side: Side, id: HeldId, named: Option<&Facing>) {
        if self.alone.is_some() {
            return self.answer_refer(now, side, id, &Reply::new(403, &[]));
        }
        if !matches!(self.phase, Phase::Talking) {
            return self.answer_refer(now, side, id, &Reply::new(500, &[(HeaderName::RetryAfter, "2")]));
        }
        let (near, far) = match side {
            Side::Caller => (Some(&self.caller), self.callee.as_mut()),
            Side::Callee => (self.callee.as_ref(), Some(&mut self.caller)),
        };
        let (Some(near), Some(far)) = (near, far) else { return };
        let Some(request) = near.held(id) else { return };
        let to = match named {
            Some(facing) => Cow::Owned(faces::refer_to(facing, request)),
            None => rewritten(&self.node, request.header(HeaderName::ReferTo).unwrap_or_default(), far.profile.listener),
        };
        let by = request.header(HeaderName::ReferredBy).and_then(|value| NameAddr::parse(value).ok());
        let by = by.and_then(|by| parties::number_in(by.uri)).filter(|user| !user.is_empty());
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
            return self.answer_refer(now, side, id, &Reply::new(500, &[(HeaderName::RetryAfter, "2")]));
        };
        let transfers = self.transfers.get_or_insert_default();
        let is_first = !transfers.referred.contains(&transferor);
        if is_first {
            transfers.referred.push(transferor);
        }
        if transfers.passed.len() == MAX_PASSED {
            // Whoever has not ended the oldest by now may never do so.
            transfers.passed.remove(0);
            transfers.has_forgotten = true;
        }
        transfers.passed.push(PassedRefer { to, cseq, transferor_cseq, is_first });
    }

    /// The other peer answered a request that was passed on: no NOTIFY comes of a REFER that it refused, or that wants none.
    pub(in super::super) fn on_passed_refer_answered(&mut self, from: Side, response: &Message) {
        if response.method() != Method::Refer {
            return;
        }
        let Some(leg) = self.leg(from).map(|leg| leg.id) else { return };
        let cseq = response.cseq().map_or(0, |cseq| cseq.number);
        if let Some(transfers) = self.transfers.as_mut().filter(|_| response.status() >= 300 || declines_subscription(response)) {
            transfers.passed.retain(|passed| passed.to != leg || passed.cseq != cseq);
        }
    }

    /// A NOTIFY of what becomes of a REFER: that of the other side's peer gets it.
    pub(in super::super) fn on_refer_notify(&mut self, now: Timestamp, side: Side, id: HeldId) {
        let (near, far) = match side {
            Side::Caller => (Some(&self.caller), self.callee.as_mut()),
            Side::Callee => (self.callee.as_ref(), Some(&mut self.caller)),
        };
        let (Some(near), Some(far)) = (near, far) else { return self.answer_refer(now, side, id, &Reply::new(481, &[])) };
        let Some(request) = near.held(id) else { return };
        let event = request.header(HeaderName::Event).and_then(EventHeader::parse);
        let named = event.and_then(|event| event.id).and_then(|id| id.parse::<u32>().ok());
        let transfers = self.transfers.as_deref();
        let passed = transfers.map(|transfers| transfers.passed.as_slice()).unwrap_or_default();
        let is_clear = transfers.is_some_and(|transfers| !transfers.has_forgotten);
        let is_of = |passed: &PassedRefer| named.map_or(is_clear, |cseq| cseq == passed.cseq);
        let place = passed.iter().position(|passed| passed.to == near.id && is_of(passed));
        let state = request.header(HeaderName::SubscriptionState).and_then(SubscriptionState::parse);
        let (Some(place), Some(state)) = (place, state) else {
            // RFC 6665 §4.1.3: of nothing that was asked for.
            return self.answer_refer(now, side, id, &Reply::new(481, &[]));
        };
        let package = match passed[place].is_first {
            true => Cow::Borrowed("refer"),
            false => Cow::Owned(format!("refer;id={}", passed[place].transferor_cseq)),
        };
        let said = request.header(HeaderName::SubscriptionState).unwrap_or_default();
        // The status line alone: what may follow it names the other network.
        let fragment = sipfrag_status(request).map(|status| sipfrag(status, reason_phrase(status)));
        let headers = [(HeaderName::Event, package.as_ref()), (HeaderName::SubscriptionState, said)];
        let about = Passed { headers: &headers, fragment: fragment.as_deref().map(str::as_bytes) };
        let is_passed = far.pass(context!(self, now), id, request, &about).is_some();
        let is_over = state.is_terminated();
        if let Some(transfers) = self.transfers.as_mut().filter(|_| is_over || !is_passed) {
            transfers.passed.remove(place);
        }
        if !is_passed {
            self.answer_refer(now, side, id, &Reply::new(481, &[]));
        }
    }
}

/// Refer-To as the other peer can use it: where it names us, it does so by the listener that this peer knows.
fn rewritten<'v>(node: &NodeFacts, value: &'v str, listener: ListenerId) -> Cow<'v, str> {
    let Some(address) = NameAddr::parse(value).ok() else { return Cow::Borrowed(value) };
    let Some(uri) = Uri::parse(address.uri).ok() else { return Cow::Borrowed(value) };
    let host = uri.host.to_string();
    if !node.listeners.iter().any(|known| *known.host == *host) {
        return Cow::Borrowed(value);
    }
    let ours = node.listener(listener);
    let transport = match ours.transport {
        Transport::Udp => "",
        Transport::Tcp => ";transport=tcp",
        Transport::Tls => ";transport=tls",
    };
    let user = uri.user.map(|user| [user, "@"].concat()).unwrap_or_default();
    Cow::Owned(["<sip:", &user, &ours.advertise, transport, uri.headers.as_str(), ">"].concat())
}
