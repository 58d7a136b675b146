//! Re-INVITEs: hold and resume, other codecs, fax, offers of the other side's making; some are taken back.

use super::{Part, Verb};
use crate::{dice::Dice, scripts::moved};
use tandem_phone::{
    Act, Fax, Hold, Offer, When,
    sdp::{Direction, Format},
};

pub(super) const VERB: Verb = Verb { percent: 67, most: 2, draw, forgives: &[] };

fn draw(part: &mut Part<'_>) {
    let dice = &mut *part.dice;
    let directions = [Direction::SendOnly, Direction::SendRecv, Direction::SendRecv, Direction::RecvOnly, Direction::Inactive];
    let late = dice.chance(20);
    let offer = Offer {
        direction: Some(dice.pick(&directions)),
        hold: dice.chance(15).then(|| dice.pick(&[Hold::ZeroAddress, Hold::ZeroPort])),
        late,
        fax: dice.chance(20).then(|| dice.pick(&[Fax::InPlace, Fax::Beside])),
        formats: dice.chance(20).then(|| formats(dice, late)),
        contact: dice.chance(10).then(|| moved(part.own)),
        ..Offer::default()
    };
    let (at, taken_back) = (dice.pause(), dice.chance(20).then(|| dice.below(400)));
    part.step_after(When::Confirmed, at, Act::Reinvite(offer));
    if let Some(later) = taken_back {
        part.step_after(When::Confirmed, at + later, Act::Cancel);
    }
}

/// Another codec, another order; or one that is not to be had, unless the other side offers and must get an answer.
fn formats(dice: &mut Dice, late: bool) -> Vec<Format> {
    let usual = vec![Format::pcma(), Format::pcmu(), Format::events(101)];
    let odd = if late { usual.clone() } else { vec![Format::new(18, "G729/8000")] };
    dice.pick(&[vec![Format::pcma(), Format::events(101)], vec![Format::pcmu()], usual, odd])
}
