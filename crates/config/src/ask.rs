//! `do = { ask = "https://…" }`: somebody else says where a call goes.

use crate::{
    problem::At,
    reader::{Reader, Table},
    route::{Do, read_action},
    trunk::read_secret,
};
use std::{ops::RangeInclusive, time::Duration};
use tandem_model::Secret;

/// How long an answer may take. A call waits ten seconds for where it goes, whoever says so.
const TIMEOUT: RangeInclusive<Duration> = Duration::from_millis(100)..=Duration::from_secs(8);

/// How long it may take where nothing is written.
const USUAL_TIMEOUT: Duration = Duration::from_secs(3);

/// The longest URL, in bytes.
const MAX_URL: usize = 2048;

/// Whom a route asks, and what it does where there is no answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ask {
    /// `http://…` or `https://…`.
    pub url: Box<str>,
    /// An answer that takes longer is none.
    pub timeout: Duration,
    /// What questions are signed with.
    pub secret: Option<Secret>,
    /// What the route does without an answer, or with one that cannot be followed. Not another [`Do::Ask`].
    pub default: At<Do>,
}

/// The `ask` of a table, if it has one.
pub(crate) fn read(reader: &mut Reader<'_>, table: &Table<'_, '_>) -> Option<Do> {
    let url = table.parsed(reader, "ask", parse_url)?;
    let timeout = table.duration(reader, "timeout", TIMEOUT).map_or(USUAL_TIMEOUT, |span| *span);
    let secret = table.value("secret").and_then(|value| read_secret(reader, table, "secret", value));
    let default = match table.value("default") {
        Some(value) => read_action(reader, table.what("default"), value)?,
        None => At::new(Do::Reject { status: 503, reason: None }, table.place),
    };
    if matches!(default.value, Do::Ask(_)) {
        reader.report(default.place, format!("{} cannot ask again: it is for when nobody answers", table.what("default")));
        return None;
    }
    Some(Do::Ask(Box::new(Ask { url: url.value, timeout, secret, default })))
}

/// Reads the URL of a webhook.
pub(crate) fn parse_url(text: &str) -> Result<Box<str>, String> {
    let rest = ["https://", "http://"].iter().find_map(|scheme| text.strip_prefix(scheme));
    let host = rest.and_then(|rest| rest.split(['/', '?', '#']).next()).unwrap_or_default();
    let is_plain = |text: &str| text.bytes().all(|byte| byte.is_ascii_graphic());
    match rest {
        None => Err(format!("`{}` must begin with https:// or http://", text.escape_debug())),
        Some(_) if text.len() > MAX_URL => Err(format!("at most {MAX_URL} bytes are possible")),
        Some(_) if host.is_empty() || !is_plain(text) || text.contains('#') => Err(format!("`{}` is not a URL", text.escape_debug())),
        Some(_) if host.contains('@') => Err("a user or a password cannot stand in the URL: sign with `secret`".to_owned()),
        Some(_) => Ok(text.into()),
    }
}

/// The keys that go with `ask` alone.
pub(crate) const KEYS: [&str; 2] = ["secret", "default"];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_are_for_http() {
        for good in ["https://a.example/route?x=1", "http://127.0.0.1:9000", "http://[::1]/"] {
            assert_eq!(parse_url(good).as_deref(), Ok(good));
        }
        for bad in [
            "",
            "a.example",
            "ftp://a.example",
            "https://",
            "https:///x",
            "https://u:p@a.example/",
            "https://a b/",
            "https://a/#x",
            "https://ä/",
        ] {
            assert!(parse_url(bad).is_err(), "{bad}");
        }
    }
}
