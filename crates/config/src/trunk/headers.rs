//! `headers_in` and `headers_out`: which headers of an INVITE cross to the other leg.

use crate::{
    keys,
    reader::{Reader, Table, check_line},
};

/// Entries of one `set`, `pass` or `remove`.
pub const MAX_HEADER_RULES: usize = 64;

/// The longest name and the longest value, in bytes.
const MAX_NAME: usize = 64;
const MAX_VALUE: usize = 512;

/// `headers_in` or `headers_out`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HeaderRules {
    /// Put in at the end, in place of what has the same name.
    pub set: Vec<(Box<str>, Box<str>)>,
    /// Which may cross. `None`: not said.
    pub pass: Option<Vec<NamePattern>>,
    /// Which of these may not.
    pub remove: Vec<NamePattern>,
}

/// Names of headers: one, or with a `*` at the end all that begin so. Case does not count.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NamePattern {
    start: Box<str>,
    is_open: bool,
}

impl NamePattern {
    /// Whether `name` (in its long form) is one of them.
    pub fn fits(&self, name: &str) -> bool {
        match name.get(..self.start.len()) {
            Some(start) => start.eq_ignore_ascii_case(&self.start) && (self.is_open || name.len() == self.start.len()),
            None => false,
        }
    }

    fn parse(text: &str) -> Result<NamePattern, String> {
        let (start, is_open) = text.strip_suffix('*').map_or((text, false), |start| (start, true));
        if !is_open || !start.is_empty() {
            check_header_name(start)?;
        }
        if !is_open {
            check_not_ours(start)?;
        }
        Ok(NamePattern { start: start.into(), is_open })
    }
}

/// Which headers of a phone are let in where its section does not say: those that say something of the call, and of nobody's rank, right
/// or past.
const OF_A_PHONE: &[&str] = &[
    "Accept-Contact",
    "Accept-Language",
    "In-Reply-To",
    "Organization",
    "Reject-Contact",
    "Request-Disposition",
    "Subject",
    "User-Agent",
    "User-to-User",
];

/// Headers that the stack writes itself: no rule sets, passes or removes them.
const OURS: &[&str] = &[
    "Accept",
    "Accept-Encoding",
    "Allow",
    "Allow-Events",
    "Authentication-Info",
    "Authorization",
    "Call-ID",
    "Contact",
    "CSeq",
    "Event",
    "Expires",
    "From",
    "Join",
    "Max-Forwards",
    "MIME-Version",
    "Min-Expires",
    "Min-SE",
    "P-Asserted-Identity",
    "P-Preferred-Identity",
    "Path",
    "Privacy",
    "RAck",
    "Record-Route",
    "Refer-Sub",
    "Refer-To",
    "Remote-Party-ID",
    "Replaces",
    "Require",
    "Route",
    "RSeq",
    "Service-Route",
    "Session-Expires",
    "Session-ID",
    "SIP-ETag",
    "SIP-If-Match",
    "Subscription-State",
    "Supported",
    "Target-Dialog",
    "Timestamp",
    "To",
    "Unsupported",
    "Via",
    "WWW-Authenticate",
];

/// The same for all that begin so.
const OURS_FROM: &[&str] = &["Content-", "Proxy-"];

/// Compact forms (RFC 3261 §7.3.3 and those of later RFCs), and what they stand for.
const COMPACT: &[(&str, &str)] = &[
    ("a", "Accept-Contact"),
    ("b", "Referred-By"),
    ("c", "Content-Type"),
    ("d", "Request-Disposition"),
    ("e", "Content-Encoding"),
    ("f", "From"),
    ("i", "Call-ID"),
    ("j", "Reject-Contact"),
    ("k", "Supported"),
    ("l", "Content-Length"),
    ("m", "Contact"),
    ("n", "Identity-Info"),
    ("o", "Event"),
    ("r", "Refer-To"),
    ("s", "Subject"),
    ("t", "To"),
    ("u", "Allow-Events"),
    ("v", "Via"),
    ("x", "Session-Expires"),
    ("y", "Identity"),
];

/// Whether the stack writes the header of this name (in its long form) itself, so that no rule reaches it.
pub fn is_our_header(name: &str) -> bool {
    let begins = |start: &&&str| name.get(..start.len()).is_some_and(|begin| begin.eq_ignore_ascii_case(start));
    OURS.iter().any(|ours| ours.eq_ignore_ascii_case(name)) || OURS_FROM.iter().find(begins).is_some()
}

/// Whether somebody may have us say a header of this name (in its long form).
///
/// # Errors
/// Why not.
pub fn check_settable(name: &str) -> Result<(), String> {
    check_header_name(name).and_then(|()| check_not_ours(name))
}

fn check_not_ours(name: &str) -> Result<(), String> {
    if is_our_header(name) {
        return Err(format!("`{name}` is written by Tandem itself: no rule can set, pass or remove it"));
    }
    Ok(())
}

/// A token (RFC 3261 §25.1), and no compact form.
fn check_header_name(name: &str) -> Result<(), String> {
    let is_token = |c: char| c.is_ascii_alphanumeric() || "-.!%*_+`'~".contains(c);
    if name.is_empty() || name.len() > MAX_NAME {
        return Err(format!("the name of a header has from 1 to {MAX_NAME} characters"));
    }
    if let Some(odd) = name.chars().find(|c| !is_token(*c) || *c == '*') {
        return Err(format!("{odd:?} cannot stand in the name of a header; a `*` at the end stands for the rest of it"));
    }
    if let Some((_, long)) = COMPACT.iter().find(|(short, _)| short.eq_ignore_ascii_case(name)) {
        return Err(format!("`{name}` is short for `{long}`: write that"));
    }
    Ok(())
}

pub(super) fn read(reader: &mut Reader<'_>, table: &Table<'_, '_>, key: &str) -> HeaderRules {
    let Some(value) = table.value(key) else { return HeaderRules::default() };
    let Some(table) = Table::open(reader, value, &keys::HEADERS, table.what(key)) else { return HeaderRules::default() };
    HeaderRules {
        set: read_set(reader, &table),
        pass: table.has("pass").then(|| read_names(reader, &table, "pass")),
        remove: read_names(reader, &table, "remove"),
    }
}

/// `headers_in` of a `[[user]]`: what a phone says is nobody's word but its own.
pub(super) fn read_of_phone(reader: &mut Reader<'_>, table: &Table<'_, '_>) -> HeaderRules {
    let mut rules = read(reader, table, "headers_in");
    let named = |name: &&str| NamePattern { start: (*name).into(), is_open: false };
    rules.pass.get_or_insert_with(|| OF_A_PHONE.iter().map(named).collect());
    rules
}

fn read_names(reader: &mut Reader<'_>, table: &Table<'_, '_>, key: &str) -> Vec<NamePattern> {
    let Some(value) = table.value(key) else { return Vec::new() };
    let what = table.what(key);
    let list = reader.list(&what, value, MAX_HEADER_RULES).unwrap_or_default();
    list.iter().filter_map(|entry| reader.parsed(&what, entry, NamePattern::parse)).map(|name| name.value).collect()
}

fn read_set(reader: &mut Reader<'_>, table: &Table<'_, '_>) -> Vec<(Box<str>, Box<str>)> {
    let Some(value) = table.value("set") else { return Vec::new() };
    let what = table.what("set");
    let Some(entries) = value.get_ref().as_table() else {
        reader.wrong_kind(&what, "a table like { \"X-Name\" = \"value\" }", value);
        return Vec::new();
    };
    if entries.len() > MAX_HEADER_RULES {
        reader.report(reader.place_of(value), format!("{what} has {} entries; at most {MAX_HEADER_RULES} are taken", entries.len()));
    }
    let mut set: Vec<(Box<str>, Box<str>)> = Vec::new();
    for (key, value) in entries.iter().take(MAX_HEADER_RULES) {
        let name: &str = key.get_ref();
        let is_new = set.iter().all(|(other, _)| !other.eq_ignore_ascii_case(name));
        let fault = check_settable(name);
        let fault = fault.and_then(|()| if is_new { Ok(()) } else { Err(format!("`{name}` stands there twice: case does not count")) });
        if let Err(message) = fault {
            reader.report(reader.place_of(key), format!("{what}: {message}"));
            continue;
        }
        let value = reader.parsed(&format!("`{name}` of {what}"), value, |text| check_line(text.trim(), MAX_VALUE));
        set.extend(value.map(|value| (name.into(), value.value)));
    }
    set
}
