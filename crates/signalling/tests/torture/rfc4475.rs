//! RFC 4475: one row a message, in the order of the RFC.

use crate::corpus::{listing, rfc4475, rfc4475_folder};
use crate::outcome::{
    Outcome::{Accepted, Dropped, Refused, Response, Unsupported},
    outcomes,
};
use tandem_signalling::message::{Contact, HeaderName, Method, Uri, unsupported_extensions};

#[test]
fn every_message_of_the_corpus_has_a_row() {
    let Some(names) = listing(&rfc4475_folder(), ".dat") else {
        println!("absent: {}", rfc4475_folder().display());
        return;
    };
    let mut rows = FILES.to_vec();
    rows.sort();
    assert_eq!(names, rows);
    assert_eq!(rows.len(), 49);
}

outcomes! { rfc4475;
    // 3.1.1: valid syntax
    s3_1_1_1_short_tortuous_invite: "wsinv.dat" => Accepted, |message| {
        assert_eq!(message.to().unwrap().tag(), Some("1918181833n"));
        assert_eq!(message.from().unwrap().tag(), Some("98asjd8"));
        assert_eq!(message.from().unwrap().display_name().as_deref(), Some("J Rosenberg \\\""));
        assert_eq!(message.max_forwards(), Some(Ok(68)));
        assert_eq!((message.cseq().unwrap().number, message.cseq().unwrap().method), (9, Method::Invite));
        assert_eq!((message.via().unwrap().host, message.via().unwrap().branch()), ("192.0.2.2", Some("390skdjuw")));
        assert_eq!(message.values(HeaderName::Via).count(), 3);
        assert!(matches!(message.contact(), Ok(Some(Contact::Address(address))) if address.params.get("q") == Some("0.33")));
        assert_eq!(message.body().len(), 150);
    };
    s3_1_1_2_wide_range_of_characters: "intmeth.dat" => Unsupported(501), |message| {
        assert_eq!(message.method_token(), "!interesting-Method0123456789_*+`.%indeed'~");
        let uri = Uri::parse(message.uri()).unwrap();
        assert_eq!(uri.user, Some("1_unusual.URI~(to-be!sure)&isn't+it$/crazy?,/;;*"));
        assert_eq!(uri.password, Some("&it+has=1,weird!*pas$wo~d_too.(doesn't-it)"));
        assert_eq!(message.from().unwrap().tag(), Some("_token~1'+`*%!-."));
        assert_eq!(message.max_forwards(), Some(Ok(255)));
    };
    s3_1_1_3_percent_escapes: "esc01.dat" => Accepted, |message| {
        assert_eq!(Uri::parse(message.uri()).unwrap().user_unescaped(), "sips:user@example.com");
        let contact = message.contact();
        let Ok(Some(Contact::Address(address))) = contact else { panic!("{contact:?}") };
        assert!(Uri::parse(address.uri).unwrap().is_loose_router());
    };
    s3_1_1_4_escaped_nulls: "escnull.dat" => Unsupported(405), |message| {
        assert_eq!(Uri::parse(message.to().unwrap().uri).unwrap().user_unescaped(), "null-\0-null");
        assert_eq!(message.values(HeaderName::Contact).count(), 2);
    };
    s3_1_1_5_percent_that_is_no_escape: "esc02.dat" => Unsupported(501), |message| {
        assert_eq!((message.method(), message.method_token()), (Method::Other, "RE%47IST%45R"));
        assert_eq!(message.to().unwrap().display_name().as_deref(), Some("%Z%45"));
        assert_eq!(message.values(HeaderName::Contact).count(), 2);
        assert!(message.headers().any(|header| header.raw_name == "C%6Fntact"));
    };
    s3_1_1_6_no_space_before_bracket: "lwsdisp.dat" => Accepted, |message| {
        assert_eq!((message.from().unwrap().display, message.from().unwrap().uri), (Some("caller"), "sip:caller@example.com"));
    };
    s3_1_1_7_long_values: "longreq.dat" => Accepted, |message| {
        assert_eq!(message.values(HeaderName::Via).count(), 34);
        assert_eq!(message.via().unwrap().host, "sip33.example.com");
        assert_eq!(message.content_type().map(|kind| kind.subtype), Some("sdp"));
        assert_eq!(message.body().len(), 150);
    };
    s3_1_1_8_extra_octets_in_a_datagram: "dblreq.dat" => Unsupported(405), |message| {
        assert_eq!((message.method(), message.body()), (Method::Register, &b""[..]));
    };
    s3_1_1_9_semicolon_in_user: "semiuri.dat" => Accepted, |message| {
        let uri = Uri::parse(message.uri()).unwrap();
        assert_eq!((uri.user_unescaped().as_ref(), uri.params.iter().count()), ("user;par=u@example.net", 0));
        assert_eq!(message.values(HeaderName::Accept).count(), 6);
    };
    s3_1_1_10_transports: "transports.dat" => Accepted, |message| {
        assert_eq!(message.values(HeaderName::Via).count(), 5);
    };
    s3_1_1_11_multipart_mime: "mpart01.dat" => Accepted, |message| {
        assert_eq!(message.body().len(), 553);
        let parts = tandem_signalling::message::parts(message.content_type().unwrap(), message.body());
        assert_eq!(parts.map(|part| part.content.len()).collect::<Vec<_>>(), [5, 342]);
    };
    s3_1_1_12_unusual_reason: "unreason.dat" => Response(200), |message| {
        assert_eq!(message.reason(), "= 2**3 * 5**2 но сто девяносто девять - простое");
    };
    s3_1_1_13_empty_reason: "noreason.dat" => Response(100), |message| assert_eq!(message.reason(), "");

    // 3.1.2: invalid syntax
    s3_1_2_1_extra_separators: "badinv01.dat" => Refused(400);
    s3_1_2_2_content_length_too_large: "clerr.dat" => Refused(400);
    s3_1_2_3_content_length_negative: "ncl.dat" => Refused(400);
    s3_1_2_4_scalars_too_large: "scalar02.dat" => Refused(400);
    s3_1_2_5_scalars_too_large_in_response: "scalarlg.dat" => Dropped;
    s3_1_2_6_unterminated_quote: "quotbal.dat" => Refused(400);
    s3_1_2_7_brackets_around_request_uri: "ltgtruri.dat" => Refused(400);
    s3_1_2_8_space_in_request_uri: "lwsruri.dat" => Refused(400);
    s3_1_2_9_spaces_in_request_line: "lwsstart.dat" => Refused(400);
    s3_1_2_10_spaces_after_version: "trws.dat" => Refused(400);
    s3_1_2_11_headers_in_request_uri: "escruri.dat" => Refused(400);
    s3_1_2_12_date_not_in_gmt: "baddate.dat" => Accepted, |message| {
        assert_eq!(message.header(HeaderName::Date), Some("Fri, 01 Jan 2010 16:00:00 EST"));
    };
    s3_1_2_13_contact_without_brackets: "regbadct.dat" => Refused(400);
    s3_1_2_14_spaces_in_address: "badaspec.dat" => Refused(400);
    s3_1_2_15_unquoted_display_name: "baddn.dat" => Refused(400);
    s3_1_2_16_unknown_version: "badvers.dat" => Refused(505);
    s3_1_2_17_cseq_of_another_method: "mismatch01.dat" => Refused(400);
    s3_1_2_18_unknown_method_and_cseq: "mismatch02.dat" => Refused(400);
    s3_1_2_19_status_too_large: "bigcode.dat" => Dropped;

    // 3.2: transactions
    s3_2_1_empty_branch: "badbranch.dat" => Accepted, |message| assert_eq!(message.via().unwrap().branch(), Some("z9hG4bK"));

    // 3.3: applications
    s3_3_1_mandatory_headers_missing: "insuf.dat" => Refused(400);
    s3_3_2_unknown_scheme: "unkscm.dat" => Refused(416);
    s3_3_3_atypical_scheme: "novelsc.dat" => Refused(416);
    s3_3_4_schemes_in_headers: "unksm2.dat" => Unsupported(405);
    s3_3_5_require: "bext01.dat" => Unsupported(420), |message| {
        let tags: Vec<&str> = unsupported_extensions(message, &[]).collect();
        assert_eq!(tags, ["nothingSupportsThis", "nothingSupportsThisEither"]);
    };
    s3_3_6_unknown_body_type: "invut.dat" => Unsupported(415);
    s3_3_7_unknown_authorization: "regaut01.dat" => Unsupported(405), |message| {
        assert_eq!(message.header(HeaderName::Authorization), Some("NoOneKnowsThisScheme opaque-data=here"));
    };
    s3_3_8_headers_twice: "multi01.dat" => Refused(400);
    s3_3_9_content_lengths_differ: "mcl01.dat" => Refused(400);
    s3_3_10_response_for_broadcast: "bcast.dat" => Response(200), |message| {
        // Two Vias: not for us (RFC 3261 §8.1.3.3).
        assert_eq!(message.values(HeaderName::Via).count(), 2);
    };
    s3_3_11_no_hops_left: "zeromf.dat" => Refused(483);
    s3_3_12_contact_header_parameter: "cparam01.dat" => Unsupported(405), |message| {
        let contact = message.contact();
        let Ok(Some(Contact::Address(address))) = contact else { panic!("{contact:?}") };
        assert_eq!((address.uri, address.params.get("unknownparam")), ("sip:+19725552222@gw1.example.net", Some("")));
    };
    s3_3_13_contact_uri_parameter: "cparam02.dat" => Unsupported(405), |message| {
        let contact = message.contact();
        let Ok(Some(Contact::Address(address))) = contact else { panic!("{contact:?}") };
        assert_eq!(address.params.get("unknownparam"), None);
        assert!(Uri::parse(address.uri).unwrap().params.has("unknownparam"));
    };
    s3_3_14_contact_uri_headers: "regescrt.dat" => Unsupported(405), |message| {
        let contact = message.contact();
        let Ok(Some(Contact::Address(address))) = contact else { panic!("{contact:?}") };
        let headers: Vec<_> = Uri::parse(address.uri).unwrap().headers.iter().collect();
        assert_eq!(headers, [("Route", "%3Csip:sip.example.com%3E")]);
    };
    s3_3_15_unacceptable_accept: "sdp01.dat" => Refused(406);
    s3_3_16_rfc2543_invite: "inv2543.dat" => Accepted, |message| {
        assert_eq!((message.from().unwrap().tag(), message.via().unwrap().branch()), (None, None));
        assert_eq!(message.to().unwrap().params.get("user"), Some("phone"));
    };
}
