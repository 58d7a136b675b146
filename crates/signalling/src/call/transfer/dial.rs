//! The target of a transfer: where it is, and its INVITE until it answers.

use super::super::invite::Invited;
use super::super::leg::State;
use super::super::parties::{self, number_in, own_number, who_is};
use super::super::setup::{DECISION_TIMEOUT, MEDIA_OPEN_TIMEOUT, UNKNOWN, as_sips};
use super::super::{Call, Cause, Output, Side, context, over, relayed_status};
use super::{Dialled, Stage, target_mut};
use crate::message::{HeaderName, Message, Uri};
use std::sync::Arc;
use tandem_model::{
    Action, Decision, Destination, EndpointRequest, EventKind, LegId, LegPlan, LocalEndpoint, MediaCommand, Prack, Presentation, Question,
    QuestionId, Shows, Timestamp,
};

impl Call {
    /// Whether this is policy's answer about the transfer; then it is taken.
    pub(in super::super) fn on_transfer_decision(&mut self, now: Timestamp, id: QuestionId, decision: &Decision) -> bool {
        if !self.bring_asked_forward(id) {
            return false;
        }
        if matches!(self.transfer().map(|transfer| &transfer.stage), Some(Stage::Seizing(..))) {
            self.on_target_seized(now, decision);
            return true;
        }
        match decision {
            Decision::Route { action: Action::Bridge { legs, timeout, .. }, .. } => {
                let (plans, deadline) = (legs.clone(), timeout.map(|span| now + span));
                if let Some(transfer) = self.transfer_mut() {
                    transfer.seized = plans.first().and_then(|plan| plan.trunk);
                    (transfer.plans, transfer.deadline) = (plans, deadline);
                }
                self.next_target(now);
            }
            Decision::Route { action: Action::Ring(group), .. } => self.ring_targets(now, group),
            // A leg that is here already is not joined to an answer of our own.
            Decision::Route { .. } => self.fail_transfer(now, 403, None),
            Decision::Reject { status, reason } => self.fail_transfer(now, *status, reason.as_deref()),
            Decision::Admitted { .. } | Decision::Prove(_) | Decision::Ignore | Decision::Consult(_) | Decision::Dial(_) => {
                self.fail_transfer(now, 500, None)
            }
        }
        true
    }

    /// Turns to the next place to be called, if there is one.
    pub(super) fn next_target(&mut self, now: Timestamp) {
        let node = Arc::clone(&self.node);
        let Some(transfer) = self.transfer_mut() else { return };
        if transfer.sips {
            // RFC 5630 §5.1.2: TLS on every hop, or no call.
            let is_secure = |plan: &LegPlan| node.listener(plan.profile.listener).transport.is_secure();
            while transfer.plans.get(transfer.next).is_some_and(|plan| !is_secure(plan)) {
                (transfer.next, transfer.failure) = (transfer.next + 1, 480);
            }
        }
        let Some(plan) = transfer.plans.get_mut(transfer.next) else {
            let failure = transfer.failure;
            return self.target_out(now, failure, None);
        };
        if transfer.sips {
            plan.uri = as_sips(&plan.uri);
        }
        let plan = plan.clone();
        transfer.next += 1;
        let has_room = transfer.seized == plan.trunk;
        let before = transfer.question.take_if(|_| !has_room);
        if self.leads_back(&plan) {
            self.free_target(before);
            // RFC 3261 §21.4.20: whoever is here already would be called.
            return self.target_out(now, 482, None);
        }
        if has_room {
            return self.take_target_at(now, &plan);
        }
        // Another trunk: it has not been asked yet whether it has room.
        self.free_target(before);
        let question = self.ask(Question::Target(plan.endpoint));
        if let Some(transfer) = self.transfer_mut() {
            (transfer.question, transfer.seized) = (Some(question), None);
            transfer.stage = Stage::Seizing(question, now + DECISION_TIMEOUT);
        }
    }

    fn on_target_seized(&mut self, now: Timestamp, decision: &Decision) {
        let Some(transfer) = self.transfer_mut() else { return };
        let plan = transfer.next.checked_sub(1).and_then(|place| transfer.plans.get(place)).cloned();
        match (decision, plan) {
            (Decision::Dial(_), Some(plan)) => {
                transfer.seized = plan.trunk;
                self.take_target_at(now, &plan);
            }
            (Decision::Reject { status, .. }, _) => {
                (transfer.failure, transfer.question) = (*status, None);
                self.next_target(now);
            }
            _ => self.target_out(now, 500, None),
        }
    }

    /// There is room for the target.
    fn take_target_at(&mut self, now: Timestamp, plan: &LegPlan) {
        let Some(leg) = self.id.leg(self.legs_created) else { return self.target_out(now, 500, None) };
        self.legs_created += 1;
        if !self.is_anchored() {
            return self.dial_target(now, leg, None);
        }
        if let Some(transfer) = self.transfer_mut() {
            transfer.stage = Stage::Opening(leg, now + MEDIA_OPEN_TIMEOUT);
        }
        let endpoint = EndpointRequest { leg, side: plan.profile.media };
        self.media(MediaCommand::Add { call: self.id, endpoint });
    }

    /// Whether the call would come back to somebody who is in it.
    fn leads_back(&self, plan: &LegPlan) -> bool {
        let called = number_in(&plan.uri).unwrap_or_default();
        let legs = std::iter::once(&self.caller).chain(&self.callee);
        legs.filter(|leg| leg.state == State::Confirmed).any(|leg| {
            let same_trunk = trunk_of(&leg.endpoint) == trunk_of(&plan.endpoint);
            same_trunk
                && (own_number(leg) == called
                    || Uri::parse(&leg.to).is_ok_and(|to| Uri::parse(&plan.uri).is_ok_and(|uri| to.equivalent(&uri))))
        })
    }

    /// Ports for the target, if it is its ports that were opened.
    pub(in super::super) fn on_target_ports(&mut self, now: Timestamp, locals: &[LocalEndpoint]) -> bool {
        if matches!(self.transfer().map(|transfer| &transfer.stage), Some(Stage::Arriving(_))) {
            return self.on_newcomer_ports(now, locals);
        }
        let Some(local) = locals.iter().find(|local| self.bring_opening_forward(local.leg)).copied() else { return false };
        self.dial_target(now, local.leg, Some(local));
        true
    }

    /// There are none.
    pub(in super::super) fn on_target_refused_ports(&mut self, now: Timestamp, leg: LegId) {
        let waits = |stage: &Stage| matches!(stage, Stage::Arriving(arriving) if arriving.waits_for_ports(leg));
        if self.transfer().is_some_and(|transfer| waits(&transfer.stage)) || self.bring_opening_forward(leg) {
            self.target_out(now, 500, None);
        }
    }

    fn dial_target(&mut self, now: Timestamp, id: LegId, local: Option<LocalEndpoint>) {
        let Some(transfer) = self.transfer() else { return };
        let Some(plan) = transfer.next.checked_sub(1).and_then(|place| transfer.plans.get(place)).cloned() else { return };
        let (by, max_forwards, deadline) = (transfer.by, transfer.max_forwards, transfer.deadline);
        let (referred_by, replaces) = (transfer.referred_by.clone(), transfer.replaces.clone());
        let remote = if let Destination::Address(address) = &plan.destination { address.ip() } else { UNKNOWN };
        let mut media = self.media_with(&plan.profile, remote, local.is_some(), local);
        let own = match self.offer_target(&plan, &mut media) {
            Ok(own) => own,
            Err(status) => return self.target_out(now, status, None),
        };
        let said = self.said_of_who_stays(by, &plan);
        let mut more: Vec<(HeaderName, Box<str>)> = Vec::new();
        // RFC 3892 §2.1; the transferor's own host stays behind us, as everybody's does.
        if let Some(user) = referred_by {
            let host = parties::our_host(&self.node, &plan);
            more.push((HeaderName::ReferredBy, ["<", &parties::uri_of(&user, host), ">"].concat().into()));
        }
        if let Some(replaces) = replaces {
            more.push((HeaderName::Replaces, replaces));
            // RFC 3891 §4: otherwise whoever does not know it would ring beside the call that it is to replace.
            more.push((HeaderName::Require, "replaces".into()));
        }
        // An offer of the target's in a reliable response would have to be answered before the one who stays has been asked.
        let prack = if own.is_some() { plan.profile.prack } else { Prack::Off };
        let sdp = own.as_ref().map(|own| own.sdp());
        let far = self.leg(by.other()).and_then(|leg| leg.shown_session(&self.node));
        let leg = self.invite_aside(now, id, &plan, media, &Invited { said: &said, more: &more, far, max_forwards, sdp, prack });
        let ring_until = now + plan.profile.ring_timeout;
        let ring_until = deadline.map_or(ring_until, |deadline| deadline.min(ring_until));
        let trying_until = Some(now + plan.profile.trying_timeout);
        if let Some(transfer) = self.transfer_mut() {
            transfer.stage = Stage::Dialling(Box::new(Dialled { leg, own, trying_until, ring_until }));
        }
    }

    /// What the target's INVITE says of the one who stays, where policy has not said it.
    fn said_of_who_stays(&self, by: Side, plan: &LegPlan) -> Presentation {
        let mut said = plan.presentation.as_deref().cloned().unwrap_or_default();
        if said.caller.is_none() && said.shows == Shows::Own {
            let caller = self.leg(by.other()).map(who_is);
            said.shows = if caller.as_ref().is_some_and(|caller| caller.privacy.hides_caller()) { Shows::Own } else { Shows::Caller };
            said.caller = caller;
        }
        said
    }

    pub(super) fn on_target_trying(&mut self) {
        if let Some(Stage::Dialling(dialled)) = self.transfer_mut().map(|transfer| &mut transfer.stage) {
            dialled.trying_until = None;
        }
    }

    /// Its INVITE is at another place now, and has its own time there.
    pub(super) fn on_target_turned(&mut self, now: Timestamp) {
        if let Some(Stage::Dialling(dialled)) = self.transfer_mut().map(|transfer| &mut transfer.stage) {
            dialled.trying_until = Some(now + dialled.leg.profile.trying_timeout);
        }
    }

    /// 101 to 199 of the target: the transferor is told.
    pub(super) fn on_target_provisional(&mut self, now: Timestamp, message: &Message) {
        self.on_target_trying();
        self.keep_early_answer(message);
        let Some(transferor) = self.transfer().map(|transfer| transfer.transferor) else { return };
        // RFC 6228: one of several phones has given up, which is nobody else's business.
        if message.status() == 199 {
            return;
        }
        self.tell(now, transferor, message.status(), Some(message.reason()));
        if message.status() == 180 {
            self.notify(now, self.target().map(|leg| leg.id), EventKind::LegRinging);
        }
    }

    /// The target said no.
    pub(super) fn on_target_rejected(&mut self, now: Timestamp, message: &Message) {
        if let Some(target) = target_mut(&mut self.transfers) {
            let end = over::rejected(message, target.why_unanswered());
            target.note_end(context!(self, now), end);
        }
        // RFC 3515 §2.4.5: in the target's own words, but for what is about our own standing with it.
        let status = if matches!(message.status(), 401 | 407) { relayed_status(message.status()) } else { message.status() };
        self.leave_failed_target(now, Cause::Status(message.status()), status);
    }

    /// The target said nothing, or was not there.
    pub(super) fn on_target_silent(&mut self, now: Timestamp, cause: Cause) {
        let status = cause.status();
        if let Some(target) = target_mut(&mut self.transfers) {
            target.note_end(context!(self, now), over::unanswered(status));
        }
        self.leave_failed_target(now, cause, status);
    }

    fn leave_failed_target(&mut self, now: Timestamp, cause: Cause, status: u16) {
        let Some(transfer) = self.transfer_mut() else { return };
        let plan = transfer.next.checked_sub(1).and_then(|place| transfer.plans.get(place));
        let lost = cause.lost_flow(plan);
        let again = transfer.deadline.is_none_or(|deadline| now < deadline) && cause.turns(&transfer.plans, &mut transfer.next);
        transfer.failure = status;
        let stage = again.then(|| std::mem::replace(&mut transfer.stage, Stage::Turning));
        self.outputs.extend(lost.map(Output::FlowFailed));
        let Some(stage) = stage else { return self.target_out(now, status, None) };
        self.let_target_go(now, stage, status);
        self.next_target(now);
    }

    /// The target is no part of the call any more: its INVITE is taken back, or refused with that status, or the target hung up, and its
    /// ports are given back.
    pub(super) fn let_target_go(&mut self, now: Timestamp, stage: Stage, status: u16) {
        self.dismiss_target(now, stage, status, None);
    }

    /// The same; `elsewhere` is what the target hears if another has answered.
    pub(super) fn dismiss_target(&mut self, now: Timestamp, stage: Stage, status: u16, elsewhere: Option<&str>) {
        let mut leg = match stage {
            // What came from another call goes back there.
            Stage::Routing(..) | Stage::Seizing(..) | Stage::Turning | Stage::Away(_) | Stage::SentOver(_) | Stage::Arriving(_) => return,
            Stage::Opening(leg, _) => return self.give_up_ports(leg),
            Stage::Dialling(dialled) => {
                self.give_up_ports(dialled.leg.id);
                dialled.leg
            }
            Stage::Joining(joining) => {
                self.give_up_ports(joining.leg.id);
                self.decline_target(now, *joining)
            }
        };
        let ended = if leg.state == State::Incoming { status } else { 487 };
        leg.hang_up(context!(self, now), ended, elsewhere);
        leg.note_end(context!(self, now), if elsewhere.is_some() { over::answered_elsewhere() } else { over::unanswered(ended) });
        self.strays.push(leg);
    }

    pub(super) fn give_up_ports(&mut self, leg: LegId) {
        if self.is_anchored() {
            self.media(MediaCommand::Remove { call: self.id, leg });
        }
    }

    pub(in super::super) fn is_anchored(&self) -> bool {
        // Of one that is away there is only a husk.
        let is_any = || std::iter::once(&self.caller).chain(&self.callee).any(|leg| leg.media.is_anchored());
        self.bridge.as_ref().map_or_else(is_any, |bridge| bridge.anchor)
    }
}

/// `trunk:NAME` of an endpoint that may have a number.
pub(super) fn trunk_of(endpoint: &str) -> &str {
    endpoint.split('/').next().unwrap_or(endpoint)
}
