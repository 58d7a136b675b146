//! A byte stream holds messages, keep-alives, or an error that ends it.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use tandem_signalling::message::{Frame, FrameErrorKind, Framer, MAX_MESSAGE, Message};

fn message(body: usize) -> Vec<u8> {
    let mut bytes = format!("OPTIONS sip:a@b SIP/2.0\r\nCall-ID: {body}\r\nl: {body}\r\n\r\n").into_bytes();
    bytes.resize(bytes.len() + body, b'\r');
    bytes
}

fn drain(framer: &mut Framer) -> Vec<Result<Frame, FrameErrorKind>> {
    std::iter::from_fn(|| framer.poll_frame()).map(|frame| frame.map_err(|error| error.kind)).collect()
}

fn frames(bytes: &[u8]) -> Vec<Result<Frame, FrameErrorKind>> {
    let mut framer = Framer::new();
    framer.push(bytes);
    drain(&mut framer)
}

#[test]
fn messages_follow_each_other() {
    let bytes = [message(0), message(3), message(70)].concat();
    let found: Vec<_> = frames(&bytes).into_iter().map(|frame| frame.unwrap()).collect();
    assert_eq!(found, [message(0), message(3), message(70)].map(|bytes| Frame::Message(bytes.into())));
}

#[test]
fn a_double_line_end_is_a_keep_alive_and_a_single_one_is_nothing() {
    assert_eq!(frames(b"\r\n"), []);
    assert_eq!(frames(b"\r\n\r\n\r\n\r\n\r\n"), [Ok(Frame::KeepAlive), Ok(Frame::KeepAlive)]);
    let bytes = [b"\r\n".to_vec(), message(0), b"\r\n\r\n".to_vec(), message(1), b"\r\n\r\n\r\n".to_vec(), message(0), b"\n\r\n".to_vec()];
    let found = frames(&bytes.concat());
    let kinds: Vec<_> = found.iter().map(|frame| matches!(frame, Ok(Frame::KeepAlive))).collect();
    assert_eq!(kinds, [false, true, false, true, false]);
}

#[test]
fn keep_alives_are_the_same_wherever_the_stream_is_cut() {
    let bytes = [b"\r\n\r\n\r\n".to_vec(), message(5), b"\r\n\r\n\n\r\r\n".to_vec(), message(0), b"\r\n\r\n".to_vec()].concat();
    let whole = frames(&bytes);
    for first in 0..bytes.len() {
        for second in first..bytes.len() {
            let mut framer = Framer::new();
            let mut found = Vec::new();
            for piece in [&bytes[..first], &bytes[first..second], &bytes[second..]] {
                framer.push(piece);
                found.extend(drain(&mut framer));
            }
            assert_eq!(found, whole, "cut at {first} and {second}");
        }
    }
}

#[test]
fn an_error_hands_out_the_head_and_ends_the_stream() {
    let mut framer = Framer::new();
    framer.push(b"INVITE sip:a@b SIP/2.0\r\nVia: SIP/2.0/TCP c\r\n\r\nv=0\r\n");
    let error = framer.poll_frame().unwrap().unwrap_err();
    assert_eq!(error.kind, FrameErrorKind::NoLength);
    assert_eq!(Message::parse(error.head).unwrap().via().unwrap().host, "c");
    framer.push(&message(0));
    assert_eq!(drain(&mut framer), []);
}

#[test]
fn a_folded_length_is_a_length() {
    let found = frames(b"OPTIONS sip:a@b SIP/2.0\r\nContent-Length:\r\n 2\r\n\r\nok");
    assert!(matches!(found[..], [Ok(Frame::Message(_))]));
}

#[test]
fn lengths_that_agree_are_one_and_others_are_an_error() {
    let read = |lines: &str| frames(format!("OPTIONS sip:a@b SIP/2.0\r\n{lines}\r\n\r\nok").as_bytes());
    assert!(matches!(read("l: 2\r\nContent-Length: 2")[..], [Ok(Frame::Message(_))]));
    assert_eq!(read("l: 2\r\nl: 1"), [Err(FrameErrorKind::BadLength)]);
    assert_eq!(read("l: 2x"), [Err(FrameErrorKind::BadLength)]);
    assert_eq!(read("l:"), [Err(FrameErrorKind::BadLength)]);
    assert_eq!(read("l: 99999999999"), [Err(FrameErrorKind::BadLength)]);
}

#[test]
fn nothing_grows_beyond_its_bound() {
    assert_eq!(frames(format!("OPTIONS sip:a@b SIP/2.0\r\nl: {MAX_MESSAGE}\r\n\r\n").as_bytes()), [Err(FrameErrorKind::TooLarge)]);
    assert_eq!(frames(&[b'x'; MAX_MESSAGE]), []);
    assert_eq!(frames(&[b'x'; MAX_MESSAGE + 1]), [Err(FrameErrorKind::TooLarge)]);
    let lines = "X: y\r\n".repeat(MAX_MESSAGE / 6);
    assert_eq!(frames(format!("OPTIONS sip:a@b SIP/2.0\r\n{lines}").as_bytes()), [Err(FrameErrorKind::TooManyHeaders)]);
    let whole = message(MAX_MESSAGE - message(0).len() - 8);
    assert!(whole.len() <= MAX_MESSAGE && whole.len() > MAX_MESSAGE - 8);
    assert!(matches!(frames(&whole)[..], [Ok(Frame::Message(_))]));
}
