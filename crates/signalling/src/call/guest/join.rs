//! What becomes of a guest: it answers, or does not; it talks; it leaves.

use super::super::leg::{Leg, State, sdp_of};
use super::super::phase::MediaState;
use super::super::{Call, Cause, Output, context, over};
use super::{Dialling, Guest, Key, Stage, Talking, guest, leg_of, offers::Offers, talking};
use crate::message::Message;
use crate::negotiation::{self, SettledOwn};
use crate::reason::{self, COMPLETED_ELSEWHERE};
use std::borrow::Cow;
use tandem_model::{BuiltIn, EndReason, EndedBy, EventKind, HeldBy, LegEnd, LegId, MediaCommand, Timestamp};

/// What a leg that rings gets when it is not to ring any more.
const TAKEN_BACK: u16 = 487;

fn dialling(guests: &mut Option<Box<super::Guests>>, key: Key) -> Option<&mut Dialling> {
    match &mut guest(guests, key)?.stage {
        Stage::Dialling(dialling) => Some(dialling),
        _ => None,
    }
}

impl Call {
    pub(super) fn on_guest_trying(&mut self, now: Timestamp, key: Key) {
        let Some(dialling) = dialling(&mut self.guests, key) else { return };
        let id = dialling.leg.id;
        if dialling.trying_until.take().is_some() {
            self.notify(now, Some(id), EventKind::LegTrying);
        }
    }

    /// Its INVITE is at another place now, and has its own time there.
    pub(super) fn on_guest_turned(&mut self, now: Timestamp, key: Key) {
        if let Some(dialling) = dialling(&mut self.guests, key) {
            dialling.trying_until = Some(now + dialling.leg.profile.trying_timeout);
        }
    }

    /// 101 to 199. It may bring the answer: if it is reliable, the 2xx need not repeat it.
    pub(super) fn on_guest_provisional(&mut self, now: Timestamp, key: Key, message: &Message) {
        self.on_guest_trying(now, key);
        let Some(dialling) = dialling(&mut self.guests, key) else { return };
        if let (Some(sdp), Some(tag)) = (sdp_of(message), message.to_tag()) {
            dialling.early.keep(tag, &sdp);
        }
        let id = dialling.leg.id;
        if message.status() == 180 {
            self.rang = self.rang.or(Some(now).filter(|_| self.caller.is_nobody()));
            self.notify(now, Some(id), EventKind::LegRinging);
        }
    }

    /// It answered, and has its ACK at once: there is nothing to be said in it.
    pub(super) fn on_guest_answered(&mut self, now: Timestamp, key: Key, message: &Message) {
        let Some(guest) = guest(&mut self.guests, key) else { return };
        let search = guest.search;
        let dialling = match std::mem::replace(&mut guest.stage, Stage::Turning) {
            Stage::Dialling(dialling) => *dialling,
            stage => {
                guest.stage = stage;
                return;
            }
        };
        let Dialling { mut leg, own, early, .. } = dialling;
        let tag = message.to_tag().unwrap_or_default();
        let early = early.of(tag);
        // RFC 3261 §13.2.1: what came reliably was the answer; and a 2xx without one means what came before.
        let said = sdp_of(message).filter(|_| early.is_none() || !leg.is_bound_by(tag));
        let answer = said.as_deref().or(early).unwrap_or_default();
        let settled = negotiation::settle_own(&own, answer, &mut leg.media).ok().filter(|settled| settled.codec.is_some());
        let (id, description) = (leg.id, leg.media.describe(&leg.media).filter(|_| settled.is_some()));
        if let Some(description) = description {
            self.media(MediaCommand::Describe { call: self.id, leg: id, description });
        }
        leg.ack(context!(self, now), None);
        self.notify(now, Some(id), EventKind::LegAnswered);
        let Some(SettledOwn { holds, .. }) = settled else {
            self.see_off_guest(now, leg, EndReason::Failed(488), None);
            return self.guest_out(now, key, 488, None);
        };
        let is_first = !self.has_company();
        self.answered = self.answered.or(Some(now));
        if let Some(guest) = super::guest(&mut self.guests, key) {
            guest.stage = Stage::Talking(Box::new(Talking { leg, holds: false, late: None, offers: Offers::default() }));
        }
        for rival in self.end_search(search) {
            self.take_back_guest(now, rival, Some(COMPLETED_ELSEWHERE));
        }
        if is_first {
            self.stop_built_in();
        }
        self.tell_hearing();
        self.note_guest_hold(now, key, holds);
    }

    /// Tells of a guest that does not want to hear anybody any more, or wants to again.
    pub(super) fn note_guest_hold(&mut self, now: Timestamp, key: Key, holds: bool) {
        let Some(talking) = talking(&mut self.guests, key) else { return };
        let (held, leg) = (std::mem::replace(&mut talking.holds, holds), talking.leg.id);
        if held != holds {
            self.notify(now, Some(leg), if holds { EventKind::LegHeld(HeldBy::Peer) } else { EventKind::LegResumed(HeldBy::Peer) });
        }
    }

    /// It said no.
    pub(super) fn on_guest_rejected(&mut self, now: Timestamp, key: Key, message: &Message) {
        if let Some(leg) = leg_of(&mut self.guests, key) {
            let end = over::rejected(message, leg.why_unanswered());
            leg.note_end(context!(self, now), end);
        }
        let status = message.status();
        let search = self.guests().iter().find(|guest| guest.key == key).map(|guest| guest.search);
        if status >= 600 && search.is_some_and(|search| self.ends_on_6xx(search)) {
            return self.give_up_search(now, key, status);
        }
        self.leave_place_of_guest(now, key, Cause::Status(status), status);
    }

    /// It said nothing, or was not there.
    pub(super) fn guest_silent(&mut self, now: Timestamp, key: Key, cause: Cause) {
        let status = cause.status();
        if let Some(leg) = leg_of(&mut self.guests, key) {
            leg.note_end(context!(self, now), over::unanswered(status));
        }
        self.leave_place_of_guest(now, key, cause, status);
    }

    pub(super) fn guest_rang_too_long(&mut self, now: Timestamp, key: Key) {
        let reason = over::reason_value(EndReason::RingTimeout);
        if let Some(leg) = leg_of(&mut self.guests, key) {
            leg.cancel(context!(self, now), reason.as_deref());
            leg.note_end(context!(self, now), over::rang_too_long());
        }
        self.leave_place_of_guest(now, key, Cause::Timeout, 408);
    }

    /// The next place where it may be, if there is one to be tried after that.
    fn leave_place_of_guest(&mut self, now: Timestamp, key: Key, cause: Cause, status: u16) {
        let Some(guest) = guest(&mut self.guests, key) else { return };
        let lost = cause.lost_flow(guest.plan());
        let is_in_time = guest.deadline.is_none_or(|deadline| now < deadline);
        let again = is_in_time && cause.turns(&guest.plans, &mut guest.next);
        guest.failure = status;
        let stage = again.then(|| std::mem::replace(&mut guest.stage, Stage::Turning));
        self.outputs.extend(lost.map(Output::FlowFailed));
        let Some(stage) = stage else { return self.guest_out(now, key, status, None) };
        self.let_guest_go(now, stage, None);
        self.call_guest(now, key);
    }

    /// Somebody who has not answered is out; the others who may be meant are called, if it is their turn now.
    pub(super) fn guest_out(&mut self, now: Timestamp, key: Key, status: u16, reason: Option<&str>) {
        let Some(guest) = self.guests.as_mut().and_then(|guests| guests.take(key)) else { return };
        let search = guest.search;
        self.take_back_guest(now, guest, None);
        self.call_more_guests(now, search, status, reason);
    }

    /// Nobody of those who may be meant is to come.
    fn give_up_search(&mut self, now: Timestamp, key: Key, status: u16) {
        let Some(search) = self.guests().iter().find(|guest| guest.key == key).map(|guest| guest.search) else { return };
        self.forget_waiting(search);
        for other in self.guest_keys() {
            let is_rival = self.guests().iter().any(|guest| guest.key == other && guest.search == search && other != key);
            if is_rival {
                self.guest_out(now, other, status, None);
            }
        }
        self.guest_out(now, key, status, None);
    }

    fn take_back_guest(&mut self, now: Timestamp, guest: Guest, elsewhere: Option<&str>) {
        self.free_target(guest.question);
        self.let_guest_go(now, guest.stage, elsewhere);
    }

    /// Who has not answered is called no more, and its ports are given back; `elsewhere` is what it hears if another has answered.
    fn let_guest_go(&mut self, now: Timestamp, stage: Stage, elsewhere: Option<&str>) {
        let mut leg = match stage {
            Stage::Routing(..) | Stage::Seizing(..) | Stage::Turning => return,
            // A room whose session could not be opened has none.
            Stage::Opening(..) if matches!(self.media, MediaState::None) => return,
            Stage::Opening(leg, _) => return self.media(MediaCommand::Remove { call: self.id, leg }),
            Stage::Dialling(dialling) => dialling.leg,
            Stage::Talking(talking) => talking.leg,
        };
        self.media(MediaCommand::Remove { call: self.id, leg: leg.id });
        leg.hang_up(context!(self, now), TAKEN_BACK, elsewhere);
        leg.note_end(context!(self, now), if elsewhere.is_some() { over::answered_elsewhere() } else { over::unanswered(TAKEN_BACK) });
        self.strays.push(leg);
    }

    /// A leg that was answered is hung up.
    fn see_off_guest(&mut self, now: Timestamp, mut leg: Leg, reason: EndReason, header: Option<&str>) {
        let by = if leg.state == State::Leaving { EndedBy::Peer } else { EndedBy::Node };
        let end = end_of(&leg, reason, header, by);
        let value = header.map(Cow::Borrowed).or_else(|| over::reason_value(reason));
        self.media(MediaCommand::Remove { call: self.id, leg: leg.id });
        leg.hang_up(context!(self, now), TAKEN_BACK, value.as_deref());
        leg.note_end(context!(self, now), end);
        self.strays.push(leg);
    }

    /// A guest leaves the call, which goes on.
    pub(super) fn guest_leaves(&mut self, now: Timestamp, key: Key, reason: EndReason, header: Option<&str>) {
        let Some(guest) = guest(&mut self.guests, key) else { return };
        if !guest.talks() {
            return self.guest_out(now, key, 480, None);
        }
        let Some(guest) = self.guests.as_mut().and_then(|guests| guests.take(key)) else { return };
        self.free_target(guest.question);
        if let Stage::Talking(talking) = guest.stage {
            self.see_off_guest(now, talking.leg, reason, header);
        }
        if !self.has_company() {
            self.end_company(now);
        }
        self.leave_room(now, reason);
        if self.ended.is_none() {
            self.tell_hearing();
        }
    }

    /// The two are by themselves again, or the one.
    fn end_company(&mut self, now: Timestamp) {
        self.join_two();
        match self.alone {
            // What it heard was over with the first guest.
            Some(BuiltIn::Player) => self.end(now, EndReason::CalleeHungUp, None),
            Some(built_in) if self.caller.media.codec().is_some() && !self.caller.media.is_held() => self.play_to_caller(now, built_in),
            _ => {}
        }
    }

    /// The call was told to hang a guest up. False: it is none.
    pub(in super::super) fn hang_up_guest(&mut self, now: Timestamp, leg: LegId) -> bool {
        let Some(key) = self.guest_of(leg) else { return false };
        self.guest_leaves(now, key, EndReason::Commanded, None);
        true
    }

    /// A guest sends nothing any more. False: it is none.
    pub(in super::super) fn on_guest_inactive(&mut self, now: Timestamp, leg: LegId) -> bool {
        let Some(key) = self.guest_of(leg) else { return false };
        if self.company().any(|guest| guest.id == leg) {
            self.guest_leaves(now, key, EndReason::Inactivity, None);
        }
        true
    }

    /// The call ends, for all guests too; `value` is the Reason that they are told. How each ends is told with the rest.
    pub(in super::super) fn dismiss_guests(&mut self, now: Timestamp, value: Option<&str>) {
        self.end_searches();
        for mut guest in self.guests.take().into_iter().flat_map(|guests| guests.list) {
            if let Some(leg) = guest.leg_mut() {
                leg.hang_up(context!(self, now), TAKEN_BACK, value);
            }
            self.strays.extend(match guest.stage {
                Stage::Dialling(dialling) => Some(dialling.leg),
                Stage::Talking(talking) => Some(talking.leg),
                _ => None,
            });
        }
    }
}

/// How a leg ends for that reason, of the call or its own. `header`: the Reason that a peer gave.
pub(super) fn end_of(leg: &Leg, reason: EndReason, header: Option<&str>, by: EndedBy) -> LegEnd {
    over::with_call(leg, reason, header.map(reason::told).unwrap_or_default(), by)
}
