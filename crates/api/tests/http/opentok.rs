//! The interface of OpenTok: sessions, calls into them, those who are in them.

use crate::common::{
    Answer, Served,
    node::{Heard, Peer},
};
use base64::{
    Engine,
    prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD},
};
use hmac::{Hmac, KeyInit, Mac};
use serde_json::{Value, json};
use std::time::{SystemTime, UNIX_EPOCH};

const KEY: &str = "123456";
const SECRET: &str = "0123456789abcdef0123456789abcdef01234567";
const PROJECTS: &str = "opentok = [\
    { key = '123456', secret = '0123456789abcdef0123456789abcdef01234567' }, \
    { key = '654321', secret = 'another-secret-of-some-length' }]";

/// The Content-Type of forms.
const FORM: &str = "Content-Type: application/x-www-form-urlencoded\r\n";

fn now() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs() as i64
}

fn jwt(head: &Value, claims: &Value, secret: &str) -> String {
    let part = |value: &Value| BASE64_URL_SAFE_NO_PAD.encode(value.to_string());
    let signed = format!("{}.{}", part(head), part(claims));
    let mut mac = Hmac::<sha2::Sha256>::new_from_slice(secret.as_bytes()).unwrap();
    mac.update(signed.as_bytes());
    format!("{signed}.{}", BASE64_URL_SAFE_NO_PAD.encode(mac.finalize().into_bytes()))
}

fn signed(claims: &Value, secret: &str) -> String {
    jwt(&json!({"alg": "HS256", "typ": "JWT"}), claims, secret)
}

fn project_claims(key: &str) -> Value {
    json!({"iss": key, "ist": "project", "iat": now(), "exp": now() + 300})
}

/// As the SDK for Node sends it, with a header that is none.
fn auth() -> String {
    format!("X-OPENTOK-AUTH: {}\r\nheaders: [object Object]\r\n", signed(&project_claims(KEY), SECRET))
}

fn served() -> Served {
    Served::alone(PROJECTS)
}

fn ask(served: &Served, method: &str, path: &str, body: &Value) -> Answer {
    let body = if body.is_null() { String::new() } else { body.to_string() };
    served.ask(method, path, &auth(), &body)
}

fn create(served: &Served, form: &str) -> String {
    let answer = served.ask("POST", "/session/create", &(auth() + FORM), form);
    assert_eq!((answer.status, answer.header("content-type")), (200, Some("application/json")), "{}", answer.body);
    answer.json()[0]["session_id"].as_str().unwrap().to_owned()
}

fn routed(served: &Served) -> String {
    create(served, "archiveMode=manual&p2p.preference=disabled")
}

/// The claims of a connection token.
fn claims(session: &str, role: &str) -> Value {
    let mut claims = project_claims(KEY);
    let more = json!({"session_id": session, "role": role, "scope": "session.connect", "nonce": 0.5, "connection_data": "sip=true"});
    claims.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    claims
}

fn token(session: &str, role: &str) -> String {
    signed(&claims(session, role), SECRET)
}

fn old_token(data: &str, secret: &str) -> String {
    let mut mac = Hmac::<sha1::Sha1>::new_from_slice(secret.as_bytes()).unwrap();
    mac.update(data.as_bytes());
    let sig: String = mac.finalize().into_bytes().iter().map(|byte| format!("{byte:02x}")).collect();
    format!("T1=={}", BASE64_STANDARD.encode(format!("partner_id={KEY}&sig={sig}:{data}")))
}

fn wanted(session: &str, sip: Value) -> Value {
    json!({"sessionId": session, "token": token(session, "publisher"), "sip": sip})
}

const DIAL: &str = "/v2/project/123456/dial";

fn of_session(session: &str, rest: &str) -> String {
    format!("/v2/project/{KEY}/session/{session}{rest}")
}

/// Calls the peer into the session: what is answered, and its INVITE.
fn dial(served: &Served, session: &str, peer: &Peer, mut sip: Value) -> (Value, Heard) {
    sip["uri"] = json!(format!("sip:bob@{}", peer.address));
    let answer = ask(served, "POST", DIAL, &wanted(session, sip));
    assert_eq!(answer.status, 200, "{}", answer.body);
    (answer.json(), peer.hear_starting("INVITE"))
}

fn accept(served: &Served, peer: &Peer, invite: &Heard) {
    let tag = format!("t{}", peer.address.port());
    let contact = format!("Contact: <sip:bob@{}>\r\n", peer.address);
    peer.send(served.node.address, &invite.answer("200 OK", &tag, &contact, &peer.sdp()));
    peer.hear_starting("ACK");
}

/// Calls the peer into the session, and it answers.
fn join(served: &Served, session: &str, peer: &Peer, sip: Value) -> Value {
    let (answer, invite) = dial(served, session, peer, sip);
    accept(served, peer, &invite);
    answer
}

fn text<'v>(value: &'v Value, name: &str) -> &'v str {
    value[name].as_str().unwrap_or_else(|| panic!("no {name} in {value}"))
}

/// The legs of the one call that there is, in the native interface.
fn legs(served: &Served) -> Vec<Value> {
    let calls = served.get("/v1/calls").json();
    assert_eq!(calls["items"].as_array().unwrap().len(), 1, "{calls}");
    calls["items"][0]["legs"].as_array().unwrap().clone()
}

fn streams(served: &Served, session: &str) -> Vec<String> {
    let list = ask(served, "GET", &of_session(session, "/stream"), &Value::Null).json();
    let ids: Vec<String> = list["items"].as_array().unwrap().iter().map(|item| text(item, "id").to_owned()).collect();
    assert_eq!(list["count"], ids.len(), "{list}");
    ids
}

#[test]
fn somebody_is_called_into_a_session_and_others_come_into_the_same_room() {
    let (first, second) = (Peer::new(), Peer::new());
    let served = served();
    let session = routed(&served);
    assert!(session.starts_with("2_") && streams(&served, &session).is_empty());
    let (one, invite) = dial(&served, &session, &first, json!({"auth": {}, "headers": {"X-Ref": "42"}, "from": "14155550101@example.com"}));
    assert!(invite.header("From").contains("<sip:14155550101@example.com>") && invite.header("X-Ref") == "42", "{}", invite.0);
    assert!(streams(&served, &session).is_empty(), "who rings says nothing");
    accept(&served, &first, &invite);
    let (two, invite) = dial(&served, &session, &second, json!({"from": "alice@example.com"}));
    assert!(invite.header("From").contains("<sip:+00000000@example.com>"), "{}", invite.0);
    assert!(text(&one, "connectionId") != text(&two, "connectionId") && text(&one, "id") != text(&two, "id"));
    accept(&served, &second, &invite);
    assert_eq!(legs(&served).len(), 2);
    assert_eq!(streams(&served, &session), [text(&one, "streamId"), text(&two, "streamId")]);
    let stream = ask(&served, "GET", &of_session(&session, &format!("/stream/{}", text(&one, "streamId"))), &Value::Null);
    assert_eq!((stream.status, text(&stream.json(), "id").to_owned()), (200, text(&one, "streamId").to_owned()));

    let of_first = of_session(&session, &format!("/connection/{}", text(&one, "connectionId")));
    assert_eq!(ask(&served, "DELETE", &of_first, &Value::Null).status, 204);
    first.hear_starting("BYE");
    assert_eq!(ask(&served, "DELETE", &of_first, &Value::Null).status, 404);
    assert_eq!((legs(&served).len(), streams(&served, &session)), (1, vec![text(&two, "streamId").to_owned()]), "one alone stays");
    let of_second = of_session(&session, &format!("/connection/{}", text(&two, "connectionId")));
    assert_eq!(ask(&served, "DELETE", &of_second, &Value::Null).status, 204);
    second.hear_starting("BYE");
    assert_eq!(ask(&served, "GET", &of_session(&session, "/stream"), &Value::Null).json(), json!({"count": 0, "items": []}));
    let again = join(&served, &session, &first, json!({}));
    assert_ne!(text(&again, "callId"), text(&one, "callId"), "a session outlives its room");
}

#[test]
fn two_who_come_at_once_come_into_one_room() {
    let peers = [Peer::new(), Peer::new(), Peer::new(), Peer::new()];
    let served = served();
    let session = routed(&served);
    let (node, uris) = (served.address, peers.each_ref().map(|peer| format!("sip:bob@{}", peer.address)));
    let threads = uris.map(|uri| {
        let body = wanted(&session, json!({"uri": uri})).to_string();
        std::thread::spawn(move || crate::common::ask(node, "POST", DIAL, &auth(), &body).json())
    });
    let rooms = threads.map(|thread| text(&thread.join().unwrap(), "callId").to_owned());
    assert!(rooms.iter().all(|room| *room == rooms[0]), "{rooms:?}");
    for peer in &peers {
        accept(&served, peer, &peer.hear_starting("INVITE"));
    }
    assert_eq!((legs(&served).len(), streams(&served, &session).len()), (4, 4));
}

#[test]
fn a_session_outlives_the_node_and_nobody_invents_one() {
    let session = routed(&served());
    let callee = Peer::new();
    let served = served();
    join(&served, &session, &callee, json!({}));
    let invented = format!("2_{}", BASE64_URL_SAFE_NO_PAD.encode(format!("1~{KEY}~~{}~abc~", now() * 1000)));
    let answer = ask(&served, "POST", DIAL, &wanted(&invented, json!({"uri": "sip:a@127.0.0.1"})));
    assert_eq!((answer.status, answer.json()), (404, json!({"code": 404, "message": "there is no such session"})));
}

#[test]
fn what_a_dial_may_not_say() {
    let served = served();
    let session = routed(&served);
    let uri = || json!({"uri": "sip:a@127.0.0.1"});
    let relayed = create(&served, "archiveMode=manual&p2p.preference=enabled&location=192.0.2.1");
    let with = |token: String| json!({"sessionId": session, "token": token, "sip": uri()});
    let changed = |name: &str, value: Value| {
        let mut claims = claims(&session, "publisher");
        claims[name] = value;
        with(signed(&claims, SECRET))
    };
    let data = |expires: i64| format!("session_id={session}&create_time={}&nonce=0.1&role=publisher&expire_time={expires}", now());
    let none = jwt(&json!({"alg": "none"}), &claims(&session, "publisher"), SECRET);
    let sip = |name: &str, value: Value| {
        let mut sip = uri();
        sip[name] = value;
        wanted(&session, sip)
    };
    for (status, body, words) in [
        (400, json!({}), "sessionId"),
        (400, json!({"sessionId": session}), "token"),
        (400, wanted("nonsense", uri()), "no session id"),
        (409, wanted(&relayed, uri()), "relayed"),
        (400, with("nonsense".into()), "token"),
        (400, with(String::new()), "token"),
        (400, with(signed(&claims(&session, "publisher"), "another-secret-of-some-length")), "not signed"),
        (400, with(none), "not signed"),
        (400, changed("session_id", json!(relayed)), "another session"),
        (400, changed("exp", json!(now() - 60)), "expired"),
        (400, changed("iat", json!(now() + 600)), "not valid yet"),
        (400, changed("role", json!("king")), "role"),
        (400, changed("scope", json!("session.look")), "scope"),
        (400, changed("iss", json!("654321")), "not signed"),
        (400, with(old_token(&data(now() + 60), "another-secret-of-some-length")), "not signed"),
        (400, with(old_token(&data(now() - 60), SECRET)), "expired"),
        (400, with(old_token("session_id=2_x&role=publisher", SECRET)), "another session"),
        (400, with("T1==%%%".into()), "not signed"),
        (400, sip("uri", json!("alice")), "sip.uri"),
        (400, sip("uri", json!("user:alice")), "sip.uri"),
        (400, sip("uri", json!("trunk:callee/1")), "sip.uri"),
        (400, sip("uri", json!("sip:a@b\r\nVia: x")), "sip.uri"),
        (400, sip("secure", json!(true)), "not built yet"),
        (400, sip("headers", json!({"Via": "x"})), "sip.headers.Via"),
        (400, sip("headers", json!({"X-A": "x\r\nVia: y"})), "sip.headers.X-A"),
        (400, sip("headers", json!([])), "headers"),
        (400, sip("auth", json!({"username": "u"})), "sip.auth.password"),
        (400, sip("from", json!("1@a b")), "sip.from"),
        (400, sip("streams", json!("x")), "streams"),
        (400, sip("streams", json!(vec!["x"; 65])), "sip.streams"),
    ] {
        let answer = ask(&served, "POST", DIAL, &body);
        let said = answer.json();
        assert_eq!((answer.status, &said["code"]), (status, &json!(status)), "{body}: {said}");
        assert!(text(&said, "message").contains(words), "{body}: {said}");
        assert_eq!(answer.header("content-type"), Some("application/json"));
    }
    let malformed = served.ask("POST", DIAL, &auth(), "{");
    assert_eq!((malformed.status, malformed.json()["code"].as_u64()), (400, Some(400)));
    assert_eq!(served.ask("POST", DIAL, &auth(), &"x".repeat(70_000)).json()["code"], 413);
    assert_eq!(ask(&served, "GET", DIAL, &Value::Null).json()["code"], 405);
    assert!(served.get("/v1/calls").json()["items"].as_array().unwrap().is_empty(), "nobody was called");
    served.post("/v1/admin/drain", "");
    assert_eq!(ask(&served, "POST", DIAL, &wanted(&session, uri())).json()["code"], 503);
}

#[test]
fn both_forms_of_tokens_let_in() {
    let (first, second) = (Peer::new(), Peer::new());
    let served = served();
    let session = routed(&served);
    join(&served, &session, &first, json!({}));
    let data = format!(
        "session_id={session}&create_time={}&nonce=0.7&role=moderator&expire_time={}&connection_data=sip%3Dtrue&\
         initial_layout_class_list=&scope=session.connect",
        now(),
        now() + 60
    );
    let sip = json!({"uri": format!("sip:bob@{}", second.address)});
    let body = json!({"sessionId": session, "token": old_token(&data, SECRET), "sip": sip});
    let answer = ask(&served, "POST", DIAL, &body);
    assert_eq!(answer.status, 200, "{}", answer.body);
    second.hear_starting("INVITE");
}

/// Method, path and body of everything, with ids that are well made and nobody's.
fn everything(session: &str) -> Vec<(&'static str, String, Value)> {
    let digits = json!({"digits": "1"});
    vec![
        ("POST", "/session/create".into(), Value::Null),
        ("POST", DIAL.into(), wanted(session, json!({"uri": "sip:a@127.0.0.1"}))),
        ("DELETE", of_session(session, "/connection/c"), Value::Null),
        ("POST", of_session(session, "/play-dtmf"), digits.clone()),
        ("POST", of_session(session, "/connection/c/play-dtmf"), digits),
        ("POST", of_session(session, "/signal"), json!({"type": "t", "data": "d"})),
        ("POST", of_session(session, "/connection/c/signal"), json!({"type": "t", "data": "d"})),
        ("GET", of_session(session, "/stream"), Value::Null),
        ("GET", of_session(session, "/stream/s"), Value::Null),
        ("POST", of_session(session, "/stream/s/mute"), json!({})),
        ("POST", of_session(session, "/mute"), json!({"active": true})),
    ]
}

#[test]
fn each_path_needs_a_token_of_its_project() {
    let served = served();
    let session = routed(&served);
    let with = |change: &dyn Fn(&mut Value), secret: &str| {
        let mut claims = project_claims(KEY);
        change(&mut claims);
        format!("X-OPENTOK-AUTH: {}\r\n", signed(&claims, secret))
    };
    let wrong = [
        String::new(),
        "X-OPENTOK-AUTH: nonsense\r\n".into(),
        "X-OPENTOK-AUTH: a.b.c\r\n".into(),
        "Authorization: Bearer ops-0123456789abcdef\r\n".into(),
        format!("X-OPENTOK-AUTH: {}\r\n", jwt(&json!({"alg": "none"}), &project_claims(KEY), SECRET)),
        with(&|_| {}, "another-secret-of-some-length"),
        with(&|claims| claims["iss"] = json!("999999"), SECRET),
        with(&|claims| claims["iss"] = Value::Null, SECRET),
        with(&|claims| claims["ist"] = json!("account"), SECRET),
        with(&|claims| claims["exp"] = json!(now() - 60), SECRET),
        with(&|claims| claims["exp"] = Value::Null, SECRET),
        with(&|claims| claims["iat"] = json!(now() + 600), SECRET),
        // What browsers are given is no key to the project.
        with(&|claims| claims["scope"] = json!("session.connect"), SECRET),
        with(&|claims| claims["session_id"] = json!(session), SECRET),
        "X-TB-PARTNER-AUTH: 123456:another-secret-of-some-length\r\n".into(),
    ];
    for (method, path, body) in everything(&session) {
        let body = if body.is_null() { String::new() } else { body.to_string() };
        for headers in &wrong {
            let answer = served.ask(method, &path, headers, &body);
            let said = answer.json();
            assert_eq!((answer.status, &said["code"]), (403, &json!(403)), "{method} {path} {headers}: {said}");
        }
        let other = format!("X-OPENTOK-AUTH: {}\r\n", signed(&project_claims("654321"), "another-secret-of-some-length"));
        let expected = if path == "/session/create" { 200 } else { 403 };
        assert_eq!(served.ask(method, &path, &other, &body).status, expected, "{path}: another project");
    }
    let slow = with(&|claims| claims["exp"] = json!(now() - 10), SECRET);
    assert_eq!(served.ask("POST", "/session/create", &slow, "").status, 200, "clocks may be off a little");
    let partner = format!("X-TB-PARTNER-AUTH: {KEY}:{SECRET}\r\n");
    assert_eq!(served.ask("POST", "/session/create", &partner, "").status, 200);
}

#[test]
fn what_is_not_there_is_404_and_what_cannot_be_400() {
    let served = served();
    let session = routed(&served);
    let expected = [200, 200, 404, 404, 404, 204, 404, 200, 404, 404, 200];
    for ((method, path, body), expected) in everything(&session).into_iter().zip(expected) {
        if path != DIAL {
            assert_eq!(ask(&served, method, &path, &body).status, expected, "{method} {path}");
        }
        let (invented, nonsense) = (path.replace(&session, &format!("{}AAAA", &session[..session.len() - 4])), path.replace(&session, "x"));
        if path.contains("/session/2_") {
            assert!([400, 404].contains(&ask(&served, method, &invented, &body).status), "{method} {invented}");
            assert_eq!(ask(&served, method, &nonsense, &body).status, 400, "{method} {nonsense}");
        }
    }
    let post = |path: &str, body: Value| ask(&served, "POST", &of_session(&session, path), &body).status;
    for digits in [json!({}), json!({"digits": ""}), json!({"digits": "12A"}), json!({"digits": 5})] {
        assert_eq!(post("/play-dtmf", digits.clone()), 400, "{digits}");
    }
    assert_eq!(post("/signal", json!({"type": "t".repeat(129), "data": ""})), 413);
    assert_eq!(post("/signal", json!({"type": "t", "data": "d".repeat(8193)})), 413);
    assert_eq!(post("/signal", json!({"type": "t".repeat(128), "data": "d".repeat(8192)})), 204);
    assert_eq!((post("/mute", json!({})), post("/mute", json!({"active": "yes"}))), (400, 400));
    for form in ["p2p.preference=perhaps", "location=here", "archiveMode=always", "e2ee=true"] {
        assert_eq!(served.ask("POST", "/session/create", &(auth() + FORM), form).status, 400, "{form}");
    }
    assert_eq!(ask(&served, "PATCH", &of_session(&session, "/stream"), &Value::Null).json()["code"], 405);
}

#[test]
fn keys_are_pressed_for_one_and_for_all() {
    let (first, second) = (Peer::new(), Peer::new());
    let served = served();
    let session = routed(&served);
    let one = join(&served, &session, &first, json!({}));
    let post = |path: &str, digits: &str| ask(&served, "POST", &of_session(&session, path), &json!({"digits": digits})).status;
    let (ringing, invite) = dial(&served, &session, &second, json!({}));
    assert_eq!(post(&format!("/connection/{}/play-dtmf", text(&ringing, "connectionId")), "1"), 409, "it rings");
    assert_eq!(post("/play-dtmf", "1p2"), 200, "the other hears them");
    accept(&served, &second, &invite);
    assert_eq!(
        (post("/play-dtmf", "0123456789*#"), post(&format!("/connection/{}/play-dtmf", text(&one, "connectionId")), "p1")),
        (200, 200)
    );
}

#[test]
fn all_are_muted_who_observe_it_and_one_is_whoever_it_is() {
    let (first, second, third) = (Peer::new(), Peer::new(), Peer::new());
    let served = served();
    let session = routed(&served);
    let one = join(&served, &session, &first, json!({"observeForceMute": true}));
    let two = join(&served, &session, &second, json!({"observeForceMute": true}));
    let three = join(&served, &session, &third, json!({}));
    let muted = || legs(&served).iter().map(|leg| leg["muted"] == json!(true)).collect::<Vec<_>>();
    let mute = |body: Value| assert_eq!(ask(&served, "POST", &of_session(&session, "/mute"), &body).status, 200, "{body}");
    assert_eq!(muted(), [false, false, false]);
    mute(json!({"active": true, "excludedStreams": [text(&two, "streamId")]}));
    assert_eq!(muted(), [true, false, false]);
    let fourth = Peer::new();
    join(&served, &session, &fourth, json!({"observeForceMute": true}));
    assert_eq!(muted(), [true, false, false, true], "who comes meanwhile comes muted");
    let one_by_name = of_session(&session, &format!("/stream/{}/mute", text(&three, "streamId")));
    assert_eq!(ask(&served, "POST", &one_by_name, &Value::Null).status, 200);
    assert_eq!(muted(), [true, false, true, true]);
    mute(json!({"active": false}));
    assert_eq!(muted(), [false, false, true, false], "who was muted by name stays so");
    assert_eq!(text(&one, "callId"), text(&three, "callId"));
}

#[test]
fn roles_and_streams_say_who_hears_whom() {
    let (first, second) = (Peer::new(), Peer::new());
    let served = served();
    let session = routed(&served);
    let one = join(&served, &session, &first, json!({"streams": []}));
    let sip = json!({"uri": format!("sip:bob@{}", second.address), "streams": [text(&one, "streamId"), "nobody's"]});
    let body = json!({"sessionId": session, "token": token(&session, "subscriber"), "sip": sip});
    assert_eq!(ask(&served, "POST", DIAL, &body).status, 200);
    accept(&served, &second, &second.hear_starting("INVITE"));
    assert_eq!(legs(&served)[1]["muted"], true, "a subscriber says nothing");
}

#[test]
fn signals_are_events() {
    use std::io::{BufRead, Write};
    let callee = Peer::new();
    let served = served();
    let session = routed(&served);
    let one = join(&served, &session, &callee, json!({}));
    let mut stream = crate::common::connect(served.address);
    stream.write_all(crate::common::request("GET", "/v1/events", "", "").as_bytes()).unwrap();
    let mut reader = std::io::BufReader::new(stream);
    crate::common::hear_head(&mut reader);
    let signal = json!({"type": "chat", "data": "good\n\"evening\""});
    assert_eq!(ask(&served, "POST", &of_session(&session, "/signal"), &signal).status, 204);
    let to_one = of_session(&session, &format!("/connection/{}/signal", text(&one, "connectionId")));
    assert_eq!(ask(&served, "POST", &to_one, &signal).status, 204);
    let mut next = || loop {
        let mut line = String::new();
        reader.read_line(&mut line).unwrap();
        if let Some(event) = line.strip_prefix("data: ") {
            let event: Value = serde_json::from_str(event).unwrap();
            if event["type"] == "signal" {
                return event;
            }
        }
    };
    let (all, to_leg) = (next(), next());
    assert_eq!((&all["signal"], &all["data"], &all["call"]), (&json!("chat"), &json!("good\n\"evening\""), &one["callId"]));
    assert!(all["leg"].is_null() && to_leg["leg"] == one["id"], "{to_leg}");
}

#[test]
fn who_asks_too_often_is_told_so_in_their_words() {
    let served = Served::alone(&format!("rate = 2\n{PROJECTS}"));
    let session = routed(&served);
    let refused = (0..20).map(|_| ask(&served, "GET", &of_session(&session, "/stream"), &Value::Null)).find(|answer| answer.status == 429);
    let refused = refused.unwrap();
    assert_eq!((refused.header("retry-after"), &refused.json()["code"]), (Some("1"), &json!(429)));
}
