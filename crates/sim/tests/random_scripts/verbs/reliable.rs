//! How reliable provisional responses are acknowledged.

use super::{Part, Verb};
use tandem_phone::PrackHabit;

pub(super) const VERB: Verb = Verb { percent: 15, most: 1, draw, forgives: &[] };

fn draw(part: &mut Part<'_>) {
    let late = PrackHabit::Late(part.dice.span());
    let habit = part.dice.pick(&[late, late, PrackHabit::Wrong, PrackHabit::Offers, PrackHabit::Never]);
    if matches!(habit, PrackHabit::Never | PrackHabit::Late(_)) {
        // Whoever waits for an answer in a PRACK of ours waits as long.
        part.forgiven.silence();
    }
    part.script.habits.prack = habit;
}
