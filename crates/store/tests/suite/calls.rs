//! Calls go in and come out.

use super::bench::{call, empty, push, with_each};
use tandem_store::{BadCursor, CallRow, Cursor, Filter, Store};

/// The numbers of the calls that a filter lets through, by pages of so many.
async fn numbers(store: &Store, filter: &Filter, most: usize) -> Vec<u32> {
    let (mut numbers, mut after) = (Vec::new(), None::<Cursor>);
    loop {
        let page = store.calls(filter, after.as_ref(), most).await.unwrap();
        assert!(page.calls.len() <= most);
        numbers.extend(page.calls.iter().map(|call| call.call["call_".len()..].parse::<u32>().unwrap()));
        match page.next {
            Some(next) => after = Some(next.to_string().parse().unwrap()),
            None => return numbers,
        }
    }
}

#[test]
fn a_call_is_read_as_it_was_written() {
    with_each(async |scratch, url| {
        let store = empty(scratch, url).await;
        push(&store, [1, 2]).await;
        assert_eq!(store.call(&call(1).call).await.unwrap(), Some(call(1)));
        assert_eq!(store.call("call_9").await.unwrap(), None);
        assert_eq!(store.calls(&Filter::default(), None, 9).await.unwrap().calls, [call(2), call(1)]);
        let health = store.health();
        assert_eq!((health.written, health.lost, health.waiting, health.is_database_up), (2, 0, 0, true));
    });
}

#[test]
fn pages_are_newest_first_and_miss_none() {
    with_each(async |scratch, url| {
        let store = empty(scratch, url).await;
        push(&store, 0..25).await;
        let expected: Vec<u32> = (0..25).rev().collect();
        for most in [1, 5, 7, 24, 25, 26] {
            assert_eq!(numbers(&store, &Filter::default(), most).await, expected);
        }
    });
}

#[test]
fn filters_narrow() {
    with_each(async |scratch, url| {
        let store = empty(scratch, url).await;
        push(&store, 0..10).await;
        let all = Filter::default();
        let (from, before) = (call(3).began_us, call(6).began_us);
        let times = Filter { since_us: Some(from), before_us: Some(before), ..all.clone() };
        assert_eq!(numbers(&store, &times, 2).await, [5, 4, 3]);
        assert_eq!(numbers(&store, &Filter { reason: Some("failed with 486".into()), ..times }, 2).await, [5, 3]);
        assert_eq!(numbers(&store, &Filter { number: Some("4".into()), ..all.clone() }, 2).await, [4]);
        assert_eq!(numbers(&store, &Filter { number: Some("+4930123".into()), ..all.clone() }, 4).await.len(), 10);
        assert_eq!(numbers(&store, &Filter { endpoint: Some("trunk:carrier".into()), ..all.clone() }, 4).await.len(), 10);
        assert!(numbers(&store, &Filter { endpoint: Some("trunk:carrier' OR 1=1 --".into()), ..all }, 4).await.is_empty());
    });
}

#[test]
fn a_record_that_comes_twice_is_kept_once() {
    with_each(async |scratch, url| {
        let store = empty(scratch, url).await;
        push(&store, [1, 1, 2]).await;
        push(&store, [2, 3, 1]).await;
        assert_eq!(numbers(&store, &Filter::default(), 9).await, [3, 2, 1]);
        assert_eq!(store.health().written, 6);
        assert_eq!(store.call(&call(1).call).await.unwrap(), Some(call(1)));
    });
}

#[test]
fn text_that_a_database_does_not_have_is_replaced_and_numbers_too_large_are_cut() {
    with_each(async |scratch, url| {
        let store = empty(scratch, url).await;
        let mut odd = call(1);
        odd.route = "a\0b".into();
        odd.legs[0].media.as_mut().unwrap().received.bytes = u64::MAX;
        store.records().push(odd);
        push(&store, [2]).await;
        let read: CallRow = store.call(&call(1).call).await.unwrap().unwrap();
        assert_eq!((&*read.route, read.legs[0].media.as_ref().unwrap().received.bytes), ("a\u{FFFD}b", i64::MAX as u64));
        assert_eq!(numbers(&store, &Filter::default(), 9).await, [2, 1]);
    });
}

#[test]
fn a_thousand_go_in_several_transactions() {
    with_each(async |scratch, url| {
        let store = empty(scratch, url).await;
        push(&store, 0..1_700).await;
        assert_eq!(numbers(&store, &Filter::default(), 1_000).await.len(), 1_700);
        assert_eq!((store.health().written, store.health().lost), (1_700, 0));
        let (mut export, mut exported) = (store.export(Filter::default()), Vec::new());
        while let Some(calls) = export.next().await.unwrap() {
            assert!(calls.len() <= 1_000);
            exported.extend(calls);
        }
        assert!(exported.into_iter().eq((0..1_700).rev().map(call)));
        assert_eq!(store.call(&call(1_234).call).await.unwrap(), Some(call(1_234)));
    });
}

#[test]
fn what_is_older_than_it_may_be_goes_a_few_at_a_time() {
    with_each(async |scratch, url| {
        let store = empty(scratch, url).await;
        push(&store, 0..10).await;
        let before = call(6).began_us;
        assert_eq!(store.forget_calls(before, 4).await.unwrap(), 4);
        assert_eq!(numbers(&store, &Filter::default(), 9).await, [9, 8, 7, 6, 5, 4]);
        assert_eq!((store.forget_calls(before, 4).await.unwrap(), store.forget_calls(before, 4).await.unwrap()), (2, 0));
        assert_eq!(numbers(&store, &Filter::default(), 9).await, [9, 8, 7, 6]);
        assert_eq!(store.call(&call(6).call).await.unwrap(), Some(call(6)), "with its legs");
    });
}

#[test]
fn what_is_no_cursor_is_refused() {
    for wrong in ["", "7", "7.call_1", "x.call_1.one", "99999999999999999999.call_1.one"] {
        assert_eq!(wrong.parse::<Cursor>(), Err(BadCursor), "{wrong}");
    }
}
