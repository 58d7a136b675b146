//! What must hold for any bytes that a peer may send: one plain function a parser, which panics where it does not hold.
//!
//! `tests/replay.rs` calls each with every file of `corpora/NAME`. A fuzzer calls them from `libfuzzer/`, a workspace of its
//! own, so that nobody who builds Tandem compiles it; `run` says how. What a fuzzer finds becomes a file of the corpus.
//!
//! What is deliberately not here: a fuzzer, and anything that is not reached by bytes alone. Sequences of events are the
//! simulator's.
//!
//! One thing to know: [`TARGETS`].

mod digest;
mod message;
mod negotiation;
mod rtcp;
mod rtp;
mod sdp;
mod session;
mod stream;
mod talk;
mod transfer;
mod uri;

pub use digest::digest;
pub use message::message;
pub use negotiation::negotiation;
pub use rtcp::rtcp;
pub use rtp::rtp;
pub use sdp::sdp;
pub use session::session;
pub use stream::stream;
pub use transfer::transfer;
pub use uri::uri;

/// A function that panics for bytes for which something does not hold.
pub type Target = fn(&[u8]);

/// Every target, by the name of its corpus.
pub const TARGETS: [(&str, Target); 10] = [
    ("digest", digest),
    ("message", message),
    ("negotiation", negotiation),
    ("rtcp", rtcp),
    ("rtp", rtp),
    ("sdp", sdp),
    ("session", session),
    ("stream", stream),
    ("transfer", transfer),
    ("uri", uri),
];
