//! Calls as they are seen, and what can be done to their legs.

use crate::common::{
    Served, connect, hear,
    node::{Heard, Peer},
    request,
};
use serde_json::{Value, json};
use std::{io::Write, net::TcpStream};
use tandem_model::{CallId, LegId};

/// An answered call, and paths to it.
struct Talk {
    served: Served,
    caller: Peer,
    callee: Peer,
    call: CallId,
    legs: [LegId; 2],
    ok: Heard,
}

impl Talk {
    fn new() -> Talk {
        let (caller, callee) = (Peer::new(), Peer::new());
        let served = Served::start(callee.address, "");
        let (call, legs, ok) = served.talking(&caller, &callee, "talk");
        Talk { served, caller, callee, call, legs, ok }
    }

    fn path(&self, leg: usize, action: &str) -> String {
        format!("/v1/calls/{}/legs/{}/{action}", self.call, self.legs[leg])
    }

    /// What comes of an action on the callee's leg: status, and the field and detail of a problem.
    fn act(&self, action: &str, body: &str) -> (u16, String, String) {
        let answer = self.served.post(&self.path(1, action), body);
        if answer.status < 300 { (answer.status, String::new(), answer.body) } else { answer.problem() }
    }

    /// The same, of which the answer is yet to be heard.
    fn begin(&self, action: &str, body: &str) -> TcpStream {
        let mut stream = connect(self.served.address);
        stream.write_all(request("POST", &self.path(1, action), "", body).as_bytes()).unwrap();
        stream
    }

    fn seen(&self) -> Value {
        self.served.get(&format!("/v1/calls/{}", self.call)).json()
    }

    /// The callee agrees to the offer that it gets next.
    fn agree(&self, direction: &str) -> Heard {
        let offer = self.callee.hear_starting("INVITE");
        let contact = format!("Contact: <sip:b@{}>\r\n", self.callee.address);
        let sdp = format!("{}a={direction}\r\n", self.callee.sdp());
        self.callee.send(self.served.node.address, &offer.answer("200 OK", "callee", &contact, &sdp));
        offer
    }
}

#[test]
fn a_call_is_seen_with_its_legs() {
    let talk = Talk::new();
    let call = talk.seen();
    assert_eq!((&call["id"], &call["state"], &call["route"]), (&json!(talk.call.to_string()), &json!("answered"), &json!("all")));
    let leg = &call["legs"][1];
    assert_eq!((&leg["id"], &leg["state"], &leg["direction"]), (&json!(talk.legs[1].to_string()), &json!("answered"), &json!("out")));
    assert_eq!((&leg["endpoint"], &leg["codec"], &leg["sip_status"]), (&json!("trunk:callee"), &json!("PCMU"), &json!(200)));
    assert!(leg["to"].as_str().unwrap().contains("100") && call["answered"].as_str().unwrap().ends_with('Z'), "{call}");
    let all = talk.served.get("/v1/calls").json();
    assert_eq!((all["items"].as_array().unwrap().len(), &all["items"][0], all.get("next")), (1, &call, None));
}

#[test]
fn calls_are_read_page_by_page() {
    let (caller, callee) = (Peer::new(), Peer::new());
    let served = Served::start(callee.address, "");
    let mut all: Vec<String> = (0..5).map(|number| served.talking(&caller, &callee, &format!("call{number}")).0.to_string()).collect();
    all.sort();
    let (mut seen, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = served.get(&format!("/v1/calls?limit=2{cursor}")).json();
        seen.extend(page["items"].as_array().unwrap().iter().map(|call| call["id"].as_str().unwrap().to_owned()));
        let Some(next) = page["next"].as_str() else { break };
        cursor = format!("&cursor={next}");
    }
    assert_eq!(seen, all, "oldest first, each once");
}

#[test]
fn a_leg_is_held_with_music_and_let_go_on() {
    let talk = Talk::new();
    let held = talk.begin("hold", r#"{"music": "music.wav"}"#);
    assert!(talk.agree("recvonly").0.contains("a=sendonly"));
    assert_eq!(hear(held).status, 204);
    assert_eq!(talk.seen()["legs"][1]["held"], true);
    let resumed = talk.begin("unhold", "");
    talk.agree("sendrecv");
    assert_eq!(hear(resumed).status, 204);
    assert_eq!(talk.seen()["legs"][1]["held"], false);
    assert_eq!(talk.act("hold", r#"{"music": "../etc/passwd.wav"}"#).1, "music");
}

#[test]
fn a_peer_that_refuses_is_told_with_its_status() {
    let talk = Talk::new();
    let held = talk.begin("hold", "");
    let offer = talk.callee.hear_starting("INVITE");
    talk.callee.send(talk.served.node.address, &offer.answer("488 Not Acceptable Here", "callee", "", ""));
    let answer = hear(held);
    assert_eq!((answer.problem().0, &answer.json()["sip_status"]), (502, &json!(488)));
}

#[test]
fn legs_are_muted_and_deafened() {
    let talk = Talk::new();
    for (action, key, expected) in
        [("mute", "muted", true), ("unmute", "muted", false), ("deafen", "deaf", true), ("undeafen", "deaf", false)]
    {
        assert_eq!(talk.act(action, "").0, 204, "{action}");
        assert_eq!(talk.seen()["legs"][1][key], expected, "{action}");
    }
    let strange = format!("/v1/calls/{}/legs/leg_0000000000001/mute", talk.call);
    assert_eq!((talk.served.post(&strange, "").problem().0, talk.served.post(&strange, "").problem().1), (404, "leg".into()));
}

#[test]
fn who_hears_whom_is_set() {
    let talk = Talk::new();
    let path = format!("/v1/calls/{}/hearing", talk.call);
    let put = |body: &Value| talk.served.ask("PUT", &path, "", &body.to_string());
    let [one, other] = talk.legs.map(|leg| leg.to_string());
    assert_eq!(put(&json!([{"speaker": one, "listener": other, "hears": false}])).status, 204);
    assert_eq!(put(&json!([{"speaker": one, "listener": one, "hears": false}])).problem().1, "[0].listener");
    assert_eq!(put(&json!([{"speaker": one, "listener": "x", "hears": false}])).problem().1, "[0].listener");
    assert_eq!(put(&json!([{"speaker": one, "listener": other}])).problem().1, "[0].hears");
    assert_eq!(put(&json!(vec![json!({"speaker": one, "listener": other, "hears": true}); 65])).problem().1, "[64]");
    assert_eq!(put(&json!([{"speaker": one, "listener": "leg_0000000000001", "hears": true}])).problem().0, 404);
}

#[test]
fn keys_are_pressed_and_sounds_played_and_recorded() {
    let talk = Talk::new();
    assert_eq!(talk.act("dtmf", r#"{"keys": "12#A", "duration": "80ms"}"#).0, 204);
    let (status, _, body) = talk.act("play", r#"{"sound": "busy:de", "times": 0, "over": true}"#);
    let play = serde_json::from_str::<Value>(&body).unwrap()["play"].as_u64().unwrap();
    assert_eq!(status, 200);
    assert_eq!(talk.act("stop", &format!(r#"{{"play": {play}}}"#)).0, 204);
    assert_eq!((talk.act("stop", r#"{"play": 4711}"#).0, talk.act("stop", r#"{"play": 4711}"#).1), (422, "play".into()));
    assert_eq!(talk.act("stop", "").0, 204);
    for (body, field) in
        [(r#"{"sound": "welcome.mp3"}"#, "sound"), (r#"{"sound": "bussy:de"}"#, "sound"), (r#"{"sound": "../a.wav"}"#, "sound")]
    {
        assert_eq!((talk.act("play", body).0, &*talk.act("play", body).1), (422, field), "{body}");
    }
    let (status, _, body) = talk.act("record", r#"{"file": "a/b", "of": "call", "layout": "sides"}"#);
    let recording = serde_json::from_str::<Value>(&body).unwrap()["recording"].as_u64().unwrap();
    assert_eq!((status, talk.act("stop_record", &format!(r#"{{"recording": {recording}}}"#)).0), (200, 204));
    assert_eq!(talk.act("record", "").0, 200, "its name is that of the leg");
    for name in ["../a", "/a", "a\\\\b", "a\\u0000", ""] {
        assert_eq!(talk.act("record", &format!(r#"{{"file": "{name}"}}"#)).1, "file", "{name}");
    }
    assert_eq!(talk.act("stop_record", r#"{"recording": 4711}"#).1, "recording");
}

#[test]
fn a_call_that_is_over_is_found_in_the_records() {
    let mut talk = Talk::new();
    talk.caller.send(talk.served.node.address, &talk.caller.inside("BYE", 2, &talk.ok, "talk"));
    talk.callee.hear_starting("BYE");
    talk.served.keep_records(1);
    assert_eq!(talk.act("mute", "").0, 404);
    let call = talk.seen();
    assert_eq!((&call["state"], &call["reason"], &call["legs"][1]["state"]), (&json!("ended"), &json!("caller hung up"), &json!("ended")));
    let over = talk.served.get("/v1/calls?state=over").json();
    assert_eq!((&over["items"][0]["id"], talk.served.get("/v1/calls").json()["items"].as_array().unwrap().len()), (&call["id"], 0));
    let records = talk.served.get("/v1/records").json();
    let record = &records["items"][0];
    assert_eq!((&record["id"], &record["legs"][0]["ended_by"]), (&call["id"], &json!("peer")));
    assert!(record["setup_ms"].is_u64() && record["duration_ms"].is_u64(), "{record}");
}

#[test]
fn records_are_a_table_too_that_is_no_program() {
    let mut talk = Talk::new();
    let evil = talk.caller.invite(talk.served.node.address, "evil", "").replace("From: <sip:a@", "From: \"=cmd|' /C calc'!A0\" <sip:=1+1@");
    talk.caller.send(talk.served.node.address, &evil);
    let invite = talk.callee.hear_starting("INVITE");
    talk.callee.send(talk.served.node.address, &invite.answer("486 Busy Here", "busy", "", ""));
    talk.caller.hear_failure(talk.served.node.address, "evil", "486");
    talk.served.keep_records(1);
    let table = talk.served.ask("GET", "/v1/records", "Accept: text/csv\r\n", "");
    assert_eq!(table.header("content-type"), Some("text/csv; charset=utf-8"));
    assert_eq!(table.body, talk.served.get("/v1/records?format=csv").body);
    assert_eq!(table.body.lines().count(), 3, "{}", table.body);
    for cell in table.body.lines().skip(1).flat_map(|line| line.split(',')) {
        assert!(!cell.starts_with(['=', '+', '-', '@']) && !cell.starts_with("\"="), "{cell}");
    }
    let numbers = |query: &str| talk.served.get(&format!("/v1/records?{query}")).json()["items"].as_array().unwrap().len();
    assert_eq!((numbers("endpoint=trunk:callee"), numbers("endpoint=trunk:other"), numbers("number=100")), (1, 0, 1));
    assert_eq!((numbers("since=2020-01-01T00:00:00Z"), numbers("before=2020-01-01T00:00:00Z")), (1, 0));
    assert_eq!(talk.served.get("/v1/records?since=yesterday").problem().1, "since");
    assert_eq!(talk.served.get("/v1/records?cursor=xx").problem().1, "cursor");
}

#[test]
fn a_call_is_ended_and_a_leg_is_hung_up() {
    let talk = Talk::new();
    let path = format!("/v1/calls/{}", talk.call);
    let reject = format!("{path}/legs/{}/reject", talk.legs[0]);
    assert_eq!(talk.served.post(&reject, r#"{"status": 486}"#).problem().0, 409, "it was answered");
    assert_eq!(talk.served.ask("DELETE", &path, "", r#"{"reason": "a\nb"}"#).problem().1, "reason");
    assert_eq!(talk.served.ask("DELETE", &path, "", r#"{"reason": "the shop closes"}"#).status, 204);
    let bye = talk.callee.hear_starting("BYE");
    assert_eq!(bye.header("Reason"), r#"Q.850;cause=16;text="the shop closes""#);
    talk.caller.hear_starting("BYE");
    let other = Talk::new();
    let leg = format!("/v1/calls/{}/legs/{}", other.call, other.legs[1]);
    assert_eq!(other.served.ask("DELETE", &leg, "", r#"{"reason": "x"}"#).problem().1, "reason", "nothing that is not built is taken");
    assert_eq!(other.served.ask("DELETE", &leg, "", "").status, 204);
    other.callee.hear_starting("BYE");
    let nobody = format!("/v1/calls/{}/legs/leg_0000000000001", other.call);
    assert_eq!(other.served.ask("DELETE", &nobody, "", "").problem().0, 404);
}

#[test]
fn somebody_is_called_into_a_call() {
    let talk = Talk::new();
    let path = format!("/v1/calls/{}/legs", talk.call);
    let body = r#"{"to": "trunk:callee/42", "from": "+15557654321", "headers": {"X-Ref": "4711"}, "ring_timeout": "30s"}"#;
    let added = talk.served.post(&path, body);
    assert_eq!(added.status, 201, "{}", added.body);
    let invite = talk.callee.hear_starting("INVITE");
    assert!(
        invite.start().contains("sip:42@") && invite.header("X-Ref") == "4711" && invite.header("From").contains("+15557654321"),
        "{}",
        invite.0
    );
    let contact = format!("Contact: <sip:c@{}>\r\n", talk.callee.address);
    talk.callee.send(talk.served.node.address, &invite.answer("200 OK", "guest", &contact, &talk.callee.sdp()));
    talk.callee.hear_starting("ACK");
    let id = added.json()["id"].as_str().unwrap().to_owned();
    let legs = talk.seen()["legs"].as_array().unwrap().iter().map(|leg| leg["id"].as_str().unwrap().to_owned()).collect::<Vec<_>>();
    assert!(legs.len() == 3 && legs.contains(&id), "{legs:?}");
    let problem = |body: &str| talk.served.post(&path, body).problem();
    for (body, field) in [
        ("{}", "to"),
        (r#"{"to": "alice"}"#, "to"),
        (r#"{"to": "trunk:callee", "headers": {"Via": "x"}}"#, "headers.Via"),
        (r#"{"to": "trunk:callee", "headers": {"X-A": "a\r\nb"}}"#, "headers.X-A"),
        (r#"{"to": "trunk:callee", "srtp": "required"}"#, "srtp"),
        (r#"{"to": "trunk:callee", "auth": {"username": "a"}}"#, "auth.password"),
        (r#"{"to": "trunk:callee", "auth": {"username": "a", "passwort": "b"}}"#, "auth.passwort"),
    ] {
        let (status, at, detail) = problem(body);
        assert_eq!((status, &*at), (422, field), "{body}: {detail}");
    }
    let nobody = talk.served.post(&path, r#"{"to": "user:nobody"}"#);
    assert_eq!((nobody.problem().0, &nobody.json()["sip_status"]), (502, &json!(404)));
}

#[test]
fn a_leg_is_transferred_once_the_other_has_answered() {
    let talk = Talk::new();
    let moved = talk.begin("transfer", r#"{"to": "trunk:callee/77"}"#);
    let invite = talk.callee.hear_starting("INVITE sip:77@");
    talk.callee.send(talk.served.node.address, &invite.answer("486 Busy Here", "busy", "", ""));
    let answer = hear(moved);
    assert_eq!((answer.problem().0, &answer.json()["sip_status"]), (502, &json!(486)));
    assert_eq!(talk.act("transfer", r#"{"to": "sip:"}"#).1, "to");
}
