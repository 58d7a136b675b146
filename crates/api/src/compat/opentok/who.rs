//! Who asks: a project, by `X-OPENTOK-AUTH`.

use super::{
    refusal::Refusal,
    signed::{now, unverified, verified},
};
use crate::{Interface, access::Peer, rate::Asker};
use axum::{
    extract::{FromRequestParts, RawPathParams},
    http::{HeaderMap, HeaderName, request::Parts},
};
use std::{net::IpAddr, sync::Arc, time::Instant};
use subtle::ConstantTimeEq;
use tandem_config::OpentokProject;

const AUTH: HeaderName = HeaderName::from_static("x-opentok-auth");

/// What programs of before 2016 send: key and secret as they are.
const PARTNER_AUTH: HeaderName = HeaderName::from_static("x-tb-partner-auth");

/// The project whose program asks.
pub(super) struct Who(pub(super) Arc<OpentokProject>);

impl FromRequestParts<Arc<Interface>> for Who {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, interface: &Arc<Interface>) -> Result<Who, Refusal> {
        let settings = interface.settings.now();
        let project = project(&settings.opentok, &parts.headers);
        let peer = parts.extensions.get::<Peer>().map_or(IpAddr::from([0, 0, 0, 0]), |peer| peer.0.ip().to_canonical());
        let asker = match &project {
            Ok(project) => Asker::Key(format!("opentok {}", project.key).into()),
            Err(_) => Asker::source(peer),
        };
        let taken = interface.rates.take(asker, settings.rate, Instant::now());
        taken.map_err(|seconds| Refusal::too_many(settings.rate, seconds))?;
        let project = project?;
        let params = RawPathParams::from_request_parts(parts, interface).await.map_err(|_| Refusal::bad("the path cannot be read"))?;
        if params.iter().any(|(name, value)| name == "project" && *value != *project.key) {
            return Err(Refusal::forbidden("the token is of another project than the path"));
        }
        Ok(Who(project.clone()))
    }
}

fn project<'p>(projects: &'p [Arc<OpentokProject>], headers: &HeaderMap) -> Result<&'p Arc<OpentokProject>, Refusal> {
    let text = |name: HeaderName| headers.get(name).and_then(|value| value.to_str().ok());
    if let Some(token) = text(AUTH) {
        let wrong = || Refusal::forbidden("the token in X-OPENTOK-AUTH is not signed with the secret of a project");
        let claimed = unverified(token).ok_or_else(wrong)?;
        let project = projects.iter().find(|project| *project.key == *claimed.text("iss")).ok_or_else(wrong)?;
        let claims = verified(token, &project.secret).filter(|claims| claims.is_of(&project.key)).ok_or_else(wrong)?;
        if claims.is_for_a_session() {
            return Err(Refusal::forbidden("the token in X-OPENTOK-AUTH is one that lets somebody into a session, not the project's own"));
        }
        if !claims.is_current(now()) {
            return Err(Refusal::forbidden("the token in X-OPENTOK-AUTH has expired, or is not valid yet: do the clocks agree?"));
        }
        return Ok(project);
    }
    let old = text(PARTNER_AUTH).and_then(|value| value.split_once(':'));
    let (key, secret) = old.ok_or_else(|| Refusal::forbidden("X-OPENTOK-AUTH is missing"))?;
    let is_right =
        |project: &&Arc<OpentokProject>| *project.key == *key && bool::from(project.secret.expose().as_bytes().ct_eq(secret.as_bytes()));
    projects.iter().find(is_right).ok_or_else(|| Refusal::forbidden("X-TB-PARTNER-AUTH is of no project"))
}
