//! The version of our `o=` goes up by one with a change, and only then (RFC 3264 §8).

use crate::negotiation_support::*;
use tandem_signalling::negotiation::translate_answer;

#[test]
fn a_refresh_without_change_is_the_same_text() {
    let (mut a, mut b) = legs();
    let (offered, settled) = exchange(&caller(), &called(), &mut a, &mut b);
    // The peer's own version may go up, ours says what changed on our side.
    let refreshed = caller().replace("o=- 77 1 ", "o=- 77 2 ");
    let (again, settled_again) = exchange(&refreshed, &called(), &mut a, &mut b);
    assert_eq!(offered, again);
    assert_eq!(settled, settled_again);
    assert_eq!(version(&again), 1);
}

#[test]
fn each_change_counts_one_on_the_leg_that_sees_it() {
    let (mut a, mut b) = legs();
    exchange(&caller(), &called(), &mut a, &mut b);
    let held = caller() + "a=sendonly\r\n";
    let (offered, settled) = exchange(&held, &(called() + "a=recvonly\r\n"), &mut a, &mut b);
    assert_eq!((version(&offered), version(text(&settled.answer))), (2, 2));
    let (offered, settled) = exchange(&caller(), &called(), &mut a, &mut b);
    assert_eq!((version(&offered), version(text(&settled.answer))), (3, 3));
    // Now the other leg asks for what it has.
    let (offered, settled) = exchange(&called(), &caller(), &mut b, &mut a);
    assert_eq!((version(&offered), version(text(&settled.answer))), (3, 3));
}

#[test]
fn the_session_id_is_the_legs_own_for_ever() {
    let (mut a, mut b) = legs();
    let (offered, settled) = exchange(&caller(), &called(), &mut a, &mut b);
    assert_eq!(lines(&offered, "o="), ["o=- 2000 1 IN IP4 10.0.0.2"]);
    assert_eq!(lines(text(&settled.answer), "o="), ["o=- 1000 1 IN IP4 10.0.0.1"]);
}

#[test]
fn the_same_answer_twice_is_one_version_and_a_changed_one_the_next() {
    let (mut a, mut b) = legs();
    let pending = offer(&caller(), &mut a, &mut b);
    let early = translate_answer(&pending, called().as_bytes(), &mut a, &mut b).unwrap();
    let last = translate_answer(&pending, called().as_bytes(), &mut a, &mut b).unwrap();
    assert_eq!(early, last);
    let changed = called() + "a=ptime:40\r\n";
    let last = translate_answer(&pending, changed.as_bytes(), &mut a, &mut b).unwrap();
    assert_eq!((version(text(&early.answer)), version(text(&last.answer))), (1, 2));
}

#[test]
fn a_version_that_was_refused_is_not_used_for_something_else() {
    let (mut a, mut b) = legs();
    exchange(&caller(), &called(), &mut a, &mut b);
    let held = caller() + "a=sendonly\r\n";
    drop(offer(&held, &mut a, &mut b));
    // The same again after 491: the same text. Something else: a new version.
    assert_eq!(version(text(offer(&held, &mut a, &mut b).sdp())), 2);
    assert_eq!(version(text(offer(&caller(), &mut a, &mut b).sdp())), 3);
}
