//! A caller that is answered before anybody rings: by us, in one codec. Whoever rings is offered that one first; should it answer in
//! another, the caller is offered the like. With nobody left the caller is hung up.

use super::super::failure::Failure;
use super::super::leg::sdp_of;
use super::super::phase::Phase;
use super::super::reoffer::Purpose;
use super::super::{Call, Side, context};
use super::{Member, PickedUp, Ring};
use crate::cause::cause_of_status;
use crate::message::{HeaderName, Message, reason_phrase};
use crate::negotiation::{self, Exchange, LegMedia, Offer, Passage, PendingOwn, SettledLike};
use crate::reason;
use bytes::Bytes;
use std::sync::Arc;
use tandem_model::{Codec, EndReason, EventKind, LegPlan, MediaCommand, RingTerms, Timestamp};

impl Ring {
    /// The codecs that every member may use, and those that one may.
    fn codecs(&self) -> [Vec<Codec>; 2] {
        let plans = || self.waiting.iter().flat_map(|member| &member.plans);
        let has = |codec: &Codec, plan: &LegPlan| plan.profile.codecs.contains(codec);
        let all = Codec::ALL.into_iter().filter(|codec| plans().all(|plan| has(codec, plan)));
        let some = Codec::ALL.into_iter().filter(|codec| plans().any(|plan| has(codec, plan)));
        [all.collect(), some.collect()]
    }
}

impl Call {
    /// Whether the caller was answered before anybody rang, and nobody else has answered yet.
    pub(in super::super) fn has_picked_up(&self) -> bool {
        self.ring.as_ref().is_some_and(|ring| ring.picked_up.is_some())
    }

    /// The INVITE that began the call, until somebody has answered.
    pub(in super::super) fn first_invite(&self) -> Option<&Message> {
        let picked_up = self.ring.as_ref().and_then(|ring| ring.picked_up.as_ref());
        picked_up.map_or(self.caller.open_invite(), |caller| caller.invite.as_ref())
    }

    /// The caller's ports are there: 200, before anybody rings.
    pub(in super::super) fn pick_up(&mut self, now: Timestamp, offer: Option<&Offer>) {
        let codecs = self.codecs_to_pick_up(offer);
        let answered = match offer {
            Some(offer) => {
                let other = LegMedia::new(&codecs, true, None, 0);
                negotiation::answer_unasked(offer, &mut self.caller.media, Some(&other)).map(|sdp| (sdp, None))
            }
            None => negotiation::offer_own(&mut self.caller.media, &codecs).map(|own| (Arc::from(own.sdp()), Some(own))),
        };
        let (sdp, own) = match answered {
            Ok(answered) => answered,
            Err(refusal) => return self.fail_refused(now, &refusal),
        };
        if let Some(ring) = &mut self.ring {
            let invite = self.caller.open_invite().cloned();
            ring.picked_up = Some(PickedUp { said: invite.as_ref().and_then(sdp_of), invite });
        }
        self.answered = Some(now);
        if own.is_none() {
            self.describe_picked_up();
        }
        self.caller.accept(context!(self, now), Some(&sdp));
        self.notify(now, Some(self.caller.id), EventKind::LegAnswered);
        match own {
            Some(own) => self.phase = Phase::PickedUp(Box::new(own)),
            None => self.begin_to_ring(now),
        }
    }

    /// What the caller may be answered in: what all members may use, if it has any of that.
    fn codecs_to_pick_up(&self, offer: Option<&Offer>) -> Vec<Codec> {
        let [of_all, of_some] = self.ring.as_ref().map(|ring| ring.codecs()).unwrap_or_default();
        let allowed = &self.caller.profile.codecs;
        let is_usable = match offer {
            Some(offer) => negotiation::screen_offer(offer, allowed, &of_all, Passage { anchored: true, ..Passage::default() }).is_ok(),
            None => of_all.iter().any(|codec| allowed.contains(codec)),
        };
        if is_usable { of_all } else { of_some }
    }

    /// The ACK of our 200, with the caller's answer to its offer: now the members ring.
    pub(in super::super) fn settle_picked_up(&mut self, now: Timestamp, own: &PendingOwn, sdp: Option<Bytes>) {
        let answer = sdp.as_deref().unwrap_or_default();
        if negotiation::settle_own(own, answer, &mut self.caller.media).is_err() {
            return self.end(now, EndReason::Failed(488), None);
        }
        self.describe_picked_up();
        self.begin_to_ring(now);
    }

    /// The caller, which we have called, has answered, and said that of its session: now these ring.
    pub(in super::super) fn ring_for_answered(
        &mut self,
        now: Timestamp,
        members: Vec<Member>,
        (terms, tries): (RingTerms, bool),
        said: Bytes,
    ) {
        let mut ring = Ring::new(members.into(), terms, true, now);
        (ring.goes_on, ring.picked_up) = (tries.then_some(true), Some(PickedUp { invite: None, said: Some(said) }));
        self.ring = Some(Box::new(ring));
        self.describe_picked_up();
        self.begin_to_ring(now);
    }

    /// The caller's session description once more, to refresh its session (RFC 4028 §7.4): nobody who rings need know. Any other change waits until
    /// somebody has answered.
    pub(in super::super) fn answer_refresh_while_ringing(&mut self, now: Timestamp, offer: Option<&Bytes>) -> bool {
        if !self.has_picked_up() {
            return false;
        }
        let is_free = self.modify.is_none() && self.caller.media.exchange() == Exchange::Stable;
        let said = self.ring.as_ref().and_then(|ring| ring.picked_up.as_ref()).and_then(|caller| caller.said.as_ref());
        let Some(offer) = offer.filter(|offer| is_free && said == Some(*offer)) else { return false };
        let spoken = LegMedia::new(self.caller.media.codec().as_slice(), true, None, 0);
        let answered =
            Offer::read(offer.clone()).and_then(|offer| negotiation::answer_unasked(&offer, &mut self.caller.media, Some(&spoken)));
        let Ok(sdp) = answered else { return false };
        self.caller.accept(context!(self, now), Some(&sdp));
        true
    }

    /// Tells the media session of the caller, whom nobody hears yet.
    pub(in super::super) fn describe_picked_up(&mut self) {
        self.codec = self.caller.media.codec();
        if let Some(description) = self.caller.media.describe(&self.caller.media) {
            self.media(MediaCommand::Describe { call: self.id, leg: self.caller.id, description });
        }
        if self.has_picked_up() && self.ringback.is_some() {
            self.play_ringback();
        }
    }

    /// Lets the caller hear the member under way, if both speak the same.
    pub(in super::super) fn hear_member(&mut self, now: Timestamp, sdp: &[u8]) -> Option<Arc<[u8]>> {
        let Phase::Dialling(dialling) = &self.phase else { return None };
        let own = dialling.own.as_ref()?;
        let callee = self.callee.as_mut()?;
        let settled = negotiation::settle_like(own, sdp, &self.caller.media, &mut callee.media).ok()?;
        if settled.codec.is_none() || settled.codec != self.caller.media.codec() {
            return None;
        }
        let leg = callee.id;
        self.join(leg);
        self.describe_like(now, settled);
        self.pause_ringback();
        Some(Arc::default())
    }

    /// The member under way answered: it is joined to the caller, which is offered what it speaks if that is something else.
    pub(super) fn join_picked_up(&mut self, now: Timestamp, own: &PendingOwn, sdp: &[u8]) {
        let Some(callee) = &mut self.callee else { return };
        let settled = match negotiation::settle_like(own, sdp, &self.caller.media, &mut callee.media) {
            Ok(settled) => settled,
            Err(refusal) => {
                let failure = self.failure_of(&refusal);
                return self.unusable_answer(now, failure);
            }
        };
        callee.ack(context!(self, now), None);
        self.ring_answered(now);
        let own = self.caller.media.codec();
        let is_possible = settled.codec.is_none_or(|codec| self.caller.profile.codecs.contains(&codec));
        let wants_like = settled.codec != own && is_possible;
        self.describe_like(now, settled);
        if wants_like {
            self.reoffer(now, Side::Caller, Purpose::Like { direction: None });
        }
    }

    fn describe_like(&mut self, now: Timestamp, settled: SettledLike) {
        let Some(callee) = self.callee.as_ref().map(|callee| callee.id) else { return };
        self.describe_each([(self.caller.id, settled.describe_of), (callee, settled.describe_to)]);
        self.note_hold(now, Side::Callee, callee, settled.to_holds);
    }

    /// Nobody is left, and the caller has its 200: BYE says why (RFC 3326 §2).
    pub(in super::super) fn fail_picked_up(&mut self, now: Timestamp, failure: &Failure) {
        let status = failure.status;
        let said = failure.extra.get(HeaderName::Reason).map(reason::told).unwrap_or_default();
        let cause = said.q850.unwrap_or_else(|| cause_of_status(status));
        let reason = format!("SIP;cause={status};text=\"{}\", Q.850;cause={cause}", reason_phrase(status));
        self.end(now, failure.end.unwrap_or(EndReason::Failed(status)), Some(&reason));
    }
}
