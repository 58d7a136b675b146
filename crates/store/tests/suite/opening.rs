//! What a store finds when it is opened.

use super::bench::{PATIENCE, Scratch, call, empty, push, with_each};
use sqlx::Connection as _;
use std::fs;
use tandem_store::{DatabaseError, Filter, OpenError, Store};

#[test]
fn what_one_process_wrote_the_next_one_reads() {
    with_each(async |scratch, url| {
        if url == "sqlite::memory:" {
            return;
        }
        let store = empty(scratch, url).await;
        push(&store, 0..5).await;
        store.close(PATIENCE).await;
        let store = Store::open(scratch.settings(url)).await.unwrap();
        assert_eq!(store.calls(&Filter::default(), None, 9).await.unwrap().calls.len(), 5);
        store.close(PATIENCE).await;
    });
}

#[test]
fn what_the_database_did_not_get_it_gets_from_the_next_process() {
    with_each(async |scratch, url| {
        let nowhere = scratch.settings(&format!("sqlite:{}", scratch.0.join("no such folder/store.db").display()));
        let store = Store::open(nowhere).await.unwrap();
        (0..5).for_each(|number| assert!(store.records().push(call(number))));
        store.records().flush().await;
        let health = store.health();
        assert_eq!((health.waiting, health.written, health.lost, health.is_database_up), (5, 0, 0, false));
        assert!(health.last_error.is_some());
        store.close(std::time::Duration::ZERO).await;
        let store = empty(scratch, url).await;
        assert!(store.settle(PATIENCE).await);
        assert_eq!(store.calls(&Filter::default(), None, 9).await.unwrap().calls.len(), 5);
    });
}

#[test]
fn tables_of_a_newer_version_are_an_error_that_says_so() {
    let scratch = Scratch::new();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let url = scratch.sqlite();
        Store::open(scratch.settings(&url)).await.unwrap().close(PATIENCE).await;
        let mut connection = sqlx::SqliteConnection::connect(&url).await.unwrap();
        sqlx::query("INSERT INTO tandem_schema VALUES (99, 0)").execute(&mut connection).await.unwrap();
        connection.close().await.unwrap();
        let error = Store::open(scratch.settings(&url)).await.unwrap_err();
        assert!(matches!(error, OpenError::Database(DatabaseError::Newer { found: 99, known: 2 })));
        assert!(error.to_string().contains("version 99"));
    });
}

#[test]
fn urls_that_are_none_are_errors_without_their_passwords() {
    let scratch = Scratch::new();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    for url in ["", "tandem.db", "mysql://root:secret@h/d", "postgres://u:secret@[::1/db", "sqlite:a.db?mode=secret"] {
        let opened = runtime.block_on(Store::open(scratch.settings(url)));
        let told = match opened {
            Err(error) => error.to_string(),
            // Found out when it connects.
            Ok(store) => store.health().last_error.unwrap().to_string(),
        };
        assert!(!told.contains("root:secret") && !told.contains("u:secret"), "{told}");
    }
    assert!(!fs::exists("a.db").unwrap());
}

#[test]
fn an_attempt_that_failed_leaves_nothing_behind_it() {
    let scratch = Scratch::new();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let url = scratch.sqlite();
        let store = Store::open(scratch.settings(&url)).await.unwrap();
        let mut other = sqlx::SqliteConnection::connect(&url).await.unwrap();
        // As on a full disk: SQLite ends the transaction by itself.
        let full = "CREATE TRIGGER full BEFORE INSERT ON calls BEGIN SELECT RAISE(ROLLBACK, 'full'); END";
        sqlx::query(full).execute(&mut other).await.unwrap();
        store.records().push(call(1));
        // Those that were refused for what they hold are not tried again; what comes next finds the connection as it was.
        assert!(store.settle(PATIENCE).await);
        assert_eq!(store.health().refused, 1);
        sqlx::query("DROP TRIGGER full").execute(&mut other).await.unwrap();
        push(&store, [2]).await;
        assert_eq!(store.calls(&Filter::default(), None, 9).await.unwrap().calls, [call(2)]);
        let refused = fs::read_to_string(scratch.0.join("journal/refused.jsonl")).unwrap();
        assert!(refused.contains(&*call(1).call) && refused.lines().count() == 1);
    });
}
