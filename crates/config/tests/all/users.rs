//! `[[user]]`, `[registrar]`, and what routes say of users.

use crate::common::{assert_mistake, mistakes, read};
use std::time::Duration;
use tandem_config::{Endpoint, From};
use tandem_model::ReferRule;

const ALICE: &str = "[[user]]\nname = 'alice'\npassword = 'w0nder'\n";

#[test]
fn a_user_needs_a_name_and_a_password() {
    let config = read(&format!("{ALICE}number = '+4930555'\n[[route]]\nfrom = ['users']\ndo = {{ bridge = ['user:alice'] }}\n")).unwrap();
    let user = &config.users[0];
    assert_eq!((&*user.name, user.password.expose(), user.number.as_deref()), ("alice", "w0nder", Some("+4930555")));
    assert_eq!(user.spoken.refer, ReferRule::Execute, "people transfer calls");
    assert!(matches!(config.routes[0].from, From::Users(..)));
    assert_eq!(config.routes[0].action.endpoints()[0].value, Endpoint::User("alice".into()));
    assert_mistake("[[user]]\nname = 'alice'", &["[[user]] alice needs `password = \"…\"`"]);
    assert_mistake("[[user]]\npassword = 'x'", &["needs `name = \"…\"`"]);
    assert_mistake(&format!("{ALICE}{ALICE}"), &["another [[user]] is called `alice`"]);
    assert_mistake(&format!("{ALICE}jwt = {{}}"), &["`jwt`", "not built yet"]);
}

#[test]
fn users_that_are_named_exist() {
    assert_mistake(&format!("{ALICE}[[route]]\ndo = {{ bridge = ['user:alise'] }}"), &["no user `alise`; the nearest is `alice`"]);
    assert_mistake("[[route]]\nfrom = ['users']\ndo = { answer = 'echo' }", &["no [[user]]"]);
    assert_mistake(&format!("{ALICE}[[route]]\nfrom = ['users', '*']\ndo = {{ answer = 'echo' }}"), &["\"*\" already means everybody"]);
    assert_mistake("[[trunk]]\nname = 'users'\nmatch = { sources = ['127.0.0.2'] }", &["cannot be called `users`"]);
    let two = "[[route]]\nfrom = ['users']\ndo = { answer = 'echo' }\n".repeat(2);
    assert_mistake(&format!("{ALICE}{two}"), &["is never reached"]);
}

#[test]
fn nobody_registers_where_all_is_silent() {
    let silent = "[[listen]]\nname = 'l'\nbind = '127.0.0.1:5060'\nsilent = true\n[[media]]\nname = 'm'\nbind = '127.0.0.1'\nports = '20000-20999'\n";
    let said = crate::common::mistakes_alone(&format!("{silent}{ALICE}"));
    assert!(said.len() == 1 && said[0].contains("every [[listen]] is silent"), "{said:?}");
}

#[test]
fn times_of_the_registrar_fit_together() {
    let registrar = read("[registrar]\nexpires = '2h'\ncontacts = 3\nflow_timer = 'off'\n").unwrap().registrar;
    let hours = |hours: u64| Duration::from_secs(hours * 3600);
    assert_eq!((registrar.expires, registrar.max_expires, registrar.contacts, registrar.flow_timer), (hours(2), hours(2), 3, None));
    assert_eq!(read("[registrar]\nmax_expires = '10m'\n").unwrap().registrar.expires, Duration::from_secs(600));
    assert_mistake(
        "[registrar]\nmin_expires = '50m'\nmax_expires = '40m'",
        &["50m, is longer than `max_expires`, 40m: nobody could register"],
    );
    assert_mistake("[registrar]\nmax_expires = '30s'", &["1m, is longer than `max_expires`, 30s: nobody could register"]);
    assert_mistake("[registrar]\nmin_expires = '2h'\nmax_expires = '3h'", &["from 1s to 1h is possible"]);
    let column = |text: &str| read(text).unwrap_err().iter().map(|problem| problem.place.column).collect::<Vec<_>>();
    assert_eq!(column("[registrar]\nmin_expires = '2h'"), [15]);
    assert_eq!(column("[registrar]\nmax_expires = '30s'"), [15]);
    assert_mistake("[registrar]\nexpires = '30s'", &["not between `min_expires` and `max_expires`"]);
    assert_eq!(mistakes("[registrar]\ncontacts = 17\nflow_timer = '1s'").len(), 2);
}

#[test]
fn users_are_asked_by_the_algorithms_that_are_written_in_that_order() {
    use tandem_model::DigestAlgorithm::{Md5, Sha256};
    let asked = |text: &str| read(text).unwrap().registrar.algorithms.to_vec();
    assert_eq!(asked(""), [Sha256, Md5]);
    assert_eq!(asked("[registrar]\nalgorithms = ['md5']\n"), [Md5]);
    assert_eq!(asked("[registrar]\nalgorithms = ['md5', 'sha-256']\n"), [Md5, Sha256]);
    assert_mistake("[registrar]\nalgorithms = []", &["nobody could answer"]);
    assert_mistake("[registrar]\nalgorithms = ['sha-1']", &["sha-256"]);
}

#[test]
fn what_a_phone_says_is_let_in_where_it_claims_nothing() {
    let lets_in = |keys: &str, name: &str| {
        let config = read(&format!("{ALICE}{keys}")).unwrap();
        let rules = &config.users[0].spoken.headers_in;
        rules.pass.iter().flatten().any(|pattern| pattern.fits(name)) && !rules.remove.iter().any(|pattern| pattern.fits(name))
    };
    for (keys, subject, diversion) in [
        ("", true, false),
        ("headers_in = {}", true, false),
        ("headers_in = { remove = ['Subject'] }", false, false),
        ("headers_in = { pass = ['Diversion'] }", false, true),
        ("headers_in = { pass = [] }", false, false),
        ("headers_in = { pass = ['*'] }", true, true),
    ] {
        assert_eq!((lets_in(keys, "Subject"), lets_in(keys, "Diversion")), (subject, diversion), "{keys}");
    }
    assert_mistake(&format!("{ALICE}headers_in = {{ pass = ['From'] }}"), &["`pass` in `headers_in` in [[user]] alice", "Tandem itself"]);
    assert_mistake(&format!("{ALICE}headers_out = {{}}"), &["unknown key `headers_out`", "`headers_in`"]);
}
