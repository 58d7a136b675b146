//! Two legs that are called one after the other and then hear each other: what each is told, and all that a call can do from then on.

use crate::commanded::{DONE, direction, heard};
use crate::sound::assert_hears;
use crate::{assert_frequency, begin, invites, is_up, prompt, reason, run_until_up, sounding, then, to, told};
use std::net::SocketAddr;
use tandem_model::{CallCommand, CallId, Caller, Dial, DialLeg, EndReason, EventKind, HearEntry, LegId, Privacy};
use tandem_phone::{Act, Offer, Outcome, Refer, Reply, Script, Timer, sdp::Direction};
use tandem_sim::{ALICE, BOB, CAROL, DORA, STANDARD, Sim, ms, secs};

fn house() -> String {
    STANDARD.replace("[[trunk]]\n", "[[trunk]]\nrefer = \"execute\"\n")
}

/// Alice was called, and then bob.
fn talking(seed: u64) -> (Sim, CallId) {
    talking_with(sounding(Sim::with_config(seed, &house())), Script::answers(100), Script::answers(100))
}

fn talking_with(mut sim: Sim, alice: Script, bob: Script) -> (Sim, CallId) {
    sim.expect(ALICE, alice).expect(BOB, bob);
    let call = begin(&mut sim, to(&["trunk:alice/1", "trunk:bob/2"]));
    run_until_up(&mut sim, BOB);
    (sim, call)
}

/// Alice's leg, and bob's.
fn legs(call: CallId) -> [LegId; 2] {
    [1, 2].map(|index| call.leg(index).expect("there are more"))
}

#[test]
fn the_second_is_called_when_the_first_has_answered_and_they_hear_each_other() {
    let mut sim = sounding(Sim::new(1));
    sim.expect(ALICE, Script::new().reply(50, 180).reply(1000, 200)).expect(BOB, Script::new().reply(50, 180).reply(2000, 200));
    begin(&mut sim, to(&["trunk:alice/1", "trunk:bob/2"]));
    sim.run_for(ms(900));
    assert!(invites(&sim, BOB).is_empty());
    run_until_up(&mut sim, BOB);
    sim.run_for(secs(2));
    assert_hears(&sim, ALICE, 620.0);
    assert_hears(&sim, BOB, 440.0);
    assert_eq!((invites(&sim, ALICE).len(), invites(&sim, BOB).len()), (1, 1), "nobody is offered anything a second time");
    // Who calls is the other one, by its number, unless something else was said.
    assert!(invites(&sim, BOB)[0].header("From").is_some_and(|from| from.starts_with("<sip:1@10.0.0.1>")));
    sim.act(ALICE, Act::Bye);
    sim.finish();
    assert_eq!(sim.call(BOB).outcome, Some(Outcome::TheyHungUp));
    let record = sim.core().records().next().expect("a record");
    assert_eq!(record.reason, EndReason::CallerHungUp);
    let legs: Vec<_> = record.legs.iter().map(|leg| (&*leg.endpoint, leg.sip_status)).collect();
    assert_eq!(legs, [("trunk:alice/1", 200), ("trunk:bob/2", 200)]);
    let one = ["leg.created", "leg.trying", "leg.ringing", "leg.answered"];
    assert_eq!(told(&sim), [&one[..], &one, &["leg.ended", "leg.ended"]].concat());
}

#[test]
fn the_second_hangs_up() {
    let (mut sim, _) = talking(2);
    sim.act(BOB, Act::Bye);
    sim.finish();
    assert_eq!((sim.end_reason(), sim.call(ALICE).outcome), (Some(EndReason::CalleeHungUp), Some(Outcome::TheyHungUp)));
}

#[test]
fn we_hang_both_up() {
    let (mut sim, _) = talking(3);
    sim.end_all(EndReason::Shutdown);
    sim.finish();
    for phone in [ALICE, BOB] {
        assert_eq!(sim.call(phone).outcome, Some(Outcome::TheyHungUp));
    }
}

#[test]
fn codecs_that_both_have_are_offered_first() {
    // Alice has G.722 before the others, and carol has A-law before mu-law, and no G.722.
    let mut sim = sounding(Sim::new(4));
    sim.expect(ALICE, Script::answers(100)).expect(CAROL, Script::answers(100));
    begin(&mut sim, to(&["trunk:alice", "trunk:carol"]));
    run_until_up(&mut sim, CAROL);
    sim.run_for(secs(2));
    assert_hears(&sim, ALICE, 850.0);
    assert_hears(&sim, CAROL, 440.0);
    let offered = invites(&sim, ALICE)[0].clone();
    let line = String::from_utf8_lossy(&offered.body).lines().find(|line| line.starts_with("m=audio")).map(str::to_owned);
    let line = line.expect("audio");
    assert!(line.ends_with(" RTP/AVP 0 8 9 101"), "{line}");
    assert_eq!(invites(&sim, ALICE).len(), 1, "it need not be offered another");
    sim.act(CAROL, Act::Bye);
    sim.finish();
}

/// Where they have none in common what one says is said to the other in another codec.
#[test]
fn they_hear_each_other_in_two_codecs() {
    let text = STANDARD.replacen("codecs = [\"g722\", \"pcmu\", \"pcma\"]", "codecs = [\"pcmu\"]", 1).replacen(
        "codecs = [\"g722\", \"pcmu\", \"pcma\"]",
        "codecs = [\"pcma\"]",
        1,
    );
    let mut sim = sounding(Sim::with_config(5, &text));
    sim.expect(ALICE, Script::answers(100)).expect(BOB, Script::answers(100));
    begin(&mut sim, to(&["trunk:alice", "trunk:bob"]));
    run_until_up(&mut sim, BOB);
    sim.run_for(secs(3));
    assert_frequency(&sim, ALICE, 620.0);
    assert_frequency(&sim, BOB, 440.0);
    sim.act(ALICE, Act::Bye);
    sim.finish();
}

#[test]
fn across_address_families() {
    let mut sim = sounding(Sim::new(6));
    sim.expect(DORA, Script::answers(100)).expect(BOB, Script::answers(100));
    begin(&mut sim, to(&["trunk:dora", "trunk:bob"]));
    run_until_up(&mut sim, BOB);
    sim.run_for(secs(2));
    assert_hears(&sim, DORA, 620.0);
    assert_hears(&sim, BOB, 1000.0);
    sim.act(BOB, Act::Bye);
    sim.finish();
}

#[test]
fn the_first_hears_ringing_and_then_the_early_media_of_the_second() {
    let mut sim = sounding(Sim::new(7));
    sim.expect(ALICE, Script::answers(100));
    let bob = Script::new().reply(50, 180).reply_with(4000, Reply::new(183).with_sdp()).reply(8000, 200);
    sim.expect(BOB, bob);
    begin(&mut sim, to(&["trunk:alice", "trunk:bob"]));
    run_until_up(&mut sim, ALICE);
    assert!(heard(&mut sim, ALICE) > 10, "the tone of a phone that rings");
    sim.run_for(secs(6));
    assert_hears(&sim, ALICE, 620.0);
    run_until_up(&mut sim, BOB);
    sim.run_for(secs(2));
    assert_hears(&sim, ALICE, 620.0);
    assert_hears(&sim, BOB, 440.0);
    sim.act(ALICE, Act::Bye);
    sim.finish();
}

#[test]
fn the_first_hears_no_ringing_where_it_is_to_be_quiet() {
    let mut sim = sounding(Sim::new(17));
    sim.expect(ALICE, Script::answers(100)).expect(BOB, Script::new().reply(50, 180).reply(8000, 200));
    begin(&mut sim, Dial { quiet: true, ..to(&["trunk:alice", "trunk:bob"]) });
    run_until_up(&mut sim, ALICE);
    sim.run_for(secs(2));
    assert_eq!(heard(&mut sim, ALICE), 0);
    run_until_up(&mut sim, BOB);
    sim.run_for(secs(2));
    assert_hears(&sim, ALICE, 620.0);
    assert_hears(&sim, BOB, 440.0);
    sim.act(BOB, Act::Bye);
    sim.finish();
}

#[test]
fn who_calls_can_be_said_of_each() {
    let mut sim = Sim::new(8);
    sim.expect(ALICE, Script::answers(100)).expect(BOB, Script::answers(100));
    let from = |number: &str| Some(Caller { name: None, number: number.into(), privacy: Privacy::default(), is_screened: true });
    let legs = [("trunk:alice/1", "+491"), ("trunk:bob/2", "+492")].map(|(to, number)| DialLeg { from: from(number), ..DialLeg::new(to) });
    begin(&mut sim, Dial { legs: legs.into(), ..to(&[]) });
    run_until_up(&mut sim, BOB);
    sim.act(ALICE, Act::Bye);
    sim.finish();
    for (phone, number) in [(ALICE, "<sip:+491@"), (BOB, "<sip:+492@")] {
        assert!(invites(&sim, phone)[0].header("From").is_some_and(|from| from.starts_with(number)));
    }
}

#[test]
fn the_one_who_answers_is_bridged_to_the_first_of_several() {
    let mut sim = sounding(Sim::new(9));
    sim.expect(ALICE, Script::answers(100)).expect(BOB, Script::new().reply(50, 503)).expect(CAROL, Script::answers(100));
    begin(&mut sim, then("trunk:alice/1", r#"{"bridge": ["trunk:bob/2", "trunk:carol/3"], "ringback": "de"}"#));
    run_until_up(&mut sim, CAROL);
    sim.run_for(secs(2));
    assert_hears(&sim, ALICE, 850.0);
    assert_hears(&sim, CAROL, 440.0);
    assert!(invites(&sim, CAROL)[0].header("From").is_some_and(|from| from.starts_with("<sip:1@10.0.0.1>")));
    sim.act(ALICE, Act::Bye);
    sim.finish();
}

#[test]
fn several_ring_for_the_one_who_answers() {
    let mut sim = sounding(Sim::new(10));
    sim.expect(ALICE, Script::answers(100))
        .expect(BOB, Script::new().reply(50, 180))
        .expect(CAROL, Script::new().reply(50, 180).reply(500, 200));
    begin(&mut sim, then("trunk:alice/1", r#"{"ring": ["trunk:bob/2", "trunk:carol/3"]}"#));
    run_until_up(&mut sim, CAROL);
    sim.run_for(secs(2));
    assert_hears(&sim, ALICE, 850.0);
    assert_eq!(sim.call(BOB).outcome, Some(Outcome::Failed(487)));
    sim.act(CAROL, Act::Bye);
    sim.finish();
    assert_eq!(reason(&sim, BOB, "CANCEL"), "SIP;cause=200;text=\"Call completed elsewhere\"");
}

#[test]
fn each_can_hold_the_other() {
    let (mut sim, _) = talking(11);
    for (phone, other) in [(ALICE, BOB), (BOB, ALICE)] {
        sim.act(phone, Act::Reinvite(Offer::direction(Direction::SendOnly)));
        sim.run_for(ms(500));
        assert_eq!(direction(&sim, other), Some(Direction::SendOnly));
        assert_eq!(heard(&mut sim, phone), 0);
        sim.act(phone, Act::Reinvite(Offer::direction(Direction::SendRecv)));
        sim.run_for(ms(500));
        assert!(heard(&mut sim, phone) > 10 && heard(&mut sim, other) > 10);
    }
    sim.act(ALICE, Act::Bye);
    sim.finish();
}

#[test]
fn each_can_be_commanded() {
    let (mut sim, call) = talking(12);
    let done = |sim: &mut Sim, command: CallCommand| {
        let id = sim.command(call, command);
        sim.run_for(ms(500));
        assert_eq!(sim.outcome(id), Some(&DONE));
    };
    let [alice, bob] = legs(call);
    for (leg, other, phone) in [(alice, bob, BOB), (bob, alice, ALICE)] {
        done(&mut sim, CallCommand::Mute { leg });
        assert_eq!(heard(&mut sim, phone), 0);
        done(&mut sim, CallCommand::Unmute { leg });
        let entry = |hears| CallCommand::Hear { entries: [HearEntry { speaker: leg, listener: other, hears }].into() };
        done(&mut sim, entry(false));
        assert_eq!(heard(&mut sim, phone), 0);
        done(&mut sim, entry(true));
        assert!(heard(&mut sim, phone) > 10);
        done(&mut sim, CallCommand::Hold { leg, music: None });
        assert_eq!(heard(&mut sim, phone), 0);
        done(&mut sim, CallCommand::Unhold { leg });
        assert!(heard(&mut sim, phone) > 10);
    }
    sim.act(ALICE, Act::Bye);
    sim.finish();
}

fn transfer(sim: &mut Sim, by: SocketAddr, stays: SocketAddr, tone: f64) {
    sim.expect(CAROL, Script::answers(300));
    let refer = Act::Refer(Refer::to(&sim.uri(by, "carol")));
    sim.act(by, refer);
    sim.run_until("carol talks", |sim| is_up(sim, CAROL));
    sim.run_for(secs(4));
    assert_hears(sim, stays, 850.0);
    assert_hears(sim, CAROL, tone);
    assert_eq!(sim.call(by).outcome, Some(Outcome::TheyHungUp));
    assert_eq!(sim.core().counted().1, 2, "each trunk counts who is there");
    sim.act(stays, Act::Bye);
    sim.finish();
    let transferred = sim.core().events.iter().filter(|event| matches!(event.kind, EventKind::LegTransferred { .. })).count();
    assert_eq!(transferred, 1);
    assert_eq!(sim.core().counted(), (0, 0));
}

#[test]
fn the_first_transfers_the_second() {
    let (mut sim, _) = talking(13);
    transfer(&mut sim, ALICE, BOB, 620.0);
}

#[test]
fn the_second_transfers_the_first() {
    let (mut sim, _) = talking(14);
    transfer(&mut sim, BOB, ALICE, 440.0);
}

/// Bob, who called carol from elsewhere, has alice take his place there.
#[test]
fn the_second_sends_the_first_over_to_another_call() {
    let (mut sim, _) = talking(15);
    sim.act(BOB, Act::Reinvite(Offer::direction(Direction::SendOnly)));
    sim.expect(CAROL, Script::answers(100));
    let second = sim.place(BOB, "carol", Script::new());
    sim.run_for(secs(2));
    sim.act(BOB, Act::Attended);
    sim.run_for(secs(4));
    assert_hears(&sim, ALICE, 850.0);
    assert_hears(&sim, CAROL, 440.0);
    assert!(sim.phone(BOB).call(second).outcome.is_some());
    sim.act(ALICE, Act::Bye);
    sim.finish();
}

#[test]
fn session_timers_run_on_both() {
    let timed = |refresher: &'static str| {
        let timer = Timer::asking(90).refresher(refresher);
        Script::answers(100).habits(|habits| habits.timer = Some(timer))
    };
    for refresher in ["uas", "uac"] {
        let (mut sim, _) = talking_with(Sim::new(16), timed(refresher), timed(refresher));
        sim.run_for(secs(400));
        assert_eq!(sim.end_reason(), None, "{refresher}");
        sim.act(ALICE, Act::Bye);
        sim.finish();
    }
}

/// The session of the first is refreshed while the second rings.
#[test]
fn a_session_timer_runs_while_the_second_rings() {
    let text = STANDARD.replace("ring_timeout = \"60s\"", "ring_timeout = \"10m\"");
    for (refresher, updates) in [("uas", true), ("uas", false), ("uac", true), ("uac", false)] {
        let mut sim = Sim::with_config(17, &text);
        sim.phone_mut(ALICE).setup_mut().updates = updates;
        let timer = Timer { reinvites: !updates, ..Timer::asking(90).refresher(refresher) };
        sim.expect(ALICE, Script::answers(100).habits(|habits| habits.timer = Some(timer)));
        sim.expect(BOB, Script::new().reply(50, 180).reply(200_000, 200));
        begin(&mut sim, to(&["trunk:alice", "trunk:bob"]));
        run_until_up(&mut sim, BOB);
        sim.run_for(secs(100));
        assert_eq!(sim.end_reason(), None, "{refresher} {updates}");
        sim.act(ALICE, Act::Bye);
        sim.finish();
    }
}

#[test]
fn a_prompt_goes_before_nothing_but_the_end() {
    let mut sim = sounding(Sim::new(18));
    prompt(&mut sim, "early.wav", 706.0, secs(1));
    sim.expect(ALICE, Script::answers(100));
    begin(&mut sim, then("trunk:alice", r#"{"answer": "echo", "announce": "early.wav"}"#));
    run_until_up(&mut sim, ALICE);
    sim.run_for(secs(1));
    assert_hears(&sim, ALICE, 440.0);
    sim.act(ALICE, Act::Bye);
    sim.finish();
}
