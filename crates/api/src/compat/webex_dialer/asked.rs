//! What somebody asks for: JSON or a form, read as leniently as the original reads it.

use super::answer::Failure;
use crate::problem::{MALFORMED, Problem};
use axum::http::{HeaderMap, header};
use serde_json::{Map, Value};
use tandem_model::Secret;

/// A request whose fields are all there.
#[derive(Debug)]
pub(super) struct Asked {
    pub(super) initial_token: Secret,
    pub(super) endpoint_token: Secret,
    pub(super) meeting_token: Option<Secret>,
    /// As it was written; so are the answers that name it.
    pub(super) meeting: String,
    /// The same.
    pub(super) endpoint: String,
    /// The outcome is waited for.
    pub(super) wait: bool,
}

impl Asked {
    /// # Errors
    /// The first field that is not there.
    pub(super) fn read(fields: &Map<String, Value>) -> Result<Asked, Failure> {
        let token = |name| text(fields, name).map(|token| Secret::new(&token));
        let initial_token = token("initialToken").ok_or(Failure::NoInitialToken)?;
        let endpoint_token = token("endpointToken").ok_or(Failure::NoEndpointToken)?;
        let meeting = text(fields, "meeting").ok_or(Failure::NoMeeting)?;
        let endpoint = text(fields, "endpointSIP").ok_or(Failure::NoEndpoint)?;
        let meeting_token = token("meetingToken");
        if meeting_token.as_ref() == Some(&initial_token) {
            return Err(Failure::SameTokens);
        }
        // Everything but these waits, also the text "false", which is all that a form can say.
        let wait = !matches!(fields.get("wait"), None | Some(Value::Null | Value::Bool(false)));
        Ok(Asked { initial_token, endpoint_token, meeting_token, meeting, endpoint, wait })
    }
}

/// Text of a field, which may be empty. What is no text and no number is as good as not there.
fn text(fields: &Map<String, Value>, name: &str) -> Option<String> {
    match fields.get(name)? {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
    }
}

/// The fields of a body. A body of another type than JSON and form has none, and neither has a list.
pub(super) fn fields(headers: &HeaderMap, body: &[u8]) -> Result<Map<String, Value>, Problem> {
    let kind = headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    let kind = kind.split(';').next().unwrap_or_default().trim();
    if kind.eq_ignore_ascii_case("application/x-www-form-urlencoded") {
        return Ok(form(body));
    }
    if !kind.eq_ignore_ascii_case("application/json") || body.is_empty() {
        return Ok(Map::new());
    }
    match serde_json::from_slice(body) {
        Ok(Value::Object(fields)) => Ok(fields),
        Ok(Value::Array(_)) => Ok(Map::new()),
        Ok(_) => Err(Problem::new(MALFORMED, "the body is no object of JSON")),
        Err(error) => Err(Problem::new(MALFORMED, format!("the body is not JSON: {error}"))),
    }
}

/// A field that comes twice is a list.
fn form(body: &[u8]) -> Map<String, Value> {
    let mut fields = Map::new();
    for (name, value) in form_urlencoded::parse(body) {
        let value = Value::String(value.into_owned());
        match fields.get_mut(&*name) {
            None => drop(fields.insert(name.into_owned(), value)),
            Some(before) => *before = Value::Array(Vec::new()),
        }
    }
    fields
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(kind: &'static str, body: &str) -> Result<Asked, Failure> {
        let headers = [(header::CONTENT_TYPE, kind.parse().unwrap())].into_iter().collect();
        Asked::read(&fields(&headers, body.as_bytes()).unwrap())
    }

    const JSON: &str = "application/json; charset=utf-8";
    const FORM: &str = "application/x-www-form-urlencoded";

    #[test]
    fn fields_are_missed_in_the_order_of_the_original() {
        for (body, failure) in [
            ("", Failure::NoInitialToken),
            ("[]", Failure::NoInitialToken),
            (r#"{"endpointSIP": "x"}"#, Failure::NoInitialToken),
            (r#"{"initialToken": null}"#, Failure::NoInitialToken),
            (r#"{"initialToken": "", "meeting": "x"}"#, Failure::NoEndpointToken),
            (r#"{"initialToken": "a", "endpointToken": ""}"#, Failure::NoMeeting),
            (r#"{"initialToken": "a", "endpointToken": "b", "meeting": {}, "endpointSIP": "x"}"#, Failure::NoMeeting),
            (r#"{"initialToken": "a", "endpointToken": "b", "meeting": ""}"#, Failure::NoEndpoint),
        ] {
            assert_eq!(read(JSON, body).unwrap_err(), failure, "{body}");
        }
        assert_eq!(read("text/plain", r#"{"initialToken": "a"}"#).unwrap_err(), Failure::NoInitialToken);
        assert_eq!(read(FORM, "initialToken=a&endpointToken=b&endpointToken=c").unwrap_err(), Failure::NoEndpointToken);
    }

    #[test]
    fn everything_but_false_waits() {
        let base = r#""initialToken": "a", "endpointToken": "b", "meeting": "", "endpointSIP": 100"#;
        for (more, waits) in [
            ("", false),
            (r#", "wait": null"#, false),
            (r#", "wait": false"#, false),
            (r#", "wait": true"#, true),
            (r#", "wait": "false""#, true),
            (r#", "wait": 0"#, true),
            (r#", "wait": """#, true),
        ] {
            let asked = read(JSON, &format!("{{{base}{more}}}")).unwrap();
            assert_eq!((asked.wait, &*asked.endpoint), (waits, "100"), "{more}");
        }
        let asked = read(FORM, "initialToken=a&endpointToken=b&meeting=x%40y&endpointSIP=sip%3Az%40y&meetingToken=c&wait=false").unwrap();
        assert_eq!((&*asked.meeting, &*asked.endpoint, asked.wait), ("x@y", "sip:z@y", true));
        assert_eq!(asked.meeting_token.unwrap().expose(), "c");
    }

    #[test]
    fn one_user_is_not_in_the_meeting_twice() {
        let body = r#"{"initialToken": "a", "endpointToken": "b", "meeting": "", "endpointSIP": "", "meetingToken": "a"}"#;
        assert_eq!(read(JSON, body).unwrap_err(), Failure::SameTokens);
        assert!(read(JSON, &body.replace(r#""meetingToken": "a""#, r#""meetingToken": null"#)).unwrap().meeting_token.is_none());
    }

    #[test]
    fn what_is_not_json_is_told() {
        let headers: HeaderMap = [(header::CONTENT_TYPE, "application/json".parse().unwrap())].into_iter().collect();
        for body in ["{", "{} x", "5", "null", "\"a\"", "\u{0}"] {
            assert_eq!(fields(&headers, body.as_bytes()).unwrap_err().status, 400, "{body}");
        }
    }
}
