//! Every state × event of a registration (RFC 3261 §10.2, RFC 5626 §4.5).

use std::fmt::Write;
use tandem_signalling::agent::table::{Event, State, table};

const STATES: [State; 10] = [
    State::Out,
    State::Trying,
    State::In,
    State::Refreshing,
    State::Held,
    State::Regaining,
    State::Parting,
    State::Leaving,
    State::Lingering,
    State::Gone,
];
const EVENTS: [Event; 10] = [
    Event::Due,
    Event::Accepted,
    Event::TooBrief,
    Event::Refused,
    Event::Unanswered,
    Event::Lost,
    Event::Lapsed,
    Event::Leave,
    Event::Nothing,
    Event::Enough,
];

#[test]
fn every_state_and_event() {
    let mut text = String::new();
    for state in STATES {
        for event in EVENTS {
            let (next, actions) = table(state, event);
            let changed = if next == state && actions.is_empty() { "-".to_owned() } else { format!("{next:?} {actions:?}") };
            writeln!(text, "{:<10} {:<10} {changed}", format!("{state:?}"), format!("{event:?}")).expect("a String takes it");
        }
    }
    insta::assert_snapshot!(text);
}
