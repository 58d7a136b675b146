//! What befalls the world between two calls, whatever the scripts say.

use crate::{dice::Dice, forgiven::Forgiven, scripts, world::PHONES};
use std::{net::SocketAddr, time::Duration};
use tandem_phone::{Act, Call, Edit, Offer, When, sdp::Direction};
use tandem_sim::Sim;

type Moment = fn(&mut Dice, &mut Sim, &mut Forgiven);

/// In how many of a hundred pauses, and what.
const MOMENTS: &[(u64, Moment)] =
    &[(10, connections_break), (6, a_phone_restarts), (6, all_hang_up), (6, all_hold), (12, somebody_consults), (12, somebody_takes_over)];

/// How many of a hundred questions are left out that the configuration refuses anyway.
const IN_VAIN: u64 = 80;

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
    // The ACK of what it said before reaches what it says to the next copy of that INVITE.
    forgiven.rule("ack");
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

/// Who has a call makes another, and joins the two (RFC 5589 §7), also while the other still rings.
fn somebody_consults(dice: &mut Dice, sim: &mut Sim, forgiven: &mut Forgiven) {
    let busy: Vec<SocketAddr> = PHONES.into_iter().filter(|phone| sim.phone(*phone).calls().iter().any(has_dialog)).collect();
    if busy.is_empty() || !forgiven.transfers && dice.chance(IN_VAIN) {
        return;
    }
    let own = dice.pick(&busy);
    scripts::call(dice, sim, own, forgiven, |dice, place| {
        let moment = dice.pick(&[When::Confirmed, When::Confirmed, When::Status(180)]);
        place.script = std::mem::take(&mut place.script).step(moment, dice.pause(), Act::Attended);
    });
}

/// Somebody asks for the place that another phone has in a call, whether it rings or talks there (RFC 3891).
fn somebody_takes_over(dice: &mut Dice, sim: &mut Sim, forgiven: &mut Forgiven) {
    let named = |call: &Call| call.replaces().filter(|_| call.outcome.is_none());
    let dialogs: Vec<String> = PHONES.into_iter().flat_map(|phone| sim.phone(phone).calls()).filter_map(named).collect();
    if dialogs.is_empty() || !forgiven.places_are_taken && dice.chance(IN_VAIN) {
        return;
    }
    let (own, flag) = (dice.pick(&PHONES), dice.pick(&["", "", "", ";early-only"]));
    let value = format!("{}{flag}", dice.pick(&dialogs));
    scripts::call(dice, sim, own, forgiven, |dice, place| {
        place.edits.push(Edit::add("Replaces", &value));
        if dice.chance(70) {
            place.edits.push(Edit::add("Require", "replaces"));
        }
    });
}

fn has_dialog(call: &Call) -> bool {
    call.outcome.is_none() && call.replaces().is_some()
}

fn all(sim: &mut Sim, act: &Act) {
    for phone in PHONES {
        if let Some(call) = sim.phone(phone).calls().iter().rposition(|call| !call.is_aside()) {
            sim.act_in(phone, call, act.clone());
        }
    }
}
