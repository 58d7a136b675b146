//! Any other request during the call.

use super::{Part, Verb};
use tandem_phone::{Act, Request, When};

pub(super) const VERB: Verb = Verb { percent: 10, most: 1, draw, forgives: &[] };

fn draw(part: &mut Part<'_>) {
    let method = part.dice.pick(&["OPTIONS", "INFO", "UPDATE", "MESSAGE", "STRANGE"]).to_owned();
    part.step(When::Confirmed, Act::Request(Request { method, edits: Vec::new() }));
}
