//! Every state × event outcome of the four transactions, as the RFC's figures have them.

use std::fmt::Write;
use tandem_signalling::transaction::{Event, Kind, State, Timer, table};

const EVENTS: [Event; 18] = [
    Event::Provisional,
    Event::Success,
    Event::Failure,
    Event::Request,
    Event::Ack,
    Event::TransportError,
    Event::Expired(Timer::A),
    Event::Expired(Timer::B),
    Event::Expired(Timer::D),
    Event::Expired(Timer::E),
    Event::Expired(Timer::F),
    Event::Expired(Timer::G),
    Event::Expired(Timer::H),
    Event::Expired(Timer::I),
    Event::Expired(Timer::J),
    Event::Expired(Timer::K),
    Event::Expired(Timer::L),
    Event::Expired(Timer::M),
];

fn printed(kind: Kind, states: &[State]) -> String {
    let mut text = String::new();
    for &state in states {
        for event in &EVENTS {
            let row = table(kind, state, *event);
            if row.next == state && row.actions.is_empty() {
                continue;
            }
            writeln!(text, "{state:?} + {event:?} -> {:?} {:?}", row.next, row.actions).expect("a String takes all");
        }
    }
    text
}

#[test]
fn invite_client() {
    insta::assert_snapshot!(printed(
        Kind::ClientInvite,
        &[State::Calling, State::Proceeding, State::Completed, State::Accepted, State::Terminated]
    ));
}

#[test]
fn other_client() {
    insta::assert_snapshot!(printed(Kind::ClientOther, &[State::Trying, State::Proceeding, State::Completed, State::Terminated]));
}

#[test]
fn invite_server() {
    insta::assert_snapshot!(printed(
        Kind::ServerInvite,
        &[State::Proceeding, State::Completed, State::Confirmed, State::Accepted, State::Terminated]
    ));
}

#[test]
fn other_server() {
    insta::assert_snapshot!(printed(Kind::ServerOther, &[State::Trying, State::Proceeding, State::Completed, State::Terminated]));
}

/// No state can be left by nothing, and nothing leaves Terminated.
#[test]
fn every_state_ends_and_the_end_is_final() {
    for kind in [Kind::ClientInvite, Kind::ClientOther, Kind::ServerInvite, Kind::ServerOther] {
        for event in EVENTS {
            let row = table(kind, State::Terminated, event);
            assert_eq!((row.next, row.actions), (State::Terminated, &[][..]), "{kind:?} {event:?}");
        }
    }
}
