//! A transfer to a ring group: its members are called at once or one after the other, as for a call, and the first answer takes the
//! place. One of them, the target under way, stands where that of any transfer stands; the others are rivals. What happens to a rival
//! brings it forward. A failure is its member's alone, until no member is left.

use super::super::best_failure::rank;
use super::super::leg::Leg;
use super::super::{Call, Output};
use super::{Stage, Transfer, Transfers};
use crate::reason::COMPLETED_ELSEWHERE;
use std::collections::VecDeque;
use tandem_model::{LegId, LegPlan, Place, QuestionId, RingGroup, RingTerms, Strategy, Timestamp, TrunkId};

/// The group that a call is transferred to, until somebody answers.
#[derive(Debug)]
pub(super) struct Group {
    terms: RingTerms,
    /// For all of them together.
    deadline: Option<Timestamp>,
    /// Whose turn is yet to come, and which it is, where several share one.
    waiting: VecDeque<(Option<u8>, Box<[LegPlan]>)>,
    /// The turn that it is.
    turn: Option<u8>,
    rivals: Vec<Rival>,
    /// The best failure so far.
    best: Option<u16>,
}

/// A member that is not the one under way; each field is as that of [`Transfer`].
#[derive(Debug)]
struct Rival {
    question: Option<QuestionId>,
    seized: Option<TrunkId>,
    plans: Box<[LegPlan]>,
    next: usize,
    deadline: Option<Timestamp>,
    failure: u16,
    stage: Stage,
}

impl Transfer {
    fn rivals(&self) -> &[Rival] {
        self.group.as_deref().map(|group| group.rivals.as_slice()).unwrap_or_default()
    }

    pub(super) fn all_deadlines(&self) -> impl Iterator<Item = Timestamp> {
        std::iter::once(&self.stage).chain(self.rivals().iter().map(|rival| &rival.stage)).flat_map(Stage::deadlines).flatten()
    }

    /// The member under way becomes a rival, if there is one.
    fn step_back(&mut self) {
        let Some(group) = self.group.as_deref_mut().filter(|_| !matches!(self.stage, Stage::Turning)) else { return };
        group.rivals.push(Rival {
            question: self.question.take(),
            seized: self.seized.take(),
            plans: std::mem::take(&mut self.plans),
            next: self.next,
            deadline: self.deadline,
            failure: self.failure,
            stage: std::mem::replace(&mut self.stage, Stage::Turning),
        });
    }

    /// A rival becomes the member under way.
    fn bring_forward(&mut self, place: usize) {
        let Some(rival) = self.group.as_deref_mut().map(|group| group.rivals.remove(place)) else { return };
        self.step_back();
        (self.question, self.seized, self.plans, self.next) = (rival.question, rival.seized, rival.plans, rival.next);
        (self.deadline, self.failure, self.stage) = (rival.deadline, rival.failure, rival.stage);
    }

    /// Brings the member forward whose stage is it, if it is not there already. False: there is none.
    fn bring_forward_whose(&mut self, is_it: impl Fn(&Stage) -> bool) -> bool {
        if is_it(&self.stage) {
            return true;
        }
        let place = self.rivals().iter().position(|rival| is_it(&rival.stage));
        place.map(|place| self.bring_forward(place)).is_some()
    }
}

impl Transfers {
    /// The target of that id, which becomes the one under way.
    pub(in super::super) fn bring_forward(&mut self, leg: LegId) -> Option<&mut Leg> {
        let transfer = self.under_way.as_mut()?;
        let is_here = transfer.bring_forward_whose(|stage| stage.leg().is_some_and(|target| target.id == leg));
        transfer.stage.leg_mut().filter(|_| is_here)
    }
}

impl Call {
    /// The legs that the call is being transferred to.
    pub(in super::super) fn targets(&self) -> impl Iterator<Item = &Leg> {
        let rivals = self.transfer().into_iter().flat_map(Transfer::rivals);
        self.target().into_iter().chain(rivals.filter_map(|rival| rival.stage.leg()))
    }

    pub(in super::super) fn target_ids(&self) -> Vec<LegId> {
        self.targets().map(|leg| leg.id).collect()
    }

    fn bring_forward_whose(&mut self, is_it: impl Fn(&Stage) -> bool) -> bool {
        self.transfer_mut().is_some_and(|transfer| transfer.bring_forward_whose(is_it))
    }

    /// Whether a target waits for this decision; it becomes the one under way.
    pub(super) fn bring_asked_forward(&mut self, id: QuestionId) -> bool {
        self.bring_forward_whose(|stage| matches!(stage, Stage::Routing(asked, _) | Stage::Seizing(asked, _) if *asked == id))
    }

    /// The same for its ports.
    pub(super) fn bring_opening_forward(&mut self, leg: LegId) -> bool {
        self.bring_forward_whose(|stage| matches!(stage, Stage::Opening(asked, _) if *asked == leg))
    }

    /// A rival whose time is up becomes the one under way, if there is one.
    pub(super) fn bring_due_forward(&mut self, now: Timestamp) -> bool {
        let is_due = |rival: &Rival| rival.stage.deadlines().into_iter().flatten().any(|at| at <= now);
        let Some(transfer) = self.transfer_mut() else { return false };
        let place = transfer.rivals().iter().position(is_due);
        place.map(|place| transfer.bring_forward(place)).is_some()
    }

    /// Calls the members of a group.
    pub(super) fn ring_targets(&mut self, now: Timestamp, group: &RingGroup) {
        let Some(transfer) = self.transfer_mut() else { return };
        let turns = group.turns.iter().copied().map(Some).chain(std::iter::repeat(None));
        let (terms, waiting) = (group.terms, turns.zip(group.members.iter().cloned()).collect());
        let deadline = terms.timeout.map(|span| now + span);
        transfer.stage = Stage::Turning;
        transfer.group = Some(Box::new(Group { terms, deadline, waiting, turn: None, rivals: Vec::new(), best: None }));
        self.call_more_targets(now);
    }

    /// Calls those whose turn it is. With nobody left the transfer has failed.
    fn call_more_targets(&mut self, now: Timestamp) {
        while let Some(transfer) = self.transfer_mut() {
            let is_idle = matches!(transfer.stage, Stage::Turning);
            let Some(group) = transfer.group.as_deref_mut() else { return };
            let is_over = group.deadline.is_some_and(|deadline| deadline <= now);
            let (turn, may_begin) = (group.turn, is_idle || group.terms.strategy == Strategy::Parallel);
            let has_turn = |of: Option<u8>| !is_over && (may_begin || of.is_some() && of == turn);
            let Some((turn, plans)) = group.waiting.pop_front_if(|(of, _)| has_turn(*of)) else {
                let best = group.best.unwrap_or(480);
                if is_idle {
                    self.fail_transfer(now, best, None);
                }
                return;
            };
            group.turn = turn;
            let own = group.terms.target_timeout.map(|span| now + span);
            let deadline = own.into_iter().chain(group.deadline).min();
            transfer.step_back();
            (transfer.question, transfer.seized, transfer.plans, transfer.next) = (None, None, plans, 0);
            (transfer.deadline, transfer.failure) = (deadline, 480);
            self.next_target(now);
        }
    }

    /// The target under way came to nothing: a member of a group leaves it to the others, else the transfer has failed.
    pub(super) fn target_out(&mut self, now: Timestamp, status: u16, reason: Option<&str>) {
        let Some(transfer) = self.transfer_mut() else { return };
        let Some(group) = transfer.group.as_deref_mut() else { return self.fail_transfer(now, status, reason) };
        // RFC 3261 §16.7 step 5: a 6xx ends all branches.
        if group.terms.ends_on_6xx && status >= 600 {
            return self.fail_transfer(now, status, reason);
        }
        if group.best.is_none_or(|best| rank(status) < rank(best)) {
            group.best = Some(status);
        }
        let (question, stage) = (transfer.question.take(), std::mem::replace(&mut transfer.stage, Stage::Turning));
        if !transfer.rivals().is_empty() {
            transfer.bring_forward(0);
        }
        self.free_target(question);
        self.let_target_go(now, stage, status);
        self.call_more_targets(now);
    }

    /// The target under way has answered: the others are taken back.
    pub(super) fn dismiss_other_targets(&mut self, now: Timestamp) {
        let group = self.transfer_mut().and_then(|transfer| transfer.group.take());
        for rival in group.into_iter().flat_map(|group| group.rivals) {
            self.free_target(rival.question);
            self.dismiss_target(now, rival.stage, 487, Some(COMPLETED_ELSEWHERE));
        }
    }

    /// All targets of a transfer that is over.
    pub(super) fn let_targets_go(&mut self, now: Timestamp, transfer: Transfer, status: u16) {
        self.free_target(transfer.question);
        self.let_target_go(now, transfer.stage, status);
        for rival in transfer.group.into_iter().flat_map(|group| group.rivals) {
            self.free_target(rival.question);
            self.let_target_go(now, rival.stage, status);
        }
    }

    /// Its trunk counts the target no longer that this question was about.
    pub(in super::super) fn free_target(&mut self, question: Option<QuestionId>) {
        self.outputs.extend(question.map(|question| Output::PlaceFree(Place::Target(question))));
    }
}
