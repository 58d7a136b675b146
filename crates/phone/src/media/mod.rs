//! The sound of a phone: a sine of its own in G.711 over RTP, and a meter for what it hears.

mod g711;
mod keys;
mod meter;
mod rtp;
mod stream;

pub use keys::keys_in;
pub use meter::{Measurement, Meter, WINDOW};
pub use rtp::Packet;
pub use stream::Stream;
