//! What a request says, and what is said to it before anybody is called.

use super::{Bench, Webex, assert_fails, said};
use crate::common::{Served, request, say};
use serde_json::{Value, json};

const FORM: &str = "Content-Type: application/x-www-form-urlencoded\r\n";

#[test]
fn there_is_nothing_unless_it_is_configured() {
    let served = Served::alone("");
    assert_eq!((served.post("/bridge", "{}").problem().0, served.get("/listener").problem().0), (404, 404));
    let bench = Bench::new();
    for method in ["GET", "POST"] {
        let answer = bench.served.ask(method, "/listener", "", "");
        assert_eq!((answer.status, &*answer.body), (200, "alive"), "{method}");
    }
}

#[test]
fn what_is_missing_is_said_in_its_order() {
    let bench = Bench::new();
    let messages = [
        "initialToken is required and must be a bearer token belonging to a licensed Webex or guest user.",
        "endpointToken is required and must belong to a licensed Webex user.",
        "meeting parameter is required and should be a meeting SIP or url.",
        "endpointSIP is required and must be a valid SIP address.",
    ];
    let names = ["initialToken", "endpointToken", "meeting", "endpointSIP"];
    for (known, message) in messages.into_iter().enumerate() {
        let fields: serde_json::Map<String, Value> = names[..known].iter().map(|name| ((*name).to_owned(), json!(""))).collect();
        assert_fails(&bench.served.post("/bridge", &json!(fields).to_string()), message);
        let form: Vec<String> = names[..known].iter().map(|name| format!("{name}=")).collect();
        assert_fails(&bench.served.ask("POST", "/bridge", FORM, &form.join("&")), message);
    }
    assert_fails(&bench.bridge(&json!({"initialToken": null, "meeting": null})), messages[0]);
    assert_fails(&bench.served.ask("POST", "/bridge", "Content-Type: text/plain\r\n", "x"), messages[0]);
    assert!(bench.webex.asked().is_empty() && bench.meeting.hears_nothing());
}

#[test]
fn what_is_not_json_is_400() {
    let bench = Bench::new();
    for body in ["{\"initialToken\": ", "\"x\"", "{} {}"] {
        assert_eq!(bench.served.post("/bridge", body).problem().0, 400, "{body}");
    }
    let long = json!({"initialToken": "x".repeat(100_000)}).to_string();
    assert_eq!(bench.served.post("/bridge", &long).problem().0, 413);
}

#[test]
fn who_does_not_wait_is_told_at_once() {
    // Webex says nothing, ever.
    let bench = Bench::with(Webex::start(|_, _| None), "load_timeout = '10m'");
    for more in [json!({}), json!({"wait": null}), json!({"wait": false})] {
        assert_eq!(said(&bench.bridge(&more)), (true, "Request to bridge call has been received.".to_owned()), "{more}");
    }
}

#[test]
fn tokens_that_are_not_good_are_named() {
    let webex = Webex::start(|_, token| {
        Some(match token {
            "old" => (401, json!({"message": "x"})),
            "odd" => (403, json!({})),
            "garbled" => (204, json!({})),
            _ => (200, json!({"id": "x"})),
        })
    });
    let bench = Bench::with(webex, "");
    for (tokens, message) in [
        (json!({"initialToken": "old"}), "The initialToken is unauthorized. (401)"),
        (json!({"endpointToken": "old"}), "The endpointToken is unauthorized. (401)"),
        (json!({"meetingToken": "old"}), "The meetingToken is unauthorized. (401)"),
        (json!({"initialToken": "odd"}), "The initialToken is not valid."),
        (json!({"endpointToken": "garbled"}), "The endpointToken is not valid."),
        (json!({"initialToken": ""}), "The initialToken is not valid."),
        (json!({"meetingToken": "a\r\nb"}), "The meetingToken is not valid."),
        (
            json!({"initialToken": "old", "endpointToken": "odd", "meetingToken": "odd"}),
            "The initialToken is unauthorized. (401)The endpointToken is not valid.The meetingToken is not valid.",
        ),
        (json!({"meetingToken": "guest"}), "meetingToken must belong to another user than initialToken."),
    ] {
        let mut tokens = tokens;
        tokens["wait"] = json!(true);
        assert_fails(&bench.bridge(&tokens), message);
    }
    assert!(bench.meeting.hears_nothing());
}

#[test]
fn a_webex_that_says_nothing_is_waited_for_so_long() {
    for answer in [None, Some((503, json!({})))] {
        let bench = Bench::with(Webex::start(move |_, _| answer.clone()), "load_timeout = '200ms'");
        let answer = bench.bridge(&json!({"wait": true}));
        assert_fails(&answer, "Timeout waiting for Webex session to initialize.  Are your tokens correct?");
    }
}

#[test]
fn whom_nobody_can_call_is_not_called() {
    let bench = Bench::with(Webex::of_people(), "may_call = ['@127\\.0\\.0\\.1$', '^1\\d$']");
    let desk = "desk@127.0.0.1";
    for (meeting, endpoint, message) in [
        ("nowhere", desk, "nowhere could not be joined: it is neither a SIP address nor a room nor a link of a meeting"),
        ("42@192.0.2.1", desk, "42@192.0.2.1 could not be joined: it may not be called"),
        ("42@127.0.0.1", "20", "20 could not be joined because it may not be called"),
        ("42@127.0.0.1", "user:alice", "user:alice could not be joined because it is not a SIP address"),
        ("42@127.0.0.1", "a@b\r\nVia: x", "a@b\r\nVia: x could not be joined because it is not a SIP address"),
    ] {
        assert_fails(&bench.bridge(&json!({"meeting": meeting, "endpointSIP": endpoint, "wait": true})), message);
    }
    assert!(bench.meeting.hears_nothing() && bench.endpoint.hears_nothing());
}

#[test]
fn more_than_may_is_not_served() {
    let bench = Bench::whole(Webex::of_people(), "", "rate = 1", false);
    let all: Vec<u16> = (0..4).map(|_| say(bench.served.address, request("POST", "/bridge", "", "{}").as_bytes()).status).collect();
    assert!(all[0] == 200 && all.contains(&429), "{all:?}");
}
