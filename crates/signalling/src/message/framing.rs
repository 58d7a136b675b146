//! A byte stream to messages (RFC 3261 §18.3): by Content-Length, with the keep-alives of RFC 5626 §4.4.1 between them.

use super::parse::{Length, MAX_HEADERS, MAX_MESSAGE, declared_length};
use bytes::{Bytes, BytesMut};

/// A client's keep-alive.
const PING: &[u8] = b"\r\n\r\n";

/// Lines that a header section may have, folded ones and the start line included: a bound for work, not for meaning.
const MAX_LINES: usize = 4 * MAX_HEADERS;

/// What a stream holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Frame {
    /// One whole message: [`Message::parse`](super::Message::parse) it.
    Message(Bytes),
    /// A double CRLF between messages: answer it with one CRLF.
    KeepAlive,
}

/// Why a stream cannot be read any further. Answer the head with 400 if it can be parsed, then close the stream.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{kind}")]
pub struct FrameError {
    /// Why.
    pub kind: FrameErrorKind,
    /// The header section of the message whose end cannot be told, empty if that is unknown too.
    pub head: Bytes,
}

/// Why a stream cannot be read any further.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FrameErrorKind {
    /// §18.3: on a stream every message has a Content-Length.
    #[error("no Content-Length")]
    NoLength,
    /// Content-Length is no number, or there are two that differ.
    #[error("bad Content-Length")]
    BadLength,
    /// Longer than [`MAX_MESSAGE`].
    #[error("message too large")]
    TooLarge,
    /// More than 512 lines.
    #[error("too many header lines")]
    TooManyHeaders,
}

/// Cuts a stream into messages. [`Framer::push`] what was read, then take frames by [`Framer::poll_frame`] until there are none.
/// After an error there are no more.
#[derive(Debug, Default)]
pub struct Framer {
    buffer: BytesMut,
    /// Where the search for the empty line goes on.
    searched: usize,
    /// Header lines before that place.
    lines: usize,
    /// Head and whole length of the message at the front, once known.
    length: Option<usize>,
    broken: bool,
}

impl Framer {
    /// A framer at the start of a stream.
    pub fn new() -> Framer {
        Framer::default()
    }

    /// Takes what was read. The caller bounds what it pushes at once; what is kept is at most that and one message.
    pub fn push(&mut self, bytes: &[u8]) {
        if !self.broken {
            self.buffer.extend_from_slice(bytes);
        }
    }

    /// The next frame, `None` until more is pushed.
    pub fn poll_frame(&mut self) -> Option<Result<Frame, FrameError>> {
        if self.broken {
            return None;
        }
        if self.length.is_none() {
            if self.searched == 0
                && let Some(blank) = self.blank()
            {
                return blank.then_some(Ok(Frame::KeepAlive));
            }
            let head = match self.head_end() {
                Ok(Some(head)) => head,
                Ok(None) => return None,
                Err(kind) => return Some(Err(self.fail(kind, 0))),
            };
            match declared_length(&self.buffer[..head]) {
                Length::Body(body) if head + body <= MAX_MESSAGE => self.length = Some(head + body),
                Length::Body(_) => return Some(Err(self.fail(FrameErrorKind::TooLarge, head))),
                Length::Missing => return Some(Err(self.fail(FrameErrorKind::NoLength, head))),
                Length::Bad => return Some(Err(self.fail(FrameErrorKind::BadLength, head))),
            }
        }
        let length = self.length.filter(|length| *length <= self.buffer.len())?;
        self.length = None;
        self.searched = 0;
        self.lines = 0;
        Some(Ok(Frame::Message(self.buffer.split_to(length).freeze())))
    }

    /// Whether a message has begun and not ended.
    pub fn is_amid_message(&self) -> bool {
        !self.broken && (self.length.is_some() || self.buffer.iter().any(|byte| !matches!(byte, b'\r' | b'\n')))
    }

    /// Takes line ends from the front. `Some(true)` is a keep-alive, `Some(false)` means to wait, `None` that a message begins.
    fn blank(&mut self) -> Option<bool> {
        loop {
            match &self.buffer[..PING.len().min(self.buffer.len())] {
                PING => {
                    let _ = self.buffer.split_to(PING.len());
                    return Some(true);
                }
                part if PING.starts_with(part) => return Some(false),
                // §7.5: a line end before a message is ignored.
                [b'\r', b'\n', ..] => {
                    let _ = self.buffer.split_to(2);
                }
                [b'\r' | b'\n', ..] => {
                    let _ = self.buffer.split_to(1);
                }
                _ => return None,
            }
        }
    }

    /// Where the header section ends, once its empty line is there.
    fn head_end(&mut self) -> Result<Option<usize>, FrameErrorKind> {
        while let Some(found) = memchr::memchr(b'\n', &self.buffer[self.searched..]) {
            let after = self.searched + found + 1;
            match self.buffer.get(after..).unwrap_or_default() {
                [b'\n', ..] => return Ok(Some(after + 1)),
                [b'\r', b'\n', ..] => return Ok(Some(after + 2)),
                [] | [b'\r'] => return self.within(after).map(|()| None),
                _ => {
                    self.searched = after;
                    self.lines += 1;
                    if self.lines > MAX_LINES {
                        return Err(FrameErrorKind::TooManyHeaders);
                    }
                }
            }
        }
        self.within(self.buffer.len()).map(|()| None)
    }

    fn within(&self, length: usize) -> Result<(), FrameErrorKind> {
        if length > MAX_MESSAGE { Err(FrameErrorKind::TooLarge) } else { Ok(()) }
    }

    fn fail(&mut self, kind: FrameErrorKind, head: usize) -> FrameError {
        self.broken = true;
        let head = if head > MAX_MESSAGE { 0 } else { head };
        let head = self.buffer.split_to(head).freeze();
        self.buffer = BytesMut::new();
        FrameError { kind, head }
    }
}
