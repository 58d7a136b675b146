//! In which order a trunk's targets are tried: priorities, weights, and what a draw decides.

use crate::common::{call, rules};
use std::collections::BTreeMap;
use tandem_model::{Action, Decision, NoBindings, Timestamp};
use tandem_policy::{CallView, HealthBook, LimitBook, Ruleset, decide};

fn trunk(targets: &str) -> Ruleset {
    rules(&format!("[[trunk]]\nname='t'\nmatch={{listen='inside'}}\ntargets=[{targets}]\n[[route]]\ndo={{bridge=['trunk:t']}}"))
}

/// The last numbers of the targets' addresses, in the order of this draw.
fn order(rules: &Ruleset, draw: u64) -> String {
    let view = CallView { load: &LimitBook::new(rules), health: &HealthBook::default(), bindings: &NoBindings, now: Timestamp::ZERO, draw };
    let Decision::Route { action: Action::Bridge { legs, .. }, .. } = decide(rules, &view, &call(rules, "t", "1")) else { unreachable!() };
    legs.iter().filter_map(|leg| leg.uri.chars().last()).collect()
}

/// How often each order comes in a thousand draws.
fn tally(rules: &Ruleset) -> BTreeMap<String, u32> {
    let mut tally = BTreeMap::new();
    (0..1000).for_each(|draw| *tally.entry(order(rules, draw)).or_default() += 1);
    tally
}

#[test]
fn without_weights_the_order_is_that_of_the_file() {
    let rules = trunk("{uri='sip:127.0.0.3'},{uri='sip:127.0.0.1'},{uri='sip:127.0.0.2'}");
    assert_eq!(tally(&rules), BTreeMap::from([("312".to_owned(), 1000)]));
}

#[test]
fn lower_priorities_come_first() {
    let rules = trunk(
        "{uri='sip:127.0.0.1',priority=20},{uri='sip:127.0.0.2',priority=10},{uri='sip:127.0.0.3'},{uri='sip:127.0.0.4',priority=10}",
    );
    assert_eq!(tally(&rules), BTreeMap::from([("3241".to_owned(), 1000)]));
}

#[test]
fn weights_share_the_calls_of_one_priority() {
    let rules =
        trunk("{uri='sip:127.0.0.1',priority=2},{uri='sip:127.0.0.2',priority=1,weight=10},{uri='sip:127.0.0.3',priority=1,weight=30}");
    let tally = tally(&rules);
    assert_eq!(tally.keys().collect::<Vec<_>>(), ["231", "321"]);
    assert!((200..300).contains(&tally["231"]), "{tally:?}");
}

#[test]
fn a_target_without_weight_comes_first_only_rarely() {
    let rules = trunk("{uri='sip:127.0.0.1',weight=100},{uri='sip:127.0.0.2'}");
    let tally = tally(&rules);
    assert!((1..40).contains(&tally["21"]), "{tally:?}");
    assert_eq!(tally.values().sum::<u32>(), 1000);
}

#[test]
fn three_weights_come_in_every_order() {
    let rules = trunk("{uri='sip:127.0.0.1',weight=1},{uri='sip:127.0.0.2',weight=1},{uri='sip:127.0.0.3',weight=1}");
    assert_eq!(tally(&rules).len(), 6);
}

#[test]
fn the_same_draw_gives_the_same_order() {
    let rules = trunk("{uri='sip:127.0.0.1',weight=1},{uri='sip:127.0.0.2',weight=1},{uri='sip:127.0.0.3',weight=2}");
    assert!((0..100).all(|draw| order(&rules, draw) == order(&rules, draw)));
}
