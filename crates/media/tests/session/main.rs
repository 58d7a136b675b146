//! A session seen from outside, one behaviour a file.

mod arbitrary_bytes;
mod coherence;
mod common;
mod control;
mod relay;
mod silence;
mod sources;
mod strangers;
