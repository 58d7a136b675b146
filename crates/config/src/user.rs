//! `[[user]]`: a phone that registers, and `[registrar]`: how all of them do.

use crate::{
    print_duration,
    reader::{Reader, Table, Value, check_line},
    trunk::{Trunk, read_algorithms, read_secret},
};
use std::time::Duration;
use tandem_model::{DigestAlgorithm, ReferRule, Secret};

/// The longest number of a user, in bytes.
const MAX_NUMBER: usize = 64;

/// `[[user]]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct User {
    /// Its name, and the user name of its digest.
    pub name: Box<str>,
    /// The password of its digest.
    pub password: Secret,
    /// Whom its calls are from; its name where `None`.
    pub number: Option<Box<str>>,
    /// How it is spoken with: what a trunk would say in its place.
    pub spoken: Trunk,
}

impl User {
    pub(crate) fn read(reader: &mut Reader<'_>, table: &Table<'_, '_>) -> Option<User> {
        let name = table.name(reader, "name");
        table.missing(reader, "name", "\"…\"");
        table.missing(reader, "password", "\"…\"");
        let password = table.value("password").and_then(|value| read_secret(reader, table, "password", value));
        let number = table.parsed(reader, "number", |text| check_line(text, MAX_NUMBER));
        // A person transfers calls; a trunk that does has to be let.
        let spoken = Trunk::read_spoken(reader, table, Trunk { refer: ReferRule::Execute, ..Trunk::default() });
        Some(User { name: name?.value, password: password?, number: number.map(|number| number.value), spoken })
    }
}

/// `[registrar]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Registrar {
    /// How long a binding lasts whose phone does not say.
    pub expires: Duration,
    /// The shortest that a phone may ask for; less gets 423.
    pub min_expires: Duration,
    /// The longest that it gets.
    pub max_expires: Duration,
    /// Contacts of one user.
    pub contacts: u32,
    /// Contacts of all users.
    pub bindings: u32,
    /// How long a flow may be silent (RFC 5626 §4.4); `None`: nothing is said of that.
    pub flow_timer: Option<Duration>,
    /// What users are asked by, in this order.
    pub algorithms: Box<[DigestAlgorithm]>,
}

const SECOND: Duration = Duration::from_secs(1);

impl Default for Registrar {
    fn default() -> Self {
        Registrar {
            expires: SECOND * 3_600,
            min_expires: SECOND * 60,
            max_expires: SECOND * 3_600,
            contacts: 10,
            bindings: 100_000,
            flow_timer: Some(SECOND * 120),
            algorithms: [DigestAlgorithm::Sha256, DigestAlgorithm::Md5].into(),
        }
    }
}

/// Contacts that one user may have at most: as many as a group may have members.
const MOST_CONTACTS: u32 = 16;

impl Registrar {
    pub(crate) fn read(reader: &mut Reader<'_>, value: &Value<'_>) -> Registrar {
        let default = Registrar::default();
        let Some(table) = Table::open(reader, value, &crate::keys::REGISTRAR, crate::keys::REGISTRAR.title.to_owned()) else {
            return default;
        };
        let span = SECOND..=SECOND * 86_400;
        let expires = table.duration(reader, "expires", span.clone());
        // RFC 3261 §10.3 step 6: 423 is for less than an hour.
        let least = table.duration(reader, "min_expires", SECOND..=SECOND * 3_600);
        let most = table.duration(reader, "max_expires", span);
        let flow_timer = table.parsed(reader, "flow_timer", parse_flow_timer);
        let registrar = Registrar {
            min_expires: least.map_or(default.min_expires, |span| *span),
            max_expires: most.map_or_else(|| default.max_expires.max(expires.map_or(SECOND, |span| *span)), |span| *span),
            expires: expires.map_or_else(|| default.expires.min(most.map_or(default.expires, |span| *span)), |span| *span),
            contacts: table.number(reader, "contacts", 1..=MOST_CONTACTS).map_or(default.contacts, |most| *most),
            bindings: table.number(reader, "bindings", 1..=1_000_000).map_or(default.bindings, |most| *most),
            flow_timer: flow_timer.map_or(default.flow_timer, |span| *span),
            algorithms: read_algorithms(reader, &table),
        };
        if registrar.min_expires > registrar.max_expires {
            let place = least.map(|span| span.place).or(most.map(|span| span.place)).unwrap_or(table.place);
            let (least, most) = (print_duration(registrar.min_expires), print_duration(registrar.max_expires));
            let what = format!("`min_expires` in [registrar], {least}, is longer than `max_expires`, {most}: nobody could register");
            reader.report(place, what);
        }
        if let Some(expires) = expires.filter(|_| !(registrar.min_expires..=registrar.max_expires).contains(&registrar.expires)) {
            reader.report(expires.place, "`expires` in [registrar] is not between `min_expires` and `max_expires`");
        }
        registrar
    }
}

fn parse_flow_timer(text: &str) -> Result<Option<Duration>, String> {
    if text == "off" {
        return Ok(None);
    }
    let span = crate::value::parse_duration(text)?;
    if (SECOND * 10..=SECOND * 3_600).contains(&span) {
        Ok(Some(span))
    } else {
        Err(format!("`{text}`: \"off\", or from 10s to 1h is possible"))
    }
}
