//! What the tests of this crate share.
#![allow(unreachable_pub, reason = "each test file uses its part")]

use std::net::SocketAddr;
use tandem_model::{Admit, Decision, ListenerId, NoBindings, Origin, Question, Route, Timestamp};
use tandem_policy::{CallView, HealthBook, LimitBook, Ruleset, decide, load};

/// Listeners 0 `inside` (127.0.0.1), 1 `outside` (192.0.2.1, silent), 2 `six`; media sides alike.
pub const BASE: &str = "\
[[listen]]
name = 'inside'
bind = '127.0.0.1:5060'
[[listen]]
name = 'outside'
bind = '192.0.2.1:5060'
silent = true
[[listen]]
name = 'six'
bind = '[::1]:5060'
[[media]]
name = 'inside'
bind = '127.0.0.1'
ports = '20000-29999'
[[media]]
name = 'outside'
bind = '192.0.2.1'
ports = '20000-29999'
[[media]]
name = 'six'
bind = '::1'
ports = '20000-29999'
";

pub const INSIDE: ListenerId = ListenerId(0);
pub const OUTSIDE: ListenerId = ListenerId(1);
pub const SIX: ListenerId = ListenerId(2);

/// The rules of `text` behind [`BASE`].
#[track_caller]
pub fn rules(text: &str) -> Ruleset {
    let loaded = load(&format!("{BASE}{text}"), "test.toml", &|_| None, None);
    loaded.unwrap_or_else(|problems| unreachable!("{problems}")).1
}

/// What is wrong with `text` behind [`BASE`].
pub fn problems(text: &str) -> String {
    load(&format!("{BASE}{text}"), "test.toml", &|_| None, None).err().map_or(String::new(), |problems| problems.to_string())
}

/// Decides on idle trunks.
pub fn ask(rules: &Ruleset, question: &Question) -> Decision {
    decide(
        rules,
        &CallView { load: &LimitBook::new(rules), health: &HealthBook::default(), bindings: &NoBindings, now: Timestamp::ZERO, draw: 0 },
        question,
    )
}

pub fn admit(listener: ListenerId, source: &str) -> Admit {
    let source: SocketAddr = format!("{source}:5070").parse().expect("an address");
    Admit { listener, source, domain: "192.0.2.1".into(), to: "100".into(), tls_names: Box::default(), registered: None, registers: false }
}

/// The trunk that `request` is admitted as.
pub fn admitted_as(rules: &Ruleset, request: Admit) -> Option<String> {
    match ask(rules, &Question::Admit(request)) {
        Decision::Admitted { origin: Origin::Trunk { id, name }, .. } => {
            assert_eq!(rules.trunk(&name), Some(id));
            Some(name.into())
        }
        _ => None,
    }
}

/// A call of the trunk called `from` to `called`.
pub fn call(rules: &Ruleset, from: &str, called: &str) -> Question {
    let id = rules.trunk(from).expect("a trunk of the rules");
    Question::Route(Route {
        origin: Origin::Trunk { id, name: from.into() },
        called: called.into(),
        uri: format!("sip:{called}@192.0.2.1").into(),
        caller: None,
        trail: None,
        headers: Box::default(),
    })
}
