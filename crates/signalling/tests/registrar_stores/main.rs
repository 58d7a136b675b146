//! The registrar does the same whoever keeps its bindings: in memory, or where they outlive the process. One suite, run for both.

mod house;
mod restart;
mod text;

use house::{ALICE, CAROL, CONTACTS, House, TCP, UDP, at, bearings};
use tandem_model::{BindingUsed, Fate};
use tandem_signalling::MemoryBindings;
use text::{Disk, TextBindings};

macro_rules! for_both {
    ($($name:ident),* $(,)?) => {
        mod in_memory {
            $(#[test] fn $name() { super::$name(super::House::new(Box::new(super::MemoryBindings::default()))); })*
        }

        mod as_text {
            $(#[test] fn $name() {
                let store = super::TextBindings::open(super::bearings(1_700_000_000_000), super::Disk::default());
                super::$name(super::House::new(Box::new(store)));
            })*
        }
    };
}

for_both! {
    a_binding_is_there_until_it_ends,
    a_refresh_takes_the_place_of_what_it_refreshes,
    a_star_removes_all_of_one_user,
    a_lost_flow_takes_who_is_reached_over_it,
    a_failed_flow_takes_the_binding_that_was_used,
    who_is_no_user_any_more_is_forgotten,
    there_are_no_more_than_may_be,
    what_comes_late_changes_nothing,
    all_that_a_phone_says_is_kept,
    a_flow_is_known_by_its_number_and_all_else_by_its_uri,
    a_phone_that_comes_back_takes_its_own_place,
    nobody_else_gives_way,
}

const INSTANCE: &str = "+sip.instance=\"<urn:uuid:00000000-0000-1000-8000-000a95a0e128>\"";

fn a_binding_is_there_until_it_ends(mut house: House) {
    assert_eq!(house.alice("one"), 200);
    house.pass(60);
    assert_eq!(house.status("alice", (UDP, ALICE), &["Contact: <sip:two@192.0.2.1>", "Expires: 120"]), 200);
    assert_eq!(house.status("carol", (UDP, CAROL), &["Contact: <sip:carol@192.0.2.3>"]), 200);
    assert_eq!(house.told("alice"), [("sip:one@192.0.2.1".to_owned(), 540), ("sip:two@192.0.2.1".to_owned(), 120)]);
    assert_eq!((house.registrar.count(), house.registrar.poll_timeout()), (3, Some(at(180))));
    assert_eq!(house.registrar.bindings().users(), ["alice".into(), "carol".into()]);
    house.pass(120);
    assert_eq!(house.told("alice"), [("sip:one@192.0.2.1".to_owned(), 420)]);
    house.pass(480);
    assert!(house.registrar.bindings().users().is_empty());
    assert_eq!((house.registrar.count(), house.registrar.poll_timeout()), (0, None));
    let last = [("alice".to_owned(), Fate::Expired, 1), ("alice".to_owned(), Fate::Expired, 0), ("carol".to_owned(), Fate::Expired, 0)];
    assert_eq!(house.changes()[3..], last);
}

fn a_refresh_takes_the_place_of_what_it_refreshes(mut house: House) {
    house.alice("one");
    house.pass(100);
    house.alice("one");
    assert_eq!(house.told("alice"), [("sip:one@192.0.2.1".to_owned(), 600)]);
    assert_eq!((house.of("alice")[0].since, house.registrar.poll_timeout()), (at(100), Some(at(700))));
    assert_eq!(house.changes(), [("alice".to_owned(), Fate::Added, 1), ("alice".to_owned(), Fate::Refreshed, 1)]);
}

fn a_star_removes_all_of_one_user(mut house: House) {
    house.alice("one");
    house.alice("two");
    house.status("carol", (UDP, CAROL), &["Contact: <sip:carol@192.0.2.3>"]);
    assert_eq!(house.status("alice", (UDP, ALICE), &["Contact: *", "Expires: 0"]), 200);
    assert_eq!((house.told("alice").len(), house.told("carol").len(), house.registrar.count()), (0, 1, 1));
}

fn a_lost_flow_takes_who_is_reached_over_it(mut house: House) {
    house.status("alice", (TCP, "192.0.2.1:40000"), &["Contact: <sip:alice@192.0.2.1;transport=tcp>"]);
    house.status("carol", (TCP, "192.0.2.1:40000"), &["Contact: <sip:carol@192.0.2.1;transport=tcp>"]);
    house.alice("one");
    let there = |text: &str| text.parse().expect("an address");
    assert!(house.registrar.is_reached_over(TCP, there("192.0.2.1:40000")));
    house.registrar.flow_lost(TCP, there("192.0.2.1:40001"));
    house.registrar.flow_lost(UDP, there("192.0.2.1:40000"));
    assert_eq!(house.registrar.count(), 3);
    house.registrar.flow_lost(TCP, there("192.0.2.1:40000"));
    assert_eq!((house.told("alice").len(), house.told("carol").len()), (1, 0));
    assert!(!house.registrar.is_reached_over(TCP, there("192.0.2.1:40000")));
    house.registrar.flow_lost(UDP, there(ALICE));
    assert_eq!(house.registrar.count(), 0);
}

fn a_failed_flow_takes_the_binding_that_was_used(mut house: House) {
    house.alice("one");
    house.alice("two");
    let used = |house: &House, place: usize| {
        let binding = &house.of("alice")[place];
        let (contact, call_id, cseq) = (binding.contact.clone(), binding.call_id.clone(), binding.cseq);
        BindingUsed { user: "alice".into(), contact, call_id, cseq, is_other_flow: false }
    };
    let before = used(&house, 0);
    house.alice("one");
    house.registrar.flow_failed(&before);
    assert_eq!(house.told("alice").len(), 2, "it has been renewed");
    let two = used(&house, 0);
    house.registrar.flow_failed(&two);
    assert_eq!(house.told("alice"), [("sip:one@192.0.2.1".to_owned(), 600)]);
}

fn who_is_no_user_any_more_is_forgotten(mut house: House) {
    house.alice("one");
    house.status("carol", (UDP, CAROL), &["Contact: <sip:carol@192.0.2.3>"]);
    house.registrar.keep_users(|user| user == "carol");
    assert_eq!(house.registrar.bindings().users(), ["carol".into()]);
    assert_eq!(house.changes().last(), Some(&("alice".to_owned(), Fate::Removed, 0)));
}

fn there_are_no_more_than_may_be(mut house: House) {
    assert_eq!(["one", "two", "three", "four", "three"].map(|contact| house.alice(contact)), [200, 200, 200, 403, 200]);
    let carol = |house: &mut House, contact: &str| house.status("carol", (UDP, CAROL), &[&format!("Contact: <sip:{contact}@192.0.2.3>")]);
    assert_eq!(["one", "two", "three"].map(|contact| carol(&mut house, contact)), [200, 200, 503], "five of all users");
    assert_eq!((house.told("alice").len(), house.registrar.count()), (3, 5));
    house.status("alice", (UDP, ALICE), &["Contact: <sip:one@192.0.2.1>;expires=0"]);
    assert_eq!(carol(&mut house, "three"), 200);
}

fn what_comes_late_changes_nothing(mut house: House) {
    house.alice("one");
    house.alice("one");
    let late = ["Contact: <sip:one@192.0.2.1>;expires=0", "CSeq: 2 REGISTER"];
    assert_eq!(house.status("alice", (UDP, ALICE), &late), 500);
    assert_eq!(house.status("alice", (UDP, ALICE), &["Contact: *", "Expires: 0", "CSeq: 1 REGISTER"]), 500);
    assert_eq!(house.told("alice").len(), 1);
}

fn all_that_a_phone_says_is_kept(mut house: House) {
    let contact = format!("Contact: \"A, B\" <sip:a;b@10.0.0.7:5070;ob>;q=0.7;reg-id=3;{INSTANCE}");
    let said =
        [contact.as_str(), "Supported: path, outbound", "Path: <sip:p1@192.0.2.1:5080;lr;ob>, <sip:p2.example;lr>", "User-Agent: Desk 1"];
    assert_eq!(house.status("alice", (UDP, "192.0.2.1:5080"), &said), 200);
    let [kept] = house.of("alice") else { unreachable!("one") };
    assert_eq!((&*kept.contact, kept.q, kept.reg_id, &*kept.agent), ("sip:a;b@10.0.0.7:5070;ob", 700, Some(3), "Desk 1"));
    assert_eq!(kept.path.iter().map(|value| &**value).collect::<Vec<_>>(), ["<sip:p1@192.0.2.1:5080;lr;ob>", "<sip:p2.example;lr>"]);
    assert_eq!(kept.instance.as_deref(), Some("<urn:uuid:00000000-0000-1000-8000-000a95a0e128>"));
    assert_eq!(kept.hop.to_string(), "192.0.2.1:5080");
    // A proxy by name, on the host that it came from.
    let named = ["Contact: <sip:b@10.0.0.7>", "Supported: path", "Path: <sip:p.example:5090;lr>"];
    assert_eq!(house.status("alice", (UDP, "192.0.2.1:5080"), &named), 200);
    assert!(format!("{:?}", house.of("alice")[1].hop).contains("p.example"), "{:?}", house.of("alice"));
}

/// A flow of a phone of alice.
fn flow(house: &mut House, from: &str, contact: &str, id: u32) -> u16 {
    let contact = format!("Contact: <sip:{contact}>;reg-id={id};{INSTANCE}");
    house.status("alice", (UDP, from), &[&contact, "Supported: outbound"])
}

fn a_flow_is_known_by_its_number_and_all_else_by_its_uri(mut house: House) {
    let uri = "alice@192.0.2.1:5060";
    let plain = |house: &mut House, more: &str| house.status("alice", (UDP, ALICE), &[&format!("Contact: <sip:{uri}>;{INSTANCE}{more}")]);
    assert_eq!(flow(&mut house, ALICE, uri, 1), 200);
    assert_eq!(flow(&mut house, "192.0.2.1:5062", uri, 2), 200);
    assert_eq!(house.told("alice").len(), 2, "two flows may have one URI");
    // RFC 5626 §6: whoever does not say `outbound`, or has no reg-id, means the URI.
    assert_eq!(plain(&mut house, ";reg-id=1"), 200);
    assert_eq!((house.told("alice").len(), house.of("alice")[0].reg_id), (1, None));
    assert_eq!(flow(&mut house, ALICE, uri, 1), 200);
    assert_eq!((house.told("alice").len(), house.of("alice")[0].reg_id), (1, Some(1)), "and back");
    flow(&mut house, "192.0.2.1:5062", uri, 2);
    assert_eq!(plain(&mut house, ";expires=0"), 200);
    assert_eq!((house.told("alice").len(), house.registrar.count()), (0, 0), "no phone is left at that URI");
    assert_eq!(house.changes().iter().filter(|(_, fate, _)| *fate == Fate::Removed).count(), 3);
}

/// A phone at a port, with what it says of itself.
fn phone(house: &mut House, from: &str, said: &str, agent: &str) -> u16 {
    house.status("alice", (UDP, from), &[&format!("Contact: <sip:alice@{from}>{said}"), agent])
}

fn a_phone_that_comes_back_takes_its_own_place(mut house: House) {
    let desk = "User-Agent: Desk 1";
    let other = ";+sip.instance=\"<urn:uuid:2>\"";
    phone(&mut house, "192.0.2.3:5060", "", "User-Agent: App");
    for start in 0..20 {
        house.pass(1);
        assert_eq!(phone(&mut house, &format!("192.0.2.1:{}", 5_070 + start), "", desk), 200, "{start}");
    }
    let ports = |house: &House| house.of("alice").iter().map(|binding| binding.flow.remote.port()).collect::<Vec<_>>();
    assert_eq!(ports(&house), [5060, 5088, 5089], "of its own the oldest went");
    // Who says which phone it is does not take that of one who says that it is another.
    house.status("alice", (UDP, ALICE), &["Contact: *", "Expires: 0"]);
    phone(&mut house, "192.0.2.1:5001", &format!(";{INSTANCE}"), desk);
    house.pass(1);
    phone(&mut house, "192.0.2.1:5002", other, desk);
    phone(&mut house, "192.0.2.1:5003", &format!(";{INSTANCE}"), desk);
    house.changes();
    assert_eq!(phone(&mut house, "192.0.2.1:5004", other, desk), 200);
    assert_eq!(ports(&house), [5001, 5003, 5004]);
    assert_eq!(house.changes(), [("alice".to_owned(), Fate::Added, 3), ("alice".to_owned(), Fate::Removed, 3)]);
    assert_eq!(phone(&mut house, "192.0.2.1:5005", ";+sip.instance=\"<urn:uuid:3>\"", desk), 403);
}

fn nobody_else_gives_way(mut house: House) {
    for number in 0..CONTACTS {
        phone(&mut house, &format!("192.0.2.1:{}", 5_070 + number), "", "User-Agent: Desk 1");
    }
    assert_eq!(phone(&mut house, "192.0.2.1:5080", "", "User-Agent: Desk 2"), 403, "another model");
    assert_eq!(phone(&mut house, "192.0.2.7:5080", "", "User-Agent: Desk 1"), 403, "another house");
    assert_eq!(house.alice("silent"), 403, "one that says nothing of itself");
    assert_eq!(house.told("alice").len(), CONTACTS);
}
