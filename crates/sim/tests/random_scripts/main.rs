//! Thousands of calls that nobody thought of: each seed draws phones with habits, a network with troubles and what
//! everybody does when. Whatever happens, both legs end, there is one record a call, and nothing is left.
//!
//! `TANDEM_SCRIPTS=1000000` plays more of them than CI has time for, from seed `TANDEM_FIRST`, in `TANDEM_THREADS` threads, and tells every now
//! and then how it goes. CONTRIBUTING.md tells how a million is played. A failure names its seed; `TANDEM_SEED=N cargo test -p tandem-sim --test random_scripts` plays just that one and prints its ladder.
//!
//! Where to add what: something that a phone does during a call is a [`verbs::Verb`], a file in `verbs/`; what befalls everybody at once
//! is a line of `moments.rs`, a bad habit one of `habits.rs`; what a phone is able to do, and what the node's configuration says, are the lists `ABILITIES` and `KEYS` of `world.rs`.

mod agreement;
mod commands;
mod dice;
mod forgiven;
mod habits;
mod many;
mod meddle;
mod model;
mod moments;
mod play;
mod scripts;
mod verbs;
mod world;

use world::World;

/// Scripts in one run of CI, in all worlds together.
const SCRIPTS: u64 = 20_000;

#[test]
fn random_scripts_leave_nothing_behind() {
    many::play(SCRIPTS / 5 * 2, World::Plain);
}

/// Some of what reaches the core has bytes changed on the way: it may misunderstand, but must not fail nor keep anything.
#[test]
fn garbled_messages_leave_nothing_behind() {
    many::play(SCRIPTS / 5, World::Garbled);
}

/// Phones that ask for passwords, send calls elsewhere and refuse them, and trunks that put up with it.
#[test]
fn demanding_phones_leave_nothing_behind() {
    many::play(SCRIPTS / 5 * 2, World::Demanding);
}

/// Phones that refer and take over whatever they know the name of, their own calls and those of others.
#[test]
fn meddling_phones_leave_nothing_behind() {
    many::play(SCRIPTS / 10, World::Meddling);
}

/// Calls that are told to play, record, hold, press keys, dial, transfer, hang up and who hears whom, at any moment.
#[test]
fn commanded_calls_leave_nothing_behind() {
    many::play(SCRIPTS / 10, World::Commanded);
}
