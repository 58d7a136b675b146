//! The shell around the pure core: sockets, threads, tasks, clocks and logs.

pub mod background;
pub mod clock;
pub mod dns;
mod flight_recorder;
pub mod limits;
pub mod log;
pub mod transport;
