//! What must be refused before any state is spent on it.

use super::error::{HeaderError, ParseError, ParseErrorKind, Rejection};
use super::extensions::accepts;
use super::list::List;
use super::{Contact, HeaderName, MediaType, Message, Method, NameAddr, Scheme, Uri, Via};
use std::borrow::Cow;

/// Whether a message is fit to be worked on (RFC 3261 §8.2, §16.3). An `Err` answers a request with its status (but never an
/// ACK, which is dropped) and drops a response.
pub fn screen(message: &Message) -> Result<(), Rejection> {
    if let Some(defect) = message.defect() {
        return Err(of_defect(defect));
    }
    mandatory(message)?;
    let cseq = message.cseq()?;
    if message.is_request() && cseq.method_token != message.method_token() {
        return Err(rejection(400, "CSeq names another method", place(message, cseq.method_token)));
    }
    vias(message)?;
    let (from, to) = (message.from()?, message.to()?);
    // Inside a dialog they only name it, and a response repeats what was asked: nothing more is made of them.
    if message.is_request() && message.to_tag().is_none() {
        uri(message, HeaderName::From, from.uri)?;
        uri(message, HeaderName::To, to.uri)?;
    }
    // A refusal makes no dialog either, and whoever sent it must be heard, or its call would hang until it rang out.
    let refuses = !message.is_request() && message.status() >= 300;
    if !refuses && !matches!(message.method(), Method::Ack | Method::Bye | Method::Cancel) {
        addresses(message)?;
    }
    if let Some(text) = message.header(HeaderName::ContentType)
        && !text.is_empty()
    {
        message.read_item(HeaderName::ContentType, text, MediaType::parse)?;
    }
    let hops = message.max_forwards().transpose()?;
    if message.is_request() {
        target(message)?;
        // §20.1: the answer to an INVITE has a session description, or there is no call (RFC 4475 §3.3.15).
        if message.method() == Method::Invite && message.index.has(HeaderName::Accept) && !accepts(message, "application", "sdp") {
            return Err(rejection(406, "Not Acceptable", message.header(HeaderName::Accept).map_or(0, |value| place(message, value))));
        }
        // RFC 3891 §3; but what ends a call does so.
        if message.index.has(HeaderName::Replaces)
            && !matches!(message.method(), Method::Invite | Method::Ack | Method::Bye | Method::Cancel)
        {
            let value = message.header(HeaderName::Replaces).map_or(0, |value| place(message, value));
            return Err(rejection(400, "Replaces belongs to INVITE", value));
        }
        // §16.3; a request that ends here is treated alike, as RFC 4475 §3.3.11 allows. But what ends a call or an INVITE is for
        // this node alone and has arrived.
        if hops == Some(0) && !matches!(message.method(), Method::Ack | Method::Bye | Method::Cancel) {
            return Err(rejection(483, "Too Many Hops", 0));
        }
    }
    Ok(())
}

/// §8.1.1: what every message has exactly once, and what it may have once; Max-Forwards may be missing, as RFC 2543 has none.
fn mandatory(message: &Message) -> Result<(), Rejection> {
    for name in [HeaderName::Via, HeaderName::To, HeaderName::From, HeaderName::CSeq, HeaderName::CallId] {
        if !message.index.has(name) {
            return Err(HeaderError { name, position: 0, kind: ParseErrorKind::Missing }.into());
        }
    }
    for name in [HeaderName::To, HeaderName::From, HeaderName::CSeq, HeaderName::CallId, HeaderName::MaxForwards, HeaderName::ContentType] {
        if message.index.repeats(name) {
            let second = message.lines(name).nth(1).map_or(0, |value| place(message, value));
            return Err(HeaderError { name, position: second, kind: ParseErrorKind::Repeated }.into());
        }
    }
    let call_id = message.call_id();
    // Wider than §25.1 `callid`: it is only ever compared and copied.
    if call_id.is_empty() || !call_id.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(HeaderError { name: HeaderName::CallId, position: place(message, call_id), kind: ParseErrorKind::Token }.into());
    }
    Ok(())
}

/// Every Via: the topmost is acted upon, all are copied into responses.
fn vias(message: &Message) -> Result<(), Rejection> {
    message.via()?;
    for item in message.lines(HeaderName::Via).flat_map(List::new).skip(1) {
        message.read_item(HeaderName::Via, item, Via::parse)?;
    }
    Ok(())
}

/// The addresses that a dialog would be built from. What ends one has none of them, or none that matter.
fn addresses(message: &Message) -> Result<(), Rejection> {
    for item in message.values(HeaderName::Contact) {
        match message.read_item(HeaderName::Contact, item, Contact::parse)? {
            Contact::Address(address) => uri(message, HeaderName::Contact, address.uri)?,
            // §10.2.2: only a REGISTER can mean all bindings.
            Contact::Star if message.method() == Method::Register => {}
            Contact::Star => {
                return Err(HeaderError { name: HeaderName::Contact, position: place(message, item), kind: ParseErrorKind::Scheme }.into());
            }
        }
    }
    for name in [HeaderName::Route, HeaderName::RecordRoute] {
        for item in message.values(name) {
            let address = message.read_item(name, item, NameAddr::parse)?;
            uri(message, name, address.uri)?;
        }
    }
    Ok(())
}

fn uri(message: &Message, name: HeaderName, text: &str) -> Result<(), Rejection> {
    Uri::parse(text)
        .map(|_| ())
        .map_err(|error| HeaderError { name, position: place(message, text) + error.position, kind: error.kind }.into())
}

/// The Request-URI (§8.2.2.1).
fn target(message: &Message) -> Result<(), Rejection> {
    let text = message.uri();
    let at = place(message, text);
    match Uri::parse(text) {
        Ok(uri) if matches!(uri.scheme, Scheme::Other(_)) => Err(rejection(416, "Unsupported URI Scheme", at)),
        Ok(uri) if !uri.headers.is_empty() => {
            // §19.1.1: a Request-URI has no headers.
            Err(rejection(400, "Request-URI with headers", place(message, uri.headers.as_str())))
        }
        Ok(_) => Ok(()),
        Err(error) => {
            let position = at + error.position;
            Err(rejection(400, format!("Request-URI: {} at byte {position}", error.kind), position))
        }
    }
}

#[cold]
fn of_defect(defect: ParseError) -> Rejection {
    match defect.kind {
        ParseErrorKind::Version => rejection(505, "Version Not Supported", defect.position),
        ParseErrorKind::TooManyHeaders | ParseErrorKind::TooLarge => rejection(513, "Message Too Large", defect.position),
        _ => rejection(400, defect.to_string(), defect.position),
    }
}

#[cold]
fn rejection(status: u16, reason: impl Into<Cow<'static, str>>, position: usize) -> Rejection {
    Rejection { status, reason: reason.into(), position }
}

/// Where a part of the message begins.
fn place(message: &Message, part: &str) -> usize {
    part.as_ptr().addr().saturating_sub(message.bytes().as_ptr().addr())
}

impl From<HeaderError> for Rejection {
    #[cold]
    fn from(error: HeaderError) -> Self {
        let reason = match error.kind {
            ParseErrorKind::Missing => format!("{} missing", error.name),
            kind => format!("{}: {kind} at byte {}", error.name, error.position),
        };
        rejection(400, reason, error.position)
    }
}
