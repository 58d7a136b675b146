//! Where a call stands. Each phase holds what only it needs.

use super::Reason;
use super::early_media::EarlyMedia;
use super::reliable::{AnsweredElsewhere, EarlyOffers};
use super::transfer::Offered;
use crate::negotiation::{LegMedia, Offer, PendingAlone, PendingOffer, PendingOwn, Refusal, translate_offer};
use std::sync::Arc;
use tandem_model::{BuiltIn, LegId, LegPlan, Place, QuestionId, Timestamp, TrunkId};

/// The phases of a call, in the order in which they come.
#[derive(Debug)]
pub(super) enum Phase {
    /// Policy has been asked where the call goes, and is waited for until then.
    Routing(QuestionId, Timestamp),
    /// Policy has been asked whether the trunk of the target under way has room, and is waited for until then. With the caller's
    /// offer, if it made one.
    Seizing(QuestionId, Timestamp, Option<Offer>),
    /// The prompts that the caller is to hear are being read, and waited for until then. With its offer, if it made one.
    Preparing(Timestamp, Option<Offer>),
    /// Ports are being opened; then the next leg is dialled, or the call is answered here. With the caller's offer, if it
    /// made one.
    Opening(Opening, Option<Offer>),
    /// We answered with an offer before the ring group rings; the caller's ACK will hold the answer.
    PickedUp(Box<PendingOwn>),
    /// A leg is invited.
    Dialling(Box<Dialling>),
    /// No member of the ring group is under way; for a moment only.
    Between,
    /// Somebody took the place of whoever rang, and was answered with an offer; its ACK will hold the answer.
    TakenOver(Box<Offered>),
    /// The callee answered with an offer (the caller made none); the caller's ACK will hold the answer.
    LateAnswer(Box<PassedOffer>),
    /// The callee answered, but the caller's PRACK is still to answer the offer of another phone behind it.
    AnsweredElsewhere(Box<AnsweredElsewhere>),
    /// The callee answered our offer, and the caller was offered the like; its ACK will hold the answer.
    LateLike(Box<PendingOwn>),
    /// We answered with an offer ourselves; the caller's ACK will hold the answer.
    LateAlone(Box<PendingAlone>),
    /// The caller hears something before it is answered or refused, and has had this answer to its offer.
    Announcing(Arc<[u8]>),
    /// The caller went to another call, to take the place of a leg there; whether it does is waited for until then.
    Moving(Timestamp),
    /// Both legs are confirmed, or the one leg of a call that we answered.
    Talking,
    /// The call has ended; its transactions and its media session may not have.
    Ending,
    /// Nothing is left.
    Over,
}

impl Phase {
    /// The leg whose ports are being opened.
    pub(super) fn opens(&self) -> Option<LegId> {
        if let Phase::Opening(Opening::Leg(leg), _) = self { Some(*leg) } else { None }
    }

    /// Whether somebody rings whom the caller need not hear.
    pub(super) fn is_ringing(&self) -> bool {
        matches!(self, Phase::Dialling(dialling) if dialling.is_ringing)
    }

    /// What it waits for no longer than that.
    pub(super) fn deadlines(&self) -> impl Iterator<Item = (Timestamp, Reason)> + use<> {
        let (first, second) = match self {
            Phase::Routing(_, until) | Phase::Seizing(_, until, _) => (Some((*until, Reason::Decision)), None),
            Phase::Preparing(until, _) => (Some((*until, Reason::Prompt)), None),
            Phase::Dialling(dialling) => {
                (dialling.trying_until.map(|at| (at, Reason::Trying)), Some((dialling.ring_until, Reason::Ringing)))
            }
            _ => (None, None),
        };
        first.into_iter().chain(second)
    }
}

/// An offer that went on to the other leg.
#[derive(Debug)]
pub(super) struct PassedOffer {
    pub(super) pending: PendingOffer,
    /// As it came, for the next target. Should one that came in a 2xx find no answer, the ACK that is owed declines it
    /// (RFC 3261 §13.2.2.4).
    pub(super) offer: Offer,
}

impl PassedOffer {
    /// Passes the offer of `from` on to `to`.
    pub(super) fn pass(offer: Offer, from: &mut LegMedia, to: &mut LegMedia) -> Result<PassedOffer, Refusal> {
        Ok(PassedOffer { pending: translate_offer(&offer, from, to)?, offer })
    }
}

/// What the ports are for.
#[derive(Clone, Copy, Debug)]
pub(super) enum Opening {
    /// The plan of [`Bridge`] that is under way, as this leg.
    Leg(LegId),
    /// An answer of our own.
    BuiltIn(BuiltIn),
    /// A caller that is answered before its ring group rings.
    Caller,
}

/// A leg being invited.
#[derive(Debug)]
pub(super) struct Dialling {
    /// The caller's offer, if it made one.
    pub(super) passed: Option<PassedOffer>,
    /// Our own offer, to a member of a ring group whose caller made none.
    pub(super) own: Option<Box<PendingOwn>>,
    /// The answers that provisional responses brought.
    pub(super) early: EarlyMedia,
    /// The offers that reliable ones brought, where the caller made none.
    pub(super) offers: Option<Box<EarlyOffers>>,
    /// No response at all until then: the next target.
    pub(super) trying_until: Option<Timestamp>,
    /// No answer until then: CANCEL.
    pub(super) ring_until: Timestamp,
    /// Something beyond 100 went to the caller: no other target may be tried.
    pub(super) passed_on: bool,
    /// It has said that it rings, and brought no media with that. Kept for ringback alone.
    pub(super) is_ringing: bool,
}

/// The targets of a call, or of a member of its ring group.
#[derive(Debug)]
pub(super) struct Bridge {
    /// Which of the group.
    pub(super) member: u8,
    /// What a trunk counts the plan under way for, where its member was asked about before it was one.
    pub(super) counted: Option<QuestionId>,
    pub(super) plans: Box<[LegPlan]>,
    /// Index of the plan after the one under way.
    pub(super) next: usize,
    /// The trunk that counts the call.
    pub(super) seized: Option<TrunkId>,
    /// For all of them together.
    pub(super) deadline: Option<Timestamp>,
    /// Redirections that were followed.
    pub(super) redirects: u8,
    /// Media passes through here.
    pub(super) anchor: bool,
    /// What the caller gets when no target is left.
    pub(super) failure: super::failure::Failure,
}

impl Bridge {
    /// What a trunk counts its leg for.
    pub(super) fn place(&self) -> Place {
        self.counted.map_or(Place::Member(self.member), Place::Target)
    }

    /// The plan under way.
    pub(super) fn current(&self) -> Option<&LegPlan> {
        self.next.checked_sub(1).and_then(|index| self.plans.get(index))
    }
}

/// The media session as the call knows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum MediaState {
    /// There is none.
    None,
    /// Asked for; given up as refused at this time.
    Opening(Timestamp),
    /// There.
    Open,
    /// Asked to close; given up as closed at this time.
    Closing(Timestamp),
}
