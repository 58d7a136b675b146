//! Who may do what: every path and method of the document, with every kind of key.

use crate::common::{KEYS, Served};
use serde_json::Value;

const KINDS: [&str; 3] = ["read", "call", "admin"];

/// Path, method and scope of everything that the document has; ids in paths are well made and nobody's.
fn operations(served: &Served) -> Vec<(String, String, Option<String>)> {
    let document = served.get("/v1/openapi.json").json();
    let mut all = Vec::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let scope = operation["security"][0]["key"][0].as_str().map(str::to_owned);
            let path = path.replace("{id}", "call_0000000000000").replace("{leg}", "leg_0000000000001");
            all.push((path, method.to_uppercase(), scope));
        }
    }
    all
}

fn bearer(key: &str) -> String {
    format!("Authorization: Bearer {key}\r\n")
}

#[test]
fn each_needs_its_scope_and_no_other() {
    let served = Served::alone(KEYS);
    let all = operations(&served);
    assert!(all.len() > 15 && all.iter().any(|(path, ..)| path == "/v1/admin/drain"), "{all:?}");
    for (path, method, scope) in all {
        let status = |headers: &str| served.ask(&method, &path, headers, "").status;
        let Some(scope) = scope else {
            assert!(["/healthz", "/readyz", "/v1/openapi.json"].contains(&&*path), "{path} needs nothing");
            assert_eq!(status(""), 200, "{path}");
            continue;
        };
        assert_eq!((status(""), status(&bearer("wrong-0123456789"))), (401, 401), "{method} {path}");
        for kind in KINDS {
            let key = KINDS.iter().zip(["reader", "caller", "admin"]).find(|(known, _)| **known == kind).unwrap().1;
            let status = if kind == scope && path == "/v1/admin/drain" { 202 } else { status(&bearer(&format!("{key}-0123456789"))) };
            assert_eq!(status == 403, kind != scope, "{method} {path} with {kind}: {status}");
            assert_ne!(status, 401, "{method} {path} with {kind}");
        }
        if path != "/v1/admin/drain" {
            assert!(![401, 403].contains(&status(&bearer("ops-0123456789abcdef"))), "{method} {path} with all scopes");
        }
    }
}

#[test]
fn a_refusal_says_what_is_missing() {
    let served = Served::alone(KEYS);
    let none = served.get("/v1/calls");
    assert_eq!(none.header("www-authenticate"), Some("Bearer realm=\"tandem\""));
    assert!(none.problem().2.contains("Authorization: Bearer KEY"));
    let (status, _, detail) = served.ask("POST", "/v1/admin/drain", &bearer("reader-0123456789"), "").problem();
    assert!(status == 403 && detail.contains("`reader` lacks the scope `admin`"), "{detail}");
}

#[test]
fn without_keys_programs_of_this_machine_may_and_pages_may_not() {
    let served = Served::alone("cors = ['https://console.example.com']");
    assert_eq!(served.get("/v1/calls").status, 200);
    for headers in ["Origin: https://evil.example\r\n", "X-Forwarded-For: 192.0.2.1\r\n", "Forwarded: for=192.0.2.1\r\n"] {
        assert_eq!(served.ask("POST", "/v1/admin/drain", headers, "").problem().0, 403, "{headers}");
    }
    let rebound = "GET /v1/calls HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n";
    assert_eq!(crate::common::say(served.address, rebound.as_bytes()).status, 403);
    assert_eq!(served.ask("GET", "/v1/calls", "Origin: https://console.example.com\r\n", "").status, 200);
}

#[test]
fn pages_of_others_are_told_nothing_unless_they_are_listed() {
    let served = Served::alone(&format!("cors = ['https://console.example.com']\n{KEYS}"));
    let asks = |origin: &str| {
        let headers =
            format!("Origin: {origin}\r\nAccess-Control-Request-Method: POST\r\nAccess-Control-Request-Headers: authorization\r\n");
        served.ask("OPTIONS", "/v1/calls", &headers, "")
    };
    let listed = asks("https://console.example.com");
    assert_eq!((listed.status, listed.header("access-control-allow-origin")), (204, Some("https://console.example.com")));
    assert!(listed.header("access-control-allow-headers").unwrap().contains("Authorization"));
    let other = asks("https://evil.example");
    assert_eq!((other.status, other.header("access-control-allow-origin")), (405, None));
    let read = served.ask("GET", "/v1/calls", &(bearer("reader-0123456789") + "Origin: https://console.example.com\r\n"), "");
    assert_eq!((read.status, read.header("vary")), (200, Some("Origin")));
}

#[test]
fn a_key_has_its_rate_and_so_has_a_stranger() {
    let served = Served::alone(&format!("rate = 5\n{KEYS}"));
    let key = bearer("reader-0123456789");
    let statuses: Vec<u16> = (0..40).map(|_| served.ask("GET", "/v1/calls", &key, "").status).collect();
    assert_eq!(statuses[..10], [200; 10], "two seconds' worth at once");
    assert!(statuses.contains(&429), "{statuses:?}");
    let refused = (0..40).map(|_| served.ask("GET", "/v1/calls", &key, "")).find(|answer| answer.status == 429).unwrap();
    assert_eq!((refused.header("retry-after"), refused.problem().0), (Some("1"), 429));
    assert_eq!(served.ask("GET", "/v1/calls", &bearer("ops-0123456789abcdef"), "").status, 200, "others have theirs");
    let guesses: Vec<u16> = (0..40).map(|_| served.ask("GET", "/v1/calls", &bearer("guess-0123456789"), "").status).collect();
    assert!(guesses.contains(&401) && guesses.contains(&429), "{guesses:?}");
}

#[test]
fn a_reload_changes_keys_at_once() {
    let served = Served::alone(KEYS);
    let new = "new-0123456789abcdef";
    served.interface.renew(&crate::common::config(&format!("keys = [{{ name = 'new', key = '{new}' }}]")), None, None);
    let status = |key: &str| served.ask("GET", "/v1/calls", &bearer(key), "").status;
    assert_eq!((status("ops-0123456789abcdef"), status(new)), (401, 200));
}

#[test]
fn what_is_documented_is_well_formed() {
    let served = Served::alone("");
    let document: Value = served.get("/v1/openapi.json").json();
    assert_eq!(document["openapi"].as_str().unwrap().split('.').take(2).collect::<Vec<_>>(), ["3", "1"]);
    let text = document.to_string();
    for link in text.split("\"$ref\":\"#/components/schemas/").skip(1) {
        let name = link.split('"').next().unwrap();
        assert!(document["components"]["schemas"].get(name).is_some(), "{name} is not described");
    }
    let page = served.get("/docs");
    assert_eq!(page.header("content-type"), Some("text/html; charset=utf-8"));
    assert!(page.header("content-security-policy").unwrap().contains("default-src 'none'"));
    for path in document["paths"].as_object().unwrap().keys() {
        assert!(page.body.contains(&format!("<code>{path}</code>")), "{path} is not on the page");
    }
    assert!(!page.body.contains("<script") && !page.body.contains("http://") && !page.body.contains("https://"));
}
