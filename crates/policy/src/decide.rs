//! The one function that answers.

use crate::{
    HealthBook, LimitBook, Ruleset,
    consult::consulted,
    dial,
    toll::{barred, forward},
};
use tandem_model::{Admit, Bindings, CalledFrom, Decision, Origin, Proved, Question, Route, Timestamp, TrunkId};

/// What deciding may look at beside the rules.
#[derive(Clone, Copy, Debug)]
pub struct CallView<'a> {
    /// How loaded the trunks are.
    pub load: &'a LimitBook,
    /// Which of their targets can be called.
    pub health: &'a HealthBook,
    /// Where the users are.
    pub bindings: &'a dyn Bindings,
    /// When it is.
    pub now: Timestamp,
    /// Decides every random choice.
    pub draw: u64,
}

/// Answers a question of a call. Allocates nothing but the answer.
///
/// The limits of the *calling* trunk are not looked at here, since a question is also asked for requests that are no
/// calls: [`LimitBook::try_begin`] answers for them.
pub fn decide(rules: &Ruleset, view: &CallView<'_>, question: &Question) -> Decision {
    match question {
        Question::Admit(request) => admit(rules, request),
        Question::User(proved) => user(rules, proved),
        Question::Route(call) => match rules.as_user(call) {
            Some(call) => route(rules, view, &call),
            None => route(rules, view, call),
        },
        // Who is transferred calls, and not who transfers; but what somebody has a call go to is a new call of theirs, which is not
        // counted yet.
        Question::Transfer(call) => match view.load.refuses(&call.origin, view.now) {
            Some(status) if !rules.is_emergency(&call.origin, &call.called) => Decision::Reject { status, reason: None },
            _ => route(rules, view, call),
        },
        Question::Forward(asked) => forward(rules, view, asked, || has_room(rules, view, &asked.endpoint)),
        Question::Dial(endpoint) | Question::Target(endpoint) | Question::Ring { endpoint, .. } => has_room(rules, view, endpoint),
        Question::Call(calling) => dial::call(rules, view, calling),
        Question::Consulted { asked, rule, said } => consulted(rules, view, asked, rule, said.as_deref()),
        Question::Told { route, act } => dial::told(rules, view, route, act),
    }
}

fn admit(rules: &Ruleset, request: &Admit) -> Decision {
    let listener = usize::from(request.listener.0);
    // What comes where we registered for a trunk is that trunk's, wherever it comes from.
    let registered = request.registered.as_ref().and_then(|name| rules.trunk(name));
    let is_user = request.registers && rules.users.challenge.is_some();
    let trunk = registered.or_else(|| if is_user { None } else { rules.admission.find(request) });
    let known = trunk.and_then(|id| {
        let trunk = rules.trunks.get(usize::from(id.0))?;
        let mut profile = trunk.incoming.get(listener)?.clone();
        if registered.is_some() && !trunk.bulk {
            profile.shown.called_from = match profile.shown.called_from {
                CalledFrom::To | CalledFrom::ToAlone => CalledFrom::ToAlone,
                CalledFrom::RequestUri | CalledFrom::PCalledPartyId | CalledFrom::Beyond => CalledFrom::Beyond,
            };
        }
        let origin = Origin::Trunk { id, name: trunk.name.clone() };
        Some(Decision::Admitted { origin, profile, challenge: trunk.challenge.clone() })
    });
    match known {
        Some(admitted) => admitted,
        None if rules.silent.get(listener).copied().unwrap_or(false) => Decision::Ignore,
        None => match &rules.users.challenge {
            Some(challenge) => Decision::Prove(challenge.clone()),
            None => Decision::Reject { status: 403, reason: None },
        },
    }
}

/// Somebody proved to be that user; a reload may have taken it away meanwhile.
fn user(rules: &Ruleset, proved: &Proved) -> Decision {
    let profile = rules.users.find(&proved.name).and_then(|user| user.profiles.get(usize::from(proved.listener.0)).cloned());
    match profile {
        Some(mut profile) => {
            profile.nat |= proved.behind_nat;
            Decision::Admitted { origin: Origin::User { name: proved.name.clone() }, profile, challenge: None }
        }
        None => Decision::Reject { status: 403, reason: None },
    }
}

fn route(rules: &Ruleset, view: &CallView<'_>, call: &Route) -> Decision {
    let called = rules.manner_of(&call.origin).called_in(&call.called);
    match rules.routes.iter().find(|route| route.takes(&call.origin, &called)) {
        Some(route) if route.bars(rules, call, &called) => barred(view, [&call.origin], &called),
        Some(route) => match view.load.route_full(&route.name, view.now).filter(|_| !route.emergency) {
            Some(status) => Decision::Reject { status, reason: None },
            None => route.decide(rules, view, call, &called),
        },
        None => Decision::Reject { status: 404, reason: None },
    }
}

/// The plan may be older than the rules: its trunk goes by its name. One that is gone has no limits any more.
fn has_room(rules: &Ruleset, view: &CallView<'_>, endpoint: &str) -> Decision {
    let name = endpoint.strip_prefix("trunk:").map(|rest| rest.split_once('/').map_or(rest, |(name, _)| name));
    let place = name.and_then(|name| rules.trunks().position(|(known, _)| known == name));
    let trunk = place.and_then(|place| u16::try_from(place).ok()).map(TrunkId);
    match trunk.and_then(|trunk| view.load.full(trunk, view.now)) {
        Some(status) => Decision::Reject { status, reason: None },
        None => Decision::Dial(trunk),
    }
}
