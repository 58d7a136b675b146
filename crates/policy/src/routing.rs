//! Where does it go? Finds the route of a call and writes out the legs to try.

use crate::{
    CallView, Ruleset,
    manner::{Manner, Unsaid},
    targets::TargetRule,
};
use std::cmp::Reverse;
use std::time::Duration;
use tandem_config::{Limits, Pattern, Target};
use tandem_model::{
    Action, Announce, Binding, BindingUsed, BuiltIn, Consult, Decision, Destination, Layout, LegPlan, LegProfile, MAX_MEMBERS, NO_TARGET,
    Origin, Presentation, Random, RingGroup, RingTerms, Route, Secret, ServiceRoute, Sound, Strategy, TrunkId,
};

/// One `[[route]]`.
#[derive(Clone, Debug)]
pub(crate) struct RouteRule {
    pub(crate) name: Box<str>,
    /// `None`: everybody's calls. Else sorted.
    pub(crate) from: Option<Box<[Box<str>]>>,
    /// Users' too.
    pub(crate) users: bool,
    pub(crate) to: Option<Pattern>,
    pub(crate) action: ActionRule,
    pub(crate) limits: Option<Limits>,
    /// Nothing limits its calls.
    pub(crate) emergency: bool,
    /// They are recorded so.
    pub(crate) record: Option<Layout>,
}

/// What it does.
#[derive(Clone, Debug)]
pub(crate) enum ActionRule {
    Bridge { endpoints: Box<[EndpointRule]>, timeout: Option<Duration>, anchor: bool, ringback: Option<Sound> },
    Ring { endpoints: Box<[EndpointRule]>, terms: RingTerms, anchor: bool, ringback: Option<Sound> },
    Answer(BuiltIn),
    Announce(Announce),
    Reject { status: u16, reason: Option<Box<str>> },
    Ask(Box<AskRule>),
}

/// Somebody else says what becomes of the call.
#[derive(Clone, Debug)]
pub(crate) struct AskRule {
    pub(crate) url: Box<str>,
    pub(crate) timeout: Duration,
    pub(crate) secret: Option<Secret>,
    /// What becomes of it otherwise.
    pub(crate) default: ActionRule,
}

/// Where a leg can go.
#[derive(Clone, Debug)]
pub(crate) enum EndpointRule {
    Trunk {
        trunk: TrunkId,
        text: Box<str>,
        number: Option<Box<str>>,
    },
    User {
        name: Box<str>,
        text: Box<str>,
    },
    Uri {
        text: Box<str>,
        target: Box<Target>,
        profile: Box<LegProfile>,
    },
    /// A URI that goes by a trunk; `place` is the target of it that the URI names, or [`NO_TARGET`].
    By {
        trunk: TrunkId,
        text: Box<str>,
        target: Box<Target>,
        place: u8,
        hop: Destination,
        profile: Box<LegProfile>,
    },
}

impl ActionRule {
    /// Whom it calls.
    pub(crate) fn endpoints(&self) -> &[EndpointRule] {
        match self {
            ActionRule::Bridge { endpoints, .. } | ActionRule::Ring { endpoints, .. } => endpoints,
            ActionRule::Answer(_) | ActionRule::Announce(_) | ActionRule::Reject { .. } | ActionRule::Ask(_) => &[],
        }
    }
}

impl RouteRule {
    /// Whether the route takes a call of `origin` to `called`.
    pub(crate) fn takes(&self, origin: &Origin, called: &str) -> bool {
        let is_theirs = match origin {
            Origin::Trunk { name, .. } => self.is_from(name),
            Origin::User { .. } => self.users,
            Origin::Api { .. } => self.from.is_none(),
        };
        is_theirs && self.to.as_ref().is_none_or(|to| to.is_match(called))
    }

    /// Whether it takes calls of the trunk of that name.
    pub(crate) fn is_from(&self, trunk: &str) -> bool {
        self.from.as_ref().is_none_or(|names| names.binary_search_by(|name| (**name).cmp(trunk)).is_ok())
    }

    /// Whether it takes calls of users.
    pub(crate) fn is_from_users(&self) -> bool {
        self.users
    }

    /// Whether the call would cost somebody, and its caller may not call that number.
    pub(crate) fn bars(&self, rules: &Ruleset, call: &Route, called: &str) -> bool {
        !self.emergency && !self.action.endpoints().is_empty() && !rules.lets_call(&call.origin, called)
    }

    /// What the route does with a call, to `called` as routes write it.
    pub(crate) fn decide(&self, rules: &Ruleset, view: &CallView<'_>, call: &Route, called: &str) -> Decision {
        let action = match &self.action {
            ActionRule::Reject { status, reason } => return Decision::Reject { status: *status, reason: reason.clone() },
            ActionRule::Ask(ask) => {
                let AskRule { url, timeout, secret, .. } = &**ask;
                let (rule, url) = (self.name.clone(), url.clone());
                return Decision::Consult(Box::new(Consult { rule, url, timeout: *timeout, secret: secret.clone() }));
            }
            ActionRule::Answer(built_in) => Action::Answer(*built_in),
            ActionRule::Announce(announce) => Action::Announce(Box::new(announce.clone())),
            ActionRule::Bridge { endpoints, timeout, anchor, ringback } => {
                match Planner::new(rules, view, (call, called), *anchor, self.emergency).bridge(endpoints) {
                    Ok(Members { plans, turns }) if turns.last().is_none_or(|last| usize::from(*last) + 1 == turns.len()) => {
                        let legs = plans.into_iter().flatten().collect();
                        Action::Bridge { legs, timeout: *timeout, anchor: *anchor, ringback: ringback.clone() }
                    }
                    // Somebody has several phones, which ring together.
                    Ok(Members { plans, turns }) => {
                        let terms = RingTerms { strategy: Strategy::Sequential, timeout: *timeout, ..RingTerms::default() };
                        let (anchor, ringback) = (*anchor, ringback.clone());
                        Action::Ring(Box::new(RingGroup {
                            members: plans.into(),
                            terms,
                            anchor,
                            turns: turns.into(),
                            tries: true,
                            ringback,
                        }))
                    }
                    Err((status, reason)) => return Decision::Reject { status, reason },
                }
            }
            ActionRule::Ring { endpoints, terms, anchor, ringback } => {
                let first = if terms.strategy == Strategy::RoundRobin { view.load.turn(&self.name) } else { 0 };
                match Planner::new(rules, view, (call, called), *anchor, self.emergency).ring(endpoints, first) {
                    Ok(Members { plans, turns }) => Action::Ring(Box::new(RingGroup {
                        members: plans.into(),
                        terms: *terms,
                        anchor: *anchor,
                        turns: turns.into(),
                        tries: false,
                        ringback: ringback.clone(),
                    })),
                    Err((status, reason)) => return Decision::Reject { status, reason },
                }
            }
        };
        Decision::Route { rule: self.name.clone(), action, record: self.record }
    }
}

/// What a caller gets who can be put through to nobody: the status, and a reason of its own.
pub(crate) type Refusal = (u16, Option<Box<str>>);

/// What a caller gets where no target of a trunk can be called.
const NOBODY_THERE: u16 = 480;

/// Writes out the legs of one call.
struct Planner<'a> {
    rules: &'a Ruleset,
    view: &'a CallView<'a>,
    call: &'a Route,
    called: &'a str,
    anchored: bool,
    /// Nothing limits the call, and so no trunk counts it.
    emergency: bool,
    random: Random,
    /// The first full trunk's status.
    refused: Option<u16>,
}

impl<'a> Planner<'a> {
    fn new(
        rules: &'a Ruleset,
        view: &'a CallView<'_>,
        (call, called): (&'a Route, &'a str),
        anchored: bool,
        emergency: bool,
    ) -> Planner<'a> {
        Planner { rules, view, call, called, anchored, emergency, random: Random::new(view.draw), refused: None }
    }

    /// The legs to try, without those of full trunks; if no other is left, the first full trunk's status.
    fn bridge(self, endpoints: &[EndpointRule]) -> Result<Members, Refusal> {
        self.members(endpoints.iter())
    }

    /// The same for each member of a group, of which the one at `first` (counted around) comes first.
    fn ring(self, endpoints: &[EndpointRule], first: usize) -> Result<Members, Refusal> {
        let first = first.checked_rem(endpoints.len()).unwrap_or(0);
        self.members(endpoints[first..].iter().chain(&endpoints[..first]))
    }

    fn members<'e>(mut self, endpoints: impl Iterator<Item = &'e EndpointRule>) -> Result<Members, Refusal> {
        let mut members = Members::default();
        for endpoint in endpoints {
            members.add(self.plan(endpoint)?);
        }
        if members.plans.is_empty() { Err((self.refused.unwrap_or(480), None)) } else { Ok(members) }
    }

    /// Whom an endpoint means, and for each of them the places to try: a trunk is one, a user has its phones.
    fn plan(&mut self, endpoint: &EndpointRule) -> Result<Vec<Vec<LegPlan>>, Refusal> {
        let origin = self.rules.manner_of(&self.call.origin);
        let mut legs = Vec::new();
        match endpoint {
            EndpointRule::Uri { text, target, profile } => legs.push(LegPlan {
                endpoint: text.clone(),
                trunk: None,
                target: NO_TARGET,
                uri: target.uri(),
                destination: target.destination.clone(),
                profile: (**profile).clone(),
                forwarded: false,
                binding: None,
                presentation: self.rules.plain.present(origin, self.call, self.anchored, None).map_err(Unsaid::refusal)?,
            }),
            EndpointRule::User { name, text } => return self.plan_user(origin, name, text),
            EndpointRule::Trunk { trunk, text, number } => legs = self.plan_trunk(*trunk, text, number.as_deref())?,
            EndpointRule::By { trunk, text, target, place, hop, profile } => {
                let is_open = *place == NO_TARGET || self.view.health.is_open(*trunk, *place, self.view.now);
                if self.is_full(*trunk) || !is_open {
                    self.refused.get_or_insert(NOBODY_THERE);
                    return Ok(Vec::new());
                }
                let Some(rule) = self.rules.trunks.get(usize::from(trunk.0)) else { return Ok(Vec::new()) };
                legs.push(LegPlan {
                    endpoint: text.clone(),
                    trunk: Some(*trunk),
                    target: *place,
                    uri: target.uri(),
                    destination: hop.clone(),
                    profile: (**profile).clone(),
                    forwarded: false,
                    binding: None,
                    presentation: rule.manner.present(origin, self.call, self.anchored, None).map_err(Unsaid::refusal)?,
                });
            }
        }
        Ok(vec![legs])
    }

    /// Whether that trunk has all the calls that it may; then its status is what is said if nobody else can be called.
    fn is_full(&mut self, trunk: TrunkId) -> bool {
        let full = if self.emergency { None } else { self.view.load.full(trunk, self.view.now) };
        if let Some(status) = full {
            self.refused.get_or_insert(status);
        }
        full.is_some()
    }

    /// The targets of a trunk that can be called; none if it is full.
    fn plan_trunk(&mut self, trunk: TrunkId, text: &str, number: Option<&str>) -> Result<Vec<LegPlan>, Refusal> {
        if self.is_full(trunk) {
            return Ok(Vec::new());
        }
        let origin = self.rules.manner_of(&self.call.origin);
        let Some(rule) = self.rules.trunks.get(usize::from(trunk.0)) else { return Ok(Vec::new()) };
        let moved = number.filter(|number| *number != self.called).map(|number| (self.called, number));
        let presentation = rule.manner.present(origin, self.call, self.anchored, moved).map_err(Unsaid::refusal)?;
        let (call, called, view) = (self.call, self.called, self.view);
        let (is_open, emergency) = (|place| view.health.is_open(trunk, place, view.now), self.emergency);
        let open = rule.targets.in_order(&mut self.random).filter(|rule| emergency || is_open(rule.place));
        let open = open.map(|TargetRule { place, target, hop, profile, .. }| {
            let plan = LegPlan {
                endpoint: text.into(),
                trunk: (!emergency).then_some(trunk),
                target: *place,
                uri: request_uri(target, &rule.manner, number, called),
                destination: hop.clone(),
                profile: profile.clone(),
                forwarded: false,
                binding: None,
                presentation: said_to(target, number, &call.called, presentation.clone()),
            };
            match view.health.service_route(trunk, hop) {
                Some(route) => through(plan, route),
                None => plan,
            }
        });
        let mut legs: Vec<LegPlan> = open.collect();
        if emergency {
            // What seems to be dead is the last resort.
            legs.sort_by_key(|plan| !is_open(plan.target));
        }
        if legs.is_empty() {
            self.refused.get_or_insert(NOBODY_THERE);
        }
        Ok(legs)
    }

    /// For each phone of a user the legs to it, the phone that it likes best first; none where it has not registered.
    fn plan_user(&self, origin: &Manner, name: &str, text: &str) -> Result<Vec<Vec<LegPlan>>, Refusal> {
        let Some(user) = self.rules.users.find(name) else { return Ok(Vec::new()) };
        let mut bindings: Vec<&Binding> = self.view.bindings.of(name).iter().filter(|binding| binding.until > self.view.now).collect();
        bindings.sort_by_key(|binding| Reverse((binding.since, binding.until)));
        let mut phones: Vec<Phone<'_>> = Vec::new();
        for binding in bindings {
            let Some(profile) = user.profiles.get(usize::from(binding.listener.0)) else { continue };
            let mut presentation = user.manner.present(origin, self.call, self.anchored, None).map_err(Unsaid::refusal)?;
            if !binding.path.is_empty() {
                // RFC 3327 §5.3: its Path is the Route of what goes to it.
                presentation.get_or_insert_default().route = Some(binding.path.join(", ").into());
            }
            // RFC 5626 §7: of the flows of one phone only one at a time is called, the latest first.
            let instance = binding.instance.as_deref().filter(|_| binding.reg_id.is_some());
            let known = instance.and_then(|_| phones.iter().position(|phone| phone.instance == instance));
            let place = known.unwrap_or_else(|| {
                phones.push(Phone { instance, q: binding.q, flows: Vec::new() });
                phones.len() - 1
            });
            let phone = &mut phones[place];
            phone.q = phone.q.max(binding.q);
            let is_other_flow = !phone.flows.is_empty();
            phone.flows.push(LegPlan {
                endpoint: text.into(),
                trunk: None,
                target: NO_TARGET,
                uri: binding.contact.clone(),
                destination: binding.hop.clone(),
                profile: LegProfile {
                    nat: profile.nat || binding.behind_nat,
                    over_flow: binding.over_flow && (profile.over_flow || binding.reg_id.is_some()),
                    ..profile.clone()
                },
                forwarded: false,
                binding: Some(Box::new(BindingUsed {
                    user: name.into(),
                    contact: binding.contact.clone(),
                    call_id: binding.call_id.clone(),
                    cseq: binding.cseq,
                    is_other_flow,
                })),
                presentation,
            });
        }
        phones.sort_by_key(|phone| Reverse(phone.q));
        Ok(phones.into_iter().map(|phone| phone.flows).collect())
    }
}

/// One phone of a user.
struct Phone<'a> {
    /// Where it has flows.
    instance: Option<&'a str>,
    /// How much it likes to be called.
    q: u16,
    flows: Vec<LegPlan>,
}

/// Who is called, each with its turn.
#[derive(Default)]
struct Members {
    plans: Vec<Box<[LegPlan]>>,
    turns: Vec<u8>,
}

impl Members {
    /// One more endpoint, and those whom it means: for each the places to try.
    fn add(&mut self, members: Vec<Vec<LegPlan>>) {
        let turn = self.turns.last().map_or(0, |last| last + 1);
        let room = MAX_MEMBERS.saturating_sub(self.plans.len());
        self.plans.extend(members.into_iter().filter(|legs| !legs.is_empty()).take(room).map(Vec::into_boxed_slice));
        self.turns.resize(self.plans.len(), turn);
    }
}

/// RFC 3608 §5: the call goes through the proxies that the registrar named, behind the trunk's own proxy if it has one.
fn through(mut plan: LegPlan, service: &ServiceRoute) -> LegPlan {
    let presentation = plan.presentation.get_or_insert_default();
    match &presentation.route {
        Some(proxy) => presentation.route = Some([proxy, ", ", &service.route].concat().into()),
        None => {
            presentation.route = Some(service.route.clone());
            (plan.destination, plan.profile.listener) = (service.hop.clone(), service.listener);
        }
    }
    plan
}

/// Of what a trunk is told, what one target is: a signature is about whom the caller called, which a user that the target has is not.
fn said_to(target: &Target, number: Option<&str>, called: &str, mut said: Option<Box<Presentation>>) -> Option<Box<Presentation>> {
    if let (Some(said), Some(user), None) = (&mut said, &target.user, number)
        && **user != *called
    {
        said.void_signatures();
    }
    said
}

/// The endpoint's own number goes before the target's own user, and that before what was dialled. A number is written as the trunk
/// writes it; a user that the target has is as it should be.
fn request_uri(target: &Target, manner: &Manner, number: Option<&str>, called: &str) -> Box<str> {
    match (number, &target.user) {
        (None, Some(_)) => target.uri(),
        (number, _) => target.uri_for(&manner.called_out(number.unwrap_or(called))),
    }
}
