//! The one function that answers.

use crate::{LimitBook, Ruleset};
use tandem_model::{Admit, Decision, Origin, Question, Route, Timestamp};

/// What deciding may look at beside the rules.
#[derive(Clone, Copy, Debug)]
pub struct CallView<'a> {
    /// How loaded the trunks are.
    pub load: &'a LimitBook,
    /// When it is.
    pub now: Timestamp,
}

/// Answers a question of a call. Allocates nothing but the answer.
///
/// The limits of the *calling* trunk are not looked at here, since a question is also asked for requests that are no
/// calls: [`LimitBook::try_begin`] answers for them.
pub fn decide(rules: &Ruleset, view: &CallView<'_>, question: &Question) -> Decision {
    match question {
        Question::Admit(request) => admit(rules, request),
        Question::Route(call) => route(rules, view, call),
    }
}

fn admit(rules: &Ruleset, request: &Admit) -> Decision {
    let listener = usize::from(request.listener.0);
    let known = rules.admission.find(request).and_then(|id| {
        let trunk = rules.trunks.get(usize::from(id.0))?;
        let profile = trunk.incoming.get(listener)?.clone();
        Some(Decision::Admitted { origin: Origin::Trunk { id, name: trunk.name.clone() }, profile })
    });
    match known {
        Some(admitted) => admitted,
        None if rules.silent.get(listener).copied().unwrap_or(false) => Decision::Ignore,
        None => Decision::Reject { status: 403, reason: None },
    }
}

fn route(rules: &Ruleset, view: &CallView<'_>, call: &Route) -> Decision {
    match rules.routes.iter().find(|route| route.takes(&call.origin, &call.called)) {
        Some(route) => route.decide(&rules.trunks, view, call),
        None => Decision::Reject { status: 404, reason: None },
    }
}
