//! Records of calls that are over, as JSON or as a table.

use crate::{
    Interface,
    calls::unlisted,
    csv,
    kept::Wanted,
    paging::{MOST, Page, limit},
    problem::Problem,
    read::Query,
    record::Record,
    time::Time,
};
use axum::{
    Json,
    extract::State,
    http::{HeaderMap, HeaderValue, header},
    response::{IntoResponse, Response},
};
use serde::Deserialize;
use std::sync::Arc;
use utoipa::{IntoParams, ToSchema};

/// Which records.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct Which {
    /// How many, from 1 to 1000; 100 where it is not said.
    #[param(minimum = 1, maximum = 1000)]
    limit: Option<usize>,
    /// `next` of the page before.
    cursor: Option<String>,
    /// Of calls that came then or later: `2026-01-31T12:00:00Z`.
    #[param(value_type = Option<String>, format = DateTime)]
    since: Option<Time>,
    /// Of calls that came before.
    #[param(value_type = Option<String>, format = DateTime)]
    before: Option<Time>,
    /// Of calls with a leg of this endpoint: `trunk:carrier`.
    endpoint: Option<String>,
    /// Of calls from or to this number.
    number: Option<String>,
    /// `json`, or `csv`: a line a leg, for spreadsheets. `Accept: text/csv` says the same.
    #[param(inline)]
    #[serde(default)]
    format: Format,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum Format {
    #[default]
    Json,
    Csv,
}

/// Records of calls, newest first, page by page. Of a table the header `Tandem-Next` has the cursor of the next page, and `Tandem-Waiting`
/// says how many calls are over whose records the database has not taken yet, if it is late.
#[utoipa::path(get, path = "/v1/records", tag = "records", operation_id = "records", params(Which),
    responses((status = 200, description = "A page", content((Page<Record> = "application/json"), (String = "text/csv"))),
        (status = 503, description = "They cannot be read now")))]
pub(crate) async fn list(
    State(interface): State<Arc<Interface>>,
    Query(which): Query<Which>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let Which { limit: asked, cursor, since, before, endpoint, number, format } = which;
    let takes_csv =
        headers.get(header::ACCEPT).and_then(|accept| accept.to_str().ok()).is_some_and(|accept| accept.starts_with("text/csv"));
    let is_csv = format == Format::Csv || takes_csv;
    let limit = limit(asked.or(is_csv.then_some(MOST)))?;
    let wanted = Wanted { limit, cursor, since, before, endpoint, number };
    let listed = interface.records.list(wanted).await.map_err(unlisted)?;
    if !is_csv {
        return Ok(Json(Page::of_records(listed, |record| record)).into_response());
    }
    let mut response = csv::table(&listed.records).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/csv; charset=utf-8"));
    headers.insert(header::CONTENT_DISPOSITION, HeaderValue::from_static("attachment; filename=\"records.csv\""));
    if listed.waiting > 0 {
        headers.insert("tandem-waiting", listed.waiting.into());
    }
    if let Some(next) = listed.next.and_then(|next| HeaderValue::try_from(next).ok()) {
        headers.insert("tandem-next", next);
    }
    Ok(response)
}
