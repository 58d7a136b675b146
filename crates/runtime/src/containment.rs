//! A panic inside a call ends that call and no other: this is where it is caught, with the place it came from.

use crate::flight_recorder::Fault;
use std::{
    any::Any,
    cell::{Cell, RefCell},
    panic::{self, AssertUnwindSafe, PanicHookInfo},
    sync::Once,
};

thread_local! {
    static CONTAINED: Cell<bool> = const { Cell::new(false) };
    static PLACE: RefCell<Option<String>> = const { RefCell::new(None) };
}

static HOOK: Once = Once::new();

/// Runs `work`, and says what it died of if it panicked. What `work` was changing is then half changed: drop it.
///
/// # Errors
/// The panic's message and place.
pub(crate) fn contain<T>(work: impl FnOnce() -> T) -> Result<T, Fault> {
    HOOK.call_once(remember_places);
    let before = CONTAINED.replace(true);
    let outcome = panic::catch_unwind(AssertUnwindSafe(work));
    CONTAINED.set(before);
    outcome.map_err(|payload| Fault { message: message_of(&*payload), place: PLACE.take().unwrap_or_else(|| "unknown".into()) })
}

/// Contained panics are told by those who contain them; all others as before.
fn remember_places() {
    let before = panic::take_hook();
    panic::set_hook(Box::new(move |info: &PanicHookInfo<'_>| {
        if CONTAINED.get() {
            PLACE.set(info.location().map(ToString::to_string));
        } else {
            before(info);
        }
    }));
}

fn message_of(payload: &(dyn Any + Send)) -> String {
    let text = payload.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| payload.downcast_ref::<String>().cloned()).unwrap_or_else(|| "panic without a message".into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_is_told_with_its_place_and_the_next_work_goes_on() {
        let fault = contain(|| panic!("boom {}", 7)).unwrap_err();
        assert_eq!(fault.message, "boom 7");
        assert!(fault.place.contains("containment.rs:"), "{}", fault.place);
        assert_eq!(contain(|| 5), Ok(5));
    }

    #[test]
    fn a_panic_after_one_that_was_contained_within_keeps_its_place() {
        let fault = contain(|| {
            let within = contain(|| panic!("within")).unwrap_err();
            panic!("after {}", within.message)
        })
        .unwrap_err();
        assert_eq!(fault.message, "after within");
        assert!(fault.place.contains("containment.rs:"), "{}", fault.place);
    }
}
