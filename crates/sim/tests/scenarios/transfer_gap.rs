//! What those hear whom a transfer joins: their sessions were two, and of two calls.

use crate::sound::assert_hears;
use crate::transfer_attended::{attended, consult};
use crate::transfer_blind::sounding;
use std::time::Duration;
use tandem_model::MediaEvent;
use tandem_phone::{Act, Script, media::Stream};
use tandem_sim::{ALICE, BOB, CAROL, CORE, Link, Sim, ms, secs};

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

#[test]
fn nobody_hears_silence_for_longer_than_60_ms() {
    for seed in 1..10 {
        let mut sim = consult(sounding(seed), Script::answers(100), Script::new());
        let refer = attended(&sim);
        sim.act(BOB, refer);
        let gaps = longest_gaps(&mut sim);
        assert!(gaps.iter().all(|gap| *gap <= ms(60)), "{gaps:?} with seed {seed}");
        assert_eq!(sim.core().shard.adopted, 1);
        sim.run_for(secs(2));
        assert_hears(&sim, ALICE, 850.0);
        assert_hears(&sim, CAROL, 440.0);
    }
}

/// What Alice hears comes from the ports of the call that she leaves, in the stream that it was, without a number left out.
#[test]
fn whoever_is_sent_over_hears_one_stream() {
    for seed in 20..25 {
        let mut sim = consult(sounding(seed), Script::answers(100), Script::new());
        let before = sim.call(ALICE).stream().and_then(Stream::source);
        let refer = attended(&sim);
        sim.act(BOB, refer);
        sim.run_for(secs(4));
        for phone in [ALICE, CAROL] {
            let stream = sim.call(phone).stream().expect("sound");
            assert_eq!((stream.sources(), stream.gaps(), stream.clock_jumps()), (1, 0, 0), "{phone:?} with seed {seed}");
        }
        assert!(before.is_some());
        assert_eq!(sim.call(ALICE).stream().and_then(Stream::source), before);
        sim.act(ALICE, Act::Bye);
        sim.finish();
    }
}

/// Her call with Bob ends before she has answered, and she is another call's then. Her ports are kept as long as that takes, Bob's are not.
#[test]
fn the_ports_of_whoever_is_away_are_kept_until_it_is_decided() {
    let mut sim = consult(sounding(30), Script::answers(100), Script::new());
    let ports = sim.core().shard.ports(sim.now());
    assert_eq!(ports, 4);
    let leg = sim.core().shard.descriptions[0].0;
    sim.link(ALICE, CORE, Link { delay: secs(1), ..Link::CLEAN });
    let refer = attended(&sim);
    sim.act(BOB, refer);
    sim.run_for(ms(500));
    sim.media_event(leg.created_by(), MediaEvent::Inactive { leg, held: true });
    sim.run_for(ms(300));
    assert_eq!((sim.core().shard.adopted, sim.core().shard.ports(sim.now())), (0, 3));
    sim.link(ALICE, CORE, Link::CLEAN);
    sim.run_for(secs(5));
    assert_eq!((sim.core().shard.adopted, sim.core().shard.ports(sim.now())), (1, 2));
    assert_hears(&sim, ALICE, 850.0);
    assert_hears(&sim, CAROL, 440.0);
    sim.act(CAROL, Act::Bye);
    sim.finish();
}
