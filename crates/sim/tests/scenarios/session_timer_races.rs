//! A refresh that meets something else, in every order and with each message lost once: the other end's refresh, BYE, hold and re-INVITE,
//! and the end of the interval.

use crate::RACE_LIMIT;
use tandem_model::EndReason;
use tandem_phone::{Act, Offer, Outcome, Script, Timer, sdp::Direction};
use tandem_sim::{ALICE, Action, BOB, Sim, explore_losses, ms, secs};

/// The clock jumps past the moment at which our refreshes are due, and what is on its way arrives after it.
const REFRESH: Action = (BOB, |sim| sim.skip(secs(1)));
const BYE_OF_BOB: Action = (BOB, |sim| sim.act(BOB, Act::Bye));
const BYE_OF_ALICE: Action = (ALICE, |sim| sim.act(ALICE, Act::Bye));
const HOLD_OF_BOB: Action = (BOB, |sim| sim.act(BOB, Act::Reinvite(Offer::direction(Direction::SendOnly))));
const HOLD_OF_ALICE: Action = (ALICE, |sim| sim.act(ALICE, Act::Reinvite(Offer::direction(Direction::SendOnly))));
const REFRESH_OF_BOB: Action = (BOB, |sim| sim.act(BOB, Act::Update(Offer { late: true, ..Offer::default() })));

/// Bob's leg, which we refresh, is just about to be.
fn almost_due(seed: u64, updates: bool) -> Sim {
    let mut sim = Sim::new(seed);
    sim.phone_mut(BOB).setup_mut().updates = updates;
    sim.expect(BOB, Script::answers(100).habits(|habits| habits.timer = Some(Timer::asking(90).refresher("uac"))));
    sim.place(ALICE, "bob", Script::new());
    sim.run_until_talking(ALICE, BOB);
    sim.run_for(ms(44_500));
    sim
}

/// Time repairs what it can; whoever still talks hangs up. A refresh that was lost comes again behind what was sent after it.
fn end(sim: &mut Sim) {
    sim.run_for(secs(40));
    sim.act(ALICE, Act::Bye);
    sim.run_for(secs(40));
    for phone in [ALICE, BOB] {
        for rule in ["ack-missing", "no-answer", "cseq-order"] {
            sim.phone_mut(phone).forgive(rule);
        }
    }
    sim.finish();
}

fn meets(actions: &[Action], survives: bool) {
    for updates in [true, false] {
        let explored = explore_losses(RACE_LIMIT, |run| {
            let mut sim = almost_due(1, updates);
            sim.race(run, actions);
            sim.run_for(secs(80));
            let talking = [ALICE, BOB].map(|phone| sim.call(phone).outcome.is_none());
            assert_eq!(talking, [survives; 2], "{updates}");
            end(&mut sim);
            let reason = sim.end_reason();
            // Who hung up and was not heard has no dialog any more.
            let expected = [EndReason::CallerHungUp, EndReason::CalleeHungUp, EndReason::DialogLost];
            let expected = if run.has_lost() && !survives { &expected[..] } else { &expected[..2] };
            assert!(reason.is_some_and(|reason| expected.contains(&reason)), "{reason:?}");
        });
        assert!(explored.complete && explored.messages > 1, "{explored:?}");
    }
}

#[test]
fn a_refresh_alone() {
    meets(&[REFRESH], true);
}

#[test]
fn a_refresh_and_the_bye_of_the_one_who_is_refreshed() {
    meets(&[REFRESH, BYE_OF_BOB], false);
}

#[test]
fn a_refresh_and_the_bye_of_the_other() {
    meets(&[REFRESH, BYE_OF_ALICE], false);
}

#[test]
fn a_refresh_and_the_hold_of_the_one_who_is_refreshed() {
    meets(&[REFRESH, HOLD_OF_BOB], true);
}

#[test]
fn a_refresh_and_the_hold_of_the_other() {
    meets(&[REFRESH, HOLD_OF_ALICE], true);
}

#[test]
fn two_refreshes() {
    meets(&[REFRESH, REFRESH_OF_BOB], true);
}

/// The last moment: bob's refresh is on its way while our patience ends, and something is lost.
#[test]
fn the_peers_refresh_and_the_end_of_patience() {
    let explored = explore_losses(RACE_LIMIT, |run| {
        let mut sim = Sim::new(2);
        let timer = Timer { lazy: true, ..Timer::asking(90).refresher("uas") };
        sim.expect(BOB, Script::answers(100).habits(|habits| habits.timer = Some(timer)));
        sim.place(ALICE, "bob", Script::new());
        sim.run_until_talking(ALICE, BOB);
        sim.run_for(ms(59_500));
        sim.race(run, &[REFRESH_OF_BOB, REFRESH]);
        sim.run_for(secs(if run.has_lost() { 40 } else { 1 }));
        let reason = sim.end_reason();
        // Whom our BYE has not reached yet hears 481.
        let ended = |outcome: Option<Outcome>| if run.has_lost() { outcome.is_some() } else { outcome == Some(Outcome::TheyHungUp) };
        let over = [ALICE, BOB].map(|phone| ended(sim.call(phone).outcome));
        assert_eq!(over, [reason == Some(EndReason::SessionExpired); 2], "{reason:?}");
        sim.act(ALICE, Act::Bye);
        sim.finish();
    });
    assert!(explored.complete && explored.runs > 3, "{explored:?}");
}
