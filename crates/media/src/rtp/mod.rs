//! RTP (RFC 3550 §5): the fixed header, where a source is in its sequence, and how a stream is renumbered.

pub(crate) mod header;
pub(crate) mod rewrite;
pub(crate) mod sequence;
