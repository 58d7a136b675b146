//! The same messages on a stream: wherever it is cut, it holds the same messages.

use crate::corpus::{all, own, rfc4475};
use bytes::Bytes;
use tandem_signalling::message::{Frame, FrameErrorKind, Framer, Message, Method};

type Frames = Vec<Result<Frame, FrameErrorKind>>;

fn frames(pieces: &[&[u8]]) -> Frames {
    let mut framer = Framer::new();
    let mut frames = Vec::new();
    for piece in pieces {
        framer.push(piece);
        frames.extend(std::iter::from_fn(|| framer.poll_frame()).map(|frame| frame.map_err(|error| error.kind)));
    }
    frames
}

fn methods(bytes: &Bytes) -> Vec<Method> {
    let message = |frame| match frame {
        Ok(Frame::Message(bytes)) => Some(Message::parse(bytes).unwrap().method()),
        _ => None,
    };
    frames(&[bytes]).into_iter().filter_map(message).collect()
}

#[test]
fn a_stream_cut_at_every_byte_holds_the_same() {
    for (name, bytes) in all() {
        let whole = frames(&[&bytes]);
        for place in 0..=bytes.len() {
            let (before, after) = bytes.split_at(place);
            assert_eq!(frames(&[before, after]), whole, "{name} at {place}");
        }
        let single: Vec<&[u8]> = bytes.chunks(1).collect();
        assert_eq!(frames(&single), whole, "{name}, byte by byte");
    }
}

#[test]
fn what_a_stream_holds_is_what_a_datagram_would() {
    for (name, bytes) in all() {
        let Ok(message) = Message::parse(bytes.clone()) else { continue };
        if message.defect().is_some() {
            continue;
        }
        for frame in frames(&[&bytes]).into_iter().take(1) {
            let Ok(Frame::Message(frame)) = frame else { continue };
            let framed = Message::parse(frame).unwrap();
            assert!(framed.headers().eq(message.headers()), "{name}");
            assert_eq!(framed.body(), message.body(), "{name}");
        }
    }
}

#[test]
fn two_requests_are_two_messages() {
    let bytes = own("two-requests-in-a-datagram.sip").unwrap();
    assert_eq!(methods(&bytes), [Method::Options, Method::Invite]);
    if let Some(bytes) = rfc4475("dblreq.dat") {
        assert_eq!(methods(&bytes), [Method::Register, Method::Invite]);
    }
}

#[test]
fn a_body_that_does_not_come_is_waited_for() {
    assert_eq!(frames(&[&own("length-too-large.sip").unwrap()]), []);
    if let Some(bytes) = rfc4475("clerr.dat") {
        assert_eq!(frames(&[&bytes]), []);
    }
}

#[test]
fn a_length_that_cannot_be_read_ends_the_stream() {
    let bad = [own("length-negative.sip"), own("lengths-differ.sip"), rfc4475("ncl.dat"), rfc4475("mcl01.dat")];
    for bytes in bad.into_iter().flatten() {
        assert_eq!(frames(&[&bytes]), [Err(FrameErrorKind::BadLength)]);
    }
    for bytes in [own("length-missing.sip"), own("rfc2543-invite.sip"), rfc4475("inv2543.dat")].into_iter().flatten() {
        assert_eq!(frames(&[&bytes]), [Err(FrameErrorKind::NoLength)]);
    }
}
