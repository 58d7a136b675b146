//! Calls that begin here: `POST /v1/calls`.

use crate::common::{
    KEYS, Served, connect, hear,
    node::{Heard, Peer},
    request,
};
use serde_json::{Value, json};
use std::{io::Write, net::TcpStream};

fn begin(served: &Served, body: &Value) -> TcpStream {
    let mut stream = connect(served.address);
    stream.write_all(request("POST", "/v1/calls", "", &body.to_string()).as_bytes()).unwrap();
    stream
}

fn accept(served: &Served, callee: &Peer, invite: &Heard, tag: &str) {
    let contact = format!("Contact: <sip:b@{}>\r\n", callee.address);
    callee.send(served.node.address, &invite.answer("200 OK", tag, &contact, &callee.sdp()));
    callee.hear_starting("ACK");
}

#[test]
fn somebody_is_called_and_the_call_is_seen() {
    let callee = Peer::new();
    let served = Served::start(callee.address, "");
    let body = json!({
        "legs": [{"to": "trunk:callee/100", "headers": {"X-Ref": "42"}}],
        "from": "sip:+15557654321@example.com",
        "then": {"answer": "echo"},
        "metadata": {"ticket": "42"},
    });
    let answer = served.post("/v1/calls", &body.to_string());
    assert_eq!(answer.status, 201, "{}", answer.body);
    let call = answer.json();
    let place = answer.header("location").unwrap();
    assert_eq!(place, format!("/v1/calls/{}", call["id"].as_str().unwrap()));
    assert_eq!((&call["metadata"]["ticket"], &call["legs"][0]["direction"]), (&json!("42"), &json!("out")));
    let invite = callee.hear_starting("INVITE");
    assert!(invite.start().contains("sip:100@") && invite.header("X-Ref") == "42", "{}", invite.0);
    assert!(invite.header("From").contains("sip:+15557654321@example.com"), "{}", invite.0);
    accept(&served, &callee, &invite, "echo");
    let seen = served.get(place).json();
    assert_eq!((&seen["state"], &seen["legs"][0]["state"]), (&json!("answered"), &json!("answered")));
}

#[test]
fn who_waits_is_told_what_came_of_it() {
    let callee = Peer::new();
    let served = Served::start(callee.address, "");
    let body = json!({"legs": [{"to": "trunk:callee/100"}], "then": {"answer": "echo"}, "wait": true});
    let waiting = begin(&served, &body);
    let invite = callee.hear_starting("INVITE");
    accept(&served, &callee, &invite, "yes");
    let answer = hear(waiting);
    assert_eq!((answer.status, &answer.json()["state"], &answer.json()["legs"][0]["sip_status"]), (200, &json!("answered"), &json!(200)));

    let waiting = begin(&served, &body);
    let invite = callee.hear_starting("INVITE");
    callee.send(served.node.address, &invite.answer("486 Busy Here", "busy", "", ""));
    let call = hear(waiting).json();
    let leg = &call["legs"][0];
    assert_eq!((&call["state"], &leg["state"], &leg["sip_status"]), (&json!("failed"), &json!("failed"), &json!(486)), "{call}");
    assert_eq!((&leg["reason"], &leg["q850_cause"]), (&json!("Busy Here"), &json!(17)));

    let nobody = json!({"legs": [{"to": "user:nobody"}], "then": {"answer": "echo"}, "wait": true});
    let call = served.post("/v1/calls", &nobody.to_string()).json();
    assert_eq!(call["state"], "failed", "{call}");
}

#[test]
fn two_are_joined() {
    let (first, second) = (Peer::new(), Peer::new());
    let served = Served::start(first.address, "");
    let body = json!({"legs": [{"to": "trunk:callee/1"}, {"to": format!("sip:2@{}", second.address)}], "wait": true});
    let waiting = begin(&served, &body);
    let invite = first.hear_starting("INVITE");
    accept(&served, &first, &invite, "one");
    let invite = second.hear_starting("INVITE");
    accept(&served, &second, &invite, "two");
    let call = hear(waiting).json();
    assert_eq!((&call["state"], call["legs"].as_array().unwrap().len()), (&json!("answered"), 2), "{call}");
    assert_eq!(served.ask("DELETE", &format!("/v1/calls/{}", call["id"].as_str().unwrap()), "", "").status, 204);
    first.hear_starting("BYE");
    second.hear_starting("BYE");
}

#[test]
fn what_cannot_be_called_is_told_with_its_place() {
    let served = Served::alone("");
    let long = "x".repeat(5000);
    let leg = json!({"to": "user:a"});
    for (body, field) in [
        (json!({}), "legs"),
        (json!({"legs": []}), "legs"),
        (json!({"legs": [leg, leg, leg]}), "legs"),
        (json!({"legs": vec![leg.clone(); 17], "order": "parallel"}), "legs"),
        (json!({"legs": [{"to": "user:a", "headers": {"Via": "x"}}]}), "legs[0].headers.Via"),
        (json!({"legs": [leg, {"to": "user:a", "headers": {"X-A": "a\r\nb"}}]}), "legs[1].headers.X-A"),
        (json!({"legs": [{"to": "user:a", "srtp": "required"}]}), "legs[0].srtp"),
        (json!({"legs": [leg], "order": "paralel"}), "order"),
        (json!({"legs": [leg], "from": "a b"}), "from"),
        (json!({"legs": [leg], "then": {"bridg": ["user:b"]}}), "then"),
        (json!({"legs": [leg, leg], "then": {"answer": "echo"}}), "then"),
        (json!({"legs": [leg], "max_duration": "0s"}), "max_duration"),
        (json!({"legs": [leg], "metadata": {"a": long}}), "metadata"),
        (json!({"legs": [leg], "metadata": 5}), "metadata"),
        (json!({"legs": [leg], "leg": 5}), "leg"),
    ] {
        let (status, at, detail) = served.post("/v1/calls", &body.to_string()).problem();
        assert_eq!((status, &*at), (422, field), "{body}: {detail}");
    }
    served.post("/v1/admin/drain", "");
    assert_eq!(served.post("/v1/calls", &json!({"legs": [leg], "then": {"answer": "echo"}}).to_string()).problem().0, 503);
}

#[test]
fn a_call_that_is_asked_for_twice_is_made_once_and_by_whom_is_known() {
    let callee = Peer::new();
    let served = Served::start(callee.address, KEYS);
    let headers = "Authorization: Bearer caller-0123456789\r\nIdempotency-Key: once\r\n";
    let body = json!({"legs": [{"to": "trunk:callee/100"}], "then": {"answer": "echo"}}).to_string();
    let first = served.ask("POST", "/v1/calls", headers, &body);
    let again = served.ask("POST", "/v1/calls", headers, &body);
    assert_eq!((first.status, again.status, first.json()["id"] == again.json()["id"]), (201, 201, true), "{}", again.body);
    callee.hear_starting("INVITE");
    let all = served.ask("GET", "/v1/calls", "Authorization: Bearer reader-0123456789\r\n", "").json();
    assert_eq!(all["items"].as_array().unwrap().len(), 1);
}

#[test]
fn a_call_to_nobody_says_why_and_keeps_what_was_said_of_it() {
    let served = Served::alone("");
    let body = json!({"legs": [{"to": "user:nobody"}], "then": {"answer": "echo"}, "wait": true, "metadata": {"ticket": "7"}});
    for _ in 0..20 {
        let call = served.post("/v1/calls", &body.to_string()).json();
        assert_eq!((&call["state"], call["legs"].as_array().map(Vec::len)), (&json!("failed"), Some(0)), "{call}");
        assert!(call["sip_status"].as_u64().is_some_and(|status| status >= 400) && call["q850_cause"].is_u64(), "{call}");
        assert_eq!(call["metadata"], json!({"ticket": "7"}));
    }
    for then in [json!({"ask": "http://192.0.2.1/"}), json!({"reject": 486})] {
        let body = json!({"legs": [{"to": "user:nobody"}], "then": then});
        assert_eq!(served.post("/v1/calls", &body.to_string()).problem().1, "then");
    }
}
