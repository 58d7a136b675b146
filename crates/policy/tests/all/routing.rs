//! Which route takes a call, and what it makes of it.

use crate::common::{ask, call, rules};
use std::time::Duration;
use tandem_model::{Action, BuiltIn, Codec, Decision, Destination, Layout, LegPlan, ListenerId, MediaSide, TrunkId};
use tandem_policy::Ruleset;

const TRUNKS: &str = "\
[[trunk]]
name = 'pbx'
match = { sources = ['127.0.0.2'] }
targets = [{ uri = 'sip:127.0.0.2:5070' }]
[[trunk]]
name = 'carrier'
match = { sources = ['198.51.100.0/24'] }
targets = [{ uri = 'sip:198.51.100.10;transport=udp' }, { uri = 'sip:sbc.example.net:5080' }]
listen = 'outside'
codecs = ['pcma']
nat = true
t38 = true
trying_timeout = '2s'
ring_timeout = '1m'
";

fn with(routes: &str) -> Ruleset {
    rules(&format!("{TRUNKS}{routes}"))
}

fn rule(decision: Decision) -> String {
    match decision {
        Decision::Route { rule, .. } => rule.into(),
        Decision::Reject { status, .. } => status.to_string(),
        other => unreachable!("{other:?}"),
    }
}

#[track_caller]
fn legs(rules: &Ruleset, from: &str, called: &str) -> Vec<LegPlan> {
    match ask(rules, &call(rules, from, called)) {
        Decision::Route { action: Action::Bridge { legs, .. }, .. } => legs.into(),
        other => unreachable!("{other:?}"),
    }
}

#[test]
fn the_first_route_that_fits_takes_the_call() {
    let rules = with(
        r"
[[route]]
name = 'emergency'
to = '^11[02]$'
do = { bridge = ['trunk:carrier'] }
[[route]]
name = 'out'
from = ['pbx']
to = '^0'
do = { bridge = ['trunk:carrier'] }
[[route]]
from = ['carrier', 'pbx']
to = '^\+49305\d$'
do = { bridge = ['trunk:pbx'] }
",
    );
    for (from, called, expected) in [
        ("pbx", "112", "emergency"),
        ("carrier", "110", "emergency"),
        ("pbx", "1120", "404"),
        ("pbx", "0301", "out"),
        ("carrier", "0301", "404"),
        ("carrier", "+493051", "route 3"),
        ("pbx", "+493051", "route 3"),
        ("pbx", "x+493051", "404"),
        ("pbx", "", "404"),
    ] {
        assert_eq!(rule(ask(&rules, &call(&rules, from, called))), expected, "{from} to {called}");
    }
}

#[test]
fn without_routes_nobody_is_found() {
    let rules = with("");
    assert_eq!(ask(&rules, &call(&rules, "pbx", "1")), Decision::Reject { status: 404, reason: None });
}

#[test]
fn a_bridge_lists_its_targets_in_order_with_all_that_a_leg_needs() {
    let rules = with("[[route]]\nname='r'\nanchor=false\ndo={bridge=['trunk:carrier','trunk:pbx'],timeout='20s'}");
    let Decision::Route { rule, action: Action::Bridge { legs, timeout, anchor, .. }, record: None } =
        ask(&rules, &call(&rules, "pbx", "0301"))
    else {
        unreachable!()
    };
    assert_eq!((&*rule, timeout, anchor), ("r", Some(Duration::from_secs(20)), false));
    let uris: Vec<&str> = legs.iter().map(|leg| &*leg.uri).collect();
    assert_eq!(uris, ["sip:0301@198.51.100.10;transport=udp", "sip:0301@sbc.example.net:5080", "sip:0301@127.0.0.2:5070"]);
    let endpoints: Vec<&str> = legs.iter().map(|leg| &*leg.endpoint).collect();
    assert_eq!(endpoints, ["trunk:carrier", "trunk:carrier", "trunk:pbx"]);
    assert_eq!(legs[0].trunk, Some(TrunkId(1)));
    assert_eq!(legs[0].destination, Destination::Address("198.51.100.10:5060".parse().unwrap()));
    assert_eq!(legs[1].destination, Destination::Name { host: "sbc.example.net".into(), port: Some(5080) });
    let profile = &legs[1].profile;
    assert_eq!((profile.listener, profile.media, profile.nat, profile.t38), (ListenerId(1), MediaSide(1), true, true));
    assert_eq!(*profile.codecs, [Codec::Pcma]);
    assert_eq!((profile.trying_timeout, profile.ring_timeout), (Duration::from_secs(2), Duration::from_secs(60)));
    let profile = &legs[2].profile;
    assert_eq!((profile.listener, profile.media, profile.nat, profile.t38), (ListenerId(0), MediaSide(0), false, false));
    assert_eq!(*profile.codecs, Codec::ALL);
    assert_eq!((profile.trying_timeout, profile.ring_timeout), (Duration::from_secs(4), Duration::from_secs(180)));
}

#[test]
fn what_is_dialled_is_escaped_and_a_written_number_replaces_it() {
    let rules = with("[[route]]\nto='^9'\ndo={bridge=['trunk:pbx/+49 30']}\n[[route]]\ndo={bridge=['trunk:pbx']}");
    assert_eq!(&*legs(&rules, "carrier", "911")[0].uri, "sip:+49%2030@127.0.0.2:5070");
    assert_eq!(&*legs(&rules, "carrier", "911")[0].endpoint, "trunk:pbx/+49 30");
    assert_eq!(&*legs(&rules, "carrier", "a@b;c")[0].uri, "sip:a%40b%3Bc@127.0.0.2:5070");
    assert_eq!(&*legs(&rules, "carrier", "")[0].uri, "sip:127.0.0.2:5070");
}

#[test]
fn a_target_with_a_user_of_its_own_is_called_as_that() {
    let rules = rules(
        "[[trunk]]\nname='t'\ntargets=[{uri='sip:desk@127.0.0.2'}]\nmatch={listen='inside'}\n[[route]]\nto='^1'\ndo={bridge=['trunk:t/5']}\n[[route]]\ndo={bridge=['trunk:t']}",
    );
    assert_eq!(&*legs(&rules, "t", "200")[0].uri, "sip:desk@127.0.0.2");
    assert_eq!(&*legs(&rules, "t", "100")[0].uri, "sip:5@127.0.0.2");
}

#[test]
fn a_plain_uri_is_called_as_written_from_the_first_side_that_fits() {
    let rules = with("[[route]]\ndo={bridge=['sip:door@[::1]:5062','sip:203.0.113.9']}");
    let legs = legs(&rules, "pbx", "200");
    assert_eq!((&*legs[0].uri, &*legs[0].endpoint, legs[0].trunk), ("sip:door@[::1]:5062", "sip:door@[::1]:5062", None));
    assert_eq!((legs[0].profile.listener, legs[0].profile.media), (ListenerId(2), MediaSide(2)));
    assert_eq!((&*legs[1].uri, legs[1].profile.listener), ("sip:203.0.113.9", ListenerId(1)));
    assert_eq!(*legs[1].profile.codecs, Codec::ALL);
}

#[test]
fn calls_are_answered_here_and_refused_as_written() {
    let rules =
        with("[[route]]\nto='^e'\ndo={answer='echo'}\n[[route]]\nto='^t'\ndo={answer='tone'}\n[[route]]\ndo={reject=486,reason='Asleep'}");
    let answer = |called: &str| match ask(&rules, &call(&rules, "pbx", called)) {
        Decision::Route { action: Action::Answer(built_in), .. } => built_in,
        other => unreachable!("{other:?}"),
    };
    assert_eq!((answer("e"), answer("t")), (BuiltIn::Echo, BuiltIn::Tone));
    assert_eq!(ask(&rules, &call(&rules, "pbx", "x")), Decision::Reject { status: 486, reason: Some("Asleep".into()) });
}

#[test]
fn calls_are_recorded_as_their_route_says() {
    let rules = with("[[route]]\nto='^e'\nrecord='sides'\ndo={answer='echo'}\n[[route]]\ndo={bridge=['trunk:carrier']}");
    let record = |called: &str| match ask(&rules, &call(&rules, "pbx", called)) {
        Decision::Route { record, .. } => record,
        other => unreachable!("{other:?}"),
    };
    assert_eq!((record("e"), record("1")), (Some(Layout::Sides), None));
}
