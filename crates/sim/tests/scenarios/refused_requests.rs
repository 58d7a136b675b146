//! What is refused before a call comes of it, and with what: RFC 3261 §8.2, §16.3, §21.4.

use crate::statuses;
use tandem_phone::{Act, Edit, Outcome, Place, Request, Script};
use tandem_sim::{ALICE, BOB, Sim, ms};

/// The final status of an INVITE to bob with that change, and a header of its answer.
fn refused(edit: Edit, header: &str) -> (Option<u16>, Option<String>) {
    let mut sim = Sim::new(1);
    let place = Place::new(&sim.uri(ALICE, "bob")).edit(edit);
    sim.place_with(ALICE, place);
    sim.run_for(ms(1000));
    assert_eq!(sim.phone(BOB).calls().len(), 0);
    sim.finish();
    let value = sim.phone(ALICE).heard("INVITE").last().and_then(|answer| answer.header(header).map(str::to_owned));
    (sim.call(ALICE).final_status(), value)
}

#[test]
fn too_many_hops() {
    assert_eq!(refused(Edit::set("Max-Forwards", "0"), "Warning"), (Some(483), None));
}

#[test]
fn an_extension_that_we_do_not_know() {
    assert_eq!(refused(Edit::set("Require", "precondition, gin"), "Unsupported"), (Some(420), Some("precondition, gin".into())));
}

#[test]
fn a_body_that_we_cannot_read() {
    let (status, accept) = refused(Edit::Body("text/plain".into(), b"hello".to_vec()), "Accept");
    assert_eq!((status, accept), (Some(415), Some("application/sdp".into())));
    let (status, encodings) = refused(Edit::set("Content-Encoding", "gzip"), "Accept-Encoding");
    assert_eq!((status, encodings), (Some(415), Some("identity".into())));
    assert_eq!(refused(Edit::set("Content-Encoding", "identity, gzip"), "Accept-Encoding").0, Some(415));
}

#[test]
fn a_coding_of_what_we_can_read_or_of_nothing() {
    for edits in [
        vec![Edit::set("Content-Encoding", "identity, Identity")],
        vec![Edit::set("Content-Encoding", "gzip"), Edit::Body("application/sdp".into(), Vec::new())],
    ] {
        let mut sim = Sim::new(1);
        let place = edits.into_iter().fold(Place::new(&sim.uri(ALICE, "bob")), Place::edit);
        sim.place_with(ALICE, place);
        sim.run_for(ms(1000));
        assert_eq!(sim.phone(BOB).calls().len(), 1);
    }
}

#[test]
fn no_contact() {
    assert_eq!(refused(Edit::remove("Contact"), "Warning").0, Some(400));
}

#[test]
fn media_that_nobody_speaks() {
    let body = b"v=0\r\no=a 1 1 IN IP4 10.0.1.1\r\ns=-\r\nc=IN IP4 10.0.1.1\r\nt=0 0\r\nm=audio 4000 RTP/AVP 18\r\n".to_vec();
    let (status, warning) = refused(Edit::Body("application/sdp".into(), body), "Warning");
    assert_eq!(status, Some(488));
    assert!(warning.is_some_and(|warning| warning.starts_with("30")));
}

#[test]
fn a_broken_description() {
    let (status, _) = refused(Edit::Body("application/sdp".into(), b"v=0\r\nnonsense\r\n".to_vec()), "Warning");
    assert!(matches!(status, Some(400 | 488)), "{status:?}");
}

#[test]
fn a_scheme_that_we_do_not_speak() {
    assert_eq!(refused(Edit::Uri("http://10.0.0.1/bob".into()), "Warning").0, Some(416));
}

#[test]
fn nobody_is_called_that() {
    let mut sim = Sim::new(2);
    sim.place(ALICE, "nemo", Script::new());
    sim.place(ALICE, "barred", Script::new());
    sim.finish();
    assert_eq!(sim.call(ALICE).outcome, Some(Outcome::Failed(404)));
    assert_eq!(sim.phone(ALICE).call(1).outcome, Some(Outcome::Failed(403)));
    assert!(sim.phone(ALICE).heard("INVITE").any(|answer| answer.label().starts_with("403 not here")));
}

#[test]
fn a_stranger() {
    let mut sim = Sim::new(3);
    let address = "10.9.9.9:5060".parse().unwrap_or(ALICE);
    sim.add_phone(address, tandem_phone::Setup::new("mallory", address, tandem_sim::CORE, 3));
    sim.place(address, "bob", Script::new());
    sim.finish();
    assert_eq!(sim.call(address).outcome, Some(Outcome::Failed(403)));
    assert_eq!(sim.core().founded(), 0);
}

#[test]
fn a_merged_request() {
    let mut sim = Sim::new(4);
    sim.expect(BOB, Script::answers(100));
    sim.place(ALICE, "bob", Script::new().bye(500));
    sim.run_until_status(ALICE, 100);
    let mut twin = sim.phone(ALICE).trace()[0].message.clone();
    twin.set("Via", "SIP/2.0/UDP 10.0.1.1:5060;branch=z9hG4bKotherpath;rport");
    sim.send_raw(ALICE, twin.print());
    sim.run_for(ms(50));
    assert!(sim.phone(ALICE).heard("INVITE").any(|answer| answer.status() == 482));
    sim.finish();
    assert_eq!((sim.core().founded(), sim.phone(BOB).calls().len()), (1, 1));
}

/// A request outside of any dialog, and the status and Allow of its answer.
fn asked(method: &str, edits: Vec<Edit>) -> (Option<u16>, bool) {
    let mut sim = Sim::new(5);
    // A phone needs a call to say something in; its own has been refused.
    sim.place(ALICE, "barred", Script::new());
    sim.settle();
    sim.act(ALICE, Act::Request(Request { method: method.into(), edits }));
    sim.run_for(ms(100));
    sim.finish();
    let answer = sim.phone(ALICE).heard(method).last();
    (
        answer.map(|answer| answer.status()),
        answer.is_some_and(|answer| answer.header("Allow").is_some_and(|allow| allow.contains("INVITE"))),
    )
}

#[test]
fn methods_that_are_not_for_us() {
    assert_eq!(asked("REGISTER", vec![]), (Some(405), true));
    assert_eq!(asked("SUBSCRIBE", vec![]).0, Some(489));
    // What only a dialog could have, and this node does not speak at all (RFC 3261 §8.2.1).
    assert_eq!(asked("INFO", vec![Edit::set("To", "<sip:bob@10.0.0.1>")]), (Some(405), true));
    assert_eq!(asked("FROBNICATE", vec![]), (Some(501), true));
}

#[test]
fn options_are_told() {
    assert_eq!(asked("OPTIONS", vec![]), (Some(200), true));
    assert_eq!(asked("OPTIONS", vec![Edit::set("Require", "gruu")]).0, Some(420));
}

#[test]
fn a_cancel_or_a_bye_of_nothing() {
    let mut sim = Sim::new(6);
    for (method, tag) in [("CANCEL", ""), ("BYE", ""), ("BYE", ";tag=unknown"), ("INVITE", ";tag=unknown"), ("INFO", ";tag=unknown")] {
        sim.send_raw(
            ALICE,
            format!(
                "{method} sip:bob@10.0.0.1 SIP/2.0\r\nVia: SIP/2.0/UDP 10.0.1.1:5060;branch=z9hG4bKx{method}{};rport\r\nMax-Forwards: 70\r\n\
                 From: <sip:alice@10.0.1.1>;tag=a\r\nTo: <sip:bob@10.0.0.1>{tag}\r\nCall-ID: none-{method}\r\nCSeq: 1 {method}\r\n\
                 Contact: <sip:alice@10.0.1.1>\r\nContent-Length: 0\r\n\r\n",
                tag.len()
            ),
        );
        sim.run_for(ms(100));
        assert_eq!(sim.phone(ALICE).heard(method).last().map(|answer| answer.status()), Some(481), "{method}");
    }
    sim.finish();
    assert_eq!(sim.core().founded(), 0);
}

#[test]
fn requests_inside_a_dialog_that_it_does_not_take() {
    let mut sim = Sim::new(7);
    sim.expect(BOB, Script::answers(100));
    sim.place(ALICE, "bob", Script::new());
    sim.run_until_talking(ALICE, BOB);
    for (method, expected) in [("REFER", 403), ("SUBSCRIBE", 489), ("FROBNICATE", 501)] {
        sim.act(ALICE, Act::Request(Request { method: method.into(), edits: vec![] }));
        sim.run_for(ms(50));
        assert_eq!(sim.phone(ALICE).heard(method).last().map(|answer| answer.status()), Some(expected), "{method}");
    }
    sim.act(ALICE, Act::Bye);
    sim.finish();
}

#[test]
fn a_reinvite_that_must_be_refused_leaves_the_call_alone() {
    let mut sim = Sim::new(8);
    sim.expect(BOB, Script::answers(100));
    sim.place(ALICE, "bob", Script::new());
    sim.run_until_talking(ALICE, BOB);
    for (edit, expected) in [
        (Edit::set("Require", "precondition"), 420),
        (Edit::Body("text/plain".into(), b"hello".to_vec()), 415),
        (Edit::set("Max-Forwards", "0"), 483),
    ] {
        sim.act(ALICE, Act::Reinvite(tandem_phone::Offer { edits: vec![edit], ..tandem_phone::Offer::default() }));
        sim.run_for(ms(200));
        assert_eq!(sim.phone(ALICE).heard("INVITE").last().map(|answer| answer.status()), Some(expected));
    }
    assert_eq!(sim.phone(BOB).heard("INVITE").count(), 1);
    sim.act(ALICE, Act::Bye);
    sim.finish();
}

#[test]
fn an_old_cseq_inside_a_dialog() {
    let mut sim = Sim::new(9);
    sim.expect(BOB, Script::answers(100));
    sim.place(ALICE, "bob", Script::new());
    sim.run_until_talking(ALICE, BOB);
    sim.act(ALICE, Act::Request(Request { method: "OPTIONS".into(), edits: vec![Edit::set("CSeq", "0 OPTIONS")] }));
    sim.run_for(ms(100));
    let answers: Vec<u16> = sim.phone(ALICE).heard("OPTIONS").map(|answer| answer.status()).collect();
    assert_eq!(answers, [500], "RFC 3261 §12.2.2");
    sim.act(ALICE, Act::Bye);
    sim.finish();
}

#[test]
fn nothing_is_left_of_a_thousand_refusals() {
    let mut sim = Sim::new(10);
    for _ in 0..100 {
        sim.place(ALICE, "barred", Script::new());
        sim.run_for(ms(60));
    }
    sim.finish();
    assert_eq!(statuses(&sim, ALICE), [100, 403]);
}
