//! The Reason header: what of it goes on, and what it says in numbers (RFC 3326, RFC 6432, RFC 8606).

use bytes::Bytes;
use tandem_signalling::{
    message::Message,
    reason::{Told, passable, told},
};

fn bye(reasons: &[&str]) -> Message {
    let lines: String = reasons.iter().map(|reason| format!("Reason: {reason}\r\n")).collect();
    let text = format!(
        "BYE sip:a@10.0.0.1 SIP/2.0\r\nVia: SIP/2.0/UDP 10.0.0.2;branch=z9hG4bKx\r\nFrom: <sip:a@b>;tag=1\r\nTo: <sip:c@d>;tag=2\r\nCall-ID: x\r\nCSeq: 2 BYE\r\nMax-Forwards: 70\r\n{lines}Content-Length: 0\r\n\r\n"
    );
    Message::parse(Bytes::from(text)).expect("a message")
}

fn passed(reasons: &[&str]) -> Option<String> {
    passable(&bye(reasons)).map(String::from)
}

#[test]
fn what_can_be_read_goes_on_written_anew() {
    for (given, goes_on) in [
        ("Q.850;cause=16;text=\"Normal call clearing\"", "Q.850;cause=16;text=\"Normal call clearing\""),
        ("q.850 ; Cause = 17 ; x=y", "Q.850;cause=17"),
        ("Q.850;cause=17;text=\"a\\\u{b}X-Secret: b\"", "Q.850;cause=17"),
        ("SIP ;cause=600 ;text=\"Busy Everywhere\"", "SIP;cause=600;text=\"Busy Everywhere\""),
        ("Q.850;cause=31;location=LN", "Q.850;cause=31;location=LN"),
        ("Preemption;cause=5;text=\"Network Preemption\"", "Preemption;cause=5;text=\"Network Preemption\""),
        (
            "SIP;cause=200;text=\"Call completed, elsewhere\", Q.850;cause=26",
            "SIP;cause=200;text=\"Call completed, elsewhere\", Q.850;cause=26",
        ),
    ] {
        assert_eq!(passed(&[given]).as_deref(), Some(goes_on), "{given}");
    }
    assert_eq!(passed(&["Q.850;cause=16", "SIP;cause=200"]).as_deref(), Some("Q.850;cause=16, SIP;cause=200"), "two lines");
}

#[test]
fn garbage_does_not() {
    for given in [
        "",
        "Q.850",
        "Q.850;cause",
        "Q.850;cause=",
        "Q.850;cause=128",
        "Q.850;cause=-1",
        "Q.850;cause=1e1",
        "Q.850;cause=99999999999",
        "SIP;cause=99",
        "SIP;cause=700",
        "SIP;cause=\"busy\"",
        "X.int;reasoncode=0x1;add-info=1",
        "cause=16",
        ";;;",
        "Q.850 cause=16",
        "Q.850;cause=16;text=\"no end",
    ] {
        assert_eq!(passed(&[given]), None, "{given}");
    }
    assert_eq!(passed(&[]), None);
    let long = format!("Q.850;cause=16;text=\"{}\"", "x".repeat(400));
    assert_eq!(passed(&[&long]).as_deref(), Some("Q.850;cause=16"), "the cause without an essay");
    // RFC 3326 §2: one value of each protocol. What is between others is left out, what is good stays.
    assert_eq!(passed(&["Q.850;cause=300, nonsense, Q.850;cause=17, Q.850;cause=18"]).as_deref(), Some("Q.850;cause=17"));
    assert_eq!(passed(&[&vec!["x;cause=1"; 40].join(",")]), None);
}

#[test]
fn it_says_numbers() {
    let said = |sip, q850| Told { sip, q850 };
    for (header, numbers) in [
        ("Q.850;cause=16", said(None, Some(16))),
        ("SIP;cause=486;text=\"x, Q.850;cause=1\"", said(Some(486), None)),
        ("SIP;cause=486, Q.850;cause=17", said(Some(486), Some(17))),
        ("Preemption;cause=1", said(None, None)),
        ("", said(None, None)),
    ] {
        assert_eq!(told(header), numbers, "{header}");
    }
}
