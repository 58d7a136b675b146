//! Headers and bodies of transfer: Refer-To, Replaces, Target-Dialog, Refer-Sub, Event, Subscription-State, `message/sipfrag`.

use super::list::{Params, skip_space};
use super::{HeaderName, Message, Method, NameAddr, Scheme, Uri, chars, unescape};
use std::borrow::Cow;

/// Headers in one URI of Refer-To that are looked at; more make it unreadable.
const MAX_URI_HEADERS: usize = 16;

/// The longest `Replaces` in a Refer-To that is carried into an INVITE.
const MAX_REPLACES: usize = 1024;

/// Refer-To (RFC 3515 §2.1): whom to call, and what with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReferTo<'a> {
    /// The URI less its headers and its `method`: the Request-URI of what is asked for.
    pub uri: Cow<'a, str>,
    /// The user part of it, unescaped.
    pub user: Cow<'a, str>,
    /// What is to be sent there; INVITE where the URI does not say (RFC 3261 §19.1.1).
    pub method: Method,
    /// The `Replaces` among its headers, unescaped (RFC 3891 §4).
    pub replaces: Option<Box<str>>,
    /// Its `Require` has `replaces`: whoever does not know that is not to ring (RFC 3891 §4).
    pub requires_replaces: bool,
    /// It has `Require` or other headers that change what the INVITE means, which are not carried.
    pub has_other_headers: bool,
}

impl<'a> ReferTo<'a> {
    /// Reads the value. `None` for what is no `sip:` or `sips:` URI, or has a `Replaces` that is none.
    pub fn parse(value: &'a str) -> Option<ReferTo<'a>> {
        let address = NameAddr::parse(value).ok()?;
        let uri = Uri::parse(address.uri).ok()?;
        if !matches!(uri.scheme, Scheme::Sip | Scheme::Sips) {
            return None;
        }
        if uri.headers.iter().count() > MAX_URI_HEADERS {
            return None;
        }
        let named = |wanted: &str| uri.headers.iter().find(|(name, _)| unescape(name).eq_ignore_ascii_case(wanted));
        let replaces: Option<Box<str>> = named("Replaces").map(|(_, value)| unescape(value).into());
        if replaces.as_deref().is_some_and(|replaces| !is_carried(replaces)) {
            return None;
        }
        let has_other_headers = uri.headers.iter().any(|(name, _)| !unescape(name).eq_ignore_ascii_case("Replaces"));
        let requires = named("Require").map(|(_, value)| unescape(value));
        let requires_replaces = requires.is_some_and(|tags| tags.split(',').any(|tag| tag.trim().eq_ignore_ascii_case("replaces")));
        let method = uri.params.get("method").map_or(Method::Invite, |method| Method::from_bytes(unescape(method).as_bytes()));
        let bare = &address.uri[..address.uri.len() - uri.headers.as_str().len()];
        let user = match uri.user_unescaped() {
            Cow::Borrowed(user) => Cow::Borrowed(user.split(';').next().unwrap_or_default()),
            Cow::Owned(user) => Cow::Owned(user.split(';').next().unwrap_or_default().to_owned()),
        };
        Some(ReferTo { uri: without_method(bare, &uri), user, method, replaces, requires_replaces, has_other_headers })
    }
}

/// Whether an unescaped `Replaces` may become a header: escapes can hold line ends (RFC 3261 §19.1.5 leaves that to whoever makes the
/// request).
fn is_carried(replaces: &str) -> bool {
    let is_text = |byte: u8| byte == b' ' || byte.is_ascii_graphic();
    replaces.len() <= MAX_REPLACES && replaces.bytes().all(is_text) && Replaces::parse(replaces).is_some()
}

/// RFC 3261 §19.1.5: the method is that of the request line, and no part of its URI.
fn without_method<'a>(bare: &'a str, uri: &Uri<'_>) -> Cow<'a, str> {
    if !uri.params.has("method") {
        return Cow::Borrowed(bare);
    }
    let mut kept = bare[..bare.len() - uri.params.as_str().len()].to_owned();
    for (name, value) in uri.params.iter().filter(|(name, _)| !name.eq_ignore_ascii_case("method")) {
        kept.push(';');
        kept.push_str(name);
        if let Some(value) = value {
            kept.push('=');
            kept.push_str(value);
        }
    }
    Cow::Owned(kept)
}

/// Replaces (RFC 3891 §6.1). Its tags are those of the dialog at the user agent that gets the header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Replaces<'a> {
    /// Call-ID of the dialog to be replaced.
    pub call_id: &'a str,
    /// The receiver's own tag.
    pub to_tag: &'a str,
    /// The tag of its peer.
    pub from_tag: &'a str,
    /// Only while the dialog is early.
    pub early_only: bool,
}

impl<'a> Replaces<'a> {
    /// Reads the value. `None` without both tags.
    pub fn parse(value: &'a str) -> Option<Replaces<'a>> {
        let (call_id, params) = named_dialog(value)?;
        let (to_tag, from_tag) = (params.get("to-tag")?, params.get("from-tag")?);
        Some(Replaces { call_id, to_tag, from_tag, early_only: params.has("early-only") })
    }
}

/// What a Replaces says beside the dialog that it names: its parameters without a value, `early-only` among them (RFC 3891 §6.1).
pub fn replaces_flags(value: &str) -> impl Iterator<Item = &str> {
    let params = named_dialog(value).map(|(_, params)| params);
    params.into_iter().flat_map(|params| params.iter()).filter_map(|(name, value)| value.is_none().then_some(name))
}

/// Target-Dialog (RFC 4538 §7): a dialog that the sender knows of. Its tags are those that the receiver sees (§3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TargetDialog<'a> {
    /// Its Call-ID.
    pub call_id: &'a str,
    /// The receiver's own tag in it.
    pub local_tag: &'a str,
    /// The tag of its peer.
    pub remote_tag: &'a str,
}

impl<'a> TargetDialog<'a> {
    /// Reads the value. `None` without both tags.
    pub fn parse(value: &'a str) -> Option<TargetDialog<'a>> {
        let (call_id, params) = named_dialog(value)?;
        Some(TargetDialog { call_id, local_tag: params.get("local-tag")?, remote_tag: params.get("remote-tag")? })
    }

    /// That of a request, if it has one.
    ///
    /// # Errors
    /// It cannot be read, or there are several.
    pub fn of(request: &'a Message) -> Result<Option<TargetDialog<'a>>, BadTargetDialog> {
        let mut values = request.headers().filter(|header| header.name == HeaderName::TargetDialog);
        match (values.next(), values.next()) {
            (None, _) => Ok(None),
            (Some(one), None) => TargetDialog::parse(one.value).map(Some).ok_or(BadTargetDialog),
            (Some(_), Some(_)) => Err(BadTargetDialog),
        }
    }
}

/// A Target-Dialog that names no dialog, or one of several.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("Target-Dialog that cannot be read")]
pub struct BadTargetDialog;

/// `callid *( SEMI param )`.
fn named_dialog(value: &str) -> Option<(&str, Params<'_>)> {
    let start = skip_space(value.as_bytes(), 0);
    let end = value.find(';')?;
    let call_id = chars::trim(value.get(start..end)?);
    let is_word = !call_id.is_empty() && call_id.bytes().all(|byte| byte.is_ascii_graphic());
    is_word.then_some(())?;
    Some((call_id, Params::parse(&value[end..]).ok()?))
}

/// Event (RFC 6665 §8.2.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EventHeader<'a> {
    /// The package, as written.
    pub package: &'a str,
    /// Which of several subscriptions of it in one dialog.
    pub id: Option<&'a str>,
}

impl<'a> EventHeader<'a> {
    /// Reads the value.
    pub fn parse(value: &'a str) -> Option<EventHeader<'a>> {
        let end = value.find(';').unwrap_or(value.len());
        let package = chars::trim(&value[..end]);
        let params = Params::parse(&value[end..]).ok()?;
        (!package.is_empty()).then_some(EventHeader { package, id: params.get("id") })
    }

    /// It is `refer` (RFC 3515 §3.1).
    pub fn is_refer(&self) -> bool {
        self.package == "refer"
    }
}

/// Subscription-State (RFC 6665 §8.2.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SubscriptionState<'a> {
    /// `active`, `pending` or `terminated`, or what somebody else thought of.
    pub state: &'a str,
    /// Seconds.
    pub expires: Option<u32>,
    /// Why it is terminated.
    pub reason: Option<&'a str>,
}

impl<'a> SubscriptionState<'a> {
    /// Reads the value.
    pub fn parse(value: &'a str) -> Option<SubscriptionState<'a>> {
        let end = value.find(';').unwrap_or(value.len());
        let state = chars::trim(&value[..end]);
        let params = Params::parse(&value[end..]).ok()?;
        let expires = params.get("expires").and_then(|seconds| seconds.parse().ok());
        (!state.is_empty()).then_some(SubscriptionState { state, expires, reason: params.get("reason") })
    }

    /// Nothing more comes.
    pub fn is_terminated(&self) -> bool {
        self.state.eq_ignore_ascii_case("terminated")
    }
}

/// Whether a REFER asks for no subscription (RFC 4488 §4).
pub fn declines_subscription(refer: &Message) -> bool {
    refer.header(HeaderName::ReferSub).is_some_and(|value| {
        let end = value.find(';').unwrap_or(value.len());
        chars::trim(&value[..end]).eq_ignore_ascii_case("false")
    })
}

/// The content type of a fragment of a message (RFC 3420 §2).
pub const SIPFRAG: &str = "message/sipfrag;version=2.0";

/// The status that a `message/sipfrag` body begins with (RFC 3515 §2.4.5); `None` for other bodies.
pub fn sipfrag_status(message: &Message) -> Option<u16> {
    message.content_type().filter(|kind| kind.is("message", "sipfrag"))?;
    let text = message.body().strip_prefix(b"SIP/2.0 ")?;
    let digits = text.get(..3)?;
    let status = std::str::from_utf8(digits).ok()?.parse().ok()?;
    let ended = matches!(text.get(3), None | Some(b' ' | b'\r' | b'\n'));
    (ended && (100..700).contains(&status)).then_some(status)
}

/// A status line as a body of that kind.
pub fn sipfrag(status: u16, reason: &str) -> String {
    format!("SIP/2.0 {status} {reason}\r\n")
}

/// A value as the header of a URI: everything that RFC 3261 §25.1 `hvalue` does not have is escaped.
pub fn escape_in_uri(value: &str) -> String {
    let mut escaped = String::with_capacity(value.len() + value.len() / 4);
    for byte in value.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_.!~*'()[]/?:+$".contains(&byte) {
            escaped.push(char::from(byte));
        } else {
            escaped.push_str(&format!("%{byte:02X}"));
        }
    }
    escaped
}
