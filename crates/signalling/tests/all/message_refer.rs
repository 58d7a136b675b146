//! The headers of transfer, as they come and as they should not.

use tandem_signalling::message::{
    BadTargetDialog, EventHeader, Message, Method, ReferTo, Replaces, SubscriptionState, TargetDialog, declines_subscription,
    escape_in_uri, replaces_flags, sipfrag, sipfrag_status, unescape,
};

#[test]
fn refer_to_names_whom_to_call_and_what_with() {
    let plain = ReferTo::parse("\"Carol\" <sip:+1555%35@example.com;user=phone>;x=y").unwrap();
    assert_eq!((&*plain.uri, &*plain.user, plain.method), ("sip:+1555%35@example.com;user=phone", "+15555", Method::Invite));
    assert_eq!((plain.replaces, plain.has_other_headers), (None, false));
    let full = "<sip:carol@10.0.0.4;method=INVITE;transport=tcp?Replaces=a%40b%3Bto-tag%3D1%3Bfrom-tag%3D2&Require=replaces>";
    let full = ReferTo::parse(full).unwrap();
    assert_eq!(&*full.uri, "sip:carol@10.0.0.4;transport=tcp");
    assert_eq!(full.replaces.as_deref(), Some("a@b;to-tag=1;from-tag=2"));
    assert_eq!((full.has_other_headers, full.requires_replaces), (true, true));
    let subject = ReferTo::parse("<sip:a@b?Subject=replaces&require=x%2C%20Replaces>").unwrap();
    assert!(subject.requires_replaces);
    assert!(!ReferTo::parse("<sip:a@b?Subject=replaces&Require=x>").unwrap().requires_replaces);
    assert_eq!(ReferTo::parse("<sip:a@b;method=BYE>").map(|to| to.method), Some(Method::Bye));
    assert_eq!(ReferTo::parse("<sip:a@b;method=invite>").map(|to| to.method), Some(Method::Other), "methods have a case");
}

#[test]
fn what_is_no_sip_uri_is_no_target() {
    for value in ["", "<>", "<tel:+15551234>", "<http://example.com>", "carol", "<sip:carol@b?x>", "sip:carol@b?Replaces=1"] {
        assert_eq!(ReferTo::parse(value), None, "{value}");
    }
    let many = format!("<sip:a@b?{}>", vec!["x=y"; 17].join("&"));
    assert_eq!(ReferTo::parse(&many), None);
}

#[test]
fn replaces_needs_both_tags() {
    let whole = Replaces::parse(" 98asjd8@host ; to-tag=12 ;from-tag=\"23\";early-only ").unwrap();
    assert_eq!((whole.call_id, whole.to_tag, whole.from_tag, whole.early_only), ("98asjd8@host", "12", "23", true));
    for value in ["", "a@b", "a@b;to-tag=1", "a@b;from-tag=1", ";to-tag=1;from-tag=2", "a b;to-tag=1;from-tag=2", "a;to-tag=\"1;from-tag=2"]
    {
        assert_eq!(Replaces::parse(value), None, "{value}");
    }
    let flags = |value| replaces_flags(value).collect::<Vec<_>>();
    assert_eq!(flags("a@b;to-tag=1;Early-Only;from-tag=2;x=y; z"), ["Early-Only", "z"]);
    assert_eq!(flags("a b"), [""; 0]);
    let target = TargetDialog::parse("a@b;local-tag=me;remote-tag=you").unwrap();
    assert_eq!((target.call_id, target.local_tag, target.remote_tag), ("a@b", "me", "you"));
    assert_eq!(TargetDialog::parse("a@b;to-tag=me;from-tag=you"), None);
}

#[test]
fn one_target_dialog_or_none() {
    let refer = |lines: &str| {
        let text = format!(
            "REFER sip:a@b SIP/2.0\r\nVia: SIP/2.0/UDP h;branch=z9hG4bK1\r\nFrom: <sip:a@b>;tag=1\r\nTo: <sip:a@b>\r\nCall-ID: c\r\n\
             CSeq: 1 REFER\r\n{lines}Content-Length: 0\r\n\r\n"
        );
        Message::parse(text.into_bytes().into()).unwrap()
    };
    assert_eq!(TargetDialog::of(&refer("")), Ok(None));
    let one = refer("target-dialog: a@b ;local-tag=me ; remote-tag=you;other\r\n");
    assert_eq!(TargetDialog::of(&one), Ok(TargetDialog::parse("a@b;local-tag=me;remote-tag=you")));
    for lines in
        ["Target-Dialog:\r\n", "Target-Dialog: a@b;local-tag=me\r\n", "Target-Dialog: a;local-tag=1;remote-tag=2\r\nTarget-Dialog: b\r\n"]
    {
        assert_eq!(TargetDialog::of(&refer(lines)), Err(BadTargetDialog), "{lines}");
    }
}

#[test]
fn events_and_states() {
    let event = EventHeader::parse("refer;id=93809824").unwrap();
    assert!(event.is_refer());
    assert_eq!(event.id, Some("93809824"));
    assert!(!EventHeader::parse("message-summary").unwrap().is_refer());
    assert_eq!(EventHeader::parse(";id=1"), None);
    let active = SubscriptionState::parse("active;expires=60").unwrap();
    assert_eq!((active.is_terminated(), active.expires), (false, Some(60)));
    let over = SubscriptionState::parse("Terminated ; reason=noresource").unwrap();
    assert_eq!((over.is_terminated(), over.reason), (true, Some("noresource")));
    assert_eq!(SubscriptionState::parse(""), None);
}

fn notify(kind: &str, body: &str) -> Message {
    let text = format!(
        "NOTIFY sip:a@b SIP/2.0\r\nVia: SIP/2.0/UDP h;branch=z9hG4bK1\r\nFrom: <sip:a@b>;tag=1\r\nTo: <sip:a@b>;tag=2\r\nCall-ID: c\r\n\
         CSeq: 1 NOTIFY\r\nContent-Type: {kind}\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    Message::parse(text.into_bytes().into()).expect("a message")
}

#[test]
fn a_fragment_tells_its_status() {
    for (body, status) in [
        (sipfrag(180, "Ringing"), Some(180)),
        ("SIP/2.0 100 Trying".to_owned(), Some(100)),
        ("SIP/2.0 200".to_owned(), Some(200)),
        ("SIP/2.0 503 Service Unavailable\r\nRetry-After: 5\r\n".to_owned(), Some(503)),
        ("SIP/2.0 99 No\r\n".to_owned(), None),
        ("SIP/2.0 2000 No\r\n".to_owned(), None),
        ("INVITE sip:a@b SIP/2.0\r\n".to_owned(), None),
        (String::new(), None),
    ] {
        assert_eq!(sipfrag_status(&notify("Message/SIPfrag;version=2.0", &body)), status, "{body}");
    }
    assert_eq!(sipfrag_status(&notify("text/plain", "SIP/2.0 200 OK\r\n")), None);
}

#[test]
fn a_subscription_can_be_declined() {
    let refer = |line: &str| {
        let text = format!(
            "REFER sip:a@b SIP/2.0\r\nVia: SIP/2.0/UDP h;branch=z9hG4bK1\r\nFrom: <sip:a@b>;tag=1\r\nTo: <sip:a@b>;tag=2\r\nCall-ID: c\r\n\
             CSeq: 1 REFER\r\n{line}Content-Length: 0\r\n\r\n"
        );
        Message::parse(text.into_bytes().into()).unwrap()
    };
    assert!(declines_subscription(&refer("Refer-Sub: false\r\n")));
    assert!(declines_subscription(&refer("Refer-Sub: False;x=y\r\n")));
    assert!(!declines_subscription(&refer("Refer-Sub: true\r\n")));
    assert!(!declines_subscription(&refer("")));
}

#[test]
fn an_escaped_value_comes_back_whole() {
    let value = "a%b@c;to-tag=1 &=\"ü";
    let escaped = escape_in_uri(value);
    assert!(escaped.bytes().all(|byte| byte.is_ascii_graphic() && !b"@;=&\" ".contains(&byte)), "{escaped}");
    assert_eq!(unescape(&escaped), value);
}
