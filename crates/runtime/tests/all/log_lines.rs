//! What the log says of a call: one line at INFO when it has ended; every message at DEBUG, without secrets or control bytes.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use crate::common::{Peer, TestNode, answered_call};
use std::{
    collections::BTreeSet,
    io::{self, Write},
    sync::{Arc, Mutex},
};
use tandem_runtime::log::{self, LogFormat};

#[derive(Clone, Default)]
struct Written(Arc<Mutex<Vec<u8>>>);

impl Write for Written {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn a_call_leaves_one_line_and_its_messages_are_shown_safely() {
    let written = Written::default();
    let writer = log::start(LogFormat::Json, "debug", Box::new(written.clone())).unwrap();
    let (caller, callee) = (Peer::new(), Peer::new());
    let node = TestNode::bridging_to(callee.address);
    let (ok, _) = answered_call(&node, &caller, &callee, "logged");
    let bye = caller.inside("BYE", 2, &ok, "logged").replace(
        "Content-Length",
        "Authorization: Digest response=\"5ecret\"\r\nX-Sly: \u{1b}[2J\u{7}\u{9b}31m\u{202e}\r\nReason: SIP;text=\"\u{1b}\"\r\nContent-Length",
    );
    caller.send(node.address, &bye);
    // Whatever becomes of it: the next one is plain.
    caller.send(node.address, &caller.inside("BYE", 3, &ok, "plain"));
    let relayed = callee.hear_starting("BYE");
    callee.send(node.address, &relayed.answer("200 OK", "callee", "", ""));
    // Its own leg's URIs and description have secrets, and it is refused.
    let (rung, sdp) = (Peer::new(), format!("{}k=clear:5ecret\r\n", Peer::new().sdp()));
    let invite =
        rung.request("INVITE", node.address, "refused", "", &sdp).replace("sip:a@", "sip:a:5ecret@").replace("sip:100@", "sip:100:5ecret@");
    rung.send(node.address, &invite);
    let refused = callee.hear_starting("INVITE");
    callee.send(node.address, &refused.answer("180 Ringing", "no", "", ""));
    rung.hear_starting("SIP/2.0 180");
    callee.send(node.address, &refused.answer("491 Request Pending", "no", "", ""));
    rung.hear_starting("SIP/2.0 500");
    drop(node);
    drop(writer);

    let text = String::from_utf8(written.0.lock().unwrap().clone()).unwrap();
    let lines: Vec<serde_json::Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert!(!text.contains("5ecret") && text.contains("Digest *****"), "{text}");
    let strings = lines.iter().flat_map(|line| line.as_object().unwrap().values()).filter_map(|value| value.as_str());
    for string in strings {
        assert!(!string.chars().any(char::is_control) && !string.contains('\u{202e}'), "{string:?}");
    }
    let ended: Vec<_> = lines.iter().filter(|line| line["level"] == "INFO" && line["message"] == "call ended").collect();
    assert_eq!(ended.len(), 2, "{text}");
    let (ended, refused) = (ended[0], ended[1]);
    assert!(refused["status"] == 500 && refused["callee_status"] == 491 && refused["ringing_ms"].is_u64(), "{refused}");
    assert!(refused["from"].as_str().unwrap().starts_with("sip:a:******@"), "{refused}");
    assert!(
        ended["call"].as_str().unwrap().starts_with("call_") && ended["reason"] == "caller hung up" && ended["route"] == "all",
        "{ended}"
    );
    assert!(ended["from"].as_str().unwrap().starts_with("sip:a@") && ended["status"] == 200 && ended["codec"] == "PCMU", "{ended}");
    let is_ours = |line: &&serde_json::Value| line["call"] == ended["call"];
    for (direction, start) in [("received", "BYE sip:"), ("sent", "SIP/2.0 200 OK")] {
        let shows =
            |line: &serde_json::Value| line["message"] == direction && line["sip"].as_str().is_some_and(|sip| sip.starts_with(start));
        assert!(lines.iter().filter(is_ours).any(shows), "{text}");
    }
    assert!(
        lines.iter().any(|line| line["message"] == "leg.answered" && line["leg"].as_str().is_some_and(|leg| leg.starts_with("leg_"))),
        "{text}"
    );
    // Both calls' messages, the first of them included, name their call and the leg of the peer that they are from or for.
    for ended in [ended, refused] {
        let end_of = |name: &str| ended[name].as_str().unwrap().rsplit('@').next().unwrap().to_owned();
        let messages: Vec<_> = lines.iter().filter(|line| line["sip"].is_string() && line["call"] == ended["call"]).collect();
        assert!(messages[0]["message"] == "received" && messages[0]["sip"].as_str().unwrap().starts_with("INVITE"), "{messages:?}");
        let leg_with = |peer: &str| {
            let legs: BTreeSet<_> = messages.iter().filter(|line| line["peer"] == peer).map(|line| line["leg"].as_str().unwrap()).collect();
            assert_eq!(legs.len(), 1, "{messages:?}");
            legs.first().unwrap().to_string()
        };
        assert!(leg_with(&end_of("caller")) < leg_with(&end_of("callee")));
    }
    assert!(lines.iter().filter(|line| line["sip"].is_string()).all(|line| line["call"].is_string()), "{text}");
}
