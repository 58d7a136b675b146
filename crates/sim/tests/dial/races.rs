//! What crosses, in every order, and with each message lost once.

use crate::{begin, then, to};
use tandem_model::{Dial, DialOrder, EndReason};
use tandem_phone::{Act, Outcome, Reply, Script};
use tandem_sim::{ALICE, Action, BOB, CAROL, Run, Sim, explore_losses, ms, secs};

const LIMIT: usize = 1500;

const WE_END: Action = (BOB, |sim| sim.end_all(EndReason::Shutdown));
const BOB_ANSWERS: Action = (BOB, |sim| sim.act(BOB, Act::Reply(Reply::new(200))));
const CAROL_ANSWERS: Action = (CAROL, |sim| sim.act(CAROL, Act::Reply(Reply::new(200))));
const BOB_IS_BUSY: Action = (BOB, |sim| sim.act(BOB, Act::Reply(Reply::new(486))));
const ALICE_HANGS_UP: Action = (ALICE, |sim| sim.act(ALICE, Act::Bye));

fn finish(sim: &mut Sim, run: &Run) {
    sim.run_for(if run.has_lost() { secs(40) } else { ms(500) });
    sim.end_all(EndReason::Shutdown);
    sim.finish();
}

fn rings(seed: u64, dial: Dial) -> Sim {
    let mut sim = Sim::new(seed);
    sim.expect(ALICE, Script::answers(50)).expect(BOB, Script::new().reply(50, 180)).expect(CAROL, Script::new().reply(50, 180));
    begin(&mut sim, dial);
    sim.run_until("bob rings", |sim| sim.phone(BOB).calls().first().is_some_and(|call| !call.statuses.is_empty()));
    sim.run_for(ms(100));
    sim
}

#[test]
fn we_end_it_as_the_first_answers() {
    let explored = explore_losses(LIMIT, |run| {
        let mut sim = rings(1, then("trunk:bob", r#"{"answer": "echo"}"#));
        sim.race(run, &[WE_END, BOB_ANSWERS]);
        finish(&mut sim, run);
        assert!(matches!(sim.call(BOB).outcome, Some(Outcome::TheyHungUp | Outcome::Failed(487))), "{:?}", sim.call(BOB).outcome);
    });
    assert!(explored.runs > 5, "{explored:?}");
}

#[test]
fn two_answer_at_once() {
    let explored = explore_losses(LIMIT, |run| {
        let mut sim = rings(2, Dial { order: DialOrder::Parallel, ..to(&["trunk:bob", "trunk:carol"]) });
        sim.race(run, &[BOB_ANSWERS, CAROL_ANSWERS]);
        finish(&mut sim, run);
        for phone in [BOB, CAROL] {
            assert!(matches!(sim.call(phone).outcome, Some(Outcome::TheyHungUp | Outcome::Failed(487))));
        }
    });
    assert!(explored.runs > 5, "{explored:?}");
}

#[test]
fn the_first_hangs_up_as_the_second_answers_or_refuses() {
    for second in [BOB_ANSWERS, BOB_IS_BUSY] {
        let explored = explore_losses(LIMIT, |run| {
            let mut sim = rings(3, to(&["trunk:alice", "trunk:bob"]));
            sim.race(run, &[ALICE_HANGS_UP, second]);
            finish(&mut sim, run);
            assert!(matches!(sim.call(ALICE).outcome, Some(Outcome::WeHungUp | Outcome::TheyHungUp)));
        });
        assert!(explored.runs > 10, "{explored:?}");
    }
}

#[test]
fn we_end_it_from_the_very_beginning() {
    let explored = explore_losses(LIMIT, |run| {
        let mut sim = Sim::new(4);
        sim.core_mut().policy_delay = ms(1);
        sim.expect(ALICE, Script::new().reply(0, 200)).expect(BOB, Script::new().reply(0, 200));
        begin(&mut sim, to(&["trunk:alice", "trunk:bob"]));
        sim.race(run, &[WE_END]);
        finish(&mut sim, run);
        assert_eq!(sim.end_reason(), Some(EndReason::Shutdown));
    });
    assert!(explored.runs > 5, "{explored:?}");
}
