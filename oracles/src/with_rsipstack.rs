//! rsipstack's reading.

use crate::{CONTACT_URI, FROM_URI, Facts, REQUEST_URI, TO_URI, UriNames, note, note_uri, plain_host};
use rsipstack::sip::{
    SipMessage, Uri,
    prelude::{HeadersExt, ToTypedHeader},
};

type Outcome<T> = Result<T, String>;

pub(crate) fn message(bytes: &[u8]) -> Outcome<Facts> {
    let message = SipMessage::try_from(bytes).map_err(text)?;
    let mut facts = Facts::new();
    match &message {
        SipMessage::Request(request) => {
            note(&mut facts, "method", Some(&request.method));
            read_uri(&mut facts, &REQUEST_URI, &request.uri);
            read_headers(&mut facts, request)?;
            read_body(&mut facts, request.body());
        }
        SipMessage::Response(response) => {
            note(&mut facts, "status", Some(response.status_code.code()));
            read_headers(&mut facts, response)?;
            read_body(&mut facts, response.body());
        }
    }
    Ok(facts)
}

fn read_headers(facts: &mut Facts, message: &impl HeadersExt) -> Outcome<()> {
    let via = message.via_header().map_err(text)?.typed().map_err(text)?;
    note(facts, "via.transport", Some(via.transport.to_string().to_ascii_uppercase()));
    note(facts, "via.host", Some(plain_host(&via.uri.host().to_string())));
    note(facts, "via.port", via.uri.host_with_port.port);
    note(facts, "via.branch", via.branch().map(|branch| branch.value().to_owned()));
    let from = message.from_header().map_err(text)?.typed().map_err(text)?;
    read_uri(facts, &FROM_URI, &from.uri);
    note(facts, "from.tag", from.tag().map(|tag| tag.value().to_owned()));
    let to = message.to_header().map_err(text)?.typed().map_err(text)?;
    read_uri(facts, &TO_URI, &to.uri);
    note(facts, "to.tag", to.tag().map(|tag| tag.value().to_owned()));
    if let Ok(contact) = message.contact_header() {
        read_uri(facts, &CONTACT_URI, &contact.typed().map_err(text)?.uri);
    }
    let cseq = message.cseq_header().map_err(text)?.typed().map_err(text)?;
    note(facts, "cseq", Some(cseq.seq));
    note(facts, "cseq.method", Some(cseq.method));
    note(facts, "call-id", Some(message.call_id_header().map_err(text)?.value()));
    note(facts, "max-forwards", message.max_forwards_header().ok().map(|header| header.value().to_owned()));
    Ok(())
}

fn read_body(facts: &mut Facts, body: &[u8]) {
    note(facts, "body", Some(String::from_utf8_lossy(body)).filter(|body| !body.is_empty()));
}

pub(crate) fn uri(source: &str) -> Outcome<Facts> {
    let uri = Uri::try_from(source).map_err(text)?;
    let mut facts = Facts::new();
    read_uri(&mut facts, &REQUEST_URI, &uri);
    let transport = uri.params.iter().find_map(|param| match param {
        rsipstack::sip::Param::Transport(transport) => Some(transport.to_string().to_ascii_lowercase()),
        _ => None,
    });
    note(&mut facts, "uri.transport", transport);
    let maddr = uri.params.iter().find_map(|param| match param {
        rsipstack::sip::Param::Maddr(maddr) => Some(maddr.value().to_owned()),
        _ => None,
    });
    note(&mut facts, "uri.maddr", maddr);
    Ok(facts)
}

fn read_uri(facts: &mut Facts, names: &UriNames, uri: &Uri) {
    note_uri(facts, names, uri.user(), uri.host(), uri.host_with_port.port.as_ref());
}

fn text(error: impl std::fmt::Display) -> String {
    error.to_string()
}
