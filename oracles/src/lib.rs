//! What several parsers read from the same bytes, in words that can be compared; and what several codecs make of the same sound.
//!
//! A [`Parser`] of SIP turns a message into [`Facts`], or says why it will not. The tests put the facts of other crates beside ours; a
//! difference must be in the test's list of explanations, and an explanation without its difference fails too.
//! For bytes of RTP and RTCP by the thousand the explanations are rules, kept by a [`Ledger`].

mod compare;
mod ledger;
pub mod media;
mod mutation;
mod ours;
pub mod sound;
mod with_rsip;
mod with_rsipstack;
mod with_rvoip;

pub use compare::{Difference, Explained, compare, judge};
pub use ledger::{Exception, Ledger};
pub use mutation::{bytes, mutate};

// `tandem-media` keeps its packets to itself, so that part of its source is compiled here once more, under the names that it has there.
#[allow(dead_code)]
#[path = "../../crates/media/src/packet.rs"]
mod packet;
#[allow(dead_code)]
#[path = "../../crates/media/src/rtcp/mod.rs"]
mod rtcp;
#[allow(dead_code)]
#[path = "../../crates/media/src/rtp/mod.rs"]
mod rtp;

use std::collections::BTreeMap;

/// What a parser read, by name: `from.user`, `via.port`, `body` …; what is absent from the message is absent here.
pub type Facts = BTreeMap<&'static str, String>;

/// A parser of whole messages, and one of URIs alone.
pub struct Parser {
    /// The crate's name.
    pub name: &'static str,
    /// Reads a message.
    pub message: fn(&[u8]) -> Result<Facts, String>,
    /// Reads a URI.
    pub uri: fn(&str) -> Result<Facts, String>,
}

/// Tandem's.
pub const OURS: Parser = Parser { name: "tandem", message: ours::message, uri: ours::uri };

/// The others.
pub const OTHERS: [Parser; 3] = [
    Parser { name: "rsip", message: with_rsip::message, uri: with_rsip::uri },
    Parser { name: "rsipstack", message: with_rsipstack::message, uri: with_rsipstack::uri },
    Parser { name: "rvoip", message: with_rvoip::message, uri: with_rvoip::uri },
];

/// Adds a fact if there is one.
fn note(facts: &mut Facts, name: &'static str, value: Option<impl ToString>) {
    if let Some(value) = value {
        facts.insert(name, value.to_string());
    }
}

/// The names of the facts about one URI within a message.
struct UriNames {
    user: &'static str,
    host: &'static str,
    port: &'static str,
}

const REQUEST_URI: UriNames = UriNames { user: "uri.user", host: "uri.host", port: "uri.port" };
const FROM_URI: UriNames = UriNames { user: "from.user", host: "from.host", port: "from.port" };
const TO_URI: UriNames = UriNames { user: "to.user", host: "to.host", port: "to.port" };
const CONTACT_URI: UriNames = UriNames { user: "contact.user", host: "contact.host", port: "contact.port" };

/// Notes what a URI says; hosts are compared without case and IPv6 brackets.
fn note_uri(facts: &mut Facts, names: &UriNames, user: Option<impl ToString>, host: impl ToString, port: Option<impl ToString>) {
    note(facts, names.user, user);
    note(facts, names.host, Some(plain_host(&host.to_string())));
    note(facts, names.port, port);
}

fn plain_host(host: &str) -> String {
    host.trim_start_matches('[').trim_end_matches(']').to_ascii_lowercase()
}
