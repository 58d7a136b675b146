//! `called_from`: where the called number stands in a trunk's calls.

use crate::{invite_of, worded};
use tandem_phone::{Edit, Outcome, Place, Script};
use tandem_sim::{ALICE, Sim};

const TO: &str = "<sip:222@10.0.0.1>";
const PARTY: &str = "\"Line\" <sip:333;phone-context=x@10.0.0.1>";

fn called(keys: &str, edits: &[Edit]) -> String {
    let mut sim = worded(keys, "");
    let invite = invite_of(&mut sim, "111", edits);
    sim.finish();
    assert_eq!(invite.header("To").map(|to| to.trim_matches(['<', '>'])), Some(invite.uri()), "To and Request-URI of ours are one");
    invite.uri().to_owned()
}

#[test]
fn it_is_the_request_uri_unless_said_otherwise() {
    let edits = [Edit::set("To", TO), Edit::add("P-Called-Party-ID", PARTY)];
    assert_eq!(called("", &edits), "sip:111@10.0.2.1");
    assert_eq!(called("called_from = \"request-uri\"", &edits), "sip:111@10.0.2.1");
    assert_eq!(called("called_from = \"to\"", &edits), "sip:222@10.0.2.1");
    assert_eq!(called("called_from = \"p-called-party-id\"", &edits), "sip:333@10.0.2.1");
}

#[test]
fn what_is_not_there_is_taken_from_the_request_uri() {
    let party = "called_from = \"p-called-party-id\"";
    assert_eq!(called(party, &[]), "sip:111@10.0.2.1");
    assert_eq!(called(party, &[Edit::add("P-Called-Party-ID", "<sip:10.0.0.1>")]), "sip:111@10.0.2.1");
    assert_eq!(called(party, &[Edit::add("P-Called-Party-ID", "<>")]), "sip:111@10.0.2.1");
    assert_eq!(called("called_from = \"to\"", &[Edit::set("To", "<sip:10.0.0.1>")]), "sip:111@10.0.2.1");
}

#[test]
fn a_tel_uri_has_a_number_too() {
    assert_eq!(called("called_from = \"to\"", &[Edit::set("To", "<tel:+4930555;ext=1>")]), "sip:+4930555@10.0.2.1");
}

#[test]
fn routes_see_that_number() {
    let mut sim: Sim = worded("called_from = \"to\"", "");
    let edits = vec![Edit::set("To", "<sip:barred@10.0.0.1>")];
    let place = Place { edits, ..Place::new(&sim.uri(ALICE, "111")).script(Script::new()) };
    sim.place_with(ALICE, place);
    sim.finish();
    assert_eq!(sim.call(ALICE).outcome, Some(Outcome::Failed(403)));
}
