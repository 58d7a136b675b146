//! Somebody is dialled into a call: every way in which that comes to nothing, and what is asked too much. The two who talk notice nothing of it.

use crate::commanded::{Outcome, call, done, hears, legs, talking, told};
use crate::guests::{add, all_hear_all, join, talks, voices};
use crate::house::{ALICE_2, house, registered};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tandem_model::{
    CallCommand, CommandError, CommandOutcome, DialLeg, EndReason, EventKind, LegEnd, LegId, Login, MAX_GUESTS, MAX_LEGS, Secret, TrunkId,
};
use tandem_phone::{Act, Demand, Fax, Offer, OnCancel, Outcome as End, Reply, Script};
use tandem_sim::{ALICE, BOB, CAROL, CORE, DORA, Link, STANDARD, Sim, ms, secs};

fn dialled(sim: &mut Sim, leg: DialLeg) -> LegId {
    match told(sim, CallCommand::Add { leg: Box::new(leg) }) {
        Some(Ok(CommandOutcome::Leg(leg))) => leg,
        other => unreachable!("{other:?}"),
    }
}

fn failure(sim: &Sim, leg: LegId) -> Option<LegEnd> {
    let own = sim.core().events.iter().filter(|event| event.leg == Some(leg));
    own.filter_map(|event| if let EventKind::LegFailed(end) = &event.kind { Some(end.clone()) } else { None }).next()
}

fn legs_of_view(sim: &Sim) -> usize {
    sim.core().view(call(sim)).map_or(0, |view| view.legs.len())
}

/// The two talk as before, and nobody else is there.
fn nothing_came(mut sim: Sim) {
    assert_eq!((voices(&mut sim, ALICE), voices(&mut sim, BOB)), (vec![BOB], vec![ALICE]));
    assert_eq!(legs_of_view(&sim), 2);
    assert_eq!([2, 3].map(|trunk| sim.core().carried(TrunkId(trunk))), [0, 0], "no trunk counts who is not there");
    sim.act(ALICE, Act::Bye);
    sim.finish();
    assert_eq!(sim.end_reason(), Some(EndReason::CallerHungUp));
}

#[test]
fn who_is_busy() {
    let mut sim = talking(Sim::new(1));
    sim.expect(CAROL, Script::new().reply(50, 180).reply(1000, 486));
    let leg = dialled(&mut sim, DialLeg::new("trunk:carol"));
    assert_eq!(sim.core().carried(TrunkId(2)), 1);
    assert_eq!((failure(&sim, leg), legs_of_view(&sim)), (None, 3));
    sim.run_for(secs(1));
    assert_eq!(failure(&sim, leg).map(|end| (end.sip_status, end.q850_cause)), Some((486, 17)));
    nothing_came(sim);
}

#[test]
fn who_is_silent() {
    let mut sim = talking(Sim::new(2));
    sim.link(CORE, CAROL, Link::CUT);
    let leg = dialled(&mut sim, DialLeg::new("trunk:carol"));
    sim.run_for(secs(5));
    assert_eq!(failure(&sim, leg).map(|end| end.sip_status), Some(408));
    nothing_came(sim);
}

#[test]
fn who_is_not_reachable() {
    let mut sim = talking(Sim::new(3));
    sim.core_mut().unreachable.push(CAROL);
    let leg = dialled(&mut sim, DialLeg::new("trunk:carol"));
    assert_eq!(failure(&sim, leg).map(|end| end.sip_status), Some(503));
    nothing_came(sim);
}

#[test]
fn who_rings_too_long() {
    let mut sim = talking(Sim::new(4));
    sim.expect(CAROL, Script::new().reply(50, 180));
    let leg = dialled(&mut sim, DialLeg { ring_timeout: Some(secs(5)), ..DialLeg::new("trunk:carol") });
    sim.run_for(secs(6));
    assert_eq!(failure(&sim, leg).map(|end| end.q850_cause), Some(19));
    assert_eq!(sim.call(CAROL).outcome, Some(End::Failed(487)));
    nothing_came(sim);
}

#[test]
fn who_is_hung_up_while_it_rings() {
    let mut sim = talking(Sim::new(5));
    sim.expect(CAROL, Script::new().reply(50, 180));
    let leg = dialled(&mut sim, DialLeg::new("trunk:carol"));
    done(&mut sim, CallCommand::HangUp { leg });
    assert_eq!(failure(&sim, leg).map(|end| end.sip_status), Some(487));
    assert_eq!(sim.call(CAROL).outcome, Some(End::Failed(487)));
    assert_eq!(told(&mut sim, CallCommand::HangUp { leg }), Some(Err(CommandError::UnknownLeg(leg))));
    nothing_came(sim);
}

/// Its 200 crosses our CANCEL.
#[test]
fn who_answers_while_it_is_hung_up() {
    let mut sim = talking(Sim::new(6));
    sim.expect(CAROL, Script::new().reply(50, 180).habits(|habits| habits.on_cancel = OnCancel::Answer));
    let leg = dialled(&mut sim, DialLeg::new("trunk:carol"));
    done(&mut sim, CallCommand::HangUp { leg });
    assert_eq!(sim.call(CAROL).outcome, Some(End::TheyHungUp));
    nothing_came(sim);
}

/// It has nothing in common with us, or says nothing in its answer.
#[test]
fn who_answers_what_cannot_be_used() {
    for reply in [
        Reply { body: tandem_phone::Body::None, ..Reply::new(200) },
        Reply { body: tandem_phone::Body::Raw(b"x".to_vec()), ..Reply::new(200) },
    ] {
        let mut sim = talking(Sim::new(7));
        sim.expect(CAROL, Script::new().reply_with(50, reply));
        dialled(&mut sim, DialLeg::new("trunk:carol"));
        sim.run_for(secs(1));
        assert_eq!(sim.call(CAROL).outcome, Some(End::TheyHungUp));
        nothing_came(sim);
    }
}

#[test]
fn a_challenge_is_answered_with_the_login_of_the_leg() {
    let login = |password: &str| Login { username: "acme".into(), password: Secret::new(password), realm: None };
    for (password, joins) in [("s3cret", true), ("wrong", false)] {
        let mut sim = talking(Sim::new(8));
        sim.phone_mut(CAROL).setup_mut().demands = vec![Demand::new("acme", "s3cret")];
        sim.expect(CAROL, Script::answers(100));
        let leg = dialled(&mut sim, DialLeg { login: Some(Arc::new(login(password))), ..DialLeg::new("trunk:carol") });
        sim.run_for(secs(2));
        assert_eq!(sim.core().view(call(&sim)).is_some_and(|view| view.legs.len() == 3), joins);
        if joins {
            all_hear_all(&mut sim);
            done(&mut sim, CallCommand::HangUp { leg });
        } else {
            assert_eq!(failure(&sim, leg).map(|end| end.sip_status), Some(401));
        }
        nothing_came(sim);
    }
}

/// Two places of one trunk.
fn pair() -> String {
    let targets = "[{ uri = \"sip:10.0.9.1\", priority = 1 }, { uri = \"sip:10.0.3.1\", priority = 2 }]";
    format!("{STANDARD}\n[[trunk]]\nname = \"pair\"\nmatch = {{ sources = [\"10.0.9.0/24\"] }}\ntargets = {targets}\n")
}

#[test]
fn the_next_place_is_tried_after_one_that_is_dead() {
    let mut sim = talking(Sim::with_config(9, &pair()));
    sim.core_mut().unreachable.push(SocketAddr::from(([10, 0, 9, 1], 5060)));
    sim.expect(CAROL, Script::answers(100));
    let first = dialled(&mut sim, DialLeg::new("trunk:pair"));
    assert_eq!(failure(&sim, first).map(|end| end.sip_status), Some(503));
    sim.run_until("carol talks", |sim| talks(sim, CAROL));
    all_hear_all(&mut sim);
    sim.act(CAROL, Act::Bye);
    sim.run_for(ms(300));
    nothing_came(sim);
}

/// Both phones of alice ring, and the first to answer is the guest.
#[test]
fn all_phones_of_a_user_ring() {
    let mut sim = house(10);
    registered(&mut sim, &[ALICE, ALICE_2, CAROL]);
    sim.expect(CAROL, Script::answers(100));
    let placed = sim.place(BOB, "carol", Script::new());
    sim.run_until_talking(BOB, CAROL);
    sim.expect(ALICE, Script::new().reply(50, 180)).expect(ALICE_2, Script::answers(800));
    let call = sim.core().call_of(&sim.phone(BOB).call(placed).call_id).expect("it is known");
    let id = sim.command(call, add("user:alice"));
    sim.run_for(secs(2));
    assert!(matches!(sim.outcome(id), Some(Ok(CommandOutcome::Leg(_)))));
    assert!(talks(&sim, ALICE_2));
    assert_eq!(sim.call(ALICE).outcome, Some(End::Failed(487)));
    assert_eq!(sim.core().view(call).map(|view| view.legs.len()), Some(3));
    let elsewhere =
        sim.core().events.iter().filter(|event| matches!(&event.kind, EventKind::LegFailed(end) if end.q850_cause == 26)).count();
    assert_eq!(elsewhere, 1);
    sim.act(BOB, Act::Bye);
    sim.run_for(ms(300));
    assert!(talks(&sim, ALICE_2) && talks(&sim, CAROL), "the guest has bob's place");
    sim.act(CAROL, Act::Bye);
    sim.finish();
}

#[test]
fn none_of_several_phones_takes_it() {
    for last in [486, 603] {
        let mut sim = house(11);
        registered(&mut sim, &[ALICE, ALICE_2, CAROL]);
        sim.expect(CAROL, Script::answers(100));
        sim.place(BOB, "carol", Script::new());
        sim.run_until_talking(BOB, CAROL);
        sim.expect(ALICE, Script::new().reply(50, 180).reply(5000, 486)).expect(ALICE_2, Script::new().reply(50, 180).reply(1000, last));
        let call = sim.core().call_of(&sim.call(BOB).call_id).expect("it is known");
        sim.command(call, add("user:alice"));
        sim.run_for(secs(3));
        assert_eq!(sim.call(ALICE).outcome.is_some(), last == 603, "a 6xx is the end of all");
        sim.run_for(secs(4));
        assert_eq!(sim.core().view(call).map(|view| view.legs.len()), Some(2));
        sim.act(BOB, Act::Bye);
        sim.finish();
    }
}

#[test]
fn nobody_is_called_where_nobody_is_or_may_be() {
    let mut sim = talking(Sim::new(12));
    let not_called = |sim: &mut Sim, to: &str| match told(sim, add(to)) {
        Some(Err(CommandError::NotCalled { status, .. })) => status,
        other => unreachable!("{to}: {other:?}"),
    };
    assert_eq!(["trunk:nobody", "user:nobody"].map(|to| not_called(&mut sim, to)), [404, 404]);
    assert_eq!(not_called(&mut sim, "nonsense"), 400);
    nothing_came(sim);
}

/// A trunk that may have one call has room again when its guest has gone.
#[test]
fn a_trunk_counts_a_guest_while_it_is_there() {
    let text = STANDARD.replacen("name = \"carol\"", "name = \"carol\"\nlimits = { calls = 1, cps = 50, status = 486 }", 1);
    let mut sim = talking(Sim::with_config(13, &text));
    join(&mut sim, CAROL, "carol", Script::answers(100));
    let full = Some(Err(CommandError::NotCalled { status: 486, reason: None }));
    assert_eq!(told(&mut sim, add("trunk:carol")), full);
    sim.act(CAROL, Act::Bye);
    sim.run_for(ms(300));
    sim.expect(CAROL, Script::new().reply(100, 486));
    dialled(&mut sim, DialLeg::new("trunk:carol"));
    sim.run_for(secs(1));
    nothing_came(sim);
}

#[test]
fn as_many_as_may_be_and_no_more() {
    let mut sim = talking(Sim::new(14));
    for _ in 0..MAX_GUESTS {
        sim.expect(CAROL, Script::answers(100));
    }
    for _ in 0..MAX_GUESTS {
        dialled(&mut sim, DialLeg::new("trunk:carol"));
    }
    assert_eq!(told(&mut sim, add("trunk:carol")), Some(Err(CommandError::TooManyLegs(MAX_GUESTS))));
    sim.run_for(secs(1));
    assert_eq!(legs_of_view(&sim), 2 + MAX_GUESTS);
    assert!(voices(&mut sim, ALICE).contains(&CAROL));
    done(&mut sim, CallCommand::End { reason: None });
    sim.finish();
    assert_eq!(sim.core().records().next().map(|record| record.legs.len()), Some(2 + MAX_GUESTS));
}

#[test]
fn as_many_legs_as_a_call_may_ever_have() {
    let mut sim = talking(Sim::new(15));
    for _ in 2..MAX_LEGS {
        sim.expect(CAROL, Script::new().reply(10, 486));
        dialled(&mut sim, DialLeg::new("trunk:carol"));
    }
    assert_eq!(told(&mut sim, add("trunk:carol")), Some(Err(CommandError::TooManyLegs(usize::from(MAX_LEGS)))));
    nothing_came(sim);
}

/// The call ends while guests ring, while policy is asked, and while ports are awaited.
#[test]
fn the_call_ends_before_they_are_there() {
    for (slow_policy, slow_media) in [(false, false), (true, false), (false, true)] {
        for by_command in [false, true] {
            let mut sim = talking(Sim::new(16));
            sim.expect(CAROL, Script::new().reply(50, 180)).expect(DORA, Script::new().reply(50, 180));
            sim.core_mut().policy_delay = if slow_policy { secs(2) } else { Duration::ZERO };
            sim.core_mut().shard.delay = if slow_media { secs(2) } else { Duration::ZERO };
            let (call, legs) = (call(&sim), legs(&sim));
            let ids = ["trunk:carol", "trunk:dora"].map(|to| sim.command(call, add(to)));
            sim.run_for(ms(300));
            if by_command {
                sim.command(call, CallCommand::End { reason: None });
            } else {
                sim.act(ALICE, Act::Bye);
            }
            sim.run_for(ms(300));
            let is_late = slow_policy || slow_media;
            for id in ids {
                let outcome: Option<&Outcome> = sim.outcome(id);
                let over = Err(CommandError::CallOver(legs[0].created_by()));
                assert!(if is_late { outcome == Some(&over) } else { matches!(outcome, Some(Ok(CommandOutcome::Leg(_)))) }, "{outcome:?}");
            }
            sim.finish();
        }
    }
}

#[test]
fn ports_that_are_not_to_be_had() {
    let mut sim = talking(Sim::new(17));
    sim.core_mut().shard.refuse = 1;
    assert_eq!(told(&mut sim, add("trunk:carol")), Some(Err(CommandError::NotCalled { status: 503, reason: None })));
    nothing_came(sim);
}

#[test]
fn calls_that_take_nobody_in() {
    let mut sim = Sim::new(18);
    sim.expect(BOB, Script::new().reply(50, 180).reply(2000, 200));
    sim.place(ALICE, "bob", Script::new());
    sim.run_for(secs(1));
    let caller = legs(&sim)[0];
    assert_eq!(told(&mut sim, add("trunk:carol")), Some(Err(CommandError::NotAnswered(caller))), "it rings");
    sim.run_until_talking(ALICE, BOB);
    sim.act(ALICE, Act::Bye);
    sim.finish();

    let mut sim = Sim::new(19);
    sim.may_tell_addresses().expect(BOB, Script::answers(50));
    sim.place(ALICE, "direct", Script::new());
    sim.run_until_talking(ALICE, BOB);
    let over = CommandError::NotAnchored(call(&sim));
    assert_eq!(told(&mut sim, add("trunk:carol")), Some(Err(over)), "media passes by us");
    sim.act(ALICE, Act::Bye);
    sim.finish();

    let mut sim = Sim::new(20);
    for phone in [CAROL, DORA] {
        sim.phone_mut(phone).setup_mut().fax = true;
    }
    sim.expect(DORA, Script::answers(50));
    sim.place(CAROL, "dora", Script::new());
    sim.run_until_talking(CAROL, DORA);
    sim.act(CAROL, Act::Reinvite(Offer::fax(Fax::InPlace)));
    sim.run_for(secs(1));
    let call = sim.core().call_of(&sim.call(CAROL).call_id).expect("it is known");
    let id = sim.command(call, add("trunk:bob"));
    assert_eq!(sim.outcome(id), Some(&Err(CommandError::NoAudio(call.leg(0).expect("a leg")))), "they fax");
    sim.act(CAROL, Act::Bye);
    sim.finish();
}

/// It is heard in the end that nothing of ours is left with a phone whose 200 comes late, again and again.
#[test]
fn a_guest_whose_messages_are_lost() {
    let mut sim = talking(Sim::new(21));
    sim.expect(CAROL, Script::answers(100).habits(|habits| habits.deaf = 2));
    dialled(&mut sim, DialLeg::new("trunk:carol"));
    sim.run_until("carol talks", |sim| talks(sim, CAROL));
    sim.run_for(secs(2));
    assert!(hears(&mut sim, CAROL));
    sim.act(CAROL, Act::Bye);
    sim.run_for(ms(300));
    nothing_came(sim);
}
