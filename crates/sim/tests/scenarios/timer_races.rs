//! Timers that run out while the message that would have stopped them is on its way: every order.

use crate::RACE_LIMIT;
use tandem_model::EndReason;
use tandem_phone::{Act, Outcome, Reply, Script, When};
use tandem_sim::{ALICE, Action, BOB, CAROL, Sim, explore_losses, ms, secs};

/// The clock jumps, and what is on its way arrives after it.
const SECOND: Action = (BOB, |sim| sim.skip(secs(1)));
const RING: Action = (BOB, |sim| sim.act(BOB, Act::Reply(Reply::new(180))));
const ANSWER: Action = (BOB, |sim| sim.act(BOB, Act::Reply(Reply::new(200))));
const REFUSE: Action = (BOB, |sim| sim.act(BOB, Act::Reply(Reply::new(486))));

/// Whoever still talks or rings hangs up, and nothing is left.
fn end(sim: &mut Sim) {
    sim.run_for(ms(500));
    sim.act(ALICE, Act::Bye);
    sim.run_for(secs(120));
    for phone in [BOB, CAROL] {
        for call in 0..sim.phone(phone).calls().len() {
            if sim.phone(phone).call(call).outcome.is_none() {
                sim.act_in(phone, call, Act::Reply(Reply::new(480)));
            }
        }
    }
    sim.finish();
}

#[test]
fn ring_timeout_and_the_answer() {
    for answer in [ANSWER, REFUSE] {
        let explored = explore_losses(RACE_LIMIT, |run| {
            let mut sim = Sim::new(1);
            sim.expect(BOB, Script::new().reply(50, 180));
            sim.place(ALICE, "bob", Script::new());
            sim.run_for(ms(59_900));
            sim.race(run, &[answer, SECOND]);
            end(&mut sim);
            let reason = sim.end_reason();
            assert!(matches!(reason, Some(EndReason::RingTimeout | EndReason::CallerHungUp | EndReason::Failed(486))), "{reason:?}");
        });
        assert!(explored.complete && explored.runs > 5, "{explored:?}");
    }
}

#[test]
fn trying_timeout_and_the_first_word() {
    for word in [RING, ANSWER, REFUSE] {
        let explored = explore_losses(RACE_LIMIT, |run| {
            let mut sim = Sim::new(2);
            sim.expect(BOB, Script::new()).expect(CAROL, Script::new().reply(0, 200));
            sim.place(ALICE, "two", Script::new());
            sim.run_for(ms(3_900));
            sim.race(run, &[word, SECOND]);
            end(&mut sim);
        });
        assert!(explored.complete && explored.runs > 5, "{explored:?}");
    }
}

#[test]
fn the_last_ack_and_the_end_of_patience() {
    let explored = explore_losses(RACE_LIMIT, |run| {
        let mut sim = Sim::new(3);
        sim.expect(BOB, Script::answers(100));
        sim.place(ALICE, "bob", Script::new().habits(|habits| habits.ack_delay = secs(31)));
        sim.run_until_status(ALICE, 200);
        sim.run_for(ms(30_900));
        sim.race(run, &[(ALICE, |sim| sim.skip(ms(200))), (ALICE, |sim| sim.skip(secs(1)))]);
        sim.run_for(ms(500));
        sim.act(ALICE, Act::Bye);
        sim.finish();
        assert!(matches!(sim.end_reason(), Some(EndReason::AckTimeout | EndReason::CallerHungUp)));
    });
    assert!(explored.complete, "{explored:?}");
}

#[test]
fn the_longest_call_and_a_hang_up() {
    let text = tandem_sim::STANDARD.replace("max_duration = \"6h\"", "max_duration = \"2m\"");
    let explored = explore_losses(RACE_LIMIT, |run| {
        let mut sim = Sim::with_config(4, &text);
        sim.expect(BOB, Script::answers(100));
        sim.place(ALICE, "bob", Script::new());
        sim.run_for(ms(119_900));
        sim.race(run, &[(ALICE, |sim| sim.act(ALICE, Act::Bye)), SECOND]);
        sim.finish();
        assert!(sim.call(ALICE).outcome.is_some_and(|outcome| matches!(outcome, Outcome::WeHungUp | Outcome::TheyHungUp)));
    });
    assert!(explored.complete && explored.runs > 10, "{explored:?}");
}

#[test]
fn the_longest_call_and_the_answer() {
    let text = tandem_sim::STANDARD.replace("max_duration = \"6h\"", "max_duration = \"30s\"");
    let explored = explore_losses(RACE_LIMIT, |run| {
        let mut sim = Sim::with_config(5, &text);
        sim.expect(BOB, Script::new().reply(50, 180));
        sim.place(ALICE, "bob", Script::new());
        sim.run_for(ms(29_900));
        sim.race(run, &[ANSWER, SECOND]);
        sim.finish();
        assert_eq!(sim.end_reason(), Some(EndReason::MaxDuration));
    });
    assert!(explored.complete && explored.runs > 5, "{explored:?}");
}

#[test]
fn a_given_up_cancel_and_its_late_487() {
    let explored = explore_losses(RACE_LIMIT, |run| {
        let mut sim = Sim::new(6);
        sim.expect(BOB, Script::new().reply(50, 180).habits(|habits| habits.cancel_delay = ms(31_950)));
        sim.place(ALICE, "bob", Script::new().cancel(When::Status(180), 0));
        sim.run_until("bob is cancelled", |sim| sim.phone(BOB).heard("CANCEL").count() > 0);
        sim.run_for(ms(31_900));
        sim.race(run, &[(BOB, |sim| sim.skip(ms(60))), (BOB, |sim| sim.skip(ms(60)))]);
        sim.settle();
        // What came too late finds nobody.
        sim.phone_mut(BOB).forgive("ack-missing");
        sim.finish();
        assert_eq!(sim.end_reason(), Some(EndReason::Cancelled));
    });
    assert!(explored.complete, "{explored:?}");
}
