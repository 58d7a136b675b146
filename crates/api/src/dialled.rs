//! Legs that are to be dialled: what may be said of one, read into what the node takes. Nothing reaches SIP that is not looked at here.

use crate::{ids::field, problem::Problem, time::Span};
use serde::{
    Deserialize, Deserializer,
    de::{Error, MapAccess, Visitor},
};
use std::{fmt, ops::RangeInclusive, sync::Arc, time::Duration};
use tandem_config::{Endpoint, check_settable, parse_domain};
use tandem_model::{Caller, DialLeg, Login, Manner, Privacy, Secret};
use utoipa::ToSchema;

/// Headers of one leg.
const MAX_HEADERS: usize = 32;

/// The longest value of one, in bytes.
const MAX_VALUE: usize = 512;

/// The longest user name, password or realm, in bytes.
const MAX_SECRET: usize = 256;

/// The longest number, in bytes.
const MAX_NUMBER: usize = 128;

/// For how long somebody may be let ring.
const RINGING: RangeInclusive<Duration> = Duration::from_secs(1)..=Duration::from_secs(3600);

/// A leg that is to be dialled.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewLeg {
    /// Whom: `trunk:NAME`, `trunk:NAME/NUMBER`, `user:NAME`, `sip:…`, `sips:…`.
    to: String,
    /// By which trunk a URI goes.
    trunk: Option<String>,
    /// Who calls: `sip:NUMBER@DOMAIN`, or a number.
    from: Option<String>,
    /// What its challenges are answered with.
    auth: Option<Auth>,
    /// `off`. Keys for its media are not built yet.
    srtp: Option<Srtp>,
    /// Headers of its INVITE, but for those that Tandem writes itself: Via, Contact, From, To and the like.
    #[serde(default)]
    #[schema(value_type = std::collections::BTreeMap<String, String>)]
    headers: Headers,
    /// It is called no longer than that: `"30s"`. As its trunk has it where it is not said.
    #[schema(value_type = Option<String>)]
    ring_timeout: Option<Span>,
}

/// Name and password.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Auth {
    /// User name.
    username: String,
    /// Password.
    password: String,
    /// The realm that it is for; any that asks where it is not said.
    realm: Option<String>,
}

/// Whether media is encrypted.
#[derive(Clone, Copy, Debug, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Srtp {
    /// No.
    Off,
    /// Not built yet.
    Optional,
    /// Not built yet.
    Required,
}

/// Names and values, in the order in which they came.
#[derive(Debug, Default)]
pub(crate) struct Headers(Vec<(String, String)>);

/// Names and values, as the node takes them.
type Pairs = Box<[(Box<str>, Box<str>)]>;

impl fmt::Debug for Auth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Auth({})", self.username)
    }
}

impl<'de> Deserialize<'de> for Headers {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Headers, D::Error> {
        struct All;
        impl<'de> Visitor<'de> for All {
            type Value = Headers;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("names and values of headers")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Headers, A::Error> {
                let mut all: Vec<(String, String)> = Vec::new();
                while let Some((name, value)) = map.next_entry::<String, String>()? {
                    if all.len() >= MAX_HEADERS {
                        return Err(A::Error::custom(format!("a leg has at most {MAX_HEADERS} headers")));
                    }
                    all.push((name, value));
                }
                Ok(Headers(all))
            }
        }
        deserializer.deserialize_map(All)
    }
}

impl NewLeg {
    /// One of which that is said.
    pub(crate) fn new(to: String, trunk: Option<String>, auth: Option<Auth>, headers: Headers) -> NewLeg {
        NewLeg { to, trunk, from: None, auth, srtp: None, headers, ring_timeout: None }
    }

    /// As the node takes it. `at` is where it stands in the body, `from` who calls where it does not say.
    pub(crate) fn read(self, at: &str, from: Option<&(Caller, Option<Box<str>>)>) -> Result<DialLeg, Problem> {
        let place = |name: &str| field(at, name);
        Endpoint::parse(&self.to).map_err(|message| Problem::invalid(place("to"), message))?;
        if let Some(trunk) = &self.trunk {
            match Endpoint::parse(&format!("trunk:{trunk}")) {
                Ok(Endpoint::Trunk { number: None, .. }) => {}
                Ok(_) => return Err(Problem::invalid(place("trunk"), "the name of a trunk is wanted, and nothing behind it")),
                Err(message) => return Err(Problem::invalid(place("trunk"), message)),
            }
        }
        if matches!(self.srtp, Some(Srtp::Optional | Srtp::Required)) {
            return Err(Problem::invalid(place("srtp"), "not built yet: only \"off\" is possible"));
        }
        let own = self.from.map(|text| caller(&text).map_err(|message| Problem::invalid(place("from"), message))).transpose()?;
        let (from, from_domain) = match own.or_else(|| from.cloned()) {
            Some((caller, domain)) => (Some(caller), domain),
            None => (None, None),
        };
        let ring_timeout = match self.ring_timeout {
            Some(Span(span)) if !RINGING.contains(&span) => {
                return Err(Problem::invalid(place("ring_timeout"), "from 1s to 1h is possible"));
            }
            span => span.map(|Span(span)| span),
        };
        Ok(DialLeg {
            to: self.to.into(),
            trunk: self.trunk.map(Into::into),
            from,
            from_domain,
            login: self.auth.map(|auth| auth.read(&place("auth"))).transpose()?.map(Arc::new),
            headers: self.headers.read(&place("headers"))?,
            ring_timeout,
            manner: Manner::default(),
        })
    }
}

impl Auth {
    /// For any realm.
    pub(crate) fn new(username: String, password: String) -> Auth {
        Auth { username, password, realm: None }
    }

    fn read(self, at: &str) -> Result<Login, Problem> {
        let texts = [("username", Some(&self.username)), ("password", Some(&self.password)), ("realm", self.realm.as_ref())];
        for (name, text) in texts {
            if text.is_some_and(|text| text.is_empty() || text.len() > MAX_SECRET || text.contains(char::is_control)) {
                return Err(Problem::invalid(
                    field(at, name),
                    format!("from 1 to {MAX_SECRET} bytes without control characters are possible"),
                ));
            }
        }
        Ok(Login { username: self.username.into(), password: Secret::new(&self.password), realm: self.realm.map(Into::into) })
    }
}

impl Headers {
    fn read(self, at: &str) -> Result<Pairs, Problem> {
        let mut all: Vec<(Box<str>, Box<str>)> = Vec::new();
        for (name, value) in self.0 {
            let place = field(at, &name.escape_debug().to_string());
            check_settable(&name).map_err(|message| Problem::invalid(&*place, message))?;
            if all.iter().any(|(other, _)| other.eq_ignore_ascii_case(&name)) {
                return Err(Problem::invalid(place, "it stands there twice: case does not count"));
            }
            if value.is_empty() || value.len() > MAX_VALUE || value.contains(char::is_control) {
                return Err(Problem::invalid(place, format!("a value has from 1 to {MAX_VALUE} bytes and no control character")));
            }
            all.push((name.into(), value.into()));
        }
        Ok(all.into())
    }
}

/// Who calls, and the domain that From has.
pub(crate) fn caller(text: &str) -> Result<(Caller, Option<Box<str>>), String> {
    let wrong = || format!("`{}` is no caller: `sip:NUMBER@DOMAIN`, or a number", text.escape_debug());
    let (number, domain) = match text.split_once(':') {
        None => (text, None),
        Some(_) => {
            let Ok(Endpoint::Uri(target)) = Endpoint::parse(text) else { return Err(wrong()) };
            if target.user.is_none() {
                return Err(wrong());
            }
            let rest = text.split_once(':').map_or("", |(_, rest)| rest);
            let (number, host) = rest.rsplit_once('@').ok_or_else(wrong)?;
            (number, Some(parse_domain(host).map_err(|_| wrong())?))
        }
    };
    // Unescaped as it is: what would have to be escaped is nobody's number.
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_.!~*'()&=+$,?/#".contains(c);
    if number.is_empty() || number.len() > MAX_NUMBER || !number.chars().all(is_plain) {
        return Err(wrong());
    }
    Ok((Caller { name: None, number: number.into(), privacy: Privacy::default(), is_screened: true }, domain))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::read::parse;

    fn read(json: &str) -> Result<DialLeg, (String, String)> {
        let leg = parse::<NewLeg>(json.as_bytes()).and_then(|leg| leg.read("legs[0]", None));
        leg.map_err(|problem| (problem.field.unwrap_or_default(), problem.detail))
    }

    #[test]
    fn a_leg_is_read_whole() {
        let leg = read(
            r#"{"to": "sip:+15551230001@198.51.100.10", "trunk": "carrier", "from": "sip:+15557654321@example.com",
                "auth": {"username": "u", "password": "p"}, "srtp": "off", "headers": {"X-Ref": "42"}, "ring_timeout": "30s"}"#,
        )
        .unwrap();
        assert_eq!((leg.trunk.as_deref(), leg.from_domain.as_deref()), (Some("carrier"), Some("example.com")));
        assert_eq!((&*leg.from.unwrap().number, leg.ring_timeout), ("+15557654321", Some(Duration::from_secs(30))));
        assert_eq!(leg.login.unwrap().password.expose(), "p");
        assert_eq!(*leg.headers, [("X-Ref".into(), "42".into())]);
    }

    #[test]
    fn what_may_not_reach_sip_is_named() {
        for (json, field) in [
            (r#"{"to": "alice"}"#, "legs[0].to"),
            (r#"{"to": "sip:a@b\r\nVia: x"}"#, "legs[0].to"),
            (r#"{"to": "sip:a@b?Route=x"}"#, "legs[0].to"),
            (r#"{"to": "user:a", "trunk": "a/b c"}"#, "legs[0].trunk"),
            (r#"{"to": "user:a", "srtp": "required"}"#, "legs[0].srtp"),
            (r#"{"to": "user:a", "from": "a\r\nb"}"#, "legs[0].from"),
            (r#"{"to": "user:a", "from": "sip:a@b;x=y"}"#, "legs[0].from"),
            (r#"{"to": "user:a", "from": "sip:b"}"#, "legs[0].from"),
            (r#"{"to": "user:a", "from": "user:b"}"#, "legs[0].from"),
            (r#"{"to": "user:a", "headers": {"Via": "x"}}"#, "legs[0].headers.Via"),
            (r#"{"to": "user:a", "headers": {"route": "x"}}"#, "legs[0].headers.route"),
            (r#"{"to": "user:a", "headers": {"v": "x"}}"#, "legs[0].headers.v"),
            (r#"{"to": "user:a", "headers": {"Content-Type": "x"}}"#, "legs[0].headers.Content-Type"),
            (r#"{"to": "user:a", "headers": {"X A": "x"}}"#, "legs[0].headers.X A"),
            (r#"{"to": "user:a", "headers": {"X-A": "x\r\nVia: y"}}"#, "legs[0].headers.X-A"),
            (r#"{"to": "user:a", "headers": {"X-A": "x\u0000"}}"#, "legs[0].headers.X-A"),
            (r#"{"to": "user:a", "headers": {"X-A\r\nVia": "x"}}"#, "legs[0].headers.X-A\\r\\nVia"),
            (r#"{"to": "user:a", "headers": {"X-A": "1", "x-a": "2"}}"#, "legs[0].headers.x-a"),
            (r#"{"to": "user:a", "auth": {"username": "a\nb", "password": "p"}}"#, "legs[0].auth.username"),
            (r#"{"to": "user:a", "auth": {"username": "a", "password": ""}}"#, "legs[0].auth.password"),
            (r#"{"to": "user:a", "ring_timeout": "2h"}"#, "legs[0].ring_timeout"),
        ] {
            let (at, detail) = read(json).unwrap_err();
            assert_eq!(at, field, "{json}: {detail}");
        }
        assert!(read(r#"{"to": "user:a", "srtp": "required"}"#).unwrap_err().1.contains("not built yet"));
    }
}
