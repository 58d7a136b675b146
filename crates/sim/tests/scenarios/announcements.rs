//! Routes that play something to the caller: when they answer, and before they answer or refuse.

use crate::sound::{stream, tones};
use crate::statuses;
use std::f64::consts::TAU;
use tandem_media::Clip;
use tandem_model::EndReason;
use tandem_phone::{
    Act, Offer, Outcome, Place, Script, When,
    sdp::{Direction, Format},
};
use tandem_sim::{ALICE, STANDARD, Sim, ms, secs};

/// A prompt of that frequency and length.
pub(crate) fn clip(hz: f64, rate_hz: u32, seconds: f64) -> Clip {
    let samples = (f64::from(rate_hz) * seconds) as usize;
    let sample = |n: usize| (10_000.0 * (TAU * hz * n as f64 / f64::from(rate_hz)).sin()) as i16;
    Clip::new(rate_hz, (0..samples).map(sample).collect())
}

/// The standard house, in which calls to `it` get that.
pub(crate) fn routed(seed: u64, action: &str) -> Sim {
    let mut sim = Sim::with_config(seed, &format!("{STANDARD}\n[[route]]\nname = \"it\"\nto = '^it$'\ndo = {{ {action} }}\n"));
    tones(&mut sim);
    let prompts = &mut sim.core_mut().shard.prompts;
    prompts.insert("welcome.wav".into(), clip(706.0, 44_100, 2.0));
    prompts.insert("de/closed.wav".into(), clip(306.0, 8_000, 1.5));
    sim
}

/// Asserts what the phone hears by now.
pub(crate) fn assert_frequency(sim: &Sim, phone: std::net::SocketAddr, hz: f64) {
    let heard = stream(sim, phone).meter().measure();
    assert!(heard.is_some_and(|heard| (heard.frequency_hz - hz).abs() < 2.0 && heard.purity > 0.6), "{heard:?} where {hz} Hz is due");
}

#[test]
fn a_prompt_is_heard_once_and_then_the_caller_is_hung_up() {
    let mut sim = routed(1, "answer = \"welcome.wav\"");
    sim.place(ALICE, "it", Script::new());
    sim.run_until_status(ALICE, 200);
    sim.run_for(secs(1));
    assert_frequency(&sim, ALICE, 706.0);
    let began = sim.now();
    sim.run_until("the end", |sim| sim.end_reason().is_some());
    assert!((ms(900)..ms(1100)).contains(&sim.now().since(began)), "{:?}", sim.now().since(began));
    sim.finish();
    assert_eq!(statuses(&sim, ALICE), [100, 200]);
    assert_eq!(sim.end_reason(), Some(EndReason::Played));
    assert_eq!(sim.call(ALICE).outcome, Some(Outcome::TheyHungUp));
    assert_eq!(stream(&sim, ALICE).clock_jumps(), 0);
}

#[test]
fn one_that_is_heard_several_times_and_one_without_end() {
    let mut sim = routed(2, "answer = \"welcome.wav\", times = 3");
    sim.place(ALICE, "it", Script::new());
    sim.run_until_status(ALICE, 200);
    let began = sim.now();
    sim.finish();
    assert_eq!(sim.end_reason(), Some(EndReason::Played));
    let packets = stream(&sim, ALICE).received();
    assert!((300..=304).contains(&packets), "{packets} packets of 20 ms");
    assert!(sim.now().since(began) >= secs(6));

    let mut sim = routed(3, "answer = \"welcome.wav\", times = 0");
    sim.place(ALICE, "it", Script::new().bye(20_000));
    sim.finish();
    assert_eq!(sim.end_reason(), Some(EndReason::CallerHungUp));
    assert_frequency(&sim, ALICE, 706.0);
}

#[test]
fn a_tone_of_a_country_sounds_until_the_caller_hangs_up() {
    let mut sim = routed(4, "answer = \"busy:gb\"");
    sim.place(ALICE, "it", Script::new().bye(10_000));
    sim.run_until_status(ALICE, 200);
    sim.run_for(secs(5));
    assert_frequency(&sim, ALICE, 400.0);
    sim.finish();
    assert_eq!(sim.end_reason(), Some(EndReason::CallerHungUp));
}

#[test]
fn an_announcement_before_a_refusal_is_early_media() {
    let mut sim = routed(5, "reject = 404, announce = \"de/closed.wav\", reason = \"No such number\"");
    sim.place(ALICE, "it", Script::new());
    sim.run_until_status(ALICE, 183);
    sim.run_for(secs(1));
    assert_frequency(&sim, ALICE, 306.0);
    sim.finish();
    assert_eq!(statuses(&sim, ALICE), [100, 183, 404]);
    let last = sim.phone(ALICE).heard("INVITE").last().unwrap();
    assert!(last.label().contains("404"), "{}", last.label());
    assert_eq!((sim.end_reason(), sim.call(ALICE).outcome), (Some(EndReason::Failed(404)), Some(Outcome::Failed(404))));
}

#[test]
fn an_announcement_before_an_answer_keeps_its_description() {
    for then in ["\"echo\"", "\"welcome.wav\""] {
        let mut sim = routed(6, &format!("answer = {then}, announce = \"de/closed.wav\", times = 2"));
        sim.place(ALICE, "it", Script::new());
        sim.run_until_status(ALICE, 183);
        let began = sim.now();
        sim.run_until_status(ALICE, 200);
        assert!((secs(3)..ms(3_200)).contains(&sim.now().since(began)));
        let told: Vec<_> =
            sim.phone(ALICE).heard("INVITE").filter(|message| message.has_sdp()).map(|message| message.body.clone()).collect();
        assert!(told.len() == 2 && told[0] == told[1]);
        sim.run_for(secs(1));
        assert_frequency(&sim, ALICE, if then == "\"echo\"" { 440.0 } else { 706.0 });
        if then == "\"echo\"" {
            sim.act(ALICE, Act::Bye);
        }
        sim.finish();
    }
}

#[test]
fn an_announcement_with_reliable_responses() {
    for then in ["reject = 480", "answer = \"welcome.wav\""] {
        let mut sim = routed(7, &format!("{then}, announce = \"de/closed.wav\""));
        sim.phone_mut(ALICE).setup_mut().reliable = true;
        sim.place(ALICE, "it", Script::new());
        sim.finish();
        let heard: Vec<_> =
            sim.phone(ALICE).heard("INVITE").filter(|heard| heard.status() > 100).map(|heard| (heard.status(), heard.has_sdp())).collect();
        let last = if then.starts_with("reject") { 480 } else { 200 };
        assert_eq!(heard, [(183, true), (last, false)], "what was said reliably is not said again");
    }
}

#[test]
fn a_caller_that_gives_up_hears_no_more() {
    let mut sim = routed(8, "reject = 404, announce = \"welcome.wav\"");
    sim.place(ALICE, "it", Script::new().cancel(When::Status(183), 500));
    sim.finish();
    assert_eq!((sim.end_reason(), sim.call(ALICE).outcome), (Some(EndReason::Cancelled), Some(Outcome::Failed(487))));
}

#[test]
fn a_caller_without_an_offer_is_told_nothing_early() {
    for (action, status) in
        [("reject = 404, announce = \"welcome.wav\"", 404), ("answer = \"welcome.wav\", announce = \"de/closed.wav\"", 200)]
    {
        let mut sim = routed(9, action);
        sim.place_with(ALICE, Place { late: true, ..Place::new(&sim.uri(ALICE, "it")) });
        sim.finish();
        assert_eq!(statuses(&sim, ALICE), [100, status]);
        assert_eq!(sim.end_reason(), Some(if status == 200 { EndReason::Played } else { EndReason::Failed(404) }));
    }
}

#[test]
fn one_who_speaks_nothing_that_we_do_is_refused_as_the_route_says() {
    let mut sim = routed(10, "reject = 404, announce = \"welcome.wav\"");
    let mut place = Place::new(&sim.uri(ALICE, "it"));
    place.formats = Some(vec![Format::new(3, "GSM/8000")]);
    sim.place_with(ALICE, place);
    sim.finish();
    assert_eq!(statuses(&sim, ALICE), [100, 404]);
}

#[test]
fn nobody_is_answered_for_a_prompt_that_is_not_there() {
    for (late, announce) in [(false, ""), (true, ""), (false, ", announce = \"de/closed.wav\"")] {
        let mut sim = routed(11, &format!("answer = \"missing.wav\"{announce}"));
        sim.place_with(ALICE, Place { late, ..Place::new(&sim.uri(ALICE, "it")) });
        sim.finish();
        assert_eq!(statuses(&sim, ALICE), [100, 500], "it is known before anything is heard");
        let last = sim.phone(ALICE).heard("INVITE").last().unwrap();
        assert!(last.header("Warning").is_some_and(|warning| warning.starts_with("399 ")));
        let record = sim.core().records().last().unwrap();
        assert_eq!((record.reason, record.answered), (EndReason::Failed(500), None));
    }
}

#[test]
fn an_announcement_that_is_not_there_is_left_out() {
    for (then, status, end) in [("reject = 404", 404, EndReason::Failed(404)), ("answer = \"welcome.wav\"", 200, EndReason::Played)] {
        let mut sim = routed(12, &format!("{then}, announce = \"missing.wav\""));
        sim.place(ALICE, "it", Script::new());
        sim.finish();
        assert_eq!((statuses(&sim, ALICE), sim.end_reason()), (vec![100, status], Some(end)));
    }
}

#[test]
fn a_prompt_that_goes_between_reading_and_answer_fails_the_call() {
    let mut sim = routed(14, "answer = \"welcome.wav\", announce = \"de/closed.wav\"");
    sim.place(ALICE, "it", Script::new());
    sim.run_until_status(ALICE, 183);
    sim.core_mut().shard.prompts.remove("welcome.wav");
    sim.finish();
    assert_eq!(statuses(&sim, ALICE), [100, 183, 200]);
    assert_eq!((sim.end_reason(), sim.call(ALICE).outcome), (Some(EndReason::Failed(500)), Some(Outcome::TheyHungUp)));
}

#[test]
fn a_prompt_of_which_nobody_tells_anything_is_not_waited_for_without_end() {
    let [prompt, announcement] = ["answer = \"welcome.wav\"", "reject = 404, announce = \"welcome.wav\""];
    let failed = |status| EndReason::Failed(status);
    for (reads, action, expected, end, seconds) in [
        (0, prompt, &[100, 500][..], failed(500), 10),
        (0, announcement, &[100, 404], failed(404), 10),
        (1, prompt, &[100, 200], failed(500), 12),
        (1, announcement, &[100, 183, 404], failed(404), 12),
        (2, "answer = \"welcome.wav\", announce = \"de/closed.wav\"", &[100, 183, 200], failed(500), 23),
    ] {
        let mut sim = routed(15, action);
        sim.core_mut().shard.reads_that_end = reads;
        let began = sim.now();
        sim.place(ALICE, "it", Script::new());
        sim.run_until("the end", |sim| sim.end_reason().is_some());
        let took = sim.now().since(began);
        sim.finish();
        assert_eq!((statuses(&sim, ALICE), sim.end_reason()), (expected.to_vec(), Some(end)), "{reads} {action}");
        assert!((secs(seconds)..secs(seconds + 1)).contains(&took), "{reads} {action}: {took:?}");
    }
}

#[test]
fn a_caller_may_give_up_while_a_prompt_is_read() {
    let mut sim = routed(16, "answer = \"welcome.wav\"");
    sim.core_mut().shard.reads_that_end = 0;
    sim.place(ALICE, "it", Script::new().cancel(When::Status(100), 500));
    sim.finish();
    assert_eq!((sim.end_reason(), sim.call(ALICE).outcome), (Some(EndReason::Cancelled), Some(Outcome::Failed(487))));
}

#[test]
fn a_prompt_goes_on_while_it_is_held_and_in_another_codec() {
    let mut sim = routed(13, "answer = \"welcome.wav\", times = 3");
    let formats = Some(vec![Format::new(0, "PCMU/8000")]);
    let script = Script::new()
        .step(When::Confirmed, 500, Act::Reinvite(Offer::direction(Direction::SendOnly)))
        .step(When::Confirmed, 1500, Act::Reinvite(Offer::direction(Direction::SendRecv)))
        .step(When::Confirmed, 2500, Act::Reinvite(Offer { formats, ..Offer::default() }));
    sim.place(ALICE, "it", script);
    sim.run_until_status(ALICE, 200);
    let began = sim.now();
    sim.run_for(ms(3_500));
    assert_frequency(&sim, ALICE, 706.0);
    sim.run_until("the end", |sim| sim.end_reason().is_some());
    assert!((secs(6)..ms(6_200)).contains(&sim.now().since(began)), "held or not, it lasts as long as it does");
    sim.finish();
    assert_eq!(sim.end_reason(), Some(EndReason::Played));
}
