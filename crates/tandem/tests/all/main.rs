//! The program as it is run, and what its pages and its sources say of each other.
//! All in one program: each program more is linked with all that the crate needs.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod common;
mod kept_over_a_restart;
mod known_attacks_shown;
mod log_lines_documented;
mod output_that_fails;
mod program;
mod prompts_are_checked;
mod webhooks;
