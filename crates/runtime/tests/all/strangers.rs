//! What somebody gets whom no trunk's `match` knows: docs/known-attacks.md, row by row.

use crate::common::{Options, Peer, TestNode};
use std::net::SocketAddr;

const FAR_TRUNK: &str = "[[trunk]]\nname = \"far\"\nmatch = { sources = [\"192.0.2.1\"] }\n";

/// What a stranger can send, and the status of the refusal.
fn refused(peer: &Peer, node: SocketAddr) -> Vec<(String, &'static str)> {
    let methods = ["INVITE", "OPTIONS", "REGISTER", "MESSAGE", "FOO"];
    let mut all: Vec<_> = methods.iter().map(|method| (peer.request(method, node, method, "", ""), "403")).collect();
    let options = |id: &str| peer.request("OPTIONS", node, id, "", "");
    let in_a_dialog = |text: &str| -> String {
        let tagged =
            text.lines().map(|line| if line.starts_with("To:") { format!("{line};tag=nobodys\r\n") } else { format!("{line}\r\n") });
        tagged.collect()
    };
    all.extend([
        (peer.request("CANCEL", node, "cancel", "", ""), "481"),
        (peer.request("BYE", node, "bye", "", ""), "481"),
        (in_a_dialog(&options("dialog")), "481"),
        (options("cseq").replace("CSeq: 1 OPTIONS", "CSeq: 1 BYE"), "400"),
        (peer.request("INVITE", node, "accept", "Accept: text/plain\r\n", ""), "406"),
        (options("uri").replace("OPTIONS sip:", "OPTIONS http:"), "416"),
        (options("hops").replace("Max-Forwards: 70", "Max-Forwards: 0"), "483"),
        (options("version").replace(" SIP/2.0\r\n", " SIP/3.0\r\n"), "505"),
        (peer.request("OPTIONS", node, "many", &"X: 1\r\n".repeat(3000), ""), "513"),
    ]);
    all
}

#[test]
fn a_stranger_is_refused_alike_whatever_there_is_behind() {
    let peer = Peer::new();
    let node = TestNode::start(Options { sections: FAR_TRUNK.into(), ..Options::default() });
    for (text, status) in refused(&peer, node.address) {
        peer.send(node.address, &text);
        let answer = peer.hear();
        assert!(answer.start().starts_with(&format!("SIP/2.0 {status} ")), "{status} wanted\n{text}\n{}", answer.0);
    }
    for text in [peer.request("ACK", node.address, "ack", "", ""), "\r\n\r\n".to_owned(), "hello".to_owned()] {
        peer.send(node.address, &text);
    }
    assert!(peer.hears_nothing());
}

#[test]
fn a_silent_listener_answers_none_of_it() {
    let peer = Peer::new();
    let sections = format!("[[listen]]\nname = \"silent\"\nbind = \"127.0.0.1:0\"\nsilent = true\n{FAR_TRUNK}");
    let node = TestNode::start(Options { sections, ..Options::default() });
    let silent = node.addresses[1];
    for (text, _) in refused(&peer, silent) {
        peer.send(silent, &text);
    }
    assert!(peer.hears_nothing());
}
