//! A callee that sends the call elsewhere: its Contacts reach the caller, or are called.

use crate::statuses;
use std::net::SocketAddr;
use tandem_phone::{Act, Edit, Outcome, Reply, Script};
use tandem_sim::{ALICE, BOB, CAROL, STANDARD, Sim, ms};

/// Bob's trunk follows.
fn following(seed: u64) -> Sim {
    let bob = "name = \"bob\"\n";
    Sim::with_config(seed, &STANDARD.replacen(bob, &format!("{bob}redirect = \"follow\"\n"), 1))
}

fn moved(contacts: &str) -> Script {
    Script::new().reply_with(50, Reply::new(302).edit(Edit::set("Contact", contacts)))
}

fn invited(sim: &Sim, phone: SocketAddr) -> Vec<String> {
    sim.phone(phone).heard("INVITE").filter(|message| message.is_request()).map(|invite| invite.uri().to_owned()).collect()
}

#[test]
fn passed_unless_told_otherwise() {
    let mut sim = Sim::new(1);
    sim.may_tell_addresses();
    sim.expect(BOB, moved("<sip:carol@10.0.3.1>;q=0.5, <tel:+4930>"));
    sim.place(ALICE, "bob", Script::new());
    sim.finish();
    assert_eq!(statuses(&sim, ALICE), [100, 302]);
    assert!(sim.phone(CAROL).calls().is_empty());
    let answer = sim.phone(ALICE).heard("INVITE").last().and_then(|answer| answer.header("Contact").map(str::to_owned));
    assert!(answer.is_some_and(|contacts| contacts.starts_with("<sip:carol@10.0.3.1>")));
}

#[test]
fn followed_by_their_worth() {
    let mut sim = following(2);
    sim.expect(
        BOB,
        moved("<sip:last@10.0.3.1>;q=0.1, <sip:tel@10.0.3.1?Subject=x>;q=0.3, <sip:first@10.0.3.1>, <tel:+4930>, <sips:secret@10.0.3.1>"),
    );
    for status in [404, 503] {
        sim.expect(CAROL, Script::new().reply(20, status));
    }
    sim.expect(CAROL, Script::answers(100));
    sim.place(ALICE, "bob", Script::new().bye(300));
    sim.finish();
    assert_eq!(statuses(&sim, ALICE), [100, 180, 200]);
    assert_eq!(invited(&sim, CAROL), ["sip:first@10.0.3.1", "sip:tel@10.0.3.1", "sip:last@10.0.3.1"]);
    assert_eq!(sim.call(ALICE).outcome, Some(Outcome::WeHungUp));
}

#[test]
fn a_refusal_that_is_true_everywhere_is_final() {
    let mut sim = following(3);
    sim.expect(BOB, moved("<sip:one@10.0.3.1>, <sip:two@10.0.3.1>"));
    sim.expect(CAROL, Script::new().reply(20, 603));
    sim.place(ALICE, "bob", Script::new());
    sim.finish();
    assert_eq!(sim.call(ALICE).outcome, Some(Outcome::Failed(603)));
    assert_eq!(invited(&sim, CAROL).len(), 1);
}

#[test]
fn the_routes_other_endpoints_come_after_them() {
    let mut sim = following(4);
    sim.expect(BOB, moved("<sip:elsewhere@10.0.2.1>"));
    sim.expect(BOB, Script::new().reply(20, 503));
    sim.expect(CAROL, Script::answers(100));
    sim.place(ALICE, "two", Script::new().bye(300));
    sim.finish();
    assert_eq!(invited(&sim, BOB).len(), 2);
    assert_eq!(statuses(&sim, ALICE), [100, 180, 200]);
}

#[test]
fn never_twice_to_one_place() {
    let mut sim = following(5);
    sim.may_tell_addresses();
    sim.expect(BOB, moved("<sip:again@10.0.2.1>"));
    sim.expect(BOB, moved("<sip:again@10.0.2.1:5060>, <sip:BOB@10.0.2.1>, <sip:again@10.0.2.1>"));
    sim.expect(BOB, moved("<sip:again@10.0.2.1>"));
    sim.place(ALICE, "bob", Script::new());
    sim.settle();
    // Another port, even the usual one, and another user are another URI (RFC 3261 §19.1.4); then there is nothing new.
    assert_eq!(invited(&sim, BOB), ["sip:bob@10.0.2.1", "sip:again@10.0.2.1", "sip:again@10.0.2.1:5060"]);
}

#[test]
fn never_twice_to_one_place_whatever_headers_its_uri_has() {
    let mut sim = following(15);
    sim.may_tell_addresses();
    sim.expect(BOB, moved("<sip:again@10.0.2.1?Subject=1>, <sip:again@10.0.2.1?Subject=2>, <sip:bob@10.0.2.1?Subject=3>"));
    sim.expect(BOB, Script::new().reply(20, 404));
    sim.place(ALICE, "bob", Script::new());
    sim.settle();
    assert_eq!(invited(&sim, BOB), ["sip:bob@10.0.2.1", "sip:again@10.0.2.1"]);
}

#[test]
fn contacts_too_long_or_too_many_to_be_told_apart_are_passed_over() {
    let mut sim = following(16);
    let long = (0..9).map(|number| format!("<sip:bob@10.0.2.1{};z={number}>", ";a".repeat(3_000))).collect::<Vec<_>>().join(", ");
    sim.expect(BOB, moved(&format!("{long}, <sip:carol@10.0.3.1>")));
    sim.expect(CAROL, Script::answers(100));
    sim.place(ALICE, "bob", Script::new().bye(300));
    sim.finish();
    assert_eq!(statuses(&sim, ALICE), [100, 180, 200]);
    assert_eq!((invited(&sim, BOB).len(), invited(&sim, CAROL).len()), (1, 1));

    let mut sim = following(17);
    sim.may_tell_addresses();
    sim.expect(BOB, moved(&format!("{}<sip:carol@10.0.3.1>", "<tel:+4930>, ".repeat(32))));
    sim.place(ALICE, "bob", Script::new());
    sim.finish();
    assert_eq!(sim.call(ALICE).outcome, Some(Outcome::Failed(302)));
    assert!(sim.phone(CAROL).calls().is_empty(), "the 33rd");
}

#[test]
fn only_so_often() {
    let mut sim = following(6);
    sim.may_tell_addresses();
    for number in 0..8 {
        sim.expect(BOB, moved(&format!("<sip:number-{number}@10.0.2.1>")));
    }
    sim.place(ALICE, "bob", Script::new());
    sim.finish();
    assert_eq!(invited(&sim, BOB).len(), 6, "five redirections");
    assert_eq!(sim.call(ALICE).outcome, Some(Outcome::Failed(302)));
}

#[test]
fn not_after_ringing() {
    let mut sim = following(7);
    sim.may_tell_addresses();
    let bob = Script::new().reply(20, 180).reply_with(80, Reply::new(302).edit(Edit::set("Contact", "<sip:carol@10.0.3.1>")));
    sim.expect(BOB, bob);
    sim.place(ALICE, "bob", Script::new());
    sim.finish();
    assert_eq!(statuses(&sim, ALICE), [100, 180, 302]);
    assert!(sim.phone(CAROL).calls().is_empty());
}

#[test]
fn to_another_proxy_or_service_is_not_followed() {
    for (status, heard) in [(305, 500), (380, 380)] {
        let mut sim = following(8);
        sim.may_tell_addresses();
        sim.expect(BOB, Script::new().reply_with(50, Reply::new(status).edit(Edit::set("Contact", "<sip:carol@10.0.3.1>"))));
        sim.place(ALICE, "bob", Script::new());
        sim.finish();
        assert_eq!(sim.call(ALICE).outcome, Some(Outcome::Failed(heard)));
        assert!(sim.phone(CAROL).calls().is_empty());
    }
}

#[test]
fn the_caller_gives_up_on_the_way() {
    let mut sim = following(9);
    sim.expect(BOB, moved("<sip:carol@10.0.3.1>"));
    sim.expect(CAROL, Script::new().reply(50, 180));
    sim.place(ALICE, "bob", Script::new());
    sim.run_until_status(ALICE, 180);
    sim.run_for(ms(10));
    sim.act(ALICE, Act::Cancel);
    sim.finish();
    assert_eq!(sim.call(ALICE).outcome, Some(Outcome::Failed(487)));
}

#[test]
fn a_contact_that_cannot_be_read_does_not_keep_a_refusal_from_being_heard() {
    for (seed, status, heard) in [(31, 486, 486), (32, 302, 302)] {
        let mut sim = Sim::new(seed);
        sim.may_tell_addresses();
        let contacts = "<sip:@>, <sip:carol@10.0.3.1>;q=0.5, *";
        let reply = Reply::new(status).edit(Edit::set("Contact", contacts));
        sim.expect(BOB, Script::new().reply(10, 180).reply_with(50, reply));
        sim.place(ALICE, "bob", Script::new());
        sim.finish();
        assert_eq!(statuses(&sim, ALICE), [100, 180, heard]);
        let passed = sim.phone(ALICE).heard("INVITE").last().and_then(|answer| answer.header("Contact").map(str::to_owned));
        assert_eq!(passed, (status == 302).then(|| "<sip:carol@10.0.3.1>;q=0.5".to_owned()));
    }
    let mut sim = following(33);
    sim.expect(BOB, moved("<sip:@>, *, <sip:carol@10.0.3.1>"));
    sim.place(ALICE, "bob", Script::new().bye(300));
    sim.finish();
    assert_eq!(invited(&sim, CAROL), ["sip:carol@10.0.3.1"]);
}
