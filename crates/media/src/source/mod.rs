//! What is played to a leg: tones that are made here, and prompts that come as samples. No file is opened here.

mod clip;
mod player;
mod track;

pub use clip::Clip;
pub(crate) use player::Player;
use tandem_model::{Country, NetworkTone, Sound};

/// Something that can be played.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Playable {
    /// A sine. It has no end of its own.
    Sine {
        /// Hertz.
        frequency_hz: u16,
    },
    /// What the networks of a country say.
    Tone {
        /// Whose.
        country: Country,
        /// What it says.
        tone: NetworkTone,
    },
    /// A prompt.
    Clip(Clip),
    /// A prompt that is still being read: silence, until [`Input::Loaded`](crate::Input::Loaded) brings it.
    Awaited,
}

impl Playable {
    /// What can be played at once of what a call wants to be played; a prompt is not there yet.
    pub fn of(sound: &Sound) -> Playable {
        match *sound {
            Sound::Sine { frequency_hz } => Playable::Sine { frequency_hz },
            Sound::Tone { country, tone } => Playable::Tone { country, tone },
            Sound::Prompt(_) => Playable::Awaited,
        }
    }
}
