//! Offers of our own inside a dialog: [`Call::reoffer`] says what one side is to be offered, now or as soon as it may be.
//!
//! It may be while nothing else changes the session, and no INVITE is open between that peer and us (RFC 3261 §14.1). Whoever asks for it
//! need not look: what cannot go out now waits, and goes when the way is free. A 491 is answered by trying again after the pause
//! of §14.1, a 5xx with Retry-After after that, a request that could not be delivered after a pause likewise; at most [`MAX_TRIES`] times. A
//! failure that ends the dialog ends the call ([`super::usage`]).
//!
//! What comes of it is for the [`Purpose`]: [`Call::on_reoffered`] has an arm for each. Whoever puts another leg in the place of one calls
//! [`Call::forget_reoffers`] for that side.

use super::leg::{Leg, MAX_FORWARDS, sdp_of};
use super::modify::Modify;
use super::phase::Phase;
use super::usage::ends_own_dialog;
use super::{Call, Side};
use crate::message::{HeaderName, Message, Method};
use crate::negotiation::{self, Exchange, PendingAgain, PendingOffer, PendingOwn};
use crate::sdp::Direction;
use std::time::Duration;
use tandem_model::{EndReason, Timestamp};

/// How often one offer is made.
pub(super) const MAX_TRIES: u8 = 6;

/// Offers that may wait at once: one a side for each purpose.
const MAX_WANTED: usize = 8;

/// The longest that a peer may put us off by Retry-After.
const MAX_RETRY_AFTER: Duration = Duration::from_secs(32);

/// What an offer of ours is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Purpose {
    /// The session that the leg had before it took a change that came to nothing ([`super::restore`]).
    Restore,
    /// The session as it is: the request alone matters, as for a session timer (RFC 4028 §7.4), where the peer takes no
    /// UPDATE.
    Refresh,
    /// What the other side has settled on, in this direction or in the other side's own: the two have not spoken before, or not in these words.
    /// Where media does not go through us, what the other side said.
    Like { direction: Option<Direction> },
    /// The session as it is, but that we hold the leg, or do no more ([`super::hold_by_us`]).
    Hold { held: bool },
}

/// An offer that waits for its answer.
#[derive(Debug)]
enum Pending {
    Again(PendingAgain),
    Like(PendingOwn),
    Unheard(Box<PendingOffer>),
}

impl Pending {
    fn sdp(&self) -> &[u8] {
        match self {
            Pending::Again(pending) => pending.sdp(),
            Pending::Like(pending) => pending.sdp(),
            Pending::Unheard(pending) => pending.sdp(),
        }
    }
}

/// How it ended.
#[derive(Debug)]
pub(super) enum Reoffered<'a> {
    /// The peer took it.
    Taken,
    /// It did not, for good; its response, if there was one.
    Refused(Option<&'a Message>),
}

/// What waits to be offered.
#[derive(Debug)]
pub(super) struct Wanted {
    to: Side,
    purpose: Purpose,
    tries: u8,
    not_before: Timestamp,
}

/// An offer of ours that is under way.
#[derive(Debug)]
pub(super) struct Own {
    to: Side,
    purpose: Purpose,
    pending: Pending,
    tries: u8,
}

impl Own {
    /// An offer of what that side has, which is under way already.
    pub(super) fn again(to: Side, purpose: Purpose, pending: PendingAgain, tries: u8) -> Own {
        Own { to, purpose, pending: Pending::Again(pending), tries }
    }

    pub(super) fn is_to(&self, side: Side) -> bool {
        self.to == side
    }
}

impl Call {
    /// Offers that to one side, now or when it becomes possible.
    pub(super) fn reoffer(&mut self, now: Timestamp, to: Side, purpose: Purpose) {
        self.want(now, to, purpose);
        self.send_reoffers(now);
    }

    fn want(&mut self, now: Timestamp, to: Side, purpose: Purpose) {
        let wanted = self.wanted.get_or_insert_default();
        let same = |known: &Wanted| known.to == to && std::mem::discriminant(&known.purpose) == std::mem::discriminant(&purpose);
        wanted.retain(|known| !same(known));
        if wanted.len() < MAX_WANTED {
            wanted.push(Wanted { to, purpose, tries: 0, not_before: now });
        }
    }

    /// Nothing of ours is to be offered to that side any more.
    pub(super) fn forget_reoffers(&mut self, to: Side) {
        if let Some(wanted) = &mut self.wanted {
            wanted.retain(|known| known.to != to);
        }
    }

    /// When an offer that waits may be tried again.
    pub(super) fn reoffer_due(&self) -> Option<Timestamp> {
        // One that waits for another change needs no timer: it is tried after each input.
        let wanted = self.wanted.as_deref().filter(|_| self.modify.is_none() && self.ended.is_none())?;
        wanted.iter().filter(|wanted| self.may_reoffer(wanted)).map(|wanted| wanted.not_before).min()
    }

    /// Sends the first offer whose time has come, if one may be made. To be called after each input while something is wanted.
    pub(super) fn send_reoffers(&mut self, now: Timestamp) {
        if self.ended.is_some() {
            self.wanted = None;
        }
        let Some(wanted) = self.wanted.as_deref().filter(|_| self.modify.is_none()) else { return };
        let due = |wanted: &Wanted| wanted.not_before <= now && self.may_reoffer(wanted);
        let Some(place) = wanted.iter().position(due) else { return };
        let Some(list) = &mut self.wanted else { return };
        let wanted = list.remove(place);
        if list.is_empty() {
            self.wanted = None;
        }
        self.make_offer(now, wanted);
    }

    fn may_reoffer(&self, wanted: &Wanted) -> bool {
        let is_still = |leg: &Leg| leg.media.exchange() == Exchange::Stable;
        let is_free = |leg: &Leg| leg.may_reinvite() && !leg.has_open_update() && is_still(leg);
        let others = match self.phase {
            Phase::Talking => self.leg(wanted.to.other()).is_none_or(is_still),
            // A caller that was answered at once has its session, whoever rings.
            Phase::Dialling(_) => self.has_picked_up() && wanted.to == Side::Caller && wanted.purpose == Purpose::Refresh,
            _ => false,
        };
        others && self.leg(wanted.to).is_some_and(is_free)
    }

    fn make_offer(&mut self, now: Timestamp, wanted: Wanted) {
        let Wanted { to, purpose, tries, .. } = wanted;
        // What the peer has taken meanwhile is as good.
        if purpose == Purpose::Refresh && !self.leg(to).is_some_and(Leg::wants_refresh) {
            return;
        }
        let pending = self.own_offer(to, purpose);
        let Some(pending) = pending.filter(|pending| self.send_change(now, to, Method::Invite, Some(pending.sdp()), MAX_FORWARDS)) else {
            return self.on_reoffered(now, to, purpose, &Reoffered::Refused(None));
        };
        self.modify = Some(Box::new(Modify::Own(Own { to, purpose, pending, tries: tries + 1 })));
    }

    /// What the offer says; `None` where there is nothing to be offered.
    fn own_offer(&mut self, to: Side, purpose: Purpose) -> Option<Pending> {
        let (leg, other) = match (to, &mut self.callee) {
            (Side::Caller, callee) => (&mut self.caller, callee.as_mut()),
            (Side::Callee, Some(callee)) => (callee, Some(&mut self.caller)),
            (Side::Callee, None) => return None,
        };
        match (purpose, other) {
            (Purpose::Refresh | Purpose::Restore, _) => negotiation::offer_again(&mut leg.media).ok().map(Pending::Again),
            (Purpose::Hold { held }, other) => {
                let wanted = other.and_then(|of| of.media.direction()).unwrap_or(Direction::SendRecv);
                negotiation::offer_hold(&mut leg.media, held, wanted).ok().map(Pending::Again)
            }
            (Purpose::Like { .. }, Some(of)) if !leg.media.is_anchored() => {
                let pending = negotiation::offer_unheard(&mut of.media, &mut leg.media).ok()?;
                Some(Pending::Unheard(Box::new(pending)))
            }
            (Purpose::Like { direction }, Some(of)) => {
                let direction = direction.or(of.media.direction())?;
                negotiation::offer_like(&of.media, &mut leg.media, direction).ok().map(Pending::Like)
            }
            (Purpose::Like { .. }, None) => None,
        }
    }

    /// Takes the answer to it. False: it is none.
    fn settle_own_offer(&mut self, now: Timestamp, to: Side, pending: &Pending, answer: &[u8]) -> bool {
        let (leg, other) = match (to, &mut self.callee) {
            (Side::Caller, callee) => (&mut self.caller, callee.as_mut()),
            (Side::Callee, Some(callee)) => (callee, Some(&mut self.caller)),
            (Side::Callee, None) => return false,
        };
        match (pending, other) {
            (Pending::Again(pending), _) => negotiation::settle_again(pending, answer, &mut leg.media).is_ok(),
            (Pending::Like(pending), Some(of)) => {
                let Ok(settled) = negotiation::settle_like(pending, answer, &of.media, &mut leg.media) else { return false };
                let leg = leg.id;
                self.codec = settled.codec.or(self.codec);
                self.note_hold(now, to, leg, settled.to_holds);
                true
            }
            (Pending::Unheard(pending), Some(of)) => {
                let Ok(is_news) = negotiation::settle_unheard(pending, answer, &mut of.media, &mut leg.media) else { return false };
                // Once there and once back: two that move at each word would never end.
                if is_news && to == Side::Caller {
                    self.want(now, to.other(), Purpose::Like { direction: None });
                }
                true
            }
            (Pending::Like(_) | Pending::Unheard(_), None) => false,
        }
    }

    /// The final response.
    pub(super) fn on_own_answered(&mut self, now: Timestamp, own: Own, message: &Message) {
        if message.status() >= 300 {
            return self.on_own_refused(now, own, message.status(), Some(message));
        }
        let answer = sdp_of(message);
        if !answer.is_some_and(|answer| self.settle_own_offer(now, own.to, &own.pending, &answer)) {
            return self.end(now, EndReason::Failed(488), None);
        }
        if let Purpose::Hold { held } = own.purpose {
            self.with_leg(own.to, now, |leg, _| leg.media.hold(held));
        }
        if self.has_picked_up() {
            self.describe_picked_up();
        } else {
            self.describe_now();
        }
        self.acknowledge(now, own.to, None);
        self.on_reoffered(now, own.to, own.purpose, &Reoffered::Taken);
    }

    /// Tells the media session how both legs stand.
    pub(super) fn describe_now(&mut self) {
        let far = self.callee.as_ref().unwrap_or(&self.caller);
        let (near, far_id) = (self.caller.id, far.id);
        let (describe_near, describe_far) = negotiation::describe_both(&self.caller.media, &far.media);
        let described = [(near, describe_near), (far_id, describe_far.filter(|_| far_id != near))];
        self.describe_each(described);
    }

    /// It was refused, or could not be delivered (503).
    pub(super) fn on_own_refused(&mut self, now: Timestamp, own: Own, status: u16, message: Option<&Message>) {
        let Own { to, purpose, tries, pending } = own;
        drop(pending);
        if ends_own_dialog(Method::Invite, status) {
            return self.dialog_refused(now, to, status);
        }
        let leg = to.of(&mut self.caller, &mut self.callee);
        let pause = leg.and_then(|leg| pause_after(status, message, || leg.glare_pause(&mut self.random)));
        match pause.filter(|_| tries < MAX_TRIES) {
            Some(pause) => self.want_again(now, Wanted { to, purpose, tries, not_before: now + pause }),
            None => self.on_reoffered(now, to, purpose, &Reoffered::Refused(message)),
        }
    }

    fn want_again(&mut self, now: Timestamp, wanted: Wanted) {
        self.wanted.get_or_insert_default().push(wanted);
        self.send_reoffers(now);
    }

    /// What came of an offer of ours.
    fn on_reoffered(&mut self, now: Timestamp, to: Side, purpose: Purpose, outcome: &Reoffered<'_>) {
        match (purpose, outcome) {
            (Purpose::Hold { held }, outcome) => {
                let Some(leg) = self.leg(to).map(|leg| leg.id) else { return };
                match outcome {
                    Reoffered::Taken => self.on_held(now, leg, held),
                    Reoffered::Refused(response) => self.on_not_held(leg, *response),
                }
            }
            (_, Reoffered::Taken) => {}
            // It has no stream and wants none, or will not speak what the other side speaks.
            (Purpose::Restore | Purpose::Like { .. }, Reoffered::Refused(_)) => self.end(now, EndReason::Failed(488), None),
            // RFC 4028 §10: it is tried again while there is time.
            (Purpose::Refresh, Reoffered::Refused(Some(message))) => {
                let after = retry_after(message);
                self.with_leg(to, now, |leg, context| leg.refresh_refused(context.now, after));
            }
            (Purpose::Refresh, Reoffered::Refused(None)) => {
                self.with_leg(to, now, |leg, context| leg.refresh_undelivered(context.now));
            }
        }
    }

    /// A peer's own change has settled both legs anew: there is nothing left to be restored, and nothing that one has not heard.
    pub(super) fn restored_otherwise(&mut self) {
        let is_anchored = self.caller.media.is_anchored();
        if let Some(wanted) = &mut self.wanted {
            wanted.retain(|known| match known.purpose {
                Purpose::Restore => false,
                Purpose::Like { .. } => is_anchored,
                Purpose::Refresh | Purpose::Hold { .. } => true,
            });
        }
    }
}

/// After which pause what was refused so is offered again, if it is at all; `glare` is that of a 491.
pub(super) fn pause_after(status: u16, message: Option<&Message>, glare: impl FnOnce() -> Duration) -> Option<Duration> {
    match (status, message.and_then(retry_after)) {
        (491, _) => Some(glare()),
        (500..600, Some(after)) => Some(after),
        (503, None) => Some(glare() + UNDELIVERED_PAUSE),
        _ => None,
    }
}

/// Beside the pause of a 491 after what could not be delivered.
const UNDELIVERED_PAUSE: Duration = Duration::from_secs(2);

/// What a Retry-After header asks for (RFC 3261 §20.33).
pub(super) fn retry_after(message: &Message) -> Option<Duration> {
    let value = message.header(HeaderName::RetryAfter)?.trim();
    let digits = value.split(|character: char| !character.is_ascii_digit()).next()?;
    let seconds = digits.parse().ok().map(Duration::from_secs)?;
    Some(seconds.min(MAX_RETRY_AFTER))
}
