//! Groups whose caller or members have reliable provisional responses (RFC 3262). Towards the caller there is one To tag and one rising
//! RSeq, whoever rings, and no 2xx before the PRACK of a description; the phones see to both.

use crate::{RACE_LIMIT, after_race};
use std::net::SocketAddr;
use tandem_model::EndReason;
use tandem_phone::{Act, Body, Outcome, Place, PrackHabit, Reply, Script};
use tandem_sim::{ALICE, Action, BOB, CAROL, DORA, STANDARD, Sim, explore_losses, ms, secs};

const MEMBERS: [SocketAddr; 3] = [BOB, CAROL, DORA];

/// All speak the same codec first; these have reliable responses.
fn house(seed: u64, reliable: &[SocketAddr]) -> Sim {
    let mut sim = Sim::with_config(seed, &STANDARD.replacen("codecs = [\"pcma\", \"pcmu\"]", "codecs = [\"pcmu\", \"pcma\"]", 1));
    reliable.iter().for_each(|phone| sim.phone_mut(*phone).setup_mut().reliable = true);
    sim
}

/// The responses that alice heard to her INVITE beyond 100: status, whether reliable, whether with a description.
fn heard(sim: &Sim) -> Vec<(u16, bool, bool)> {
    let responses = sim.phone(ALICE).heard("INVITE").filter(|message| message.status() > 100);
    responses.map(|message| (message.status(), message.header("RSeq").is_some(), message.has_sdp())).collect()
}

/// The RSeq of each, as they were heard.
fn numbers(sim: &Sim) -> Vec<u32> {
    sim.phone(ALICE).heard("INVITE").filter_map(|message| message.header("RSeq")?.parse().ok()).collect()
}

fn pracks(sim: &Sim, phone: SocketAddr) -> usize {
    sim.phone(phone).heard("PRACK").filter(|message| message.is_request()).count()
}

fn early(after_ms: u64) -> Script {
    Script::new().reply_with(after_ms, Reply::new(183).with_sdp())
}

/// Bob rings, carol and then dora bring early media, dora answers.
fn members(sim: &mut Sim) {
    sim.expect(BOB, Script::new().reply(50, 180)).expect(CAROL, early(100)).expect(DORA, early(300).reply(1000, 200));
}

#[test]
fn both_sides_have_them() {
    let mut sim = house(1, &[ALICE, BOB, CAROL, DORA]);
    members(&mut sim);
    sim.place(ALICE, "all", Script::new().bye(500));
    sim.finish();
    assert_eq!(heard(&sim), [(180, true, false), (183, true, true), (183, true, false), (200, false, false)], "the answer is settled once");
    let numbers = numbers(&sim);
    assert!(numbers.windows(2).all(|pair| pair[1] == pair[0] + 1), "{numbers:?}");
    assert_eq!(MEMBERS.map(|phone| pracks(&sim, phone)), [1, 1, 1]);
    assert_eq!(sim.call(ALICE).dialogs(), 1);
    assert_eq!(sim.call(DORA).outcome, Some(Outcome::TheyHungUp));
}

#[test]
fn only_the_caller_has_them() {
    let mut sim = house(2, &[ALICE]);
    members(&mut sim);
    sim.place(ALICE, "all", Script::new().bye(500));
    sim.finish();
    assert_eq!(heard(&sim), [(180, true, false), (183, true, true), (183, true, false), (200, false, false)]);
    assert_eq!(MEMBERS.map(|phone| pracks(&sim, phone)), [0, 0, 0]);
}

#[test]
fn only_some_members_have_them() {
    let mut sim = house(3, &[CAROL, DORA]);
    members(&mut sim);
    sim.place(ALICE, "all", Script::new().bye(500));
    sim.finish();
    assert_eq!(heard(&sim), [(180, false, false), (183, false, true), (183, false, true), (200, false, true)]);
    assert_eq!(MEMBERS.map(|phone| pracks(&sim, phone)), [0, 1, 1]);
}

#[test]
fn the_answer_of_one_waits_for_the_prack_of_another_s_early_media() {
    let mut sim = house(4, &[ALICE]);
    sim.expect(BOB, Script::new().reply(500, 200)).expect(CAROL, early(100)).expect(DORA, Script::new().reply(10, 404));
    sim.place(ALICE, "all", Script::new().bye(500).habits(|habits| habits.prack = PrackHabit::Late(secs(2))));
    sim.run_for(secs(1));
    assert_eq!(heard(&sim).last().map(|last| last.0), Some(183), "bob has answered, and alice has not acknowledged");
    sim.finish();
    assert_eq!(heard(&sim).last(), Some(&(200, false, false)));
    assert_eq!(sim.call(BOB).outcome, Some(Outcome::TheyHungUp));
    assert_eq!(sim.call(CAROL).outcome, Some(Outcome::Failed(487)));
}

#[test]
fn an_answer_in_another_codec_after_early_media_that_was_acknowledged() {
    let pcma = "v=0\r\no=b 9 1 IN IP4 10.0.2.1\r\ns=-\r\nc=IN IP4 10.0.2.1\r\nt=0 0\r\nm=audio 4100 RTP/AVP 8\r\n";
    for reliable in [&[][..], &[ALICE], &[ALICE, BOB, CAROL]] {
        let mut sim = house(5, reliable);
        sim.expect(BOB, Script::new().reply_with(800, Reply { body: Body::Raw(pcma.into()), ..Reply::new(200) }));
        sim.expect(CAROL, early(100)).expect(DORA, Script::new().reply(10, 404));
        sim.place(ALICE, "all", Script::new().bye(2000));
        sim.finish();
        let invites = sim.phone(ALICE).heard("INVITE").filter(|message| message.is_request()).count();
        assert_eq!(invites, 1, "what bob speaks is offered in a re-INVITE: {reliable:?}");
        let offered = sim.call(ALICE).remote_sdp().and_then(|sdp| sdp.audio_line()).and_then(|line| line.formats.first());
        assert_eq!(offered.map(String::as_str), Some("8"), "before what would be transcoded");
        assert_eq!(sim.end_reason(), Some(EndReason::CallerHungUp));
    }
}

#[test]
fn a_caller_without_an_offer() {
    for reliable in [&[][..], &[ALICE], &[CAROL, DORA], &[ALICE, BOB, CAROL, DORA]] {
        let mut sim = house(6, reliable);
        members(&mut sim);
        let place = Place::new(&sim.uri(ALICE, "all")).late().script(Script::new().bye(500));
        sim.place_with(ALICE, place);
        sim.finish();
        // A reliable response would have to make the caller an offer (RFC 3262 §5), and nobody has settled anything yet.
        assert_eq!(heard(&sim), [(180, false, false), (183, false, false), (200, false, true)], "{reliable:?}");
        assert_eq!(sim.call(DORA).outcome, Some(Outcome::TheyHungUp));
        assert_eq!(sim.end_reason(), Some(EndReason::CallerHungUp));
    }
}

#[test]
fn members_one_after_the_other() {
    let mut sim = house(7, &[ALICE, BOB, CAROL, DORA]);
    sim.expect(BOB, early(50).reply(500, 486))
        .expect(CAROL, Script::new().reply(50, 180).reply(500, 404))
        .expect(DORA, early(50).reply(500, 200));
    sim.place(ALICE, "hunt", Script::new().bye(500));
    sim.finish();
    let numbers = numbers(&sim);
    assert!(numbers.len() >= 2 && numbers.windows(2).all(|pair| pair[1] == pair[0] + 1), "{numbers:?}");
    assert_eq!(heard(&sim).last(), Some(&(200, false, false)));
    assert_eq!(sim.call(ALICE).dialogs(), 1);
}

#[test]
fn a_caller_that_acknowledges_nothing_ends_it_for_all() {
    let mut sim = house(8, &[ALICE]);
    sim.expect(BOB, Script::new().reply(50, 180)).expect(CAROL, early(100)).expect(DORA, early(300));
    sim.place(ALICE, "all", Script::new().habits(|habits| habits.prack = PrackHabit::Never));
    sim.finish();
    assert_eq!(sim.call(ALICE).outcome, Some(Outcome::Failed(504)));
    assert_eq!(MEMBERS.map(|phone| sim.call(phone).outcome), [Some(Outcome::Failed(487)); 3]);
}

const CANCEL: Action = (ALICE, |sim| sim.act(ALICE, Act::Cancel));
const BOB_ANSWERS: Action = (BOB, |sim| sim.act(BOB, Act::Reply(Reply::new(200))));
const CAROL_SOUNDS: Action = (CAROL, |sim| sim.act(CAROL, Act::Reply(Reply::new(183).with_sdp())));

#[test]
fn one_brings_early_media_as_another_answers() {
    for actions in [[BOB_ANSWERS, CAROL_SOUNDS], [CANCEL, CAROL_SOUNDS]] {
        let explored = explore_losses(RACE_LIMIT, |run| {
            let mut sim = house(9, &[ALICE, BOB, CAROL]);
            sim.expect(BOB, Script::new().reply(50, 180)).expect(CAROL, Script::new()).expect(DORA, Script::new().reply(10, 404));
            sim.place(ALICE, "all", Script::new());
            sim.run_until_status(ALICE, 180);
            sim.run_for(ms(100));
            sim.race(run, &actions);
            after_race(&mut sim, run);
            if sim.call(ALICE).outcome.is_none() {
                sim.act(ALICE, Act::Bye);
            }
            sim.finish();
            assert!(matches!(sim.call(ALICE).outcome, Some(Outcome::WeHungUp | Outcome::Failed(487))), "{:?}", sim.call(ALICE).outcome);
        });
        assert!(explored.runs > 20, "{explored:?}");
    }
}

/// Bob has brought early media and refused before alice's PRACK comes, with an offer; carol's place is not granted yet.
#[test]
fn an_offer_in_a_prack_when_nobody_is_called() {
    let mut sim = house(12, &[ALICE, BOB, CAROL]);
    sim.core_mut().policy_delay = ms(500);
    sim.expect(BOB, early(50).reply(51, 486)).expect(CAROL, Script::answers(300));
    sim.place(ALICE, "hunt", Script::new().bye(2000).habits(|habits| habits.prack = PrackHabit::Offers));
    sim.finish();
    let answers: Vec<(u16, bool)> = sim.phone(ALICE).heard("PRACK").map(|answer| (answer.status(), answer.has_sdp())).collect();
    assert_eq!(answers, [(200, true), (200, false)]);
    assert_eq!(sim.call(ALICE).outcome, Some(Outcome::WeHungUp));
}
