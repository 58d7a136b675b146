//! A call that rings is picked up: an INVITE names a dialog of whoever is called (RFC 3891 §3), and answers in its place.

use crate::announcements::assert_frequency;
use crate::ringback;
use crate::sound::{assert_hears, tones};
use crate::statuses;
use std::net::SocketAddr;
use tandem_model::{EndReason, EventKind};
use tandem_phone::{Act, Edit, Outcome, Place, Reply, Script, When};
use tandem_sim::{ALICE, BOB, CAROL, DORA, ERIN, STANDARD, Sim, ms, secs};

const ELSEWHERE: &str = "SIP;cause=200;text=\"Call completed elsewhere\"";

/// Everybody may ask for a place.
pub(crate) fn silent(seed: u64) -> Sim {
    Sim::with_config(seed, &STANDARD.replace("[[trunk]]\n", "[[trunk]]\nreplaces = true\n"))
}

/// And has a tone of its own.
pub(crate) fn house(seed: u64) -> Sim {
    let mut sim = silent(seed);
    tones(&mut sim);
    sim
}

/// Alice calls, and these ring.
pub(crate) fn ringing(mut sim: Sim, user: &str, phones: &[SocketAddr]) -> Sim {
    for phone in phones {
        sim.expect(*phone, Script::new().reply(50, 180));
    }
    sim.place(ALICE, user, Script::new());
    sim.run_until("all ring", |sim| phones.iter().all(|phone| has_rung(sim, *phone)));
    sim.run_for(ms(200));
    sim
}

fn has_rung(sim: &Sim, phone: SocketAddr) -> bool {
    sim.phone(phone).calls().first().is_some_and(|call| !call.statuses.is_empty())
}

/// An INVITE that asks for what `value` names.
pub(crate) fn asking_for(sim: &Sim, asker: SocketAddr, value: &str) -> Place {
    Place::new(&sim.uri(asker, "bob")).edit(Edit::add("Replaces", value)).edit(Edit::add("Require", "replaces"))
}

pub(crate) fn asking(sim: &Sim, asker: SocketAddr, whose: SocketAddr) -> Place {
    asking_for(sim, asker, &sim.call(whose).replaces().expect("a dialog"))
}

/// Alice talks with `newcomer`; whoever rang is told that somebody else has taken the call.
pub(crate) fn assert_picked_up(sim: &mut Sim, (newcomer, tone): (SocketAddr, f64), others: &[SocketAddr]) {
    sim.run_for(secs(4));
    assert_hears(sim, ALICE, tone);
    assert_hears(sim, newcomer, 440.0);
    for phone in others {
        assert_eq!(sim.call(*phone).outcome, Some(Outcome::Failed(487)), "{phone}");
        let cancel = sim.phone(*phone).heard("CANCEL").next().expect("a CANCEL");
        assert_eq!(cancel.header("Reason"), Some(ELSEWHERE));
    }
    assert_eq!(sim.core().shard.ports(sim.now()), 2, "of the two who talk");
}

/// Alice hangs up, and nothing is left.
pub(crate) fn finish(mut sim: Sim) -> Sim {
    sim.act(ALICE, Act::Bye);
    sim.finish();
    sim
}

#[test]
fn the_newcomer_answers_in_the_place_of_who_rings() {
    let mut sim = ringing(house(1), "bob", &[BOB]);
    let place = asking(&sim, DORA, BOB);
    sim.place_with(DORA, place);
    assert_picked_up(&mut sim, (DORA, 1000.0), &[BOB]);
    assert_eq!(statuses(&sim, ALICE), [100, 180, 200]);
    assert_eq!(statuses(&sim, DORA), [100, 200]);
    let sim = finish(sim);
    let records: Vec<_> = sim.core().records().collect();
    let [moved, call] = records.as_slice() else { unreachable!("{records:?}") };
    assert_eq!((moved.reason, moved.legs.len()), (EndReason::Moved, 0));
    assert_eq!((call.reason, call.legs.len()), (EndReason::CallerHungUp, 3));
    assert!(call.answered.is_some());
    let bob = call.legs.iter().find(|leg| &*leg.endpoint == "trunk:bob").expect("his leg");
    assert_eq!((bob.sip_status, &*bob.end.reason, bob.end.q850_cause), (487, "picked up elsewhere", 26));
    assert_eq!(bob.replaced_by, moved.call.leg(0));
    let count = |is: fn(&EventKind) -> bool| sim.core().events.iter().filter(|event| is(&event.kind)).count();
    assert_eq!(count(|kind| matches!(kind, EventKind::LegTransferred { .. })), 1);
    assert_eq!(count(|kind| matches!(kind, EventKind::LegFailed(_))), 1);
    assert_eq!(count(|kind| matches!(kind, EventKind::LegEnded(_))), 2);
    assert_eq!(count(|kind| matches!(kind, EventKind::LegAnswered)), 2);
}

#[test]
fn what_the_caller_hears_of_us_meanwhile_ends() {
    for (late, early) in [(false, false), (true, false), (false, true), (true, true)] {
        let mut sim = ringback::house(12, "ring = [\"trunk:bob\", \"trunk:carol\"], ringback = \"music.wav\"");
        sim.expect(BOB, Script::new().reply(50, 180));
        let media = Reply::new(183).with_sdp();
        sim.expect(CAROL, if early { Script::new().reply_with(100, media).reply(3000, 486) } else { Script::new().reply(100, 180) });
        sim.place(ALICE, "it", Script::new());
        sim.run_until_status(ALICE, 183);
        sim.run_for(secs(4));
        assert_frequency(&sim, ALICE, 706.0);
        let place = Place { late, ..asking(&sim, DORA, BOB) };
        sim.place_with(DORA, place);
        assert_picked_up(&mut sim, (DORA, 1000.0), if early { &[BOB] } else { &[BOB, CAROL] });
        let told = ringback::told(&sim);
        assert!(told.iter().all(|sdp| *sdp == told[0]), "the caller has one answer");
        assert_eq!(sim.call(ALICE).stream().map(|stream| stream.sources()), Some(1));
        finish(sim);
    }
}

#[test]
fn early_only_is_obeyed_as_long_as_it_rings() {
    let mut sim = ringing(house(2), "bob", &[BOB]);
    let value = format!("{};early-only", sim.call(BOB).replaces().expect("a dialog"));
    let place = asking_for(&sim, DORA, &value);
    sim.place_with(DORA, place);
    assert_picked_up(&mut sim, (DORA, 1000.0), &[BOB]);
    finish(sim);
}

#[test]
fn each_phone_behind_one_invite_names_it() {
    for dialog in [0, 1] {
        let mut sim = house(3);
        sim.expect(BOB, Script::new().reply(50, 180).reply_with(80, Reply::new(180).fork(1)));
        sim.place(ALICE, "bob", Script::new());
        sim.run_for(secs(1));
        let value = sim.call(BOB).replaces_in(dialog).expect("a dialog");
        let place = asking_for(&sim, DORA, &value);
        sim.place_with(DORA, place);
        assert_picked_up(&mut sim, (DORA, 1000.0), &[BOB]);
        finish(sim);
    }
}

#[test]
fn any_member_of_a_group_can_be_named_and_all_are_let_go() {
    for whose in [BOB, CAROL, DORA] {
        let mut sim = ringing(house(4), "all", &[BOB, CAROL, DORA]);
        sim.phone_mut(ERIN).setup_mut().tone = Some(760.0);
        let place = asking(&sim, ERIN, whose);
        sim.place_with(ERIN, place);
        assert_picked_up(&mut sim, (ERIN, 760.0), &[BOB, CAROL, DORA]);
        let sim = finish(sim);
        let call = sim.core().records().last().expect("a record");
        let ends: Vec<_> = call.legs.iter().filter(|leg| leg.sip_status == 487).map(|leg| &*leg.end.reason).collect();
        assert_eq!(ends.iter().filter(|reason| **reason == "picked up elsewhere").count(), 1, "{ends:?}");
        assert_eq!(ends.iter().filter(|reason| **reason == "answered elsewhere").count(), 2, "{ends:?}");
    }
}

#[test]
fn one_after_the_other_only_who_rings_is_there() {
    let mut sim = ringing(house(5), "hunt", &[BOB]);
    let value = sim.call(BOB).replaces().expect("a dialog");
    sim.expect(CAROL, Script::new().reply(50, 180));
    sim.run_until("carol rings", |sim| has_rung(sim, CAROL));
    sim.run_for(ms(200));
    let place = asking_for(&sim, DORA, &value);
    sim.place_with(DORA, place);
    sim.run_for(secs(1));
    assert!(matches!(sim.call(DORA).outcome, Some(Outcome::Failed(481 | 603))), "{:?}", sim.call(DORA).outcome);
    let place = asking(&sim, ERIN, CAROL);
    sim.phone_mut(ERIN).setup_mut().tone = Some(760.0);
    sim.place_with(ERIN, place);
    assert_picked_up(&mut sim, (ERIN, 760.0), &[CAROL]);
    assert_eq!(sim.phone(DORA).calls().len(), 1, "whose turn has not come");
    finish(sim);
}

#[test]
fn who_answers_after_that_is_hung_up() {
    let mut sim = house(6);
    sim.expect(BOB, Script::new().reply(50, 180).habits(|habits| habits.ignore_cancel = true));
    sim.place(ALICE, "bob", Script::new());
    sim.run_until("bob rings", |sim| has_rung(sim, BOB));
    let place = asking(&sim, DORA, BOB);
    sim.place_with(DORA, place);
    sim.run_for(ms(500));
    sim.act(BOB, Act::Reply(Reply::new(200)));
    sim.run_for(secs(1));
    assert_eq!(sim.call(BOB).outcome, Some(Outcome::TheyHungUp));
    assert_eq!(sim.call(ALICE).outcome, None);
    finish(sim);
}

/// Dora is refused with that, and bob rings on and answers.
fn refused(mut sim: Sim, place: Place, user: &str) -> Option<Outcome> {
    let call = sim.place_with(DORA, place);
    sim.run_for(secs(1));
    let outcome = sim.phone(DORA).call(call).outcome;
    assert_eq!(sim.call(BOB).outcome, None, "it rings on: {user}");
    sim.act(BOB, Act::Reply(Reply::new(200)));
    sim.run_for(secs(4));
    assert_hears(&sim, ALICE, 620.0);
    assert_hears(&sim, BOB, 440.0);
    finish(sim);
    outcome
}

#[test]
fn nothing_in_common_leaves_it_ringing() {
    use tandem_phone::sdp::Format;
    let mut sim = house(7);
    sim.expect(BOB, Script::new().reply(50, 180));
    let mut alice = Place::new(&sim.uri(ALICE, "bob"));
    alice.formats = Some(vec![Format::pcmu()]);
    sim.place_with(ALICE, alice);
    sim.run_until("bob rings", |sim| has_rung(sim, BOB));
    let mut place = asking(&sim, DORA, BOB);
    place.formats = Some(vec![Format::pcma()]);
    assert_eq!(refused(sim, place, "bob"), Some(Outcome::Failed(488)));
}

#[test]
fn media_that_passes_by_us_is_not_picked_up() {
    let mut sim = house(8);
    sim.may_tell_addresses();
    let mut sim = ringing(sim, "direct", &[BOB]);
    let place = asking(&sim, DORA, BOB);
    sim.place_with(DORA, place);
    sim.run_for(secs(1));
    assert_eq!(sim.call(DORA).outcome, Some(Outcome::Failed(501)));
    sim.act(BOB, Act::Reply(Reply::new(200)));
    sim.run_for(secs(1));
    finish(sim);
}

#[test]
fn no_ports_for_the_newcomer() {
    let mut sim = ringing(house(9), "bob", &[BOB]);
    sim.core_mut().shard.refuse = 1;
    let place = asking(&sim, DORA, BOB);
    sim.place_with(DORA, place);
    sim.run_for(secs(1));
    assert_eq!(sim.call(DORA).outcome, Some(Outcome::Failed(500)));
    sim.act(BOB, Act::Reply(Reply::new(200)));
    sim.run_for(secs(1));
    finish(sim);
}

#[test]
fn a_second_newcomer_comes_too_late() {
    let mut sim = ringing(house(10), "bob", &[BOB]);
    let value = sim.call(BOB).replaces().expect("a dialog");
    for (asker, expected) in [(DORA, None), (CAROL, Some(Outcome::Failed(481)))] {
        let place = asking_for(&sim, asker, &value);
        sim.place_with(asker, place);
        sim.run_for(ms(20));
        assert_eq!(sim.call(asker).outcome, expected);
    }
    finish(sim);
}

#[test]
fn a_ringing_that_times_out_is_over() {
    let mut sim = ringing(house(11), "brief", &[BOB]);
    let value = sim.call(BOB).replaces().expect("a dialog");
    sim.run_until("alice is refused", |sim| sim.call(ALICE).has(When::Status(480)) || sim.call(ALICE).outcome.is_some());
    let place = asking_for(&sim, DORA, &value);
    sim.place_with(DORA, place);
    sim.run_for(secs(1));
    assert!(matches!(sim.call(DORA).outcome, Some(Outcome::Failed(481 | 603))), "{:?}", sim.call(DORA).outcome);
    sim.finish();
}
