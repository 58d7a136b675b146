//! What caller and newcomer have of each other's sessions when a call that rings is picked up: offers of both, of one and of none, before
//! and after the caller has had an answer, and media that then runs between the right two.

use crate::pick_up::{asking, assert_picked_up, finish, house};
use crate::sound::tones;
use std::net::SocketAddr;
use tandem_phone::sdp::{Direction, Format};
use tandem_phone::{Body, Message, Outcome, Place, Reply, Script};
use tandem_sim::{ALICE, BOB, CAROL, DORA, ERIN, STANDARD, Sim, ms, secs};

/// Alice calls bob, whose first word is that.
fn called(mut sim: Sim, late: bool, user: &str, first: Reply) -> Sim {
    sim.expect(BOB, Script::new().reply_with(50, first));
    let mut place = Place::new(&sim.uri(ALICE, user));
    place.late = late;
    sim.place_with(ALICE, place);
    sim.run_for(secs(1));
    sim
}

fn reliable(mut sim: Sim, phones: &[SocketAddr]) -> Sim {
    phones.iter().for_each(|phone| sim.phone_mut(*phone).setup_mut().reliable = true);
    sim
}

fn pick_up(sim: &mut Sim, late: bool) {
    let mut place = asking(sim, DORA, BOB);
    place.late = late;
    sim.place_with(DORA, place);
    assert_picked_up(sim, (DORA, 1000.0), &[BOB]);
}

/// The INVITEs that the phone got in its dialog.
fn reinvites(sim: &Sim, phone: SocketAddr) -> usize {
    let is_it = |message: &&Message| message.is_request() && message.header("To").is_some_and(|to| to.contains("tag="));
    sim.phone(phone).heard("INVITE").filter(is_it).count()
}

const BOTH: [bool; 2] = [false, true];

#[test]
fn with_and_without_an_offer_of_either() {
    for late_caller in BOTH {
        for late_newcomer in BOTH {
            let mut sim = called(house(1), late_caller, "bob", Reply::new(180));
            pick_up(&mut sim, late_newcomer);
            assert_eq!((reinvites(&sim, ALICE), reinvites(&sim, DORA)), (0, 0), "{late_caller} {late_newcomer}");
            finish(sim);
        }
    }
}

#[test]
fn after_early_media() {
    for late_newcomer in BOTH {
        let mut sim = called(house(2), false, "bob", Reply::new(183).with_sdp());
        pick_up(&mut sim, late_newcomer);
        finish(sim);
    }
}

#[test]
fn after_early_media_that_was_answered_for_good() {
    for callers in [&[ALICE, BOB][..], &[ALICE], &[BOB]] {
        for late_newcomer in BOTH {
            let mut sim = called(reliable(house(3), callers), false, "bob", Reply::new(183).with_sdp());
            pick_up(&mut sim, late_newcomer);
            finish(sim);
        }
    }
}

#[test]
fn after_an_offer_of_who_rings_that_the_caller_has_answered() {
    for late_newcomer in BOTH {
        let mut sim = called(reliable(house(4), &[ALICE, BOB]), true, "bob", Reply::new(183).with_sdp());
        pick_up(&mut sim, late_newcomer);
        finish(sim);
    }
}

#[test]
fn who_rings_was_answered_by_us() {
    for late_newcomer in BOTH {
        let mut sim = called(reliable(house(5), &[BOB]), true, "bob", Reply::new(183).with_sdp());
        pick_up(&mut sim, late_newcomer);
        finish(sim);
    }
}

#[test]
fn a_caller_in_another_codec_is_offered_that_of_the_newcomer() {
    for phones in [&[][..], &[ALICE, BOB]] {
        let mut sim = reliable(house(6), phones);
        sim.phone_mut(BOB).setup_mut().formats = vec![Format::pcmu()];
        let mut sim = called(sim, false, "bob", Reply::new(183).with_sdp());
        let mut place = asking(&sim, DORA, BOB);
        place.formats = Some(vec![Format::pcma()]);
        sim.place_with(DORA, place);
        assert_picked_up(&mut sim, (DORA, 1000.0), &[BOB]);
        assert_eq!(reinvites(&sim, ALICE), 1);
        finish(sim);
    }
}

#[test]
fn an_announcement_before_was_one_way() {
    let sdp = "v=0\r\no=b 9 1 IN IP4 10.0.2.1\r\ns=-\r\nc=IN IP4 10.0.2.1\r\nt=0 0\r\nm=audio 4100 RTP/AVP 8\r\na=sendonly\r\n";
    for late_newcomer in BOTH {
        let first = Reply { body: Body::Raw(sdp.into()), ..Reply::new(183) };
        let mut sim = called(house(7), false, "bob", first);
        pick_up(&mut sim, late_newcomer);
        finish(sim);
    }
}

#[test]
fn from_a_group() {
    for late_caller in BOTH {
        for late_newcomer in BOTH {
            for early in [Reply::new(180), Reply::new(183).with_sdp()] {
                let mut sim = house(8);
                sim.expect(CAROL, Script::new().reply(20, 180));
                let mut sim = called(sim, late_caller, "all-unheard", early);
                let mut place = asking(&sim, DORA, BOB);
                place.late = late_newcomer;
                sim.place_with(DORA, place);
                assert_picked_up(&mut sim, (DORA, 1000.0), &[BOB, CAROL]);
                finish(sim);
            }
        }
    }
}

#[test]
fn from_a_group_whose_early_media_is_heard() {
    for late_newcomer in BOTH {
        for phones in [&[][..], &[ALICE, BOB, CAROL]] {
            let mut sim = reliable(house(9), phones);
            sim.phone_mut(ERIN).setup_mut().tone = Some(760.0);
            sim.expect(CAROL, Script::new().reply_with(300, Reply::new(183).with_sdp()));
            sim.expect(DORA, Script::new().reply(100, 404));
            let mut sim = called(sim, false, "all", Reply::new(183).with_sdp());
            let mut place = asking(&sim, ERIN, BOB);
            place.late = late_newcomer;
            sim.place_with(ERIN, place);
            assert_picked_up(&mut sim, (ERIN, 760.0), &[BOB, CAROL]);
            finish(sim);
        }
    }
}

#[test]
fn a_caller_that_was_answered_before_anybody_rang() {
    for late_caller in BOTH {
        for late_newcomer in BOTH {
            let text = STANDARD.replacen("], hears = \"ringing\"", "], picks_up = \"at-once\", hears = \"ringing\"", 1);
            let mut sim = Sim::with_config(10, &text.replace("[[trunk]]\n", "[[trunk]]\nreplaces = true\n"));
            tones(&mut sim);
            sim.expect(CAROL, Script::new().reply(20, 180));
            let mut sim = called(sim, late_caller, "all-unheard", Reply::new(180));
            let mut place = asking(&sim, DORA, BOB);
            place.late = late_newcomer;
            sim.place_with(DORA, place);
            assert_picked_up(&mut sim, (DORA, 1000.0), &[BOB, CAROL]);
            finish(sim);
        }
    }
}

#[test]
fn a_newcomer_that_holds_hears_nothing() {
    let mut sim = called(house(11), false, "bob", Reply::new(180));
    let sdp = "v=0\r\no=d 9 1 IN IP6 fd00:0:0:4::1\r\ns=-\r\nc=IN IP6 fd00:0:0:4::1\r\nt=0 0\r\nm=audio 4100 RTP/AVP 8 0\r\na=sendonly\r\n";
    let mut place = asking(&sim, DORA, BOB);
    place.edits.push(tandem_phone::Edit::Body("application/sdp".into(), sdp.into()));
    sim.place_with(DORA, place);
    sim.run_for(secs(1));
    let direction = |phone: SocketAddr| sim.call(phone).remote_sdp().and_then(|sdp| sdp.audio_line()).map(|audio| audio.direction);
    assert_eq!((direction(ALICE), direction(DORA)), (Some(Direction::SendOnly), Some(Direction::RecvOnly)));
    finish(sim);
}

#[test]
fn the_caller_does_not_take_what_a_newcomer_offers() {
    // Alice asked for the offer, and answers it with what was not in it.
    let mut sim = house(12);
    sim.phone_mut(ALICE).setup_mut().formats = vec![Format::new(3, "GSM/8000")];
    let mut sim = called(sim, true, "bob", Reply::new(180));
    let mut place = asking(&sim, DORA, BOB);
    place.formats = Some(vec![Format::pcma()]);
    sim.place_with(DORA, place);
    sim.run_for(ms(2500));
    assert_eq!(sim.call(DORA).outcome, Some(Outcome::Failed(488)));
    assert_eq!(sim.call(ALICE).outcome, Some(Outcome::TheyHungUp));
    sim.finish();
}
