//! What the tests of this crate share.
#![allow(unreachable_pub, reason = "each test file uses its part")]

use tandem_config::{Config, Problems, load};

/// The least that loads; sections can follow.
pub const BASE: &str = "\
[[listen]]
name = \"inside\"
bind = \"127.0.0.1:5060\"
[[media]]
name = \"inside\"
bind = \"127.0.0.1\"
ports = \"20000-29999\"
";

/// Reads `text` behind [`BASE`], in an environment where only NUMBER and EMPTY are set.
pub fn read(text: &str) -> Result<Config, Problems> {
    load(&format!("{BASE}{text}"), "test.toml", &env)
}

pub fn env(name: &str) -> Option<String> {
    match name {
        "NUMBER" => Some("4711".to_owned()),
        "EMPTY" => Some(String::new()),
        _ => None,
    }
}

/// What is wrong with `text` behind [`BASE`], without places.
pub fn mistakes(text: &str) -> Vec<String> {
    messages(read(text))
}

/// What is wrong with `text` alone, without places.
pub fn mistakes_alone(text: &str) -> Vec<String> {
    messages(load(text, "test.toml", &env))
}

fn messages(result: Result<Config, Problems>) -> Vec<String> {
    result.err().map_or(Vec::new(), |problems| problems.iter().map(|problem| problem.message.clone()).collect())
}

/// Asserts that `text` behind [`BASE`] has exactly one mistake, and that it says all of `words`.
#[track_caller]
pub fn assert_mistake(text: &str, words: &[&str]) {
    let mistakes = mistakes(text);
    assert_eq!(mistakes.len(), 1, "{text}\n{mistakes:#?}");
    for word in words {
        assert!(mistakes[0].contains(word), "{text}\n`{word}` is not in: {}", mistakes[0]);
    }
}
