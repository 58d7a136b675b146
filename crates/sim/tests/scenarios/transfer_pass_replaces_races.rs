//! An attended transfer that is passed on, and crosses a hang-up of any dialog: every order, and each message lost once.

use crate::transfer_attended_races::{BOB_REFERS, BYE_ALICE, BYE_CAROL, BYE_HELD, BYE_OTHER};
use crate::transfer_pass_replaces::{directly, passing, silently};
use crate::transfer_races::{race, sampled_race};
use tandem_sim::Sim;

fn consulting(seed: u64) -> Sim {
    silently(Sim::with_config(seed, &passing()))
}

fn direct(seed: u64) -> Sim {
    directly(consulting(seed))
}

#[test]
fn the_transferor_hangs_up_the_held_call() {
    sampled_race(1, consulting, &[BOB_REFERS, BYE_HELD]);
}

#[test]
fn the_transferor_hangs_up_the_other_call() {
    sampled_race(2, consulting, &[BOB_REFERS, BYE_OTHER]);
    race(2, direct, &[BOB_REFERS, BYE_OTHER]);
}

#[test]
fn the_one_who_is_referred_hangs_up() {
    sampled_race(3, consulting, &[BOB_REFERS, BYE_ALICE]);
}

#[test]
fn who_was_consulted_hangs_up() {
    sampled_race(4, consulting, &[BOB_REFERS, BYE_CAROL]);
    race(4, direct, &[BOB_REFERS, BYE_CAROL]);
}
