//! `[node]`, `[log]` and `[calls]`: what there is once.

use crate::{
    files::MAX_PATH,
    keys,
    nearest::nearest,
    problem::At,
    reader::{Reader, Table, Value},
    uri::parse_domain,
    value::{parse_size, print_duration},
};
use std::{
    net::{IpAddr, SocketAddr},
    time::Duration,
};
use tandem_model::Secret;

const SECOND: Duration = Duration::from_secs(1);
const HOUR: Duration = Duration::from_secs(60 * 60);
const WEEK: Duration = Duration::from_secs(7 * 24 * 60 * 60);

/// `[node]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Node {
    /// Names this node in logs and dumps.
    pub name: Box<str>,
    /// Our SIP domain, as URIs write it.
    pub domain: Option<Box<str>>,
    /// Name servers; none: those of the system.
    pub dns: Vec<SocketAddr>,
    /// How long a first SIGTERM lets calls go on.
    pub drain_timeout: Duration,
    /// Folder for dumps of the flight recorder.
    pub dump_dir: Box<str>,
    /// Bytes that the flight recorder may keep.
    pub flight_recorder: u64,
    /// The database that calls are written to, as a URL, which may have a password in it; absent, none is.
    pub store: Option<Secret>,
    /// Folder for what that has not taken yet.
    pub journal_dir: Box<str>,
    /// How long calls stay in that; absent, for ever.
    pub keep_records: Option<Duration>,
}

impl Default for Node {
    fn default() -> Self {
        Node {
            name: "tandem".into(),
            domain: None,
            dns: Vec::new(),
            drain_timeout: Duration::from_secs(5 * 60),
            dump_dir: "dumps".into(),
            flight_recorder: 64 << 20,
            store: None,
            journal_dir: "journal".into(),
            keep_records: None,
        }
    }
}

/// What `keep_records` may say: up to twenty years.
const KEPT: std::ops::RangeInclusive<Duration> = HOUR..=Duration::from_secs(20 * 366 * 24 * 60 * 60);

/// What the flight recorder may be given, in bytes.
const FLIGHT_RECORDER_BYTES: std::ops::RangeInclusive<u64> = (1 << 20)..=(4 << 30);

impl Node {
    pub(crate) fn read(reader: &mut Reader<'_>, value: &Value<'_>) -> Node {
        let default = Node::default();
        let Some(table) = Table::open(reader, value, &keys::NODE, keys::NODE.title.to_owned()) else { return default };
        let domain = table.parsed(reader, "domain", parse_domain);
        let flight_recorder = table.parsed(reader, "flight_recorder", |text| {
            let bytes = parse_size(text)?;
            let is_possible = FLIGHT_RECORDER_BYTES.contains(&bytes);
            if is_possible { Ok(bytes) } else { Err(format!("`{text}`: from 1MiB to 4GiB is possible")) }
        });
        let keep_records = table.duration(reader, "keep_records", KEPT);
        if let Some(span) = keep_records.filter(|_| table.value("store").is_none()) {
            reader.report(span.place, "`keep_records` is about a `store`, and there is none".to_owned());
        }
        Node {
            name: table.name(reader, "name").map_or(default.name, |name| name.value),
            domain: domain.map(|domain| domain.value),
            dns: read_servers(reader, &table),
            drain_timeout: table.duration(reader, "drain_timeout", Duration::ZERO..=HOUR * 24).map_or(default.drain_timeout, |span| *span),
            dump_dir: table
                .parsed(reader, "dump_dir", |text| crate::reader::check_line(text, MAX_PATH))
                .map_or(default.dump_dir, |path| path.value),
            flight_recorder: flight_recorder.map_or(default.flight_recorder, |bytes| *bytes),
            store: table.parsed(reader, "store", parse_store).map(|url| url.value),
            journal_dir: table
                .parsed(reader, "journal_dir", |text| crate::reader::check_line(text, MAX_PATH))
                .map_or(default.journal_dir, |path| path.value),
            keep_records: keep_records.map(|span| *span),
        }
    }
}

/// What is wrong with it is said without it: it may hold a password.
fn parse_store(text: &str) -> Result<Secret, String> {
    let url = crate::reader::check_line(text, MAX_PATH)?;
    let is_known = ["sqlite:", "postgres://", "postgresql://"].iter().any(|scheme| url.len() > scheme.len() && url.starts_with(scheme));
    if is_known { Ok(Secret::new(&url)) } else { Err("it is sqlite:PATH or postgres://USER:PASSWORD@HOST/DATABASE".into()) }
}

/// Name servers that are listed at most.
const MAX_SERVERS: usize = 4;

/// `dns`: addresses, with a port where it is not 53.
fn read_servers(reader: &mut Reader<'_>, table: &Table<'_, '_>) -> Vec<SocketAddr> {
    let Some(value) = table.value("dns") else { return Vec::new() };
    let Some(list) = reader.list(&table.what("dns"), value, MAX_SERVERS) else { return Vec::new() };
    if list.is_empty() {
        reader.report(reader.place_of(value), format!("{} is empty; leave it out to ask those of the system", table.what("dns")));
    }
    let parse = |text: &str| {
        let address = text.parse::<SocketAddr>().ok().or_else(|| Some(SocketAddr::new(text.parse::<IpAddr>().ok()?, 53)));
        address.ok_or_else(|| format!("`{text}` is not the address of a name server, like \"192.0.2.53\" or \"192.0.2.53:5353\""))
    };
    list.iter().filter_map(|entry| reader.parsed(&table.what("dns"), entry, parse)).map(|server| server.value).collect()
}

/// How log lines look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}

/// Which log lines are written: this level and those above it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum LogLevel {
    /// What failed inside.
    Error,
    /// What somebody should look at.
    Warn,
    /// One line a call.
    Info,
    /// Every message.
    Debug,
    /// Every packet.
    Trace,
}

impl LogLevel {
    /// The word for it.
    pub const fn word(self) -> &'static str {
        match self {
            LogLevel::Error => "error",
            LogLevel::Warn => "warn",
            LogLevel::Info => "info",
            LogLevel::Debug => "debug",
            LogLevel::Trace => "trace",
        }
    }
}

/// `[log]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Log {
    /// How.
    pub format: LogFormat,
    /// How much.
    pub level: LogLevel,
}

impl Default for Log {
    fn default() -> Self {
        Log { format: LogFormat::Text, level: LogLevel::Info }
    }
}

impl Log {
    pub(crate) fn read(reader: &mut Reader<'_>, value: &Value<'_>) -> Log {
        let default = Log::default();
        let Some(table) = Table::open(reader, value, &keys::LOG, keys::LOG.title.to_owned()) else { return default };
        let formats = [("text", LogFormat::Text), ("json", LogFormat::Json)];
        let levels = [LogLevel::Error, LogLevel::Warn, LogLevel::Info, LogLevel::Debug, LogLevel::Trace].map(|level| (level.word(), level));
        Log {
            format: table.parsed(reader, "format", |text| one_of(text, &formats)).map_or(default.format, |format| *format),
            level: table.parsed(reader, "level", |text| one_of(text, &levels)).map_or(default.level, |level| *level),
        }
    }
}

/// The value that `text` names.
pub(crate) fn one_of<T: Copy>(text: &str, values: &[(&str, T)]) -> Result<T, String> {
    if let Some((_, value)) = values.iter().find(|(word, _)| *word == text) {
        return Ok(*value);
    }
    let all: Vec<String> = values.iter().map(|(word, _)| format!("\"{word}\"")).collect();
    let near = nearest(text, values.iter().map(|(word, _)| *word)).unwrap_or_default();
    Err(format!("`{}` is none of {}; the nearest is \"{near}\"", text.escape_debug(), all.join(", ")))
}

/// `[calls]`: for the whole node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Calls {
    /// Calls at a time; absent, as many as ports and descriptors allow, see [`crate::Config::max_calls`].
    pub max: Option<At<u32>>,
    /// New calls a second; absent, as many as ports allow, see [`crate::Config::max_cps`].
    pub max_cps: Option<At<u32>>,
    /// Any call is ended then.
    pub max_duration: Duration,
    /// No packet for so long from a leg that should send: the call is ended.
    pub inactivity_timeout: Duration,
    /// The same while held.
    pub hold_timeout: Duration,
    /// Media threads; 0: as many as fit the machine.
    pub shards: u32,
}

impl Default for Calls {
    fn default() -> Self {
        Calls { max: None, max_cps: None, max_duration: HOUR * 6, inactivity_timeout: SECOND * 300, hold_timeout: HOUR, shards: 0 }
    }
}

/// The most that `[calls] max` may say.
const MOST_CALLS: u32 = 1_000_000;

/// The most that any `cps` may say.
pub(crate) const MOST_CPS: u32 = 100_000;

/// The most media threads.
const MOST_SHARDS: u32 = 64;

impl Calls {
    pub(crate) fn read(reader: &mut Reader<'_>, value: &Value<'_>) -> Calls {
        let default = Calls::default();
        let Some(table) = Table::open(reader, value, &keys::CALLS, keys::CALLS.title.to_owned()) else { return default };
        let inactivity = table.duration(reader, "inactivity_timeout", SECOND..=HOUR * 24);
        let hold = table.duration(reader, "hold_timeout", SECOND..=WEEK);
        let calls = Calls {
            max: table.number(reader, "max", 1..=MOST_CALLS),
            max_cps: table.number(reader, "max_cps", 1..=MOST_CPS),
            max_duration: table.duration(reader, "max_duration", SECOND..=WEEK).map_or(default.max_duration, |span| *span),
            inactivity_timeout: inactivity.map_or(default.inactivity_timeout, |span| *span),
            hold_timeout: hold.map_or(default.hold_timeout, |span| *span),
            shards: table.number(reader, "shards", 0..=MOST_SHARDS).map_or(default.shards, |shards| *shards),
        };
        if calls.hold_timeout < calls.inactivity_timeout {
            let place = hold.or(inactivity).map_or(table.place, |span| span.place);
            let (hold, inactivity) = (print_duration(calls.hold_timeout), print_duration(calls.inactivity_timeout));
            reader.report(
                place,
                format!("`hold_timeout` ({hold}) is shorter than `inactivity_timeout` ({inactivity}): holding would end calls"),
            );
        }
        calls
    }
}
