//! URIs: read, printed and compared (RFC 3261 §19.1, RFC 3966).

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use tandem_signalling::message::{Host, ParseErrorKind, Scheme, Uri, unescape};

fn error(text: &str) -> (usize, ParseErrorKind) {
    let error = Uri::parse(text).map(|uri| panic!("{text} was read as {uri:?}")).unwrap_err();
    (error.position, error.kind)
}

#[test]
fn every_part_is_found() {
    let uri = Uri::parse("SIPS:al%69ce;day=1:pass&wd@[2001:db8::1]:5061;transport=tcp;lr;x=%41?subject=a%20b&to=").unwrap();
    assert_eq!((uri.scheme, uri.user, uri.password), (Scheme::Sips, Some("al%69ce;day=1"), Some("pass&wd")));
    assert_eq!((uri.host, uri.port), (Host::V6("2001:db8::1".parse().unwrap()), Some(5061)));
    assert_eq!(uri.user_unescaped(), "alice;day=1");
    assert_eq!((uri.transport(), uri.is_loose_router(), uri.maddr()), (Some("tcp"), true, None));
    assert_eq!(uri.params.iter().collect::<Vec<_>>(), [("transport", Some("tcp")), ("lr", None), ("x", Some("%41"))]);
    assert_eq!(uri.headers.iter().collect::<Vec<_>>(), [("subject", "a%20b"), ("to", "")]);
}

#[test]
fn hosts_are_names_or_addresses() {
    let host = |text| Uri::parse(text).unwrap().host;
    assert_eq!(host("sip:a@b-c.example."), Host::Name("b-c.example."));
    assert_eq!(host("sip:_sip._udp.example"), Host::Name("_sip._udp.example"));
    assert_eq!(host("sip:192.0.2.1"), Host::V4("192.0.2.1".parse().unwrap()));
    assert_eq!(host("sip:192.0.2.256"), Host::Name("192.0.2.256"));
    assert_eq!(host("sip:[::ffff:192.0.2.1]"), Host::V6("::ffff:192.0.2.1".parse().unwrap()));
    assert_eq!(host("sip:[2001:db8:::192.0.2.1]"), Host::V6("2001:db8::192.0.2.1".parse().unwrap()));
}

#[test]
fn telephone_numbers_are_the_user() {
    let uri = Uri::parse("tel:+49-(30)-9018.20;isub=7;phone-context=+49").unwrap();
    assert_eq!((uri.scheme, uri.user, uri.params.get("isub")), (Scheme::Tel, Some("+49-(30)-9018.20"), Some("7")));
    assert_eq!(Uri::parse("tel:*21#;phone-context=lab.example").unwrap().user, Some("*21#"));
    assert_eq!(error("tel:"), (4, ParseErrorKind::Character));
    assert_eq!(error("tel:+"), (4, ParseErrorKind::Character));
    assert_eq!(error("tel:home"), (4, ParseErrorKind::Character));
}

#[test]
fn of_other_schemes_only_the_scheme_is_read() {
    let uri = Uri::parse("soap.beep://192.0.2.103:3002?x").unwrap();
    assert_eq!((uri.scheme, uri.host), (Scheme::Other("soap.beep"), Host::Name("//192.0.2.103:3002?x")));
}

#[test]
fn what_is_no_uri_says_why() {
    assert_eq!(error(""), (0, ParseErrorKind::Scheme));
    assert_eq!(error("bob@b.example"), (0, ParseErrorKind::Scheme));
    assert_eq!(error("9sip:x"), (0, ParseErrorKind::Scheme));
    assert_eq!(error("sip:"), (4, ParseErrorKind::Host));
    assert_eq!(error("sip:a@"), (6, ParseErrorKind::Host));
    assert_eq!(error("sip:@b"), (4, ParseErrorKind::Character));
    assert_eq!(error("sip:a b@c"), (5, ParseErrorKind::Character));
    assert_eq!(error("sip:a@b@c"), (7, ParseErrorKind::Trailing));
    assert_eq!(error("sip:ä@b"), (4, ParseErrorKind::Character));
    assert_eq!(error("sip:a%4@b"), (5, ParseErrorKind::Escape));
    assert_eq!(error("sip:a%"), (5, ParseErrorKind::Trailing));
    assert_eq!(error("sip:a:b/@c"), (7, ParseErrorKind::Character));
    assert_eq!(error("sip:b:"), (6, ParseErrorKind::Port));
    assert_eq!(error("sip:b:65536"), (6, ParseErrorKind::Port));
    assert_eq!(error("sip:b:50a"), (8, ParseErrorKind::Trailing));
    assert_eq!(error("sip:2001:db8::10"), (9, ParseErrorKind::Port));
    assert_eq!(error("sip:[2001:db8::10"), (4, ParseErrorKind::Host));
    assert_eq!(error("sip:[2001:db8:::1]"), (4, ParseErrorKind::Host));
    assert_eq!(error("sip:b;"), (6, ParseErrorKind::Parameter));
    assert_eq!(error("sip:b;x="), (6, ParseErrorKind::Parameter));
    assert_eq!(error("sip:b;x=a<b"), (9, ParseErrorKind::Character));
    assert_eq!(error("sip:b?x"), (6, ParseErrorKind::Parameter));
    assert_eq!(error("sip:b?x=1&"), (10, ParseErrorKind::Parameter));
}

#[test]
fn a_uri_is_printed_as_it_was_read() {
    for text in [
        "sip:alice@atlanta.example",
        "sip:alice:secretword@atlanta.example;transport=tcp",
        "sips:alice@atlanta.example?subject=project%20x&priority=urgent",
        "sip:+1-212-555-1212:1234@gateway.example;user=phone",
        "sip:alice;day=tuesday@atlanta.example:5070;lr;maddr=239.255.255.1;ttl=15",
        "sip:[2001:db8::1]:5060;lr",
        "sip:*21%23@192.0.2.4",
        "tel:+358-555-1234567;postd=pp22",
        "urn:service:sos",
    ] {
        assert_eq!(Uri::parse(text).unwrap().to_string(), text);
    }
}

#[test]
fn escapes_are_read_and_what_is_no_escape_stays() {
    assert_eq!(unescape("plain"), "plain");
    assert_eq!(unescape("a%00%2f%C3%A4%zz%4"), "a\0/ä%zz%4");
    assert_eq!(unescape("%ff"), "\u{fffd}");
}

fn equal(one: &str, two: &str) -> bool {
    let (one, two) = (Uri::parse(one).unwrap(), Uri::parse(two).unwrap());
    assert_eq!(one.equivalent(&two), two.equivalent(&one), "{one} {two}");
    one.equivalent(&two)
}

#[test]
fn equal_uris_are_equal() {
    assert!(equal("sip:%61lice@atlanta.example;transport=TCP", "SIP:alice@AtLanTa.example;Transport=tcp"));
    assert!(equal("sip:carol@chicago.example", "sip:carol@chicago.example;newparam=5"));
    assert!(equal("sip:carol@chicago.example;security=on", "sip:carol@chicago.example;newparam=5"));
    assert!(equal("sip:b.example;transport=tcp;method=REGISTER?to=x", "sip:b.example;method=REGISTER;transport=tcp?to=x"));
    assert!(equal("sip:a@b.example?subject=p&priority=u", "sip:a@b.example?priority=u&subject=p"));
    assert!(equal("sip:a@[2001:db8:0:0::1]", "sip:a@[2001:DB8::1]"));
    assert!(equal("tel:+1-201-555-0123", "tel:+1(201)5550123"));
}

#[test]
fn with_more_parameters_or_headers_than_are_compared_only_the_same_text_is_equal() {
    let with = |first: &str, between: &str, count: usize| {
        let params: Vec<String> = (0..count).map(|number| format!("p{number}=1")).collect();
        let turned: Vec<String> = params.iter().rev().cloned().collect();
        [params, turned].map(|params| format!("sip:a@b.example{first}{}", params.join(between)))
    };
    for (first, between) in [(";", ";"), ("?", "&")] {
        let [one, turned] = with(first, between, 32);
        assert!(equal(&one, &turned));
        let [one, turned] = with(first, between, 33);
        assert!(equal(&one, &one) && !equal(&one, &turned));
        assert!(!equal(&one, "sip:a@b.example?a=1"));
    }
}

#[test]
fn different_uris_are_not() {
    assert!(!equal("SIP:ALICE@atlanta.example", "sip:alice@atlanta.example"));
    assert!(!equal("sip:bob@biloxi.example", "sip:bob@biloxi.example:5060"));
    assert!(!equal("sip:bob@biloxi.example", "sip:bob@biloxi.example;transport=udp"));
    assert!(!equal("sip:bob@biloxi.example", "sip:bob:x@biloxi.example"));
    assert!(!equal("sip:bob@biloxi.example", "sips:bob@biloxi.example"));
    assert!(!equal("sip:carol@chicago.example", "sip:carol@chicago.example?Subject=next%20meeting"));
    assert!(!equal("sip:carol@chicago.example;security=on", "sip:carol@chicago.example;security=off"));
    assert!(!equal("sip:bob@phone21.example", "sip:bob@192.0.2.4"));
    assert!(!equal("sip:bob@b.example;user=phone", "sip:bob@b.example"));
    assert!(!equal("tel:+12015550123", "sip:+12015550123@b.example"));
}
