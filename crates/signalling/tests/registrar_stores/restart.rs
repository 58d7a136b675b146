//! What is left of the bindings when the process has ended and another one begins.

use crate::house::{ALICE, CAROL, House, TCP, UDP, at, bearings};
use crate::text::{Disk, TextBindings};
use std::rc::Rc;
use tandem_model::{ListenerId, Transport};
use tandem_signalling::Bearings;

const BEGAN: u64 = 1_700_000_000_000;

fn begun(here: Bearings, disk: &Disk) -> House {
    House::new(Box::new(TextBindings::open(here, Rc::clone(disk))))
}

#[test]
fn a_binding_holds_as_long_as_it_was_told() {
    let disk = Disk::default();
    let mut house = begun(bearings(BEGAN), &disk);
    house.pass(5_000);
    house.alice("one");
    house.status("carol", (UDP, CAROL), &["Contact: <sip:carol@192.0.2.3>", "Expires: 60"]);
    let before = house.of("alice")[0].clone();
    // A hundred seconds later.
    let mut house = begun(bearings(BEGAN + 5_100_000), &disk);
    assert_eq!(house.told("alice"), [("sip:one@192.0.2.1".to_owned(), 500)]);
    assert_eq!(house.told("carol"), [], "it ended meanwhile");
    assert_eq!((house.registrar.count(), house.registrar.poll_timeout()), (1, Some(at(500))));
    let after = &house.of("alice")[0];
    assert_eq!((&after.flow, &after.hop, after.listener), (&before.flow, &before.hop, before.listener));
    assert!(house.registrar.is_reached_over(UDP, ALICE.parse().unwrap()));
    // What was late before is late now.
    assert_eq!(house.status("alice", (UDP, ALICE), &["Contact: *", "Expires: 0", "CSeq: 1 REGISTER"]), 500);
    house.pass(500);
    assert!(house.registrar.bindings().users().is_empty());
    assert_eq!(*disk.borrow(), "");
}

#[test]
fn a_connection_ends_with_us_and_what_it_was_for_does_not() {
    let disk = Disk::default();
    let mut house = begun(bearings(BEGAN), &disk);
    house.status("alice", (TCP, "192.0.2.1:40000"), &["Contact: <sip:alice@192.0.2.1;transport=tcp>"]);
    house.alice("udp");
    // A proxy, which takes connections.
    let through = ["Contact: <sip:carol@10.0.0.3>", "Supported: path", "Path: <sip:192.0.2.3:5060;transport=tcp;lr>"];
    house.status("carol", (TCP, "192.0.2.3:40000"), &through);
    assert_eq!(house.registrar.count(), 3);
    let house = begun(bearings(BEGAN), &disk);
    assert_eq!(house.told("alice"), [("sip:udp@192.0.2.1".to_owned(), 600)]);
    let carol = &house.of("carol")[0];
    assert_eq!((carol.flow.transport, carol.listener, carol.path.len()), (Transport::Tcp, TCP, 1));
}

#[test]
fn listeners_are_known_by_their_names() {
    let disk = Disk::default();
    begun(bearings(BEGAN), &disk).alice("one");
    let listeners = |names: &[(&str, Transport)]| names.iter().map(|(name, transport)| (Box::from(*name), *transport)).collect();
    let elsewhere = Bearings { unix_ms: BEGAN, listeners: listeners(&[("new", Transport::Udp), ("main", Transport::Udp)]) };
    let house = begun(elsewhere, &disk);
    assert_eq!((house.of("alice")[0].listener, house.of("alice")[0].flow.listener), (ListenerId(1), ListenerId(1)));
    let gone = Bearings { unix_ms: BEGAN, listeners: listeners(&[("new", Transport::Udp)]) };
    assert!(begun(gone, &disk).of("alice").is_empty());
    let other = Bearings { unix_ms: BEGAN, listeners: listeners(&[("main", Transport::Tcp)]) };
    assert!(begun(other, &disk).of("alice").is_empty(), "of that name, and no longer what it was");
}
