//! `headers_in` and `headers_out`: which headers of the caller's INVITE cross.

use crate::{invite_of, worded};
use tandem_phone::{Act, Demand, Edit, Message, Outcome, Place, Script};
use tandem_sim::{ALICE, BOB, ms};

/// What bob gets of an INVITE with these headers.
fn crossed(alice: &str, bob: &str, headers: &[(&str, &str)]) -> Message {
    let mut sim = worded(alice, bob);
    let edits: Vec<Edit> = headers.iter().map(|(name, value)| Edit::add(name, value)).collect();
    let invite = invite_of(&mut sim, "111", &edits);
    sim.finish();
    invite
}

/// The lines of the headers that begin so, in their order.
fn lines(message: &Message, start: &str) -> Vec<String> {
    let text = String::from_utf8(message.print()).unwrap_or_default();
    text.lines().take_while(|line| !line.is_empty()).filter(|line| line.starts_with(start)).map(str::to_owned).collect()
}

const SOME: &[(&str, &str)] = &[("X-A", "1"), ("X-B", "2"), ("x-a", "3, 4"), ("User-to-User", "56a3"), ("s", "Lunch"), ("X-Secret", "s")];

#[test]
fn nothing_crosses_by_itself() {
    let invite = crossed("", "", SOME);
    assert!(["X-", "x-", "User-to", "s:", "Subject"].iter().all(|name| lines(&invite, name).is_empty()), "{invite:?}");
}

#[test]
fn what_is_named_passes_in_its_order() {
    let invite = crossed("", "headers_out = { pass = [\"X-*\", \"user-to-user\", \"Subject\"], remove = [\"x-secret\"] }", SOME);
    let own = ["X-A: 1", "X-B: 2", "x-a: 3, 4", "User-To-User: 56a3", "Subject: Lunch"];
    let text: Vec<String> = lines(&invite, "");
    let crossed: Vec<&String> = text.iter().filter(|line| own.contains(&line.as_str()) || line.to_lowercase().starts_with("x-")).collect();
    assert_eq!(crossed, own);
}

#[test]
fn the_caller_s_trunk_may_let_less_in() {
    let all = "headers_out = { pass = [\"*\"] }";
    let x = |alice: &str| lines(&crossed(alice, all, SOME), "X-");
    assert_eq!(x(""), ["X-A: 1", "X-B: 2", "X-Secret: s"]);
    assert_eq!(x("headers_in = { remove = [\"X-S*\"] }"), ["X-A: 1", "X-B: 2"]);
    assert_eq!(x("headers_in = { pass = [\"X-B\"] }"), ["X-B: 2"]);
    assert_eq!(x("headers_in = { pass = [] }"), Vec::<String>::new());
    assert_eq!(x("headers_in = { pass = [\"X-A\"], set = { \"X-Who\" = \"pbx\" } }"), ["X-A: 1", "X-Who: pbx"]);
}

#[test]
fn what_is_set_takes_the_place_of_what_came() {
    let rules = "headers_out = { pass = [\"X-*\"], set = { \"X-A\" = \"ours\", \"X-Carrier\" = \"acme\" } }";
    assert_eq!(lines(&crossed("", rules, SOME), "X-"), ["X-B: 2", "X-Secret: s", "X-A: ours", "X-Carrier: acme"]);
    let alone = "headers_out = { set = { \"X-Carrier\" = \"acme\" } }";
    assert_eq!(lines(&crossed("", alone, SOME), "X-"), ["X-Carrier: acme"]);
}

#[test]
fn what_is_ours_never_crosses() {
    let theirs = &[
        ("P-Asserted-Identity", "<sip:x@10.0.1.1>"),
        ("Proxy-Authorization", "Digest username=\"x\""),
        ("Proxy-Odd", "1"),
        ("Content-Odd", "1"),
        ("Session-Expires", "90"),
        ("Supported", "odd"),
    ];
    let invite = crossed("", "headers_out = { pass = [\"*\", \"P*\", \"Content-*\"] }", theirs);
    let odd = ["P-Asserted", "Proxy-", "Content-Odd"];
    assert_eq!(lines(&invite, "Session-Expires"), ["Session-Expires: 1800"], "that of the called trunk");
    assert!(lines(&invite, "Supported").iter().all(|line| !line.contains("odd")), "{invite:?}");
    assert!(odd.iter().all(|name| lines(&invite, name).is_empty()), "{invite:?}");
}

#[test]
fn only_the_invite_that_begins_the_leg_carries_them() {
    let mut sim = worded("", "headers_out = { pass = [\"X-*\"] }");
    sim.expect(BOB, Script::answers(100));
    let place = Place { edits: vec![Edit::add("X-A", "1")], ..Place::new(&sim.uri(ALICE, "111")) };
    sim.place_with(ALICE, place);
    sim.run_until_talking(ALICE, BOB);
    sim.act(ALICE, Act::Reinvite(tandem_phone::Offer::direction(tandem_phone::sdp::Direction::SendOnly)));
    sim.run_for(ms(300));
    sim.act(ALICE, Act::Bye);
    sim.finish();
    let carries: Vec<bool> =
        sim.phone(BOB).heard("INVITE").filter(|message| message.is_request()).map(|invite| invite.header("X-A").is_some()).collect();
    assert_eq!(carries, [true, false]);
}

#[test]
fn more_than_may_cross_refuses_the_call() {
    let outcome = |headers: Vec<Edit>| {
        let mut sim = worded("", "headers_out = { pass = [\"X-*\"] }");
        sim.expect(BOB, Script::answers(100));
        let place = Place { edits: headers, ..Place::new(&sim.uri(ALICE, "111")).script(Script::new().bye(500)) };
        sim.place_with(ALICE, place);
        sim.settle();
        let outcome = sim.call(ALICE).outcome;
        sim.finish();
        outcome
    };
    let many = |count: usize| (0..count).map(|index| Edit::add(&format!("X-{index}"), "v")).collect();
    assert_eq!(outcome(many(64)), Some(Outcome::WeHungUp));
    assert_eq!(outcome(many(65)), Some(Outcome::Failed(513)));
    assert_eq!(outcome(vec![Edit::add("X-Long", &"v".repeat(8190))]), Some(Outcome::Failed(513)));
}

#[test]
fn an_invite_that_is_sent_again_with_credentials_says_the_same() {
    let keys = "login = { username = \"u\", password = \"p\" }\nproxy = \"sip:10.0.2.1:5060;lr\"\nheaders_out = { pass = [\"X-*\"], set = { X-Carrier = \"acme\" } }";
    let mut sim = worded("", &format!("caller_id = \"pai\"\n{keys}"));
    sim.phone_mut(BOB).setup_mut().demands = vec![Demand::new("u", "p")];
    sim.expect(BOB, Script::answers(100));
    let place = Place { edits: vec![Edit::add("X-A", "1")], ..Place::new(&sim.uri(ALICE, "111")).script(Script::new().bye(500)) };
    sim.place_with(ALICE, place);
    sim.finish();
    assert_eq!(sim.call(ALICE).outcome, Some(Outcome::WeHungUp));
    let invites: Vec<&Message> = sim.phone(BOB).heard("INVITE").filter(|message| message.is_request()).collect();
    let said =
        |invite: &Message| ["X-A", "X-Carrier", "P-Asserted-Identity", "Route", "To"].map(|name| invite.header(name).map(str::to_owned));
    assert_eq!(invites.len(), 2);
    assert!(said(invites[0]).iter().all(Option::is_some));
    assert_eq!(said(invites[0]), said(invites[1]));
    assert!(invites[1].header("Authorization").is_some());
}
