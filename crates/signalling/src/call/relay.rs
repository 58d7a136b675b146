//! What one peer asks the other inside the dialog: INFO, OPTIONS, MESSAGE, and UPDATE without SDP. Each goes on as a request of the
//! other leg's own dialog; only its body and what is said about that are the asker's.

use super::leg::{Asked, Context, HeldId, Leg, Reply, sdp_of};
use super::usage::{ends_dialog, ends_subscription};
use super::{Call, Side, context};
use crate::message::{HeaderName, Message, Method};
use crate::reason;
use std::borrow::Cow;
use tandem_model::{Delivery, EndReason, Timestamp};

/// Seconds until a peer may ask again that asked before there was somebody to ask.
const NOBODY_YET_SECONDS: &str = "2";

impl Call {
    /// A peer asks the other one.
    pub(super) fn on_asked(&mut self, now: Timestamp, side: Side, id: HeldId) {
        let Some((leg, method)) = self.leg(side).and_then(|leg| Some((leg.id, leg.held(id)?.method()))) else { return };
        match method {
            Method::Refer => return self.on_refer(now, side, id),
            Method::Notify => return self.on_refer_notify(now, side, id),
            Method::Subscribe if self.on_subscribe(now, leg, id) => return,
            Method::Info if self.on_key_info(now, side, id) => return,
            _ => {}
        }
        if side == Side::Caller {
            self.bring_heard_forward();
        }
        let (near, far) = match side {
            Side::Caller => (Some(&mut self.caller), self.callee.as_mut()),
            Side::Callee => (self.callee.as_mut(), Some(&mut self.caller)),
        };
        let Some(near) = near else { return };
        let Some(request) = near.held(id) else { return };
        if request.method() == Method::Update {
            if let Some(offer) = sdp_of(request) {
                return self.on_update_offered(now, side, id, offer);
            }
            // RFC 3311 §4, §5.2: not to a peer that does not say that it takes UPDATE, nor a second at a time. One without an offer is about its
            // sender's leg first of all.
            if far.as_ref().is_some_and(|far| !far.takes_update() || far.has_open_update()) {
                return near.reply(context!(self, now), id, &Reply::new(200, &[]));
            }
        }
        if far.is_some_and(|far| far.ask(context!(self, now), id, request)) {
            return;
        }
        if self.alone.is_none() && request.method() != Method::Options {
            return near.reply(context!(self, now), id, &Reply::new(500, &[(HeaderName::RetryAfter, NOBODY_YET_SECONDS)]));
        }
        reply_of_ours(near, context!(self, now), id);
    }

    /// Whoever was asked this has left the conversation: who asked is told, and may ask whoever comes in the other's place.
    pub(super) fn answer_for_gone(&mut self, now: Timestamp, asker: Side, asked: &[HeldId]) {
        for id in asked {
            let reply = Reply::new(500, &[(HeaderName::RetryAfter, NOBODY_YET_SECONDS)]);
            self.with_leg(asker, now, |leg, context| leg.reply(context, *id, &reply));
        }
    }

    /// The other peer's answer.
    pub(super) fn on_replied(&mut self, now: Timestamp, from: Side, asked: Asked, response: &Message) {
        // RFC 3261 §12.2.1.2: the other side has no dialog. What waits gets 487 as the call ends. A target refresh can find more of that out.
        let is_over = match response.method() {
            Method::Update => ends_dialog(Method::Update, response.status()),
            _ => matches!(response.status(), 408 | 481),
        };
        if asked.settled && is_over && !self.outlives(from) {
            if self.has_company() {
                self.answer_for_gone(now, from.other(), &[asked.id]);
            }
            return self.dialog_refused(now, from, response.status());
        }
        self.on_passed_refer_answered(from, response);
        let mut status = status_of_reply(response.status());
        if response.method() == Method::Notify && ends_subscription(response.status()) {
            self.end_passed(from, asked.id);
            if !ends_subscription(status) {
                // RFC 5057 §5.1: whoever tells is to stop, and loses no more than the subscription.
                status = 481;
            }
        }
        let kept = status == response.status();
        let mut extra: Vec<(HeaderName, Cow<'_, str>)> = Vec::new();
        let passed: &[HeaderName] = match status {
            _ if !kept => &[HeaderName::Reason, HeaderName::Warning],
            200..300 => &[HeaderName::RecvInfo, HeaderName::ReferSub],
            // §21.4.13, RFC 6086 §4.2.2: what would have been understood.
            415 => &[HeaderName::Accept, HeaderName::AcceptEncoding, HeaderName::AcceptLanguage, HeaderName::Warning],
            469 => &[HeaderName::RecvInfo],
            _ => &[HeaderName::Reason, HeaderName::Warning, HeaderName::RetryAfter],
        };
        let said = reason::passable(response).filter(|_| passed.contains(&HeaderName::Reason));
        extra.extend(said.as_deref().map(|said| (HeaderName::Reason, Cow::Borrowed(said))));
        let is_passed = |header: &crate::message::Header<'_>| header.name != HeaderName::Reason && passed.contains(&header.name);
        response.headers().filter(is_passed).for_each(|header| extra.push((header.name, Cow::Borrowed(header.value))));
        if status == 405 {
            // §21.4.6: what the other peer does not take is not allowed here either.
            let allowed = self.leg(from.other()).map(|leg| leg.allow_without(response.method_token()));
            extra.push((HeaderName::Allow, allowed.unwrap_or_default().into()));
        }
        let extra: Vec<_> = extra.iter().map(|(name, value)| (*name, value.as_ref())).collect();
        let reply =
            Reply { status, reason: kept.then(|| response.reason()), extra: &extra, body_of: Some(response).filter(|_| kept), sdp: None };
        self.with_leg(from.other(), now, |leg, context| leg.reply(context, asked.id, &reply));
    }

    /// The other peer did not answer within 64×T1: its dialog counts as gone (§12.2.1.2). Whoever asked has given up as well.
    pub(super) fn on_no_reply(&mut self, now: Timestamp, from: Side, asked: Asked) {
        self.end_passed(from, asked.id);
        self.with_leg(from.other(), now, |leg, _| leg.take_back_held(asked.id));
        if asked.settled && !self.outlives(from) {
            self.leave(now, from, EndReason::DialogLost, None);
        }
    }

    /// The other peer could not be reached with it (§8.1.3.1: as if it had said 503). Where a connection broke under it the peer may
    /// well be there; where nobody is at its address any more its dialog is gone.
    pub(super) fn on_undelivered(&mut self, now: Timestamp, from: Side, asked: Asked, delivery: Delivery) {
        self.forget_undelivered(from, asked.id);
        let reply = Reply::new(status_of_reply(503), &[]);
        self.with_leg(from.other(), now, |leg, context| leg.reply(context, asked.id, &reply));
        if asked.settled && !self.outlives(from) && delivery.is_never() {
            self.leave(now, from, EndReason::DialogLost, None);
        }
    }
}

/// What a peer is told that asks where there is nobody else to be asked.
pub(super) fn reply_of_ours(near: &mut Leg, context: &mut Context<'_>, id: HeldId) {
    let Some(request) = near.held(id) else { return };
    let (method, package) = (request.method(), request.header(HeaderName::InfoPackage).is_some());
    let allowed = near.allow_without(request.method_token());
    let allow = [(HeaderName::Allow, allowed.as_str())];
    let reply = match method {
        Method::Options => Reply::new(200, &[]),
        // RFC 6086 §4.2.2: none of the packages is known here. Without a package it needs no more than to be heard.
        Method::Info if package => Reply::new(469, &[(HeaderName::RecvInfo, "")]),
        Method::Info | Method::Update => Reply::new(200, &[]),
        // There is nobody to read a message.
        _ => Reply::new(405, &allow),
    };
    near.reply(context, id, &reply);
}

/// The status that an asker gets for the other peer's final response. What is about the question itself passes; what is about our own
/// standing with the other peer does not. `docs/failures.md` has the table.
const fn status_of_reply(status: u16) -> u16 {
    match status {
        200..300 => status,
        405 | 406 | 413 | 415 | 469 | 487 | 489 | 491 | 493 | 501 | 513 => status,
        // RFC 4320 §4.2: a 408 to such a request comes too late to be of use.
        408 => 500,
        // A redirection would lead out of the dialog, into the other network.
        300..400 => 500,
        // RFC 5057 §5.1: it would be the end of the asker's dialog, which goes on.
        _ if ends_dialog(Method::Info, status) => 500,
        _ => super::failure::relayed_status(status),
    }
}
