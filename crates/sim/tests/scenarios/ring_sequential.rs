//! Hunting: one after the other, also when the caller has heard ringing.

use crate::statuses;
use std::net::SocketAddr;
use tandem_model::EndReason;
use tandem_phone::{Outcome, Reply, Script, When};
use tandem_sim::{ALICE, BOB, CAROL, CORE, DORA, Link, STANDARD, Sim, secs};

/// How often a phone was called.
fn calls(sim: &Sim) -> [usize; 3] {
    [BOB, CAROL, DORA].map(|phone| sim.phone(phone).calls().len())
}

fn rings(sim: &mut Sim, phone: SocketAddr) {
    sim.expect(phone, Script::new().reply(50, 180));
}

#[test]
fn the_next_rings_when_the_one_before_has_had_its_time() {
    let mut sim = Sim::new(1);
    rings(&mut sim, BOB);
    sim.expect(CAROL, Script::answers(3000));
    sim.place(ALICE, "hunt", Script::new().bye(500));
    sim.finish();
    assert_eq!(calls(&sim), [1, 1, 0]);
    assert_eq!(statuses(&sim, ALICE), [100, 180, 200], "one ringing, though two rang");
    assert_eq!(sim.call(BOB).outcome, Some(Outcome::Failed(487)));
    let cancel = sim.phone(BOB).heard("CANCEL").next().and_then(|cancel| cancel.header("Reason").map(str::to_owned));
    assert!(cancel.is_some_and(|reason| reason.starts_with("Q.850;cause=19")));
    let record = sim.core().records().next().expect("a record");
    let answered = record.answered.expect("an answer").since(record.began);
    assert!((13..14).contains(&answered.as_secs()), "{answered:?}");
}

#[test]
fn any_failure_turns_to_the_next_whatever_was_heard() {
    for status in [404, 486, 480, 500, 503, 488] {
        let mut sim = Sim::new(u64::from(status));
        sim.expect(BOB, Script::new().reply_with(50, Reply::new(183).with_sdp()).reply(500, status));
        sim.expect(CAROL, Script::answers(300));
        sim.place(ALICE, "hunt", Script::new().bye(500));
        sim.finish();
        assert_eq!(sim.call(ALICE).outcome, Some(Outcome::WeHungUp), "{status}");
        assert_eq!(calls(&sim), [1, 1, 0], "{status}");
    }
}

#[test]
fn a_decline_ends_it_unless_told_otherwise() {
    for ends in [true, false] {
        let hunt = "strategy = \"sequential\", timeout";
        let text = STANDARD.replacen(hunt, &format!("ends_on_6xx = {ends}, {hunt}"), 1);
        let mut sim = Sim::with_config(3, &text);
        sim.expect(BOB, Script::new().reply(50, 180).reply(500, 603));
        sim.expect(CAROL, Script::answers(300));
        sim.place(ALICE, "hunt", Script::new().bye(500));
        sim.finish();
        let outcome = if ends { Outcome::Failed(603) } else { Outcome::WeHungUp };
        assert_eq!((sim.call(ALICE).outcome, calls(&sim)), (Some(outcome), [1, usize::from(!ends), 0]));
    }
}

#[test]
fn the_time_for_all_ends_it() {
    let mut sim = Sim::new(4);
    for phone in [BOB, CAROL, DORA] {
        rings(&mut sim, phone);
    }
    sim.place(ALICE, "hunt", Script::new());
    sim.finish();
    assert_eq!(calls(&sim), [1, 1, 1]);
    assert_eq!(sim.call(ALICE).outcome, Some(Outcome::Failed(480)));
    assert_eq!(sim.end_reason(), Some(EndReason::RingTimeout));
    let record = sim.core().records().next().expect("a record");
    assert_eq!(record.ended.since(record.began).as_secs(), 25, "10 s, 10 s, and what was left");
}

#[test]
fn silence_turns_to_the_next() {
    let mut sim = Sim::new(5);
    sim.link(CORE, BOB, Link::CUT);
    sim.core_mut().unreachable.push(CAROL);
    sim.expect(DORA, Script::answers(300));
    sim.place(ALICE, "hunt", Script::new().bye(500));
    sim.finish();
    assert_eq!(sim.call(ALICE).outcome, Some(Outcome::WeHungUp));
}

#[test]
fn the_caller_gives_up_between() {
    let mut sim = Sim::new(6);
    rings(&mut sim, BOB);
    rings(&mut sim, CAROL);
    sim.place(ALICE, "hunt", Script::new().cancel(When::Status(180), 12_000));
    sim.finish();
    assert_eq!(calls(&sim), [1, 1, 0]);
    assert_eq!(sim.call(ALICE).outcome, Some(Outcome::Failed(487)));
    assert_eq!(sim.call(CAROL).outcome, Some(Outcome::Failed(487)));
}

#[test]
fn a_late_answer_of_one_whose_time_is_over_is_hung_up() {
    let mut sim = Sim::new(7);
    sim.expect(BOB, Script::new().reply(50, 180).reply(9_999, 200));
    sim.expect(CAROL, Script::answers(3000));
    sim.link(BOB, CORE, Link { delay: tandem_sim::ms(20), ..Link::CLEAN });
    sim.place(ALICE, "hunt", Script::new().bye(500));
    sim.finish();
    assert_eq!(sim.call(BOB).outcome, Some(Outcome::TheyHungUp));
    assert_eq!(sim.call(CAROL).outcome, Some(Outcome::TheyHungUp));
    assert_eq!(sim.call(ALICE).outcome, Some(Outcome::WeHungUp));
}

#[test]
fn in_turn_each_call_begins_with_the_next() {
    let mut sim = Sim::new(8);
    let mut first = Vec::new();
    for _ in 0..4 {
        let before = calls(&sim);
        sim.expect(BOB, Script::answers(100)).expect(CAROL, Script::answers(100));
        sim.place(ALICE, "turns", Script::new().bye(200));
        sim.settle();
        first.push(calls(&sim)[0] - before[0]);
    }
    assert_eq!(first, [1, 0, 1, 0]);
    sim.finish();
}

#[test]
fn the_caller_s_ports_stay_while_the_callees_change() {
    let mut sim = Sim::new(9);
    sim.expect(BOB, Script::new().reply_with(50, Reply::new(183).with_sdp()).reply(2000, 486));
    sim.expect(CAROL, Script::answers(1000));
    sim.place(ALICE, "hunt", Script::new().bye(500));
    sim.finish();
    let ports: Vec<String> = sim
        .phone(ALICE)
        .heard("INVITE")
        .filter(|answer| answer.has_sdp())
        .filter_map(|answer| String::from_utf8_lossy(&answer.body).lines().find(|line| line.starts_with("m=audio")).map(str::to_owned))
        .map(|line| line.split(' ').nth(1).unwrap_or_default().to_owned())
        .collect();
    assert!(ports.len() == 2 && ports[0] == ports[1], "{ports:?}");
    assert_eq!(sim.core().shard.ports(sim.now()), 0);
}

#[test]
fn nobody_is_called_once_the_time_of_all_is_up() {
    // Policy is asked for the route, and then for the place of each.
    let mut sim = Sim::new(23);
    sim.core_mut().policy_delay = secs(9);
    rings(&mut sim, BOB);
    rings(&mut sim, CAROL);
    sim.place(ALICE, "hunt", Script::new());
    sim.finish();
    assert_eq!(calls(&sim), [1, 1, 0], "dora's place comes after 38 s");
    assert_eq!(statuses(&sim, ALICE), [100, 180, 480]);
    let record = sim.core().records().next().expect("a record");
    assert_eq!((record.reason, record.ended.since(record.began).as_secs()), (EndReason::RingTimeout, 34), "25 s after the route came");
    assert_eq!(record.legs.len(), 3, "the caller's, bob's and carol's");
}
