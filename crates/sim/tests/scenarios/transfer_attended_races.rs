//! Attended transfers and INVITEs with Replaces that cross a hang-up of any dialog, or each other: every order, and each message lost once.

use crate::talking_in;
use crate::transfer_attended::consult;
use crate::transfer_blind::house;
use crate::transfer_races::race;
use tandem_phone::{Act, Edit, Offer, Place, Script};
use tandem_sim::{ALICE, Action, BOB, CAROL, DORA, STANDARD, Sim, ms};

/// Bob joins whom he holds to whom he has consulted.
pub(crate) const BOB_REFERS: Action = (BOB, |sim| {
    if let Some(refer) = sim.phone(BOB).call(1).attended() {
        sim.act(BOB, Act::Refer(refer));
    }
});
const BOB_REFERS_BACK: Action = (BOB, |sim| {
    if let Some(refer) = sim.call(BOB).attended() {
        sim.act_in(BOB, 1, Act::Refer(refer));
    }
});
pub(crate) const BYE_HELD: Action = (BOB, |sim| sim.act(BOB, Act::Bye));
pub(crate) const BYE_OTHER: Action = (BOB, |sim| sim.act_in(BOB, 1, Act::Bye));
pub(crate) const BYE_ALICE: Action = (ALICE, |sim| sim.act(ALICE, Act::Bye));
pub(crate) const BYE_CAROL: Action = (CAROL, |sim| sim.act(CAROL, Act::Bye));
const ALICE_OFFERS: Action = (ALICE, |sim| sim.act(ALICE, Act::Reinvite(Offer::default())));
const DORA_ASKS: Action = (DORA, |sim| {
    if let Some(value) = sim.call(BOB).replaces() {
        let place = Place::new(&sim.uri(DORA, "bob")).edit(Edit::add("Replaces", &value));
        sim.place_with(DORA, place);
    }
});
const DORA_CANCELS: Action = (DORA, |sim| {
    if !sim.phone(DORA).calls().is_empty() {
        sim.act(DORA, Act::Cancel);
    }
});

fn consulting(seed: u64) -> Sim {
    consult(Sim::with_config(seed, &house()), Script::answers(100), Script::new())
}

/// Alice talks with Bob, where anybody may ask for a place.
fn talking(seed: u64) -> Sim {
    talking_in(Sim::with_config(seed, &STANDARD.replace("[[trunk]]\n", "[[trunk]]\nreplaces = true\n")), ms(500))
}

#[test]
fn the_transferor_hangs_up_the_held_call() {
    race(1, consulting, &[BOB_REFERS, BYE_HELD]);
}

#[test]
fn the_transferor_hangs_up_the_other_call() {
    race(2, consulting, &[BOB_REFERS, BYE_OTHER]);
}

#[test]
fn the_one_who_is_sent_over_hangs_up() {
    race(3, consulting, &[BOB_REFERS, BYE_ALICE]);
}

#[test]
fn the_target_hangs_up() {
    race(4, consulting, &[BOB_REFERS, BYE_CAROL]);
}

#[test]
fn the_one_who_is_sent_over_changes_the_session() {
    race(5, consulting, &[BOB_REFERS, ALICE_OFFERS]);
}

#[test]
fn both_calls_are_transferred_to_each_other() {
    race(6, consulting, &[BOB_REFERS, BOB_REFERS_BACK]);
}

#[test]
fn whose_place_is_wanted_hangs_up() {
    race(7, talking, &[DORA_ASKS, BYE_HELD]);
}

#[test]
fn the_one_who_stays_hangs_up() {
    race(8, talking, &[DORA_ASKS, BYE_ALICE]);
}

#[test]
fn the_one_who_stays_changes_the_session() {
    race(9, talking, &[DORA_ASKS, ALICE_OFFERS]);
}

#[test]
fn the_newcomer_takes_its_call_back() {
    race(10, talking, &[DORA_ASKS, DORA_CANCELS]);
}
