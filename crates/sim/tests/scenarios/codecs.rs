//! Which codecs the two legs agree on, and under which numbers.

use tandem_model::{Across, Codec};
use tandem_phone::{
    Edit, Outcome, Place, Reply, Script,
    sdp::{Format, Sdp},
};
use tandem_sim::{ALICE, BOB, Sim};

/// A call with those formats at either end: what bob was offered, and what alice was answered.
fn call(user: &str, alice: Vec<Format>, bob: Vec<Format>) -> (Sim, Vec<String>, Vec<String>) {
    let mut sim = Sim::new(1);
    sim.phone_mut(BOB).setup_mut().formats = bob;
    sim.expect(BOB, Script::answers(100));
    let mut place = Place::new(&sim.uri(ALICE, user)).script(Script::new().bye(500));
    place.formats = Some(alice);
    sim.place_with(ALICE, place);
    sim.finish();
    let formats = |phone: std::net::SocketAddr| {
        let call = sim.phone(phone).calls().first();
        let line = call.and_then(|call| call.remote_sdp().and_then(Sdp::audio_line).cloned());
        line.map(|line| line.formats.iter().map(|format| format!("{format}={}", line.encoding(format).unwrap_or_default())).collect())
            .unwrap_or_default()
    };
    let (offered, answered) = (formats(BOB), formats(ALICE));
    (sim, offered, answered)
}

#[test]
fn each_side_keeps_its_own_numbers() {
    let alice = vec![Format::pcmu(), Format::events(96)];
    let bob = vec![Format::pcmu(), Format::events(120)];
    let (sim, _, answered) = call("bob", alice, bob);
    assert_eq!(answered, ["0=PCMU/8000", "96=TELEPHONE-EVENT/8000"]);
    assert_eq!(sim.call(ALICE).outcome, Some(Outcome::WeHungUp));
}

#[test]
fn a_trunk_gets_only_the_codecs_that_it_may_use() {
    let (_, offered, answered) =
        call("law", vec![Format::pcmu(), Format::pcma(), Format::events(101)], vec![Format::pcmu(), Format::pcma(), Format::events(101)]);
    assert_eq!(offered[0], "8=PCMA/8000");
    assert!(!offered.iter().any(|format| format.contains("PCMU")));
    assert_eq!(answered[0], "8=PCMA/8000");
}

#[test]
fn a_caller_who_may_use_none_of_them_is_refused_and_nobody_is_asked() {
    let (sim, ..) = call("law", vec![Format::new(3, "GSM/8000")], vec![Format::pcmu()]);
    assert_eq!(sim.call(ALICE).outcome, Some(Outcome::Failed(488)));
    assert_eq!(sim.phone(BOB).calls().len(), 0);
    assert!(sim.phone(ALICE).heard("INVITE").any(|answer| answer.header("Warning").is_some()));
}

#[test]
fn a_trunk_that_may_use_none_of_them_hears_the_caller_in_its_own() {
    let (sim, offered, answered) = call("law", vec![Format::pcmu(), Format::events(101)], vec![Format::pcma(), Format::events(101)]);
    assert_eq!(
        (&offered[..], &answered[..]),
        (&["8=PCMA/8000".into(), "101=TELEPHONE-EVENT/8000".into()][..], &["0=PCMU/8000".into(), "101=TELEPHONE-EVENT/8000".into()][..])
    );
    assert_eq!(sim.call(ALICE).outcome, Some(Outcome::WeHungUp));
    let of = |leg: usize| sim.core().shard.descriptions.iter().rev().find(|(id, _)| usize::from(id.index()) == leg).map(|(_, told)| told);
    let sound = |leg: usize| of(leg).and_then(|told| Some((told.payloads[0].across, told.speech.as_ref()?.codec)));
    assert_eq!(sound(0), Some((Across::Sound(Codec::Pcmu), Codec::Pcmu)));
    assert_eq!(sound(1), Some((Across::Sound(Codec::Pcma), Codec::Pcma)));
}

#[test]
fn other_media_is_refused_and_stays_in_its_place() {
    let mut sim = Sim::new(2);
    sim.expect(BOB, Script::answers(100));
    let sdp = "v=0\r\no=alice 5 1 IN IP4 10.0.1.1\r\ns=-\r\nc=IN IP4 10.0.1.1\r\nt=0 0\r\nm=video 5000 RTP/AVP 96\r\na=rtpmap:96 VP8/90000\r\n\
               m=audio 4000 RTP/AVP 0\r\nm=image 5002 udptl t38\r\n";
    let place = Place::new(&sim.uri(ALICE, "bob")).edit(Edit::Body("application/sdp".into(), sdp.into())).script(Script::new().bye(500));
    sim.place_with(ALICE, place);
    sim.finish();
    let answer =
        sim.call(ALICE).remote_sdp().map(|sdp| sdp.media.iter().map(|media| (media.kind.clone(), media.port != 0)).collect::<Vec<_>>());
    assert_eq!(answer, Some(vec![("video".into(), false), ("audio".into(), true), ("image".into(), false)]));
}

#[test]
fn ptime_and_the_events_parameters_pass() {
    let mut sim = Sim::new(3);
    sim.expect(BOB, Script::answers(100));
    let sdp = "v=0\r\no=alice 5 1 IN IP4 10.0.1.1\r\ns=-\r\nc=IN IP4 10.0.1.1\r\nt=0 0\r\nm=audio 4000 RTP/AVP 0 101\r\na=rtpmap:101 telephone-event/8000\r\n\
               a=fmtp:101 0-11\r\na=ptime:30\r\n";
    let place = Place::new(&sim.uri(ALICE, "bob")).edit(Edit::Body("application/sdp".into(), sdp.into())).script(Script::new().bye(500));
    sim.place_with(ALICE, place);
    sim.finish();
    let line = sim.call(BOB).remote_sdp().and_then(Sdp::audio_line).cloned();
    let line = line.map(|line| {
        (line.attribute("ptime").map(str::to_owned), line.attributes.iter().any(|one| one.starts_with("fmtp:") && one.ends_with("0-11")))
    });
    assert_eq!(line, Some((Some("30".into()), true)));
}

#[test]
fn an_offer_whose_only_line_the_callee_refuses() {
    let mut sim = Sim::new(4);
    sim.phone_mut(BOB).setup_mut().formats = vec![Format::new(3, "GSM/8000")];
    sim.expect(BOB, Script::new().reply_with(50, Reply::new(200)));
    let mut place = Place::new(&sim.uri(ALICE, "bob"));
    place.formats = Some(vec![Format::pcmu()]);
    sim.place_with(ALICE, place);
    sim.finish();
    assert_eq!(sim.call(ALICE).outcome, Some(Outcome::Failed(488)));
}

#[test]
fn unanchored_media_stays_between_the_phones() {
    let mut sim = Sim::new(5);
    sim.may_tell_addresses();
    sim.expect(BOB, Script::answers(100));
    sim.place(ALICE, "direct", Script::new().bye(500));
    sim.finish();
    let address = |phone| sim.call(phone).remote_sdp().and_then(Sdp::audio_address).map(|address| address.to_string());
    assert_eq!((address(ALICE), address(BOB)), (Some("10.0.2.1:4000".into()), Some("10.0.1.1:4000".into())));
    assert!(sim.core().shard.descriptions.is_empty());
}
