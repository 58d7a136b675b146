//! Every state of a leg × every message that its peer may send: what is answered, and what the other leg gets.

use crate::bench::{ALICE, BOB, Bench, bobs_sdp, cancel, from_bob, inside, invite, response, with_sdp};
use std::fmt::Write as _;
use tandem_signalling::message::{HeaderName, Message};

/// A name, and a call brought to that state.
type State = (&'static str, fn() -> Bench);

const STATES: [State; 16] = [
    ("Bob invited", invited),
    ("Bob rings", ringing),
    ("her CANCEL waits for his first response", cancelled_early),
    ("our CANCEL to him open", cancelled),
    ("Bob answered, no ACK of hers yet", answered),
    ("Bob answered with an offer, no ACK yet", answered_late),
    ("talking", talking),
    ("her re-INVITE open", reinvited),
    ("his re-INVITE open", reinviting),
    ("her INFO waits for his answer", asked),
    ("his INFO waits for her answer", asking),
    ("her UPDATE with SDP waits for his answer to an INVITE", updated),
    ("his UPDATE with SDP waits for her answer to an INVITE", updating),
    ("her UPDATE with SDP waits for his answer to an UPDATE", updated_alike),
    ("she hung up, our BYE to him open", hung_up),
    ("he hung up, our BYE to her open", leaving),
];

fn invited() -> Bench {
    let mut bench = Bench::new();
    bench.receive(ALICE, invite());
    bench
}

fn ringing() -> Bench {
    let mut bench = invited();
    bench.receive(BOB, response(&to_bob(&bench), 180, ""));
    bench
}

fn cancelled_early() -> Bench {
    let mut bench = invited();
    bench.receive(ALICE, cancel());
    bench
}

fn cancelled() -> Bench {
    let mut bench = ringing();
    bench.receive(ALICE, cancel());
    bench
}

fn answered() -> Bench {
    let mut bench = ringing();
    bench.receive(BOB, response(&to_bob(&bench), 200, &bobs_sdp()));
    bench
}

fn answered_late() -> Bench {
    let mut bench = Bench::new();
    let (headers, _) = invite().split_once("Content-Type").map(|(headers, body)| (headers.to_owned(), body.to_owned())).expect("a body");
    bench.receive(ALICE, headers + "Content-Length: 0\r\n\r\n");
    bench.receive(BOB, response(&to_bob(&bench), 200, &bobs_sdp()));
    bench
}

fn talking() -> Bench {
    let mut bench = answered();
    let ack = Peer::alice(&bench).request("ACK", 1, "z9hG4bKack");
    bench.receive(ALICE, ack);
    bench
}

fn reinvited() -> Bench {
    let mut bench = talking();
    let reinvite = Peer::alice(&bench).offer(2, "z9hG4bKre");
    bench.receive(ALICE, reinvite);
    bench
}

fn reinviting() -> Bench {
    let mut bench = talking();
    let reinvite = Peer::bob(&bench).offer(2, "z9hG4bKre");
    bench.receive(BOB, reinvite);
    bench
}

fn asked() -> Bench {
    let mut bench = talking();
    let info = Peer::alice(&bench).request("INFO", 2, "z9hG4bKinfo");
    bench.receive(ALICE, info);
    bench
}

fn asking() -> Bench {
    let mut bench = talking();
    let info = Peer::bob(&bench).request("INFO", 2, "z9hG4bKinfo");
    bench.receive(BOB, info);
    bench
}

fn updated() -> Bench {
    let mut bench = talking();
    let update = Peer::alice(&bench).update(2, "z9hG4bKup");
    bench.receive(ALICE, update);
    bench
}

fn updating() -> Bench {
    let mut bench = talking();
    let update = Peer::bob(&bench).update(2, "z9hG4bKup");
    bench.receive(BOB, update);
    bench
}

fn updated_alike() -> Bench {
    let mut bench = talking();
    let refresh = Peer::bob(&bench).request("UPDATE", 1, "z9hG4bKall");
    bench.receive(BOB, refresh.replace("Content-Length", "Allow: INVITE, UPDATE\r\nContent-Length"));
    let update = Peer::alice(&bench).update(2, "z9hG4bKup");
    bench.receive(ALICE, update);
    bench
}

fn hung_up() -> Bench {
    let mut bench = talking();
    let bye = Peer::alice(&bench).request("BYE", 2, "z9hG4bKbye");
    bench.receive(ALICE, bye);
    bench
}

fn leaving() -> Bench {
    let mut bench = talking();
    let bye = Peer::bob(&bench).request("BYE", 2, "z9hG4bKbye");
    bench.receive(BOB, bye);
    bench
}

/// Our first INVITE to Bob.
fn to_bob(bench: &Bench) -> Message {
    bench.sent.iter().find(|(place, _)| place == BOB).expect("an INVITE to Bob").1.clone()
}

/// Our latest request of that method to a peer.
fn latest(bench: &Bench, place: &str, method: &str) -> Option<Message> {
    let is_it = |message: &Message| message.is_request() && message.method_token() == method;
    bench.sent.iter().rev().find(|(to, message)| to == place && is_it(message)).map(|(_, message)| message.clone())
}

/// Method, CSeq number and branch in, a request out.
type Write = dyn Fn(&str, u32, &str) -> String;

/// Who sends, and how its requests inside its dialog look.
struct Peer {
    place: &'static str,
    contact: &'static str,
    write: Box<Write>,
}

impl Peer {
    fn alice(bench: &Bench) -> Peer {
        let tagged = bench.sent.iter().find(|(place, message)| place == ALICE && message.to_tag().is_some());
        // Before any response with a tag she has no dialog, and can only guess.
        let to = tagged.map_or("<sip:bob@192.0.2.9>;tag=guess", |(_, message)| message.header(HeaderName::To).expect("To")).to_owned();
        let write = Box::new(move |method: &str, cseq, branch: &str| inside(method, cseq, branch, &to));
        Peer { place: ALICE, contact: "sip:alice@192.0.2.1", write }
    }

    fn bob(bench: &Bench) -> Peer {
        let invite = to_bob(bench);
        let write = Box::new(move |method: &str, cseq, branch: &str| from_bob(&invite, method, cseq, branch));
        Peer { place: BOB, contact: "sip:bob@192.0.2.2", write }
    }

    fn request(&self, method: &str, cseq: u32, branch: &str) -> String {
        (self.write)(method, cseq, branch)
    }

    fn offer(&self, cseq: u32, branch: &str) -> String {
        with_sdp(&self.request("INVITE", cseq, branch), self.contact, &self.sdp())
    }

    fn update(&self, cseq: u32, branch: &str) -> String {
        with_sdp(&self.request("UPDATE", cseq, branch), self.contact, &self.sdp())
    }

    fn sdp(&self) -> String {
        if self.place == BOB { bobs_sdp() } else { crate::bench::SDP.to_owned() }
    }
}

/// A name, and the request.
type Request = (&'static str, fn(&Peer) -> String);

const REQUESTS: [Request; 18] = [
    ("INVITE", |peer| peer.offer(9, "z9hG4bKe1")),
    ("INVITE without SDP", |peer| peer.request("INVITE", 9, "z9hG4bKe2")),
    ("INVITE that requires 100rel", |peer| peer.offer(9, "z9hG4bKe3").replace("Call-ID", "Require: 100rel\r\nCall-ID")),
    ("INVITE with text", |peer| peer.offer(9, "z9hG4bKe4").replace("application/sdp", "text/plain")),
    ("INVITE out of order", |peer| peer.offer(0, "z9hG4bKe5")),
    ("INVITE of another tag", |peer| peer.offer(9, "z9hG4bKe6").replace("tag=al\r", "tag=eve\r").replace("tag=bo\r", "tag=eve\r")),
    ("ACK", |peer| peer.request("ACK", 1, "z9hG4bKe7")),
    ("CANCEL of nothing", |peer| peer.request("CANCEL", 9, "z9hG4bKe8")),
    ("CANCEL of the peer's re-INVITE", |peer| peer.request("CANCEL", 2, "z9hG4bKre")),
    ("BYE", |peer| peer.request("BYE", 9, "z9hG4bKe9")),
    ("OPTIONS", |peer| peer.request("OPTIONS", 9, "z9hG4bKea")),
    ("INFO", |peer| peer.request("INFO", 9, "z9hG4bKeb")),
    ("INFO that waits already", |peer| peer.request("INFO", 2, "z9hG4bKinfo")),
    ("MESSAGE", |peer| peer.request("MESSAGE", 9, "z9hG4bKed")),
    ("UPDATE", |peer| peer.request("UPDATE", 9, "z9hG4bKee")),
    ("UPDATE with SDP", |peer| with_sdp(&peer.request("UPDATE", 9, "z9hG4bKef"), peer.contact, &peer.sdp())),
    ("REFER", |peer| peer.request("REFER", 9, "z9hG4bKf0")),
    ("FROBNICATE", |peer| peer.request("FROBNICATE", 9, "z9hG4bKec")),
];

/// Status and tag of a response, whether it has SDP, and the method that it answers.
const RESPONSES: [(&str, u16, &str, bool); 31] = [
    ("INVITE", 100, "", false),
    ("INVITE", 180, "bo", false),
    ("INVITE", 183, "bo", true),
    ("INVITE", 199, "bo", false),
    ("INVITE", 200, "bo", true),
    ("INVITE", 200, "bo", false),
    ("INVITE", 200, "other", true),
    ("INVITE", 302, "bo", false),
    ("INVITE", 408, "bo", false),
    ("INVITE", 481, "bo", false),
    ("INVITE", 486, "bo", false),
    ("INVITE", 487, "bo", false),
    ("INVITE", 491, "bo", false),
    ("INVITE", 503, "bo", false),
    ("INVITE", 603, "bo", false),
    ("CANCEL", 200, "bo", false),
    ("CANCEL", 481, "bo", false),
    ("BYE", 200, "bo", false),
    ("BYE", 481, "bo", false),
    ("INFO", 100, "bo", false),
    ("INFO", 200, "bo", false),
    ("INFO", 405, "bo", false),
    ("INFO", 407, "bo", false),
    ("INFO", 481, "bo", false),
    ("UPDATE", 200, "bo", true),
    ("UPDATE", 200, "bo", false),
    ("UPDATE", 405, "bo", false),
    ("UPDATE", 481, "bo", false),
    ("UPDATE", 488, "bo", false),
    ("UPDATE", 491, "bo", false),
    ("UPDATE", 504, "bo", false),
];

/// The response; inside a dialog the tag is there already.
fn respond(request: &Message, peer: &Peer, status: u16, tag: &str, sdp: bool) -> String {
    let body = if sdp { peer.sdp() } else { String::new() };
    let text = response(request, status, &body).replace("sip:bob@192.0.2.2", peer.contact);
    let ours = request.header(HeaderName::To).expect("To");
    match (request.to_tag(), tag) {
        (Some(known), "other") => text.replace(&format!("{ours};tag=bo"), &ours.replace(known, "other")),
        (Some(_), _) => text.replace(&format!("{ours};tag=bo"), ours),
        (None, "") => text.replace(";tag=bo", ""),
        (None, tag) => text.replace(";tag=bo", &format!(";tag={tag}")),
    }
}

/// What the message leads to, in words.
fn outcome(bench: &mut Bench, place: &str, message: String) -> String {
    bench.said();
    bench.receive(place, message);
    let who = |place: &str| if place == ALICE { "her" } else { "him" };
    let said: Vec<_> = bench.said().iter().map(|(place, words)| format!("{words} to {}", who(place))).collect();
    let end = bench.records.first().map(|record| format!(" — {}", record.reason)).unwrap_or_default();
    format!("{}{end}", if said.is_empty() { "nothing".to_owned() } else { said.join(", ") })
}

fn requests(peer: fn(&Bench) -> Peer) -> String {
    let mut text = String::new();
    for (state, reach) in STATES {
        writeln!(text, "# {state}").expect("a String takes all");
        for (name, request) in REQUESTS {
            let mut bench = reach();
            let peer = peer(&bench);
            let said = outcome(&mut bench, peer.place, request(&peer));
            writeln!(text, "{name}: {said}").expect("a String takes all");
        }
    }
    text
}

fn responses(peer: fn(&Bench) -> Peer) -> String {
    let mut text = String::new();
    for (state, reach) in STATES {
        writeln!(text, "# {state}").expect("a String takes all");
        for (method, status, tag, sdp) in RESPONSES {
            let mut bench = reach();
            let peer = peer(&bench);
            // To what we never sent nobody can respond: a made-up branch finds nobody, whatever the state.
            let Some(request) = latest(&bench, peer.place, method) else { continue };
            let said = outcome(&mut bench, peer.place, respond(&request, &peer, status, tag, sdp));
            let with = if sdp { " with SDP" } else { "" };
            let of = if tag == "other" { " of another tag" } else { "" };
            writeln!(text, "{status} {method}{with}{of}: {said}").expect("a String takes all");
        }
    }
    text
}

#[test]
fn requests_of_the_caller() {
    insta::assert_snapshot!(requests(Peer::alice));
}

#[test]
fn requests_of_the_callee() {
    insta::assert_snapshot!(requests(Peer::bob));
}

#[test]
fn responses_of_the_caller() {
    insta::assert_snapshot!(responses(Peer::alice));
}

#[test]
fn responses_of_the_callee() {
    insta::assert_snapshot!(responses(Peer::bob));
}
