//! However a header is written, the rule that is to strip it strips it, and what is ours stays ours; User-to-User crosses as it came.

use crate::worded;
use tandem_phone::{Outcome, Script};
use tandem_sim::{ALICE, BOB, CORE, ms};

/// What bob gets of an INVITE of alice's with these lines in it; nothing if it goes no further.
fn crossed(alice: &str, bob: &str, lines: &str) -> Option<String> {
    let mut sim = worded(alice, bob);
    sim.expect(BOB, Script::new().reply(50, 486));
    sim.send_raw(
        ALICE,
        format!(
            "INVITE sip:111@{CORE} SIP/2.0\r\nVia: SIP/2.0/UDP {ALICE};branch=z9hG4bKsmuggler\r\nFrom: <sip:alice@{ALICE}>;tag=s\r\n\
             To: <sip:111@{CORE}>\r\nCall-ID: smuggler\r\nCSeq: 1 INVITE\r\nContact: <sip:alice@{ALICE}>\r\nMax-Forwards: 70\r\n{lines}\
             Content-Length: 0\r\n\r\n"
        ),
    );
    sim.run_for(ms(500));
    let invite = sim.phone(BOB).heard("INVITE").find(|message| message.is_request())?;
    Some(String::from_utf8_lossy(&invite.print()).into_owned())
}

const ALL: &str = "headers_out = { pass = [\"*\"], remove = [\"X-Secret\", \"Subject\", \"Referred-By\"] }";

#[test]
fn a_rule_that_strips_a_header_strips_it_however_it_is_written() {
    for lines in [
        "X-Secret: hidden\r\n",
        "x-sECRET:hidden\r\n",
        "X-Secret : hidden\r\n",
        "X-Secret\t \t: hidden\r\n",
        "X-Secret:\r\n hidden\r\n",
        "X-Secret :\r\n\t hidden\r\n",
        "X-Other: 1,\r\n\t2\r\nX-Secret: hidden\r\n",
        "s: hidden\r\n",
        "S : hidden\r\n",
        "sUBJECT : hidden\r\n",
        "b: <sip:hidden@example.com>\r\n",
        "B\t: <sip:hidden@example.com>\r\n",
        "P-Asserted-Identity : <sip:hidden@example.com>\r\n",
        "P-ASSERTED-IDENTITY:\r\n <sip:hidden@example.com>\r\n",
        "p-preferred-identity\t: <sip:hidden@example.com>\r\n",
        "remote-party-id :<sip:hidden@example.com>\r\n",
        "Record-Route : <sip:hidden@example.com;lr>\r\n",
        "Proxy-Authorization : Digest username=\"hidden\"\r\n",
    ] {
        let invite = crossed("", ALL, lines).unwrap_or_default();
        assert!(!invite.contains("hidden"), "{lines:?} came out in {invite}");
    }
}

#[test]
fn nothing_in_a_value_becomes_a_header() {
    for lines in [
        "X-A: 1\rX-Secret: hidden\r\n",
        "X-A: 1\nX-Secret: hidden\r\n",
        "X-A: 1\r\n\r\nX-Secret: hidden\r\n",
        "X-A: 1\u{b}X-Secret: hidden\r\n",
        "X-A: 1\0X-Secret: hidden\r\n",
        "X-A\r\n : 1\r\nX-Secret: hidden\r\n",
    ] {
        let invite = crossed("", ALL, lines).unwrap_or_default();
        let is_line = |line: &str| line.trim_start().to_ascii_lowercase().starts_with("x-secret");
        assert!(!invite.split(['\r', '\n', '\u{b}', '\0']).any(is_line), "{lines:?} came out in {invite}");
    }
}

#[test]
fn what_folds_comes_out_on_one_line() {
    let invite = crossed("", ALL, "X-Long: one,\r\n two\r\n\tthree\r\n").unwrap_or_default();
    assert!(invite.contains("\r\nX-Long: one, two three\r\n"), "{invite}");
}

const UUI: [&str; 4] = [
    "56a390f3d2b7310023;encoding=hex;purpose=foo;content=bar",
    "\"a, quoted; value\";purpose=\"x\"",
    "00ff;encoding=hex,11ee;encoding=hex;purpose=isdn-uui;content=isdn-uui",
    "token.value;other-param",
];

#[test]
fn user_to_user_crosses_whole_and_as_often_as_it_came() {
    let lines: String = UUI.iter().map(|value| format!("User-to-User: {value}\r\n")).collect();
    let invite = crossed("", "headers_out = { pass = [\"User-to-User\"] }", &lines).unwrap_or_default();
    let got: Vec<&str> = invite.lines().filter_map(|line| line.strip_prefix("User-To-User: ")).collect();
    assert_eq!(got, UUI);
    let dropped = crossed("", "headers_out = { pass = [\"*\"], remove = [\"user-to-user\"] }", &lines).unwrap_or_default();
    assert!(!dropped.contains("User-To-User"));
    let kept = crossed("headers_in = { pass = [] }", "headers_out = { pass = [\"User-to-User\"] }", &lines).unwrap_or_default();
    assert!(!kept.contains("User-To-User"));
    let set = crossed("", "headers_out = { pass = [\"*\"], set = { User-to-User = \"04c8;encoding=hex\" } }", &lines).unwrap_or_default();
    assert_eq!(set.matches("ser-to-").count() + set.matches("ser-To-").count(), 1, "{set}");
    let none = crossed("", "", &lines).unwrap_or_default();
    assert!(!none.contains("56a390f3"));
}

#[test]
fn more_user_to_user_than_may_cross_refuses_the_call() {
    let long = format!("User-to-User: {}\r\n", "a".repeat(4100));
    let mut sim = worded("", "headers_out = { pass = [\"User-to-User\"] }");
    let edits = vec![tandem_phone::Edit::add("User-to-User", &"a".repeat(4100)); 2];
    let place = tandem_phone::Place { edits, ..tandem_phone::Place::new(&sim.uri(ALICE, "111")) };
    sim.place_with(ALICE, place);
    sim.settle();
    assert_eq!(sim.call(ALICE).outcome, Some(Outcome::Failed(513)));
    sim.finish();
    assert!(crossed("", "headers_out = { pass = [\"User-to-User\"] }", &long).is_some_and(|invite| invite.contains(&"a".repeat(4100))));
}
