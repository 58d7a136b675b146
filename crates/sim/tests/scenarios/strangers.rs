//! Who is nobody's: scanners, floods, forged sources and wrong passwords cost no state, and those who have proved where they are, a ban.

use std::net::SocketAddr;
use tandem_phone::{Message, Script, Setup};
use tandem_policy::{Offence, Standing};
use tandem_sim::{ALICE, BOB, CORE, STANDARD, Sim, ms, secs};

/// A stranger's address.
pub(crate) fn mallory() -> SocketAddr {
    SocketAddr::from(([10, 9, 9, 9], 5060))
}

/// The standard house with those sections behind it, and a stranger outside.
pub(crate) fn house(seed: u64, more: &str) -> Sim {
    let mut sim = Sim::with_config(seed, &format!("{STANDARD}\n{more}"));
    sim.add_phone(mallory(), Setup::new("mallory", mallory(), CORE, seed));
    sim
}

/// A request that begins something; `number` tells it from others.
pub(crate) fn request(from: SocketAddr, method: &str, uri: &str, number: usize, more: &str) -> String {
    format!(
        "{method} {uri} SIP/2.0\r\nVia: SIP/2.0/UDP {from};branch=z9hG4bK-{number};rport\r\nMax-Forwards: 70\r\n\
         From: \"sipvicious\" <sip:100@1.1.1.1>;tag=f{number}\r\nTo: <{uri}>\r\nCall-ID: scan-{number}\r\nCSeq: 1 {method}\r\n\
         Contact: <sip:100@{from}>\r\n{more}Content-Length: 0\r\n\r\n"
    )
}

/// The statuses that came back to `phone`, each with how often.
fn answers(sim: &Sim, phone: SocketAddr) -> Vec<(u16, usize)> {
    let mut counts = std::collections::BTreeMap::<u16, usize>::new();
    for one in sim.phone(phone).trace().iter().filter(|one| !one.sent) {
        *counts.entry(one.message.status()).or_default() += 1;
    }
    counts.into_iter().collect()
}

fn nothing_is_held(sim: &Sim) {
    assert_eq!((sim.core().held(), sim.core().calls(), sim.core().founded()), ((0, 0, 0), 0, 0));
}

#[test]
fn thousands_of_scans_leave_nothing_behind_and_tell_nothing() {
    let mut sim = house(1, "");
    for number in 0..5_000 {
        let method = ["OPTIONS", "REGISTER", "INVITE", "SUBSCRIBE", "MESSAGE", "REFER", "PUBLISH"][number % 7];
        sim.send_raw(mallory(), request(mallory(), method, &format!("sip:{number}@10.0.0.1"), number, ""));
        if number % 10 == 9 {
            sim.run_for(ms(1_000));
            nothing_is_held(&sim);
        }
    }
    assert_eq!(answers(&sim, mallory()), [(403, 5_000)], "ten a second are below the rate, and all get one answer");
    let (counted, offences, bans, trusted) = sim.core().abuse.counts();
    assert!(counted <= 1, "{counted} sources are counted");
    assert_eq!((offences, bans, trusted), (0, 0, 0), "a source address proves nothing");
    sim.finish();
}

#[test]
fn a_flood_gets_so_many_answers_a_second_and_known_calls_go_on() {
    let mut sim = house(2, "[abuse]\nanswers = 30\n");
    let place = |sim: &mut Sim| sim.place(ALICE, "bob", Script::new().bye(500));
    for second in 0..10 {
        place(&mut sim);
        for number in 0..500 {
            sim.send_raw(mallory(), request(mallory(), "INVITE", "sip:bob@10.0.0.1", second * 500 + number, ""));
        }
        sim.run_for(ms(1_000));
    }
    sim.run_for(secs(1));
    assert_eq!(answers(&sim, mallory()), [(403, 300)]);
    let talked = sim.phone(ALICE).calls().iter().filter(|call| call.outcome == Some(tandem_phone::Outcome::WeHungUp)).count();
    assert_eq!((talked, sim.core().founded()), (10, 10));
    sim.finish();
}

#[test]
fn a_silent_listener_says_nothing_whatever_comes() {
    let text = STANDARD.replacen("bind = \"10.0.0.1:5060\"\n\n", "bind = \"10.0.0.1:5060\"\nsilent = true\n\n", 1);
    let mut sim = Sim::with_config(3, &text);
    sim.add_phone(mallory(), Setup::new("mallory", mallory(), CORE, 3));
    for number in 0..2_000 {
        let method = ["OPTIONS", "REGISTER", "INVITE", "BYE", "CANCEL", "FROB", "ACK"][number % 7];
        sim.send_raw(mallory(), request(mallory(), method, &format!("sip:{number}@10.0.0.1"), number, ""));
        sim.send_raw(mallory(), request(mallory(), method, "sip:1@10.0.0.1", number, "X: \u{1}\r\nMax-Forwards: 0\r\n"));
    }
    sim.run_for(secs(60));
    assert_eq!(answers(&sim, mallory()), []);
    nothing_is_held(&sim);
    sim.finish();
}

/// A trunk that is known by a domain alone, whoever sends: the place of registered phones.
const ANYWHERE: &str = "\
[abuse]
offences = 6
ban = \"5m\"
[[trunk]]
name = \"anywhere\"
match = { domain = \"any.example\" }
challenge = { username = \"u\", password = \"p\" }
[[route]]
name = \"anywhere\"
from = [\"anywhere\"]
do = { bridge = [\"trunk:bob\"] }
";

/// The INVITEs that `phone` sent, and its calls, with a password that is wrong.
fn guess(sim: &mut Sim, number: usize) {
    let place = tandem_phone::Place::new(&format!("sip:{number}@any.example"));
    sim.place_with(mallory(), place);
    sim.run_for(ms(200));
}

#[test]
fn who_guesses_passwords_is_banned_and_heard_again_later() {
    let mut sim = house(4, ANYWHERE);
    sim.phone_mut(mallory()).setup_mut().login = Some(("u".into(), "guess".into()));
    (0..6).for_each(|number| guess(&mut sim, number));
    let ban = sim.core().bans.clone();
    assert_eq!(
        ban.iter().map(|ban| (ban.source, ban.offence, ban.offences)).collect::<Vec<_>>(),
        [(mallory().ip(), Offence::Credentials, 6)]
    );
    let before = answers(&sim, mallory());
    assert_eq!(before, [(401, 12)], "six calls, each asked, and asked again");
    guess(&mut sim, 7);
    sim.send_raw(mallory(), request(mallory(), "OPTIONS", "sip:10.0.0.1", 1, ""));
    sim.run_for(secs(1));
    assert_eq!(answers(&sim, mallory()), before, "whoever is banned hears nothing");
    nothing_is_held(&sim);
    sim.run_for(secs(300));
    sim.send_raw(mallory(), request(mallory(), "OPTIONS", "sip:10.0.0.1", 2, ""));
    sim.run_for(secs(1));
    assert_eq!(answers(&sim, mallory()), [(401, 12), (403, 1)]);
    sim.finish();
}

#[test]
fn nobody_is_banned_for_what_was_sent_in_their_name() {
    let mut sim = house(5, ANYWHERE);
    let victim = SocketAddr::from(([10, 9, 9, 8], 5060));
    sim.add_phone(victim, Setup::new("victim", victim, CORE, 5));
    // Mallory asks for a nonce, which comes to mallory, and has the wrong answers come from the victim's address and from a trunk's.
    for number in 0..60 {
        sim.send_raw(mallory(), request(mallory(), "INVITE", "sip:1@any.example", 1_000 + number, ""));
        sim.run_for(ms(100));
        let asked = sim.phone(mallory()).heard("INVITE").last().and_then(|answer| answer.header("WWW-Authenticate").map(str::to_owned));
        let Some(nonce) = asked.and_then(|asked| asked.split("nonce=\"").nth(1)?.split('"').next().map(str::to_owned)) else { break };
        let wrong = format!(
            "Authorization: Digest username=\"u\", realm=\"sim\", nonce=\"{nonce}\", uri=\"sip:1@any.example\", \
             response=\"{}\", algorithm=MD5, qop=auth, nc=00000001, cnonce=\"c\"\r\n",
            "0".repeat(32)
        );
        for source in [victim, ALICE] {
            sim.send_raw(source, request(source, "INVITE", "sip:1@any.example", number, &wrong));
        }
        sim.run_for(ms(100));
    }
    let banned: Vec<_> = sim.core().bans.iter().map(|ban| ban.source).collect();
    assert_eq!(banned, [mallory().ip()], "who was asked is who has answered");
    sim.phone_mut(victim).setup_mut().login = Some(("u".into(), "p".into()));
    let place = tandem_phone::Place::new("sip:1@any.example").script(Script::new().bye(500));
    sim.place_with(victim, place);
    sim.place(ALICE, "bob", Script::new().bye(500));
    sim.run_for(secs(5));
    assert_eq!(sim.call(victim).outcome, Some(tandem_phone::Outcome::WeHungUp));
    assert_eq!(sim.phone(ALICE).calls().last().and_then(|call| call.outcome), Some(tandem_phone::Outcome::WeHungUp));
    sim.finish();
}

#[test]
fn who_is_where_the_name_of_a_trunk_leads_is_no_stranger() {
    let far = "[[trunk]]\nname = \"far\"\ntargets = [{ uri = \"sip:carrier.example:5060\" }]\n\
               [[route]]\nto = '^far$'\ndo = { bridge = [\"trunk:far\"] }\n";
    let mut sim = house(10, far);
    sim.core_mut().zone.add_address("carrier.example", mallory().ip());
    let standing = |sim: &Sim| sim.core().abuse.standing(sim.now(), mallory());
    assert_eq!(standing(&sim), Standing::Stranger, "nobody has asked DNS yet");
    sim.expect(mallory(), Script::answers(100));
    sim.place(ALICE, "far", Script::new().bye(500));
    sim.run_for(secs(2));
    assert_eq!(standing(&sim), Standing::Known);
    sim.run_for(secs(86_400));
    assert_eq!(standing(&sim), Standing::Stranger, "DNS has not named it for a day");
    sim.finish();
}

#[test]
fn a_client_that_answers_without_thinking_is_asked_twice() {
    let mut sim = house(6, ANYWHERE);
    let mut credentials = String::new();
    let mut statuses = Vec::new();
    for number in 0..4 {
        sim.send_raw(mallory(), request(mallory(), "INVITE", "sip:1@any.example", number, &credentials));
        sim.run_for(ms(100));
        let answer: Message = sim.phone(mallory()).heard("INVITE").last().expect("an answer").clone();
        statuses.push(answer.status());
        let Some(asked) = answer.header("WWW-Authenticate") else { break };
        let nonce = asked.split("nonce=\"").nth(1).and_then(|rest| rest.split('"').next()).unwrap_or_default().to_owned();
        credentials = format!(
            "Authorization: Digest username=\"u\", realm=\"sim\", nonce=\"{nonce}\", uri=\"sip:1@any.example\", \
             response=\"{}\", algorithm=MD5, qop=auth, nc=00000001, cnonce=\"c\"\r\n",
            "0".repeat(32)
        );
    }
    assert_eq!(statuses, [401, 401, 403]);
    sim.finish();
}

#[test]
fn a_known_call_is_served_while_its_source_is_flooded_in_its_name() {
    let mut sim = house(7, "");
    sim.expect(BOB, Script::answers(100));
    sim.place(ALICE, "bob", Script::new().bye(3_000));
    sim.run_until_talking(ALICE, BOB);
    for number in 0..2_000 {
        sim.send_raw(BOB, request(BOB, "OPTIONS", &format!("sip:{number}@10.0.0.1"), number, "Require: nothing\r\n"));
    }
    sim.run_for(secs(10));
    assert_eq!(sim.call(ALICE).outcome, Some(tandem_phone::Outcome::WeHungUp));
    assert!(sim.core().bans.is_empty());
    sim.finish();
}

/// The longest answer to a request of that many bytes.
fn longest(asked: usize) -> usize {
    asked + asked / 2 + 400
}

/// What came back to mallory, byte for byte, since there were `before` messages.
fn replies(sim: &Sim, before: usize) -> Vec<usize> {
    sim.phone(mallory()).trace().iter().filter(|one| !one.sent).skip(before).map(|one| one.message.print().len()).collect()
}

/// RFC 4475's messages where they are there, and the project's own.
fn corpus() -> Vec<Vec<u8>> {
    let own = std::path::PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../signalling/tests/torture/messages");
    let beside = || std::path::PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared/corpora");
    let rfc4475 = std::env::var_os("TANDEM_CORPORA").map_or_else(beside, std::path::PathBuf::from).join("rfc4475");
    let files = [own, rfc4475].into_iter().filter_map(|folder| std::fs::read_dir(folder).ok()).flatten().flatten();
    let mut all: Vec<Vec<u8>> = files.filter_map(|file| std::fs::read(file.path()).ok()).collect();
    all.sort();
    all
}

#[test]
fn whatever_a_stranger_sends_gets_one_reply_at_most_and_a_short_one() {
    // One that is challenged, as phones are, and one whom nobody knows.
    for (seed, more) in
        [(8, ""), (9, "[[trunk]]\nname = \"all\"\nmatch = { listen = \"main\" }\nchallenge = { username = \"u\", password = \"p\" }\n")]
    {
        let mut sim = house(seed, &format!("[abuse]\nanswers = 100000\n{more}"));
        let mut random = tandem_model::Random::new(seed);
        let mut below = |most: usize| (random.next_u64() % most.max(1) as u64) as usize;
        let messages = corpus();
        assert!(messages.len() > 50, "the corpus is there");
        let mut heard = 0;
        for round in 0..30 {
            for message in &messages {
                let mut bytes = message.clone();
                // The first round as they are; then cut, with bytes changed, doubled or taken away.
                for _ in 0..round.min(6) {
                    let place = below(bytes.len());
                    match below(5) {
                        0 => bytes.truncate(place.max(1)),
                        1 => drop(bytes.get_mut(place).map(|byte| *byte = below(256) as u8)),
                        2 => drop((place < bytes.len()).then(|| bytes.remove(place))),
                        3 => bytes.extend_from_within(place..),
                        _ => bytes.insert(place, b"\r\n \0;,:"[below(7)]),
                    }
                }
                bytes.truncate(60_000);
                sim.send_raw(mallory(), bytes.clone());
                sim.run_for(ms(20));
                let came = replies(&sim, heard);
                assert!(came.len() <= 1, "{} answers to {}", came.len(), bytes.escape_ascii());
                assert!(came.iter().all(|length| *length <= longest(bytes.len())), "{came:?} to {}: {}", bytes.len(), bytes.escape_ascii());
                heard += came.len();
            }
        }
        assert!(heard > 100, "{heard} answers are too few to show anything");
        sim.run_for(secs(64));
        assert_eq!(replies(&sim, heard), Vec::<usize>::new(), "nothing is said twice (RFC 3261 §8.2.7)");
        assert_eq!((sim.core().calls(), sim.core().founded()), (0, 0));
        assert_eq!(sim.core().held(), (0, 0, 0));
    }
}
