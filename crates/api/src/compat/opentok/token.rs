//! Connection tokens: what lets somebody into a session. Programs make them by themselves, in one of two forms.

use super::{
    session::Session,
    signed::{now, verified},
};
use base64::{Engine, prelude::BASE64_STANDARD};
use hmac::{Hmac, KeyInit, Mac};
use sha1::Sha1;
use std::collections::HashMap;
use tandem_config::OpentokProject;

/// What a token lets do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    /// Hear and be heard.
    Publisher,
    /// Be heard alone.
    PublisherOnly,
    /// Hear alone.
    Subscriber,
}

impl Role {
    fn of(word: &str) -> Option<Role> {
        match word {
            "publisher" | "moderator" | "" => Some(Role::Publisher),
            "publisheronly" => Some(Role::PublisherOnly),
            "subscriber" => Some(Role::Subscriber),
            _ => None,
        }
    }
}

/// The role that a token of that project gives in that session; or what is wrong with it.
pub(super) fn role(token: &str, project: &OpentokProject, session: &Session) -> Result<Role, &'static str> {
    match token.strip_prefix("T1==") {
        Some(old) => old_role(old, project, session),
        None => web_role(token, project, session),
    }
}

const FORGED: &str = "token: it is not signed with the secret of the project";
const ELSEWHERE: &str = "token: it is for another session";
const EXPIRED: &str = "token: it has expired, or is not valid yet";
const NO_ROLE: &str = "token: there is no such role";

/// A JSON Web Token.
fn web_role(token: &str, project: &OpentokProject, session: &Session) -> Result<Role, &'static str> {
    let claims = verified(token, &project.secret).filter(|claims| claims.is_of(&project.key)).ok_or(FORGED)?;
    if !claims.text("scope").split(' ').any(|scope| scope == "session.connect") {
        return Err("token: its scope is not session.connect");
    }
    if claims.text("session_id") != &*session.id {
        return Err(ELSEWHERE);
    }
    if claims.is_current(now()) { Role::of(claims.text("role")).ok_or(NO_ROLE) } else { Err(EXPIRED) }
}

/// `T1==` and base64 of `partner_id=KEY&sig=HEX:DATA`. The signature is over DATA as it stands.
fn old_role(token: &str, project: &OpentokProject, session: &Session) -> Result<Role, &'static str> {
    let text = BASE64_STANDARD.decode(token).ok().and_then(|bytes| String::from_utf8(bytes).ok()).ok_or(FORGED)?;
    let (head, data) = text.split_once(':').ok_or(FORGED)?;
    let head: HashMap<_, _> = form_urlencoded::parse(head.as_bytes()).collect();
    let signature = head.get("sig").and_then(|sig| unhex(sig)).ok_or(FORGED)?;
    if head.get("partner_id").is_none_or(|key| **key != *project.key) {
        return Err(FORGED);
    }
    let mut mac = Hmac::<Sha1>::new_from_slice(project.secret.expose().as_bytes()).expect("HMAC takes a key of any length");
    mac.update(data.as_bytes());
    mac.verify_slice(&signature).map_err(|_| FORGED)?;
    let data: HashMap<_, _> = form_urlencoded::parse(data.as_bytes()).collect();
    let said = |name: &str| data.get(name).map_or("", |value| &**value);
    if said("session_id") != &*session.id {
        return Err(ELSEWHERE);
    }
    // Whole seconds, and none for one that is to hold for a day.
    let until = match said("expire_time") {
        "" => said("create_time").parse::<f64>().map(|at| at + 86_400.0),
        at => at.parse(),
    };
    if until.is_ok_and(|until| now() < until) { Role::of(said("role")).ok_or(NO_ROLE) } else { Err(EXPIRED) }
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    let byte = |place: usize| u8::from_str_radix(text.get(place..place + 2)?, 16).ok();
    (text.len().is_multiple_of(2) && text.is_ascii()).then(|| (0..text.len()).step_by(2).map(byte).collect())?
}
