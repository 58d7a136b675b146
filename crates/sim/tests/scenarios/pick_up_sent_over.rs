//! An attended transfer to a call that rings: who rings names its own early dialog in a REFER, and whoever it talks with answers in its place
//! (RFC 3891 §3, RFC 5589 §7).

use crate::sound::{assert_hears, tones};
use crate::transfer_blind::{assert_told, house};
use crate::transfer_races::{race, sampled_race};
use tandem_model::EndReason;
use tandem_phone::{Act, Offer, Outcome, Place, Reply, Script, sdp::Direction};
use tandem_sim::{ALICE, Action, BOB, CAROL, Sim, ms, secs};

/// Bob talks with Alice, and rings for Carol: his second call.
fn ringing(mut sim: Sim, alice: Script, first: Reply, late: bool) -> Sim {
    sim.expect(BOB, Script::answers(100));
    sim.place(ALICE, "bob", alice);
    sim.run_until_talking(ALICE, BOB);
    sim.act(BOB, Act::Reinvite(Offer::direction(Direction::SendOnly)));
    sim.run_for(ms(500));
    sim.expect(BOB, Script::new().reply_with(50, first));
    let mut place = Place::new(&sim.uri(CAROL, "bob"));
    place.late = late;
    sim.place_with(CAROL, place);
    sim.run_for(ms(500));
    sim
}

fn sounding(seed: u64) -> Sim {
    let mut sim = Sim::with_config(seed, &house());
    tones(&mut sim);
    sim
}

fn refer(sim: &mut Sim) {
    if let Some(refer) = sim.phone(BOB).call(1).attended() {
        sim.act(BOB, Act::Refer(refer));
    }
}

#[test]
fn who_is_sent_over_answers_in_the_place_of_who_rings() {
    for late in [false, true] {
        for first in [Reply::new(180), Reply::new(183).with_sdp()] {
            let mut sim = ringing(sounding(1), Script::new(), first, late);
            refer(&mut sim);
            sim.run_for(secs(4));
            assert_told(&sim, BOB, &[100, 200]);
            assert_hears(&sim, ALICE, 850.0);
            assert_hears(&sim, CAROL, 440.0);
            assert_eq!(sim.phone(BOB).call(1).outcome, Some(Outcome::Failed(487)));
            assert_eq!(sim.call(BOB).outcome, Some(Outcome::TheyHungUp), "who does not hang up is hung up");
            sim.act(CAROL, Act::Bye);
            sim.finish();
            let records: Vec<_> = sim.core().records().map(|record| (record.reason, record.legs.len())).collect();
            assert_eq!(records, [(EndReason::Transferred, 1), (EndReason::CallerHungUp, 3)]);
        }
    }
}

#[test]
fn who_will_not_be_sent_over_goes_back_and_it_rings_on() {
    for said in [488, 603] {
        let alice = Script::new().habits(|habits| habits.reoffers = vec![(ms(0), Reply::new(200).with_sdp()), (ms(50), Reply::new(said))]);
        let mut sim = ringing(sounding(2), alice, Reply::new(180), false);
        refer(&mut sim);
        sim.run_for(secs(1));
        assert_told(&sim, BOB, &[100, said]);
        assert_eq!((sim.call(ALICE).outcome, sim.phone(BOB).call(1).outcome), (None, None));
        sim.act_in(BOB, 1, Act::Reply(Reply::new(200)));
        sim.run_for(secs(1));
        assert_eq!((sim.call(ALICE).outcome, sim.call(CAROL).outcome), (None, None));
        sim.act(ALICE, Act::Bye);
        sim.act(CAROL, Act::Bye);
        sim.finish();
    }
}

#[test]
fn it_is_answered_before_who_is_sent_over_has_answered() {
    let alice =
        Script::new().habits(|habits| habits.reoffers = vec![(ms(0), Reply::new(200).with_sdp()), (ms(400), Reply::new(200).with_sdp())]);
    for late in [false, true] {
        let mut sim = ringing(sounding(3), alice.clone(), Reply::new(180), late);
        refer(&mut sim);
        sim.run_for(ms(200));
        sim.act_in(BOB, 1, Act::Reply(Reply::new(200)));
        sim.run_for(secs(5));
        assert_told(&sim, BOB, &[100, 486]);
        assert_hears(&sim, CAROL, 620.0);
        assert_eq!(sim.call(ALICE).outcome, None, "she is back");
        sim.act(ALICE, Act::Bye);
        sim.act(CAROL, Act::Bye);
        sim.finish();
    }
}

const BOB_REFERS: Action = (BOB, refer);
const BOB_ANSWERS: Action = (BOB, |sim| sim.act_in(BOB, 1, Act::Reply(Reply::new(200))));
const BOB_IS_BUSY: Action = (BOB, |sim| sim.act_in(BOB, 1, Act::Reply(Reply::new(486))));
const CAROL_CANCELS: Action = (CAROL, |sim| sim.act(CAROL, Act::Cancel));
const ALICE_HANGS_UP: Action = (ALICE, |sim| sim.act(ALICE, Act::Bye));

fn silent(seed: u64) -> Sim {
    ringing(Sim::with_config(seed, &house()), Script::new(), Reply::new(180), false)
}

#[test]
fn who_rings_answers_or_refuses_as_it_refers() {
    race(4, silent, &[BOB_REFERS, BOB_ANSWERS]);
    race(5, silent, &[BOB_REFERS, BOB_IS_BUSY]);
}

#[test]
fn the_caller_gives_up_as_somebody_is_sent_over() {
    sampled_race(6, silent, &[BOB_REFERS, CAROL_CANCELS]);
}

#[test]
fn who_is_sent_over_hangs_up() {
    sampled_race(7, silent, &[BOB_REFERS, ALICE_HANGS_UP]);
}
