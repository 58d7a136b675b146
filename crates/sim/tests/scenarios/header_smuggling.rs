//! However a header is written, the rule that is to strip it strips it, and what is ours stays ours; User-to-User crosses as it came.

use crate::worded;
use tandem_phone::{Edit, Outcome, Place, Script};
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
        "P-Asserted_Identity: <sip:hidden@example.com>\r\n",
        "P_Asserted_Identity: <sip:hidden@example.com>\r\n",
        "P.Asserted.Identity: <sip:hidden@example.com>\r\n",
        "p_asserted-IDENTITY_: <sip:hidden@example.com>\r\n",
        "Remote_Party_ID: <sip:hidden@example.com>\r\n",
        "Proxy_Authorization: hidden\r\n",
        "Content_Type: hidden\r\n",
        "Record+Route: <sip:hidden@example.com;lr>\r\n",
        "X_Secret: hidden\r\n",
        "X%Secret: hidden\r\n",
        "X-Secret`: hidden\r\n",
        "X-Secret-: hidden\r\n",
        "-X-Secret: hidden\r\n",
        "--x-secret--: hidden\r\n",
        "Remote-Party-Id-: <sip:hidden@example.com>\r\n",
        "-P-Asserted-Identity: <sip:hidden@example.com>\r\n",
        "Referred_By: <sip:hidden@example.com>\r\n",
        "s: hidden\r\nSubject: hidden\r\n",
        "Subject: fine\r\ns: hidden\r\nS : hidden\r\n",
        "X-Secret: 1, hidden\r\nx-secret: hidden,hidden\r\n",
        "X-Secret: \"\r\n hidden\"\r\n",
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
        "X-A: \"\\\u{b}X-Secret: hidden\"\r\n",
        "X-A: \"\\\rX-Secret: hidden\"\r\n",
        "X-A: \"\\\nX-Secret: hidden\"\r\n",
        "X-A: \\\0X-Secret: hidden\r\n",
        "X-A: 1\u{85}X-Secret: hidden\r\n",
        "X-A\r\n : 1\r\nX-Secret: hidden\r\n",
    ] {
        let invite = crossed("", ALL, lines).unwrap_or_default();
        let is_line = |line: &str| line.trim_start().to_ascii_lowercase().starts_with("x-secret");
        assert!(!invite.split(['\r', '\n', '\u{b}', '\0', '\u{85}']).any(is_line), "{lines:?} came out in {invite}");
    }
}

#[test]
fn odd_names_that_look_like_no_other_pass_as_they_are() {
    let invite = crossed("", ALL, "X_Account.Id: shown\r\nX-Secret-2: shown\r\n").unwrap_or_default();
    assert_eq!(invite.matches(": shown").count(), 2, "{invite}");
    let rules = "headers_out = { pass = [\"*\"], set = { X-Carrier = \"acme\" } }";
    let invite = crossed("", rules, "X_Carrier: theirs\r\nx.carrier: theirs\r\n").unwrap_or_default();
    assert!(!invite.contains("theirs") && invite.contains("X-Carrier: acme"), "{invite}");
    let invite = crossed("headers_in = { remove = [\"X-Odd\"] }", ALL, "X_Odd: hidden\r\nX-Even: 1\r\n").unwrap_or_default();
    assert!(!invite.contains("hidden") && invite.contains("X-Even"), "{invite}");
    let rules = "headers_out = { pass = [\"*\"] }\ndiversion = \"drop\"";
    let invite = crossed("", rules, "Diversion-: hidden\r\n-Diversion: hidden\r\nX-Even: 1\r\n").unwrap_or_default();
    assert!(!invite.contains("hidden") && invite.contains("X-Even"), "{invite}");
}

#[test]
fn a_compact_form_is_what_it_is_short_for_in_every_rule() {
    let names = [
        ("a", "Accept-Contact"),
        ("b", "Referred-By"),
        ("d", "Request-Disposition"),
        ("j", "Reject-Contact"),
        ("n", "Identity-Info"),
        ("s", "Subject"),
        ("y", "Identity"),
    ];
    for (short, long) in names {
        let rules = format!("headers_out = {{ pass = [\"*\"], remove = [\"{long}\"] }}");
        let lines = format!("{short}: hidden\r\n{}: hidden\r\n{long}: hidden\r\n", short.to_uppercase());
        let invite = crossed("", &rules, &lines).unwrap_or_default();
        assert!(!invite.is_empty() && !invite.contains("hidden"), "{short}: {invite}");
        let passed = crossed("", &format!("headers_out = {{ pass = [\"{long}\"] }}"), &format!("{short}: shown\r\n")).unwrap_or_default();
        assert!(passed.contains(&format!("\r\n{long}: shown\r\n")), "{short}: {passed}");
    }
    for ours in ["c", "e", "f", "i", "k", "l", "m", "o", "r", "t", "u", "v", "x"] {
        let invite = crossed("", "headers_out = { pass = [\"*\"] }", &format!("{ours}: hidden\r\n")).unwrap_or_default();
        assert!(!invite.contains("hidden"), "{ours}: {invite}");
    }
}

#[test]
fn headers_in_uris_become_none() {
    let escaped = "P-Asserted-Identity=%3Csip:hidden%40x%3E&X-Secret=hidden&X-A=hidden";
    let all = "headers_out = { pass = [\"*\"] }\ndiversion = \"pass\"\nhistory_info = \"pass\"";
    for lines in [
        format!("Diversion: <sip:1@x?{escaped}>;reason=unknown\r\n"),
        format!("History-Info: <sip:1@x?{escaped}>;index=1\r\n"),
        format!("P-Asserted-Identity: <sip:1@x?{escaped}>\r\n"),
        format!("Remote-Party-ID: <sip:1@x?{escaped}>\r\n"),
    ] {
        for alice in ["caller_id = \"pai\"", "caller_id = \"rpid\""] {
            let invite = crossed(alice, all, &lines).unwrap_or_default();
            assert!(!invite.is_empty() && !invite.contains("hidden"), "{lines}: {invite}");
        }
    }
    let mut sim = worded("", all);
    let uri = format!("sip:111@{CORE}?{escaped}");
    let place = Place { edits: vec![Edit::set("To", &format!("<{uri}>")), Edit::Uri(uri.clone())], ..Place::new(&sim.uri(ALICE, "111")) };
    sim.expect(BOB, Script::new().reply(50, 486));
    sim.place_with(ALICE, place);
    sim.run_for(ms(500));
    for invite in sim.phone(BOB).heard("INVITE") {
        assert!(!String::from_utf8_lossy(&invite.print()).contains("hidden"));
    }
}

/// What bob gets of an INVITE with that body, which is said to be as long as that.
fn with_body(kind: &str, body: &str, length: usize) -> Option<String> {
    let mut sim = worded("", "headers_out = { pass = [\"*\"] }");
    sim.expect(BOB, Script::new().reply(50, 486));
    sim.send_raw(
        ALICE,
        format!(
            "INVITE sip:111@{CORE} SIP/2.0\r\nVia: SIP/2.0/UDP {ALICE};branch=z9hG4bKsmuggler\r\nFrom: <sip:alice@{ALICE}>;tag=s\r\n\
             To: <sip:111@{CORE}>\r\nCall-ID: smuggler\r\nCSeq: 1 INVITE\r\nContact: <sip:alice@{ALICE}>\r\nMax-Forwards: 70\r\n\
             Content-Type: {kind}\r\nContent-Length: {length}\r\n\r\n{body}"
        ),
    );
    sim.run_for(ms(500));
    let invite = sim.phone(BOB).heard("INVITE").find(|message| message.is_request())?;
    Some(String::from_utf8_lossy(&invite.print()).into_owned())
}

#[test]
fn nothing_in_a_body_becomes_a_header() {
    let sdp = "v=0\r\no=a 1 1 IN IP4 10.0.1.1\r\ns=-\r\nc=IN IP4 10.0.1.1\r\nt=0 0\r\nm=audio 4000 RTP/AVP 0\r\n";
    let headers = "X-Secret: hidden\r\nP-Asserted-Identity: <sip:hidden@x>\r\n\r\n";
    let body = format!("{sdp}{headers}{sdp}");
    for length in [0, 1, sdp.len(), sdp.len() + 10, sdp.len() + headers.len(), body.len(), body.len() + 1, body.len() + 1000] {
        let invite = with_body("application/sdp", &body, length).unwrap_or_default();
        assert!(!invite.contains("hidden"), "{length}: {invite}");
    }
    let part = |head: &str, text: &str| format!("--b\r\nContent-Type: {head}\r\nX-Secret: hidden\r\n\r\n{text}\r\n");
    let body = [&part("application/sdp", sdp), &part("text/plain", headers), "--b--\r\n", headers].concat();
    let invite = with_body("multipart/mixed;boundary=b", &body, body.len()).unwrap_or_default();
    assert!(invite.contains("\r\nv=0") && !invite.contains("hidden"), "{invite}");
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
