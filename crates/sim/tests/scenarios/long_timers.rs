//! Session timers that nobody lives to see: they show nobody's presence, and stop no other watch.

use crate::worded;
use tandem_model::EndReason;
use tandem_phone::{Act, Edit, Place, Reply, Script, Timer};
use tandem_sim::{ALICE, BOB, Sim, ms, secs};

#[test]
fn a_timer_of_a_century_does_not_keep_a_silent_call() {
    for (interval, refresher) in [(u32::MAX, "uac"), (u32::MAX, "uas"), (86_400, "uas")] {
        let mut sim = worded("", "");
        let said = Reply::new(200).edit(Edit::set("Session-Expires", &format!("{interval};refresher={refresher}")));
        sim.expect(BOB, Script::new().reply_with(100, said.edit(Edit::add("Require", "timer"))));
        sim.place(ALICE, "bob", Script::new().habits(|habits| habits.timer = Some(Timer::asking(1800))));
        sim.run_until_talking(ALICE, BOB);
        sim.run_for(secs(1000));
        sim.finish();
        assert_eq!(sim.end_reason(), Some(EndReason::Inactivity), "{interval};{refresher}");
    }
}

fn odd(header: &str, value: &str) -> Sim {
    let mut sim = worded("", "");
    sim.expect(BOB, Script::answers(100));
    let script = Script::new().habits(|habits| habits.timer = Some(Timer::asking(1800)));
    let place = Place::new(&sim.uri(ALICE, "bob")).script(script).edit(Edit::set(header, value));
    sim.place_with(ALICE, place);
    sim.run_for(secs(1));
    sim
}

#[test]
fn odd_numbers_are_taken_for_what_they_are_or_for_nothing() {
    for value in [
        "0",
        "-1",
        "",
        ";refresher=uac",
        "4294967296",
        "99999999999999999999999999",
        "1e9",
        "90;refresher",
        "1800;refresher=\"",
        "\u{fffd}",
    ] {
        for header in ["Session-Expires", "Min-SE"] {
            let mut sim = odd(header, value);
            let status = sim.call(ALICE).statuses.last().map(|(_, status)| *status);
            assert!(matches!(status, Some(200 | 400 | 422)), "{header}: {value} got {status:?}");
            sim.run_for(ms(200));
            sim.act(ALICE, Act::Bye);
            sim.run_for(secs(1));
            sim.finish();
        }
    }
}

#[test]
fn a_peer_that_raises_for_ever_is_given_up() {
    for step in [1_u32, 1_000_000_000] {
        let mut sim = worded("", "");
        for place in 0..12_u32 {
            let least = 1801_u32.saturating_add(place.saturating_mul(step));
            let said = Reply::new(422).edit(Edit::set("Min-SE", &least.to_string()));
            sim.expect(BOB, Script::new().reply_with(20, said));
        }
        sim.place(ALICE, "bob", Script::new());
        sim.settle();
        let invites = sim.phone(BOB).heard("INVITE").filter(|message| message.is_request()).count();
        assert!(invites <= 5, "{invites}");
        sim.finish();
    }
}
