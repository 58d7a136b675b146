//! What went wrong with a call of the demo, and what to look at.

use super::{ALICE, BOB, DEADLINE};
use tandem_model::Timestamp;
use tandem_phone::Outcome;

/// Says it of the caller's call, unless it was answered by the right phone and ended; `is_bob_called` tells whether the callee
/// was called at all.
pub(super) fn went_wrong(outcome: Option<Outcome>, heard: &[(Timestamp, u16)], is_bob_called: bool) -> Option<String> {
    let (alice, bob) = (ALICE.name, BOB.name);
    let is_answered = heard.iter().any(|(_, status)| (200..300).contains(status));
    let wrong = match outcome {
        Some(Outcome::Failed(status)) => format!("{alice} was refused with {status}. {}", of_refusal(status, is_bob_called)),
        _ if heard.is_empty() => format!(
            "{alice} got no answer. That is how a `silent` listener treats strangers: is there a [[trunk]] with \
             `match = {{ sources = [\"{}\"] }}`, as `demo-alice` in config/tandem.toml?",
            ip_of(ALICE.address)
        ),
        _ if is_answered && !is_bob_called => {
            format!("somebody else than {bob} answered: see which [[route]] takes `{bob}` (`route=` in the log line of the call)")
        }
        Some(Outcome::WeHungUp) => return None,
        Some(Outcome::TheyHungUp) => format!("tandem hung up on {alice}: `reason=` in the log line of the call says why"),
        Some(Outcome::Lost | Outcome::TimedOut | Outcome::Forgotten | Outcome::NoCall) | None => {
            format!("{alice} waited in vain for the end of it, {} s: see the ladder for who did not answer whom", DEADLINE.as_secs())
        }
    };
    Some(wrong)
}

fn of_refusal(status: u16, is_bob_called: bool) -> String {
    let (alice, bob) = (ALICE.name, BOB.name);
    match status {
        _ if is_bob_called => format!("{bob} was called: `reason=` in the log line of the call says what happened then"),
        403 => format!(
            "Either no [[trunk]] is {alice}, who calls from {}: `demo-alice` in config/tandem.toml is an example; or a [[route]] refuses `{bob}`",
            ip_of(ALICE.address)
        ),
        404 => format!("No [[route]] takes `{bob}`: `to bob` in config/tandem.toml is an example"),
        503 => "No room: look at `max` and `max_cps` in [calls], and at `ports` in [[media]]".to_owned(),
        _ => format!("See which [[route]] takes `{bob}`, and where it leads: `demo-bob` in config/tandem.toml is at {}", BOB.address),
    }
}

fn ip_of(address: &str) -> &str {
    address.split_once(':').map_or(address, |(ip, _)| ip)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn advice(outcome: Option<Outcome>, statuses: &[u16], is_bob_called: bool) -> String {
        let heard: Vec<(Timestamp, u16)> = statuses.iter().map(|status| (Timestamp::ZERO, *status)).collect();
        went_wrong(outcome, &heard, is_bob_called).unwrap_or_default()
    }

    #[test]
    fn a_call_as_it_should_be_needs_no_advice() {
        assert_eq!(advice(Some(Outcome::WeHungUp), &[100, 180, 200], true), "");
    }

    #[test]
    fn a_refusal_names_what_to_look_at() {
        for (status, is_bob_called, words) in [
            (403, false, "no [[trunk]] is alice, who calls from 127.0.1.1"),
            (404, false, "No [[route]] takes `bob`"),
            (503, false, "`max_cps` in [calls]"),
            (480, false, "demo-bob"),
            (408, true, "`reason=`"),
        ] {
            let told = advice(Some(Outcome::Failed(status)), &[100, status], is_bob_called);
            assert!(told.starts_with(&format!("alice was refused with {status}. ")) && told.contains(words), "{told}");
        }
    }

    #[test]
    fn silence_a_wrong_phone_and_a_call_without_an_end_are_told_apart() {
        assert!(advice(None, &[], false).contains("`silent` listener"));
        assert!(advice(Some(Outcome::WeHungUp), &[100, 200], false).contains("somebody else than bob answered"));
        assert!(advice(None, &[100, 180], true).contains("waited in vain"));
        assert!(advice(Some(Outcome::TheyHungUp), &[100, 200], true).contains("tandem hung up on alice"));
    }
}
