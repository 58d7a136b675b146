//! What a node answers when it is full, draining, asked what it can do, or asked for what it cannot.

use crate::common::{Options, Peer, TestNode, answered_call, bridge_to};
use tandem_runtime::Order;

fn with_calls(callee: &Peer, calls: &str) -> TestNode {
    TestNode::start(Options { sections: format!("[calls]\n{calls}\n{}", bridge_to(callee.address)), ..Options::default() })
}

#[test]
fn a_full_node_answers_503_with_retry_after_and_has_room_again_later() {
    let (caller, callee) = (Peer::new(), Peer::new());
    let node = with_calls(&callee, "max = 1");
    let (ok, _) = answered_call(&node, &caller, &callee, "first");
    let second = Peer::new();
    second.send(node.address, &second.invite(node.address, "second", ""));
    let refused = second.hear();
    assert!(refused.start().starts_with("SIP/2.0 503"), "{}", refused.0);
    refused.header("Retry-After").parse::<u32>().unwrap();
    // A request of the call that is there is no new call.
    caller.send(node.address, &caller.inside("BYE", 2, &ok, "first"));
    let bye = callee.hear_starting("BYE");
    callee.send(node.address, &bye.answer("200 OK", "callee", "", ""));
    caller.hear_starting("SIP/2.0 200");
    // The call is over once its media is.
    let taken = (0..).find(|number| {
        second.send(node.address, &second.invite(node.address, &format!("third{number}"), ""));
        !second.hear().start().contains("503")
    });
    assert!(taken.is_some());
    callee.hear_starting("INVITE");
}

#[test]
fn too_many_calls_a_second_get_503() {
    let (caller, callee) = (Peer::new(), Peer::new());
    let node = with_calls(&callee, "max_cps = 3");
    for number in 0..6 {
        caller.send(node.address, &caller.invite(node.address, &format!("fast{number}"), ""));
    }
    let answers: Vec<String> = (0..6).map(|_| caller.hear().start().to_owned()).collect();
    assert!(answers.iter().filter(|answer| answer.contains("503")).count() >= 2, "{answers:?}");
}

#[test]
fn options_say_what_can_be_done_and_other_methods_get_405() {
    let (peer, callee) = (Peer::new(), Peer::new());
    let node = TestNode::bridging_to(callee.address);
    peer.send(node.address, &peer.request("OPTIONS", node.address, "o", "", ""));
    let options = peer.hear();
    assert!(options.start().starts_with("SIP/2.0 200"), "{}", options.0);
    assert!(options.header("Allow").contains("INVITE") && options.header("Accept") == "application/sdp");
    for (method, status) in [("REGISTER", "405"), ("PUBLISH", "405"), ("FOO", "501")] {
        peer.send(node.address, &peer.request(method, node.address, method, "", ""));
        let refused = peer.hear();
        assert!(refused.start().contains(status) && refused.header("Allow").contains("INVITE"), "{}", refused.0);
    }
    peer.send(node.address, &peer.request("OPTIONS", node.address, "r", "Require: 100rel, magic\r\n", ""));
    let refused = peer.hear();
    assert!(refused.start().contains("420") && refused.header("Unsupported") == "magic", "{}", refused.0);
}

#[test]
fn strangers_get_403() {
    let peer = Peer::new();
    let node = TestNode::start(Options { sections: FAR_TRUNK.into(), ..Options::default() });
    peer.send(node.address, &peer.invite(node.address, "stranger", ""));
    assert!(peer.hear().start().contains("403"));
}

#[test]
fn strangers_to_a_silent_listener_get_nothing_whatever_they_send() {
    let peer = Peer::new();
    let node = TestNode::start(Options {
        sections: format!("[[listen]]\nname = \"silent\"\nbind = \"127.0.0.1:0\"\nsilent = true\n{FAR_TRUNK}"),
        ..Options::default()
    });
    let silent = node.addresses[1];
    let malformed = peer.invite(silent, "malformed", "").replace("CSeq: 1 INVITE", "CSeq: 1 BYE");
    for text in [peer.invite(silent, "stranger", ""), peer.request("OPTIONS", silent, "o", "", ""), malformed.clone()] {
        peer.send(silent, &text);
    }
    assert!(peer.hears_nothing());
    peer.send(node.address, &malformed);
    assert!(peer.hear().start().contains("400"));
}

const FAR_TRUNK: &str = "[[trunk]]\nname = \"far\"\nmatch = { sources = [\"192.0.2.1\"] }\n";

#[test]
fn a_draining_node_lets_calls_go_on_and_takes_no_others() {
    let (caller, callee) = (Peer::new(), Peer::new());
    let node = TestNode::bridging_to(callee.address);
    let (ok, _) = answered_call(&node, &caller, &callee, "going");
    node.order(Order::Stop);
    let late = Peer::new();
    // The order may still be under way when the first of these arrives.
    for (method, id) in [("OPTIONS", "o"), ("INVITE", "i")] {
        let refused = (0..).map(|number| {
            late.send(node.address, &late.request(method, node.address, &format!("{id}{number}"), "", ""));
            late.hear()
        });
        let refused = refused.into_iter().find(|answer| answer.start().contains("503")).unwrap();
        refused.header("Retry-After").parse::<u32>().unwrap();
    }
    caller.send(node.address, &caller.inside("BYE", 2, &ok, "going"));
    let bye = callee.hear_starting("BYE");
    callee.send(node.address, &bye.answer("200 OK", "callee", "", ""));
    caller.hear_starting("SIP/2.0 200");
    node.join();
}

#[test]
fn what_has_ended_holds_up_no_drain() {
    let (caller, callee) = (Peer::new(), Peer::new());
    let node = TestNode::bridging_to(callee.address);
    caller.send(node.address, &caller.invite(node.address, "refused", ""));
    let invite = callee.hear_starting("INVITE");
    callee.send(node.address, &invite.answer("486 Busy Here", "callee", "", ""));
    caller.hear_starting("SIP/2.0 486");
    // The 486 is never acknowledged.
    node.order(Order::Stop);
    node.join();
}

#[test]
fn told_twice_it_ends_what_is_left() {
    let (caller, callee) = (Peer::new(), Peer::new());
    let node = TestNode::bridging_to(callee.address);
    answered_call(&node, &caller, &callee, "left");
    node.order(Order::Stop);
    node.order(Order::Stop);
    for peer in [&caller, &callee] {
        let bye = peer.hear_starting("BYE");
        peer.send(node.address, &bye.answer("200 OK", "x", "", ""));
    }
    node.join();
}

#[test]
fn a_reload_changes_where_calls_go_and_leaves_those_in_progress() {
    let (caller, before, after) = (Peer::new(), Peer::new(), Peer::new());
    let node = TestNode::bridging_to(before.address);
    let (ok, _) = answered_call(&node, &caller, &before, "before");
    node.reload(&bridge_to(after.address));
    let second = Peer::new();
    // The order may still be under way when a call arrives; it is taken by one of the two.
    let taken_by_after = (0..).find(|number| {
        second.send(node.address, &second.invite(node.address, &format!("n{number}"), ""));
        second.hear_starting("SIP/2.0 100");
        !after.hears_nothing()
    });
    assert!(taken_by_after.is_some());
    caller.send(node.address, &caller.inside("BYE", 2, &ok, "before"));
    before.hear_starting("BYE");
}
