//! `POST /v2/project/{key}/dial`: somebody is called into a session.

use super::{
    connection::{Connection, label, name},
    refusal::Refusal,
    session::Session,
    token::{Role, role},
    who::Who,
};
use crate::{
    Interface,
    dialled::{Auth, Headers, NewLeg},
    read::{parse, whole},
};
use axum::{
    Json,
    extract::{Request, State},
    http::StatusCode,
};
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::{Value, json};
use std::sync::Arc;
use tandem_config::{Endpoint, OpentokProject, parse_domain};
use tandem_model::{Caller, DialLeg, Manner, Privacy};

/// Who calls where nobody says so, or what cannot be a number.
const ANONYMOUS: &str = "+00000000";

/// The longest number, in digits (E.164), and some more for extensions.
const MAX_DIGITS: usize = 32;

/// Streams that one may be let hear.
const MAX_STREAMS: usize = 64;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Wanted {
    session_id: String,
    token: String,
    sip: Sip,
}

/// What is asked for of the call. What it has beside that is nothing that we know of, and changes nothing.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Sip {
    uri: String,
    headers: Option<Headers>,
    auth: Option<Login>,
    from: Option<String>,
    #[serde(default)]
    secure: Option<bool>,
    #[serde(default)]
    observe_force_mute: Option<bool>,
    streams: Option<Vec<String>>,
}

/// `{}` where the program has nothing to say.
#[derive(Deserialize)]
struct Login {
    username: Option<String>,
    password: Option<String>,
}

/// A body of JSON, whatever its type is called.
pub(super) async fn body<T: DeserializeOwned>(interface: &Interface, request: Request) -> Result<T, Refusal> {
    let (parts, body) = request.into_parts();
    let body = whole(body, &parts.headers, interface.settings.now().body).await?;
    Ok(parse(if body.is_empty() { b"{}" } else { &body })?)
}

/// Answered as soon as the call is on its way: who answers, or does not, events tell.
pub(super) async fn dial(State(interface): State<Arc<Interface>>, Who(project): Who, request: Request) -> Result<Json<Value>, Refusal> {
    let Wanted { session_id, token, sip } = body(&interface, request).await?;
    let session = Session::read(&project, &session_id)?;
    let role = role(&token, &project, &session).map_err(Refusal::bad)?;
    if !session.is_routed {
        return Err(Refusal::new(StatusCode::CONFLICT, "nobody can be called into a relayed session: create it with mediaMode `routed`"));
    }
    let streams = sip.streams.clone();
    // Who says nothing is not let speak by that either.
    let observes_mute = sip.observe_force_mute == Some(true) && role != Role::Subscriber;
    let leg = sip.leg(&project)?;
    let random = |error: getrandom::Error| Refusal::new(StatusCode::INTERNAL_SERVER_ERROR, error.to_string());
    let (connection, stream) = (name().map_err(random)?, name().map_err(random)?);
    let label = label(&connection, &stream, observes_mute);
    let (call, leg) = interface
        .call_into(&project, &session, |room, present| {
            let hears = match (role, &streams) {
                (Role::PublisherOnly, _) => Some(Box::default()),
                (_, Some(streams)) => {
                    let is_heard = |known: &&Connection| streams.iter().any(|stream| **stream == *known.stream);
                    Some(present.iter().filter(is_heard).map(|known| known.leg).collect())
                }
                (_, None) => None,
            };
            let muted = role == Role::Subscriber || observes_mute && room.silence(&connection);
            DialLeg { manner: Manner { label: Some(label.clone()), muted, hears }, ..leg.clone() }
        })
        .await?;
    Ok(Json(json!({"id": leg.to_string(), "connectionId": connection, "streamId": stream, "callId": call.to_string()})))
}

impl Sip {
    fn leg(self, project: &OpentokProject) -> Result<DialLeg, Refusal> {
        if !matches!(Endpoint::parse(&self.uri), Ok(Endpoint::Uri(_))) {
            return Err(Refusal::bad("sip.uri: a URI is wanted, like `sip:alice@example.com;transport=tls`"));
        }
        if self.secure == Some(true) {
            return Err(Refusal::bad("sip.secure: encryption of media is not built yet; `transport=tls` in the URI encrypts signalling"));
        }
        if self.streams.as_ref().is_some_and(|streams| streams.len() > MAX_STREAMS) {
            return Err(Refusal::bad(format!("sip.streams: at most {MAX_STREAMS} are possible")));
        }
        let (from, from_domain) = from(self.from.as_deref().unwrap_or_default())?;
        let trunk = project.trunk.as_ref().map(|trunk| trunk.to_string());
        let auth = match self.auth {
            None | Some(Login { username: None, password: None }) => None,
            Some(Login { username, password }) => Some(Auth::new(username.unwrap_or_default(), password.unwrap_or_default())),
        };
        let new = NewLeg::new(self.uri, trunk, auth, self.headers.unwrap_or_default());
        Ok(DialLeg { from: Some(from), from_domain, ..new.read("sip", None)? })
    }
}

/// Who calls, as the called one sees it: a number before `@`, and what stands behind it.
fn from(text: &str) -> Result<(Caller, Option<Box<str>>), Refusal> {
    let text = text.strip_prefix("sips:").or_else(|| text.strip_prefix("sip:")).unwrap_or(text);
    let (user, domain) = text.split_once('@').map_or((text, None), |(user, domain)| (user, Some(domain)));
    let digits = user.strip_prefix('+').unwrap_or(user);
    let is_number = (1..=MAX_DIGITS).contains(&digits.len()) && digits.bytes().all(|digit| digit.is_ascii_digit());
    let domain = domain.map(|domain| parse_domain(domain).map_err(|_| Refusal::bad("sip.from: `NUMBER@DOMAIN` is wanted"))).transpose()?;
    let number = if is_number { user } else { ANONYMOUS }.into();
    Ok((Caller { name: None, number, privacy: Privacy::default(), is_screened: true }, domain))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_shown_and_all_else_is_none() {
        let said = |text: &str| from(text).map(|(caller, domain)| (caller.number.to_string(), domain.unwrap_or_default().to_string())).ok();
        let is = |number: &str, domain: &str| Some((number.to_owned(), domain.to_owned()));
        assert_eq!(said("14155550101@example.com"), is("14155550101", "example.com"));
        assert_eq!(said("sip:+14155550101@example.com"), is("+14155550101", "example.com"));
        assert_eq!(said("alice@example.com"), is(ANONYMOUS, "example.com"));
        assert_eq!(said(""), is(ANONYMOUS, ""));
        assert_eq!(said("+"), is(ANONYMOUS, ""));
        assert_eq!(said("1@a b"), None);
        assert_eq!(said("1@example.com\r\nVia: x"), None);
    }
}
