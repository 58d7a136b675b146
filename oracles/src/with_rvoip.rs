//! rvoip-sip-core's reading.

use crate::{CONTACT_URI, FROM_URI, Facts, REQUEST_URI, TO_URI, UriNames, note, note_uri, plain_host};
use rvoip_sip_core::{
    HeaderName, TypedHeader, parse_message,
    types::{
        Message,
        uri::{Scheme, Uri},
    },
};

type Outcome<T> = Result<T, String>;

pub(crate) fn message(bytes: &[u8]) -> Outcome<Facts> {
    let message = parse_message(bytes).map_err(text)?;
    let mut facts = Facts::new();
    match &message {
        Message::Request(request) => {
            note(&mut facts, "method", Some(request.method()));
            read_uri(&mut facts, &REQUEST_URI, request.uri());
        }
        Message::Response(response) => note(&mut facts, "status", Some(response.status_code())),
    }
    let via = message.first_via().ok_or("no Via")?;
    let top = via.0.first().ok_or("an empty Via")?;
    note(&mut facts, "via.transport", Some(top.transport().to_ascii_uppercase()));
    note(&mut facts, "via.host", Some(plain_host(&top.host().to_string())));
    note(&mut facts, "via.port", top.port());
    note(&mut facts, "via.branch", top.branch());
    let from = message.from().ok_or("no From")?;
    read_uri(&mut facts, &FROM_URI, from.address().uri());
    note(&mut facts, "from.tag", from.tag());
    let to = message.to().ok_or("no To")?;
    read_uri(&mut facts, &TO_URI, to.address().uri());
    note(&mut facts, "to.tag", to.tag());
    read_rest(&mut facts, &message)?;
    note(&mut facts, "body", Some(String::from_utf8_lossy(message.body())).filter(|body| !body.is_empty()));
    Ok(facts)
}

fn read_rest(facts: &mut Facts, message: &Message) -> Outcome<()> {
    match message.header(&HeaderName::CSeq) {
        Some(TypedHeader::CSeq(cseq)) => {
            note(facts, "cseq", Some(cseq.sequence()));
            note(facts, "cseq.method", Some(cseq.method()));
        }
        _ => return Err("no CSeq".to_owned()),
    }
    note(facts, "call-id", Some(message.call_id().ok_or("no Call-ID")?));
    if let Some(TypedHeader::MaxForwards(hops)) = message.header(&HeaderName::MaxForwards) {
        note(facts, "max-forwards", Some(hops.0));
    }
    if let Some(TypedHeader::Contact(contact)) = message.header(&HeaderName::Contact)
        && let Some(address) = contact.address()
    {
        read_uri(facts, &CONTACT_URI, address.uri());
    }
    Ok(())
}

pub(crate) fn uri(source: &str) -> Outcome<Facts> {
    let uri: Uri = source.parse().map_err(text)?;
    let mut facts = Facts::new();
    read_uri(&mut facts, &REQUEST_URI, &uri);
    note(&mut facts, "uri.transport", uri.transport().map(str::to_ascii_lowercase));
    let maddr = uri.parameters.iter().find_map(|param| match param {
        rvoip_sip_core::types::Param::Maddr(maddr) => Some(maddr.clone()),
        _ => None,
    });
    note(&mut facts, "uri.maddr", maddr);
    Ok(facts)
}

fn read_uri(facts: &mut Facts, names: &UriNames, uri: &Uri) {
    match uri.scheme {
        Scheme::Sip | Scheme::Sips => note_uri(facts, names, uri.user.as_ref(), &uri.host, uri.port),
        // It keeps a number where a host would be.
        _ => note(facts, names.user, uri.user.clone().or_else(|| Some(uri.host.to_string()))),
    }
}

fn text(error: impl std::fmt::Display) -> String {
    error.to_string()
}
