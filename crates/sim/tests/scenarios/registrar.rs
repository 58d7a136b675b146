//! REGISTER as RFC 3261 §10.3 has it answered.

use crate::house::{contacts, house, own, registered};
use tandem_model::Fate;
use tandem_phone::{Edit, Register};
use tandem_sim::{ALICE, CAROL, Sim, secs};

fn query() -> Register {
    Register::query("house.example")
}

fn status(sim: &mut Sim, register: &Register) -> u16 {
    sim.register(ALICE, register).status()
}

#[test]
fn a_phone_registers_and_is_told_what_holds() {
    let mut sim = house(1);
    let answer = sim.register(ALICE, &own(&sim, ALICE).expires(600));
    assert_eq!(answer.status(), 200);
    assert_eq!(contacts(&answer), ["<sip:alice@10.0.1.1:5060>;expires=600"]);
    assert_eq!(answer.header("Date"), Some("Tue, 14 Nov 2023 22:13:21 GMT"));
    sim.run_for(secs(100));
    assert_eq!(contacts(&sim.register(ALICE, &query())), ["<sip:alice@10.0.1.1:5060>;expires=500"], "a query changes nothing");
    assert_eq!(sim.core().registrations(), [("alice", Fate::Added, 1)]);
    sim.finish();
}

#[test]
fn a_refresh_takes_the_place_of_what_it_refreshes() {
    let mut sim = house(2);
    registered(&mut sim, &[ALICE]);
    sim.run_for(secs(60));
    let answer = sim.register(ALICE, &own(&sim, ALICE).expires(300));
    assert_eq!(contacts(&answer), ["<sip:alice@10.0.1.1:5060>;expires=300"]);
    assert_eq!(sim.core().registrations(), [("alice", Fate::Added, 1), ("alice", Fate::Refreshed, 1)]);
    sim.finish();
}

#[test]
fn what_nobody_refreshes_ends() {
    let mut sim = house(3);
    sim.register(ALICE, &own(&sim, ALICE).expires(60));
    sim.run_for(secs(59));
    assert_eq!(sim.core().bindings().of("alice").len(), 1);
    sim.run_for(secs(2));
    assert!(sim.core().bindings().of("alice").is_empty());
    assert_eq!(sim.core().registrations(), [("alice", Fate::Added, 1), ("alice", Fate::Expired, 0)]);
    sim.finish();
}

#[test]
fn how_long_is_within_what_is_configured() {
    let mut sim = house(4);
    let told = |sim: &mut Sim, register: &Register| contacts(&sim.register(ALICE, register)).join("; ");
    assert!(told(&mut sim, &own(&house(4), ALICE)).ends_with(";expires=1800"), "nothing said: the default, cut to the longest");
    assert!(told(&mut sim, &own(&house(4), ALICE).expires(86_400)).ends_with(";expires=1800"));
    let one = "<sip:alice@10.0.1.1:5060>;expires=90";
    assert!(told(&mut sim, &query().contact(one).expires(600)).ends_with(";expires=90"), "the parameter goes before the header");
    let answer = sim.register(ALICE, &own(&house(4), ALICE).expires(59));
    assert_eq!((answer.status(), answer.header("Min-Expires")), (423, Some("60")));
    let odd = own(&house(4), ALICE).edit(Edit::set("Expires", "soon"));
    assert!(told(&mut sim, &odd).ends_with(";expires=1800"), "§10.3: as an hour");
    sim.finish();
}

#[test]
fn several_contacts_come_together_or_not_at_all() {
    let mut sim = house(5);
    let two = query().contact("<sip:a@10.0.1.1>;q=0.5;expires=120").contact("<sip:b@10.0.1.1:5070>").expires(600);
    let answer = sim.register(ALICE, &two);
    assert_eq!(contacts(&answer), ["<sip:a@10.0.1.1>;expires=120;q=0.500", "<sip:b@10.0.1.1:5070>;expires=600"]);
    let one_too_short = query().contact("<sip:c@10.0.1.1>").contact("<sip:d@10.0.1.1>;expires=5").expires(600);
    assert_eq!(status(&mut sim, &one_too_short), 423);
    assert_eq!(contacts(&sim.register(ALICE, &query())).len(), 2, "neither came");
    let one_goes = query().contact("<sip:a@10.0.1.1>;expires=0").contact("<sip:e@10.0.1.1>").expires(600);
    assert_eq!(contacts(&sim.register(ALICE, &one_goes)), ["<sip:b@10.0.1.1:5070>;expires=600", "<sip:e@10.0.1.1>;expires=600"]);
    sim.finish();
}

#[test]
fn a_user_has_as_many_contacts_as_may_be() {
    let mut sim = house(6);
    for number in 0..3 {
        assert_eq!(status(&mut sim, &query().contact(&format!("<sip:{number}@10.0.1.1>"))), 200);
    }
    assert_eq!(status(&mut sim, &query().contact("<sip:3@10.0.1.1>")), 403);
    assert_eq!(status(&mut sim, &query().contact("<sip:2@10.0.1.1>")), 200, "a refresh is no more");
    assert_eq!(status(&mut sim, &query().contact("<sip:2@10.0.1.1>;expires=0").contact("<sip:3@10.0.1.1>")), 200);
    assert_eq!(sim.core().bindings().of("alice").len(), 3);
    sim.finish();
}

#[test]
fn uris_are_compared_and_not_their_letters() {
    let mut sim = house(7);
    status(&mut sim, &query().contact("<sip:%61lice@10.0.1.1;transport=UDP>"));
    let answer = sim.register(ALICE, &query().contact("<sip:alice@10.0.1.1;transport=udp>"));
    assert_eq!(contacts(&answer).len(), 1, "{answer:?}");
    status(&mut sim, &query().contact("<sip:Alice@10.0.1.1;transport=udp>"));
    assert_eq!(contacts(&sim.register(ALICE, &query())).len(), 2, "the user part has case");
    sim.finish();
}

#[test]
fn a_star_removes_all_alone_and_with_zero() {
    let mut sim = house(8);
    registered(&mut sim, &[ALICE]);
    assert_eq!(status(&mut sim, &query().contact("*")), 400);
    assert_eq!(status(&mut sim, &query().contact("*").expires(60)), 400);
    assert_eq!(status(&mut sim, &query().contact("*").contact("<sip:alice@10.0.1.1:5060>").expires(0)), 400);
    assert_eq!(sim.core().bindings().of("alice").len(), 1);
    let answer = sim.register(ALICE, &query().contact("*").expires(0));
    assert_eq!((answer.status(), contacts(&answer).len()), (200, 0));
    assert_eq!(sim.core().registrations().last(), Some(&("alice", Fate::Removed, 0)));
    sim.finish();
}

#[test]
fn what_comes_late_changes_nothing() {
    let mut sim = house(9);
    registered(&mut sim, &[ALICE]);
    let known = sim.core().bindings().of("alice")[0].cseq;
    let late = |register: Register, by: u32| register.edit(Edit::set("CSeq", &format!("{} REGISTER", known - by)));
    // The answer to its challenge has the next number.
    assert_eq!(status(&mut sim, &late(own(&house(9), ALICE).expires(0), 1)), 500);
    assert_eq!(status(&mut sim, &late(query().contact("*").expires(0), 2)), 500);
    assert_eq!(sim.core().bindings().of("alice").len(), 1);
    let other = own(&house(9), ALICE).expires(0).edit(Edit::set("CSeq", "1 REGISTER")).edit(Edit::set("Call-ID", "another"));
    assert_eq!(status(&mut sim, &other), 200, "of another Call-ID any number is new");
    assert!(sim.core().bindings().of("alice").is_empty());
    sim.finish();
}

#[test]
fn one_registers_nobody_but_oneself() {
    let mut sim = house(10);
    assert_eq!(status(&mut sim, &own(&house(10), ALICE).user("carol")), 403);
    assert_eq!(status(&mut sim, &own(&house(10), ALICE).user("nobody")), 403, "whether or not there is such a user");
    assert_eq!(status(&mut sim, &Register::query("elsewhere.example").contact("<sip:alice@10.0.1.1>")), 404);
    assert_eq!(status(&mut sim, &Register::query("10.0.0.1").contact("<sip:alice@10.0.1.1>")), 200, "our address is ours");
    sim.finish();
}

#[test]
fn what_cannot_be_a_contact_is_refused() {
    let mut sim = house(11);
    for contact in ["<mailto:alice@house.example>", "<sip:alice@10.0.1.1?X-A=b>", "<sip:>", "<sip:a@10.0.1.1>;q=7"] {
        assert_eq!(status(&mut sim, &query().contact(contact)), 400, "{contact}");
    }
    let long = format!("<sip:{}@10.0.1.1>", "a".repeat(600));
    assert_eq!(status(&mut sim, &query().contact(&long)), 400);
    let answer = sim.register(ALICE, &query().edit(Edit::add("Require", "gruu")));
    assert_eq!((answer.status(), answer.header("Unsupported")), (420, Some("gruu")));
    assert!(sim.core().bindings().users().is_empty());
    sim.finish();
}

#[test]
fn who_does_not_know_the_password_is_told_the_same_as_who_is_unknown() {
    let refusals = [("alice", "wrong"), ("carol", "w0nder"), ("nobody", "w0nder"), ("", "")].map(|(user, password)| {
        let mut sim = house(12);
        sim.phone_mut(ALICE).setup_mut().login = Some((user.into(), password.into()));
        let answer = sim.register(ALICE, &own(&sim, ALICE));
        assert!(sim.core().bindings().users().is_empty());
        let length = |name: &str| answer.list(name).iter().map(|value| value.len()).collect::<Vec<_>>();
        let told = (answer.status(), answer.headers.iter().map(|(name, _)| name.clone()).collect::<Vec<_>>(), length("WWW-Authenticate"));
        sim.finish();
        told
    });
    assert_eq!(refusals[0].0, 401);
    assert!(refusals.windows(2).all(|pair| pair[0] == pair[1]), "{refusals:?}");
}

#[test]
fn each_request_of_a_stranger_is_asked_whose_it_is() {
    let mut sim = house(13);
    for phone in [ALICE, CAROL] {
        sim.phone_mut(phone).setup_mut().login = None;
    }
    for method in ["REGISTER", "OPTIONS", "MESSAGE", "SUBSCRIBE", "PUBLISH", "INFO"] {
        let register = own(&house(13), ALICE).edit(Edit::Method(method.into())).edit(Edit::set("CSeq", &format!("7 {method}")));
        assert_eq!(sim.register(ALICE, &register).status(), 401, "{method}");
    }
    assert_eq!(sim.core().held().2, 0, "nothing is kept of them");
    sim.finish();
}

#[test]
fn a_reload_takes_the_bindings_of_those_who_are_no_users_any_more() {
    let mut sim = house(14);
    registered(&mut sim, &[ALICE, CAROL]);
    let without_carol = crate::house::HOUSE.replace("name = \"carol\"\npassword = \"s1nger\"", "name = \"dave\"\npassword = \"x\"");
    let without_carol = without_carol.replace("\"user:carol\"", "\"user:dave\"");
    sim.reload(&without_carol);
    assert_eq!(sim.core().bindings().users(), ["alice".into()]);
    assert_eq!(sim.core().registrations().last(), Some(&("carol", Fate::Removed, 0)));
    assert_eq!(sim.register(CAROL, &own(&sim, CAROL)).status(), 401);
    sim.finish();
}

/// The algorithms that a 401 asks for, in their order; the User-Agent of the phone is this.
fn asked_by(keys: &str, agent: &str) -> Vec<String> {
    let text = crate::house::HOUSE.replacen("[registrar]\n", &format!("[registrar]\n{keys}\n"), 1);
    let mut sim = crate::house::house_of(60, &text);
    let register = own(&sim, ALICE).expires(600).edit(Edit::set("User-Agent", agent));
    assert_eq!(sim.register(ALICE, &register).status(), 200, "{keys}");
    let asked = sim.phone(ALICE).heard("REGISTER").find(|answer| answer.status() == 401).expect("it is asked").clone();
    sim.finish();
    let lines = asked.headers.iter().filter(|(name, _)| name == "WWW-Authenticate");
    lines.map(|(_, value)| if value.contains("algorithm=SHA-256") { "sha-256".to_owned() } else { "md5".to_owned() }).collect()
}

#[test]
fn users_are_asked_by_what_the_file_says_and_in_that_order() {
    assert_eq!(asked_by("", "x"), ["sha-256", "md5"], "RFC 8760 §2.4: a header each, the best first");
    assert_eq!(asked_by("algorithms = [\"md5\", \"sha-256\"]", "x"), ["md5", "sha-256"]);
    assert_eq!(asked_by("algorithms = [\"md5\"]", "x"), ["md5"]);
    // What a phone says of itself gets it nothing that the file does not offer.
    assert_eq!(asked_by("", "baresip v1.0.0"), ["md5"]);
    assert_eq!(asked_by("algorithms = [\"sha-256\"]", "baresip v1.0.0"), ["sha-256"]);
}
