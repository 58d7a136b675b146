//! Where users are, in the store.

use super::asked;
use std::time::Duration;
use tandem_api::Unavailable;
use tandem_runtime::{ChangedBindings, KeptBinding, UserBindings};

use tandem_store::{BindingRow, Registrations};
use tokio::time::sleep;

/// How long a database that took nothing is left alone.
const PAUSE: Duration = Duration::from_secs(1);

/// What the process before wrote down; nothing if the database does not say.
pub(crate) async fn read(registrations: &Registrations) -> Vec<UserBindings> {
    let rows = asked(registrations.all()).await.unwrap_or_else(|error| {
        tracing::warn!(%error, "where users are is not known from before: they are called once they register again");
        Vec::new()
    });
    let mut users: Vec<UserBindings> = Vec::new();
    for (user, binding) in rows.into_iter().filter_map(|(user, row)| Some((user, binding_of(row)?))) {
        match users.last_mut().filter(|(last, _)| *last == user) {
            Some((_, bindings)) => bindings.push(binding),
            None => users.push((user, vec![binding])),
        }
    }
    users
}

/// Writes down what changes, until the node has gone.
pub(crate) async fn write(registrations: Registrations, changed: ChangedBindings) {
    let mut is_late = false;
    while let Some(users) = changed.next().await {
        for (user, bindings) in users {
            let rows: Vec<BindingRow> = bindings.into_iter().map(row_of).collect();
            while let Err(error) = put(&registrations, &user, &rows).await {
                if !std::mem::replace(&mut is_late, true) {
                    tracing::warn!(%error, "where users are waits in memory: the database does not take it");
                }
                sleep(PAUSE).await;
            }
        }
        is_late = false;
    }
}

async fn put(registrations: &Registrations, user: &str, rows: &[BindingRow]) -> Result<(), Unavailable> {
    asked(registrations.keep(user, rows)).await
}

fn row_of(kept: KeptBinding) -> BindingRow {
    BindingRow {
        contact: kept.contact,
        q: kept.q,
        since_ms: i64::try_from(kept.since_ms).unwrap_or(i64::MAX),
        until_ms: i64::try_from(kept.until_ms).unwrap_or(i64::MAX),
        call_id: kept.call_id,
        cseq: kept.cseq,
        path: kept.path.into(),
        instance: kept.instance,
        reg_id: kept.reg_id,
        agent: kept.agent,
        came_to: kept.came_to,
        came_from: kept.came_from.to_string().into(),
        leaves_from: kept.leaves_from,
        hop: kept.hop.to_string().into(),
        domain: kept.domain,
        over_flow: kept.over_flow,
        behind_nat: kept.behind_nat,
    }
}

/// `None`: what stands there is no address, which nobody here wrote.
fn binding_of(row: BindingRow) -> Option<KeptBinding> {
    Some(KeptBinding {
        contact: row.contact,
        q: row.q,
        since_ms: u64::try_from(row.since_ms).ok()?,
        until_ms: u64::try_from(row.until_ms).ok()?,
        call_id: row.call_id,
        cseq: row.cseq,
        path: row.path.into(),
        instance: row.instance,
        reg_id: row.reg_id,
        agent: row.agent,
        came_to: row.came_to,
        came_from: row.came_from.parse().ok()?,
        leaves_from: row.leaves_from,
        hop: row.hop.parse().ok()?,
        domain: row.domain,
        over_flow: row.over_flow,
        behind_nat: row.behind_nat,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_what_is_read() {
        let all = KeptBinding {
            contact: "sip:alice@192.0.2.1;transport=udp".into(),
            q: 700,
            since_ms: 1_767_225_600_000,
            until_ms: 1_767_229_200_000,
            call_id: "abc".into(),
            cseq: u32::MAX,
            path: ["<sip:edge.example;lr>".into()].into(),
            instance: Some("<urn:uuid:1>".into()),
            reg_id: Some(1),
            agent: "desk phone".into(),
            came_to: "in".into(),
            came_from: "[2001:db8::1]:5060".parse().unwrap(),
            leaves_from: "out".into(),
            hop: "192.0.2.1:5062".parse().unwrap(),
            domain: Some("edge.example".into()),
            over_flow: true,
            behind_nat: false,
        };
        let least = KeptBinding { path: [].into(), instance: None, reg_id: None, domain: None, over_flow: false, ..all.clone() };
        for kept in [all, least] {
            assert_eq!(binding_of(row_of(kept.clone())), Some(kept));
        }
    }
}
