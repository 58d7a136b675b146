//! Header values of transfer and of reliable responses.

use tandem_signalling::message::{EventHeader, RAck, ReferTo, Replaces, SubscriptionState, TargetDialog, escape_in_uri, unescape};

/// What is read can be asked for everything; a `Replaces` that is carried from a Refer-To into an INVITE is one line that reads as it
/// did, and comes through another URI unchanged.
pub fn transfer(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    if let Some(refer_to) = ReferTo::parse(text) {
        assert!(!refer_to.uri.contains(['\r', '\n']) || text.contains(['\r', '\n']), "a line end came into {:?}", refer_to.uri);
        if let Some(replaces) = refer_to.replaces.as_deref() {
            assert!(replaces.bytes().all(|byte| byte == b' ' || byte.is_ascii_graphic()), "{replaces:?} is no line of a header");
            assert!(Replaces::parse(replaces).is_some(), "{replaces:?} is carried and is none");
            let again = format!("<sip:a@b?Replaces={}>", escape_in_uri(replaces));
            let again = ReferTo::parse(&again).and_then(|again| again.replaces);
            assert_eq!(again.as_deref(), Some(replaces), "it changed on its way");
        }
    }
    assert_eq!(unescape(&escape_in_uri(text)), text, "what is escaped reads differently");
    if let Some(replaces) = Replaces::parse(text) {
        assert!([replaces.call_id, replaces.to_tag, replaces.from_tag].iter().all(|part| text.contains(part)), "{replaces:?} of {text:?}");
    }
    if let Some(rack) = RAck::parse(text) {
        let printed = format!("{} {} {}", rack.rseq, rack.cseq, rack.method.as_str());
        assert!(RAck::parse(&printed).is_none_or(|again| again == rack), "{text:?} became {printed:?}");
    }
    let _ = (TargetDialog::parse(text), SubscriptionState::parse(text).map(|state| state.is_terminated()));
    let _ = EventHeader::parse(text).map(|event| event.is_refer());
}
