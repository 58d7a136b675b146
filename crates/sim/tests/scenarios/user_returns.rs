//! Where the answers to a user behind NAT go that begin nothing here, and those to its copies: back over UDP, `rport` or not.

use crate::house::{HOUSE, house_of};
use std::net::SocketAddr;
use tandem_phone::{Demand, Script, Setup};
use tandem_sim::{ALICE, CORE, Sim, ms};

/// What the network sees of a phone whose Via says 192.168.0.9:5060.
const SEEN: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::new(10, 0, 20, 1)), 34_567);

fn behind_nat(seed: u64, keys: &str) -> Sim {
    let text = HOUSE.replacen("password = \"w0nder\"\n", &format!("password = \"w0nder\"\n{keys}\n"), 1);
    let mut sim = house_of(seed, &text);
    sim.add_phone(SEEN, Setup { sticky: true, ..Setup::new("alice", ([192, 168, 0, 9], 5060).into(), CORE, seed) });
    sim
}

fn request(method: &str, uri: &str, via: &str, number: u8, more: &str) -> String {
    format!(
        "{method} {uri} SIP/2.0\r\nVia: SIP/2.0/UDP {via};branch=z9hG4bK{method}{number}\r\nMax-Forwards: 70\r\n\
         From: <sip:alice@house.example>;tag=o\r\nTo: <sip:alice@house.example>\r\nCall-ID: {method}\r\nCSeq: {number} {method}\r\n\
         Contact: <sip:alice@192.168.0.9:5060>\r\n{more}Content-Length: 0\r\n\r\n"
    )
}

/// What the phone hears of a request, of that with its password, and of the copy of it: all where it is.
#[track_caller]
fn answers(sim: &mut Sim, via: &str, method: &str, more: &str) -> Vec<u16> {
    let uri = if method == "REGISTER" { "sip:house.example" } else { "sip:nobody@house.example" };
    sim.send_raw(SEEN, request(method, uri, via, 1, more));
    sim.run_for(ms(100));
    let challenge = sim.phone(SEEN).heard(method).last().and_then(|asked| asked.header("WWW-Authenticate")).map(str::to_owned);
    let credentials = challenge.and_then(|challenge| Demand::answer_to(&challenge, ("alice", "w0nder"), method, uri));
    let proven = request(method, uri, via, 2, &format!("Authorization: {}\r\n{more}", credentials.expect("it is challenged")));
    for _ in 0..2 {
        sim.send_raw(SEEN, proven.clone());
        sim.run_for(ms(100));
    }
    let heard: Vec<_> = sim.phone(SEEN).trace().iter().filter(|one| !one.sent).collect();
    let elsewhere: Vec<_> = heard.iter().filter(|one| one.local != SEEN).map(|one| (one.message.label(), one.local)).collect();
    assert!(elsewhere.is_empty(), "{method}: {elsewhere:?}");
    let statuses = sim.phone(SEEN).heard(method).map(tandem_phone::Message::status).collect();
    let _ = sim.phone_mut(SEEN).forgive("stray-response");
    statuses
}

/// A Via of the house that the phone is in.
const INSIDE: &str = "192.168.0.9:5060";

#[test]
fn what_begins_nothing_is_answered_where_it_came_from_and_its_copy_too() {
    let mut sim = behind_nat(1, "");
    for (method, more, status) in [
        ("REGISTER", "Expires: 600\r\n", 200),
        ("OPTIONS", "", 200),
        ("SUBSCRIBE", "Event: message-summary\r\n", 489),
        ("PUBLISH", "Event: presence\r\n", 405),
    ] {
        assert_eq!(answers(&mut sim, INSIDE, method, more), [401, status, status], "{method}");
    }
    sim.finish();
}

#[test]
fn so_is_one_that_names_no_dialog_where_a_refer_may() {
    let mut sim = behind_nat(2, "refer = \"execute\"");
    assert_eq!(answers(&mut sim, INSIDE, "REFER", "Refer-To: <sip:1@house.example>\r\n"), [401, 403, 403]);
    sim.finish();
}

#[test]
fn so_is_the_call_that_a_user_has_no_room_for() {
    let mut sim = behind_nat(3, "limits = { calls = 1, status = 486 }");
    sim.place(ALICE, "bob", Script::new());
    sim.run_for(ms(100));
    assert_eq!(answers(&mut sim, INSIDE, "INVITE", ""), [401, 486, 486]);
    sim.end_all(tandem_model::EndReason::Shutdown);
    sim.finish();
}

#[test]
fn so_is_everything_while_the_node_drains() {
    let mut sim = behind_nat(4, "");
    sim.core_mut().draining = true;
    for method in ["INVITE", "MESSAGE", "OPTIONS"] {
        assert_eq!(answers(&mut sim, INSIDE, method, ""), [401, 503, 503], "{method}");
    }
    sim.finish();
}
