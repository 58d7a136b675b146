//! Every endpoint and error, over real HTTP against a running node with peers that are plain sockets.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod access;
mod calls;
mod common;
mod dial;
mod events;
mod malformed;
mod opentok;
mod repeat;
mod webex;
mod whole_node;
