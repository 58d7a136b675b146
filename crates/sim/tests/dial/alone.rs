//! Calls that begin here, with one leg: we call somebody, and what becomes of it when it answers is what we were told.

use crate::commanded::{DONE, direction, heard};
use crate::house::{ALICE_2, house, registered};
use crate::sound::assert_hears;
use crate::{assert_frequency, begin, failed, invites, prompt, reason, run_until_up, sounding, statuses, then, to, told};
use std::sync::Arc;
use tandem_model::{CallCommand, Caller, Dial, DialError, DialLeg, EndReason, Login, Privacy, Secret, Sound};
use tandem_phone::{Act, Demand, Edit, Offer, OnCancel, Outcome, Reply, Script, sdp::Direction};
use tandem_sim::{ALICE, BOB, CAROL, STANDARD, Sim, ms, secs};

#[test]
fn one_leg_hears_itself() {
    let mut sim = sounding(Sim::new(1));
    sim.expect(BOB, Script::new().reply(50, 180).reply(300, 200));
    begin(&mut sim, then("trunk:bob/4711", r#"{"answer": "echo"}"#));
    run_until_up(&mut sim, BOB);
    sim.run_for(secs(1));
    assert_hears(&sim, BOB, 620.0);
    sim.act(BOB, Act::Bye);
    sim.finish();
    assert_eq!(told(&sim), ["leg.created", "leg.trying", "leg.ringing", "leg.answered", "leg.ended"]);
    assert_eq!(invites(&sim, BOB)[0].header("From").map(|from| from.split(';').next()), Some(Some("<sip:10.0.0.1>")));
    let record = sim.core().records().next().expect("a record");
    assert_eq!((&*record.route, record.reason, record.legs.len()), ("api:ops", EndReason::CallerHungUp, 1));
    let leg = &record.legs[0];
    assert_eq!((&*leg.endpoint, &*leg.to, leg.sip_status), ("trunk:bob/4711", "sip:4711@10.0.2.1", 200));
    assert!(record.rang.is_some() && record.answered.is_some() && leg.media.is_some());
}

#[test]
fn one_leg_hears_a_tone_and_can_change_its_session() {
    let mut sim = sounding(Sim::new(2));
    sim.expect(BOB, Script::answers(100));
    begin(&mut sim, then("trunk:bob", r#"{"answer": "tone"}"#));
    run_until_up(&mut sim, BOB);
    sim.run_for(secs(1));
    assert_frequency(&sim, BOB, 440.0);
    for direction in [Direction::SendOnly, Direction::SendRecv] {
        sim.act(BOB, Act::Reinvite(Offer::direction(direction)));
        sim.run_for(ms(500));
    }
    assert!(heard(&mut sim, BOB) > 10);
    sim.act(BOB, Act::Bye);
    sim.finish();
    assert_eq!(told(&sim).iter().filter(|name| matches!(**name, "leg.held" | "leg.resumed")).count(), 2);
}

#[test]
fn one_leg_is_played_a_prompt_and_hung_up() {
    let mut sim = sounding(Sim::new(3));
    prompt(&mut sim, "welcome.wav", 706.0, secs(2));
    sim.expect(BOB, Script::answers(100));
    begin(&mut sim, then("trunk:bob", r#"{"answer": "welcome.wav"}"#));
    run_until_up(&mut sim, BOB);
    sim.run_for(secs(1));
    assert_frequency(&sim, BOB, 706.0);
    sim.finish();
    assert_eq!(sim.end_reason(), Some(EndReason::Played));
    assert_eq!(sim.call(BOB).outcome, Some(Outcome::TheyHungUp));
}

#[test]
fn nobody_is_called_for_a_prompt_that_is_not_there() {
    let mut sim = Sim::new(4);
    begin(&mut sim, then("trunk:bob", r#"{"answer": "nothing.wav"}"#));
    sim.finish();
    assert!(invites(&sim, BOB).is_empty());
    assert!(matches!(sim.end_reason(), Some(EndReason::Failed(500..))), "{:?}", sim.end_reason());
}

#[test]
fn one_leg_waits_for_what_it_is_to_hear() {
    let mut sim = sounding(Sim::new(5));
    sim.expect(BOB, Script::answers(100));
    let call = begin(&mut sim, to(&["trunk:bob"]));
    run_until_up(&mut sim, BOB);
    assert_eq!(heard(&mut sim, BOB), 0);
    let leg = call.leg(1).expect("the first that is called");
    let play = sim.command(call, CallCommand::Play { leg: Some(leg), sound: Sound::Sine { frequency_hz: 700 }, times: 0, over: false });
    sim.run_for(secs(1));
    assert!(sim.outcome(play).is_some_and(|outcome| outcome.is_ok()), "{:?}", sim.outcome(play));
    assert_frequency(&sim, BOB, 700.0);
    let hold = sim.command(call, CallCommand::Hold { leg, music: None });
    sim.run_for(secs(1));
    assert_eq!(sim.outcome(hold), Some(&DONE));
    assert_eq!(direction(&sim, BOB), Some(Direction::SendOnly));
    sim.end_all(EndReason::Shutdown);
    sim.finish();
    assert_eq!(sim.call(BOB).outcome, Some(Outcome::TheyHungUp));
}

#[test]
fn early_media_of_the_first_is_heard_by_nobody_and_harms_nothing() {
    let mut sim = sounding(Sim::new(6));
    sim.expect(BOB, Script::new().reply_with(50, Reply::new(183).with_sdp()).reply(2000, 200));
    begin(&mut sim, then("trunk:bob", r#"{"answer": "echo"}"#));
    run_until_up(&mut sim, BOB);
    sim.run_for(secs(1));
    assert_hears(&sim, BOB, 620.0);
    sim.act(BOB, Act::Bye);
    sim.finish();
    assert_eq!(told(&sim), ["leg.created", "leg.trying", "leg.early_media", "leg.answered", "leg.ended"]);
}

#[test]
fn what_is_said_of_the_leg_stands_in_its_invite() {
    let mut sim = Sim::new(7);
    sim.expect(BOB, Script::answers(100));
    let from = Some(Caller { name: Some("Shop".into()), number: "+4989".into(), privacy: Privacy::default(), is_screened: true });
    let headers = [("X-Ref".into(), "42".into())].into();
    let leg = DialLeg { from, from_domain: Some("shop.example".into()), headers, ..DialLeg::new("trunk:bob/1") };
    begin(&mut sim, Dial { legs: [leg].into(), ..then("trunk:bob", r#"{"answer": "echo"}"#) });
    run_until_up(&mut sim, BOB);
    sim.act(BOB, Act::Bye);
    sim.finish();
    let invite = invites(&sim, BOB)[0];
    assert!(
        invite.header("From").is_some_and(|from| from.starts_with("\"Shop\" <sip:+4989@shop.example>;tag=")),
        "{:?}",
        invite.header("From")
    );
    assert_eq!((invite.header("X-Ref"), invite.header("Max-Forwards")), (Some("42"), Some("69")));
}

#[test]
fn a_challenge_is_answered_with_the_leg_s_own_login() {
    for (password, outcome) in [("s3cret", None), ("wrong", Some(401))] {
        let mut sim = Sim::new(8);
        sim.phone_mut(BOB).setup_mut().demands = vec![Demand::new("acme", "s3cret")];
        let login = Some(Arc::new(Login { username: "acme".into(), password: Secret::new(password), realm: None }));
        let leg = DialLeg { login, ..DialLeg::new("trunk:bob/1") };
        begin(&mut sim, Dial { legs: [leg].into(), ..then("trunk:bob", r#"{"answer": "echo"}"#) });
        sim.run_for(secs(2));
        if outcome.is_none() {
            sim.act(BOB, Act::Bye);
        }
        sim.finish();
        let failed = failed(&sim);
        assert_eq!(failed.first().map(|(status, ..)| *status), outcome, "{failed:?}");
        assert_eq!(sim.end_reason(), Some(outcome.map_or(EndReason::CallerHungUp, EndReason::Failed)));
    }
}

#[test]
fn a_user_is_called_on_all_phones() {
    let mut sim = house(9);
    registered(&mut sim, &[ALICE, ALICE_2]);
    sim.expect(ALICE, Script::new().reply(50, 180));
    sim.expect(ALICE_2, Script::new().reply(50, 180).reply(500, 200));
    begin(&mut sim, then("user:alice", r#"{"answer": "echo"}"#));
    run_until_up(&mut sim, ALICE_2);
    sim.run_for(ms(500));
    assert_eq!(sim.call(ALICE).outcome, Some(Outcome::Failed(487)));
    sim.act(ALICE_2, Act::Bye);
    sim.run_for(secs(1));
    assert_eq!(sim.end_reason(), Some(EndReason::CallerHungUp));
}

#[test]
fn a_redirection_is_followed_where_policy_lets_it() {
    let text = STANDARD.replace("ring_timeout = \"60s\"", "ring_timeout = \"60s\"\nredirect = \"follow\"");
    let mut sim = Sim::with_config(10, &text);
    let moved = Reply::new(302).edit(Edit::set("Contact", "<sip:new@10.0.3.1>"));
    sim.expect(BOB, Script::new().reply_with(50, moved));
    sim.expect(CAROL, Script::answers(100));
    begin(&mut sim, then("trunk:bob/1", r#"{"answer": "echo"}"#));
    run_until_up(&mut sim, CAROL);
    sim.act(CAROL, Act::Bye);
    sim.finish();
    assert_eq!(sim.core().records().next().map(|record| record.legs.len()), Some(2));
}

#[test]
fn the_longest_time_is_the_shorter_of_the_two() {
    let text = STANDARD.replace("max_duration = \"6h\"", "max_duration = \"200s\"");
    for (own, expected) in [(20, 20), (100_000, 200)] {
        let mut sim = Sim::with_config(11, &text);
        sim.expect(BOB, Script::answers(0));
        begin(&mut sim, Dial { max_duration: Some(secs(own)), ..then("trunk:bob", r#"{"answer": "echo"}"#) });
        sim.finish();
        let record = sim.core().records().next().expect("a record");
        assert_eq!(record.reason, EndReason::MaxDuration);
        assert_eq!(record.ended.since(record.began).as_secs(), expected);
    }
}

#[test]
fn a_node_that_is_full_or_draining_makes_no_call() {
    let text = STANDARD.replace("max = 50", "max = 1");
    let mut sim = Sim::with_config(12, &text);
    sim.expect(BOB, Script::answers(0));
    begin(&mut sim, to(&["trunk:bob"]));
    assert_eq!(sim.dial(to(&["trunk:bob"])), Err(DialError::Full { retry_after_s: 10 }));
    sim.end_all(EndReason::Shutdown);
    sim.run_for(secs(1));
    sim.core_mut().draining = true;
    assert_eq!(sim.dial(to(&["trunk:bob"])), Err(DialError::Draining));
    assert_eq!(sim.dial(to(&[])), Err(DialError::Nobody));
    assert_eq!(sim.dial(to(&["trunk:bob"; 3])), Err(DialError::TooManyLegs(2)));
    sim.finish();
    assert_eq!(sim.core().founded(), 1);
}

#[test]
fn we_end_it_while_it_rings() {
    let mut sim = Sim::new(13);
    sim.expect(BOB, Script::new().reply(50, 180));
    begin(&mut sim, to(&["trunk:bob"]));
    sim.run_for(secs(1));
    sim.end_all(EndReason::Shutdown);
    sim.finish();
    assert_eq!(statuses(&sim, BOB), [180, 487]);
    assert_eq!(reason(&sim, BOB, "CANCEL"), "Q.850;cause=41;text=\"node stopped\"");
    assert_eq!(failed(&sim), [(487, "Request Terminated".to_owned(), 41)]);
    assert_eq!(sim.core().shard.sessions(), 0);
}

/// Its 200 crosses our CANCEL.
#[test]
fn we_end_it_as_it_answers() {
    let mut sim = Sim::new(14);
    sim.expect(BOB, Script::new().reply(50, 180).habits(|habits| habits.on_cancel = OnCancel::Answer));
    begin(&mut sim, to(&["trunk:bob"]));
    sim.run_for(secs(1));
    sim.end_all(EndReason::Shutdown);
    sim.finish();
    assert_eq!(sim.call(BOB).outcome, Some(Outcome::TheyHungUp));
}

#[test]
fn it_is_over_before_policy_has_answered() {
    let mut sim = Sim::new(15);
    sim.core_mut().policy_delay = ms(500);
    begin(&mut sim, then("trunk:bob", r#"{"answer": "echo"}"#));
    sim.run_for(ms(700));
    sim.end_all(EndReason::Shutdown);
    sim.finish();
    assert!(invites(&sim, BOB).is_empty());
    let mut sim = Sim::new(16);
    sim.core_mut().policy_delay = secs(30);
    begin(&mut sim, to(&["trunk:bob"]));
    sim.finish();
    assert_eq!((sim.end_reason(), invites(&sim, BOB).len()), (Some(EndReason::Failed(500)), 0));
}

#[test]
fn there_are_no_ports() {
    let mut sim = Sim::new(17);
    sim.core_mut().shard.refuse = 1;
    begin(&mut sim, to(&["trunk:bob"]));
    sim.finish();
    assert_eq!(sim.end_reason(), Some(EndReason::Failed(503)));
    assert!(invites(&sim, BOB).is_empty());
}
