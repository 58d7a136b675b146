//! The OpenAPI document, made of the types and functions that serve.

use crate::{
    Interface,
    problem::{self, Kind, Problem},
    router,
};
use axum::{
    extract::State,
    http::{HeaderValue, header},
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use std::sync::{Arc, LazyLock};
use tandem_config::Scope;
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{
        Components, ContentBuilder, Info, ObjectBuilder, OpenApi, Ref, RefOr, Required, ResponseBuilder, Schema, SecurityRequirement, Tag,
        Type,
        path::{Operation, ParameterBuilder, ParameterIn, PathItem},
        security::{HttpAuthScheme, HttpBuilder, SecurityScheme},
    },
};

/// The document as JSON. It is the same for all.
static JSON: LazyLock<Bytes> = LazyLock::new(|| router::document().to_json().unwrap_or_default().into());

/// What keys are called in it.
const KEY: &str = "key";

/// This document: OpenAPI 3.1.
#[utoipa::path(get, path = "/v1/openapi.json", tag = "node", operation_id = "openapi",
    responses((status = 200, description = "The document", content_type = "application/json")))]
pub(crate) async fn openapi(State(_): State<Arc<Interface>>) -> Response {
    ([(header::CONTENT_TYPE, HeaderValue::from_static("application/json"))], JSON.clone()).into_response()
}

/// Says that all operations need a scope.
pub(crate) fn needs(scope: Scope, document: &mut OpenApi) {
    for operation in document.paths.paths.values_mut().flat_map(operations) {
        operation.security = Some(vec![SecurityRequirement::new(KEY, [scope.word()])]);
    }
}

/// Says what is true of all.
pub(crate) fn finish(mut document: OpenApi) -> OpenApi {
    let mut info = Info::new("Tandem", env!("CARGO_PKG_VERSION"));
    info.description = Some("Makes calls, steers them, and tells what happens to them.".into());
    document.info = info;
    let tag = |(name, description): (&str, &str)| {
        let mut tag = Tag::new(name);
        tag.description = Some(description.into());
        tag
    };
    document.tags = Some(TAGS.map(tag).into());
    for item in document.paths.paths.values_mut() {
        item.get.iter_mut().for_each(|operation| add_problems(operation, &[]));
        let mut changes = [&mut item.put, &mut item.delete];
        changes.iter_mut().filter_map(|operation| operation.as_mut()).for_each(|operation| add_problems(operation, &OF_BODIES));
        item.post.iter_mut().for_each(repeatable);
    }
    let components = document.components.get_or_insert_with(Components::new);
    components.schemas.insert(Problem::name().into_owned(), Problem::schema());
    let mut key = HttpBuilder::new().scheme(HttpAuthScheme::Bearer);
    key = key.description(Some("A key of `keys` in [api]; without any, programs on the node's own machine need none."));
    components.security_schemes.insert(KEY.into(), RefOr::T(SecurityScheme::Http(key.build())));
    document
}

/// What operations are about.
const TAGS: [(&str, &str); 4] = [
    ("calls", "Calls in progress, and what can be done to them"),
    ("events", "What happens, as it happens"),
    ("records", "Calls that are over"),
    ("node", "The node itself"),
];

fn operations(item: &mut PathItem) -> impl Iterator<Item = &mut Operation> {
    [&mut item.get, &mut item.put, &mut item.post, &mut item.delete].into_iter().filter_map(Option::as_mut)
}

/// What may be wrong with a body, also where none is wanted.
const OF_BODIES: [Kind; 5] = [problem::MALFORMED, problem::TOO_SLOW, problem::TOO_LONG, problem::NOT_JSON, problem::INVALID];

/// What may come again with an `Idempotency-Key`.
fn repeatable(operation: &mut Operation) {
    let text = Schema::Object(ObjectBuilder::new().schema_type(Type::String).pattern(Some("^[!-~]{1,255}$")).build());
    let key = ParameterBuilder::new().name("Idempotency-Key").parameter_in(ParameterIn::Header).required(Required::False);
    let key = key.description(Some("The same request with the same key is done once, and answered alike for 24 h.")).schema(Some(text));
    operation.parameters.get_or_insert_default().push(RefOr::T(key.build()));
    add_problems(operation, &OF_BODIES);
    for kind in [problem::CONFLICT, problem::UNAVAILABLE] {
        operation.responses.responses.entry(kind.status.as_str().into()).or_insert_with(|| empty(kind));
    }
}

/// What may be answered to any request of its kind, and gives problems that are listed a body.
fn add_problems(operation: &mut Operation, more: &[Kind]) {
    let mut kinds = vec![problem::TOO_MANY, problem::INTERNAL, problem::NO_ANSWER];
    if operation.security.is_some() {
        kinds.extend([problem::NO_KEY, problem::FORBIDDEN]);
    }
    kinds.extend(more);
    if operation.parameters.as_ref().is_some_and(|all| !all.is_empty()) {
        kinds.push(problem::INVALID);
    }
    for kind in kinds {
        operation.responses.responses.entry(kind.status.as_str().into()).or_insert_with(|| empty(kind));
    }
    let failures = operation.responses.responses.iter_mut().filter(|(status, _)| status.starts_with(['4', '5']));
    for (_, response) in failures {
        if let RefOr::T(response) = response
            && response.content.is_empty()
        {
            let schema = RefOr::Ref(Ref::from_schema_name(Problem::name()));
            response.content.insert(problem::MEDIA_TYPE.into(), RefOr::T(ContentBuilder::new().schema(Some(schema)).build()));
        }
    }
}

fn empty(kind: Kind) -> RefOr<utoipa::openapi::Response> {
    RefOr::T(ResponseBuilder::new().description(kind.title).build())
}
