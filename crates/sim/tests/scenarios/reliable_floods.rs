//! Reliable responses without end: what is open is bounded, and the call still ends by the book.

use crate::reliable::house;
use tandem_phone::{Act, Edit, Outcome, Reply, Script};
use tandem_sim::{ALICE, BOB, CORE, Link, Sim, ms, secs};

/// 60 reliable responses with these numbers, none of whose PRACKs is heard.
fn flooded(seed: u64, rseq: impl Fn(u32) -> u32) -> Sim {
    let mut sim = house(seed, &[]);
    let said = |number: u32| {
        let edits = [Edit::set("Require", "100rel"), Edit::set("RSeq", &number.to_string())];
        edits.into_iter().fold(Reply::new(183), Reply::edit)
    };
    let script = (0..60).fold(Script::new(), |script, place| script.reply_with(20 + u64::from(place) * 20, said(rseq(place))));
    sim.expect(BOB, script.habits(|habits| habits.others = vec![(secs(33), Reply::new(200)); 60]));
    sim.place(ALICE, "bob", Script::new());
    sim.run_for(secs(3));
    sim
}

#[test]
fn a_flood_of_reliable_responses_leaves_room_for_the_end() {
    for (seed, step) in [(1, 1), (2, 7), (3, 0)] {
        let mut sim = flooded(seed, |place| 1 + place * step);
        sim.act(ALICE, Act::Cancel);
        sim.run_for(secs(40));
        let cancels = sim.phone(BOB).heard("CANCEL").filter(|message| message.is_request()).count();
        assert!(cancels >= 1, "bob is called off");
        sim.finish();
    }
}

/// Its BYE is as good as any: it comes until it is answered.
#[test]
fn a_flood_leaves_room_for_a_bye_that_is_repeated() {
    let mut sim = flooded(4, |place| 1 + place);
    sim.act(BOB, Act::Reply(Reply::new(200)));
    sim.run_until_talking(ALICE, BOB);
    sim.link(CORE, BOB, Link::CUT);
    sim.act(ALICE, Act::Bye);
    sim.run_for(ms(700));
    sim.link(CORE, BOB, Link::CLEAN);
    sim.run_for(secs(2));
    let byes = sim.phone(BOB).heard("BYE").filter(|message| message.is_request()).count();
    assert_eq!(byes, 1, "the first was lost");
    assert_eq!(sim.call(BOB).outcome, Some(Outcome::TheyHungUp));
    sim.finish();
}
