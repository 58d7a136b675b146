//! A question that is open when its asker, or whom it was asked of, leaves the conversation.

use crate::transfer_blind::house;
use std::net::SocketAddr;
use std::time::Duration;
use tandem_phone::{Act, Edit, Refer, Reply, Request, Script, When};
use tandem_sim::{ALICE, BOB, CAROL, STANDARD, Sim, ms, secs};

fn body(text: &str) -> Edit {
    Edit::Body("text/plain".into(), text.as_bytes().to_vec())
}

fn info(sim: &mut Sim, phone: SocketAddr) {
    sim.act(phone, Act::Request(Request { method: "INFO".into(), edits: vec![body("question")] }));
}

/// The answers to INFOs of a phone: status and body.
fn answers(sim: &Sim, phone: SocketAddr) -> Vec<(u16, String)> {
    let said = sim.phone(phone).heard("INFO").filter(|message| !message.is_request());
    said.map(|answer| (answer.status(), String::from_utf8_lossy(&answer.body).into_owned())).collect()
}

/// Bob has alice transferred to carol. He may have asked something before.
fn talking(alice: Script, bob: Script, asks: bool) -> Sim {
    let mut sim = Sim::with_config(1, &house());
    sim.expect(BOB, bob.reply(20, 180).reply(100, 200));
    sim.expect(CAROL, Script::answers(300));
    sim.place(ALICE, "bob", alice);
    sim.run_until_talking(ALICE, BOB);
    sim.run_for(ms(200));
    if asks {
        info(&mut sim, BOB);
    }
    let to = sim.uri(BOB, "carol");
    sim.act(BOB, Act::Refer(Refer::to(&to)));
    sim
}

fn until_carol_talks(sim: &mut Sim) {
    sim.run_until("carol talks", |sim| sim.phone(CAROL).calls().first().is_some_and(|call| call.has(When::Confirmed)));
    sim.run_for(ms(100));
}

#[test]
fn whoever_asked_the_transferor_is_answered_when_that_is_replaced() {
    let late = vec![(secs(5), Reply::new(200).edit(body("late")))];
    let mut sim = talking(Script::new(), Script::new().habits(|habits| habits.others.clone_from(&late)), false);
    sim.run_for(ms(100));
    info(&mut sim, ALICE);
    until_carol_talks(&mut sim);
    assert_eq!(answers(&sim, ALICE), [(500, String::new())]);
    sim.run_for(secs(10));
    assert_eq!(answers(&sim, ALICE).len(), 1);
    sim.act(ALICE, Act::Bye);
    sim.finish();
}

#[test]
fn the_target_does_not_get_the_answer_to_a_question_of_the_transferor() {
    let said = |after: Duration, text: &str| (after, Reply::new(200).edit(body(text)));
    let others = vec![said(secs(2), "for bob"), said(ms(2500), "for carol")];
    let mut sim = talking(Script::new().habits(|habits| habits.others.clone_from(&others)), Script::new(), true);
    until_carol_talks(&mut sim);
    info(&mut sim, CAROL);
    sim.run_for(secs(6));
    assert_eq!(answers(&sim, CAROL), [(200, "for carol".to_owned())]);
    assert!(answers(&sim, BOB).iter().all(|(status, _)| *status == 487), "{:?}", answers(&sim, BOB));
    sim.act(ALICE, Act::Bye);
    sim.finish();
}

#[test]
fn whoever_asked_a_member_of_a_group_is_answered_when_that_is_out() {
    let mut sim = Sim::with_config(1, STANDARD);
    let never = vec![(secs(3600), Reply::new(200))];
    let habits = |habits: &mut tandem_phone::Habits| habits.others.clone_from(&never);
    let early = Reply::new(183).with_sdp();
    sim.expect(BOB, Script::new().habits(habits).reply_with(50, early.clone()).reply(2000, 486));
    sim.expect(CAROL, Script::new().reply(60, 180).reply(4000, 200));
    sim.place(ALICE, "all", Script::new());
    sim.run_for(secs(1));
    info(&mut sim, ALICE);
    sim.run_for(secs(2));
    assert_eq!(answers(&sim, ALICE).len(), 1, "bob is out");
    sim.run_for(secs(4));
    sim.act(ALICE, Act::Bye);
    sim.finish();
}
