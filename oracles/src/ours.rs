//! Tandem's reading.

use crate::{CONTACT_URI, FROM_URI, Facts, REQUEST_URI, TO_URI, UriNames, note, note_uri, plain_host};
use bytes::Bytes;
use tandem_signalling::message::{Contact, Message, Scheme, Uri, screen};

pub(crate) fn message(bytes: &[u8]) -> Result<Facts, String> {
    let message = Message::parse(Bytes::copy_from_slice(bytes)).map_err(|error| error.to_string())?;
    match message.defect() {
        _ if message.is_request() => screen(&message).map_err(|rejection| format!("{} {}", rejection.status, rejection.reason))?,
        // A response is not answered: one with a defect is dropped.
        Some(defect) => return Err(defect.to_string()),
        None => {}
    }
    let text = |error: &dyn std::fmt::Display| error.to_string();
    let mut facts = Facts::new();
    if message.is_request() {
        note(&mut facts, "method", Some(message.method_token()));
        read_uri(&mut facts, &REQUEST_URI, message.uri())?;
    } else {
        note(&mut facts, "status", Some(message.status()));
    }
    let via = message.via().map_err(|error| text(&error))?;
    note(&mut facts, "via.transport", Some(via.transport.to_ascii_uppercase()));
    note(&mut facts, "via.host", Some(plain_host(via.host)));
    note(&mut facts, "via.port", via.port);
    note(&mut facts, "via.branch", via.branch());
    let from = message.from().map_err(|error| text(&error))?;
    read_uri(&mut facts, &FROM_URI, from.uri)?;
    note(&mut facts, "from.tag", from.tag());
    let to = message.to().map_err(|error| text(&error))?;
    read_uri(&mut facts, &TO_URI, to.uri)?;
    note(&mut facts, "to.tag", to.tag());
    if let Some(Contact::Address(contact)) = message.contact().map_err(|error| text(&error))? {
        read_uri(&mut facts, &CONTACT_URI, contact.uri)?;
    }
    let cseq = message.cseq().map_err(|error| text(&error))?;
    note(&mut facts, "cseq", Some(cseq.number));
    note(&mut facts, "cseq.method", Some(cseq.method_token));
    note(&mut facts, "call-id", Some(message.call_id()));
    note(&mut facts, "max-forwards", message.max_forwards().and_then(Result::ok));
    note(&mut facts, "body", Some(String::from_utf8_lossy(message.body())).filter(|body| !body.is_empty()));
    Ok(facts)
}

pub(crate) fn uri(text: &str) -> Result<Facts, String> {
    let uri = Uri::parse(text).map_err(|error| error.to_string())?;
    let mut facts = Facts::new();
    read_uri(&mut facts, &REQUEST_URI, text)?;
    note(&mut facts, "uri.transport", uri.transport().map(str::to_ascii_lowercase));
    note(&mut facts, "uri.maddr", uri.maddr());
    Ok(facts)
}

fn read_uri(facts: &mut Facts, names: &UriNames, text: &str) -> Result<(), String> {
    let uri = Uri::parse(text).map_err(|error| error.to_string())?;
    match uri.scheme {
        Scheme::Sip | Scheme::Sips => note_uri(facts, names, uri.user, uri.host, uri.port),
        // A number has no host: the others are asked about its user alone.
        _ => note(facts, names.user, uri.user),
    }
    Ok(())
}
