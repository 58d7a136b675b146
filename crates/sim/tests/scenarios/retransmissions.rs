//! Messages that are lost, come twice or come late.

use crate::statuses;
use tandem_model::EndReason;
use tandem_phone::{Act, Offer, Outcome, Request, Script, When};
use tandem_sim::{ALICE, BOB, CORE, Link, Sim, ms};

#[test]
fn an_invite_that_comes_again_is_one_call() {
    let mut sim = Sim::new(1);
    sim.link(CORE, ALICE, Link::CUT);
    sim.expect(BOB, Script::answers(2000));
    sim.place(ALICE, "bob", Script::new().bye(500));
    sim.run_for(ms(1700));
    sim.link(CORE, ALICE, Link::CLEAN);
    sim.finish();
    assert_eq!((sim.core().founded(), sim.phone(BOB).calls().len()), (1, 1));
    assert_eq!(sim.call(ALICE).outcome, Some(Outcome::WeHungUp));
}

#[test]
fn a_late_copy_of_the_invite_begins_nothing() {
    let mut sim = Sim::new(2);
    sim.expect(BOB, Script::answers(100));
    sim.place(ALICE, "bob", Script::new().bye(500));
    sim.run_until("the call is over", |sim| sim.phone(ALICE).is_idle());
    let invite = sim.phone(ALICE).trace()[0].message.print();
    sim.send_raw(ALICE, invite);
    sim.finish();
    assert_eq!((sim.core().founded(), sim.phone(BOB).calls().len()), (1, 1));
}

#[test]
fn a_late_copy_of_a_refused_invite_begins_nothing() {
    let mut sim = Sim::new(3);
    sim.expect(BOB, Script::new().reply(50, 486));
    sim.place(ALICE, "bob", Script::new());
    sim.run_until("the call is over", |sim| sim.phone(ALICE).is_idle());
    sim.run_for(ms(3000));
    let invite = sim.phone(ALICE).trace()[0].message.print();
    sim.send_raw(ALICE, invite);
    sim.finish();
    assert_eq!((sim.core().founded(), sim.phone(BOB).calls().len()), (1, 1));
}

#[test]
fn our_invite_is_sent_again_until_the_callee_speaks() {
    let mut sim = Sim::new(4);
    sim.expect(BOB, Script::answers(100).habits(|habits| habits.deaf = 2));
    sim.place(ALICE, "bob", Script::new().bye(500));
    sim.finish();
    assert_eq!(statuses(&sim, ALICE), [100, 180, 200]);
    assert_eq!(sim.call(ALICE).statuses.last().map(|(at, _)| at.as_millis() > 2500), Some(true), "after 0.5 and 1.5 s");
}

#[test]
fn a_request_that_was_not_heard_comes_again_after_later_ones() {
    let mut sim = Sim::new(12);
    sim.links(Link { delay: ms(50), ..Link::CLEAN });
    let refresh = Act::Update(Offer { late: true, ..Offer::default() });
    let info = Act::Request(Request { method: "INFO".into(), edits: vec![] });
    sim.expect(BOB, Script::new().reply(100, 200).step(When::Confirmed, 150, refresh).step(When::Confirmed, 170, info));
    // Not the 100, the 200 nor the UPDATE: she knows of no dialog when the INFO comes, and says so.
    sim.place(ALICE, "bob", Script::new().habits(|habits| habits.deaf = 3));
    sim.finish();
    let requests = sim.phone(ALICE).trace().iter().filter(|traced| !traced.sent && traced.message.is_request());
    let heard: Vec<&str> = requests.map(|traced| traced.message.header("CSeq").unwrap_or_default()).collect();
    assert_eq!(heard, ["2 INFO", "3 BYE", "1 UPDATE"]);
    let refused = sim.phone(ALICE).trace().iter().rfind(|traced| traced.sent).map(|traced| traced.message.label());
    assert_eq!(refused.as_deref(), Some("500 Server Internal Error (UPDATE)"), "RFC 3261 §12.2.2");
}

#[test]
fn everything_twice() {
    let mut sim = Sim::new(5);
    sim.expect(BOB, Script::answers(100).habits(|habits| habits.twice = true));
    sim.place(ALICE, "bob", Script::new().bye(500).habits(|habits| habits.twice = true));
    sim.links(Link { duplicates: 1000, ..Link::CLEAN });
    sim.finish();
    assert_eq!((sim.core().founded(), sim.phone(BOB).calls().len()), (1, 1));
    assert_eq!(sim.end_reason(), Some(EndReason::CallerHungUp));
}

#[test]
fn a_lossy_network() {
    for seed in 0..40 {
        let mut sim = Sim::new(seed);
        sim.links(Link { delay: ms(20), jitter: ms(30), loss: 150, duplicates: 50, ..Link::CLEAN });
        sim.expect(BOB, Script::answers(1000));
        sim.place(ALICE, "bob", Script::new().bye(1000));
        sim.finish();
    }
}

#[test]
fn a_200_that_overtakes_its_180() {
    let mut sim = Sim::new(6);
    sim.expect(BOB, Script::new().reply(100, 180).reply(101, 200));
    sim.place(ALICE, "bob", Script::new().bye(500));
    sim.run_until("bob rings", |sim| !sim.phone(BOB).calls().is_empty());
    sim.link(BOB, CORE, Link { delay: ms(50), ..Link::CLEAN });
    sim.run_until("bob said 180", |sim| !sim.call(BOB).statuses.is_empty());
    sim.link(BOB, CORE, Link::CLEAN);
    sim.finish();
    assert_eq!(statuses(&sim, ALICE), [100, 200], "a 180 after the 200 says nothing");
}

#[test]
fn a_retransmitted_200_gets_its_ack_again() {
    let mut sim = Sim::new(7);
    sim.expect(BOB, Script::answers(100));
    sim.place(ALICE, "bob", Script::new());
    sim.run_until_talking(ALICE, BOB);
    let ok =
        sim.phone(BOB).trace().iter().find(|traced| traced.sent && traced.message.status() == 200).map(|traced| traced.message.print());
    let before = sim.phone(BOB).heard("ACK").count();
    sim.send_raw(BOB, ok.unwrap_or_default());
    sim.run_for(ms(100));
    assert_eq!(sim.phone(BOB).heard("ACK").count(), before + 1);
    assert_eq!(statuses(&sim, ALICE).iter().filter(|status| **status == 200).count(), 1, "the caller hears nothing of it");
    sim.act(ALICE, Act::Bye);
    sim.finish();
}

#[test]
fn a_retransmitted_failure_gets_its_ack_again() {
    let mut sim = Sim::new(8);
    sim.expect(BOB, Script::new().reply(50, 486));
    sim.place(ALICE, "bob", Script::new());
    sim.run_until("bob refuses", |sim| sim.phone(BOB).calls().first().is_some_and(|call| call.has(When::Start) && call.outcome.is_some()));
    sim.link(CORE, BOB, Link::CUT);
    sim.run_for(ms(5000));
    sim.link(CORE, BOB, Link::CLEAN);
    sim.finish();
}

#[test]
fn a_lost_200_to_our_bye_is_asked_for_again() {
    let mut sim = Sim::new(9);
    sim.expect(BOB, Script::answers(100));
    sim.place(ALICE, "bob", Script::new());
    sim.run_until_talking(ALICE, BOB);
    sim.link(BOB, CORE, Link::CUT);
    sim.act(ALICE, Act::Bye);
    sim.run_for(ms(3000));
    sim.link(BOB, CORE, Link::CLEAN);
    sim.finish();
    assert!(sim.phone(BOB).heard("BYE").count() > 1);
}

#[test]
fn a_dead_callee_after_the_answer() {
    let mut sim = Sim::new(10);
    sim.expect(BOB, Script::answers(100));
    sim.place(ALICE, "bob", Script::new());
    sim.run_until_talking(ALICE, BOB);
    sim.link(CORE, BOB, Link::CUT);
    sim.act(ALICE, Act::Bye);
    sim.run_for(ms(40_000));
    assert_eq!(sim.core().calls(), 0);
    sim.link(CORE, BOB, Link::CLEAN);
    sim.act(BOB, Act::Bye);
    sim.finish();
}

#[test]
fn strays_and_noise_are_dropped() {
    let mut sim = Sim::new(11);
    sim.send_raw(ALICE, "\r\n\r\n");
    sim.send_raw(ALICE, vec![0u8; 64]);
    sim.send_raw(ALICE, "SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP 10.0.0.1:5060;branch=z9hG4bKforged\r\nFrom: <sip:a@b>;tag=1\r\nTo: <sip:b@c>;tag=2\r\nCall-ID: x\r\nCSeq: 1 INVITE\r\nContent-Length: 0\r\n\r\n");
    sim.send_raw(ALICE, "ACK sip:x@10.0.0.1 SIP/2.0\r\nVia: SIP/2.0/UDP 10.0.1.1;branch=z9hG4bKstray\r\nMax-Forwards: 70\r\nFrom: <sip:a@b>;tag=1\r\nTo: <sip:b@c>;tag=2\r\nCall-ID: x\r\nCSeq: 1 ACK\r\nContent-Length: 0\r\n\r\n");
    sim.finish();
    assert_eq!(sim.core().drops.values().sum::<usize>(), 4);
    assert_eq!(sim.phone(ALICE).trace().len(), 0);
}
