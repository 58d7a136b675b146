//! Offers and answers in reliable provisional responses and their PRACKs (RFC 3262 §5, RFC 6337 §2), where the caller's INVITE made no
//! offer, and where its PRACK does.
//!
//! The first phone that offers in a reliable response is passed on to a caller that gets them reliably, whose PRACK answers. Any other
//! phone cannot wait for the caller: it is answered here, with what the caller speaks or may speak.

use super::failure::Failure;
use super::leg::sdp_of;
use super::phase::{Dialling, PassedOffer, Phase};
use super::setup::UNKNOWN;
use super::{Call, Side, context};
use crate::message::Message;
use crate::negotiation::{self, LegMedia, Offer};
use crate::wire::Arrival;
use bytes::Bytes;
use std::sync::Arc;
use tandem_model::{EventKind, LegPlan, MediaCommand, Prack, Timestamp};

/// Phones that are answered here; what more of them offer is declined.
const MAX_OWN: usize = 8;

/// What the phones of one INVITE offered, when the caller had offered nothing.
#[derive(Debug, Default)]
pub(super) struct EarlyOffers {
    /// The phone whose offer the caller has, and its PRACK is to answer.
    asked: Option<(Box<str>, PassedOffer)>,
    /// The phone whose offer the caller has answered.
    settled: Option<Box<str>>,
    /// Phones that were answered here.
    own: Vec<OwnAnswer>,
}

/// A phone that was answered here, each with a session of its own.
#[derive(Debug)]
struct OwnAnswer {
    tag: Box<str>,
    offer: Offer,
    media: LegMedia,
}

/// The caller has yet to answer the offer of one phone while another has the call. With what that one was agreed on.
#[derive(Debug)]
pub(super) struct AnsweredElsewhere {
    media: LegMedia,
    late: PassedOffer,
}

impl Call {
    /// How the INVITE to a target speaks of reliable responses. Without an offer of the caller the target would make it in one, and want
    /// the answer in its PRACK: a caller without them could not give it.
    pub(super) fn prack_of(&self, plan: &LegPlan, offers: bool) -> Prack {
        match plan.profile.prack {
            Prack::Supported if !offers && !self.caller.rings_reliably() => Prack::Off,
            prack => prack,
        }
    }

    /// The offer of a reliable response, which its PRACK must answer. What the caller gets of it.
    pub(super) fn early_offer(&mut self, now: Timestamp, tag: &str, sdp: Bytes) -> Option<Arc<[u8]>> {
        let offer = match Offer::read(sdp) {
            Ok(offer) => offer,
            Err(_) => {
                self.with_leg(Side::Callee, now, |callee, context| callee.prack(context, tag, None));
                return None;
            }
        };
        let (Phase::Dialling(dialling), Some(callee)) = (&mut self.phase, &mut self.callee) else { return None };
        let offers = dialling.offers.get_or_insert_default();
        let is_first = offers.asked.is_none() && offers.settled.is_none() && offers.own.is_empty();
        if is_first
            && self.caller.rings_reliably()
            && let Ok(pending) = negotiation::translate_offer(&offer, &mut callee.media, &mut self.caller.media)
        {
            let sdp = Arc::from(pending.sdp());
            offers.asked = Some((tag.into(), PassedOffer { pending, offer }));
            return Some(sdp);
        }
        self.answer_here(now, tag, offer);
        None
    }

    /// A session for one more phone behind the callee's leg.
    fn media_of_phone(&mut self) -> Option<LegMedia> {
        let callee = self.callee.as_ref()?;
        let remote = callee.remote.map_or(UNKNOWN, |remote| remote.ip());
        let (profile, anchored, local) = (callee.profile.clone(), callee.media.is_anchored(), callee.media.local());
        Some(self.media_with(&profile, remote, anchored, local))
    }

    /// Answers the offer of one phone, which cannot wait for the caller. One that cannot be taken is declined: the phone may still be
    /// called off, and if it answers it is hung up.
    fn answer_here(&mut self, now: Timestamp, tag: &str, offer: Offer) {
        let Some(mut media) = self.media_of_phone() else { return };
        let answer = negotiation::answer_unasked(&offer, &mut media, Some(&self.caller.media)).ok();
        let (Phase::Dialling(dialling), Some(callee)) = (&mut self.phase, &mut self.callee) else { return };
        let own = &mut dialling.offers.get_or_insert_default().own;
        let answer = answer.filter(|_| own.len() < MAX_OWN);
        let sdp = answer.clone().unwrap_or_else(|| negotiation::decline_offer(&offer, &mut media));
        if answer.is_some() {
            own.push(OwnAnswer { tag: tag.into(), offer, media });
        }
        callee.prack(context!(self, now), tag, Some(&sdp));
    }

    /// The caller's PRACK answered the offer that its reliable response made.
    pub(super) fn on_prack_answered(&mut self, now: Timestamp, sdp: Option<Bytes>) {
        let answer = sdp.as_deref().unwrap_or_default();
        match std::mem::replace(&mut self.phase, Phase::Talking) {
            Phase::Dialling(dialling) => self.on_early_answer(now, dialling, answer),
            Phase::AnsweredElsewhere(mut elsewhere) => {
                let AnsweredElsewhere { media, late } = &mut *elsewhere;
                match negotiation::translate_answer(&late.pending, answer, media, &mut self.caller.media) {
                    Ok(_) => {
                        self.describe_both(now);
                        self.ring_on(now);
                    }
                    Err(refusal) => self.fail_refused(now, &refusal),
                }
            }
            phase => self.phase = phase,
        }
    }

    fn on_early_answer(&mut self, now: Timestamp, mut dialling: Box<Dialling>, answer: &[u8]) {
        let asked = dialling.offers.as_mut().and_then(|offers| offers.asked.take());
        let (Some((tag, late)), Some(callee)) = (asked, &mut self.callee) else {
            self.phase = Phase::Dialling(dialling);
            return;
        };
        match negotiation::translate_answer(&late.pending, answer, &mut callee.media, &mut self.caller.media) {
            Ok(settled) => {
                let answer = Arc::clone(&settled.answer);
                if let Some(offers) = &mut dialling.offers {
                    offers.settled = Some(tag.clone());
                }
                self.phase = Phase::Dialling(dialling);
                self.describe(now, Side::Callee, settled);
                self.with_leg(Side::Callee, now, |callee, context| callee.prack(context, &tag, Some(&answer)));
                self.notify(now, self.callee.as_ref().map(|callee| callee.id), EventKind::LegEarlyMedia);
                self.ring_on(now);
            }
            Err(refusal) => {
                let declined = negotiation::decline_offer(&late.offer, &mut callee.media);
                callee.prack(context!(self, now), &tag, Some(&declined));
                self.phase = Phase::Dialling(dialling);
                self.fail_refused(now, &refusal);
            }
        }
    }

    /// The callee answered after phones of it offered in reliable responses.
    pub(super) fn answer_after_offers(&mut self, now: Timestamp, mut offers: EarlyOffers, message: &Message) {
        let tag = message.to_tag().unwrap_or_default();
        let mut offer = None;
        let mut past = None;
        if offers.settled.as_deref() == Some(tag) {
            self.with_leg(Side::Callee, now, |callee, context| callee.ack(context, None));
        } else if let Some(place) = offers.own.iter().position(|own| *own.tag == *tag) {
            let own = offers.own.swap_remove(place);
            offer = Some(own.offer);
            past = self.callee.as_mut().map(|callee| std::mem::replace(&mut callee.media, own.media));
            self.describe_both(now);
            self.with_leg(Side::Callee, now, |callee, context| callee.ack(context, None));
        } else {
            match self.answer_second_phone(now, tag, sdp_of(message)) {
                Ok(media) => past = media,
                Err(failure) => return self.unusable_answer(now, failure),
            }
        }
        match (offers.settled, offers.asked, past, offer) {
            (Some(_), ..) => self.caller.accept(context!(self, now), None),
            // The 200 waits for the caller's PRACK.
            (None, Some((_, late)), Some(media), _) => {
                self.phase = Phase::AnsweredElsewhere(Box::new(AnsweredElsewhere { media, late }));
                self.caller.accept(context!(self, now), None);
            }
            (None, _, _, Some(offer)) => return self.offer_what_was_taken(now, offer),
            (None, ..) => return self.unusable_answer(now, Failure::new(500)),
        }
        self.tell_accepted(now);
    }

    /// Tells that the caller is answered, unless the 200 waits for its PRACK.
    pub(super) fn tell_accepted(&mut self, now: Timestamp) {
        if self.caller.is_accepted() {
            self.notify(now, Some(self.caller.id), EventKind::LegAnswered);
        }
    }

    /// What waited for the caller's PRACK goes out.
    fn ring_on(&mut self, now: Timestamp) {
        if self.caller.ring_on(context!(self, now)) {
            self.tell_accepted(now);
        }
    }

    /// An answer of the callee that the caller never got was none: its 200 still waits for a PRACK.
    pub(super) fn take_back_answer(&mut self) {
        if self.caller.rang_reliably() && !self.caller.is_accepted() {
            self.answered = None;
        }
    }

    /// The 2xx of a phone that offers only in it, after another's offer went to the caller. The session that the leg had before.
    fn answer_second_phone(&mut self, now: Timestamp, tag: &str, sdp: Option<Bytes>) -> Result<Option<LegMedia>, Failure> {
        let is_bound = self.callee.as_ref().is_some_and(|callee| callee.is_bound_by(tag));
        let Some(sdp) = sdp.filter(|_| !is_bound) else { return Err(Failure::new(if is_bound { 488 } else { 500 })) };
        let agent = self.warn_agent();
        let offer = Offer::read(sdp).map_err(|refusal| Failure::refused(&refusal, &agent))?;
        let Some(mut media) = self.media_of_phone() else { return Err(Failure::new(500)) };
        let answer = negotiation::answer_unasked(&offer, &mut media, Some(&self.caller.media));
        let sdp = answer.clone().unwrap_or_else(|_| negotiation::decline_offer(&offer, &mut media));
        let past = self.callee.as_mut().map(|callee| std::mem::replace(&mut callee.media, media));
        if answer.is_ok() {
            self.describe_both(now);
        }
        self.with_leg(Side::Callee, now, |callee, context| callee.ack(context, Some(&sdp)));
        answer.map(|_| past).map_err(|refusal| Failure::refused(&refusal, &agent))
    }

    /// The callee's offer was answered here, and the caller has heard nothing of it: it is offered what that answer took.
    fn offer_what_was_taken(&mut self, now: Timestamp, offer: Offer) {
        let Some(callee) = &mut self.callee else { return };
        match negotiation::offer_unasked(&offer, &mut callee.media, &mut self.caller.media) {
            Ok(pending) => {
                self.caller.accept(context!(self, now), Some(pending.sdp()));
                self.phase = Phase::LateAnswer(Box::new(PassedOffer { pending, offer }));
                self.notify(now, Some(self.caller.id), EventKind::LegAnswered);
            }
            Err(refusal) => {
                let failure = self.failure_of(&refusal);
                self.unusable_answer(now, failure);
            }
        }
    }

    /// The caller's PRACK made an offer (§5). It is answered in the 200, with what the callee speaks: there is no time to ask it. One that
    /// cannot be taken is declined, as a PRACK is not refused for that (RFC 6337 §2.3). The callee whose response it acknowledges may be
    /// gone, and the next one not called yet.
    pub(super) fn on_prack_offered(&mut self, now: Timestamp, prack: &Arrival, sdp: Bytes) {
        let Ok(offer) = Offer::read(sdp) else {
            self.caller.refuse_prack(context!(self, now), prack, 400);
            return self.ring_on(now);
        };
        self.caller.media.close_offer();
        let callee = self.callee.as_ref().map(|callee| &callee.media);
        match negotiation::answer_unasked(&offer, &mut self.caller.media, callee) {
            Ok(answer) => {
                self.describe_both(now);
                self.caller.answer_prack(context!(self, now), prack, &answer);
                self.ring_on(now);
            }
            Err(refusal) => {
                let declined = negotiation::decline_offer(&offer, &mut self.caller.media);
                self.caller.answer_prack(context!(self, now), prack, &declined);
                if self.callee.is_some() { self.fail_refused(now, &refusal) } else { self.ring_on(now) }
            }
        }
    }

    /// A reliable response had no PRACK in time (§3).
    pub(super) fn on_prack_missing(&mut self, now: Timestamp) {
        self.fail(now, &Failure::new(504));
    }

    /// Tells the media session of both legs as they stand.
    pub(super) fn describe_both(&mut self, now: Timestamp) {
        let Some(callee) = &self.callee else { return };
        self.codec = self.caller.media.codec().or(self.codec);
        let both = [
            (Side::Caller, self.caller.id, self.caller.media.describe(&callee.media)),
            (Side::Callee, callee.id, callee.media.describe(&self.caller.media)),
        ];
        for (side, leg, description) in both {
            let Some(description) = description else { continue };
            let holds = description.held;
            self.media(MediaCommand::Describe { call: self.id, leg, description });
            self.note_hold(now, side, leg, holds);
        }
    }
}
