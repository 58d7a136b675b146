//! Proxies before a phone: loose and strict route sets, on either leg.

use tandem_phone::{Act, Offer, Script, When, sdp::Direction};
use tandem_sim::{ALICE, BOB, Sim, ms};

/// A call in which everything happens, with proxies before one phone. The phone checks each request's target and route.
fn through(phone: std::net::SocketAddr, routes: &[&str]) -> Sim {
    let mut sim = Sim::new(1);
    for route in routes {
        let address = tandem_phone::socket_of(route.trim_matches(['<', '>'])).unwrap_or(phone);
        sim.alias(address.ip(), phone);
    }
    sim.phone_mut(phone).setup_mut().record_route = routes.iter().map(|route| (*route).to_owned()).collect();
    sim.phone_mut(phone).setup_mut().sticky = true;
    sim.expect(BOB, Script::answers(100));
    sim.place(ALICE, "bob", Script::new());
    sim.run_until_talking(ALICE, BOB);
    for holder in [ALICE, BOB] {
        sim.act(holder, Act::Reinvite(Offer::direction(Direction::SendOnly)));
        sim.run_for(ms(300));
    }
    sim
}

#[test]
fn loose_routes_before_the_caller() {
    let mut sim = through(ALICE, &["<sip:10.7.0.1;lr>", "<sip:10.7.0.2:5070;lr>"]);
    let heard = sim.phone(ALICE).trace().iter().find(|traced| !traced.sent && traced.message.is_request());
    assert_eq!(heard.map(|traced| traced.local.to_string()), Some("10.7.0.1:5060".into()));
    sim.act(BOB, Act::Bye);
    sim.finish();
    assert_eq!(sim.call(ALICE).outcome, Some(tandem_phone::Outcome::TheyHungUp));
}

#[test]
fn loose_routes_before_the_callee() {
    let mut sim = through(BOB, &["<sip:10.7.0.1;lr>", "<sip:10.7.0.2:5070;lr>"]);
    let heard = sim.phone(BOB).trace().iter().find(|traced| !traced.sent && traced.message.method() == "ACK");
    // Record-Route of a response is read from the bottom up (RFC 3261 §12.1.2).
    assert_eq!(heard.map(|traced| traced.local.to_string()), Some("10.7.0.2:5070".into()));
    sim.act(ALICE, Act::Bye);
    sim.finish();
}

#[test]
fn a_strict_router_before_the_caller() {
    let mut sim = through(ALICE, &["<sip:10.7.0.1>", "<sip:10.7.0.2;lr>"]);
    sim.act(BOB, Act::Bye);
    sim.finish();
}

#[test]
fn a_strict_router_before_the_callee() {
    let mut sim = through(BOB, &["<sip:10.7.0.1;lr>", "<sip:10.7.0.2>"]);
    sim.act(ALICE, Act::Bye);
    sim.finish();
}

#[test]
fn one_header_with_several_routes() {
    let mut sim = through(ALICE, &["<sip:10.7.0.1;lr>, \"Edge, west\" <sip:10.7.0.2;lr>"]);
    sim.phone_mut(ALICE).forgive("route");
    sim.act(BOB, Act::Bye);
    sim.settle();
    let bye = sim.phone(ALICE).heard("BYE").find(|bye| bye.is_request()).map(|bye| bye.list("Route").len());
    assert_eq!(bye, Some(2));
    // The phone took the line for one route; what it saw is asserted above.
    sim.phone_mut(ALICE).forgive("route");
    sim.finish();
}

#[test]
fn a_cancel_goes_the_way_of_its_invite() {
    let mut sim = Sim::new(2);
    sim.phone_mut(BOB).setup_mut().record_route = vec!["<sip:10.7.0.1;lr>".into()];
    sim.alias(std::net::IpAddr::from([10, 7, 0, 1]), BOB);
    sim.expect(BOB, Script::answers(20_000));
    sim.place(ALICE, "bob", Script::new().cancel(When::Status(180), 500));
    sim.finish();
    let cancel = sim.phone(BOB).trace().iter().find(|traced| !traced.sent && traced.message.method() == "CANCEL");
    assert_eq!(cancel.map(|traced| traced.local), Some(BOB));
}
