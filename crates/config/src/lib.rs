//! Reads Tandem's configuration: text to typed sections, each with its place.
//!
//! What is here: the sections and keys that are built, what each may say, what they say about each other, how much
//! the node can carry ([`Config::max_calls`]), and what differs between two configurations ([`Difference`]).
//!
//! What is deliberately not here: files and the environment (both are inputs), and decisions: which trunk a caller is
//! and which route a call takes is `tandem-policy`'s.
//!
//! Three things to know: [`load`] turns text into a [`Config`] or into all that is wrong with it, [`Problems`], and
//! whatever interface is promised but not built yet is one of those.

mod abuse;
mod api;
mod ask;
mod capacity;
mod check;
mod difference;
mod expand;
mod files;
mod json;
mod keys;
mod nearest;
mod node;
mod opentok;
mod places;
mod played;
mod problem;
mod reader;
mod ring;
mod route;
mod side;
mod sides;
mod trunk;
mod uri;
mod user;
mod value;
mod webex;
mod webhooks;
mod written;

pub use abuse::Abuse;
pub use api::{Api, ApiKey, Scope};
pub use ask::Ask;
pub use capacity::{CONNECTIONS, DESCRIPTOR_RESERVE, MOST_CALLS_UNASKED, MOST_CPS_UNASKED, PORTS_PER_LEG};
pub use difference::Difference;
pub use files::Files;
pub use nearest::nearest;
pub use node::{Calls, Log, LogFormat, LogLevel, Node};
pub use opentok::OpentokProject;
pub use played::parse_sound;
pub use problem::{At, Place, Problem, Problems};
pub use reader::Outside;
pub use route::{Do, Endpoint, From, MAX_ENDPOINTS, Route, read_do};
pub use side::{Advertised, Listener, Media, TlsPaths, TlsVersion};
pub use sides::Sides;
pub use trunk::{
    Asked, CallerRule, HeaderRules, Limits, MAX_HEADER_RULES, MAX_MAY_CALL, MAX_NUMBER_RULES, MAX_REGISTRARS, MAX_SOURCES, MAX_TARGETS,
    Match, NamePattern, NumberRule, Of, Ping, PrivacyRule, Register, Toll, TrailRule, Trunk, TrunkTarget, check_settable, is_our_header,
};
pub use uri::{Host, Target, parse_domain};
pub use user::{Registrar, User};
pub use value::{MAX_NUMBER, Network, Pattern, PortRange, Template, parse_duration, print_duration};
pub use webex::Webex;
pub use webhooks::{Webhook, Webhooks};

use check::Named;
use keys::Keys;
use reader::{Reader, Table};
use toml::de::DeTable;
use written::Written;

/// The longest configuration, in bytes.
pub const MAX_FILE: usize = 4 << 20;

/// Sections of one kind.
pub const MAX_SECTIONS: usize = 10_000;

/// A configuration: everything that one file says, with defaults for what it does not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// Name of the file, for messages.
    pub file: Box<str>,
    /// `[node]`.
    pub node: Node,
    /// `[log]`.
    pub log: Log,
    /// `[[listen]]`; their indices are [`tandem_model::ListenerId`]s.
    pub listeners: Vec<At<Listener>>,
    /// `[[media]]`; their indices are [`tandem_model::MediaSide`]s.
    pub media: Vec<At<Media>>,
    /// `[calls]`.
    pub calls: Calls,
    /// `[files]`.
    pub files: Files,
    /// `[abuse]`.
    pub abuse: Abuse,
    /// `[api]`; absent, there is no HTTP.
    pub api: Option<Api>,
    /// `[webhooks]`.
    pub webhooks: Webhooks,
    /// `[webex]`; absent, there is no `/bridge`.
    pub webex: Option<Webex>,
    /// `[registrar]`.
    pub registrar: Registrar,
    /// `[[user]]`.
    pub users: Vec<At<User>>,
    /// `[[trunk]]`; their indices are [`tandem_model::TrunkId`]s.
    pub trunks: Vec<At<Trunk>>,
    /// `[[route]]`, in the order in which they are tried.
    pub routes: Vec<At<Route>>,
    written: Written,
}

/// What one reading found: all that could be read, and all that is wrong.
#[derive(Clone, Debug)]
pub struct Reading {
    /// Sections that could not be read are left out. Fit for use only if there are no problems.
    pub config: Config,
    /// What is wrong.
    pub problems: Problems,
}

/// Reads `text`, the contents of the file called `file_name`; `env` answers what an environment variable says. No other file is read.
///
/// # Errors
/// Every mistake in it.
pub fn load(text: &str, file_name: &str, env: &dyn Fn(&str) -> Option<String>) -> Result<Config, Problems> {
    let reading = read(text, file_name, Outside::variables(env));
    reading.problems.or(reading.config)
}

/// As [`load`], for who has more to check and wants all problems at once, and lets secrets be in files of their own.
pub fn read(text: &str, file_name: &str, outside: Outside<'_>) -> Reading {
    let mut reader = Reader::new(text, file_name, outside);
    let mut config = Config {
        file: file_name.into(),
        node: Node::default(),
        log: Log::default(),
        listeners: Vec::new(),
        media: Vec::new(),
        calls: Calls::default(),
        files: Files::default(),
        abuse: Abuse::default(),
        api: None,
        webhooks: Webhooks::default(),
        webex: None,
        registrar: Registrar::default(),
        users: Vec::new(),
        trunks: Vec::new(),
        routes: Vec::new(),
        written: Written::default(),
    };
    if text.len() > MAX_FILE {
        reader.report(Place::WHOLE, format!("the file is longer than {MAX_FILE} bytes"));
        return Reading { config, problems: reader.problems };
    }
    let (root, errors) = DeTable::parse_recoverable(text);
    for error in &errors {
        let place = error.span().map_or(Place::START, |span| reader.place(span.start));
        reader.report(place, format!("not TOML: {}", error.message().lines().next().unwrap_or_default()));
    }
    if !errors.is_empty() {
        // What is left after a syntax error would only bring mistakes that nobody made.
        return Reading { config, problems: reader.problems };
    }
    let root = root.get_ref();
    Table::check_keys(&mut reader, root, &keys::ROOT, keys::ROOT.title);
    config.written = Written::read(&reader, root, &[&keys::NODE, &keys::LOG, &keys::CALLS, &keys::FILES, &keys::API, &keys::WEBHOOKS]);
    if let Some(value) = root.get("node") {
        config.node = Node::read(&mut reader, value);
    }
    if let Some(value) = root.get("log") {
        config.log = Log::read(&mut reader, value);
    }
    if let Some(value) = root.get("calls") {
        config.calls = Calls::read(&mut reader, value);
    }
    if let Some(value) = root.get("files") {
        config.files = Files::read(&mut reader, value);
    }
    if let Some(value) = root.get("abuse") {
        config.abuse = Abuse::read(&mut reader, value);
    }
    if let Some(value) = root.get("api") {
        config.api = Api::read(&mut reader, value);
    }
    if let Some(value) = root.get("webhooks") {
        config.webhooks = Webhooks::read(&mut reader, value);
    }
    if let Some(value) = root.get("webex") {
        config.webex = Webex::read(&mut reader, value);
    }
    if let Some(value) = root.get("registrar") {
        config.registrar = Registrar::read(&mut reader, value);
    }
    let mut names = check::Names::default();
    config.listeners = read_sections(&mut reader, root, "listen", &keys::LISTEN, &mut names.listeners, |r, t, _| Listener::read(r, t));
    config.media = read_sections(&mut reader, root, "media", &keys::MEDIA, &mut names.media, |r, t, _| Media::read(r, t));
    config.trunks = read_sections(&mut reader, root, "trunk", &keys::TRUNK, &mut names.trunks, |r, t, _| Trunk::read(r, t));
    config.users = read_sections(&mut reader, root, "user", &keys::USER, &mut names.users, |r, t, _| User::read(r, t));
    config.routes = read_sections(&mut reader, root, "route", &keys::ROUTE, &mut names.routes, Route::read);
    check::check(&config, &names, &mut reader.problems);
    Reading { config, problems: reader.problems }
}

/// Reads all `[[key]]` sections, and the names of those too that cannot be read.
fn read_sections<'t, T>(
    reader: &mut Reader<'_>,
    root: &DeTable<'t>,
    key: &str,
    keys: &Keys,
    names: &mut Vec<Named>,
    read: impl Fn(&mut Reader<'_>, &Table<'t, '_>, usize) -> Option<T>,
) -> Vec<At<T>> {
    let Some(value) = root.get(key) else { return Vec::new() };
    if value.get_ref().is_table() {
        reader.report(reader.place_of(value), format!("there can be several: write [[{key}]] with two brackets"));
        return Vec::new();
    }
    let Some(list) = reader.list(&format!("[[{key}]]"), value, MAX_SECTIONS) else { return Vec::new() };
    let mut sections = Vec::new();
    for (index, entry) in list.iter().enumerate() {
        let name = entry.get_ref().get("name").and_then(|name| Some((name.get_ref().as_str()?, reader.place_of(name))));
        let title = match name {
            Some((name, _)) => format!("{} {}", keys.title, name.escape_debug()),
            None => format!("{} number {}", keys.title, index + 1),
        };
        let mistakes_before = reader.problems.len();
        if let Some(table) = Table::open(reader, entry, keys, title)
            && let Some(section) = read(reader, &table, index)
        {
            sections.push(At::new(section, table.place));
        }
        if let Some((name, place)) = name {
            names.push(Named { name: At::new(name.into(), place), is_faulty: reader.problems.len() > mistakes_before });
        }
    }
    sections
}
