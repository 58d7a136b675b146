//! Where a meeting is that is given as a room or as a link.

use super::{Bench, Webex, assert_fails, said};
use crate::common::hear;
use serde_json::{Value, json};
use std::sync::{Arc, OnceLock};

const ROOM: &str = "Y2lzY29zcGFyazovL3VzL1JPT00vYmJjZWIxYWQtNDNmMS0zYjU4LTkxNDctZjE0YmIwYzRkMTU0";

/// A Webex in which `path`, asked with `token`, has the meeting of the bench in `answer`.
fn bench(path: &'static str, token: &'static str, answer: fn(String) -> Value) -> Bench {
    let known = Arc::new(OnceLock::new());
    let says = known.clone();
    let webex = Webex::start(move |asked, by| {
        Some(match asked {
            "/v1/people/me" => (200, json!({})),
            _ if asked == path && by == token => (200, answer(OnceLock::get(&says).cloned().unwrap_or_default())),
            _ if asked.starts_with("/v1/meetings?") => (200, json!({"items": []})),
            _ => (404, json!({})),
        })
    });
    let bench = Bench::with(webex, "");
    known.set(format!("42@{}", bench.meeting.address)).unwrap();
    bench
}

/// The meeting is called, and nobody but Webex was asked.
fn is_joined(bench: &Bench, meeting: &str) {
    let waiting = bench.begin(&json!({"meeting": meeting}));
    let invite = bench.accept(&bench.meeting, "m");
    assert_eq!(invite.start(), format!("INVITE sip:42@{} SIP/2.0", bench.meeting.address));
    bench.accept(&bench.endpoint, "e");
    assert_eq!(said(&hear(waiting)), (true, "Bridge established.".to_owned()));
}

#[test]
fn a_room_says_where_it_is_met() {
    let info = |sip: String| json!({"roomId": ROOM, "sipAddress": sip, "meetingLink": "https://acme.webex.com/m/1"});
    let bench = bench("/v1/rooms/Y2lzY29zcGFyazovL3VzL1JPT00vYmJjZWIxYWQtNDNmMS0zYjU4LTkxNDctZjE0YmIwYzRkMTU0/meetingInfo", "guest", info);
    is_joined(&bench, ROOM);
    let asked = bench.webex.asked();
    assert_eq!(asked.len(), 3, "two tokens and the room: {asked:?}");
}

#[test]
fn a_room_that_one_token_does_not_see_another_may() {
    let info = |sip: String| json!({"sipAddress": sip});
    let path = "/v1/rooms/Y2lzY29zcGFyazovL3VzL1JPT00vYmJjZWIxYWQtNDNmMS0zYjU4LTkxNDctZjE0YmIwYzRkMTU0/meetingInfo";
    is_joined(&bench(path, "licensed", info), ROOM);
}

#[test]
fn a_link_is_looked_up_and_not_called() {
    let found = |sip: String| json!({"items": [{"sipAddress": sip}]});
    let bench = bench("/v1/meetings?webLink=https%3A%2F%2F127.0.0.1%3A9%2Fm%2F1%3Fa%3Db", "guest", found);
    is_joined(&bench, "https://127.0.0.1:9/m/1?a=b");
}

#[test]
fn a_personal_room_is_its_owners() {
    let own = |sip: String| json!({"personalMeetingRoomLink": "https://acme.webex.com/meet/alice", "sipAddress": sip});
    let bench = bench("/v1/meetingPreferences/personalMeetingRoom", "licensed", own);
    is_joined(&bench, "acme.webex.com/meet/Alice");
}

#[test]
fn a_meeting_that_is_nowhere_is_told() {
    let bench =
        bench("/v1/meetings?webLink=https%3A%2F%2Facme.webex.com%2Fm%2F1", "guest", |_| json!({"items": [{"title": "no address"}]}));
    for (meeting, message) in [
        (ROOM, format!("{ROOM} could not be joined: Webex answered 404")),
        ("https://acme.webex.com/m/1", "https://acme.webex.com/m/1 could not be joined: Webex knows no SIP address of it".to_owned()),
    ] {
        assert_fails(&bench.bridge(&json!({"meeting": meeting, "wait": true})), &message);
    }
}
