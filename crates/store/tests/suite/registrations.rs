//! Where users are.

use super::bench::{PATIENCE, empty, with_each};
use tandem_store::{BindingRow, Store};

fn binding(contact: &str) -> BindingRow {
    BindingRow {
        contact: contact.into(),
        q: 700,
        since_ms: 1_700_000_000_000,
        until_ms: 1_700_000_600_000,
        call_id: "of-alice".into(),
        cseq: u32::MAX,
        path: vec!["<sip:edge.example;lr>".into(), "<sip:second.example;lr>".into()],
        instance: Some("<urn:uuid:1>".into()),
        reg_id: Some(2),
        agent: "phone \"7\"".into(),
        came_to: "main".into(),
        came_from: "[2001:db8::1]:5060".into(),
        leaves_from: "main".into(),
        hop: "192.0.2.1:5060".into(),
        domain: None,
        over_flow: true,
        behind_nat: false,
    }
}

#[test]
fn the_next_process_finds_them_in_their_order() {
    with_each(async |scratch, url| {
        let store = empty(scratch, url).await;
        let registrations = store.registrations();
        let plain =
            BindingRow { path: Vec::new(), instance: None, reg_id: None, domain: Some("edge.example".into()), ..binding("sip:b@h") };
        registrations.keep("bob", &[binding("sip:x@h")]).await.unwrap();
        registrations.keep("bob", &[binding("sip:z@h"), plain.clone()]).await.unwrap();
        registrations.keep("alice", std::slice::from_ref(&plain)).await.unwrap();
        registrations.keep("carol", std::slice::from_ref(&plain)).await.unwrap();
        registrations.keep("carol", &[]).await.unwrap();
        let expected = vec![("alice".into(), plain.clone()), ("bob".into(), binding("sip:z@h")), ("bob".into(), plain.clone())];
        assert_eq!(registrations.all().await.unwrap(), expected);
        assert_eq!(registrations.forget_expired(plain.until_ms - 1).await.unwrap(), 0);
        if url == "sqlite::memory:" {
            return;
        }
        store.close(PATIENCE).await;
        let other = Store::open(scratch.settings(url)).await.unwrap();
        assert_eq!(other.registrations().all().await.unwrap(), expected);
        other.close(PATIENCE).await;
        let another = Store::open(tandem_store::Settings { node: "two".into(), ..scratch.settings(url) }).await.unwrap();
        assert_eq!(another.registrations().all().await.unwrap(), []);
        assert_eq!(another.registrations().forget_expired(plain.until_ms).await.unwrap(), 0, "those of others stay");
        another.close(PATIENCE).await;
        let again = Store::open(scratch.settings(url)).await.unwrap();
        assert_eq!(again.registrations().forget_expired(plain.until_ms).await.unwrap(), 3);
    });
}
