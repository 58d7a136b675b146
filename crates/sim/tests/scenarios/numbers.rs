//! `numbers_in` and `numbers_out`: each trunk writes numbers in its own way.

use crate::{invite_of, worded};
use tandem_phone::{Edit, Outcome, Script};
use tandem_sim::ALICE;

/// Request-URI and From that bob gets when alice, who is `caller`, calls `number`.
fn called(alice: &str, bob: &str, caller: &str, number: &str) -> (String, String) {
    let mut sim = worded(alice, bob);
    let invite = invite_of(&mut sim, number, &[Edit::set("From", &format!("<sip:{caller}@10.0.1.1>;tag=x"))]);
    sim.finish();
    assert_eq!(invite.header("To"), Some(&*format!("<{}>", invite.uri())));
    let from = invite.header("From").and_then(|from| from.split(";tag=").next()).unwrap_or_default();
    (invite.uri().to_owned(), from.to_owned())
}

const IN: &str = "numbers_in = [{ of = 'called', match = '^00', to = '+' }, { of = 'called', match = '^0(\\d+)$', to = '+49$1' }, { of = 'caller', match = '^(\\d\\d)$', to = '+4930555$1' }]";
const OUT: &str = "numbers_out = [{ of = 'caller', match = '^\\+', to = '00' }, { of = 'called', match = '^\\+49', to = '0' }]";

#[test]
fn the_first_rule_that_fits_rewrites() {
    assert_eq!(called(IN, "", "12", "0301"), ("sip:+49301@10.0.2.1".into(), "<sip:+493055512@10.0.0.1>".into()));
    assert_eq!(called(IN, "", "alice", "00431"), ("sip:+431@10.0.2.1".into(), "<sip:alice@10.0.0.1>".into()));
    assert_eq!(called("", OUT, "+431", "+49301"), ("sip:0301@10.0.2.1".into(), "<sip:00431@10.0.0.1>".into()));
    assert_eq!(called("", OUT, "12", "110"), ("sip:110@10.0.2.1".into(), "<sip:12@10.0.0.1>".into()));
}

#[test]
fn patterns_see_the_user_part_unescaped_and_without_its_parameters() {
    assert_eq!(called(IN, "", "%31%32;ext=7", "%30301;phone-context=x").0, "sip:+49301@10.0.2.1");
    assert_eq!(called(IN, "", "%31%32;ext=7", "1").1, "<sip:+493055512@10.0.0.1>");
    assert_eq!(called("", OUT, "%2B431;x=y", "%2B49301;x=%2B"), ("sip:0301@10.0.2.1".into(), "<sip:00431@10.0.0.1>".into()));
    // Routes see the same.
    let mut sim = worded("numbers_in = [{ of = 'called', match = '^0+', to = '' }]", "");
    sim.place(ALICE, "00%62arred;ext=1", Script::new());
    sim.finish();
    assert_eq!(sim.call(ALICE).outcome, Some(Outcome::Failed(403)));
}

#[test]
fn one_rule_for_each_of_the_two_and_the_first_that_fits() {
    let rules = "numbers_out = [{ of = 'called', match = '^9', to = '8' }, { of = 'called', match = '^8', to = '7' }, { of = 'caller', match = '9$', to = '$0$0' }, { of = 'caller', match = '9', to = 'x' }]";
    assert_eq!(called("", rules, "99", "99"), ("sip:89@10.0.2.1".into(), "<sip:999@10.0.0.1>".into()));
    assert_eq!(called("", rules, "919", "8"), ("sip:7@10.0.2.1".into(), "<sip:9199@10.0.0.1>".into()));
    assert_eq!(called("", rules, "91", "1"), ("sip:1@10.0.2.1".into(), "<sip:x1@10.0.0.1>".into()));
}

#[test]
fn every_header_that_names_the_caller_has_the_number_as_the_trunk_writes_it() {
    for (caller_id, name) in [("pai", "P-Asserted-Identity"), ("rpid", "Remote-Party-ID"), ("ppi", "P-Preferred-Identity")] {
        for privacy in [None, Some("id")] {
            let mut edits = vec![Edit::add("P-Asserted-Identity", "\"A\" <tel:0-12>")];
            edits.extend(privacy.map(|value| Edit::add("Privacy", value)));
            let within = "numbers_in = [{ of = 'caller', match = '^0', to = '+4930' }]\ncaller_id = \"pai\"";
            let mut sim = worded(within, &format!("{OUT}\ncaller_id = \"{caller_id}\""));
            let invite = invite_of(&mut sim, "1", &edits);
            sim.finish();
            assert!(invite.header(name).is_some_and(|value| value.starts_with("\"A\" <sip:00493012@10.0.0.1>")), "{invite:?}");
        }
    }
}

#[test]
fn rules_in_come_before_routes_and_rules_out_behind_them() {
    assert_eq!(called(IN, OUT, "12", "0301"), ("sip:0301@10.0.2.1".into(), "<sip:00493055512@10.0.0.1>".into()));
    let mut sim = worded("numbers_in = [{ of = 'called', match = '^9$', to = 'barred' }]", "");
    sim.place(ALICE, "9", Script::new());
    sim.finish();
    assert_eq!(sim.call(ALICE).outcome, Some(Outcome::Failed(403)));
}

#[test]
fn a_number_that_the_route_writes_goes_by_the_trunk_s_rules_too() {
    let text = tandem_sim::STANDARD
        .replace("name = \"bob\"", &format!("name = \"bob\"\n{OUT}"))
        .replace("[\"trunk:bob\"], timeout = \"90s\"", "[\"trunk:bob/+49301\"]");
    let mut sim = tandem_sim::Sim::with_config(1, &text);
    assert_eq!(invite_of(&mut sim, "bob", &[]).uri(), "sip:0301@10.0.2.1");
    sim.finish();
}

#[test]
fn what_is_no_number_any_more_is_left_as_it_was() {
    let number = "1".repeat(100);
    let (uri, _) = called("numbers_in = [{ of = 'called', match = '^(.*)$', to = '$1$1' }]", "", "x", &number);
    assert_eq!(uri, format!("sip:{number}@10.0.2.1"));
    // Half of an umlaut is no text.
    let (uri, _) = called("numbers_in = [{ of = 'called', match = '^.', to = '' }]", "", "x", "%C3%A4");
    assert_eq!(uri, "sip:%C3%A4@10.0.2.1");
}

#[test]
fn what_a_rule_makes_is_escaped_into_the_uri() {
    let rules = "numbers_out = [{ of = 'called', match = '^1$', to = 'a@b;c' }, { of = 'caller', match = '^2$', to = 'd>e' }]";
    assert_eq!(called("", rules, "2", "1"), ("sip:a%40b%3Bc@10.0.2.1".into(), "<sip:d%3Ee@10.0.0.1>".into()));
}

#[test]
fn a_caller_whose_number_vanishes_has_none() {
    assert_eq!(called("", "numbers_out = [{ of = 'caller', match = '.*', to = '' }]", "12", "1").1, "<sip:10.0.0.1>");
}
