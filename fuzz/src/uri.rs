//! A URI, and the header values that hold one.

use tandem_signalling::message::{CSeq, Contact, MediaType, NameAddr, Params, Uri, Via, is_sips, unescape};

/// A URI that can be read prints as one that is equivalent, and then as the same text for ever. Other values can be asked for
/// everything that is in them.
pub fn uri(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    if let Ok(uri) = Uri::parse(text) {
        let printed = uri.to_string();
        let again = Uri::parse(&printed);
        assert!(again.as_ref().is_ok_and(|again| again.equivalent(&uri) && uri.equivalent(again)), "{text:?} became {printed:?}");
        assert_eq!(again.map(|again| again.to_string()).as_ref(), Ok(&printed), "{text:?} is not stable");
        assert!(uri.equivalent(&uri), "{text:?} differs from itself");
        let _ = (uri.user_unescaped(), uri.transport(), uri.maddr(), uri.is_loose_router(), is_sips(text));
        for (name, _) in uri.params.iter() {
            assert!(uri.params.has(name), "{name:?} is in {text:?} and is not found");
        }
        assert_eq!(uri.headers.is_empty(), uri.headers.iter().next().is_none(), "headers in {text:?}");
    }
    assert!(unescape(text).len() <= 3 * text.len(), "more than escapes can hold");
    let _ = (Via::parse(text), CSeq::parse(text), MediaType::parse(text), Params::parse(text));
    for name_addr in [NameAddr::parse(text).ok(), Contact::parse(text).ok().and_then(contact)].into_iter().flatten() {
        assert!(text.contains(name_addr.uri), "{:?} is not in {text:?}", name_addr.uri);
    }
}

fn contact(contact: Contact<'_>) -> Option<NameAddr<'_>> {
    match contact {
        Contact::Address(address) => Some(address),
        Contact::Star => None,
    }
}
