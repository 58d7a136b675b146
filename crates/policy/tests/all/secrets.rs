//! What callers must prove, and what the legs of a call answer challenges with.

use crate::common::{INSIDE, admit, ask, call, rules};
use tandem_model::{Action, Decision, Question};

const TRUNKS: &str = "\
[[trunk]]
name = 'a'
match = { sources = ['127.0.0.2'] }
challenge = { username = 'in', password = 'p' }
[[trunk]]
name = 'b'
match = { sources = ['127.0.0.3'] }
targets = [{ uri = 'sip:127.0.0.3' }]
login = { username = 'out', password = 'p', realm = 'r' }
[[route]]
do = { bridge = ['trunk:b', 'sip:127.0.0.4'] }
";

/// The realm that trunk `a` is asked for.
fn realm(head: &str) -> Option<String> {
    match ask(&rules(&format!("{head}{TRUNKS}")), &Question::Admit(admit(INSIDE, "127.0.0.2"))) {
        Decision::Admitted { challenge, .. } => challenge.map(|challenge| challenge.realm.to_string()),
        _ => None,
    }
}

#[test]
fn the_realm_is_the_trunks_then_the_domain_then_the_name() {
    assert_eq!(realm("").as_deref(), Some("tandem"));
    assert_eq!(realm("[node]\nname = 'edge'\n").as_deref(), Some("edge"));
    assert_eq!(realm("[node]\nname = 'edge'\ndomain = 'example.org'\n").as_deref(), Some("example.org"));
    let text = TRUNKS.replace("'in', password = 'p'", "'in', password = 'p', realm = 'own'");
    let decision = ask(&rules(&text), &Question::Admit(admit(INSIDE, "127.0.0.2")));
    assert!(matches!(decision, Decision::Admitted { challenge: Some(challenge), .. } if &*challenge.realm == "own"));
}

#[test]
fn who_has_no_challenge_is_not_asked() {
    let decision = ask(&rules(TRUNKS), &Question::Admit(admit(INSIDE, "127.0.0.3")));
    assert!(matches!(decision, Decision::Admitted { challenge: None, .. }));
}

#[test]
fn a_login_goes_to_the_targets_of_its_own_trunk_alone() {
    let rules = rules(TRUNKS);
    let Decision::Route { action: Action::Bridge { legs, .. }, .. } = ask(&rules, &call(&rules, "a", "100")) else { unreachable!() };
    let users: Vec<Option<&str>> = legs.iter().map(|leg| leg.profile.login.as_ref().map(|login| &*login.username)).collect();
    assert_eq!(users, [Some("out"), None]);
    // And to the trunk's own calls: what we send to it inside them may be challenged too.
    let caller = |source| match ask(&rules, &Question::Admit(admit(INSIDE, source))) {
        Decision::Admitted { profile, .. } => profile.login.is_some(),
        _ => unreachable!(),
    };
    assert_eq!([caller("127.0.0.2"), caller("127.0.0.3")], [false, true]);
}
