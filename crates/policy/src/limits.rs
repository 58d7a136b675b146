//! Counters: how many calls each trunk and the whole node carry, and how fast new ones come.

use crate::{Ruleset, bucket::Bucket, turns::Turns};
use tandem_model::{Action, Decision, Strategy, Timestamp, TrunkId};

/// A call that a trunk's limits count: give it back to [`LimitBook::end`] when the call's leg on that trunk is over.
/// It stays good across reloads.
#[derive(Debug, PartialEq, Eq)]
#[must_use = "a call that is never ended is counted for ever"]
pub struct Begun {
    slot: usize,
}

/// The load of every trunk, and whose turn it is in each group that rings in turn. Calls in both directions count: begin one for a call that a trunk sends us (when it is
/// admitted, before it is routed) and one for the trunk that the call turns to (once for all its targets), until it turns to another.
#[derive(Debug)]
pub struct LimitBook {
    /// At most one a trunk of the ruleset, and one for each trunk that is gone while calls of it go on.
    slots: Vec<Slot>,
    /// The slot of each trunk of the ruleset in force.
    of_trunk: Box<[usize]>,
    turns: Turns,
}

#[derive(Debug)]
struct Slot {
    name: Box<str>,
    calls: u32,
    most_calls: Option<u32>,
    bucket: Option<Bucket>,
    status: u16,
    is_in_force: bool,
}

impl LimitBook {
    /// The book for `rules`, with no calls in it.
    pub fn new(rules: &Ruleset) -> Self {
        let mut book = LimitBook { slots: Vec::new(), of_trunk: Box::default(), turns: Turns::default() };
        book.reload(rules, Timestamp::ZERO);
        book
    }

    /// Goes over to other rules. A trunk that keeps its name keeps its calls; one that is gone is remembered until its
    /// calls are over.
    pub fn reload(&mut self, rules: &Ruleset, now: Timestamp) {
        self.slots.iter_mut().for_each(|slot| slot.is_in_force = false);
        self.turns.reload(rules.in_turn());
        self.of_trunk = rules
            .trunks()
            .map(|(name, limits)| {
                let index = self.slot_for(name);
                let slot = &mut self.slots[index];
                slot.is_in_force = true;
                slot.most_calls = limits.calls;
                slot.status = limits.status;
                match (&mut slot.bucket, limits.cps) {
                    (Some(bucket), Some(rate)) => bucket.set_rate(rate, now),
                    (bucket, rate) => *bucket = rate.map(Bucket::new),
                }
                index
            })
            .collect();
    }

    /// Counts a call on `trunk`.
    ///
    /// # Errors
    /// The status to refuse it with, if the trunk is full. A trunk that the rules in force do not know has no limits
    /// and cannot be begun: 480.
    pub fn try_begin(&mut self, trunk: TrunkId, now: Timestamp) -> Result<Begun, u16> {
        let index = *self.of_trunk.get(usize::from(trunk.0)).ok_or(480u16)?;
        let slot = &mut self.slots[index];
        if slot.has_all_calls() || !slot.bucket.as_mut().is_none_or(|bucket| bucket.take(now)) {
            return Err(slot.status);
        }
        slot.calls += 1;
        Ok(Begun { slot: index })
    }

    /// Counts a call of that endpoint's trunk (`trunk:NAME`, `trunk:NAME/NUMBER`) whatever its limits: it is there already, and another
    /// call counted it. `None` for a trunk that the rules in force do not know.
    pub fn take_over(&mut self, endpoint: &str) -> Option<Begun> {
        let name = endpoint.strip_prefix("trunk:")?.split('/').next()?;
        let slot = self.slots.iter().position(|slot| slot.is_in_force && &*slot.name == name)?;
        self.slots[slot].calls += 1;
        Some(Begun { slot })
    }

    /// The call is over.
    pub fn end(&mut self, begun: Begun) {
        if let Some(slot) = self.slots.get_mut(begun.slot) {
            slot.calls = slot.calls.saturating_sub(1);
        }
    }

    /// The status that a call to `trunk` would be refused with now; `None` if it would not.
    pub fn full(&self, trunk: TrunkId, now: Timestamp) -> Option<u16> {
        let slot = &self.slots[*self.of_trunk.get(usize::from(trunk.0))?];
        let is_full = slot.has_all_calls() || slot.bucket.as_ref().is_some_and(|bucket| !bucket.has_token(now));
        is_full.then_some(slot.status)
    }

    /// Calls that `trunk` carries.
    pub fn calls(&self, trunk: TrunkId) -> u32 {
        self.of_trunk.get(usize::from(trunk.0)).map_or(0, |index| self.slots[*index].calls)
    }

    /// Which member a route that rings in turn begins with; counted on without end.
    pub(crate) fn turn(&self, route: &str) -> usize {
        self.turns.of(route)
    }

    /// A call was given to a route: of one that rings in turn the next call begins with the next member.
    pub fn note_route(&mut self, decision: &Decision) {
        if let Decision::Route { rule, action: Action::Ring(group) } = decision
            && group.terms.strategy == Strategy::RoundRobin
        {
            self.turns.take(rule);
        }
    }

    /// The slot of the trunk of that name, a slot that nobody needs any more, or a new one.
    fn slot_for(&mut self, name: &str) -> usize {
        if let Some(index) = self.slots.iter().position(|slot| &*slot.name == name) {
            return index;
        }
        let fresh = Slot { name: name.into(), calls: 0, most_calls: None, bucket: None, status: 480, is_in_force: true };
        match self.slots.iter().position(|slot| !slot.is_in_force && slot.calls == 0) {
            Some(index) => {
                self.slots[index] = fresh;
                index
            }
            None => {
                self.slots.push(fresh);
                self.slots.len() - 1
            }
        }
    }
}

impl Slot {
    fn has_all_calls(&self) -> bool {
        self.most_calls.is_some_and(|most| self.calls >= most)
    }
}

/// Why the node takes no call now: 503 with `Retry-After: retry_after_s`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NodeFull {
    /// Seconds.
    pub retry_after_s: u32,
}

/// Calls end after minutes, so a node full of them is worth asking again soon, but not at once.
const RETRY_WHEN_FULL_S: u32 = 10;

/// The rate is counted by the second.
const RETRY_WHEN_FAST_S: u32 = 1;

/// `[calls] max` and `max_cps`.
#[derive(Clone, Debug)]
pub struct NodeLimits {
    calls: u32,
    most_calls: u32,
    bucket: Bucket,
}

impl NodeLimits {
    /// No calls, of at most `max`, and `max_cps` new ones a second.
    pub fn new(max: u32, max_cps: u32) -> Self {
        NodeLimits { calls: 0, most_calls: max, bucket: Bucket::new(max_cps) }
    }

    /// Goes over to other limits; calls in progress go on even if they are more than that.
    pub fn reload(&mut self, max: u32, max_cps: u32, now: Timestamp) {
        self.most_calls = max;
        self.bucket.set_rate(max_cps, now);
    }

    /// Counts a call.
    ///
    /// # Errors
    /// When to ask again, if the node is full.
    pub fn try_begin(&mut self, now: Timestamp) -> Result<(), NodeFull> {
        if self.calls >= self.most_calls {
            return Err(NodeFull { retry_after_s: RETRY_WHEN_FULL_S });
        }
        if !self.bucket.take(now) {
            return Err(NodeFull { retry_after_s: RETRY_WHEN_FAST_S });
        }
        self.calls += 1;
        Ok(())
    }

    /// A call is over.
    pub fn end(&mut self) {
        self.calls = self.calls.saturating_sub(1);
    }

    /// Calls in progress.
    pub fn calls(&self) -> u32 {
        self.calls
    }
}
