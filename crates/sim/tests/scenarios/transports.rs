//! Where responses go: rport or the port of the Via, over IPv4 and IPv6.

use crate::statuses;
use tandem_phone::{Message, Outcome, Script, Setup, Via};
use tandem_sim::{ALICE, BOB, CAROL, CORE, CORE_V6, DORA, Link, Sim, ms, secs};

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

/// A MESSAGE from alice to bob whose Via has that sent-by, which DNS says is carol.
fn says(sim: &mut Sim, transport: &str, sent_by: &str) {
    sim.core_mut().zone.add_address("phone.example", CAROL.ip());
    sim.core_mut().zone.set_srv(&format!("_sip._{}.phone.example", transport.to_lowercase()), &[(1, 1, 5060, "phone.example")]);
    let text = format!(
        "MESSAGE sip:bob@10.0.0.1 SIP/2.0\r\nVia: SIP/2.0/{transport} {sent_by};branch=z9hG4bKname\r\nFrom: <sip:alice@phone.example>;tag=f\r\n\
         To: <sip:bob@10.0.0.1>\r\nCall-ID: named\r\nCSeq: 7 MESSAGE\r\nMax-Forwards: 70\r\nContent-Type: text/plain\r\nContent-Length: 5\r\n\r\nhello"
    );
    sim.send_raw(ALICE, text);
}

/// The `received` of each response that alice heard, and that it was good.
fn received(sim: &Sim) -> Vec<(u16, Option<String>)> {
    let answers = sim.phone(ALICE).heard("MESSAGE").filter(|message| !message.is_request());
    let via = |answer: &Message| Via::parse(answer.header("Via")?)?.param("received").map(str::to_owned);
    answers.map(|answer| (answer.status(), via(answer))).collect()
}

#[test]
fn a_name_as_sent_by_is_where_the_request_came_from() {
    for sent_by in ["phone.example", "phone.example:5060"] {
        let mut sim = Sim::new(7);
        says(&mut sim, "UDP", sent_by);
        sim.run_for(ms(300));
        assert_eq!(received(&sim), [(200, Some("10.0.1.1".into()))]);
        assert_eq!(sim.core().asked(), [], "RFC 3261 §18.2.2: the name is for nobody to look up");
        sim.finish();
    }
}

#[test]
fn where_its_connection_is_gone_the_answer_goes_to_the_same_address_and_the_port_of_sent_by() {
    for (sent_by, is_there) in [("phone.example", true), ("phone.example:5060", true), ("phone.example", false)] {
        let mut sim = Sim::over_tcp(8, &[ALICE, BOB]);
        sim.link(BOB, CORE, Link { delay: ms(500), ..Link::CLEAN });
        says(&mut sim, "TCP", sent_by);
        sim.run_for(ms(300));
        sim.break_connections(ALICE);
        sim.refuse_connections(ALICE, !is_there);
        sim.run_for(secs(1));
        let expected = if is_there { vec![(200, Some("10.0.1.1".to_owned()))] } else { vec![] };
        assert_eq!(received(&sim), expected, "{sent_by}");
        // RFC 3263 §5 would look the name up now. Whoever writes a Via would choose where our answers go, and what is asked of DNS.
        assert_eq!((sim.core().asked(), sim.phone(CAROL).trace().len()), (&[][..], 0));
        sim.refuse_connections(ALICE, false);
        sim.finish();
    }
}
