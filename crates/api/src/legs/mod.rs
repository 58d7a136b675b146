//! What can be done to a leg: one verb, or a verb and its opposite, a file.

pub(crate) mod audible;
pub(crate) mod dtmf;
pub(crate) mod hold;
pub(crate) mod play;
pub(crate) mod record;

use tandem_config::parse_sound;
use tandem_model::Sound;

use crate::problem::Problem;

/// What is to be played.
fn sound(field: &str, text: &str) -> Result<Sound, Problem> {
    parse_sound(text).map_err(|message| Problem::invalid(field, message))
}
