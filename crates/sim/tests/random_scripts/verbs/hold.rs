//! Re-INVITEs: hold and resume, other codecs, fax, offers of the other side's making; some are taken back.

use super::{Part, Verb};
use crate::scripts::moved;
use tandem_phone::{
    Act, Fax, Offer, When,
    sdp::{Direction, Format},
};

pub(super) const VERB: Verb = Verb { percent: 67, most: 2, draw, forgives: &[] };

fn draw(part: &mut Part<'_>) {
    let dice = &mut *part.dice;
    let offer = Offer {
        direction: Some(dice.pick(&[Direction::SendOnly, Direction::SendRecv, Direction::RecvOnly, Direction::Inactive])),
        late: dice.chance(20),
        fax: dice.chance(20).then(|| dice.pick(&[Fax::InPlace, Fax::Beside])),
        formats: dice.chance(20).then(|| vec![Format::pcma(), Format::events(101)]),
        contact: dice.chance(10).then(|| moved(part.own)),
        ..Offer::default()
    };
    let (at, taken_back) = (dice.pause(), dice.chance(20).then(|| dice.below(400)));
    part.step_after(When::Confirmed, at, Act::Reinvite(offer));
    if let Some(later) = taken_back {
        part.step_after(When::Confirmed, at + later, Act::Cancel);
    }
}
