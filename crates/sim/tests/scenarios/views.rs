//! A call as whoever watches it sees it.

use crate::commanded::{call, done, legs};
use crate::transfer_blind::{refer, sounding};
use tandem_model::{CallCommand, CallState, CallView, LegDirection, LegState};
use tandem_phone::{Act, Offer, Script, When, sdp::Direction};
use tandem_sim::{ALICE, BOB, CAROL, Sim, ms, secs};

fn view(sim: &Sim) -> CallView {
    sim.core().view(call(sim)).expect("the call goes on")
}

fn states(sim: &Sim) -> Vec<(u8, LegState)> {
    view(sim).legs.iter().map(|leg| (leg.leg.index(), leg.state)).collect()
}

#[test]
fn it_shows_how_far_each_leg_is_until_the_call_has_ended() {
    let mut sim = Sim::new(1);
    sim.expect(BOB, Script::new().reply(200, 100).reply(400, 180).reply(800, 200));
    sim.place(ALICE, "bob", Script::new());
    let expected = [
        (100, CallState::Created, LegState::Created),
        (200, CallState::Created, LegState::Trying),
        (400, CallState::Ringing, LegState::Ringing),
    ];
    for (span, state, leg) in expected {
        sim.run_for(ms(span));
        assert_eq!((view(&sim).state, states(&sim)), (state, vec![(0, LegState::Created), (1, leg)]));
    }
    sim.run_until_talking(ALICE, BOB);
    let talking = view(&sim);
    assert_eq!((talking.state, states(&sim)), (CallState::Answered, vec![(0, LegState::Answered), (1, LegState::Answered)]));
    assert!(talking.answered.is_some_and(|answered| answered > talking.began) && !talking.route.is_empty());
    let [alice, bob] = &*talking.legs else { panic!("{talking:?}") };
    assert_eq!((alice.direction, &*alice.endpoint, alice.sip_status), (LegDirection::In, "trunk:alice", 200));
    assert_eq!((bob.direction, &*bob.endpoint, bob.sip_status), (LegDirection::Out, "trunk:bob", 200));
    let ids = [ALICE, BOB].map(|phone| sim.call(phone).call_id.clone());
    assert_eq!([&*alice.sip_call_id, &*bob.sip_call_id], [&*ids[0], &*ids[1]]);
    let call = call(&sim);
    sim.act(ALICE, Act::Bye);
    sim.run_for(ms(100));
    assert_eq!(sim.core().view(call), None);
    sim.finish();
    let record = sim.core().records().next().expect("there is one");
    assert_eq!(record.legs.iter().map(|leg| &*leg.sip_call_id).collect::<Vec<_>>(), ids);
}

#[test]
fn it_shows_what_was_asked_of_legs_and_who_holds() {
    let mut sim = sounding(2);
    sim.expect(BOB, Script::answers(100));
    sim.place(ALICE, "bob", Script::new());
    sim.run_until_talking(ALICE, BOB);
    sim.run_for(ms(200));
    let [alice, bob] = legs(&sim);
    done(&mut sim, CallCommand::Mute { leg: alice });
    done(&mut sim, CallCommand::Deafen { leg: bob });
    done(&mut sim, CallCommand::Hold { leg: bob, music: None });
    sim.act(ALICE, Act::Reinvite(Offer::direction(Direction::SendOnly)));
    sim.run_for(ms(300));
    let shown: Vec<_> = view(&sim).legs.iter().map(|leg| (leg.muted, leg.deaf, leg.held, leg.holds)).collect();
    assert_eq!(shown, [(true, false, false, true), (false, true, true, false)]);
    sim.act(BOB, Act::Bye);
    sim.finish();
}

#[test]
fn who_a_call_is_transferred_to_is_shown_beside_those_who_talk_and_then_in_one_s_place() {
    let mut sim = sounding(3);
    sim.expect(BOB, Script::answers(100));
    sim.expect(CAROL, Script::answers(900));
    sim.place(ALICE, "bob", Script::new());
    sim.run_until_talking(ALICE, BOB);
    sim.run_for(ms(200));
    let refer = refer(&sim, BOB, "carol");
    sim.act(BOB, refer);
    sim.run_for(ms(600));
    assert!(states(&sim).contains(&(2, LegState::Ringing)), "{:?}", states(&sim));
    sim.run_until("carol talks", |sim| sim.phone(CAROL).calls().first().is_some_and(|call| call.has(When::Confirmed)));
    sim.run_for(secs(3));
    assert_eq!(states(&sim), [(0, LegState::Answered), (2, LegState::Answered)]);
    sim.act(ALICE, Act::Bye);
    sim.finish();
}
