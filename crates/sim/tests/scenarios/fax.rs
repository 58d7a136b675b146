//! Fax over UDPTL (T.38) in a call between trunks with `t38 = true`, and between others.

use crate::worded;
use std::net::SocketAddr;
use tandem_model::{Codec, EndReason};
use tandem_phone::{Act, Body, Edit, Fax, Message, Offer, Place, Reply, Script, When, sdp::Direction};
use tandem_sim::{ALICE, BOB, STANDARD, Sim, ms};

const BOTH: (&str, &str) = ("t38 = true", "t38 = true");

/// Alice talks with bob, who takes fax.
fn talking((alice, bob): (&str, &str), script: Script) -> Sim {
    let mut sim = worded(alice, bob);
    for phone in [ALICE, BOB] {
        sim.phone_mut(phone).setup_mut().fax = true;
        sim.phone_mut(phone).setup_mut().tone = Some(440.0);
    }
    sim.expect(BOB, script);
    sim.place(ALICE, "bob", Script::new());
    sim.run_until_talking(ALICE, BOB);
    sim.run_for(ms(500));
    sim
}

fn turn(sim: &mut Sim, phone: SocketAddr, fax: Fax) {
    sim.act(phone, Act::Reinvite(Offer::fax(fax)));
    sim.run_for(ms(500));
}

fn turn_back(sim: &mut Sim, phone: SocketAddr) {
    sim.act(phone, Act::Reinvite(Offer::default()));
    sim.run_for(ms(500));
}

/// Where a phone was told to send its fax.
fn fax_address(sim: &Sim, phone: SocketAddr) -> Option<SocketAddr> {
    sim.call(phone).remote_sdp().and_then(|sdp| sdp.fax_address())
}

fn datagram(sequence: u16) -> Vec<u8> {
    [&sequence.to_be_bytes()[..], &[1, 6, 0, 0]].concat()
}

/// Datagrams cross between the phones, unchanged.
fn assert_faxing(sim: &mut Sim) {
    for (from, to) in [(ALICE, BOB), (BOB, ALICE)] {
        let (source, target) = (sim.call(from).media(), fax_address(sim, from).expect("a fax"));
        let before = sim.call(to).datagrams().len();
        for sequence in 0..5 {
            sim.send_media(source, target, datagram(sequence));
            sim.run_for(ms(40));
        }
        let expected: Vec<_> = (0..5).map(datagram).collect();
        assert_eq!(sim.call(to).datagrams()[before..], expected);
    }
}

/// Sound flows both ways.
fn assert_talking(sim: &mut Sim) {
    let heard = |sim: &Sim, phone| sim.call(phone).stream().map_or(0, |stream| stream.received());
    let before = [ALICE, BOB].map(|phone| heard(sim, phone));
    sim.run_for(ms(1000));
    for (phone, before) in [ALICE, BOB].into_iter().zip(before) {
        assert!((45..=55).contains(&(heard(sim, phone) - before)), "{phone} hears {}", heard(sim, phone) - before);
        let stream = sim.call(phone).stream().expect("sound");
        assert_eq!((stream.gaps(), stream.clock_jumps(), stream.sources()), (0, 0, 1), "one stream without a seam");
    }
}

fn last_answer(sim: &Sim, phone: SocketAddr) -> &Message {
    sim.phone(phone).heard("INVITE").filter(|message| !message.is_request()).last().expect("an answer")
}

#[test]
fn either_side_turns_to_fax_and_back_however_its_lines_stand() {
    for fax in [Fax::InPlace, Fax::Beside] {
        for (first, second) in [(ALICE, ALICE), (ALICE, BOB), (BOB, ALICE), (BOB, BOB)] {
            let mut sim = talking(BOTH, Script::answers(100));
            assert_talking(&mut sim);
            turn(&mut sim, first, fax);
            assert_faxing(&mut sim);
            turn_back(&mut sim, second);
            assert_eq!(fax_address(&sim, ALICE).or(fax_address(&sim, BOB)), None);
            assert_talking(&mut sim);
            turn(&mut sim, second, fax);
            assert_faxing(&mut sim);
            sim.act(first, Act::Bye);
            sim.finish();
        }
    }
}

#[test]
fn the_words_of_the_fax_pass_and_its_line_has_our_address() {
    let mut sim = talking(BOTH, Script::answers(100));
    turn(&mut sim, ALICE, Fax::Beside);
    for phone in [ALICE, BOB] {
        let line = sim.call(phone).remote_sdp().and_then(|sdp| sdp.fax_line()).expect("a fax").clone();
        assert_eq!(line.attributes.len(), 4);
        assert_eq!(line.attribute("T38FaxUdpEC"), Some("t38UDPRedundancy"));
        assert_eq!(fax_address(&sim, phone).map(|address| address.ip()), Some(tandem_sim::CORE.ip()));
    }
    sim.act(BOB, Act::Bye);
    sim.finish();
    let record = sim.core().records().next().expect("a record");
    assert!(record.legs.iter().all(|leg| leg.codec == Some(Codec::Pcmu)), "the codec stays");
}

#[test]
fn a_call_may_begin_as_fax() {
    let mut sim = worded(BOTH.0, BOTH.1);
    sim.phone_mut(BOB).setup_mut().fax = true;
    sim.expect(BOB, Script::answers(100));
    let text = "v=0\r\no=alice 1 1 IN IP4 10.0.1.1\r\ns=-\r\nc=IN IP4 10.0.1.1\r\nt=0 0\r\nm=image 4000 udptl t38\r\na=T38FaxVersion:0\r\n";
    let place = Place::new(&sim.uri(ALICE, "bob")).edit(Edit::Body("application/sdp".into(), text.into()));
    sim.place_with(ALICE, place.script(Script::new().bye(500)));
    sim.run_until_talking(ALICE, BOB);
    let target = fax_address(&sim, BOB).expect("a fax");
    sim.send_media(sim.call(BOB).media(), target, datagram(0));
    sim.finish();
    assert_eq!(sim.end_reason(), Some(EndReason::CallerHungUp));
    let record = sim.core().records().next().expect("a record");
    assert!(record.legs.iter().all(|leg| leg.codec.is_none()));
    assert_eq!(record.legs.iter().map(|leg| leg.media.map_or(0, |media| media.sent.packets)).sum::<u64>(), 1);
}

#[test]
fn a_trunk_that_does_not_say_so_gets_none_and_the_call_goes_on() {
    for trunks in [("", "t38 = true"), ("t38 = true", ""), ("", "t38 = false")] {
        for fax in [Fax::InPlace, Fax::Beside] {
            let mut sim = talking(trunks, Script::answers(100));
            turn(&mut sim, ALICE, fax);
            let answer = last_answer(&sim, ALICE);
            assert_eq!(answer.status(), 488);
            assert!(answer.header("Warning").is_some_and(|warning| warning.starts_with("304 ")), "{:?}", answer.header("Warning"));
            assert_eq!(sim.phone(BOB).heard("INVITE").count(), 1, "bob is not asked");
            assert_talking(&mut sim);
            sim.act(ALICE, Act::Bye);
            sim.finish();
        }
    }
}

#[test]
fn a_refusal_of_the_other_side_is_passed_back_and_the_audio_goes_on() {
    for status in [488, 606, 415] {
        let mut sim = talking(BOTH, Script::answers(100).habits(|habits| habits.reoffers = vec![(ms(20), Reply::new(status))]));
        turn(&mut sim, ALICE, Fax::InPlace);
        assert_eq!(last_answer(&sim, ALICE).status(), status);
        assert_talking(&mut sim);
        turn(&mut sim, ALICE, Fax::InPlace);
        assert_faxing(&mut sim);
        sim.act(BOB, Act::Bye);
        sim.finish();
    }
}

/// Bob takes the re-INVITE and rejects its line; what follows is his reply to the next.
fn line_rejected(next: Option<(u64, u16)>) -> Sim {
    let rejected = "v=0\r\no=bob 1 2 IN IP4 10.0.2.1\r\ns=-\r\nc=IN IP4 10.0.2.1\r\nt=0 0\r\nm=image 0 udptl t38\r\n";
    let reply = Reply { body: Body::Raw(rejected.into()), ..Reply::new(200) };
    let next = next.map(|(after, status)| (ms(after), Reply::new(status)));
    let replies = [(ms(20), reply)].into_iter().chain(next).collect();
    let mut sim = talking(BOTH, Script::answers(100).habits(|habits| habits.reoffers = replies));
    turn(&mut sim, ALICE, Fax::InPlace);
    assert_eq!(last_answer(&sim, ALICE).status(), 488);
    sim
}

#[test]
fn a_line_rejected_by_the_other_side_is_488_and_the_audio_goes_on() {
    let mut sim = line_rejected(None);
    let requests: Vec<&Message> = sim.phone(BOB).heard("INVITE").filter(|message| message.is_request()).collect();
    assert_eq!(requests.len(), 3, "the call, the fax, and audio again");
    assert_eq!(sim.call(BOB).remote_sdp().and_then(|sdp| sdp.audio_line()).map(|line| line.port != 0), Some(true));
    assert_talking(&mut sim);
    sim.act(ALICE, Act::Bye);
    sim.finish();
    assert_eq!(sim.end_reason(), Some(EndReason::CallerHungUp));
}

#[test]
fn whoever_does_not_take_its_audio_back_either_is_hung_up() {
    let mut sim = line_rejected(Some((20, 488)));
    sim.finish();
    assert_eq!(sim.end_reason(), Some(EndReason::Failed(488)));
}

#[test]
fn a_bye_while_audio_is_restored() {
    for phone in [ALICE, BOB] {
        let mut sim = line_rejected(Some((3000, 200)));
        sim.act(ALICE, Act::Reinvite(Offer::direction(Direction::SendOnly)));
        sim.run_for(ms(100));
        assert_eq!(last_answer(&sim, ALICE).status(), 491, "not while the other side has no stream");
        sim.act(phone, Act::Bye);
        sim.finish();
    }
}

#[test]
fn fax_on_hold() {
    let mut sim = talking(BOTH, Script::answers(100));
    turn(&mut sim, ALICE, Fax::InPlace);
    sim.act(ALICE, Act::Reinvite(Offer { direction: Some(Direction::Inactive), ..Offer::fax(Fax::InPlace) }));
    sim.run_for(ms(500));
    let line = sim.call(BOB).remote_sdp().and_then(|sdp| sdp.fax_line()).map(|line| line.direction);
    assert_eq!(line, Some(Direction::Inactive));
    assert!(sim.core().events.iter().any(|event| event.kind.name() == "leg.held"));
    let (target, heard) = (fax_address(&sim, ALICE).expect("a fax"), sim.call(BOB).datagrams().len());
    sim.send_media(sim.call(ALICE).media(), target, datagram(9));
    sim.run_for(ms(100));
    assert_eq!(sim.call(BOB).datagrams().len(), heard);
    sim.act(ALICE, Act::Reinvite(Offer { direction: Some(Direction::SendRecv), ..Offer::fax(Fax::InPlace) }));
    sim.run_for(ms(500));
    assert_faxing(&mut sim);
    sim.act(ALICE, Act::Bye);
    sim.finish();
}

#[test]
fn the_line_passes_between_the_peers_where_media_is_not_anchored() {
    let text = STANDARD.replace("name = \"alice\"", "name = \"alice\"\nt38 = true").replace("name = \"bob\"", "name = \"bob\"\nt38 = true");
    let mut sim = Sim::with_config(1, &text);
    sim.may_tell_addresses();
    sim.phone_mut(BOB).setup_mut().fax = true;
    sim.expect(BOB, Script::answers(100));
    sim.place(ALICE, "direct", Script::new());
    sim.run_until_talking(ALICE, BOB);
    turn(&mut sim, ALICE, Fax::InPlace);
    assert_eq!((fax_address(&sim, ALICE), fax_address(&sim, BOB)), (Some(sim.call(BOB).media()), Some(sim.call(ALICE).media())));
    turn_back(&mut sim, BOB);
    assert!(sim.call(ALICE).has(When::Reoffered));
    sim.act(ALICE, Act::Bye);
    sim.finish();
}

#[test]
fn silence_of_both_ends_the_call_and_that_of_one_does_not() {
    let mut sim = talking(BOTH, Script::answers(100));
    turn(&mut sim, ALICE, Fax::InPlace);
    let (source, target) = (sim.call(ALICE).media(), fax_address(&sim, ALICE).expect("a fax"));
    for sequence in 0..40 {
        sim.send_media(source, target, datagram(sequence));
        sim.run_for(ms(20_000));
    }
    assert_eq!(sim.end_reason(), None, "pages went one way for thirteen minutes");
    sim.finish();
    assert_eq!(sim.end_reason(), Some(EndReason::Inactivity));
}

/// Beside another line, so that the next offer may have one line or two.
#[test]
fn a_refused_fax_leaves_the_lines_as_they_were() {
    for (fax, status) in [Fax::InPlace, Fax::Beside].into_iter().flat_map(|fax| [488, 491, 500].map(|status| (fax, status))) {
        for next in [ALICE, BOB] {
            let refuses = Script::answers(100).habits(|habits| habits.reoffers = vec![(ms(20), Reply::new(status))]);
            let mut sim = talking(BOTH, refuses);
            turn(&mut sim, ALICE, fax);
            turn_back(&mut sim, next);
            assert_eq!(sim.call(BOB).remote_sdp().map(|sdp| sdp.media.len()), Some(1), "as if it had never been offered");
            assert_talking(&mut sim);
            turn(&mut sim, next, fax);
            assert_faxing(&mut sim);
            sim.act(ALICE, Act::Bye);
            sim.finish();
        }
    }
}

#[test]
fn a_line_once_answered_stays_though_audio_waits_to_be_restored() {
    let rejected =
        "v=0\r\no=bob 1 2 IN IP4 10.0.2.1\r\ns=-\r\nc=IN IP4 10.0.2.1\r\nt=0 0\r\nm=audio 0 RTP/AVP 0\r\nm=image 0 udptl t38\r\n";
    for next in [ALICE, BOB] {
        for late in [false, true] {
            let reply = Reply { body: Body::Raw(rejected.into()), ..Reply::new(200) };
            let reoffers = vec![(ms(20), reply), (ms(20), Reply::new(491))];
            let mut sim = talking(BOTH, Script::answers(100).habits(|habits| habits.reoffers = reoffers));
            turn(&mut sim, ALICE, Fax::Beside);
            assert_eq!(last_answer(&sim, ALICE).status(), 488);
            // The first try to restore it met a 491, and the next is yet to come.
            sim.act(next, Act::Reinvite(Offer { late, ..Offer::default() }));
            sim.run_for(ms(6000));
            assert_eq!(sim.call(BOB).remote_sdp().map(|sdp| sdp.media.len()), Some(2), "{next} {late}");
            assert_talking(&mut sim);
            sim.act(ALICE, Act::Bye);
            sim.finish();
        }
    }
}
