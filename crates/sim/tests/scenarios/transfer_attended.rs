//! An attended transfer (RFC 5589 §7): one who talks with two joins them by a REFER whose Replaces names the other call.

use crate::sound::{assert_hears, tones};
use crate::transfer_blind::{assert_told, house, referral, sounding};
use tandem_model::{EndReason, EventKind};
use tandem_phone::{
    Act, Offer, Outcome, Place, Refer, Reply, Script, When,
    sdp::{Direction, Format},
};
use tandem_sim::{ALICE, BOB, CAROL, STANDARD, Sim, ms, secs};

/// Bob talks with Alice, who called him and is held, and with Carol, whom he called: his second call.
fn consulting(seed: u64) -> Sim {
    consulting_with(seed, Script::answers(100), Script::new())
}

fn consulting_with(seed: u64, carol: Script, alice: Script) -> Sim {
    consult(sounding(seed), carol, alice)
}

pub(crate) fn consult(mut sim: Sim, carol: Script, alice: Script) -> Sim {
    sim.expect(BOB, Script::answers(100));
    sim.place(ALICE, "bob", alice);
    sim.run_until_talking(ALICE, BOB);
    sim.act(BOB, Act::Reinvite(Offer::direction(Direction::SendOnly)));
    sim.run_for(ms(500));
    sim.expect(CAROL, carol);
    let uri = sim.uri(BOB, "carol");
    sim.place_with(BOB, Place::new(&uri));
    sim.run_for(secs(1));
    assert!(sim.phone(BOB).call(1).has(When::Confirmed), "bob talks with carol");
    sim
}

pub(crate) fn attended(sim: &Sim) -> Act {
    Act::Refer(sim.phone(BOB).call(1).attended().expect("a dialog"))
}

/// Alice and Carol talk, and nobody else.
fn assert_joined(sim: &Sim) {
    assert_hears(sim, ALICE, 850.0);
    assert_hears(sim, CAROL, 440.0);
    assert_eq!(sim.phone(BOB).call(1).outcome, Some(Outcome::TheyHungUp), "the call that was replaced");
}

#[test]
fn the_callee_joins_the_caller_to_whom_he_has_asked() {
    let mut sim = consulting(1);
    let refer = attended(&sim);
    sim.act(BOB, refer);
    sim.run_for(secs(4));
    assert_told(&sim, BOB, &[100, 200]);
    assert_joined(&sim);
    assert_eq!(sim.call(BOB).outcome, Some(Outcome::TheyHungUp), "who does not hang up is hung up");
    sim.act(ALICE, Act::Bye);
    sim.finish();
    assert_eq!(sim.call(CAROL).outcome, Some(Outcome::TheyHungUp));
    let records: Vec<_> = sim.core().records().collect();
    let [held, joined] = records.as_slice() else { unreachable!("{records:?}") };
    assert_eq!((held.reason, held.legs.len()), (EndReason::Transferred, 1));
    assert_eq!(joined.legs.len(), 3);
    let alice = joined.legs.iter().find(|leg| Some(leg.leg) == held.call.leg(0)).expect("Alice's leg");
    let replaced = joined.legs.iter().find(|leg| leg.replaced_by.is_some()).expect("Bob's leg");
    assert_eq!(replaced.replaced_by, Some(alice.leg));
    assert!(joined.legs.iter().any(|leg| Some(leg.leg) == held.legs[0].replaced_by), "Carol's took the place of Bob's");
    let transferred = sim.core().events.iter().filter(|event| matches!(event.kind, EventKind::LegTransferred { .. })).count();
    assert_eq!(transferred, 1);
}

#[test]
fn the_caller_of_both_joins_them() {
    let mut sim = sounding(2);
    for (phone, user) in [(BOB, "bob"), (CAROL, "carol")] {
        sim.expect(phone, Script::answers(100));
        let uri = sim.uri(ALICE, user);
        let call = sim.place_with(ALICE, Place::new(&uri));
        sim.run_for(ms(500));
        sim.act_in(ALICE, call, Act::Reinvite(Offer::direction(Direction::SendOnly)));
        sim.run_for(ms(500));
    }
    let refer = Act::Refer(sim.phone(ALICE).call(1).attended().expect("a dialog"));
    sim.act(ALICE, refer);
    sim.run_for(secs(4));
    assert_told(&sim, ALICE, &[100, 200]);
    assert_hears(&sim, BOB, 850.0);
    assert_hears(&sim, CAROL, 620.0);
    sim.act(CAROL, Act::Bye);
    sim.finish();
}

/// Alice speaks PCMU and Carol PCMA alone: they are offered each other's first, and hear each other all the same.
#[test]
fn the_two_need_no_codec_in_common() {
    for is_held_too in [false, true] {
        let mut sim = sounding(12);
        sim.phone_mut(ALICE).setup_mut().formats = vec![Format::pcmu()];
        sim.phone_mut(CAROL).setup_mut().formats = vec![Format::pcma()];
        let mut sim = consult(sim, Script::answers(100), Script::new());
        if is_held_too {
            sim.act_in(BOB, 1, Act::Reinvite(Offer::direction(Direction::SendOnly)));
            sim.run_for(ms(500));
        }
        let refer = attended(&sim);
        sim.act(BOB, refer);
        sim.run_for(secs(4));
        assert_told(&sim, BOB, &[100, 200]);
        assert_joined(&sim);
        let offered = sim.call(ALICE).remote_sdp().and_then(|sdp| sdp.audio_line()).map(|line| line.formats.clone());
        assert_eq!(offered.expect("an offer")[0], "8", "what is passed on as it is comes first");
        sim.act(ALICE, Act::Bye);
        sim.finish();
    }
}

#[test]
fn two_that_may_not_be_transcoded_need_a_codec_in_common() {
    let config = house().replace("[[trunk]]\n", "[[trunk]]\ntranscode = false\n");
    let mut sim = Sim::with_config(13, &config);
    tones(&mut sim);
    sim.phone_mut(ALICE).setup_mut().formats = vec![Format::pcmu()];
    sim.phone_mut(CAROL).setup_mut().formats = vec![Format::pcma()];
    let mut sim = consult(sim, Script::answers(100), Script::new());
    let refer = attended(&sim);
    sim.act(BOB, refer);
    sim.run_for(secs(1));
    assert_told(&sim, BOB, &[100, 488]);
    sim.act(BOB, Act::Reinvite(Offer::direction(Direction::SendRecv)));
    sim.run_for(secs(4));
    assert_hears(&sim, ALICE, 620.0);
    sim.act(ALICE, Act::Bye);
    sim.act_in(BOB, 1, Act::Bye);
    sim.finish();
}

#[test]
fn the_transferor_hangs_up_before_the_notify() {
    for after in [0, 5, 10, 20, 40, 80] {
        let mut sim = consulting(3);
        let refer = attended(&sim);
        sim.act(BOB, refer);
        sim.run_for(ms(after));
        sim.act(BOB, Act::Bye);
        sim.act_in(BOB, 1, Act::Bye);
        sim.run_for(secs(4));
        assert_hears(&sim, ALICE, 850.0);
        assert_hears(&sim, CAROL, 440.0);
        sim.act(CAROL, Act::Bye);
        sim.finish();
    }
}

#[test]
fn who_will_not_be_joined_stays_in_the_held_call() {
    for (said, told) in [(488, 488), (603, 603), (500, 500)] {
        let alice = Script::new().habits(|habits| habits.reoffers = vec![(ms(0), Reply::new(200).with_sdp()), (ms(50), Reply::new(said))]);
        let mut sim = consulting_with(4, Script::answers(100), alice);
        let refer = attended(&sim);
        sim.act(BOB, refer);
        sim.run_for(secs(1));
        assert_told(&sim, BOB, &[100, told]);
        sim.act(BOB, Act::Reinvite(Offer::direction(Direction::SendRecv)));
        sim.run_for(secs(4));
        assert_hears(&sim, ALICE, 620.0);
        assert_eq!(sim.call(BOB).outcome, None);
        assert_eq!(sim.phone(BOB).call(1).outcome, None, "the other call goes on too");
        sim.act(ALICE, Act::Bye);
        sim.act(CAROL, Act::Bye);
        sim.finish();
    }
}

#[test]
fn glare_is_tried_again() {
    let alice = Script::new().habits(|habits| habits.reoffers = vec![(ms(0), Reply::new(200).with_sdp()), (ms(0), Reply::new(491))]);
    let mut sim = consulting_with(5, Script::answers(100), alice);
    let refer = attended(&sim);
    sim.act(BOB, refer);
    sim.run_for(secs(8));
    assert_told(&sim, BOB, &[100, 200]);
    assert_joined(&sim);
    sim.act(ALICE, Act::Bye);
    sim.finish();
}

#[test]
fn the_target_hangs_up_meanwhile() {
    for (after, slow) in [(0, 0), (10, 0), (60, 200), (100, 200), (150, 500)] {
        let alice = Script::new().habits(|habits| {
            habits.reoffers = vec![(ms(0), Reply::new(200).with_sdp()), (ms(slow), Reply::new(200).with_sdp())];
        });
        let mut sim = consulting_with(6, Script::answers(100), alice);
        let refer = attended(&sim);
        sim.act(BOB, refer);
        sim.run_for(ms(after));
        sim.act(CAROL, Act::Bye);
        sim.run_for(secs(4));
        if slow > 0 {
            assert_eq!(referral(&sim, BOB).progress, [100, 603]);
            assert_eq!(sim.call(ALICE).outcome, None, "the held call is there");
            sim.act(BOB, Act::Reinvite(Offer::direction(Direction::SendRecv)));
            sim.run_for(secs(3));
            assert_hears(&sim, ALICE, 620.0);
            assert_hears(&sim, BOB, 440.0);
        }
        sim.act(ALICE, Act::Bye);
        sim.finish();
    }
}

#[test]
fn the_one_who_is_sent_over_hangs_up_meanwhile() {
    for after in [0, 5, 10, 20, 40, 200] {
        let mut sim = consulting(7);
        let refer = attended(&sim);
        sim.act(BOB, refer);
        sim.run_for(ms(after));
        sim.act(ALICE, Act::Bye);
        sim.run_for(secs(4));
        assert_eq!(sim.call(BOB).outcome, Some(Outcome::TheyHungUp), "after {after} ms");
        sim.act(CAROL, Act::Bye);
        sim.finish();
    }
}

/// What Bob is told of a REFER with that Replaces.
fn refused(seed: u64, config: &str, replaces: impl Fn(&Sim) -> Refer, from: std::net::SocketAddr) -> (Option<u16>, Vec<u16>) {
    let mut sim = consult(Sim::with_config(seed, config), Script::answers(100), Script::new());
    let refer = replaces(&sim);
    sim.act(from, Act::Refer(refer));
    sim.run_for(secs(2));
    let heard = (referral(&sim, from).status, referral(&sim, from).progress.clone());
    assert_eq!([sim.call(ALICE).outcome, sim.call(BOB).outcome, sim.call(CAROL).outcome], [None, None, None]);
    sim.act(ALICE, Act::Bye);
    sim.act(CAROL, Act::Bye);
    sim.finish();
    heard
}

fn second(sim: &Sim) -> Refer {
    sim.phone(BOB).call(1).attended().expect("a dialog")
}

fn altered(from: &'static str, to: &'static str) -> impl Fn(&Sim) -> Refer {
    move |sim| Refer { to: second(sim).to.replace(from, to), edits: Vec::new() }
}

#[test]
fn what_names_no_leg_that_may_be_replaced_is_refused() {
    let house = house();
    assert_eq!(refused(8, &house, altered("from-tag%3D", "from-tag%3Dx"), BOB), (Some(202), vec![100, 481]));
    let early = |sim: &Sim| Refer { to: second(sim).to.replace(">", "%3Bearly-only>"), edits: Vec::new() };
    assert_eq!(refused(9, &house, early, BOB), (Some(202), vec![100, 486]));
    assert_eq!(refused(10, &house, |sim| sim.call(BOB).attended().expect("a dialog"), BOB), (Some(603), vec![]));
    assert_eq!(refused(12, STANDARD, second, BOB), (Some(403), vec![]));
}

#[test]
fn who_asks_for_the_place_of_a_strangers_leg_needs_leave() {
    let house = house();
    assert_eq!(refused(13, &house, second, ALICE), (Some(202), vec![100, 403]), "she knows the names of Bob's call with Carol");
    let trusted = house.replace("name = \"alice\"\n", "name = \"alice\"\nreplaces = true\n");
    let mut sim = consult(Sim::with_config(14, &trusted), Script::answers(100), Script::new());
    let refer = second(&sim);
    sim.act(ALICE, Act::Refer(refer));
    sim.run_for(secs(4));
    assert_told(&sim, ALICE, &[100, 200]);
    sim.act_in(BOB, 0, Act::Bye);
    sim.finish();
}

#[test]
fn both_calls_are_transferred_to_each_other() {
    let mut sim = consulting(15);
    let (first, other) = (attended(&sim), Act::Refer(sim.call(BOB).attended().expect("a dialog")));
    sim.act(BOB, first);
    sim.act_in(BOB, 1, other);
    sim.run_for(secs(4));
    assert_joined(&sim);
    sim.act(ALICE, Act::Bye);
    sim.finish();
}

#[test]
fn a_call_that_we_answered_gives_its_place_to_nobody() {
    let mut sim = sounding(16);
    sim.expect(BOB, Script::answers(100));
    sim.place(ALICE, "bob", Script::new());
    sim.run_until_talking(ALICE, BOB);
    let uri = sim.uri(BOB, "echo");
    sim.place_with(BOB, Place::new(&uri));
    sim.run_for(secs(1));
    let refer = attended(&sim);
    sim.act(BOB, refer);
    sim.run_for(secs(1));
    assert_eq!(referral(&sim, BOB).progress, [100, 501]);
    sim.act_in(BOB, 1, Act::Bye);
    sim.act(ALICE, Act::Bye);
    sim.finish();
}

#[test]
fn no_ports_are_wanted_for_it() {
    let mut sim = consulting(17);
    sim.core_mut().shard.refuse = 1;
    let refer = attended(&sim);
    sim.act(BOB, refer);
    sim.run_for(secs(4));
    assert_told(&sim, BOB, &[100, 200]);
    assert_joined(&sim);
    sim.act(ALICE, Act::Bye);
    sim.finish();
}
