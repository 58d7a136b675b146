//! Headers in odd clothes: space before the colon, other case, compact and folded forms, control characters. None passes a rule that strips it.

use crate::worded;
use tandem_phone::Message;
use tandem_sim::{ALICE, BOB, Sim, ms};

/// An INVITE of alice's with those lines, bytes as they are.
fn invite(lines: &[u8]) -> Vec<u8> {
    let body = "v=0\r\no=a 1 1 IN IP4 10.0.1.1\r\ns=-\r\nc=IN IP4 10.0.1.1\r\nt=0 0\r\nm=audio 4000 RTP/AVP 0\r\n";
    let head = "INVITE sip:111@10.0.0.1 SIP/2.0\r\nVia: SIP/2.0/UDP 10.0.1.1:5060;branch=z9hG4bK-smuggled;rport\r\nMax-Forwards: 70\r\n\
                From: <sip:alice@10.0.1.1>;tag=a\r\nTo: <sip:111@10.0.0.1>\r\nCall-ID: smuggled\r\nCSeq: 1 INVITE\r\nContact: <sip:alice@10.0.1.1>\r\n";
    let rest = format!("Content-Type: application/sdp\r\nContent-Length: {}\r\n\r\n{body}", body.len());
    [head.as_bytes(), lines, rest.as_bytes()].concat()
}

/// What bob gets of it, if he gets it.
fn passed(alice: &str, bob: &str, lines: &[u8]) -> Option<Message> {
    let mut sim: Sim = worded(alice, bob);
    sim.send_raw(ALICE, invite(lines));
    sim.run_for(ms(100));
    sim.phone(BOB).heard("INVITE").find(|message| message.is_request()).cloned()
}

/// The same header in every form that parsers have been fooled with.
const FORMS: &[&[u8]] = &[
    b"X-Secret: s\r\n",
    b"X-Secret : s\r\n",
    b"X-Secret\t:s\r\n",
    b"x-sEcReT:s\r\n",
    b"X-Secret: s,\r\n s\r\n",
    b"X-Secret:\r\n\ts\r\n",
    b"X-Secret \t : \r\n s\r\n",
    b"X-Secret: s\r\nX-Secret : s\r\n",
    b" X-Secret: s\r\n",
    b"X-Secret\r\n : s\r\n",
    b"X-A: 1\r\n\r X-Secret: s\r\n",
    b"X-A: 1\rX-Secret: s\r\n",
    b"X-A: 1\nX-Secret: s\r\n",
    b"X-A: 1\0\r\nX-Secret: s\r\n",
    b"X-A: 1\0X-Secret: s\r\n",
    b"X-\0Secret: s\r\n",
    b"\0X-Secret: s\r\n",
    b"X-A: \"\r\nX-Secret: s\r\n",
    b"X-A: 1\xff\r\nX-Secret: s\r\n",
    b"X-A: 1\x0b\r\nX-Secret: s\r\n",
];

/// Whether a reader, however careless, could see that header in the message: as a line of its own, at any kind of line end.
fn shows(message: &Message, name: &str) -> bool {
    let text = String::from_utf8_lossy(&message.print()).to_ascii_lowercase();
    let head = text.split("\r\n\r\n").next().unwrap_or_default().to_owned();
    head.split(['\r', '\n', '\0', '\u{b}']).any(|line| line.trim_start().starts_with(name))
}

#[test]
fn what_is_removed_on_the_way_out_passes_in_no_form() {
    let rules = "headers_out = { pass = [\"*\"], remove = [\"X-Secret\"] }";
    for form in FORMS {
        if let Some(invite) = passed("", rules, form) {
            assert!(!shows(&invite, "x-secret"), "{}: {}", form.escape_ascii(), String::from_utf8_lossy(&invite.print()));
        }
    }
    assert!(passed("", rules, b"X-A: 1\r\nX-Secret : s\r\n").is_some_and(|invite| shows(&invite, "x-a")), "the test sees what passes");
}

#[test]
fn nor_on_the_way_in() {
    let (alice, bob) = ("headers_in = { remove = [\"X-Secret\"] }", "headers_out = { pass = [\"*\"] }");
    for form in FORMS {
        if let Some(invite) = passed(alice, bob, form) {
            assert!(!shows(&invite, "x-secret"), "{}: {}", form.escape_ascii(), String::from_utf8_lossy(&invite.print()));
        }
    }
}

#[test]
fn a_compact_name_is_the_header_that_it_stands_for() {
    let rules = "headers_out = { pass = [\"*\"], remove = [\"Subject\", \"Referred-By\"] }";
    for lines in [&b"s: x\r\n"[..], b"S :x\r\n", b"s\t: x\r\n", b"SUBJECT : x\r\n", b"b: <sip:x@y>\r\n", b"B : <sip:x@y>\r\n"] {
        let invite = passed("", rules, lines).unwrap_or_else(|| unreachable!("{} is no reason to refuse", lines.escape_ascii()));
        for name in ["s:", "s :", "subject", "b:", "b :", "referred-by"] {
            assert!(!shows(&invite, name), "{}: {}", lines.escape_ascii(), String::from_utf8_lossy(&invite.print()));
        }
    }
}

#[test]
fn what_is_never_passed_is_not_passed_in_disguise() {
    let rules = "headers_out = { pass = [\"*\"] }";
    for name in ["P-Asserted-Identity", "Remote-Party-ID", "Route", "Record-Route", "Proxy-Authorization", "Replaces"] {
        for form in [format!("{name} : <sip:x@y>\r\n"), format!("{}:\r\n <sip:x@y>\r\n", name.to_uppercase())] {
            if let Some(invite) = passed("", rules, form.as_bytes()) {
                assert!(!shows(&invite, &name.to_lowercase()), "{form}: {}", String::from_utf8_lossy(&invite.print()));
            }
        }
    }
}
