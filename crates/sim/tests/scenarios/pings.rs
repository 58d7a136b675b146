//! `ping`: targets are asked by OPTIONS whether they are there, and those that are not are passed over. And those that ask for a rest (503 with
//! Retry-After) get it.

use crate::{states, statuses};
use tandem_phone::{Edit, Reply, Script};
use tandem_sim::{ALICE, BOB, CAROL, CORE, Link, STANDARD, Sim, secs};

/// A house in which `pair` is a trunk of two targets: bob, then carol.
fn pair(seed: u64, keys: &str) -> Sim {
    Sim::with_config(
        seed,
        &format!(
            "{STANDARD}
[[trunk]]
name = \"pair\"
targets = [{{ uri = \"sip:10.0.2.1\", priority = 1 }}, {{ uri = \"sip:10.0.3.1\", priority = 2 }}]
{keys}

[[route]]
to = '^pair$'
do = {{ bridge = [\"trunk:pair\"] }}

[[route]]
to = '^pair-else-dora$'
do = {{ bridge = [\"trunk:pair\", \"trunk:dora\"] }}
"
        ),
    )
}

const PING: &str = "ping = { every = \"10s\", down_after = 2 }";

fn invites(sim: &Sim, phone: std::net::SocketAddr) -> usize {
    sim.phone(phone).heard("INVITE").filter(|message| message.is_request()).count()
}

#[test]
fn each_target_is_asked_again_and_again() {
    let mut sim = pair(1, PING);
    sim.run_for(secs(100));
    for phone in [BOB, CAROL] {
        let asked: Vec<_> = sim.phone(phone).heard("OPTIONS").collect();
        assert_eq!(asked.len(), 10, "every ten seconds");
        assert_eq!(asked[0].uri(), format!("sip:{}", phone.ip()));
        assert_eq!(asked[0].header("Accept"), Some("application/sdp"), "RFC 3261 §11.1");
        let same = asked.windows(2).all(|two| two[0].call_id() == two[1].call_id() && two[0].cseq() < two[1].cseq());
        assert!(same, "one conversation");
    }
    let mut told = states(&sim);
    told.sort();
    assert_eq!(told, ["target.up pair sip:10.0.2.1", "target.up pair sip:10.0.3.1", "trunk.up pair"]);
    sim.finish();
}

#[test]
fn any_answer_but_408_and_503_is_life() {
    for (status, is_alive) in [(200, true), (404, true), (405, true), (486, true), (500, true), (403, true), (408, false), (503, false)] {
        let mut sim = pair(2, PING);
        sim.phone_mut(BOB).setup_mut().outside = vec![status; 10];
        sim.run_for(secs(35));
        let is_down = states(&sim).iter().any(|state| state == "target.down pair sip:10.0.2.1");
        assert_eq!(is_down, !is_alive, "{status}: {:?}", states(&sim));
        sim.finish();
    }
}

#[test]
fn a_challenge_is_life_and_is_not_answered() {
    let mut sim = pair(3, &format!("{PING}\nlogin = {{ username = \"a\", password = \"b\" }}"));
    let demand = tandem_phone::Demand { methods: vec!["OPTIONS".into()], ..tandem_phone::Demand::new("a", "b") };
    sim.phone_mut(BOB).setup_mut().demands = vec![demand];
    sim.run_for(secs(35));
    assert!(states(&sim).contains(&"target.up pair sip:10.0.2.1".to_owned()));
    assert!(sim.phone(BOB).heard("OPTIONS").all(|options| options.header("Authorization").is_none()));
    sim.finish();
}

#[test]
fn a_dead_target_is_passed_over_and_that_is_said_once() {
    let mut sim = pair(4, PING);
    sim.run_for(secs(5));
    sim.link(CORE, BOB, Link::CUT);
    sim.run_for(secs(120));
    assert_eq!(states(&sim).iter().filter(|state| *state == "target.down pair sip:10.0.2.1").count(), 1);
    assert_eq!(states(&sim).iter().filter(|state| *state == "trunk.down pair").count(), 0, "carol is there");
    sim.expect(CAROL, Script::answers(100));
    sim.place(ALICE, "pair", Script::new().bye(500));
    sim.settle();
    assert_eq!((statuses(&sim, ALICE).last(), invites(&sim, BOB)), (Some(&200), 0), "nobody waits for bob");
    // The first answer brings it back.
    sim.link(CORE, BOB, Link::CLEAN);
    sim.run_for(secs(15));
    assert_eq!(states(&sim).last().map(String::as_str), Some("target.up pair sip:10.0.2.1"));
    sim.expect(BOB, Script::answers(100));
    sim.place(ALICE, "pair", Script::new().bye(500));
    sim.finish();
    assert_eq!(invites(&sim, BOB), 1);
}

#[test]
fn one_lost_answer_is_no_death() {
    let mut sim = pair(5, PING);
    sim.phone_mut(BOB).setup_mut().outside = vec![200, 503, 200, 503, 200, 503, 200];
    sim.run_for(secs(90));
    assert!(states(&sim).iter().all(|state| !state.contains("down")), "{:?}", states(&sim));
    sim.finish();
}

#[test]
fn a_trunk_whose_targets_are_all_dead_is_passed_over_as_a_full_one_is() {
    let mut sim = pair(6, PING);
    sim.run_for(secs(5));
    for phone in [BOB, CAROL] {
        sim.link(CORE, phone, Link::CUT);
    }
    sim.run_for(secs(60));
    assert_eq!(states(&sim).iter().filter(|state| *state == "trunk.down pair").count(), 1, "{:?}", states(&sim));
    sim.place(ALICE, "pair", Script::new());
    sim.run_for(secs(1));
    assert_eq!(statuses(&sim, ALICE), [100, 480]);
    sim.expect(tandem_sim::DORA, Script::answers(100));
    sim.place(ALICE, "pair-else-dora", Script::new().bye(500));
    sim.run_for(secs(2));
    assert_eq!(sim.phone(ALICE).call(1).final_status(), Some(200));
    for phone in [BOB, CAROL] {
        sim.link(CORE, phone, Link::CLEAN);
    }
    sim.run_for(secs(15));
    assert_eq!(states(&sim).iter().filter(|state| *state == "trunk.up pair").count(), 2);
    sim.finish();
}

#[test]
fn what_is_known_of_targets_ends_with_the_pings() {
    let mut sim = pair(7, PING);
    sim.link(CORE, BOB, Link::CUT);
    sim.run_for(secs(60));
    sim.link(CORE, BOB, Link::CLEAN);
    let text = format!(
        "{STANDARD}\n[[trunk]]\nname = \"pair\"\ntargets = [{{ uri = \"sip:10.0.2.1\", priority = 1 }}, {{ uri = \"sip:10.0.3.1\", priority = 2 }}]\n\
         [[route]]\nto = '^pair$'\ndo = {{ bridge = [\"trunk:pair\"] }}\n"
    );
    sim.reload(&text);
    sim.expect(BOB, Script::answers(100));
    sim.place(ALICE, "pair", Script::new().bye(500));
    sim.finish();
    assert_eq!(invites(&sim, BOB), 1);
}

/// Bob refuses one call so.
fn refuses(sim: &mut Sim, status: u16, retry_after: &str) {
    let edits = vec![Edit::Add("Retry-After".into(), retry_after.into())];
    sim.expect(BOB, Script::new().reply_with(0, Reply { edits, ..Reply::new(status) }));
    sim.expect(CAROL, Script::answers(100));
    sim.place(ALICE, "pair", Script::new().bye(500));
    sim.settle();
}

#[test]
fn a_target_that_asks_for_a_rest_gets_it() {
    let mut sim = pair(8, "");
    refuses(&mut sim, 503, "60");
    assert_eq!((invites(&sim, BOB), invites(&sim, CAROL)), (1, 1));
    sim.expect(CAROL, Script::answers(100));
    sim.place(ALICE, "pair", Script::new().bye(500));
    sim.settle();
    assert_eq!((invites(&sim, BOB), invites(&sim, CAROL)), (1, 2), "bob is left alone");
    sim.run_for(secs(60));
    sim.expect(BOB, Script::answers(100));
    sim.place(ALICE, "pair", Script::new().bye(500));
    sim.finish();
    assert_eq!(invites(&sim, BOB), 2, "until the time is over");
}

#[test]
fn a_rest_has_an_end_and_is_for_503_alone() {
    let mut sim = pair(9, "");
    refuses(&mut sim, 503, "86400 (maintenance);duration=3600");
    sim.run_for(secs(301));
    sim.expect(BOB, Script::answers(100));
    sim.place(ALICE, "pair", Script::new().bye(500));
    sim.finish();
    assert_eq!(invites(&sim, BOB), 2, "no longer than five minutes");
    for (status, retry_after) in [(500, "60"), (503, "soon")] {
        let mut sim = pair(10, "");
        refuses(&mut sim, status, retry_after);
        sim.expect(BOB, Script::answers(100));
        sim.place(ALICE, "pair", Script::new().bye(500));
        sim.finish();
        assert_eq!(invites(&sim, BOB), 2, "{status} {retry_after}");
    }
}
