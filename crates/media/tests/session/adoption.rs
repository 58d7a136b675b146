//! A leg goes from one session to another with its ports: to its peer nothing happens but that it hears somebody else.

use crate::common::*;
use crate::transcode::{FRAME, Humming, speaking};
use std::time::Duration;
use tandem_media::{AddError, Channel, DropReason, Input, Playable, Verdict};
use tandem_model::{
    Codec, Hearing, Layout, MAX_ENDPOINTS, MediaEvent, PlayEnd, PlayId, PortId, Recorded, RecordingEnd, RecordingId, SourceRule, Timestamp,
};

/// C comes from where its description does not say.
const ELSEWHERE: &str = "192.0.2.3:5999";

/// C hears A, in the session that it is to leave; and a session of A and B that it is to go to.
fn two_sessions() -> [Bench; 2] {
    let mut from = Bench::talking();
    from.session.add(from.now, local(C), port(C)).unwrap();
    assert_eq!(from.drain().1, [MediaEvent::Opened([local(C)].into())]);
    from.describe(C, description(C));
    from.handle(Input::Hear(Hearing::each_other([leg(A), leg(C)])));
    [from, Bench::talking()]
}

/// C goes over, and hears B there.
fn moves([from, to]: &mut [Bench; 2]) {
    to.now = to.now.max(from.now);
    let (adoptee, own) = from.session.detach(from.now, leg(C)).unwrap();
    assert_eq!((adoptee.leg(), own), (leg(C), port(C)));
    to.session.adopt(to.now, adoptee, own).unwrap();
    assert_eq!(to.drain(), (vec![], vec![]));
    to.handle(Input::Hear(Hearing::each_other([leg(B), leg(C)])));
}

/// Reports that say farewell (RFC 3550 §6.6).
fn farewells(reports: &Timed<Sent>) -> usize {
    let is_bye = |bytes: &[u8]| {
        let mut rest = bytes;
        while rest.len() >= 4 {
            if rest[1] == 203 {
                return true;
            }
            rest = &rest[(4 * (usize::from(u16::from_be_bytes([rest[2], rest[3]])) + 1)).min(rest.len())..];
        }
        false
    };
    reports.iter().filter(|(_, report)| is_bye(&report.bytes)).count()
}

#[test]
fn its_stream_goes_on_where_it_was() {
    let mut sessions = two_sessions();
    let first = sessions[0].say(A, &rtp(0, 0xa, 100, 16_000)).unwrap();
    sessions[0].wait(FRAME);
    moves(&mut sessions);
    let [from, to] = &mut sessions;
    let second = to.say(B, &rtp(0, 0xb, 60_000, 7)).unwrap();
    let steps =
        |sent: &Sent| (sent.ssrc(), sent.sequence().wrapping_sub(first.sequence()), sent.timestamp().wrapping_sub(first.timestamp()));
    assert_eq!((second.port, second.to, steps(&second), second.marker()), (port(C), address(PHONE[C]), (first.ssrc(), 1, 160), true));
    to.wait(FRAME);
    let third = to.say(B, &rtp(0, 0xb, 60_001, 167)).unwrap();
    assert_eq!((steps(&third), third.marker()), ((first.ssrc(), 2, 320), false));
    assert_eq!(to.say(C, &rtp(0, 0xc, 1, 1)).unwrap().port, port(B));
    assert_eq!(from.say(A, &rtp(0, 0xa, 101, 16_160)), Err(Verdict::Dropped(DropReason::Unheard)));
    assert_eq!(from.say(C, &rtp(0, 0xc, 2, 161)), Err(Verdict::Dropped(DropReason::UnknownPort)));
    assert!(from.released.is_empty() && to.released.is_empty(), "its ports are nobody's to give back");
}

#[test]
fn its_source_stays_the_one_that_was_learnt() {
    let mut sessions = two_sessions();
    let nat = SourceRule::Host(address(ELSEWHERE).ip());
    sessions[0].describe(C, tandem_model::EndpointDescription { source: nat, ..description(C) });
    sessions[0].offer(C, Channel::Rtp, ELSEWHERE, &rtp(0, 0xc, 1, 1)).unwrap();
    moves(&mut sessions);
    let to = &mut sessions[1];
    assert_eq!(to.say(B, &rtp(0, 0xb, 1, 1)).unwrap().to, address(ELSEWHERE));
    assert_eq!(to.offer(C, Channel::Rtp, STRANGER, &rtp(0, 0xc, 2, 161)), Err(Verdict::Dropped(DropReason::Stranger)));
    assert_eq!(to.offer(C, Channel::Rtp, ELSEWHERE, &rtp(0, 0xc, 2, 161)).unwrap().port, port(B));
    // And so it does when it is described anew, as it is.
    to.describe(C, tandem_model::EndpointDescription { source: nat, ..description(C) });
    assert_eq!(to.say(B, &rtp(0, 0xb, 2, 161)).unwrap().to, address(ELSEWHERE));
}

#[test]
fn its_figures_go_along_and_stay() {
    let mut sessions = two_sessions();
    sessions[0].say(A, &rtp(0, 0xa, 1, 0)).unwrap();
    sessions[0].say(C, &rtp(0, 0xc, 1, 0)).unwrap();
    moves(&mut sessions);
    let [from, to] = &mut sessions;
    to.say(B, &rtp(0, 0xb, 1, 0)).unwrap();
    // Two of its packets were lost on the way.
    to.say(C, &rtp(0, 0xc, 4, 480)).unwrap();
    let of = |bench: &mut Bench| {
        let stats = bench.close();
        let stats = stats.iter().find(|stats| stats.leg == leg(C)).unwrap();
        (stats.received.packets, stats.received.lost, stats.sent.packets)
    };
    assert_eq!((of(from), of(to)), ((1, 0, 1), (2, 2, 2)));
}

/// It heard another codec, and goes on to hear one; or hears its own from then on.
#[test]
fn a_leg_that_was_spoken_to_in_its_own_codec_still_is() {
    for codec in [Codec::Pcmu, Codec::G722] {
        let mut sessions = two_sessions();
        sessions[0].describe(A, speaking(A, Codec::Opus));
        sessions[0].describe(C, speaking(C, Codec::Pcmu));
        let mut humming = Humming::new(Codec::Opus, 400.0);
        let mut heard: Vec<(Timestamp, Sent)> = Vec::new();
        for _ in 0..20 {
            assert_eq!(sessions[0].say(A, &humming.packet()), Err(Verdict::Waits));
            let until = sessions[0].now + FRAME;
            heard.extend(sessions[0].run(until).0);
        }
        moves(&mut sessions);
        let [from, to] = &mut sessions;
        // What was still to be said of A is not, nor is there a farewell.
        let until = from.now + Duration::from_secs(60);
        assert!(from.run(until).0.is_empty());
        assert_eq!(farewells(&from.reports), 0);
        to.describe(B, speaking(B, codec));
        let mut humming = Humming::new(codec, 700.0);
        for _ in 0..20 {
            match to.say(B, &humming.packet()) {
                Ok(sent) => heard.push((to.now, sent)),
                Err(verdict) => assert!(matches!(verdict, Verdict::Waits | Verdict::Consumed)),
            }
            let until = to.now + FRAME;
            heard.extend(to.run(until).0);
        }
        assert!(heard.len() >= 36, "{}", heard.len());
        for pair in heard.windows(2) {
            let (before, after) = (&pair[0].1, &pair[1].1);
            assert_eq!((after.ssrc(), after.sequence()), (before.ssrc(), before.sequence().wrapping_add(1)));
            let ticks = after.timestamp().wrapping_sub(before.timestamp());
            assert!((160..=800).contains(&ticks), "{ticks} from {} to {}", pair[0].0, pair[1].0);
        }
    }
}

#[test]
fn what_was_made_for_it_ends_where_it_was() {
    let mut sessions = two_sessions();
    let from = &mut sessions[0];
    let recording = |of, id| (RecordingId(id), of, Layout::Mono);
    for (id, of, layout) in [recording(Recorded::Leg(leg(C)), 1), recording(Recorded::Call, 2)] {
        from.session.record(from.now, id, of, layout).unwrap();
    }
    from.play_as(C, 7, Playable::Sine { frequency_hz: 440 }, 0);
    let until = from.now + Duration::from_millis(200);
    assert!(!from.run(until).0.is_empty());
    moves(&mut sessions);
    let [from, to] = &mut sessions;
    let until = from.now + Duration::from_millis(200);
    let (packets, events) = from.run(until);
    assert!(packets.iter().all(|(_, packet)| packet.port != port(C)));
    let ended: Vec<MediaEvent> = events.into_iter().map(|(_, event)| event).chain(from.drain().1).collect();
    assert_eq!(ended, [MediaEvent::Played { leg: leg(C), play: PlayId(7), end: PlayEnd::Stopped }]);
    assert_eq!(from.recorded.over, [(RecordingId(1), RecordingEnd::LegGone)]);
    assert_eq!(to.say(B, &rtp(0, 0xb, 1, 0)).unwrap().port, port(C), "it hears whom it is to hear");
}

#[test]
fn it_has_another_name_and_port_where_it_goes() {
    let mut sessions = two_sessions();
    let [from, to] = &mut sessions;
    let (adoptee, _) = from.session.detach(from.now, leg(C)).unwrap();
    let there = PortId(77);
    to.session.adopt(to.now, adoptee, there).unwrap();
    to.handle(Input::Hear(Hearing::each_other([leg(A), leg(C)])));
    assert_eq!(to.say(A, &rtp(0, 0xa, 1, 0)).unwrap().port, there);
    // And back again, where B has been heard meanwhile.
    let (adoptee, own) = to.session.detach(to.now, leg(C)).unwrap();
    assert_eq!(own, there);
    from.session.adopt(to.now, adoptee, port(C)).unwrap();
    from.handle(Input::Hear(Hearing::each_other([leg(B), leg(C)])));
    assert_eq!(from.say(B, &rtp(0, 0xb, 1, 0)).unwrap().port, port(C));
    from.handle(Input::Remove(leg(C)));
    from.drain();
    assert_eq!(from.released, [port(C)]);
}

#[test]
fn a_session_takes_in_nobody_whom_it_has_no_room_for() {
    let mut sessions = two_sessions();
    let [from, to] = &mut sessions;
    let twice = from.session.detach(from.now, leg(A)).unwrap().0;
    assert_eq!(to.session.adopt(to.now, twice, port(A)), Err(AddError::Twice));
    for index in C + 1..=MAX_ENDPOINTS {
        to.session.add(to.now, local(index), port(index)).unwrap();
    }
    let full = from.session.detach(from.now, leg(C)).unwrap().0;
    assert_eq!(to.session.adopt(to.now, full, port(C)), Err(AddError::Full));
    assert!(from.session.detach(from.now, leg(C)).is_none(), "it is there no longer");
    let last = from.session.detach(from.now, leg(B)).unwrap().0;
    to.drain();
    to.close();
    assert_eq!(to.session.adopt(to.now, last, port(B)), Err(AddError::Closed));
    assert!(to.session.detach(to.now, leg(A)).is_none());
}
