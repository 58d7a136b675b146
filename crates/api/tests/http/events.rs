//! Events over Server-Sent Events and WebSocket: what was missed, whose they are, and readers that are too slow.

use crate::common::{
    Served, connect, hear_head,
    node::{Peer, answered_call, answered_call_by},
    request,
};
use serde_json::{Value, json};
use std::{
    io::{BufRead, BufReader, Read, Write},
    net::TcpStream,
};

/// A reader of Server-Sent Events.
struct Reader(BufReader<TcpStream>);

impl Reader {
    fn new(served: &Served, path: &str, headers: &str) -> Reader {
        let mut stream = connect(served.address);
        stream.write_all(request("GET", path, headers, "").as_bytes()).unwrap();
        let mut reader = BufReader::new(stream);
        let (status, head) = hear_head(&mut reader);
        assert_eq!(status, 200, "{head}");
        assert!(head.contains("text/event-stream"), "{head}");
        let mut reader = Reader(reader);
        assert_eq!(reader.line(), ": hello");
        reader
    }

    /// The next line that is not empty, and no length of a chunk.
    fn line(&mut self) -> String {
        loop {
            let mut line = String::new();
            assert!(self.0.read_line(&mut line).unwrap() > 0, "the stream ended");
            let line = line.trim_end();
            if !line.is_empty() && !line.bytes().all(|byte| byte.is_ascii_hexdigit()) {
                return line.to_owned();
            }
        }
    }

    /// The next event: that which `data` has, whose id is the one before it.
    fn next(&mut self) -> Value {
        let mut id = None;
        loop {
            let line = self.line();
            if let Some(said) = line.strip_prefix("id: ") {
                id = Some(said.to_owned());
            }
            if let Some(data) = line.strip_prefix("data: ") {
                let event: Value = serde_json::from_str(data).unwrap();
                assert_eq!(id.as_deref(), event["id"].as_str());
                return event;
            }
        }
    }

    /// Events up to and with the first of this type.
    fn until(&mut self, kind: &str) -> Vec<Value> {
        let mut all = vec![self.next()];
        while all.last().unwrap()["type"] != kind {
            all.push(self.next());
        }
        all
    }
}

fn kinds(events: &[Value]) -> Vec<&str> {
    events.iter().map(|event| event["type"].as_str().unwrap()).collect()
}

#[test]
fn a_call_is_told_from_its_begin_to_its_end() {
    let (caller, callee) = (Peer::new(), Peer::new());
    let served = Served::start(callee.address, "");
    let mut reader = Reader::new(&served, "/v1/events", "");
    let (call, legs, ok) = served.talking(&caller, &callee, "told");
    caller.send(served.node.address, &caller.inside("BYE", 2, &ok, "told"));
    let events = reader.until("call.ended");
    let of_call = |event: &&Value| event["call"] == call.to_string();
    assert!(events.iter().filter(of_call).count() >= 7, "{events:?}");
    for kind in ["call.created", "leg.created", "leg.answered", "leg.ended", "call.ended"] {
        assert!(kinds(&events).contains(&kind), "{kind}: {:?}", kinds(&events));
    }
    let created: Vec<&Value> = events.iter().filter(|event| event["type"] == "leg.created").collect();
    for (event, leg) in created.iter().zip(events.last().unwrap()["record"]["legs"].as_array().unwrap()) {
        assert_eq!((&event["leg"], &event["sip_call_id"]), (&leg["id"], &leg["sip_call_id"]));
        assert!(event["session_id"].as_str().unwrap().contains(";remote="), "{event}");
    }
    let ended = events.iter().find(|event| event["type"] == "leg.ended" && event["leg"] == legs[0].to_string()).unwrap();
    assert_eq!((&ended["sip_status"], &ended["q850_cause"], &ended["by"]), (&json!(200), &json!(16), &json!("peer")));
    let last = events.last().unwrap();
    assert!(last["record"]["legs"].is_array() && last["duration_ms"].is_u64() && last["reason"] == "caller hung up", "{last}");

    let mut again = Reader::new(&served, &format!("/v1/events?after={}", events[0]["id"].as_str().unwrap()), "");
    assert_eq!(again.until("call.ended"), events[1..], "what was told is told again, from there on");
    let id = format!("Last-Event-ID: {}\r\n", events[1]["id"].as_str().unwrap());
    assert_eq!(Reader::new(&served, "/v1/events", &id).until("call.ended"), events[2..]);
}

#[test]
fn only_those_of_one_call_are_told() {
    let (caller, callee) = (Peer::new(), Peer::new());
    let served = Served::start(callee.address, "");
    let mut all = Reader::new(&served, "/v1/events", "");
    let (first, _, ok) = served.talking(&caller, &callee, "one");
    let begin = all.next()["id"].as_str().unwrap().to_owned();
    let (_, _, other) = served.talking(&caller, &callee, "two");
    caller.send(served.node.address, &caller.inside("BYE", 2, &other, "two"));
    callee.hear_starting("BYE");
    caller.send(served.node.address, &caller.inside("BYE", 2, &ok, "one"));
    let mut reader = Reader::new(&served, &format!("/v1/events?call={first}&after={begin}"), "");
    let events = reader.until("call.ended");
    assert!(events.iter().all(|event| event["call"] == first.to_string()), "{events:?}");
    for (query, field) in [("call=x", "call"), ("after=x", "after"), ("after=evt_1", "after"), ("cal=x", "cal")] {
        assert_eq!(served.get(&format!("/v1/events?{query}")).problem().1, field, "{query}");
    }
    assert_eq!(served.ask("GET", "/v1/events", "Last-Event-ID: 5\r\n", "").problem().1, "Last-Event-ID");
}

#[test]
fn who_asks_for_what_is_no_longer_kept_is_told_how_much() {
    let (caller, callee) = (Peer::new(), Peer::new());
    let served = Served::start(callee.address, "");
    let _ = answered_call(&served.node, &caller, &callee, "kept");
    let mut reader = Reader::new(&served, "/v1/events?after=evt_00000000000000000001", "");
    let first = reader.next();
    assert!(first["type"] == "events.missed" || first["type"] == "call.created", "{first}");
}

/// A WebSocket that has been opened.
fn websocket(served: &Served, path: &str) -> BufReader<TcpStream> {
    let mut stream = connect(served.address);
    let headers = "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
    let ask = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n{headers}\r\n");
    stream.write_all(ask.as_bytes()).unwrap();
    let mut reader = BufReader::new(stream);
    let (status, head) = hear_head(&mut reader);
    assert_eq!(status, 101, "{head}");
    assert!(head.to_ascii_lowercase().contains("sec-websocket-accept: s3pplmbitxaq9kygzzhzrbk+xoo="), "{head}");
    reader
}

/// The next frame of a server: opcode and payload (RFC 6455 §5.2).
fn frame(reader: &mut impl Read) -> (u8, Vec<u8>) {
    let mut head = [0; 2];
    reader.read_exact(&mut head).unwrap();
    assert_eq!(head[1] & 0x80, 0, "a server masks nothing");
    let mut long = [0; 8];
    let length = match head[1] {
        126 => {
            reader.read_exact(&mut long[6..]).unwrap();
            u64::from_be_bytes(long)
        }
        127 => {
            reader.read_exact(&mut long).unwrap();
            u64::from_be_bytes(long)
        }
        short => u64::from(short),
    };
    let mut payload = vec![0; usize::try_from(length).unwrap()];
    reader.read_exact(&mut payload).unwrap();
    (head[0] & 0x0f, payload)
}

#[test]
fn a_websocket_has_an_event_in_each_message() {
    let (caller, callee) = (Peer::new(), Peer::new());
    let served = Served::start(callee.address, "");
    let mut socket = websocket(&served, "/v1/events");
    let (call, _, ok) = served.talking(&caller, &callee, "ws");
    caller.send(served.node.address, &caller.inside("BYE", 2, &ok, "ws"));
    let mut all = Vec::new();
    while all.last().is_none_or(|event: &Value| event["type"] != "call.ended") {
        let (opcode, payload) = frame(&mut socket);
        assert_eq!(opcode, 1, "text");
        all.push(serde_json::from_slice::<Value>(&payload).unwrap());
    }
    assert!(all.iter().all(|event| event["call"] == call.to_string()), "{all:?}");
    let id = all[0]["id"].as_str().unwrap();
    let mut again = websocket(&served, &format!("/v1/events?after={id}"));
    assert_eq!(serde_json::from_slice::<Value>(&frame(&mut again).1).unwrap(), all[1]);
    // A ping, masked with zeros, is answered.
    socket.get_mut().write_all(&[0x89, 0x82, 0, 0, 0, 0, b'h', b'i']).unwrap();
    assert_eq!(frame(&mut socket), (10, b"hi".to_vec()));
}

#[test]
fn what_is_no_handshake_is_told() {
    let served = Served::alone("");
    let ask = "GET /v1/events HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade, close\r\nUpgrade: websocket\r\n\r\n";
    assert_eq!(crate::common::say(served.address, ask.as_bytes()).problem().0, 400);
}

#[test]
fn the_end_of_a_leg_has_its_times_and_no_password_is_shown() {
    let (caller, callee) = (Peer::new(), Peer::new());
    let mut served = Served::start(callee.address, "");
    let mut reader = Reader::new(&served, "/v1/events", "");
    let invite = caller.invite(served.node.address, "secret", "");
    let with_password = invite.replace("From: <sip:a@", "From: <sip:a:secret@").replace("To: <sip:100@", "To: <sip:100:secret@");
    let (ok, _) = answered_call_by(&served.node, &caller, &callee, "secret", &with_password);
    let call = served.node.calls.recv().unwrap();
    let shown = served.get(&format!("/v1/calls/{call}"));
    assert_eq!(shown.json()["legs"][0]["from"], format!("sip:a:******@{}", caller.address));
    caller.send(served.node.address, &caller.inside("BYE", 2, &ok, "secret"));
    callee.hear_starting("BYE");
    let events = reader.until("call.ended");
    let ended = events.iter().find(|event| event["type"] == "leg.ended").unwrap();
    assert!(ended["setup_ms"].is_u64() && ended["duration_ms"].is_u64() && ended["ringing_ms"].is_null(), "{ended}");
    assert!(ended["sip_call_id"].as_str().is_some_and(|id| !id.is_empty()), "{ended}");
    served.keep_records(1);
    let record = served.get("/v1/records");
    assert!(record.body.contains("sip:100:******@"), "{record:?}");
    for told in [shown.body, record.body, serde_json::to_string(&events).unwrap()] {
        assert!(!told.contains(":secret@"), "{told}");
    }
}
