//! The torture messages, which are Tandem's own, as the others read them.

use std::panic::catch_unwind;
use tandem_oracles::{Explained, Facts, Parser, compare, judge};

/// Why, and for which samples, parsers and fact.
type Group = (&'static str, &'static [(&'static str, &'static str, &'static str)]);

const GROUPS: &[Group] = &[
    (
        "what belongs together: Tandem's screen answers at once, the others leave it to whoever uses them",
        &[
            ("ack-malformed", "rsip rsipstack rvoip", "accepts"),
            ("cseq-of-another-method", "rsip rsipstack rvoip", "accepts"),
            ("unknown-method-and-cseq", "rvoip", "accepts"),
            ("headers-twice", "rsip rsipstack rvoip", "accepts"),
            ("headers-in-request-uri", "rsip rsipstack rvoip", "accepts"),
            ("no-hops-left", "rsip rsipstack rvoip", "accepts"),
            ("too-many-headers", "rsip rsipstack", "accepts"),
            ("unacceptable-accept", "rsip rsipstack rvoip", "accepts"),
            ("contact-star", "rsip rsipstack rvoip", "accepts"),
            ("unknown-scheme", "rsipstack rvoip", "accepts"),
            ("scheme-of-another-protocol", "rsipstack rvoip", "accepts"),
            ("unknown-version", "rsipstack rvoip", "accepts"),
        ],
    ),
    (
        "a header that is acted upon is read before the message is let in; the others read it when they are asked",
        &[
            ("content-type-malformed", "rsip rsipstack rvoip", "accepts"),
            ("record-route-malformed", "rsip rsipstack rvoip", "accepts"),
            ("route-malformed", "rsip rsipstack rvoip", "accepts"),
            ("hops-not-a-number", "rsip rsipstack rvoip", "accepts"),
            ("hops-too-many", "rsip rsipstack rvoip", "accepts"),
            ("extra-separators", "rsip rsipstack rvoip", "accepts"),
        ],
    ),
    (
        "line ends and control characters that others downstream may take for something else are refused",
        &[
            ("lone-carriage-return", "rsip rsipstack rvoip", "accepts"),
            ("control-character", "rsip rsipstack rvoip", "accepts"),
            ("header-without-colon", "rsipstack", "accepts"),
        ],
    ),
    (
        "Content-Length is what says where a body ends (§18.3); rsip does not look at it, rsipstack takes none for zero",
        &[
            ("bytes-after-the-body", "rsip", "body"),
            ("two-requests-in-a-datagram", "rsip", "body"),
            ("length-missing", "rsipstack", "body"),
            ("rfc2543-invite", "rsipstack", "body"),
            ("length-negative", "rsip rsipstack", "accepts"),
            ("length-too-large", "rsip rsipstack", "accepts"),
            ("lengths-differ", "rsip rsipstack", "accepts"),
        ],
    ),
    ("two that agree do no harm", &[("lengths-agree", "rvoip", "accepts")]),
    (
        "the start line has one space between its parts and none elsewhere, and a bare URI (§7.1; RFC 4475 §3.1.2)",
        &[
            ("brackets-around-request-uri", "rsip rsipstack rvoip", "accepts"),
            ("space-after-version", "rsipstack", "accepts"),
            ("spaces-in-start-line", "rvoip", "accepts"),
        ],
    ),
    (
        "quotes, brackets and escapes are grammar (§25.1; RFC 4475 §3.1.2)",
        &[
            ("comma-in-bare-display-name", "rsip rsipstack", "accepts"),
            ("contact-needs-brackets", "rsip rsipstack rvoip", "accepts"),
            ("quote-without-end", "rsip rsipstack", "accepts"),
            ("spaces-in-address", "rsip rsipstack", "accepts"),
            ("tag-without-value", "rsip rsipstack", "accepts"),
            ("request-uri-bad-escape", "rsip rsipstack rvoip", "accepts"),
        ],
    ),
    (
        "a host is a name or an address, and a port a number up to 65535",
        &[
            ("request-uri-port-too-large", "rvoip", "accepts"),
            ("request-uri-without-host", "rvoip", "accepts"),
            ("via-port-too-large", "rvoip", "accepts"),
            ("ipv6-without-brackets", "rsipstack rvoip", "accepts"),
        ],
    ),
    (
        "a status is three digits, up to 699 (§7.2)",
        &[("status-too-large", "rsipstack", "accepts"), ("status-out-of-range", "rsip rsipstack", "accepts")],
    ),
    (
        "rsip knows no IPv6 host at all",
        &[
            ("ipv6-among-vias", "rsip", "accepts"),
            ("ipv6-in-sdp", "rsip", "accepts"),
            ("ipv6-mapped-ipv4", "rsip", "accepts"),
            ("ipv6-media-of-both-families", "rsip", "accepts"),
            ("ipv6-port-inside", "rsip", "accepts"),
            ("ipv6-port-outside", "rsip", "accepts"),
            ("ipv6-received-in-brackets", "rsip", "accepts"),
            ("ipv6-reference", "rsip", "accepts"),
            ("ipv6-two-colons", "rsip", "accepts"),
            ("ipv6-received-bare", "rsip", "accepts"),
            ("ipv6-received-bare", "rvoip", "via.branch"),
        ],
    ),
    ("three colons before an IPv4 part must be tolerated (RFC 5118 §4.10)", &[("ipv6-three-colons", "rsip rsipstack rvoip", "accepts")]),
    (
        "what is passed on stays as written: ours unescapes on demand (and rvoip loses the tag where there are no brackets)",
        &[("escaped-characters", "rvoip", "*"), ("escaped-nul", "rvoip", "*")],
    ),
    (
        "methods are an open set, and have case (§7.1)",
        &[
            ("percent-is-no-escape", "rsip rsipstack", "accepts"),
            ("lower-case-method", "rsip rsipstack", "*"),
            ("every-token-character", "rsip rsipstack", "accepts"),
        ],
    ),
    (
        "versions have no case (§7.1), and line ends before the start line are ignored (§7.5)",
        &[("lower-case-version", "rsip rsipstack rvoip", "accepts"), ("line-ends-first", "rsip rsipstack rvoip", "accepts")],
    ),
    (
        "folds and white space are where the grammar lets them be (§7.3.1, §25.1); a value is not cut off there",
        &[
            ("spacing-and-folding", "rsip rvoip", "accepts"),
            ("spacing-and-folding", "rsipstack", "*"),
            ("folded-length", "rsip", "accepts"),
            ("long-values", "rsip", "accepts"),
        ],
    ),
    (
        "a user part may have a semicolon (§25.1 user-unreserved)",
        &[("semicolon-in-user", "rsip", "accepts"), ("semicolon-in-user", "rsipstack", "*"), ("semicolon-in-user", "rvoip", "uri.user")],
    ),
    (
        "schemes other than sip are read as such",
        &[
            ("request-uri-tel", "rsip", "accepts"),
            ("request-uri-tel", "rsipstack", "*"),
            ("schemes-in-headers", "rsip rvoip", "accepts"),
            ("schemes-in-headers", "rsipstack", "*"),
            ("contact-uri-headers", "rsip", "contact.host"),
        ],
    ),
];

fn explained() -> Vec<Explained> {
    let rows = GROUPS.iter().flat_map(|(why, rows)| rows.iter().map(move |row| (row, *why)));
    rows.flat_map(|((sample, parsers, fact), why)| parsers.split(' ').map(move |parser| (*sample, parser, *fact, why))).collect()
}

/// A parser that panics refuses, too.
fn read(parser: &Parser, bytes: &[u8]) -> Result<Facts, String> {
    let message = parser.message;
    catch_unwind(|| message(bytes)).unwrap_or_else(|_| Err("panics".to_owned()))
}

#[test]
fn every_difference_over_the_torture_messages_is_explained() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../crates/signalling/tests/torture/messages");
    let files = std::fs::read_dir(folder).expect("the messages are in the checkout");
    let mut samples: Vec<(String, Vec<u8>)> = files
        .map(|file| file.expect("a file").path())
        .filter(|path| path.extension().is_some_and(|ending| ending == "sip"))
        .map(|path| (path.file_stem().expect("a name").to_string_lossy().into_owned(), std::fs::read(&path).expect("a message")))
        .collect();
    samples.sort();
    let differences = compare(samples.iter().map(|(name, bytes)| (name.clone(), bytes.as_slice())), read);
    let wrong = judge(&differences, &explained());
    assert!(wrong.is_empty(), "{} differences to look into:\n{}", wrong.len(), wrong.join("\n"));
}
