//! Legs that we are told to dial, and what is said of one call alone.

use crate::common::{INSIDE, OUTSIDE, ask, rules};
use std::sync::Arc;
use std::time::Duration;
use tandem_model::{
    Action, BuiltIn, Caller, Calling, Decision, Destination, DialLeg, LegPlan, Login, NO_TARGET, NoBindings, Origin, Place, Privacy,
    Question, QuestionId, Route, Secret, Timestamp,
};
use tandem_policy::{CallView, HealthBook, LimitBook, Places, Ruleset, decide};

const HOUSE: &str = "\
[[trunk]]
name = 'carrier'
targets = [{ uri = 'sip:192.0.2.10' }, { uri = 'sip:192.0.2.11' }]
listen = 'outside'
codecs = ['pcma']
caller_id = 'pai'
login = { username = 'acme', password = 'p' }
numbers_out = [{ of = 'called', match = '^0(\\d+)$', to = '+49$1' }]
headers_out = { set = { 'X-Set' = 'ours' }, remove = ['X-Internal*'] }
limits = { calls = 1, status = 486 }
ring_timeout = '1m'
[[trunk]]
name = 'pbx'
targets = [{ uri = 'sip:127.0.0.2:5070' }]
[[user]]
name = 'alice'
password = 'x'
";

fn api() -> Origin {
    Origin::Api { name: "ops".into() }
}

fn calling(leg: DialLeg) -> Question {
    Question::Call(Box::new(Calling { by: api(), leg }))
}

#[track_caller]
fn plans(rules: &Ruleset, leg: DialLeg) -> Vec<LegPlan> {
    match ask(rules, &calling(leg)) {
        Decision::Route { action: Action::Bridge { legs, anchor: true, .. }, rule, .. } if rule.is_empty() => legs.into(),
        other => unreachable!("{other:?}"),
    }
}

fn refused(rules: &Ruleset, leg: DialLeg) -> u16 {
    match ask(rules, &calling(leg)) {
        Decision::Reject { status, .. } => status,
        other => unreachable!("{other:?}"),
    }
}

fn uris(plans: &[LegPlan]) -> Vec<&str> {
    plans.iter().map(|plan| &*plan.uri).collect()
}

#[test]
fn a_trunk_is_called_at_all_its_targets_as_it_writes_numbers() {
    let rules = rules(HOUSE);
    let plans = plans(&rules, DialLeg::new("trunk:carrier/0301"));
    assert_eq!(uris(&plans), ["sip:+49301@192.0.2.10", "sip:+49301@192.0.2.11"]);
    assert!(plans.iter().all(|plan| plan.trunk == rules.trunk("carrier") && &*plan.endpoint == "trunk:carrier/0301"));
    assert!(plans.iter().all(|plan| plan.profile.listener == OUTSIDE && plan.profile.login.is_some()));
}

#[test]
fn a_uri_goes_as_it_stands() {
    let rules = rules(HOUSE);
    let plans = plans(&rules, DialLeg::new("sip:bob@127.0.0.9"));
    assert_eq!(uris(&plans), ["sip:bob@127.0.0.9"]);
    assert_eq!((plans[0].trunk, plans[0].profile.listener, &*plans[0].endpoint), (None, INSIDE, "sip:bob@127.0.0.9"));
    assert_eq!(plans[0].presentation, None);
}

#[test]
fn a_uri_by_a_trunk_is_put_as_the_trunk_puts_things() {
    let rules = rules(HOUSE);
    let by = |to: &str| DialLeg { trunk: Some("carrier".into()), ..DialLeg::new(to) };
    let known = plans(&rules, by("sip:0301@192.0.2.11"));
    assert_eq!(uris(&known), ["sip:0301@192.0.2.11"]);
    assert_eq!((known[0].trunk, known[0].target, &*known[0].endpoint), (rules.trunk("carrier"), 1, "trunk:carrier"));
    assert!(known[0].profile.login.is_some());
    let other = plans(&rules, by("sip:0301@192.0.2.77"));
    assert_eq!((other[0].trunk, other[0].target), (rules.trunk("carrier"), NO_TARGET));
    assert_eq!(other[0].destination, Destination::Address("192.0.2.77:5060".parse().unwrap()));
    assert_eq!(other[0].profile.codecs, known[0].profile.codecs);
    assert!(other[0].profile.login.is_none(), "our login is for the trunk's own peer");
}

#[test]
fn what_is_said_of_the_leg_is_put_into_its_plans() {
    let rules = rules(HOUSE);
    let login = Arc::new(Login { username: "u".into(), password: Secret::new("p"), realm: None });
    let header = |name: &str| (name.into(), "42".into());
    let leg = DialLeg {
        from: Some(Caller { name: Some("Shop".into()), number: "+4989".into(), privacy: Privacy::default(), is_screened: true }),
        from_domain: Some("shop.example".into()),
        login: Some(login.clone()),
        headers: [header("X-Ref"), header("X-Set"), header("X-Internal-Id")].into(),
        ring_timeout: Some(Duration::from_secs(3)),
        ..DialLeg::new("trunk:carrier/1")
    };
    for plan in plans(&rules, leg) {
        let said = plan.presentation.expect("something to say");
        assert_eq!(said.caller.map(|caller| caller.number).as_deref(), Some("+4989"));
        assert_eq!(said.domain.as_deref(), Some("shop.example"));
        let headers: Vec<_> = said.headers.iter().map(|(name, value)| (&**name, &**value)).collect();
        assert_eq!(headers, [("X-Set", "ours"), ("X-Ref", "42")], "what the trunk sets and removes is the trunk's");
        assert_eq!(plan.profile.login, Some(login.clone()));
        assert_eq!((plan.profile.ring_timeout, plan.profile.trying_timeout), (Duration::from_secs(3), Duration::from_secs(3)));
    }
}

#[test]
fn who_wants_to_be_unknown_is() {
    let rules = rules(HOUSE);
    let privacy = Privacy { id: true, ..Privacy::default() };
    let from = Some(Caller { name: None, number: "+4989".into(), privacy, is_screened: false });
    let plans = plans(&rules, DialLeg { from, ..DialLeg::new("trunk:pbx/1") });
    let said = plans[0].presentation.as_ref().expect("something to say");
    assert_eq!(said.shows, tandem_model::Shows::Nobody);
}

#[test]
fn what_cannot_be_called_is_refused() {
    let rules = rules(HOUSE);
    for (to, status) in [
        ("trunk:carier/1", 404),
        ("user:bob", 404),
        ("user:alice", 480),
        ("trunk:", 400),
        ("tel:1", 400),
        ("sip:a b@x", 400),
        ("sip:x@192.0.2.9;transport=tls", 480),
        ("", 400),
    ] {
        assert_eq!(refused(&rules, DialLeg::new(to)), status, "{to}");
    }
    let by = |to: &str, trunk: &str| DialLeg { trunk: Some(trunk.into()), ..DialLeg::new(to) };
    assert_eq!(refused(&rules, by("sip:x@192.0.2.9", "nobody")), 404);
    assert_eq!(refused(&rules, by("trunk:carrier/1", "pbx")), 400);
    assert_eq!(refused(&rules, by("user:alice", "pbx")), 400);
}

#[test]
fn nothing_of_it_gets_into_a_message_that_must_not() {
    let rules = rules(HOUSE);
    let with = |name: &str, value: &str| DialLeg { headers: [(name.into(), value.into())].into(), ..DialLeg::new("trunk:pbx/1") };
    for (name, value) in [
        ("Via", "x"),
        ("v", "x"),
        ("content-type", "x"),
        ("Content_Type", "x"),
        ("Proxy-Require", "x"),
        ("Authorization", "x"),
        ("X Y", "x"),
        ("X:", "x"),
        ("", "x"),
        ("X-A", "a\r\nVia: b"),
        ("X-A", "a\0"),
        ("X-A\r\nB", "a"),
    ] {
        assert_eq!(refused(&rules, with(name, value)), 400, "{name:?}: {value:?}");
    }
    assert_eq!(refused(&rules, with("X-A", &"a".repeat(9000))), 513);
    let many = DialLeg { headers: vec![("X-A".into(), "1".into()); 65].into(), ..DialLeg::new("trunk:pbx/1") };
    assert_eq!(refused(&rules, many), 513);
    for (number, name) in [("1\r\n", None), ("1", Some("a\nb"))] {
        let from = Some(Caller { name: name.map(Into::into), number: number.into(), privacy: Privacy::default(), is_screened: true });
        assert_eq!(refused(&rules, DialLeg { from, ..DialLeg::new("trunk:pbx/1") }), 400);
    }
    for domain in ["a>b", "a;b", "", "a b", "x@y", "a:5060"] {
        let leg = DialLeg { from_domain: Some(domain.into()), ..DialLeg::new("trunk:pbx/1") };
        assert_eq!(refused(&rules, leg), 400, "{domain:?}");
    }
}

#[test]
fn the_trunk_counts_each_leg_and_says_when_it_is_full() {
    let rules = rules(HOUSE);
    let (mut load, health) = (LimitBook::new(&rules), HealthBook::default());
    let mut places = Places::new(&load, None);
    let ask = |load: &LimitBook, leg: DialLeg| {
        decide(&rules, &CallView { load, health: &health, bindings: &NoBindings, now: Timestamp::ZERO, draw: 0 }, &calling(leg))
    };
    let first = ask(&load, DialLeg::new("trunk:carrier/1"));
    places.take(&mut load, Timestamp::ZERO, (QuestionId(0), &calling(DialLeg::new("trunk:carrier/1"))), &first);
    assert_eq!(load.counted("trunk:carrier"), 1);
    let full = Decision::Reject { status: 486, reason: None };
    assert_eq!(ask(&load, DialLeg::new("trunk:carrier/2")), full);
    let by = DialLeg { trunk: Some("carrier".into()), ..DialLeg::new("sip:1@192.0.2.77") };
    assert_eq!(ask(&load, by), full);
    // Another leg beside it: the first stays counted.
    let second = ask(&load, DialLeg::new("trunk:pbx/1"));
    places.take(&mut load, Timestamp::ZERO, (QuestionId(1), &calling(DialLeg::new("trunk:pbx/1"))), &second);
    assert_eq!((load.counted("trunk:carrier"), load.counted("trunk:pbx")), (1, 1));
    places.free(&mut load, Place::Target(QuestionId(0)));
    assert_eq!((load.counted("trunk:carrier"), load.counted("trunk:pbx")), (0, 1));
    places.give_back(&mut load, Timestamp::ZERO);
    assert_eq!(load.counted("trunk:pbx"), 0);
}

fn told(rules: &Ruleset, act: &str) -> Decision {
    let route = Route { origin: api(), called: Box::default(), uri: Box::default(), caller: None, trail: None, headers: Box::default() };
    ask(rules, &Question::Told { route, act: act.into() })
}

#[test]
fn a_do_is_taken_as_a_route_s() {
    let rules = rules(HOUSE);
    let action = |act: &str| match told(&rules, act) {
        Decision::Route { rule, action, record: None } if rule.is_empty() => action,
        other => unreachable!("{other:?}"),
    };
    assert_eq!(action(r#"{"answer": "echo"}"#), Action::Answer(BuiltIn::Echo));
    assert!(matches!(action(r#"{"answer": "welcome.wav"}"#), Action::Announce(_)));
    assert!(matches!(action(r#"{"ring": ["trunk:pbx/1", "trunk:carrier/2"]}"#), Action::Ring(group) if group.members.len() == 2));
    let Action::Bridge { legs, .. } = action(r#"{"bridge": ["trunk:pbx/1"]}"#) else { unreachable!() };
    assert_eq!(uris(&legs), ["sip:1@127.0.0.2:5070"]);
}

#[test]
fn a_do_that_cannot_be_taken_is_refused() {
    let rules = rules(HOUSE);
    let status = |act: &str| match told(&rules, act) {
        Decision::Reject { status, .. } => status,
        other => unreachable!("{other:?}"),
    };
    assert_eq!(status(r#"{"reject": 486}"#), 486);
    assert_eq!(status(r#"{"bridge": ["trunk:nobody"]}"#), 404);
    assert_eq!(status(r#"{"ring": ["user:nobody", "trunk:pbx/1"]}"#), 404);
    assert_eq!(status(r#"{"bridge": ["user:alice"]}"#), 480);
    assert_eq!(status(r#"{"dial": "x"}"#), 400);
    assert_eq!(status("]"), 400);
}
