//! `register`: where we register for a trunk, and as whom.

use crate::{
    keys,
    problem::At,
    reader::{Reader, Table, Value},
    uri::Target,
    value::{parse_duration, print_duration},
};
use std::time::Duration;

/// Registrars of one trunk.
pub const MAX_REGISTRARS: usize = 4;

/// How long a registration may be asked to hold, in seconds.
const SHORTEST_S: u32 = 60;
const LONGEST_S: u32 = 24 * 3600;
const DEFAULT_S: u32 = 600;

/// One registrar of a trunk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Register {
    /// The registrar; its user, if it has one, is whom we register.
    pub uri: Target,
    /// How long a registration is asked to hold, in seconds.
    pub expires_s: u32,
    /// All numbers of a PBX at once (RFC 6140).
    pub bulk: bool,
}

/// A table, or an array of them.
pub(super) fn read(reader: &mut Reader<'_>, table: &Table<'_, '_>) -> Vec<At<Register>> {
    let Some(value) = table.value("register") else { return Vec::new() };
    let what = table.what("register");
    if value.get_ref().is_table() {
        return read_one(reader, table, value).into_iter().collect();
    }
    let Some(list) = reader.list(&what, value, MAX_REGISTRARS) else { return Vec::new() };
    if list.is_empty() {
        reader.report(reader.place_of(value), format!("{what} is empty; leave it out if there is no registrar"));
    }
    let mut read: Vec<At<Register>> = Vec::new();
    for entry in list {
        let Some(register) = read_one(reader, table, entry) else { continue };
        if let Some(other) = read.iter().find(|other| other.uri == register.uri) {
            reader.report(register.place, format!("{what}: `{}` stands in line {} too", register.uri.uri(), other.place.line));
        }
        read.push(register);
    }
    read
}

fn read_one(reader: &mut Reader<'_>, table: &Table<'_, '_>, value: &Value<'_>) -> Option<At<Register>> {
    let inner = Table::open(reader, value, &keys::REGISTER, table.what("register"))?;
    inner.missing(reader, "uri", "\"sip:registrar.example.net\"");
    let expires = inner.parsed(reader, "expires", parse_expires);
    let bulk = inner.boolean(reader, "bulk").unwrap_or(false);
    let uri = inner.parsed(reader, "uri", Target::parse)?;
    let expires_s = expires.map_or(DEFAULT_S, |expires| *expires);
    Some(At::new(Register { uri: uri.value, expires_s, bulk }, uri.place))
}

fn parse_expires(text: &str) -> Result<u32, String> {
    let span = parse_duration(text)?;
    let seconds = u32::try_from(span.as_secs()).ok().filter(|seconds| (SHORTEST_S..=LONGEST_S).contains(seconds));
    match seconds {
        Some(seconds) if span.subsec_nanos() == 0 => Ok(seconds),
        Some(_) => Err(format!("`{text}`: whole seconds are wanted")),
        None => Err(format!("`{text}`: from {} to {} is possible", print(SHORTEST_S), print(LONGEST_S))),
    }
}

fn print(seconds: u32) -> String {
    print_duration(Duration::from_secs(seconds.into()))
}
