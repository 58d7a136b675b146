//! Any other request during the call, and what it is answered with.

use super::{Part, Verb};
use std::time::Duration;
use tandem_phone::{Act, Reply, Request, When};

pub(super) const VERB: Verb = Verb { percent: 15, most: 3, draw, forgives: &[] };

/// Whoever waits longer for an answer may have given it up.
const PATIENCE: Duration = Duration::from_secs(20);

fn draw(part: &mut Part<'_>) {
    let dice = &mut *part.dice;
    let method = dice.pick(&["OPTIONS", "INFO", "INFO", "UPDATE", "MESSAGE", "STRANGE"]).to_owned();
    let when = dice.pick(&[When::Confirmed, When::Confirmed, When::Confirmed, When::Status(180)]);
    if dice.chance(50) {
        let after = dice.span();
        let answer = Reply::new(dice.pick(&[200, 200, 200, 405, 415, 486, 487, 491, 500, 503]));
        part.script.habits.others.push((after, answer));
        if after > PATIENCE {
            part.forgiven.broken();
        }
    }
    part.step(when, Act::Request(Request { method, edits: Vec::new() }));
}
