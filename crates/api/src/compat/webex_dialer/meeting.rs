//! What a meeting is given as.

use super::address::has_scheme;

/// A meeting.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Meeting {
    /// A SIP address.
    Sip(String),
    /// The id of a room: base64 of `ciscospark://…`.
    Room(String),
    /// A link for people.
    Link(String),
}

/// `ciscospark://` in base64, as far as what follows does not change it.
const ROOM: &str = "Y2lzY29zcGFyazovL";

impl Meeting {
    /// What it looks like; `None`: like nothing that is known.
    pub(super) fn of(text: &str) -> Option<Meeting> {
        let text = text.trim();
        let is_base64 = || text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+/-_=".contains(&byte));
        if ["https://", "http://"].iter().any(|scheme| has_scheme(text, scheme)) {
            return Some(Meeting::Link(text.to_owned()));
        }
        if text.contains('@') || has_scheme(text, "sip:") || has_scheme(text, "sips:") {
            return Some(Meeting::Sip(text.to_owned()));
        }
        if text.starts_with(ROOM) && is_base64() {
            return Some(Meeting::Room(text.to_owned()));
        }
        // People leave the scheme out: `acme.webex.com/meet/alice`.
        let (host, _) = text.split_once('/')?;
        host.contains('.').then(|| Meeting::Link(format!("https://{text}")))
    }
}

/// Where the personal room of a link is called: of `https://acme.webex.com/meet/alice` it is `alice@acme.webex.com`. Nobody but Webex has such rooms.
pub(super) fn personal_room(link: &str) -> Option<String> {
    let (host, path) = link.split_once("://")?.1.split_once('/')?;
    let name = path.strip_prefix("meet/")?.split(['?', '#', '/']).next()?;
    let host = host.to_ascii_lowercase();
    let is_plain = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-_".contains(&byte));
    (is_plain(name) && is_plain(&host) && host.ends_with(".webex.com")).then(|| format!("{name}@{host}"))
}

/// Whether both lead people to the same place.
pub(super) fn is_same_link(one: &str, other: &str) -> bool {
    let bare = |link: &str| {
        let link = link.split(['?', '#']).next().unwrap_or_default();
        link.split_once("://").map_or(link, |(_, rest)| rest).trim_end_matches('/').to_ascii_lowercase()
    };
    bare(one) == bare(other)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_meeting_is_known_by_its_looks() {
        let room = "Y2lzY29zcGFyazovL3VzL1JPT00vYmJjZWIxYWQtNDNmMS0zYjU4LTkxNDctZjE0YmIwYzRkMTU0";
        let link = |link: &str| Some(Meeting::Link(link.to_owned()));
        let sip = |sip: &str| Some(Meeting::Sip(sip.to_owned()));
        for (text, meeting) in [
            ("123@acme.webex.com", sip("123@acme.webex.com")),
            (" SIP:123@acme.webex.com ", sip("SIP:123@acme.webex.com")),
            ("sip:192.0.2.1", sip("sip:192.0.2.1")),
            (room, Some(Meeting::Room(room.to_owned()))),
            ("https://acme.webex.com/j.php?u=a@b", link("https://acme.webex.com/j.php?u=a@b")),
            ("acme.webex.com/meet/alice", link("https://acme.webex.com/meet/alice")),
            ("", None),
            ("alice", None),
            ("Y2lzY29zcGFyazovL3Vz/../x", None),
        ] {
            assert_eq!(Meeting::of(text), meeting, "{text}");
        }
    }

    #[test]
    fn the_personal_room_of_a_link_has_an_address() {
        for (link, address) in [
            ("https://acme.webex.com/meet/alice", Some("alice@acme.webex.com")),
            ("https://ACME.webex.com/meet/alice.b?x=1", Some("alice.b@acme.webex.com")),
            ("https://acme.webex.com/join/alice", None),
            ("https://acme.webex.com/meet/", None),
            ("https://acme.webex.com/meet/a%40b", None),
            ("https://webex.com.evil.example/meet/alice", None),
            ("https://user@acme.webex.com/meet/alice", None),
        ] {
            assert_eq!(personal_room(link).as_deref(), address, "{link}");
        }
        assert!(is_same_link("https://Acme.webex.com/meet/Alice/?x", "http://acme.webex.com/meet/alice"));
        assert!(!is_same_link("https://acme.webex.com/meet/alice", "https://acme.webex.com/meet/bob"));
    }
}
