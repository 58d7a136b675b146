//! Whole messages, ordinary and odd, as Tandem and the others read them.

use tandem_oracles::{Explained, compare, judge};

/// A name, and header lines that [`complete`] makes an OPTIONS of.
const SAMPLES: &[(&str, &str)] = &[
    ("plain", "From: <sip:alice@example.com>;tag=1\nTo: <sip:bob@example.org>\n"),
    ("display-name", "From: \"Alice A.\" <sip:alice@example.com>;tag=1\nTo: Bob <sip:bob@example.org>\n"),
    ("quoted-specials", "From: \"a <b> \\\"c\\\", d; e\" <sip:alice@example.com>;tag=1\nTo: <sip:bob@example.org>\n"),
    ("no-brackets", "From: sip:alice@example.com;tag=1\nTo: sip:bob@example.org\n"),
    ("compact", "f: <sip:alice@example.com>;tag=1\nt: <sip:bob@example.org>\nm: <sip:alice@192.0.2.1:5070>\n"),
    ("header-case", "FROM: <sip:alice@example.com>;TAG=1\nto: <sip:bob@example.org>\n"),
    ("space-around-colon", "From : <sip:alice@example.com>;tag=1\nTo \t:  <sip:bob@example.org>  \n"),
    ("space-around-parameters", "From: <sip:alice@example.com> ; tag = 1\nTo: <sip:bob@example.org>\n"),
    ("folded", "From: Alice\n <sip:alice@example.com>\n\t;tag=1\nTo: <sip:bob@example.org>\n"),
    ("to-tag", "From: <sip:alice@example.com>;tag=1\nTo: <sip:bob@example.org>;tag=a.b-c_d~e\n"),
    ("uri-parameters", "From: <sip:alice@example.com;user=phone>;tag=1\nTo: <sip:bob@example.org;transport=tcp;lr>\n"),
    ("uri-headers", "From: <sip:alice@example.com?subject=a&x=b>;tag=1\nTo: <sip:bob@example.org>\n"),
    ("ipv6", "From: <sip:alice@[2001:db8::1]:5070>;tag=1\nTo: <sip:bob@[2001:db8::2]>\n"),
    ("escaped-user", "From: <sip:alice%20a@example.com>;tag=1\nTo: <sip:%2B49301@example.org>\n"),
    ("odd-user", "From: <sip:a+b=c$d&e@example.com>;tag=1\nTo: <sip:bob;x=y@example.org>\n"),
    ("password", "From: <sip:alice:secret@example.com>;tag=1\nTo: <sip:bob@example.org>\n"),
    ("no-user", "From: <sip:example.com>;tag=1\nTo: <sip:example.org:5099>\n"),
    ("tel", "From: <tel:+49301>;tag=1\nTo: <sip:bob@example.org>\n"),
    ("sips", "From: <sips:alice@example.com>;tag=1\nTo: <sips:bob@example.org>\n"),
    (
        "contact-star-like",
        "From: <sip:alice@example.com>;tag=1\nTo: <sip:bob@example.org>\nContact: \"*\" <sip:alice@192.0.2.1>;expires=5\n",
    ),
    ("two-contacts", "From: <sip:alice@example.com>;tag=1\nTo: <sip:bob@example.org>\nContact: <sip:a@192.0.2.1>, <sip:b@192.0.2.2>\n"),
    ("bare-contact", "From: <sip:alice@example.com>;tag=1\nTo: <sip:bob@example.org>\nContact: sip:sipp@192.0.2.1:5061\n"),
    ("unknown-header", "From: <sip:alice@example.com>;tag=1\nTo: <sip:bob@example.org>\nX-Odd!: (whatever) \"x\n"),
    ("empty-header", "From: <sip:alice@example.com>;tag=1\nTo: <sip:bob@example.org>\nSubject:\n"),
    ("utf-8", "From: \"Jürgen ☎\" <sip:alice@example.com>;tag=1\nTo: <sip:bob@example.org>\n"),
    ("no-from-tag", "From: <sip:alice@example.com>\nTo: <sip:bob@example.org>\n"),
    ("unclosed-bracket", "From: <sip:alice@example.com;tag=1\nTo: <sip:bob@example.org>\n"),
    ("unclosed-quote", "From: \"Alice <sip:alice@example.com>;tag=1\nTo: <sip:bob@example.org>\n"),
    ("bad-port", "From: <sip:alice@example.com:99999>;tag=1\nTo: <sip:bob@example.org>\n"),
    ("bad-ipv6", "From: <sip:alice@[2001:db8:::1]>;tag=1\nTo: <sip:bob@example.org>\n"),
];

/// The same, about Via.
const VIAS: &[(&str, &str)] = &[
    ("via-plain", "Via: SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bKa\n"),
    ("via-no-port", "Via: SIP/2.0/UDP host.example.com;branch=z9hG4bKa\n"),
    ("via-rport", "Via: SIP/2.0/UDP 192.0.2.1;rport;branch=z9hG4bKa\n"),
    ("via-received", "Via: SIP/2.0/UDP 192.0.2.1;received=192.0.2.9;rport=99;branch=z9hG4bKa\n"),
    ("via-ipv6", "Via: SIP/2.0/UDP [2001:db8::9]:5061;branch=z9hG4bKa\n"),
    ("via-received-ipv6", "Via: SIP/2.0/UDP host.example.com;received=2001:db8::9;branch=z9hG4bKa\n"),
    ("via-two-in-one", "Via: SIP/2.0/UDP a.example.com;branch=z9hG4bKa, SIP/2.0/TCP b.example.com;branch=z9hG4bKb\n"),
    ("via-two-lines", "v: SIP/2.0/UDP a.example.com;branch=z9hG4bKa\nVia: SIP/2.0/TCP b.example.com;branch=z9hG4bKb\n"),
    ("via-spaces", "Via: SIP / 2.0 / UDP a.example.com:5060 ; branch=z9hG4bKa\n"),
    ("via-space-before-branch", "Via: SIP/2.0/UDP a.example.com ; branch=z9hG4bKa\n"),
    ("via-odd-transport", "Via: SIP/2.0/CARRIER-PIGEON a.example.com;branch=z9hG4bKa\n"),
    ("via-lower-transport", "Via: SIP/2.0/udp a.example.com;branch=z9hG4bKa\n"),
    ("via-quoted-parameter", "Via: SIP/2.0/UDP a.example.com;x=\"a;b,c\";branch=z9hG4bKa\n"),
    ("via-no-branch", "Via: SIP/2.0/UDP a.example.com\n"),
    ("via-bad-port", "Via: SIP/2.0/UDP a.example.com:0x50;branch=z9hG4bKa\n"),
];

/// These bring their own start line.
const WHOLE: &[(&str, &str)] = &[
    ("unknown-method", "NEWMETHOD sip:bob@example.org SIP/2.0\nCSeq: 7 NEWMETHOD\n"),
    ("lower-method", "invite sip:bob@example.org SIP/2.0\nCSeq: 7 invite\n"),
    ("cseq-spaces", "OPTIONS sip:bob@example.org SIP/2.0\nCSeq:   0009   OPTIONS\n"),
    ("cseq-mismatch", "OPTIONS sip:bob@example.org SIP/2.0\nCSeq: 9 INVITE\n"),
    ("cseq-overflow", "OPTIONS sip:bob@example.org SIP/2.0\nCSeq: 36893488147419103232 OPTIONS\n"),
    ("version", "OPTIONS sip:bob@example.org SIP/7.0\nCSeq: 9 OPTIONS\n"),
    ("unknown-scheme", "OPTIONS nobodyknows:bob SIP/2.0\nCSeq: 9 OPTIONS\n"),
    ("response", "SIP/2.0 200 OK\nCSeq: 9 INVITE\n"),
    ("response-odd-status", "SIP/2.0 299 Whatever\nCSeq: 9 INVITE\n"),
    ("response-no-reason", "SIP/2.0 180 \nCSeq: 9 INVITE\n"),
    ("response-utf-8-reason", "SIP/2.0 486 Besetzt ☎\nCSeq: 9 INVITE\n"),
    ("response-big-status", "SIP/2.0 4294967301 better not break the receiver\nCSeq: 9 INVITE\n"),
    ("extra-space-in-start-line", "OPTIONS  sip:bob@example.org SIP/2.0\nCSeq: 9 OPTIONS\n"),
];

/// Header lines, and a body.
const BODIES: &[(&str, &str)] = &[
    ("body", "Content-Type: application/sdp\nContent-Length: 5\n\nv=0\n"),
    ("body-shorter-than-datagram", "Content-Type: text/plain\nContent-Length: 3\n\nabcdef"),
    ("body-longer-than-datagram", "Content-Type: text/plain\nContent-Length: 9999\n\nabcdef"),
    ("body-without-length", "Content-Type: text/plain\n\nabcdef"),
    ("body-negative-length", "Content-Type: text/plain\nContent-Length: -9\n\nabcdef"),
    ("body-with-empty-lines", "Content-Type: text/plain\nContent-Length: 10\n\n\n\nab\n\n"),
];

/// What has been looked into. Most of it is about the others; where Tandem is the odd one the reason says so.
const EXPLAINED: &[Explained] = &[
    // Quoting, folding and white space.
    ("quoted-specials", "rsip", "accepts", "takes the < inside quotes for the address"),
    ("quoted-specials", "rsipstack", "*", "takes the < inside quotes for the address"),
    ("unclosed-quote", "rsip", "accepts", "does not look at quotes; RFC 4475 §3.1.2.6 has this as invalid"),
    ("unclosed-quote", "rsipstack", "accepts", "does not look at quotes"),
    ("via-quoted-parameter", "rsip", "via.branch", "stops at the ; inside quotes"),
    ("no-brackets", "rvoip", "from.tag", "gives the parameter to the URI; RFC 3261 §20 gives it to the header"),
    ("compact", "rsip", "accepts", "does not know compact names"),
    ("space-around-colon", "rsip", "accepts", "HCOLON (§25.1) allows the space"),
    ("space-around-parameters", "rsip", "accepts", "SEMI (§25.1) allows the space"),
    ("space-around-parameters", "rsipstack", "from.tag", "EQUAL (§25.1) allows the space"),
    ("folded", "rsip", "accepts", "does not know folded lines (§7.3.1)"),
    ("via-spaces", "rsip", "accepts", "SLASH (§25.1) allows the space"),
    ("via-space-before-branch", "rsip", "via.branch", "drops what follows the space"),
    ("via-space-before-branch", "rvoip", "accepts", "finds no Via at all"),
    // URIs.
    ("uri-headers", "rsip", "from.host", "takes the headers into the host"),
    ("ipv6", "rsip", "accepts", "does not know IPv6 hosts"),
    ("via-ipv6", "rsip", "accepts", "does not know IPv6 hosts"),
    ("via-received-ipv6", "rsip", "via.branch", "loses what follows a colon"),
    ("via-received-ipv6", "rvoip", "via.branch", "loses what follows the address"),
    ("escaped-user", "rvoip", "*", "unescapes what it reads; ours does so on demand, as what is passed on must stay as written"),
    ("odd-user", "rsipstack", "*", "cuts at the ; inside the user part"),
    ("tel", "rsip", "*", "reads the scheme as a host and the number as its port"),
    ("tel", "rsipstack", "*", "has the number as a host"),
    ("unknown-scheme", "rsipstack", "accepts", "Tandem answers 416 (§8.2.2.1); the others leave that to whoever uses them"),
    ("unknown-scheme", "rvoip", "accepts", "as above"),
    // Lists.
    ("two-contacts", "rsip", "accepts", "does not know lists"),
    ("via-two-in-one", "rsipstack", "via.branch", "does not know lists in Via"),
    ("via-two-lines", "rsip", "*", "takes the last Via that is written in full; the first is the topmost (§7.3.1), also when compact"),
    // Tokens.
    ("via-odd-transport", "rsip", "accepts", "transports are an open set (§25.1, other-transport)"),
    ("via-odd-transport", "rsipstack", "accepts", "as above"),
    ("via-bad-port", "rsipstack", "accepts", "ignores a port that is no number"),
    ("via-bad-port", "rvoip", "accepts", "as above"),
    ("unknown-method", "rsip", "accepts", "methods are an open set (§7.1)"),
    ("unknown-method", "rsipstack", "accepts", "as above"),
    ("lower-method", "rsip", "*", "methods are case-sensitive (§7.1)"),
    ("lower-method", "rsipstack", "*", "as above"),
    ("extra-space-in-start-line", "rsip", "accepts", "exactly one SP separates the parts (§7.1); RFC 4475 §3.1.2.9"),
    ("extra-space-in-start-line", "rvoip", "accepts", "as above"),
    // What belongs together.
    ("cseq-mismatch", "rsip", "accepts", "Tandem answers 400 (§8.1.1.5); the others leave that to whoever uses them"),
    ("cseq-mismatch", "rsipstack", "accepts", "as above"),
    ("cseq-mismatch", "rvoip", "accepts", "as above"),
    ("version", "rsipstack", "accepts", "Tandem answers 505; the others leave that to whoever uses them"),
    ("version", "rvoip", "accepts", "as above"),
    ("body-shorter-than-datagram", "rsip", "body", "does not look at Content-Length (§18.3: the rest is discarded)"),
    ("body-longer-than-datagram", "rsip", "accepts", "does not look at Content-Length (§18.3: 400)"),
    ("body-longer-than-datagram", "rsipstack", "accepts", "as above"),
    ("body-without-length", "rsipstack", "body", "drops a body without Content-Length (§18.3: it is the rest of the datagram)"),
    ("body-negative-length", "rsip", "accepts", "does not look at Content-Length"),
    ("body-negative-length", "rsipstack", "accepts", "as above"),
];

/// A whole OPTIONS (or what `lines` begins with) with every mandatory header that `lines` lacks.
fn complete(lines: &str) -> Vec<u8> {
    let (head, body) = lines.split_once("\n\n").map_or((lines.trim_end_matches('\n'), None), |(head, body)| (head, Some(body)));
    let begins = |name: &str, compact: &str| {
        head.lines().any(|line| {
            let given = line.split(':').next().unwrap_or_default().trim();
            given.eq_ignore_ascii_case(name) || given == compact
        })
    };
    let mut message = String::new();
    if !head.lines().next().is_some_and(|line| line.contains("SIP/2.0 ") || line.contains(" SIP/")) || begins("Via", "v") {
        message += "OPTIONS sip:bob@example.org SIP/2.0\n";
    }
    message += head;
    message += "\n";
    let mandatory = [
        ("Via", "v", "SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bKx"),
        ("From", "f", "<sip:alice@example.com>;tag=1"),
        ("To", "t", "<sip:bob@example.org>"),
        ("Call-ID", "i", "a84b4c76e66710@192.0.2.1"),
        ("CSeq", "CSeq", "1 OPTIONS"),
        ("Max-Forwards", "Max-Forwards", "70"),
    ];
    for (name, _, value) in mandatory.iter().filter(|(name, compact, _)| !begins(name, compact)) {
        message += &format!("{name}: {value}\n");
    }
    if body.is_none() {
        message += "Content-Length: 0\n";
    }
    message += "\n";
    message += body.unwrap_or_default();
    message.replace('\n', "\r\n").into_bytes()
}

#[test]
fn every_difference_is_explained() {
    let all = [SAMPLES, VIAS, WHOLE, BODIES].concat();
    let samples: Vec<(String, Vec<u8>)> = all.iter().map(|(name, lines)| ((*name).to_owned(), complete(lines))).collect();
    let differences =
        compare(samples.iter().map(|(name, bytes)| (name.clone(), bytes.as_slice())), |parser, bytes| (parser.message)(bytes));
    let wrong = judge(&differences, EXPLAINED);
    assert!(wrong.is_empty(), "{} differences to look into:\n{}", wrong.len(), wrong.join("\n"));
}
