//! What crosses on the way to a phone: refreshes, removals, connections that break and are made anew, and a call, in every order.

use crate::house::{ALICE_2, house, house_over_tcp, own, registered};
use crate::user_flows::outbound;
use std::net::SocketAddr;
use tandem_model::Fate;
use tandem_phone::{Act, Outcome, Register, Script};
use tandem_sim::{ALICE, Action, BOB, Sim, explore, explore_losses, ms, secs};

/// Orders of one scenario; as many again are drawn at random where there are more.
const LIMIT: usize = 250;

const REFRESH: Action = (ALICE, |sim| {
    let register = own(sim, ALICE).expires(600);
    sim.send_register(ALICE, &register);
});
const STAR: Action = (ALICE, |sim| sim.send_register(ALICE, &star()));
const CALL: Action = (BOB, |sim| {
    sim.place(BOB, "alice", Script::new());
});
const BREAK: Action = (ALICE, |sim| sim.break_connections(ALICE));
const FLOW: Action = (ALICE, |sim| {
    let register = outbound(sim, ALICE, 1);
    sim.send_register(ALICE, &register);
});
const BREAK_2: Action = (ALICE_2, |sim| sim.break_connections(ALICE_2));
const FLOW_2: Action = (ALICE_2, |sim| {
    let register = outbound(sim, ALICE_2, 2);
    sim.send_register(ALICE_2, &register);
});

fn star() -> Register {
    Register::query("house.example").contact("*").expires(0)
}

/// Lets all that the race has begun come to its end, and takes the phone out: nothing may be left. What became of the call.
fn ended(sim: &mut Sim, phones: &[SocketAddr]) -> Outcome {
    sim.run_for(secs(40));
    if sim.call(BOB).outcome.is_none() {
        sim.act(BOB, Act::Bye);
    }
    sim.settle();
    assert_counted(sim);
    for phone in phones {
        let answer = sim.register(*phone, &star()).status();
        assert_eq!(answer, 200, "{phone}");
    }
    sim.finish();
    assert_eq!(sim.core().registrar_held(), (0, 0, 0));
    sim.call(BOB).outcome.expect("it is over")
}

/// What was told of bindings adds up to those that are there.
fn assert_counted(sim: &Sim) {
    let mut count = 0;
    for (_, fate, now) in sim.core().registrations() {
        match fate {
            Fate::Added => count += 1,
            Fate::Refreshed | Fate::Moved => {}
            Fate::Removed | Fate::Expired | Fate::Lost => count -= 1,
        }
        assert!(now <= 2, "{now}");
    }
    let held = sim.core().bindings().of("alice").len();
    assert_eq!((count, sim.core().registrar_held().0), (held, held), "{:?}", sim.core().registrations());
}

#[test]
fn a_refresh_a_removal_and_a_call() {
    let (mut answered, mut failed) = (0, 0);
    let explored = explore_losses(LIMIT, |run| {
        let mut sim = house(1);
        registered(&mut sim, &[ALICE]);
        sim.expect(ALICE, Script::answers(100));
        sim.race(run, &[REFRESH, STAR, CALL]);
        match ended(&mut sim, &[ALICE]) {
            Outcome::WeHungUp => answered += 1,
            // No contact any more when it came.
            Outcome::Failed(480) => failed += 1,
            outcome => unreachable!("{outcome:?}"),
        }
    });
    assert!(answered > 0 && failed > 0 && explored.runs > 100, "{explored:?} {answered} {failed}");
}

#[test]
fn a_connection_that_is_replaced_and_a_call() {
    let (mut answered, mut failed) = (0, 0);
    let explored = explore(LIMIT, |run| {
        let mut sim = house_over_tcp(2, &[ALICE]);
        let register = outbound(&sim, ALICE, 1);
        sim.register(ALICE, &register);
        sim.expect(ALICE, Script::answers(100));
        sim.race(run, &[BREAK, FLOW, CALL]);
        let held = sim.core().bindings().of("alice").len();
        assert!(held <= 1, "one flow, over whatever connection");
        match ended(&mut sim, &[ALICE]) {
            Outcome::WeHungUp => answered += 1,
            // Between one connection and the next, or lost with the first.
            Outcome::Failed(480 | 500) => failed += 1,
            outcome => unreachable!("{outcome:?}"),
        }
    });
    assert!(answered > 0 && failed > 0 && explored.runs > 100, "{explored:?} {answered} {failed}");
}

#[test]
fn a_removal_a_connection_that_is_replaced_and_a_call() {
    let explored = explore(LIMIT, |run| {
        let mut sim = house_over_tcp(3, &[ALICE]);
        let register = outbound(&sim, ALICE, 1);
        sim.register(ALICE, &register);
        sim.expect(ALICE, Script::answers(100));
        sim.race(run, &[STAR, BREAK, FLOW, CALL]);
        assert!(sim.core().bindings().of("alice").len() <= 1);
        let outcome = ended(&mut sim, &[ALICE]);
        assert!(matches!(outcome, Outcome::WeHungUp | Outcome::Failed(480 | 500)), "{outcome:?}");
    });
    assert!(explored.runs > 100, "{explored:?}");
}

#[test]
fn a_call_finds_its_phone_while_one_of_its_flows_is_replaced() {
    let mut over_the_other = 0;
    let explored = explore(LIMIT, |run| {
        let mut sim = house_over_tcp(4, &[ALICE, ALICE_2]);
        for (phone, id) in [(ALICE, 1), (ALICE_2, 2)] {
            let register = outbound(&sim, phone, id);
            sim.register(phone, &register);
            sim.run_for(ms(1000));
        }
        sim.expect(ALICE, Script::answers(100)).expect(ALICE_2, Script::answers(100));
        sim.race(run, &[BREAK_2, FLOW_2, CALL]);
        assert!((1..=2).contains(&sim.core().bindings().of("alice").len()));
        assert_eq!(ended(&mut sim, &[ALICE]), Outcome::WeHungUp);
        over_the_other += usize::from(!sim.phone(ALICE).calls().is_empty());
    });
    assert!(over_the_other > 0 && explored.runs > 100, "{explored:?} {over_the_other}");
}

#[test]
fn flows_that_are_refreshed_and_removed_at_once() {
    let explored = explore(LIMIT, |run| {
        let mut sim = house(5);
        for (phone, id) in [(ALICE, 1), (ALICE_2, 2)] {
            let register = outbound(&sim, phone, id);
            sim.register(phone, &register);
        }
        sim.expect(ALICE, Script::answers(100)).expect(ALICE_2, Script::answers(100));
        sim.race(run, &[FLOW, FLOW_2, STAR, CALL]);
        let outcome = ended(&mut sim, &[ALICE, ALICE_2]);
        assert!(matches!(outcome, Outcome::WeHungUp | Outcome::Failed(480)), "{outcome:?}");
        let called = [ALICE, ALICE_2].map(|phone| sim.phone(phone).calls().len());
        assert!(called.iter().sum::<usize>() <= 1, "one phone, and one of its flows: {called:?}");
    });
    assert!(explored.runs > 100, "{explored:?}");
}
