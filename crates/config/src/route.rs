//! `[[route]]`: what happens to a call.

use crate::{
    ask::{self, Ask},
    json::toml_of,
    keys,
    nearest::nearest,
    node::one_of,
    played,
    problem::{At, Place},
    reader::{Outside, Reader, Table, Value, check_line, check_name},
    ring,
    trunk::{Limits, read_limits, read_status},
    uri::Target,
    value::Pattern,
};
use std::time::Duration;
use tandem_model::{Announce, BuiltIn, Layout, PicksUp, RingTerms, Sound, Then};
use toml::de::DeTable;

/// Endpoints of one `bridge`, members of one `ring`.
pub const MAX_ENDPOINTS: usize = 16;

/// Entries of one `from`.
const MAX_FROM: usize = 1024;

/// The longest name of a route, and the longest `reason`, in bytes.
const MAX_TEXT: usize = 128;

/// `[[route]]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Route {
    /// Its name, or `route N` where it has none (N counts from 1).
    pub name: Box<str>,
    /// Whose calls it takes.
    pub from: From,
    /// Which called numbers it takes; absent, all.
    pub to: Option<Pattern>,
    /// What it does with them.
    pub action: At<Do>,
    /// False: media flows between the peers.
    pub anchor: bool,
    /// How much it may carry; `None`: as much as comes.
    pub limits: Option<Limits>,
    /// Nothing limits its calls: they are to an emergency service.
    pub emergency: bool,
    /// They are recorded so, from the answer to the end.
    pub record: Option<Layout>,
}

/// Whose calls.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum From {
    /// Everybody's who may call.
    Anybody,
    /// These trunks'.
    Trunks(Vec<At<Box<str>>>),
    /// All users' (the place is that of the word), and these trunks'.
    Users(At<()>, Vec<At<Box<str>>>),
}

impl From {
    /// The trunks that it names.
    pub fn trunks(&self) -> &[At<Box<str>>] {
        match self {
            From::Anybody => &[],
            From::Trunks(names) | From::Users(_, names) => names,
        }
    }
}

/// What a route does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Do {
    /// Tries these in order.
    Bridge {
        /// Where to.
        endpoints: Vec<At<Endpoint>>,
        /// For all of them together.
        timeout: Option<Duration>,
        /// What the caller hears meanwhile.
        ringback: Option<Sound>,
    },
    /// Rings these; the first that answers takes the call.
    Ring {
        /// Whom.
        endpoints: Vec<At<Endpoint>>,
        /// How.
        terms: RingTerms,
        /// What the caller hears meanwhile.
        ringback: Option<Sound>,
    },
    /// Answers the call itself.
    Answer(BuiltIn),
    /// Plays something.
    Announce(Announce),
    /// Refuses it.
    Reject {
        /// 400 to 699.
        status: u16,
        /// Reason phrase.
        reason: Option<Box<str>>,
    },
    /// Asks somebody else.
    Ask(Box<Ask>),
}

impl Do {
    /// The prompts that it plays, by their names.
    pub fn prompts(&self) -> impl Iterator<Item = &str> {
        let sounds = match self {
            Do::Bridge { ringback, .. } | Do::Ring { ringback, .. } => [ringback.as_ref(), None],
            Do::Announce(Announce { early, then }) => {
                let then = if let Then::Play(announcement) = then { Some(&announcement.sound) } else { None };
                [early.as_ref().map(|announcement| &announcement.sound), then]
            }
            Do::Ask(ask) => return ask.default.value.prompts(),
            Do::Answer(_) | Do::Reject { .. } => [None, None],
        };
        sounds.into_iter().flatten().filter_map(|sound| if let Sound::Prompt(name) = sound { Some(&**name) } else { None })
    }

    /// Whom it calls.
    pub fn endpoints(&self) -> &[At<Endpoint>] {
        match self {
            Do::Bridge { endpoints, .. } | Do::Ring { endpoints, .. } => endpoints,
            Do::Ask(ask) => ask.default.value.endpoints(),
            Do::Answer(_) | Do::Announce(_) | Do::Reject { .. } => &[],
        }
    }
}

/// Where a call can go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Endpoint {
    /// `trunk:NAME` or `trunk:NAME/NUMBER`.
    Trunk {
        /// Which.
        name: Box<str>,
        /// Called instead of what was dialled.
        number: Option<Box<str>>,
    },
    /// `user:NAME`.
    User(Box<str>),
    /// `sip:…`.
    Uri(Target),
}

impl Endpoint {
    /// Reads one.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn parse(text: &str) -> Result<Endpoint, String> {
        let (kind, rest) = text.split_once(':').unwrap_or((text, ""));
        match kind {
            "trunk" => {
                let (name, number) = rest.split_once('/').map_or((rest, None), |(name, number)| (name, Some(number)));
                let name = check_name(name).map_err(|message| format!("`{text}`: {message}"))?.into();
                let number = number.map(|number| check_number(text, number)).transpose()?;
                Ok(Endpoint::Trunk { name, number })
            }
            "user" => check_name(rest).map(|name| Endpoint::User(name.into())).map_err(|message| format!("`{text}`: {message}")),
            _ if ["sip", "sips"].iter().any(|scheme| kind.eq_ignore_ascii_case(scheme)) => Target::parse(text).map(Endpoint::Uri),
            _ => {
                let near = nearest(kind, ["trunk", "user", "sip"]).unwrap_or_default();
                Err(format!(
                    "`{text}` is not an endpoint: `trunk:NAME`, `trunk:NAME/NUMBER`, `user:NAME` or `sip:…`; the nearest is `{near}:`"
                ))
            }
        }
    }
}

fn check_number(text: &str, number: &str) -> Result<Box<str>, String> {
    check_line(number, MAX_TEXT).map_err(|message| format!("`{text}`: behind the slash stands the number to call: {message}"))
}

impl Route {
    /// Reads the route at `index` of its list.
    pub(crate) fn read(reader: &mut Reader<'_>, table: &Table<'_, '_>, index: usize) -> Option<Route> {
        let name = table.parsed(reader, "name", |text| check_line(text, MAX_TEXT));
        let from = table.value("from").map_or(Some(From::Anybody), |value| read_from(reader, table, value));
        let to = table.parsed(reader, "to", Pattern::parse);
        let anchor = table.boolean(reader, "anchor").unwrap_or(true);
        table.missing(reader, "do", "{ bridge = [\"trunk:…\"] }");
        let action = table.value("do").and_then(|value| read_action(reader, table.what("do"), value));
        if let Some(action) = action.as_ref().filter(|action| !anchor && action.value.endpoints().is_empty()) {
            let message = format!("`anchor = false` in {} goes only with `bridge` and `ring`: there is no other peer", table.title());
            reader.report(action.place, message);
        }
        let rings_back = |action: &Do| matches!(action, Do::Bridge { ringback: Some(_), .. } | Do::Ring { ringback: Some(_), .. });
        if let Some(action) = action.as_ref().filter(|action| !anchor && rings_back(&action.value)) {
            let message = format!("`ringback` in {} does not go with `anchor = false`: it comes from our own ports", table.title());
            reader.report(action.place, message);
        }
        let picks_up = |action: &Do| matches!(action, Do::Ring { terms, .. } if terms.picks_up == PicksUp::AtOnce);
        if let Some(action) = action.as_ref().filter(|action| !anchor && picks_up(&action.value)) {
            let message =
                format!("`picks_up = \"at-once\"` in {} does not go with `anchor = false`: we answer with our own ports", table.title());
            reader.report(action.place, message);
        }
        if let Some(action) = action.as_ref().filter(|action| !anchor && matches!(action.value, Do::Ask(_))) {
            let message = format!("`anchor = false` in {} does not go with `ask`: what is answered may need our own ports", table.title());
            reader.report(action.place, message);
        }
        let limits = table.value("limits").map(|value| read_limits(reader, table, value));
        let emergency = table.boolean(reader, "emergency").unwrap_or(false);
        if emergency && limits.is_some() {
            reader.report(table.place, format!("{} has `limits` and `emergency = true`, which nothing limits", table.title()));
        }
        let record = table.value("record").and_then(|value| read_record(reader, table, value));
        if let Some(action) = action.as_ref().filter(|_| record.is_some()) {
            let what = match action.value {
                Do::Reject { .. } => Some("`reject`: there is no call"),
                _ if !anchor => Some("`anchor = false`: media does not pass through here"),
                _ => None,
            };
            if let Some(what) = what {
                reader.report(table.place, format!("`record` in {} does not go with {what}", table.title()));
            }
        }
        if table.has("to") != to.is_some() {
            return None;
        }
        Some(Route {
            name: name.map_or_else(|| format!("route {}", index + 1).into(), |name| name.value),
            from: from?,
            to: to.map(|to| to.value),
            action: action?,
            anchor,
            limits,
            emergency,
            record,
        })
    }
}

fn read_from(reader: &mut Reader<'_>, table: &Table<'_, '_>, value: &Value<'_>) -> Option<From> {
    let what = table.what("from");
    let list = reader.list(&what, value, MAX_FROM)?;
    let mut trunks: Vec<At<Box<str>>> = Vec::new();
    let (mut anybody, mut users): (Option<Place>, Option<Place>) = (None, None);
    for entry in list {
        let name = reader.parsed(&what, entry, |text| Ok(Box::from(text)));
        match name {
            Some(name) if &*name.value == "users" && users.is_some() => reader.report(name.place, format!("{what} has `users` twice")),
            Some(name) if &*name.value == "users" => users = Some(name.place),
            Some(name) if &*name.value == "*" => anybody = Some(name.place),
            Some(name) if trunks.contains(&name) => reader.report(name.place, format!("{what} has `{}` twice", name.value.escape_debug())),
            Some(name) => trunks.push(name),
            None => {}
        }
    }
    if list.is_empty() {
        reader.report(reader.place_of(value), format!("{what} is empty: it would take no call; leave it out to take everybody's"));
    }
    match anybody {
        Some(place) if !trunks.is_empty() || users.is_some() => {
            reader.report(place, format!("{what}: \"*\" already means everybody; the names beside it change nothing"));
            None
        }
        Some(_) => Some(From::Anybody),
        None => match users {
            Some(place) => Some(From::Users(At::new((), place), trunks)),
            None if trunks.is_empty() => None,
            None => Some(From::Trunks(trunks)),
        },
    }
}

/// `true`, `false`, or a word for how.
fn read_record(reader: &mut Reader<'_>, table: &Table<'_, '_>, value: &Value<'_>) -> Option<Layout> {
    match value.get_ref().as_bool() {
        Some(is_wanted) => is_wanted.then_some(Layout::Mono),
        None => {
            let layouts = [("mono", Layout::Mono), ("sides", Layout::Sides)];
            let parse = |text: &str| one_of(text, &layouts).map_err(|message| format!("{message}; `true` means \"mono\""));
            reader.parsed(&table.what("record"), value, parse).map(|layout| layout.value)
        }
    }
}

/// A `do` that somebody says for one call, as JSON. Whether there are such trunks and users is not looked at.
///
/// # Errors
/// All that is wrong with it, in words.
pub fn read_do(json: &str) -> Result<Do, String> {
    let text = format!("do = {}", toml_of(json)?);
    let mut reader = Reader::new(&text, "do", Outside::variables(&|_| None));
    let table = DeTable::parse(&text).map_err(|error| error.message().to_owned())?;
    let action = table.get_ref().get("do").and_then(|value| read_action(&mut reader, "it".to_owned(), value));
    let said: Vec<&str> = reader.problems.iter().map(|problem| &*problem.message).collect();
    match action {
        Some(action) if said.is_empty() => Ok(action.value),
        _ => Err(said.join("; ")),
    }
}

pub(crate) fn read_action(reader: &mut Reader<'_>, title: String, value: &Value<'_>) -> Option<At<Do>> {
    let mistakes_before = reader.problems.len();
    let table = Table::open(reader, value, &keys::DO, title)?;
    let has_odd_keys = reader.problems.len() > mistakes_before;
    let bridge = read_bridge(reader, &table);
    let ring = ring::read(reader, &table);
    let answer = played::read_answer(reader, &table);
    let reject = read_reject(reader, &table);
    let ask = ask::read(reader, &table);
    let verbs: Vec<&str> = ["bridge", "ring", "answer", "reject", "ask"].into_iter().filter(|verb| table.has(verb)).collect();
    match verbs.len() {
        // The verb is there, perhaps, but misspelt or not built yet.
        0 if has_odd_keys => {}
        0 => reader.report(table.place, format!("{} says nothing: `bridge`, `ring`, `answer`, `reject` or `ask` is wanted", table.title())),
        1 => {}
        _ => reader.report(table.place, format!("{} has {}: one of them is possible", table.title(), verbs.join(" and "))),
    }
    for (key, goes_with) in [
        ("timeout", &["bridge", "ring", "ask"][..]),
        ("ringback", &["bridge", "ring"]),
        ("reason", &["reject"]),
        ("announce", &["answer", "reject"]),
        ("times", &["answer", "announce"]),
    ]
    .into_iter()
    .chain(ring::KEYS.map(|key| (key, &["ring"][..])))
    .chain(ask::KEYS.map(|key| (key, &["ask"][..])))
    {
        if table.has(key) && !goes_with.iter().any(|verb| table.has(verb)) && !has_odd_keys {
            reader.report(table.place, format!("{} goes only with `{}`", table.what(key), goes_with.join("` and `")));
        }
    }
    bridge.or(ring).or(answer).or(reject).or(ask).map(|action| At::new(action, table.place))
}

fn read_reject(reader: &mut Reader<'_>, table: &Table<'_, '_>) -> Option<Do> {
    let status = read_status(reader, table, "reject");
    let reason = table.parsed(reader, "reason", |text| check_line(text, MAX_TEXT)).map(|reason| reason.value);
    let status = *status?;
    let early = played::read_announcement(reader, table, "announce");
    Some(match early {
        Some(early) => Do::Announce(Announce { early: Some(early), then: Then::Reject { status, reason } }),
        None => Do::Reject { status, reason },
    })
}

fn read_bridge(reader: &mut Reader<'_>, table: &Table<'_, '_>) -> Option<Do> {
    let endpoints = read_endpoints(reader, table, "bridge")?;
    let timeout = read_timeout(reader, table, "timeout");
    let ringback = played::read_ringback(reader, table);
    Some(Do::Bridge { endpoints, timeout, ringback })
}

/// The endpoints that the table lists under `verb`, if it has that.
pub(crate) fn read_endpoints(reader: &mut Reader<'_>, table: &Table<'_, '_>, verb: &str) -> Option<Vec<At<Endpoint>>> {
    let value = table.value(verb)?;
    let what = table.what(verb);
    let list = reader.list(&what, value, MAX_ENDPOINTS)?;
    if list.is_empty() {
        reader.report(reader.place_of(value), format!("{what} is empty: there is nobody to call"));
    }
    let mut endpoints = Vec::new();
    for entry in list {
        endpoints.extend(reader.parsed(&what, entry, Endpoint::parse));
    }
    Some(endpoints)
}

/// How long those may ring whom a route calls.
pub(crate) fn read_timeout(reader: &mut Reader<'_>, table: &Table<'_, '_>, key: &str) -> Option<Duration> {
    table.duration(reader, key, Duration::from_secs(1)..=Duration::from_secs(3600)).map(|span| *span)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_do_may_come_as_json() {
        let bridge = read_do(r#"{"bridge": ["trunk:carrier/+4930", "user:alice"], "timeout": "30s"}"#).unwrap();
        let Do::Bridge { endpoints, timeout, .. } = bridge else { unreachable!("{bridge:?}") };
        assert_eq!(endpoints.len(), 2);
        assert_eq!(timeout, Some(Duration::from_secs(30)));
        assert_eq!(read_do(r#"{"answer": "echo"}"#), Ok(Do::Answer(BuiltIn::Echo)));
        assert_eq!(read_do(r#"{"reject": 486}"#), Ok(Do::Reject { status: 486, reason: None }));
    }

    #[test]
    fn what_is_wrong_with_it_is_said() {
        for (json, said) in [
            (r#"{"brigde": ["trunk:a"]}"#, "the nearest valid key is `bridge`"),
            (r#"{"answer": "ekko"}"#, "the nearest is \"echo\""),
            (r#"{"answer": "${HOME}.wav"}"#, ""),
            (r#"{"bridge": []}"#, "nobody to call"),
            (r#"{}"#, "says nothing"),
            (r#"[1]"#, "a table is wanted"),
            (r#"{"answer": "echo", "answer": "tone"}"#, "duplicate key"),
            ("", "JSON"),
        ] {
            let read = read_do(json);
            if said.is_empty() {
                assert!(matches!(&read, Ok(Do::Announce(_))), "no variable is expanded: {read:?}");
            } else {
                assert!(read.as_ref().is_err_and(|message| message.contains(said)), "{json}: {read:?}");
            }
        }
    }
}
