//! Session timers (RFC 4028), as the configuration of a trunk has them.

use serde::{Deserialize, Serialize};

/// The shortest interval that there may be, in seconds (RFC 4028 §4, §5).
pub const MIN_SESSION_S: u32 = 90;

/// How long a session lasts that nobody refreshes, and who does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct SessionTimer {
    /// The interval that we ask for, in seconds; not less than `min_s`.
    pub expires_s: u32,
    /// The shortest that we take, in seconds; not less than [`MIN_SESSION_S`].
    pub min_s: u32,
    /// Who refreshes.
    pub refresher: Refresher,
}

/// Who is to refresh a session.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Refresher {
    /// The peer, if it wants to; else we. Nobody, if it knows no session timers.
    #[default]
    Auto,
    /// We, unless the peer claims it; even if it knows no session timers.
    Us,
    /// The peer, if it knows session timers and does not leave it to us.
    Them,
}

impl Default for SessionTimer {
    fn default() -> Self {
        SessionTimer { expires_s: 1800, min_s: MIN_SESSION_S, refresher: Refresher::Auto }
    }
}
