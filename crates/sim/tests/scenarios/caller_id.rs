//! `caller_id` and `from_domain`: where the caller's number is read, and where and how it is written.

use crate::{invite_of, worded};
use tandem_phone::{Edit, Message};

const PAI: &str = "P-Asserted-Identity";
const RPID: &str = "Remote-Party-ID";

/// What bob's trunk is told.
fn told(alice: &str, bob: &str, edits: &[Edit]) -> Message {
    let mut sim = worded(alice, bob);
    let invite = invite_of(&mut sim, "111", edits);
    sim.finish();
    invite
}

/// From without its tag.
fn from(message: &Message) -> &str {
    message.header("From").and_then(|from| from.split(";tag=").next()).unwrap_or_default()
}

/// The From of a PBX that means somebody else.
fn edits() -> Vec<Edit> {
    vec![
        Edit::add(PAI, "\"Alice \\\"A\\\"\" <sip:+49301@10.0.1.1>"),
        Edit::add(PAI, "<tel:+49302>"),
        Edit::add(RPID, "\"Desk\" <sip:303@10.0.1.1>;party=calling;privacy=off"),
    ]
}

#[test]
fn the_caller_is_read_where_the_trunk_writes_it() {
    let own = told("", "", &edits());
    assert!(from(&own).contains("<sip:alice@10.0.0.1>"), "{own:?}");
    assert_eq!(from(&told("caller_id = \"pai\"", "", &edits())), "\"Alice \\\"A\\\"\" <sip:+49301@10.0.0.1>");
    assert_eq!(from(&told("caller_id = \"rpid\"", "", &edits())), "\"Desk\" <sip:303@10.0.0.1>");
}

#[test]
fn the_first_identity_with_a_number_counts() {
    let pai = |value: &str| from(&told("caller_id = \"pai\"", "", &[Edit::add(PAI, value)])).to_owned();
    assert_eq!(pai("<sip:10.0.1.1>, <tel:+49302;ext=7>"), "<sip:+49302@10.0.0.1>");
    assert!(pai("nonsense").contains("<sip:alice@"));
    let rpid = [Edit::add(RPID, "<sip:404@10.0.1.1>;party=called"), Edit::add(RPID, "<sip:303@10.0.1.1>")];
    assert_eq!(from(&told("caller_id = \"rpid\"", "", &rpid)), "<sip:303@10.0.0.1>");
}

#[test]
fn without_the_header_from_says_it() {
    for keys in ["caller_id = \"pai\"", "caller_id = \"rpid\""] {
        assert!(from(&told(keys, "", &[])).ends_with("<sip:alice@10.0.0.1>"), "{keys}");
    }
}

#[test]
fn the_caller_is_written_where_the_trunk_reads_it() {
    let plain = told("caller_id = \"pai\"", "", &edits());
    assert_eq!((plain.header(PAI), plain.header(RPID)), (None, None), "nothing passes by itself");
    let pai = told("caller_id = \"pai\"", "caller_id = \"pai\"", &edits());
    assert_eq!(pai.list(PAI), ["\"Alice \\\"A\\\"\" <sip:+49301@10.0.0.1>"]);
    assert_eq!(from(&pai), "\"Alice \\\"A\\\"\" <sip:+49301@10.0.0.1>");
    assert_eq!(pai.header("Privacy"), None);
    let rpid = told("caller_id = \"pai\"", "caller_id = \"rpid\"", &edits());
    assert_eq!(rpid.header(RPID), Some("\"Alice \\\"A\\\"\" <sip:+49301@10.0.0.1>;party=calling;screen=yes;privacy=off"));
    let own = told("", "caller_id = \"pai\"", &[]);
    assert!(own.header(PAI).is_some_and(|pai| pai.ends_with("<sip:alice@10.0.0.1>")), "{own:?}");
}

#[test]
fn an_identity_that_is_to_be_kept_private_stays_out_of_from() {
    let mut edits = edits();
    edits.push(Edit::set("From", "\"Anonymous\" <sip:anonymous@anonymous.invalid>;tag=x"));
    edits.push(Edit::add("Privacy", "critical; ID"));
    let plain = told("caller_id = \"pai\"", "", &edits);
    assert_eq!(from(&plain), "\"Anonymous\" <sip:anonymous@anonymous.invalid>");
    assert_eq!((plain.header(PAI), plain.header("Privacy")), (None, Some("critical;ID")));
    let pai = told("caller_id = \"pai\"", "caller_id = \"pai\"", &edits);
    assert_eq!(from(&pai), "\"Anonymous\" <sip:anonymous@anonymous.invalid>");
    assert_eq!((pai.header(PAI), pai.header("Privacy")), (Some("\"Alice \\\"A\\\"\" <sip:+49301@10.0.0.1>"), Some("critical;ID")));
    let rpid = told("caller_id = \"pai\"", "caller_id = \"rpid\"", &edits);
    assert!(rpid.header(RPID).is_some_and(|value| value.ends_with(";privacy=full")), "{rpid:?}");
}

#[test]
fn a_remote_party_id_asks_for_privacy_itself() {
    let edits = [Edit::add(RPID, "<sip:303@10.0.1.1>;party=calling;privacy=full")];
    let invite = told("caller_id = \"rpid\"", "caller_id = \"pai\"", &edits);
    assert!(from(&invite).contains("<sip:alice@"), "{invite:?}");
    assert_eq!((invite.header(PAI), invite.header("Privacy")), (Some("<sip:303@10.0.0.1>"), Some("id")));
}

#[test]
fn a_remote_party_id_is_screened_as_far_as_somebody_believed_has_said() {
    let screened = |alice: &str, bob: &str, edits: &[Edit]| {
        let invite = told(alice, &format!("caller_id = \"rpid\"\n{bob}"), edits);
        let party = invite.header(RPID).unwrap_or_default().to_owned();
        assert!(party.contains(";party=calling;"), "{party}");
        party.contains(";screen=yes;")
    };
    let rpid = |params: &str| [Edit::add(RPID, &format!("<sip:303@10.0.1.1>{params}"))];
    assert!(screened("caller_id = \"rpid\"", "", &rpid(";screen=yes")));
    assert!(!screened("caller_id = \"rpid\"", "", &rpid(";screen=no")));
    assert!(!screened("caller_id = \"rpid\"", "", &rpid("")));
    assert!(!screened("caller_id = \"rpid\"", "", &[]), "From says it");
    assert!(!screened("", "", &edits()));
    assert!(!screened("caller_id = \"ppi\"", "", &[Edit::add("P-Preferred-Identity", "<sip:303@10.0.1.1>")]));
    assert!(screened("caller_id = \"pai\"", "", &edits()));
    assert!(screened("", "caller = { number = \"+49555\" }", &[]));
}

#[test]
fn a_telephone_number_is_read_without_what_is_for_the_eye() {
    let pai = |value: &str| from(&told("caller_id = \"pai\"", "", &[Edit::add(PAI, value)])).to_owned();
    assert_eq!(pai("<tel:+49-(30).1>"), "<sip:+49301@10.0.0.1>");
    assert_eq!(pai("<tel:030-1;phone-context=+49>"), "<sip:0301@10.0.0.1>");
    assert_eq!(pai("<sip:a-b.c@x>"), "<sip:a-b.c@10.0.0.1>", "a name is a name");
    let both = told("caller_id = \"pai\"", "caller_id = \"pai\"", &[Edit::add(PAI, "<tel:+49-301>, \"A\" <sip:+49301@x>")]);
    assert_eq!(both.list(PAI), ["<sip:+49301@10.0.0.1>"], "one of the pair");
}

#[test]
fn a_number_is_escaped_into_its_uri() {
    let invite = told("caller_id = \"pai\"", "caller_id = \"pai\"", &[Edit::add(PAI, "<sip:%22a%40b%3E@10.0.1.1>")]);
    assert_eq!(invite.header(PAI), Some("<sip:%22a%40b%3E@10.0.0.1>"));
}

#[test]
fn the_trunk_s_domain_goes_before_the_node_s() {
    let domain = |node: &str, keys: &str| {
        let text = tandem_sim::STANDARD.replace("name = \"sim\"", &format!("name = \"sim\"\n{node}"));
        let text = text.replace("name = \"bob\"", &format!("name = \"bob\"\ncaller_id = \"pai\"\n{keys}"));
        let mut sim = tandem_sim::Sim::with_config(1, &text);
        let invite = invite_of(&mut sim, "bob", &[]);
        sim.finish();
        let host = |name: &str| invite.header(name).and_then(|value| value.split(['@', '>']).nth(1)).map(str::to_owned);
        assert_eq!(host("From"), host(PAI));
        assert!(invite.header("Contact").is_some_and(|contact| contact.contains("@10.0.0.1:5060")), "{invite:?}");
        host("From").unwrap_or_default()
    };
    assert_eq!(domain("", ""), "10.0.0.1");
    assert_eq!(domain("domain = \"node.example\"", ""), "node.example");
    assert_eq!(domain("domain = \"node.example\"", "from_domain = \"trunk.example\""), "trunk.example");
    assert_eq!(domain("", "from_domain = \"2001:db8::1\""), "[2001:db8::1]");
}
