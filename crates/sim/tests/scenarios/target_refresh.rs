//! A peer that moves: its new Contact is where later requests go (RFC 3261 §12.2).

use tandem_phone::{Act, Offer, Outcome, Reply, Script};
use tandem_sim::{ALICE, BOB, Sim, ms};

fn talking(bob: Script) -> Sim {
    let mut sim = Sim::new(1);
    sim.expect(BOB, bob);
    sim.place(ALICE, "bob", Script::new());
    sim.run_until_talking(ALICE, BOB);
    sim.run_for(ms(300));
    sim
}

fn last_heard_at(sim: &Sim, phone: std::net::SocketAddr, method: &str) -> Option<String> {
    let heard = sim
        .phone(phone)
        .trace()
        .iter()
        .rev()
        .find(|traced| !traced.sent && traced.message.is_request() && traced.message.method() == method);
    heard.map(|traced| traced.local.to_string())
}

#[test]
fn the_caller_moves() {
    let mut sim = talking(Script::answers(100));
    sim.act(ALICE, Act::Reinvite(Offer { contact: Some("sip:alice@10.0.1.1:5099".into()), ..Offer::default() }));
    sim.run_for(ms(300));
    sim.act(BOB, Act::Bye);
    sim.finish();
    assert_eq!(last_heard_at(&sim, ALICE, "BYE"), Some("10.0.1.1:5099".into()));
}

#[test]
fn the_callee_moves() {
    let mut sim = talking(Script::answers(100));
    sim.act(BOB, Act::Reinvite(Offer { contact: Some("sip:bob@10.0.2.1:5099".into()), ..Offer::default() }));
    sim.run_for(ms(300));
    sim.act(ALICE, Act::Bye);
    sim.finish();
    assert_eq!(last_heard_at(&sim, BOB, "BYE"), Some("10.0.2.1:5099".into()));
}

#[test]
fn the_callee_moves_in_its_answer_to_a_reinvite() {
    let reply = Reply { contact: Some("sip:bob@10.0.2.1:5098".into()), ..Reply::new(200) };
    let mut sim = talking(Script::answers(100).habits(|habits| habits.reoffers = vec![(ms(10), reply)]));
    sim.act(ALICE, Act::Reinvite(Offer::default()));
    sim.run_for(ms(300));
    sim.act(ALICE, Act::Bye);
    sim.finish();
    assert_eq!(last_heard_at(&sim, BOB, "BYE"), Some("10.0.2.1:5098".into()));
}

#[test]
fn a_refused_reinvite_moves_nobody_on_the_other_leg() {
    let mut sim = talking(Script::answers(100).habits(|habits| habits.reoffers = vec![(ms(10), Reply::new(488))]));
    sim.act(ALICE, Act::Reinvite(Offer::default()));
    sim.run_for(ms(300));
    sim.act(ALICE, Act::Bye);
    sim.finish();
    assert_eq!(last_heard_at(&sim, BOB, "BYE"), Some("10.0.2.1:5060".into()));
    assert_eq!(sim.call(BOB).outcome, Some(Outcome::TheyHungUp));
}

#[test]
fn a_contact_that_only_the_answer_tells() {
    let reply = Reply { contact: Some("sip:desk@10.0.2.1:5077".into()), ..Reply::new(200) };
    let mut sim = Sim::new(2);
    sim.expect(BOB, Script::new().reply(50, 180).reply_with(100, reply));
    sim.place(ALICE, "bob", Script::new().bye(500));
    sim.finish();
    assert_eq!(last_heard_at(&sim, BOB, "ACK"), Some("10.0.2.1:5077".into()));
    assert_eq!(last_heard_at(&sim, BOB, "BYE"), Some("10.0.2.1:5077".into()));
}
