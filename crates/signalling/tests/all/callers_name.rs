//! The caller's name and number go on to the callee; what lies behind the caller's host does not.

use crate::bench::{ALICE, BOB, Bench, invite};
use tandem_signalling::message::HeaderName;

/// Our From, less its tag, for a caller's From less its.
fn from(theirs: &str) -> String {
    let mut bench = Bench::new();
    bench.receive(ALICE, invite().replace("From: \"Alice\" <sip:alice@192.0.2.1>", &format!("From: {theirs}")));
    let to_bob = bench.last(BOB, "INVITE");
    tandem_signalling::message::screen(&to_bob).expect("ours is well-formed");
    let from = to_bob.header(HeaderName::From).expect("From").to_owned();
    let leading = from.rfind(";tag=").expect("our tag");
    from[..leading].to_owned()
}

#[test]
fn name_and_number_pass() {
    assert_eq!(from("\"Alice \\\"A\\\"\" <sip:alice@10.0.0.1;user=phone>"), "\"Alice \\\"A\\\"\" <sip:alice@192.0.2.9>");
    assert_eq!(from("Alice <sip:+49123@10.0.0.1>"), "\"Alice\" <sip:+49123@192.0.2.9>");
    assert_eq!(from("sip:alice@10.0.0.1"), "<sip:alice@192.0.2.9>");
    assert_eq!(from("<sip:10.0.0.1>"), "<sip:192.0.2.9>");
    assert_eq!(from("<tel:+49123>"), "<sip:+49123@192.0.2.9>");
}

#[test]
fn a_name_cannot_break_out_of_its_quotes() {
    assert_eq!(from("Alice\\ <sip:alice@10.0.0.1>"), "\"Alice\\\\\" <sip:alice@192.0.2.9>");
    assert!(from("Jörg\r\n Müller <sip:j@10.0.0.1>").ends_with(" Müller\" <sip:j@192.0.2.9>"));
}
