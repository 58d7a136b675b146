//! A transfer to a ring group: its members are called as for a call, the first answer takes the place, and the best failure is told.

use crate::sound::{assert_hears, tones};
use crate::transfer_blind::{assert_told, house, refer};
use std::net::SocketAddr;
use tandem_model::{EndReason, TrunkId};
use tandem_phone::{Act, Body, Outcome, Reply, Script, When};
use tandem_sim::{ALICE, BOB, CAROL, DORA, Sim, ms, secs};

/// Alice called Bob, and they talk. `group` is what the routes have in place of one.
fn talking(seed: u64, ring: &str) -> Sim {
    let mut sim =
        Sim::with_config(seed, &format!("{}\n[[route]]\nname = \"the team\"\nto = '^team$'\ndo = {{ ring = {ring} }}\n", house()));
    tones(&mut sim);
    sim.expect(BOB, Script::answers(100));
    sim.place(ALICE, "bob", Script::new());
    sim.run_until_talking(ALICE, BOB);
    sim.run_for(ms(200));
    sim
}

const BOTH: &str = "[\"trunk:carol\", \"trunk:dora\"]";

fn one_after_the_other() -> String {
    format!("{BOTH}, strategy = \"sequential\", target_timeout = \"5s\"")
}

fn transfer(sim: &mut Sim) {
    let refer = refer(sim, BOB, "team");
    sim.act(BOB, refer);
}

fn calls(sim: &Sim) -> [usize; 2] {
    [CAROL, DORA].map(|phone| sim.phone(phone).calls().len())
}

fn carried(sim: &Sim) -> [u32; 4] {
    [0, 1, 2, 3].map(|trunk| sim.core().carried(TrunkId(trunk)))
}

/// Who answered talks with Alice, and then the call ends.
fn assert_joined(mut sim: Sim, target: SocketAddr, tone: f64) -> Sim {
    sim.run_until("the target talks", |sim| sim.phone(target).calls().last().is_some_and(|call| call.has(When::Confirmed)));
    sim.run_for(secs(4));
    assert_hears(&sim, ALICE, tone);
    assert_hears(&sim, target, 440.0);
    assert_eq!(carried(&sim).iter().sum::<u32>(), 2, "{:?}", carried(&sim));
    sim.act(ALICE, Act::Bye);
    sim.finish();
    assert_eq!(sim.end_reason(), Some(EndReason::CallerHungUp));
    sim
}

#[test]
fn all_ring_and_the_first_answer_takes_the_place() {
    for (carol, dora, target, tone) in [(900, 400, DORA, 1000.0), (400, 900, CAROL, 850.0)] {
        let mut sim = talking(1, BOTH);
        sim.expect(CAROL, Script::answers(carol));
        sim.expect(DORA, Script::answers(dora));
        transfer(&mut sim);
        sim.run_for(ms(200));
        assert_eq!(calls(&sim), [1, 1]);
        assert_eq!(carried(&sim), [1, 1, 1, 1], "each counts while it rings");
        let sim = assert_joined(sim, target, tone);
        assert_told(&sim, BOB, &[100, 180, 200]);
        let loser = if target == CAROL { DORA } else { CAROL };
        let cancel = sim.phone(loser).heard("CANCEL").next().and_then(|cancel| cancel.header("Reason"));
        assert_eq!(cancel, Some("SIP;cause=200;text=\"Call completed elsewhere\""));
        assert_eq!(sim.call(loser).outcome, Some(Outcome::Failed(487)));
    }
}

#[test]
fn of_two_answers_at_once_one_is_hung_up() {
    for apart in [0, 1, 5, 20, 30] {
        let mut sim = talking(2, BOTH);
        sim.expect(CAROL, Script::answers(300));
        sim.expect(DORA, Script::answers(300 + apart));
        transfer(&mut sim);
        sim.run_for(secs(5));
        let talk: Vec<_> = [CAROL, DORA].into_iter().filter(|phone| sim.call(*phone).outcome.is_none()).collect();
        assert_eq!(talk.len(), 1, "{apart} ms apart");
        sim.act(ALICE, Act::Bye);
        sim.finish();
    }
}

#[test]
fn one_after_the_other_rings() {
    let mut sim = talking(3, &one_after_the_other());
    sim.expect(CAROL, Script::new().reply(20, 180).reply(300, 486));
    sim.expect(DORA, Script::answers(300));
    transfer(&mut sim);
    sim.run_for(ms(200));
    assert_eq!(calls(&sim), [1, 0]);
    assert_eq!(carried(&sim), [1, 1, 1, 0]);
    let sim = assert_joined(sim, DORA, 1000.0);
    assert_told(&sim, BOB, &[100, 180, 200]);
}

#[test]
fn the_next_rings_when_the_one_before_has_had_its_time() {
    let mut sim = talking(4, &one_after_the_other());
    sim.expect(CAROL, Script::new().reply(20, 180));
    sim.expect(DORA, Script::answers(300));
    transfer(&mut sim);
    sim.run_for(ms(4900));
    assert_eq!(calls(&sim), [1, 0]);
    let sim = assert_joined(sim, DORA, 1000.0);
    assert_eq!(sim.call(CAROL).outcome, Some(Outcome::Failed(487)));
}

#[test]
fn whoever_is_first_changes_from_call_to_call() {
    let mut sim = talking(5, &format!("{BOTH}, strategy = \"round-robin\""));
    for (phone, rest) in [(CAROL, [1, 0]), (DORA, [1, 1])] {
        sim.expect(phone, Script::new().reply(300, 603));
        transfer(&mut sim);
        sim.run_for(secs(1));
        assert_eq!(calls(&sim), rest);
    }
    sim.act(ALICE, Act::Bye);
    sim.finish();
}

#[test]
fn the_best_failure_is_told_and_the_call_goes_on() {
    for (carol, dora, told) in [(404, 486, 486), (486, 404, 486), (503, 480, 480), (603, 404, 603), (404, 600, 600)] {
        for ring in [BOTH.to_owned(), one_after_the_other()] {
            let mut sim = talking(6, &ring);
            sim.expect(CAROL, Script::new().reply(300, carol));
            sim.expect(DORA, Script::new().reply(400, dora));
            transfer(&mut sim);
            sim.run_for(secs(2));
            assert_told(&sim, BOB, &[100, told]);
            assert_hears(&sim, ALICE, 620.0);
            assert_eq!(carried(&sim), [1, 1, 0, 0]);
            sim.act(ALICE, Act::Bye);
            sim.finish();
        }
    }
}

#[test]
fn the_group_has_its_time() {
    for strategy in ["parallel", "sequential"] {
        let mut sim = talking(7, &format!("{BOTH}, timeout = \"8s\", strategy = \"{strategy}\""));
        sim.expect(CAROL, Script::new().reply(20, 180));
        sim.expect(DORA, Script::new().reply(20, 180));
        transfer(&mut sim);
        sim.run_for(secs(9));
        assert_told(&sim, BOB, &[100, 180, 408]);
        assert_eq!(sim.phone(CAROL).call(0).outcome, Some(Outcome::Failed(487)));
        sim.act(BOB, Act::Bye);
        sim.finish();
    }
}

#[test]
fn who_is_here_already_is_left_out() {
    let mut sim = talking(8, "[\"trunk:alice/alice\", \"trunk:bob/bob\", \"trunk:dora\"]");
    sim.expect(DORA, Script::answers(300));
    transfer(&mut sim);
    let sim = assert_joined(sim, DORA, 1000.0);
    assert_eq!((sim.phone(ALICE).calls().len(), sim.phone(BOB).calls().len()), (1, 1));
}

#[test]
fn a_member_for_whom_there_is_no_room_is_left_out() {
    for ring in ["[\"trunk:narrow\", \"trunk:carol\"]", "[\"trunk:narrow\", \"trunk:carol\"], strategy = \"sequential\""] {
        let mut sim = talking(9, ring);
        sim.expect(BOB, Script::answers(100));
        sim.place(DORA, "narrow", Script::new());
        sim.run_until_talking(DORA, BOB);
        sim.expect(CAROL, Script::answers(300));
        let refer = refer(&sim, BOB, "team");
        sim.act_in(BOB, 0, refer);
        sim.run_for(secs(4));
        assert_hears(&sim, ALICE, 850.0);
        assert_eq!(sim.phone(BOB).calls().len(), 2, "the narrow trunk has its call");
        [ALICE, DORA].into_iter().for_each(|phone| sim.act(phone, Act::Bye));
        sim.finish();
    }
}

#[test]
fn whoever_hangs_up_meanwhile() {
    for (who, after) in [(ALICE, 0), (ALICE, 100), (ALICE, 310), (BOB, 100)] {
        let mut sim = talking(10, BOTH);
        sim.expect(CAROL, Script::new().reply(20, 180).reply(300, 486));
        sim.expect(DORA, Script::new().reply(20, 180).reply(600, 404));
        transfer(&mut sim);
        sim.run_for(ms(after));
        sim.act(who, Act::Bye);
        sim.finish();
        assert_eq!(
            sim.end_reason(),
            Some(if who == ALICE { EndReason::CallerHungUp } else { EndReason::CalleeHungUp }),
            "after {after} ms"
        );
        assert_eq!(sim.core().counted(), (0, 0));
    }
}

#[test]
fn the_transferor_need_not_wait() {
    let mut sim = talking(11, BOTH);
    sim.expect(CAROL, Script::new().reply(20, 180));
    sim.expect(DORA, Script::answers(800));
    transfer(&mut sim);
    sim.run_for(ms(200));
    sim.act(BOB, Act::Bye);
    assert_joined(sim, DORA, 1000.0);
}

#[test]
fn an_answer_that_nobody_can_use_is_its_members_alone() {
    let mut sim = talking(12, BOTH);
    sim.expect(CAROL, Script::new().reply_with(200, Reply { body: Body::None, ..Reply::new(200) }));
    sim.expect(DORA, Script::answers(600));
    transfer(&mut sim);
    let sim = assert_joined(sim, DORA, 1000.0);
    assert_eq!(sim.call(CAROL).outcome, Some(Outcome::TheyHungUp));
}

#[test]
fn a_bridge_turns_to_another_trunk_that_has_room() {
    let route = "[[route]]\nto = '^either$'\ndo = { bridge = [\"trunk:carol\", \"trunk:dora\"] }\n";
    let mut sim = Sim::with_config(13, &format!("{}\n{route}", house()));
    tones(&mut sim);
    sim.expect(BOB, Script::answers(100));
    sim.place(ALICE, "bob", Script::new());
    sim.run_until_talking(ALICE, BOB);
    sim.expect(CAROL, Script::new().reply(100, 503));
    sim.expect(DORA, Script::answers(300));
    let refer = refer(&sim, BOB, "either");
    sim.act(BOB, refer);
    sim.run_for(ms(250));
    assert_eq!(carried(&sim), [1, 1, 0, 1]);
    let sim = assert_joined(sim, DORA, 1000.0);
    assert_told(&sim, BOB, &[100, 180, 200]);
}
