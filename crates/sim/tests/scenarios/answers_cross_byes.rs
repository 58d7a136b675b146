//! Whoever hangs up before the answer to its offer is there hears that answer, and what followed it, after its BYE; and whoever is hung up
//! before its offer is there hears an answer in the session that was.

use std::time::Duration;
use tandem_model::EndReason;
use tandem_phone::{
    Act, Message, Offer, Script,
    sdp::{Direction, Sdp},
};
use tandem_sim::{ALICE, BOB, Link, Sim, ms};

/// How long a message takes.
const WAY: Duration = ms(50);

fn talking(seed: u64) -> Sim {
    let mut sim = Sim::new(seed);
    sim.links(Link { delay: WAY, ..Link::CLEAN });
    sim.expect(BOB, Script::answers(100));
    sim.place(ALICE, "bob", Script::new());
    sim.run_until_talking(ALICE, BOB);
    sim.run_for(ms(500));
    sim
}

fn version(message: &Message) -> u64 {
    Sdp::parse(&message.body).expect("a description").origin.version
}

/// The version of each description that came after the BYE was sent.
fn heard_after_bye(sim: &Sim, phone: std::net::SocketAddr) -> Vec<(String, u64)> {
    let trace = sim.phone(phone).trace();
    let bye = trace.iter().position(|traced| traced.sent && traced.message.method() == "BYE").expect("a BYE");
    let heard = trace[bye..].iter().filter(|traced| !traced.sent && traced.message.has_sdp());
    heard.map(|traced| (traced.message.label(), version(&traced.message))).collect()
}

#[test]
fn in_the_2xx_of_an_update() {
    let mut sim = talking(1);
    sim.act(BOB, Act::Update(Offer::direction(Direction::RecvOnly)));
    // Alice has said her answer, and makes an offer of her own.
    sim.run_for(ms(140));
    sim.act(ALICE, Act::Update(Offer::direction(Direction::Inactive)));
    sim.run_for(ms(50));
    sim.act(BOB, Act::Bye);
    sim.finish();
    assert_eq!(heard_after_bye(&sim, BOB), [("200 OK (UPDATE, SDP)".to_owned(), 2), ("UPDATE (SDP)".into(), 3)]);
    assert_eq!(sim.end_reason(), Some(EndReason::CalleeHungUp));
}

#[test]
fn in_an_ack() {
    let mut sim = talking(2);
    sim.act(BOB, Act::Reinvite(Offer { late: true, ..Offer::direction(Direction::SendOnly) }));
    // Bob has said his answer in the ACK, and makes an offer of his own.
    sim.run_for(ms(220));
    sim.act(BOB, Act::Update(Offer::direction(Direction::SendRecv)));
    sim.run_for(ms(70));
    sim.act(ALICE, Act::Bye);
    sim.finish();
    assert_eq!(heard_after_bye(&sim, ALICE), [("ACK (SDP)".to_owned(), 2), ("UPDATE (SDP)".into(), 3)]);
    assert_eq!(sim.end_reason(), Some(EndReason::CallerHungUp));
}

#[test]
fn an_offer_that_crosses_our_bye_is_declined_in_its_session() {
    for (asker, asked) in [(ALICE, BOB), (BOB, ALICE)] {
        let mut sim = talking(3);
        let before = sim.call(asked).remote_sdp().expect("what we said").origin.clone();
        sim.act(asker, Act::Reinvite(Offer { late: true, ..Offer::default() }));
        sim.run_for(ms(20));
        sim.act(asker, Act::Bye);
        sim.finish();
        let trace = sim.phone(asked).trace();
        let heard: Vec<String> = trace.iter().filter(|traced| !traced.sent).map(|traced| traced.message.label()).collect();
        assert_eq!(heard[heard.len() - 3..], ["INVITE", "BYE", "ACK (SDP)"]);
        let said = sim.phone(asked).heard("ACK").last().and_then(|ack| Sdp::parse(&ack.body).ok()).expect("an answer");
        assert_eq!((said.origin.session, said.origin.version), (before.session, before.version + 1));
        assert_eq!(said.media.iter().map(|line| line.port).collect::<Vec<_>>(), [0], "nothing of it is taken (RFC 3261 §13.2.2.4)");
    }
}
