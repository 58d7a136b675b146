//! What a caller hears of us while others ring, until somebody brings media or answers.

use crate::announcements::{assert_frequency, clip};
use crate::sound::{assert_hears, stream, tones};
use crate::statuses;
use tandem_model::EndReason;
use tandem_phone::{Act, Message, Outcome, Place, Reply, Script, When, sdp::Format};
use tandem_sim::{ALICE, BOB, CAROL, STANDARD, Sim, ms, secs};

/// The standard house, in which calls to `it` get that; one codec is preferred by all.
pub(crate) fn house(seed: u64, action: &str) -> Sim {
    house_beside(seed, action, "")
}

/// The same with more in its configuration.
pub(crate) fn house_beside(seed: u64, action: &str, more: &str) -> Sim {
    let text = STANDARD.replacen("codecs = [\"pcma\", \"pcmu\"]", "codecs = [\"pcmu\", \"pcma\"]", 1);
    let text = text.replace("[[trunk]]\n", "[[trunk]]\nreplaces = true\n");
    let mut sim = Sim::with_config(seed, &format!("{text}\n{more}\n[[route]]\nname = \"it\"\nto = '^it$'\ndo = {{ {action} }}\n"));
    tones(&mut sim);
    sim.core_mut().shard.prompts.insert("music.wav".into(), clip(706.0, 16_000, 0.7));
    sim
}

fn to_bob(seed: u64, ringback: &str) -> Sim {
    house(seed, &format!("bridge = [\"trunk:bob\"], ringback = \"{ringback}\""))
}

/// The descriptions that alice was told.
pub(crate) fn told(sim: &Sim) -> Vec<Vec<u8>> {
    sim.phone(ALICE).heard("INVITE").filter(|message| message.has_sdp()).map(|message| message.body.clone()).collect()
}

#[test]
fn the_tone_of_a_country_or_music_is_heard_while_the_callee_rings() {
    for (ringback, hz) in [("de", 425.0), ("ringing:cn", 450.0), ("music.wav", 706.0)] {
        let mut sim = to_bob(1, ringback);
        sim.expect(BOB, Script::new().reply(50, 180).reply(8000, 200));
        sim.place(ALICE, "it", Script::new());
        sim.run_until_status(ALICE, 183);
        sim.run_for(ms(950));
        assert_frequency(&sim, ALICE, hz);
        sim.run_until_talking(ALICE, BOB);
        sim.run_for(secs(2));
        assert_hears(&sim, ALICE, 620.0);
        assert_hears(&sim, BOB, 440.0);
        sim.act(ALICE, Act::Bye);
        sim.finish();
        assert_eq!(statuses(&sim, ALICE), [100, 183, 200]);
        let told = told(&sim);
        assert!(told.len() == 2 && told[0] == told[1], "the answer of the 183 is the answer");
    }
}

#[test]
fn a_callee_that_rings_on_is_not_heard_of_again() {
    let mut sim = to_bob(2, "de");
    sim.expect(BOB, Script::new().reply(50, 180).reply(500, 180).reply(1000, 486));
    sim.place(ALICE, "it", Script::new());
    sim.finish();
    assert_eq!(statuses(&sim, ALICE), [100, 183, 183, 486]);
    let told = told(&sim);
    assert!(told.len() == 2 && told[0] == told[1]);
    assert_eq!(sim.call(ALICE).outcome, Some(Outcome::Failed(486)));
}

#[test]
fn early_media_of_the_callee_is_heard_instead() {
    let mut sim = to_bob(3, "de");
    sim.expect(BOB, Script::new().reply(50, 180).reply_with(2000, Reply::new(183).with_sdp()).reply(6000, 200));
    sim.place(ALICE, "it", Script::new());
    sim.run_until_status(ALICE, 183);
    sim.run_for(ms(900));
    assert_frequency(&sim, ALICE, 425.0);
    sim.run_for(secs(3));
    assert_hears(&sim, ALICE, 620.0);
    sim.run_until_talking(ALICE, BOB);
    sim.run_for(secs(1));
    assert_hears(&sim, ALICE, 620.0);
    sim.act(ALICE, Act::Bye);
    sim.finish();
    let told = told(&sim);
    assert!(told.iter().all(|sdp| *sdp == told[0]), "the caller has one answer");
}

#[test]
fn a_callee_with_early_media_of_its_own_is_heard_from_the_beginning() {
    let mut sim = to_bob(4, "de");
    sim.expect(BOB, Script::new().reply_with(50, Reply::new(180).with_sdp()).reply(1000, 180).reply(3000, 200));
    sim.place(ALICE, "it", Script::new().bye(500));
    sim.run_until_status(ALICE, 180);
    sim.run_for(ms(1500));
    assert_hears(&sim, ALICE, 620.0);
    sim.finish();
    assert_eq!(statuses(&sim, ALICE), [100, 180, 180, 200]);
}

#[test]
fn a_callee_that_speaks_another_codec_is_understood() {
    let mut sim = house(5, "bridge = [\"trunk:bob-law\"], ringback = \"de\"");
    sim.expect(BOB, Script::new().reply(50, 180).reply(2000, 200));
    let formats = Some(vec![Format::new(0, "PCMU/8000")]);
    sim.place_with(ALICE, Place { formats, ..Place::new(&sim.uri(ALICE, "it")) });
    sim.run_until_status(ALICE, 183);
    sim.run_for(ms(900));
    assert_frequency(&sim, ALICE, 425.0);
    sim.run_until_talking(ALICE, BOB);
    sim.run_for(secs(2));
    assert_hears(&sim, ALICE, 620.0);
    assert_hears(&sim, BOB, 440.0);
    sim.act(ALICE, Act::Bye);
    sim.finish();
    let told = told(&sim);
    assert!(told.len() == 2 && told[0] == told[1]);
}

#[test]
fn a_caller_without_an_offer_hears_its_own_tone() {
    let mut sim = to_bob(6, "de");
    sim.expect(BOB, Script::new().reply(50, 180).reply(1000, 200));
    sim.place_with(ALICE, Place { late: true, script: Script::new().bye(500), ..Place::new(&sim.uri(ALICE, "it")) });
    sim.finish();
    assert_eq!(statuses(&sim, ALICE), [100, 180, 200]);
}

#[test]
fn with_reliable_responses_the_200_repeats_nothing() {
    let mut sim = to_bob(7, "de");
    [ALICE, BOB].into_iter().for_each(|phone| sim.phone_mut(phone).setup_mut().reliable = true);
    sim.expect(BOB, Script::new().reply(50, 180).reply(2000, 200));
    sim.place(ALICE, "it", Script::new());
    sim.run_until_talking(ALICE, BOB);
    sim.run_for(secs(2));
    assert_hears(&sim, ALICE, 620.0);
    assert_hears(&sim, BOB, 440.0);
    sim.act(ALICE, Act::Bye);
    sim.finish();
    let heard: Vec<_> =
        sim.phone(ALICE).heard("INVITE").filter(|heard| heard.status() > 100).map(|heard| (heard.status(), heard.has_sdp())).collect();
    assert_eq!(heard, [(183, true), (200, false)]);
}

#[test]
fn a_ringing_tone_is_heard_in_place_of_music_that_cannot_be_read() {
    for picks_up in ["when-answered", "at-once"] {
        let mut sim = house(12, &format!("ring = [\"trunk:bob\"], picks_up = \"{picks_up}\", ringback = \"gone.wav\""));
        sim.expect(BOB, Script::new().reply(50, 180).reply(9000, 200));
        sim.place(ALICE, "it", Script::new());
        sim.run_until("bob rings", |sim| sim.phone(BOB).calls().first().is_some_and(|call| !call.statuses.is_empty()));
        sim.run_for(ms(1500));
        let heard = stream(&sim, ALICE).meter().measure().expect("she hears something");
        let is_either = [440.0, 480.0].iter().any(|hz| (heard.frequency_hz - hz).abs() < 4.0);
        assert!(is_either && (0.4..0.6).contains(&heard.purity), "two frequencies at once: {heard:?}");
        sim.run_until_talking(ALICE, BOB);
        sim.run_for(secs(2));
        assert_hears(&sim, ALICE, 620.0);
        sim.act(ALICE, Act::Bye);
        sim.finish();
    }
}

#[test]
fn a_group_rings_and_the_caller_hears_music_until_one_answers() {
    for strategy in ["parallel", "sequential"] {
        let mut sim = house(8, &format!("ring = [\"trunk:bob\", \"trunk:carol\"], strategy = \"{strategy}\", ringback = \"music.wav\""));
        sim.expect(BOB, Script::new().reply(50, 180).reply(2000, 486)).expect(CAROL, Script::new().reply(80, 180).reply(4000, 200));
        sim.place(ALICE, "it", Script::new());
        sim.run_until_status(ALICE, 183);
        sim.run_for(secs(3));
        assert_frequency(&sim, ALICE, 706.0);
        sim.run_until_talking(ALICE, CAROL);
        sim.run_for(secs(2));
        assert_hears(&sim, ALICE, 850.0);
        assert_hears(&sim, CAROL, 440.0);
        sim.act(ALICE, Act::Bye);
        sim.finish();
        assert_eq!(statuses(&sim, ALICE), [100, 183, 200], "{strategy}");
    }
}

#[test]
fn a_caller_that_is_answered_first_hears_music_in_its_call() {
    let mut sim = house(9, "ring = [\"trunk:bob\"], picks_up = \"at-once\", ringback = \"music.wav\"");
    sim.expect(BOB, Script::new().reply(50, 180).reply(3000, 200));
    sim.place(ALICE, "it", Script::new());
    sim.run_until_status(ALICE, 200);
    sim.run_for(secs(2));
    assert_frequency(&sim, ALICE, 706.0);
    sim.run_until_talking(ALICE, BOB);
    sim.run_for(secs(2));
    assert_hears(&sim, ALICE, 620.0);
    sim.act(ALICE, Act::Bye);
    sim.finish();
}

#[test]
fn a_group_that_is_not_to_be_heard_is_replaced_by_music() {
    let mut sim = house(10, "ring = [\"trunk:bob\"], hears = \"ringing\", ringback = \"music.wav\"");
    sim.expect(BOB, Script::new().reply_with(50, Reply::new(183).with_sdp()).reply(3000, 200));
    sim.place(ALICE, "it", Script::new());
    sim.run_until_status(ALICE, 183);
    sim.run_for(secs(2));
    assert_frequency(&sim, ALICE, 706.0);
    sim.run_until_talking(ALICE, BOB);
    sim.run_for(secs(2));
    assert_hears(&sim, ALICE, 620.0);
    sim.act(ALICE, Act::Bye);
    sim.finish();
    assert_eq!(statuses(&sim, ALICE), [100, 183, 200]);
}

#[test]
fn a_caller_that_gives_up_ends_it() {
    let mut sim = to_bob(11, "music.wav");
    sim.expect(BOB, Script::new().reply(50, 180).reply(20_000, 200));
    sim.place(ALICE, "it", Script::new().cancel(When::Status(183), 1500));
    sim.finish();
    assert_eq!(sim.end_reason(), Some(EndReason::Cancelled));
    assert!(sim.phone(BOB).heard("CANCEL").any(Message::is_request));
}
