//! Legs that go from one call to another in a letter, between real tasks and over real sockets: whatever comes for a leg finds it where
//! it is.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use crate::common::{Heard, Options, Peer, TestNode, answered_call_by};

/// Alice calls Bob, and Bob calls Carol: each is a peer of its own, told apart by the listener's trunk for its port.
fn node(bob: &Peer, carol: &Peer) -> TestNode {
    let sections = format!(
        r#"
        [[trunk]]
        name = "anybody"
        match = {{ sources = ["127.0.0.1"] }}
        refer = "execute"
        replaces = true
        [[trunk]]
        name = "bob"
        targets = [{{ uri = "sip:{}" }}]
        refer = "execute"
        replaces = true
        [[trunk]]
        name = "carol"
        targets = [{{ uri = "sip:{}" }}]
        [[route]]
        name = "to bob"
        to = "^bob$"
        do = {{ bridge = ["trunk:bob"] }}
        [[route]]
        name = "to carol"
        to = "^carol$"
        do = {{ bridge = ["trunk:carol"] }}
        "#,
        bob.address, carol.address
    );
    TestNode::start(Options { sections, ..Options::default() })
}

/// A call of `caller` to that user, answered by `callee`: (200 that the caller got, INVITE that the callee got).
fn call(node: &TestNode, caller: &Peer, callee: &Peer, user: &str) -> (Heard, Heard) {
    let invite = caller.invite(node.address, user, "").replace("sip:100@", &format!("sip:{user}@"));
    answered_call_by(node, caller, callee, user, &invite)
}

/// A request of the one who was called, in the dialog of that INVITE.
fn of_callee(callee: &Peer, method: &str, cseq: u32, invite: &Heard, extra: &str) -> String {
    let target = invite.header("Contact").trim_start_matches('<').trim_end_matches('>').to_owned();
    let (me, from, to) = (callee.address, invite.header("To"), invite.header("From"));
    format!(
        "{method} {target} SIP/2.0\r\nVia: SIP/2.0/UDP {me};branch=z9hG4bK{method}{cseq};rport\r\nMax-Forwards: 70\r\n\
         From: {from};tag=callee\r\nTo: {to}\r\nCall-ID: {}\r\nCSeq: {cseq} {method}\r\nContact: <sip:b@{me}>\r\n{extra}Content-Length: 0\r\n\r\n",
        invite.header("Call-ID")
    )
}

fn tag_of(value: &str) -> &str {
    value.split_once(";tag=").unwrap().1
}

/// Bob names, in his call with Alice, his other one.
fn refer_to(node: &TestNode, bob: &Peer, with_alice: &Heard, with_carol: &Heard) -> String {
    let named = (with_carol.header("Call-ID").replace('@', "%40"), tag_of(with_carol.header("To")), tag_of(with_carol.header("From")));
    let replaces = format!("{}%3Bto-tag%3D{}%3Bfrom-tag%3D{}", named.0, named.1, named.2);
    of_callee(bob, "REFER", 1, with_alice, &format!("Refer-To: <sip:carol@{}?Replaces={replaces}>\r\n", node.address))
}

fn answer(node: &TestNode, peer: &Peer, request: &Heard, status: &str, body: &str) {
    let contact = format!("Contact: <sip:x@{}>\r\n", peer.address);
    peer.send(node.address, &request.answer(status, "", &contact, body));
}

/// The NOTIFYs up to the one with that status line, each answered.
fn hear_notified(node: &TestNode, peer: &Peer, status: &str) {
    loop {
        let notify = peer.hear_starting("NOTIFY");
        answer(node, peer, &notify, "200 OK", "");
        if notify.0.contains(status) {
            return;
        }
    }
}

#[test]
fn an_attended_transfer_joins_two_tasks() {
    let (alice, bob, carol) = (Peer::new(), Peer::new(), Peer::new());
    // Bob's second call, from a socket of its own.
    let consulting = Peer::new();
    let node = node(&bob, &carol);
    let (alices, with_alice) = call(&node, &alice, &bob, "bob");
    let (with_carol, _) = call(&node, &consulting, &carol, "carol");

    bob.send(node.address, &refer_to(&node, &bob, &with_alice, &with_carol));
    bob.hear_starting("SIP/2.0 202");
    let offer = alice.hear_starting("INVITE");
    assert_eq!(offer.header("Call-ID"), alices.header("Call-ID"), "in the dialog that she has");
    assert!(offer.0.contains("m=audio"), "she is offered what Carol has");
    answer(&node, &alice, &offer, "200 OK", &alice.sdp());
    alice.hear_starting("ACK");
    hear_notified(&node, &bob, "SIP/2.0 200");
    let replaced = consulting.hear_starting("BYE");
    answer(&node, &consulting, &replaced, "200 OK", "");

    // What comes for a leg that has moved is read where it is now: the two are one call.
    alice.send(node.address, &alice.inside("INFO", 2, &alices, "info"));
    let info = carol.hear_starting("INFO");
    answer(&node, &carol, &info, "200 OK", "");
    alice.hear_starting("SIP/2.0 200");
    let farewell = bob.hear_starting("BYE");
    answer(&node, &bob, &farewell, "200 OK", "");
    alice.send(node.address, &alice.inside("BYE", 3, &alices, "bye"));
    alice.hear_starting("SIP/2.0 200");
    let bye = carol.hear_starting("BYE");
    answer(&node, &carol, &bye, "200 OK", "");
}

#[test]
fn a_leg_that_is_not_taken_comes_back_to_its_task() {
    let (alice, bob, carol, consulting) = (Peer::new(), Peer::new(), Peer::new(), Peer::new());
    let node = node(&bob, &carol);
    let (alices, with_alice) = call(&node, &alice, &bob, "bob");
    let (with_carol, _) = call(&node, &consulting, &carol, "carol");

    bob.send(node.address, &refer_to(&node, &bob, &with_alice, &with_carol));
    bob.hear_starting("SIP/2.0 202");
    let offer = alice.hear_starting("INVITE");
    answer(&node, &alice, &offer, "488 Not Acceptable Here", "");
    alice.hear_starting("ACK");
    hear_notified(&node, &bob, "SIP/2.0 488");

    // Each call is as it was.
    alice.send(node.address, &alice.inside("INFO", 2, &alices, "info"));
    let info = bob.hear_starting("INFO");
    answer(&node, &bob, &info, "200 OK", "");
    alice.hear_starting("SIP/2.0 200");
    consulting.send(node.address, &consulting.inside("INFO", 2, &with_carol, "other"));
    carol.hear_starting("INFO");
}

#[test]
fn what_names_a_call_that_has_ended_comes_back_at_once() {
    let (alice, bob, carol, consulting) = (Peer::new(), Peer::new(), Peer::new(), Peer::new());
    let node = node(&bob, &carol);
    let (alices, with_alice) = call(&node, &alice, &bob, "bob");
    let (with_carol, _) = call(&node, &consulting, &carol, "carol");
    consulting.send(node.address, &consulting.inside("BYE", 2, &with_carol, "over"));
    consulting.hear_starting("SIP/2.0 200");
    let bye = carol.hear_starting("BYE");
    answer(&node, &carol, &bye, "200 OK", "");

    bob.send(node.address, &refer_to(&node, &bob, &with_alice, &with_carol));
    bob.hear_starting("SIP/2.0 202");
    let status = loop {
        let notify = bob.hear_starting("NOTIFY");
        answer(&node, &bob, &notify, "200 OK", "");
        if !notify.0.contains("SIP/2.0 100") {
            break notify;
        }
    };
    assert!(status.0.contains("SIP/2.0 481") || status.0.contains("SIP/2.0 603"), "{}", status.0);
    alice.send(node.address, &alice.inside("BYE", 2, &alices, "bye"));
    bob.hear_starting("BYE");
}

#[test]
fn an_invite_with_replaces_takes_a_place_in_another_task() {
    let (alice, bob, carol, newcomer) = (Peer::new(), Peer::new(), Peer::new(), Peer::new());
    let node = node(&bob, &carol);
    let (alices, _) = call(&node, &alice, &bob, "bob");
    let named = (alices.header("Call-ID"), tag_of(alices.header("To")), tag_of(alices.header("From")));
    let replaces = format!("Replaces: {};to-tag={};from-tag={}\r\nRequire: replaces\r\n", named.0, named.1, named.2);
    newcomer.send(node.address, &newcomer.invite(node.address, "newcomer", &replaces));
    let offer = bob.hear_starting("INVITE");
    assert!(offer.0.contains("m=audio"));
    answer(&node, &bob, &offer, "200 OK", &bob.sdp());
    bob.hear_starting("ACK");
    let ok = newcomer.hear_starting("SIP/2.0 200");
    newcomer.send(node.address, &newcomer.inside("ACK", 1, &ok, "newcomer"));
    let bye = alice.hear_starting("BYE");
    answer(&node, &alice, &bye, "200 OK", "");
    newcomer.send(node.address, &newcomer.inside("INFO", 2, &ok, "info"));
    let info = bob.hear_starting("INFO");
    answer(&node, &bob, &info, "200 OK", "");
    newcomer.hear_starting("SIP/2.0 200");
    newcomer.send(node.address, &newcomer.inside("BYE", 3, &ok, "bye"));
    bob.hear_starting("BYE");
}
