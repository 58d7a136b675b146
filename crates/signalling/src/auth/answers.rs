//! What one leg knows of the challenges that its peer gave it, and how it answers them (RFC 3261 §22.2, §22.3).

use super::challenge::DigestChallenge;
use super::credentials::Written;
use super::digest::{Algorithm, Terms};
use super::scheme::Scheme;
use crate::message::{HeaderName, Message, Printer};
use bytes::Bytes;
use std::fmt;
use tandem_model::{Login, Random};

/// Realms that one leg answers: its peer's, and those of proxies before it.
const MAX_REALMS: usize = 4;

/// How often one request is sent again with better credentials: for each realm, and where a nonce was too old.
const MAX_ANSWERS: u8 = 4;

/// How often one request is sent again for realms that did not ask before: a proxy's, and those behind it. Whoever names another realm
/// each time would have us answer for ever.
const MAX_ROUNDS: u8 = 2;

/// What one request was sent again for.
#[derive(Clone, Debug, Default)]
pub struct Tried {
    answers: u8,
    rounds: u8,
    /// Realms that were answered for it, and whether a new nonce has been taken for them.
    realms: Vec<(HeaderName, Box<str>, bool)>,
}

/// Why a challenge is not answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unanswerable {
    /// There is nothing to answer with.
    NoLogin,
    /// The response has no challenge at all.
    NoChallenge,
    /// Only such as we do not know: another scheme, algorithm or `qop`.
    Unsupported,
    /// Our login is for another realm than this.
    OtherRealm(Box<str>),
    /// It was answered, and asked for again.
    Refused(Box<str>),
    /// More realms, or more often, than we answer.
    TooMany,
    /// It comes from another place than the peer that our login is for.
    Elsewhere,
}

impl fmt::Display for Unanswerable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Unanswerable::NoLogin => f.write_str("challenged, and no login is configured"),
            Unanswerable::NoChallenge => f.write_str("challenged without a challenge"),
            Unanswerable::Unsupported => f.write_str("challenged with no scheme, algorithm and qop that we know"),
            Unanswerable::OtherRealm(realm) => write!(f, "challenged for realm {realm}, which our login is not for"),
            Unanswerable::Refused(realm) => write!(f, "login refused by realm {realm}"),
            Unanswerable::TooMany => f.write_str("challenged too often"),
            Unanswerable::Elsewhere => f.write_str("challenged by another than our login is for"),
        }
    }
}

/// The challenges of one leg, each with the count of the answers that were made for it.
#[derive(Debug, Default)]
pub struct Answers {
    known: Vec<Known>,
}

#[derive(Debug)]
struct Known {
    /// Authorization or Proxy-Authorization.
    header: HeaderName,
    realm: Box<str>,
    nonce: Box<str>,
    opaque: Option<Box<str>>,
    algorithm: Algorithm,
    names_algorithm: bool,
    auth: bool,
    cnonce: String,
    count: u32,
}

impl Answers {
    /// Takes the challenges of a 401 or 407 to a request that was sent again for `tried`. `Ok`: it is worth sending once more.
    pub fn take(&mut self, login: Option<&Login>, tried: &mut Tried, response: &Message, random: &mut Random) -> Result<(), Unanswerable> {
        let login = login.ok_or(Unanswerable::NoLogin)?;
        if tried.answers == MAX_ANSWERS {
            return Err(Unanswerable::TooMany);
        }
        tried.answers += 1;
        let (mut taken, mut why) = (false, Unanswerable::NoChallenge);
        let realms = tried.realms.len();
        let mut seen: Vec<(HeaderName, Box<str>)> = Vec::new();
        // §22.3: a proxy that asked several may put all their challenges into one response.
        for line in response.headers() {
            let header = match line.name {
                HeaderName::WwwAuthenticate => HeaderName::Authorization,
                HeaderName::ProxyAuthenticate => HeaderName::ProxyAuthorization,
                _ => continue,
            };
            let value = line.unfolded();
            for scheme in Scheme::read_all(&value).unwrap_or_default() {
                let Some(challenge) = DigestChallenge::from_scheme(&scheme) else {
                    why = if why == Unanswerable::NoChallenge { Unanswerable::Unsupported } else { why };
                    continue;
                };
                // RFC 8760 §2.4: of several for one realm the topmost that we know counts.
                if seen.iter().any(|(other, realm)| *other == header && **realm == *challenge.realm) {
                    continue;
                }
                seen.push((header, challenge.realm.into()));
                match self.take_one(login, tried, header, &challenge, random) {
                    Ok(()) => taken = true,
                    Err(reason) => why = reason,
                }
            }
        }
        tried.rounds += u8::from(tried.realms.len() > realms);
        if taken { Ok(()) } else { Err(why) }
    }

    fn take_one(
        &mut self,
        login: &Login,
        tried: &mut Tried,
        header: HeaderName,
        challenge: &DigestChallenge<'_>,
        random: &mut Random,
    ) -> Result<(), Unanswerable> {
        if login.realm.as_deref().is_some_and(|realm| realm != challenge.realm) {
            return Err(Unanswerable::OtherRealm(challenge.realm.into()));
        }
        match tried.realms.iter_mut().find(|(other, realm, _)| *other == header && **realm == *challenge.realm) {
            // §22.2: the same credentials would be refused again, unless only the nonce was too old.
            Some((_, _, renewed)) if challenge.stale && !*renewed => *renewed = true,
            Some(_) => return Err(Unanswerable::Refused(challenge.realm.into())),
            None if tried.rounds == MAX_ROUNDS => return Err(Unanswerable::TooMany),
            None => tried.realms.push((header, challenge.realm.into(), false)),
        }
        let place = self.known.iter().position(|known| known.header == header && *known.realm == *challenge.realm);
        if place.is_none() && self.known.len() == MAX_REALMS {
            return Err(Unanswerable::TooMany);
        }
        let known = Known {
            header,
            realm: challenge.realm.into(),
            nonce: challenge.nonce.into(),
            opaque: challenge.opaque.map(Into::into),
            algorithm: challenge.algorithm,
            names_algorithm: challenge.names_algorithm,
            auth: challenge.auth,
            cnonce: format!("{:016x}", random.next_u64()),
            count: 0,
        };
        match place {
            Some(place) => self.known[place] = known,
            None => self.known.push(known),
        }
        Ok(())
    }

    /// Whether there is anything to answer.
    pub fn is_empty(&self) -> bool {
        self.known.is_empty()
    }

    /// Adds the credentials for `request` to a copy of it: one header for each realm that has challenged us.
    pub fn write(&mut self, login: &Login, request: &Message, printer: &mut Printer) {
        for known in &mut self.known {
            known.count = known.count.saturating_add(1);
            let count = format!("{:08x}", known.count);
            let auth = known.auth.then_some((count.as_str(), known.cnonce.as_str()));
            let terms = Terms {
                algorithm: known.algorithm,
                username: &login.username,
                realm: &known.realm,
                password: login.password.expose(),
                nonce: &known.nonce,
                method: request.method_token(),
                uri: request.uri(),
                auth,
            };
            let written = Written {
                header: known.header,
                username: &login.username,
                realm: &known.realm,
                nonce: &known.nonce,
                uri: request.uri(),
                response: terms.response(),
                opaque: known.opaque.as_deref(),
                algorithm: known.names_algorithm.then_some(known.algorithm),
                auth,
            };
            written.write(printer);
        }
    }

    /// Takes the nonce that a 2xx names for the next request (RFC 7616 §3.5).
    pub fn renew(&mut self, response: &Message) {
        let Some(value) = response.header(HeaderName::AuthenticationInfo) else { return };
        let mut agents = self.known.iter_mut().filter(|known| known.header == HeaderName::Authorization);
        // The key of a session has the first nonce in it.
        let (Some(known), None) = (agents.next().filter(|known| !known.algorithm.session), agents.next()) else { return };
        let text = ["Digest ", value].concat();
        let schemes = Scheme::read_all(&text).unwrap_or_default();
        if let Some(nonce) = schemes.first().and_then(|info| info.get("nextnonce")).filter(|nonce| !nonce.is_empty()) {
            (known.nonce, known.count) = (nonce.into(), 0);
        }
    }
}

/// The credentials of a request, for another that repeats them.
pub(crate) fn copy_credentials(from: &Message, to: &mut Printer) {
    to.copy_all(from, HeaderName::Authorization);
    to.copy_all(from, HeaderName::ProxyAuthorization);
}

/// `request` once more, with the credentials that `write` adds instead of those that it has; as a transaction of its own where a Via value
/// and a CSeq number are given. `without` names headers that `write` has anew.
pub(crate) fn again(
    request: &Bytes,
    renewed: Option<(&[&str], u32)>,
    without: &[HeaderName],
    write: impl FnOnce(&Message, &mut Printer),
) -> Option<Bytes> {
    let request = Message::parse(request.clone()).ok()?;
    let mut printer = Printer::request(request.method_token(), request.uri());
    for header in request.headers() {
        match (header.name, renewed) {
            (HeaderName::Via, Some((via, _))) => drop(printer.header_parts(HeaderName::Via, via)),
            (HeaderName::CSeq, Some((_, number))) => drop(printer.header_cseq(number, request.method_token())),
            (HeaderName::Authorization | HeaderName::ProxyAuthorization, _) => {}
            (HeaderName::ContentType | HeaderName::ContentLength, _) => {}
            (name, _) if without.contains(&name) => {}
            _ => drop(printer.copy(header)),
        }
    }
    write(&request, &mut printer);
    match request.header(HeaderName::ContentType) {
        Some(kind) if !request.body().is_empty() => Some(printer.finish_with_body(kind, request.body())),
        _ => Some(printer.finish()),
    }
}
