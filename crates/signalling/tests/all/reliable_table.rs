//! The tables of reliable provisional responses, whole.

use tandem_signalling::reliable::{Receiving, Sending, SendingEvent};

#[test]
fn every_state_of_who_answers_meets_every_event() {
    let events = [
        SendingEvent::Provisional { described: false },
        SendingEvent::Provisional { described: true },
        SendingEvent::Prack,
        SendingEvent::StrayPrack,
        SendingEvent::Due,
        SendingEvent::GivenUp,
        SendingEvent::Success,
        SendingEvent::Failure,
    ];
    let mut table = String::new();
    for state in Sending::ALL {
        table += &format!("{state:?}\n");
        for event in events {
            let (next, act) = state.on(event);
            table += &format!("  {:32} -> {next:?}, {act:?}\n", format!("{event:?}"));
        }
    }
    insta::assert_snapshot!(table);
}

#[test]
fn every_state_of_who_called_meets_every_number() {
    let states = [Receiving::Fresh, Receiving::At(7), Receiving::At(u32::MAX)];
    let mut table = String::new();
    for state in states {
        table += &format!("{state:?}\n");
        for rseq in [0, 1, 6, 7, 8, 9, u32::MAX] {
            let (next, act) = state.on_response(rseq);
            table += &format!("  {rseq:10} -> {next:?}, {act:?}\n");
        }
    }
    insta::assert_snapshot!(table);
}
