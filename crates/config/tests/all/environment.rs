//! `${NAME}` in strings.

use crate::common::{assert_mistake, read};

fn reason(text: &str) -> String {
    let config = read(&format!("[[route]]\ndo = {{ reject = 403, reason = '{text}' }}")).expect("it loads");
    match &config.routes[0].action.value {
        tandem_config::Do::Reject { reason: Some(reason), .. } => reason.to_string(),
        other => unreachable!("{other:?}"),
    }
}

#[test]
fn variables_are_put_in_place() {
    assert_eq!(reason("call ${NUMBER}!"), "call 4711!");
    assert_eq!(reason("${NUMBER}${NUMBER}"), "47114711");
    assert_eq!(reason("a${EMPTY}b"), "ab");
}

#[test]
fn a_dollar_alone_is_a_dollar() {
    assert_eq!(reason("5$ or $NUMBER"), "5$ or $NUMBER");
    assert_eq!(reason("$${NUMBER}"), "${NUMBER}");
}

#[test]
fn a_variable_that_is_not_set_is_a_mistake() {
    assert_mistake("[node]\nname = '${MISSING}'", &["`name` in [node]", "environment variable MISSING is not set"]);
}

#[test]
fn a_reference_that_does_not_end_is_a_mistake() {
    assert_mistake("[node]\nname = '${NUMBER'", &["has no `}`"]);
    assert_mistake("[node]\nname = '${}'", &["does not name an environment variable"]);
    assert_mistake("[node]\nname = '${A-B}'", &["does not name an environment variable"]);
}

#[test]
fn what_a_variable_says_is_checked_like_what_is_written() {
    assert_mistake("[node]\nname = '${EMPTY}'", &["from 1 to 64"]);
}

#[test]
fn what_a_variable_says_is_not_expanded_again() {
    let env = |_: &str| Some("${AGAIN}".to_owned());
    let text = format!("{}[[route]]\ndo = {{ reject = 403, reason = '${{ONCE}}' }}", crate::common::BASE);
    let config = tandem_config::load(&text, "t", &env).unwrap();
    assert!(format!("{:?}", config.routes[0].action.value).contains("${AGAIN}"));
}
