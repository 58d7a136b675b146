//! The node itself: as the signals SIGTERM and SIGHUP do.

use crate::{
    Interface,
    problem::{INVALID, Problem},
    read,
};
use axum::{Json, extract::State, http::StatusCode};
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use utoipa::ToSchema;

/// How to drain.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Drain {
    /// End the calls in progress at once, instead of letting them go on until `drain_timeout`.
    #[serde(default)]
    end_calls: bool,
}

/// That it drains.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Draining {
    draining: bool,
}

/// What a reload changed.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Reloaded {
    /// In words: `[[trunk]] carrier changed`.
    changed: Vec<String>,
}

/// Lets no more calls in, and stops the node when those in progress are over. Asked again it goes on draining.
#[utoipa::path(post, path = "/v1/admin/drain", tag = "node", operation_id = "drain", request_body(content = Option<Drain>),
    responses((status = 202, body = Draining)))]
pub(crate) async fn drain(State(interface): State<Arc<Interface>>, read::Json(drain): read::Json<Drain>) -> (StatusCode, Json<Draining>) {
    interface.drain(drain.end_calls).await;
    (StatusCode::ACCEPTED, Json(Draining { draining: true }))
}

/// Reads the configuration again and puts it in force: trunks, routes, users, limits, keys and certificates, without touching calls. A
/// file with a mistake is refused whole.
#[utoipa::path(post, path = "/v1/admin/reload", tag = "node", operation_id = "reload",
    responses((status = 200, body = Reloaded), (status = 422, description = "The file has a mistake, or changes what needs a restart")))]
pub(crate) async fn reload(State(interface): State<Arc<Interface>>) -> Result<Json<Reloaded>, Problem> {
    let changed = interface.reload().await.map_err(|mistakes| Problem::new(INVALID, mistakes))?;
    Ok(Json(Reloaded { changed }))
}
