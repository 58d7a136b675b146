//! The caller gives up in the moment in which the callee picks up: every order of what then crosses.

use crate::{RACE_LIMIT, after_race};
use tandem_model::EndReason;
use tandem_phone::{Act, OnCancel, Outcome, Place, Reply, Script};
use tandem_sim::{ALICE, Action, BOB, Run, Sim, explore_losses};

const CANCEL: Action = (ALICE, |sim| sim.act(ALICE, Act::Cancel));
const ANSWER: Action = (BOB, |sim| sim.act(BOB, Act::Reply(Reply::new(200))));
const RING: Action = (BOB, |sim| sim.act(BOB, Act::Reply(Reply::new(180))));
const REFUSE: Action = (BOB, |sim| sim.act(BOB, Act::Reply(Reply::new(486))));

/// A CANCEL that came after the answer did nothing: then the call goes on.
fn hang_up_and_finish(sim: &mut Sim, run: &Run) {
    after_race(sim, run);
    sim.act(ALICE, Act::Bye);
    sim.finish();
}

fn assert_consistent(sim: &Sim) {
    match sim.call(ALICE).outcome {
        // The 200 won: the phone that cancelled hangs up.
        Some(Outcome::WeHungUp) => assert_eq!(sim.end_reason(), Some(EndReason::CallerHungUp)),
        Some(Outcome::Failed(487)) => assert_eq!(sim.end_reason(), Some(EndReason::Cancelled)),
        Some(Outcome::Failed(486)) => assert_eq!(sim.end_reason(), Some(EndReason::Failed(486))),
        outcome => unreachable!("{outcome:?}"),
    }
}

#[test]
fn while_it_rings() {
    let explored = explore_losses(RACE_LIMIT, |run| {
        let mut sim = Sim::new(1);
        sim.expect(BOB, Script::new().reply(50, 180));
        sim.place(ALICE, "bob", Script::new());
        sim.run_until_status(ALICE, 180);
        sim.race(run, &[CANCEL, ANSWER]);
        hang_up_and_finish(&mut sim, run);
        assert_consistent(&sim);
    });
    assert!(explored.complete && explored.runs > 20, "{explored:?}");
}

#[test]
fn before_anything_is_known_of_the_callee() {
    let explored = explore_losses(RACE_LIMIT, |run| {
        let mut sim = Sim::new(2);
        sim.expect(BOB, Script::new());
        sim.place(ALICE, "bob", Script::new());
        sim.run_until("bob has the INVITE", |sim| !sim.phone(BOB).calls().is_empty());
        sim.race(run, &[CANCEL, RING, ANSWER]);
        hang_up_and_finish(&mut sim, run);
        assert_consistent(&sim);
    });
    assert!(explored.complete && explored.runs > 20, "{explored:?}");
}

#[test]
fn from_the_very_beginning() {
    let explored = explore_losses(RACE_LIMIT, |run| {
        let mut sim = Sim::new(3);
        sim.core_mut().policy_delay = tandem_sim::ms(1);
        sim.expect(BOB, Script::new().reply(0, 200));
        sim.place(ALICE, "bob", Script::new());
        sim.race(run, &[CANCEL]);
        hang_up_and_finish(&mut sim, run);
        assert!(matches!(sim.call(ALICE).outcome, Some(Outcome::WeHungUp | Outcome::Failed(487))));
    });
    assert!(explored.complete, "{explored:?}");
}

#[test]
fn against_a_callee_that_takes_the_cancel_for_an_answer() {
    let explored = explore_losses(RACE_LIMIT, |run| {
        let mut sim = Sim::new(4);
        sim.expect(BOB, Script::new().reply(50, 180).habits(|habits| habits.on_cancel = OnCancel::Answer));
        sim.place(ALICE, "bob", Script::new());
        sim.run_until_status(ALICE, 180);
        sim.race(run, &[CANCEL]);
        sim.finish();
        assert_eq!(sim.call(ALICE).outcome, Some(Outcome::Failed(487)));
        assert_eq!(sim.call(BOB).outcome, Some(Outcome::TheyHungUp));
    });
    assert!(explored.complete, "{explored:?}");
}

#[test]
fn against_a_refusal() {
    let explored = explore_losses(RACE_LIMIT, |run| {
        let mut sim = Sim::new(5);
        sim.expect(BOB, Script::new().reply(50, 180));
        sim.place(ALICE, "bob", Script::new());
        sim.run_until_status(ALICE, 180);
        sim.race(run, &[CANCEL, REFUSE]);
        hang_up_and_finish(&mut sim, run);
        assert_consistent(&sim);
    });
    assert!(explored.complete && explored.runs > 10, "{explored:?}");
}

#[test]
fn against_a_failure_that_turns_to_the_next_target() {
    let explored = explore_losses(RACE_LIMIT, |run| {
        let mut sim = Sim::new(6);
        sim.expect(BOB, Script::new()).expect(tandem_sim::CAROL, Script::new().reply(0, 200));
        sim.place(ALICE, "two", Script::new());
        sim.run_until("bob has the INVITE", |sim| !sim.phone(BOB).calls().is_empty());
        sim.race(run, &[CANCEL, (BOB, |sim| sim.act(BOB, Act::Reply(Reply::new(503))))]);
        hang_up_and_finish(&mut sim, run);
        assert!(matches!(sim.call(ALICE).outcome, Some(Outcome::WeHungUp | Outcome::Failed(487))));
    });
    assert!(explored.complete && explored.runs > 20, "{explored:?}");
}

/// The 2xx has an offer then, and its ACK an answer even if there is nothing to talk about any more (RFC 3261 §13.2.2.4).
#[test]
fn where_the_callee_was_to_offer() {
    let explored = explore_losses(RACE_LIMIT, |run| {
        let mut sim = Sim::new(9);
        sim.expect(BOB, Script::new().reply(50, 180));
        let place = Place::new(&sim.uri(ALICE, "bob")).late();
        sim.place_with(ALICE, place);
        sim.run_until_status(ALICE, 180);
        sim.race(run, &[CANCEL, ANSWER]);
        hang_up_and_finish(&mut sim, run);
        assert_consistent(&sim);
        let is_answered = sim.call(BOB).outcome == Some(Outcome::TheyHungUp);
        let acks: Vec<bool> = sim.phone(BOB).heard("ACK").map(tandem_phone::Message::has_sdp).collect();
        // Who has hung up repeats no 200: an ACK that was lost then is lost for good.
        assert!(!is_answered || (run.has_lost() || !acks.is_empty()) && acks.iter().all(|has_sdp| *has_sdp), "{acks:?}");
    });
    assert!(explored.complete && explored.runs > 20, "{explored:?}");
}
