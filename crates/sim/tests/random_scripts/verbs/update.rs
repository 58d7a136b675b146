//! UPDATE with an offer, before the answer and after it, or with none.

use super::{Part, Verb};
use crate::scripts::moved;
use tandem_phone::{
    Act, Hold, Offer, When,
    sdp::{Direction, Format},
};

pub(super) const VERB: Verb = Verb { percent: 30, most: 2, draw, forgives: &[] };

fn draw(part: &mut Part<'_>) {
    let dice = &mut *part.dice;
    let offer = Offer {
        direction: Some(dice.pick(&[Direction::SendOnly, Direction::SendRecv, Direction::RecvOnly, Direction::Inactive])),
        late: dice.chance(30),
        hold: dice.chance(15).then(|| dice.pick(&[Hold::ZeroAddress, Hold::ZeroPort])),
        formats: dice.chance(20).then(|| vec![Format::pcma(), Format::events(101)]),
        contact: dice.chance(10).then(|| moved(part.own)),
        ..Offer::default()
    };
    let moment = dice.pick(&[When::Confirmed, When::Confirmed, When::Answered, When::Status(180)]);
    part.step(moment, Act::Update(offer));
}
