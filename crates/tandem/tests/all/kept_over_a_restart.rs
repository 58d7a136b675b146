//! What a node that was killed and started again still knows.

use crate::program::{Program, configured, folder, nobody};
use serde_json::json;
use std::{
    path::{Path, PathBuf},
    time::{Duration, SystemTime},
};
use tandem_store::{BindingRow, Bounds, Settings, Store};

/// A node with a store, and a trunk where nobody answers.
fn stored(folder: &Path) -> PathBuf {
    let node = format!("store = 'sqlite:{}/tandem.db'", folder.display());
    let trunk = format!("[[trunk]]\nname = 'gone'\ntargets = [{{ uri = 'sip:{}' }}]", nobody());
    configured(folder, &node, "", &trunk)
}

const CALL: &str = r#"{"legs": [{"to": "trunk:gone/42", "ring_timeout": "1s"}], "then": {"answer": "echo"}, "from": "+4930123", "wait": true, "metadata": {"ticket": "7"}}"#;

#[test]
fn records_are_read_from_the_store() {
    let folder = folder("records-kept");
    let config = stored(&folder);
    let first = Program::start(&config);
    let calls: Vec<String> = (0..3).map(|_| first.ask("POST", "/v1/calls", "", CALL).json()["id"].as_str().unwrap().to_owned()).collect();
    let listed = first.items_of("/v1/records", 3);
    let shown: Vec<_> = calls.iter().map(|call| first.get(&format!("/v1/calls/{call}")).json()).collect();
    assert_eq!((&listed[0]["id"], &listed[0]["metadata"]), (&json!(calls[2]), &json!({"ticket": "7"})), "newest first");
    drop(first);
    let second = Program::start(&config);
    assert_eq!(second.items("/v1/records"), listed);
    for (call, shown) in calls.iter().zip(&shown) {
        assert_eq!(second.get(&format!("/v1/calls/{call}")).json(), *shown, "as it was shown from memory");
    }
    let page = second.get("/v1/records?limit=2").json();
    let next = page["next"].as_str().unwrap();
    assert_eq!(second.items(&format!("/v1/records?limit=2&cursor={next}")), listed[2..]);
    assert_eq!(second.items("/v1/records?number=42").len(), 3);
    assert_eq!(second.items("/v1/records?number=43&endpoint=trunk:gone").len(), 0);
    let began = listed[0]["began"].as_str().unwrap();
    assert_eq!(second.items(&format!("/v1/records?before={began}")), listed[1..]);
    assert_eq!(second.items(&format!("/v1/records?since={began}")), listed[..1]);
    assert_eq!(second.get("/v1/records?cursor=nonsense").status(), 422);
    let table = second.get("/v1/records?format=csv");
    assert_eq!((table.status(), table.body.lines().count(), table.header("tandem-waiting")), (200, 4, None));
    assert_eq!(second.get("/v1/calls/call_0000000000020").status(), 404);
}

#[test]
fn a_request_that_comes_again_after_a_restart_is_answered_as_before() {
    let folder = folder("answers-kept");
    let config = stored(&folder);
    let key = "Idempotency-Key: once\r\n";
    let first = Program::start(&config);
    let answer = first.ask("POST", "/v1/calls", key, CALL);
    assert_eq!((answer.status(), answer.header("idempotency-replayed")), (200, None), "{answer:?}");
    first.items_of("/v1/records", 1);
    drop(first);
    let second = Program::start(&config);
    let again = second.ask("POST", "/v1/calls", key, CALL);
    assert_eq!((again.status(), again.header("idempotency-replayed")), (200, Some("true")));
    assert_eq!((&again.body, again.header("content-type")), (&answer.body, answer.header("content-type")));
    assert_eq!(second.ask("POST", "/v1/calls", key, &CALL.replace("42", "43")).status(), 422);
    assert_eq!(second.items("/v1/records").len(), 1, "nobody was called again");
}

/// Writes down that a process before had alice there.
fn alice_was_there(folder: &Path) {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap();
    let ms = |span: Duration| i64::try_from(span.as_millis()).unwrap();
    let binding = BindingRow {
        contact: "sip:alice@127.0.0.9:5060".into(),
        since_ms: ms(now),
        until_ms: ms(now + Duration::from_secs(600)),
        call_id: "abc".into(),
        came_to: "in".into(),
        came_from: "127.0.0.9:5060".into(),
        leaves_from: "in".into(),
        hop: "127.0.0.9:5060".into(),
        ..BindingRow::default()
    };
    let url = format!("sqlite:{}/tandem.db", folder.display());
    let settings = Settings { url, folder: folder.join("journal"), node: "tandem".into(), bounds: Bounds::default() };
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
        let store = Store::open(settings).await.unwrap();
        store.registrations().keep("alice", &[binding]).await.unwrap();
        store.close(Duration::from_secs(5)).await;
    });
}

#[test]
fn where_users_are_is_known_before_the_first_call() {
    let folder = folder("users-kept");
    let node = format!("store = 'sqlite:{}/tandem.db'", folder.display());
    let alice = "[[user]]\nname = 'alice'\npassword = 'secret'";
    alice_was_there(&folder);
    let first = Program::start(&configured(&folder, &node, "", alice));
    let registered = first.items("/v1/registrations");
    assert_eq!(registered.len(), 1, "{registered:?}");
    assert_eq!((&registered[0]["user"], &registered[0]["contact"]), (&json!("alice"), &json!("sip:alice@127.0.0.9:5060")));
    drop(first);
    // Without her the node forgets her, also in the store.
    let mut without = Program::start(&configured(&folder, &node, "", ""));
    assert_eq!(without.items("/v1/registrations").len(), 0);
    without.stop();
    let again = Program::start(&configured(&folder, &node, "", alice));
    assert_eq!(again.items("/v1/registrations").len(), 0);
}
