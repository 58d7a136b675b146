//! Whose request it is where there are users, and where theirs go.

use crate::common::{INSIDE, OUTSIDE, admit, admitted_as, ask, rules};
use tandem_model::{Accounts, Admit, Decision, Origin, Proved, Question, Route};

const HOUSE: &str = "
[[user]]
name = 'carol'
password = 'c'
[[user]]
name = 'alice'
password = 'a'
[[trunk]]
name = 'pbx'
match = { sources = ['127.0.0.2'] }
[[route]]
name = 'ours'
from = ['users']
to = '^1'
do = { answer = 'echo' }
[[route]]
name = 'the pbx'
from = ['pbx']
do = { answer = 'tone' }
[[route]]
name = 'to alice'
do = { bridge = ['user:alice'] }
";

fn route_of(origin: Origin, called: &str) -> Decision {
    let call = Route { origin, called: called.into(), uri: "sip:1@a".into(), caller: None, trail: None, headers: Box::default() };
    ask(&rules(HOUSE), &Question::Route(call))
}

fn named(decision: &Decision) -> Option<&str> {
    if let Decision::Route { rule, .. } = decision { Some(rule) } else { None }
}

#[test]
fn who_is_no_trunk_s_is_asked_which_user_it_is() {
    let rules = rules(HOUSE);
    assert_eq!(admitted_as(&rules, admit(INSIDE, "127.0.0.2")).as_deref(), Some("pbx"));
    let Decision::Prove(challenge) = ask(&rules, &Question::Admit(admit(INSIDE, "127.0.0.3"))) else { panic!("not asked") };
    let Accounts::Any(accounts) = &challenge.accounts else { panic!("one account") };
    assert_eq!(accounts.iter().map(|account| &*account.username).collect::<Vec<_>>(), ["alice", "carol"], "sorted");
    assert_eq!(ask(&rules, &Question::Admit(admit(OUTSIDE, "192.0.2.9"))), Decision::Ignore, "a silent listener asks nothing");
}

#[test]
fn a_registration_is_a_user_s_wherever_it_comes_from() {
    let rules = rules(HOUSE);
    let register = Admit { registers: true, ..admit(INSIDE, "127.0.0.2") };
    assert!(matches!(ask(&rules, &Question::Admit(register)), Decision::Prove(_)));
    let without_users = crate::common::rules("[[trunk]]\nname = 'pbx'\nmatch = { sources = ['127.0.0.2'] }\n");
    let register = Admit { registers: true, ..admit(INSIDE, "127.0.0.2") };
    assert_eq!(admitted_as(&without_users, register).as_deref(), Some("pbx"));
}

#[test]
fn who_has_proved_it_is_that_user_and_behind_nat_where_that_was_seen() {
    let rules = rules(HOUSE);
    let prove = |name: &str, behind_nat| ask(&rules, &Question::User(Box::new(Proved { name: name.into(), listener: INSIDE, behind_nat })));
    for behind_nat in [false, true] {
        let Decision::Admitted { origin, profile, challenge: None } = prove("alice", behind_nat) else { panic!("not let in") };
        assert_eq!((origin, profile.nat), (Origin::User { name: "alice".into() }, behind_nat));
    }
    assert!(matches!(prove("dave", false), Decision::Reject { status: 403, .. }), "a reload took it away");
}

#[test]
fn routes_tell_users_from_trunks() {
    let alice = || Origin::User { name: "alice".into() };
    let pbx = || Origin::of_endpoint("trunk:pbx/7").unwrap();
    assert_eq!(named(&route_of(alice(), "100")), Some("ours"));
    assert_eq!(named(&route_of(pbx(), "100")), Some("the pbx"));
    assert_eq!(route_of(alice(), "200"), Decision::Reject { status: 480, reason: None }, "she has not registered");
}
