//! One of the two leaves while a guest talks: the guest takes its place, and the call goes on.

use super::super::failure::Failure;
use super::super::leg::{Leg, State};
use super::super::modify::{Asker, Modify, Passing, Step};
use super::super::over::reason_value;
use super::super::phase::Phase;
use super::super::reoffer::Purpose;
use super::super::transfer::Joined;
use super::super::{Call, Side, context};
use super::join::end_of;
use super::offers::Offers;
use super::{Guest, Stage, Talking};
use crate::negotiation::{self, PendingAlone};
use std::borrow::Cow;
use tandem_model::{EndReason, EndedBy, LegId, Place, QuestionId, Timestamp};

/// A guest who is to be one of the two.
struct Newcomer {
    leg: Leg,
    holds: bool,
    question: Option<QuestionId>,
    open: OpenChanges,
}

/// What is open between a guest and us.
struct OpenChanges {
    late: Option<PendingAlone>,
    offers: Offers,
}

impl Guest {
    /// Nothing is open between it and us.
    fn is_still(&self) -> bool {
        matches!(&self.stage, Stage::Talking(talking) if talking.late.is_none() && talking.offers.open.is_none())
    }
}

impl Call {
    /// The leg on that side is over, for that reason; `header` is what its peer gave as one. The call goes on if a guest is there, else it ends.
    pub(in super::super) fn leave(&mut self, now: Timestamp, side: Side, reason: EndReason, header: Option<&str>) {
        if !self.fill_place(now, side, reason, header) {
            self.end(now, reason, header);
        }
    }

    fn fill_place(&mut self, now: Timestamp, side: Side, reason: EndReason, header: Option<&str>) -> bool {
        // Who is alone by the making of the call is replaced by one, and that one needs another.
        let needed = if self.callee.is_some() { 1 } else { 2 };
        let is_up = self.ended.is_none() && matches!(self.phase, Phase::Talking) && self.leg(side).is_some();
        if !is_up || self.company().count() < needed {
            return false;
        }
        // A leg of another call that is to have a place here may have to go back.
        if self.is_taking_in() {
            return false;
        }
        if self.callee.is_none() {
            let Some(Newcomer { leg, holds, question, open }) = self.take_guest() else { return false };
            self.alone = None;
            self.seat(Side::Callee, leg.id, holds, question);
            self.callee = Some(leg);
            self.inherit(now, Side::Callee, open);
        }
        let Some(Newcomer { leg, holds, question, open }) = self.take_guest() else { return false };
        self.see_off_replaced(now, side, reason, header);
        self.seat(side, leg.id, holds, question);
        let Some(stays) = self.leg(side.other()) else { return false };
        let (of_newcomer, of_other) = negotiation::describe_both(&leg.media, &stays.media);
        let joined = Joined { described: [(leg.id, of_newcomer), (stays.id, of_other)], codec: leg.media.codec(), holds: [false; 2] };
        // Media hears of this first: what follows has descriptions for peers.
        self.displace(now, (side, leg), joined, None);
        self.drop_change_of(now, side);
        self.fail_transfer(now, 487, None);
        self.inherit(now, side, open);
        if let (false, Some(guests)) = (self.has_company(), &mut self.guests) {
            guests.is_parted = false;
        }
        true
    }

    /// The first guest who talks; one with whom nothing is open, if something is with one of the two.
    fn take_guest(&mut self) -> Option<Newcomer> {
        let may_be_open = self.modify.is_none();
        let guests = self.guests.as_mut()?;
        let any = guests.list.iter().position(|guest| may_be_open && guest.talks());
        let place = guests.list.iter().position(Guest::is_still).or(any)?;
        let Guest { stage: Stage::Talking(talking), question, .. } = guests.list.remove(place) else { return None };
        let Talking { leg, holds, late, offers } = *talking;
        Some(Newcomer { leg, holds, question, open: OpenChanges { late, offers } })
    }

    /// What is known of a guest is known of that side from now on.
    fn seat(&mut self, side: Side, leg: LegId, holds: bool, question: Option<QuestionId>) {
        self.held[side as usize] = holds;
        if let Some(question) = question {
            self.note_place(leg, Place::Target(question));
        }
    }

    /// What was open between a guest and us is open between that side and us.
    fn inherit(&mut self, now: Timestamp, side: Side, open: OpenChanges) {
        let OpenChanges { late, offers: Offers { open, wanted } } = open;
        wanted.into_iter().for_each(|wanted| self.reoffer(now, side, wanted.purpose));
        let late = late.map(|pending| Modify::Beside { from: side, pending });
        if let Some(modify) = late.or_else(|| open.map(|open| Modify::Own(open.on(side)))) {
            self.modify = Some(Box::new(modify));
        }
    }

    /// Who is to be replaced is hung up, and it is told how it ended.
    fn see_off_replaced(&mut self, now: Timestamp, side: Side, reason: EndReason, header: Option<&str>) {
        let value = header.map(Cow::Borrowed).or_else(|| reason_value(reason));
        let Some(leg) = side.of(&mut self.caller, &mut self.callee) else { return };
        let by = if leg.state == State::Leaving { EndedBy::Peer } else { EndedBy::Node };
        let end = end_of(leg, reason, header, by);
        leg.hang_up(context!(self, now), 487, value.as_deref());
        leg.note_end(context!(self, now), end);
    }

    /// A change of the session that is under way is none with that side any more.
    fn drop_change_of(&mut self, now: Timestamp, side: Side) {
        match self.modify.take().map(|modify| *modify) {
            Some(Modify::Passing(passing)) if passing.from == side => self.drop_asker(now, passing),
            Some(Modify::Passing(Passing { from, asker, step, .. })) => {
                let is_told = matches!(step, Step::Answering(_));
                drop(step);
                self.refuse_modify(now, from, asker, Failure::new(500));
                if is_told {
                    self.reoffer(now, from, Purpose::Restore);
                }
            }
            Some(Modify::Own(own)) if own.is_to(side) => {}
            Some(Modify::Joining { to, .. } | Modify::Beside { from: to, .. }) if to == side => {}
            other => self.modify = other.map(Box::new),
        }
    }

    /// Whoever wanted the change is gone, and the other side has been asked for it.
    fn drop_asker(&mut self, now: Timestamp, mut passing: Passing) {
        let other = passing.from.other();
        if let Step::Answering(late) = &passing.step {
            let offer = late.offer.clone();
            drop(passing);
            self.acknowledge_declined(now, other, Some(&offer));
            return self.reoffer(now, other, Purpose::Restore);
        }
        passing.asker = Asker::Gone;
        self.with_leg(other, now, |leg, context| leg.cancel(context, None));
        self.modify = Some(Box::new(Modify::Passing(passing)));
    }
}
