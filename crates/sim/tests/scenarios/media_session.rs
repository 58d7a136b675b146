//! What the call asks of its media session, and what it makes of its news.

use crate::talking_in;
use tandem_model::{EndReason, MediaEvent, SourceRule};
use tandem_phone::{Act, Offer, Outcome, Script, When, sdp::Direction};
use tandem_sim::{ALICE, BOB, CORE, Sim, ms};

fn talking(seed: u64) -> Sim {
    talking_in(Sim::new(seed), ms(300))
}

#[test]
fn both_legs_are_described_by_their_sdp() {
    let mut sim = talking(1);
    let hosts: Vec<_> =
        sim.core().shard.descriptions.iter().map(|(_, description)| (description.rtp, description.source, description.receives)).collect();
    for (address, ip) in [("10.0.1.1:4000", [10, 0, 1, 1]), ("10.0.2.1:4000", [10, 0, 2, 1])] {
        assert!(hosts.contains(&(address.parse().ok(), SourceRule::Described(ip.into()), true)), "{hosts:?}");
    }
    sim.act(ALICE, Act::Bye);
    sim.finish();
}

#[test]
fn a_held_leg_is_sent_nothing() {
    let mut sim = talking(2);
    sim.act(ALICE, Act::Reinvite(Offer::direction(Direction::Inactive)));
    sim.run_for(ms(300));
    let last: Vec<_> =
        sim.core().shard.descriptions.iter().rev().take(2).map(|(_, description)| (description.rtp.is_some(), description.held)).collect();
    assert_eq!(last, [(false, true), (false, true)]);
    sim.act(ALICE, Act::Bye);
    sim.finish();
}

#[test]
fn a_silent_leg_ends_the_call() {
    let mut sim = talking(3);
    let Some(call) = sim.core().shard.only_call() else { unreachable!("one call") };
    let Some(leg) = call.leg(0) else { unreachable!("a first leg") };
    sim.media_event(call, MediaEvent::Inactive { leg, held: false });
    sim.finish();
    assert_eq!(sim.end_reason(), Some(EndReason::Inactivity));
    assert_eq!((sim.call(ALICE).outcome, sim.call(BOB).outcome), (Some(Outcome::TheyHungUp), Some(Outcome::TheyHungUp)));
}

#[test]
fn a_media_session_that_opens_late() {
    let mut sim = Sim::new(4);
    sim.core_mut().shard.delay = ms(3000);
    sim.expect(BOB, Script::answers(100));
    sim.place(ALICE, "bob", Script::new().bye(500));
    sim.finish();
    assert_eq!(sim.end_reason(), Some(EndReason::CallerHungUp));
}

#[test]
fn a_media_session_that_never_says_that_it_closed() {
    let mut sim = talking(5);
    sim.core_mut().shard.delay = ms(60_000);
    sim.act(ALICE, Act::Bye);
    sim.run_for(ms(20_000));
    assert_eq!(sim.core().calls(), 0, "the record does not wait for ever");
    assert_eq!(sim.end_reason(), Some(EndReason::CallerHungUp));
    sim.finish();
}

#[test]
fn a_peer_behind_nat_is_spoken_to_where_it_is() {
    let mut sim = Sim::new(6);
    // What the network sees, and what the phone believes.
    let (seen, written) = (std::net::SocketAddr::from(([10, 0, 8, 1], 5060)), std::net::SocketAddr::from(([192, 168, 1, 2], 5060)));
    let mut setup = tandem_phone::Setup::new("natted", written, CORE, 77);
    setup.sticky = true;
    sim.add_phone(seen, setup);
    sim.expect(BOB, Script::answers(100).step(When::Confirmed, 500, Act::Bye));
    sim.place(seen, "bob", Script::new());
    sim.finish();
    assert_eq!(sim.call(seen).outcome, Some(Outcome::TheyHungUp));
    let host = sim.core().shard.descriptions.iter().any(|(_, description)| description.source == SourceRule::Host(seen.ip()));
    assert!(host, "its packets are taken from where it is");
}

#[test]
fn a_callee_behind_nat() {
    let mut sim = Sim::new(7);
    let (seen, written) = (std::net::SocketAddr::from(([10, 0, 8, 1], 5060)), std::net::SocketAddr::from(([192, 168, 1, 2], 5060)));
    let mut setup = tandem_phone::Setup::new("natted", written, CORE, 77);
    setup.sticky = true;
    sim.add_phone(seen, setup);
    sim.expect(seen, Script::answers(100));
    sim.place(ALICE, "natted", Script::new().bye(500));
    sim.finish();
    assert_eq!(sim.call(seen).outcome, Some(Outcome::TheyHungUp));
}
