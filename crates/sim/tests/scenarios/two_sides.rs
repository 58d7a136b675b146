//! `listen` and `media`: a telephone system in the office, a carrier outside, and nothing of one side on the other.

use std::net::SocketAddr;
use tandem_phone::{Act, Message, Offer, Place, Script, Setup, sdp::Direction};
use tandem_sim::{Sim, ms};

const OFFICE: &str = "10.0.0.1";

const HOUSE: &str = r#"
[[listen]]
name = "office"
bind = "10.0.0.1:5060"
[[listen]]
name = "outside"
bind = "10.0.20.1:5080"
[[media]]
name = "office"
bind = "10.0.0.1"
ports = "20000-20999"
[[media]]
name = "outside"
bind = "10.0.20.2"
ports = "30000-30999"
[calls]
max_cps = 20
[[trunk]]
name = "pbx"
match = { sources = ["10.0.1.1"], listen = "office" }
targets = [{ uri = "sip:10.0.1.1" }]
listen = "office"
media = "office"
[[trunk]]
name = "carrier"
match = { sources = ["10.0.30.1"], listen = "outside" }
targets = [{ uri = "sip:10.0.30.1" }]
listen = "outside"
media = "outside"
[[route]]
from = ["pbx"]
do = { bridge = ["trunk:carrier"] }
[[route]]
from = ["carrier"]
do = { bridge = ["trunk:pbx"] }
"#;

fn pbx() -> SocketAddr {
    ([10, 0, 1, 1], 5060).into()
}

fn carrier() -> SocketAddr {
    ([10, 0, 30, 1], 5060).into()
}

fn house() -> Sim {
    let mut sim = Sim::with_config(1, HOUSE);
    sim.add_phone(carrier(), Setup::new("carrier", carrier(), ([10, 0, 20, 1], 5080).into(), 5));
    sim
}

/// What a phone was told.
fn heard(sim: &Sim, phone: SocketAddr) -> Vec<&Message> {
    sim.phone(phone).trace().iter().filter(|traced| !traced.sent).map(|traced| &traced.message).collect()
}

/// Contact, Via and SDP of all that a phone heard name our addresses on its side, and nothing names the other side.
fn assert_of_side(sim: &Sim, phone: SocketAddr, signalling: &str, media: &str, other: &[&str]) {
    for message in heard(sim, phone) {
        let text = String::from_utf8(message.print()).unwrap_or_default();
        assert!(other.iter().all(|address| !text.contains(address)), "{text}");
        for contact in message.list("Contact") {
            assert!(contact.contains(signalling), "{text}");
        }
        if message.is_request() {
            assert!(message.header("Via").is_some_and(|via| via.contains(signalling)), "{text}");
        }
        for line in text.lines().filter(|line| line.starts_with("c=") || line.starts_with("o=")) {
            assert!(line.ends_with(media), "{text}");
        }
    }
}

/// A call in which both hold the other once.
fn call(from: SocketAddr, to: SocketAddr) -> Sim {
    let mut sim = house();
    sim.expect(to, Script::answers(100));
    let ours = if from == pbx() { "10.0.0.1" } else { "10.0.20.1:5080" };
    sim.place_with(from, Place::new(&format!("sip:4930555@{ours}")));
    sim.run_until_talking(from, to);
    for holder in [from, to] {
        for direction in [Direction::SendOnly, Direction::SendRecv] {
            sim.act(holder, Act::Reinvite(Offer::direction(direction)));
            sim.run_for(ms(300));
        }
    }
    sim.act(to, Act::Bye);
    sim.finish();
    sim
}

#[test]
fn a_call_from_the_office_to_the_carrier() {
    let sim = call(pbx(), carrier());
    assert_of_side(&sim, pbx(), "10.0.0.1:5060", OFFICE, &["10.0.20.", "10.0.30."]);
    assert_of_side(&sim, carrier(), "10.0.20.1:5080", "10.0.20.2", &["10.0.0.1", "10.0.1.1"]);
}

#[test]
fn a_call_from_the_carrier_to_the_office() {
    let sim = call(carrier(), pbx());
    assert_of_side(&sim, pbx(), "10.0.0.1:5060", OFFICE, &["10.0.20.", "10.0.30."]);
    assert_of_side(&sim, carrier(), "10.0.20.1:5080", "10.0.20.2", &["10.0.0.1", "10.0.1.1"]);
}

#[test]
fn what_comes_in_on_the_wrong_side_is_a_stranger_s() {
    let mut sim = Sim::with_config(1, HOUSE);
    // The carrier's address, but at the office's listener.
    sim.add_phone(carrier(), Setup::new("carrier", carrier(), ([10, 0, 0, 1], 5060).into(), 5));
    sim.place(carrier(), "4930555", Script::new());
    sim.finish();
    assert_eq!(sim.call(carrier()).final_status(), Some(403));
}
