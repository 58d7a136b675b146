//! Codecs, one a file.

pub(crate) mod g711;
