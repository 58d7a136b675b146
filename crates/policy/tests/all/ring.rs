//! Ring groups: who is rung, who comes first, and what full trunks do to that.

use crate::common::{call, rules};
use tandem_model::{Action, Decision, NoBindings, Question, RingGroup, Timestamp, TrunkId};
use tandem_policy::{CallView, HealthBook, LimitBook, Ruleset, decide};

const TRUNKS: &str = "\
[[trunk]]
name = 'pbx'
match = { sources = ['127.0.0.2'] }
targets = [{ uri = 'sip:127.0.0.2:5070' }]
[[trunk]]
name = 'carrier'
targets = [{ uri = 'sip:127.0.0.3', priority = 1 }, { uri = 'sip:127.0.0.4', priority = 2 }]
limits = { calls = 1, status = 486 }
[[route]]
name = 'all'
";

fn group(rules: &Ruleset, load: &mut LimitBook) -> RingGroup {
    let view = CallView { load, health: &HealthBook::default(), bindings: &NoBindings, now: Timestamp::ZERO, draw: 0 };
    let decision = decide(rules, &view, &call(rules, "pbx", "100"));
    load.note_route(&decision);
    match decision {
        Decision::Route { action: Action::Ring(group), .. } => *group,
        other => unreachable!("{other:?}"),
    }
}

fn members(group: &RingGroup) -> Vec<Vec<&str>> {
    group.members.iter().map(|plans| plans.iter().map(|plan| &*plan.uri).collect()).collect()
}

#[test]
fn each_endpoint_is_a_member_with_its_trunk_s_targets() {
    let rules = rules(&format!("{TRUNKS}do = {{ ring = ['trunk:carrier/7', 'sip:door@127.0.0.9'], timeout = '20s' }}"));
    let mut load = LimitBook::new(&rules);
    let group = group(&rules, &mut load);
    assert_eq!(members(&group), [vec!["sip:7@127.0.0.3", "sip:7@127.0.0.4"], vec!["sip:door@127.0.0.9"]]);
    assert_eq!(group.members[0][0].trunk, Some(TrunkId(1)));
    assert!(group.anchor && group.terms.timeout.is_some());
    assert_eq!(load.calls(TrunkId(1)), 0, "the call asks for each member");
}

#[test]
fn full_trunks_are_left_out() {
    let rules = rules(&format!("{TRUNKS}do = {{ ring = ['trunk:carrier/7', 'sip:127.0.0.9', 'trunk:carrier/8'] }}"));
    let mut load = LimitBook::new(&rules);
    let ask = |load: &LimitBook, member| {
        let question = Question::Ring { member, endpoint: "trunk:carrier/7".into() };
        decide(&rules, &CallView { load, health: &HealthBook::default(), bindings: &NoBindings, now: Timestamp::ZERO, draw: 0 }, &question)
    };
    assert_eq!(ask(&load, 0), Decision::Dial(Some(TrunkId(1))));
    let begun = load.try_begin(TrunkId(1), Timestamp::ZERO).expect("room for one");
    assert_eq!(ask(&load, 1), Decision::Reject { status: 486, reason: None });
    assert_eq!(members(&group(&rules, &mut load)), [vec!["sip:127.0.0.9"]]);
    load.end(begun);
    assert_eq!(group(&rules, &mut load).members.len(), 3);
}

#[test]
fn a_group_of_full_trunks_refuses_with_their_status() {
    let rules = rules(&format!("{TRUNKS}do = {{ ring = ['trunk:carrier'] }}"));
    let mut load = LimitBook::new(&rules);
    let _begun = load.try_begin(TrunkId(1), Timestamp::ZERO);
    let view = CallView { load: &load, health: &HealthBook::default(), bindings: &NoBindings, now: Timestamp::ZERO, draw: 0 };
    assert_eq!(decide(&rules, &view, &call(&rules, "pbx", "1")), Decision::Reject { status: 486, reason: None });
}

#[test]
fn in_turn_each_call_begins_with_the_next() {
    let text = format!("{TRUNKS}do = {{ ring = ['sip:127.0.0.7', 'sip:127.0.0.8', 'sip:127.0.0.9'], strategy = 'round-robin' }}");
    let rules = rules(&text);
    let mut load = LimitBook::new(&rules);
    let mut firsts = Vec::new();
    for turn in 0..5 {
        if turn == 3 {
            load.reload(&rules, Timestamp::ZERO);
        }
        let group = group(&rules, &mut load);
        assert_eq!(group.members.len(), 3);
        firsts.push(group.members[0][0].uri.to_string());
    }
    assert_eq!(
        firsts,
        ["sip:127.0.0.7", "sip:127.0.0.8", "sip:127.0.0.9", "sip:127.0.0.7", "sip:127.0.0.8"],
        "a reload takes no turn away"
    );
}

#[test]
fn only_a_group_that_rings_in_turn_turns() {
    let rules = rules(&format!("{TRUNKS}do = {{ ring = ['sip:127.0.0.7', 'sip:127.0.0.8'], strategy = 'sequential' }}"));
    let mut load = LimitBook::new(&rules);
    for _ in 0..3 {
        assert_eq!(members(&group(&rules, &mut load))[0], ["sip:127.0.0.7"]);
    }
}
