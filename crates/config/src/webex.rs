//! `[webex]`: `POST /bridge`, which joins a Webex meeting and a SIP address.

use crate::{
    ask::parse_url,
    keys,
    problem::At,
    reader::{Reader, Table, Value},
    trunk::Toll,
};
use std::{ops::RangeInclusive, time::Duration};

/// `[webex]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Webex {
    /// By which trunk meetings are called.
    pub trunk: At<Box<str>>,
    /// By which the others are; the same where nothing is written.
    pub endpoint_trunk: At<Box<str>>,
    /// The number that calls both; `None`: nobody's.
    pub from: Option<Box<str>>,
    /// Where Webex is asked: a URL without a slash at its end.
    pub base: Box<str>,
    /// Who is not on this machine may ask, too.
    pub open: bool,
    /// Which addresses may be called.
    pub may_call: Toll,
    /// For so long tokens are checked and the meeting is looked up.
    pub load_timeout: Duration,
    /// For so long both are called, together.
    pub bridge_timeout: Duration,
}

/// Webex itself.
const USUAL_BASE: &str = "https://webexapis.com/v1";

/// As the original waits.
const USUAL_TIMEOUT: Duration = Duration::from_secs(60);

const TIMEOUTS: RangeInclusive<Duration> = Duration::from_millis(100)..=Duration::from_secs(600);

/// The longest number, in bytes.
const MAX_FROM: usize = 128;

impl Webex {
    pub(crate) fn read(reader: &mut Reader<'_>, value: &Value<'_>) -> Option<Webex> {
        let table = Table::open(reader, value, &keys::WEBEX, keys::WEBEX.title.to_owned())?;
        table.missing(reader, "trunk", "\"…\"");
        let trunk = table.name(reader, "trunk");
        let endpoint_trunk = table.name(reader, "endpoint_trunk");
        let from = table.parsed(reader, "from", parse_from).map(|from| from.value);
        let base = table.parsed(reader, "base", parse_base).map_or_else(|| USUAL_BASE.into(), |base| base.value);
        let open = table.boolean(reader, "open").unwrap_or(false);
        let may_call = Toll::read_may_call(reader, &table);
        if open && !table.has("may_call") {
            let message = "[webex] with `open = true` needs `may_call`: whoever reaches it calls at our expense";
            reader.report(table.place, message);
        }
        let mut timeout = |key| table.duration(reader, key, TIMEOUTS).map_or(USUAL_TIMEOUT, |span| *span);
        let (load_timeout, bridge_timeout) = (timeout("load_timeout"), timeout("bridge_timeout"));
        let trunk = trunk?;
        let endpoint_trunk = endpoint_trunk.unwrap_or_else(|| trunk.clone());
        Some(Webex { trunk, endpoint_trunk, from, base, open, may_call, load_timeout, bridge_timeout })
    }
}

fn parse_from(text: &str) -> Result<Box<str>, String> {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "+-_.!~*#".contains(c);
    if text.is_empty() || text.len() > MAX_FROM || !text.chars().all(is_plain) {
        return Err(format!("`{}` is no number, like \"+15557654321\"", text.escape_debug()));
    }
    Ok(text.into())
}

fn parse_base(text: &str) -> Result<Box<str>, String> {
    let url = parse_url(text)?;
    if url.contains('?') {
        return Err(format!("`{text}` goes on with `?`: paths are put behind it"));
    }
    Ok(url.trim_end_matches('/').into())
}
