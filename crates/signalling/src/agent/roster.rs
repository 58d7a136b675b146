//! Which trunks have an agent, and what a change of the configuration means to them.

use std::collections::BTreeMap;
use tandem_model::{AgentPlan, CallId};

/// The agents of a node, by trunk. At most one a trunk works at a time: two would undo each other's registrations.
#[derive(Debug, Default)]
pub struct Roster {
    posts: BTreeMap<Box<str>, Post>,
}

/// The agent of one trunk, and what comes after it.
#[derive(Debug)]
struct Post {
    plan: AgentPlan,
    id: CallId,
    next: Next,
}

#[derive(Debug)]
enum Next {
    /// It stays.
    Stays,
    /// It has been told to leave, and this one takes its place.
    Leaves(Option<Box<AgentPlan>>),
}

/// What is to be done.
#[derive(Debug, PartialEq, Eq)]
pub enum Step {
    /// Make an agent for this plan and say so ([`Roster::started`]).
    Start(AgentPlan),
    /// Tell this one to leave.
    Leave(CallId),
}

impl Roster {
    /// These are the plans now.
    pub fn take(&mut self, plans: &[AgentPlan]) -> Vec<Step> {
        let mut steps = Vec::new();
        for (trunk, post) in &mut self.posts {
            let wanted = plans.iter().find(|plan| plan.trunk == *trunk);
            match &mut post.next {
                Next::Stays if wanted == Some(&post.plan) => {}
                Next::Stays => {
                    post.next = Next::Leaves(wanted.cloned().map(Box::new));
                    steps.push(Step::Leave(post.id));
                }
                // Told once more: the first word may not have reached it.
                Next::Leaves(after) => {
                    *after = wanted.cloned().map(Box::new);
                    steps.push(Step::Leave(post.id));
                }
            }
        }
        let new = plans.iter().filter(|plan| !self.posts.contains_key(&plan.trunk));
        steps.extend(new.cloned().map(Step::Start));
        steps
    }

    /// Everybody leaves, and nobody comes after.
    pub fn dismiss(&mut self) -> Vec<Step> {
        self.take(&[])
    }

    /// An agent with that id does this now.
    pub fn started(&mut self, id: CallId, plan: AgentPlan) {
        self.posts.insert(plan.trunk.clone(), Post { plan, id, next: Next::Stays });
    }

    /// That agent is gone. What takes its place, if anything does.
    pub fn ended(&mut self, id: CallId) -> Option<Step> {
        let trunk = self.posts.iter().find(|(_, post)| post.id == id).map(|(trunk, _)| trunk.clone())?;
        match self.posts.remove(&trunk)?.next {
            Next::Leaves(Some(plan)) => Some(Step::Start(*plan)),
            _ => None,
        }
    }

    /// Whether there is nobody.
    pub fn is_empty(&self) -> bool {
        self.posts.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan(trunk: &str, instance: &str) -> AgentPlan {
        AgentPlan { trunk: trunk.into(), registrars: Box::default(), pings: None, login: None, instance: instance.into() }
    }

    fn id(number: u16) -> CallId {
        CallId::new(1, number)
    }

    #[test]
    fn who_is_as_before_stays_and_who_is_changed_leaves_before_the_next_one_starts() {
        let mut roster = Roster::default();
        assert_eq!(roster.take(&[plan("a", "1"), plan("b", "1")]).len(), 2);
        roster.started(id(1), plan("a", "1"));
        roster.started(id(2), plan("b", "1"));
        assert_eq!(roster.take(&[plan("a", "1"), plan("b", "1")]), []);
        assert_eq!(roster.take(&[plan("a", "2"), plan("b", "1")]), [Step::Leave(id(1))]);
        // Changed once more while it leaves.
        assert_eq!(roster.take(&[plan("a", "3"), plan("b", "1")]), [Step::Leave(id(1))]);
        assert_eq!(roster.ended(id(1)), Some(Step::Start(plan("a", "3"))));
        roster.started(id(3), plan("a", "3"));
        assert_eq!(roster.dismiss(), [Step::Leave(id(3)), Step::Leave(id(2))]);
        assert_eq!((roster.ended(id(2)), roster.ended(id(3)), roster.is_empty()), (None, None, true));
    }

    #[test]
    fn one_that_comes_back_while_it_leaves_begins_anew() {
        let mut roster = Roster::default();
        roster.started(id(1), plan("a", "1"));
        assert_eq!(roster.take(&[]), [Step::Leave(id(1))]);
        assert_eq!(roster.take(&[plan("a", "1")]), [Step::Leave(id(1))]);
        assert_eq!(roster.ended(id(1)), Some(Step::Start(plan("a", "1"))));
    }
}
