//! An INVITE that asks for the place of a leg of ours (RFC 3891): the newcomer hears the one who stays, and whoever had the place is hung up.

use crate::sound::{assert_hears, tones};
use tandem_model::{EndReason, EventKind};
use tandem_phone::{Act, Edit, Offer, Outcome, Place, Reply, Request, Script, When, sdp::Direction};
use tandem_sim::{ALICE, BOB, DORA, STANDARD, Sim, ms, secs};

/// Alice called bob, and they talk.
fn talking(seed: u64, config: &str, alice: Script) -> Sim {
    let mut sim = Sim::with_config(seed, config);
    tones(&mut sim);
    sim.expect(BOB, Script::answers(100));
    sim.place(ALICE, "bob", alice);
    sim.run_until_talking(ALICE, BOB);
    sim.run_for(ms(300));
    sim
}

pub(crate) fn house() -> String {
    STANDARD.replace("[[trunk]]\n", "[[trunk]]\nreplaces = true\n")
}

/// A call to us that asks for the place of `whose` leg.
pub(crate) fn asking(sim: &Sim, whose: std::net::SocketAddr) -> Place {
    let value = sim.call(whose).replaces().expect("a dialog");
    Place::new(&sim.uri(DORA, "bob")).edit(Edit::add("Replaces", &value)).edit(Edit::add("Require", "replaces"))
}

fn assert_taken(mut sim: Sim) -> Sim {
    sim.run_for(secs(4));
    assert_hears(&sim, ALICE, 1000.0);
    assert_hears(&sim, DORA, 440.0);
    assert_eq!(sim.call(BOB).outcome, Some(Outcome::TheyHungUp), "whose place it was");
    let bye = sim.phone(BOB).heard("BYE").next().expect("a BYE");
    assert_eq!(bye.header("Reason"), Some("Q.850;cause=16;text=\"transferred\""));
    sim.act(ALICE, Act::Bye);
    sim.finish();
    let records: Vec<_> = sim.core().records().collect();
    let [moved, call] = records.as_slice() else { unreachable!("{records:?}") };
    assert_eq!((moved.reason, moved.legs.len()), (EndReason::Moved, 0));
    assert_eq!((call.reason, call.legs.len()), (EndReason::CallerHungUp, 3));
    let dora = moved.call.leg(0);
    assert!(call.legs.iter().any(|leg| leg.replaced_by == dora) && call.legs.iter().any(|leg| Some(leg.leg) == dora));
    assert_eq!(sim.core().events.iter().filter(|event| matches!(event.kind, EventKind::LegTransferred { .. })).count(), 1);
    sim
}

#[test]
fn the_newcomer_takes_the_place() {
    let mut sim = talking(1, &house(), Script::new());
    let place = asking(&sim, BOB);
    sim.place_with(DORA, place);
    let sim = assert_taken(sim);
    assert_eq!(sim.phone(BOB).calls().len(), 1, "nobody is called");
}

#[test]
fn a_newcomer_without_an_offer_hears_what_there_is() {
    let mut sim = talking(2, &house(), Script::new());
    let mut place = asking(&sim, BOB);
    place.late = true;
    sim.place_with(DORA, place);
    assert_taken(sim);
}

#[test]
fn who_is_held_is_resumed() {
    for late in [false, true] {
        let mut sim = talking(3, &house(), Script::new());
        sim.act(BOB, Act::Reinvite(Offer::direction(Direction::SendOnly)));
        sim.run_for(ms(500));
        let mut place = asking(&sim, BOB);
        place.late = late;
        sim.place_with(DORA, place);
        assert_taken(sim);
    }
}

/// Dora asks, and is refused; the call goes on.
fn refused(mut sim: Sim, place: Place) -> u16 {
    sim.place_with(DORA, place);
    sim.run_for(secs(4));
    let Some(Outcome::Failed(status)) = sim.call(DORA).outcome else { unreachable!("{:?}", sim.call(DORA).outcome) };
    assert_hears(&sim, ALICE, 620.0);
    assert_hears(&sim, BOB, 440.0);
    sim.act(ALICE, Act::Bye);
    sim.finish();
    status
}

#[test]
fn the_one_who_stays_does_not_want_it() {
    for said in [488, 603] {
        let alice = Script::new().habits(|habits| habits.reoffers = vec![(ms(50), Reply::new(said))]);
        let sim = talking(4, &house(), alice);
        let place = asking(&sim, BOB);
        assert_eq!(refused(sim, place), said);
    }
}

#[test]
fn only_who_may_is_heard() {
    let sim = talking(5, STANDARD, Script::new());
    let place = asking(&sim, BOB);
    // It is required, and not known to such a trunk (RFC 3261 §8.2.2.3).
    assert_eq!(refused(sim, place), 420);
}

/// RFC 3891 §5, §8: it has to be known who asks.
#[test]
fn who_asks_proves_who_it_is() {
    let asked = house().replace("name = \"dora\"\n", "name = \"dora\"\nchallenge = { username = \"dora-in\", password = \"secret\" }\n");
    let sim = talking(20, &asked, Script::new());
    let place = asking(&sim, BOB);
    assert_eq!(refused(sim, place), 401);
    let mut sim = talking(21, &asked, Script::new());
    sim.phone_mut(DORA).setup_mut().login = Some(("dora-in".into(), "secret".into()));
    let place = asking(&sim, BOB);
    sim.place_with(DORA, place);
    assert_taken(sim);
}

/// RFC 3891 §3, RFC 3911 §4: one Replaces, and nothing beside it that says otherwise.
#[test]
fn what_says_two_things_is_refused() {
    for (name, value) in [("Replaces", "a@b;to-tag=1;from-tag=2"), ("Join", "a@b;to-tag=1;from-tag=2")] {
        let sim = talking(22, &house(), Script::new());
        let place = asking(&sim, BOB).edit(Edit::add(name, value));
        assert_eq!(refused(sim, place), 400, "{name}");
    }
}

/// RFC 3891 §3: it belongs to INVITE alone.
#[test]
fn another_request_asks_for_no_place() {
    for method in ["INFO", "OPTIONS", "MESSAGE"] {
        let mut sim = talking(23, &house(), Script::new());
        let value = sim.call(ALICE).replaces().expect("a dialog");
        sim.act(BOB, Act::Request(Request { method: method.into(), edits: vec![Edit::add("Replaces", &value)] }));
        sim.run_for(secs(1));
        let answer = sim.phone(BOB).heard(method).last().map(|answer| answer.status());
        assert_eq!((answer, sim.phone(ALICE).heard(method).count()), (Some(400), 0), "{method}");
        sim.act(ALICE, Act::Bye);
        sim.finish();
    }
}

#[test]
fn an_early_call_is_wanted_and_this_is_none() {
    let sim = talking(6, &house(), Script::new());
    let value = format!("{};early-only", sim.call(BOB).replaces().expect("a dialog"));
    let place = Place::new(&sim.uri(DORA, "bob")).edit(Edit::add("Replaces", &value));
    assert_eq!(refused(sim, place), 486);
}

#[test]
fn a_caller_who_is_not_answered_yet_is_not_replaced() {
    // RFC 3891 §3: of early dialogs only one that we began.
    let mut sim = Sim::with_config(7, &house());
    sim.expect(BOB, Script::new().reply(50, 180).reply(3000, 200));
    sim.place(ALICE, "bob", Script::new());
    sim.run_until("bob rings", |sim| sim.call(ALICE).has(When::Status(180)));
    let place = asking(&sim, ALICE);
    sim.place_with(DORA, place);
    sim.run_for(secs(5));
    assert_eq!(sim.call(DORA).outcome, Some(Outcome::Failed(481)));
    sim.act(ALICE, Act::Bye);
    sim.finish();
}

#[test]
fn the_newcomer_takes_its_call_back() {
    for (after, slow) in [(0, 0), (1, 300), (3, 300), (100, 300), (302, 300), (305, 300)] {
        let alice = Script::new().habits(|habits| habits.reoffers = vec![(ms(slow), Reply::new(200).with_sdp())]);
        let mut sim = talking(8, &house(), alice);
        let place = asking(&sim, BOB);
        let call = sim.place_with(DORA, place);
        sim.run_for(ms(after));
        sim.act_in(DORA, call, Act::Cancel);
        sim.run_for(secs(4));
        match sim.call(DORA).outcome {
            Some(Outcome::Failed(487)) => {
                assert_hears(&sim, ALICE, 620.0);
                assert_hears(&sim, BOB, 440.0);
            }
            _ => assert_eq!(sim.call(BOB).outcome, Some(Outcome::TheyHungUp)),
        }
        sim.act(ALICE, Act::Bye);
        sim.finish();
    }
}

#[test]
fn a_trunk_that_may_says_so() {
    let sim = talking(9, &house(), Script::new());
    let invite = sim.phone(BOB).heard("INVITE").next().expect("an INVITE");
    assert!(invite.header("Supported").is_some_and(|tags| tags.split(", ").any(|tag| tag == "replaces")));
    let sim = talking(9, STANDARD, Script::new());
    let invite = sim.phone(BOB).heard("INVITE").next().expect("an INVITE");
    assert!(!invite.header("Supported").is_some_and(|tags| tags.contains("replaces")));
}
