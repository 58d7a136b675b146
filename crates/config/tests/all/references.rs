//! What one section says of another must exist, and must make sense.

use crate::common::{assert_mistake, mistakes, read};

const TRUNKS: &str = "\
[[trunk]]
name = 'caller'
match = { sources = ['127.0.0.2'] }
[[trunk]]
name = 'called'
targets = [{ uri = 'sip:127.0.0.3' }]
";

#[test]
fn names_are_unique_in_their_kind() {
    assert_mistake(
        &format!("{TRUNKS}[[trunk]]\nname = 'called'\nmatch = {{ domain = 'a' }}"),
        &["another [[trunk]] is called `called` already, in line 12"],
    );
    assert_mistake("[[listen]]\nname = 'inside'\nbind = '127.0.0.2:5060'", &["another [[listen]] is called `inside`"]);
    assert_mistake("[[media]]\nname = 'inside'\nbind = '127.0.0.2'\nports = '20000-20100'", &["another [[media]]"]);
    assert_mistake("[[route]]\nname='r'\nto='1'\ndo={reject=403}\n[[route]]\nname='r'\nto='2'\ndo={reject=403}", &["another [[route]]"]);
}

#[test]
fn a_trunk_names_listeners_and_media_sides_that_exist() {
    assert_mistake(
        "[[trunk]]\nname='a'\ntargets=[{uri='sip:127.0.0.2'}]\nlisten='insde'",
        &["no listener `insde`; the nearest is `inside`"],
    );
    assert_mistake("[[trunk]]\nname='a'\ntargets=[{uri='sip:127.0.0.2'}]\nmedia='x'", &["no media side `x`"]);
    assert_mistake("[[trunk]]\nname='a'\nmatch={listen='x'}", &["no listener `x`"]);
}

#[test]
fn a_route_names_trunks_that_exist() {
    assert_mistake(&format!("{TRUNKS}[[route]]\ndo={{bridge=['trunk:caled']}}"), &["no trunk `caled`; the nearest is `called`"]);
    assert_mistake(&format!("{TRUNKS}[[route]]\nfrom=['callr']\ndo={{reject=403}}"), &["no trunk `callr`; the nearest is `caller`"]);
    assert_mistake("[[route]]\ndo={bridge=['trunk:a']}", &["no trunk `a`; there is none at all"]);
}

#[test]
fn a_trunk_without_targets_cannot_be_called_and_one_without_match_never_calls() {
    assert_mistake(&format!("{TRUNKS}[[route]]\ndo={{bridge=['trunk:caller']}}"), &["trunk `caller` has no `targets`"]);
    assert_mistake(&format!("{TRUNKS}[[route]]\nfrom=['called']\ndo={{reject=403}}"), &["trunk `called` has no `match`"]);
    assert_mistake("[[trunk]]\nname='a'", &["[[trunk]] a has neither `targets` nor `match`"]);
}

#[test]
fn a_section_that_is_wrong_itself_is_not_missing_as_well() {
    let text = "[[trunk]]\nname='a'\ntargets=[{uri='sip:'}]\n[[route]]\ndo={bridge=['trunk:a']}";
    assert_eq!(mistakes(text).len(), 1, "{:?}", mistakes(text));
}

#[test]
fn a_match_says_something() {
    assert_mistake("[[trunk]]\nname='a'\nmatch={}", &["has no condition", "0.0.0.0/0"]);
    assert_mistake("[[trunk]]\nname='a'\nmatch={sources=[]}", &["is empty: nobody would match"]);
    assert_mistake("[[trunk]]\nname='a'\nmatch={sources=['127.0.0.2','127.0.0.2/32']}", &["twice"]);
    assert_mistake("[[trunk]]\nname='a'\nmatch={sources=['::1'],listen='inside'}", &["never comes in at listener `inside`"]);
}

#[test]
fn a_route_that_is_never_reached_is_a_mistake() {
    let two = |first: &str, second: &str| format!("{TRUNKS}[[route]]\n{first}\ndo={{reject=403}}\n[[route]]\n{second}\ndo={{reject=404}}");
    for (first, second) in
        [("", "to='^1'"), ("to='.*'", "from=['caller']"), ("to='^1'", "to='^1'"), ("from=['caller']", "from=['caller']\nto='1'")]
    {
        assert_mistake(&two(first, second), &["[[route]] route 2 is never reached: [[route]] route 1 in line 14"]);
    }
    for (first, second) in [("from=['caller']", "to='^1'"), ("to='^1'", "to='^2'"), ("to='^1'", "")] {
        assert!(read(&two(first, second)).is_ok(), "{first} / {second}");
    }
}

#[test]
fn a_route_does_one_thing() {
    for (action, words) in [
        ("{}", "says nothing"),
        ("{ answer = 'echo', reject = 403 }", "has answer and reject: one of them is possible"),
        ("{ answer = 'echo', timeout = '5s' }", "`timeout` in `do` in [[route]] number 1 goes only with `bridge`"),
        ("{ bridge = ['sip:127.0.0.2'], reason = 'no' }", "goes only with `reject`"),
        ("{ bridge = [] }", "there is nobody to call"),
        ("{ reject = 200 }", "from 400 to 699"),
        ("{ reject = 302 }", "from 400 to 699"),
        ("{ reject = 407 }", "needs a challenge"),
        ("{ reject = 403, reason = \"a\\r\\nVia: b\" }", "cannot stand here"),
        ("'echo'", "a table is wanted, this is text"),
    ] {
        assert_mistake(&format!("[[route]]\ndo = {action}"), &[words]);
    }
    assert_mistake("[[route]]\nto = '1'", &["needs `do = { bridge = "]);
    assert_mistake("[[route]]\nanchor = false\ndo = { answer = 'tone' }", &["`anchor = false`", "goes only with `bridge`"]);
}

#[test]
fn from_names_somebody() {
    assert_mistake(&format!("{TRUNKS}[[route]]\nfrom=[]\ndo={{reject=403}}"), &["it would take no call"]);
    assert_mistake(&format!("{TRUNKS}[[route]]\nfrom=['*','caller']\ndo={{reject=403}}"), &["already means everybody"]);
    assert_mistake(&format!("{TRUNKS}[[route]]\nfrom=['caller','caller']\ndo={{reject=403}}"), &["twice"]);
    assert_mistake(&format!("{TRUNKS}[[route]]\nfrom='caller'\ndo={{reject=403}}"), &["a list in [brackets] is wanted"]);
}

#[test]
fn a_route_tries_a_bounded_number_of_targets() {
    let targets = vec!["{uri='sip:127.0.0.3'}"; 16].join(",");
    let trunk = format!("[[trunk]]\nname='many'\ntargets=[{targets}]\n");
    assert!(read(&format!("{trunk}[[route]]\ndo={{bridge=['trunk:many','trunk:many']}}")).is_ok());
    assert_mistake(&format!("{trunk}[[route]]\ndo={{bridge=['trunk:many','trunk:many','trunk:many']}}"), &["48 targets; at most 32"]);
    assert_mistake(&format!("[[trunk]]\nname='many'\ntargets=[{targets},{{uri='sip:127.0.0.3'}}]"), &["17 entries; at most 16"]);
}
