//! Sessions: ids that prove themselves. One is `2_` (routed) or `1_` (relayed) and, as base64url, `1~KEY~LOCATION~TIME~RANDOM~`, which the SDKs
//! decode; our random part ends with a MAC of what stands before it. So ids outlive a restart, and nobody can invent one.

use super::{
    refusal::Refusal,
    signed::{BASE64URL, hex, keyed, now},
    who::Who,
};
use crate::{Interface, read::whole};
use axum::{
    Json,
    extract::{Request, State},
};
use base64::Engine;
use hmac::Mac;
use serde_json::{Value, json};
use std::{net::IpAddr, sync::Arc};
use tandem_config::OpentokProject;

/// Bytes of chance, and of the MAC, in an id.
const RANDOM: usize = 8;
const MAC: usize = 16;

/// The longest id that is looked at, in bytes.
const MAX_ID: usize = 512;

/// What our MACs are about, so that none is one of something else.
const PURPOSE: &[u8] = b"opentok session\n";

/// A session whose id is one of ours.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Session {
    pub(super) id: Box<str>,
    /// It goes through the server; only then can somebody be called into it.
    pub(super) is_routed: bool,
}

impl Session {
    /// A new one.
    fn create(project: &OpentokProject, is_routed: bool, location: &str) -> Result<Session, getrandom::Error> {
        let mut random = [0; RANDOM];
        getrandom::fill(&mut random)?;
        let prefix = if is_routed { "2_" } else { "1_" };
        let begin = format!("1~{}~{location}~{}~{}", project.key, (now() * 1000.0) as u64, hex(&random));
        let mac = hex(&mac(project, prefix, &begin)[..MAC]);
        Ok(Session { id: [prefix, &BASE64URL.encode(format!("{begin}{mac}~"))].concat().into(), is_routed })
    }

    /// Reads an id.
    ///
    /// # Errors
    /// 400 where it is none, or of another project; 404 where it is none of ours.
    pub(super) fn read(project: &OpentokProject, id: &str) -> Result<Session, Refusal> {
        let wrong = || Refusal::bad("that is no session id of this project");
        let is_routed = match id.get(..2) {
            Some("2_") => true,
            Some("1_") => false,
            _ => return Err(wrong()),
        };
        let text = id.get(2..).filter(|_| id.len() <= MAX_ID).and_then(|text| BASE64URL.decode(text).ok()).ok_or_else(wrong)?;
        let text = String::from_utf8(text).map_err(|_| wrong())?;
        let fields: Vec<&str> = text.split('~').collect();
        let ["1", key, _, _, random, ""] = fields[..] else { return Err(wrong()) };
        if *key != *project.key {
            return Err(wrong());
        }
        let unknown = || Refusal::unknown("there is no such session");
        if !random.is_ascii() {
            return Err(unknown());
        }
        let (begin, shown) = text.split_at(text.len() - random.len() - 1 + 2 * RANDOM.min(random.len() / 2));
        let expected = hex(&mac(project, &id[..2], begin)[..MAC]) + "~";
        if !bool::from(subtle::ConstantTimeEq::ct_eq(shown.as_bytes(), expected.as_bytes())) {
            return Err(unknown());
        }
        Ok(Session { id: id.into(), is_routed })
    }
}

fn mac(project: &OpentokProject, prefix: &str, begin: &str) -> [u8; 32] {
    let mut mac = keyed(&project.secret);
    mac.update(PURPOSE);
    mac.update(prefix.as_bytes());
    mac.update(begin.as_bytes());
    mac.finalize().into_bytes().into()
}

/// What a form asks for.
#[derive(Default)]
struct Wanted {
    is_relayed: bool,
    location: String,
}

/// `POST /session/create`.
pub(super) async fn create(State(interface): State<Arc<Interface>>, Who(project): Who, request: Request) -> Result<Json<Value>, Refusal> {
    let (parts, body) = request.into_parts();
    let body = whole(body, &parts.headers, interface.settings.now().body).await?;
    let wanted = read(&body)?;
    let session = Session::create(&project, !wanted.is_relayed, &wanted.location);
    let session = session.map_err(|error| Refusal::new(axum::http::StatusCode::INTERNAL_SERVER_ERROR, error.to_string()))?;
    // An array: so it is since the days when one request made several.
    Ok(Json(json!([{"session_id": session.id, "project_id": project.key, "partner_id": project.key}])))
}

fn read(form: &[u8]) -> Result<Wanted, Refusal> {
    let mut wanted = Wanted::default();
    for (name, value) in form_urlencoded::parse(form) {
        match (&*name, &*value) {
            ("p2p.preference", "enabled") => wanted.is_relayed = true,
            ("p2p.preference", "disabled") | ("archiveMode", "manual") | ("e2ee", "false") => {}
            ("archiveMode", "always") => return Err(Refusal::bad("archiveMode: sessions are not archived here")),
            ("e2ee", "true") => return Err(Refusal::bad("e2ee: telephones cannot be part of it")),
            ("p2p.preference" | "archiveMode" | "e2ee", _) => return Err(Refusal::bad(format!("{name}: that is not possible"))),
            ("location", "") => {}
            ("location", at) => {
                at.parse::<IpAddr>().map_err(|_| Refusal::bad("location: an IP address is wanted"))?;
                wanted.location = at.to_owned();
            }
            _ => {}
        }
    }
    Ok(wanted)
}

#[cfg(test)]
mod tests {
    use super::*;
    use tandem_model::Secret;

    fn project(key: &str, secret: &str) -> OpentokProject {
        OpentokProject { key: key.into(), secret: Secret::new(secret), trunk: None }
    }

    fn status(read: Result<Session, Refusal>) -> Option<u16> {
        use axum::response::IntoResponse;
        read.err().map(|refusal| refusal.into_response().status().as_u16())
    }

    #[test]
    fn an_id_proves_itself_and_no_other_is_one() {
        let ours = project("123456", "0123456789abcdef");
        for is_routed in [true, false] {
            let session = Session::create(&ours, is_routed, "192.0.2.1").unwrap();
            let decoded = String::from_utf8(BASE64URL.decode(&session.id[2..]).unwrap()).unwrap();
            assert!(decoded.starts_with("1~123456~192.0.2.1~") && decoded.ends_with('~'), "{decoded}");
            assert_eq!(Session::read(&ours, &session.id).unwrap(), session);
            let other = if is_routed { "1_" } else { "2_" };
            assert_eq!(status(Session::read(&ours, &format!("{other}{}", &session.id[2..]))), Some(404), "relayed is not routed");
            assert_eq!(status(Session::read(&project("123456", "another secret of it"), &session.id)), Some(404));
            assert_eq!(status(Session::read(&project("1", "0123456789abcdef"), &session.id)), Some(400));
            let moved = decoded.replace("192.0.2.1", "192.0.2.2");
            assert_eq!(status(Session::read(&ours, &format!("{}{}", &session.id[..2], BASE64URL.encode(moved)))), Some(404));
        }
        assert_ne!(Session::create(&ours, true, "").unwrap(), Session::create(&ours, true, "").unwrap());
        let invented = |text: &str| status(Session::read(&ours, &format!("2_{}", BASE64URL.encode(text))));
        assert_eq!((invented("1~KEY~~1~aé~"), invented("1~123456~~1~aé~"), invented("1~123456~~1~é~")), (Some(400), Some(404), Some(404)));
        assert_eq!((invented("1~123456~~1~abc~"), invented("1~123456~~1~~"), invented("1~123456~~1")), (Some(404), Some(404), Some(400)));
        for wrong in ["", "2", "2_", "3_MX4", "2_%", "ä_", "MX4xMjM0NTZ-"] {
            assert_eq!(status(Session::read(&ours, wrong)), Some(400), "{wrong:?}");
        }
    }

    #[test]
    fn what_a_form_may_ask() {
        let said = |form: &str| read(form.as_bytes()).map(|wanted| (wanted.is_relayed, wanted.location)).ok();
        assert_eq!(said("archiveMode=manual&p2p.preference=disabled"), Some((false, String::new())));
        assert_eq!(said("archiveMode=manual&p2p.preference=enabled&location=192.0.2.1&e2ee=false"), Some((true, "192.0.2.1".into())));
        assert_eq!(said(""), Some((false, String::new())));
        for wrong in ["location=here", "archiveMode=always", "e2ee=true", "p2p.preference=perhaps"] {
            assert_eq!(said(wrong), None, "{wrong}");
        }
    }
}
