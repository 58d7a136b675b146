//! A group whose caller is answered before anybody rings: it needs no second offer where a member speaks its codec, gets one where none does,
//! and is hung up when nobody is left.

use crate::sound::{assert_hears, tones};
use crate::{RACE_LIMIT, after_race, statuses};
use std::net::SocketAddr;
use tandem_model::{EndReason, Timestamp};
use tandem_phone::sdp::{Direction, Format};
use tandem_phone::{Act, Body, Message, Offer, Outcome, Place, Reply, Script, Timer, When};
use tandem_sim::{ALICE, Action, BOB, CAROL, DORA, Run, STANDARD, Sim, explore_losses, ms, secs};

/// `all` and `hunt` answer the caller at once.
fn text() -> String {
    STANDARD.replacen("], timeout = \"40s\"", "], picks_up = \"at-once\", timeout = \"40s\"", 1).replacen(
        "strategy = \"sequential\"",
        "picks_up = \"at-once\", strategy = \"sequential\"",
        1,
    )
}

fn sounding(seed: u64) -> Sim {
    let mut sim = Sim::with_config(seed, &text());
    tones(&mut sim);
    sim
}

/// The INVITEs that the phone got in its dialog.
fn reinvites(sim: &Sim, phone: SocketAddr) -> usize {
    let is_it = |message: &&Message| message.is_request() && message.header("To").is_some_and(|to| to.contains("tag="));
    sim.phone(phone).heard("INVITE").filter(is_it).count()
}

fn bye_of(sim: &Sim, phone: SocketAddr) -> String {
    let bye = sim.phone(phone).heard("BYE").find(|message| message.is_request());
    bye.and_then(|bye| bye.header("Reason")).unwrap_or_default().to_owned()
}

/// PCMA alone, whatever was offered.
fn in_a_law(status: u16) -> Reply {
    let pcma = "v=0\r\no=b 9 1 IN IP4 10.0.2.1\r\ns=-\r\nc=IN IP4 10.0.2.1\r\nt=0 0\r\nm=audio 4100 RTP/AVP 8\r\n";
    Reply { body: Body::Raw(pcma.into()), ..Reply::new(status) }
}

#[test]
fn the_caller_is_answered_before_anybody_rings() {
    let mut sim = sounding(1);
    sim.expect(BOB, Script::new().reply(50, 180)).expect(DORA, Script::new().reply(50, 180));
    sim.expect(CAROL, Script::new().reply(50, 180).reply(3000, 200));
    sim.place(ALICE, "all", Script::new());
    sim.run_until_status(ALICE, 200);
    sim.run_for(secs(1));
    assert_eq!(statuses(&sim, ALICE), [100, 200], "nothing is heard of ringing");
    sim.run_until_talking(ALICE, CAROL);
    sim.run_for(secs(2));
    assert_hears(&sim, ALICE, 850.0);
    assert_hears(&sim, CAROL, 440.0);
    sim.act(ALICE, Act::Bye);
    sim.finish();
    assert_eq!(reinvites(&sim, ALICE), 0);
    let record = sim.core().records().next().expect("a record");
    let rang = record.rang.expect("it rang");
    assert!(record.answered.is_some_and(|answered: Timestamp| answered < rang), "{record:?}");
    let legs: Vec<_> = record.legs.iter().map(|leg| (&*leg.endpoint, leg.sip_status)).collect();
    assert_eq!(legs, [("trunk:alice", 200), ("trunk:bob", 487), ("trunk:carol", 200), ("trunk:dora", 487)]);
    let invite = sim.phone(CAROL).heard("INVITE").next().expect("an INVITE");
    let hops: u32 = invite.header("Max-Forwards").and_then(|hops| hops.parse().ok()).expect("a number");
    assert_eq!(hops, 69, "one less than the caller's");
    assert!(invite.header("From").is_some_and(|from| from.contains("alice")), "{:?}", invite.header("From"));
}

#[test]
fn early_media_of_a_member_is_heard_where_the_codec_fits() {
    let mut sim = sounding(2);
    sim.expect(BOB, Script::new().reply_with(100, Reply::new(183).with_sdp()));
    sim.expect(CAROL, Script::new().reply(10, 404)).expect(DORA, Script::new().reply(10, 404));
    sim.place(ALICE, "all", Script::new());
    sim.run_until_status(ALICE, 200);
    sim.run_for(secs(3));
    assert_hears(&sim, ALICE, 620.0);
    sim.act(BOB, Act::Reply(Reply::new(200)));
    sim.run_until_talking(ALICE, BOB);
    sim.run_for(secs(2));
    assert_hears(&sim, ALICE, 620.0);
    assert_hears(&sim, BOB, 440.0);
    sim.act(BOB, Act::Bye);
    sim.finish();
    assert_eq!(reinvites(&sim, ALICE), 0);
    assert_eq!(sim.end_reason(), Some(EndReason::CalleeHungUp));
}

#[test]
fn a_member_with_another_codec_has_the_caller_offered_it() {
    let mut sim = sounding(3);
    sim.expect(BOB, Script::new().reply_with(50, in_a_law(183)).reply_with(1000, in_a_law(200)));
    sim.expect(CAROL, Script::new().reply(10, 404)).expect(DORA, Script::new().reply(10, 404));
    sim.place(ALICE, "all", Script::new());
    sim.run_until_status(ALICE, 200);
    sim.run_for(secs(4));
    assert_eq!(reinvites(&sim, ALICE), 1);
    let offered = sim.call(ALICE).remote_sdp().and_then(|sdp| sdp.audio_line()).and_then(|line| line.formats.first());
    assert_eq!(offered.map(String::as_str), Some("8"), "before what would be transcoded");
    sim.act(ALICE, Act::Bye);
    sim.finish();
    assert_eq!(sim.call(BOB).outcome, Some(Outcome::TheyHungUp));
    assert_eq!(sim.end_reason(), Some(EndReason::CallerHungUp));
}

#[test]
fn a_caller_without_an_offer_gets_ours() {
    let mut sim = sounding(4);
    sim.expect(BOB, Script::new().reply(10, 404)).expect(CAROL, Script::answers(500)).expect(DORA, Script::new().reply(10, 404));
    let place = Place::new(&sim.uri(ALICE, "all")).late();
    sim.place_with(ALICE, place);
    sim.run_until_talking(ALICE, CAROL);
    sim.run_for(secs(2));
    assert_hears(&sim, ALICE, 850.0);
    assert_hears(&sim, CAROL, 440.0);
    sim.act(ALICE, Act::Bye);
    sim.finish();
    assert_eq!(reinvites(&sim, ALICE), 0);
}

#[test]
fn when_all_fail_the_caller_is_told_the_best() {
    let mut sim = Sim::with_config(5, &text());
    sim.expect(BOB, Script::new().reply(100, 404)).expect(CAROL, Script::new().reply(200, 486)).expect(DORA, Script::new().reply(300, 503));
    sim.place(ALICE, "all", Script::new());
    sim.finish();
    assert_eq!(sim.call(ALICE).outcome, Some(Outcome::TheyHungUp));
    assert_eq!(bye_of(&sim, ALICE), "SIP;cause=486;text=\"Busy Here\", Q.850;cause=17");
    assert_eq!(sim.end_reason(), Some(EndReason::Failed(486)));
    let record = sim.core().records().next().expect("a record");
    assert_eq!((record.legs[0].end.sip_status, record.legs[0].end.q850_cause), (486, 17));
    assert!(record.answered.is_some());
}

#[test]
fn nobody_answers_in_time() {
    let mut sim = Sim::with_config(6, &text());
    for phone in [BOB, CAROL, DORA] {
        sim.expect(phone, Script::new().reply(50, 180));
    }
    sim.place(ALICE, "hunt", Script::new());
    sim.finish();
    assert_eq!(sim.call(ALICE).outcome, Some(Outcome::TheyHungUp));
    assert_eq!(bye_of(&sim, ALICE), "SIP;cause=480;text=\"Temporarily Unavailable\", Q.850;cause=19");
    assert_eq!(sim.end_reason(), Some(EndReason::RingTimeout));
}

#[test]
fn the_caller_gives_up_with_bye() {
    let mut sim = Sim::with_config(7, &text());
    for phone in [BOB, CAROL, DORA] {
        sim.expect(phone, Script::new().reply(50, 180));
    }
    sim.place(ALICE, "all", Script::new().bye(2000));
    sim.finish();
    for phone in [BOB, CAROL, DORA] {
        assert_eq!(sim.call(phone).outcome, Some(Outcome::Failed(487)));
    }
    assert_eq!(sim.end_reason(), Some(EndReason::CallerHungUp));
    assert_eq!(sim.core().shard.sessions(), 0);
}

/// The call counts from its INVITE, whoever rings.
#[test]
fn the_longest_call_ends_while_they_ring() {
    let mut sim = Sim::with_config(11, &text().replace("max_duration = \"6h\"", "max_duration = \"20s\""));
    for phone in [BOB, CAROL, DORA] {
        sim.expect(phone, Script::new().reply(50, 180));
    }
    sim.place(ALICE, "all", Script::new());
    sim.run_for(ms(19_900));
    assert_eq!((sim.end_reason(), sim.core().calls()), (None, 1));
    sim.run_for(ms(300));
    assert_eq!(sim.end_reason(), Some(EndReason::MaxDuration));
    sim.finish();
    assert_eq!(sim.call(ALICE).outcome, Some(Outcome::TheyHungUp));
    assert_eq!(bye_of(&sim, ALICE), "Q.850;cause=31;text=\"maximum duration\"");
    for phone in [BOB, CAROL, DORA] {
        assert_eq!(sim.call(phone).outcome, Some(Outcome::Failed(487)));
    }
}

/// The caller's session has begun, so it is refreshed by whom the 200 names, whether anybody has answered or not.
#[test]
fn the_caller_s_session_timer_runs_while_they_ring() {
    let text = text().replace("timeout = \"40s\"", "timeout = \"5m\"").replace("ring_timeout = \"60s\"", "ring_timeout = \"5m\"");
    for (seed, refresher, updates) in [(12, "uas", true), (13, "uas", false), (14, "uac", true), (15, "uac", false)] {
        let mut sim = Sim::with_config(seed, &text);
        sim.phone_mut(ALICE).setup_mut().updates = updates;
        for phone in [BOB, CAROL, DORA] {
            sim.expect(phone, Script::new().reply(50, 180).reply(170_000, if phone == CAROL { 200 } else { 486 }));
        }
        let timer = Timer { reinvites: !updates, ..Timer::asking(90).refresher(refresher) };
        sim.place(ALICE, "all", Script::new().habits(|habits| habits.timer = Some(timer)));
        sim.run_for(secs(300));
        assert_eq!(sim.call(ALICE).timer().map(|agreed| agreed.ours), Some(refresher == "uac"));
        sim.act(ALICE, Act::Bye);
        sim.finish();
        assert_eq!(sim.end_reason(), Some(EndReason::CallerHungUp), "{refresher} {updates}");
    }
}

/// A caller that promised to refresh and does not is hung up, and with it all that ring.
#[test]
fn a_lazy_caller_ends_the_ringing() {
    let text = text().replace("timeout = \"40s\"", "timeout = \"5m\"").replace("ring_timeout = \"60s\"", "ring_timeout = \"5m\"");
    let mut sim = Sim::with_config(16, &text);
    for phone in [BOB, CAROL, DORA] {
        sim.expect(phone, Script::new().reply(50, 180));
    }
    let timer = Timer { lazy: true, ..Timer::asking(90).refresher("uac") };
    sim.place(ALICE, "all", Script::new().habits(|habits| habits.timer = Some(timer)));
    sim.run_for(secs(59));
    assert_eq!(sim.end_reason(), None);
    sim.run_for(secs(2));
    assert_eq!(sim.end_reason(), Some(EndReason::SessionExpired));
    sim.finish();
    assert_eq!(sim.call(ALICE).outcome, Some(Outcome::TheyHungUp));
    for phone in [BOB, CAROL, DORA] {
        assert_eq!(sim.call(phone).outcome, Some(Outcome::Failed(487)));
    }
}

#[test]
fn a_change_by_the_caller_waits_until_somebody_has_answered() {
    let mut sim = Sim::with_config(8, &text());
    sim.expect(BOB, Script::new().reply(50, 404)).expect(CAROL, Script::answers(3000)).expect(DORA, Script::new().reply(50, 404));
    sim.place(ALICE, "all", Script::new().step(When::Confirmed, 500, Act::Reinvite(Offer::direction(Direction::SendOnly))).bye(9000));
    sim.finish();
    let refused = sim.phone(ALICE).heard("INVITE").filter(|message| !message.is_request() && message.status() == 491).count();
    assert_eq!(refused, 1, "and the second try is taken");
    assert_eq!(sim.end_reason(), Some(EndReason::CallerHungUp));
}

#[test]
fn a_caller_that_no_member_could_speak_with_is_refused() {
    let mut sim = Sim::with_config(9, &text());
    let place = Place { formats: Some(vec![Format::new(97, "nothing/8000")]), ..Place::new(&sim.uri(ALICE, "all")) };
    sim.place_with(ALICE, place);
    sim.finish();
    assert_eq!(sim.call(ALICE).outcome, Some(Outcome::Failed(488)));
    assert_eq!(sim.core().shard.sessions(), 0);
}

#[test]
fn after_a_hunt_the_last_one_is_heard() {
    let mut sim = sounding(10);
    sim.expect(BOB, Script::new().reply_with(50, Reply::new(183).with_sdp()).reply(1000, 486));
    sim.expect(CAROL, Script::new().reply(50, 404)).expect(DORA, Script::answers(500));
    sim.place(ALICE, "hunt", Script::new());
    sim.run_until_talking(ALICE, DORA);
    sim.run_for(secs(2));
    assert_hears(&sim, ALICE, 1000.0);
    assert_hears(&sim, DORA, 440.0);
    sim.act(ALICE, Act::Bye);
    sim.finish();
}

const BYE: Action = (ALICE, |sim| sim.act(ALICE, Act::Bye));
const BOB_ANSWERS: Action = (BOB, |sim| sim.act(BOB, Act::Reply(Reply::new(200))));
const BOB_IS_BUSY: Action = (BOB, |sim| sim.act(BOB, Act::Reply(Reply::new(486))));
const BOB_ANSWERS_IN_A_LAW: Action = (BOB, |sim| sim.act(BOB, Act::Reply(in_a_law(200))));

/// The caller has its 200, bob rings, and nobody else does.
fn bob_rings(seed: u64) -> Sim {
    let mut sim = Sim::with_config(seed, &text());
    sim.expect(BOB, Script::new().reply(50, 180)).expect(CAROL, Script::new().reply(10, 404)).expect(DORA, Script::new().reply(10, 404));
    sim.place(ALICE, "all", Script::new());
    sim.run_until("bob rings", |sim| sim.phone(BOB).calls().first().is_some_and(|call| !call.statuses.is_empty()));
    sim.run_for(ms(100));
    sim
}

fn finish(sim: &mut Sim, run: &Run) {
    after_race(sim, run);
    if sim.call(ALICE).outcome.is_none() {
        sim.act(ALICE, Act::Bye);
    }
    sim.finish();
}

#[test]
fn the_caller_hangs_up_as_one_answers() {
    for answers in [BOB_ANSWERS, BOB_ANSWERS_IN_A_LAW] {
        let explored = explore_losses(RACE_LIMIT, |run| {
            let mut sim = bob_rings(11);
            sim.race(run, &[BYE, answers]);
            finish(&mut sim, run);
            assert_eq!(sim.call(ALICE).outcome, Some(Outcome::WeHungUp));
            assert!(matches!(sim.call(BOB).outcome, Some(Outcome::TheyHungUp | Outcome::Failed(487))), "{:?}", sim.call(BOB).outcome);
        });
        assert!(explored.runs > 20, "{explored:?}");
    }
}

#[test]
fn the_caller_hangs_up_as_the_last_one_fails() {
    let explored = explore_losses(RACE_LIMIT, |run| {
        let mut sim = bob_rings(12);
        sim.race(run, &[BYE, BOB_IS_BUSY]);
        finish(&mut sim, run);
        assert!(matches!(sim.call(ALICE).outcome, Some(Outcome::WeHungUp | Outcome::TheyHungUp)), "{:?}", sim.call(ALICE).outcome);
    });
    assert!(explored.runs > 20, "{explored:?}");
}

#[test]
fn answered_by_one_and_refused_by_others_from_the_very_beginning() {
    let explored = explore_losses(RACE_LIMIT, |run| {
        let mut sim = Sim::with_config(13, &text());
        sim.expect(BOB, Script::new().reply(0, 200)).expect(CAROL, Script::new().reply(0, 486)).expect(DORA, Script::new().reply(0, 486));
        sim.place(ALICE, "all", Script::new());
        sim.race(run, &[]);
        finish(&mut sim, run);
        assert_eq!(sim.call(ALICE).outcome, Some(Outcome::WeHungUp));
    });
    assert!(explored.runs > 20, "{explored:?}");
}
