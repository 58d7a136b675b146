//! Nobody answers: ring timeouts, no response at all, the longest that a call may last.

use crate::statuses;
use tandem_model::{EndReason, EventKind};
use tandem_phone::{Act, Outcome, Reply, Script};
use tandem_sim::{ALICE, BOB, CAROL, Link, Sim, ms, secs};

#[test]
fn it_rings_too_long() {
    let mut sim = Sim::new(1);
    sim.expect(BOB, Script::new().reply(50, 180));
    sim.place(ALICE, "bob", Script::new());
    sim.finish();
    assert_eq!(sim.end_reason(), Some(EndReason::RingTimeout));
    assert_eq!(sim.call(BOB).outcome, Some(Outcome::Failed(487)));
    assert_eq!(statuses(&sim, ALICE)[..2], [100, 180]);
    let (at, status) = sim.call(ALICE).statuses[2];
    assert_eq!((at.as_millis() / 1000, status), (61, 480));
}

#[test]
fn the_route_has_less_patience_than_the_trunk() {
    let mut sim = Sim::new(2);
    sim.expect(BOB, Script::new().reply(50, 180));
    sim.place(ALICE, "brief", Script::new());
    sim.finish();
    assert_eq!(sim.end_reason(), Some(EndReason::RingTimeout));
    assert_eq!(sim.call(ALICE).statuses.last().map(|(at, _)| at.as_millis() / 1000), Some(11));
}

#[test]
fn a_target_that_says_nothing_is_passed_over() {
    let mut sim = Sim::new(3);
    sim.link(tandem_sim::CORE, BOB, Link::CUT);
    sim.expect(CAROL, Script::answers(100));
    sim.place(ALICE, "two", Script::new().bye(500));
    sim.finish();
    assert_eq!(sim.phone(BOB).calls().len(), 0);
    assert_eq!(sim.call(CAROL).outcome, Some(Outcome::TheyHungUp));
    assert_eq!(sim.call(ALICE).statuses.last().map(|(at, _)| at.as_millis() / 1000), Some(5), "after trying_timeout");
    assert_eq!(sim.core().records().next().map(|record| record.legs.len()), Some(3));
}

#[test]
fn a_target_that_speaks_after_it_was_passed_over() {
    for status in [180, 200, 486] {
        let mut sim = Sim::new(4);
        sim.expect(BOB, Script::new().reply(4500, status).step(tandem_phone::When::Start, 9000, Act::Reply(Reply::new(480))));
        sim.expect(CAROL, Script::answers(2000));
        sim.place(ALICE, "two", Script::new().bye(500));
        sim.finish();
        assert_eq!(sim.call(CAROL).outcome, Some(Outcome::TheyHungUp));
        assert!(sim.call(BOB).outcome.is_some(), "cancelled, hung up or refused");
    }
}

#[test]
fn a_100_is_enough_to_wait_for() {
    let mut sim = Sim::new(5);
    sim.expect(BOB, Script::new().reply(50, 100).reply(20_000, 200));
    sim.place(ALICE, "two", Script::new().bye(500));
    sim.finish();
    assert_eq!(sim.phone(CAROL).calls().len(), 0);
    assert_eq!(sim.end_reason(), Some(EndReason::CallerHungUp));
}

#[test]
fn no_target_says_anything() {
    let mut sim = Sim::new(6);
    sim.link(tandem_sim::CORE, BOB, Link::CUT).link(tandem_sim::CORE, CAROL, Link::CUT);
    sim.place(ALICE, "two", Script::new());
    sim.finish();
    assert_eq!(sim.call(ALICE).outcome, Some(Outcome::Failed(408)));
}

#[test]
fn a_target_that_cannot_be_reached() {
    let mut sim = Sim::new(7);
    sim.core_mut().unreachable.push(BOB);
    sim.expect(CAROL, Script::answers(100));
    sim.place(ALICE, "two", Script::new().bye(500));
    sim.place(ALICE, "bob", Script::new());
    sim.finish();
    assert_eq!(sim.call(CAROL).outcome, Some(Outcome::TheyHungUp));
    // RFC 3261 §8.1.3.1 counts it as a 503, which the caller gets as 500.
    assert_eq!(sim.phone(ALICE).call(1).outcome, Some(Outcome::Failed(500)));
}

/// The final status of each leg in the records, and of each that failed in the events.
fn told(sim: &Sim) -> (Vec<u16>, Vec<u16>) {
    let recorded = sim.core().records().flat_map(|record| record.legs.iter().map(|leg| leg.sip_status)).collect();
    let failed = sim.core().events.iter().filter_map(|event| match &event.kind {
        EventKind::LegFailed(end) => Some(end.sip_status),
        _ => None,
    });
    (recorded, failed.collect())
}

#[test]
fn a_status_that_nobody_gave_is_not_recorded() {
    let mut silent = Sim::new(11);
    silent.link(tandem_sim::CORE, BOB, Link::CUT);
    silent.place(ALICE, "bob", Script::new());
    silent.finish();
    assert_eq!(told(&silent), (vec![408, 0], vec![408, 408]));
    let mut nowhere = Sim::new(12);
    nowhere.core_mut().unreachable.push(BOB);
    nowhere.place(ALICE, "bob", Script::new());
    nowhere.finish();
    assert_eq!(told(&nowhere), (vec![500, 0], vec![503, 500]));
    // What rang and is called back owes us a 487.
    let mut rings = Sim::new(13);
    rings.expect(BOB, Script::new().reply(50, 180));
    rings.place(ALICE, "bob", Script::new());
    rings.finish();
    assert_eq!(told(&rings), (vec![480, 487], vec![487, 480]));
    let mut cancelled = Sim::new(14);
    cancelled.link(tandem_sim::CORE, BOB, Link::CUT);
    cancelled.place(ALICE, "bob", Script::new().cancel(tandem_phone::When::Status(100), 100));
    cancelled.finish();
    assert_eq!(told(&cancelled), (vec![487, 0], vec![487, 487]));
}

#[test]
fn a_call_may_not_last_for_ever() {
    let text = tandem_sim::STANDARD.replace("max_duration = \"6h\"", "max_duration = \"4m\"");
    let mut sim = Sim::with_config(8, &text);
    sim.expect(BOB, Script::answers(100));
    sim.place(ALICE, "bob", Script::new());
    sim.run_for(secs(241));
    sim.finish();
    assert_eq!(sim.end_reason(), Some(EndReason::MaxDuration));
    assert_eq!(sim.call(ALICE).outcome, Some(Outcome::TheyHungUp));
    assert_eq!(sim.call(BOB).outcome, Some(Outcome::TheyHungUp));
}

#[test]
fn the_caller_is_gone_when_the_answer_comes() {
    let mut sim = Sim::new(9);
    sim.expect(BOB, Script::answers(1000));
    sim.place(ALICE, "bob", Script::new());
    sim.run_until_status(ALICE, 180);
    sim.link(tandem_sim::CORE, ALICE, Link::CUT);
    sim.run_for(secs(80));
    assert_eq!(sim.end_reason(), Some(EndReason::AckTimeout));
    assert_eq!(sim.core().calls(), 0);
    sim.link(tandem_sim::CORE, ALICE, Link::CLEAN);
    // The phone that heard nothing of it gives up.
    sim.act(ALICE, Act::Cancel);
    sim.run_for(ms(100));
    sim.settle();
    sim.finish();
}
