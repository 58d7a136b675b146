//! What a route plays to a caller.

use crate::{BuiltIn, Sound};
use serde::{Deserialize, Serialize};

/// Something that a caller is to hear.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Announcement {
    /// What.
    pub sound: Sound,
    /// How often; 0: for as long as the caller stays.
    pub times: u16,
}

/// A call that somebody is told something in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Announce {
    /// Told as early media, before the call is answered or refused. A caller that made no offer is not told.
    pub early: Option<Announcement>,
    /// What becomes of the call then.
    pub then: Then,
}

/// What becomes of a call.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Then {
    /// It is answered.
    Answer(BuiltIn),
    /// It is answered, and ends when that was heard.
    Play(Announcement),
    /// It is refused.
    Reject {
        /// SIP status, 300 to 699.
        status: u16,
        /// Reason phrase; the usual one where `None`.
        reason: Option<Box<str>>,
    },
}
