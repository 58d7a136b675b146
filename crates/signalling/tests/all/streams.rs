//! A call over TCP: what names the transport, where answers go, and what a lost connection ends (RFC 3261 §18).
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use crate::bench::{ALICE, BOB, Bench, inside, invite, response};
use tandem_model::{Delivery, Destination, Flow, ListenerId, Timestamp, Transport};
use tandem_signalling::{
    Input,
    message::{HeaderName, Message},
    response_destination,
};

#[test]
fn an_answer_goes_back_over_its_connection_or_to_the_port_of_the_via() {
    let flow = Flow { listener: ListenerId(0), transport: Transport::Tcp, remote: "192.0.2.1:49152".parse().unwrap() };
    let message = |via: &str| Message::parse(format!("OPTIONS sip:a SIP/2.0\r\nVia: SIP/2.0/TCP {via}\r\n\r\n").into()).unwrap();
    for (via, port) in [("192.0.2.7:5070;branch=z9hG4bKa", 5070), ("192.0.2.7;branch=z9hG4bKa;rport", 5060)] {
        assert_eq!(response_destination(&message(via), &flow), Destination::Back { remote: flow.remote, port });
    }
}

#[test]
fn via_and_contact_name_the_transport_and_nothing_is_repeated() {
    let mut bench = Bench::over(Transport::Tcp);
    bench.receive(ALICE, invite());
    let (_, sent) = bench.sent.last().unwrap();
    assert!(sent.is_request() && sent.via().unwrap().transport == "TCP");
    assert!(sent.header(HeaderName::Contact).unwrap().contains(";transport=tcp>"));
    let before = bench.sent.len();
    // Timer A would have repeated the INVITE three times by now (§17.1.1.2).
    bench.sleep_until(Timestamp::from_millis(3_000));
    assert_eq!(bench.sent.len(), before);
}

#[test]
fn a_connection_lost_while_it_rings_ends_the_call_at_once() {
    let mut bench = Bench::over(Transport::Tcp);
    bench.receive(ALICE, invite());
    let to_bob = bench.sent.last().unwrap().1.clone();
    bench.receive(BOB, response(&to_bob, 180, ""));
    bench.input(Input::Unreachable(ListenerId(0), Destination::Address(BOB.parse().unwrap()), Delivery::Unknown));
    assert_eq!(bench.sent.last().unwrap().1.status(), 500);
}

#[test]
fn a_connection_lost_during_the_call_ends_nothing_by_itself() {
    let mut bench = Bench::over(Transport::Tcp);
    bench.receive(ALICE, invite());
    let to_bob = bench.sent.last().unwrap().1.clone();
    bench.receive(BOB, response(&to_bob, 200, crate::bench::SDP));
    let to = bench.sent.iter().find(|(_, message)| message.status() == 200).unwrap().1.header(HeaderName::To).unwrap().to_owned();
    bench.receive(ALICE, inside("ACK", 1, "z9hG4bKb", &to));
    bench.sent.clear();
    // The next request makes a new one.
    bench.input(Input::Unreachable(ListenerId(0), Destination::Address(BOB.parse().unwrap()), Delivery::Unknown));
    assert!(bench.call.is_some() && bench.sent.is_empty());
    bench.receive(ALICE, inside("BYE", 2, "z9hG4bKc", &to));
    assert!(bench.sent.iter().any(|(_, message)| message.is_request()));
}

#[test]
fn what_another_listener_lost_is_not_ours() {
    let mut bench = Bench::over(Transport::Tcp);
    bench.receive(ALICE, invite());
    let before = bench.sent.len();
    bench.input(Input::Unreachable(ListenerId(1), Destination::Address(BOB.parse().unwrap()), Delivery::Unknown));
    assert_eq!(bench.sent.len(), before);
}
