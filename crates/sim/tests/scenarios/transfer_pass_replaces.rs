//! An attended transfer that the other peer carries out (RFC 5589 §7): the REFER goes on to it, and names the dialog of who was consulted
//! as that one knows it. The INVITE that comes of it goes there directly, or through us.

use crate::sound::{assert_hears_in, tones};
use crate::transfer_attended::consult;
use crate::transfer_blind::house;
use std::net::SocketAddr;
use tandem_model::EndReason;
use tandem_phone::{Act, Call, Edit, Outcome, Place, Refer, Reply, Script, When};
use tandem_sim::{ALICE, BOB, CAROL, DORA, STANDARD, Sim, ms, secs};

/// Everybody's REFERs are passed on, and Alice may ask for places.
pub(crate) fn passing() -> String {
    let all = STANDARD.replace("[[trunk]]\n", "[[trunk]]\nrefer = \"pass\"\n");
    all.replace("name = \"alice\"\n", "name = \"alice\"\nreplaces = true\n")
}

fn obeys() -> Script {
    Script::new().habits(|habits| habits.obeys_refer = true)
}

/// Bob talks with Alice, who called him and obeys, and with Carol, whom he called: his second call.
fn consulting(seed: u64) -> Sim {
    let mut sim = Sim::with_config(seed, &passing());
    tones(&mut sim);
    silently(sim)
}

pub(crate) fn silently(mut sim: Sim) -> Sim {
    // The one who is to call Carol is told where she is.
    sim.may_tell_addresses();
    consult(sim, Script::answers(100), obeys())
}

/// Alice can reach Carol without us.
pub(crate) fn directly(mut sim: Sim) -> Sim {
    sim.phone_mut(ALICE).setup_mut().outbound = CAROL;
    sim.phone_mut(CAROL).always(Script::answers(100));
    sim
}

fn attended(sim: &Sim) -> Refer {
    sim.phone(BOB).call(1).attended().expect("a dialog")
}

fn transfer(sim: &mut Sim) {
    let refer = attended(sim);
    sim.act(BOB, Act::Refer(refer));
}

/// The Replaces by which somebody else takes our place towards that phone: its tag is the to-tag.
fn as_known_to(call: &Call) -> String {
    let ours = call.replaces().expect("a dialog");
    let swapped = ours.replace("to-tag", "x").replace("from-tag", "to-tag").replace(";x=", ";from-tag=");
    let (call_id, tags) = swapped.split_once(';').expect("tags");
    let (from, to) = tags.split_once(';').expect("two");
    format!("{call_id};{to};{from}")
}

fn escaped(value: &str) -> String {
    value.replace(';', "%3B").replace('=', "%3D").replace('@', "%40")
}

fn told(sim: &Sim, phone: SocketAddr) -> (Option<u16>, Vec<u16>) {
    let referral = sim.call(phone).referrals().last().expect("a REFER");
    (referral.status, referral.progress.clone())
}

/// Everybody who is left hangs up.
fn finish(mut sim: Sim) {
    for phone in [ALICE, BOB, CAROL, DORA] {
        for call in 0..sim.phone(phone).calls().len() {
            sim.act_in(phone, call, Act::Bye);
        }
        sim.run_for(ms(500));
    }
    sim.finish();
}

#[test]
fn who_was_consulted_is_called_directly() {
    let mut sim = directly(consulting(1));
    let expected = format!("<sip:carol@10.0.3.1:5060?Replaces={}>", escaped(&as_known_to(sim.call(CAROL))));
    let named: Vec<_> = [0, 1].iter().map(|call| sim.phone(BOB).call(*call).replaces().expect("a dialog")).collect();
    transfer(&mut sim);
    sim.run_for(secs(4));
    let refer = sim.phone(ALICE).heard("REFER").next().expect("a REFER");
    assert_eq!(refer.header("Refer-To"), Some(expected.as_str()));
    assert!(refer.header("Allow").is_some_and(|allow| allow.ends_with(", REFER, SUBSCRIBE, NOTIFY")), "what she sends is taken");
    let text = format!("{refer:?}");
    for part in named[1].split([';', '=']).filter(|part| part.len() > 8) {
        assert!(!text.contains(part), "{part} is Bob's");
    }
    assert_eq!(told(&sim, BOB), (Some(202), vec![100, 200]));
    assert_eq!(sim.call(CAROL).outcome, Some(Outcome::WeHungUp), "she lets go of Bob");
    assert_eq!(sim.phone(BOB).call(1).outcome, Some(Outcome::TheyHungUp));
    sim.act(BOB, Act::Bye);
    sim.run_for(secs(3));
    assert_hears_in(sim.phone(ALICE).call(1), 850.0);
    assert_hears_in(sim.phone(CAROL).call(1), 440.0);
    assert_eq!(sim.core().calls(), 0, "nothing of it is ours");
    finish(sim);
}

#[test]
fn who_was_consulted_is_called_through_us() {
    let mut sim = consulting(2);
    transfer(&mut sim);
    sim.run_for(secs(1));
    assert_eq!(told(&sim, BOB), (Some(202), vec![100, 200]));
    sim.act(BOB, Act::Bye);
    sim.run_for(secs(4));
    assert_hears_in(sim.phone(ALICE).call(1), 850.0);
    assert_hears_in(sim.call(CAROL), 440.0);
    assert_eq!([sim.call(ALICE).outcome, sim.phone(BOB).call(1).outcome], [Some(Outcome::TheyHungUp); 2]);
    assert_eq!(sim.phone(CAROL).calls().len(), 1, "nobody is called");
    sim.act(CAROL, Act::Bye);
    sim.run_for(ms(500));
    assert_eq!(sim.phone(ALICE).call(1).outcome, Some(Outcome::TheyHungUp));
    let reasons: Vec<_> = sim.core().records().map(|record| (record.reason, record.legs.len())).collect();
    assert_eq!(reasons, [(EndReason::Moved, 0), (EndReason::CalleeHungUp, 2), (EndReason::CalleeHungUp, 3)]);
    sim.finish();
}

/// Carol called Bob: the leg across is that of a caller.
#[test]
fn who_called_is_named_too() {
    let mut sim = Sim::with_config(3, &passing());
    tones(&mut sim);
    sim.may_tell_addresses();
    sim.phone_mut(BOB).always(Script::answers(100));
    for (phone, script) in [(ALICE, obeys()), (CAROL, Script::new())] {
        sim.place(phone, "bob", script);
        sim.run_for(secs(1));
    }
    let expected = escaped(&as_known_to(sim.call(CAROL)));
    transfer(&mut sim);
    sim.run_for(secs(4));
    let refer = sim.phone(ALICE).heard("REFER").next().and_then(|refer| refer.header("Refer-To")).expect("a Refer-To");
    assert_eq!(refer, format!("<sip:carol@10.0.3.1:5060?Replaces={expected}>"));
    assert_eq!(told(&sim, BOB), (Some(202), vec![100, 200]));
    assert_hears_in(sim.phone(ALICE).call(1), 850.0);
    assert_hears_in(sim.call(CAROL), 440.0);
    finish(sim);
}

#[test]
fn what_the_refer_asks_for_beside_is_kept() {
    let mut sim = directly(consulting(4));
    let named = attended(&sim).to.replace('>', "%3Bx-flag%3Bx-id%3D7&Require=replaces&Subject=x>");
    let expected = format!("?Replaces={}%3Bx-flag&Require=replaces>", escaped(&as_known_to(sim.call(CAROL))));
    sim.act(BOB, Act::Refer(Refer { to: named, edits: vec![Edit::add("Referred-By", "<sip:bob@10.0.2.1>")] }));
    sim.run_for(secs(2));
    let refer = sim.phone(ALICE).heard("REFER").next().expect("a REFER");
    assert!(refer.header("Refer-To").is_some_and(|to| to.ends_with(&expected)), "{refer:?}");
    assert_eq!(refer.header("Referred-By"), Some("<sip:bob@10.0.0.1>"));
    finish(sim);
}

/// Bob is called by Carol, and rings; he refers Alice to her.
#[test]
fn who_still_calls_lets_go_of_her_call() {
    let mut sim = Sim::with_config(5, &passing());
    tones(&mut sim);
    sim.may_tell_addresses();
    sim.expect(BOB, Script::answers(100));
    sim.place(ALICE, "bob", obeys());
    sim.run_until_talking(ALICE, BOB);
    sim.expect(BOB, Script::new().reply(50, 180));
    sim.place(CAROL, "bob", Script::new());
    sim.run_for(secs(1));
    let mut sim = directly(sim);
    let mut refer = attended(&sim);
    refer.to = refer.to.replace('>', "%3Bearly-only>");
    let expected = escaped(&format!("{};early-only", as_known_to(sim.call(CAROL))));
    sim.act(BOB, Act::Refer(refer));
    sim.run_for(secs(4));
    let heard = sim.phone(ALICE).heard("REFER").next().and_then(|refer| refer.header("Refer-To")).expect("a Refer-To");
    assert!(heard.ends_with(&format!("?Replaces={expected}>")), "{heard}");
    assert_eq!(told(&sim, BOB), (Some(202), vec![100, 200]));
    assert_eq!(sim.call(CAROL).outcome, Some(Outcome::Failed(487)), "she takes her call to Bob back");
    assert_hears_in(sim.phone(ALICE).call(1), 850.0);
    assert_hears_in(sim.phone(CAROL).call(1), 440.0);
    finish(sim);
}

/// What Bob is told of a REFER that is not passed on, while all calls go on.
fn refused(mut sim: Sim, from: SocketAddr, refer: Refer) -> Option<u16> {
    sim.act(from, Act::Refer(refer));
    sim.run_for(secs(2));
    let (status, progress) = told(&sim, from);
    assert_eq!((progress, sim.phone(ALICE).heard("REFER").filter(|heard| heard.is_request()).count()), (vec![], 0));
    assert!(sim.phone(BOB).calls().iter().all(|call| call.outcome.is_none()), "both calls go on");
    finish(sim);
    status
}

#[test]
fn what_names_no_dialog_that_is_to_be_replaced_is_refused() {
    let sim = consulting(6);
    let mut refer = attended(&sim);
    refer.to = refer.to.replace("from-tag%3D", "from-tag%3Dx");
    // A 481 would be about the dialog of the REFER.
    assert_eq!(refused(sim, BOB, refer), Some(603));
    let sim = consulting(7);
    let mut refer = attended(&sim);
    refer.to = refer.to.replace('>', "%3Bearly-only>");
    assert_eq!(refused(sim, BOB, refer), Some(486));
    let sim = consulting(8);
    let own = sim.call(BOB).attended().expect("a dialog");
    assert_eq!(refused(sim, BOB, own), Some(603), "she is on the other side already");
}

#[test]
fn who_is_called_and_rings_is_not_to_be_taken_over() {
    let mut sim = Sim::with_config(9, &passing());
    sim.expect(BOB, Script::answers(100));
    sim.place(ALICE, "bob", obeys());
    sim.run_until_talking(ALICE, BOB);
    sim.expect(CAROL, Script::new().reply(20, 180));
    let place = Place::new(&sim.uri(BOB, "carol"));
    sim.place_with(BOB, place);
    sim.run_for(secs(1));
    let refer = attended(&sim);
    sim.act(BOB, Act::Refer(refer));
    sim.run_for(secs(1));
    assert_eq!(told(&sim, BOB), (Some(603), vec![]));
    sim.act_in(BOB, 1, Act::Cancel);
    finish(sim);
}

#[test]
fn nobody_is_across_from_a_call_that_we_answered() {
    let mut sim = Sim::with_config(10, &passing());
    sim.expect(BOB, Script::answers(100));
    sim.place(ALICE, "bob", obeys());
    sim.run_until_talking(ALICE, BOB);
    let place = Place::new(&sim.uri(BOB, "echo"));
    sim.place_with(BOB, place);
    sim.run_for(secs(1));
    let refer = attended(&sim);
    assert_eq!(refused(sim, BOB, refer), Some(603));
}

#[test]
fn who_names_a_strangers_leg_needs_leave() {
    // Carol, who obeys no REFER and may not ask for places, knows the names of Bob's call with Alice.
    let sim = consulting(11);
    let refer = sim.call(BOB).attended().expect("a dialog");
    assert_eq!(refused(sim, CAROL, refer), Some(403));
    let trusted = passing().replace("name = \"carol\"\n", "name = \"carol\"\nreplaces = true\n");
    let mut sim = Sim::with_config(12, &trusted);
    sim.may_tell_addresses();
    let mut sim = consult(sim, Script::answers(100), Script::new());
    let refer = sim.call(BOB).attended().expect("a dialog");
    sim.act(CAROL, Act::Refer(refer));
    sim.run_for(secs(1));
    assert_eq!(told(&sim, CAROL), (Some(405), vec![]), "Bob's own word");
    assert_eq!(sim.phone(BOB).heard("REFER").count(), 1);
    finish(sim);
}

#[test]
fn a_question_that_finds_nobody() {
    let mut sim = consulting(13);
    sim.core_mut().letters_lost = vec!["who-faces"];
    let refer = attended(&sim);
    assert_eq!(refused(sim, BOB, refer), Some(603));
}

#[test]
fn an_answer_that_does_not_come() {
    let mut sim = consulting(14);
    sim.core_mut().letters_lost = vec!["faces"];
    transfer(&mut sim);
    sim.run_for(secs(4));
    assert_eq!(told(&sim, BOB), (None, vec![]));
    sim.run_for(secs(2));
    assert_eq!(told(&sim, BOB), (Some(500), vec![]));
    let response = sim.phone(BOB).heard("REFER").last().expect("a response");
    assert_eq!(response.header("Retry-After"), Some("2"));
    sim.core_mut().letters_lost.clear();
    transfer(&mut sim);
    sim.run_for(secs(1));
    assert_eq!(told(&sim, BOB), (Some(202), vec![100, 200]), "the next is carried out");
    finish(sim);
}

#[test]
fn somebody_hangs_up_while_the_answer_is_awaited() {
    for (phone, call, answer) in [(BOB, 0, 487), (ALICE, 0, 487), (BOB, 1, 500), (CAROL, 0, 500)] {
        let mut sim = consulting(15);
        sim.core_mut().letters_lost = vec!["faces"];
        transfer(&mut sim);
        sim.run_for(secs(1));
        sim.act_in(phone, call, Act::Bye);
        sim.run_for(secs(6));
        assert_eq!(told(&sim, BOB), (Some(answer), vec![]));
        finish(sim);
    }
}

#[test]
fn no_more_than_four_wait_at_once() {
    let mut sim = consulting(16);
    sim.core_mut().letters_lost = vec!["faces"];
    for _ in 0..5 {
        transfer(&mut sim);
    }
    sim.run_for(secs(1));
    assert_eq!(told(&sim, BOB), (Some(500), vec![]));
    sim.run_for(secs(5));
    assert!(sim.call(BOB).referrals().iter().all(|referral| referral.status == Some(500)));
    finish(sim);
}

/// Whoever carries the REFER out names Carol's dialog to us as Carol knows it.
#[test]
fn an_executed_refer_may_name_it_so() {
    let mut sim = Sim::with_config(17, &house());
    tones(&mut sim);
    let mut sim = consult(sim, Script::answers(100), Script::new());
    let named = escaped(&as_known_to(sim.call(CAROL)));
    let refer = Refer::to(&format!("sip:carol@10.0.0.1?Replaces={named}"));
    sim.act(BOB, Act::Refer(refer));
    sim.run_for(secs(4));
    assert_eq!(told(&sim, BOB), (Some(202), vec![100, 200]));
    assert_hears_in(sim.call(ALICE), 850.0);
    assert_hears_in(sim.call(CAROL), 440.0);
    finish(sim);
}

/// Dora asks for the place across from Alice's leg, or what there is of it.
fn dora_asks(seed: u64, config: &str, change: impl Fn(&mut Sim) -> String) -> Sim {
    let mut sim = Sim::with_config(seed, config);
    tones(&mut sim);
    sim.expect(BOB, Script::answers(100));
    sim.place(ALICE, "bob", Script::new());
    sim.run_until_talking(ALICE, BOB);
    sim.run_for(ms(300));
    let value = change(&mut sim);
    let place = Place::new(&sim.uri(DORA, "alice")).edit(Edit::add("Replaces", &value)).edit(Edit::add("Require", "replaces"));
    sim.place_with(DORA, place);
    sim.run_for(secs(4));
    sim
}

#[test]
fn an_invite_that_names_a_dialog_as_its_peer_knows_it() {
    let house = STANDARD.replace("[[trunk]]\n", "[[trunk]]\nreplaces = true\n");
    let sim = dora_asks(18, &house, |sim| as_known_to(sim.call(ALICE)));
    assert_hears_in(sim.call(ALICE), 1000.0);
    assert_hears_in(sim.call(DORA), 440.0);
    assert_eq!(sim.call(BOB).outcome, Some(Outcome::TheyHungUp), "who was across");
    finish(sim);
    let refused = |seed, change: &dyn Fn(&mut Sim) -> String| {
        let sim = dora_asks(seed, &house, change);
        let outcome = sim.call(DORA).outcome;
        finish(sim);
        outcome
    };
    let wrong = |sim: &mut Sim| as_known_to(sim.call(ALICE)).replace(";to-tag=", ";to-tag=x");
    assert_eq!(refused(19, &wrong), Some(Outcome::Failed(481)));
    let early = |sim: &mut Sim| format!("{};early-only", as_known_to(sim.call(ALICE)));
    assert_eq!(refused(20, &early), Some(Outcome::Failed(486)));
    let ended = |sim: &mut Sim| {
        let value = as_known_to(sim.call(ALICE));
        sim.phone_mut(BOB).always(Script::answers(100).habits(|habits| habits.ignore_bye = true));
        sim.act(ALICE, Act::Bye);
        sim.run_for(ms(100));
        value
    };
    assert!(matches!(refused(21, &ended), Some(Outcome::Failed(481 | 603))));
    let sim = dora_asks(22, STANDARD, |sim| as_known_to(sim.call(ALICE)));
    assert_eq!(sim.call(DORA).outcome, Some(Outcome::Failed(420)), "who may not ask");
    finish(sim);
}

#[test]
fn the_early_dialog_of_a_callee_is_not_taken_over() {
    let house = STANDARD.replace("[[trunk]]\n", "[[trunk]]\nreplaces = true\n");
    let mut sim = Sim::with_config(23, &house);
    sim.expect(BOB, Script::new().reply(50, 180));
    sim.place(ALICE, "bob", Script::new());
    sim.run_until("bob rings", |sim| sim.call(ALICE).has(When::Status(180)));
    let value = as_known_to(sim.call(BOB));
    let place = Place::new(&sim.uri(DORA, "bob")).edit(Edit::add("Replaces", &value));
    sim.place_with(DORA, place);
    sim.run_for(secs(2));
    assert_eq!(sim.call(DORA).outcome, Some(Outcome::Failed(481)), "RFC 3891 §3");
    sim.act(ALICE, Act::Cancel);
    finish(sim);
}

/// The peer takes the REFER and never says what becomes of it.
#[test]
fn a_refer_whose_notify_never_comes_makes_room_for_the_next() {
    let config = STANDARD.replace("[[trunk]]\n", "[[trunk]]\nrefer = \"pass\"\n");
    for silent in [false, true] {
        let mut sim = Sim::with_config(24, &config);
        let mut taken = Reply::new(202).edit(Edit::add("Contact", "<sip:alice@10.0.1.1>"));
        if silent {
            taken = taken.edit(Edit::add("Refer-Sub", "false"));
        }
        let alice = Script::new().habits(|habits| {
            habits.others = vec![(ms(0), taken); 4];
            habits.obeys_refer = false;
        });
        sim.expect(BOB, Script::answers(100));
        sim.place(ALICE, "bob", alice);
        sim.run_until_talking(ALICE, BOB);
        for place in 0..6 {
            let mut refer = Refer::to(&sim.uri(BOB, "carol"));
            if silent {
                refer = refer.edit(Edit::add("Refer-Sub", "false"));
            }
            sim.act(BOB, Act::Refer(refer));
            sim.run_for(ms(500));
            assert_eq!(told(&sim, BOB).0, Some(if place < 4 { 202 } else { 405 }), "it is passed on all the same");
        }
        assert_eq!(sim.phone(ALICE).heard("REFER").filter(|heard| heard.is_request()).count(), 6);
        finish(sim);
    }
}
