//! The page that people read: the OpenAPI document in words. It needs no script and nothing from elsewhere.

use crate::{problem::KINDS, router};
use axum::{
    http::{HeaderValue, header},
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use serde_json::Value;
use std::{fmt::Write, sync::LazyLock};

static PAGE: LazyLock<Bytes> = LazyLock::new(|| {
    let document = serde_json::to_value(router::document()).unwrap_or_default();
    render(&document).into()
});

const POLICY: HeaderValue = HeaderValue::from_static("default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'");

pub(crate) async fn page() -> Response {
    let kind = HeaderValue::from_static("text/html; charset=utf-8");
    ([(header::CONTENT_TYPE, kind), (header::CONTENT_SECURITY_POLICY, POLICY)], PAGE.clone()).into_response()
}

/// What it looks like.
const STYLE: &str = include_str!("page.css");

fn render(document: &Value) -> String {
    let mut page = format!(
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width\">\
         <title>Tandem's HTTP interface</title><style>{STYLE}</style></head><body>\n<h1>Tandem's HTTP interface</h1>\n\
         <p>Send a key as <code>Authorization: Bearer KEY</code>. Bodies are JSON. The same for machines: \
         <a href=\"/v1/openapi.json\">/v1/openapi.json</a>.</p>\n"
    );
    for tag in list(&document["tags"]) {
        section(&mut page, document, tag);
    }
    page.push_str("<h2 id=\"problems\">Problems</h2>\n<p>What cannot be done is answered as problem details (RFC 9457): \
        <code>type</code>, <code>title</code>, <code>status</code>, <code>detail</code>, and <code>field</code> where a part of the request is to blame.</p>\n<table>\n");
    for kind in KINDS {
        let _ = writeln!(page, "<tr id=\"problem-{0}\"><td>{1}<td><code>{0}</code><td>{2}", kind.word, kind.status.as_u16(), kind.title);
    }
    page.push_str("</table>\n<h2 id=\"types\">Types</h2>\n");
    if let Some(schemas) = document["components"]["schemas"].as_object() {
        for (name, schema) in schemas {
            let _ = writeln!(page, "<h3 id=\"type-{0}\">{0}</h3>", escape(name));
            describe_type(&mut page, schema);
        }
    }
    page.push_str("</body></html>\n");
    page
}

fn section(page: &mut String, document: &Value, tag: &Value) {
    let name = text(&tag["name"]);
    let Some(paths) = document["paths"].as_object() else { return };
    let _ = writeln!(page, "<h2 id=\"{0}\">{0}</h2>\n<p>{1}</p>", escape(name), escape(text(&tag["description"])));
    for (path, item) in paths {
        for (method, operation) in item.as_object().into_iter().flatten() {
            if list(&operation["tags"]).iter().any(|other| other.as_str() == Some(name)) {
                describe(page, method, path, operation);
            }
        }
    }
}

fn describe(page: &mut String, method: &str, path: &str, operation: &Value) {
    let _ = writeln!(
        page,
        "<details id=\"{}\"><summary><b>{}</b> <code>{}</code> {}</summary>",
        escape(text(&operation["operationId"])),
        escape(&method.to_uppercase()),
        escape(path),
        escape(text(&operation["summary"]))
    );
    if !text(&operation["description"]).is_empty() {
        let _ = writeln!(page, "<p>{}</p>", escape(text(&operation["description"])));
    }
    if let Some(scope) = operation["security"][0]["key"][0].as_str() {
        let _ = writeln!(page, "<p>Needs the scope <code>{}</code>.</p>", escape(scope));
    }
    let parameters = list(&operation["parameters"]);
    if !parameters.is_empty() {
        page.push_str("<table>\n");
        for parameter in parameters {
            let (name, place) = (escape(text(&parameter["name"])), escape(text(&parameter["in"])));
            let _ = writeln!(page, "<tr><td><code>{name}</code><td>{place}<td>{}", escape(text(&parameter["description"])));
        }
        page.push_str("</table>\n");
    }
    let body = &operation["requestBody"]["content"]["application/json"]["schema"];
    if !body.is_null() {
        let _ = writeln!(page, "<p>Body: {}</p>", type_of(body));
    }
    page.push_str("<table>\n");
    for (status, response) in operation["responses"].as_object().into_iter().flatten() {
        let content = response["content"].as_object().and_then(|content| content.values().next());
        let of = content.map(|content| type_of(&content["schema"])).unwrap_or_default();
        let _ = writeln!(page, "<tr><td>{}<td>{}<td>{of}", escape(status), escape(text(&response["description"])));
    }
    page.push_str("</table></details>\n");
}

fn describe_type(page: &mut String, schema: &Value) {
    if !text(&schema["description"]).is_empty() {
        let _ = writeln!(page, "<p>{}</p>", escape(text(&schema["description"])));
    }
    let Some(fields) = schema["properties"].as_object() else {
        let _ = writeln!(page, "<p>{}</p>", type_of(schema));
        return;
    };
    page.push_str("<table>\n");
    for (name, field) in fields {
        let needed = if list(&schema["required"]).iter().any(|other| other.as_str() == Some(name)) { "" } else { "optional" };
        let (what, note) = (type_of(field), escape(text(&field["description"])));
        let _ = writeln!(page, "<tr><td><code>{}</code><td>{what}<td>{needed}<td>{note}", escape(name));
    }
    page.push_str("</table>\n");
}

/// A type in a few words, with a link to those that have a name.
fn type_of(schema: &Value) -> String {
    if let Some(name) = schema["$ref"].as_str().and_then(|link| link.rsplit('/').next()) {
        return format!("<a href=\"#type-{0}\">{0}</a>", escape(name));
    }
    let words = list(&schema["enum"]);
    if !words.is_empty() {
        let words: Vec<String> = words.iter().map(|word| format!("<code>{}</code>", escape(text(word)))).collect();
        return words.join(", ");
    }
    for several in ["oneOf", "anyOf", "allOf"] {
        let parts = list(&schema[several]);
        if !parts.is_empty() {
            let parts: Vec<String> = parts.iter().filter(|part| part["type"] != "null").map(type_of).collect();
            return parts.join(" or ");
        }
    }
    let kinds = list(&schema["type"]);
    let kind = kinds.iter().filter_map(Value::as_str).find(|kind| *kind != "null").unwrap_or(text(&schema["type"]));
    match kind {
        "array" => format!("list of {}", type_of(&schema["items"])),
        kind => escape(kind),
    }
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

/// Text that stands for itself in HTML.
pub(crate) fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            other => escaped.push(other),
        }
    }
    escaped
}
