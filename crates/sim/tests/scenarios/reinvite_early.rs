//! Re-INVITEs that come too early: before the answer, before its ACK, and while our own final answer is pending (RFC 3261 §14.1, §14.2).

use std::net::SocketAddr;
use tandem_phone::{Act, Message, Offer, Reply, Script, sdp::Direction};
use tandem_sim::{ALICE, BOB, CORE, Link, Sim, ms, secs};

/// The phone sends its last INVITE, or the last it heard answered, once more as a new one: no phone would do that by itself.
fn by_hand(sim: &mut Sim, phone: SocketAddr, invite: &Message, add: u32) {
    let text = String::from_utf8(invite.print()).expect("text");
    let line = text.lines().find(|line| line.starts_with("CSeq")).expect("a CSeq").to_owned();
    let number: u32 = line.split([' ', ':']).find_map(|word| word.parse().ok()).expect("a number");
    let text = text.replace(&line, &format!("CSeq: {} INVITE", number + add)).replace("branch=z9hG4bK", "branch=z9hG4bKearly");
    sim.send_raw(phone, text);
}

/// A request in the dialog of a phone that was sent last.
fn sent(sim: &Sim, phone: SocketAddr, method: &str) -> Message {
    let traced = sim.phone(phone).trace().iter().rev().find(|traced| traced.sent && traced.message.method() == method);
    traced.expect("such a request").message.clone()
}

fn last_status(sim: &Sim, phone: SocketAddr) -> (u16, bool) {
    let answer = sim.phone(phone).heard("INVITE").filter(|message| !message.is_request()).last().expect("an answer");
    (answer.status(), answer.header("Retry-After").is_some())
}

fn direction(sim: &Sim, phone: SocketAddr) -> Option<Direction> {
    sim.call(phone).remote_sdp().and_then(|sdp| sdp.audio_line()).map(|line| line.direction)
}

#[test]
fn the_callers_before_the_answer() {
    let mut sim = Sim::new(1);
    sim.expect(BOB, Script::new().reply(50, 180).reply(2000, 200));
    sim.place(ALICE, "bob", Script::new());
    sim.run_until_status(ALICE, 180);
    let tag = sim.phone(ALICE).heard("INVITE").last().and_then(|ringing| ringing.header("To")).expect("a To").to_owned();
    let mut invite = sent(&sim, ALICE, "INVITE");
    invite.set("To", tag.as_str());
    by_hand(&mut sim, ALICE, &invite, 1);
    sim.run_for(ms(300));
    assert_eq!(last_status(&sim, ALICE), (500, true), "§14.2");
    sim.run_until_talking(ALICE, BOB);
    sim.act(BOB, Act::Bye);
    sim.finish();
}

#[test]
fn the_callees_before_its_answer() {
    let mut sim = Sim::new(2);
    sim.expect(BOB, Script::new().reply(50, 180).reply(2000, 200));
    sim.place(ALICE, "bob", Script::new());
    sim.run_until_status(ALICE, 180);
    // An UPDATE without an offer shows how its requests look.
    sim.act(BOB, Act::Update(Offer { late: true, ..Offer::default() }));
    sim.run_for(ms(200));
    let update = String::from_utf8(sent(&sim, BOB, "UPDATE").print()).expect("text").replace("UPDATE", "INVITE");
    let invite = Message::parse(update.as_bytes()).expect("an INVITE");
    by_hand(&mut sim, BOB, &invite, 1);
    sim.run_for(ms(300));
    assert_eq!(last_status(&sim, BOB), (491, false), "§14.2: ours is open");
    sim.run_until_talking(ALICE, BOB);
    sim.act(ALICE, Act::Bye);
    sim.finish();
}

#[test]
fn before_the_ack_of_the_answer() {
    let mut sim = Sim::new(3);
    sim.expect(BOB, Script::answers(100));
    sim.place(ALICE, "bob", Script::new().habits(|habits| habits.ack_delay = secs(3)));
    sim.run_until_status(ALICE, 200);
    sim.act(ALICE, Act::Reinvite(Offer::direction(Direction::SendOnly)));
    sim.run_for(secs(1));
    assert_eq!((direction(&sim, BOB), direction(&sim, ALICE)), (Some(Direction::SendOnly), Some(Direction::RecvOnly)));
    sim.run_for(secs(5));
    sim.act(BOB, Act::Bye);
    sim.finish();
}

#[test]
fn before_the_ack_that_is_to_bring_the_answer() {
    let mut sim = Sim::new(4);
    sim.expect(BOB, Script::answers(100));
    let place = tandem_phone::Place::new(&sim.uri(ALICE, "bob")).late();
    sim.place_with(ALICE, place.script(Script::new().habits(|habits| habits.ack_delay = secs(3))));
    sim.run_until_status(ALICE, 200);
    let ack_to_come = sent(&sim, ALICE, "INVITE");
    let answer = sim.phone(ALICE).heard("INVITE").last().cloned().expect("the 2xx");
    let mut invite = ack_to_come;
    invite.set("To", answer.header("To").unwrap_or_default());
    by_hand(&mut sim, ALICE, &invite, 1);
    sim.run_for(ms(300));
    assert_eq!(sim.phone(ALICE).heard("INVITE").filter(|message| message.status() == 500).count(), 1, "our offer has no answer yet");
    sim.run_for(secs(5));
    sim.act(BOB, Act::Bye);
    sim.finish();
}

#[test]
fn the_callees_before_the_callers_ack() {
    let mut sim = Sim::new(5);
    sim.expect(BOB, Script::answers(100));
    sim.place(ALICE, "bob", Script::new().habits(|habits| habits.ack_delay = secs(1)));
    sim.run_until_status(ALICE, 200);
    sim.act(BOB, Act::Reinvite(Offer::direction(Direction::SendOnly)));
    sim.run_for(ms(300));
    assert_eq!(last_status(&sim, BOB), (491, false));
    // The phone tries again when the pause of §14.1 is over.
    sim.run_for(secs(6));
    assert_eq!(direction(&sim, ALICE), Some(Direction::SendOnly));
    sim.act(ALICE, Act::Bye);
    sim.finish();
}

#[test]
fn while_our_final_answer_is_pending() {
    for (first, other) in [(ALICE, BOB), (BOB, ALICE)] {
        let slow = |script: Script| script.habits(|habits| habits.reoffers = vec![(secs(2), Reply::new(200))]);
        let mut sim = Sim::new(6);
        sim.expect(BOB, slow(Script::answers(100)));
        sim.place(ALICE, "bob", slow(Script::new()));
        sim.run_until_talking(ALICE, BOB);
        sim.run_for(ms(300));
        sim.act(first, Act::Reinvite(Offer::direction(Direction::SendOnly)));
        sim.run_for(ms(300));
        let invite = sent(&sim, first, "INVITE");
        by_hand(&mut sim, first, &invite, 1);
        sim.run_for(ms(300));
        assert_eq!(last_status(&sim, first), (500, true));
        sim.run_for(secs(3));
        assert_eq!(direction(&sim, other), Some(Direction::SendOnly));
        sim.act(other, Act::Bye);
        sim.finish();
    }
}

/// RFC 3261 §14.1: nothing but the ACK is late; the network keeps it back, and the re-INVITE comes first.
#[test]
fn an_ack_that_is_lost_and_a_reinvite() {
    let mut sim = Sim::new(7);
    sim.expect(BOB, Script::answers(100));
    sim.place(ALICE, "bob", Script::new());
    sim.run_until_status(ALICE, 180);
    sim.link(ALICE, CORE, Link::CUT);
    sim.run_until_status(ALICE, 200);
    sim.run_for(ms(10));
    sim.link(ALICE, CORE, Link::CLEAN);
    sim.act(ALICE, Act::Reinvite(Offer::direction(Direction::SendOnly)));
    sim.run_for(ms(300));
    assert_eq!(direction(&sim, BOB), Some(Direction::SendOnly));
    let repeated = sim.phone(ALICE).heard("INVITE").filter(|message| message.status() == 200).count();
    assert_eq!(repeated, 2, "the first 2xx is not sent again");
    sim.act(ALICE, Act::Bye);
    sim.finish();
}
