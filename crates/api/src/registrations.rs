//! Who has registered.

use crate::{Interface, paging::Page, time::Time};
use axum::{Json, extract::State};
use serde::Serialize;
use std::sync::Arc;
use tandem_model::{Epoch, RegistrationView};
use utoipa::ToSchema;

/// Where a user is to be found.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Registration {
    /// Whose it is.
    user: String,
    /// The Contact URI, as the phone wrote it.
    contact: String,
    /// When it was made, or refreshed last.
    #[schema(value_type = String, format = DateTime)]
    since: Time,
    /// Until when it holds.
    #[schema(value_type = String, format = DateTime)]
    until: Time,
    /// The address that it came from.
    remote: String,
    /// `UDP`, `TCP`, `TLS`.
    #[schema(value_type = String)]
    transport: &'static str,
    /// What the phone calls itself.
    agent: String,
    /// Which phone it is (RFC 5626), if it says so.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    instance: Option<String>,
    /// It is behind a NAT.
    behind_nat: bool,
}

impl Registration {
    fn of(view: &RegistrationView, epoch: Epoch) -> Registration {
        Registration {
            user: view.user.to_string(),
            contact: view.contact.to_string(),
            since: Time::of(view.since, epoch),
            until: Time::of(view.until, epoch),
            remote: view.flow.remote.to_string(),
            transport: view.flow.transport.token(),
            agent: view.agent.to_string(),
            instance: view.instance.as_ref().map(ToString::to_string),
            behind_nat: view.behind_nat,
        }
    }
}

/// Where users are to be found now, by name.
#[utoipa::path(get, path = "/v1/registrations", tag = "node", operation_id = "registrations",
    responses((status = 200, body = Page<Registration>)))]
pub(crate) async fn list(State(interface): State<Arc<Interface>>) -> Json<Page<Registration>> {
    let epoch = interface.node.epoch();
    let items = interface.node.registrations().await.iter().map(|view| Registration::of(view, epoch)).collect();
    Json(Page::new(items, None))
}
