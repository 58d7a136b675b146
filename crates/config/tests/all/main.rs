//! What the configuration says, and what it says of mistakes.
//! All in one program: each program more is linked with all that the crate needs.

mod api;
mod capacity;
mod common;
mod endpoints;
mod environment;
mod every_key;
mod places;
mod played;
mod recordings;
mod references;
mod reload;
mod ring;
mod secrets;
mod session_timer;
mod sides;
mod tls;
mod trunk_rules;
mod unknown_keys;
mod users;
mod values;
mod webex;
