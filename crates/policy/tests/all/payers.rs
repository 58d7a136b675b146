//! Whose account a call is on (`minutes_per_hour`), and which limits count it, while the rules change under it.

use crate::common::rules;
use std::{collections::BTreeMap, time::Duration};
use tandem_model::{Decision, EventKind, Forward, Origin, Question, QuestionId, Random, Timestamp, TrunkId};
use tandem_policy::{LimitBook, Places, Ruleset};

fn at(seconds: u64) -> Timestamp {
    Timestamp::from_millis(seconds * 1_000)
}

/// Trunks, each with what it may spend in an hour, if that is limited.
fn trunks(of: &[(&str, Option<u32>)]) -> Ruleset {
    let trunk = |(name, minutes): &(&str, Option<u32>)| {
        let limit = minutes.map(|minutes| format!("minutes_per_hour = {minutes}\n")).unwrap_or_default();
        format!("[[trunk]]\nname='{name}'\ntargets=[{{uri='sip:127.0.0.2'}}]\n{limit}")
    };
    rules(&of.iter().map(trunk).collect::<String>())
}

fn origin(rules: &Ruleset, name: &str) -> Option<Origin> {
    let place = rules.trunks().position(|(known, _)| known == name)?;
    Some(Origin::Trunk { id: TrunkId(u16::try_from(place).ok()?), name: name.into() })
}

/// `by` has the call go elsewhere, and policy lets it.
fn forward(places: &mut Places, book: &mut LimitBook, now: Timestamp, by: &Origin, to: Option<TrunkId>) {
    let Origin::Trunk { name, .. } = by else { return };
    let question = Forward { by: [by.clone()].into(), number: "1".into(), endpoint: format!("trunk:{name}").into(), member: None };
    places.take(book, now, (QuestionId(1), &Question::Forward(question.into())), &Decision::Dial(to));
}

/// Whose minutes are told to be spent by then.
fn tripped(book: &mut LimitBook, now: Timestamp) -> Vec<String> {
    let told = book.sweep(now).into_iter().filter_map(|kind| match kind {
        EventKind::TollTripped(state) => Some(state.of.to_string()),
        _ => None,
    });
    told.collect()
}

#[test]
fn a_call_is_on_nobody_s_account_who_came_to_the_slot_of_one_that_is_gone() {
    let before = trunks(&[("a", None), ("b", Some(1)), ("c", None)]);
    let mut book = LimitBook::new(&before);
    let begun = book.try_call(&origin(&before, "a").unwrap(), at(0)).unwrap();
    let mut places = Places::new(&book, begun);
    // `b` redirects the call to `c` before anybody has answered, and is taken out of the file.
    forward(&mut places, &mut book, at(1), &origin(&before, "b").unwrap(), Some(TrunkId(2)));
    let after = trunks(&[("a", None), ("c", None), ("new", Some(1))]);
    book.reload(&after, at(2));
    places.answered(&mut book, at(3));
    assert_eq!(tripped(&mut book, at(600)), Vec::<String>::new(), "`new` has called nobody");
    assert_eq!(places.payers(&book).count(), 0);
    places.give_back(&mut book, at(600));
    assert_eq!(book.counted("trunk:a") + book.counted("trunk:c") + book.counted("trunk:new"), 0);
}

#[test]
fn a_limit_that_goes_and_comes_back_counts_each_call_once() {
    let with = trunks(&[("a", Some(10)), ("b", None)]);
    let without = trunks(&[("a", None), ("b", None)]);
    let gone = trunks(&[("b", None)]);
    for meanwhile in [&without, &gone] {
        let mut book = LimitBook::new(&with);
        let begun = book.try_call(&origin(&with, "a").unwrap(), at(0)).unwrap();
        let mut places = Places::new(&book, begun);
        // Having it go elsewhere twice is no second account.
        forward(&mut places, &mut book, at(0), &origin(&with, "a").unwrap(), None);
        places.answered(&mut book, at(0));
        book.reload(meanwhile, at(60));
        book.reload(&with, at(120));
        assert_eq!(tripped(&mut book, at(599)), Vec::<String>::new());
        assert_eq!(tripped(&mut book, at(601)), ["trunk:a"]);
        places.give_back(&mut book, at(601));
        assert_eq!(book.counted("trunk:a"), 0);
    }
}

#[test]
fn whatever_is_reloaded_under_whatever_calls_nothing_is_left() {
    const NAMES: [&str; 4] = ["a", "b", "c", "d"];
    let full = trunks(&NAMES.map(|name| (name, Some(1))));
    for seed in 0..60 {
        let mut random = Random::new(seed);
        let mut in_force = full.clone();
        let mut book = LimitBook::new(&in_force);
        let mut calls: Vec<Places> = Vec::new();
        let mut now = at(0);
        for _ in 0..120 {
            now = now + Duration::from_secs(random.below(90));
            let name = NAMES[random.below(4) as usize];
            match random.below(6) {
                0 => {
                    let kept = NAMES.iter().filter_map(|name| match random.below(4) {
                        0 => None,
                        1 => Some((*name, None)),
                        _ => Some((*name, Some(1 + random.below(200) as u32))),
                    });
                    in_force = trunks(&kept.collect::<Vec<_>>());
                    book.reload(&in_force, now);
                }
                1 | 2 => {
                    let begun = origin(&in_force, name).and_then(|caller| book.try_call(&caller, now).ok().flatten());
                    let mut places = Places::new(&book, begun);
                    let callee = in_force.trunks().next().map(|_| TrunkId(0));
                    let begun = callee.and_then(|callee| book.try_begin(callee, now).ok());
                    places.add(&mut book, tandem_model::Place::Callee, begun);
                    calls.push(places);
                }
                _ if calls.is_empty() => {}
                kind => {
                    let place = random.below(calls.len() as u64) as usize;
                    match (kind, origin(&in_force, name)) {
                        (3, _) => calls[place].answered(&mut book, now),
                        (4, Some(by)) => forward(&mut calls[place], &mut book, now, &by, Some(TrunkId(0))),
                        (5, _) => calls.swap_remove(place).give_back(&mut book, now),
                        _ => {}
                    }
                }
            }
            book.sweep(now);
        }
        calls.iter_mut().for_each(|places| places.give_back(&mut book, now));
        // Two hours later nobody has spent anything, and nothing is spent on.
        now = now + Duration::from_secs(7_200);
        book.sweep(now);
        book.reload(&full, now);
        for _ in 0..3 {
            now = now + Duration::from_secs(600);
            assert_eq!(tripped(&mut book, now), Vec::<String>::new(), "seed {seed}: an account runs on");
        }
        let counted: BTreeMap<_, _> = NAMES.iter().map(|name| (*name, book.counted(&format!("trunk:{name}")))).collect();
        assert!(counted.values().all(|calls| *calls == 0), "seed {seed}: {counted:?}");
        // And what is begun now is counted as ever.
        let begun = book.try_call(&origin(&full, "a").unwrap(), now).unwrap();
        let mut places = Places::new(&book, begun);
        places.answered(&mut book, now);
        assert_eq!(tripped(&mut book, now + Duration::from_secs(61)), ["trunk:a"], "seed {seed}");
        places.give_back(&mut book, now + Duration::from_secs(61));
    }
}
