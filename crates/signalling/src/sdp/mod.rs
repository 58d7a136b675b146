//! Session descriptions (RFC 8866): parsed over the text they came in, line by line, without losing one.
//!
//! What is deliberately not here: what a description means beside another one. That is [`crate::negotiation`].
//!
//! Three types to know: [`Description`], a parsed text; [`Section`], the lines of the session or of one medium with
//! typed views of them; and [`Writer`], which prints.

mod attributes;
mod line;
mod parse;
mod print;
mod span;
mod words;

pub use attributes::{Connection, Direction, Origin, RtcpAddress, RtpMap};
pub use line::{Attribute, Line, Lines};
pub use parse::{Description, Media, SdpError, SdpErrorKind, Section};
pub use print::Writer;
pub(crate) use span::Span;
pub(crate) use words::{Words, number, split_payload};

/// Bytes of a description. A browser with video offers some ten thousand.
pub const MAX_DESCRIPTION_BYTES: usize = 32 * 1024;

/// Media lines of a description. Each must come back in the answer, wanted or not.
pub const MAX_MEDIA_LINES: usize = 32;

/// Bytes of a media type, a protocol or a format, which an answer repeats for the lines it rejects.
pub const MAX_TOKEN_BYTES: usize = 64;

/// Formats of a media line that are looked at; those behind are as good as not offered.
pub const MAX_FORMATS: usize = 64;
