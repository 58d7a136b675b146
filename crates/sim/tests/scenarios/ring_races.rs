//! Moments in which a group is decided twice: in every order, and with each message lost once.

use crate::{RACE_LIMIT, after_race};
use std::net::SocketAddr;
use tandem_model::EndReason;
use tandem_phone::{Act, Outcome, Reply, Script};
use tandem_sim::{ALICE, Action, BOB, CAROL, DORA, Run, STANDARD, Sim, explore_losses, ms};

const CANCEL: Action = (ALICE, |sim| sim.act(ALICE, Act::Cancel));
const BOB_ANSWERS: Action = (BOB, |sim| sim.act(BOB, Act::Reply(Reply::new(200))));
const CAROL_ANSWERS: Action = (CAROL, |sim| sim.act(CAROL, Act::Reply(Reply::new(200))));
const BOB_IS_BUSY: Action = (BOB, |sim| sim.act(BOB, Act::Reply(Reply::new(486))));
const CAROL_DECLINES: Action = (CAROL, |sim| sim.act(CAROL, Act::Reply(Reply::new(603))));

/// Bob and carol ring, dora refuses.
fn both_ring(seed: u64) -> Sim {
    let mut sim = Sim::new(seed);
    sim.expect(BOB, Script::new().reply(50, 180)).expect(CAROL, Script::new().reply(60, 180)).expect(DORA, Script::new().reply(10, 404));
    sim.place(ALICE, "all", Script::new());
    sim.run_until("both ring", |sim| {
        [BOB, CAROL].iter().all(|phone| sim.phone(*phone).calls().first().is_some_and(|call| !call.statuses.is_empty()))
    });
    sim.run_for(ms(100));
    sim
}

fn hang_up_and_finish(sim: &mut Sim, run: &Run) {
    after_race(sim, run);
    sim.act(ALICE, Act::Bye);
    sim.finish();
}

/// At most one of them talked; the other, if it answered, was hung up.
fn assert_one_at_most(sim: &Sim) {
    let is_talk = |phone: SocketAddr| sim.call(phone).outcome == Some(Outcome::TheyHungUp);
    let outcome = sim.call(ALICE).outcome;
    match outcome {
        Some(Outcome::WeHungUp) => assert!(is_talk(BOB) || is_talk(CAROL), "{outcome:?}"),
        Some(Outcome::Failed(487)) => assert_eq!(sim.end_reason(), Some(EndReason::Cancelled)),
        Some(Outcome::Failed(status)) => assert_eq!(sim.end_reason(), Some(EndReason::Failed(status))),
        other => unreachable!("{other:?}"),
    }
    assert_eq!(sim.call(ALICE).dialogs(), 1);
}

#[test]
fn two_answer_at_once() {
    let explored = explore_losses(RACE_LIMIT, |run| {
        let mut sim = both_ring(1);
        sim.race(run, &[BOB_ANSWERS, CAROL_ANSWERS]);
        hang_up_and_finish(&mut sim, run);
        assert_one_at_most(&sim);
        assert_eq!(sim.call(ALICE).outcome, Some(Outcome::WeHungUp));
    });
    assert!(explored.runs > 50, "{explored:?}");
}

#[test]
fn the_caller_gives_up_as_one_answers() {
    let explored = explore_losses(RACE_LIMIT, |run| {
        let mut sim = both_ring(2);
        sim.race(run, &[CANCEL, BOB_ANSWERS]);
        hang_up_and_finish(&mut sim, run);
        assert_one_at_most(&sim);
    });
    assert!(explored.runs > 50, "{explored:?}");
}

#[test]
fn one_answers_as_the_other_declines_for_all() {
    let explored = explore_losses(RACE_LIMIT, |run| {
        let mut sim = both_ring(3);
        sim.race(run, &[BOB_ANSWERS, CAROL_DECLINES]);
        hang_up_and_finish(&mut sim, run);
        assert_one_at_most(&sim);
    });
    assert!(explored.runs > 50, "{explored:?}");
}

#[test]
fn the_last_but_one_fails_as_the_last_answers() {
    let explored = explore_losses(RACE_LIMIT, |run| {
        let mut sim = both_ring(4);
        sim.race(run, &[BOB_IS_BUSY, CAROL_ANSWERS]);
        hang_up_and_finish(&mut sim, run);
        assert_eq!(sim.call(ALICE).outcome, Some(Outcome::WeHungUp));
    });
    assert!(explored.runs > 20, "{explored:?}");
}

#[test]
fn one_answers_as_the_time_for_all_is_over() {
    let explored = explore_losses(RACE_LIMIT, |run| {
        let mut sim = both_ring(5);
        let left = ms(40_000 - 1);
        let spent = sim.core().events.first().map_or(ms(0), |event| sim.now().since(event.time));
        sim.run_for(left.saturating_sub(spent));
        sim.race(run, &[BOB_ANSWERS, (ALICE, |sim| sim.skip(ms(2)))]);
        hang_up_and_finish(&mut sim, run);
        match sim.call(ALICE).outcome {
            Some(Outcome::WeHungUp) => {}
            Some(Outcome::Failed(480 | 404)) => {}
            other => unreachable!("{other:?}"),
        }
    });
    assert!(explored.runs > 10, "{explored:?}");
}

#[test]
fn one_answers_as_its_own_time_is_over_and_the_next_one_s_begins() {
    let text = STANDARD.replacen("timeout = \"25s\", target_timeout = \"10s\"", "target_timeout = \"1s\"", 1);
    let explored = explore_losses(RACE_LIMIT, |run| {
        let mut sim = Sim::with_config(6, &text);
        sim.expect(BOB, Script::new().reply(50, 180)).expect(CAROL, Script::answers(50));
        sim.place(ALICE, "hunt", Script::new());
        sim.run_until_status(ALICE, 180);
        let spent = sim.core().events.first().map_or(ms(0), |event| sim.now().since(event.time));
        sim.run_for(ms(999).saturating_sub(spent));
        sim.race(run, &[BOB_ANSWERS, (CAROL, |sim| sim.skip(ms(2)))]);
        hang_up_and_finish(&mut sim, run);
        assert_eq!(sim.call(ALICE).outcome, Some(Outcome::WeHungUp));
    });
    assert!(explored.runs > 10, "{explored:?}");
}

#[test]
fn from_the_very_beginning() {
    let explored = explore_losses(RACE_LIMIT, |run| {
        let mut sim = Sim::new(7);
        sim.core_mut().policy_delay = ms(1);
        sim.expect(BOB, Script::new().reply(0, 200)).expect(CAROL, Script::new().reply(0, 200));
        sim.place(ALICE, "all-unheard", Script::new());
        sim.race(run, &[CANCEL]);
        hang_up_and_finish(&mut sim, run);
        assert!(matches!(sim.call(ALICE).outcome, Some(Outcome::WeHungUp | Outcome::Failed(487))));
    });
    assert!(explored.runs > 100, "{explored:?}");
}
