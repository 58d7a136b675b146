//! Where responses go: rport or the port of the Via, over IPv4 and IPv6.

use crate::statuses;
use tandem_phone::{Outcome, Script, Setup, Via};
use tandem_sim::{ALICE, BOB, CORE, CORE_V6, DORA, Sim};

/// A phone that sends from another port than its Via says.
fn odd_port(sim: &mut Sim, rport: bool) -> std::net::SocketAddr {
    let (seen, written) = (std::net::SocketAddr::from(([10, 0, 1, 9], 40_000)), std::net::SocketAddr::from(([10, 0, 1, 9], 5082)));
    let mut setup = Setup::new("odd", written, CORE, 5);
    setup.rport = rport;
    sim.add_phone(seen, setup);
    seen
}

/// The ports at which the phone heard responses to its INVITE.
fn heard_at(sim: &Sim, phone: std::net::SocketAddr) -> Vec<u16> {
    let responses = sim.phone(phone).trace().iter().filter(|traced| !traced.sent && !traced.message.is_request());
    let mut ports: Vec<u16> = responses.map(|traced| traced.local.port()).collect();
    ports.dedup();
    ports
}

#[test]
fn responses_go_back_to_the_port_that_asked_with_rport() {
    let mut sim = Sim::new(1);
    let odd = odd_port(&mut sim, true);
    sim.expect(BOB, Script::answers(100));
    sim.place(odd, "bob", Script::new().bye(500));
    sim.finish();
    assert_eq!(heard_at(&sim, odd), [40_000]);
    let via = sim.phone(odd).heard("INVITE").next().and_then(|answer| answer.header("Via").map(str::to_owned)).unwrap_or_default();
    let via = Via::parse(&via).map(|via| (via.param("rport").map(str::to_owned), via.param("received").map(str::to_owned)));
    assert_eq!(via, Some((Some("40000".into()), Some("10.0.1.9".into()))));
}

#[test]
fn responses_go_to_the_port_of_the_via_without_rport() {
    let mut sim = Sim::new(2);
    let odd = odd_port(&mut sim, false);
    sim.expect(BOB, Script::answers(100));
    sim.place(odd, "bob", Script::new().bye(500));
    sim.finish();
    assert_eq!(heard_at(&sim, odd), [5082]);
}

#[test]
fn refusals_follow_the_same_rule() {
    for rport in [false, true] {
        let mut sim = Sim::new(3);
        let odd = odd_port(&mut sim, rport);
        sim.place(odd, "barred", Script::new());
        sim.finish();
        assert_eq!(heard_at(&sim, odd), [if rport { 40_000 } else { 5082 }]);
    }
}

#[test]
fn our_own_requests_ask_for_rport() {
    let mut sim = Sim::new(4);
    sim.expect(BOB, Script::answers(100));
    sim.place(ALICE, "bob", Script::new().bye(500));
    sim.finish();
    for request in sim.phone(BOB).trace().iter().filter(|traced| !traced.sent && traced.message.is_request()) {
        let via = request.message.header("Via").and_then(Via::parse);
        assert_eq!(via.and_then(|via| via.param("rport")), Some(""), "{}", request.message.label());
    }
}

#[test]
fn rport_over_ipv6() {
    let mut sim = Sim::new(5);
    let seen: std::net::SocketAddr = std::net::SocketAddr::new(DORA.ip(), 40_001);
    sim.add_phone(seen, Setup::new("dora2", DORA, CORE_V6, 9));
    sim.expect(BOB, Script::answers(100));
    sim.place(seen, "bob", Script::new().bye(500));
    sim.finish();
    assert_eq!(statuses(&sim, seen), [100, 180, 200]);
    assert_eq!(heard_at(&sim, seen), [40_001]);
    assert_eq!(sim.call(seen).outcome, Some(Outcome::WeHungUp));
}

#[test]
fn a_host_name_as_contact() {
    let mut sim = Sim::new(6);
    sim.core_mut().name("desk.example", ALICE);
    sim.expect(BOB, Script::answers(100).bye(500));
    let place = tandem_phone::Place::new(&sim.uri(ALICE, "bob")).edit(tandem_phone::Edit::set("Contact", "<sip:alice@desk.example>"));
    sim.place_with(ALICE, place);
    sim.settle();
    // The phone did not know that its Contact was changed on the way.
    assert!(sim.phone_mut(ALICE).forgive("target") > 0);
    sim.finish();
    assert_eq!(sim.call(ALICE).outcome, Some(Outcome::TheyHungUp));
}
