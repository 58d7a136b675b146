//! What the phones of a call of three ask: holds, codecs, keys, refreshes. Each has its answer from us, and the others hear nothing of it but by ear.

use crate::commanded::{direction, events, invites, is_silent, legs, talking_with};
use crate::guests::{all_hear_all, join, three, three_in, voices};
use crate::keys::infos_at;
use std::net::SocketAddr;
use tandem_model::{EventKind, HeldBy, LegId};
use tandem_phone::{
    Act, Edit, Fax, Offer, Outcome, Refer, Reply, Request, Script, Timer,
    sdp::{Direction, Format},
};
use tandem_sim::{ALICE, BOB, CAROL, CORE, Link, STANDARD, Sim, ms, secs};

fn counts(sim: &Sim) -> [usize; 3] {
    [ALICE, BOB, CAROL].map(|phone| invites(sim, phone))
}

fn holds(sim: &Sim, leg: LegId) -> Vec<bool> {
    let of = |kind: EventKind| match kind {
        EventKind::LegHeld(HeldBy::Peer) => Some(true),
        EventKind::LegResumed(HeldBy::Peer) => Some(false),
        _ => None,
    };
    events(sim, leg).into_iter().filter_map(of).collect()
}

fn hang_up(mut sim: Sim) {
    sim.act(CAROL, Act::Bye);
    sim.run_for(ms(200));
    sim.act(BOB, Act::Bye);
    sim.finish();
}

/// The last status of a request of that phone inside the dialog.
fn status(sim: &Sim, phone: SocketAddr, method: &str) -> u16 {
    sim.phone(phone).heard(method).filter(|message| !message.is_request()).last().map_or(0, |message| message.status())
}

#[test]
fn a_guest_that_holds_is_held_alone() {
    let (mut sim, carol) = three(1);
    let before = counts(&sim);
    sim.act(CAROL, Act::Reinvite(Offer::direction(Direction::SendOnly)));
    sim.run_for(ms(500));
    assert!(is_silent(&mut sim, CAROL));
    assert_eq!((voices(&mut sim, ALICE), voices(&mut sim, BOB)), (vec![BOB, CAROL], vec![ALICE, CAROL]), "its music is heard");
    sim.act(CAROL, Act::Reinvite(Offer::direction(Direction::Inactive)));
    sim.run_for(ms(500));
    assert_eq!((voices(&mut sim, ALICE), voices(&mut sim, BOB)), (vec![BOB], vec![ALICE]));
    sim.act(CAROL, Act::Reinvite(Offer::direction(Direction::SendRecv)));
    sim.run_for(ms(500));
    all_hear_all(&mut sim);
    assert_eq!(holds(&sim, carol), [true, false]);
    assert_eq!(counts(&sim), before, "nobody was asked");
    hang_up(sim);
}

#[test]
fn one_of_the_two_that_holds_does_not_hold_the_others() {
    for holder in [ALICE, BOB] {
        let (mut sim, _) = three(2);
        let leg = legs(&sim)[usize::from(holder == BOB)];
        let (other, before) = (if holder == ALICE { BOB } else { ALICE }, counts(&sim));
        sim.act(holder, Act::Reinvite(Offer::direction(Direction::Inactive)));
        sim.run_for(ms(500));
        assert!(is_silent(&mut sim, holder));
        assert_eq!((voices(&mut sim, other), voices(&mut sim, CAROL)), (vec![CAROL], vec![other]));
        sim.act(holder, Act::Reinvite(Offer::direction(Direction::SendRecv)));
        sim.run_for(ms(500));
        all_hear_all(&mut sim);
        assert_eq!((holds(&sim, leg), counts(&sim)), (vec![true, false], before));
        hang_up(sim);
    }
}

/// A hold that was begun beside a guest is that leg's own business after it has left; and once it is over the other one is asked again.
#[test]
fn a_hold_outlasts_the_guest() {
    let (mut sim, _) = three(3);
    sim.act(ALICE, Act::Reinvite(Offer::direction(Direction::SendOnly)));
    sim.run_for(ms(500));
    sim.act(CAROL, Act::Bye);
    sim.run_for(ms(500));
    assert!(is_silent(&mut sim, ALICE));
    assert_eq!((voices(&mut sim, BOB), direction(&sim, BOB)), (vec![ALICE], Some(Direction::SendRecv)));
    let before = invites(&sim, BOB);
    sim.act(ALICE, Act::Reinvite(Offer::direction(Direction::SendRecv)));
    sim.run_for(ms(500));
    assert_eq!(invites(&sim, BOB), before + 1);
    assert_eq!((voices(&mut sim, ALICE), voices(&mut sim, BOB)), (vec![BOB], vec![ALICE]));
    sim.act(BOB, Act::Bye);
    sim.finish();
}

#[test]
fn each_may_change_its_codec() {
    let (mut sim, _) = three(4);
    let before = counts(&sim);
    for phone in [ALICE, CAROL, BOB] {
        for format in [Format::pcmu(), Format::pcma()] {
            sim.act(phone, Act::Reinvite(Offer { formats: Some(vec![format]), ..Offer::default() }));
            sim.run_for(ms(500));
            all_hear_all(&mut sim);
        }
    }
    assert_eq!(counts(&sim), before);
    hang_up(sim);
}

/// Without an offer, as UPDATE, and with what cannot be taken: fax.
#[test]
fn other_forms_of_a_change() {
    let (mut sim, _) = three(5);
    for phone in [CAROL, ALICE, BOB] {
        sim.act(phone, Act::Reinvite(Offer { late: true, ..Offer::default() }));
        sim.run_for(ms(500));
        all_hear_all(&mut sim);
        sim.act(phone, Act::Update(Offer::direction(Direction::SendOnly)));
        sim.run_for(ms(500));
        assert!(is_silent(&mut sim, phone));
        sim.act(phone, Act::Update(Offer::direction(Direction::SendRecv)));
        sim.run_for(ms(500));
        sim.act(phone, Act::Update(Offer { late: true, ..Offer::default() }));
        sim.run_for(ms(500));
        sim.act(phone, Act::Reinvite(Offer::fax(Fax::InPlace)));
        sim.run_for(ms(500));
        assert_eq!(status(&sim, phone, "INVITE"), 488, "{phone}");
        all_hear_all(&mut sim);
    }
    hang_up(sim);
}

#[test]
fn an_invite_without_offer_whose_ack_has_no_answer() {
    for phone in [CAROL, ALICE] {
        let (mut sim, _) = three(6);
        sim.act(phone, Act::Reinvite(Offer { late: true, ..Offer::default() }));
        sim.link(phone, CORE, Link::CUT);
        sim.run_for(secs(33));
        sim.link(phone, CORE, Link::CLEAN);
        sim.run_for(secs(40));
        let left: Vec<SocketAddr> = [ALICE, BOB, CAROL].into_iter().filter(|phone| sim.call(*phone).outcome.is_none()).collect();
        let expected: Vec<SocketAddr> = [ALICE, BOB, CAROL].into_iter().filter(|other| *other != phone).collect();
        assert_eq!(left, expected, "whose ACK never comes is hung up, and nobody else");
        sim.act(BOB, Act::Bye);
        sim.finish();
    }
}

#[test]
fn other_requests_of_a_guest_are_answered_by_us() {
    let (mut sim, _) = three(7);
    for (method, expected) in [("OPTIONS", 200), ("MESSAGE", 405), ("INFO", 200)] {
        sim.act(CAROL, Act::Request(Request { method: method.into(), edits: Vec::new() }));
        sim.run_for(ms(300));
        assert_eq!(status(&sim, CAROL, method), expected, "{method}");
    }
    let heard = |sim: &Sim, method: &str| [ALICE, BOB].map(|phone| sim.phone(phone).heard(method).filter(|one| one.is_request()).count());
    assert_eq!(["OPTIONS", "MESSAGE", "INFO"].map(|method| heard(&sim, method)), [[0; 2]; 3]);
    hang_up(sim);
}

#[test]
fn a_guest_may_transfer_nobody() {
    let (mut sim, _) = three_in(Sim::with_config(8, &crate::transfer_blind::house()));
    let to = sim.uri(CAROL, "dora");
    sim.act(CAROL, Act::Refer(Refer::to(&to)));
    sim.run_for(ms(500));
    assert_eq!(crate::transfer_blind::referral(&sim, CAROL).status, Some(403));
    all_hear_all(&mut sim);
    hang_up(sim);
}

fn press(sim: &mut Sim, phone: SocketAddr) {
    let body = b"Signal=5\r\nDuration=100\r\n".to_vec();
    sim.act(phone, Act::Request(Request { method: "INFO".into(), edits: vec![Edit::Body("application/dtmf-relay".into(), body)] }));
    sim.run_for(ms(500));
}

/// Who wants keys by INFO gets those of all whom it hears.
#[test]
fn keys_by_info_reach_all_who_hear_them() {
    let text = ["alice", "carol"].iter().fold(STANDARD.to_owned(), |text, name| {
        let section = format!("name = \"{name}\"\nmatch");
        text.replace(&section, &format!("name = \"{name}\"\ndtmf = \"info\"\nmatch"))
    });
    let takes = |habits: &mut tandem_phone::Habits| habits.others = vec![(ms(0), Reply::new(200)); 20];
    let mut sim = talking_with(Sim::with_config(9, &text), Script::new().habits(takes), Script::answers(100).habits(takes));
    let carol = join(&mut sim, CAROL, "carol", Script::answers(100).habits(takes));
    press(&mut sim, CAROL);
    assert_eq!((infos_at(&sim, ALICE).len(), infos_at(&sim, BOB).len()), (1, 0));
    let pressed = |sim: &Sim| events(sim, carol).iter().filter(|kind| matches!(kind, EventKind::LegDtmf(_))).count();
    assert_eq!(pressed(&sim), 1);
    press(&mut sim, ALICE);
    assert_eq!(infos_at(&sim, CAROL).len(), 1, "the guest has alice's");
    sim.phone_mut(BOB).stream_mut(0).expect("sound").press('7', Some(101), 5, 5);
    sim.run_for(secs(1));
    assert_eq!((infos_at(&sim, ALICE).len(), infos_at(&sim, CAROL).len()), (2, 2), "and both those of bob's events");
    hang_up(sim);
}

fn timed(updates: bool) -> Sim {
    let text = STANDARD
        .replace("inactivity_timeout = \"5m\"", "inactivity_timeout = \"6h\"")
        .replace("hold_timeout = \"1h\"", "hold_timeout = \"6h\"")
        .replace("name = \"carol\"", "name = \"carol\"\nsession_timer = { expires = \"90s\", refresher = \"us\" }");
    let mut sim = Sim::with_config(10, &text);
    sim.phone_mut(CAROL).setup_mut().updates = updates;
    sim
}

#[test]
fn the_session_of_a_guest_is_refreshed() {
    for updates in [true, false] {
        let mut sim = crate::commanded::talking(timed(updates));
        join(&mut sim, CAROL, "carol", Script::answers(100).habits(|habits| habits.timer = Some(Timer::willing())));
        sim.run_for(secs(300));
        assert_eq!(sim.call(CAROL).outcome, None);
        let method = if updates { "UPDATE" } else { "INVITE" };
        let refreshes = sim.phone(CAROL).heard(method).filter(|one| one.is_request()).count();
        assert!(refreshes >= 6, "{refreshes} {method}");
        all_hear_all(&mut sim);
        hang_up(sim);
    }
}

#[test]
fn a_guest_that_does_not_refresh_is_hung_up() {
    let mut sim = crate::commanded::talking(timed(true));
    let carol = join(&mut sim, CAROL, "carol", Script::answers(100).habits(|habits| habits.timer = Some(Timer::willing())));
    sim.link(CAROL, CORE, Link::CUT);
    sim.run_for(secs(200));
    let ended = events(&sim, carol).into_iter().any(|kind| matches!(kind, EventKind::LegEnded(_)));
    assert!(ended, "its session has expired");
    assert_eq!((voices(&mut sim, ALICE), voices(&mut sim, BOB)), (vec![BOB], vec![ALICE]));
    sim.link(CAROL, CORE, Link::CLEAN);
    sim.act(CAROL, Act::Bye);
    sim.run_for(secs(40));
    assert_ne!(sim.call(CAROL).outcome, None::<Outcome>);
    sim.act(BOB, Act::Bye);
    sim.finish();
}

/// A guest that sends nothing for too long leaves; the two go on.
#[test]
fn a_silent_guest_leaves() {
    let mut sim = crate::commanded::talking(Sim::new(11));
    sim.phone_mut(CAROL).setup_mut().tone = None;
    let carol = join(&mut sim, CAROL, "carol", Script::answers(100));
    sim.run_for(secs(301));
    let kinds = events(&sim, carol);
    assert!(kinds.iter().any(|kind| matches!(kind, EventKind::LegEnded(end) if end.reason == "no media")), "{kinds:?}");
    assert_eq!((voices(&mut sim, ALICE), voices(&mut sim, BOB)), (vec![BOB], vec![ALICE]));
    sim.act(BOB, Act::Bye);
    sim.finish();
}
