//! `nat`: a peer whose messages say one address and come from another.

use std::net::SocketAddr;
use tandem_phone::{Act, Offer, Outcome, Script, Setup, sdp::Direction};
use tandem_sim::{ALICE, BOB, CORE, Sim, ms};

/// Where the network sees the phone. Its own messages say 192.168.1.2:5060.
const SEEN: ([u8; 4], u16) = ([10, 0, 8, 1], 34_567);

/// A phone that the trunk `natted` is for. Asking for responses to where it sends from is a phone's choice.
fn house(rport: bool) -> (Sim, SocketAddr) {
    let text = tandem_sim::STANDARD.replace("sip:10.0.8.1", "sip:10.0.8.1:34567");
    let mut sim = Sim::with_config(1, &text);
    let mut setup = Setup::new("natted", ([192, 168, 1, 2], 5060).into(), CORE, 77);
    setup.sticky = true;
    setup.rport = rport;
    let seen = SocketAddr::from(SEEN);
    sim.add_phone(seen, setup);
    (sim, seen)
}

/// Everything that was said to the phone came to where the network sees it.
#[track_caller]
fn assert_all_at(sim: &Sim, seen: SocketAddr) {
    let heard: Vec<_> = sim.phone(seen).trace().iter().filter(|traced| !traced.sent).collect();
    assert!(heard.len() > 3);
    for traced in heard {
        assert_eq!(traced.local, seen, "{}", traced.message.label());
    }
}

#[test]
fn requests_inside_the_dialog_go_where_it_is() {
    let (mut sim, seen) = house(true);
    sim.expect(BOB, Script::answers(100));
    sim.place(seen, "bob", Script::new());
    sim.run_until_talking(seen, BOB);
    for direction in [Direction::SendOnly, Direction::SendRecv] {
        sim.act(BOB, Act::Reinvite(Offer::direction(direction)));
        sim.run_for(ms(300));
    }
    sim.act(BOB, Act::Bye);
    sim.finish();
    assert_eq!(sim.call(seen).outcome, Some(Outcome::TheyHungUp));
    assert_all_at(&sim, seen);
}

#[test]
fn so_do_all_requests_to_a_callee() {
    let (mut sim, seen) = house(true);
    sim.expect(seen, Script::answers(100));
    sim.place(ALICE, "natted", Script::new());
    sim.run_until_talking(ALICE, seen);
    sim.act(ALICE, Act::Reinvite(Offer::direction(Direction::SendOnly)));
    sim.run_for(ms(300));
    sim.act(seen, Act::Reinvite(Offer::direction(Direction::SendRecv)));
    sim.run_for(ms(300));
    sim.act(ALICE, Act::Bye);
    sim.finish();
    assert_eq!(sim.call(seen).outcome, Some(Outcome::TheyHungUp));
    assert_all_at(&sim, seen);
}

#[test]
fn responses_go_there_too_whether_it_asks_or_not() {
    for rport in [true, false] {
        let (mut sim, seen) = house(rport);
        sim.expect(BOB, Script::answers(100));
        sim.place(seen, "bob", Script::new().habits(|habits| habits.twice = true));
        sim.run_until_talking(seen, BOB);
        sim.act(seen, Act::Reinvite(Offer::direction(Direction::SendOnly)));
        sim.run_for(ms(300));
        sim.act(seen, Act::Bye);
        sim.finish();
        assert_eq!(sim.call(seen).outcome, Some(Outcome::WeHungUp));
        assert_all_at(&sim, seen);
    }
}
