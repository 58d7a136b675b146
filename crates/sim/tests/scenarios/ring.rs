//! Several ring at once: the first answer takes the call, and all others are told so.

use crate::statuses;
use std::net::SocketAddr;
use tandem_model::{EndReason, EventKind};
use tandem_phone::{Act, Message, Outcome, Place, Reply, Script, When};
use tandem_sim::{ALICE, BOB, CAROL, CORE, CORE_V6, DORA, Link, Sim, ms, secs};

fn ringing(sim: &mut Sim, phones: &[SocketAddr]) {
    for phone in phones {
        sim.expect(*phone, Script::new().reply(50, 180));
    }
}

/// The Reason of the CANCEL or BYE that ended a phone's call.
fn told(sim: &Sim, phone: SocketAddr, method: &str) -> Option<String> {
    let request = sim.phone(phone).heard(method).find(|message| message.is_request())?;
    Some(request.header("Reason").unwrap_or_default().to_owned())
}

#[test]
fn the_first_to_answer_takes_the_call() {
    let mut sim = Sim::new(1);
    ringing(&mut sim, &[BOB, DORA]);
    sim.expect(CAROL, Script::answers(1000));
    sim.place(ALICE, "all", Script::new().bye(500));
    sim.finish();
    assert_eq!(statuses(&sim, ALICE), [100, 180, 200], "one ringing is heard of three");
    assert_eq!(sim.call(ALICE).dialogs(), 1, "one To tag");
    assert_eq!(sim.call(CAROL).outcome, Some(Outcome::TheyHungUp));
    for phone in [BOB, DORA] {
        assert_eq!(sim.call(phone).outcome, Some(Outcome::Failed(487)));
        assert_eq!(told(&sim, phone, "CANCEL").as_deref(), Some("SIP;cause=200;text=\"Call completed elsewhere\""));
    }
    assert_eq!(sim.end_reason(), Some(EndReason::CallerHungUp));
}

#[test]
fn each_leg_has_its_end_and_its_place_in_the_record() {
    let mut sim = Sim::new(2);
    ringing(&mut sim, &[BOB]);
    sim.expect(CAROL, Script::answers(1000)).expect(DORA, Script::new().reply(100, 486));
    sim.place(ALICE, "all", Script::new().bye(500));
    sim.finish();
    let record = sim.core().records().next().expect("a record");
    let legs: Vec<_> = record.legs.iter().map(|leg| (&*leg.endpoint, leg.sip_status)).collect();
    assert_eq!(legs, [("trunk:alice", 200), ("trunk:bob", 487), ("trunk:carol", 200), ("trunk:dora", 486)]);
    assert!(record.rang.is_some() && record.answered.is_some());
    assert!(record.legs.iter().all(|leg| leg.media.is_some()), "{record:?}");
    let failed = |event: &&tandem_model::Event| matches!(event.kind, EventKind::LegFailed { .. });
    let created = |event: &&tandem_model::Event| matches!(event.kind, EventKind::LegCreated(_));
    assert_eq!(sim.core().events.iter().filter(created).count(), 4);
    assert_eq!(sim.core().events.iter().filter(failed).count(), 2);
}

#[test]
fn ports_of_those_who_lose_are_given_back_at_once() {
    let mut sim = Sim::new(3);
    ringing(&mut sim, &[BOB, DORA]);
    sim.expect(CAROL, Script::answers(1000));
    sim.place(ALICE, "all", Script::new());
    sim.run_until_status(ALICE, 180);
    sim.run_for(ms(100));
    assert_eq!(sim.core().shard.ports(sim.now()), 4, "the caller's and one for each that rings");
    sim.run_until_talking(ALICE, CAROL);
    sim.run_for(ms(10));
    assert_eq!(sim.core().shard.ports(sim.now()), 2);
    sim.act(ALICE, Act::Bye);
    sim.finish();
}

#[test]
fn each_has_an_offer_and_ports_of_its_own() {
    let mut sim = Sim::new(4);
    ringing(&mut sim, &[BOB, CAROL, DORA]);
    sim.place(ALICE, "all", Script::new().cancel(When::Status(180), 500));
    sim.finish();
    let port = |phone: SocketAddr| {
        let invite: Option<&Message> = sim.phone(phone).heard("INVITE").find(|message| message.is_request());
        let body = invite.map(|invite| String::from_utf8_lossy(&invite.body).into_owned()).unwrap_or_default();
        body.lines().find_map(|line| line.strip_prefix("m=audio ")).map(str::to_owned)
    };
    let ports = [port(BOB), port(CAROL)];
    assert!(ports.iter().all(Option::is_some) && ports[0] != ports[1], "{ports:?}");
}

#[test]
fn the_caller_gives_up() {
    let mut sim = Sim::new(5);
    ringing(&mut sim, &[BOB, CAROL, DORA]);
    sim.place(ALICE, "all", Script::new().cancel(When::Status(180), 500));
    sim.finish();
    assert_eq!(sim.call(ALICE).outcome, Some(Outcome::Failed(487)));
    for phone in [BOB, CAROL, DORA] {
        assert_eq!(sim.call(phone).outcome, Some(Outcome::Failed(487)));
    }
    assert_eq!(sim.end_reason(), Some(EndReason::Cancelled));
}

#[test]
fn one_who_answers_when_another_has_is_hung_up() {
    let mut sim = Sim::new(6);
    sim.expect(BOB, Script::answers(1000)).expect(CAROL, Script::answers(1000)).expect(DORA, Script::answers(1000));
    sim.place(ALICE, "all", Script::new().bye(2000));
    sim.finish();
    assert_eq!(statuses(&sim, ALICE), [100, 180, 200]);
    let byes = [BOB, CAROL, DORA].map(|phone| sim.phone(phone).heard("BYE").filter(|bye| bye.is_request()).count());
    assert_eq!(byes, [1, 1, 1]);
    assert_eq!(sim.core().shard.sessions(), 0);
}

#[test]
fn nobody_answers_in_time() {
    let mut sim = Sim::new(7);
    ringing(&mut sim, &[BOB, CAROL, DORA]);
    sim.place(ALICE, "all", Script::new());
    sim.finish();
    assert_eq!(sim.call(ALICE).outcome, Some(Outcome::Failed(480)));
    assert_eq!(sim.end_reason(), Some(EndReason::RingTimeout));
    assert!(told(&sim, CAROL, "CANCEL").is_some_and(|reason| reason.starts_with("Q.850;cause=19")));
    let record = sim.core().records().next().expect("a record");
    assert_eq!(record.ended.since(record.began).as_secs(), 40);
}

#[test]
fn the_caller_s_own_limit_ends_it() {
    let mut sim = Sim::new(8);
    ringing(&mut sim, &[BOB, CAROL, DORA]);
    let place = Place::new(&sim.uri(ALICE, "all")).edit(tandem_phone::Edit::set("Expires", "5"));
    sim.place_with(ALICE, place);
    sim.finish();
    assert_eq!(sim.call(ALICE).outcome, Some(Outcome::Failed(487)));
    assert_eq!(sim.call(BOB).outcome, Some(Outcome::Failed(487)));
}

#[test]
fn one_that_is_silent_and_one_that_nobody_is_at_are_out_alone() {
    let mut sim = Sim::new(9);
    sim.link(CORE, BOB, Link::CUT);
    sim.core_mut().unreachable.push(CAROL);
    sim.expect(DORA, Script::answers(8000));
    sim.place(ALICE, "all", Script::new().bye(300));
    sim.finish();
    assert_eq!(sim.call(ALICE).outcome, Some(Outcome::WeHungUp));
    let record = sim.core().records().next().expect("a record");
    assert_eq!(record.legs.iter().map(|leg| leg.sip_status).collect::<Vec<_>>(), [200, 0, 0, 200]);
}

#[test]
fn all_are_unreachable() {
    let mut sim = Sim::new(10);
    for phone in [BOB, CAROL, DORA] {
        sim.core_mut().unreachable.push(phone);
    }
    sim.place(ALICE, "all", Script::new());
    sim.finish();
    assert_eq!(sim.call(ALICE).outcome, Some(Outcome::Failed(500)));
}

#[test]
fn a_fork_behind_one_of_them_answers() {
    let mut sim = Sim::new(11);
    let bob = Script::new().reply(50, 180).reply_with(80, Reply::new(180).fork(1)).reply_with(700, Reply::new(200).fork(1));
    sim.expect(BOB, bob.reply_with(720, Reply::new(200).fork(2)));
    ringing(&mut sim, &[CAROL, DORA]);
    sim.place(ALICE, "all", Script::new().bye(1500));
    sim.finish();
    assert_eq!(statuses(&sim, ALICE), [100, 180, 200]);
    assert_eq!(sim.phone(BOB).heard("BYE").filter(|bye| bye.is_request()).count(), 2);
}

#[test]
fn without_media_through_here() {
    let mut sim = Sim::new(12);
    sim.may_tell_addresses();
    ringing(&mut sim, &[BOB]);
    sim.expect(CAROL, Script::answers(500));
    sim.place(ALICE, "all-direct", Script::new().bye(500));
    sim.finish();
    assert_eq!(sim.call(ALICE).outcome, Some(Outcome::WeHungUp));
    assert_eq!(sim.call(BOB).outcome, Some(Outcome::Failed(487)));
}

#[test]
fn a_caller_who_makes_no_offer_gets_one_like_the_answer() {
    let mut sim = Sim::new(13);
    sim.expect(BOB, Script::new().reply_with(50, Reply::new(183).with_sdp()));
    ringing(&mut sim, &[DORA]);
    sim.expect(CAROL, Script::answers(500));
    let place = Place::new(&sim.uri(ALICE, "all")).late().script(Script::new().bye(500));
    sim.place_with(ALICE, place);
    sim.finish();
    assert_eq!(sim.call(ALICE).outcome, Some(Outcome::WeHungUp));
    assert_eq!(sim.call(CAROL).outcome, Some(Outcome::TheyHungUp));
    for phone in [BOB, CAROL, DORA] {
        let offers = sim.phone(phone).heard("INVITE").filter(|message| message.is_request() && message.has_sdp()).count();
        assert_eq!(offers, 1, "each member has an offer of ours");
    }
    let descriptions: Vec<bool> = sim.phone(ALICE).heard("INVITE").map(Message::has_sdp).collect();
    assert_eq!(descriptions, [false, false, false, true], "100, 183 and 180 without one");
}

#[test]
fn a_caller_who_answers_such_an_offer_badly_ends_the_call() {
    let mut sim = Sim::new(19);
    sim.expect(BOB, Script::answers(100)).expect(CAROL, Script::new().reply(50, 180)).expect(DORA, Script::new().reply(50, 180));
    sim.phone_mut(ALICE).setup_mut().formats = Vec::new();
    let place = Place::new(&sim.uri(ALICE, "all")).late();
    sim.place_with(ALICE, place);
    sim.settle();
    assert_eq!(sim.end_reason(), Some(EndReason::Failed(488)));
}

#[test]
fn one_that_answers_with_what_nobody_can_use_is_hung_up_and_the_others_ring_on() {
    let mut sim = Sim::new(14);
    let odd = Reply::new(200).edit(tandem_phone::Edit::Body(
        "application/sdp".into(),
        b"v=0\r\no=- 1 1 IN IP4 10.0.2.1\r\ns=-\r\nc=IN IP4 10.0.2.1\r\nt=0 0\r\nm=audio 4000 RTP/AVP 99\r\n".to_vec(),
    ));
    sim.expect(BOB, Script::new().reply(50, 180).reply_with(300, odd));
    sim.expect(CAROL, Script::answers(1000));
    ringing(&mut sim, &[DORA]);
    sim.place(ALICE, "all", Script::new().bye(500));
    sim.settle();
    assert_eq!(statuses(&sim, ALICE), [100, 180, 200]);
    assert_eq!(sim.call(CAROL).outcome, Some(Outcome::TheyHungUp));
    assert_eq!(sim.call(BOB).outcome, Some(Outcome::TheyHungUp));
    sim.finish();
}

#[test]
fn policy_that_takes_its_time_is_waited_for() {
    let mut sim = Sim::new(15);
    sim.core_mut().policy_delay = ms(300);
    ringing(&mut sim, &[BOB, DORA]);
    sim.expect(CAROL, Script::answers(1000));
    sim.place(ALICE, "all", Script::new().bye(500));
    sim.finish();
    assert_eq!(sim.call(CAROL).outcome, Some(Outcome::TheyHungUp));
    assert_eq!(sim.call(DORA).outcome, Some(Outcome::Failed(487)));
}

/// The first has its ports with the caller's; then there are none for so many.
fn short_of_ports(seed: u64, refused: u32) -> Sim {
    let mut sim = Sim::new(seed);
    for phone in [BOB, CAROL, DORA] {
        sim.expect(phone, Script::answers(500));
    }
    sim.place(ALICE, "all", Script::new().bye(500));
    sim.run_for(std::time::Duration::from_micros(1_100));
    sim.core_mut().shard.refuse = refused;
    sim
}

#[test]
fn a_member_without_ports_is_left_out() {
    let mut sim = short_of_ports(16, 2);
    sim.finish();
    let calls = [BOB, CAROL, DORA].map(|phone| sim.phone(phone).calls().len());
    assert_eq!((calls, sim.call(ALICE).outcome), ([1, 0, 0], Some(Outcome::WeHungUp)));
}

#[test]
fn without_any_ports_the_node_is_full() {
    let mut sim = Sim::new(18);
    sim.core_mut().shard.refuse = 1;
    sim.place(ALICE, "all", Script::new());
    sim.finish();
    assert_eq!(sim.call(ALICE).outcome, Some(Outcome::Failed(503)));
}

#[test]
fn the_node_stops_while_they_ring() {
    let mut sim = Sim::new(17);
    ringing(&mut sim, &[BOB, CAROL, DORA]);
    sim.place(ALICE, "all", Script::new());
    sim.run_until_status(ALICE, 180);
    sim.run_for(secs(1));
    sim.end_all(EndReason::Shutdown);
    sim.finish();
    for phone in [BOB, CAROL, DORA] {
        assert_eq!(sim.call(phone).outcome, Some(Outcome::Failed(487)));
    }
    assert_eq!(sim.end_reason(), Some(EndReason::Shutdown));
}

#[test]
fn messages_that_come_twice_or_late_change_nothing() {
    for seed in 0..30 {
        let mut sim = Sim::new(100 + seed);
        let link = Link { jitter: ms(60), duplicates: 300, loss: 100, ..Link::CLEAN };
        for phone in [BOB, CAROL, ALICE] {
            sim.link(phone, CORE, link).link(CORE, phone, link);
        }
        sim.link(DORA, CORE_V6, link).link(CORE_V6, DORA, link);
        ringing(&mut sim, &[BOB]);
        sim.expect(CAROL, Script::answers(1000)).expect(DORA, Script::answers(1020));
        sim.place(ALICE, "all", Script::new().bye(2000));
        sim.finish();
        assert_eq!(sim.call(ALICE).outcome, Some(Outcome::WeHungUp), "seed {}", 100 + seed);
    }
}
