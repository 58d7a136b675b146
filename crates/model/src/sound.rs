//! What is played to a leg, and what comes of it.

use crate::Country;
use serde::{Deserialize, Serialize};
use std::{str::FromStr, time::Duration};

/// Something that is played to a leg: the call numbers its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct PlayId(pub u16);

/// What is played.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Sound {
    /// A sine. It has no end of its own.
    Sine {
        /// Hertz.
        frequency_hz: u16,
    },
    /// What the networks of a country say. Once is once through its cadence.
    Tone {
        /// Whose.
        country: Country,
        /// What it says.
        tone: NetworkTone,
    },
    /// A file of the folder `[files] prompts`, by its name there.
    Prompt(Box<str>),
}

/// What a telephone network says without words (ITU-T E.180).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum NetworkTone {
    /// The phone over there rings.
    Ringing,
    /// It is in use.
    Busy,
    /// There is no way through.
    Congestion,
}

/// There is no such tone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UnknownTone;

impl NetworkTone {
    /// Longer than any takes to go once through its cadence.
    pub const MAX_ROUND: Duration = Duration::from_secs(10);

    /// As the configuration writes them.
    pub const NAMES: [&'static str; 3] = ["ringing", "busy", "congestion"];
}

impl FromStr for NetworkTone {
    type Err = UnknownTone;

    fn from_str(text: &str) -> Result<NetworkTone, UnknownTone> {
        match text {
            "ringing" => Ok(NetworkTone::Ringing),
            "busy" => Ok(NetworkTone::Busy),
            "congestion" => Ok(NetworkTone::Congestion),
            _ => Err(UnknownTone),
        }
    }
}

/// How something that was played came to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum PlayEnd {
    /// As often as it was to be heard.
    Finished,
    /// Told to stop, or another took its place, or the leg left.
    Stopped,
    /// It was not heard, or not to its end.
    Failed(PlayFailure),
}

/// Why something is not played.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum PlayFailure {
    /// There is no such file.
    Missing,
    /// The file cannot be read, or is none that can be played.
    Unreadable,
    /// More is being read, or played to the leg, than may be.
    Overloaded,
    /// The leg has no endpoint, or no sound may be made for it.
    Unheard,
}
