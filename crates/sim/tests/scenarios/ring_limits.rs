//! What a group counts on its trunks: each member while it rings, and whoever answered until the end.

use tandem_model::TrunkId;
use tandem_phone::{Act, Outcome, Script};
use tandem_sim::{ALICE, BOB, CAROL, STANDARD, Sim, ms};

/// Trunk `narrow` takes `calls` and leads to bob, `carol` to carol.
fn house(calls: u32) -> Sim {
    let text = STANDARD.replacen("limits = { calls = 1, cps = 10", &format!("limits = {{ calls = {calls}, cps = 10"), 1);
    let route = "[[route]]\nto = '^group$'\ndo = { ring = [\"trunk:narrow/1\", \"trunk:carol\", \"trunk:narrow/2\"] }\n";
    Sim::with_config(1, &format!("{text}\n{route}"))
}

fn narrow(sim: &Sim) -> u32 {
    sim.core().carried(TrunkId(6))
}

#[test]
fn each_member_counts_until_it_is_out() {
    let mut sim = house(2);
    sim.expect(BOB, Script::new().reply(50, 180)).expect(BOB, Script::new().reply(50, 180).reply(500, 486));
    sim.expect(CAROL, Script::answers(1000));
    sim.place(ALICE, "group", Script::new());
    sim.run_for(ms(300));
    assert_eq!(narrow(&sim), 2);
    sim.run_for(ms(400));
    assert_eq!(narrow(&sim), 1, "one is busy");
    sim.run_until_talking(ALICE, CAROL);
    assert_eq!(narrow(&sim), 0, "the other lost");
    assert_eq!(sim.core().counted(), (1, 2), "the caller's trunk and carol's");
    sim.act(ALICE, Act::Bye);
    sim.finish();
}

#[test]
fn a_member_for_whom_there_is_no_room_is_left_out() {
    let mut sim = house(1);
    sim.expect(BOB, Script::answers(500));
    sim.expect(CAROL, Script::new().reply(50, 180));
    sim.place(ALICE, "group", Script::new().bye(200));
    sim.finish();
    assert_eq!(sim.phone(BOB).calls().len(), 1);
    assert_eq!(sim.call(ALICE).outcome, Some(Outcome::WeHungUp));
}

#[test]
fn whoever_answered_counts_until_the_end() {
    let mut sim = house(2);
    sim.expect(BOB, Script::answers(500)).expect(BOB, Script::new().reply(50, 180));
    sim.expect(CAROL, Script::new().reply(50, 180));
    sim.place(ALICE, "group", Script::new());
    sim.run_until_talking(ALICE, BOB);
    assert_eq!(narrow(&sim), 1);
    sim.act(ALICE, Act::Bye);
    sim.finish();
}
