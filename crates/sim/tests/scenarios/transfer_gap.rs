//! How long those hear nothing whom a transfer joins: their sessions were two, and of two calls.

use crate::sound::assert_hears;
use crate::transfer_attended::{attended, consult};
use crate::transfer_blind::sounding;
use std::time::Duration;
use tandem_phone::Script;
use tandem_sim::{ALICE, BOB, CAROL, Sim, ms, secs};

/// The longest time in which nothing arrives at either, from now until two seconds later.
fn longest_gaps(sim: &mut Sim) -> [Duration; 2] {
    let arrived = |sim: &Sim, phone| sim.call(phone).stream().map_or(0, |stream| stream.received());
    let (mut counts, mut since, mut gaps) = ([0; 2], [Duration::ZERO; 2], [Duration::ZERO; 2]);
    for _ in 0..2_000 {
        sim.run_for(ms(1));
        for (index, phone) in [ALICE, CAROL].into_iter().enumerate() {
            since[index] += ms(1);
            let count = arrived(sim, phone);
            if count != counts[index] {
                gaps[index] = gaps[index].max(since[index]);
                (counts[index], since[index]) = (count, Duration::ZERO);
            }
        }
    }
    gaps
}

/// One sends to the new ports as soon as it is told of them, and the other is heard by it since it said yes.
#[test]
fn nobody_hears_silence_for_longer_than_60_ms() {
    for seed in 1..10 {
        let mut sim = consult(sounding(seed), Script::answers(100), Script::new());
        let refer = attended(&sim);
        sim.act(BOB, refer);
        let gaps = longest_gaps(&mut sim);
        assert!(gaps.iter().all(|gap| *gap <= ms(60)), "{gaps:?} with seed {seed}");
        sim.run_for(secs(2));
        assert_hears(&sim, ALICE, 850.0);
        assert_hears(&sim, CAROL, 440.0);
    }
}
