//! URIs by themselves, as Tandem and the others read them.

use tandem_oracles::{Explained, compare, judge};

const URIS: &[&str] = &[
    "sip:alice@example.com",
    "sip:example.com",
    "sips:alice@example.com:5061",
    "SIP:Alice@EXAMPLE.com",
    "sip:alice@192.0.2.4",
    "sip:alice@[2001:db8::10]",
    "sip:alice@[2001:db8::10]:5070",
    "sip:[::1]",
    "sip:alice:secret@example.com",
    "sip:alice@example.com;transport=tcp",
    "sip:alice@example.com;transport=TLS;lr",
    "sip:alice@example.com;maddr=239.255.255.1;ttl=15",
    "sip:alice@example.com:5060;user=phone;x-odd=%20",
    "sip:alice@example.com?subject=project&priority=urgent",
    "sip:+1-212-555-1212:1234@gateway.example.com;user=phone",
    "sip:user;par=u%40example.net@example.com",
    "sip:sip%3Auser%40example.com@company.com;other=x",
    "sip:%61lice@example.com",
    "sip:a&b=c+d$e,f;g?h/i@example.com",
    "sip:-_.!~*'()@example.com",
    "sip:example.com.",
    "sip:alice@xn--bcher-kva.example",
    "tel:+358-555-1234567",
    "tel:7042;phone-context=example.com",
    "sip:",
    "sip:@example.com",
    "sip:alice@",
    "sip:alice@example.com:",
    "sip:alice@example.com:99999",
    "sip:alice@[2001:db8::10",
    "sip:alice@exa mple.com",
    "sip:al ice@example.com",
    "sip:alice@example_.com",
    "alice@example.com",
    "",
];

/// What has been looked into.
const EXPLAINED: &[Explained] = &[
    ("sip:alice@[2001:db8::10]", "rsip", "accepts", "does not know IPv6 hosts"),
    ("sip:alice@[2001:db8::10]:5070", "rsip", "accepts", "does not know IPv6 hosts"),
    ("sip:[::1]", "rsip", "accepts", "does not know IPv6 hosts"),
    ("sip:alice@[2001:db8::10", "rsipstack", "accepts", "does not look for the closing bracket"),
    ("sip:alice@example.com?subject=project&priority=urgent", "rsip", "uri.host", "takes the headers into the host"),
    ("sip:user;par=u%40example.net@example.com", "rsip", "*", "cuts at the ; inside the user part (RFC 4475 §3.1.1.6)"),
    ("sip:user;par=u%40example.net@example.com", "rsipstack", "*", "cuts at the ; inside the user part"),
    ("sip:user;par=u%40example.net@example.com", "rvoip", "uri.user", "unescapes what it reads"),
    ("sip:sip%3Auser%40example.com@company.com;other=x", "rsip", "*", "takes an escaped user into the host"),
    ("sip:sip%3Auser%40example.com@company.com;other=x", "rvoip", "uri.user", "unescapes what it reads"),
    ("sip:%61lice@example.com", "rvoip", "uri.user", "unescapes what it reads"),
    ("sip:a&b=c+d$e,f;g?h/i@example.com", "rsipstack", "*", "cuts at the ; inside the user part"),
    ("sip:-_.!~*'()@example.com", "rsip", "*", "takes a user of marks into the host"),
    ("sip:example.com.", "rvoip", "accepts", "a host name may end in a dot (§25.1, hostname)"),
    ("sip:alice@example_.com", "rvoip", "accepts", "right by the grammar; such names exist, and Tandem lets them pass"),
    ("tel:+358-555-1234567", "rsip", "accepts", "does not know tel"),
    ("tel:+358-555-1234567", "rsipstack", "*", "has the number as a host"),
    ("tel:7042;phone-context=example.com", "rsip", "*", "does not know tel, and reads the number as a port"),
    ("tel:7042;phone-context=example.com", "rsipstack", "*", "has the number as a host"),
    ("sip:@example.com", "rsip", "accepts", "a user is at least one character (§25.1)"),
    ("sip:@example.com", "rsipstack", "accepts", "a user is at least one character (§25.1)"),
    ("sip:alice@exa mple.com", "rsip", "accepts", "does not look at the characters of a host"),
    ("sip:alice@exa mple.com", "rsipstack", "accepts", "does not look at the characters of a host"),
    ("sip:al ice@example.com", "rsip", "accepts", "does not look at the characters of a user"),
    ("sip:al ice@example.com", "rsipstack", "accepts", "does not look at the characters of a user"),
    ("alice@example.com", "rsip", "accepts", "does not ask for a scheme"),
    ("alice@example.com", "rsipstack", "accepts", "does not ask for a scheme"),
];

#[test]
fn every_difference_is_explained() {
    let differences = compare(URIS.iter().map(|uri| ((*uri).to_owned(), *uri)), |parser, uri| (parser.uri)(uri));
    let wrong = judge(&differences, EXPLAINED);
    assert!(wrong.is_empty(), "{} differences to look into:\n{}", wrong.len(), wrong.join("\n"));
}
