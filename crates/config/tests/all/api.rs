//! `[api]`: who may steer the node over HTTP.

use crate::common::{assert_mistake, mistakes, read};
use tandem_config::{Difference, Scope};

const API: &str = "[api]\nbind = '127.0.0.1'\n";
const KEY: &str = "key = '0123456789abcdef'";

#[test]
fn what_is_not_written_is_as_on_one_machine() {
    assert_eq!(read("").unwrap().api, None);
    let api = read(API).unwrap().api.unwrap();
    assert_eq!((api.bind.to_string(), api.keys.len(), api.cors.len()), ("127.0.0.1:8080".to_owned(), 0, 0));
    assert_eq!((api.rate, api.connections, api.body, api.tls), (100, 256, 65_536, None));
    assert_mistake("[api]\nrate = 5", &["[api] needs `bind = \"127.0.0.1:8080\"`"]);
    assert_mistake("[api]\nbind = 'localhost'", &["is not an address to listen at"]);
}

#[test]
fn keys_have_names_scopes_and_some_length() {
    let all = read(&format!("{API}keys = [{{ name = 'ops', {KEY} }}]")).unwrap().api.unwrap();
    assert_eq!(*all.keys[0].scopes, Scope::ALL, "one that says nothing may do everything");
    assert!(!format!("{all:?}").contains("0123"), "a key is not shown");
    let one = read(&format!("{API}keys = [{{ name = 'watch', {KEY}, scopes = ['read'] }}]")).unwrap().api.unwrap();
    assert_eq!(*one.keys[0].scopes, [Scope::Read]);
    assert_mistake(&format!("{API}keys = [{{ name = 'a', key = 'short' }}]"), &["at least 16 characters"]);
    assert_mistake(&format!("{API}keys = [{{ name = 'a', key = 'with blanks in it, many' }}]"), &["letters, digits"]);
    assert_mistake(&format!("{API}keys = [{{ name = 'a', {KEY}, scopes = [] }}]"), &["could do nothing"]);
    assert_mistake(&format!("{API}keys = [{{ name = 'a', {KEY}, scopes = ['reed'] }}]"), &["the nearest is \"read\""]);
    assert_mistake(&format!("{API}keys = [{{ nam = 'a', name = 'b', {KEY} }}]"), &["unknown key `nam`", "nearest valid key is `name`"]);
    let twice = format!("{API}keys = [{{ name = 'a', {KEY} }}, {{ name = 'b', {KEY} }}]");
    assert_mistake(&twice, &["the same as another key"]);
    let namesakes = format!("{API}keys = [{{ name = 'a', {KEY} }}, {{ name = 'a', key = 'fedcba9876543210' }}]");
    assert_mistake(&namesakes, &["there is a key called `a` already"]);
}

#[test]
fn origins_are_as_a_browser_writes_them() {
    assert_eq!(read(&format!("{API}cors = ['https://a.example:8443']")).unwrap().api.unwrap().cors.len(), 1);
    for wrong in ["*", "a.example", "https://", "https://a.example/", "https://A.example", "ftp://a"] {
        assert_mistake(&format!("{API}cors = ['{wrong}']"), &["is not an origin"]);
    }
    assert_eq!(mistakes(&format!("{API}tls = {{ cert = 'a' }}")), ["`tls` in [api] needs `key = \"key.pem\"`"]);
}

#[test]
fn projects_of_opentok_have_keys_and_secrets() {
    let with = |project: &str| format!("{API}opentok = [{{ {project} }}]");
    let one = read(&with("key = '123456', secret = '0123456789abcdef'")).unwrap().api.unwrap();
    assert_eq!((&*one.opentok[0].key, one.opentok[0].trunk.is_none()), ("123456", true));
    assert!(!format!("{one:?}").contains("0123456789abcdef"), "a secret is not shown");
    assert_mistake(&with("key = '1~2', secret = '0123456789abcdef'"), &["letters, digits, - and _"]);
    assert_mistake(&with("key = '12', secret = 'short'"), &["at least 16 characters"]);
    assert_mistake(&with("key = '12'"), &["needs `secret"]);
    assert_mistake(&with("key = '12', secret = '0123456789abcdef', trunk = 'nobody'"), &["nobody"]);
    let twice = "key = '12', secret = '0123456789abcdef' }, { key = '12', secret = '0123456789abcdef'";
    assert_mistake(&with(twice), &["there is a project `12` already"]);
    let changed = Difference::between(&read(API).unwrap(), &read(&with("key = '12', secret = '0123456789abcdef'")).unwrap());
    assert_eq!(changed.reload().unwrap(), ["`opentok` in [api] changed"]);
}

#[test]
fn a_reload_changes_keys_and_not_the_listener() {
    let changes = |old: &str, new: &str| Difference::between(&read(old).unwrap(), &read(new).unwrap()).reload();
    let keys = format!("{API}rate = 7\nkeys = [{{ name = 'a', {KEY} }}]");
    assert_eq!(changes(API, &keys).unwrap(), ["`keys` in [api] changed", "`rate` in [api] changed"]);
    let refused = |old: &str, new: &str| changes(old, new).unwrap_err().to_string();
    assert!(refused(API, "[api]\nbind = '127.0.0.1:9'").contains("`bind` in [api] changed: that needs a restart"));
    assert!(refused(API, "").contains("[api] changed: that needs a restart"));
    assert!(refused(API, &format!("{API}tls = {{ cert = 'a', key = 'b' }}")).contains("`tls` in [api] changed"));
}
