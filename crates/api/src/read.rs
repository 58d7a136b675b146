//! Takes requests apart: bodies, queries and paths into types, or what is wrong with them and where.

use crate::{
    Interface,
    problem::{INVALID, MALFORMED, NOT_JSON, Problem, TOO_LONG, TOO_SLOW},
};
use axum::{
    body::Body,
    extract::{FromRequest, FromRequestParts, RawPathParams, Request},
    http::{HeaderMap, header, request::Parts},
};
use bytes::Bytes;
use futures_util::StreamExt;
use serde::{
    Deserialize,
    de::{DeserializeOwned, value::MapDeserializer},
};
use std::{sync::Arc, time::Duration};
use tandem_config::nearest;
use tokio::time::timeout;

/// How long a body may take to come.
const BODY_TIME: Duration = Duration::from_secs(20);

/// A body of JSON; none at all is `{}`.
pub(crate) struct Json<T>(pub(crate) T);

impl<T: DeserializeOwned> FromRequest<Arc<Interface>> for Json<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, interface: &Arc<Interface>) -> Result<Self, Problem> {
        let (parts, body) = request.into_parts();
        let body = whole(body, &parts.headers, interface.settings.now().body).await?;
        if body.is_empty() {
            return parse(b"{}").map(Json);
        }
        if !is_json(&parts.headers) {
            return Err(Problem::new(NOT_JSON, "send it as `Content-Type: application/json`"));
        }
        parse(&body).map(Json)
    }
}

/// A body in which nothing is said: none, or `{}`.
pub(crate) struct Nothing;

/// Takes no field.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NoField {}

impl FromRequest<Arc<Interface>> for Nothing {
    type Rejection = Problem;

    async fn from_request(request: Request, interface: &Arc<Interface>) -> Result<Self, Problem> {
        Json::<NoField>::from_request(request, interface).await.map(|_| Nothing)
    }
}

/// All of a body, which may have so many bytes.
pub(crate) async fn whole(body: Body, headers: &HeaderMap, most: usize) -> Result<Bytes, Problem> {
    let too_long = || Problem::new(TOO_LONG, format!("a body has at most {most} bytes: `body` in [api]"));
    let length = headers.get(header::CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse::<usize>().ok());
    if length.is_some_and(|length| length > most) {
        return Err(too_long());
    }
    let collect = async {
        let mut stream = body.into_data_stream();
        let mut all = Vec::new();
        while let Some(chunk) = stream.next().await {
            let chunk = chunk.map_err(|_| Problem::new(MALFORMED, "the body did not come to its end"))?;
            if all.len() + chunk.len() > most {
                return Err(too_long());
            }
            all.extend_from_slice(&chunk);
        }
        Ok(Bytes::from(all))
    };
    let late = || Problem::new(TOO_SLOW, format!("the body did not come within {} s", BODY_TIME.as_secs()));
    timeout(BODY_TIME, collect).await.unwrap_or_else(|_| Err(late()))
}

fn is_json(headers: &HeaderMap) -> bool {
    let kind = headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    kind.split(';').next().unwrap_or_default().trim().eq_ignore_ascii_case("application/json")
}

/// JSON as a `T`, or what is wrong with it and where.
pub(crate) fn parse<T: DeserializeOwned>(body: &[u8]) -> Result<T, Problem> {
    let mut json = serde_json::Deserializer::from_slice(body);
    let value = serde_path_to_error::deserialize(&mut json).map_err(|error| {
        let (field, inner) = (error.path().to_string(), error.inner());
        if inner.is_data() {
            return wrong(&field, &without_place(&inner.to_string()));
        }
        Problem::new(MALFORMED, format!("the body is not JSON: {inner}"))
    })?;
    json.end().map_err(|error| Problem::new(MALFORMED, format!("the body goes on behind its JSON: {error}")))?;
    Ok(value)
}

/// serde_json puts the place behind what is wrong; the name of the field says more.
fn without_place(message: &str) -> String {
    message.rsplit_once(" at line ").map_or(message, |(what, _)| what).to_owned()
}

/// A query, each parameter of which is known.
pub(crate) struct Query<T>(pub(crate) T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequestParts<S> for Query<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let query = parts.uri.query().unwrap_or_default();
        let pairs = serde_urlencoded::Deserializer::new(form_urlencoded::parse(query.as_bytes()));
        serde_path_to_error::deserialize(pairs).map(Query).map_err(|error| wrong(&error.path().to_string(), &error.inner().to_string()))
    }
}

/// What stands in the path: ids.
pub(crate) struct Place<T>(pub(crate) T);

impl<T: DeserializeOwned + Send, S: Send + Sync> FromRequestParts<S> for Place<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let params = RawPathParams::from_request_parts(parts, state).await.map_err(|error| {
            let message = error.to_string();
            let problem = Problem::new(INVALID, message.as_str());
            match message.split('`').nth(1) {
                Some(name) => problem.at(name),
                None => problem,
            }
        })?;
        let pairs = MapDeserializer::<_, serde::de::value::Error>::new(params.iter());
        serde_path_to_error::deserialize(pairs).map(Place).map_err(|error| wrong(&error.path().to_string(), &error.inner().to_string()))
    }
}

/// What serde says of a field, with the name that may have been meant.
fn wrong(field: &str, message: &str) -> Problem {
    let unnamed = field.is_empty() || field == ".";
    let mut names = message.split('`').skip(1).step_by(2);
    let (field, detail) = match message.split(' ').next() {
        Some("unknown") if message.starts_with("unknown field") || message.starts_with("unknown variant") => {
            let given = names.next().unwrap_or_default();
            let hint = match nearest(given, names) {
                Some(near) => format!("; the nearest is `{near}`"),
                None => String::new(),
            };
            let what = if message.starts_with("unknown field") { "there is no field" } else { "there is no" };
            let shown: String = given.chars().take(MAX_SHOWN).collect();
            let whole = if field.ends_with(given) { field.to_owned() } else { format!("{field}.{given}") };
            let field = if message.starts_with("unknown variant") { field.to_owned() } else { whole };
            (field, format!("{what} `{}`{hint}", shown.escape_debug()))
        }
        Some("missing") => {
            let name = names.next().unwrap_or_default();
            let field = if unnamed { name.to_owned() } else { format!("{field}.{name}") };
            (field, format!("`{name}` is missing"))
        }
        _ => (field.to_owned(), message.to_owned()),
    };
    let field: String = field.trim_start_matches("..").chars().take(4 * MAX_SHOWN).collect();
    let problem = Problem::new(INVALID, detail);
    if field.is_empty() || field == "." { problem } else { problem.at(field) }
}

/// Characters of a mistaken name that are said again.
const MAX_SHOWN: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    #[allow(dead_code, reason = "only its errors are looked at")]
    struct Outer {
        legs: Vec<Inner>,
        #[serde(default)]
        order: Option<Order>,
    }

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    #[allow(dead_code, reason = "only its errors are looked at")]
    struct Inner {
        to: String,
        #[serde(default)]
        headers: BTreeMap<String, String>,
    }

    #[derive(Debug, Deserialize)]
    #[serde(rename_all = "snake_case")]
    enum Order {
        Sequential,
        Parallel,
    }

    fn problem(body: &str) -> (u16, String, String) {
        let problem = parse::<Outer>(body.as_bytes()).unwrap_err();
        (problem.status, problem.field.unwrap_or_default(), problem.detail)
    }

    #[test]
    fn what_is_wrong_has_a_place_and_what_would_be_right() {
        let invalid = |body: &str, field: &str, words: &str| {
            let (status, at, detail) = problem(body);
            assert!((status, &*at) == (422, field) && detail.contains(words), "{body}: {status} {at}: {detail}");
        };
        invalid("{}", "legs", "`legs` is missing");
        invalid(r#"{"lgs": []}"#, "lgs", "there is no field `lgs`; the nearest is `legs`");
        invalid(r#"{"legs": [{"too": "x"}]}"#, "legs[0].too", "the nearest is `to`");
        invalid(r#"{"legs": [{}]}"#, "legs[0].to", "is missing");
        invalid(r#"{"legs": [{"to": 7}]}"#, "legs[0].to", "invalid type: integer `7`, expected a string");
        invalid(r#"{"legs": [{"to": "x", "headers": {"X-A": 1}}]}"#, "legs[0].headers.X-A", "expected a string");
        invalid(r#"{"legs": [], "order": "paralel"}"#, "order", "there is no `paralel`; the nearest is `parallel`");
        invalid(r#"[]"#, "", "");
        let (status, _, detail) = problem("{\"legs\": \n [}");
        assert!(status == 400 && detail.contains("line 2 column"), "{detail}");
        assert_eq!(problem("{\"legs\": []} x").0, 400);
        assert_eq!(problem("\u{0}").0, 400);
        assert_eq!(problem(&"[".repeat(100_000)).0, 422, "it ends at once: a list is wanted nowhere");
        assert_eq!(problem(&format!("{{\"legs\": {}", "[".repeat(100_000))).0, 422);
    }
}
