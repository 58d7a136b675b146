//! Who may ask: nobody is asked for a key, so it is this machine alone unless the configuration says otherwise.

use super::{Bench, Webex, said};
use crate::common::KEYS;
use serde_json::json;

/// The status of a request with these headers.
fn status(bench: &Bench, headers: &str) -> u16 {
    bench.served.ask("POST", "/bridge", headers, "{}").status
}

#[test]
fn a_program_on_this_machine_may_and_no_page_or_proxy() {
    for api in ["", KEYS] {
        let bench = Bench::whole(Webex::of_people(), "", api, false);
        assert_eq!(status(&bench, ""), 200);
        for headers in
            ["X-Forwarded-For: 192.0.2.1\r\n", "Forwarded: for=192.0.2.1\r\n", "Origin: https://evil.example\r\n", "Origin: null\r\n"]
        {
            assert_eq!(bench.served.ask("POST", "/bridge", headers, "{}").problem().0, 403, "{headers}");
        }
    }
}

#[test]
fn a_key_may_if_it_may_call() {
    let bench = Bench::whole(Webex::of_people(), "", KEYS, false);
    let with = |key: &str| status(&bench, &format!("X-Forwarded-For: 192.0.2.1\r\nAuthorization: Bearer {key}\r\n"));
    assert_eq!((with("caller-0123456789"), with("reader-0123456789"), with("wrong-0123456789")), (200, 403, 403));
}

#[test]
fn an_open_one_is_for_everybody_but_pages_of_others() {
    let bench = Bench::with(Webex::of_people(), "open = true\nmay_call = ['.']");
    assert_eq!((status(&bench, "X-Forwarded-For: 192.0.2.1\r\n"), status(&bench, "Origin: https://evil.example\r\n")), (200, 403));
    let (done, message) = said(&bench.bridge(&json!({"meeting": null})));
    assert!(!done && message.starts_with("meeting parameter"), "{message}");
}
