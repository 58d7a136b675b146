//! `diversion` and `history_info`: what a trunk is told of those who were called before (RFC 5806, RFC 7044).

use crate::{invite_of, worded};
use tandem_phone::{Edit, Message, Place, Reply, Script};
use tandem_sim::{ALICE, BOB, CAROL, STANDARD, Sim};

const DIVERSION: &str = "Diversion";
const HISTORY: &str = "History-Info";
const NOBODY: &str = "\"Anonymous\" <sip:anonymous@anonymous.invalid>";

/// What bob's trunk is told of a call that was diverted twice.
fn told(alice: &str, bob: &str, privacy: Option<&str>) -> Message {
    let mut edits = vec![
        Edit::add(DIVERSION, "\"Desk\" <sip:200@pbx.example;user=phone>;reason=no-answer;counter=2;privacy=off"),
        Edit::add(DIVERSION, "<tel:+49302>;reason=user-busy;privacy=full;x=\"a,b\""),
        Edit::add(
            HISTORY,
            "<sip:201@pbx.example?Reason=SIP%3Bcause%3D486&Privacy=history>;index=1, <sip:202@pbx.example;cause=486>;index=1.1;mp=1",
        ),
    ];
    edits.extend(privacy.map(|value| Edit::add("Privacy", value)));
    let mut sim = worded(alice, bob);
    let invite = invite_of(&mut sim, "111", &edits);
    sim.finish();
    invite
}

#[test]
fn nothing_is_told_by_itself_and_what_rules_pass_goes_as_it_came() {
    let none = told("", "", None);
    assert_eq!((none.list(DIVERSION).len(), none.list(HISTORY).len()), (0, 0));
    let raw = told("", "headers_out = { pass = [\"Diversion\"] }", None);
    assert_eq!(raw.list(DIVERSION)[0], "\"Desk\" <sip:200@pbx.example;user=phone>;reason=no-answer;counter=2;privacy=off");
    let both = told("", "headers_out = { pass = [\"*\"] }\ndiversion = \"drop\"\nhistory_info = \"drop\"", None);
    assert_eq!((both.list(DIVERSION).len(), both.list(HISTORY).len()), (0, 0), "a key goes before the rules");
}

#[test]
fn passed_with_our_host_and_numbers_as_the_trunk_writes_them() {
    let keys = "diversion = \"pass\"\nhistory_info = \"pass\"\nnumbers_out = [{ of = \"caller\", match = '^20', to = '+49305552' }]";
    let invite = told("", keys, None);
    assert_eq!(
        invite.list(DIVERSION),
        ["\"Desk\" <sip:+493055520@10.0.0.1>;reason=no-answer;counter=2", "<sip:+49302@10.0.0.1>;reason=user-busy;x=\"a,b\";privacy=full"]
    );
    assert_eq!(
        invite.list(HISTORY),
        [
            "<sip:+493055521@10.0.0.1?Reason=SIP%3Bcause%3D486&Privacy=history>;index=1",
            "<sip:+493055522@10.0.0.1;cause=486>;index=1.1;mp=1"
        ]
    );
}

#[test]
fn anonymised_there_are_some_and_nobody_is_named() {
    let invite = told("", "diversion = \"anonymise\"\nhistory_info = \"anonymise\"", None);
    assert_eq!(
        invite.list(DIVERSION),
        [format!("{NOBODY};reason=no-answer;counter=2;privacy=full"), format!("{NOBODY};reason=user-busy;privacy=full")]
    );
    assert_eq!(invite.list(HISTORY), [format!("{NOBODY};index=1"), format!("{NOBODY};index=1.1;mp=1")]);
}

#[test]
fn where_privacy_is_enforced_what_is_private_is_nobody_s() {
    let keys = "diversion = \"pass\"\nhistory_info = \"pass\"\nprivacy = \"enforce\"";
    let hidden = |privacy: Option<&str>| {
        let invite = told("", keys, privacy);
        let is_hidden = |name: &str| invite.list(name).iter().map(|entry| entry.starts_with(NOBODY)).collect::<Vec<_>>();
        (is_hidden(DIVERSION), is_hidden(HISTORY))
    };
    for privacy in [None, Some("id"), Some("user"), Some("none")] {
        assert_eq!(hidden(privacy), (vec![false, true], vec![true, false]), "{privacy:?}: each says it of itself");
    }
    for privacy in [Some("history"), Some("header"), Some("id;history;critical")] {
        assert_eq!(hidden(privacy), (vec![true, true], vec![true, true]), "{privacy:?}");
    }
    let raw = told("", "headers_out = { pass = [\"*\"] }\nprivacy = \"enforce\"", None);
    assert_eq!((raw.list(DIVERSION).len(), raw.list(HISTORY).len()), (0, 0), "rules cannot tell what is private");
    let ignored = told("", "diversion = \"pass\"\nhistory_info = \"pass\"\nprivacy = \"ignore\"", Some("history"));
    assert!(ignored.list(HISTORY).iter().all(|entry| !entry.starts_with(NOBODY)));
}

#[test]
fn where_it_is_not_enforced_what_is_private_goes_on_as_private() {
    for keys in ["", "privacy = \"ignore\"", "caller_id = \"pai\"", "caller = \"anonymous\""] {
        let invite = told("", &format!("diversion = \"add\"\nhistory_info = \"add\"\n{keys}"), Some("history"));
        let private = |name: &str, mark: &str| invite.list(name).iter().map(|entry| entry.contains(mark)).collect::<Vec<_>>();
        assert_eq!(private(DIVERSION, ";privacy=full"), [false, true], "{keys}");
        assert_eq!(private(HISTORY, "Privacy=history>"), [true, false], "{keys}");
        let asked = invite.header("Privacy").unwrap_or_default();
        assert_eq!(asked.contains("history"), !keys.contains("ignore"), "{keys}: {asked}");
    }
}

#[test]
fn every_way_to_say_that_an_entry_is_private_counts() {
    let shown = |bob: &str, diversion: &str, history: &str| {
        let mut sim = worded("", &format!("diversion = \"pass\"\nhistory_info = \"pass\"\n{bob}"));
        let invite = invite_of(&mut sim, "111", &[Edit::add(DIVERSION, diversion), Edit::add(HISTORY, history)]);
        sim.finish();
        (invite.header(DIVERSION).unwrap_or_default().to_owned(), invite.header(HISTORY).unwrap_or_default().to_owned())
    };
    for (param, privacy) in [("full", "history"), ("\"name\"", "HISTORY"), ("URI", "id%3Bheader"), ("odd", "critical%3B%20history")] {
        let (diversion, history) = (format!("<sip:2@x>;privacy={param}"), format!("<sip:2@x;cause=302?privACY={privacy}>;index=1"));
        let passed = shown("", &diversion, &history);
        assert_eq!(passed, ("<sip:2@10.0.0.1>;privacy=full".into(), "<sip:2@10.0.0.1;cause=302?Privacy=history>;index=1".into()));
        let hidden = shown("privacy = \"enforce\"", &diversion, &history);
        assert_eq!(hidden, (format!("{NOBODY};privacy=full"), format!("{NOBODY};index=1")));
    }
    let telling = "<sip:2@x>;reason=\"of 2\";Counter=1;limit=5;screen=yes;from=2;privacy=full";
    let (diversion, history) = shown("privacy = \"enforce\"", telling, "<sip:2@x?Privacy=history>;index=1.2;rc=1;who=2");
    assert_eq!(diversion, format!("{NOBODY};Counter=1;limit=5;screen=yes;privacy=full"), "no parameter names it either");
    assert_eq!(history, format!("{NOBODY};index=1.2;rc=1"));
    let naming = "<sip:S@x>;privacy=full;reason=S;screen=S;counter=555;limit=S;counter=5.5;reason=Do-Not-Disturb;screen=NO;limit";
    let (diversion, history) = shown("privacy = \"enforce\"", naming, "<sip:S@x?Privacy=history>;index=4930;rc=S;mp=1.555;np=1.2.;np=1.10");
    assert_eq!(diversion, format!("{NOBODY};reason=Do-Not-Disturb;screen=NO;privacy=full"), "values do not name it");
    assert_eq!(history, format!("{NOBODY};np=1.10"));
    let (diversion, _) = shown("", "<sip:2@x>;x=\"\\\u{b}Via: 1\";y=2", "<sip:2@x>;index=1");
    assert_eq!(diversion, "<sip:2@10.0.0.1>;y=2", "no line end in disguise");
    let open = shown("privacy = \"enforce\"", "<sip:2@x>;privacy=OFF", "<sip:2@x?Privacy=none>;index=1");
    assert_eq!(open, ("<sip:2@10.0.0.1>".into(), "<sip:2@10.0.0.1>;index=1".into()));
}

#[test]
fn rules_of_the_caller_s_trunk_and_what_is_set_hold() {
    let keys = "diversion = \"pass\"\nhistory_info = \"pass\"";
    let kept = told("headers_in = { remove = [\"diversion\"] }", keys, None);
    assert_eq!((kept.list(DIVERSION).len(), kept.list(HISTORY).len()), (0, 2));
    let set = told("", &format!("{keys}\nheaders_out = {{ set = {{ Diversion = \"<sip:ours@example.com>\" }} }}"), None);
    assert_eq!(set.list(DIVERSION), ["<sip:ours@example.com>"]);
}

/// Alice calls 111, which is bob's 222; where he is busy carol's 333 is next. What each is told.
fn moved(bob: Script, carol: &str) -> Sim {
    let text = STANDARD
        .replace(
            "name = \"bob\"\n",
            "name = \"bob\"\nfailover = [\"486\"]\nredirect = \"follow\"\ndiversion = \"add\"\nhistory_info = \"add\"\n",
        )
        .replace("name = \"carol\"\n", &format!("name = \"carol\"\n{carol}\n"));
    let route = "[[route]]\nname = 'moved'\nto = '^111$'\ndo = { bridge = ['trunk:bob/222', 'trunk:carol/333'] }\n";
    let mut sim = Sim::with_config(1, &format!("{text}\n{route}"));
    sim.expect(BOB, bob).expect(CAROL, Script::answers(100));
    let call = Place::new(&sim.uri(ALICE, "111")).script(Script::new().bye(500));
    sim.place_with(ALICE, call);
    sim.settle();
    sim
}

fn invite(sim: &Sim, phone: std::net::SocketAddr) -> Message {
    sim.phone(phone).heard("INVITE").find(|message| message.is_request()).expect("it is called").clone()
}

#[test]
fn where_a_route_sends_a_call_to_another_number_we_say_so() {
    let mut sim = moved(Script::answers(100), "");
    sim.finish();
    let bob = invite(&sim, BOB);
    assert_eq!(bob.list(DIVERSION), ["<sip:111@10.0.0.1>;reason=unconditional;counter=1"]);
    assert_eq!(bob.list(HISTORY), ["<sip:111@10.0.0.1>;index=1", "<sip:222@10.0.0.1;cause=302>;index=1.1;mp=1"]);
}

#[test]
fn the_next_one_is_told_why_the_one_before_did_not_take_it() {
    let mut sim = moved(Script::new().reply(50, 486), "diversion = \"add\"\nhistory_info = \"add\"");
    sim.finish();
    let carol = invite(&sim, CAROL);
    assert_eq!(carol.list(DIVERSION), ["<sip:111@10.0.0.1>;reason=user-busy;counter=1"]);
    assert_eq!(carol.list(HISTORY), ["<sip:111@10.0.0.1>;index=1", "<sip:333@10.0.0.1;cause=486>;index=1.1;mp=1"]);
    let mut plain = moved(Script::new().reply(50, 486), "");
    plain.finish();
    assert!(invite(&plain, CAROL).list(DIVERSION).is_empty(), "no key asks for it");
}

fn moved_to(contact: &str) -> Reply {
    Reply::new(302).edit(Edit::set("Contact", contact))
}

/// Alice calls 111 and bob, whose trunk follows and adds, sends her to carol's: what she is told.
fn redirected(bob: &str, reply: Reply, asked: &str) -> Message {
    let mut sim = worded("", &format!("redirect = \"follow\"\ndiversion = \"add\"\nhistory_info = \"add\"\n{bob}"));
    sim.expect(BOB, Script::new().reply_with(50, reply)).expect(CAROL, Script::answers(100));
    let call = Place::new(&sim.uri(ALICE, "111")).script(Script::new().bye(500)).edit(Edit::add("Privacy", asked));
    sim.place_with(ALICE, call);
    sim.finish();
    invite(&sim, CAROL)
}

#[test]
fn whoever_redirects_may_ask_not_to_be_named() {
    let reply = || moved_to("<sip:444@10.0.3.1?Privacy=history>").edit(Edit::add("Privacy", "history"));
    let invite = redirected("", reply(), "none");
    assert_eq!(invite.list(DIVERSION), ["<sip:111@10.0.0.1>;reason=deflection;counter=1;privacy=full"]);
    assert_eq!(
        invite.list(HISTORY),
        [
            "<sip:111@10.0.0.1?Reason=SIP%3Bcause%3D302&Privacy=history>;index=1",
            "<sip:444@10.0.0.1;cause=480?Privacy=history>;index=1.1;mp=1"
        ]
    );
    let hidden = |invite: &Message| {
        let is_hidden = |name: &str| invite.list(name).iter().map(|entry| entry.starts_with(NOBODY)).collect::<Vec<_>>();
        (is_hidden(DIVERSION), is_hidden(HISTORY))
    };
    let enforced = |reply: Reply, asked: &str| hidden(&redirected("privacy = \"enforce\"", reply, asked));
    assert_eq!(enforced(reply(), "none"), (vec![true], vec![true, true]));
    assert_eq!(enforced(moved_to("<sip:444@10.0.3.1>"), "history"), (vec![true], vec![true, true]));
    assert_eq!(enforced(moved_to("<sip:444@10.0.3.1?Privacy=history>"), "none"), (vec![false], vec![false, true]));
    assert_eq!(enforced(moved_to("<sip:444@10.0.3.1>"), "none"), (vec![false], vec![false, false]));
}

#[test]
fn whoever_a_redirection_names_is_told_who_sent_the_call() {
    let contact = moved_to("<sip:444@10.0.3.1>");
    let mut sim = moved(Script::new().reply_with(50, contact), "");
    sim.finish();
    let carol = invite(&sim, CAROL);
    assert_eq!(carol.uri(), "sip:444@10.0.3.1");
    assert_eq!(
        carol.list(DIVERSION),
        ["<sip:222@10.0.0.1>;reason=deflection;counter=1", "<sip:111@10.0.0.1>;reason=unconditional;counter=1"]
    );
    assert_eq!(
        carol.list(HISTORY),
        [
            "<sip:111@10.0.0.1>;index=1",
            "<sip:222@10.0.0.1;cause=302?Reason=SIP%3Bcause%3D302>;index=1.1;mp=1",
            "<sip:444@10.0.0.1;cause=480>;index=1.1.1;mp=1.1"
        ]
    );
}
