//! `failover`: after which failures the next target is tried, and after which not.

use tandem_phone::{Act, Outcome, Reply, Script, When};
use tandem_sim::{ALICE, BOB, CAROL, CORE, Link, STANDARD, Sim};

/// A house in which `pair` is a trunk of two targets: bob, then carol.
fn house(keys: &str) -> Sim {
    let text = format!(
        "{STANDARD}
[[trunk]]
name = \"pair\"
targets = [{{ uri = \"sip:10.0.2.1\", priority = 1 }}, {{ uri = \"sip:10.0.3.1\", priority = 2 }}]
{keys}

[[route]]
to = '^pair$'
do = {{ bridge = [\"trunk:pair\"] }}
"
    );
    Sim::with_config(1, &text)
}

/// Whether a call whose first target answers `status` reaches the second.
fn goes_on(keys: &str, status: u16) -> bool {
    let mut sim = house(keys);
    sim.expect(BOB, Script::new().reply(50, status)).expect(CAROL, Script::answers(100));
    sim.place(ALICE, "pair", Script::new().bye(500));
    sim.finish();
    let outcome = sim.call(ALICE).outcome;
    assert!(matches!(outcome, Some(Outcome::WeHungUp | Outcome::Failed(_))), "{outcome:?}");
    outcome == Some(Outcome::WeHungUp)
}

#[test]
fn statuses_and_classes_are_as_listed() {
    let tried = |keys: &str| [404, 408, 486, 500, 503, 603].map(|status| goes_on(keys, status));
    assert_eq!(tried(""), [false, true, false, true, true, false], "as it is unless written");
    assert_eq!(tried("failover = [\"503\"]"), [false, false, false, false, true, false]);
    assert_eq!(tried("failover = [\"404\", \"6xx\"]"), [true, false, false, false, false, true]);
    assert_eq!(tried("failover = [\"4xx\"]"), [true, true, true, false, false, false]);
    assert_eq!(tried("failover = []"), [false; 6]);
}

#[test]
fn a_redirection_is_no_failure() {
    for keys in ["", "failover = [\"4xx\", \"5xx\", \"6xx\"]"] {
        assert!(!goes_on(keys, 302));
    }
}

#[test]
fn silence_counts_as_a_timeout() {
    for (keys, goes_on) in [("", true), ("failover = [\"timeout\"]", true), ("failover = [\"408\", \"4xx\", \"unreachable\"]", false)] {
        let mut sim = house(keys);
        sim.link(CORE, BOB, Link::CUT);
        sim.expect(CAROL, Script::answers(100));
        sim.place(ALICE, "pair", Script::new().bye(500));
        sim.finish();
        assert_eq!(sim.call(ALICE).outcome, Some(if goes_on { Outcome::WeHungUp } else { Outcome::Failed(408) }), "{keys}");
    }
}

#[test]
fn a_target_that_only_says_trying_times_out_too() {
    for (keys, outcome) in [("", Outcome::WeHungUp), ("failover = [\"unreachable\"]", Outcome::Failed(480))] {
        let mut sim = house(&format!("{keys}\nring_timeout = \"20s\""));
        sim.expect(BOB, Script::new().reply(50, 100).step(When::Start, 60_000, Act::Reply(Reply::new(480))));
        sim.expect(CAROL, Script::answers(100));
        sim.place(ALICE, "pair", Script::new().bye(500));
        sim.finish();
        assert_eq!(sim.call(ALICE).outcome, Some(outcome), "{keys}");
    }
}

#[test]
fn an_address_where_nobody_is_counts_as_unreachable() {
    for (keys, goes_on) in [("", true), ("failover = [\"unreachable\"]", true), ("failover = [\"5xx\", \"timeout\"]", false)] {
        let mut sim = house(keys);
        sim.core_mut().unreachable.push(BOB);
        sim.expect(CAROL, Script::answers(100));
        sim.place(ALICE, "pair", Script::new().bye(500));
        sim.finish();
        assert_eq!(sim.call(ALICE).outcome, Some(if goes_on { Outcome::WeHungUp } else { Outcome::Failed(500) }), "{keys}");
    }
}

#[test]
fn once_it_rang_no_other_target_is_tried() {
    for progress in [180, 183] {
        let mut sim = house("failover = [\"4xx\", \"5xx\", \"6xx\", \"timeout\", \"unreachable\"]");
        sim.expect(BOB, Script::new().reply(50, progress).reply(500, 503));
        sim.place(ALICE, "pair", Script::new());
        sim.finish();
        assert_eq!(sim.call(ALICE).outcome, Some(Outcome::Failed(500)), "{progress}");
        assert_eq!(sim.phone(CAROL).calls().len(), 0);
    }
}

#[test]
fn the_next_endpoint_of_the_route_follows_the_last_target() {
    let text = STANDARD
        .replace("name = \"carol\"\nmatch", "name = \"carol\"\nfailover = [\"486\"]\nmatch")
        .replace("do = { bridge = [\"trunk:bob\", \"trunk:carol\"] }", "do = { bridge = [\"trunk:carol\", \"trunk:bob\"] }");
    let mut sim = Sim::with_config(2, &text);
    sim.expect(CAROL, Script::new().reply(50, 486)).expect(BOB, Script::answers(100));
    sim.place(ALICE, "two", Script::new().bye(500));
    sim.finish();
    assert_eq!(sim.call(BOB).outcome, Some(Outcome::TheyHungUp));
}

#[test]
fn the_same_seed_tries_weighted_targets_in_the_same_order() {
    let text = STANDARD.to_owned()
        + "
[[trunk]]
name = \"shared\"
targets = [{ uri = \"sip:10.0.2.1\", weight = 1 }, { uri = \"sip:10.0.3.1\", weight = 1 }]

[[route]]
to = '^shared$'
do = { bridge = [\"trunk:shared\"] }
";
    let first = |seed: u64| {
        let mut sim = Sim::with_config(seed, &text);
        sim.expect(BOB, Script::answers(100)).expect(CAROL, Script::answers(100));
        sim.place(ALICE, "shared", Script::new().bye(500));
        sim.finish();
        sim.phone(BOB).calls().len()
    };
    let drawn: Vec<usize> = (0..20).map(first).collect();
    assert_eq!(drawn, (0..20).map(first).collect::<Vec<_>>());
    assert!(drawn.contains(&0) && drawn.contains(&1), "both have their turn: {drawn:?}");
}
