//! Any other request during the call, and what it is answered with.

use super::{Part, Verb};
use tandem_phone::{Act, Reply, Request, When};

pub(super) const VERB: Verb = Verb { percent: 15, most: 3, draw, forgives: &[] };

fn draw(part: &mut Part<'_>) {
    let dice = &mut *part.dice;
    let method = dice.pick(&["OPTIONS", "INFO", "INFO", "UPDATE", "MESSAGE", "STRANGE"]).to_owned();
    let when = dice.pick(&[When::Confirmed, When::Confirmed, When::Confirmed, When::Status(180)]);
    if dice.chance(50) {
        let answer = (dice.span(), Reply::new(dice.pick(&[200, 200, 200, 405, 415, 480, 487, 491, 500, 503])));
        part.script.habits.others.push(answer);
    }
    part.step(when, Act::Request(Request { method, edits: Vec::new() }));
}
