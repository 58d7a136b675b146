//! Routes that ask somebody else where a call goes, and wait for an answer.

use crate::statuses;
use tandem_model::{EndReason, Question};
use tandem_phone::{Act, Outcome, Script, When};
use tandem_sim::{ALICE, BOB, CAROL, STANDARD, Sim, ms, secs};

const ASKS: &str = r#"do = { ask = "https://pbx.example.com/route", timeout = "4s", default = { reject = 480, reason = "Nobody knows" } }"#;

/// A node whose first route asks, for calls to these numbers.
fn asking(seed: u64, more: &str) -> Sim {
    let (before, routes) = STANDARD.split_once("[[route]]").expect("there are routes");
    Sim::with_config(seed, &format!("{before}[[route]]\nname = \"asks\"\nto = '^7'\n{more}\n{ASKS}\n[[route]]{routes}"))
}

fn said(sim: &mut Sim, after_ms: u64, said: &str) {
    sim.core_mut().hooks.push_back((ms(after_ms), Some(said.into())));
}

#[test]
fn the_call_goes_where_it_is_told() {
    let mut sim = asking(1, "");
    said(&mut sim, 300, r#"{"bridge": ["trunk:bob/4711"], "timeout": "20s"}"#);
    sim.expect(BOB, Script::answers(500));
    sim.place(ALICE, "700", Script::new().bye(2000));
    sim.finish();
    assert_eq!(statuses(&sim, ALICE).last(), Some(&200));
    assert_eq!(sim.end_reason(), Some(EndReason::CallerHungUp));
    let called = sim.phone(BOB).heard("INVITE").next().map(|invite| invite.uri().to_owned());
    assert!(called.is_some_and(|uri| uri.starts_with("sip:4711@")), "the number that was said");
    // What is shown to whoever is asked.
    let [Question::Route(route)] = &sim.core().consulted[..] else { unreachable!("{:?}", sim.core().consulted) };
    assert_eq!((&*route.called, &*route.origin.endpoint()), ("700", "trunk:alice"));
    assert!(route.caller.is_some());
    assert_eq!(sim.core().records().next().map(|record| &*record.route), Some("asks"));
}

#[test]
fn an_answer_of_our_own() {
    let mut sim = asking(2, "");
    said(&mut sim, 50, r#"{"answer": "echo"}"#);
    sim.place(ALICE, "700", Script::new().bye(2000));
    sim.finish();
    assert_eq!(statuses(&sim, ALICE).last(), Some(&200));
}

#[test]
fn several_ring() {
    let mut sim = asking(3, "");
    said(&mut sim, 50, r#"{"ring": ["trunk:bob", "trunk:carol"]}"#);
    sim.expect(BOB, Script::answers(30_000));
    sim.expect(CAROL, Script::answers(500));
    sim.place(ALICE, "700", Script::new().bye(2000));
    sim.finish();
    assert_eq!(sim.call(CAROL).outcome, Some(Outcome::TheyHungUp));
    assert_eq!(sim.call(BOB).outcome, Some(Outcome::Failed(487)));
}

#[test]
fn without_an_answer_the_default_holds() {
    let mut sim = asking(4, "");
    sim.place(ALICE, "700", Script::new());
    sim.finish();
    assert_eq!(sim.call(ALICE).outcome, Some(Outcome::Failed(480)));
    let at: Vec<_> = sim.call(ALICE).statuses.iter().map(|(at, _)| at.as_millis()).collect();
    assert!(matches!(at[..], [trying, refused] if (4000..4200).contains(&(refused - trying))), "{at:?}");
}

#[test]
fn what_cannot_be_done_is_as_no_answer() {
    let bad = [
        "",
        "{",
        r#"{"bridge": ["trunk:nobody"]}"#,
        r#"{"bridge": ["user:nobody"]}"#,
        r#"{"brigde": ["trunk:bob"]}"#,
        r#"{"ask": "https://elsewhere.example.com"}"#,
        r#"{"reject": 200}"#,
    ];
    for (seed, text) in (10..).zip(bad) {
        let mut sim = asking(seed, "");
        said(&mut sim, 20, text);
        sim.place(ALICE, "700", Script::new());
        sim.finish();
        assert_eq!(sim.call(ALICE).outcome, Some(Outcome::Failed(480)), "{text}");
    }
}

#[test]
fn a_caller_that_gives_up_while_it_is_asked() {
    let mut sim = asking(5, "limits = { calls = 1 }");
    said(&mut sim, 3000, r#"{"bridge": ["trunk:bob"]}"#);
    sim.place(ALICE, "700", Script::new().cancel(When::Status(100), 500));
    sim.run_for(secs(5));
    assert_eq!(sim.end_reason(), Some(EndReason::Cancelled));
    assert_eq!(sim.phone(BOB).calls().len(), 0);
    // Its place is free.
    said(&mut sim, 50, r#"{"bridge": ["trunk:bob"]}"#);
    sim.expect(BOB, Script::answers(500));
    sim.place(ALICE, "701", Script::new().bye(1000));
    sim.finish();
    assert_eq!(sim.call(BOB).outcome, Some(Outcome::TheyHungUp));
}

/// The route's limit counts what its answers lead to.
#[test]
fn a_route_that_asks_has_limits_too() {
    let mut sim = asking(6, "limits = { calls = 1, status = 486 }");
    said(&mut sim, 50, r#"{"bridge": ["trunk:bob"]}"#);
    sim.expect(BOB, Script::answers(200));
    sim.place(ALICE, "700", Script::new());
    sim.run_for(secs(2));
    sim.place(CAROL, "701", Script::new());
    sim.run_for(secs(2));
    assert_eq!(sim.call(CAROL).outcome, Some(Outcome::Failed(486)), "{:?}", sim.core().consulted);
    sim.act(ALICE, Act::Bye);
    sim.finish();
}

#[test]
fn a_reload_may_take_the_route_away_meanwhile() {
    let mut sim = asking(7, "");
    said(&mut sim, 1000, r#"{"bridge": ["trunk:bob"]}"#);
    sim.place(ALICE, "700", Script::new());
    sim.run_for(ms(200));
    sim.reload(STANDARD);
    sim.finish();
    assert_eq!(sim.call(ALICE).outcome, Some(Outcome::Failed(404)));
}
