//! `login` and `challenge`: names, passwords, and passwords in files.

use crate::common::{BASE, assert_mistake, read};
use tandem_config::{Difference, Outside, Reading};
use tandem_model::DigestAlgorithm;

const TRUNK: &str = "[[trunk]]\nname = 'carrier'\ntargets = [{ uri = 'sip:127.0.0.9' }]\nmatch = { sources = ['127.0.0.9'] }\n";

fn with_files(text: &str) -> Reading {
    let file = |name: &str| match name {
        "secrets/carrier" => Ok("s3cret\n".to_owned()),
        "two-lines" => Ok("s3\ncret\n".to_owned()),
        "empty" => Ok("\n".to_owned()),
        _ => Err("No such file".to_owned()),
    };
    tandem_config::read(&format!("{BASE}{TRUNK}{text}"), "test.toml", Outside { env: &crate::common::env, file: &file })
}

#[test]
fn a_login_is_read() {
    let config = read(&format!("{TRUNK}login = {{ username = 'acme', password = 'p${{NUMBER}}', realm = 'r' }}")).unwrap();
    let login = config.trunks[0].login.as_ref().unwrap();
    assert_eq!((&*login.username, login.password.expose(), login.realm.as_deref()), ("acme", "p4711", Some("r")));
    assert!(config.trunks[0].challenge.is_none());
}

#[test]
fn a_password_may_be_in_a_file() {
    let reading = with_files("challenge = { username = 'acme', password = { file = 'secrets/carrier' } }");
    assert!(reading.problems.is_empty(), "{}", reading.problems);
    let challenge = reading.config.trunks[0].challenge.clone().unwrap();
    assert_eq!((challenge.login.password.expose(), &challenge.login.realm), ("s3cret", &None));
    assert_eq!(*challenge.algorithms, [DigestAlgorithm::Sha256, DigestAlgorithm::Md5]);
    let reading = with_files("challenge = { username = 'acme', password = 'p', algorithms = ['md5'] }");
    assert_eq!(reading.config.trunks[0].challenge.clone().map(|challenge| challenge.value.algorithms), Some([DigestAlgorithm::Md5].into()));
}

#[test]
fn a_file_that_does_not_help_is_a_mistake_at_its_place() {
    for (file, words) in [
        ("missing", "`password` in `challenge` in [[trunk]] carrier: `missing` cannot be read: No such file"),
        ("two-lines", "a control character cannot stand here"),
        ("empty", "from 1 to 256 bytes are possible"),
    ] {
        let problems = with_files(&format!("challenge = {{ username = 'a', password = {{ file = '{file}' }} }}")).problems.to_string();
        assert!(problems.starts_with("test.toml:12:") && problems.contains(words), "{problems}");
    }
}

#[test]
fn what_is_missing_or_wrong_is_said() {
    for (entry, words) in [
        ("login = { password = 'p' }", "needs `username"),
        ("login = { username = 'u' }", "needs `password"),
        ("login = { username = 'u', password = 'p', relm = 'x' }", "the nearest valid key is `realm`"),
        ("login = { username = 'u', password = { path = 'x' } }", "the nearest valid key is `file`"),
        ("login = { username = '', password = 'p' }", "from 1 to 256"),
        ("login = { username = \"a\\nb\", password = 'p' }", "control character"),
        ("login = { username = 'u', password = 5 }", "text in quotes"),
        ("challenge = { username = 'u', password = 'p', algorithms = [] }", "nobody could answer"),
        ("challenge = { username = 'u', password = 'p', algorithms = ['md5', 'md5'] }", "an algorithm twice"),
        ("challenge = { username = 'u', password = 'p', algorithms = ['sha256'] }", "the nearest is \"sha-256\""),
        ("login = 'u:p'", "a table is wanted"),
    ] {
        let problems = with_files(entry).problems.to_string();
        assert!(problems.contains(words), "{entry}\n{problems}");
    }
}

#[test]
fn a_challenge_to_nobody_is_a_mistake() {
    let text = "[[trunk]]\nname = 'carrier'\ntargets = [{ uri = 'sip:127.0.0.9' }]\nchallenge = { username = 'u', password = 'p' }";
    assert_mistake(text, &["[[trunk]] carrier has `challenge` and no `match`"]);
}

#[test]
fn no_message_and_no_print_shows_a_password() {
    let reading = with_files(
        "login = { username = 'u', password = 'hunter2' }\nchallenge = { username = 'u', password = { file = 'secrets/carrier' } }",
    );
    let text = format!("{:?}", reading.config);
    assert!(reading.problems.is_empty() && !text.contains("hunter2") && !text.contains("s3cret"), "{text}");
    let problems = with_files("login = { username = 'u', password = 'hunter2\u{1}' }").problems.to_string();
    assert!(!problems.is_empty() && !problems.contains("hunter2"), "{problems}");
}

#[test]
fn a_new_password_is_taken_over() {
    let config = |password: &str| with_files(&format!("login = {{ username = 'u', password = '{password}' }}")).config;
    let difference = |old: &str, new: &str| Difference::between(&config(old), &config(new)).reload().unwrap();
    assert_eq!(difference("a", "b"), ["[[trunk]] carrier changed"]);
    assert_eq!(difference("a", "a"), Vec::<String>::new());
}
