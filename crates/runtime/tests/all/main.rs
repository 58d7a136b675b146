//! Nodes on loopback, with scripted peers.
//! All in one program: each program more is linked with all that the crate needs.

mod calls_are_seen;
mod calls_are_told;
mod calls_pass;
mod common;
mod dials_out;
mod legs_move_between_calls;
mod limits_and_drain;
mod log_lines;
mod nodes_are_seen;
mod panic_ends_one_call;
mod panic_in_rings_and_transfers;
mod routes_ask;
mod strangers;
mod users_are_kept;
