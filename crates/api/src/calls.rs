//! Calls: those in progress, and those that are over.

use crate::{
    Interface,
    ids::OfCall,
    kept::{ListError, Wanted},
    paging::{Page, bad_cursor, limit},
    problem::{NOT_FOUND, Problem, UNAVAILABLE},
    read::{Place, Query},
    view::Call,
};
use axum::{Json, extract::State};
use serde::Deserialize;
use std::sync::Arc;
use tandem_model::CallId;
use utoipa::{IntoParams, ToSchema};

/// Which calls.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct Which {
    /// `live`: calls in progress, oldest first. `over`: calls that are over, newest first.
    #[param(inline)]
    #[serde(default)]
    state: Stage,
    /// How many, from 1 to 1000; 100 where it is not said.
    #[param(minimum = 1, maximum = 1000)]
    limit: Option<usize>,
    /// `next` of the page before.
    cursor: Option<String>,
}

#[derive(Clone, Copy, Debug, Default, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum Stage {
    #[default]
    Live,
    Over,
}

/// Calls, page by page.
#[utoipa::path(get, path = "/v1/calls", tag = "calls", operation_id = "calls", params(Which),
    responses((status = 200, body = Page<Call>), (status = 503, description = "Records cannot be read now")))]
pub(crate) async fn list(State(interface): State<Arc<Interface>>, Query(which): Query<Which>) -> Result<Json<Page<Call>>, Problem> {
    let limit = limit(which.limit)?;
    if let Stage::Over = which.state {
        let listed = interface.records.list(Wanted { limit, cursor: which.cursor, ..Wanted::default() }).await.map_err(unlisted)?;
        return Ok(Json(Page::of_records(listed, Call::over)));
    }
    let after = which.cursor.map(|cursor| cursor.parse::<CallId>()).transpose().map_err(|_| bad_cursor())?;
    let views = interface.node.calls(after, limit).await;
    let next = views.last().filter(|_| views.len() >= limit).map(|last| last.call.to_string());
    let items = views.iter().map(|view| interface.shown(view)).collect();
    Ok(Json(Page::new(items, next)))
}

/// A call, in progress or over.
#[utoipa::path(get, path = "/v1/calls/{id}", tag = "calls", operation_id = "call", params(OfCall),
    responses((status = 200, body = Call), (status = 404, description = "No such call"), (status = 503, description = "Records cannot be read now")))]
pub(crate) async fn get(State(interface): State<Arc<Interface>>, Place(of): Place<OfCall>) -> Result<Json<Call>, Problem> {
    let call = of.id.0;
    if let Some(view) = interface.node.call(call).await {
        return Ok(Json(interface.shown(&view)));
    }
    match interface.records.get(call).await {
        Ok(Some(record)) => Ok(Json(Call::over(record))),
        Ok(None) => Err(Problem::new(NOT_FOUND, format!("{call}: there is no such call, and none is known")).at("id")),
        Err(unavailable) => Err(Problem::new(UNAVAILABLE, unavailable.to_string()).after(5)),
    }
}

/// Why there is no page of records.
pub(crate) fn unlisted(error: ListError) -> Problem {
    match error {
        ListError::Cursor => bad_cursor(),
        ListError::Unavailable(why) => Problem::new(UNAVAILABLE, why.to_string()).after(5),
    }
}
