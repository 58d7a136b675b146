//! What a guest's peer asks: to change its session, and the rest. We answer it, and nobody else hears of it but by ear.

use super::super::leg::{Extra, HeldId, Leg, Reply, sdp_of};
use super::super::relay::reply_of_ours;
use super::super::{Call, context};
use super::{Key, leg_of, talking};
use crate::message::{KeyInfo, Method};
use crate::negotiation::{self, Alone, LegMedia, Offer, Refusal};
use bytes::Bytes;
use tandem_model::{BuiltIn, EndReason, EventKind, KeyPress, Keys, LegId, MediaCommand, Timestamp};

/// Answers the offer of a leg whose session is its own business.
pub(super) fn answer_by_itself(offer: Bytes, leg: &mut Leg) -> Result<Alone, Refusal> {
    Offer::read(offer).and_then(|offer| negotiation::answer_alone(&offer, &mut leg.media, BuiltIn::Player))
}

impl Call {
    /// It sent an INVITE inside its dialog; 100 is sent.
    pub(super) fn on_guest_reinvited(&mut self, now: Timestamp, key: Key) {
        let Some(talking) = talking(&mut self.guests, key) else {
            // Its own first INVITE is ours, and unanswered.
            if let Some(leg) = leg_of(&mut self.guests, key) {
                leg.reject(context!(self, now), 491, None, &Extra::none());
            }
            return;
        };
        let answered = match talking.leg.offered() {
            Some(offer) => answer_by_itself(offer, &mut talking.leg).map(Some),
            None => negotiation::offer_alone(&mut talking.leg.media, BuiltIn::Player).map(|pending| {
                talking.leg.accept(context!(self, now), Some(pending.sdp()));
                talking.late = Some(pending);
                None
            }),
        };
        match answered {
            Ok(None) => {}
            Ok(Some(alone)) => {
                self.describe_guest(now, key, &alone);
                if let Some(leg) = leg_of(&mut self.guests, key) {
                    leg.accept(context!(self, now), Some(&alone.sdp));
                }
            }
            Err(refusal) => {
                let failure = self.failure_of(&refusal);
                if let Some(leg) = leg_of(&mut self.guests, key) {
                    leg.reject(context!(self, now), failure.status, None, &failure.extra);
                }
            }
        }
    }

    /// The ACK of our 2xx, with its answer if that made the offer.
    pub(super) fn settle_late_guest(&mut self, now: Timestamp, key: Key, sdp: Option<&[u8]>) {
        let Some(talking) = talking(&mut self.guests, key) else { return };
        let Some(pending) = talking.late.take() else { return };
        match negotiation::settle_alone(&pending, sdp.unwrap_or_default(), &mut talking.leg.media) {
            Ok(alone) => self.describe_guest(now, key, &alone),
            Err(_) => self.guest_leaves(now, key, EndReason::Failed(488), None),
        }
    }

    /// Tells the media session how a guest stands now. To be called before the answer goes out.
    fn describe_guest(&mut self, now: Timestamp, key: Key, alone: &Alone) {
        let Some(leg) = leg_of(&mut self.guests, key).map(|leg| leg.id) else { return };
        self.media(MediaCommand::Describe { call: self.id, leg, description: alone.describe.clone() });
        self.note_guest_hold(now, key, alone.holds);
    }

    /// It asks something that one of two would ask the other.
    pub(super) fn on_guest_asked(&mut self, now: Timestamp, key: Key, id: HeldId) {
        let Some(leg) = leg_of(&mut self.guests, key) else { return };
        let Some(request) = leg.held(id) else { return };
        match (request.method(), sdp_of(request), KeyInfo::of(request)) {
            (Method::Update, Some(offer), _) => self.on_guest_update(now, key, id, offer),
            (Method::Info, _, Some(info)) => self.on_guest_key_info(now, key, id, info),
            // There is no other party of it that could be joined to somebody.
            (Method::Refer, ..) => leg.reply(context!(self, now), id, &Reply::new(403, &[])),
            // Of no subscription of ours.
            (Method::Notify | Method::Subscribe, ..) => leg.reply(context!(self, now), id, &Reply::new(481, &[])),
            _ => reply_of_ours(leg, context!(self, now), id),
        }
    }

    fn on_guest_update(&mut self, now: Timestamp, key: Key, id: HeldId, offer: Bytes) {
        let Some(leg) = leg_of(&mut self.guests, key) else { return };
        match answer_by_itself(offer, leg) {
            Ok(alone) => {
                self.describe_guest(now, key, &alone);
                if let Some(leg) = leg_of(&mut self.guests, key) {
                    leg.reply(context!(self, now), id, &Reply { sdp: Some(&alone.sdp), ..Reply::new(200, &[]) });
                }
            }
            Err(refusal) => {
                let failure = self.failure_of(&refusal);
                if let Some(leg) = leg_of(&mut self.guests, key) {
                    leg.reply(context!(self, now), id, &Reply::new(failure.status, &failure.extra.pairs()));
                }
            }
        }
    }

    fn on_guest_key_info(&mut self, now: Timestamp, key: Key, id: HeldId, info: KeyInfo) {
        let Some(speaker) = leg_of(&mut self.guests, key).map(|leg| leg.id) else { return };
        if let KeyInfo::Pressed(press) = info {
            self.notify(now, Some(speaker), EventKind::LegDtmf(press));
            let listeners: Vec<LegId> = self.talkers().filter(|far| far.id != speaker).map(|far| far.id).collect();
            self.press_for_those(now, speaker, &listeners, press);
        }
        if let Some(leg) = leg_of(&mut self.guests, key) {
            // RFC 6086 §4.2.1: what is no key for all that it says is a bad request.
            leg.reply(context!(self, now), id, &Reply::new(if info == KeyInfo::Malformed { 400 } else { 200 }, &[]));
        }
    }

    /// A key that one of the two has told of by INFO is heard by the guests.
    pub(in super::super) fn press_for_company(&mut self, now: Timestamp, speaker: LegId, press: KeyPress) {
        let listeners: Vec<LegId> = self.company().map(|guest| guest.id).collect();
        self.press_for_those(now, speaker, &listeners, press);
    }

    fn press_for_those(&mut self, now: Timestamp, speaker: LegId, listeners: &[LegId], press: KeyPress) {
        for listener in listeners {
            let takes = |media: &LegMedia| media.hears_keys() || media.is_anchored() && media.keys() == Keys::Info;
            if self.talkers().any(|leg| leg.id == *listener && takes(&leg.media)) && self.lets_hear(speaker, *listener) {
                self.press(now, *listener, &[press]);
            }
        }
    }
}
