//! One world from one seed, from the first call until nothing is left.

use crate::{
    agreement, commands,
    dice::Dice,
    forgiven::Forgiven,
    meddle, model, moments, scripts,
    world::{self, PHONES, World},
};
use std::time::Duration;
use tandem_model::EndReason;
use tandem_phone::{Act, Reply};
use tandem_sim::{ALICE, BOB, CAROL, DORA, Sim, ms};

/// Who calls.
const CALLERS: [std::net::SocketAddr; 5] = [ALICE, ALICE, BOB, CAROL, DORA];

/// How long some calls are left alone in the end: for timers to be refreshed again and again, or to run out.
const LONG: Duration = Duration::from_secs(1200);

/// What was played.
pub(crate) struct Played {
    pub(crate) sim: Sim,
    /// Calls of which the model knew beforehand how they go.
    pub(crate) predicted: u64,
    /// Commands that were carried out.
    pub(crate) obeyed: u64,
    /// Calls of which a leg went to another.
    pub(crate) joined: u64,
}

pub(crate) fn one(seed: u64, world: World) -> Played {
    let mut dice = Dice::new(seed);
    let mut forgiven = Forgiven::new(world);
    let mut sim = world::draw(&mut dice, seed, world, &mut forgiven);
    let mut told = commands::Told::default();
    if world == World::Commanded {
        commands::prepare(&mut dice, &mut sim, &forgiven);
    }
    for _ in 0..1 + dice.below(3) {
        let caller = dice.pick(&CALLERS);
        for callee in PHONES {
            let script = scripts::callee(&mut dice, callee, world, &mut forgiven);
            sim.phone_mut(callee).always(script);
        }
        scripts::call(&mut dice, &mut sim, caller, &mut forgiven, |_, _| ());
        sim.run_for(dice.span());
        if world == World::Meddling {
            meddle::draw(&mut dice, &mut sim, &mut forgiven);
        }
        if world == World::Commanded {
            told.draw(&mut dice, &mut sim);
        }
        moments::draw(&mut dice, &mut sim, &mut forgiven);
        if world == World::Commanded {
            told.draw(&mut dice, &mut sim);
        }
    }
    if dice.chance(5) {
        sim.run_for(dice.span());
        sim.end_all(EndReason::Shutdown);
        forgiven.unpredictable = true;
    }
    if forgiven.patient {
        sim.run_for(LONG);
    }
    let well_behaved = forgiven.is_well_behaved();
    end_everything(&mut sim, &forgiven);
    forgiven.apply(&mut sim);
    sim.finish();
    told.assert_all_ended(&sim);
    let mut predicted = 0;
    if !forgiven.trouble && world == World::Plain {
        agreement::assert_both_sides_agree(&sim, &forgiven);
        if !forgiven.unpredictable {
            predicted = model::check(&sim, &forgiven, well_behaved);
        }
    }
    let left = sim.core().records().filter(|record| matches!(record.reason, EndReason::Moved | EndReason::Transferred));
    let joined = left.count() as u64;
    let obeyed = told.obeyed(&sim);
    Played { sim, predicted, obeyed, joined }
}

/// Everybody hangs up who has not, as often as it takes: scripts do not always say how a call ends.
fn end_everything(sim: &mut Sim, forgiven: &Forgiven) {
    sim.run_for(ms(150_000));
    for _ in 0..4 {
        for phone in PHONES {
            for call in 0..sim.phone(phone).calls().len() {
                if sim.phone(phone).call(call).outcome.is_none() {
                    sim.act_in(phone, call, Act::Bye);
                    sim.act_in(phone, call, Act::Reply(Reply::new(480)));
                }
            }
        }
        sim.run_for(ms(100_000));
    }
    if forgiven.may_leave_calls || sim.broken_connections() > 0 {
        // A BYE that was refused as malformed or went down with its connection, or that a phone forgot to send, leaves a call that only
        // media or time would end.
        sim.end_all(EndReason::Shutdown);
    }
    sim.settle();
}
