//! Counters: how many calls each trunk, route and user has, how fast new ones come, and what they spend.

use crate::{Ruleset, slot::Slot, turns::Turns};
use std::collections::BTreeMap;
use tandem_model::{Action, Decision, EventKind, Origin, Strategy, Timestamp, TrunkId};

/// A call that limits count: give it back to [`LimitBook::end`] when it is over there. It stays good across reloads.
#[derive(Debug, PartialEq, Eq)]
#[must_use = "a call that is never ended is counted for ever"]
pub struct Begun {
    slot: usize,
}

/// Whose account a call is on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Payer {
    slot: usize,
    /// Whose slot that was: one whom nothing is counted for may have to give it up at a reload.
    tenancy: u32,
}

/// The load of every trunk, of routes and users that have limits, and whose turn it is in each group that rings in turn. On trunks calls in both directions count:
/// begin one for a call that a trunk sends us (when it is admitted, before it is routed) and one for the trunk that the call turns to (once for all its targets), until
/// it turns to another.
#[derive(Debug)]
pub struct LimitBook {
    /// At most one for each trunk, route and user of the ruleset, and one for each that is gone while calls of it go on.
    slots: Vec<Slot>,
    by_key: BTreeMap<Box<str>, usize>,
    /// The slot of each trunk of the ruleset in force.
    of_trunk: Box<[usize]>,
    /// Some route has a slot, some user has.
    has_routes: bool,
    has_users: bool,
    turns: Turns,
}

impl LimitBook {
    /// The book for `rules`, with no calls in it.
    pub fn new(rules: &Ruleset) -> Self {
        let (slots, by_key, turns) = (Vec::new(), BTreeMap::new(), Turns::default());
        let mut book = LimitBook { slots, by_key, of_trunk: Box::default(), has_routes: false, has_users: false, turns };
        book.reload(rules, Timestamp::ZERO);
        book
    }

    /// Goes over to other rules. Who keeps its name keeps its calls, and what it has spent; one that is gone is remembered until its
    /// calls are over.
    pub fn reload(&mut self, rules: &Ruleset, now: Timestamp) {
        self.slots.iter_mut().for_each(|slot| slot.is_in_force = false);
        self.turns.reload(rules.in_turn());
        let limited: Vec<_> = rules.limited().collect();
        for (key, ..) in &limited {
            if let Some(place) = self.by_key.get(&**key) {
                self.slots[*place].is_in_force = true;
            }
        }
        let mut free: Vec<usize> = (0..self.slots.len()).filter(|place| self.slots[*place].is_free()).collect();
        for (key, limits, minutes, is_emergency) in limited {
            let place = self.slot_for(&key, &mut free);
            self.slots[place].reload(limits, minutes, is_emergency, now);
        }
        let has = |kind: &str| self.slots.iter().any(|slot| slot.is_in_force && slot.key.starts_with(kind));
        (self.has_routes, self.has_users) = (has("route:"), has("user:"));
        self.of_trunk = rules.trunks().filter_map(|(name, _)| self.by_key.get(&*format!("trunk:{name}")).copied()).collect();
    }

    /// Counts a call of `origin`; `None` of a user without limits.
    ///
    /// # Errors
    /// The status to refuse it with, if that trunk or user has all its calls, or has spent what it may.
    pub fn try_call(&mut self, origin: &Origin, now: Timestamp) -> Result<Option<Begun>, u16> {
        let Some(place) = self.place_of(origin)? else { return Ok(None) };
        let slot = &mut self.slots[place];
        match slot.spent(now) {
            Some(status) => Err(status),
            None => slot.try_begin(now).map(|()| Some(Begun { slot: place })),
        }
    }

    /// Counts a call of `origin` to an emergency service, whatever its limits.
    pub fn call_anyway(&mut self, origin: &Origin, now: Timestamp) -> Option<Begun> {
        let place = self.place_of(origin).ok()??;
        self.slots[place].begin_anyway(now);
        Some(Begun { slot: place })
    }

    /// Counts a call on `trunk`, in whichever direction.
    ///
    /// # Errors
    /// The status to refuse it with, if the trunk is full. A trunk that the rules in force do not know has no limits
    /// and cannot be begun: 480.
    pub fn try_begin(&mut self, trunk: TrunkId, now: Timestamp) -> Result<Begun, u16> {
        let slot = *self.of_trunk.get(usize::from(trunk.0)).ok_or(480u16)?;
        self.slots[slot].try_begin(now).map(|()| Begun { slot })
    }

    /// Counts a call of that endpoint's trunk (`trunk:NAME`, `trunk:NAME/NUMBER`) whatever its limits: it is there already, and another
    /// call counted it. `None` for a trunk that the rules in force do not know.
    pub(crate) fn take_over(&mut self, endpoint: &str) -> Option<Begun> {
        let slot = *self.by_key.get(endpoint.split('/').next()?).filter(|_| endpoint.starts_with("trunk:"))?;
        if !self.slots[slot].is_in_force {
            return None;
        }
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
        self.slots[*self.of_trunk.get(usize::from(trunk.0))?].full(now)
    }

    /// The same of a call by the route of that name.
    pub(crate) fn route_full(&self, route: &str, now: Timestamp) -> Option<u16> {
        self.route(route).and_then(|slot| slot.full(now))
    }

    /// The status that `by` would be refused with now if it had a call that there is go elsewhere: that is a new one, as far as it is
    /// about what `by` spends, and how fast.
    pub(crate) fn refuses(&self, by: &Origin, now: Timestamp) -> Option<u16> {
        let slot = &self.slots[self.place_of(by).ok()??];
        slot.spent(now).or_else(|| slot.too_fast(now))
    }

    /// `by` was refused a call to that number, for `may_call`.
    pub(crate) fn note_barred(&self, by: &Origin, number: &str, now: Timestamp) {
        if let Ok(Some(place)) = self.place_of(by) {
            self.slots[place].barred.note(number, now);
        }
    }

    /// A call by the route of that name, which found room. Whether it is to an emergency service, and what is counted.
    pub(crate) fn begin_route(&mut self, route: &str, now: Timestamp) -> (bool, Option<Begun>) {
        if !self.has_routes {
            return (false, None);
        }
        let Some(place) = self.by_key.get(&*format!("route:{route}")).copied() else { return (false, None) };
        let slot = &mut self.slots[place];
        slot.begin_anyway(now);
        (slot.is_emergency, Some(Begun { slot: place }))
    }

    /// Whoever that is had a call go elsewhere: a new one.
    pub(crate) fn take_token(&mut self, by: &Origin, now: Timestamp) {
        if let Ok(Some(place)) = self.place_of(by) {
            self.slots[place].take_token(now);
        }
    }

    /// Whose account calls of `origin` are on, if it has one.
    pub(crate) fn payer(&self, origin: &Origin) -> Option<Payer> {
        let slot = self.place_of(origin).ok()??;
        self.payer_at(slot)
    }

    /// The same of a call that is counted there.
    pub(crate) fn payer_of(&self, begun: &Begun) -> Option<Payer> {
        self.payer_at(begun.slot)
    }

    fn payer_at(&self, place: usize) -> Option<Payer> {
        let slot = self.slots.get(place)?;
        slot.account.is_some().then_some(Payer { slot: place, tenancy: slot.tenancy })
    }

    fn slot_of(&self, payer: Payer) -> Option<&Slot> {
        self.slots.get(payer.slot).filter(|slot| slot.tenancy == payer.tenancy)
    }

    /// Who that is: `trunk:NAME` or `user:NAME`.
    pub(crate) fn key_of(&self, payer: Payer) -> Option<&str> {
        self.slot_of(payer).map(|slot| &*slot.key)
    }

    /// A call on that account is answered, or over.
    pub(crate) fn charge(&mut self, payer: Payer, is_running: bool, now: Timestamp) {
        let slot = self.slots.get_mut(payer.slot).filter(|slot| slot.tenancy == payer.tenancy);
        if let Some(account) = slot.and_then(|slot| slot.account.as_mut()) {
            if is_running { account.start(now) } else { account.stop(now) }
        }
    }

    /// What is to be told of limits that were reached, or are no longer: once each, and not of each call.
    pub fn sweep(&mut self, now: Timestamp) -> Vec<EventKind> {
        let mut told = Vec::new();
        self.slots.iter_mut().for_each(|slot| slot.sweep(now, &mut told));
        told
    }

    /// When there may be something to tell.
    pub fn poll_timeout(&self) -> Option<Timestamp> {
        self.slots.iter().filter_map(|slot| slot.poll_timeout()).min()
    }

    /// Calls that `trunk` carries.
    pub fn calls(&self, trunk: TrunkId) -> u32 {
        self.of_trunk.get(usize::from(trunk.0)).map_or(0, |index| self.slots[*index].calls)
    }

    /// Calls that are counted for `key`: `trunk:NAME`, `route:NAME` or `user:NAME`.
    pub fn counted(&self, key: &str) -> u32 {
        self.by_key.get(key).map_or(0, |place| self.slots[*place].calls)
    }

    /// Which member a route that rings in turn begins with; counted on without end.
    pub(crate) fn turn(&self, route: &str) -> usize {
        self.turns.of(route)
    }

    /// A call was given to a route: of one that rings in turn the next call begins with the next member.
    pub fn note_route(&mut self, decision: &Decision) {
        if let Decision::Route { rule, action: Action::Ring(group), .. } = decision
            && group.terms.strategy == Strategy::RoundRobin
        {
            self.turns.take(rule);
        }
    }

    fn route(&self, route: &str) -> Option<&Slot> {
        let place = self.has_routes.then(|| self.by_key.get(&*format!("route:{route}"))).flatten()?;
        self.slots.get(*place)
    }

    /// Where `origin` is counted. `Err` for a trunk that the rules in force do not know.
    fn place_of(&self, origin: &Origin) -> Result<Option<usize>, u16> {
        let (id, name) = match origin {
            Origin::Trunk { id, name } => (id, name),
            Origin::User { .. } if !self.has_users => return Ok(None),
            Origin::User { name } => return Ok(self.in_force(&format!("user:{name}"))),
            Origin::Api { .. } => return Ok(None),
        };
        let is_it = |place: &&usize| self.slots[**place].key.strip_prefix("trunk:") == Some(name);
        if let Some(place) = self.of_trunk.get(usize::from(id.0)).filter(is_it) {
            return Ok(Some(*place));
        }
        self.in_force(&format!("trunk:{name}")).map(Some).ok_or(480)
    }

    fn in_force(&self, key: &str) -> Option<usize> {
        self.by_key.get(key).copied().filter(|place| self.slots[*place].is_in_force)
    }

    /// The slot of that key, a slot that nobody needs any more, or a new one.
    fn slot_for(&mut self, key: &str, free: &mut Vec<usize>) -> usize {
        if let Some(place) = self.by_key.get(key) {
            return *place;
        }
        let place = match free.pop() {
            Some(place) => {
                self.by_key.remove(&self.slots[place].key);
                let tenancy = self.slots[place].tenancy.wrapping_add(1);
                self.slots[place] = Slot::new(key, tenancy);
                place
            }
            None => {
                self.slots.push(Slot::new(key, 0));
                self.slots.len() - 1
            }
        };
        self.by_key.insert(key.into(), place);
        place
    }
}
