//! Diversion (RFC 5806) and History-Info (RFC 7044): read, and written anew.

use super::leg::Extra;
use super::parties::{NOBODYS_HOST, address, display_name, is_text, number_in, privacy, uri_of};
use crate::message::{HeaderName, Message, NameAddr, Params, Uri, unescape};
use tandem_model::{LegPlan, Moved, Passage, Trail};

/// Entries of one header that are looked at and written.
const MAX_PASSAGES: usize = 16;

/// The longest `Reason` of an entry that goes on, escaped as it is.
const MAX_REASON: usize = 256;

/// What the reasons of RFC 5806 §4 are; another could be a name.
const REASONS: &[&str] = &[
    "unknown",
    "user-busy",
    "no-answer",
    "unavailable",
    "unconditional",
    "time-of-day",
    "do-not-disturb",
    "deflection",
    "follow-me",
    "out-of-service",
    "away",
];

/// The longest `index`, and its like, of an entry that names nobody: eight levels of one digit. No level, and no count, has more than two.
const MAX_INDEX: usize = 15;

/// What an INVITE says of those who were called before.
pub(super) fn trail(invite: &Message) -> Trail {
    let read = |name: HeaderName| {
        let entries = invite.values(name).take(MAX_PASSAGES).filter_map(|value| NameAddr::parse(value).ok());
        Some(entries.filter_map(|entry| passage(&entry)).collect())
    };
    Trail { diversion: read(HeaderName::Diversion), history: read(HeaderName::HistoryInfo), ..Trail::default() }
}

fn passage(entry: &NameAddr<'_>) -> Option<Passage> {
    let uri = Uri::parse(entry.uri).ok()?;
    let header = |wanted: &str| uri.headers.iter().find(|(name, _)| unescape(name).eq_ignore_ascii_case(wanted)).map(|(_, value)| value);
    // RFC 7044 §10.1.1: a Privacy header in the URI is about that entry; RFC 5806 §4: a parameter.
    let private = header("Privacy").is_some_and(asks_for_history)
        || entry.params.get("privacy").is_some_and(|privacy| !privacy.trim_matches('"').eq_ignore_ascii_case("off"));
    let mut tail = String::new();
    // RFC 4458 §2: why the call was sent there.
    if let Some(cause) = uri.params.get("cause").filter(|cause| cause.len() == 3 && cause.bytes().all(|byte| byte.is_ascii_digit())) {
        tail.push_str(";cause=");
        tail.push_str(cause);
    }
    if let Some(reason) = header("Reason").filter(|reason| reason.len() <= MAX_REASON && reason.bytes().all(|byte| byte.is_ascii_graphic()))
    {
        tail.push_str("?Reason=");
        tail.push_str(reason);
    }
    let name = display_name(entry);
    Some(Passage { name, number: number_in(entry.uri)?, tail: tail.into(), params: params(&entry.params), private, ..Passage::default() })
}

/// Whether an escaped Privacy asks that nobody be told of it.
fn asks_for_history(value: &str) -> bool {
    unescape(value).split(';').any(|asked| ["history", "header"].iter().any(|word| word.eq_ignore_ascii_case(asked.trim())))
}

fn params(params: &Params<'_>) -> Box<str> {
    joined(params.iter().filter(|(name, value)| !name.eq_ignore_ascii_case("privacy") && value.is_none_or(is_text))).into()
}

fn joined<'p>(params: impl Iterator<Item = (&'p str, Option<&'p str>)>) -> String {
    let mut text = String::new();
    for (name, value) in params {
        text.push(';');
        text.push_str(name);
        if let Some(value) = value {
            text.push('=');
            text.push_str(value);
        }
    }
    text
}

/// Writes what a plan says of them; `failed` is the status of who was called before in this call, if anybody was.
pub(super) fn write(trail: Option<&Trail>, failed: Option<u16>, host: &str, extra: &mut Extra) {
    let Some(trail) = trail else { return };
    for passage in trail.diversion.iter().flatten().take(MAX_PASSAGES) {
        let privacy = if passage.private || passage.hidden { ";privacy=full" } else { "" };
        let params = match passage.own {
            Some(moved) => format!(";reason={};counter=1", diversion_reason(moved, failed)),
            None => params_of(passage),
        };
        extra.push(HeaderName::Diversion, &[&shown(passage, "", host), &*params, privacy].concat());
    }
    let mut last = String::from("1");
    for passage in trail.history.iter().flatten().take(MAX_PASSAGES) {
        let Some(moved) = passage.own else {
            let params = params_of(passage);
            last = index(&params).unwrap_or(&last).to_owned();
            extra.push(HeaderName::HistoryInfo, &(shown(passage, &tail(passage, ""), host) + &params));
            continue;
        };
        // RFC 7044 §10.3: what comes of an entry is one level below it; §5: `mp` says which it is.
        let next = format!("{last}.1");
        let tail = tail(passage, &format!(";cause={}", history_cause(moved, failed)));
        extra.push(HeaderName::HistoryInfo, &format!("{};index={next};mp={last}", shown(passage, &tail, host)));
        last = next;
    }
}

/// The parameters of an entry that came. Of one that names nobody those that RFCs know: others could name it.
fn params_of(passage: &Passage) -> String {
    if !passage.hidden {
        return passage.params.to_string();
    }
    let is_known = |(name, value): &(&str, Option<&str>)| tells_nothing(name, value.unwrap_or_default());
    Params::parse(&passage.params).map(|params| joined(params.iter().filter(is_known))).unwrap_or_default()
}

/// Whether neither the parameter nor its value could say who it is (RFC 5806 §4, RFC 7044 §5).
fn tells_nothing(name: &str, value: &str) -> bool {
    let is_one = |words: &[&str]| words.iter().any(|word| word.eq_ignore_ascii_case(value));
    let is_count = |text: &str| matches!(text.len(), 1 | 2) && text.bytes().all(|byte| byte.is_ascii_digit());
    match name.to_ascii_lowercase().as_str() {
        "reason" => is_one(REASONS),
        "screen" => is_one(&["yes", "no"]),
        "counter" | "limit" => is_count(value),
        "index" | "rc" | "mp" | "np" => value.len() <= MAX_INDEX && value.split('.').all(is_count),
        _ => false,
    }
}

/// What stands behind the address in the URI of an entry of History-Info: `first`, and what it has itself.
fn tail(passage: &Passage, first: &str) -> String {
    let mut tail = [first, &passage.tail].concat();
    if passage.private {
        // RFC 7044 §10.1: what is private stays so for whoever it is told to.
        tail.push_str(if tail.contains('?') { "&Privacy=history" } else { "?Privacy=history" });
    }
    tail
}

/// A redirection of `plan`'s target sends the call to the number of `next`, by a Contact of this URI.
pub(super) fn redirected(plan: &LegPlan, response: &Message, contact: &Uri<'_>, next: &mut LegPlan) {
    let (before, after) = (number_in(&plan.uri).unwrap_or_default(), number_in(&next.uri).unwrap_or_default());
    let Some(trail) = next.presentation.as_mut().and_then(|said| said.trail.as_mut()) else { return };
    let own = Some(Moved::ByRedirection);
    // RFC 7044 §10.1.1: who redirects asks for its own entry by the response's Privacy, and for the next one in the Contact.
    let left_is_private = privacy(response).hides_history();
    let next_is_private =
        contact.headers.iter().any(|(name, value)| unescape(name).eq_ignore_ascii_case("Privacy") && asks_for_history(value));
    let hidden = |private: bool| trail.enforces && (trail.hides || private);
    let (hides_left, hides_next) = (hidden(left_is_private), hidden(next_is_private));
    if let Some(entries) = trail.diversion.as_mut().filter(|_| trail.adds_diversion) {
        entries.insert(0, Passage { number: before.clone(), private: left_is_private, hidden: hides_left, own, ..Passage::default() });
    }
    if let Some(entries) = trail.history.as_mut().filter(|_| trail.adds_history) {
        if entries.is_empty() {
            entries.push(Passage { number: before, params: ";index=1".into(), ..Passage::default() });
        }
        // RFC 7044 §10.2: why a target was left stands with that target.
        if let Some(left) = entries.last_mut().filter(|left| !left.tail.contains('?')) {
            left.tail = format!("{}?Reason=SIP%3Bcause%3D{}", left.tail, response.status()).into();
        }
        if let Some(left) = entries.last_mut() {
            (left.private, left.hidden) = (left.private || left_is_private, left.hidden || hides_left);
        }
        entries.push(Passage { number: after, private: next_is_private, hidden: hides_next, own, ..Passage::default() });
    }
}

fn shown(passage: &Passage, tail: &str, host: &str) -> String {
    if passage.hidden {
        return address(Some("Anonymous"), &["sip:anonymous@", NOBODYS_HOST].concat());
    }
    let uri = uri_of(&passage.number, host);
    address(passage.name.as_deref(), &[&uri, tail].concat())
}

fn index(params: &str) -> Option<&str> {
    let index = params.split(';').find_map(|param| param.strip_prefix("index="))?;
    index.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.').then_some(index)
}

/// RFC 5806 §4.
fn diversion_reason(moved: Moved, failed: Option<u16>) -> &'static str {
    match (moved, failed) {
        (Moved::ByRedirection, _) => "deflection",
        (Moved::ByRoute, None) => "unconditional",
        (Moved::ByRoute, Some(486 | 600)) => "user-busy",
        (Moved::ByRoute, Some(408 | 480 | 487)) => "no-answer",
        (Moved::ByRoute, Some(_)) => "unavailable",
    }
}

/// RFC 4458 §2, as RFC 7544 §7.1 has them beside those of Diversion.
fn history_cause(moved: Moved, failed: Option<u16>) -> u16 {
    match diversion_reason(moved, failed) {
        "deflection" => 480,
        "user-busy" => 486,
        "no-answer" => 408,
        "unavailable" => 503,
        _ => 302,
    }
}
