//! A key that does not exist is answered with the nearest one that does.

use crate::common::{assert_mistake, mistakes};

#[test]
fn a_misspelt_key_is_answered_with_the_right_one() {
    assert_mistake("[node]\ndrain_timout = '5m'", &["unknown key `drain_timout`", "[node]", "`drain_timeout`"]);
    assert_mistake("[calls]\nmaxcps = 5", &["`maxcps`", "[calls]", "`max_cps`"]);
    assert_mistake("[[trunk]]\nname='a'\ntargets=[{uri='sip:127.0.0.2'}]\nmacth={}", &["`macth`", "[[trunk]] a", "`match`"]);
    assert_mistake("[[route]]\ndo={rejcet=403}", &["`rejcet`", "[[route]] number 1", "`reject`"]);
    assert_mistake("[[trunks]]\nname='a'", &["`trunks`", "`trunk`"]);
    assert_mistake("[Log]\nlevel='info'", &["`Log`", "`log`"]);
}

#[test]
fn keys_of_nested_tables_are_looked_at_too() {
    assert_mistake("[[trunk]]\nname='a'\ntargets=[{uri='sip:127.0.0.2',url='x'}]", &["`url`", "a target of [[trunk]] a", "`uri`"]);
    assert_mistake(
        "[[trunk]]\nname='a'\nmatch={source=['127.0.0.2'],sources=['127.0.0.2']}",
        &["`source`", "`match` in [[trunk]] a", "`sources`"],
    );
    assert_mistake("[[trunk]]\nname='a'\nmatch={listen='inside'}\nlimits={call=1}", &["`call`", "`limits`", "`calls`"]);
}

#[test]
fn a_key_that_looks_like_a_planned_one_names_both() {
    assert_mistake("[[trunk]]\nname='a'\ntargets=[{uri='sip:127.0.0.2'}]\nstrp='off'", &["`strp`", "`srtp`, which is not built yet"]);
}

#[test]
fn what_looks_like_nothing_still_names_a_key() {
    assert_mistake("[node]\nzzzzzzzzzzzzzzzzzzzzzz = 1", &["the nearest valid key is `"]);
}

#[test]
fn control_characters_in_a_key_are_escaped() {
    let mistakes = mistakes("[node]\n\"na\\u001bme\" = 1");
    assert!(mistakes[0].contains("\\u{1b}"), "{mistakes:?}");
}
