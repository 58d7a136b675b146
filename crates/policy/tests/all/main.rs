//! Routes, limits, accounts, health and abuse: what policy answers.
//! All in one program: each program more is linked with all that the crate needs.

mod abuse;
mod admission;
mod common;
mod dial;
mod health;
mod mutated_files;
mod node_limits;
mod payers;
mod ring;
mod routing;
mod samples;
mod secrets;
mod shown;
mod target_order;
mod trunk_limits;
mod users;
