//! Who calls whom: as the caller's INVITE says it, and as ours does.

use super::NodeFacts;
use super::leg::{Extra, Leg};
use crate::message::{HeaderName, Host, Message, NameAddr, Scheme, Uri};
use std::borrow::Cow;
use tandem_model::{Asks, CalledFrom, Caller, CallerId, LegPlan, Presentation, Privacy, Shows};

/// The called number: the user part, unescaped, less its parameters (RFC 3261 §19.1.6 puts those of a tel URI there). Where `from`
/// names a header that is not there, or has no number, it is that of the Request-URI, `uri`, if that can have one.
pub(super) fn called_number(invite: Option<&Message>, from: CalledFrom, uri: &str) -> Box<str> {
    let elsewhere = invite.and_then(|invite| match from {
        CalledFrom::RequestUri => None,
        CalledFrom::To | CalledFrom::ToAlone => invite.to().ok().map(|to| to.uri),
        CalledFrom::PCalledPartyId => uri_in(invite, HeaderName::PCalledPartyId),
        // RFC 7315 §4.2: what the caller dialled, before the registrar put our Contact in its place.
        CalledFrom::Beyond => uri_in(invite, HeaderName::PCalledPartyId).or_else(|| invite.to().ok().map(|to| to.uri)),
    });
    let elsewhere = elsewhere.and_then(number_in).filter(|number| !number.is_empty());
    elsewhere.or_else(|| number_in(uri).filter(|_| !is_ours(from))).unwrap_or_default()
}

/// Whether the Request-URI is what we registered, which is no number and is nobody's business.
fn is_ours(from: CalledFrom) -> bool {
    matches!(from, CalledFrom::Beyond | CalledFrom::ToAlone)
}

/// RFC 3261 §8.2.2.1: a request to what we registered that says nowhere whom it is for is for nobody here.
pub(super) fn names_nobody(called: &str, from: CalledFrom) -> bool {
    called.is_empty() && is_ours(from)
}

/// The number that a request calls, as the profile of whoever sent it says where to look.
pub fn number_called(request: &Message, from: CalledFrom) -> Box<str> {
    called_number(Some(request), from, request.uri())
}

/// Who calls. Where the header that `from` names is not there, or has no number, From says it.
pub(super) fn caller(invite: &Message, from: CallerId) -> Caller {
    let asserted = match from {
        CallerId::From => None,
        CallerId::Pai => addresses(invite, HeaderName::PAssertedIdentity).find_map(named),
        CallerId::Ppi => addresses(invite, HeaderName::PPreferredIdentity).find_map(named),
        CallerId::Rpid => addresses(invite, HeaderName::RemotePartyId).filter(is_of_caller).find_map(named),
    };
    let mut privacy = privacy(invite);
    privacy.id |= from == CallerId::Rpid && addresses(invite, HeaderName::RemotePartyId).any(|party| is_kept_private(&party));
    let is_screened = match from {
        CallerId::From | CallerId::Ppi => false,
        CallerId::Pai => asserted.is_some(),
        CallerId::Rpid => {
            addresses(invite, HeaderName::RemotePartyId).filter(is_of_caller).find(|party| named(*party).is_some()).is_some_and(is_screened)
        }
    };
    let (name, number) = asserted.unwrap_or_else(|| {
        let from = invite.from().ok().filter(|from| !is_nobodys(from.uri));
        (from.and_then(|from| display_name(&from)), from.and_then(|from| number_in(from.uri)).unwrap_or_default())
    });
    Caller { name, number, privacy, is_screened }
}

/// The headers that policy may let cross: all but those that make the message what it is, and those that are for us alone.
pub(super) fn shown_headers(invite: &Message) -> Box<[(Box<str>, Box<str>)]> {
    let is_shown = |name: HeaderName| {
        !matches!(
            name,
            HeaderName::Via
                | HeaderName::From
                | HeaderName::To
                | HeaderName::CallId
                | HeaderName::CSeq
                | HeaderName::Contact
                | HeaderName::Route
                | HeaderName::RecordRoute
                | HeaderName::ContentType
                | HeaderName::ContentLength
                | HeaderName::Authorization
                | HeaderName::ProxyAuthorization
        )
    };
    let shown = invite.headers().filter(|header| is_shown(header.name)).filter_map(|header| {
        let name = if header.name == HeaderName::Other { header.raw_name } else { header.name.canonical() };
        let value = header.unfolded();
        is_text(&value).then(|| (name.into(), value.as_ref().into()))
    });
    shown.collect()
}

/// Whether it may go on. A backslash lets control characters into quoted strings (RFC 3261 §25.1 `quoted-pair`), where careless readers
/// see the end of a line.
pub(super) fn is_text(value: &str) -> bool {
    !value.chars().any(|character| character.is_control() && character != '\t')
}

/// The host part of our From towards the target of a plan.
pub(super) fn our_host<'n>(node: &'n NodeFacts, plan: &'n LegPlan) -> &'n str {
    let own = plan.presentation.as_deref().and_then(|presentation| presentation.domain.as_deref());
    own.or(node.terms.domain.as_deref()).unwrap_or(&node.listener(plan.profile.listener).host)
}

/// The host of the From of somebody who is not to be known (RFC 3323 §4.1.1.3).
pub(super) const NOBODYS_HOST: &str = "anonymous.invalid";

/// Our From for the callee, and the URI in it: the caller's name and number, our host (what lies behind stays hidden). Who calls as policy
/// knows it goes before what the caller's own From says, unless it is not to be told.
pub(super) fn our_from(invite: Option<&Message>, said: Option<&Presentation>, host: &str) -> (String, String) {
    let theirs = invite.and_then(|invite| invite.from().ok());
    match said.map_or((Shows::Own, None), |said| (said.shows, said.caller.as_ref())) {
        // RFC 3323 §4.1.1.3: nobody's From stays so, unless somebody else is known to call.
        (Shows::Caller, Some(caller)) if !caller.number.is_empty() || !theirs.is_some_and(|from| is_nobodys(from.uri)) => {
            let uri = uri_of(&caller.number, host);
            return (address(caller.name.as_deref(), &uri), uri);
        }
        (Shows::Nobody, _) => return nobody(),
        // The caller is here no more, and its From neither.
        (Shows::Own, Some(caller)) if theirs.is_none() && caller.privacy.hides_caller() => return nobody(),
        _ => {}
    }
    let parsed = theirs.and_then(|from| Uri::parse(from.uri).ok());
    let host = if theirs.is_some_and(|from| is_nobodys(from.uri)) { NOBODYS_HOST } else { host };
    let user = parsed.and_then(|uri| uri.user).filter(|user| !user.is_empty());
    let uri = match user {
        Some(user) => ["sip:", user, "@", host].concat(),
        None => ["sip:", host].concat(),
    };
    let from = match theirs.and_then(|from| from.display).filter(|display| !display.is_empty()) {
        Some(display) if display.starts_with('"') => [display, " <", &uri, ">"].concat(),
        // What was a word by itself becomes a quoted string, in which a backslash takes away the meaning of what follows (§25.1).
        Some(display) if display.contains('\\') => ["\"", &display.replace('\\', "\\\\"), "\" <", &uri, ">"].concat(),
        Some(display) => ["\"", display, "\" <", &uri, ">"].concat(),
        None => ["<", &uri, ">"].concat(),
    };
    (from, uri)
}

/// The From of nobody, and the URI in it.
fn nobody() -> (String, String) {
    let uri = ["sip:anonymous@", NOBODYS_HOST].concat();
    (address(Some("Anonymous"), &uri), uri)
}

fn is_nobodys(uri: &str) -> bool {
    Uri::parse(uri).is_ok_and(|uri| matches!(uri.host, Host::Name(name) if name.eq_ignore_ascii_case(NOBODYS_HOST)))
}

/// The headers that name the caller beside From, and say what of that is private.
pub(super) fn identity(invite: Option<&Message>, said: Option<&Presentation>, host: &str) -> Extra {
    let mut extra = Extra::none();
    let caller = said.and_then(|said| said.caller.as_ref());
    let named = caller.filter(|caller| !caller.number.is_empty()).zip(said).map(|(caller, said)| (caller, said.identity));
    if let Some((caller, header)) = named.filter(|(_, header)| *header != CallerId::From) {
        let address = address(caller.name.as_deref(), &uri_of(&caller.number, host));
        match header {
            CallerId::From => {}
            CallerId::Pai => extra.push(HeaderName::PAssertedIdentity, &address),
            CallerId::Ppi => extra.push(HeaderName::PPreferredIdentity, &address),
            CallerId::Rpid => {
                let privacy = if caller.privacy.hides_caller() { "full" } else { "off" };
                let screen = if caller.is_screened { "yes" } else { "no" };
                extra.push(HeaderName::RemotePartyId, &format!("{address};party=calling;screen={screen};privacy={privacy}"));
            }
        }
    }
    match said.map_or(Asks::AsAsked, |said| said.asks) {
        Asks::AsAsked => ask_again(invite, caller, &mut extra),
        Asks::Only(privacy) => write_privacy(privacy.values(), &mut extra),
    }
    extra
}

/// RFC 3325 §9.3: whoever passes on what is to be kept private says so; and what else was asked for, known here or not, is for the next
/// one.
fn ask_again(invite: Option<&Message>, caller: Option<&Caller>, extra: &mut Extra) {
    let asked = invite.into_iter().flat_map(privacy_values).filter(|value| is_token(value)).take(MAX_PRIVACY_VALUES);
    let privacy = caller.map(|caller| caller.privacy).unwrap_or_default();
    let mut values: Vec<&str> = Vec::new();
    for value in asked.chain(privacy.values().map(|value| -> &str { value })) {
        if !values.iter().any(|known| known.eq_ignore_ascii_case(value)) {
            values.push(value);
        }
    }
    if values.len() > 1 {
        // §4.2: `none` stands alone; who asks for anything beside it means that.
        values.retain(|value| !value.eq_ignore_ascii_case("none"));
    }
    write_privacy(values.into_iter(), extra);
}

fn write_privacy<'v>(values: impl Iterator<Item = &'v str>, extra: &mut Extra) {
    let values: Vec<&str> = values.collect();
    if !values.is_empty() {
        extra.push(HeaderName::Privacy, &values.join(";"));
    }
}

/// Values of one Privacy header that go on.
const MAX_PRIVACY_VALUES: usize = 16;

fn is_token(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-.!%*_+`'~".contains(&byte))
}

/// What the caller asks to be kept from others.
pub(super) fn privacy(invite: &Message) -> Privacy {
    let mut privacy = Privacy::default();
    privacy_values(invite).for_each(|value| privacy.add(value));
    // RFC 3323 §4.1.1.3: who has left its name out of From does not want others to put it there.
    privacy.id |= !privacy.none && invite.from().is_ok_and(|from| is_nobodys(from.uri));
    privacy
}

fn privacy_values(invite: &Message) -> impl Iterator<Item = &str> {
    invite.values(HeaderName::Privacy).flat_map(|value| value.split(';')).map(str::trim)
}

/// The number that the peer of a leg goes by: as whom it called, or as whom we called it.
pub(super) fn own_number(leg: &Leg) -> Box<str> {
    number_in(if leg.owns_call_id { &leg.to } else { &leg.from }).unwrap_or_default()
}

/// Who the peer of a leg is, to others.
pub(super) fn who_is(leg: &Leg) -> Caller {
    let number = leg.profile.number.as_deref().map_or_else(|| own_number(leg), Into::into);
    Caller { name: None, number, privacy: leg.privacy, is_screened: leg.endpoint.starts_with("user:") }
}

/// As whom Referred-By names the peer of a leg, which says that it is `claimed`. Nobody, if it does not want to be known.
pub(super) fn referrer(leg: &Leg, claimed: Option<Box<str>>) -> Option<Box<str>> {
    let claimed = claimed.filter(|_| !leg.privacy.hides_caller())?;
    Some(leg.profile.number.as_deref().map_or(claimed, Into::into))
}

fn addresses(invite: &Message, name: HeaderName) -> impl Iterator<Item = NameAddr<'_>> {
    invite.values(name).filter_map(|value| NameAddr::parse(value).ok())
}

fn uri_in(invite: &Message, name: HeaderName) -> Option<&str> {
    addresses(invite, name).next().map(|address| address.uri)
}

/// Name and number, if there is a number, and it is somebody's.
fn named(address: NameAddr<'_>) -> Option<(Option<Box<str>>, Box<str>)> {
    let number = number_in(address.uri).filter(|number| !number.is_empty() && !is_nobodys(address.uri))?;
    Some((display_name(&address), number))
}

pub(super) fn display_name(address: &NameAddr<'_>) -> Option<Box<str>> {
    address.display_name().filter(|name| !name.is_empty()).map(|name| name.as_ref().into())
}

/// The user part, unescaped and without its parameters; `None` for what is no URI.
pub(super) fn number_in(uri: &str) -> Option<Box<str>> {
    let uri = Uri::parse(uri).ok()?;
    if uri.scheme == Scheme::Tel {
        // RFC 3966 §5.1.1: what is there for the eye is no part of the number.
        return Some(uri.user.unwrap_or_default().chars().filter(|digit| !"-.()".contains(*digit)).collect::<String>().into());
    }
    Some(uri.user_unescaped().split(';').next().unwrap_or_default().into())
}

/// A Remote-Party-ID is of the calling party unless it says otherwise.
fn is_of_caller(party: &NameAddr<'_>) -> bool {
    party.params.get("party").is_none_or(|party| party.eq_ignore_ascii_case("calling"))
}

fn is_screened(party: NameAddr<'_>) -> bool {
    party.params.get("screen").is_some_and(|screen| screen.eq_ignore_ascii_case("yes"))
}

fn is_kept_private(party: &NameAddr<'_>) -> bool {
    is_of_caller(party) && party.params.get("privacy").is_some_and(|privacy| !privacy.eq_ignore_ascii_case("off"))
}

pub(super) fn uri_of(number: &str, host: &str) -> String {
    if number.is_empty() { ["sip:", host].concat() } else { ["sip:", &escaped(number), "@", host].concat() }
}

/// A user part of RFC 3261 §25.1, less what begins parameters and headers for careless readers.
fn escaped(number: &str) -> Cow<'_, str> {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.!~*'()&=+$".contains(&byte);
    if number.bytes().all(is_plain) {
        return Cow::Borrowed(number);
    }
    let pieces = number.bytes().map(|byte| if is_plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") });
    Cow::Owned(pieces.collect())
}

/// `name-addr` with the name as a quoted string (RFC 3261 §25.1).
pub(super) fn address(name: Option<&str>, uri: &str) -> String {
    let Some(name) = name else { return ["<", uri, ">"].concat() };
    let mut quoted = String::with_capacity(name.len() + uri.len() + 6);
    quoted.push('"');
    for character in name.chars().filter(|character| !character.is_control()) {
        if matches!(character, '"' | '\\') {
            quoted.push('\\');
        }
        quoted.push(character);
    }
    quoted.push_str("\" <");
    quoted.push_str(uri);
    quoted.push('>');
    quoted
}
