//! Every state × event of the session timer (RFC 4028), with an interval of half an hour that began at 0.

use std::fmt::Write;
use std::time::Duration;
use tandem_model::Timestamp;
use tandem_signalling::session_timer::{Event, Keeper, Outcome, SessionTimer, State};

const HALF_AN_HOUR: u32 = 1800;

fn at(seconds: u64) -> Timestamp {
    Timestamp::from_millis(seconds * 1000)
}

fn agreed(keeper: Keeper) -> SessionTimer {
    let mut timer = SessionTimer::default();
    timer.on(at(0), Event::Agreed(HALF_AN_HOUR, keeper));
    timer
}

fn refreshing(keeper: Keeper) -> SessionTimer {
    let mut timer = agreed(keeper);
    assert_eq!(timer.on(at(900), Event::Due), Outcome::Refresh);
    timer
}

/// Each state with the time at which the event meets it.
fn states() -> [(&'static str, SessionTimer, u64); 6] {
    [
        ("off", SessionTimer::default(), 900),
        ("ours", agreed(Keeper::Us), 900),
        ("ours alone", agreed(Keeper::UsAlone), 900),
        ("refreshing", refreshing(Keeper::Us), 910),
        ("refreshing alone", refreshing(Keeper::UsAlone), 910),
        ("theirs", agreed(Keeper::Peer), 1768),
    ]
}

const EVENTS: [Event; 9] = [
    Event::Agreed(600, Keeper::Us),
    Event::Agreed(600, Keeper::UsAlone),
    Event::Agreed(90, Keeper::Peer),
    Event::Dropped,
    Event::Due,
    Event::Busy,
    Event::Refused(None),
    Event::Refused(Some(Duration::from_secs(3))),
    Event::Undelivered,
];

#[test]
fn every_state_and_event() {
    let mut text = String::new();
    for (name, timer, now) in states() {
        for event in EVENTS {
            let mut after = timer;
            let outcome = after.on(at(now), event);
            let due = after.due().map(|due| due.as_millis() / 1000);
            writeln!(text, "{name} at {now} + {event:?} -> {:?} due {due:?}: {outcome:?}", after.state()).expect("a String takes all");
        }
    }
    insta::assert_snapshot!(text);
}

#[test]
fn the_one_who_waits_gives_up_a_third_before_the_end_at_most_32_seconds() {
    for (interval, due) in [(90, 60), (93, 62), (96, 64), (120, 88), (1800, 1768)] {
        let mut timer = SessionTimer::default();
        timer.on(at(0), Event::Agreed(interval, Keeper::Peer));
        assert_eq!(timer.due(), Some(at(due)));
    }
}

#[test]
fn refusals_are_answered_a_few_times_and_then_the_session_expires() {
    let (mut timer, mut asked, mut now) = (agreed(Keeper::Us), 0, at(0));
    while timer.state() != State::Off {
        now = timer.due().expect("it runs");
        match timer.on(now, Event::Due) {
            Outcome::Refresh => asked += 1,
            Outcome::Expire => break,
            Outcome::Wait => panic!("due for nothing"),
        }
        timer.on(now, Event::Refused(None));
    }
    assert_eq!((asked, now), (4, at(1800)));
}

#[test]
fn a_peer_without_timers_that_refuses_is_alive_all_the_same() {
    let mut timer = refreshing(Keeper::UsAlone);
    timer.on(at(910), Event::Refused(None));
    assert_eq!((timer.due(), timer.keeper()), (Some(at(1810)), Some(Keeper::UsAlone)));
}

#[test]
fn what_cannot_be_delivered_is_tried_until_the_end_and_says_nothing_of_the_peer() {
    for keeper in [Keeper::Us, Keeper::UsAlone] {
        let (mut timer, mut asked) = (agreed(keeper), 0);
        let mut now = timer.due().expect("it runs");
        while timer.on(now, Event::Due) == Outcome::Refresh {
            asked += 1;
            timer.on(now, Event::Undelivered);
            assert!(!timer.is_refused());
            now = timer.due().expect("it runs");
        }
        assert_eq!((asked, now), (33, at(1800)));
    }
}
