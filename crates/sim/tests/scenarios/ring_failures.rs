//! Which of several failures the caller is told, and what one refusal does to the rest.

use crate::statuses;
use tandem_model::EndReason;
use tandem_phone::{Edit, Outcome, Reply, Script};
use tandem_sim::{ALICE, BOB, CAROL, DORA, STANDARD, Sim};

/// What the caller gets when those three answer that.
fn of(statuses: [u16; 3]) -> Option<Outcome> {
    let mut sim = Sim::new(1);
    sim.may_tell_addresses();
    for (phone, (status, after)) in [BOB, CAROL, DORA].into_iter().zip(statuses.into_iter().zip([300, 200, 100])) {
        sim.expect(phone, Script::new().reply(50, 180).reply(after, status));
    }
    sim.place(ALICE, "all", Script::new());
    sim.finish();
    sim.call(ALICE).outcome
}

#[test]
fn the_best_is_passed() {
    for (failures, best) in [
        ([486, 486, 486], 486),
        ([404, 486, 500], 486),
        ([480, 404, 408], 404),
        ([503, 503, 503], 500),
        ([503, 401, 404], 404),
        ([484, 486, 404], 484),
        ([302, 486, 404], 302),
        ([403, 404, 500], 404),
        ([480, 500, 503], 480),
    ] {
        assert_eq!(of(failures), Some(Outcome::Failed(best)), "{failures:?}");
    }
}

#[test]
fn a_decline_ends_all() {
    let mut sim = Sim::new(2);
    sim.expect(BOB, Script::new().reply(50, 180).reply(500, 603));
    sim.expect(CAROL, Script::answers(2000)).expect(DORA, Script::answers(2000));
    sim.place(ALICE, "all", Script::new());
    sim.finish();
    assert_eq!(statuses(&sim, ALICE), [100, 180, 603]);
    assert_eq!(sim.end_reason(), Some(EndReason::Failed(603)));
    for phone in [CAROL, DORA] {
        let reason = sim.phone(phone).heard("CANCEL").next().and_then(|cancel| cancel.header("Reason").map(str::to_owned));
        assert_eq!(reason.as_deref(), Some("SIP;cause=603;text=\"Decline\""));
    }
}

#[test]
fn a_decline_is_one_s_own_where_the_route_says_so() {
    let mut sim = Sim::new(3);
    sim.expect(BOB, Script::new().reply(50, 180).reply(500, 603));
    sim.expect(CAROL, Script::answers(2000));
    sim.place(ALICE, "all-unheard", Script::new().bye(300));
    sim.finish();
    assert_eq!(statuses(&sim, ALICE), [100, 180, 200]);
    assert_eq!(sim.call(CAROL).outcome, Some(Outcome::TheyHungUp));
}

#[test]
fn one_redirection_is_followed_where_its_trunk_says_so_and_takes_its_place() {
    let text = STANDARD.replacen("name = \"bob\"\n", "name = \"bob\"\nredirect = \"follow\"\n", 1);
    let mut sim = Sim::with_config(4, &text);
    sim.expect(BOB, Script::new().reply_with(50, Reply::new(302).edit(Edit::set("Contact", "<sip:desk@10.0.2.1>"))));
    sim.expect(BOB, Script::answers(500));
    sim.expect(CAROL, Script::new().reply(50, 180)).expect(DORA, Script::new().reply(50, 180));
    sim.place(ALICE, "all", Script::new().bye(300));
    sim.finish();
    assert_eq!(sim.phone(BOB).calls().len(), 2);
    assert_eq!(sim.call(ALICE).outcome, Some(Outcome::WeHungUp));
    assert_eq!(sim.call(CAROL).outcome, Some(Outcome::Failed(487)));
}

#[test]
fn a_redirection_that_is_passed_is_a_failure_of_one() {
    let mut sim = Sim::new(5);
    sim.may_tell_addresses();
    sim.expect(BOB, Script::new().reply_with(50, Reply::new(302).edit(Edit::set("Contact", "<sip:desk@10.0.9.9>"))));
    sim.expect(CAROL, Script::answers(500)).expect(DORA, Script::new().reply(50, 180));
    sim.place(ALICE, "all", Script::new().bye(300));
    sim.finish();
    assert_eq!(sim.call(ALICE).outcome, Some(Outcome::WeHungUp));
}

#[test]
fn a_member_turns_to_the_next_target_of_its_trunk() {
    let text = format!(
        "{STANDARD}\n[[trunk]]\nname = \"pair\"\ntargets = [{{ uri = \"sip:10.0.2.1\", priority = 1 }}, {{ uri = \"sip:10.0.3.1\", priority = 2 }}]\n\
         [[route]]\nto = '^pairs$'\ndo = {{ ring = [\"trunk:pair\", \"trunk:dora\"] }}\n"
    );
    let mut sim = Sim::with_config(6, &text);
    sim.expect(BOB, Script::new().reply(50, 503)).expect(CAROL, Script::answers(500)).expect(DORA, Script::new().reply(50, 180));
    sim.place(ALICE, "pairs", Script::new().bye(300));
    sim.finish();
    assert_eq!(sim.call(CAROL).outcome, Some(Outcome::TheyHungUp));
    assert_eq!(sim.call(DORA).outcome, Some(Outcome::Failed(487)));
}
