//! Events wait for their webhook.

use super::bench::{PATIENCE, empty, with_each};
use tandem_store::{Store, Webhooks};

const NOW: i64 = 1_700_000_000_000;

async fn due(webhooks: &Webhooks, now_ms: i64, most: usize) -> Vec<(String, u32)> {
    webhooks.due(now_ms, most).await.unwrap().into_iter().map(|event| (event.id.into(), event.attempts)).collect()
}

fn named(ids: &[(&str, u32)]) -> Vec<(String, u32)> {
    ids.iter().map(|(id, attempts)| ((*id).to_owned(), *attempts)).collect()
}

#[test]
fn they_come_in_their_order_until_they_are_done() {
    with_each(async |scratch, url| {
        let store = empty(scratch, url).await;
        let webhooks = store.webhooks("main", 100);
        assert_eq!(webhooks.next_due_ms().await.unwrap(), None);
        assert_eq!(webhooks.put(&[("c", "{}"), ("b", "[2]")], NOW).await.unwrap(), 0);
        assert_eq!(webhooks.put(&[("a", "3"), ("c", "again")], NOW).await.unwrap(), 0);
        assert_eq!(due(&webhooks, NOW - 1, 9).await, []);
        assert_eq!(due(&webhooks, NOW, 2).await, named(&[("c", 0), ("b", 0)]));
        webhooks.postpone("c", NOW + 50).await.unwrap();
        webhooks.done(&["b", "nobody's"]).await.unwrap();
        webhooks.done(&[]).await.unwrap();
        assert_eq!((webhooks.next_due_ms().await.unwrap(), due(&webhooks, NOW, 9).await), (Some(NOW), named(&[("a", 0)])));
        assert_eq!(due(&webhooks, NOW + 50, 9).await, named(&[("a", 0), ("c", 1)]));
        let event = webhooks.due(NOW + 50, 9).await.unwrap().pop().unwrap();
        assert_eq!((&*event.event, event.created_ms), ("{}", NOW));
        if url == "sqlite::memory:" {
            return;
        }
        store.close(PATIENCE).await;
        let store = Store::open(scratch.settings(url)).await.unwrap();
        assert_eq!(due(&store.webhooks("main", 100), NOW + 50, 9).await, named(&[("a", 0), ("c", 1)]));
        assert_eq!(due(&store.webhooks("other", 100), NOW + 50, 9).await, []);
    });
}

#[test]
fn no_more_wait_than_may() {
    with_each(async |scratch, url| {
        let store = empty(scratch, url).await;
        let webhooks = store.webhooks("main", 3);
        assert_eq!(webhooks.put(&[("1", ""), ("2", "")], NOW).await.unwrap(), 0);
        assert_eq!(webhooks.put(&[("3", ""), ("4", "")], NOW).await.unwrap(), 1);
        assert_eq!(webhooks.waiting().await.unwrap(), 3);
        assert_eq!(due(&webhooks, NOW, 9).await, named(&[("1", 0), ("2", 0), ("3", 0)]));
        webhooks.done(&["1", "2"]).await.unwrap();
        assert_eq!(webhooks.put(&[("5", "")], NOW).await.unwrap(), 0);
        assert_eq!(store.webhooks("other", 3).put(&[("1", "")], NOW).await.unwrap(), 0);
    });
}
