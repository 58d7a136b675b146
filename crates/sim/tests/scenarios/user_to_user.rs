//! User-to-User (RFC 7433) beside the INVITE that begins a call: in responses, in BYE, in a redirection and in a REFER. Rules for
//! headers say whom it reaches.

use crate::worded;
use tandem_phone::{Act, Edit, Message, Place, Refer, Reply, Request, Script};
use tandem_sim::{ALICE, BOB, CAROL, CORE, STANDARD, Sim, ms, secs};

const UUI: &str = "User-to-User";
const OUT: &str = "headers_out = { pass = [\"User-to-User\"] }";

fn values(message: &Message) -> Vec<String> {
    let text = String::from_utf8_lossy(&message.print()).into_owned();
    let head = text.split("\r\n\r\n").next().unwrap_or_default().to_owned();
    let named = head.lines().filter_map(|line| line.split_once(": ")).filter(|(name, _)| name.eq_ignore_ascii_case(UUI));
    named.map(|(_, value)| value.to_owned()).collect()
}

/// What alice is told in 180, in 200 and in BYE by bob, who says something in each.
fn heard(alice: &str, bob: &str) -> Vec<Vec<String>> {
    let mut sim = worded(alice, bob);
    let ringing = Reply::new(180).edit(Edit::add(UUI, "01;encoding=hex;purpose=x;content=y"));
    let answer = Reply::new(200).edit(Edit::add(UUI, "\"a, b\"")).edit(Edit::add(UUI, "03,04;other"));
    sim.expect(BOB, Script::new().reply_with(50, ringing).reply_with(100, answer));
    sim.place(ALICE, "111", Script::new());
    sim.run_until_talking(ALICE, BOB);
    sim.run_for(ms(500));
    sim.act(BOB, Act::Request(Request { method: "BYE".into(), edits: vec![Edit::add(UUI, "05")] }));
    sim.run_for(ms(500));
    let phone = sim.phone(ALICE);
    let said = |status: u16| phone.heard("INVITE").find(|message| message.status() == status).map(values).unwrap_or_default();
    vec![said(180), said(200), phone.heard("BYE").find(|message| message.is_request()).map(values).expect("it is over")]
}

#[test]
fn responses_and_byes_carry_it_where_both_trunks_let_it_cross() {
    let all = [vec!["01;encoding=hex;purpose=x;content=y"], vec!["\"a, b\"", "03,04;other"], vec!["05"]];
    assert_eq!(heard(OUT, ""), all);
    assert_eq!(heard("headers_out = { pass = [\"*\"] }", "headers_in = { pass = [\"User-*\"] }"), all);
    let none = [vec![], vec![], Vec::<String>::new()];
    for (alice, bob) in [
        ("", ""),
        (OUT, "headers_in = { remove = [\"User-to-User\"] }"),
        (OUT, "headers_in = { pass = [\"X-*\"] }"),
        ("headers_out = { pass = [\"X-*\"] }", ""),
        ("headers_out = { pass = [\"*\"], remove = [\"user-to-user\"] }", ""),
        ("headers_out = { pass = [\"*\"], set = { User-to-User = \"ours\" } }", ""),
    ] {
        assert_eq!(heard(alice, bob), none, "{alice} {bob}");
    }
}

#[test]
fn more_than_may_go_on_stays_behind_whole() {
    let told = |said: &[String]| {
        let mut sim = worded(OUT, "");
        let refusal = said.iter().fold(Reply::new(486), |reply, value| reply.edit(Edit::add(UUI, value)));
        sim.expect(BOB, Script::new().reply_with(50, refusal));
        sim.place(ALICE, "111", Script::new());
        sim.finish();
        sim.phone(ALICE).heard("INVITE").find(|message| message.status() == 486).map(values).expect("a refusal")
    };
    let long = |bytes: usize| vec!["a".repeat(bytes)];
    assert_eq!(told(&long(2048)), long(2048));
    assert_eq!(told(&long(2049)), Vec::<String>::new());
    assert_eq!(told(&vec!["a".to_owned(); 8]).len(), 8);
    assert_eq!(told(&vec!["a".to_owned(); 9]).len(), 0);
}

/// What carol, where bob's trunk redirects the call, is told of a call that says something itself.
fn redirected(bob: &str, contact: &str) -> Vec<String> {
    let mut sim = worded("", &format!("redirect = \"follow\"\n{bob}"));
    sim.expect(BOB, Script::new().reply_with(50, Reply::new(302).edit(Edit::set("Contact", contact))));
    sim.expect(CAROL, Script::answers(100));
    let place = Place::new(&sim.uri(ALICE, "111")).script(Script::new().bye(500));
    sim.place_with(ALICE, place.edit(Edit::add(UUI, "own")));
    sim.finish();
    let invite = sim.phone(CAROL).heard("INVITE").find(|message| message.is_request()).expect("it is called").clone();
    assert_eq!(invite.uri(), "sip:333@10.0.3.1");
    assert!(["Subject", "P-Asserted-Identity", "X-A"].iter().all(|name| invite.header(name).is_none()));
    values(&invite)
}

#[test]
fn a_redirection_says_what_its_target_is_told() {
    let contact = "<sip:333@10.0.3.1?User-to-User=56a3%3Bencoding%3Dhex&Subject=x&X-A=1&P-Asserted-Identity=%3Csip%3Ax%40y%3E>";
    assert_eq!(redirected(OUT, contact), ["56a3;encoding=hex"]);
    assert_eq!(redirected(OUT, "<sip:333@10.0.3.1>"), ["own"]);
    assert_eq!(redirected(OUT, "<sip:333@10.0.3.1?user-TO-user=a%0D%0AX-A:1>"), ["own"], "no line ends");
    assert_eq!(redirected(OUT, &format!("<sip:333@10.0.3.1?User-to-User={}>", "a".repeat(2049))), ["own"]);
    assert_eq!(redirected("", contact), Vec::<String>::new());
    assert_eq!(redirected(&format!("{OUT}\nheaders_in = {{ pass = [] }}"), contact), ["own"]);
    assert_eq!(redirected("headers_out = { set = { User-to-User = \"set\" } }", contact), ["set"]);
}

#[test]
fn a_redirection_that_is_passed_on_says_no_more_than_that() {
    let passed = |alice: &str| {
        let mut sim = worded(alice, "");
        sim.may_tell_addresses();
        let contact =
            "\"?a=1\" <sip:333@10.0.3.1?P-Asserted-Identity=%3Csip%3Ax%40y%3E&User-to-User=56a3>;q=0.5, <sip:444@10.0.3.1?Privacy=history>";
        sim.expect(BOB, Script::new().reply_with(50, Reply::new(302).edit(Edit::set("Contact", contact))));
        sim.place(ALICE, "111", Script::new());
        sim.finish();
        sim.phone(ALICE).heard("INVITE").last().and_then(|answer| answer.header("Contact").map(str::to_owned)).unwrap_or_default()
    };
    assert_eq!(passed(""), "\"?a=1\"<sip:333@10.0.3.1>;q=0.5, <sip:444@10.0.3.1?Privacy=history>");
    assert_eq!(passed(OUT), "\"?a=1\"<sip:333@10.0.3.1?User-to-User=56a3>;q=0.5, <sip:444@10.0.3.1?Privacy=history>");
}

/// Bob, who was called by alice, sends the call to carol's or to alice with these headers in Refer-To.
fn referred(refer: &str, keys: [&str; 3], headers: &str) -> Sim {
    let text = ["alice", "bob", "carol"].iter().zip(keys).fold(STANDARD.to_owned(), |text, (name, keys)| {
        text.replace(&format!("name = \"{name}\"\n"), &format!("name = \"{name}\"\nrefer = \"{refer}\"\n{keys}\n"))
    });
    let mut sim = Sim::with_config(1, &text);
    sim.expect(BOB, Script::answers(100)).expect(CAROL, Script::answers(100));
    sim.place(ALICE, "bob", Script::new());
    sim.run_until_talking(ALICE, BOB);
    sim.run_for(ms(200));
    sim.act(BOB, Act::Refer(Refer { to: format!("<sip:carol@{CORE}?{headers}>"), edits: Vec::new() }));
    sim.run_for(secs(1));
    sim
}

const ASKED: &str = "User-to-User=56a3%3Bencoding%3Dhex&Subject=x&P-Asserted-Identity=%3Csip%3Ax%40y%3E";

#[test]
fn a_transfer_says_what_its_target_is_told() {
    let told = |keys: [&str; 3]| {
        let sim = referred("execute", keys, ASKED);
        let invite = sim.phone(CAROL).heard("INVITE").find(|message| message.is_request()).expect("it is called").clone();
        assert!(["Subject", "P-Asserted-Identity"].iter().all(|name| invite.header(name).is_none()));
        values(&invite)
    };
    assert_eq!(told(["", "", OUT]), ["56a3;encoding=hex"]);
    assert_eq!(told(["", "headers_in = { remove = [\"User-to-User\"] }", OUT]), Vec::<String>::new());
    assert_eq!(told(["", "", ""]), Vec::<String>::new());
}

#[test]
fn a_refer_that_is_passed_on_says_no_more_than_that() {
    let passed = |keys: [&str; 3], headers: &str| {
        let sim = referred("pass", keys, headers);
        let refer = sim.phone(ALICE).heard("REFER").find(|message| message.is_request()).expect("it is passed").clone();
        refer.header("Refer-To").unwrap_or_default().to_owned()
    };
    assert_eq!(passed(["", "", ""], ASKED), "<sip:carol@10.0.0.1:5060>");
    assert_eq!(passed([OUT, "", ""], ASKED), "<sip:carol@10.0.0.1:5060?User-to-User=56a3%3Bencoding%3Dhex>");
    let dialog = "Replaces=a%3Bto-tag%3Db%3Bfrom-tag%3Dc&Require=replaces";
    assert_eq!(passed(["", "", ""], &format!("{dialog}&X-A=1")), format!("<sip:carol@10.0.0.1:5060?{dialog}>"));
}

#[test]
fn of_several_who_ring_the_one_who_answers_is_heard() {
    let text = STANDARD.replace("name = \"alice\"\n", &format!("name = \"alice\"\n{OUT}\n"));
    let mut sim =
        Sim::with_config(1, &format!("{text}\n[[route]]\nname = 'all'\nto = '^777$'\ndo = {{ ring = ['trunk:bob', 'trunk:carol'] }}\n"));
    let says = |status: u16, value: &str| Reply::new(status).edit(Edit::add(UUI, value));
    sim.expect(BOB, Script::new().reply_with(50, says(180, "bob rings")));
    sim.expect(CAROL, Script::new().reply_with(100, says(180, "carol rings")).reply_with(200, says(200, "carol answers")));
    sim.place(ALICE, "777", Script::new().bye(500));
    sim.finish();
    let said: Vec<String> = sim.phone(ALICE).heard("INVITE").flat_map(values).collect();
    assert_eq!(said.last().map(String::as_str), Some("carol answers"), "{said:?}");
    assert!(sim.phone(CAROL).heard("BYE").filter(|message| message.is_request()).all(|bye| values(bye).is_empty()));
}

#[test]
fn a_response_that_goes_reliably_carries_it_once() {
    let mut sim = worded(&format!("prack = \"required\"\n{OUT}"), "");
    sim.phone_mut(ALICE).setup_mut().reliable = true;
    let ringing = Reply::new(180).edit(Edit::add(UUI, "rings"));
    sim.expect(BOB, Script::new().reply_with(50, ringing).reply_with(100, Reply::new(183)).reply(200, 200));
    sim.place(ALICE, "111", Script::new().bye(500));
    sim.finish();
    let said: Vec<(u16, Vec<String>)> = sim
        .phone(ALICE)
        .heard("INVITE")
        .filter(|message| message.status() > 100)
        .map(|message| (message.status(), values(message)))
        .collect();
    assert!(said.iter().filter(|(status, _)| *status != 180).all(|(_, said)| said.is_empty()), "{said:?}");
    assert!(said.iter().any(|(status, said)| *status == 180 && *said == ["rings"]), "{said:?}");
}
