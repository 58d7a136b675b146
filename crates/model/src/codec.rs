//! The codecs that a leg can be allowed to use, and what SDP and RTP call them.

use serde::{Deserialize, Serialize};

/// The encoding name of RFC 4733 events, which ride beside a codec and are never chosen alone.
pub const TELEPHONE_EVENT: &str = "telephone-event";

/// An audio codec.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Codec {
    /// RFC 7587.
    Opus,
    /// G.722 at 64 kbit/s; its RTP clock is 8000 by an old mistake (RFC 3551 §4.5.2).
    G722,
    /// G.711 µ-law.
    Pcmu,
    /// G.711 A-law.
    Pcma,
}

impl Codec {
    /// All of them, in the order that a leg prefers them unless its configuration says otherwise.
    pub const ALL: [Codec; 4] = [Codec::Opus, Codec::G722, Codec::Pcmu, Codec::Pcma];

    /// The encoding name in `a=rtpmap`, compared without case.
    pub const fn encoding_name(self) -> &'static str {
        match self {
            Codec::Opus => "opus",
            Codec::G722 => "G722",
            Codec::Pcmu => "PCMU",
            Codec::Pcma => "PCMA",
        }
    }

    /// The RTP clock in hertz.
    pub const fn clock_rate(self) -> u32 {
        match self {
            Codec::Opus => 48_000,
            Codec::G722 | Codec::Pcmu | Codec::Pcma => 8_000,
        }
    }

    /// Channels as `a=rtpmap` states them.
    pub const fn channels(self) -> u8 {
        match self {
            Codec::Opus => 2,
            Codec::G722 | Codec::Pcmu | Codec::Pcma => 1,
        }
    }

    /// The payload number that RFC 3551 assigned for good, if any.
    pub const fn static_payload(self) -> Option<u8> {
        match self {
            Codec::Opus => None,
            Codec::G722 => Some(9),
            Codec::Pcmu => Some(0),
            Codec::Pcma => Some(8),
        }
    }
}
