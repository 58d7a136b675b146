//! The trunks' agents, as the shell runs them.

use super::{CoreNode, World};
use tandem_model::{AgentPlan, CallId, EndReason, Timestamp};
use tandem_signalling::{AgentSetup, Input, Lines, Output, TrunkAgent, agent::Step};

impl CoreNode {
    /// Agents as the rules in force want them.
    pub(crate) fn take_agents(&mut self, world: &mut World<'_>) {
        let plans = self.rules.agents().to_vec();
        let registering = plans.iter().filter(|plan| !plan.registrars.is_empty()).map(|plan| &*plan.trunk);
        self.lines = Lines::new(&self.facts, registering);
        let steps = self.roster.take(&plans);
        self.do_steps(world, steps);
    }

    /// All agents give up what they keep, and nobody comes after them.
    pub(crate) fn dismiss_agents(&mut self, world: &mut World<'_>) {
        let steps = self.roster.dismiss();
        self.do_steps(world, steps);
    }

    /// How many agents there are.
    pub fn agents(&self) -> usize {
        self.agents.len()
    }

    pub(super) fn agent_input(&mut self, world: &mut World<'_>, id: CallId, input: Input) {
        if let Some(agent) = self.agents.get_mut(&id) {
            agent.handle(world.now, input);
            self.carry_out_agent(world, id);
        }
    }

    pub(super) fn wake_agents(&mut self, world: &mut World<'_>) {
        let due = |agent: &TrunkAgent, now: Timestamp| agent.poll_timeout().is_some_and(|at| at <= now);
        let ids: Vec<CallId> = self.agents.iter().filter(|(_, agent)| due(agent, world.now)).map(|(id, _)| *id).collect();
        for id in ids {
            self.agent_input(world, id, Input::Wake);
        }
    }

    fn do_steps(&mut self, world: &mut World<'_>, steps: Vec<Step>) {
        for step in steps {
            match step {
                Step::Start(plan) => self.start_agent(world, plan),
                Step::Leave(id) => self.agent_input(world, id, Input::End(EndReason::Shutdown)),
            }
        }
    }

    fn start_agent(&mut self, world: &mut World<'_>, plan: AgentPlan) {
        self.counter = self.counter.wrapping_add(1);
        let id = CallId::new(1_700_000_000_000 + world.now.as_millis(), self.counter);
        let setup = AgentSetup { id, seed: self.random.next_u64(), node: self.facts.clone() };
        self.agents.insert(id, TrunkAgent::new(setup, world.now, &plan));
        self.roster.started(id, plan);
        self.carry_out_agent(world, id);
    }

    fn carry_out_agent(&mut self, world: &mut World<'_>, id: CallId) {
        while let Some(output) = self.agents.get_mut(&id).and_then(TrunkAgent::poll_output) {
            match output {
                Output::Send(transmit) => self.send(world, Some(id), *transmit),
                Output::Locate(leg, sought) => {
                    let located = self.locate(world, leg, *sought);
                    if let (Some(located), Some(agent)) = (located, self.agents.get_mut(&id)) {
                        agent.handle(world.now, Input::Located(leg, located));
                    }
                }
                Output::HopFailed(hop, span) => self.locator.hop_failed(world.now, hop, span),
                Output::Health(news) => self.health.take(world.now, &news),
                Output::Notify(event) => self.events.push(*event),
                Output::LegAdded(leg) => self.dispatcher.leg_added(leg, id),
                Output::LegRemoved(leg) => self.dispatcher.leg_removed(leg, id),
                Output::Ended => {
                    self.agents.remove(&id);
                    self.dispatcher.call_removed(id);
                    let step = self.roster.ended(id);
                    self.do_steps(world, step.into_iter().collect());
                }
                other => unreachable!("an agent wants what calls want: {other:?}"),
            }
        }
    }
}
