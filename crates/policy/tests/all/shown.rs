//! What a call has to read of its INVITE: no more than some rule looks at.

use crate::common::{INSIDE, admit, ask, call, rules};
use tandem_model::{Action, CalledFrom, Caller, CallerId, Decision, LegPlan, Privacy, Question, Shown};
use tandem_policy::Ruleset;

/// Calls of `a` can go to `b`, those of `c` to `d`.
fn house(a: &str, b: &str, d: &str) -> Ruleset {
    rules(&format!(
        "[[trunk]]\nname='a'\nmatch={{sources=['127.0.0.2']}}\n{a}\n[[trunk]]\nname='b'\ntargets=[{{uri='sip:127.0.0.3'}}]\n{b}
[[trunk]]\nname='c'\nmatch={{sources=['127.0.0.4']}}\n[[trunk]]\nname='d'\ntargets=[{{uri='sip:127.0.0.5'}}]\n{d}
[[route]]\nfrom=['a']\ndo={{bridge=['trunk:b','sip:127.0.0.9']}}\n[[route]]\nfrom=['c']\ndo={{bridge=['trunk:d']}}"
    ))
}

fn shown(rules: &Ruleset, source: &str) -> (bool, bool) {
    let Decision::Admitted { profile, .. } = ask(rules, &Question::Admit(admit(INSIDE, source))) else { unreachable!() };
    (profile.shown.caller, profile.shown.headers)
}

fn legs(rules: &Ruleset, caller: Option<Caller>) -> Vec<LegPlan> {
    let Question::Route(mut route) = call(rules, "a", "1") else { unreachable!() };
    route.caller = caller;
    route.headers = Box::new([("X-A".into(), "1".into())]);
    match ask(rules, &Question::Route(route)) {
        Decision::Route { action: Action::Bridge { legs, .. }, .. } => legs.into(),
        other => unreachable!("{other:?}"),
    }
}

#[test]
fn an_ordinary_call_shows_nothing_and_says_nothing_more() {
    let rules = house("", "", "caller_id='pai'\nheaders_out={pass=['*']}");
    assert_eq!(shown(&rules, "127.0.0.2"), (false, false), "what others may reach is nothing to it");
    assert_eq!(shown(&rules, "127.0.0.4"), (true, true));
    assert!(legs(&rules, None).iter().all(|leg| leg.presentation.is_none()));
}

#[test]
fn the_caller_is_shown_where_a_rule_looks_at_it() {
    for (a, b) in [
        ("caller_id='rpid'", ""),
        ("numbers_in=[{of='caller',match='^0',to=''}]", ""),
        ("", "caller_id='pai'"),
        ("", "numbers_out=[{of='caller',match='^0',to=''}]"),
    ] {
        assert_eq!(shown(&house(a, b, ""), "127.0.0.2"), (true, false), "{a}{b}");
    }
    let none = house("numbers_in=[{of='called',match='^0',to=''}]", "headers_out={set={X-A='b'}}\nfrom_domain='x.example'", "");
    assert_eq!(shown(&none, "127.0.0.2"), (false, false));
}

#[test]
fn where_the_call_s_own_trunk_keeps_things_is_told() {
    let rules = house("called_from='to'\ncaller_id='rpid'", "", "");
    let Decision::Admitted { profile, .. } = ask(&rules, &Question::Admit(admit(INSIDE, "127.0.0.2"))) else { unreachable!() };
    assert_eq!(profile.shown, Shown { called_from: CalledFrom::To, caller_id: CallerId::Rpid, caller: true, headers: false, trail: false });
}

#[test]
fn each_leg_is_presented_as_its_trunk_wants() {
    let rules = house("caller_id='pai'", "proxy='sip:127.0.0.8;lr'\nfrom_domain='b.example'\nheaders_out={pass=['X-*'],set={X-B='2'}}", "");
    let caller = Caller { name: None, number: "42".into(), privacy: Privacy::default(), is_screened: false };
    let legs = legs(&rules, Some(caller.clone()));
    let to_b = legs[0].presentation.as_deref().unwrap();
    assert_eq!((to_b.route.as_deref(), to_b.domain.as_deref()), (Some("<sip:127.0.0.8;lr>"), Some("b.example")));
    assert_eq!((to_b.caller.as_ref(), to_b.identity), (Some(&caller), CallerId::From));
    assert_eq!(*to_b.headers, [("X-A".into(), "1".into()), ("X-B".into(), "2".into())]);
    assert_eq!(&*legs[0].uri, "sip:1@127.0.0.3");
    assert_eq!(legs[0].destination, tandem_model::Destination::Address("127.0.0.8:5060".parse().unwrap()));
    let to_uri = legs[1].presentation.as_deref().unwrap();
    assert_eq!((to_uri.caller.as_ref(), to_uri.route.as_ref(), to_uri.headers.len()), (Some(&caller), None, 0));
}
