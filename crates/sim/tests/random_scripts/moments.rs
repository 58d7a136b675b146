//! What befalls the world between two calls, whatever the scripts say.

use crate::{dice::Dice, forgiven::Forgiven, scripts, world::PHONES};
use std::{net::SocketAddr, time::Duration};
use tandem_model::{Dial, DialLeg, DialOrder};
use tandem_phone::{Act, Call, Edit, Offer, When, sdp::Direction};
use tandem_sim::Sim;

type Moment = fn(&mut Dice, &mut Sim, &mut Forgiven);

/// In how many of a hundred pauses, and what.
const MOMENTS: &[(u64, Moment)] = &[
    (10, connections_break),
    (6, a_phone_restarts),
    (6, all_hang_up),
    (6, all_hold),
    (12, somebody_consults),
    (12, somebody_takes_over),
    (12, somebody_is_dialled),
];

/// Whom the node is told to call, and what becomes of the one who answers.
const DIALLED: [&str; 7] =
    ["trunk:alice/1", "trunk:bob/2", "trunk:carol/3", "trunk:dora/4", "trunk:bob-law/5", "sip:six@10.0.3.1", "trunk:nobody/7"];
const THEN: [Option<&str>; 6] = [
    None,
    Some(r#"{"answer": "echo"}"#),
    Some(r#"{"answer": "busy:de", "times": 3}"#),
    Some(r#"{"bridge": ["trunk:bob/2", "trunk:carol/3"], "ringback": "de", "timeout": "20s"}"#),
    Some(r#"{"ring": ["trunk:alice/1", "trunk:carol/3", "trunk:dora/4"]}"#),
    Some(r#"{"reject": 486}"#),
];

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

/// A call that begins in the node.
fn somebody_is_dialled(dice: &mut Dice, sim: &mut Sim, forgiven: &mut Forgiven) {
    let count = 1 + dice.below(3) as usize;
    let order = if count < 3 && dice.chance(60) { DialOrder::Sequential } else { DialOrder::Parallel };
    let legs = (0..count).map(|_| DialLeg::new(dice.pick(&DIALLED)));
    let legs = legs.collect();
    let then = if count == 1 || order == DialOrder::Parallel { dice.pick(&THEN).map(Into::into) } else { None };
    let max_duration = dice.chance(10).then(|| dice.span());
    forgiven.rings = true;
    let dial = Dial { legs, order, then, max_duration, quiet: false, metadata: None, by: "dice".into() };
    // The node may be full.
    let _ = sim.dial(dial);
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
