//! Offers of our own inside a dialog: they wait until they may be made, and come again after the pause that RFC 3261 §14.1 gives to each side.
//! Here it is the audio of a phone that took a re-INVITE and rejected its fax.

use std::net::SocketAddr;
use tandem_model::{EndReason, Timestamp};
use tandem_phone::{Act, Body, Edit, Fax, Offer, Reply, Script, sdp::Direction};
use tandem_sim::{ALICE, BOB, STANDARD, Sim, ms, secs};

const SIDES: [(SocketAddr, SocketAddr); 2] = [(ALICE, BOB), (BOB, ALICE)];

/// A call in which the other phone takes fax off the line, and then says these things to the audio that it is offered again.
fn line_rejected(seed: u64, faxer: SocketAddr, next: Vec<Reply>) -> Sim {
    let other = if faxer == ALICE { ("bob", "10.0.2.1") } else { ("alice", "10.0.1.1") };
    let text = STANDARD.replace("name = \"alice\"", "name = \"alice\"\nt38 = true").replace("name = \"bob\"", "name = \"bob\"\nt38 = true");
    let mut sim = Sim::with_config(seed, &text);
    for phone in [ALICE, BOB] {
        sim.phone_mut(phone).setup_mut().fax = true;
    }
    let rejected =
        format!("v=0\r\no={} 1 2 IN IP4 {}\r\ns=-\r\nc=IN IP4 {}\r\nt=0 0\r\nm=image 0 udptl t38\r\n", other.0, other.1, other.1);
    let first = Reply { body: Body::Raw(rejected.into()), ..Reply::new(200) };
    let replies: Vec<_> = std::iter::once(first).chain(next).map(|reply| (ms(20), reply)).collect();
    let script = |phone, script: Script| if phone == faxer { script } else { script.habits(|habits| habits.reoffers.clone_from(&replies)) };
    sim.expect(BOB, script(BOB, Script::answers(100)));
    sim.place(ALICE, "bob", script(ALICE, Script::new()));
    sim.run_until_talking(ALICE, BOB);
    sim.run_for(ms(300));
    sim.act(faxer, Act::Reinvite(Offer::fax(Fax::InPlace)));
    sim.run_for(ms(500));
    sim
}

/// When a phone heard INVITEs inside its dialog.
fn offers(sim: &Sim, phone: SocketAddr) -> Vec<Timestamp> {
    let is_later = |to: Option<&str>| to.is_some_and(|to| to.contains(";tag="));
    let heard =
        sim.phone(phone).trace().iter().filter(|traced| !traced.sent && traced.message.is_request() && traced.message.method() == "INVITE");
    heard.filter(|traced| is_later(traced.message.header("To"))).map(|traced| traced.at).collect()
}

fn audio_is_on(sim: &Sim, phone: SocketAddr) -> bool {
    sim.call(phone).remote_sdp().and_then(|sdp| sdp.audio_line()).is_some_and(|line| line.port != 0)
}

fn pauses(at: &[Timestamp]) -> Vec<u64> {
    at.windows(2).map(|pair| pair[1].as_millis() - pair[0].as_millis()).collect()
}

#[test]
fn after_491_it_comes_again_after_the_pause_of_its_side() {
    for seed in 0..20 {
        for (faxer, other) in SIDES {
            let mut sim = line_rejected(seed, faxer, vec![Reply::new(491), Reply::new(491)]);
            sim.run_for(secs(10));
            let at = offers(&sim, other);
            assert_eq!(at.len(), 4, "the fax, and three times the audio");
            // The Call-ID is ours towards the callee, and the caller's own towards the caller.
            let range = if other == BOB { 2_100..=4_100 } else { 0..=2_100 };
            assert!(pauses(&at)[1..].iter().all(|pause| range.contains(pause)), "{at:?}");
            assert!(audio_is_on(&sim, other));
            sim.act(faxer, Act::Bye);
            sim.finish();
        }
    }
}

#[test]
fn retry_after_is_kept() {
    for (faxer, other) in SIDES {
        let later = Reply::new(500).edit(Edit::set("Retry-After", "7 (busy);duration=3"));
        let mut sim = line_rejected(1, faxer, vec![later]);
        sim.run_for(secs(10));
        let pause = pauses(&offers(&sim, other))[1];
        assert!((7_000..7_200).contains(&pause), "{pause}");
        assert!(audio_is_on(&sim, other));
        sim.act(other, Act::Bye);
        sim.finish();
    }
}

#[test]
fn a_500_without_it_is_final() {
    for (faxer, other) in SIDES {
        let mut sim = line_rejected(2, faxer, vec![Reply::new(500)]);
        sim.run_for(secs(10));
        assert_eq!(offers(&sim, other).len(), 2);
        sim.finish();
        assert_eq!(sim.end_reason(), Some(EndReason::Failed(488)));
    }
}

#[test]
fn it_is_not_tried_without_end() {
    for (faxer, other) in SIDES {
        let mut sim = line_rejected(3, faxer, vec![Reply::new(491); 20]);
        sim.run_for(secs(60));
        assert_eq!(offers(&sim, other).len(), 7, "the fax, and six times the audio");
        sim.finish();
        assert_eq!(sim.end_reason(), Some(EndReason::Failed(488)));
    }
}

#[test]
fn it_waits_for_a_change_that_is_under_way() {
    for (faxer, other) in SIDES {
        let mut sim = line_rejected(4, faxer, vec![Reply::new(491)]);
        // A change of the one that has its audio, which takes longer than the pause.
        sim.act(faxer, Act::Reinvite(Offer { late: true, ..Offer::default() }));
        sim.run_for(secs(10));
        assert!(audio_is_on(&sim, other));
        sim.act(faxer, Act::Bye);
        sim.finish();
    }
}

#[test]
fn the_phones_own_offer_makes_it_needless() {
    let (faxer, other) = (ALICE, BOB);
    let mut sim = line_rejected(5, faxer, vec![Reply::new(491)]);
    sim.act(other, Act::Reinvite(Offer::direction(Direction::SendRecv)));
    sim.run_for(secs(10));
    assert_eq!(offers(&sim, other).len(), 2, "the fax, and once the audio");
    assert!(audio_is_on(&sim, other) && audio_is_on(&sim, faxer));
    sim.act(other, Act::Bye);
    sim.finish();
}

#[test]
fn a_failure_that_ends_the_dialog_ends_the_call() {
    for status in [481, 404] {
        let mut sim = line_rejected(6, ALICE, vec![Reply::new(status)]);
        sim.finish();
        assert_eq!(sim.end_reason(), Some(EndReason::DialogLost));
    }
}

#[test]
fn a_hang_up_while_it_waits() {
    for (faxer, other) in SIDES {
        for hanger in [faxer, other] {
            let mut sim = line_rejected(7, faxer, vec![Reply::new(500).edit(Edit::set("Retry-After", "20"))]);
            sim.act(hanger, Act::Bye);
            sim.finish();
            assert_eq!(offers(&sim, other).len(), 2);
        }
    }
}
