//! Every state of a leg's dialog × every request that its peer may send: what is answered, and what the other leg gets.

mod bench;

use bench::{ALICE, BOB, Bench, SDP, inside, invite, response};
use std::fmt::Write;
use tandem_signalling::message::{HeaderName, Message};

/// A call brought to a state, and the To that Alice writes inside her dialog.
type State = (&'static str, fn() -> (Bench, String));

const STATES: [State; 6] = [
    ("ringing", ringing),
    ("answered, no ACK yet", answered),
    ("talking", talking),
    ("her re-INVITE open", reinvited),
    ("our re-INVITE open", reinviting),
    ("our BYE open", leaving),
];

fn ringing() -> (Bench, String) {
    let mut bench = Bench::new();
    bench.receive(ALICE, invite());
    let to_bob = bench.sent[1].1.clone();
    bench.receive(BOB, response(&to_bob, 180, ""));
    let to = bench.sent[2].1.header(HeaderName::To).expect("To").to_owned();
    (bench, to)
}

fn answered() -> (Bench, String) {
    let (mut bench, to) = ringing();
    let to_bob = bench.sent[1].1.clone();
    bench.receive(BOB, response(&to_bob, 200, &SDP.replace("192.0.2.1", "192.0.2.2")));
    (bench, to)
}

fn talking() -> (Bench, String) {
    let (mut bench, to) = answered();
    bench.receive(ALICE, inside("ACK", 1, "z9hG4bKack", &to));
    (bench, to)
}

fn with_sdp(request: String) -> String {
    let headers = request.replace("Content-Length: 0\r\n\r\n", "");
    format!("{headers}Contact: <sip:alice@192.0.2.1>\r\nContent-Type: application/sdp\r\nContent-Length: {}\r\n\r\n{SDP}", SDP.len())
}

fn reinvited() -> (Bench, String) {
    let (mut bench, to) = talking();
    bench.receive(ALICE, with_sdp(inside("INVITE", 2, "z9hG4bKre", &to)));
    (bench, to)
}

/// Bob's view of his dialog, turned into a request of his.
fn from_bob(bench: &Bench, method: &str, cseq: u32) -> String {
    let ours = bench.sent[1].1.clone();
    let header = |message: &Message, name| message.header(name).expect("a header of ours").to_owned();
    let (from, to, call) = (header(&ours, HeaderName::From), header(&ours, HeaderName::To), header(&ours, HeaderName::CallId));
    format!(
        "{method} sip:x@192.0.2.9 SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.2;branch=z9hG4bKbob{cseq}\r\nMax-Forwards: 70\r\nFrom: {to};tag=bo\r\nTo: {from}\r\n\
         Call-ID: {call}\r\nCSeq: {cseq} {method}\r\nContent-Length: 0\r\n\r\n"
    )
}

fn reinviting() -> (Bench, String) {
    let (mut bench, to) = talking();
    let request = with_sdp(from_bob(&bench, "INVITE", 1)).replace("sip:alice@192.0.2.1", "sip:bob@192.0.2.2");
    bench.receive(BOB, request);
    (bench, to)
}

fn leaving() -> (Bench, String) {
    let (mut bench, to) = talking();
    let bye = from_bob(&bench, "BYE", 1);
    bench.receive(BOB, bye);
    (bench, to)
}

/// A name, and the request given the To of the dialog.
type Event = (&'static str, fn(&str) -> String);

const EVENTS: [Event; 13] = [
    ("INVITE", |to| with_sdp(inside("INVITE", 9, "z9hG4bKe1", to))),
    ("INVITE without SDP", |to| inside("INVITE", 9, "z9hG4bKe2", to)),
    ("INVITE that requires 100rel", |to| with_sdp(inside("INVITE", 9, "z9hG4bKe3", to)).replace("Call-ID", "Require: 100rel\r\nCall-ID")),
    ("INVITE with text", |to| with_sdp(inside("INVITE", 9, "z9hG4bKe4", to)).replace("application/sdp", "text/plain")),
    ("INVITE out of order", |to| with_sdp(inside("INVITE", 0, "z9hG4bKe5", to))),
    ("INVITE of another tag", |to| with_sdp(inside("INVITE", 9, "z9hG4bKe6", to)).replace("tag=al", "tag=eve")),
    ("ACK", |to| inside("ACK", 1, "z9hG4bKe7", to)),
    ("CANCEL of nothing", |to| inside("CANCEL", 9, "z9hG4bKe8", to)),
    ("CANCEL of her re-INVITE", |to| inside("CANCEL", 2, "z9hG4bKre", to)),
    ("BYE", |to| inside("BYE", 9, "z9hG4bKe9", to)),
    ("OPTIONS", |to| inside("OPTIONS", 9, "z9hG4bKea", to)),
    ("INFO", |to| inside("INFO", 9, "z9hG4bKeb", to)),
    ("FROBNICATE", |to| inside("FROBNICATE", 9, "z9hG4bKec", to)),
];

#[test]
fn every_state_and_event() {
    let mut text = String::new();
    for (state, reach) in STATES {
        writeln!(text, "# {state}").expect("a String takes all");
        for (event, request) in EVENTS {
            let (mut bench, to) = reach();
            bench.said();
            bench.receive(ALICE, request(&to));
            let who = |place: &str| if place == ALICE { "her" } else { "him" };
            let said: Vec<_> = bench.said().iter().map(|(place, words)| format!("{words} to {}", who(place))).collect();
            let end = bench.records.first().map(|record| format!(" — {}", record.reason)).unwrap_or_default();
            writeln!(text, "{event}: {}{end}", if said.is_empty() { "nothing".to_owned() } else { said.join(", ") })
                .expect("a String takes all");
        }
    }
    insta::assert_snapshot!(text);
}
