//! What holds for any bytes.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use bytes::Bytes;
use proptest::prelude::*;
use tandem_signalling::message::{
    CSeq, Contact, Frame, Framer, Header, HeaderName, MediaType, Message, NameAddr, Params, Printer, Uri, Via, parts, screen, unescape,
};

/// Bytes that look like SIP: what random bytes hardly ever hit.
fn sip_like() -> impl Strategy<Value = Vec<u8>> {
    const WORDS: &[&str] = &[
        "INVITE sip:a@b SIP/2.0",
        "SIP/2.0 200 OK",
        "SIP/2.0",
        "\r\n",
        "\r\n",
        "\r\n",
        "\r\n\r\n",
        "\n",
        "\r",
        " ",
        "\t",
        ":",
        ",",
        ";",
        "=",
        "<",
        ">",
        "\"",
        "\\",
        "@",
        "?",
        "%",
        "%00",
        "[",
        "]",
        "[::1]",
        "Via",
        "v",
        "From: ",
        "To: ",
        "Call-ID: ",
        "CSeq: 1 INVITE",
        "CSeq",
        "Contact: ",
        "Content-Length: ",
        "l: 3",
        "Max-Forwards: 70",
        "Route: ",
        "SIP/2.0/UDP ",
        "sip:",
        "sips:",
        "tel:",
        "+49",
        "a",
        "b.example",
        "192.0.2.1",
        "5060",
        "tag=",
        "branch=z9hG4bK",
        "rport",
        "received=",
        "lr",
        "*",
        "0",
        "99999999999",
        "é",
        "\u{0}",
        "Content-Type: multipart/mixed;boundary=x",
        "--x",
        "--x--",
        "application/sdp",
        "v=0",
    ];
    let word = prop_oneof![
        12 => prop::sample::select(WORDS).prop_map(|word| word.as_bytes().to_vec()),
        1 => prop::collection::vec(any::<u8>(), 1..4),
    ];
    prop::collection::vec(word, 0..60).prop_map(|words| words.concat())
}

fn any_bytes() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![3 => sip_like(), 1 => prop::collection::vec(any::<u8>(), 0..300)]
}

/// Well-formed header lines, some of them folded.
fn header_lines() -> impl Strategy<Value = Vec<u8>> {
    let name = prop_oneof!["[A-Za-z0-9.!%*_+`'~-]{1,12}", Just("Via".to_owned()), Just("m".to_owned()), Just("SuBJECT".to_owned())];
    let line = (name, "[ \t]{0,2}:", "([!-~\u{a1}-\u{ffff}]{1,8}|[ \t]|\r\n[ \t]){0,8}")
        .prop_map(|(name, colon, value)| format!("{name}{colon}{value}\r\n"));
    let is_length = |line: &String| line.starts_with(['l', 'L']) || line.to_ascii_lowercase().starts_with("content-length");
    prop::collection::vec(line.prop_filter("its value must be a number", move |line| !is_length(line)), 0..60)
        .prop_map(|lines| lines.concat().into_bytes())
}

fn unfolded(header: Header<'_>) -> (&str, String) {
    (header.raw_name, header.unfolded().into_owned())
}

fn look_all_over(message: &Message) {
    let length = message.bytes().len();
    for header in message.headers() {
        assert!(header.unfolded().len() <= header.value.len());
        let _ = (message.header(header.name), message.values(header.name).count());
    }
    for name in [HeaderName::Via, HeaderName::From, HeaderName::To, HeaderName::CSeq, HeaderName::Contact] {
        for item in message.values(name) {
            let _ = (Via::parse(item), NameAddr::parse(item), Contact::parse(item), CSeq::parse(item), MediaType::parse(item));
        }
    }
    let errors = [message.from().err(), message.to().err(), message.via().err(), message.cseq().err(), message.contact().err()];
    assert!(errors.into_iter().flatten().all(|error| error.position <= length));
    if let Err(rejection) = screen(message) {
        assert!(rejection.position <= length && (400..600).contains(&rejection.status));
    }
    if let Some(kind) = message.content_type() {
        assert!(parts(kind, message.body()).all(|part| part.content.end <= message.body().len()));
    }
    let _ = (message.sdp_body(), message.max_forwards(), message.method_token(), message.reason(), Uri::parse(message.uri()));
    let source = "192.0.2.1:5060".parse().unwrap();
    let response = Printer::response_to(message, source, 400, "Bad Request", Some("x")).finish();
    assert!(Message::parse(response).is_ok_and(|response| response.status() == 400));
}

fn print_again(message: &Message) -> Message {
    let mut printer = Printer::request(message.method_token(), message.uri());
    for header in message.headers().filter(|header| header.name != HeaderName::ContentLength) {
        printer.copy(header);
    }
    Message::parse(printer.finish()).unwrap()
}

fn frames(pieces: &[&[u8]]) -> Vec<Frame> {
    let mut framer = Framer::new();
    let mut frames = Vec::new();
    for piece in pieces {
        framer.push(piece);
        frames.extend(std::iter::from_fn(|| framer.poll_frame()).filter_map(Result::ok));
    }
    frames
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_bytes_can_do_harm(bytes in any_bytes()) {
        if let Ok(message) = Message::parse(Bytes::from(bytes)) {
            look_all_over(&message);
            look_all_over(&message.into_exact());
        }
    }

    #[test]
    fn no_header_section_can_do_harm(bytes in any_bytes()) {
        let bytes = [b"INVITE sip:a@b SIP/2.0\r\n".to_vec(), bytes, b"\r\n\r\n".to_vec()].concat();
        if let Ok(message) = Message::parse(Bytes::from(bytes)) {
            look_all_over(&message);
        }
    }

    #[test]
    fn no_text_can_do_harm(text in "\\PC{0,60}|[a-z:@;=<>,\"\\\\%\\[\\]?& \r\n0-9.]{0,60}") {
        let _ = (NameAddr::parse(&text), Via::parse(&text), CSeq::parse(&text), MediaType::parse(&text), Contact::parse(&text));
        let _ = (Params::parse(&text), unescape(&text));
        if let Ok(uri) = Uri::parse(&text) {
            let printed = uri.to_string();
            let again = Uri::parse(&printed).unwrap();
            prop_assert!(again.equivalent(&uri), "{} {}", text, printed);
            prop_assert_eq!(again.to_string(), printed);
        }
    }

    #[test]
    fn what_was_printed_is_read_and_printed_alike(lines in header_lines()) {
        let bytes = [b"INVITE sip:a@b SIP/2.0\r\n".to_vec(), lines, b"\r\n".to_vec()].concat();
        let message = Message::parse(Bytes::from(bytes)).unwrap();
        prop_assert_eq!(message.defect(), None);
        let once = print_again(&message);
        prop_assert_eq!(once.defect(), None);
        prop_assert!(once.headers().map(unfolded).take(message.headers().count()).eq(message.headers().map(unfolded)));
        let twice = print_again(&once);
        prop_assert_eq!(once.bytes(), twice.bytes());
    }

    #[test]
    fn a_stream_is_the_same_however_it_is_cut(bytes in any_bytes(), cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..6)) {
        let mut places: Vec<usize> = cuts.iter().map(|cut| cut.index(bytes.len() + 1)).collect();
        places.extend([0, bytes.len()]);
        places.sort();
        let pieces: Vec<&[u8]> = places.windows(2).map(|ends| &bytes[ends[0]..ends[1]]).collect();
        prop_assert_eq!(frames(&pieces), frames(&[&bytes]));
    }
}
