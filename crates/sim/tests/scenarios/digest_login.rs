//! A peer who wants to know who we are: a trunk's `login` answers it (RFC 3261 §22, RFC 8760).

use crate::statuses;
use tandem_model::{EndReason, EventKind};
use tandem_phone::{Act, Demand, Message, Offer, OnCancel, Outcome, Reply, Script, When, sdp::Direction};
use tandem_sim::{ALICE, BOB, CAROL, STANDARD, Sim};

/// The standard house, with a login for bob's trunk and for alice's.
fn house(seed: u64, login: &str) -> Sim {
    let mut text = STANDARD.replacen("ring_timeout = \"60s\"", &format!("ring_timeout = \"60s\"\nlogin = {login}"), 1);
    text =
        text.replacen("targets = [{ uri = \"sip:10.0.1.1\" }]", &format!("targets = [{{ uri = \"sip:10.0.1.1\" }}]\nlogin = {login}"), 1);
    Sim::with_config(seed, &text)
}

const LOGIN: &str = "{ username = \"acme\", password = \"s3cret\" }";

fn demand() -> Demand {
    Demand::new("acme", "s3cret")
}

fn of(methods: &[&str]) -> Demand {
    Demand { methods: methods.iter().map(|method| (*method).to_owned()).collect(), ..demand() }
}

/// The requests of this method that bob got.
fn requests(sim: &Sim, phone: std::net::SocketAddr, method: &str) -> Vec<Message> {
    sim.phone(phone).heard(method).filter(|message| message.is_request()).cloned().collect()
}

/// Why the leg to the callee failed: status and words.
fn failures(sim: &Sim) -> Vec<(u16, String)> {
    let kinds = sim.core().events.iter().filter_map(|event| match &event.kind {
        EventKind::LegFailed(end) => Some((end.sip_status, end.reason.to_string())),
        _ => None,
    });
    kinds.collect()
}

#[test]
fn a_challenge_is_answered_and_the_caller_never_knows() {
    for (seed, status) in [(1, 401), (2, 407)] {
        let mut sim = house(seed, LOGIN);
        sim.phone_mut(BOB).setup_mut().demands = vec![Demand { status, ..demand() }];
        sim.place(ALICE, "bob", Script::new().bye(1000));
        sim.finish();
        assert_eq!(statuses(&sim, ALICE), [100, 180, 200]);
        assert_eq!(sim.end_reason(), Some(EndReason::CallerHungUp));
        assert_eq!(failures(&sim), []);
        let invites = requests(&sim, BOB, "INVITE");
        assert_eq!(invites.len(), 2);
        let (first, second) = (&invites[0], &invites[1]);
        // RFC 3261 §8.1.3.5: the same Call-ID, To and From, and the next CSeq number.
        for name in ["Call-ID", "From", "To", "Contact"] {
            assert_eq!(first.header(name), second.header(name), "{name}");
        }
        assert_eq!((first.cseq(), second.cseq()), (Some((1, "INVITE")), Some((2, "INVITE"))));
        assert_ne!(first.header("Via"), second.header("Via"));
        assert_eq!(first.body, second.body);
        let record = sim.core().records().next().expect("one call");
        assert_eq!(record.legs.len(), 2, "one leg, however often it asks");
    }
}

#[test]
fn the_first_algorithm_that_we_know_is_taken() {
    let mut sim = house(3, LOGIN);
    let algorithms = ["FUTURE-9", "SHA-256", "MD5"].map(str::to_owned).into();
    sim.phone_mut(BOB).setup_mut().demands = vec![Demand { algorithms, ..demand() }];
    sim.place(ALICE, "bob", Script::new().bye(1000));
    sim.finish();
    assert!(requests(&sim, BOB, "INVITE")[1].header("Authorization").is_some_and(|value| value.contains("algorithm=SHA-256")));
}

#[test]
fn a_peer_without_qop_is_answered_too() {
    let mut sim = house(4, LOGIN);
    sim.phone_mut(BOB).setup_mut().demands = vec![Demand { qop: false, ..demand() }];
    sim.place(ALICE, "bob", Script::new().bye(1000));
    sim.finish();
    assert_eq!(sim.end_reason(), Some(EndReason::CallerHungUp));
}

#[test]
fn a_proxy_and_then_the_phone_behind_it() {
    let mut sim = house(5, LOGIN);
    sim.phone_mut(BOB).setup_mut().demands = vec![Demand { status: 407, realm: "proxy".into(), ..demand() }, demand()];
    sim.place(ALICE, "bob", Script::new().bye(1000));
    sim.finish();
    assert_eq!(statuses(&sim, ALICE), [100, 180, 200]);
    let invites = requests(&sim, BOB, "INVITE");
    assert_eq!(invites.len(), 3);
    assert!(invites[2].header("Proxy-Authorization").is_some() && invites[2].header("Authorization").is_some());
}

#[test]
fn every_request_of_the_leg_is_answered_and_counts_grow() {
    let mut sim = house(6, LOGIN);
    sim.phone_mut(BOB).setup_mut().demands = vec![of(&["INVITE", "BYE"])];
    let hold = Act::Reinvite(Offer::direction(Direction::SendOnly));
    sim.place(ALICE, "bob", Script::new().step(When::Confirmed, 500, hold).bye(2000));
    sim.finish();
    // The first INVITE alone had to ask: what came later brought its credentials along.
    let (invites, byes) = (requests(&sim, BOB, "INVITE"), requests(&sim, BOB, "BYE"));
    assert_eq!((invites.len(), byes.len()), (3, 1));
    let count =
        |message: &Message| message.header("Authorization").and_then(|value| value.split("nc=").nth(1)).map(|rest| rest[..8].to_owned());
    assert_eq!([&invites[1], &invites[2], &byes[0]].map(count), ["1", "2", "3"].map(|digit| Some(format!("0000000{digit}"))));
}

#[test]
fn a_bye_may_be_the_first_to_be_challenged() {
    let mut sim = house(7, LOGIN);
    sim.phone_mut(BOB).setup_mut().demands = vec![of(&["BYE"])];
    sim.place(ALICE, "bob", Script::new().bye(1000));
    sim.finish();
    assert_eq!(requests(&sim, BOB, "BYE").len(), 2);
    assert_eq!(sim.call(BOB).outcome, Some(Outcome::TheyHungUp));
}

#[test]
fn so_may_a_reinvite_and_on_the_callers_leg_too() {
    let mut sim = house(8, LOGIN);
    sim.phone_mut(ALICE).setup_mut().demands = vec![of(&["INVITE", "BYE"])];
    let hold = Act::Reinvite(Offer::direction(Direction::SendOnly));
    sim.expect(BOB, Script::answers(200).step(When::Confirmed, 500, hold).bye(2000));
    sim.place(ALICE, "bob", Script::new());
    sim.finish();
    assert_eq!((requests(&sim, ALICE, "INVITE").len(), requests(&sim, ALICE, "BYE").len()), (2, 1));
    assert_eq!(sim.call(ALICE).outcome, Some(Outcome::TheyHungUp));
    assert!(sim.call(BOB).has(When::Reanswered));
}

#[test]
fn a_stale_nonce_is_replaced() {
    let mut sim = house(9, LOGIN);
    sim.phone_mut(BOB).setup_mut().demands = vec![Demand { uses: 1, ..of(&["INVITE", "BYE"]) }];
    let hold = Act::Reinvite(Offer::direction(Direction::SendOnly));
    sim.place(ALICE, "bob", Script::new().step(When::Confirmed, 500, hold).bye(2000));
    sim.finish();
    assert_eq!((requests(&sim, BOB, "INVITE").len(), requests(&sim, BOB, "BYE").len()), (4, 2));
    assert_eq!(sim.call(BOB).outcome, Some(Outcome::TheyHungUp));
}

#[test]
fn a_refused_password_is_500_to_the_caller_and_said() {
    let mut sim = house(10, LOGIN);
    sim.phone_mut(BOB).setup_mut().demands = vec![Demand { never: true, ..demand() }];
    sim.place(ALICE, "bob", Script::new());
    sim.finish();
    assert_eq!(sim.call(ALICE).outcome, Some(Outcome::Failed(500)));
    assert_eq!(requests(&sim, BOB, "INVITE").len(), 2);
    assert_eq!(failures(&sim)[0], (401, "login refused by realm phones".to_owned()));
}

#[test]
fn without_a_login_the_caller_gets_500() {
    let mut sim = Sim::new(11);
    sim.phone_mut(BOB).setup_mut().demands = vec![Demand { status: 407, ..demand() }];
    sim.place(ALICE, "bob", Script::new());
    sim.finish();
    assert_eq!(sim.call(ALICE).outcome, Some(Outcome::Failed(500)));
    assert_eq!(failures(&sim)[0], (407, "challenged, and no login is configured".to_owned()));
    assert_eq!(requests(&sim, BOB, "INVITE").len(), 1);
}

#[test]
fn another_realm_gets_no_credentials() {
    let mut sim = house(12, "{ username = \"acme\", password = \"s3cret\", realm = \"carrier\" }");
    sim.phone_mut(BOB).setup_mut().demands = vec![demand()];
    sim.place(ALICE, "bob", Script::new());
    sim.finish();
    assert_eq!(failures(&sim)[0], (401, "challenged for realm phones, which our login is not for".to_owned()));
    assert!(requests(&sim, BOB, "INVITE").iter().all(|invite| invite.header("Authorization").is_none()));
}

#[test]
fn an_algorithm_that_nobody_knows_is_said() {
    let mut sim = house(13, LOGIN);
    sim.phone_mut(BOB).setup_mut().demands = vec![Demand { algorithms: vec!["FUTURE-9".into()], ..demand() }];
    sim.place(ALICE, "bob", Script::new());
    sim.finish();
    assert_eq!(failures(&sim)[0], (401, "challenged with no scheme, algorithm and qop that we know".to_owned()));
}

#[test]
fn another_trunks_peer_gets_none_of_it() {
    let mut sim = house(14, LOGIN);
    sim.phone_mut(CAROL).setup_mut().demands = vec![demand()];
    sim.expect(BOB, Script::new().reply(10, 503));
    sim.place(ALICE, "two", Script::new());
    sim.finish();
    assert_eq!(sim.call(ALICE).outcome, Some(Outcome::Failed(500)));
    assert_eq!(requests(&sim, CAROL, "INVITE").len(), 1);
    assert_eq!(failures(&sim)[1], (401, "challenged, and no login is configured".to_owned()));
}

#[test]
fn a_challenge_that_cannot_be_answered_is_final() {
    let mut sim = Sim::new(15);
    sim.phone_mut(BOB).setup_mut().demands = vec![demand()];
    sim.place(ALICE, "two", Script::new());
    sim.finish();
    assert_eq!(sim.call(ALICE).outcome, Some(Outcome::Failed(500)));
    assert_eq!(requests(&sim, CAROL, "INVITE").len(), 0);
}

#[test]
fn lost_messages_change_nothing() {
    for seed in 20..40 {
        // Every lost INVITE, the first and the second, takes its time to be sent again.
        let mut sim = house(seed, &format!("{LOGIN}\ntrying_timeout = \"30s\""));
        sim.links(tandem_sim::Link { loss: 200, ..Default::default() });
        sim.phone_mut(BOB).setup_mut().demands = vec![of(&["INVITE", "BYE"])];
        sim.place(ALICE, "bob", Script::new().bye(5000));
        sim.settle();
        assert_eq!(sim.call(ALICE).outcome, Some(Outcome::WeHungUp), "seed {seed}");
    }
}

#[test]
fn the_caller_is_asked_and_so_are_we() {
    let text = STANDARD
        .replacen("ring_timeout = \"60s\"", &format!("ring_timeout = \"60s\"\nlogin = {LOGIN}"), 1)
        .replacen("targets = [{ uri = \"sip:10.0.1.1\" }]", "challenge = { username = \"a\", password = \"b\", realm = \"here\" }", 1)
        .replace("bridge = [\"trunk:alice\"]", "bridge = [\"trunk:carol\"]");
    let mut sim = Sim::with_config(41, &text);
    sim.phone_mut(ALICE).setup_mut().login = Some(("a".into(), "b".into()));
    sim.phone_mut(BOB).setup_mut().demands = vec![demand()];
    sim.place(ALICE, "bob", Script::new().bye(1000));
    sim.finish();
    assert_eq!(statuses(&sim, ALICE), [401, 100, 180, 200]);
    // Her answer is for us alone.
    assert!(requests(&sim, BOB, "INVITE").iter().all(|invite| !invite.header("Authorization").is_some_and(|value| value.contains("here"))));
}

/// The 2xx of another phone when nothing is left of the call: its ACK has what the INVITE had (RFC 3261 §13.2.2.4).
#[test]
fn a_late_fork_of_a_cancelled_call_is_acknowledged_with_the_credentials() {
    let mut sim = house(21, LOGIN);
    sim.phone_mut(BOB).setup_mut().demands = vec![of(&["INVITE"])];
    let bob = Script::new().reply(50, 180).step(When::Cancelled, 2000, Act::Reply(Reply::new(200).fork(1)));
    sim.expect(BOB, bob.habits(|habits| habits.on_cancel = OnCancel::Answer));
    sim.place(ALICE, "bob", Script::new().cancel(When::Status(180), 500));
    sim.finish();
    let credentials = |message: &Message| message.header("Authorization").map(str::to_owned);
    let invite = requests(&sim, BOB, "INVITE").last().and_then(credentials);
    assert!(invite.is_some());
    let acks: Vec<_> = requests(&sim, BOB, "ACK").iter().filter(|ack| ack.cseq() == Some((2, "ACK"))).map(credentials).collect();
    assert_eq!(acks, [invite.clone(), invite], "one for each that answered");
    assert_eq!(sim.core().calls(), 0);
}

/// Somebody else's address in a Contact: whoever is there asks us for the password of the trunk.
#[test]
fn whoever_a_contact_names_gets_no_answer_to_a_challenge() {
    for (seed, asks_at_first) in [(50, false), (51, true)] {
        let mut sim = house(seed, LOGIN);
        sim.may_tell_addresses();
        // Bob's own challenge is answered; carol's, whom his Contact names, is not, nor is she sent what was for him.
        sim.phone_mut(BOB).setup_mut().demands = if asks_at_first { vec![of(&["INVITE"])] } else { Vec::new() };
        let bob = Script::new().reply(10, 180);
        let elsewhere = Reply::new(200).edit(tandem_phone::Edit::set("Contact", "<sip:bob@10.0.3.1>"));
        sim.expect(BOB, bob.step(When::Start, 60, Act::Reply(elsewhere)));
        sim.place(ALICE, "bob", Script::new().bye(1000));
        sim.run_for(tandem_sim::ms(1_600));
        assert_eq!(sim.call(ALICE).outcome, Some(Outcome::WeHungUp), "seed {seed}");
        let bye = requests(&sim, CAROL, "BYE").first().expect("it goes where the Contact says").clone();
        let copied: String =
            ["Via", "From", "To", "Call-ID", "CSeq"].map(|name| format!("{name}: {}\r\n", bye.header(name).unwrap_or_default())).concat();
        let challenge = "WWW-Authenticate: Digest realm=\"phones\", nonce=\"carols\", qop=\"auth\"\r\nContent-Length: 0\r\n\r\n";
        sim.send_raw(CAROL, format!("SIP/2.0 401 Unauthorized\r\n{copied}{challenge}"));
        sim.run_for(tandem_sim::secs(40));
        let byes = requests(&sim, CAROL, "BYE");
        assert!(byes.iter().all(|again| again.cseq() == bye.cseq()), "asked, and not answered (seed {seed})");
        let mut came = sim.phone(CAROL).trace().iter().filter(|one| !one.sent && one.message.is_request());
        assert!(came.all(|one| one.message.header("Authorization").is_none()), "seed {seed}");
        assert_eq!(sim.core().calls(), 0);
    }
}

/// A peer that names another realm each time would have an answer of ours for each.
#[test]
fn realms_without_end_are_answered_twice() {
    let mut sim = house(52, LOGIN);
    sim.phone_mut(BOB).setup_mut().demands = (0..5).map(|realm| Demand { realm: format!("realm-{realm}"), ..demand() }).collect();
    sim.place(ALICE, "bob", Script::new());
    sim.finish();
    assert_eq!(requests(&sim, BOB, "INVITE").len(), 3);
    assert_eq!(failures(&sim)[0], (401, "challenged too often".to_owned()));
    assert_eq!(sim.call(ALICE).outcome, Some(Outcome::Failed(500)));
}
