//! MESSAGE outside of any dialog (RFC 3428): passed on by route, with one answer for its sender.

use std::net::SocketAddr;
use tandem_model::EventKind;
use tandem_phone::{Demand, Message};
use tandem_sim::{ALICE, BOB, CAROL, DORA, Link, STANDARD, Sim, ms, secs};

/// A MESSAGE from a phone, with these lines beside the usual ones.
fn say_with(sim: &mut Sim, from: SocketAddr, to: &str, number: u32, lines: &str) {
    let text = format!(
        "MESSAGE sip:{to}@10.0.0.1 SIP/2.0\r\nVia: SIP/2.0/UDP {from};branch=z9hG4bKm{number}\r\nFrom: \"A\" <sip:alice@{from}>;tag=f{number}\r\n\
         To: <sip:{to}@10.0.0.1>\r\nCall-ID: message-{number}\r\nCSeq: 7 MESSAGE\r\n{lines}Content-Type: text/plain\r\nContent-Length: 5\r\n\r\nhello"
    );
    sim.send_raw(from, text);
}

pub(crate) fn say(sim: &mut Sim, from: SocketAddr, to: &str, number: u32) {
    say_with(sim, from, to, number, "Max-Forwards: 70\r\n");
}

fn requests(sim: &Sim, phone: SocketAddr) -> Vec<Message> {
    sim.phone(phone).heard("MESSAGE").filter(|message| message.is_request()).cloned().collect()
}

pub(crate) fn answers(sim: &Sim, phone: SocketAddr) -> Vec<u16> {
    sim.phone(phone).heard("MESSAGE").filter(|message| !message.is_request()).map(Message::status).collect()
}

/// What was told of each: its status, and who got it last.
pub(crate) fn told(sim: &Sim) -> Vec<(Option<u16>, &str)> {
    let ended = sim.core().events.iter().filter_map(|event| match &event.kind {
        EventKind::Exchanged(record) => Some((record.sip_status, &*record.callee)),
        _ => None,
    });
    ended.collect()
}

#[test]
fn it_is_passed_on_and_answered_once() {
    for (from, to, other) in [(ALICE, "bob", BOB), (BOB, "alice", ALICE)] {
        let mut sim = Sim::new(1);
        say_with(&mut sim, from, to, 1, "Max-Forwards: 70\r\nExpires: 60\r\nX-Own: secret\r\n");
        sim.run_for(ms(200));
        let passed = requests(&sim, other);
        assert_eq!(passed.len(), 1);
        let message = &passed[0];
        assert_eq!((message.body.as_slice(), message.header("Content-Type")), (&b"hello"[..], Some("text/plain")));
        assert_eq!((message.header("Max-Forwards"), message.header("Expires")), (Some("69"), Some("60")));
        assert_eq!((message.header("Contact"), message.header("X-Own")), (None, None), "RFC 3428 §4");
        assert_eq!((message.list("Via").len(), message.cseq()), (1, Some((1, "MESSAGE"))));
        assert_ne!(message.header("Call-ID"), Some("message-1"));
        assert!(message.header("From").is_some_and(|from| from.contains("alice") && from.contains("tag=")));
        assert_eq!(answers(&sim, from), [200]);
        // The same again is the same.
        say_with(&mut sim, from, to, 1, "Max-Forwards: 70\r\nExpires: 60\r\nX-Own: secret\r\n");
        sim.run_for(ms(200));
        assert_eq!((requests(&sim, other).len(), answers(&sim, from)), (1, vec![200, 200]));
        assert_eq!(told(&sim), [(Some(200), ["trunk:bob", "trunk:alice"][usize::from(from == BOB)])]);
        sim.finish();
    }
}

#[test]
fn rules_for_numbers_headers_and_privacy_hold_for_it_too() {
    let passed = |bob: &str, privacy: &str| {
        let rules = "numbers_out = [{ of = 'called', match = '^1', to = '+1' }, { of = 'caller', match = '^0', to = '+49' }]";
        let alice = "caller_id = \"pai\"\nheaders_in = { remove = [\"X-Secret\"] }";
        let bob =
            format!("{rules}\ncaller_id = \"pai\"\nheaders_out = {{ pass = [\"X-*\", \"Subject\"], set = {{ X-Set = \"ours\" }} }}\n{bob}");
        let mut sim = crate::worded(alice, &bob);
        let lines = format!(
            "Max-Forwards: 70\r\nP-Asserted-Identity: <sip:0301@x>\r\nSubject: s\r\nX-A: 1\r\nX_Secret: 2\r\nX-Set: 3\r\nHistory-Info: <sip:9@x>;index=1\r\n{privacy}"
        );
        say_with(&mut sim, ALICE, "111", 1, &lines);
        sim.run_for(ms(200));
        let message = requests(&sim, BOB).remove(0);
        sim.finish();
        message
    };
    let names = ["P-Asserted-Identity", "Privacy", "Subject", "X-A", "X_Secret", "X-Set", "History-Info"];
    let said = |message: &Message| names.map(|name| message.header(name).map(str::to_owned));
    let some = |text: &str| Some(text.to_owned());
    let open = passed("", "");
    assert_eq!(open.uri(), "sip:+111@10.0.2.1");
    assert_eq!(said(&open), [some("<sip:+49301@10.0.0.1>"), None, some("s"), some("1"), None, some("ours"), None]);
    let trusted = passed("", "Privacy: id\r\n");
    assert_eq!(said(&trusted), [some("<sip:+49301@10.0.0.1>"), some("id"), some("s"), some("1"), None, some("ours"), None]);
    let hidden = passed("privacy = \"enforce\"", "Privacy: id\r\n");
    assert_eq!(said(&hidden), [None, None, None, some("1"), None, some("ours"), None]);
    assert!(hidden.header("From").is_some_and(|from| from.starts_with("\"Anonymous\" <sip:anonymous@anonymous.invalid>")));
}

#[test]
fn what_is_about_the_message_comes_back_and_what_is_about_us_does_not() {
    for (said, heard) in
        [(202, 202), (404, 404), (405, 405), (413, 413), (415, 415), (486, 486), (603, 603), (401, 500), (420, 500), (481, 500)]
    {
        let mut sim = Sim::new(2);
        sim.phone_mut(BOB).setup_mut().outside = vec![said];
        say(&mut sim, ALICE, "bob", 1);
        sim.run_for(ms(200));
        assert_eq!(answers(&sim, ALICE), [heard], "for {said}");
        sim.finish();
    }
}

#[test]
fn it_is_repeated_until_it_is_answered() {
    let mut sim = Sim::new(3);
    sim.link(ALICE, tandem_sim::CORE, Link::CLEAN);
    sim.link(tandem_sim::CORE, BOB, Link::CUT);
    say(&mut sim, ALICE, "bob", 1);
    sim.run_for(ms(1200));
    // What its sender repeats is absorbed.
    say(&mut sim, ALICE, "bob", 1);
    sim.link(tandem_sim::CORE, BOB, Link::CLEAN);
    sim.run_for(secs(3));
    assert_eq!((requests(&sim, BOB).len(), answers(&sim, ALICE)), (1, vec![200]));
    sim.finish();
}

#[test]
fn nobody_answers() {
    let mut sim = Sim::new(4);
    sim.phone_mut(BOB).setup_mut().outside = vec![0; 20];
    say(&mut sim, ALICE, "bob", 1);
    sim.run_for(secs(40));
    // RFC 4320 §4.2: no 408, for its sender has given up by itself.
    assert_eq!(answers(&sim, ALICE), []);
    assert_eq!(told(&sim), [(None, "trunk:bob")]);
    let branches: std::collections::BTreeSet<_> =
        requests(&sim, BOB).iter().filter_map(|one| one.header("Via").map(str::to_owned)).collect();
    assert_eq!(branches.len(), 1, "one transaction");
    sim.finish();
}

#[test]
fn a_target_that_fails_gives_way_to_the_next() {
    let mut sim = Sim::new(5);
    sim.phone_mut(BOB).setup_mut().outside = vec![503];
    say(&mut sim, ALICE, "two", 1);
    sim.run_for(ms(200));
    assert_eq!((requests(&sim, BOB).len(), requests(&sim, CAROL).len(), answers(&sim, ALICE)), (1, 1, vec![200]));
    sim.core_mut().unreachable.push(BOB);
    say(&mut sim, ALICE, "two", 2);
    sim.run_for(ms(200));
    assert_eq!((requests(&sim, CAROL).len(), answers(&sim, ALICE)), (2, vec![200, 200]));
    say(&mut sim, ALICE, "bob", 3);
    sim.run_for(ms(200));
    assert_eq!(answers(&sim, ALICE), [200, 200, 500], "nobody is left: as a 503 of the callee");
    sim.finish();
}

#[test]
fn the_members_of_a_ring_group_are_tried_one_by_one() {
    let mut sim = Sim::new(9);
    say(&mut sim, ALICE, "all", 1);
    sim.run_for(ms(200));
    let got = |sim: &Sim| [BOB, CAROL, DORA].map(|phone| requests(sim, phone).len());
    assert_eq!((got(&sim), answers(&sim, ALICE)), ([1, 0, 0], vec![200]), "one of them has it");
    sim.phone_mut(BOB).setup_mut().outside = vec![404];
    sim.phone_mut(CAROL).setup_mut().outside = vec![486];
    say(&mut sim, ALICE, "all", 2);
    sim.run_for(ms(200));
    assert_eq!((got(&sim), answers(&sim, ALICE)), ([2, 1, 1], vec![200, 200]), "whatever those before it said");
    sim.phone_mut(BOB).setup_mut().outside = vec![603];
    say(&mut sim, ALICE, "all", 3);
    sim.run_for(ms(200));
    assert_eq!((got(&sim), answers(&sim, ALICE)), ([3, 1, 1], vec![200, 200, 603]), "but for a 6xx");
    for phone in [BOB, CAROL, DORA] {
        sim.phone_mut(phone).setup_mut().outside = vec![404];
    }
    say(&mut sim, ALICE, "all", 4);
    sim.run_for(ms(200));
    assert_eq!((got(&sim), answers(&sim, ALICE)), ([4, 2, 2], vec![200, 200, 603, 404]));
    assert_eq!(told(&sim).last(), Some(&(Some(404), "trunk:dora")));
    sim.finish();
}

#[test]
fn a_challenge_is_answered_by_the_login_of_the_trunk() {
    let text =
        STANDARD.replacen("ring_timeout = \"60s\"", "ring_timeout = \"60s\"\nlogin = { username = \"acme\", password = \"s3cret\" }", 1);
    let mut sim = Sim::with_config(6, &text);
    sim.phone_mut(BOB).setup_mut().demands = vec![Demand { methods: vec!["MESSAGE".into()], ..Demand::new("acme", "s3cret") }];
    say(&mut sim, ALICE, "bob", 1);
    sim.run_for(ms(300));
    let passed = requests(&sim, BOB);
    assert_eq!((passed.len(), answers(&sim, ALICE)), (2, vec![200]));
    assert_eq!((passed[0].cseq(), passed[1].cseq()), (Some((1, "MESSAGE")), Some((2, "MESSAGE"))));
    assert_eq!(passed[0].header("Call-ID"), passed[1].header("Call-ID"));
    sim.finish();
}

#[test]
fn what_cannot_be_passed_on_is_refused() {
    let sdp = "v=0\r\no=a 1 1 IN IP4 10.0.1.1\r\ns=-\r\nc=IN IP4 10.0.1.1\r\nt=0 0\r\nm=audio 4000 RTP/AVP 0\r\n";
    let mut sim = Sim::new(7);
    say_with(&mut sim, ALICE, "bob", 1, "Max-Forwards: 0\r\n");
    say_with(&mut sim, ALICE, "bob", 2, "Max-Forwards: 70\r\nRequire: gruu\r\n");
    say(&mut sim, ALICE, "nobody-is-called-so", 3);
    say(&mut sim, ALICE, "echo", 4);
    let text = format!(
        "MESSAGE sip:bob@10.0.0.1 SIP/2.0\r\nVia: SIP/2.0/UDP {ALICE};branch=z9hG4bKm5\r\nFrom: <sip:alice@{ALICE}>;tag=5\r\nTo: <sip:bob@10.0.0.1>\r\n\
         Call-ID: 5\r\nCSeq: 1 MESSAGE\r\nMax-Forwards: 70\r\nContent-Type: application/sdp\r\nContent-Length: {}\r\n\r\n{sdp}",
        sdp.len()
    );
    sim.send_raw(ALICE, text);
    sim.run_for(ms(200));
    let mut heard = answers(&sim, ALICE);
    heard.sort_unstable();
    assert_eq!(heard, [404, 405, 415, 420, 483]);
    assert_eq!(requests(&sim, BOB).len(), 0);
    sim.finish();
}

#[test]
fn limits_count_it_while_it_is_under_way() {
    let text = STANDARD.replacen("ring_timeout = \"60s\"", "ring_timeout = \"60s\"\nlimits = { calls = 1, status = 486 }", 1);
    let mut sim = Sim::with_config(8, &text);
    sim.phone_mut(BOB).setup_mut().outside = vec![0; 20];
    say(&mut sim, ALICE, "bob", 1);
    sim.run_for(ms(100));
    say(&mut sim, ALICE, "bob", 2);
    sim.run_for(ms(100));
    assert_eq!(answers(&sim, ALICE), [486]);
    sim.run_for(secs(33));
    sim.phone_mut(BOB).setup_mut().outside.clear();
    say(&mut sim, ALICE, "bob", 3);
    sim.run_for(ms(100));
    assert_eq!(answers(&sim, ALICE), [486, 200]);
    sim.core_mut().draining = true;
    say(&mut sim, ALICE, "bob", 4);
    sim.run_for(ms(100));
    assert_eq!(answers(&sim, ALICE), [486, 200, 503]);
    sim.finish();
}

#[test]
fn the_node_stops_meanwhile() {
    let mut sim = Sim::new(9);
    sim.phone_mut(BOB).setup_mut().outside = vec![0; 20];
    say(&mut sim, ALICE, "bob", 1);
    sim.run_for(ms(100));
    sim.end_all(tandem_model::EndReason::Shutdown);
    sim.run_for(ms(100));
    assert_eq!(answers(&sim, ALICE), [503]);
    sim.finish();
}
