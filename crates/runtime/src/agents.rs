//! The trunks' agents: a task each on the signalling thread, for as long as the trunk is configured.

use crate::{
    alarm::{Alarm, timer},
    containment::contain,
    log::Escaped,
    mailbox::Mailbox,
    node::Node,
};
use std::{pin::pin, rc::Rc};
use tandem_model::{AgentPlan, CallId, EndReason, HealthNews, LegId, MAX_LEGS};
use tandem_signalling::{AgentSetup, Input, Lines, Output, TrunkAgent, agent::Step};

impl Node {
    /// Agents as the rules in force want them.
    pub(crate) fn take_agents(self: &Rc<Self>) {
        let plans = self.rules.borrow().agents().to_vec();
        let registering = plans.iter().filter(|plan| !plan.registrars.is_empty()).map(|plan| &*plan.trunk);
        self.lines.replace(Lines::new(&self.facts.borrow(), registering));
        let steps = self.agents.borrow_mut().take(&plans);
        self.do_steps(steps);
    }

    /// All agents give up what they keep, and nobody comes after them.
    pub(crate) fn dismiss_agents(self: &Rc<Self>) {
        let steps = self.agents.borrow_mut().dismiss();
        self.do_steps(steps);
    }

    fn do_steps(self: &Rc<Self>, steps: Vec<Step>) {
        for step in steps {
            match step {
                Step::Start(plan) => self.start_agent(plan),
                Step::Leave(id) => {
                    // One that cannot take it has ended, or is told again at the next change.
                    let _ = self.routes.deliver(id, Input::End(EndReason::Shutdown));
                }
            }
        }
    }

    fn start_agent(self: &Rc<Self>, plan: AgentPlan) {
        let now = self.clock.now();
        self.trunk_notes.borrow_mut().forget(&plan.trunk);
        let id = self.next_call_id(now);
        let setup = AgentSetup { id, seed: self.random.borrow_mut().next_u64(), node: self.facts.borrow().clone() };
        let agent = TrunkAgent::new(setup, now, &plan);
        let mailbox = Mailbox::new();
        self.routes.insert_agent(id, mailbox.clone());
        let clerk = Clerk { node: self.clone(), id, trunk: plan.trunk.clone(), agent, mailbox };
        self.agents.borrow_mut().started(id, plan);
        tokio::task::spawn_local(clerk.run());
    }

    /// What a failed agent told holds no longer, and its legs are nobody's.
    fn agent_failed(&self, trunk: &str, legs: impl Iterator<Item = LegId>, id: CallId) {
        self.take_health(&HealthNews::Forgotten { trunk: trunk.into() });
        self.trunk_notes.borrow_mut().forget(trunk);
        legs.for_each(|leg| self.dispatcher.borrow_mut().leg_removed(leg, id));
    }

    fn agent_ended(self: &Rc<Self>, id: CallId) {
        self.routes.remove(id).for_each(drop);
        self.dispatcher.borrow_mut().call_removed(id);
        let step = self.agents.borrow_mut().ended(id);
        self.do_steps(step.into_iter().collect());
        self.changed.notify_one();
    }
}

/// The task of one agent.
struct Clerk {
    node: Rc<Node>,
    id: CallId,
    trunk: Box<str>,
    agent: TrunkAgent,
    mailbox: Mailbox,
}

impl Clerk {
    async fn run(mut self) {
        if !self.carry_out() {
            return;
        }
        let mut timer = pin!(timer(self.node.clock));
        let mut alarm = Alarm::new(timer.as_mut(), self.node.clock);
        loop {
            let due = self.agent.poll_timeout();
            // It is no call, and nobody looks at it.
            let Some(input) = alarm.next(&self.mailbox, due).await.input() else { continue };
            if !self.handle(input) {
                return;
            }
        }
    }

    /// False once the agent is gone.
    fn handle(&mut self, input: Input) -> bool {
        self.take(input) && self.carry_out()
    }

    /// False if it failed inside.
    fn take(&mut self, input: Input) -> bool {
        let now = self.node.clock.now();
        if let Err(fault) = contain(|| self.agent.handle(now, input)) {
            let legs = (0..MAX_LEGS).filter_map(|index| self.id.leg(index));
            self.node.agent_failed(&self.trunk, legs, self.id);
            tracing::error!(trunk = %self.trunk, place = %fault.place, "a trunk's agent failed inside and is given up: {}", Escaped(&fault.message));
            return false;
        }
        true
    }

    fn carry_out(&mut self) -> bool {
        while let Some(output) = self.agent.poll_output() {
            let (node, id) = (&self.node, self.id);
            match output {
                Output::Send(transmit) => node.send_for(id, *transmit),
                Output::Locate(leg, sought) => {
                    if let Some(located) = node.locate(leg, *sought)
                        && !self.take(located)
                    {
                        return false;
                    }
                }
                Output::HopFailed(hop, span) => node.hop_failed(hop, span),
                Output::Health(news) => node.take_health(&news),
                Output::Notify(event) => node.notify(*event),
                Output::LegAdded(leg) => node.dispatcher.borrow_mut().leg_added(leg, id),
                Output::LegRemoved(leg) => node.dispatcher.borrow_mut().leg_removed(leg, id),
                Output::Ended => return false,
                // Of calls alone.
                Output::Ask(..)
                | Output::Media(_)
                | Output::PlaceFree(_)
                | Output::Joined(..)
                | Output::FlowFailed(..)
                | Output::NobodyThere(_)
                | Output::Retire(..)
                | Output::Letter(..)
                | Output::Commanded(..) => {}
            }
        }
        true
    }
}

/// However an agent ends, nothing leads to it any more, and who is to come after it comes.
impl Drop for Clerk {
    fn drop(&mut self) {
        self.node.trunk_notes.borrow_mut().forget(&self.trunk);
        self.node.agent_ended(self.id);
    }
}
