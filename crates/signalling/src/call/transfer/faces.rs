//! A REFER to be passed on whose Replaces names a dialog of another call through us. The other peer cannot use that name: it is a dialog
//! with us, and whoever is to be called sits behind it, in a dialog of its own. So the call that has the named leg is asked, in a
//! letter, how that peer names its dialog, and the REFER goes on with that. Meanwhile it waits.

use super::super::leg::{Facing, HeldId, Leg, Reply, State};
use super::super::letter::{Addressee, LETTER_TIMEOUT, Letter};
use super::super::phase::Phase;
use super::super::{Call, Side};
use super::dial::trunk_of;
use crate::message::{HeaderName, Message, ReferTo, Replaces, escape_in_uri, replaces_flags};
use crate::outside::LATER;
use tandem_model::{CallId, LegId, Timestamp};

/// REFERs of one call that wait so at once. One more is told to come again later.
const MAX_ASKING: usize = 4;

/// One of them.
#[derive(Debug)]
pub(super) struct Asking {
    /// Names the question.
    ticket: u16,
    /// The transferor's leg, and the REFER there.
    leg: LegId,
    id: HeldId,
    until: Timestamp,
}

impl Asking {
    pub(super) fn deadline(&self) -> Timestamp {
        self.until
    }
}

impl Call {
    /// A REFER names that leg of ours, to be replaced by the other peer.
    pub(super) fn ask_who_faces(&mut self, now: Timestamp, side: Side, id: HeldId, named: LegId, replaces: Box<str>) {
        let Some(leg) = self.leg(side) else { return };
        let transferor = leg.id;
        let by = (!leg.profile.replaces).then(|| leg.endpoint.clone());
        let is_ours = std::iter::once(&self.caller).chain(&self.callee).chain(&self.strays).any(|leg| leg.id == named);
        let has_no_room = self.transfers.as_ref().is_some_and(|transfers| transfers.asking.len() == MAX_ASKING);
        if self.alone.is_some() {
            return self.answer_refer(now, side, id, &Reply::new(403, &[]));
        }
        if is_ours {
            // Who would carry it out is on the other side already.
            return self.answer_refer(now, side, id, &Reply::new(603, &[]));
        }
        if has_no_room || !matches!(self.phase, Phase::Talking) {
            return self.answer_refer(now, side, id, &Reply::new(500, &LATER));
        }
        let transfers = self.transfers.get_or_insert_default();
        let ticket = transfers.tickets;
        transfers.tickets = ticket.wrapping_add(1);
        transfers.asking.push(Asking { ticket, leg: transferor, id, until: now + LETTER_TIMEOUT });
        self.write_to(Addressee::OwnerOf(named), Letter::WhoFaces { ticket, replaces, by });
    }

    /// Another call asks that of us.
    pub(in super::super) fn tell_who_faces(&mut self, from: CallId, ticket: u16, replaces: &str, by: Option<&str>) {
        let found = Replaces::parse(replaces).ok_or(481).and_then(|named| self.faces(&named, by)).and_then(|leg| {
            let mut facing = leg.facing().ok_or(481_u16)?;
            for flag in replaces_flags(replaces) {
                facing.replaces.push(';');
                facing.replaces.push_str(flag);
            }
            // What that peer calls itself may be nothing that can be written so.
            Replaces::parse(&facing.replaces).is_some_and(|read| leg.is_named_by_peer(&read)).then_some(facing).ok_or(603)
        });
        self.write_to(Addressee::Call(from), Letter::Faces { ticket, found });
    }

    /// The leg across from the one that is named, if its peer would let go of it (RFC 3891 §3).
    fn faces(&self, replaces: &Replaces<'_>, by: Option<&str>) -> Result<&Leg, u16> {
        let named = self.node.minter.read_tag(replaces.to_tag);
        let is_named = |leg: &&Leg| named == Some(leg.id) && leg.is_in_dialog(replaces.call_id, replaces.from_tag);
        let rivals = self.ring.iter().flat_map(|ring| ring.legs());
        let (near, far) = if is_named(&&self.caller) {
            (&self.caller, self.callee.as_ref())
        } else if let Some(near) = self.callee.iter().chain(rivals).find(is_named) {
            (near, Some(&self.caller))
        } else {
            // A dialog that has ended is declined, one that never was is unknown.
            return Err(if self.strays.iter().any(|leg| is_named(&leg)) { 603 } else { 481 });
        };
        if by.is_some_and(|by| trunk_of(by) != trunk_of(&near.endpoint)) {
            return Err(403);
        }
        let far = far.filter(|_| self.ended.is_none() && near.state != State::Leaving).ok_or(603_u16)?;
        match far.state {
            State::Confirmed if replaces.early_only => Err(486),
            // Of early dialogs, who began one lets go of it; who rings does not.
            State::Confirmed | State::Incoming => Ok(far),
            State::Outgoing | State::Subscribed | State::Unsubscribed => Err(481),
            State::Leaving => Err(603),
        }
    }

    /// The side across from a leg of ours that is named as its peer would be told to let go of it: whoever takes our place there stands
    /// where the one across stood.
    pub(in super::super) fn across_from(&self, replaces: &Replaces<'_>) -> Option<Side> {
        let is_named = |side: &Side| self.leg(*side).is_some_and(|leg| self.is_named_across(leg, replaces));
        [Side::Caller, Side::Callee].into_iter().find(is_named).map(Side::other)
    }

    /// Whether it is named so.
    pub(in super::super) fn is_named_across(&self, leg: &Leg, replaces: &Replaces<'_>) -> bool {
        self.node.minter.read_tag(replaces.from_tag) == Some(leg.id) && leg.is_named_by_peer(replaces)
    }

    /// The answer to a question of ours.
    pub(in super::super) fn on_told_who_faces(&mut self, now: Timestamp, ticket: u16, found: Result<Facing, u16>) {
        let asking = self.transfers.as_mut().map(|transfers| &mut transfers.asking);
        let place = asking.as_ref().and_then(|asking| asking.iter().position(|one| one.ticket == ticket));
        let (Some(asking), Some(place)) = (asking, place) else { return };
        let Asking { leg, id, .. } = asking.swap_remove(place);
        // Whoever was replaced or hung up meanwhile has its answer.
        let mut sides = [Side::Caller, Side::Callee].into_iter();
        let Some(side) = sides.find(|side| self.leg(*side).is_some_and(|one| one.id == leg)) else { return };
        match found {
            Ok(facing) => self.pass_refer(now, side, id, Some(&facing)),
            // RFC 5057 §5.1: to a REFER, 481 would say that its own dialog is gone. RFC 3515 has 603 for what is not done.
            Err(481) => self.answer_refer(now, side, id, &Reply::new(603, &[])),
            Err(status) => self.answer_refer(now, side, id, &Reply::new(status, &[])),
        }
    }

    /// The other call has said nothing.
    pub(super) fn expire_asking(&mut self, now: Timestamp) {
        while let Some(leg) = self.next_unanswered(now) {
            for side in [Side::Caller, Side::Callee] {
                if self.leg(side).is_some_and(|one| one.id == leg.leg) {
                    // RFC 4320 §4.2: no 408 to such a request.
                    self.answer_refer(now, side, leg.id, &Reply::new(500, &LATER));
                }
            }
        }
    }

    fn next_unanswered(&mut self, now: Timestamp) -> Option<Asking> {
        let asking = &mut self.transfers.as_mut()?.asking;
        let place = asking.iter().position(|one| one.until <= now)?;
        Some(asking.swap_remove(place))
    }
}

/// Refer-To for a peer that is to replace that dialog. Of what the transferor wrote nothing is left but that Replaces must be understood.
pub(super) fn refer_to(facing: &Facing, request: &Message) -> String {
    let asked = request.header(HeaderName::ReferTo).and_then(ReferTo::parse);
    let requires = if asked.is_some_and(|asked| asked.requires_replaces) { "&Require=replaces" } else { "" };
    ["<", &facing.target, "?Replaces=", &escape_in_uri(&facing.replaces), requires, ">"].concat()
}
