//! A request that comes twice under one key is served once.

use super::bench::{PATIENCE, Scratch, empty, with_each};
use sqlx::Connection as _;
use tandem_store::{Answer, Begun, GIVEN_UP, KEPT, Store};

const NOW: i64 = 1_700_000_000_000;

#[test]
fn a_key_is_taken_answered_and_forgotten_after_a_day() {
    with_each(async |scratch, url| {
        let store = empty(scratch, url).await;
        let keys = store.idempotency();
        assert_eq!(keys.find("ops", "k", NOW).await.unwrap(), None);
        assert_eq!(keys.begin("ops", "k", "hash", NOW).await.unwrap(), Begun::Fresh);
        assert_eq!(keys.begin("ops", "k", "hash", NOW + 5).await.unwrap(), Begun::Running { since_ms: NOW });
        assert_eq!(keys.begin("ops", "k", "other", NOW).await.unwrap(), Begun::Different);
        assert_eq!(keys.begin("dev", "k", "other", NOW).await.unwrap(), Begun::Fresh);
        let answer = Answer { status: 201, content_type: "application/json".into(), body: r#"{"id":"call_1"}"#.into() };
        keys.finish("ops", "k", &answer).await.unwrap();
        assert_eq!(keys.begin("ops", "k", "hash", NOW).await.unwrap(), Begun::Done(answer.clone()));
        assert_eq!(keys.begin("ops", "k", "other", NOW).await.unwrap(), Begun::Different);
        keys.release("ops", "k").await.unwrap();
        assert_eq!(keys.find("ops", "k", NOW).await.unwrap(), Some(Begun::Done(answer)));
        let later = NOW + KEPT.as_millis() as i64;
        assert_eq!(keys.find("ops", "k", later).await.unwrap(), None);
        assert_eq!(keys.begin("ops", "k", "other", later).await.unwrap(), Begun::Fresh);
        assert_eq!(keys.forget_expired(later).await.unwrap(), 1);
        assert_eq!(keys.find("dev", "k", NOW).await.unwrap(), None);
    });
}

#[test]
fn a_key_that_was_given_back_is_free() {
    with_each(async |scratch, url| {
        let store = empty(scratch, url).await;
        let keys = store.idempotency();
        assert_eq!(keys.begin("ops", "k", "hash", NOW).await.unwrap(), Begun::Fresh);
        keys.release("ops", "k").await.unwrap();
        assert_eq!(keys.begin("ops", "k", "other", NOW).await.unwrap(), Begun::Fresh);
    });
}

#[test]
fn of_many_at_once_one_gets_the_key() {
    with_each(async |scratch, url| {
        let store = empty(scratch, url).await;
        let tasks: Vec<_> = (0..8)
            .map(|_| {
                let keys = store.idempotency();
                tokio::spawn(async move { keys.begin("ops", "k", "hash", NOW).await.unwrap() == Begun::Fresh })
            })
            .collect();
        let mut fresh = 0;
        for task in tasks {
            fresh += u32::from(task.await.unwrap());
        }
        assert_eq!(fresh, 1);
    });
}

#[test]
fn a_request_whose_process_died_may_come_again() {
    with_each(async |scratch, url| {
        let store = empty(scratch, url).await;
        let keys = store.idempotency();
        let given_up = NOW + GIVEN_UP.as_millis() as i64;
        assert_eq!(keys.begin("ops", "k", "hash", NOW).await.unwrap(), Begun::Fresh);
        assert_eq!(keys.begin("ops", "k", "hash", given_up - 1).await.unwrap(), Begun::Running { since_ms: NOW });
        assert_eq!(keys.begin("ops", "k", "hash", given_up).await.unwrap(), Begun::Fresh);
        assert_eq!(keys.begin("ops", "k", "hash", given_up).await.unwrap(), Begun::Running { since_ms: given_up });
    });
}

#[test]
fn answers_of_the_first_version_are_still_there() {
    let scratch = Scratch::new();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let url = scratch.sqlite();
        let mut old = sqlx::SqliteConnection::connect(&format!("{url}?mode=rwc")).await.unwrap();
        sqlx::raw_sql(include_str!("../../src/database/schema/1.sql")).execute(&mut old).await.unwrap();
        let rows = "CREATE TABLE tandem_schema (version BIGINT NOT NULL, since_ms BIGINT NOT NULL); INSERT INTO tandem_schema VALUES (1, 0); \
            INSERT INTO idempotency VALUES ('ops', 'k', 'hash', 201, '{}', 1700000000000)";
        sqlx::raw_sql(rows).execute(&mut old).await.unwrap();
        old.close().await.unwrap();
        let store = Store::open(scratch.settings(&url)).await.unwrap();
        let answer = Answer { status: 201, content_type: "".into(), body: "{}".into() };
        assert_eq!(store.idempotency().begin("ops", "k", "hash", NOW).await.unwrap(), Begun::Done(answer));
        store.close(PATIENCE).await;
    });
}
