//! Letters between calls: a leg that wants the place of another call's leg goes there in one, and comes back in another.
//!
//! Calls never wait for each other. A letter is put into the mailbox of the call that it is for; whoever carries it
//! ([`Output::Letter`]) moves what leads to the leg in it ([`Letter::travels`], `Dispatcher::leg_moved`) in the same step, so that every
//! message of that leg finds it: before the letter where it was, behind the letter where it goes. What cannot be delivered comes back
//! as [`Letter::Undelivered`], with the leg. Who has given a leg away waits for the answer until [`LETTER_TIMEOUT`].
//!
//! Two letters hold no leg: one asks how the peer across from a leg names their dialog ([`Letter::WhoFaces`]), the other tells.
//!
//! What stays behind is a husk: a leg with nothing open, of which the record does not tell.
//!
//! Taking a leg in: a call that finds [`Call::place_for`] a leg puts it there, gives it ports, or [adopts](tandem_model::MediaCommand::Adopt) those that
//! it has, and a description of its own (the leg's [`LegMedia`](crate::negotiation::LegMedia) is that of the call it comes from) and answers [`Letter::Taken`]; no `LegAdded` is due.

use super::leg::{Facing, Leg, State};
use super::phase::Phase;
use super::{Call, NodeFacts, Output, Side, context};
use crate::message::{HeaderName, Replaces};
use crate::reason::Told;
use crate::transaction::TransactionKey;
use crate::wire::Transmit;
use std::time::Duration;
use tandem_model::{CallId, EndReason, LegId, Timestamp};

/// How long an answer may take. Calls answer within one turn, so only one that failed inside does not.
pub(super) const LETTER_TIMEOUT: Duration = Duration::from_secs(5);

/// Whom a letter is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Addressee {
    /// The call that owns this leg now.
    OwnerOf(LegId),
    /// This call.
    Call(CallId),
}

/// What calls tell each other.
#[derive(Debug)]
pub enum Letter {
    /// This leg wants the place of the leg that it names.
    Replace {
        /// The leg, with its unanswered INVITE or with a dialog in which nothing is open.
        leg: MovingLeg,
        /// Value of the Replaces header (RFC 3891 §6.1); it can be read.
        replaces: Box<str>,
        /// The endpoint of whoever asks for it, if that may have a place only where a leg of its own trunk stands.
        by: Option<Box<str>>,
    },
    /// The leg is the receiver's no longer: it was taken, and hears this one.
    Taken(LegId),
    /// The leg is not taken.
    Refused {
        /// It comes back.
        leg: MovingLeg,
        /// What its peer, or whoever asked for it, is to be told (RFC 3891 §3).
        status: u16,
        /// Its peer was told of another session meanwhile.
        disturbed: bool,
    },
    /// The leg had no place yet when it ended.
    Lost {
        /// What whoever asked for it is to be told.
        status: u16,
    },
    /// By what name does the peer know its dialog that is across from the one named here? [`Letter::Faces`] tells.
    WhoFaces {
        /// Which of the writer's questions this is.
        ticket: u16,
        /// Value of the Replaces that was in a Refer-To; it can be read.
        replaces: Box<str>,
        /// As in [`Letter::Replace`].
        by: Option<Box<str>>,
    },
    /// By that one; or there is none who would let go of it, with the status of RFC 3891 §3.
    Faces {
        /// Whose answer it is.
        ticket: u16,
        /// The answer.
        found: Result<Facing, u16>,
    },
    /// The receiver's own letter found nobody, or nobody with room for it.
    Undelivered(Box<Letter>),
}

/// A leg on its way. It has no transaction of ours open, and of its peer's none but its first INVITE.
#[derive(Debug)]
pub struct MovingLeg(Box<Leg>);

impl MovingLeg {
    /// # Errors
    /// The leg, if it may not move now.
    pub(super) fn new(leg: Leg) -> Result<MovingLeg, Box<Leg>> {
        let leg = Box::new(leg);
        if leg.may_move() { Ok(MovingLeg(leg)) } else { Err(leg) }
    }

    /// The leg, which is its receiver's from now on.
    pub(super) fn into_leg(self) -> Leg {
        *self.0
    }
}

impl Letter {
    /// The leg in it, and the transaction of its unanswered INVITE: what leads to them goes where the letter goes.
    pub fn travels(&self) -> Option<(LegId, Option<TransactionKey>)> {
        self.leg().map(|leg| (leg.id, leg.unanswered_invite()))
    }

    /// Takes who pays for the call that the leg in it leaves, if one does; that one goes on at their expense where it goes.
    pub fn bill(&mut self, payers: impl Iterator<Item = Box<str>>) {
        if let Letter::Replace { leg, .. } = self {
            leg.0.payers.extend(payers);
        }
    }

    /// What to send to the peer of the leg in it, should nobody be left to take it.
    pub fn last_word(&self, node: &NodeFacts) -> Option<Transmit> {
        self.leg()?.last_word(node)
    }

    /// In a word or two.
    pub fn name(&self) -> &'static str {
        match self {
            Letter::Replace { .. } => "replace",
            Letter::Taken(_) => "taken",
            Letter::Refused { .. } => "refused",
            Letter::Lost { .. } => "lost",
            Letter::WhoFaces { .. } => "who-faces",
            Letter::Faces { .. } => "faces",
            Letter::Undelivered(_) => "undelivered",
        }
    }

    fn leg(&self) -> Option<&Leg> {
        match self {
            Letter::Replace { leg, .. } | Letter::Refused { leg, .. } => Some(&leg.0),
            Letter::Taken(_) | Letter::Lost { .. } | Letter::WhoFaces { .. } | Letter::Faces { .. } => None,
            Letter::Undelivered(letter) => letter.leg(),
        }
    }
}

impl Call {
    /// The caller's INVITE asks for the place of a leg of ours: whose call that is says what becomes of it.
    pub(super) fn seek_place(&mut self, now: Timestamp) {
        let (wanted, replaces) = match self.wanted_place() {
            Ok(wanted) => wanted,
            Err(status) => return self.refuse_place(now, status),
        };
        let husk = self.caller.husk();
        match MovingLeg::new(std::mem::replace(&mut self.caller, husk)) {
            Ok(leg) => {
                self.phase = Phase::Moving(now + LETTER_TIMEOUT);
                self.write_to(Addressee::OwnerOf(wanted), Letter::Replace { leg, replaces, by: None });
            }
            Err(leg) => {
                self.caller = *leg;
                self.refuse_place(now, 500);
            }
        }
    }

    /// The leg that the caller's INVITE names, and the header that names it.
    fn wanted_place(&self) -> Result<(LegId, Box<str>), u16> {
        let invite = self.caller.open_invite().ok_or(500_u16)?;
        let mut values = invite.values(HeaderName::Replaces);
        // RFC 3891 §3: there may be one, and nothing beside it that means something else (RFC 3911 §4).
        let (Some(value), None, None) = (values.next(), values.next(), invite.header(HeaderName::Join)) else { return Err(400) };
        let replaces = Replaces::parse(value).ok_or(400_u16)?;
        Ok((self.named_leg(&replaces).ok_or(481_u16)?, value.into()))
    }

    /// The leg of ours, of whatever call, that is named: by our tag as a peer of ours would name it to us, or as another one would name
    /// it to that peer.
    pub(super) fn named_leg(&self, replaces: &Replaces<'_>) -> Option<LegId> {
        let minter = &self.node.minter;
        minter.read_tag(replaces.to_tag).or_else(|| minter.read_tag(replaces.from_tag))
    }

    fn refuse_place(&mut self, now: Timestamp, status: u16) {
        self.refuse(now, status, None, &super::leg::Extra::none());
    }

    pub(super) fn write_to(&mut self, to: Addressee, letter: Letter) {
        self.outputs.push_back(Output::Letter(to, Box::new(letter)));
    }

    /// A letter from another call, or one of ours that came back.
    pub(super) fn on_letter(&mut self, now: Timestamp, from: CallId, letter: Letter) {
        match letter {
            Letter::Replace { leg, replaces, by } => self.on_place_wanted(now, from, leg, (&replaces, by.as_deref())),
            Letter::Taken(_) if matches!(self.phase, Phase::Moving(_)) => self.end(now, EndReason::Moved, None),
            Letter::Taken(by) => self.on_sent_over(now, by),
            Letter::Refused { leg, status, disturbed } => self.take_back(now, leg, status, disturbed),
            Letter::Lost { status } => self.on_lost_elsewhere(now, status),
            Letter::WhoFaces { ticket, replaces, by } => self.tell_who_faces(from, ticket, &replaces, by.as_deref()),
            Letter::Faces { ticket, found } => self.on_told_who_faces(now, ticket, found),
            Letter::Undelivered(letter) => match *letter {
                // RFC 3891 §3: what is named is not there.
                Letter::Replace { leg, .. } => self.take_back(now, leg, 481, false),
                Letter::WhoFaces { ticket, .. } => self.on_told_who_faces(now, ticket, Err(481)),
                Letter::Refused { leg, status, .. } => self.see_off(now, leg, status),
                Letter::Taken(_) | Letter::Lost { .. } | Letter::Faces { .. } | Letter::Undelivered(_) => {}
            },
        }
    }

    fn on_place_wanted(&mut self, now: Timestamp, from: CallId, leg: MovingLeg, (replaces, by): (&str, Option<&str>)) {
        let replaces = Replaces::parse(replaces);
        if let Some(named) = replaces.as_ref().and_then(|replaces| self.node.minter.read_tag(replaces.to_tag)) {
            self.bring_leg_forward(named);
        }
        let early_only = replaces.as_ref().is_some_and(|replaces| replaces.early_only);
        let place = replaces.ok_or(481).and_then(|replaces| self.place_for(&replaces));
        match place.and_then(|side| self.why_no_place(side, by).map_or(Ok(side), Err)) {
            Ok(side) => self.make_room(now, from, leg, (side, early_only)),
            Err(status) => self.write_to(Addressee::Call(from), Letter::Refused { leg, status, disturbed: false }),
        }
    }

    /// Which leg of ours is to be replaced (RFC 3891 §3).
    ///
    /// # Errors
    /// The status for who wants to replace it.
    pub(super) fn place_for(&self, replaces: &Replaces<'_>) -> Result<Side, u16> {
        let named = self.node.minter.read_tag(replaces.to_tag);
        let is_named = |leg: &Leg| named == Some(leg.id) && leg.is_in_dialog(replaces.call_id, replaces.from_tag);
        let side = [Side::Caller, Side::Callee].into_iter().find(|side| self.leg(*side).is_some_and(is_named));
        let side = side.or_else(|| self.across_from(replaces));
        let (Some(side), None) = (side, self.ended) else {
            // A dialog that has ended is declined, one that never was is unknown.
            let is_known = |leg: &Leg| is_named(leg) || self.is_named_across(leg, replaces);
            return Err(if self.strays.iter().any(is_known) || side.is_some() { 603 } else { 481 });
        };
        match self.leg(side).map(|leg| leg.state) {
            Some(State::Confirmed) if replaces.early_only => Err(486),
            Some(State::Confirmed | State::Outgoing) => Ok(side),
            Some(State::Leaving) => Err(603),
            // Only an early dialog that we began may be replaced.
            Some(State::Incoming | State::Subscribed | State::Unsubscribed) | None => Err(481),
        }
    }

    /// The leg that we gave away is ours again: its peer is refused.
    fn take_back(&mut self, now: Timestamp, leg: MovingLeg, status: u16, disturbed: bool) {
        let id = leg.0.id;
        if self.is_elsewhere(id) {
            return self.on_returned(now, leg.into_leg(), status, disturbed);
        }
        if id != self.caller.id {
            return self.see_off(now, leg, status);
        }
        self.caller = leg.into_leg();
        match self.ended {
            None => self.refuse_place(now, status),
            // Ended while it was away.
            Some((_, reason)) => {
                self.caller.hang_up(context!(self, now), super::failure::caller_status(reason), None);
                self.legs_over(now, reason, Told::default(), None);
            }
        }
    }

    /// A leg that came to us and cannot go back is seen to its end here.
    fn see_off(&mut self, now: Timestamp, leg: MovingLeg, status: u16) {
        let mut leg = leg.into_leg();
        leg.hang_up(context!(self, now), status, None);
        leg.note_end(context!(self, now), super::over::unanswered(status));
        self.strays.push(leg);
    }

    /// There was no answer: whoever had the leg has failed, and sees to it.
    pub(super) fn on_letter_unanswered(&mut self, now: Timestamp) {
        if matches!(self.phase, Phase::Moving(until) if until <= now) {
            self.end(now, EndReason::Internal, None);
        }
    }
}
