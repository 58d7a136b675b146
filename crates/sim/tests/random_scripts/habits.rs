//! Bad habits, of which a phone has one at most.

use crate::dice::Dice;
use tandem_phone::{Habits, OnCancel, Reply, Timer};

/// How many of a hundred phones behave well.
const WELL_BEHAVED: u64 = 70;

const BAD: &[fn(&mut Dice, &mut Habits)] = &[
    |_, habits| habits.never_ack = true,
    |dice, habits| habits.lose_acks = dice.below(5) as u32,
    |dice, habits| habits.ack_delay = dice.span(),
    |_, habits| habits.ignore_bye = true,
    |_, habits| habits.ignore_cancel = true,
    |dice, habits| habits.cancel_delay = dice.span(),
    |dice, habits| habits.on_cancel = dice.pick(&[OnCancel::Answer, OnCancel::Nothing]),
    |dice, habits| habits.deaf = dice.below(6) as u32,
    |_, habits| habits.twice = true,
    |_, habits| habits.cancel_early = true,
    |dice, habits| habits.bye_status = dice.pick(&[481, 408, 500]),
    |dice, habits| {
        habits.reoffers = vec![(dice.span(), Reply::new(dice.pick(&[488, 491, 500, 481, 404, 405, 408, 480, 504, 603, 200, 200])))]
    },
];

/// How many of a hundred phones keep session timers.
const TIMED: u64 = 25;

fn timer(dice: &mut Dice) -> Timer {
    Timer {
        expires: dice.pick(&[None, Some(90), Some(90), Some(300)]),
        min: dice.pick(&[90, 90, 90, 2000]),
        refresher: dice.pick(&[None, Some("uac"), Some("uas")]),
        lazy: dice.chance(5),
        forgetful: dice.chance(10),
        reinvites: dice.chance(30),
    }
}

pub(crate) fn draw(dice: &mut Dice, habits: &mut Habits) {
    if dice.chance(TIMED) {
        habits.timer = Some(timer(dice));
    }
    if !dice.chance(WELL_BEHAVED) {
        dice.pick(BAD)(dice, habits);
    }
}
