//! A call over TLS: what `sips:` and `transport=tls` make of Contact, Via, ports and targets (RFC 3261 §26.2.2, RFC 5630).
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use crate::bench::{ALICE, BOB, Bench, bobs_sdp, bridge, from_bob, inside, invite, plan, response};
use std::sync::Arc;
use tandem_model::{Action, Decision, Destination, Flow, ListenerId, Transport};
use tandem_signalling::{
    ListenerFacts,
    message::{HeaderName, Message},
    response_destination,
};

fn sips_invite() -> String {
    invite().replace("INVITE sip:", "INVITE sips:").replace("Contact: <sip:", "Contact: <sips:")
}

/// TLS at listener 0 and UDP at listener 1.
fn both() -> Bench {
    let mut bench = Bench::over(Transport::Tls);
    let node = Arc::get_mut(&mut bench.node).unwrap();
    let datagrams = ListenerFacts { transport: Transport::Udp, ..node.listeners[0].clone() };
    node.listeners = [&*node.listeners, &[datagrams]].concat().into();
    bench
}

fn contact(message: &Message) -> &str {
    message.header(HeaderName::Contact).unwrap()
}

#[test]
fn via_and_contact_say_tls() {
    let mut bench = Bench::over(Transport::Tls);
    bench.receive(ALICE, invite());
    let to_bob = bench.last(BOB, "INVITE");
    assert_eq!(to_bob.via().unwrap().transport, "TLS");
    assert!(to_bob.uri().starts_with("sip:"));
    assert!(contact(&to_bob).starts_with("<sip:") && contact(&to_bob).ends_with(";transport=tls>"), "{}", contact(&to_bob));
    bench.receive(BOB, response(&to_bob, 200, &bobs_sdp()));
    let answer = bench.last(ALICE, "200 INVITE");
    assert!(contact(&answer).starts_with("<sip:") && contact(&answer).ends_with(";transport=tls>"));
}

#[test]
fn who_asks_for_sips_gets_it_on_both_legs() {
    let mut bench = Bench::over(Transport::Tls);
    let Decision::Route { action: Action::Bridge { legs, .. }, .. } = &mut bench.decision else { unreachable!() };
    legs[0].uri = "sip:b;transport=tls@bob.example:5061;transport=TLS;user=phone".into();
    bench.receive(ALICE, sips_invite());
    let to_bob = bench.last(BOB, "INVITE");
    assert_eq!(to_bob.uri(), "sips:b;transport=tls@bob.example:5061;user=phone");
    assert!(contact(&to_bob).starts_with("<sips:") && !contact(&to_bob).contains("transport"));
    bench.receive(BOB, response(&to_bob, 200, &bobs_sdp()));
    let answer = bench.last(ALICE, "200 INVITE");
    assert!(contact(&answer).starts_with("<sips:"), "{}", contact(&answer));
}

#[test]
fn a_sips_contact_or_route_alone_asks_for_one_in_return() {
    for (what, with) in [
        ("Contact: <sip:alice", "Contact: <sips:alice"),
        ("Contact: ", "Record-Route: <sips:192.0.2.7;lr>, <sip:192.0.2.8;lr>\r\nContact: "),
    ] {
        let mut bench = Bench::over(Transport::Tls);
        bench.receive(ALICE, invite().replace(what, with));
        let to_bob = bench.last(BOB, "INVITE");
        bench.receive(BOB, response(&to_bob, 180, ""));
        assert!(contact(bench.sent.last().map(|(_, ringing)| ringing).unwrap()).starts_with("<sips:"));
        assert!(contact(&to_bob).starts_with("<sip:"), "the other leg promises nothing");
    }
}

#[test]
fn who_asks_for_sips_is_sent_to_no_target_without_tls() {
    let mut bench = both();
    let mut unsafe_plan = plan(BOB);
    unsafe_plan.profile.listener = ListenerId(1);
    let decide = |legs: Vec<_>| {
        let Decision::Route { action: Action::Bridge { timeout, anchor, .. }, rule, record } = bridge(&[BOB]) else { unreachable!() };
        Decision::Route { rule, action: Action::Bridge { legs: legs.into(), timeout, anchor, ringback: None }, record }
    };
    bench.decision = decide(vec![unsafe_plan.clone()]);
    bench.receive(ALICE, sips_invite());
    let refusal = bench.sent.last().map(|(_, message)| message).unwrap();
    assert_eq!((refusal.status(), refusal.reason()), (480, "sips Request-URI without TLS"));
    assert_eq!(refusal.header(HeaderName::Warning), Some("380 - \"SIPS Not Allowed\""));
    assert!(bench.sent.iter().all(|(_, message)| !message.is_request()));

    let mut bench = both();
    bench.decision = decide(vec![unsafe_plan, plan("192.0.2.3:5061")]);
    bench.receive(ALICE, sips_invite());
    assert!(bench.last("192.0.2.3:5061", "INVITE").uri().starts_with("sips:"), "the next target has TLS");
}

#[test]
fn a_target_without_tls_is_fine_for_who_did_not_ask_for_it() {
    let mut bench = both();
    let Decision::Route { action: Action::Bridge { legs, .. }, .. } = &mut bench.decision else { unreachable!() };
    legs[0].profile.listener = ListenerId(1);
    bench.receive(ALICE, invite());
    assert_eq!(bench.last(BOB, "INVITE").via().unwrap().transport, "UDP");
}

#[test]
fn what_names_no_port_is_at_the_port_of_tls() {
    let flow = Flow { listener: ListenerId(0), transport: Transport::Tls, remote: "192.0.2.1:49152".parse().unwrap() };
    let request = Message::parse("OPTIONS sip:a SIP/2.0\r\nVia: SIP/2.0/TLS 192.0.2.7;branch=z9hG4bKa\r\n\r\n".into()).unwrap();
    assert_eq!(response_destination(&request, &flow), Destination::Back { remote: flow.remote, port: 5061 });

    let mut bench = Bench::over(Transport::Tls);
    bench.receive(ALICE, invite());
    let to_bob = bench.last(BOB, "INVITE");
    bench.receive(BOB, response(&to_bob, 200, &bobs_sdp()));
    let to = bench.last(ALICE, "200 INVITE").header(HeaderName::To).unwrap().to_owned();
    bench.receive(ALICE, inside("ACK", 1, "z9hG4bKb", &to));
    bench.clear();
    bench.receive(BOB, from_bob(&to_bob, "BYE", 1, "z9hG4bKc"));
    assert_eq!(
        bench.said(),
        [("192.0.2.2:5060", "200 BYE"), ("192.0.2.1:5061", "BYE")].map(|(to, words)| (to.to_owned(), words.to_owned()))
    );
}

#[test]
fn behind_nat_requests_go_back_over_the_connection_itself() {
    let mut bench = Bench::over(Transport::Tls);
    let Decision::Route { action: Action::Bridge { legs, .. }, .. } = &mut bench.decision else { unreachable!() };
    legs[0].profile.nat = true;
    bench.receive(ALICE, invite());
    let to_bob = bench.last(BOB, "INVITE");
    bench.receive("192.0.2.2:40000", response(&to_bob, 200, &bobs_sdp()));
    assert!(bench.said().contains(&("192.0.2.2:40000".to_owned(), "ACK".to_owned())));
}
