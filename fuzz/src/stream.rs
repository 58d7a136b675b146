//! A TCP stream, cut into messages.

use bytes::Bytes;
use tandem_signalling::message::{Frame, Framer, MAX_MESSAGE, Message};

/// How a frame begins that is broken: nothing follows it.
const BROKEN: &[u8] = b"broken";

/// The first byte says how the rest is cut into pieces. However that is, the same frames come out; together they are no longer
/// than what went in, and each can be given to the parser.
pub fn stream(bytes: &[u8]) {
    let Some((&size, text)) = bytes.split_first() else { return };
    let whole = frames(&[text]);
    let pieces: Vec<&[u8]> = text.chunks(usize::from(size).max(1)).collect();
    assert_eq!(frames(&pieces), whole, "in pieces of {size}");
    let total: usize = whole.iter().filter(|frame| !frame.is_empty() && *frame != BROKEN).map(Bytes::len).sum();
    assert!(total <= text.len() && whole.len() <= text.len(), "more came out than went in");
    for frame in whole {
        assert!(frame.len() <= MAX_MESSAGE, "a frame of {}", frame.len());
        let _ = Message::parse(frame);
    }
}

/// The frames of a stream that arrives in pieces; a keep-alive is an empty one.
fn frames(pieces: &[&[u8]]) -> Vec<Bytes> {
    let mut framer = Framer::new();
    let mut frames = Vec::new();
    for piece in pieces {
        framer.push(piece);
        while let Some(frame) = framer.poll_frame() {
            let is_broken = frame.is_err();
            frames.push(match frame {
                Ok(Frame::Message(message)) => message,
                Ok(Frame::KeepAlive) => Bytes::new(),
                Err(_) => Bytes::from_static(BROKEN),
            });
            if is_broken {
                framer.push(b"OPTIONS sip:a@b SIP/2.0\r\nContent-Length: 0\r\n\r\n");
                assert!(framer.poll_frame().is_none() && !framer.is_amid_message(), "a broken stream goes on");
                return frames;
            }
        }
    }
    frames
}
