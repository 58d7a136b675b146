//! A call is told to press keys for a leg, which hears them in its own way, and nobody else does.

use crate::commanded::{done, legs};
use crate::keys::{PRESSED, WAYS, assert_pressed, events_at, hang_up, house, infos_at, talking, told, tones_at};
use tandem_model::{CallCommand, Key, KeyPress};
use tandem_sim::{ALICE, BOB, secs};

fn keys() -> Box<[KeyPress]> {
    PRESSED.chars().map(|sign| KeyPress { key: Key::of_sign(sign).expect("a key"), ms: 100 }).collect()
}

#[test]
fn each_leg_hears_them_in_its_way() {
    for (seed, (alice, bob)) in WAYS.into_iter().flat_map(|alice| WAYS.map(|bob| (alice, bob))).enumerate() {
        for (hearer, other, wanted, side) in [(ALICE, BOB, alice, 0), (BOB, ALICE, bob, 1)] {
            let mut sim = talking(seed as u64, &house(alice, bob));
            let leg = legs(&sim)[side];
            done(&mut sim, CallCommand::Press { leg, keys: keys() });
            sim.run_for(secs(3));
            let what = format!("{alice:?} and {bob:?}, side {side}");
            assert_pressed(&sim, hearer, wanted, &what);
            assert_eq!([events_at(&sim, other), infos_at(&sim, other), tones_at(&sim, other)].concat(), [], "{what}");
            assert_eq!([0, 1].map(|leg| told(&sim, leg)), ["", ""], "{what}: nobody has pressed them");
            hang_up(sim);
        }
    }
}

/// A mute is about what the legs say: what the call itself is told to press is heard all the same.
#[test]
fn they_are_no_words_of_the_other_leg() {
    for wanted in WAYS {
        let mut sim = talking(10, &house(WAYS[0], wanted));
        let [alice, bob] = legs(&sim);
        done(&mut sim, CallCommand::Mute { leg: alice });
        done(&mut sim, CallCommand::Press { leg: bob, keys: keys() });
        sim.run_for(secs(3));
        assert_pressed(&sim, BOB, wanted, "beside a muted leg");
        hang_up(sim);
    }
}
