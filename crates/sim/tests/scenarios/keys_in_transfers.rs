//! A key is on its way by INFO to a peer that has transferred the call: that it is gone is no end of the call.

use crate::keys::{Way, house, infos_at};
use crate::transfer_blind::refer;
use std::time::Duration;
use tandem_model::EndReason;
use tandem_phone::{Act, Place, Reply, Script, When};
use tandem_sim::{ALICE, BOB, CAROL, Sim, ms, secs};

/// Bob, who has keys by INFO, sends alice to carol; alice presses 5, and he answers the INFO so, if at all. Does he hang up meanwhile?
fn transferred(seed: u64, (status, after): (u16, Duration), hangs_up: bool) {
    let text = house(Way::Events, Way::Info).replace("[[trunk]]\n", "[[trunk]]\nrefer = \"execute\"\n");
    let mut sim = Sim::with_config(seed, &text);
    crate::sound::tones(&mut sim);
    sim.expect(BOB, Script::answers(100).habits(|habits| habits.others = vec![(after, Reply::new(status))]));
    sim.expect(CAROL, Script::new().reply(100, 180).reply(45_000, 200));
    sim.place_with(ALICE, Place::new(&sim.uri(ALICE, "bob")));
    sim.run_until_talking(ALICE, BOB);
    sim.run_for(secs(1));
    // The key is let go when he has asked for the transfer already.
    sim.phone_mut(ALICE).stream_mut(0).expect("sound").press('5', Some(101), 5, 5);
    let refer = refer(&sim, BOB, "carol");
    sim.act(BOB, refer);
    sim.run_until("bob is told", |sim| !infos_at(sim, BOB).is_empty());
    assert_eq!(sim.call(BOB).referrals().last().and_then(|referral| referral.status), Some(202), "before the key");
    if hangs_up {
        sim.act(BOB, Act::Bye);
    }
    sim.run_for(secs(40));
    assert_eq!(sim.call(ALICE).outcome, None, "alice waits for carol");
    sim.run_until("carol talks", |sim| sim.phone(CAROL).calls().first().is_some_and(|call| call.has(When::Confirmed)));
    sim.run_for(secs(2));
    sim.act(ALICE, Act::Bye);
    sim.finish();
    assert_eq!(sim.core().records().next().map(|record| record.reason), Some(EndReason::CallerHungUp));
}

#[test]
fn the_transferor_has_no_dialog_any_more() {
    transferred(1, (481, ms(300)), true);
    transferred(2, (481, ms(300)), false);
    transferred(3, (408, ms(300)), true);
}

#[test]
fn the_transferor_never_answers() {
    transferred(4, (200, secs(600)), true);
    transferred(5, (200, secs(600)), false);
}

/// Nothing is under way that the call could wait for.
#[test]
fn without_a_transfer_the_call_is_over() {
    for (status, after) in [(481, ms(300)), (200, secs(600))] {
        let mut sim = Sim::with_config(6, &house(Way::Events, Way::Info));
        crate::sound::tones(&mut sim);
        sim.expect(BOB, Script::answers(100).habits(|habits| habits.others = vec![(after, Reply::new(status))]));
        sim.place(ALICE, "bob", Script::new());
        sim.run_until_talking(ALICE, BOB);
        sim.phone_mut(ALICE).stream_mut(0).expect("sound").press('5', Some(101), 5, 5);
        sim.run_for(secs(40));
        assert!(sim.call(ALICE).outcome.is_some());
        sim.finish();
        assert_eq!(sim.core().records().next().map(|record| record.reason), Some(EndReason::DialogLost));
    }
}
