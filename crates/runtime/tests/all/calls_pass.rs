//! A call through real sockets, from INVITE to BYE.

use crate::common::{Options, Peer, TestNode, answered_call, bridge_to};

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
fn a_call_passes_over_ipv6() {
    let (caller, callee) = (Peer::at("[::1]:0"), Peer::at("[::1]:0"));
    let node = TestNode::start(Options { sections: bridge_to(callee.address), host: "::1", ..Options::default() });
    let (ok, invite) = answered_call(&node, &caller, &callee, "six");
    assert!(ok.0.contains("c=IN IP6 ::1") && invite.header("Contact").contains("@[::1]:"), "{}", invite.0);
    caller.send(node.address, &caller.inside("BYE", 2, &ok, "six"));
    let bye = callee.hear_starting("BYE");
    callee.send(node.address, &bye.answer("200 OK", "callee", "", ""));
    caller.hear_starting("SIP/2.0 200");
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
        bridge_to(callee.address).replace(&format!("sip:{}", callee.address), &format!("sip:localhost:{}", callee.address.port()));
    let node = TestNode::start(Options { sections, ..Options::default() });
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
    let sections = bridge_to(callee.address).replace(&format!("sip:{}", callee.address), "sip:no-such-host.invalid");
    let node = TestNode::start(Options { sections, ..Options::default() });
    caller.send(node.address, &caller.invite(node.address, "nowhere", ""));
    caller.hear_failure(node.address, "nowhere", "500");
}
