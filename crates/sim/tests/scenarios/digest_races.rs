//! What crosses a challenge and the request that answers it: CANCEL, hanging up, silence, a network that fails.

use crate::RACE_LIMIT;
use tandem_model::EndReason;
use tandem_phone::{Act, Demand, OnCancel, Outcome, Reply, Script, When};
use tandem_sim::{ALICE, Action, BOB, CAROL, STANDARD, Sim, explore_losses, ms, secs};

const CANCEL: Action = (ALICE, |sim| sim.act(ALICE, Act::Cancel));
const ANSWER: Action = (BOB, |sim| sim.act(BOB, Act::Reply(Reply::new(200))));
const RING: Action = (BOB, |sim| sim.act(BOB, Act::Reply(Reply::new(180))));

fn house(seed: u64) -> Sim {
    let login = "ring_timeout = \"60s\"\nlogin = { username = \"acme\", password = \"s3cret\" }";
    let mut sim = Sim::with_config(seed, &STANDARD.replacen("ring_timeout = \"60s\"", login, 1));
    sim.phone_mut(BOB).setup_mut().demands = vec![Demand::new("acme", "s3cret")];
    sim
}

fn invites(sim: &Sim) -> usize {
    sim.phone(BOB).heard("INVITE").filter(|message| message.is_request()).count()
}

fn hang_up_and_finish(sim: &mut Sim) {
    sim.run_for(ms(500));
    sim.act(ALICE, Act::Bye);
    sim.finish();
}

fn assert_consistent(sim: &Sim) {
    match sim.call(ALICE).outcome {
        Some(Outcome::WeHungUp) => assert_eq!(sim.end_reason(), Some(EndReason::CallerHungUp)),
        Some(Outcome::Failed(487)) => assert_eq!(sim.end_reason(), Some(EndReason::Cancelled)),
        outcome => unreachable!("{outcome:?}"),
    }
}

#[test]
fn cancel_at_any_moment() {
    for on_cancel in [OnCancel::Terminate, OnCancel::Answer] {
        let explored = explore_losses(RACE_LIMIT / 10, |run| {
            let mut sim = house(1);
            sim.expect(BOB, Script::new().habits(|habits| habits.on_cancel = on_cancel));
            sim.place(ALICE, "bob", Script::new());
            sim.run_until_status(ALICE, 100);
            sim.race(run, &[CANCEL, RING, ANSWER]);
            // Whatever was left out because it came too early is done now.
            sim.run_for(ms(300));
            sim.act(ALICE, Act::Cancel);
            sim.run_for(ms(300));
            if let Some(0) = sim.phone(BOB).calls().first().map(|call| usize::from(call.outcome.is_some())) {
                sim.act(BOB, Act::Reply(Reply::new(180)));
            }
            hang_up_and_finish(&mut sim);
            assert_consistent(&sim);
        });
        assert!(explored.runs > 20, "{explored:?}");
    }
}

#[test]
fn cancelled_before_the_challenge_no_second_invite_is_sent() {
    let mut sim = house(2);
    sim.link(BOB, tandem_sim::CORE, tandem_sim::Link { delay: ms(200), ..Default::default() });
    sim.place(ALICE, "bob", Script::new().cancel(When::Status(100), 50));
    sim.finish();
    assert_eq!((invites(&sim), sim.call(ALICE).outcome), (1, Some(Outcome::Failed(487))));
}

#[test]
fn cancelled_after_it_the_second_invite_is_taken_back() {
    let mut sim = house(3);
    sim.expect(BOB, Script::new().reply(300, 180));
    sim.place(ALICE, "bob", Script::new().cancel(When::Status(100), 100));
    sim.finish();
    assert_eq!((invites(&sim), sim.call(ALICE).outcome), (2, Some(Outcome::Failed(487))));
    assert_eq!(sim.phone(BOB).heard("CANCEL").count(), 1);
    assert_eq!(sim.call(BOB).outcome, Some(Outcome::Failed(487)));
}

#[test]
fn a_peer_that_asks_and_then_says_nothing_is_given_up_in_time() {
    let mut sim = house(4);
    sim.phone_mut(BOB).always(Script::new());
    sim.place(ALICE, "two", Script::new().bye(1000));
    let began = sim.now();
    sim.run_until_status(ALICE, 200);
    // `trying_timeout` counts from the first INVITE.
    assert!(sim.now().since(began) < secs(5));
    assert_eq!(sim.phone(CAROL).calls().len(), 1);
    sim.run_for(secs(40));
    sim.act(BOB, Act::Reply(Reply::new(480)));
    sim.settle();
    sim.phone_mut(BOB).forgive("ack-missing");
    sim.finish();
}

#[test]
fn a_peer_that_is_gone_after_it_asked_is_unreachable() {
    let mut sim = house(5);
    sim.phone_mut(BOB).always(Script::new());
    sim.place(ALICE, "two", Script::new().bye(1000));
    sim.run_until("bob has asked", |sim| sim.phone(BOB).trace().iter().any(|one| one.sent));
    sim.core_mut().unreachable = vec![BOB];
    sim.settle();
    sim.phone_mut(BOB).forgive("ack-missing");
    sim.finish();
    assert_eq!(sim.call(ALICE).outcome, Some(Outcome::WeHungUp));
    assert_eq!((invites(&sim), sim.phone(CAROL).calls().len()), (1, 1));
}

#[test]
fn a_challenge_that_comes_again_is_acknowledged_again() {
    let mut sim = house(6);
    sim.link(BOB, tandem_sim::CORE, tandem_sim::Link { duplicates: 1000, ..Default::default() });
    sim.place(ALICE, "bob", Script::new().bye(1000));
    sim.finish();
    assert_eq!(invites(&sim), 2);
}

#[test]
fn hanging_up_while_a_reinvite_is_asked_who_it_is() {
    let explored = explore_losses(RACE_LIMIT, |run| {
        let mut sim = house(7);
        sim.phone_mut(BOB).setup_mut().demands = Vec::new();
        sim.place(ALICE, "bob", Script::new());
        sim.run_until_talking(ALICE, BOB);
        sim.phone_mut(BOB).setup_mut().demands = vec![Demand::new("acme", "s3cret")];
        sim.act(ALICE, Act::Reinvite(Default::default()));
        sim.race(run, &[(ALICE, |sim| sim.act(ALICE, Act::Bye))]);
        sim.finish();
        assert_eq!(sim.end_reason(), Some(EndReason::CallerHungUp));
    });
    assert!(explored.complete && explored.runs > 3, "{explored:?}");
}

#[test]
fn a_reinvite_taken_back_while_it_is_asked_who_it_is() {
    let explored = explore_losses(RACE_LIMIT, |run| {
        let mut sim = house(8);
        sim.phone_mut(BOB).setup_mut().demands = Vec::new();
        sim.expect(BOB, Script::answers(100).habits(|habits| habits.reoffers = vec![(ms(500), Reply::new(200))]));
        sim.place(ALICE, "bob", Script::new());
        sim.run_until_talking(ALICE, BOB);
        sim.phone_mut(BOB).setup_mut().demands = vec![Demand::new("acme", "s3cret")];
        sim.act(ALICE, Act::Reinvite(Default::default()));
        sim.race(run, &[CANCEL]);
        sim.run_for(secs(2));
        hang_up_and_finish(&mut sim);
        assert_eq!(sim.end_reason(), Some(EndReason::CallerHungUp));
    });
    assert!(explored.complete && explored.runs > 3, "{explored:?}");
}
