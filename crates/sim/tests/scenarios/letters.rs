//! A leg goes to another call in a letter, and comes back in one.

use super::statuses;
use tandem_model::{EndReason, EventKind};
use tandem_phone::{Act, Edit, Outcome, Place, Script};
use tandem_sim::{ALICE, BOB, Sim, secs};

/// Alice talks with Bob, in a house where everybody may ask for the place of a leg.
fn talking(seed: u64) -> Sim {
    let mut sim = Sim::new(seed);
    sim.core_mut().honours_replaces = true;
    sim.expect(BOB, Script::answers(100));
    sim.place(ALICE, "bob", Script::new());
    sim.run_until_talking(ALICE, BOB);
    sim
}

/// The Replaces value that names Alice's leg.
fn named(sim: &Sim) -> String {
    sim.call(ALICE).replaces().expect("a dialog")
}

/// Alice asks for the place that `values` name, and is refused with this.
fn asks(sim: &mut Sim, values: &[&str]) -> u16 {
    let calls = sim.phone(ALICE).calls().len();
    let mut place = Place::new(&sim.uri(ALICE, "bob"));
    place.edits = values.iter().map(|value| Edit::Add("Replaces".into(), (*value).into())).collect();
    sim.place_with(ALICE, place);
    sim.run_for(secs(3));
    match sim.phone(ALICE).call(calls).outcome {
        Some(Outcome::Failed(status)) => status,
        other => unreachable!("{other:?}"),
    }
}

fn reasons(sim: &Sim) -> Vec<EndReason> {
    sim.core().records().map(|record| record.reason).collect()
}

/// The first call goes on and ends well, and nothing is left of the other.
fn finish(mut sim: Sim) -> Sim {
    assert_eq!(sim.call(ALICE).outcome, None, "the first call goes on");
    sim.run_for(secs(10));
    sim.act(ALICE, Act::Bye);
    sim.finish();
    assert_eq!(statuses(&sim, ALICE).last(), Some(&200));
    sim
}

#[test]
fn a_leg_goes_to_the_call_that_it_names_and_comes_back_refused() {
    let mut sim = talking(1);
    let first = sim.core().shard.only_call().expect("one call");
    let value = format!("{};early-only", named(&sim));
    assert_eq!(asks(&mut sim, &[&value]), 486);
    let letters = sim.core().letters.clone();
    assert_eq!(letters.iter().map(|(.., what)| *what).collect::<Vec<_>>(), ["replace", "refused"]);
    assert_eq!((letters[0].1, letters[1].0, letters[0].0), (first, first, letters[1].1));
    assert_eq!(sim.phone(BOB).calls().len(), 1, "nobody else was called");
    let sim = finish(sim);
    assert_eq!(reasons(&sim), [EndReason::Failed(486), EndReason::CallerHungUp]);
    let ends = sim.core().events.iter().filter(|event| matches!(event.kind, EventKind::LegFailed(_))).count();
    assert_eq!(ends, 1);
}

#[test]
fn what_names_no_leg_finds_nobody() {
    let mut sim = talking(2);
    let value = named(&sim);
    let (call_id, tags) = value.split_once(';').expect("tags");
    for unknown in [format!("another;{tags}"), format!("{call_id};to-tag=x;from-tag=y"), value.replace("from-tag=", "from-tag=x")] {
        assert_eq!(asks(&mut sim, &[&unknown]), 481, "{unknown}");
    }
    assert_eq!(asks(&mut sim, &[&format!("{value};early-only")]), 486);
    assert_eq!(asks(&mut sim, &[call_id]), 400);
    assert_eq!(asks(&mut sim, &[&value, &value]), 400);
    finish(sim);
}

#[test]
fn a_call_that_is_over_gives_its_place_to_nobody() {
    let mut sim = talking(3);
    let value = named(&sim);
    sim.act(ALICE, Act::Bye);
    sim.run_for(secs(1));
    assert!(matches!(asks(&mut sim, &[&value]), 481 | 603));
    sim.run_for(secs(60));
    assert_eq!(asks(&mut sim, &[&value]), 481);
    sim.finish();
}

#[test]
fn a_letter_that_is_not_delivered_brings_its_leg_back() {
    let mut sim = talking(4);
    sim.core_mut().letters_lost = vec!["replace"];
    let value = named(&sim);
    assert_eq!(asks(&mut sim, &[&value]), 481);
    assert!(sim.core().letters.is_empty());
    finish(sim);
}

#[test]
fn a_leg_that_cannot_go_back_is_seen_to_its_end_where_it_is() {
    let mut sim = talking(5);
    sim.core_mut().letters_lost = vec!["refused"];
    let value = format!("{};early-only", named(&sim));
    assert_eq!(asks(&mut sim, &[&value]), 486);
    let sim = finish(sim);
    // The one that it came from waits for an answer, and not for ever.
    assert_eq!(reasons(&sim), [EndReason::Internal, EndReason::CallerHungUp]);
    let record = sim.core().records().last().expect("a record");
    assert_eq!(record.legs.iter().map(|leg| leg.sip_status).collect::<Vec<_>>(), [200, 200, 486]);
}

#[test]
fn a_caller_who_may_not_ask_is_put_through() {
    let mut sim = talking(6);
    sim.core_mut().honours_replaces = false;
    sim.expect(BOB, Script::answers(100));
    let mut place = Place::new(&sim.uri(ALICE, "bob")).script(Script::new().bye(500));
    place.edits = vec![Edit::Add("Replaces".into(), named(&sim))];
    sim.place_with(ALICE, place);
    sim.run_for(secs(3));
    assert_eq!((sim.phone(BOB).calls().len(), sim.core().letters.len()), (2, 0));
    finish(sim);
}
