//! `privacy` and `caller`: what a trunk is told of a caller who asks not to be known (RFC 3323, RFC 3325).

use crate::{invite_of, worded};
use tandem_phone::{Act, Edit, Message, Offer, Outcome, Place, Reply, Script, sdp::Direction};
use tandem_sim::{ALICE, BOB, STANDARD, Sim, ms};

const OWN: &str = "<sip:alice@10.0.0.1>";
const KNOWN: &str = "\"Alice A.\" <sip:+49301@10.0.0.1>";
const NOBODY: &str = "\"Anonymous\" <sip:anonymous@anonymous.invalid>";

/// From without its tag and without the name that the phone gives itself, P-Asserted-Identity, and Privacy.
fn seen(invite: &Message) -> (String, Option<&str>, Option<&str>) {
    let from = invite.header("From").and_then(|from| from.split(";tag=").next()).unwrap_or_default();
    let from = if from.ends_with(OWN) { OWN } else { from };
    (from.to_owned(), invite.header("P-Asserted-Identity"), invite.header("Privacy"))
}

/// What bob's trunk is told of alice, whose own From has her user name and whose PBX asserts who she is.
fn told(alice: &str, bob: &str, privacy: Option<&str>) -> Message {
    let mut edits = vec![Edit::add("P-Asserted-Identity", "\"Alice A.\" <sip:+49301@10.0.1.1>")];
    edits.extend(privacy.map(|value| Edit::add("Privacy", value)));
    let mut sim = worded(alice, bob);
    let invite = invite_of(&mut sim, "111", &edits);
    sim.finish();
    invite
}

const VALUES: [Option<&str>; 10] = [
    None,
    Some("none"),
    Some("id"),
    Some("user"),
    Some("header"),
    Some("session"),
    Some("history"),
    Some("id;critical"),
    Some("user;header;session;critical"),
    Some("odd"),
];

fn hides(privacy: Option<&str>) -> bool {
    privacy.is_some_and(|value| ["id", "user", "header"].iter().any(|asked| value.contains(asked)))
}

#[test]
fn a_trunk_that_is_trusted_gets_the_identity_and_the_wish() {
    for privacy in VALUES {
        let from = if hides(privacy) { OWN } else { KNOWN };
        let invite = told("caller_id = \"pai\"", "caller_id = \"pai\"", privacy);
        assert_eq!(seen(&invite), (from.into(), Some(KNOWN), privacy), "{privacy:?}");
        let invite = told("caller_id = \"pai\"", "privacy = \"pass\"", privacy);
        assert_eq!(seen(&invite), (from.into(), None, privacy), "{privacy:?}");
        let invite = told("", "", privacy);
        assert_eq!(seen(&invite), (OWN.into(), None, privacy), "{privacy:?}");
    }
}

#[test]
fn a_trunk_that_is_not_gets_nobody() {
    for privacy in VALUES {
        let (from, pai) = if hides(privacy) { (NOBODY, None) } else { (KNOWN, Some(KNOWN)) };
        let invite = told("caller_id = \"pai\"", "caller_id = \"pai\"\nprivacy = \"enforce\"", privacy);
        assert_eq!(seen(&invite), (from.into(), pai, left(privacy)), "{privacy:?}");
        // Who is not believed is not named either.
        let from = if hides(privacy) { NOBODY } else { OWN };
        let invite = told("", "privacy = \"enforce\"", privacy);
        assert_eq!(seen(&invite), (from.into(), None, left(privacy)), "{privacy:?}");
    }
}

/// RFC 3323 §4.2: `none` is for all who come after.
fn left(privacy: Option<&str>) -> Option<&str> {
    privacy.filter(|value| *value == "none")
}

#[test]
fn a_trunk_may_be_told_whatever_the_caller_wishes() {
    for privacy in VALUES {
        let invite = told("caller_id = \"pai\"", "caller_id = \"pai\"\nprivacy = \"ignore\"", privacy);
        assert_eq!(seen(&invite), (KNOWN.into(), Some(KNOWN), left(privacy)), "{privacy:?}");
        let invite = told("", "privacy = \"ignore\"", privacy);
        assert_eq!(seen(&invite), (OWN.into(), None, left(privacy)), "{privacy:?}");
    }
}

#[test]
fn a_trunk_may_be_told_of_nobody_or_of_somebody_else() {
    for privacy in VALUES {
        let asked = privacy.filter(|value| *value != "none").map_or("id".to_owned(), |value| format!("{value};id"));
        let asked = if privacy.is_some_and(|value| value.contains("id")) { privacy.unwrap_or_default() } else { &asked };
        let invite = told("caller_id = \"pai\"", "caller_id = \"pai\"\ncaller = \"anonymous\"", privacy);
        assert_eq!(seen(&invite), (NOBODY.into(), Some(KNOWN), Some(asked)), "{privacy:?}");
        let invite = told("caller_id = \"pai\"", "caller_id = \"pai\"\ncaller = \"anonymous\"\nprivacy = \"enforce\"", privacy);
        assert_eq!(seen(&invite), (NOBODY.into(), None, None), "{privacy:?}");
        let set = "caller_id = \"pai\"\ncaller = { number = \"+49555\", name = \"ACME\" }";
        let acme = "\"ACME\" <sip:+49555@10.0.0.1>";
        let invite = told("caller_id = \"pai\"", set, privacy);
        let from = if hides(privacy) { NOBODY } else { acme };
        assert_eq!(seen(&invite), (from.into(), Some(acme), privacy), "{privacy:?}");
    }
}

#[test]
fn who_has_no_name_in_its_from_gets_none_of_us() {
    let told = |bob: &str, pai: &str, privacy: Option<&str>| {
        let mut edits = vec![Edit::set("From", &format!("{NOBODY};tag=x")), Edit::add("P-Asserted-Identity", pai)];
        edits.extend(privacy.map(|value| Edit::add("Privacy", value)));
        let mut sim = worded("caller_id = \"pai\"", &format!("caller_id = \"pai\"\n{bob}"));
        let invite = invite_of(&mut sim, "111", &edits);
        sim.finish();
        let (from, pai, privacy) = seen(&invite);
        (from, pai.map(str::to_owned), privacy.map(str::to_owned))
    };
    let known = || Some(KNOWN.to_owned());
    assert_eq!(told("", KNOWN, None), (NOBODY.into(), known(), Some("id".into())));
    assert_eq!(told("privacy = \"enforce\"", KNOWN, None), (NOBODY.into(), None, None));
    assert_eq!(told("privacy = \"ignore\"", KNOWN, None), (KNOWN.into(), known(), None));
    assert_eq!(told("", KNOWN, Some("none")), (KNOWN.into(), known(), Some("none".into())), "it says that it does not mind");
    for bob in ["", "privacy = \"enforce\"", "privacy = \"ignore\""] {
        let (from, pai, _) = told(bob, NOBODY, None);
        assert_eq!((from.as_str(), pai), (NOBODY, None), "nobody is no identity: {bob}");
    }
}

#[test]
fn nothing_of_the_caller_s_own_is_left_in_any_header_or_line() {
    let secrets = ["secretive", "10.0.1.1", "hidden"];
    for asked in ["id", "user", "header", "user;header;id"] {
        let mut edits = vec![
            Edit::set("From", "\"Secretive\" <sip:secretive@10.0.1.1>;tag=hidden"),
            Edit::set("Call-ID", "hidden@10.0.1.1"),
            Edit::add("P-Asserted-Identity", "<sip:secretive@10.0.1.1>"),
            Edit::add("Privacy", asked),
        ];
        for name in [
            "Subject",
            "Organization",
            "User-Agent",
            "Call-Info",
            "Reply-To",
            "In-Reply-To",
            "Referred-By",
            "Warning",
            "Session-ID",
            "Geolocation",
            "Identity",
            "P-Access-Network-Info",
            "P-Charge-Info",
            "P-Served-User",
            "P-Unheard-Of",
            "Diversion",
            "History-Info",
        ] {
            edits.push(Edit::add(name, "<sip:hidden@10.0.1.1>"));
        }
        let keys = "caller_id = \"pai\"\nprivacy = \"enforce\"\nheaders_out = { pass = [\"*\"] }";
        let mut sim = worded("caller_id = \"pai\"", keys);
        let invite = invite_of(&mut sim, "111", &edits);
        sim.finish();
        let text = String::from_utf8_lossy(&invite.print()).to_lowercase();
        assert!(secrets.iter().all(|secret| !text.contains(secret)), "{asked}: {text}");
        assert!(text.contains("\r\no=- ") && text.contains("\r\ns=-\r\n"));
    }
}

#[test]
fn no_identity_crosses_in_answers_nor_inside_the_call() {
    let mut sim = worded("caller_id = \"pai\"", "caller_id = \"pai\"");
    let identity = |reply: Reply| reply.edit(Edit::add("P-Asserted-Identity", KNOWN)).edit(Edit::add("Privacy", "id"));
    sim.expect(BOB, Script::new().reply_with(50, identity(Reply::new(180))).reply_with(100, identity(Reply::new(200))));
    let place = Place::new(&sim.uri(ALICE, "111")).edit(Edit::add("P-Asserted-Identity", KNOWN)).edit(Edit::add("Privacy", "id"));
    sim.place_with(ALICE, place);
    sim.run_until_talking(ALICE, BOB);
    sim.act(ALICE, Act::Reinvite(Offer::direction(Direction::SendOnly)));
    sim.run_for(ms(300));
    sim.act(BOB, Act::Update(Offer::direction(Direction::SendRecv)));
    sim.run_for(ms(300));
    sim.act(ALICE, Act::Bye);
    sim.finish();
    let told = |phone: std::net::SocketAddr, method: &'static str| {
        let names = ["P-Asserted-Identity", "Privacy"];
        sim.phone(phone).heard(method).map(|message| names.iter().any(|name| message.header(name).is_some())).collect::<Vec<_>>()
    };
    assert_eq!(told(BOB, "INVITE"), [true, false], "the INVITE that begins the call, and the one inside it");
    assert!(told(ALICE, "INVITE").iter().chain(&told(ALICE, "UPDATE")).chain(&told(BOB, "BYE")).all(|is_told| !is_told));
}

#[test]
fn every_header_that_names_the_caller_follows() {
    for (header, name) in [("rpid", "Remote-Party-ID"), ("ppi", "P-Preferred-Identity"), ("pai", "P-Asserted-Identity")] {
        let keys = format!("caller_id = \"{header}\"");
        let of = |privacy: &str, asked: Option<&str>| {
            told("caller_id = \"pai\"", &format!("{keys}\nprivacy = \"{privacy}\""), asked).header(name).map(str::to_owned)
        };
        assert!(of("pass", Some("id")).is_some_and(|value| value.starts_with(KNOWN)), "{header}");
        assert!(of("ignore", Some("id")).is_some_and(|value| value.starts_with(KNOWN)), "{header}");
        assert_eq!(of("enforce", Some("id")), None, "{header}");
        assert!(of("enforce", None).is_some_and(|value| value.starts_with(KNOWN)), "{header}");
    }
}

#[test]
fn a_preferred_identity_is_believed_where_the_trunk_says_so() {
    let edits = [Edit::add("P-Preferred-Identity", "<sip:+49307@10.0.1.1>")];
    let of = |alice: &str| {
        let mut sim = worded(alice, "caller_id = \"pai\"");
        let invite = invite_of(&mut sim, "111", &edits);
        sim.finish();
        (invite.header("P-Asserted-Identity").unwrap_or_default().to_owned(), invite.header("P-Preferred-Identity").is_some())
    };
    assert_eq!(of("caller_id = \"ppi\""), ("<sip:+49307@10.0.0.1>".into(), false));
    assert!(of("").0.ends_with(OWN));
}

#[test]
fn what_tells_of_the_caller_stays_behind_with_it() {
    let headers = ["Subject", "Reply-To", "Organization", "Call-Info", "X-A"];
    let crossed = |bob: &str, privacy: &str| {
        let mut edits: Vec<Edit> = headers.iter().map(|name| Edit::add(name, "<sip:alice@example.com>")).collect();
        edits.push(Edit::add("Privacy", privacy));
        let mut sim = worded("", &format!("headers_out = {{ pass = [\"*\"] }}\n{bob}"));
        let invite = invite_of(&mut sim, "111", &edits);
        sim.finish();
        headers.iter().filter(|name| invite.header(name).is_some()).count()
    };
    assert_eq!(crossed("", "user"), 5);
    assert_eq!(crossed("privacy = \"enforce\"", "user"), 1);
    assert_eq!(crossed("privacy = \"enforce\"", "session"), 5);
}

/// How a call to bob's trunk ends that asks for this, and what bob sees of Privacy.
fn critical(bob: &str, anchor: bool, privacy: &str) -> (Option<Outcome>, Option<String>, String) {
    let text = STANDARD.replace("name = \"bob\"", &format!("name = \"bob\"\n{bob}"));
    let mut sim =
        Sim::with_config(1, &format!("{text}\n[[route]]\nname = \"all\"\ndo = {{ bridge = [\"trunk:bob\"] }}\nanchor = {anchor}\n"));
    sim.may_tell_addresses();
    sim.expect(BOB, Script::answers(100));
    let place = Place { edits: vec![Edit::add("Privacy", privacy)], ..Place::new(&sim.uri(ALICE, "111")).script(Script::new().bye(500)) };
    sim.place_with(ALICE, place);
    sim.settle();
    let answer = sim.phone(ALICE).heard("INVITE").last().map(|answer| String::from_utf8_lossy(&answer.print()).into_owned());
    let reason = answer.and_then(|answer| answer.lines().next().map(str::to_owned)).unwrap_or_default();
    let seen = sim.phone(BOB).heard("INVITE").next().and_then(|invite| invite.header("Privacy")).map(str::to_owned);
    let outcome = sim.call(ALICE).outcome;
    sim.finish();
    (outcome, seen, reason)
}

#[test]
fn what_is_critical_is_kept_or_the_call_refused() {
    let enforce = "privacy = \"enforce\"";
    let (good, failed) = (Some(Outcome::WeHungUp), Some(Outcome::Failed(500)));
    for (bob, anchor, asked, outcome, seen) in [
        (enforce, true, "session;critical", good, None),
        (enforce, false, "session;critical", failed, None),
        (enforce, false, "session", good, Some("session")),
        (enforce, true, "id;odd;critical", failed, None),
        (enforce, true, "id;odd", good, None),
        (enforce, false, "id;user;header;history;critical", good, None),
        ("", false, "session;critical", good, Some("session;critical")),
        ("", false, "odd;critical", good, Some("odd;critical")),
        ("privacy = \"ignore\"", false, "session;critical", good, None),
    ] {
        let (ended, told, reason) = critical(bob, anchor, asked);
        assert_eq!((ended, told.as_deref()), (outcome, seen), "{bob} {anchor} {asked}");
        assert!(ended == good || reason.starts_with("SIP/2.0 500 Privacy cannot be kept: "), "{reason}");
    }
}
