//! What can be wrong with a message, and where.

use super::HeaderName;
use std::borrow::Cow;

/// Something that cannot be read, and the byte at which that shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{kind} at byte {position}")]
pub struct ParseError {
    /// Offset in bytes from the start of what was parsed.
    pub position: usize,
    /// What is wrong.
    pub kind: ParseErrorKind,
}

impl ParseError {
    pub(super) const fn new(position: usize, kind: ParseErrorKind) -> Self {
        ParseError { position, kind }
    }

    /// The same error in a text that began `offset` bytes earlier.
    pub(super) const fn shifted(self, offset: usize) -> Self {
        ParseError { position: self.position + offset, kind: self.kind }
    }
}

/// What is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ParseErrorKind {
    /// Nothing but line ends.
    #[error("empty message")]
    Empty,
    /// More than [`MAX_MESSAGE`](super::MAX_MESSAGE) bytes.
    #[error("message too large")]
    TooLarge,
    /// The first line is neither a request line nor a status line.
    #[error("not a SIP message")]
    NotSip,
    /// RFC 3261 §7.1, §7.2: wrong spacing, a bad method or a bad status.
    #[error("malformed start line")]
    StartLine,
    /// A SIP version other than 2.0.
    #[error("unsupported SIP version")]
    Version,
    /// A line without a name and a colon.
    #[error("malformed header line")]
    HeaderLine,
    /// A carriage return or a line feed without the other (§25.1 knows only CRLF).
    #[error("line not ended by CRLF")]
    LineEnd,
    /// More than [`MAX_HEADERS`](super::MAX_HEADERS) header lines.
    #[error("too many header lines")]
    TooManyHeaders,
    /// No empty line after the headers.
    #[error("header section not ended")]
    Unended,
    /// A control character that is not escaped in a quoted string (§25.1 `quoted-pair`).
    #[error("control character")]
    Control,
    /// The header section is not UTF-8 (§7).
    #[error("header section is not UTF-8")]
    NotUtf8,
    /// Content-Length is no number, or given twice with different values.
    #[error("bad Content-Length")]
    ContentLength,
    /// The body is shorter than Content-Length says (§18.3).
    #[error("body shorter than Content-Length")]
    ShortBody,
    /// A header that must be there is not.
    #[error("missing")]
    Missing,
    /// A header that may stand once stands twice.
    #[error("given twice")]
    Repeated,
    /// A quoted string without its end.
    #[error("unbalanced quotes")]
    Quote,
    /// Angle brackets without their end, or around nothing.
    #[error("unbalanced angle brackets")]
    Brackets,
    /// A parameter that is not `name` or `name=value`.
    #[error("malformed parameter")]
    Parameter,
    /// A number that is no number or too large.
    #[error("bad number")]
    Number,
    /// A word with characters that a token cannot have.
    #[error("bad token")]
    Token,
    /// Something after the end of the value.
    #[error("unexpected text")]
    Trailing,
    /// A URI without a scheme.
    #[error("bad URI scheme")]
    Scheme,
    /// A character that must be escaped or cannot stand here.
    #[error("bad character")]
    Character,
    /// A percent sign without two hexadecimal digits.
    #[error("bad escape")]
    Escape,
    /// Neither a host name nor an address (IPv6 addresses need brackets).
    #[error("bad host")]
    Host,
    /// A port that is no number or too large.
    #[error("bad port")]
    Port,
    /// §20.10: a URI with a question mark or a comma needs angle brackets.
    #[error("URI needs angle brackets")]
    NeedsBrackets,
}

/// A header that is missing or cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{name}: {kind} at byte {position}")]
pub struct HeaderError {
    /// Which header.
    pub name: HeaderName,
    /// Offset in bytes from the start of the message; 0 where the header is missing.
    pub position: usize,
    /// What is wrong.
    pub kind: ParseErrorKind,
}

/// Why a message is refused before anything is spent on it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{status} {reason}")]
pub struct Rejection {
    /// The status of the answer, where the message is a request that may be answered; a response is dropped instead.
    pub status: u16,
    /// What is wrong, fit for a reason phrase: it never repeats text of the message.
    pub reason: Cow<'static, str>,
    /// Offset in bytes from the start of the message; 0 for what is missing.
    pub position: usize,
}

impl Rejection {
    /// A refusal that no byte of the message explains.
    pub fn new(status: u16, reason: impl Into<Cow<'static, str>>) -> Self {
        Rejection { status, reason: reason.into(), position: 0 }
    }
}
