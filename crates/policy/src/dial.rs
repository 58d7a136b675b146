//! Legs that we are told to dial, and what is said of one call from outside.

use crate::{
    CallView, Ruleset,
    consult::unknown,
    headers::{MAX_PASSED, MAX_PASSED_BYTES, is_settable},
    routing::{ActionRule, EndpointRule, Refusal, RouteRule},
    ruleset::{compile_action, compile_endpoint, profile},
};
use tandem_config::{Endpoint, Target, parse_domain, read_do};
use tandem_model::{Action, Calling, Decision, DialLeg, LegPlan, NO_TARGET, Route, TrunkId};

/// What cannot be called as it is said.
const BAD: u16 = 400;

/// There is no such trunk or user.
const UNKNOWN: u16 = 404;

/// Nothing of ours reaches it.
const OUT_OF_REACH: u16 = 480;

fn because(status: u16, reason: impl Into<Box<str>>) -> Refusal {
    (status, Some(reason.into()))
}

fn reject((status, reason): Refusal) -> Decision {
    Decision::Reject { status, reason }
}

/// Where a leg goes that we are told to dial.
pub(crate) fn call(rules: &Ruleset, view: &CallView<'_>, Calling { by, leg }: &Calling) -> Decision {
    let (endpoint, called) = match check(leg).and_then(|()| endpoint(rules, leg)) {
        Ok(found) => found,
        Err(refusal) => return reject(refusal),
    };
    let call = Route {
        origin: by.clone(),
        called: called.clone(),
        uri: leg.to.clone(),
        caller: leg.from.clone(),
        trail: None,
        headers: Box::default(),
    };
    let action = ActionRule::Bridge { endpoints: [endpoint].into(), timeout: None, anchor: true, ringback: None };
    let mut decision = unnamed(action).decide(rules, view, &call, &called);
    for plan in plans_of(&mut decision) {
        put(rules, leg, plan);
    }
    decision
}

/// What a `do` comes to that somebody says for this one call.
pub(crate) fn told(rules: &Ruleset, view: &CallView<'_>, call: &Route, act: &str) -> Decision {
    let act = match read_do(act) {
        Ok(act) => act,
        Err(said) => return reject(because(BAD, said)),
    };
    if let Some(said) = unknown(rules, &act) {
        return reject(because(UNKNOWN, said));
    }
    unnamed(compile_action(&rules.config, &act, true)).decide(rules, view, call, &call.called)
}

/// A rule that is no route's.
fn unnamed(action: ActionRule) -> RouteRule {
    RouteRule { name: Box::default(), from: None, users: true, to: None, action, limits: None, emergency: false, record: None }
}

fn plans_of(decision: &mut Decision) -> Vec<&mut LegPlan> {
    match decision {
        Decision::Route { action: Action::Bridge { legs, .. }, .. } => legs.iter_mut().collect(),
        Decision::Route { action: Action::Ring(group), .. } => group.members.iter_mut().flatten().collect(),
        _ => Vec::new(),
    }
}

/// What must not come into a message, whoever says it.
fn check(leg: &DialLeg) -> Result<(), Refusal> {
    let is_line = |text: &str| !text.chars().any(char::is_control);
    let bytes: usize = leg.headers.iter().map(|(name, value)| name.len() + value.len()).sum();
    if leg.headers.len() > MAX_PASSED || bytes > MAX_PASSED_BYTES {
        return Err((513, None));
    }
    if leg.headers.iter().any(|(name, value)| !is_settable(name) || !is_line(value)) {
        return Err(because(BAD, "Bad header"));
    }
    let from = leg.from.iter().flat_map(|from| from.name.as_deref().into_iter().chain([&*from.number]));
    if !from.into_iter().all(is_line) || leg.from_domain.as_deref().is_some_and(|domain| parse_domain(domain).is_err()) {
        return Err(because(BAD, "Bad caller"));
    }
    Ok(())
}

/// Whom the leg means, and the number that is called there.
fn endpoint(rules: &Ruleset, leg: &DialLeg) -> Result<(EndpointRule, Box<str>), Refusal> {
    const NOBODY: Refusal = (UNKNOWN, None);
    let endpoint = Endpoint::parse(&leg.to).map_err(|_| because(BAD, "Bad endpoint"))?;
    let by = leg.trunk.as_deref().map(|name| rules.trunk(name).ok_or(NOBODY)).transpose()?;
    let called = match &endpoint {
        Endpoint::Trunk { name, number } => {
            let trunk = rules.trunk(name).ok_or(NOBODY)?;
            if by.is_some_and(|by| by != trunk) {
                return Err(because(BAD, "Another trunk"));
            }
            number.clone().unwrap_or_default()
        }
        Endpoint::User(name) => {
            rules.users.find(name).ok_or(NOBODY)?;
            if by.is_some() {
                return Err(because(BAD, "A user goes by no trunk"));
            }
            name.clone()
        }
        Endpoint::Uri(target) => {
            let called = target.user.clone().unwrap_or_default();
            return Ok((uri(rules, target, by).ok_or((OUT_OF_REACH, None))?, called));
        }
    };
    Ok((compile_endpoint(&rules.config, &endpoint).ok_or(NOBODY)?, called))
}

/// A URI, as it stands or by a trunk: then that trunk counts it, and it is put as to the target of the trunk that it names, or as to any.
fn uri(rules: &Ruleset, target: &Target, by: Option<TrunkId>) -> Option<EndpointRule> {
    let Some(id) = by else { return compile_endpoint(&rules.config, &Endpoint::Uri(target.clone())) };
    let config = &rules.config;
    let (trunk, rule) = (config.trunks.get(usize::from(id.0))?, rules.trunks.get(usize::from(id.0))?);
    let known = rule.targets.at(target);
    let (place, hop, profile) = match known {
        Some(known) => (known.place, known.hop.clone(), known.profile.clone()),
        None => {
            let sides = config.sides(Some(trunk), target)?;
            let mut profile = profile(Some(trunk), sides.listener, sides.media);
            // Our login is for the trunk's own peer, not for whomever that names.
            profile.login = profile.login.filter(|_| trunk.proxy.is_some());
            (NO_TARGET, config.hop(trunk, target), profile)
        }
    };
    let text = ["trunk:", &trunk.name].concat().into();
    Some(EndpointRule::By { trunk: id, text, target: Box::new(target.clone()), place, hop, profile: Box::new(profile) })
}

/// What is said of the leg goes before what its trunk says, but for headers that the trunk sets or removes.
fn put(rules: &Ruleset, leg: &DialLeg, plan: &mut LegPlan) {
    if let Some(login) = &leg.login {
        plan.profile.login = Some(login.clone());
    }
    if let Some(span) = leg.ring_timeout {
        plan.profile.ring_timeout = span;
        plan.profile.trying_timeout = plan.profile.trying_timeout.min(span);
    }
    if leg.headers.is_empty() && leg.from_domain.is_none() {
        return;
    }
    let manner = rules.manner_of_endpoint(&plan.endpoint);
    let said = plan.presentation.get_or_insert_default();
    if let Some(domain) = &leg.from_domain {
        said.domain = Some(domain.clone());
    }
    let headers = leg.headers.iter().filter(|(name, _)| manner.lets_set(name)).cloned();
    said.headers = std::mem::take(&mut said.headers).into_iter().chain(headers).collect();
}
