//! Reliable provisional responses (RFC 3262): each leg with or without them, early and late offers, and what `prack` of a trunk says.

use crate::statuses;
use std::time::Duration;
use tandem_model::EndReason;
use tandem_phone::{Act, Edit, Message, Outcome, Place, PrackHabit, Reply, Request, Script, When};
use tandem_sim::{ALICE, BOB, CORE, Link, STANDARD, Sim, ms, secs};

/// The standard house where each of these phones knows them or not.
pub(crate) fn house(seed: u64, phones: &[std::net::SocketAddr]) -> Sim {
    let mut sim = Sim::new(seed);
    phones.iter().for_each(|phone| sim.phone_mut(*phone).setup_mut().reliable = true);
    sim
}

/// The standard house, with `prack` for alice's trunk and for bob's.
fn with_policy(seed: u64, alice: &str, bob: &str) -> Sim {
    let text = STANDARD
        .replace("name = \"alice\"\n", &format!("name = \"alice\"\nprack = \"{alice}\"\n"))
        .replace("name = \"bob\"\n", &format!("name = \"bob\"\nprack = \"{bob}\"\n"));
    Sim::with_config(seed, &text)
}

/// The responses that alice heard to her INVITE beyond 100: status, whether reliable, whether with a description.
fn heard(sim: &Sim) -> Vec<(u16, bool, bool)> {
    let responses = sim.phone(ALICE).heard("INVITE").filter(|message| message.status() > 100);
    responses.map(|message| (message.status(), message.header("RSeq").is_some(), message.has_sdp())).collect()
}

fn pracks(sim: &Sim, phone: std::net::SocketAddr) -> Vec<&Message> {
    sim.phone(phone).heard("PRACK").filter(|message| message.is_request()).collect()
}

fn early_and_late(test: impl Fn(bool)) {
    [false, true].into_iter().for_each(test);
}

fn place(sim: &mut Sim, late: bool, script: Script) {
    let place = Place { late, script, ..Place::new(&sim.uri(ALICE, "bob")) };
    sim.place_with(ALICE, place);
}

fn bob_with_early_media() -> Script {
    Script::new().reply_with(50, Reply::new(183).with_sdp()).reply(200, 180).reply(500, 200)
}

#[test]
fn both_legs_have_them() {
    early_and_late(|late| {
        let mut sim = house(1, &[ALICE, BOB]);
        sim.expect(BOB, bob_with_early_media());
        place(&mut sim, late, Script::new().bye(500));
        sim.finish();
        assert_eq!(heard(&sim), [(183, true, true), (180, true, false), (200, false, false)], "late: {late}");
        let to_bob: Vec<bool> = pracks(&sim, BOB).iter().map(|prack| prack.has_sdp()).collect();
        assert_eq!(to_bob, [late, false], "the answer goes in the PRACK where the 183 had the offer");
        assert_eq!(sim.call(ALICE).outcome, Some(Outcome::WeHungUp));
    });
}

#[test]
fn only_the_callers_leg_has_them() {
    let mut sim = house(2, &[ALICE]);
    sim.expect(BOB, bob_with_early_media());
    place(&mut sim, false, Script::new().bye(500));
    sim.finish();
    assert_eq!(heard(&sim), [(183, true, true), (180, true, false), (200, false, false)]);
    assert!(pracks(&sim, BOB).is_empty());
}

#[test]
fn only_the_callers_leg_has_them_and_she_offers_late() {
    let mut sim = house(3, &[ALICE]);
    sim.expect(BOB, Script::answers(500));
    place(&mut sim, true, Script::new().bye(500));
    sim.finish();
    // The first reliable response would have to make an offer, and there is none yet.
    assert_eq!(heard(&sim), [(180, false, false), (200, false, true)]);
}

#[test]
fn only_the_callees_leg_has_them() {
    let mut sim = house(4, &[BOB]);
    sim.expect(BOB, bob_with_early_media());
    place(&mut sim, false, Script::new().bye(500));
    sim.finish();
    assert_eq!(heard(&sim), [(183, false, true), (180, false, false), (200, false, true)]);
    assert_eq!(pracks(&sim, BOB).len(), 2);
}

#[test]
fn only_the_callees_leg_could_have_them_and_the_caller_offers_late() {
    let mut sim = house(5, &[BOB]);
    sim.expect(BOB, bob_with_early_media());
    place(&mut sim, true, Script::new().bye(500));
    sim.finish();
    assert!(sim.phone(BOB).heard("INVITE").all(|invite| invite.header("Supported").is_none_or(|value| !value.contains("100rel"))));
    assert!(pracks(&sim, BOB).is_empty());
    assert_eq!(heard(&sim), [(183, false, false), (180, false, false), (200, false, true)]);
}

#[test]
fn the_callee_must_have_them_and_the_caller_offers_late_without() {
    let mut sim = with_policy(6, "supported", "required");
    sim.phone_mut(BOB).setup_mut().reliable = true;
    sim.expect(BOB, bob_with_early_media());
    place(&mut sim, true, Script::new().bye(500));
    sim.finish();
    assert_eq!(heard(&sim), [(183, false, false), (180, false, false), (200, false, true)]);
    let to_bob: Vec<bool> = pracks(&sim, BOB).iter().map(|prack| prack.has_sdp()).collect();
    assert_eq!(to_bob, [true, false], "his offer is answered before she is asked");
    let offer = sim.phone(ALICE).heard("INVITE").last().expect("the 200");
    assert_eq!(sim.phone(BOB).heard("ACK").filter(|ack| ack.has_sdp()).count(), 0);
    let text = String::from_utf8_lossy(&offer.body).into_owned();
    assert!(text.contains(" RTP/AVP 0 "), "she is offered first what he was told: {text}");
    assert_eq!(sim.call(ALICE).outcome, Some(Outcome::WeHungUp));
}

#[test]
fn neither_leg_has_them() {
    early_and_late(|late| {
        let mut sim = Sim::new(7);
        sim.expect(BOB, bob_with_early_media());
        place(&mut sim, late, Script::new().bye(500));
        sim.finish();
        assert_eq!(heard(&sim), [(183, false, !late), (180, false, false), (200, false, true)], "late: {late}");
    });
}

#[test]
fn a_caller_who_requires_them() {
    early_and_late(|late| {
        let mut sim = house(8, &[BOB]);
        sim.expect(BOB, bob_with_early_media());
        let place = Place { late, ..Place::new(&sim.uri(ALICE, "bob")) }.script(Script::new().bye(500));
        sim.place_with(ALICE, place.edit(Edit::set("Require", "100rel")));
        sim.finish();
        assert_eq!(heard(&sim), [(183, true, true), (180, true, false), (200, false, false)], "late: {late}");
    });
}

#[test]
fn off_refuses_who_requires_them_and_offers_none() {
    let mut sim = with_policy(9, "off", "off");
    let place = Place::new(&sim.uri(ALICE, "bob")).edit(Edit::set("Require", "100rel"));
    sim.place_with(ALICE, place);
    sim.finish();
    assert_eq!(statuses(&sim, ALICE), [100, 420]);
    let refusal = sim.phone(ALICE).heard("INVITE").last().expect("a refusal");
    assert_eq!(refusal.header("Unsupported"), Some("100rel"));

    let mut sim = with_policy(9, "off", "off");
    sim.phone_mut(ALICE).setup_mut().reliable = true;
    sim.phone_mut(BOB).setup_mut().reliable = true;
    sim.expect(BOB, bob_with_early_media());
    sim.place(ALICE, "bob", Script::new().bye(500));
    sim.finish();
    assert_eq!(heard(&sim), [(183, false, true), (180, false, false), (200, false, true)]);
    let allowed =
        |phone| sim.phone(phone).heard("INVITE").filter_map(|message| message.header("Allow")).any(|allow| allow.contains("PRACK"));
    assert!(!allowed(ALICE) && !allowed(BOB));
}

#[test]
fn required_refuses_who_does_not_know_them() {
    let mut sim = with_policy(10, "required", "supported");
    sim.place(ALICE, "bob", Script::new());
    sim.finish();
    assert_eq!(statuses(&sim, ALICE), [100, 421]);
    assert_eq!(sim.phone(ALICE).heard("INVITE").last().and_then(|refusal| refusal.header("Require")), Some("100rel"));
    assert_eq!(sim.end_reason(), Some(EndReason::Failed(421)));
}

#[test]
fn required_says_so_to_the_callee() {
    let mut sim = with_policy(11, "supported", "required");
    sim.expect(BOB, Script::answers(300));
    sim.place(ALICE, "bob", Script::new().bye(200));
    sim.finish();
    let invite = sim.phone(BOB).heard("INVITE").next().expect("an INVITE");
    assert_eq!(invite.header("Require"), Some("100rel"));
    assert_eq!(pracks(&sim, BOB).len(), 1);
}

#[test]
fn responses_wait_for_the_prack_of_the_one_before() {
    let mut sim = house(12, &[ALICE]);
    let bob = Script::new().reply(50, 180).reply(60, 181).reply(70, 181).reply(80, 183);
    sim.expect(BOB, bob.reply(3000, 200));
    sim.place(ALICE, "bob", Script::new().bye(200).habits(|habits| habits.prack = PrackHabit::Late(ms(400))));
    sim.finish();
    // The second 181 says what the first did, and takes its place.
    assert_eq!(statuses(&sim, ALICE), [100, 180, 181, 183, 200]);
    let numbers: Vec<u32> = sim.phone(ALICE).heard("INVITE").filter_map(|message| message.header("RSeq")?.parse().ok()).collect();
    assert!(numbers.windows(2).all(|pair| pair[1] == pair[0] + 1), "{numbers:?}");
}

#[test]
fn an_unacknowledged_response_is_repeated_and_doubles_past_t2() {
    let mut sim = house(13, &[ALICE]);
    sim.expect(BOB, Script::new().reply(50, 180));
    sim.place(ALICE, "bob", Script::new().habits(|habits| habits.prack = PrackHabit::Never));
    sim.run_for(secs(60));
    sim.finish();
    let heard = sim.phone(ALICE).trace().iter().filter(|traced| !traced.sent && traced.message.status() == 180).map(|traced| traced.at);
    let times: Vec<_> = heard.collect();
    let gaps: Vec<u128> = times.windows(2).map(|pair| pair[1].since(pair[0]).as_millis()).collect();
    assert_eq!(gaps, [500, 1000, 2000, 4000, 8000, 16000]);
    assert_eq!(sim.call(ALICE).outcome, Some(Outcome::Failed(504)));
    assert_eq!(sim.end_reason(), Some(EndReason::Failed(504)));
    assert_eq!(sim.call(BOB).outcome, Some(Outcome::Failed(487)), "the callee is cancelled");
}

#[test]
fn a_rack_that_matches_nothing_gets_481() {
    let mut sim = house(14, &[ALICE]);
    sim.expect(BOB, Script::answers(500));
    sim.place(ALICE, "bob", Script::new().bye(200).habits(|habits| habits.prack = PrackHabit::Wrong));
    sim.finish();
    let answers: Vec<u16> = sim.phone(ALICE).heard("PRACK").map(|answer| answer.status()).collect();
    assert_eq!(answers, [481, 200]);
    assert_eq!(sim.call(ALICE).outcome, Some(Outcome::WeHungUp));
}

#[test]
fn a_prack_of_nothing_gets_481_and_one_without_a_rack_400() {
    let mut sim = house(15, &[ALICE]);
    sim.expect(BOB, Script::new().reply(50, 180).reply(5000, 200));
    let odd = |edits| Act::Request(Request { method: "PRACK".into(), edits });
    let script = Script::new().habits(|habits| habits.prack = PrackHabit::Late(ms(500)));
    sim.place(ALICE, "bob", script.step(When::Status(180), 50, odd(vec![])).step(When::Confirmed, 50, Act::Bye));
    sim.run_until_status(ALICE, 180);
    sim.run_for(ms(200));
    let answers: Vec<u16> = sim.phone(ALICE).heard("PRACK").map(|answer| answer.status()).collect();
    assert_eq!(answers, [400]);
    sim.finish();
}

#[test]
fn the_answer_waits_for_the_prack_of_a_description() {
    early_and_late(|late| {
        let mut sim = house(16, &[ALICE, BOB]);
        // He would answer at once; where he must wait for a PRACK himself, his 200 comes with it.
        sim.expect(BOB, Script::new().reply_with(50, Reply::new(183).with_sdp()).reply(80, 200));
        place(&mut sim, late, Script::new().bye(200).habits(|habits| habits.prack = PrackHabit::Late(secs(2))));
        sim.finish();
        let of = |status| sim.call(ALICE).statuses.iter().find(|(_, said)| *said == status).map(|(at, _)| *at);
        let (Some(early), Some(answer)) = (of(183), of(200)) else { unreachable!("{:?}", statuses(&sim, ALICE)) };
        assert!(answer.since(early) >= Duration::from_secs(2), "late: {late}");
        assert_eq!(sim.call(ALICE).outcome, Some(Outcome::WeHungUp), "late: {late}");
    });
}

#[test]
fn an_answer_that_never_gets_its_prack_ends_both_sides() {
    let mut sim = house(17, &[ALICE]);
    sim.expect(BOB, Script::new().reply_with(50, Reply::new(183).with_sdp()).reply(500, 200));
    sim.place(ALICE, "bob", Script::new().habits(|habits| habits.prack = PrackHabit::Never));
    sim.finish();
    assert_eq!(sim.call(ALICE).outcome, Some(Outcome::Failed(504)));
    assert_eq!(sim.call(BOB).outcome, Some(Outcome::TheyHungUp));
}

#[test]
fn an_offer_that_never_gets_its_prack_ends_both_sides() {
    let mut sim = house(18, &[ALICE, BOB]);
    sim.expect(BOB, Script::new().reply_with(50, Reply::new(183).with_sdp()).reply(40_000, 200));
    place(&mut sim, true, Script::new().habits(|habits| habits.prack = PrackHabit::Never));
    sim.run_for(secs(60));
    assert_eq!(sim.phone_mut(BOB).forgive("prack-missing"), 1, "nobody gave him an answer either");
    sim.finish();
    let alice = sim.call(ALICE).outcome;
    assert!(matches!(alice, Some(Outcome::Failed(500..600))), "{alice:?}");
}

#[test]
fn an_answer_without_a_description_need_not_wait() {
    let mut sim = house(19, &[ALICE]);
    sim.expect(BOB, Script::new().reply(50, 180).reply(100, 200));
    sim.place(ALICE, "bob", Script::new().bye(1000).habits(|habits| habits.prack = PrackHabit::Late(ms(300))));
    sim.finish();
    assert_eq!(heard(&sim), [(180, true, false), (200, false, true)]);
    // The PRACK comes after the 200, and is still one (RFC 3262 §3).
    assert_eq!(sim.phone(ALICE).heard("PRACK").map(Message::status).collect::<Vec<_>>(), [200]);
}

#[test]
fn an_offer_in_a_prack_is_answered_in_its_200() {
    let mut sim = house(20, &[ALICE, BOB]);
    sim.expect(BOB, bob_with_early_media());
    sim.place(ALICE, "bob", Script::new().bye(500).habits(|habits| habits.prack = PrackHabit::Offers));
    sim.finish();
    let answers: Vec<(u16, bool)> = sim.phone(ALICE).heard("PRACK").map(|answer| (answer.status(), answer.has_sdp())).collect();
    assert_eq!(answers, [(200, true), (200, false)]);
    assert_eq!(sim.call(ALICE).outcome, Some(Outcome::WeHungUp));
}

#[test]
fn a_call_that_rings_reliably_can_be_taken_back_and_refused() {
    let mut sim = house(21, &[ALICE, BOB]);
    sim.expect(BOB, Script::new().reply_with(50, Reply::new(183).with_sdp()).reply(60_000, 200));
    sim.place(ALICE, "bob", Script::new().cancel(When::Status(183), 500));
    sim.finish();
    assert_eq!((sim.call(ALICE).outcome, sim.call(BOB).outcome), (Some(Outcome::Failed(487)), Some(Outcome::Failed(487))));

    let mut sim = house(21, &[ALICE, BOB]);
    sim.expect(BOB, Script::new().reply_with(50, Reply::new(183).with_sdp()).reply(500, 486));
    sim.place(ALICE, "bob", Script::new());
    sim.finish();
    assert_eq!(sim.call(ALICE).outcome, Some(Outcome::Failed(486)));
}

#[test]
fn a_refusal_while_a_response_is_unacknowledged() {
    let mut sim = house(22, &[ALICE]);
    sim.expect(BOB, Script::new().reply_with(50, Reply::new(183).with_sdp()).reply(100, 486));
    sim.place(ALICE, "bob", Script::new().habits(|habits| habits.prack = PrackHabit::Late(secs(1))));
    sim.finish();
    assert_eq!(statuses(&sim, ALICE), [100, 183, 486], "and nothing is repeated after it");
}

#[test]
fn an_offer_in_a_prack_that_crosses_the_failure_of_its_call_needs_no_answer() {
    let mut sim = house(25, &[ALICE]);
    sim.expect(BOB, Script::new().reply_with(50, Reply::new(183).with_sdp()).reply(50, 500));
    sim.place(ALICE, "bob", Script::new().habits(|habits| habits.prack = PrackHabit::Offers));
    sim.finish();
    let answers: Vec<(u16, bool)> = sim.phone(ALICE).heard("PRACK").map(|answer| (answer.status(), answer.has_sdp())).collect();
    assert_eq!(answers, [(200, false)], "RFC 3262 §3: it is processed all the same");
    assert_eq!(sim.call(ALICE).outcome, Some(Outcome::Failed(500)));
}

#[test]
fn responses_out_of_order_are_not_acknowledged() {
    let mut sim = house(23, &[BOB]);
    let skipped = Reply::new(183).edit(Edit::set("RSeq", "4294967000"));
    sim.expect(BOB, Script::new().reply(50, 180).reply_with(200, skipped).reply(40_000, 200));
    sim.place(ALICE, "bob", Script::new());
    sim.run_for(secs(10));
    assert_eq!(statuses(&sim, ALICE), [100, 180]);
    assert_eq!(pracks(&sim, BOB).len(), 1);
    sim.act(ALICE, Act::Cancel);
    sim.finish();
}

#[test]
fn a_lost_prack_is_sent_again_by_its_transaction() {
    let mut sim = house(24, &[BOB]);
    sim.expect(BOB, Script::new().reply(50, 180).reply(5000, 200));
    sim.place(ALICE, "bob", Script::new().bye(200));
    sim.run_for(ms(20));
    sim.link(CORE, BOB, Link::CUT);
    sim.run_for(ms(100));
    sim.link(CORE, BOB, Link::CLEAN);
    assert!(pracks(&sim, BOB).is_empty());
    sim.finish();
    assert_eq!(pracks(&sim, BOB).len(), 1);
    assert_eq!(sim.call(ALICE).outcome, Some(Outcome::WeHungUp));
}
