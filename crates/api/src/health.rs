//! Whether the node lives, and takes calls.

use crate::{
    Interface,
    problem::{Problem, UNAVAILABLE},
};
use axum::{Json, extract::State};
use serde::Serialize;
use std::sync::Arc;
use utoipa::ToSchema;

/// How the node is.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Health {
    /// `ok`, or `ready`.
    #[schema(value_type = String)]
    status: &'static str,
}

/// Whether the node lives: an answer is all that there is to know.
#[utoipa::path(get, path = "/healthz", tag = "node", operation_id = "health", responses((status = 200, body = Health)))]
pub(crate) async fn health() -> Json<Health> {
    Json(Health { status: "ok" })
}

/// Whether the node takes calls: not while it drains.
#[utoipa::path(get, path = "/readyz", tag = "node", operation_id = "ready",
    responses((status = 200, body = Health), (status = 503, description = "It drains: calls in progress go on, and none is let in")))]
pub(crate) async fn ready(State(interface): State<Arc<Interface>>) -> Result<Json<Health>, Problem> {
    if interface.is_draining().await {
        return Err(Problem::new(UNAVAILABLE, "the node drains: it takes no more calls"));
    }
    Ok(Json(Health { status: "ready" }))
}
