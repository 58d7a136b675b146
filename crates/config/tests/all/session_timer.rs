//! What `session_timer` of a trunk may say.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use crate::common::{assert_mistake, read};
use tandem_model::{Refresher, SessionTimer};

fn trunk(keys: &str) -> String {
    format!("[[trunk]]\nname = 'a'\nmatch = {{ listen = 'inside' }}\n{keys}")
}

fn timer(keys: &str) -> Option<SessionTimer> {
    read(&trunk(keys)).unwrap().trunks[0].session_timer
}

#[test]
fn what_is_not_written_is_the_default() {
    let default = SessionTimer { expires_s: 1800, min_s: 90, refresher: Refresher::Auto };
    assert_eq!(timer(""), Some(default));
    assert_eq!(timer("session_timer = {}"), Some(default));
    assert_eq!(timer("session_timer = { expires = '15m' }"), Some(SessionTimer { expires_s: 900, ..default }));
    assert_eq!(timer("session_timer = { min = '1h' }"), Some(SessionTimer { expires_s: 3600, min_s: 3600, ..default }));
    assert_eq!(timer("session_timer = { refresher = 'us' }"), Some(SessionTimer { refresher: Refresher::Us, ..default }));
    assert_eq!(timer("session_timer = 'off'"), None);
}

#[test]
fn an_interval_is_not_too_short() {
    for (key, span) in [("min", "89s"), ("expires", "60s"), ("expires", "25h"), ("min", "0s")] {
        let keys = format!("session_timer = {{ {key} = '{span}' }}");
        assert_mistake(&trunk(&keys), &[&format!("`{key}` in"), "from 90s to 24h is possible"]);
    }
    assert_mistake(&trunk("session_timer = { expires = '90500ms' }"), &["`expires` in", "whole seconds"]);
    assert_mistake(&trunk("session_timer = { expires = '2m', min = '3m' }"), &["`expires` in", "`2m` is shorter than `min`, which is 3m"]);
}

#[test]
fn other_words_are_mistakes() {
    assert_mistake(&trunk("session_timer = 'of'"), &["`session_timer` in [[trunk]] a", "or \"off\" is wanted"]);
    assert_mistake(&trunk("session_timer = 1800"), &["`session_timer` in [[trunk]] a", "a table is wanted"]);
    assert_mistake(&trunk("session_timer = { refresher = 'uac' }"), &["`refresher` in", "is none of \"auto\", \"us\", \"them\""]);
    assert_mistake(&trunk("session_timer = { expire = '30m' }"), &["unknown key `expire`", "the nearest valid key is `expires`"]);
}
