//! SIGHUP: new durations and rules hold for the calls that come, not for those that are there.

use tandem_model::EndReason;
use tandem_phone::{Act, Outcome, Script};
use tandem_sim::{ALICE, BOB, STANDARD, Sim, secs};

fn why(sim: &Sim) -> Vec<EndReason> {
    sim.core().records().map(|record| record.reason).collect()
}

#[test]
fn a_shorter_max_duration_leaves_the_calls_alone_that_are_there() {
    let mut sim = Sim::new(1);
    sim.expect(BOB, Script::answers(100)).expect(BOB, Script::answers(100));
    sim.place(ALICE, "bob", Script::new());
    sim.run_for(secs(1));
    sim.reload(&STANDARD.replace("max_duration = \"6h\"", "max_duration = \"30s\""));
    sim.place(ALICE, "bob", Script::new());
    sim.run_for(secs(60));
    assert_eq!(why(&sim), [EndReason::MaxDuration]);
    assert_eq!(sim.phone(ALICE).call(1).outcome, Some(Outcome::TheyHungUp));
    assert_eq!(sim.call(ALICE).outcome, None, "the one before goes on");
    sim.act(ALICE, Act::Bye);
    sim.finish();
    assert_eq!(why(&sim), [EndReason::MaxDuration, EndReason::CallerHungUp]);
}

#[test]
fn a_new_domain_is_the_next_call_s() {
    let mut sim = Sim::new(2);
    sim.expect(BOB, Script::answers(100)).expect(BOB, Script::answers(100));
    sim.place(ALICE, "bob", Script::new().bye(500));
    sim.settle();
    sim.reload(&STANDARD.replace("name = \"sim\"", "name = \"sim\"\ndomain = \"sip.example\""));
    sim.place(ALICE, "bob", Script::new().bye(500));
    sim.finish();
    let hosts: Vec<_> =
        sim.phone(BOB).heard("INVITE").filter(|message| message.is_request()).filter_map(|invite| invite.header("From")).collect();
    assert!(hosts[0].contains("@10.0.0.1>") && hosts[1].contains("@sip.example>"), "{hosts:?}");
}

#[test]
fn a_trunk_s_new_rules_hold_for_the_next_call() {
    let mut sim = Sim::new(3);
    sim.expect(BOB, Script::answers(100)).expect(BOB, Script::answers(100));
    sim.place(ALICE, "bob", Script::new());
    sim.run_for(secs(1));
    let rules = "name = \"bob\"\nnumbers_out = [{ of = 'called', match = '^bob$', to = 'robert' }]\nproxy = \"sip:10.0.2.1:5060;lr\"";
    sim.reload(&STANDARD.replace("name = \"bob\"", rules));
    sim.place(ALICE, "bob", Script::new().bye(500));
    sim.run_for(secs(5));
    sim.act(ALICE, Act::Bye);
    sim.finish();
    let invites: Vec<_> = sim
        .phone(BOB)
        .heard("INVITE")
        .filter(|message| message.is_request())
        .map(|invite| (invite.uri().to_owned(), invite.header("Route").is_some()))
        .collect();
    assert_eq!(invites, [("sip:bob@10.0.2.1".to_owned(), false), ("sip:robert@10.0.2.1".to_owned(), true)]);
    assert_eq!(sim.core().counted(), (0, 0));
}
