//! A call through real sockets, from INVITE to BYE.

mod common;

use common::{Peer, TestNode, answered_call};

#[test]
fn a_call_passes_and_the_caller_hangs_up() {
    let (caller, callee) = (Peer::new(), Peer::new());
    let node = TestNode::bridging_to(callee.address);
    let (ok, invite) = answered_call(&node, &caller, &callee, "one");
    assert_ne!(invite.header("Call-ID"), ok.header("Call-ID"));
    caller.send(node.address, &caller.inside("BYE", 2, &ok, "one"));
    let bye = callee.hear_starting("BYE");
    callee.send(node.address, &bye.answer("200 OK", "callee", "", ""));
    assert_eq!(caller.hear().header("CSeq"), "2 BYE");
}

#[test]
fn a_callee_that_is_not_there_is_told_at_once() {
    let caller = Peer::new();
    let gone = Peer::new().address;
    let node = TestNode::bridging_to(gone);
    caller.send(node.address, &caller.invite(node.address, "gone", ""));
    // The network's word, not the timeout of four seconds: 503 of a leg goes on as 500.
    caller.hear_failure(node.address, "gone", "500");
}

#[test]
fn a_callee_by_name_is_found() {
    let (caller, callee) = (Peer::new(), Peer::new());
    let sections =
        common::bridge_to(callee.address).replace(&format!("sip:{}", callee.address), &format!("sip:localhost:{}", callee.address.port()));
    let node = TestNode::start(common::Options { sections, fault: None });
    for id in ["first", "remembered"] {
        caller.send(node.address, &caller.invite(node.address, id, ""));
        let invite = callee.hear_starting("INVITE");
        callee.send(node.address, &invite.answer("486 Busy Here", "callee", "", ""));
        callee.hear_starting("ACK");
        caller.hear_failure(node.address, id, "486");
    }
}

#[test]
fn a_callee_whose_name_nobody_knows_fails_soon() {
    let (caller, callee) = (Peer::new(), Peer::new());
    let sections = common::bridge_to(callee.address).replace(&format!("sip:{}", callee.address), "sip:no-such-host.invalid");
    let node = TestNode::start(common::Options { sections, fault: None });
    caller.send(node.address, &caller.invite(node.address, "nowhere", ""));
    caller.hear_failure(node.address, "nowhere", "500");
}
