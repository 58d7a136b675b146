//! What a message says, in every way that it may be written.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use bytes::Bytes;
use tandem_signalling::message::{CSeq, Contact, HeaderName, MediaType, Message, Method, NameAddr, Params, ParseErrorKind, Via, screen};

const INVITE: &str = "INVITE sip:bob@biloxi.example.com SIP/2.0\r\n\
    Via: SIP/2.0/UDP pc33.atlanta.example.com:5062;branch=z9hG4bKnashds8;rport\r\n\
    Via: SIP/2.0/UDP [2001:db8::1]:5070;branch=z9hG4bKx, SIP/2.0/TCP a.example\r\n\
    Max-Forwards: 70\r\n\
    t: Bob <sip:bob@biloxi.example.com>\r\n\
    From: \"Alice, \\\"A\\\"\" <sip:alice@atlanta.example.com;x=y>;tag=1928301774\r\n\
    Call-ID: a84b4c76e66710\r\n\
    CSeq: 314159 INVITE\r\n\
    X-Custom: one,\r\n  two\r\n\
    Contact: <sip:alice@pc33.atlanta.example.com>\r\n\
    Content-Type: application/sdp\r\n\
    Content-Length: 4\r\n\r\nv=0\nrest";

fn parse(text: &str) -> Message {
    Message::parse(Bytes::copy_from_slice(text.as_bytes())).unwrap()
}

#[test]
fn a_backslash_lets_control_characters_into_quoted_strings_alone() {
    let defect = |text: &str| parse(text).defect().map(|defect| defect.kind);
    assert_eq!(defect(&INVITE.replace("X-Custom: one", "X-Custom: \"one\\\u{b}\"")), None);
    assert_eq!(defect(&INVITE.replace("X-Custom: one", "X-Custom: one\u{b}")), Some(ParseErrorKind::Control));
    let answer = INVITE.replace("INVITE sip:bob@biloxi.example.com SIP/2.0", "SIP/2.0 486 Busy\\\u{b}X-Secret: 1");
    assert_eq!(defect(&answer), Some(ParseErrorKind::Control));
    assert_eq!(defect(&answer.replace('\u{b}', "\t")), None);
}

#[test]
fn a_request_is_read() {
    let message = parse(INVITE);
    screen(&message).unwrap();
    assert_eq!((message.method(), message.uri(), message.status()), (Method::Invite, "sip:bob@biloxi.example.com", 0));
    assert_eq!(message.from().unwrap().tag(), Some("1928301774"));
    assert_eq!(message.from().unwrap().display_name().as_deref(), Some("Alice, \"A\""));
    assert_eq!(message.from().unwrap().uri, "sip:alice@atlanta.example.com;x=y");
    assert_eq!(message.to().unwrap().tag(), None);
    assert_eq!(message.cseq().unwrap().number, 314159);
    assert_eq!(message.max_forwards(), Some(Ok(70)));
    let via = message.via().unwrap();
    assert_eq!((via.transport, via.host, via.port), ("UDP", "pc33.atlanta.example.com", Some(5062)));
    assert_eq!((via.branch(), via.rport(), via.received()), (Some("z9hG4bKnashds8"), Some(None), None));
    assert_eq!(message.values(HeaderName::Via).count(), 3);
    assert_eq!(message.body(), b"v=0\n");
    assert_eq!(message.sdp_body(), Some(&b"v=0\n"[..]));
    assert!(matches!(message.contact(), Ok(Some(Contact::Address(address))) if address.uri == "sip:alice@pc33.atlanta.example.com"));
}

#[test]
fn a_response_is_read() {
    let message = parse("SIP/2.0 486 Busy: really\r\ni: x\r\nCSeq: 4 BYE\r\n\r\n");
    assert!(!message.is_request());
    assert_eq!((message.status(), message.reason(), message.uri()), (486, "Busy: really", ""));
    assert_eq!((message.method(), message.method_token()), (Method::Bye, "BYE"));
}

#[test]
fn a_header_is_found_by_its_long_and_its_compact_name_in_any_case() {
    let message = parse("OPTIONS sip:a@b SIP/2.0\r\nI: 1\r\nk: timer\r\nSUPPORTED : 100rel,path\r\ncontent-TYPE\t: a/b\r\n\r\n");
    assert_eq!(message.call_id(), "1");
    assert_eq!(message.values(HeaderName::Supported).collect::<Vec<_>>(), ["timer", "100rel", "path"]);
    assert_eq!(message.header(HeaderName::ContentType), Some("a/b"));
    assert_eq!(message.header(HeaderName::Route), None);
    let names: Vec<_> = message.headers().map(|header| header.raw_name).collect();
    assert_eq!(names, ["I", "k", "SUPPORTED", "content-TYPE"]);
}

#[test]
fn more_headers_than_the_index_holds_are_all_there() {
    let mut text = String::from("OPTIONS sip:a@b SIP/2.0\r\n");
    for number in 0..100 {
        text += &format!("X-{number}: {number}\r\n");
        if number % 10 == 0 {
            text += &format!("Via: SIP/2.0/UDP host{number}\r\n");
        }
    }
    text += "Subject: late\r\nContent-Length: 2\r\n\r\nok and more";
    let message = parse(&text);
    assert_eq!(message.headers().count(), 112);
    assert_eq!(message.values(HeaderName::Via).last(), Some("SIP/2.0/UDP host90"));
    assert_eq!(message.header(HeaderName::Subject), Some("late"));
    assert_eq!(message.body(), b"ok");
}

#[test]
fn commas_inside_quotes_and_brackets_do_not_end_an_item() {
    let message = parse(
        "OPTIONS sip:a@b SIP/2.0\r\nContact: \"a, \\\", <b\" <sip:c,d@e;x=1>;q=1 , , <sip:f@g>\r\nm: sip:h@i;x=\"1,2\",sip:j@k\r\n\r\n",
    );
    let items: Vec<_> = message.values(HeaderName::Contact).collect();
    assert_eq!(items, ["\"a, \\\", <b\" <sip:c,d@e;x=1>;q=1", "<sip:f@g>", "sip:h@i;x=\"1,2\"", "sip:j@k"]);
}

#[test]
fn an_error_names_its_place_in_the_message() {
    let text = INVITE.replace("CSeq: 314159", "CSeq: 31415x");
    let error = parse(&text).cseq().unwrap_err();
    assert_eq!((error.name, error.kind, error.position), (HeaderName::CSeq, ParseErrorKind::Token, text.find("x INVITE").unwrap()));
    let rejection = screen(&parse(&text)).unwrap_err();
    assert_eq!((rejection.status, rejection.position), (400, error.position));
    let text = INVITE.replace(";tag=1928301774", ";tag=19;;x");
    let error = parse(&text).from().unwrap_err();
    assert_eq!((error.kind, error.position), (ParseErrorKind::Parameter, text.find(";;x").unwrap() + 1));
    assert_eq!(Message::parse(Bytes::from_static(b"\r\nHELO me\r\n")).unwrap_err().to_string(), "not a SIP message at byte 2");
}

#[test]
fn a_broken_line_does_not_hide_the_others() {
    let message = parse("INVITE sip:a@b SIP/2.0\r\nno header\r\nVia: SIP/2.0/UDP c\r\nFrom: <sip:d@e>;tag=1\r\n\r\n");
    assert_eq!(message.defect().map(|defect| (defect.kind, defect.position)), Some((ParseErrorKind::HeaderLine, 27)));
    assert_eq!(message.via().unwrap().host, "c");
    assert_eq!(message.headers().count(), 2);
}

#[test]
fn addresses_are_read_in_all_their_forms() {
    let read = |text| NameAddr::parse(text).map(|address| (address.display, address.uri, address.params.as_str()));
    assert_eq!(read("sip:a@b"), Ok((None, "sip:a@b", "")));
    assert_eq!(read(" sip:a@b ; tag = x"), Ok((None, "sip:a@b", "; tag = x")));
    assert_eq!(read("<sip:a@b;lr?x=y>;z"), Ok((None, "sip:a@b;lr?x=y", ";z")));
    assert_eq!(read("A  B.C <tel:+1>"), Ok((Some("A  B.C"), "tel:+1", "")));
    assert_eq!(read("\"<sip:x@y>\" \r\n <sip:a@b>"), Ok((Some("\"<sip:x@y>\""), "sip:a@b", "")));
    assert_eq!(read("Ägidius (home) <sip:a@b>"), Ok((Some("Ägidius (home)"), "sip:a@b", "")));
    assert_eq!(read("sip:a@b;x=\"<\""), Ok((None, "sip:a@b", ";x=\"<\"")));
}

#[test]
fn addresses_that_cannot_be_read_say_why() {
    let kind = |text| NameAddr::parse(text).map_err(|error| (error.position, error.kind)).unwrap_err();
    assert_eq!(kind(""), (0, ParseErrorKind::Scheme));
    assert_eq!(kind("a@b"), (0, ParseErrorKind::Scheme));
    assert_eq!(kind("<sip:a@b"), (0, ParseErrorKind::Brackets));
    assert_eq!(kind("<>"), (1, ParseErrorKind::Scheme));
    assert_eq!(kind("<sip:a@b>x"), (9, ParseErrorKind::Trailing));
    assert_eq!(kind("<sip:a@b> , <sip:c@d>"), (10, ParseErrorKind::Trailing));
    assert_eq!(kind("< sip:a@b>"), (1, ParseErrorKind::Scheme));
    assert_eq!(kind("<sip:a@b >"), (8, ParseErrorKind::Character));
    assert_eq!(kind("\"a <sip:a@b>"), (0, ParseErrorKind::Quote));
    assert_eq!(kind("\"a\\\" <sip:a@b>"), (0, ParseErrorKind::Quote));
    assert_eq!(kind("\"a\" sip:a@b"), (4, ParseErrorKind::Brackets));
    assert_eq!(kind("sip:a@b?x=y"), (7, ParseErrorKind::NeedsBrackets));
    assert_eq!(kind("sip:a,c@b"), (5, ParseErrorKind::NeedsBrackets));
    assert_eq!(kind("<sip:a@b>;=1"), (10, ParseErrorKind::Parameter));
    assert_eq!(kind("<sip:a@b>;a="), (12, ParseErrorKind::Parameter));
    assert_eq!(kind("<sip:a@b>;a=\"1"), (12, ParseErrorKind::Quote));
}

#[test]
fn parameters_are_found_without_case_and_without_quotes() {
    let params = Params::parse(" ;A; b = c ;D=\"e;\\\"f\"").unwrap();
    assert_eq!(params.iter().collect::<Vec<_>>(), [("A", None), ("b", Some("c")), ("D", Some("\"e;\\\"f\""))]);
    assert_eq!((params.get("a"), params.get("B"), params.get("d"), params.get("x")), (Some(""), Some("c"), Some("e;\\\"f"), None));
    assert!(params.has("a") && !params.has("e"));
}

#[test]
fn vias_are_read_with_any_spacing() {
    let via = Via::parse("SIP / 2.0\r\n / WSS  [::1] : 443 ; received = 2001:db8::7;rport=99;MADDR=224.2.0.1 ; ttl=1").unwrap();
    assert_eq!((via.transport, via.host, via.port, via.sent_by()), ("WSS", "[::1]", Some(443), "[::1] : 443"));
    assert_eq!((via.received(), via.rport(), via.params.get("maddr")), (Some("2001:db8::7"), Some(Some(99)), Some("224.2.0.1")));
    let kind = |text| Via::parse(text).map_err(|error| error.kind).unwrap_err();
    assert_eq!(kind(""), ParseErrorKind::Token);
    assert_eq!(kind("SIP/2.0"), ParseErrorKind::Token);
    assert_eq!(kind("SIP/2.0/UDP"), ParseErrorKind::Host);
    assert_eq!(kind("SIP/2.0/UDP a:b"), ParseErrorKind::Port);
    assert_eq!(kind("SIP/2.0/UDP 2001:db8::1"), ParseErrorKind::Port);
    assert_eq!(kind("SIP/2.0/UDP [2001:db8::1"), ParseErrorKind::Host);
    assert_eq!(kind("SIP/2.0/UDP a b"), ParseErrorKind::Trailing);
    assert_eq!(kind("SIP/2.0/UDP a;branch=1;"), ParseErrorKind::Parameter);
}

#[test]
fn sequence_numbers_have_their_limit() {
    let read = |text| CSeq::parse(text).map(|cseq| (cseq.number, cseq.method_token)).map_err(|error| error.kind);
    assert_eq!(read("0 X"), Ok((0, "X")));
    assert_eq!(read("00000000002147483647\t\r\n INVITE"), Ok((2147483647, "INVITE")));
    assert_eq!(read("2147483648 INVITE"), Err(ParseErrorKind::Number));
    assert_eq!(read("99999999999999999999 INVITE"), Err(ParseErrorKind::Number));
    assert_eq!(read("-1 INVITE"), Err(ParseErrorKind::Number));
    assert_eq!(read("1INVITE"), Err(ParseErrorKind::Token));
    assert_eq!(read("1 "), Err(ParseErrorKind::Token));
    assert_eq!(read("1 INVITE x"), Err(ParseErrorKind::Token));
}

#[test]
fn media_types_are_compared_without_case_and_parameters() {
    let kind = MediaType::parse(" Application / SDP ; charset=utf-8").unwrap();
    assert!(kind.is("application", "sdp") && kind.params.get("charset") == Some("utf-8"));
    assert!(MediaType::parse("application").is_err() && MediaType::parse("application/sdp x").is_err());
}

#[test]
fn a_small_message_does_not_keep_a_large_buffer() {
    let mut buffer = INVITE.as_bytes().to_vec();
    buffer.resize(60_000, b'.');
    let message = Message::parse(Bytes::from(buffer)).unwrap().into_exact();
    assert_eq!(message.bytes().len(), INVITE.len() - "rest".len());
    assert_eq!((message.body(), message.call_id()), (&b"v=0\n"[..], "a84b4c76e66710"));
}

#[test]
fn the_largest_datagram_is_read_and_no_larger_one() {
    let mut text = INVITE.replace("Content-Length: 4", "Content-Length: 64946").into_bytes();
    text.resize(65_535, b'.');
    let message = Message::parse(Bytes::from(text.clone())).unwrap();
    assert_eq!((message.defect(), message.body().len()), (None, 64_946));
    text.push(b'.');
    assert_eq!(Message::parse(Bytes::from(text)).unwrap_err().kind, ParseErrorKind::TooLarge);
}
