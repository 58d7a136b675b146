//! A target whose trunk requires reliable provisional responses (RFC 3262): our INVITE offers what the one who stays has, and the answer
//! may come in a response that has its PRACK.

use crate::sound::{assert_hears, tones};
use crate::transfer_blind::{assert_told, house, refer};
use tandem_phone::{Act, Body, Offer, Outcome, PrackHabit, Reply, Script, When, sdp::Direction};
use tandem_sim::{ALICE, BOB, CAROL, DORA, Sim, ms, secs};

/// Alice called Bob, and they talk; the trunks of Carol and Dora require reliable responses, which both know.
fn talking(seed: u64) -> Sim {
    let text = house().replacen("codecs = [\"pcma\", \"pcmu\"]", "codecs = [\"pcma\"]", 1);
    let text = ["carol", "dora"]
        .iter()
        .fold(text, |text, name| text.replacen(&format!("name = \"{name}\"\n"), &format!("name = \"{name}\"\nprack = \"required\"\n"), 1));
    let mut sim = Sim::with_config(seed, &text);
    tones(&mut sim);
    [CAROL, DORA].iter().for_each(|phone| sim.phone_mut(*phone).setup_mut().reliable = true);
    sim.expect(BOB, Script::answers(100));
    sim.place(ALICE, "bob", Script::new());
    sim.run_until_talking(ALICE, BOB);
    sim.run_for(ms(200));
    sim
}

fn pracks(sim: &Sim) -> usize {
    sim.phone(DORA).heard("PRACK").filter(|message| message.is_request()).count()
}

/// Bob transfers Alice to Dora, who does that.
fn transfer(sim: &mut Sim, dora: Script) {
    sim.expect(DORA, dora);
    let refer = refer(sim, BOB, "dora");
    sim.act(BOB, refer);
}

fn assert_joined(mut sim: Sim) -> Sim {
    sim.run_until("Dora talks", |sim| sim.phone(DORA).calls().last().is_some_and(|call| call.has(When::Confirmed)));
    sim.run_for(secs(4));
    assert_hears(&sim, ALICE, 1000.0);
    assert_hears(&sim, DORA, 440.0);
    assert_eq!(sim.call(BOB).outcome, Some(Outcome::TheyHungUp));
    sim.act(DORA, Act::Bye);
    sim.finish();
    sim
}

fn early() -> Reply {
    Reply::new(183).with_sdp()
}

#[test]
fn the_answer_comes_reliably_and_not_again() {
    let mut sim = talking(1);
    transfer(
        &mut sim,
        Script::new().reply_with(50, early()).reply(200, 180).reply_with(400, Reply { body: Body::None, ..Reply::new(200) }),
    );
    let sim = assert_joined(sim);
    assert_told(&sim, BOB, &[100, 183, 180, 200]);
    let invite = sim.phone(DORA).heard("INVITE").next().expect("an INVITE");
    assert_eq!((invite.header("Require"), invite.has_sdp()), (Some("100rel"), true));
    assert_eq!(pracks(&sim), 2);
    assert_eq!(sim.phone(DORA).heard("ACK").filter(|ack| ack.has_sdp()).count(), 0);
    assert_eq!(sim.phone(ALICE).heard("INVITE").filter(|message| message.is_request()).count(), 0, "both speak the same already");
}

#[test]
fn the_answer_comes_with_the_200() {
    let mut sim = talking(2);
    transfer(&mut sim, Script::answers(300));
    let sim = assert_joined(sim);
    assert_eq!(pracks(&sim), 1);
}

#[test]
fn the_one_who_stays_was_held() {
    let mut sim = talking(3);
    sim.act(BOB, Act::Reinvite(Offer::direction(Direction::SendOnly)));
    sim.run_for(ms(300));
    transfer(&mut sim, Script::new().reply_with(50, early()).reply(300, 200));
    assert_joined(sim);
}

#[test]
fn the_target_speaks_another_codec() {
    let mut sim = talking(4);
    // They talk in PCMU, and Carol's trunk has nothing but PCMA.
    sim.expect(CAROL, Script::new().reply_with(50, early()).reply(300, 200));
    let refer = refer(&sim, BOB, "carol");
    sim.act(BOB, refer);
    sim.run_for(secs(5));
    assert_hears(&sim, ALICE, 850.0);
    assert_hears(&sim, CAROL, 440.0);
    assert_eq!(sim.phone(ALICE).heard("INVITE").filter(|message| message.is_request()).count(), 1, "she is offered what Carol speaks");
    sim.act(ALICE, Act::Bye);
    sim.finish();
}

#[test]
fn the_second_of_two_phones_answers() {
    let mut sim = talking(5);
    let dora = Script::new().reply_with(50, early()).reply_with(150, early().fork(1));
    transfer(&mut sim, dora.reply_with(400, Reply { body: Body::None, ..Reply::new(200).fork(1) }));
    let sim = assert_joined(sim);
    assert_eq!(pracks(&sim), 2);
}

#[test]
fn a_target_that_knows_none_is_no_target() {
    let mut sim = talking(6);
    transfer(&mut sim, Script::new().reply(50, 420));
    sim.run_for(secs(2));
    assert_told(&sim, BOB, &[100, 420]);
    assert_hears(&sim, ALICE, 620.0);
    sim.act(ALICE, Act::Bye);
    sim.finish();
}

#[test]
fn it_waits_until_no_offer_is_open_with_the_one_who_stays() {
    let mut sim = talking(7);
    transfer(&mut sim, Script::new().reply_with(50, early()).reply(300, 200));
    sim.run_for(ms(295));
    sim.act(ALICE, Act::Reinvite(Offer::default()));
    assert_joined(sim);
}

#[test]
fn a_target_with_nothing_that_fits_is_hung_up() {
    let mut sim = talking(8);
    transfer(&mut sim, Script::new().reply_with(300, Reply { body: Body::None, ..Reply::new(200) }));
    sim.run_for(secs(2));
    assert_told(&sim, BOB, &[100, 488]);
    assert_eq!(sim.call(DORA).outcome, Some(Outcome::TheyHungUp));
    assert_hears(&sim, ALICE, 620.0);
    sim.act(ALICE, Act::Bye);
    sim.finish();
}

#[test]
fn whoever_hangs_up_meanwhile_or_loses_a_message() {
    for after in [0, 60, 120, 299, 301, 330, 500] {
        for who in [ALICE, DORA] {
            let mut sim = talking(9);
            let late = Script::new().habits(|habits| habits.prack = PrackHabit::Late(ms(20)));
            transfer(&mut sim, late.reply_with(50, early()).reply(300, 200));
            sim.run_for(ms(after));
            if who == DORA && !sim.phone(DORA).calls().first().is_some_and(|call| call.has(When::Confirmed)) {
                continue;
            }
            sim.act(who, Act::Bye);
            sim.run_for(secs(1));
            if sim.phone(ALICE).call(0).outcome.is_none() {
                sim.act(ALICE, Act::Bye);
            }
            sim.finish();
            assert_eq!(sim.core().counted(), (0, 0), "after {after} ms");
        }
    }
}

/// Bob has answered Alice, whose 200 waits for her PRACK; she cannot go before she is there.
#[test]
fn who_has_no_answer_yet_transfers_nobody() {
    for never in [false, true] {
        let mut sim = talking(20);
        sim.phone_mut(ALICE).setup_mut().reliable = true;
        sim.expect(BOB, Script::new().reply_with(50, early()).reply_with(100, Reply { body: Body::None, ..Reply::new(200) }));
        let prack = if never { PrackHabit::Never } else { PrackHabit::Late(secs(2)) };
        let call = sim.place(ALICE, "bob", Script::new().habits(|habits| habits.prack = prack));
        sim.run_for(ms(500));
        let refer = refer(&sim, ALICE, "carol");
        sim.act_in(ALICE, call, refer.clone());
        sim.run_for(secs(1));
        assert_eq!(sim.phone(ALICE).call(call).referrals()[0].status, Some(500));
        assert_eq!(sim.phone(CAROL).calls().len(), 0);
        if never {
            sim.run_for(secs(40));
            assert_eq!(sim.phone(ALICE).call(call).outcome, Some(Outcome::Failed(504)), "RFC 3262 §3");
        } else {
            sim.expect(CAROL, Script::answers(100));
            sim.run_for(secs(2));
            sim.act_in(ALICE, call, refer);
            sim.run_for(secs(4));
            assert_eq!(sim.phone(ALICE).call(call).referrals()[1].progress.last(), Some(&200));
            sim.act(CAROL, Act::Bye);
        }
        sim.act(ALICE, Act::Bye);
        sim.finish();
    }
}
