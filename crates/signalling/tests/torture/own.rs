//! The project's own set: one row a message. The sections beside the rows are those whose trouble the message has.

use crate::corpus::{listing, own, own_folder};
use crate::outcome::{
    Outcome::{Accepted, Dropped, NotSip, Refused, Response, Unsupported},
    outcomes,
};
use std::net::Ipv6Addr;
use tandem_signalling::message::{
    Contact, HeaderName, Host, Message, Method, NameAddr, ParseErrorKind, Scheme, Uri, accepts, parts, screen, unsupported_encodings,
    unsupported_extensions,
};

#[test]
fn every_message_of_the_set_has_a_row() {
    let mut rows = FILES.to_vec();
    rows.sort();
    assert_eq!(listing(&own_folder(), ".sip").unwrap(), rows);
}

fn contact(message: &Message) -> NameAddr<'_> {
    match message.contact() {
        Ok(Some(Contact::Address(address))) => address,
        other => panic!("{other:?}"),
    }
}

fn host(uri: &str) -> Host<'_> {
    Uri::parse(uri).unwrap().host
}

fn defect(message: &Message) -> Option<ParseErrorKind> {
    message.defect().map(|defect| defect.kind)
}

fn v6(text: &str) -> Host<'static> {
    Host::V6(text.parse::<Ipv6Addr>().unwrap())
}

outcomes! { own;
    // RFC 4475 §3.1.1: valid syntax
    spacing_and_folding: "spacing-and-folding.sip" => Accepted, |message| {
        assert_eq!((message.to().unwrap().uri, message.to().unwrap().params.get("FLAG")), ("sip:omar@tandem.example", Some("x;y")));
        assert_eq!(message.from().unwrap().tag(), Some("fold1"));
        assert_eq!(message.from().unwrap().display_name().as_deref(), Some("Tess \\ \"T\" "));
        let via = message.via().unwrap();
        assert_eq!((via.transport, via.host, via.port, via.branch()), ("UDP", "desk.lab.example", Some(5062), Some("z9hG4bKfold1")));
        assert_eq!(message.values(HeaderName::Via).count(), 3);
        assert_eq!((message.max_forwards(), message.cseq().unwrap().number), (Some(Ok(41)), 7));
        assert_eq!(contact(message).params.get("made"), Some("up"));
        assert_eq!(message.values(HeaderName::Route).count(), 1);
        let later = message.headers().find(|header| header.raw_name == "X-Later").unwrap();
        assert_eq!(later.unfolded(), "first line second line third line");
        assert_eq!(message.header(HeaderName::Subject), Some(""));
        assert_eq!(message.sdp_body().map(<[u8]>::len), Some(141));
    };
    every_token_character: "every-token-character.sip" => Unsupported(501), |message| {
        assert_eq!(message.method_token(), "-Az09.!%*_+`'~x");
        let uri = Uri::parse(message.uri()).unwrap();
        assert_eq!((uri.user, uri.password), (Some("omar_!~*'()&=+$,;?/-.;pa=ss"), Some("s3cr&=+$,t")));
        assert_eq!((uri.port, uri.params.get("A-1")), (Some(5060), Some("[:]/&+$")));
        assert_eq!(message.from().unwrap().tag(), Some("t-.!%*_+`'~"));
        assert_eq!(message.cseq().unwrap().number, i32::MAX as u32);
        assert_eq!(message.to().unwrap().display_name().as_deref(), Some("\u{1} \u{7f} \0 is not \"here\""));
    };
    escaped_characters: "escaped-characters.sip" => Accepted, |message| {
        assert_eq!(Uri::parse(message.uri()).unwrap().user_unescaped(), "tel:+49@30");
        assert_eq!(Uri::parse(message.to().unwrap().uri).unwrap().user_unescaped(), "omar");
        assert_eq!(Uri::parse(message.from().unwrap().uri).unwrap().user_unescaped(), "with a blank");
        let uri = Uri::parse(contact(message).uri).unwrap();
        assert!(uri.is_loose_router());
        assert_eq!(uri.headers.iter().collect::<Vec<_>>(), [("Subject", "a%26b")]);
    };
    escaped_nul: "escaped-nul.sip" => Unsupported(405), |message| {
        assert_eq!(Uri::parse(contact(message).uri).unwrap().user_unescaped(), "a\0b");
    };
    percent_is_no_escape: "percent-is-no-escape.sip" => Unsupported(501), |message| {
        assert_eq!((message.method(), message.method_token()), (Method::Other, "INV%49TE"));
        assert_eq!(message.via().unwrap().branch(), Some("z9hG4bK%zz%4"));
        assert_eq!(message.values(HeaderName::Contact).count(), 1);
    };
    no_space_before_bracket: "no-space-before-bracket.sip" => Accepted, |message| {
        assert_eq!((message.from().unwrap().display, message.to().unwrap().display), (Some("Tess"), Some("\"Omar\"")));
    };
    long_values: "long-values.sip" => Accepted, |message| {
        assert_eq!(message.values(HeaderName::Via).count(), 51);
        assert_eq!(message.from().unwrap().tag().map(str::len), Some(4 * 73));
        assert_eq!(message.call_id().len(), 4 * 73);
        assert!(contact(message).uri.len() > 200);
        assert!(message.headers().any(|header| header.raw_name.len() == 75));
    };
    two_requests_in_a_datagram: "two-requests-in-a-datagram.sip" => Accepted, |message| assert!(message.body().is_empty());
    semicolon_in_user: "semicolon-in-user.sip" => Accepted, |message| {
        assert_eq!(Uri::parse(message.uri()).unwrap().user_unescaped(), "omar;ext=7@desk");
        assert!(accepts(message, "text", "plain") && !accepts(message, "text", "html"));
    };
    via_transports: "via-transports.sip" => Accepted, |message| assert_eq!(message.values(HeaderName::Via).count(), 5);
    multipart_binary: "multipart-binary.sip" => Accepted, |message| {
        let contents: Vec<_> = parts(message.content_type().unwrap(), message.body()).map(|part| part.content).collect();
        assert_eq!(&message.body()[contents[0].clone()], b"A line.");
        assert!(message.body()[contents[1].clone()].iter().copied().eq(0..=255));
    };
    multipart_with_offer: "multipart-with-offer.sip" => Accepted, |message| {
        let range = message.sdp_range().unwrap();
        assert!(message.body()[range.clone()].starts_with(b"v=0\r\n") && message.body()[range].ends_with(b"8000\r\n"));
        assert_eq!(parts(message.content_type().unwrap(), message.body()).count(), 2);
    };
    reason_in_utf8: "reason-in-utf8.sip" => Response(183), |message| assert_eq!(message.reason(), "= 3*61; звонок");
    no_reason: "no-reason.sip" => Response(180), |message| assert_eq!(message.reason(), "");

    // RFC 4475 §3.1.2: invalid syntax
    extra_separators: "extra-separators.sip" => Refused(400);
    length_too_large: "length-too-large.sip" => Refused(400), |message| assert_eq!(defect(message), Some(ParseErrorKind::ShortBody));
    length_negative: "length-negative.sip" => Refused(400), |message| assert_eq!(defect(message), Some(ParseErrorKind::ContentLength));
    numbers_too_large: "numbers-too-large.sip" => Refused(400);
    numbers_too_large_in_response: "numbers-too-large-in-response.sip" => Dropped;
    quote_without_end: "quote-without-end.sip" => Refused(400), |message| {
        assert_eq!(screen(message).unwrap_err().reason, "To: unbalanced quotes at byte 168");
    };
    brackets_around_request_uri: "brackets-around-request-uri.sip" => Refused(400);
    space_in_request_uri: "space-in-request-uri.sip" => Refused(400);
    spaces_in_start_line: "spaces-in-start-line.sip" => Refused(400);
    space_after_version: "space-after-version.sip" => Refused(400);
    headers_in_request_uri: "headers-in-request-uri.sip" => Refused(400);
    date_with_zone: "date-with-zone.sip" => Accepted;
    contact_needs_brackets: "contact-needs-brackets.sip" => Refused(400);
    spaces_in_address: "spaces-in-address.sip" => Refused(400);
    comma_in_bare_display_name: "comma-in-bare-display-name.sip" => Refused(400);
    unknown_version: "unknown-version.sip" => Refused(505);
    cseq_of_another_method: "cseq-of-another-method.sip" => Refused(400);
    unknown_method_and_cseq: "unknown-method-and-cseq.sip" => Refused(400);
    status_too_large: "status-too-large.sip" => Dropped;
    status_out_of_range: "status-out-of-range.sip" => Dropped;

    // RFC 4475 §3.2 and §3.3: transactions and applications
    empty_branch: "empty-branch.sip" => Accepted;
    mandatory_headers_missing: "mandatory-headers-missing.sip" => Refused(400);
    via_missing: "via-missing.sip" => Refused(400);
    unknown_scheme: "unknown-scheme.sip" => Refused(416);
    scheme_of_another_protocol: "scheme-of-another-protocol.sip" => Refused(416);
    schemes_in_headers: "schemes-in-headers.sip" => Unsupported(405), |message| {
        assert_eq!(Uri::parse(message.to().unwrap().uri).unwrap().scheme, Scheme::Other("urn"));
    };
    required_extensions: "required-extensions.sip" => Unsupported(420), |message| {
        assert_eq!(unsupported_extensions(message, &["tidal"]).collect::<Vec<_>>(), ["moonphase"]);
    };
    unknown_body_type: "unknown-body-type.sip" => Unsupported(415);
    encoded_body: "encoded-body.sip" => Unsupported(415), |message| {
        assert_eq!(unsupported_encodings(message).collect::<Vec<_>>(), ["gzip"]);
    };
    unknown_authorization: "unknown-authorization.sip" => Unsupported(405);
    headers_twice: "headers-twice.sip" => Refused(400);
    lengths_differ: "lengths-differ.sip" => Refused(400);
    lengths_agree: "lengths-agree.sip" => Accepted;
    response_for_broadcast: "response-for-broadcast.sip" => Response(200), |message| {
        assert_eq!(message.values(HeaderName::Via).count(), 2);
    };
    no_hops_left: "no-hops-left.sip" => Refused(483);
    contact_header_parameter: "contact-header-parameter.sip" => Unsupported(405), |message| {
        assert_eq!((contact(message).uri, contact(message).params.get("madeup")), ("sip:tess@desk.lab.example", Some("")));
    };
    contact_uri_parameter: "contact-uri-parameter.sip" => Unsupported(405), |message| {
        assert_eq!((contact(message).uri, contact(message).params.get("madeup")), ("sip:tess@desk.lab.example;madeup", None));
    };
    contact_uri_headers: "contact-uri-headers.sip" => Unsupported(405), |message| {
        assert_eq!(Uri::parse(contact(message).uri).unwrap().headers.iter().count(), 1);
    };
    unacceptable_accept: "unacceptable-accept.sip" => Refused(406);
    rfc2543_invite: "rfc2543-invite.sip" => Accepted, |message| {
        assert_eq!((message.from().unwrap().tag(), message.via().unwrap().branch(), message.max_forwards()), (None, None, None));
        assert!(message.sdp_body().is_some());
    };

    // RFC 5118, in its order
    ipv6_reference: "ipv6-reference.sip" => Unsupported(405), |message| {
        assert_eq!(host(message.uri()), v6("2001:db8:5::1"));
        assert_eq!(host(contact(message).uri), v6("2001:db8:5::7"));
        let via = message.via().unwrap();
        assert_eq!((via.host, via.address(), via.port), ("[2001:db8:5::7]", "2001:db8:5::7".parse().ok(), Some(5062)));
    };
    ipv6_without_brackets: "ipv6-without-brackets.sip" => Refused(400);
    ipv6_port_inside: "ipv6-port-inside.sip" => Unsupported(405), |message| {
        // Well-formed, though not what was meant: the "port" is a part of the address.
        assert_eq!((host(message.uri()), Uri::parse(message.uri()).unwrap().port), (v6("2001:db8:5::1:5080"), None));
    };
    ipv6_port_outside: "ipv6-port-outside.sip" => Unsupported(405), |message| {
        assert_eq!((host(message.uri()), Uri::parse(message.uri()).unwrap().port), (v6("2001:db8:5::1"), Some(5080)));
    };
    ipv6_received_in_brackets: "ipv6-received-in-brackets.sip" => Accepted, |message| {
        assert_eq!(message.via().unwrap().received(), Some("[2001:db8:5::ff]"));
    };
    ipv6_received_bare: "ipv6-received-bare.sip" => Accepted, |message| {
        assert_eq!(message.via().unwrap().received(), Some("2001:db8:5::ff"));
    };
    ipv6_in_sdp: "ipv6-in-sdp.sip" => Accepted, |message| {
        assert!(String::from_utf8_lossy(message.sdp_body().unwrap()).contains("c=IN IP6 2001:db8:5::7\r\n"));
    };
    ipv6_among_vias: "ipv6-among-vias.sip" => Accepted, |message| {
        let hosts = message.values(HeaderName::Via).map(|item| tandem_signalling::message::Via::parse(item).unwrap().host);
        assert_eq!(hosts.collect::<Vec<_>>(), ["[2001:db8:5::7]", "198.51.100.8", "[2001:db8:5::9]"]);
    };
    ipv6_media_of_both_families: "ipv6-media-of-both-families.sip" => Accepted, |message| assert!(message.sdp_body().is_some());
    ipv6_mapped_ipv4: "ipv6-mapped-ipv4.sip" => Accepted, |message| {
        assert_eq!(message.via().unwrap().address(), "::ffff:198.51.100.7".parse().ok());
        assert_eq!(host(contact(message).uri), v6("::ffff:198.51.100.7"));
    };
    ipv6_three_colons: "ipv6-three-colons.sip" => Accepted, |message| {
        assert_eq!(host(message.uri()), v6("2001:db8::198.51.100.1"));
        assert_eq!(host(message.to().unwrap().uri), v6("2001:db8::198.51.100.1"));
    };
    ipv6_two_colons: "ipv6-two-colons.sip" => Accepted, |message| assert_eq!(host(message.uri()), v6("2001:db8::198.51.100.1"));

    // Other troubles
    bare_line_feeds: "bare-line-feeds.sip" => Refused(400), |message| assert_eq!(defect(message), Some(ParseErrorKind::LineEnd));
    lone_carriage_return: "lone-carriage-return.sip" => Refused(400), |message| {
        assert_eq!(defect(message), Some(ParseErrorKind::LineEnd));
        assert_eq!(message.values(HeaderName::Via).count(), 1);
    };
    control_character: "control-character.sip" => Refused(400), |message| assert_eq!(defect(message), Some(ParseErrorKind::Control));
    header_not_utf8: "header-not-utf8.sip" => Refused(400), |message| assert_eq!(defect(message), Some(ParseErrorKind::NotUtf8));
    header_without_colon: "header-without-colon.sip" => Refused(400), |message| {
        assert_eq!(defect(message), Some(ParseErrorKind::HeaderLine));
    };
    folded_first_header: "folded-first-header.sip" => Refused(400);
    no_empty_line: "no-empty-line.sip" => Refused(400), |message| assert_eq!(defect(message), Some(ParseErrorKind::Unended));
    too_many_headers: "too-many-headers.sip" => Refused(513);
    hops_not_a_number: "hops-not-a-number.sip" => Refused(400);
    hops_too_many: "hops-too-many.sip" => Refused(400);
    hops_missing: "hops-missing.sip" => Accepted;
    contact_star: "contact-star.sip" => Refused(400);
    via_port_too_large: "via-port-too-large.sip" => Refused(400);
    via_without_host: "via-without-host.sip" => Refused(400);
    request_uri_port_too_large: "request-uri-port-too-large.sip" => Refused(400);
    request_uri_bad_escape: "request-uri-bad-escape.sip" => Refused(400), |message| {
        assert_eq!(screen(message).unwrap_err().reason, "Request-URI: bad escape at byte 13");
    };
    request_uri_without_host: "request-uri-without-host.sip" => Refused(400);
    request_uri_tel: "request-uri-tel.sip" => Accepted, |message| {
        let uri = Uri::parse(message.uri()).unwrap();
        assert_eq!((uri.scheme, uri.user, uri.params.get("phone-context")), (Scheme::Tel, Some("+49-30-901820"), Some("lab.example")));
    };
    request_uri_sips: "request-uri-sips.sip" => Accepted;
    tag_without_value: "tag-without-value.sip" => Refused(400);
    route_malformed: "route-malformed.sip" => Refused(400);
    record_route_malformed: "record-route-malformed.sip" => Refused(400);
    content_type_malformed: "content-type-malformed.sip" => Refused(400);
    empty_values: "empty-values.sip" => Accepted, |message| assert_eq!(message.values(HeaderName::Allow).count(), 0);
    line_ends_first: "line-ends-first.sip" => Accepted;
    folded_length: "folded-length.sip" => Accepted, |message| assert_eq!(message.body(), b"12345");
    bytes_after_the_body: "bytes-after-the-body.sip" => Accepted, |message| assert_eq!(message.body(), b"12345");
    length_missing: "length-missing.sip" => Accepted, |message| assert_eq!(message.body(), b"all of this is the body");
    lower_case_method: "lower-case-method.sip" => Unsupported(501);
    lower_case_version: "lower-case-version.sip" => Accepted;
    ack_malformed: "ack-malformed.sip" => Dropped;
    version_without_number: "version-without-number.sip" => Refused(400);
    not_sip: "not-sip.sip" => NotSip(ParseErrorKind::NotSip);
    no_version: "no-version.sip" => NotSip(ParseErrorKind::NotSip);
    only_line_ends: "only-line-ends.sip" => NotSip(ParseErrorKind::Empty);
    random_bytes: "random-bytes.sip" => NotSip(ParseErrorKind::NotSip);
    stun_binding: "stun-binding.sip" => NotSip(ParseErrorKind::NotSip);
    start_line_only: "start-line-only.sip" => Refused(400);
}
