//! Users call and are called: where they registered, and as whom.

use crate::house::{ALICE_2, HOUSE, contacts, house, house_of, own, registered};
use crate::statuses;
use tandem_model::EndReason;
use tandem_phone::{Act, Edit, Message, Outcome, Place, Refer, Script};
use tandem_sim::{ALICE, BOB, CAROL, Sim, secs};

fn invited(sim: &Sim, phone: std::net::SocketAddr) -> Message {
    sim.phone(phone).heard("INVITE").find(|message| message.is_request()).expect("it is called").clone()
}

#[test]
fn a_registered_phone_is_called() {
    let mut sim = house(1);
    registered(&mut sim, &[ALICE]);
    sim.expect(ALICE, Script::answers(500));
    sim.place(BOB, "alice", Script::new().bye(1000));
    sim.finish();
    assert_eq!(statuses(&sim, BOB), [100, 180, 200]);
    assert_eq!(invited(&sim, ALICE).uri(), "sip:alice@10.0.1.1:5060");
    assert_eq!(sim.end_reason(), Some(EndReason::CallerHungUp));
    let record = sim.core().records().next().expect("a record");
    assert_eq!(record.legs.iter().map(|leg| &*leg.endpoint).collect::<Vec<_>>(), ["trunk:bob", "user:alice"]);
}

#[test]
fn who_has_not_registered_cannot_be_reached() {
    let mut sim = house(2);
    sim.place(BOB, "alice", Script::new());
    sim.settle();
    assert_eq!(sim.call(BOB).outcome, Some(Outcome::Failed(480)));
    sim.finish();
}

#[test]
fn a_user_calls_a_trunk_and_a_user() {
    let mut sim = house(3);
    registered(&mut sim, &[CAROL]);
    sim.expect(BOB, Script::answers(500)).expect(CAROL, Script::answers(500));
    sim.place(ALICE, "private", Script::new().bye(1000));
    sim.settle();
    sim.place(ALICE, "carol", Script::new().bye(1000));
    sim.finish();
    assert_eq!(statuses(&sim, ALICE), [401, 100, 180, 200]);
    let legs: Vec<Vec<Box<str>>> =
        sim.core().records().map(|record| record.legs.iter().map(|leg| leg.endpoint.clone()).collect()).collect();
    assert_eq!(legs, [vec!["user:alice".into(), "trunk:bob".into()], vec!["user:alice".into(), "user:carol".into()]]);
}

#[test]
fn a_route_for_users_is_no_trunk_s() {
    let mut sim = house(4);
    sim.place(BOB, "private", Script::new());
    sim.settle();
    assert_eq!(sim.call(BOB).outcome, Some(Outcome::Failed(404)));
    sim.finish();
}

#[test]
fn a_user_is_who_has_proved_it_and_not_who_it_says() {
    let from = |edit: &str, caller: std::net::SocketAddr| {
        let mut sim = house(5);
        sim.expect(BOB, Script::answers(100));
        let place = Place::new(&sim.uri(caller, "bob")).script(Script::new().bye(500));
        sim.place_with(caller, if edit.is_empty() { place } else { place.edit(Edit::set("From", edit)) });
        sim.settle();
        let from = invited(&sim, BOB).header("From").unwrap_or_default().to_owned();
        sim.finish();
        from.split(";tag").next().unwrap_or_default().to_owned()
    };
    assert_eq!(from("", ALICE), "<sip:alice@house.example>");
    assert_eq!(from("\"Alice L\" <sip:alice@anywhere>;tag=1", ALICE), "\"Alice L\" <sip:alice@house.example>");
    assert_eq!(from("\"The Queen\" <sip:queen@palace>;tag=1", ALICE), "<sip:alice@house.example>");
    assert_eq!(from("\"Carol\" <sip:carol@house.example>;tag=1", CAROL), "\"Carol\" <sip:+4930333@house.example>");
    assert_eq!(from("\"Carol\" <sip:+4930333@x>;tag=1", CAROL), "\"Carol\" <sip:+4930333@house.example>");
}

/// What bob's trunk, which is told everything, gets of alice's call.
fn told(alice: &str, bob: &str, edits: &[(&str, &str)]) -> Message {
    let text = HOUSE
        .replace("name = \"alice\"\n", &format!("name = \"alice\"\n{alice}\n"))
        .replace("name = \"bob\"\n", &format!("name = \"bob\"\nheaders_out = {{ pass = [\"*\"] }}\n{bob}\n"));
    let mut sim = house_of(5, &text);
    sim.expect(BOB, Script::answers(100));
    let place = Place::new(&sim.uri(ALICE, "bob")).script(Script::new().bye(500));
    sim.place_with(ALICE, edits.iter().fold(place, |place, (name, value)| place.edit(Edit::add(name, value))));
    sim.finish();
    invited(&sim, BOB)
}

#[test]
fn what_is_asserted_of_a_user_is_its_own_number_whatever_it_prefers() {
    let identity = "<sip:carol@house.example>";
    for (caller_id, name) in [("pai", "P-Asserted-Identity"), ("ppi", "P-Preferred-Identity"), ("rpid", "Remote-Party-ID")] {
        let edits =
            [("P-Preferred-Identity", identity), ("P-Asserted-Identity", identity), ("Remote-Party-ID", identity), ("Privacy", "id")];
        for (number, own) in [("", "<sip:alice@house.example>"), ("number = \"+4930111\"", "<sip:+4930111@house.example>")] {
            let invite = told(number, &format!("caller_id = \"{caller_id}\""), &edits);
            let said = invite.list(name);
            let screened = format!("{own};party=calling;screen=yes;privacy=full");
            assert_eq!(said, [if caller_id == "rpid" { &screened } else { own }], "{invite:?}");
            let text = String::from_utf8_lossy(&invite.print()).into_owned();
            assert!(!text.contains("carol") && invite.header("Privacy") == Some("id"), "{text}");
        }
    }
}

#[test]
fn what_a_phone_says_of_ranks_rights_and_the_past_is_not_believed() {
    let said: [(&str, &str); 21] = [
        ("Diversion", "<sip:+4930110@x>;reason=user-busy"),
        ("History-Info", "<sip:+4930110@x>;index=1"),
        ("Referred-By", "<sip:+4930110@x>"),
        ("P-Asserted-Identity", "<sip:+4930110@x>"),
        ("P-Preferred-Identity", "<sip:+4930110@x>"),
        ("Remote-Party-ID", "<sip:+4930110@x>;screen=yes"),
        ("P-Charging-Vector", "icid-value=x"),
        ("P-Charging-Function-Addresses", "ccf=x"),
        ("P-Charge-Info", "<sip:+4930110@x>"),
        ("P-Access-Network-Info", "3GPP-GERAN"),
        ("P-Visited-Network-ID", "x"),
        ("P-Served-User", "<sip:+4930110@x>"),
        ("P-Asserted-Service", "urn:x"),
        ("P-Early-Media", "sendrecv"),
        ("Identity", "x"),
        ("Geolocation", "<sip:x@y>"),
        ("Resource-Priority", "ets.0"),
        ("Priority", "emergency"),
        ("Reason", "Q.850;cause=16"),
        ("X-Trusted", "yes"),
        ("Answer-Mode", "Auto"),
    ];
    let names = |invite: &Message| said.iter().filter(|(name, _)| invite.header(name).is_some()).map(|(name, _)| *name).collect::<Vec<_>>();
    let own = [("Subject", "Lunch"), ("User-to-User", "56a3"), ("User-Agent", "phone"), ("Accept-Language", "de")];
    let all = [&said[..], &own[..]].concat();
    let keys = "diversion = \"pass\"\nhistory_info = \"pass\"";
    for bob in ["", keys] {
        let invite = told("", bob, &all);
        assert_eq!(names(&invite), Vec::<&str>::new(), "{bob}");
        assert!(own.iter().all(|(name, _)| invite.header(name).is_some()), "{bob}");
    }
    let some = told("headers_in = { pass = [\"X-*\", \"Diversion\"] }", keys, &all);
    assert_eq!(names(&some), ["Diversion", "X-Trusted"]);
    assert!(own.iter().all(|(name, _)| some.header(name).is_none()), "the file says it all");
    let fewer = told("headers_in = { remove = [\"Subject\"], set = { X-Phone = \"yes\" } }", "", &all);
    assert_eq!((fewer.header("Subject"), fewer.header("User-to-User"), fewer.header("X-Phone")), (None, Some("56a3"), Some("yes")));
}

#[test]
fn a_call_without_the_password_goes_nowhere() {
    let mut sim = house(6);
    sim.phone_mut(ALICE).setup_mut().login = Some(("alice".into(), "wrong".into()));
    sim.place(ALICE, "bob", Script::new());
    sim.settle();
    assert_eq!((statuses(&sim, ALICE), sim.core().founded()), (vec![401, 401], 0));
    sim.finish();
}

#[test]
fn all_phones_of_a_user_ring_and_one_answers() {
    let mut sim = house(7);
    registered(&mut sim, &[ALICE, ALICE_2]);
    sim.expect(ALICE, Script::new().reply(50, 180)).expect(ALICE_2, Script::answers(1000));
    sim.place(BOB, "alice", Script::new().bye(500));
    sim.finish();
    assert_eq!(statuses(&sim, BOB), [100, 180, 200]);
    assert_eq!(sim.call(ALICE).outcome, Some(Outcome::Failed(487)));
    assert_eq!(sim.call(ALICE_2).outcome, Some(Outcome::TheyHungUp));
}

#[test]
fn all_phones_of_a_user_ring_before_the_next_endpoint_is_tried() {
    let mut sim = house(8);
    registered(&mut sim, &[ALICE, ALICE_2]);
    sim.expect(ALICE, Script::new().reply(50, 503)).expect(ALICE_2, Script::new().reply(400, 500)).expect(BOB, Script::answers(100));
    sim.place(CAROL, "alice-or-bob", Script::new().bye(500));
    sim.finish();
    assert_eq!(statuses(&sim, CAROL), [401, 100, 180, 200]);
    assert_eq!(sim.call(ALICE).outcome, Some(Outcome::Failed(503)));
}

#[test]
fn a_final_answer_of_one_phone_is_that_of_the_user() {
    let mut sim = house(9);
    registered(&mut sim, &[ALICE, ALICE_2]);
    sim.expect(ALICE, Script::new().reply(50, 503)).expect(ALICE_2, Script::new().reply(400, 486));
    sim.place(CAROL, "alice-or-bob", Script::new());
    sim.finish();
    assert_eq!(sim.call(CAROL).outcome, Some(Outcome::Failed(486)));
    assert!(sim.phone(BOB).calls().is_empty());
}

#[test]
fn ringing_that_was_heard_ends_the_search() {
    let mut sim = house(10);
    registered(&mut sim, &[ALICE, ALICE_2]);
    sim.expect(ALICE, Script::new().reply(50, 503)).expect(ALICE_2, Script::new().reply(100, 180).reply(400, 503));
    sim.place(CAROL, "alice-or-bob", Script::new());
    sim.finish();
    assert_eq!(sim.call(CAROL).outcome, Some(Outcome::Failed(500)), "503 is ours to keep");
    assert!(sim.phone(BOB).calls().is_empty());
}

#[test]
fn users_are_members_of_groups_with_all_their_phones() {
    let mut sim = house(11);
    registered(&mut sim, &[ALICE, ALICE_2, CAROL]);
    for phone in [ALICE, ALICE_2] {
        sim.expect(phone, Script::new().reply(50, 180));
    }
    sim.expect(CAROL, Script::answers(1000));
    sim.place(BOB, "both", Script::new().bye(500));
    sim.finish();
    assert_eq!(statuses(&sim, BOB), [100, 180, 200]);
    assert_eq!([ALICE, ALICE_2].map(|phone| sim.call(phone).outcome), [Some(Outcome::Failed(487)); 2]);
}

#[test]
fn the_phones_of_a_user_share_a_turn() {
    let mut sim = house(12);
    registered(&mut sim, &[ALICE, ALICE_2, CAROL]);
    for phone in [ALICE, ALICE_2] {
        sim.expect(phone, Script::new().reply(50, 180));
    }
    sim.expect(CAROL, Script::answers(1000));
    sim.place(BOB, "hunt", Script::new().bye(500));
    sim.run_for(secs(5));
    assert_eq!([ALICE, ALICE_2, CAROL].map(|phone| sim.phone(phone).calls().len()), [1, 1, 0]);
    sim.finish();
    assert_eq!([ALICE, ALICE_2].map(|phone| sim.call(phone).outcome), [Some(Outcome::Failed(487)); 2]);
    assert_eq!(sim.call(CAROL).outcome, Some(Outcome::TheyHungUp));
}

#[test]
fn a_group_does_without_those_who_have_not_registered() {
    let mut sim = house(13);
    registered(&mut sim, &[CAROL]);
    sim.expect(CAROL, Script::answers(1000));
    sim.place(BOB, "both", Script::new().bye(500));
    sim.finish();
    assert_eq!(statuses(&sim, BOB), [100, 180, 200]);
}

#[test]
fn a_phone_that_left_rings_no_more() {
    let mut sim = house(14);
    registered(&mut sim, &[ALICE, ALICE_2]);
    let answer = sim.register(ALICE, &own(&sim, ALICE).expires(0));
    assert_eq!(contacts(&answer).len(), 1);
    sim.expect(ALICE_2, Script::answers(100));
    sim.place(BOB, "alice", Script::new().bye(500));
    sim.finish();
    assert!(sim.phone(ALICE).calls().is_empty());
}

#[test]
fn a_user_who_wants_to_be_nobody_is_nobody_and_not_who_it_says() {
    let mut sim = house(15);
    sim.expect(BOB, Script::answers(100));
    let place = Place::new(&sim.uri(ALICE, "bob")).script(Script::new().bye(500));
    sim.place_with(ALICE, place.edit(Edit::set("From", "<sip:queen@palace>;tag=1")).edit(Edit::set("Privacy", "id")));
    sim.settle();
    let from = invited(&sim, BOB).header("From").unwrap_or_default().to_owned();
    assert!(from.contains("anonymous") && !from.contains("queen"), "{from}");
    sim.finish();
}

#[test]
fn a_user_transfers_where_it_could_have_called_itself() {
    let mut sim = house(16);
    registered(&mut sim, &[ALICE, CAROL]);
    sim.expect(ALICE, Script::answers(100)).expect(CAROL, Script::answers(100));
    sim.place(BOB, "alice", Script::new().bye(3000));
    sim.run_until_talking(BOB, ALICE);
    sim.act(ALICE, Act::Refer(Refer::to("sip:carol@house.example")));
    sim.finish();
    assert_eq!(sim.call(CAROL).outcome, Some(Outcome::TheyHungUp));
    assert_eq!(sim.call(BOB).outcome, Some(Outcome::WeHungUp));
}

#[test]
fn a_transfer_rings_all_phones_of_a_user() {
    let mut sim = house(17);
    registered(&mut sim, &[ALICE, ALICE_2, CAROL]);
    sim.expect(CAROL, Script::answers(100)).expect(ALICE, Script::new().reply(50, 180)).expect(ALICE_2, Script::answers(500));
    sim.place(BOB, "carol", Script::new().bye(4000));
    sim.run_until_talking(BOB, CAROL);
    sim.act(CAROL, Act::Refer(Refer::to("sip:alice@house.example")));
    sim.finish();
    assert_eq!(sim.phone(ALICE).calls().len(), 1);
    assert_eq!(sim.call(ALICE_2).outcome, Some(Outcome::TheyHungUp));
}

#[test]
fn who_is_transferred_is_shown_as_when_it_calls_itself() {
    let text = HOUSE.replacen("name = \"bob\"\n", "name = \"bob\"\nrefer = \"execute\"\n", 1);
    // Who calls whom, and transfers it where; carol has a number.
    let cases = [
        (CAROL, "alice", ALICE, ALICE, "bob", BOB),
        (CAROL, "bob", BOB, BOB, "alice", ALICE),
        (BOB, "carol", CAROL, BOB, "alice", ALICE),
        (ALICE, "carol", CAROL, ALICE, "bob", BOB),
    ];
    for (caller, called, callee, by, number, target) in cases {
        let mut sim = house_of(18, &text);
        registered(&mut sim, &[ALICE, CAROL]);
        sim.expect(callee, Script::answers(100)).expect(target, Script::answers(100));
        sim.place(caller, called, Script::new());
        sim.run_until_talking(caller, callee);
        sim.act(by, Act::Refer(Refer::to(&format!("sip:{number}@house.example"))));
        sim.settle();
        let from = sim.phone(target).heard("INVITE").filter(|message| message.is_request()).last().and_then(|invite| invite.header("From"));
        assert!(from.is_some_and(|from| from.contains("<sip:+4930333@house.example>")), "{called} by {by}: {from:?}");
        sim.act(CAROL, Act::Bye);
        sim.finish();
    }
}
