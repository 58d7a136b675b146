//! `[api]`: who may steer this node over HTTP, and from where.

use crate::{
    files::MAX_PATH,
    keys,
    node::one_of,
    opentok::{OpentokProject, read_projects},
    problem::At,
    reader::{Reader, Table, Value, check_line},
    side::{TlsPaths, TlsVersion},
    trunk::read_secret,
    value::parse_size,
    webhooks::Webhook,
};
use std::net::{IpAddr, SocketAddr};
use tandem_model::Secret;

/// `[api]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Api {
    /// Address and port to bind; port 0 takes any free one.
    pub bind: At<SocketAddr>,
    /// Who may do what. Without any, who is on this machine may do everything and nobody else anything.
    pub keys: Box<[ApiKey]>,
    /// The files of a listener that speaks TLS; absent, it does not.
    pub tls: Option<TlsPaths>,
    /// Origins whose pages a browser lets ask; none: those of this node alone.
    pub cors: Box<[Box<str>]>,
    /// Requests a second that one key, or one address without a key, may make.
    pub rate: u32,
    /// Connections at a time.
    pub connections: u32,
    /// The longest body of a request, in bytes.
    pub body: u64,
    /// Who is told of events.
    pub webhook: Option<Webhook>,
    /// Whose programs speak the language of OpenTok.
    pub opentok: Box<[OpentokProject]>,
}

/// One key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApiKey {
    /// What it is called in logs, events and records.
    pub name: Box<str>,
    /// What stands behind `Bearer`.
    pub key: Secret,
    /// What it may do; at least one.
    pub scopes: Box<[Scope]>,
}

/// What a key can be allowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Scope {
    /// See: calls, events, records, trunks.
    Read,
    /// Make calls and steer them.
    Call,
    /// Drain and reload the node.
    Admin,
}

impl Scope {
    /// All there are.
    pub const ALL: [Scope; 3] = [Scope::Read, Scope::Call, Scope::Admin];

    /// As the configuration writes it.
    pub const fn word(self) -> &'static str {
        match self {
            Scope::Read => "read",
            Scope::Call => "call",
            Scope::Admin => "admin",
        }
    }
}

/// The port where none is written.
const PORT: u16 = 8080;

/// Keys of one node.
const MAX_KEYS: usize = 256;

/// A key shorter than this can be guessed.
const SHORTEST_KEY: usize = 16;

/// Origins that `cors` lists.
const MAX_ORIGINS: usize = 64;

/// What `rate` may say.
const RATES: std::ops::RangeInclusive<u32> = 1..=100_000;

/// What `connections` may say.
const CONNECTIONS: std::ops::RangeInclusive<u32> = 1..=65_536;

/// What `body` may say, in bytes.
const BODIES: std::ops::RangeInclusive<u64> = 1024..=(16 << 20);

/// Where nothing is written.
const USUAL_RATE: u32 = 100;
const USUAL_CONNECTIONS: u32 = 256;
const USUAL_BODY: u64 = 64 << 10;

impl Api {
    pub(crate) fn read(reader: &mut Reader<'_>, value: &Value<'_>) -> Option<Api> {
        let table = Table::open(reader, value, &keys::API, keys::API.title.to_owned())?;
        table.missing(reader, "bind", "\"127.0.0.1:8080\"");
        let bind = table.parsed(reader, "bind", parse_bind);
        let body = table.parsed(reader, "body", |text| {
            let bytes = parse_size(text)?;
            if BODIES.contains(&bytes) { Ok(bytes) } else { Err(format!("`{text}`: from 1KiB to 16MiB is possible")) }
        });
        let keys = read_keys(reader, &table);
        let tls = read_tls(reader, &table);
        let cors = read_cors(reader, &table);
        let rate = table.number(reader, "rate", RATES).map_or(USUAL_RATE, |rate| *rate);
        let connections = table.number(reader, "connections", CONNECTIONS).map_or(USUAL_CONNECTIONS, |most| *most);
        let webhook = table.value("webhook").and_then(|value| Webhook::read(reader, value, table.what("webhook")));
        let opentok = read_projects(reader, &table);
        Some(Api { bind: bind?, keys, tls, cors, rate, connections, body: body.map_or(USUAL_BODY, |bytes| *bytes), webhook, opentok })
    }
}

fn parse_bind(text: &str) -> Result<SocketAddr, String> {
    let address = text.parse::<SocketAddr>().ok().or_else(|| Some(SocketAddr::new(text.parse::<IpAddr>().ok()?, PORT)));
    address
        .filter(|address| !address.ip().is_multicast())
        .ok_or_else(|| format!("`{text}` is not an address to listen at, like \"127.0.0.1:8080\" or \"[::1]:8080\""))
}

fn read_keys(reader: &mut Reader<'_>, table: &Table<'_, '_>) -> Box<[ApiKey]> {
    let Some(value) = table.value("keys") else { return Box::default() };
    let what = table.what("keys");
    let Some(list) = reader.list(&what, value, MAX_KEYS) else { return Box::default() };
    let mut all: Vec<ApiKey> = Vec::new();
    for entry in list {
        let Some(table) = Table::open(reader, entry, &keys::API_KEY, format!("a key of {what}")) else { continue };
        let Some(key) = read_key(reader, &table) else { continue };
        if all.iter().any(|other| other.name == key.name) {
            reader.report(table.place, format!("{what}: there is a key called `{}` already", key.name));
        } else if all.iter().any(|other| other.key == key.key) {
            reader.report(table.place, format!("{what}: `{}` is the same as another key", key.name));
        }
        all.push(key);
    }
    all.into()
}

fn read_key(reader: &mut Reader<'_>, table: &Table<'_, '_>) -> Option<ApiKey> {
    table.missing(reader, "name", "\"…\"");
    table.missing(reader, "key", "\"…\"");
    let name = table.name(reader, "name");
    let key = table.value("key").and_then(|value| {
        let place = reader.place_of(value);
        let key = read_secret(reader, table, "key", value)?;
        // RFC 6750 §2.1: what a token is made of.
        let is_token = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~+/=".contains(&byte);
        if key.expose().len() < SHORTEST_KEY {
            reader.report(place, format!("{}: a key has at least {SHORTEST_KEY} characters", table.what("key")));
        } else if !key.expose().bytes().all(is_token) {
            reader.report(place, format!("{}: a key has letters, digits and -._~+/= alone", table.what("key")));
        }
        Some(key)
    });
    let scopes = read_scopes(reader, table);
    Some(ApiKey { name: name?.value, key: key?, scopes: scopes? })
}

/// Without `scopes`, all of them.
fn read_scopes(reader: &mut Reader<'_>, table: &Table<'_, '_>) -> Option<Box<[Scope]>> {
    let Some(value) = table.value("scopes") else { return Some(Scope::ALL.into()) };
    let what = table.what("scopes");
    let list = reader.list(&what, value, Scope::ALL.len())?;
    if list.is_empty() {
        reader.report(reader.place_of(value), format!("{what} is empty: the key could do nothing"));
    }
    let words = Scope::ALL.map(|scope| (scope.word(), scope));
    Some(list.iter().filter_map(|entry| reader.parsed(&what, entry, |text| one_of(text, &words))).map(|scope| scope.value).collect())
}

fn read_tls(reader: &mut Reader<'_>, table: &Table<'_, '_>) -> Option<TlsPaths> {
    let table = Table::open(reader, table.value("tls")?, &keys::API_TLS, table.what("tls"))?;
    table.missing(reader, "cert", "\"cert.pem\"");
    table.missing(reader, "key", "\"key.pem\"");
    let mut path = |key| table.parsed(reader, key, |text| check_line(text, MAX_PATH));
    let (cert, key) = (path("cert"), path("key"));
    Some(TlsPaths { cert: cert?, key: key?, client_ca: None, ca: None, min: TlsVersion::default(), ciphers: Vec::new() })
}

fn read_cors(reader: &mut Reader<'_>, table: &Table<'_, '_>) -> Box<[Box<str>]> {
    let Some(value) = table.value("cors") else { return Box::default() };
    let what = table.what("cors");
    let list = reader.list(&what, value, MAX_ORIGINS).unwrap_or_default();
    list.iter().filter_map(|entry| reader.parsed(&what, entry, parse_origin)).map(|origin| origin.value).collect()
}

/// RFC 6454 §6.2: scheme, host and port, as a browser writes it in `Origin`.
fn parse_origin(text: &str) -> Result<Box<str>, String> {
    let wrong = || format!("`{}` is not an origin, like \"https://console.example.com\"", text.escape_debug());
    let host = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://")).ok_or_else(wrong)?;
    let is_plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || ".-:[]".contains(c);
    if host.is_empty() || text.len() > MAX_PATH || !host.chars().all(is_plain) {
        return Err(wrong());
    }
    Ok(text.into())
}
