//! A call is picked up when it is answered, taken back or given up, or by two at once: in every order, and with each message lost once.

use crate::pick_up::{asking_for, ringing, silent};
use crate::transfer_races::{race, sampled_race};
use tandem_phone::{Act, Body, Place, Reply, Script};
use tandem_sim::{ALICE, Action, BOB, CAROL, DORA, ERIN, Sim, ms};

const DORA_ASKS: Action = (DORA, |sim| asks(sim, DORA, ""));
const DORA_ASKS_EARLY_ONLY: Action = (DORA, |sim| asks(sim, DORA, ";early-only"));
const ERIN_ASKS: Action = (ERIN, |sim| asks(sim, ERIN, ""));
const ERIN_ASKS_WITHOUT_OFFER: Action = (ERIN, |sim| asks_without_offer(sim, ERIN));
const ALICE_CANCELS: Action = (ALICE, |sim| sim.act(ALICE, Act::Cancel));
const DORA_CANCELS: Action = (DORA, |sim| {
    if !sim.phone(DORA).calls().is_empty() {
        sim.act(DORA, Act::Cancel);
    }
});
const BOB_ANSWERS: Action = (BOB, |sim| sim.act(BOB, Act::Reply(Reply::new(200))));
const ANOTHER_PHONE_ANSWERS: Action = (BOB, |sim| sim.act(BOB, Act::Reply(Reply::new(200).fork(1))));
const CAROL_ANSWERS: Action = (CAROL, |sim| sim.act(CAROL, Act::Reply(Reply::new(200))));
const BOB_IS_BUSY: Action = (BOB, |sim| sim.act(BOB, Act::Reply(Reply::new(486))));
const BOB_HAS_SOUND: Action = (BOB, |sim| sim.act(BOB, Act::Reply(Reply { body: Body::Sdp, ..Reply::new(183) })));

fn asks(sim: &mut Sim, asker: std::net::SocketAddr, flag: &str) {
    if let Some(value) = sim.call(BOB).replaces_in(0) {
        let place = asking_for(sim, asker, &format!("{value}{flag}"));
        sim.place_with(asker, place);
    }
}

fn asks_without_offer(sim: &mut Sim, asker: std::net::SocketAddr) {
    if let Some(value) = sim.call(BOB).replaces_in(0) {
        let place = asking_for(sim, asker, &value).late();
        sim.place_with(asker, place);
    }
}

fn bob_rings(seed: u64) -> Sim {
    ringing(silent(seed), "bob", &[BOB])
}

/// Alice made no offer.
fn bob_rings_for_nothing(seed: u64) -> Sim {
    let mut sim = silent(seed);
    sim.expect(BOB, Script::new().reply(50, 180));
    let place = Place::new(&sim.uri(ALICE, "bob")).late();
    sim.place_with(ALICE, place);
    sim.run_for(ms(300));
    sim
}

/// Alice has had an answer that holds.
fn bob_has_sound(seed: u64) -> Sim {
    let mut sim = silent(seed);
    [ALICE, BOB].iter().for_each(|phone| sim.phone_mut(*phone).setup_mut().reliable = true);
    sim.expect(BOB, Script::new().reply_with(50, Reply::new(183).with_sdp()));
    sim.place(ALICE, "bob", Script::new());
    sim.run_for(ms(300));
    sim
}

fn group_rings(seed: u64) -> Sim {
    ringing(silent(seed), "all-unheard", &[BOB, CAROL])
}

#[test]
fn who_rings_answers() {
    race(1, bob_rings, &[DORA_ASKS, BOB_ANSWERS]);
    race(2, bob_rings, &[DORA_ASKS_EARLY_ONLY, BOB_ANSWERS]);
}

#[test]
fn who_rings_answers_a_newcomer_without_an_offer() {
    race(3, bob_rings, &[ERIN_ASKS_WITHOUT_OFFER, BOB_ANSWERS]);
}

#[test]
fn another_phone_behind_it_answers() {
    race(4, bob_rings, &[DORA_ASKS, ANOTHER_PHONE_ANSWERS]);
}

#[test]
fn a_caller_without_an_offer_is_answered_twice() {
    race(5, bob_rings_for_nothing, &[DORA_ASKS, BOB_ANSWERS]);
}

#[test]
fn neither_has_made_an_offer() {
    race(6, bob_rings_for_nothing, &[ERIN_ASKS_WITHOUT_OFFER, BOB_ANSWERS]);
}

#[test]
fn who_has_sound_answers() {
    race(7, bob_has_sound, &[DORA_ASKS, BOB_ANSWERS]);
}

#[test]
fn sound_begins() {
    race(8, bob_rings, &[DORA_ASKS, BOB_HAS_SOUND]);
}

#[test]
fn another_member_answers() {
    sampled_race(9, group_rings, &[DORA_ASKS, CAROL_ANSWERS]);
}

#[test]
fn who_rings_is_busy() {
    race(10, bob_rings, &[DORA_ASKS, BOB_IS_BUSY]);
    sampled_race(11, group_rings, &[DORA_ASKS, BOB_IS_BUSY]);
}

#[test]
fn the_caller_gives_up() {
    race(12, bob_rings, &[DORA_ASKS, ALICE_CANCELS]);
    race(13, bob_rings_for_nothing, &[DORA_ASKS, ALICE_CANCELS]);
}

#[test]
fn the_caller_gives_up_while_the_newcomer_has_no_offer() {
    race(14, bob_rings_for_nothing, &[ERIN_ASKS_WITHOUT_OFFER, ALICE_CANCELS]);
}

#[test]
fn the_newcomer_gives_up() {
    race(15, bob_rings, &[DORA_ASKS, DORA_CANCELS]);
    race(16, bob_rings_for_nothing, &[DORA_ASKS, DORA_CANCELS]);
}

#[test]
fn two_pick_it_up() {
    race(17, bob_rings, &[DORA_ASKS, ERIN_ASKS]);
}
