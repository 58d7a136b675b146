//! What crosses a REGISTER of ours and its answers: a challenge, a change of the configuration, the end, a call that hangs up, a loss.

use crate::RACE_LIMIT;
use crate::registration::{REGISTER, demand, house, registers, registrar};
use std::collections::BTreeMap;
use tandem_model::CallId;
use tandem_phone::{Act, Demand, Script};
use tandem_sim::{ALICE, Action, BOB, CORE, STANDARD, Sim, explore_losses, secs};

const HANG_UP: Action = (ALICE, |sim| sim.act(ALICE, Act::Bye));
const DRAIN: Action = (CORE, |sim| sim.core_mut().draining = true);
const LEAVE: Action = (CORE, |sim| sim.dismiss_agents());
const CHANGE: Action = (CORE, |sim| sim.reload(&with(&REGISTER.replace("\"sip:10.0.2.1\"", "\"sip:10.0.2.1\", expires = \"20m\""))));
const CHANGE_BACK: Action = (CORE, |sim| sim.reload(&with(REGISTER)));
const FORGET: Action = (CORE, |sim| sim.reload(&with("")));

fn with(keys: &str) -> String {
    STANDARD.replacen("ring_timeout = \"60s\"", &format!("ring_timeout = \"60s\"\n{keys}"), 1)
}

/// A house whose registrar takes each nonce once.
fn challenged(seed: u64) -> Sim {
    let mut sim = house(seed, REGISTER);
    sim.phone_mut(BOB).setup_mut().demands = vec![Demand { uses: 1, ..demand() }];
    sim
}

/// Bob has the refresh, and his answer is on its way.
fn refreshing(sim: &mut Sim) {
    let before = registers(sim).len();
    sim.run_until("a refresh", |sim| registers(sim).len() > before);
}

/// What each agent told stands in an order that can be: nothing is told twice, and nothing ends that was not.
fn assert_told(sim: &Sim) {
    let mut told: BTreeMap<CallId, Vec<&'static str>> = BTreeMap::new();
    for event in &sim.core().events {
        let name = event.kind.name();
        if name.starts_with("trunk.") {
            told.entry(event.call).or_default().push(name);
        }
    }
    for names in told.values() {
        let of = |kinds: &[&str]| names.iter().copied().filter(|name| kinds.contains(name)).collect::<Vec<_>>();
        let (lives, bindings) = (of(&["trunk.up", "trunk.down"]), of(&["trunk.registered", "trunk.refresh_failed", "trunk.unregistered"]));
        for kinds in [lives, bindings] {
            assert!(kinds.windows(2).all(|pair| pair[0] != pair[1]), "told twice: {names:?}");
        }
    }
}

/// In the end nobody is registered, and there is nobody who would be.
fn leave_and_finish(sim: &mut Sim) {
    sim.finish();
    assert_told(sim);
    assert_eq!((sim.core().agents(), sim.phone(BOB).bindings(sim.now()).count()), (0, 0));
}

#[test]
fn the_configuration_changes_while_a_refresh_is_challenged() {
    for actions in [&[CHANGE][..], &[FORGET], &[CHANGE, CHANGE_BACK], &[FORGET, CHANGE_BACK]] {
        let explored = explore_losses(RACE_LIMIT / 30, |run| {
            let mut sim = challenged(1);
            sim.run_for(secs(1));
            refreshing(&mut sim);
            sim.race(run, actions);
            sim.run_for(secs(20));
            let wanted = usize::from(sim.core().agents() > 0);
            assert_eq!(sim.phone(BOB).bindings(sim.now()).count(), wanted, "who is wanted is there, and nobody else");
            assert_eq!(wanted == 0, registers(&sim).last().and_then(|last| last.header("Expires")) == Some("0"));
            leave_and_finish(&mut sim);
        });
        assert!(explored.runs > 3, "{explored:?}");
    }
}

#[test]
fn a_node_that_drains_with_a_call_up_leaves_after_it() {
    let explored = explore_losses(RACE_LIMIT / 10, |run| {
        let mut sim = challenged(2);
        registrar(&mut sim).grants_s = 120;
        sim.expect(BOB, Script::answers(100));
        sim.place(ALICE, "bob", Script::new());
        sim.run_until_talking(ALICE, BOB);
        refreshing(&mut sim);
        sim.race(run, &[DRAIN, HANG_UP]);
        sim.run_for(secs(40));
        // Whatever was left out because it came too early is done now.
        sim.core_mut().draining = true;
        sim.act(ALICE, Act::Bye);
        sim.run_for(secs(1));
        sim.dismiss_agents();
        sim.run_for(secs(6));
        assert_eq!((sim.core().agents(), sim.phone(BOB).bindings(sim.now()).count()), (0, 0));
        leave_and_finish(&mut sim);
    });
    assert!(explored.runs > 5, "{explored:?}");
}

#[test]
fn who_leaves_at_any_moment_leaves_no_binding() {
    for (seed, refused) in [(3, None), (4, Some(403)), (5, Some(503)), (6, Some(0))] {
        for first in [true, false] {
            let explored = explore_losses(RACE_LIMIT / 30, |run| {
                let mut sim = challenged(seed);
                if !first {
                    sim.run_for(secs(1));
                    registrar(&mut sim).refuses = refused.map(|status| (status, None)).into_iter().collect();
                }
                refreshing(&mut sim);
                sim.race(run, &[LEAVE]);
                sim.run_for(secs(6));
                assert_eq!((sim.core().agents(), sim.phone(BOB).bindings(sim.now()).count()), (0, 0), "5 s at most");
                leave_and_finish(&mut sim);
            });
            assert!(explored.runs > 2, "{explored:?}");
        }
    }
}

#[test]
fn an_answer_that_is_lost_changes_nothing_for_long() {
    let explored = explore_losses(RACE_LIMIT / 30, |run| {
        let mut sim = challenged(7);
        sim.run_for(secs(1));
        refreshing(&mut sim);
        sim.race(run, &[]);
        sim.run_for(secs(40));
        let downs = sim.core().events.iter().filter(|event| matches!(event.kind.name(), "trunk.down" | "trunk.refresh_failed")).count();
        assert_eq!((downs, sim.phone(BOB).bindings(sim.now()).count()), (0, 1));
        leave_and_finish(&mut sim);
    });
    assert!(explored.complete || explored.runs > 2, "{explored:?}");
}
