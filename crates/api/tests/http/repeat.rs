//! Requests that come again (`Idempotency-Key`).

use crate::common::{
    KEYS, Served,
    node::{Peer, TestNode},
};
use std::sync::{Arc, Mutex};
use tandem_api::{Answer, Begun, Idempotency, MemoryIdempotency, Repeatable, Unavailable};

const RELOAD: &str = "/v1/admin/reload";

fn key(key: &str) -> String {
    format!("Idempotency-Key: {key}\r\n")
}

#[test]
fn a_request_that_comes_again_is_answered_as_before() {
    let served = Served::alone("");
    let first = served.ask("POST", RELOAD, &key("a"), "");
    let again = served.ask("POST", RELOAD, &key("a"), "");
    assert_eq!((first.status, first.header("idempotency-replayed")), (200, None));
    assert_eq!((again.status, again.header("idempotency-replayed"), &again.body), (200, Some("true"), &first.body));
    assert_eq!(again.header("content-type"), Some("application/json"));
    assert_eq!(served.reloads.lock().unwrap().count, 1, "it was done once");
    assert_eq!((served.ask("POST", RELOAD, &key("b"), "").status, served.post(RELOAD, "").status), (200, 200));
    assert_eq!(served.reloads.lock().unwrap().count, 3);
    let (status, field, _) = served.ask("POST", "/v1/admin/drain", &key("a"), "").problem();
    assert_eq!((status, &*field), (422, "Idempotency-Key"), "another request with the same key");
    assert_eq!(served.ask("POST", RELOAD, &key("a"), "{}").problem().0, 422, "another body with the same key");
    for wrong in ["", "a b", &"x".repeat(256), "ä"] {
        assert_eq!(served.ask("POST", RELOAD, &key(wrong), "").problem().1, "Idempotency-Key", "{wrong}");
    }
    let twice = key("c") + &key("d");
    assert_eq!(served.ask("POST", RELOAD, &twice, "").problem().0, 422);
}

#[test]
fn a_problem_is_an_answer_too() {
    let served = Served::alone("");
    served.reloads.lock().unwrap().answer = Err("line 3".into());
    assert_eq!(served.ask("POST", RELOAD, &key("a"), "").problem().0, 422);
    served.reloads.lock().unwrap().answer = Ok(Vec::new());
    assert_eq!(served.ask("POST", RELOAD, &key("a"), "").problem().2, "line 3");
}

#[test]
fn keys_of_others_are_others() {
    let served = Served::alone(KEYS);
    let of = |who: &str| served.ask("POST", RELOAD, &(key("a") + &format!("Authorization: Bearer {who}\r\n")), "");
    assert_eq!((of("admin-0123456789").status, of("ops-0123456789abcdef").header("idempotency-replayed")), (200, None));
    assert_eq!((of("guess-0123456789").status, of("reader-0123456789").status), (401, 403));
    assert_eq!(served.reloads.lock().unwrap().count, 2);
}

/// As in memory, but that the first request goes on until it is let.
struct Slow {
    kept: MemoryIdempotency,
    begun: Mutex<std::sync::mpsc::Sender<()>>,
    go_on: tokio::sync::Semaphore,
}

impl Idempotency for Slow {
    fn begin(&self, request: Repeatable, fingerprint: [u8; 32]) -> futures_util::future::BoxFuture<'_, Result<Begun, Unavailable>> {
        self.kept.begin(request, fingerprint)
    }

    fn finish(&self, request: Repeatable, answer: Answer) -> futures_util::future::BoxFuture<'_, ()> {
        Box::pin(async move {
            self.begun.lock().unwrap().send(()).unwrap();
            self.go_on.acquire().await.unwrap().forget();
            self.kept.finish(request, answer).await;
        })
    }

    fn abandon(&self, request: Repeatable) -> futures_util::future::BoxFuture<'_, ()> {
        self.kept.abandon(request)
    }
}

#[test]
fn one_that_comes_while_the_first_is_done_is_told_so_and_the_first_is_done_to_its_end() {
    let (begun, is_begun) = std::sync::mpsc::channel();
    let slow = Slow { kept: MemoryIdempotency::default(), begun: Mutex::new(begun), go_on: tokio::sync::Semaphore::new(0) };
    let slow = Arc::new(slow);
    let served = Served::of(TestNode::bridging_to(Peer::new().address), "", slow.clone());
    let mut first = crate::common::connect(served.address);
    std::io::Write::write_all(&mut first, crate::common::request("POST", RELOAD, &key("a"), "").as_bytes()).unwrap();
    is_begun.recv().unwrap();
    assert_eq!(served.ask("POST", RELOAD, &key("a"), "").problem().0, 409);
    // Nobody waits for its answer any more.
    drop(first);
    slow.go_on.add_permits(1);
    let mut again = served.ask("POST", RELOAD, &key("a"), "");
    while again.status == 409 {
        again = served.ask("POST", RELOAD, &key("a"), "");
    }
    assert_eq!((again.status, again.header("idempotency-replayed")), (200, Some("true")));
    assert_eq!(served.reloads.lock().unwrap().count, 1);
}
