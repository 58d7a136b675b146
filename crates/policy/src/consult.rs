//! A route that asks somebody else, once that one has said something, or has not.

use crate::{
    CallView, Ruleset,
    routing::{ActionRule, RouteRule},
    ruleset::compile_action,
    toll::barred,
};
use std::borrow::Cow;
use tandem_config::{Do, Endpoint, read_do};
use tandem_model::{Decision, Question};

/// The route that asked is no more, or what was asked was no such question.
const GONE: u16 = 404;

/// What becomes of the call that `asked`, of which `rule` has this `said`.
pub(crate) fn consulted(rules: &Ruleset, view: &CallView<'_>, asked: &Question, rule: &str, said: Option<&str>) -> Decision {
    let call = match asked {
        Question::Route(call) => rules.as_user(call).map_or(Cow::Borrowed(call), Cow::Owned),
        Question::Transfer(call) => Cow::Borrowed(call),
        _ => return Decision::Reject { status: GONE, reason: None },
    };
    let called = rules.manner_of(&call.origin).called_in(&call.called);
    let Some(route) = rules.routes.iter().find(|route| *route.name == *rule) else {
        return Decision::Reject { status: GONE, reason: None };
    };
    let action = match &route.action {
        ActionRule::Ask(ask) => {
            let told = said.and_then(|said| read_said(rules, said).ok());
            told.map_or_else(|| ask.default.clone(), |told| compile_action(&rules.config, &told, true))
        }
        // A reload has let it ask no more.
        action => action.clone(),
    };
    let route = RouteRule { action, ..route.clone() };
    if route.bars(rules, &call, &called) {
        return barred(view, [&call.origin], &called);
    }
    route.decide(rules, view, &call, &called)
}

/// Reads what was said to a route that asks: a `do` of the configuration as JSON, of trunks and users that there are.
///
/// # Errors
/// What is wrong with it, in words.
pub fn read_said(rules: &Ruleset, said: &str) -> Result<Do, String> {
    let act = read_do(said)?;
    if matches!(act, Do::Ask(_)) {
        return Err("who is asked cannot have somebody else asked".to_owned());
    }
    unknown(rules, &act).map_or(Ok(act), Err)
}

/// Whom of those that it names there is not, in words.
pub(crate) fn unknown(rules: &Ruleset, act: &Do) -> Option<String> {
    act.endpoints().iter().find_map(|endpoint| match &endpoint.value {
        Endpoint::Trunk { name, .. } => rules.trunk(name).is_none().then(|| format!("there is no trunk `{}`", name.escape_debug())),
        Endpoint::User(name) => rules.users.find(name).is_none().then(|| format!("there is no user `{}`", name.escape_debug())),
        Endpoint::Uri(_) => None,
    })
}
