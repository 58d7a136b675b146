//! A session seen from outside, one behaviour a file.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails loudly")]

mod adoption;
mod arbitrary_bytes;
mod coherence;
mod common;
mod control;
mod delay;
mod events;
mod figures;
mod jumps;
mod keys;
mod members;
mod mixing;
mod moves;
mod noise;
mod opus_packing;
mod opus_terms;
mod packet_times;
mod packing;
mod plays;
mod recordings;
mod relay;
mod reports;
mod seams;
mod silence;
mod sources;
mod strangers;
mod transcode;
mod udptl;
mod unreported;
mod upheaval;
