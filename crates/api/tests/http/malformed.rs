//! Requests that are wrong, too long, too many or too slow: each is answered with a problem, or cut.

use crate::common::{Served, connect, hear, node::Peer, request, say};
use std::{
    io::{Read, Write},
    net::Shutdown,
};

#[test]
fn what_is_not_there_is_told() {
    let served = Served::alone("");
    let (status, _, detail) = served.get("/v2/calls").problem();
    assert!(status == 404 && detail.contains("/docs"), "{detail}");
    let wrong = served.ask("PATCH", "/v1/calls", "", "");
    assert_eq!((wrong.problem().0, wrong.header("allow")), (405, Some("GET,HEAD,POST")));
    assert_eq!(served.ask("BREW", "/v1/calls", "", "").problem().0, 405);
}

#[test]
fn ids_are_those_that_we_wrote() {
    let served = Served::alone("");
    let field = |path: &str| {
        let (status, field, _) = served.get(path).problem();
        (status, field)
    };
    assert_eq!(field("/v1/calls/call_0000000000000"), (404, "id".into()));
    for wrong in ["x", "call_", "call_000000000000i", "call_0000000000001", "leg_0000000000001", "%ff", "call_0000000000000%00", "..%2f"] {
        assert_eq!(field(&format!("/v1/calls/{wrong}")), (422, "id".into()), "{wrong}");
    }
    let of_leg = |leg: &str| served.post(&format!("/v1/calls/call_0000000000000/legs/{leg}/mute"), "").problem();
    assert_eq!((of_leg("leg_0000000000001").0, of_leg("leg_x").1), (404, "leg".into()));
}

#[test]
fn a_query_has_parameters_that_are_known() {
    let served = Served::alone("");
    let problem = |query: &str| served.get(&format!("/v1/calls?{query}")).problem();
    let (status, field, detail) = problem("limt=5");
    assert!((status, &*field) == (422, "limt") && detail.contains("the nearest is `limit`"), "{field}: {detail}");
    for (query, place) in
        [("limit=0", "limit"), ("limit=1001", "limit"), ("limit=x", "limit"), ("cursor=x", "cursor"), ("state=ended", "state")]
    {
        let (status, field, detail) = problem(query);
        assert_eq!((status, &*field), (422, place), "{query}: {detail}");
    }
    assert_eq!(served.get("/v1/calls?limit=1000&state=over").status, 200);
    assert_eq!(served.get("/v1/calls?limit=5&limit=6").problem().0, 422);
}

#[test]
fn a_body_is_json_of_that_form() {
    let served = Served::alone("");
    let dtmf = "/v1/calls/call_0000000000000/legs/leg_0000000000001/dtmf";
    let problem = |body: &str| served.post(dtmf, body).problem();
    assert_eq!(problem("{").0, 400);
    assert!(problem("{\n \"keys\": }").2.contains("line 2"));
    assert_eq!(problem("{} {}").0, 422, "what is missing is told first");
    assert_eq!(problem(r#"{"keys": "1"} x"#).0, 400);
    let (status, field, detail) = problem(r#"{"keyz": "1"}"#);
    assert!((status, &*field) == (422, "keyz") && detail.contains("nearest is `keys`"), "{field}: {detail}");
    for (body, place) in [
        ("{}", "keys"),
        (r#"{"keys": 5}"#, "keys"),
        (r#"{"keys": ""}"#, "keys"),
        (r#"{"keys": "12x"}"#, "keys"),
        (r#"{"keys": "1", "duration": "1"}"#, "duration"),
        (r#"{"keys": "1", "duration": "10s"}"#, "duration"),
    ] {
        let (status, field, detail) = problem(body);
        assert_eq!((status, &*field), (422, place), "{body}: {detail}");
    }
    assert_eq!(problem(&format!(r#"{{"keys": "{}"}}"#, "1".repeat(33))).1, "keys");
    assert_eq!(problem(r#"{"keys": "1"}"#).0, 404, "there is no such call");
    for kind in ["text/plain", "application/x-www-form-urlencoded", "application/jsonx"] {
        assert_eq!(served.ask("POST", dtmf, &format!("Content-Type: {kind}\r\n"), r#"{"keys": "1"}"#).problem().0, 415, "{kind}");
    }
    let utf8 = "Content-Type: Application/JSON; charset=utf-8\r\n";
    assert_eq!(served.ask("POST", dtmf, utf8, r#"{"keys": "1"}"#).problem().0, 404);
    let mute = "/v1/calls/call_0000000000000/legs/leg_0000000000001/mute";
    assert_eq!((served.post(mute, "{}").problem().0, served.post(mute, r#"{"a": 1}"#).problem().1), (404, "a".into()));
}

#[test]
fn a_body_that_is_too_long_is_not_read() {
    let served = Served::alone("body = '1KiB'");
    let path = "/v1/admin/drain";
    let long = format!("{{\"end_calls\": {}}}", " ".repeat(2000));
    let answer = served.post(path, &long);
    assert_eq!(answer.problem().0, 413);
    let head = format!("POST {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Type: application/json\r\n");
    let promised = format!("{head}Content-Length: 99999999999\r\n\r\n{{");
    assert_eq!(say(served.address, promised.as_bytes()).problem().0, 413, "what is promised is enough");
    let chunk = format!("{head}Transfer-Encoding: chunked\r\n\r\n800\r\n{}\r\n0\r\n\r\n", " ".repeat(0x800));
    assert_eq!(say(served.address, chunk.as_bytes()).problem().0, 413);
    let mut broken = connect(served.address);
    broken.write_all(format!("{head}Content-Length: 20\r\n\r\n{{").as_bytes()).unwrap();
    broken.shutdown(Shutdown::Write).unwrap();
    assert_eq!(hear(broken).problem().0, 400, "one that ends early");
}

#[test]
fn a_head_has_an_end() {
    let served = Served::alone("");
    let long = format!("GET /{} HTTP/1.1\r\n", "a".repeat(100_000));
    assert!([414, 431].contains(&say(served.address, long.as_bytes()).status));
    let many: String = (0..200).map(|number| format!("X-{number}: 1\r\n")).collect();
    assert_eq!(say(served.address, request("GET", "/healthz", &many, "").as_bytes()).status, 431);
    assert_eq!(say(served.address, b"\x16\x03\x01\x00\x05hello\r\n\r\n").status, 400);
}

#[test]
fn connections_have_a_bound() {
    let served = Served::alone("connections = 4");
    let held: Vec<_> = (0..4).map(|_| connect(served.address)).collect();
    let one_of_them = |mut stream: std::net::TcpStream| {
        stream.write_all(request("GET", "/healthz", "", "").as_bytes()).unwrap();
        stream
    };
    let mut fifth = connect(served.address);
    let _ = fifth.write_all(request("GET", "/healthz", "", "").as_bytes());
    let mut nothing = Vec::new();
    assert!(fifth.read_to_end(&mut nothing).map_or(true, |length| length == 0), "it is closed without a word");
    for stream in held {
        assert_eq!(hear(one_of_them(stream)).status, 200);
    }
}

#[test]
fn every_answer_says_how_it_may_be_shown() {
    let served = Served::start(Peer::new().address, "");
    for path in ["/healthz", "/v1/calls", "/nothing", "/docs", "/v1/openapi.json"] {
        let answer = served.get(path);
        for (name, value) in [("x-content-type-options", "nosniff"), ("x-frame-options", "DENY"), ("cache-control", "no-store")] {
            assert_eq!(answer.header(name), Some(value), "{path}");
        }
        assert!(answer.header("content-security-policy").unwrap().starts_with("default-src 'none'"), "{path}");
    }
}
