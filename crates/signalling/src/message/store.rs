//! The bytes of a message, known to be text where they are.

use bytes::Bytes;
use bytestring::ByteString;

/// Nearly every message is UTF-8 from end to end. That is found out once, so that each look at a header need not.
#[derive(Clone, Debug)]
pub(super) enum Store {
    Text(ByteString),
    /// A binary body, or a header section that is not UTF-8 (a defect).
    Raw(Bytes),
}

impl Store {
    /// Takes the bytes without a copy.
    pub(super) fn new(bytes: Bytes) -> Store {
        match std::str::from_utf8(&bytes) {
            Ok(_) => ByteString::try_from(bytes).map_or_else(|_| Store::Raw(Bytes::new()), Store::Text),
            Err(_) => Store::Raw(bytes),
        }
    }

    /// A copy of the first `end` of them, and of no more.
    pub(super) fn exact(&self, end: usize) -> Store {
        match self {
            Store::Text(text) if text.is_char_boundary(end) => Store::Text(ByteString::from(&text[..end])),
            Store::Text(text) => Store::Raw(Bytes::copy_from_slice(&text.as_bytes()[..end])),
            Store::Raw(bytes) => Store::Raw(Bytes::copy_from_slice(&bytes[..end])),
        }
    }

    /// Where the first `end` of them stop being text, if they do.
    pub(super) fn not_text(&self, end: usize) -> Option<usize> {
        match self {
            Store::Text(_) => None,
            Store::Raw(bytes) => std::str::from_utf8(&bytes[..end]).err().map(|error| error.valid_up_to()),
        }
    }

    /// All of them.
    pub(super) fn bytes(&self) -> &Bytes {
        match self {
            Store::Text(text) => text.as_bytes(),
            Store::Raw(bytes) => bytes,
        }
    }

    /// A part of them as text; where it is not UTF-8, what is valid of the part.
    pub(super) fn text(&self, start: usize, end: usize) -> &str {
        match self {
            Store::Text(text) => text.get(start..end).unwrap_or_default(),
            Store::Raw(bytes) => {
                let part = &bytes[start..end];
                match std::str::from_utf8(part) {
                    Ok(text) => text,
                    Err(error) => std::str::from_utf8(&part[..error.valid_up_to()]).unwrap_or_default(),
                }
            }
        }
    }
}
