//! A trunk whose callers must prove who they are (RFC 3261 §22, RFC 8760).

use crate::statuses;
use tandem_model::EndReason;
use tandem_phone::{Act, Demand, Edit, Message, Outcome, Place, Request, Script, When};
use tandem_sim::{ALICE, BOB, CORE, STANDARD, Sim, ms, secs};

/// The standard house, where alice has a password.
fn guarded(seed: u64) -> Sim {
    let text = STANDARD.replacen(
        "targets = [{ uri = \"sip:10.0.1.1\" }]",
        "targets = [{ uri = \"sip:10.0.1.1\" }]\nchallenge = { username = \"alice\", password = \"s3cret\" }",
        1,
    );
    Sim::with_config(seed, &text)
}

fn with_login(seed: u64, password: &str) -> Sim {
    let mut sim = guarded(seed);
    sim.phone_mut(ALICE).setup_mut().login = Some(("alice".into(), password.into()));
    sim
}

/// The 401s that alice got.
fn asked(sim: &Sim) -> Vec<Message> {
    sim.phone(ALICE).trace().iter().filter(|one| !one.sent && one.message.status() == 401).map(|one| one.message.clone()).collect()
}

/// The INVITEs that alice sent.
fn invites(sim: &Sim) -> Vec<Message> {
    let sent = sim.phone(ALICE).trace().iter().filter(|one| one.sent && one.message.method() == "INVITE" && one.message.is_request());
    sent.map(|one| one.message.clone()).collect()
}

#[test]
fn who_knows_the_password_is_let_in() {
    let mut sim = with_login(1, "s3cret");
    sim.place(ALICE, "bob", Script::new().bye(1000));
    sim.finish();
    assert_eq!(statuses(&sim, ALICE), [401, 100, 180, 200]);
    assert_eq!(sim.end_reason(), Some(EndReason::CallerHungUp));
    let lines: Vec<_> =
        asked(&sim)[0].headers.iter().filter(|(name, _)| name == "WWW-Authenticate").map(|(_, value)| value.clone()).collect();
    assert_eq!(lines.len(), 2);
    assert!(
        lines[0].starts_with("Digest realm=\"sim\", nonce=\"") && lines[0].ends_with("\", algorithm=SHA-256, qop=\"auth\""),
        "{}",
        lines[0]
    );
    assert!(lines[1].ends_with("\", algorithm=MD5, qop=\"auth\""), "{}", lines[1]);
    assert!(invites(&sim)[1].header("Authorization").is_some_and(|value| value.contains("algorithm=SHA-256")));
    assert_eq!(sim.core().founded(), 1, "the first INVITE left nothing");
}

#[test]
fn neither_the_call_nor_its_end_is_challenged() {
    let mut sim = with_login(2, "s3cret");
    sim.place(ALICE, "bob", Script::new().step(When::Confirmed, 500, Act::Reinvite(Default::default())).bye(1000));
    sim.finish();
    assert_eq!(asked(&sim).len(), 1);
}

#[test]
fn a_wrong_password_is_asked_again_and_told() {
    let mut sim = with_login(3, "wrong");
    sim.place(ALICE, "bob", Script::new());
    sim.finish();
    assert_eq!(sim.call(ALICE).outcome, Some(Outcome::Failed(401)));
    assert_eq!((statuses(&sim, ALICE), sim.core().founded()), (vec![401, 401], 0));
    assert!(asked(&sim)[1].headers.iter().all(|(_, value)| !value.contains("stale")));
    let wrong = &sim.core().wrong;
    assert_eq!((wrong.len(), &*wrong[0].username, wrong[0].why, wrong[0].count), (1, "alice", "wrong user name or password", 1));
}

#[test]
fn an_unknown_user_and_a_wrong_password_look_the_same() {
    let lengths = [("alice", "wrong"), ("mallory", "s3cret"), ("mallory", "wrong")].map(|(user, password)| {
        let mut sim = guarded(4);
        sim.phone_mut(ALICE).setup_mut().login = Some((user.into(), password.into()));
        sim.place(ALICE, "bob", Script::new());
        sim.finish();
        assert_eq!(sim.core().wrong.len(), 1);
        let headers = &asked(&sim)[1].headers;
        headers.iter().map(|(name, value)| (name.clone(), value.len())).collect::<Vec<_>>()
    });
    assert!(lengths.windows(2).all(|two| two[0] == two[1]), "{lengths:?}");
}

#[test]
fn an_old_nonce_is_stale() {
    let mut sim = with_login(5, "s3cret");
    sim.place(ALICE, "bob", Script::new().bye(100));
    sim.settle();
    let value = invites(&sim)[1].header("Authorization").unwrap_or_default().to_owned();
    sim.run_for(secs(61));
    // Her phone takes the stale challenge up.
    sim.place_with(ALICE, Place::new("sip:bob@10.0.0.1").edit(Edit::add("Authorization", &value)).script(Script::new().bye(100)));
    sim.finish();
    let stale = asked(&sim)[1].headers.iter().filter(|(_, value)| value.ends_with(", stale=true")).count();
    assert_eq!((stale, sim.core().wrong.len()), (2, 0));
    assert_eq!(sim.phone(ALICE).call(1).outcome, Some(Outcome::WeHungUp));
}

#[test]
fn an_answer_that_was_overheard_opens_nothing() {
    let mut sim = with_login(6, "s3cret");
    sim.place(ALICE, "bob", Script::new().bye(100));
    sim.settle();
    let value = invites(&sim)[1].header("Authorization").unwrap_or_default().to_owned();
    sim.phone_mut(ALICE).setup_mut().login = None;
    sim.place_with(ALICE, Place::new("sip:bob@10.0.0.1").edit(Edit::add("Authorization", &value)));
    sim.finish();
    assert_eq!((sim.phone(ALICE).call(1).outcome, sim.core().founded()), (Some(Outcome::Failed(401)), 1));
}

#[test]
fn an_answer_is_for_the_number_that_it_names() {
    let mut sim = with_login(7, "s3cret");
    sim.place(ALICE, "bob", Script::new().bye(100));
    sim.settle();
    let other = invites(&sim)[1].header("Authorization").unwrap_or_default().replace("nc=00000001", "nc=00000002");
    sim.phone_mut(ALICE).setup_mut().login = None;
    sim.place_with(ALICE, Place::new("sip:carol@10.0.0.1").edit(Edit::add("Authorization", &other)));
    sim.finish();
    assert_eq!(sim.phone(ALICE).call(1).outcome, Some(Outcome::Failed(401)));
}

#[test]
fn a_retransmitted_invite_is_no_replay() {
    let mut sim = with_login(8, "s3cret");
    sim.place(ALICE, "bob", Script::new().habits(|habits| habits.twice = true).bye(100));
    sim.finish();
    assert_eq!((sim.call(ALICE).outcome, sim.core().founded()), (Some(Outcome::WeHungUp), 1));
}

#[test]
fn options_is_challenged_and_answered_again_when_it_comes_again() {
    let mut sim = with_login(9, "s3cret");
    sim.place(ALICE, "bob", Script::new().habits(|habits| habits.twice = true).bye(2000));
    sim.run_until_talking(ALICE, BOB);
    // Outside of the dialog: a call of its own that never comes to one.
    sim.send_raw(ALICE, options("1", ""));
    sim.run_for(ms(100));
    let nonce = nonce_of(asked(&sim).last().map_or("", |message| message.header("WWW-Authenticate").unwrap_or_default()));
    let credentials = answer_to(&nonce, "OPTIONS");
    sim.send_raw(ALICE, options("2", &credentials));
    sim.send_raw(ALICE, options("2", &credentials));
    sim.run_for(ms(100));
    let answers: Vec<u16> = sim.phone(ALICE).heard("OPTIONS").map(Message::status).collect();
    assert_eq!(answers, [401, 200, 200]);
    sim.send_raw(ALICE, options("3", &credentials));
    sim.run_for(ms(100));
    assert_eq!(sim.phone(ALICE).heard("OPTIONS").last().map(Message::status), Some(401), "a replay");
    sim.finish();
}

#[test]
fn who_guesses_for_long_is_not_let_in_for_a_while() {
    let mut sim = with_login(10, "wrong");
    for _ in 0..30 {
        sim.place(ALICE, "bob", Script::new());
        sim.run_for(ms(1000));
    }
    sim.phone_mut(ALICE).setup_mut().login = Some(("alice".into(), "s3cret".into()));
    let shut_out = sim.place(ALICE, "bob", Script::new());
    sim.run_for(secs(60));
    let let_in = sim.place(ALICE, "bob", Script::new().bye(100));
    sim.finish();
    assert_eq!(sim.phone(ALICE).call(shut_out).outcome, Some(Outcome::Failed(401)));
    assert_eq!(sim.phone(ALICE).call(let_in).outcome, Some(Outcome::WeHungUp));
}

/// The status of what comes back to alice's OPTIONS with an answer to `nonce`, and its challenges without time, number and check.
fn told(sim: &mut Sim, branch: &str, password: &str, nonce: &str) -> (u16, Vec<String>) {
    sim.send_raw(ALICE, options(branch, &answer_with(password, nonce, "OPTIONS")));
    sim.run_for(ms(100));
    let answer = sim.phone(ALICE).heard("OPTIONS").last().expect("an answer");
    let bare = answer.headers.iter().filter(|(name, _)| name == "WWW-Authenticate").map(|(_, value)| {
        let nonce = nonce_of(value);
        value.replace(&nonce, &nonce[24..42])
    });
    (answer.status(), bare.collect())
}

#[test]
fn nothing_that_nobody_counts_tells_the_right_password_from_a_wrong_one() {
    let mut sim = guarded(15);
    sim.send_raw(ALICE, options("1", ""));
    sim.run_for(secs(61));
    let old = nonce_of(sim.phone(ALICE).heard("OPTIONS").last().and_then(|answer| answer.header("WWW-Authenticate")).unwrap_or_default());
    assert_eq!(old.len(), 74);
    for (number, nonce) in ["0".repeat(74), "f".into(), old].iter().enumerate() {
        let right = told(&mut sim, &format!("2{number}"), "s3cret", nonce);
        assert_eq!((right.0, right.1.len()), (401, 2));
        assert_eq!(told(&mut sim, &format!("3{number}"), "wrong", nonce), right, "{nonce}");
    }
    sim.finish();
}

#[test]
fn others_are_not_asked() {
    let mut sim = guarded(11);
    sim.place(BOB, "echo", Script::new().bye(100));
    sim.finish();
    assert_eq!(statuses(&sim, BOB), [100, 200]);
}

#[test]
fn a_draining_node_asks_first() {
    let mut sim = with_login(12, "s3cret");
    sim.core_mut().draining = true;
    sim.place(ALICE, "bob", Script::new());
    sim.finish();
    assert_eq!(statuses(&sim, ALICE), [401, 503]);
}

#[test]
fn a_caller_who_answers_with_qop_missing_is_let_in_once() {
    let mut sim = guarded(13);
    sim.place(ALICE, "bob", Script::new());
    sim.settle();
    let nonce = nonce_of(asked(&sim)[0].header("WWW-Authenticate").unwrap_or_default());
    let answer = old_answer_to(&nonce, "INVITE");
    let place = Place::new("sip:bob@10.0.0.1").edit(Edit::add("Authorization", &answer));
    let first = sim.place_with(ALICE, place.clone().script(Script::new().bye(100)));
    sim.settle();
    let second = sim.place_with(ALICE, place);
    sim.finish();
    assert_eq!(sim.phone(ALICE).call(first).outcome, Some(Outcome::WeHungUp));
    assert_eq!(sim.phone(ALICE).call(second).outcome, Some(Outcome::Failed(401)));
}

fn options(branch: &str, credentials: &str) -> String {
    let line = if credentials.is_empty() { String::new() } else { format!("Authorization: {credentials}\r\n") };
    format!(
        "OPTIONS sip:bob@10.0.0.1 SIP/2.0\r\nVia: SIP/2.0/UDP {ALICE};rport;branch=z9hG4bKoptions{branch}\r\nMax-Forwards: 70\r\n\
         From: <sip:alice@{ALICE}>;tag=o\r\nTo: <sip:bob@{CORE}>\r\nCall-ID: options\r\nCSeq: {branch} OPTIONS\r\n{line}Content-Length: 0\r\n\r\n"
    )
}

fn nonce_of(challenge: &str) -> String {
    challenge.split("nonce=\"").nth(1).and_then(|rest| rest.split('"').next()).unwrap_or_default().to_owned()
}

/// What alice's phone would say.
fn answer_to(nonce: &str, method: &str) -> String {
    answer_with("s3cret", nonce, method)
}

fn answer_with(password: &str, nonce: &str, method: &str) -> String {
    let challenge = format!("Digest realm=\"sim\", nonce=\"{nonce}\", algorithm=MD5, qop=\"auth\"");
    Demand::answer_to(&challenge, ("alice", password), method, "sip:bob@10.0.0.1").unwrap_or_default()
}

/// The same without `qop`, as RFC 2069 has it.
fn old_answer_to(nonce: &str, method: &str) -> String {
    let challenge = format!("Digest realm=\"sim\", nonce=\"{nonce}\"");
    Demand::answer_to(&challenge, ("alice", "s3cret"), method, "sip:bob@10.0.0.1").unwrap_or_default()
}

#[test]
fn a_request_of_no_dialog_is_asked_whatever_its_method() {
    let mut sim = with_login(14, "s3cret");
    sim.place(
        ALICE,
        "bob",
        Script::new().reply(10, 100).step(When::Status(401), 0, Act::Request(Request { method: "PUBLISH".into(), edits: vec![] })).bye(500),
    );
    sim.finish();
    let answers: Vec<u16> = sim.phone(ALICE).heard("PUBLISH").map(Message::status).collect();
    assert_eq!(answers, [401, 405]);
}
