//! Offers of ours to a guest that talks: that it is held, or no more, and that its session goes on. What cannot go out now waits, as it does for
//! the two ([`super::super::reoffer`]).

use super::super::leg::{MAX_FORWARDS, sdp_of};
use super::super::reoffer::{MAX_TRIES, Own, Purpose, pause_after, retry_after};
use super::super::usage::ends_own_dialog;
use super::super::{Call, Side, context};
use super::{Guest, Key, Stage, Talking, leg_of, talking};
use crate::message::{Message, Method};
use crate::negotiation::{self, Exchange, PendingAgain};
use crate::sdp::Direction;
use tandem_model::{EndReason, LegId, MediaCommand, Timestamp};

/// Those of one guest.
#[derive(Debug, Default)]
pub(super) struct Offers {
    pub(super) open: Option<Open>,
    /// At most one for each purpose.
    pub(super) wanted: Vec<Wanted>,
}

/// One that waits for its answer.
#[derive(Debug)]
pub(super) struct Open {
    purpose: Purpose,
    pending: PendingAgain,
    tries: u8,
}

/// One that waits until it may be made.
#[derive(Debug)]
pub(super) struct Wanted {
    pub(super) purpose: Purpose,
    tries: u8,
    not_before: Timestamp,
}

impl Open {
    /// The same offer, of a leg that is one of the two now.
    pub(super) fn on(self, side: Side) -> Own {
        Own::again(side, self.purpose, self.pending, self.tries)
    }
}

impl Talking {
    fn may_be_offered(&self) -> bool {
        let is_still = self.leg.media.exchange() == Exchange::Stable && !self.leg.has_open_update();
        self.offers.open.is_none() && is_still && self.leg.may_reinvite()
    }

    fn want(&mut self, wanted: Wanted) {
        let same = |known: &Wanted| std::mem::discriminant(&known.purpose) == std::mem::discriminant(&wanted.purpose);
        self.offers.wanted.retain(|known| !same(known));
        self.offers.wanted.push(wanted);
    }
}

impl Guest {
    /// When an offer that waits may be made.
    pub(super) fn offer_due(&self) -> Option<Timestamp> {
        let Stage::Talking(talking) = &self.stage else { return None };
        // One that waits for another change needs no timer: it is tried after each input.
        talking.offers.wanted.iter().filter(|_| talking.may_be_offered()).map(|wanted| wanted.not_before).min()
    }
}

impl Call {
    /// Offers that to a guest, now or when it becomes possible.
    pub(in super::super) fn reoffer_guest(&mut self, now: Timestamp, leg: LegId, purpose: Purpose) {
        let Some(key) = self.guest_of(leg) else { return };
        if let Some(talking) = talking(&mut self.guests, key) {
            talking.want(Wanted { purpose, tries: 0, not_before: now });
        }
        self.send_guest_offers(now);
    }

    /// Makes what offers are due. To be called after each input while there are guests.
    pub(in super::super) fn send_guest_offers(&mut self, now: Timestamp) {
        let is_due = |guest: &&Guest| guest.offer_due().is_some_and(|at| at <= now);
        while let Some(key) = self.guests().iter().find(is_due).map(|guest| guest.key) {
            self.offer_next(now, key);
        }
    }

    fn offer_next(&mut self, now: Timestamp, key: Key) {
        let Some(talking) = talking(&mut self.guests, key) else { return };
        let Some(place) = talking.offers.wanted.iter().position(|wanted| wanted.not_before <= now) else { return };
        let Wanted { purpose, tries, .. } = talking.offers.wanted.remove(place);
        let (leg, offers) = (&mut talking.leg, &mut talking.offers);
        let pending = match purpose {
            // What the peer has taken meanwhile is as good.
            Purpose::Refresh if !leg.wants_refresh() => return,
            Purpose::Hold { held } => negotiation::offer_hold(&mut leg.media, held, Direction::SendRecv),
            _ => negotiation::offer_again(&mut leg.media),
        };
        match pending.ok().filter(|pending| leg.reinvite(context!(self, now), Some(pending.sdp()), MAX_FORWARDS)) {
            Some(pending) => offers.open = Some(Open { purpose, pending, tries: tries + 1 }),
            None => self.on_guest_not_offered(now, key, purpose, None),
        }
    }

    /// The final response to an offer of ours.
    pub(super) fn on_guest_modified(&mut self, now: Timestamp, key: Key, message: &Message) {
        let Some(talking) = talking(&mut self.guests, key) else { return };
        let Some(open) = talking.offers.open.take() else { return };
        if message.status() >= 300 {
            return self.on_guest_offer_refused(now, key, open, message.status(), Some(message));
        }
        let answer = sdp_of(message).unwrap_or_default();
        let leg = &mut talking.leg;
        if negotiation::settle_again(&open.pending, &answer, &mut leg.media).is_err() {
            leg.ack(context!(self, now), None);
            return self.guest_leaves(now, key, EndReason::Failed(488), None);
        }
        if let Purpose::Hold { held } = open.purpose {
            leg.media.hold(held);
        }
        let (id, description) = (leg.id, leg.media.describe(&leg.media));
        if let Some(description) = description {
            self.media(MediaCommand::Describe { call: self.id, leg: id, description });
        }
        if let Some(leg) = leg_of(&mut self.guests, key) {
            leg.ack(context!(self, now), None);
        }
        if let Purpose::Hold { held } = open.purpose {
            self.on_held(now, id, held);
        }
    }

    /// It could not be delivered: as if it had got a 503 (RFC 3261 §8.1.3.1).
    pub(super) fn on_guest_unreached(&mut self, now: Timestamp, key: Key) {
        if let Some(open) = talking(&mut self.guests, key).and_then(|talking| talking.offers.open.take()) {
            self.on_guest_offer_refused(now, key, open, 503, None);
        }
    }

    fn on_guest_offer_refused(&mut self, now: Timestamp, key: Key, open: Open, status: u16, message: Option<&Message>) {
        let Open { purpose, pending, tries } = open;
        drop(pending);
        if ends_own_dialog(Method::Invite, status) {
            return self.guest_leaves(now, key, EndReason::DialogLost, None);
        }
        let Some(talking) = talking(&mut self.guests, key) else { return };
        let pause = pause_after(status, message, || talking.leg.glare_pause(&mut self.random));
        match pause.filter(|_| tries < MAX_TRIES) {
            Some(pause) => talking.want(Wanted { purpose, tries, not_before: now + pause }),
            None => self.on_guest_not_offered(now, key, purpose, message),
        }
    }

    fn on_guest_not_offered(&mut self, now: Timestamp, key: Key, purpose: Purpose, message: Option<&Message>) {
        let Some(leg) = leg_of(&mut self.guests, key) else { return };
        let id = leg.id;
        match (purpose, message) {
            (Purpose::Hold { .. }, _) => self.on_not_held(id, message),
            // RFC 4028 §10: it is tried again while there is time.
            (_, Some(message)) => leg.refresh_refused(now, retry_after(message)),
            (_, None) => leg.refresh_undelivered(now),
        }
    }

    /// The session of a guest is to be refreshed (RFC 4028 §7.4).
    pub(super) fn refresh_guest(&mut self, now: Timestamp, key: Key) {
        let Some(leg) = leg_of(&mut self.guests, key) else { return };
        if !leg.refreshes_by_update() {
            let id = leg.id;
            return self.reoffer_guest(now, id, Purpose::Refresh);
        }
        if !leg.may_refresh() || !leg.refresh(context!(self, now)) {
            leg.refresh_later(now);
        }
    }
}
