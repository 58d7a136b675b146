//! Calls over a registration: those that come where we registered, and those that go by the registrar's Service-Route (RFC 3608).

use crate::registration::{REGISTER, house, registers, registrar};
use crate::registration_failures::over_tcp;
use crate::statuses;
use tandem_model::Transport;
use tandem_phone::{Demand, Edit, Message, Place, Registrar, Script, Setup};
use tandem_sim::{ALICE, BOB, CAROL, CORE, STANDARD, Sim, secs};

/// A server of the carrier that no trunk's `match` knows.
const GATEWAY: std::net::SocketAddr = std::net::SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::new(10, 0, 9, 1)), 5060);

/// Registered with bob, with a gateway beside him, and more keys of his trunk.
fn registered(seed: u64, keys: &str) -> Sim {
    let mut sim = house(seed, &format!("{REGISTER}\n{keys}"));
    sim.add_phone(GATEWAY, Setup::new("gateway", GATEWAY, CORE, seed));
    sim.run_for(secs(1));
    sim
}

/// What we registered.
fn contact(sim: &Sim) -> String {
    let now = sim.now();
    sim.phone(BOB).bindings(now).next().expect("a binding").contact.clone()
}

/// The gateway calls that URI with these headers.
fn call(sim: &mut Sim, uri: &str, edits: &[Edit]) {
    let mut place = Place::new(uri).script(Script::new().bye(500));
    place.edits = edits.to_vec();
    sim.expect(ALICE, Script::answers(100));
    sim.place_with(GATEWAY, place);
    sim.settle();
}

fn to(uri: &str) -> Edit {
    Edit::set("To", &format!("<{uri}>"))
}

#[test]
fn a_call_to_our_contact_is_the_trunk_s_wherever_it_comes_from() {
    let mut sim = registered(1, "");
    let contact = contact(&sim);
    call(&mut sim, &contact, &[to("sip:alice@carrier.example")]);
    assert_eq!(statuses(&sim, GATEWAY).last(), Some(&200));
    let record = sim.core().records().next().expect("a call");
    assert_eq!((&*record.legs[0].endpoint, &*record.legs[1].endpoint), ("trunk:bob", "trunk:alice"));
    sim.finish();
}

#[test]
fn the_called_number_is_what_was_dialled_not_our_contact() {
    // RFC 7315 §4.2 before To.
    let mut sim = registered(2, "");
    let contact = contact(&sim);
    let party = Edit::Add("P-Called-Party-ID".into(), "<sip:alice@carrier.example>".into());
    call(&mut sim, &contact, &[to("sip:forwarded@carrier.example"), party]);
    assert_eq!(statuses(&sim, GATEWAY).last(), Some(&200));
    sim.finish();
    // Where the trunk says where it stands, that counts.
    let mut sim = registered(3, "called_from = \"to\"");
    let contact = self::contact(&sim);
    let party = Edit::Add("P-Called-Party-ID".into(), "<sip:nobody@carrier.example>".into());
    call(&mut sim, &contact, &[to("sip:alice@carrier.example"), party]);
    assert_eq!(statuses(&sim, GATEWAY).last(), Some(&200));
    sim.finish();
}

#[test]
fn who_is_called_nowhere_is_nobody_and_our_contact_is_no_number() {
    for (seed, keys) in [(16, ""), (17, "called_from = \"to\""), (18, "called_from = \"p-called-party-id\"")] {
        // A route that takes whatever is called.
        let all = "[[route]]\nname = \"all\"\nfrom = [\"bob\"]\ndo = { bridge = [\"trunk:alice\"] }\n";
        let text = STANDARD.replacen("ring_timeout = \"60s\"", &format!("ring_timeout = \"60s\"\n{REGISTER}\n{keys}"), 1);
        let mut sim = Sim::with_config(seed, &text.replacen("[[route]]", &format!("{all}[[route]]"), 1));
        sim.phone_mut(BOB).setup_mut().registrar = Some(Registrar::new());
        sim.add_phone(GATEWAY, Setup::new("gateway", GATEWAY, CORE, seed));
        sim.run_for(secs(1));
        let contact = contact(&sim);
        call(&mut sim, &contact, &[to("sip:carrier.example")]);
        assert_eq!(statuses(&sim, GATEWAY).last(), Some(&404), "RFC 3261 §8.2.2.1");
        assert_eq!(sim.phone(ALICE).calls().len(), 0);
        // A MESSAGE as well.
        let message = format!(
            "MESSAGE {contact} SIP/2.0\r\nVia: SIP/2.0/UDP {GATEWAY};branch=z9hG4bKm\r\nFrom: <sip:a@{GATEWAY}>;tag=1\r\n\
             To: <sip:carrier.example>\r\nCall-ID: m\r\nCSeq: 1 MESSAGE\r\nMax-Forwards: 70\r\nContent-Length: 0\r\n\r\n"
        );
        sim.send_raw(GATEWAY, message);
        sim.run_for(secs(1));
        assert_eq!(sim.phone(GATEWAY).heard("MESSAGE").last().map(Message::status), Some(404));
        assert_eq!(sim.phone(ALICE).heard("MESSAGE").count(), 0);
        sim.finish();
    }
}

#[test]
fn what_was_registered_over_tcp_is_worth_nothing_over_udp() {
    let mut sim = over_tcp(19);
    sim.add_phone(GATEWAY, Setup::new("gateway", GATEWAY, CORE, 19));
    sim.run_for(secs(1));
    let contact = contact(&sim).replace(";transport=tcp", "");
    call(&mut sim, &contact, &[to("sip:alice@carrier.example")]);
    assert_eq!(statuses(&sim, GATEWAY), [403]);
    sim.finish();
}

#[test]
fn a_call_that_is_too_long_for_udp_comes_over_tcp() {
    // RFC 3261 §18.1.1.
    let listener = "[[listen]]\nname = \"tcp\"\ntransport = \"tcp\"\nbind = \"10.0.0.1:5060\"\n";
    let text = STANDARD.replacen("ring_timeout = \"60s\"", &format!("ring_timeout = \"60s\"\n{REGISTER}"), 1);
    let mut sim = Sim::with_config(20, &format!("{text}\n{listener}"));
    sim.phone_mut(BOB).setup_mut().registrar = Some(Registrar::new());
    sim.add_phone(GATEWAY, Setup { transport: Transport::Tcp, ..Setup::new("gateway", GATEWAY, CORE, 20) });
    sim.run_for(secs(1));
    let contact = contact(&sim);
    call(&mut sim, &contact, &[to("sip:alice@carrier.example")]);
    assert_eq!(statuses(&sim, GATEWAY).last(), Some(&200));
    sim.finish();
}

#[test]
fn nobody_guesses_our_contact() {
    let mut sim = registered(4, "");
    let contact = contact(&sim);
    let (user, host) = contact.trim_start_matches("sip:").split_once('@').expect("a user");
    let other = if user.starts_with('0') { "1" } else { "0" };
    let guessed = format!("sip:{other}{}@{host}", &user[1..]);
    for uri in [guessed, format!("sip:alice@{host}"), format!("sip:{}@{host}", &user[1..])] {
        let place = Place::new(&uri).script(Script::new());
        let index = sim.place_with(GATEWAY, place);
        sim.settle();
        assert_eq!(sim.phone(GATEWAY).call(index).final_status(), Some(403), "{uri}");
    }
    sim.finish();
}

#[test]
fn our_contact_stays_the_same_for_as_long_as_we_run() {
    let mut sim = registered(5, "");
    let before = contact(&sim);
    sim.run_for(secs(2_000));
    assert_eq!(contact(&sim), before);
    sim.finish();
    assert!(registers(&sim).len() >= 4);
}

#[test]
fn a_trunk_that_is_challenged_is_so_over_its_registration_too() {
    let mut sim = registered(6, "challenge = { username = \"bob-in\", password = \"x\" }");
    let contact = contact(&sim);
    call(&mut sim, &contact, &[to("sip:alice@carrier.example")]);
    assert_eq!(statuses(&sim, GATEWAY), [401]);
    sim.finish();
}

#[test]
fn a_question_to_our_contact_is_answered() {
    let mut sim = registered(7, "");
    let contact = contact(&sim);
    sim.send_raw(
        GATEWAY,
        format!(
            "OPTIONS {contact} SIP/2.0\r\nVia: SIP/2.0/UDP {GATEWAY};branch=z9hG4bKo\r\nFrom: <sip:a@{GATEWAY}>;tag=1\r\nTo: <{contact}>\r\n\
             Call-ID: o\r\nCSeq: 1 OPTIONS\r\nMax-Forwards: 70\r\nContent-Length: 0\r\n\r\n"
        ),
    );
    sim.run_for(secs(1));
    assert_eq!(sim.phone(GATEWAY).heard("OPTIONS").last().map(Message::status), Some(200));
    sim.finish();
}

#[test]
fn with_bulk_registration_the_number_is_in_the_request_uri() {
    let keys = "login = { username = \"pbx\", password = \"x\" }\nregister = { uri = \"sip:10.0.2.1\", bulk = true }";
    let mut sim = house(8, keys);
    sim.add_phone(GATEWAY, Setup::new("gateway", GATEWAY, CORE, 8));
    sim.run_for(secs(1));
    let sent = registers(&sim);
    assert_eq!((sent[0].header("Require"), sent[0].header("Proxy-Require")), (Some("gin"), Some("gin")), "RFC 6140 §5.1");
    let contact = contact(&sim);
    assert!(contact.starts_with("sip:10.0.0.1:5060;bnc;line="), "{contact}");
    // RFC 6140 §6: what is called goes before the host, and bnc goes.
    let uri = contact.replace("sip:", "sip:alice@").replace(";bnc", "");
    call(&mut sim, &uri, &[to("sip:somebody@carrier.example")]);
    assert_eq!(statuses(&sim, GATEWAY).last(), Some(&200));
    assert_eq!(sim.core().records().next().map(|record| record.legs[0].endpoint.clone()).as_deref(), Some("trunk:bob"));
    // The binding was found in the answer: it is refreshed in time.
    sim.run_for(secs(1_200));
    assert!(registers(&sim).len() >= 3);
    sim.finish();
}

#[test]
fn calls_go_by_the_service_route_of_the_registrar() {
    let mut sim = house(9, REGISTER);
    registrar(&mut sim).service_route = vec!["<sip:10.0.9.1;lr>".into(), "<sip:inner.carrier.example;lr;x=1>".into()];
    sim.add_phone(GATEWAY, Setup::new("gateway", GATEWAY, CORE, 9));
    sim.may_tell_addresses();
    sim.run_for(secs(1));
    sim.expect(GATEWAY, Script::answers(100));
    sim.place(ALICE, "bob", Script::new().bye(500));
    sim.settle();
    assert_eq!(statuses(&sim, ALICE).last(), Some(&200), "RFC 3608 §5: the gateway is the first of them");
    let invite = sim.phone(GATEWAY).heard("INVITE").find(|message| message.is_request()).expect("an INVITE").clone();
    assert_eq!(invite.list("Route"), ["<sip:10.0.9.1;lr>", "<sip:inner.carrier.example;lr;x=1>"]);
    assert_eq!(invite.uri(), "sip:bob@10.0.2.1");
    // A later answer without any takes it away.
    registrar(&mut sim).service_route.clear();
    sim.run_for(secs(600));
    sim.expect(BOB, Script::answers(100));
    sim.place(ALICE, "bob", Script::new().bye(500));
    sim.finish();
    let invite = sim.phone(BOB).heard("INVITE").find(|message| message.is_request()).expect("an INVITE");
    assert_eq!(invite.header("Route"), None);
}

#[test]
fn a_service_route_that_no_rfc_3261_router_is_in_is_left_out() {
    for (seed, route) in [(10, "<sip:10.0.9.1>"), (11, "<tel:+49>"), (12, "nonsense")] {
        let mut sim = house(seed, REGISTER);
        registrar(&mut sim).service_route = vec![route.into()];
        sim.run_for(secs(1));
        sim.expect(BOB, Script::answers(100));
        sim.place(ALICE, "bob", Script::new().bye(500));
        sim.finish();
        assert_eq!(statuses(&sim, ALICE).last(), Some(&200), "{route}");
    }
}

#[test]
fn a_challenge_of_the_carrier_to_a_call_is_answered_with_the_same_login() {
    let mut sim = registered(13, "");
    sim.phone_mut(BOB).setup_mut().demands = vec![Demand::new("acme", "s3cret")];
    sim.expect(BOB, Script::answers(100));
    sim.place(ALICE, "bob", Script::new().bye(500));
    sim.finish();
    assert_eq!(statuses(&sim, ALICE).last(), Some(&200));
}

#[test]
fn two_trunks_of_one_carrier_are_told_apart_by_where_its_calls_come() {
    // Both register with bob, under names of their own, and `match` knows neither.
    let two = ["one", "two"].map(|name| {
        format!(
            "[[trunk]]\nname = \"{name}\"\ntargets = [{{ uri = \"sip:10.0.2.1\" }}]\nregister = {{ uri = \"sip:{name}@10.0.2.1\" }}\n\
             [[route]]\nname = \"from {name}\"\nfrom = [\"{name}\"]\nto = '^number$'\ndo = {{ bridge = [\"trunk:{}\"] }}\n",
            if name == "one" { "alice" } else { "carol" }
        )
    });
    let mut sim = Sim::with_config(14, &format!("{STANDARD}\n{}", two.concat()));
    sim.phone_mut(BOB).setup_mut().registrar = Some(Registrar::new());
    sim.run_for(secs(1));
    for (name, callee) in [("one", ALICE), ("two", CAROL)] {
        let now = sim.now();
        let binding = sim.phone(BOB).bindings(now).find(|binding| binding.aor.contains(name)).expect("a binding").clone();
        let mut place = Place::new(&binding.contact).script(Script::new().bye(500));
        place.edits = vec![to("sip:number@carrier.example")];
        sim.expect(callee, Script::answers(100));
        sim.place_with(BOB, place);
        sim.settle();
        assert_eq!(sim.call(callee).final_status(), Some(200), "{name}");
    }
    let callers: Vec<_> = sim.core().records().map(|record| record.legs[0].endpoint.to_string()).collect();
    assert_eq!(callers, ["trunk:one", "trunk:two"]);
    sim.finish();
}

#[test]
fn over_tcp_calls_come_over_the_connection_that_registered() {
    let mut sim = over_tcp(15);
    sim.run_for(secs(1));
    let contact = contact(&sim);
    let mut place = Place::new(&contact).script(Script::new().bye(500));
    place.edits = vec![to("sip:alice@carrier.example")];
    sim.expect(ALICE, Script::answers(100));
    sim.place_with(BOB, place);
    sim.settle();
    assert_eq!((statuses(&sim, BOB).last(), sim.connects(BOB)), (Some(&200), 1));
    sim.finish();
}
