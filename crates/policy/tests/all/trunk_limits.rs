//! `limits` of a trunk: how many calls, how many a second, and what a call over them hears.

use crate::common::{call, rules};
use std::time::Duration;
use tandem_model::{Action, Decision, NoBindings, Question, Timestamp, TrunkId};
use tandem_policy::{CallView, HealthBook, LimitBook, Ruleset, decide};

const A: TrunkId = TrunkId(0);
const B: TrunkId = TrunkId(1);

fn two(a: &str, b: &str) -> Ruleset {
    rules(&format!(
        "[[trunk]]\nname='a'\ntargets=[{{uri='sip:127.0.0.2'}}]\n{a}\n[[trunk]]\nname='b'\ntargets=[{{uri='sip:127.0.0.3'}}]\n{b}
[[trunk]]\nname='caller'\nmatch={{listen='inside'}}\n[[route]]\ndo={{bridge=['trunk:a','trunk:b']}}"
    ))
}

fn at(ms: u64) -> Timestamp {
    Timestamp::from_millis(ms)
}

/// The URIs that a call would try, or the status that it would hear.
fn plan(rules: &Ruleset, load: &LimitBook, now: Timestamp) -> Result<Vec<String>, u16> {
    match decide(
        rules,
        &CallView { load, health: &HealthBook::default(), bindings: &NoBindings, now, draw: 0 },
        &call(rules, "caller", "1"),
    ) {
        Decision::Route { action: Action::Bridge { legs, .. }, .. } => Ok(legs.iter().map(|leg| leg.endpoint.to_string()).collect()),
        Decision::Reject { status, .. } => Err(status),
        other => unreachable!("{other:?}"),
    }
}

#[test]
fn a_trunk_takes_no_more_calls_than_it_may() {
    let rules = two("limits = { calls = 2, status = 486 }", "");
    let mut book = LimitBook::new(&rules);
    let first = book.try_begin(A, at(0)).unwrap();
    let second = book.try_begin(A, at(0)).unwrap();
    assert_eq!(book.full(A, at(0)), Some(486));
    assert_eq!(book.try_begin(A, at(0)), Err(486));
    assert_eq!(book.calls(A), 2);
    book.end(first);
    assert_eq!(book.full(A, at(0)), None);
    let third = book.try_begin(A, at(0)).unwrap();
    book.end(second);
    book.end(third);
    assert_eq!(book.calls(A), 0);
}

#[test]
fn a_trunk_takes_no_calls_faster_than_it_may() {
    let rules = two("limits = { cps = 2 }", "");
    let mut book = LimitBook::new(&rules);
    let mut try_at = |ms: u64| book.try_begin(A, at(ms)).map(|begun| book.end(begun));
    assert_eq!([try_at(0), try_at(0), try_at(0)], [Ok(()), Ok(()), Err(480)]);
    assert_eq!([try_at(499), try_at(500), try_at(501)], [Err(480), Ok(()), Err(480)]);
    // A quiet hour is worth one second's calls.
    assert_eq!([try_at(3_600_000), try_at(3_600_000), try_at(3_600_000)], [Ok(()), Ok(()), Err(480)]);
}

#[test]
fn the_rate_is_met_exactly_over_a_long_time() {
    let rules = two("limits = { cps = 7 }", "");
    let mut book = LimitBook::new(&rules);
    let mut taken = 0;
    for ms in 0..100_000 {
        if let Ok(begun) = book.try_begin(A, at(ms)) {
            book.end(begun);
            taken += 1;
        }
    }
    assert!((700..=707).contains(&taken), "{taken} in 100 s");
}

#[test]
fn a_call_that_the_count_refuses_costs_no_rate() {
    let rules = two("limits = { calls = 1, cps = 2 }", "");
    let mut book = LimitBook::new(&rules);
    let begun = book.try_begin(A, at(0)).unwrap();
    assert!((0..10).all(|_| book.try_begin(A, at(0)).is_err()));
    book.end(begun);
    assert!(book.try_begin(A, at(0)).map(|begun| book.end(begun)).is_ok());
}

#[test]
fn a_bridge_passes_over_full_trunks() {
    let rules = two("limits = { calls = 1, status = 486 }", "limits = { calls = 1, status = 503 }");
    let mut book = LimitBook::new(&rules);
    assert_eq!(plan(&rules, &book, at(0)).unwrap(), ["trunk:a", "trunk:b"]);
    let on_a = book.try_begin(A, at(0)).unwrap();
    assert_eq!(plan(&rules, &book, at(0)).unwrap(), ["trunk:b"]);
    let on_b = book.try_begin(B, at(0)).unwrap();
    assert_eq!(plan(&rules, &book, at(0)), Err(486), "the first full trunk's status");
    book.end(on_a);
    assert_eq!(plan(&rules, &book, at(0)).unwrap(), ["trunk:a"]);
    book.end(on_b);
}

#[test]
fn whether_an_endpoint_has_room_is_asked_by_its_name() {
    let before = two("", "limits = { calls = 1, status = 503 }");
    let mut book = LimitBook::new(&before);
    let dial = |rules: &Ruleset, load: &LimitBook, endpoint: &str| {
        decide(
            rules,
            &CallView { load, health: &HealthBook::default(), bindings: &NoBindings, now: at(0), draw: 0 },
            &Question::Dial(endpoint.into()),
        )
    };
    assert_eq!(dial(&before, &book, "trunk:b/+4930555"), Decision::Dial(Some(B)));
    let begun = book.try_begin(B, at(0)).unwrap();
    assert_eq!(dial(&before, &book, "trunk:b"), Decision::Reject { status: 503, reason: None });
    assert_eq!(dial(&before, &book, "sip:127.0.0.9"), Decision::Dial(None));
    // The plan is older than the rules: `b` has another place, and `a` is gone.
    let after = rules("[[trunk]]\nname='b'\ntargets=[{uri='sip:127.0.0.3'}]\nlimits={calls=2}");
    book.reload(&after, at(0));
    assert_eq!(dial(&after, &book, "trunk:b"), Decision::Dial(Some(TrunkId(0))));
    assert_eq!(dial(&after, &book, "trunk:a"), Decision::Dial(None));
    book.end(begun);
}

#[test]
fn a_bridge_passes_over_trunks_that_are_too_fast() {
    let rules = two("limits = { cps = 1 }", "");
    let mut book = LimitBook::new(&rules);
    let begun = book.try_begin(A, at(0)).unwrap();
    book.end(begun);
    assert_eq!(plan(&rules, &book, at(10)).unwrap(), ["trunk:b"]);
    assert_eq!(plan(&rules, &book, at(1000)).unwrap(), ["trunk:a", "trunk:b"]);
}

#[test]
fn calls_are_counted_across_a_reload_by_name() {
    let before = two("limits = { calls = 3 }", "");
    let mut book = LimitBook::new(&before);
    let calls = [book.try_begin(A, at(0)).unwrap(), book.try_begin(A, at(0)).unwrap(), book.try_begin(B, at(0)).unwrap()];
    // The trunk `a` has another place, and other limits.
    let after = rules(
        "[[trunk]]\nname='new'\nmatch={listen='inside'}\n[[trunk]]\nname='a'\ntargets=[{uri='sip:127.0.0.2'}]\nlimits={calls=1,status=600}",
    );
    book.reload(&after, at(1000));
    let (new, a) = (TrunkId(0), TrunkId(1));
    assert_eq!((book.calls(new), book.calls(a)), (0, 2));
    assert_eq!(book.try_begin(a, at(1000)), Err(600), "calls over a new limit go on, and no other comes");
    calls.into_iter().for_each(|begun| book.end(begun));
    assert_eq!((book.calls(new), book.calls(a)), (0, 0));
    assert!(book.try_begin(a, at(1000)).map(|begun| book.end(begun)).is_ok());
    assert_eq!(book.try_begin(TrunkId(2), at(1000)), Err(480), "a trunk that is gone");
}

#[test]
fn a_trunk_that_comes_back_finds_its_calls_again() {
    let with_b = two("", "limits = { calls = 1 }");
    let without_b = rules("[[trunk]]\nname='a'\ntargets=[{uri='sip:127.0.0.2'}]");
    let mut book = LimitBook::new(&with_b);
    let begun = book.try_begin(B, at(0)).unwrap();
    book.reload(&without_b, at(1));
    book.reload(&with_b, at(2));
    assert_eq!(book.try_begin(B, at(2)), Err(480));
    book.end(begun);
    assert_eq!(book.calls(B), 0);
}

#[test]
fn a_new_rate_neither_forgets_nor_gives_calls() {
    let slow = two("limits = { cps = 1 }", "");
    let fast = two("limits = { cps = 10 }", "");
    let mut book = LimitBook::new(&slow);
    let take = |book: &mut LimitBook, now: Timestamp| book.try_begin(A, now).map(|begun| book.end(begun)).is_ok();
    let mut now = at(0);
    assert!(take(&mut book, now));
    book.reload(&fast, now);
    assert!(!take(&mut book, now), "the bucket was empty and stays so");
    now = now + Duration::from_millis(100);
    assert!(take(&mut book, now), "and fills at the new rate");
}

#[test]
fn many_reloads_do_not_grow_the_book() {
    let mut book = LimitBook::new(&two("", ""));
    for round in 0..100 {
        let rules = rules(&format!("[[trunk]]\nname='t{round}'\nmatch={{listen='inside'}}"));
        book.reload(&rules, at(round));
        let begun = book.try_begin(TrunkId(0), at(round)).unwrap();
        book.end(begun);
    }
    assert!(format!("{book:?}").matches("Slot").count() <= 4, "{book:?}");
}
