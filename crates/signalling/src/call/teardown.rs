//! CANCEL, BYE and every other end of a call: both legs, media, record, and the last transaction.

use super::failure::Failure;
use super::leg::{Extra, State};
use super::modify::{Modify, Passing, Step};
use super::over::{reason_value, status_for_caller};
use super::phase::{MediaState, Phase};
use super::{Call, Output, Reason, Side, context};
use crate::reason;
use std::borrow::Cow;
use std::time::Duration;
use tandem_model::{EndReason, EndpointStats, LegId, MediaCommand, Timestamp};

/// How long the record waits for the media session's last figures.
const MEDIA_CLOSE_TIMEOUT: Duration = Duration::from_secs(5);

impl Call {
    /// A peer took its INVITE back; 200 is sent to its CANCEL.
    pub(super) fn on_cancelled(&mut self, now: Timestamp, side: Side, reason: Option<&str>) {
        if side == Side::Caller && self.caller.state == State::Incoming {
            return self.end(now, EndReason::Cancelled, reason);
        }
        if side == Side::Callee && self.callee.as_ref().is_some_and(|callee| callee.state == State::Incoming) {
            // It took the call from whoever rang, and the caller's answer to its offer is not here yet.
            self.with_leg(Side::Callee, now, |leg, context| leg.reject(context, 487, None, &Extra::none()));
            return self.end(now, EndReason::CalleeHungUp, reason);
        }
        self.on_modify_cancelled(now, side, reason);
    }

    /// A peer hung up; 200 is sent to its BYE.
    pub(super) fn on_hung_up(&mut self, now: Timestamp, side: Side, reason: Option<&str>) {
        if self.outlives(side) {
            return;
        }
        if side == Side::Callee && self.ring.is_some() {
            return self.member_gone(now, &Failure::new(480));
        }
        self.take_back_answer();
        if !self.has_company() {
            self.pass_farewell(side);
        }
        let end = match (side, self.answered.is_some()) {
            _ if self.has_sent_over() => EndReason::Transferred,
            (Side::Caller, true) => EndReason::CallerHungUp,
            (Side::Caller, false) => EndReason::Cancelled,
            (Side::Callee, _) => EndReason::CalleeHungUp,
        };
        self.leave(now, side, end, reason);
    }

    /// A leg sends nothing any more.
    pub(super) fn on_inactive(&mut self, now: Timestamp, leg: LegId) {
        match self.side_of(leg) {
            Some(side) => self.leave(now, side, EndReason::Inactivity, None),
            None if self.on_guest_inactive(now, leg) => {}
            None => self.end(now, EndReason::Inactivity, None),
        }
    }

    /// Ends the call. `header` is the Reason that a peer gave, if a peer ended it. The first end counts.
    pub(super) fn end(&mut self, now: Timestamp, reason: EndReason, header: Option<&str>) {
        self.end_saying(now, reason, header, None);
    }

    /// The same. `words`: what is to stand as the reason of legs.
    pub(super) fn end_saying(&mut self, now: Timestamp, reason: EndReason, header: Option<&str>, words: Option<&str>) {
        if self.ended.is_some() {
            return;
        }
        self.take_back_answer();
        self.ended = Some((now, reason));
        self.end_transfer(now);
        self.decline_open_offer(now);
        let said = header.map(reason::told).unwrap_or_default();
        let status = status_for_caller(reason, said);
        let value = header.map(Cow::Borrowed).or_else(|| reason_value(reason));
        // Who takes back an INVITE knows why.
        let to_caller = value.as_deref().filter(|_| reason != EndReason::Cancelled);
        self.caller.hang_up(context!(self, now), status, to_caller);
        if let Some(callee) = &mut self.callee {
            callee.hang_up(context!(self, now), status, value.as_deref());
        }
        self.dismiss_rivals(now, value.as_deref(), None);
        self.ring = None;
        self.dismiss_guests(now, value.as_deref());
        // Nothing plays any more; what the media session says of it later comes to a play that nobody knows.
        self.forget_plays(now);
        self.legs_over(now, reason, said, words);
        match self.media {
            MediaState::None => self.record(now),
            MediaState::Open if self.has_leg_elsewhere() => self.empty_media(),
            _ => self.close_media(now),
        }
    }

    /// A 2xx that made an offer is owed an ACK that answers it, even if the call ends before the answer is there
    /// (RFC 3261 §13.2.2.4).
    fn decline_open_offer(&mut self, now: Timestamp) {
        let phase = std::mem::replace(&mut self.phase, Phase::Ending);
        match (phase, self.modify.take().map(|modify| *modify)) {
            (Phase::LateAnswer(late), _) => self.acknowledge_declined(now, Side::Callee, Some(&late.offer)),
            (_, Some(Modify::Passing(Passing { from, step: Step::Answering(late), .. }))) => {
                self.acknowledge_declined(now, from.other(), Some(&late.offer));
            }
            _ => {}
        }
    }

    pub(super) fn close_media(&mut self, now: Timestamp) {
        if matches!(self.media, MediaState::Opening(_) | MediaState::Open) {
            self.media = MediaState::Closing(now + MEDIA_CLOSE_TIMEOUT);
            self.media(MediaCommand::Close { call: self.id });
        }
    }

    pub(super) fn on_media_closed(&mut self, now: Timestamp, stats: Box<[EndpointStats]>) {
        if !matches!(self.media, MediaState::Closing(_)) {
            // An earlier session's word, after it was given up as closed.
            return;
        }
        self.media = MediaState::None;
        if self.ended.is_some() {
            self.stats = stats;
            return self.record(now);
        }
        // An earlier target's ports: the next one's are asked for now.
        if let Phase::Opening(opening, _) = self.phase {
            self.ask_ports(now, opening);
        }
    }

    pub(super) fn on_media_failed(&mut self, now: Timestamp) {
        if matches!(self.media, MediaState::Closing(_)) {
            return self.on_media_closed(now, Box::default());
        }
        self.media = MediaState::None;
        self.end(now, EndReason::Internal, None);
    }

    /// Legs whose last transaction is over go; when all are gone, so does the call.
    pub(super) fn reap(&mut self) {
        while let Some(place) = self.strays.iter().position(|stray| stray.is_finished()) {
            let stray = self.strays.swap_remove(place);
            self.outputs.extend(stray.leave_behind(&self.node));
            self.outputs.push_back(Output::LegRemoved(stray.id));
            if !stray.is_subscription() {
                self.past_legs.push(self.leg_record(&stray));
            }
        }
        let quiet = self.transfer().is_none()
            && self.caller.is_finished()
            && self.callee.as_ref().is_none_or(|callee| callee.is_finished())
            && self.strays.is_empty();
        if quiet && self.ended.is_some() && self.recorded && !matches!(self.phase, Phase::Over) {
            self.phase = Phase::Over;
            for leg in std::iter::once(&self.caller).chain(&self.callee).filter(|leg| !leg.is_nobody()) {
                self.outputs.extend(leg.leave_behind(&self.node));
                self.outputs.push_back(Output::LegRemoved(leg.id));
            }
            self.outputs.push_back(Output::Ended);
        }
    }

    pub(super) fn deadlines(&self) -> impl Iterator<Item = (Timestamp, Reason)> {
        let expires = self.expires.filter(|_| self.caller.state == State::Incoming).map(|at| (at, Reason::Expires));
        let longest = self.ended.is_none().then(|| self.began + self.max_duration());
        let media = match self.media {
            MediaState::Opening(until) => Some((until, Reason::MediaOpen)),
            MediaState::Closing(until) => Some((until, Reason::MediaClose)),
            MediaState::None | MediaState::Open => None,
        };
        let moving = if let Phase::Moving(until) = self.phase { Some((until, Reason::Letter)) } else { None };
        let own = [
            moving,
            self.recordings_due(),
            self.announcement_due().map(|at| (at, Reason::Prompt)),
            media,
            expires,
            longest.map(|at| (at, Reason::MaxDuration)),
            self.update_due().map(|at| (at, Reason::Update)),
            self.reoffer_due().map(|at| (at, Reason::Reoffer)),
        ];
        let ring = self.ring.iter().flat_map(|ring| ring.deadlines());
        self.phase.deadlines().chain(own.into_iter().flatten()).chain(ring).chain(self.transfer_deadlines()).chain(self.guest_deadlines())
    }

    pub(super) fn on_deadline(&mut self, now: Timestamp) {
        match self.media {
            MediaState::Opening(until) if until <= now => self.refuse_overloaded(now),
            MediaState::Closing(until) if until <= now => self.on_media_closed(now, Box::default()),
            _ => {}
        }
        if self.recordings_due().is_some_and(|(at, _)| at <= now) {
            self.record(now);
        }
        self.on_announcement_overdue(now);
        self.on_letter_unanswered(now);
        if self.caller.state == State::Incoming && self.expires.is_some_and(|at| at <= now) {
            // RFC 3261 §13.3.1: as if the caller had sent a CANCEL.
            self.end(now, EndReason::Cancelled, None);
        }
        if self.ended.is_none() && self.began + self.max_duration() <= now {
            self.end(now, EndReason::MaxDuration, None);
        }
        self.on_update_overdue(now);
        self.on_transfer_deadline(now);
        self.on_guest_deadline(now);
        self.on_phase_deadline(now);
    }

    /// The same of the phase alone, which may be one member's of a ring group.
    pub(super) fn on_phase_deadline(&mut self, now: Timestamp) {
        match self.phase {
            Phase::Routing(_, until) if until <= now => self.refuse(now, 500, None, &Extra::none()),
            Phase::Preparing(until, _) if until <= now => self.stop_waiting_for_prompts(now),
            Phase::Seizing(_, until, _) if until <= now => {
                // The time for an answer may be up before policy has said anything.
                let is_up = self.bridge.as_ref().and_then(|bridge| bridge.deadline).is_some_and(|deadline| deadline <= now);
                self.out_of_targets(now, &if is_up { Failure::ring_timeout() } else { Failure::new(500) });
            }
            _ => self.on_dialling_deadline(now),
        }
    }
}
