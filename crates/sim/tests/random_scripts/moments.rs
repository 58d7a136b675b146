//! What befalls the world between two calls, whatever the scripts say.

use crate::{dice::Dice, forgiven::Forgiven, world::PHONES};
use std::time::Duration;
use tandem_phone::{Act, Offer, sdp::Direction};
use tandem_sim::Sim;

type Moment = fn(&mut Dice, &mut Sim, &mut Forgiven);

/// In how many of a hundred pauses, and what.
const MOMENTS: &[(u64, Moment)] = &[(10, connections_break), (6, a_phone_restarts), (6, all_hang_up), (6, all_hold)];

pub(crate) fn draw(dice: &mut Dice, sim: &mut Sim, forgiven: &mut Forgiven) {
    for (percent, moment) in MOMENTS {
        if dice.chance(*percent) {
            moment(dice, sim, forgiven);
            sim.run_for(dice.span());
        }
    }
}

fn connections_break(dice: &mut Dice, sim: &mut Sim, forgiven: &mut Forgiven) {
    sim.break_connections(dice.pick(&PHONES));
    forgiven.trouble = true;
}

fn a_phone_restarts(dice: &mut Dice, sim: &mut Sim, forgiven: &mut Forgiven) {
    let away = if dice.chance(50) { Duration::ZERO } else { dice.span() };
    sim.restart(dice.pick(&PHONES), away);
    (forgiven.trouble, forgiven.may_leave_calls) = (true, true);
}

/// In one moment: BYE crosses BYE, or CANCEL the answer.
fn all_hang_up(_: &mut Dice, sim: &mut Sim, _: &mut Forgiven) {
    all(sim, &Act::Bye);
}

/// In one moment: re-INVITE crosses re-INVITE.
fn all_hold(_: &mut Dice, sim: &mut Sim, _: &mut Forgiven) {
    all(sim, &Act::Reinvite(Offer::direction(Direction::SendOnly)));
}

fn all(sim: &mut Sim, act: &Act) {
    for phone in PHONES {
        if let Some(call) = sim.phone(phone).calls().len().checked_sub(1) {
            sim.act_in(phone, call, act.clone());
        }
    }
}
