//! How what one leg says gets to another, one way a file.

pub(crate) mod event;
pub(crate) mod mix;
pub(crate) mod relay;
pub(crate) mod repack;
pub(crate) mod transcode;
