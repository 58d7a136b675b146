//! Against receivers of our own on loopback.

mod calls;
mod receiver;
mod sending;
