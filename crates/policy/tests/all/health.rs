//! What is known of targets decides which of them a call is planned for.
#![allow(clippy::panic, reason = "a test fails by panicking")]

use crate::common::*;
use std::time::Duration;
use tandem_model::{
    Action, Decision, Destination, HealthNews, LegPlan, ListenerId, NO_TARGET, NoBindings, Question, ServiceRoute, Timestamp,
};
use tandem_policy::{CallView, HealthBook, LimitBook, Ruleset, decide};

const HOUSE: &str = "
[[listen]]
name = 'l'
bind = '192.0.2.1:5060'
[[media]]
name = 'm'
bind = '192.0.2.1'
ports = '20000-29999'
[[trunk]]
name = 'caller'
match = { sources = ['10.0.0.1'] }
[[trunk]]
name = 'pair'
targets = [{ uri = 'sip:10.0.0.3', priority = 2 }, { uri = 'sip:10.0.0.2', priority = 1 }]
[[trunk]]
name = 'other'
targets = [{ uri = 'sip:10.0.0.4' }]
proxy = 'sip:10.0.0.5;lr'
[[route]]
to = '^1'
do = { bridge = ['trunk:pair', 'trunk:other'] }
[[route]]
to = '^2'
do = { ring = ['trunk:pair', 'trunk:other'] }
";

fn at(seconds: u64) -> Timestamp {
    Timestamp::from_millis(1_000 * seconds)
}

fn rules(text: &str) -> Ruleset {
    tandem_policy::load(text, "test", &|_| None, None).expect("good").1
}

fn plans(rules: &Ruleset, health: &HealthBook, now: Timestamp, number: &str) -> Result<Vec<LegPlan>, u16> {
    let view = CallView { load: &LimitBook::new(rules), health, bindings: &NoBindings, now, draw: 0 };
    match decide(rules, &view, &call(rules, "caller", number)) {
        Decision::Route { action: Action::Bridge { legs, .. }, .. } => Ok(legs.into_vec()),
        Decision::Route { action: Action::Ring(group), .. } => Ok(group.members.into_vec().into_iter().flatten().collect()),
        Decision::Reject { status, .. } => Err(status),
        other => unreachable!("{other:?}"),
    }
}

fn hosts(rules: &Ruleset, health: &HealthBook, now: Timestamp, number: &str) -> Vec<String> {
    let plans = plans(rules, health, now, number).expect("somebody");
    plans.iter().map(|plan| plan.uri.rsplit('.').next().unwrap_or_default().to_owned()).collect()
}

fn dead(trunk: &str, target: u8) -> HealthNews {
    HealthNews::Target { trunk: trunk.into(), target, is_alive: false }
}

#[test]
fn dead_targets_are_left_out_by_their_place_in_the_file() {
    let (rules, mut health) = (rules(HOUSE), HealthBook::default());
    health.reload(&rules);
    assert_eq!(hosts(&rules, &health, at(0), "1"), ["2", "3", "4"]);
    health.take(at(0), &dead("pair", 1));
    assert_eq!(hosts(&rules, &health, at(0), "1"), ["3", "4"], "10.0.0.2 is the second in the file");
    health.take(at(0), &dead("pair", 0));
    assert_eq!(hosts(&rules, &health, at(0), "1"), ["4"]);
    assert_eq!(hosts(&rules, &health, at(0), "2"), ["4"], "of a ring group too");
    health.take(at(0), &dead("other", 0));
    assert_eq!(plans(&rules, &health, at(0), "1"), Err(480));
    assert_eq!(plans(&rules, &health, at(0), "2"), Err(480));
    health.take(at(0), &HealthNews::Target { trunk: "pair".into(), target: 0, is_alive: true });
    assert_eq!(hosts(&rules, &health, at(0), "1"), ["3"]);
}

#[test]
fn a_closed_target_opens_by_itself() {
    let (rules, mut health) = (rules(HOUSE), HealthBook::default());
    health.reload(&rules);
    let closed = |seconds| HealthNews::Closed { endpoint: "trunk:pair/+49".into(), target: 1, span: Duration::from_secs(seconds) };
    health.take(at(10), &closed(30));
    assert_eq!(hosts(&rules, &health, at(39), "1"), ["3", "4"]);
    assert_eq!(hosts(&rules, &health, at(40), "1"), ["2", "3", "4"]);
    health.take(at(100), &closed(86_400));
    assert_eq!(hosts(&rules, &health, at(399), "1"), ["3", "4"], "five minutes at most");
    assert_eq!(hosts(&rules, &health, at(400), "1"), ["2", "3", "4"]);
}

#[test]
fn news_of_nobody_are_nothing() {
    let (rules, mut health) = (rules(HOUSE), HealthBook::default());
    health.reload(&rules);
    let span = Duration::from_secs(60);
    for news in [
        dead("nobody", 0),
        dead("pair", 2),
        dead("pair", NO_TARGET),
        HealthNews::Closed { endpoint: "sip:10.0.0.2".into(), target: 0, span },
        HealthNews::Closed { endpoint: "trunk:pair".into(), target: NO_TARGET, span },
    ] {
        health.take(at(0), &news);
        assert_eq!(hosts(&rules, &health, at(1), "1"), ["2", "3", "4"], "{news:?}");
    }
}

#[test]
fn a_reload_keeps_what_is_known_of_the_same_targets() {
    let (rules_before, mut health) = (rules(HOUSE), HealthBook::default());
    health.reload(&rules_before);
    health.take(at(0), &dead("pair", 1));
    let more = rules(&HOUSE.replace(
        "[[trunk]]\nname = 'caller'",
        "[[trunk]]\nname = 'new'\ntargets = [{ uri = 'sip:10.0.0.9' }]\n[[trunk]]\nname = 'caller'",
    ));
    health.reload(&more);
    assert_eq!(hosts(&more, &health, at(0), "1"), ["3", "4"], "by name, wherever it stands");
    let other = rules(&HOUSE.replace("sip:10.0.0.3", "sip:10.0.0.7"));
    health.reload(&other);
    assert_eq!(hosts(&other, &health, at(0), "1"), ["2", "7", "4"], "other targets are other targets");
}

/// The answer to a REGISTER there; `Err`: the binding is gone.
fn routes(registrar: u8, at: &str, route: Result<Option<&str>, ()>) -> HealthNews {
    let place = |text: &str| Destination::Address(text.parse().expect("an address"));
    let said = |route: &str| ServiceRoute { route: format!("<sip:{route};lr>").into(), hop: place(route), listener: ListenerId(0) };
    let (is_in, route) = (route.is_ok(), route.ok().flatten().map(said));
    HealthNews::Routes { trunk: "pair".into(), registrar, at: place(at), is_in, route }
}

/// The house in which `pair` registers there too.
fn registering(registrars: &[&str]) -> String {
    let registrars: Vec<String> = registrars.iter().map(|host| format!("{{ uri = 'sip:acme@{host}' }}")).collect();
    HOUSE.replace("name = 'pair'", &format!("name = 'pair'\nregister = [{}]", registrars.join(", ")))
}

/// Where calls to `pair` go first: the last number of the address, and whether that is by a Service-Route.
fn ways(rules: &Ruleset, health: &HealthBook) -> Vec<(String, bool)> {
    let plans = plans(rules, health, at(0), "1").expect("somebody");
    let has_route = |plan: &LegPlan| plan.presentation.as_ref().is_some_and(|presentation| presentation.route.is_some());
    plans.iter().take(2).map(|plan| (plan.destination.to_string(), has_route(plan))).collect()
}

fn plain(place: &str) -> (String, bool) {
    (place.to_owned(), false)
}

fn via(place: &str) -> (String, bool) {
    (place.to_owned(), true)
}

const SECOND: &str = "10.0.0.2:5060";
const THIRD: &str = "10.0.0.3:5060";

#[test]
fn calls_go_by_the_service_route_of_the_registrar_that_speaks_for_the_target() {
    let rules = rules(&registering(&["10.0.0.2", "10.0.0.3"]));
    let mut health = HealthBook::new(&rules);
    assert_eq!(ways(&rules, &health), [plain(SECOND), plain(THIRD)]);
    health.take(at(0), &routes(1, THIRD, Ok(Some("10.0.1.3:5060"))));
    assert_eq!(
        ways(&rules, &health),
        [plain(SECOND), via("10.0.1.3:5060")],
        "that of another is not for it, while its own has not answered"
    );
    health.take(at(0), &routes(0, SECOND, Ok(None)));
    assert_eq!(ways(&rules, &health), [plain(SECOND), via("10.0.1.3:5060")], "nor when it wants none");
    health.take(at(0), &routes(0, SECOND, Ok(Some("10.0.1.2:5060"))));
    assert_eq!(ways(&rules, &health), [via("10.0.1.2:5060"), via("10.0.1.3:5060")]);
    health.take(at(0), &routes(0, SECOND, Err(())));
    assert_eq!(ways(&rules, &health), [plain(SECOND), via("10.0.1.3:5060")]);
    health.take(at(0), &HealthNews::Forgotten { trunk: "pair".into() });
    assert_eq!(ways(&rules, &health), [plain(SECOND), plain(THIRD)]);
}

#[test]
fn where_no_registrar_is_the_first_that_has_our_binding_decides() {
    let rules = rules(&registering(&["10.0.0.8", "10.0.0.9"]));
    let mut health = HealthBook::new(&rules);
    health.take(at(0), &routes(1, "10.0.0.9:5060", Ok(Some("10.0.1.9:5060"))));
    assert_eq!(ways(&rules, &health), [via("10.0.1.9:5060"), via("10.0.1.9:5060")]);
    health.take(at(0), &routes(0, "10.0.0.8:5060", Ok(None)));
    assert_eq!(ways(&rules, &health), [plain(SECOND), plain(THIRD)], "the first wants none");
    health.take(at(0), &routes(0, "10.0.0.8:5060", Err(())));
    assert_eq!(ways(&rules, &health), [via("10.0.1.9:5060"), via("10.0.1.9:5060")]);
}

#[test]
fn a_reload_keeps_what_the_same_registrars_said() {
    let before = rules(&registering(&["10.0.0.2", "10.0.0.3"]));
    let mut health = HealthBook::new(&before);
    health.take(at(0), &routes(1, THIRD, Ok(Some("10.0.1.3:5060"))));
    let after = rules(&registering(&["10.0.0.3"]));
    health.reload(&after);
    assert_eq!(ways(&after, &health), [via("10.0.1.3:5060"), via("10.0.1.3:5060")], "it is the only one now");
    health.take(at(0), &routes(0, SECOND, Ok(None)));
    assert_eq!(ways(&after, &health)[0], via("10.0.1.3:5060"), "news of one that is no registrar any more");
}

#[test]
fn a_dial_asks_for_room_alone() {
    let (rules, mut health) = (rules(HOUSE), HealthBook::default());
    health.reload(&rules);
    health.take(at(0), &dead("other", 0));
    let view = CallView { load: &LimitBook::new(&rules), health: &health, bindings: &NoBindings, now: at(0), draw: 0 };
    assert!(matches!(decide(&rules, &view, &Question::Dial("trunk:other".into())), Decision::Dial(Some(_))), "it was planned before");
}
