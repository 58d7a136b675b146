//! What is shown of calls, told of them and kept, without the passwords that peers write into URIs.

use crate::flight_recorder::mask_passwords;
use tandem_model::{CallView, EventKind};

/// An event, before others hear of it.
pub(crate) fn mask_event(kind: &mut EventKind) {
    match kind {
        EventKind::CallEnded(record) => {
            record.legs.iter_mut().flat_map(|leg| [&mut leg.endpoint, &mut leg.from, &mut leg.to]).for_each(mask);
        }
        EventKind::Exchanged(record) => [&mut record.from, &mut record.to].into_iter().for_each(mask),
        EventKind::RegistrationChanged(change) => mask(&mut change.contact),
        _ => {}
    }
}

/// A call that is looked at.
pub(crate) fn mask_view(view: &mut CallView) {
    view.legs.iter_mut().flat_map(|leg| [&mut leg.endpoint, &mut leg.from, &mut leg.to]).for_each(mask);
}

/// A URI.
pub(crate) fn mask(uri: &mut Box<str>) {
    let mut bytes = uri.as_bytes().to_vec();
    mask_passwords(&mut bytes);
    if bytes != uri.as_bytes() {
        // A password is between characters of ASCII, so what is left is text.
        *uri = String::from_utf8_lossy(&bytes).into();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_as_long_as_it_was_and_no_more() {
        for (given, shown) in [
            ("sip:alice:secret@example.com", "sip:alice:******@example.com"),
            ("sips:alice:s\u{fc}\u{df}@h;x=1", "sips:alice:*****@h;x=1"),
            ("sip:alice@example.com:5060", "sip:alice@example.com:5060"),
            ("trunk:carrier", "trunk:carrier"),
            ("", ""),
        ] {
            let mut uri: Box<str> = given.into();
            mask(&mut uri);
            assert_eq!(&*uri, shown);
        }
    }
}
