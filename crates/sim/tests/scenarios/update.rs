//! UPDATE with an offer (RFC 3311): through the call from either side, to peers that take UPDATE and to peers that do not.

use std::net::SocketAddr;
use tandem_model::EndReason;
use tandem_phone::{
    Act, Edit, Message, Offer, Outcome, Reply, Script, When,
    sdp::{Direction, Format},
};
use tandem_sim::{ALICE, BOB, CORE, Link, Sim, ms, secs};

const SIDES: [(SocketAddr, SocketAddr); 2] = [(ALICE, BOB), (BOB, ALICE)];

/// A call that talks; `replies` are what both phones say to offers. `taker` says whether they take UPDATE.
fn talking(seed: u64, takes: bool, replies: Vec<(std::time::Duration, Reply)>) -> Sim {
    let mut sim = Sim::new(seed);
    for phone in [ALICE, BOB] {
        sim.phone_mut(phone).setup_mut().updates = takes;
    }
    let script = |script: Script| script.habits(|habits| habits.reoffers.clone_from(&replies));
    sim.expect(BOB, script(Script::answers(100)));
    sim.place(ALICE, "bob", script(Script::new()));
    sim.run_until_talking(ALICE, BOB);
    sim.run_for(ms(300));
    sim
}

fn update(sim: &mut Sim, phone: SocketAddr, direction: Direction) {
    sim.act(phone, Act::Update(Offer::direction(direction)));
    sim.run_for(ms(500));
}

/// The direction that a phone was last offered or answered.
fn direction(sim: &Sim, phone: SocketAddr) -> Option<Direction> {
    sim.call(phone).remote_sdp().and_then(|sdp| sdp.audio_line()).map(|line| line.direction)
}

fn requests(sim: &Sim, phone: SocketAddr, method: &str) -> usize {
    sim.phone(phone).heard(method).filter(|message| message.is_request()).count()
}

fn last(sim: &Sim, phone: SocketAddr, method: &str) -> Message {
    sim.phone(phone).heard(method).last().cloned().expect("such a message")
}

fn hang_up(mut sim: Sim, phone: SocketAddr) {
    sim.act(phone, Act::Bye);
    sim.finish();
    assert!(matches!(sim.end_reason(), Some(EndReason::CallerHungUp | EndReason::CalleeHungUp)));
}

#[test]
fn it_goes_on_as_update_where_the_other_peer_takes_that() {
    for (holder, held) in SIDES {
        let mut sim = talking(1, true, vec![]);
        update(&mut sim, holder, Direction::SendOnly);
        assert_eq!((direction(&sim, held), direction(&sim, holder)), (Some(Direction::SendOnly), Some(Direction::RecvOnly)));
        update(&mut sim, holder, Direction::SendRecv);
        assert_eq!((direction(&sim, held), direction(&sim, holder)), (Some(Direction::SendRecv), Some(Direction::SendRecv)));
        assert_eq!((requests(&sim, held, "UPDATE"), requests(&sim, held, "INVITE")), (2, usize::from(held == BOB)));
        let answer = last(&sim, holder, "UPDATE");
        assert_eq!((answer.status(), answer.header("Contact").is_some()), (200, true));
        assert!(last(&sim, held, "UPDATE").header("Contact").is_some());
        let names: Vec<&str> = sim
            .core()
            .events
            .iter()
            .map(|event| event.kind.name())
            .filter(|name| name.contains("e.h") || name.ends_with("held") || name.contains("resumed"))
            .collect();
        assert_eq!(names, ["leg.held", "leg.resumed"]);
        hang_up(sim, holder);
    }
}

#[test]
fn it_goes_on_as_a_reinvite_where_it_does_not() {
    for (holder, held) in SIDES {
        let mut sim = talking(2, true, vec![]);
        let calls = requests(&sim, held, "INVITE");
        // Whoever is held takes UPDATE no longer: the re-INVITE's answer says so before the UPDATE comes.
        sim.phone_mut(held).setup_mut().updates = false;
        sim.act(held, Act::Reinvite(Offer::default()));
        sim.run_for(ms(500));
        update(&mut sim, holder, Direction::SendOnly);
        assert_eq!((direction(&sim, held), direction(&sim, holder)), (Some(Direction::SendOnly), Some(Direction::RecvOnly)));
        assert_eq!((requests(&sim, held, "UPDATE"), requests(&sim, held, "INVITE")), (0, calls + 1));
        assert_eq!(last(&sim, holder, "UPDATE").status(), 200);
        hang_up(sim, held);
    }
}

#[test]
fn a_change_of_codec() {
    for (changer, other) in SIDES {
        let mut sim = talking(3, true, vec![]);
        let formats = Some(vec![Format::pcma(), Format::events(101)]);
        sim.act(changer, Act::Update(Offer { formats, ..Offer::default() }));
        sim.run_for(ms(500));
        let offered = sim.call(other).remote_sdp().and_then(|sdp| sdp.audio_line()).map(|line| line.formats.clone());
        assert_eq!(offered.map(|formats| formats[0].clone()), Some("8".to_owned()), "what the changer speaks now comes first");
        hang_up(sim, other);
    }
}

#[test]
fn one_that_says_so_and_refuses_all_the_same_is_asked_by_invite() {
    for status in [405, 501, 504] {
        for (holder, held) in SIDES {
            let mut sim = talking(4, true, vec![(ms(10), Reply::new(status))]);
            let calls = requests(&sim, held, "INVITE");
            update(&mut sim, holder, Direction::SendOnly);
            assert_eq!((requests(&sim, held, "UPDATE"), requests(&sim, held, "INVITE")), (1, calls + 1), "{status}");
            assert_eq!((direction(&sim, held), last(&sim, holder, "UPDATE").status()), (Some(Direction::SendOnly), 200));
            update(&mut sim, holder, Direction::SendRecv);
            let updates = if status == 504 { 2 } else { 1 };
            assert_eq!(requests(&sim, held, "UPDATE"), updates, "{status} is remembered or not");
            hang_up(sim, holder);
        }
    }
}

#[test]
fn a_refusal_leaves_the_session_as_it_was() {
    for (said, heard) in [(488, 488), (606, 606), (403, 403), (500, 500), (415, 500), (302, 500), (420, 500), (603, 603)] {
        for (holder, held) in SIDES {
            let mut sim = talking(5, true, vec![(ms(10), Reply::new(said))]);
            update(&mut sim, holder, Direction::SendOnly);
            let answer = last(&sim, holder, "UPDATE");
            assert_eq!((answer.status(), answer.has_sdp()), (heard, false), "{said}");
            assert_eq!(direction(&sim, held), Some(Direction::SendRecv));
            update(&mut sim, holder, Direction::SendRecv);
            assert_eq!(last(&sim, holder, "UPDATE").status(), 200);
            hang_up(sim, held);
        }
    }
}

#[test]
fn a_491_is_passed_on_and_tried_again() {
    for (holder, held) in SIDES {
        let mut sim = talking(6, true, vec![(ms(10), Reply::new(491))]);
        update(&mut sim, holder, Direction::SendOnly);
        sim.run_for(ms(6000));
        assert_eq!(direction(&sim, held), Some(Direction::SendOnly));
        hang_up(sim, holder);
    }
}

#[test]
fn a_codec_that_nobody_else_speaks_is_refused_without_asking() {
    let mut sim = talking(7, true, vec![]);
    sim.act(ALICE, Act::Update(Offer { formats: Some(vec![Format::new(18, "G729/8000")]), ..Offer::default() }));
    sim.run_for(ms(500));
    let answer = last(&sim, ALICE, "UPDATE");
    assert_eq!((answer.status(), answer.header("Warning").is_some(), requests(&sim, BOB, "UPDATE")), (488, true, 0));
    hang_up(sim, ALICE);
}

#[test]
fn a_description_that_cannot_be_read() {
    let mut sim = talking(8, true, vec![]);
    let broken = Edit::Body("application/sdp".into(), b"v=0\r\nthis is none\r\n".to_vec());
    sim.act(ALICE, Act::Update(Offer { edits: vec![broken], ..Offer::default() }));
    sim.run_for(ms(500));
    assert_eq!((last(&sim, ALICE, "UPDATE").status(), requests(&sim, BOB, "UPDATE")), (400, 0));
    hang_up(sim, ALICE);
}

#[test]
fn one_while_another_waits_is_500_with_retry_after() {
    for (holder, held) in SIDES {
        let mut sim = talking(9, true, vec![(ms(1000), Reply::new(200))]);
        sim.act(holder, Act::Update(Offer::direction(Direction::SendOnly)));
        sim.run_for(ms(100));
        // The phone itself would wait.
        let first = sim.phone(holder).trace().iter().rev().find(|traced| traced.sent && traced.message.method() == "UPDATE");
        let again = String::from_utf8(first.expect("its UPDATE").message.print()).expect("text");
        let cseq = again.lines().find(|line| line.starts_with("CSeq")).expect("a CSeq").to_owned();
        let number: u32 = cseq.split([' ', ':']).find_map(|word| word.parse().ok()).expect("a number");
        let again = again.replace(&cseq, &format!("CSeq: {} UPDATE", number + 10)).replace("branch=z9hG4bK", "branch=z9hG4bKagain");
        sim.send_raw(holder, again);
        sim.run_for(ms(300));
        let answer = last(&sim, holder, "UPDATE");
        let wait: u32 = answer.header("Retry-After").and_then(|value| value.parse().ok()).expect("Retry-After");
        assert!(answer.status() == 500 && wait <= 10, "RFC 3311 §5.2");
        assert_eq!(requests(&sim, held, "UPDATE"), 1);
        sim.run_for(secs(2));
        assert_eq!(direction(&sim, held), Some(Direction::SendOnly));
        sim.act(held, Act::Bye);
        sim.finish();
    }
}

#[test]
fn one_that_meets_ours_is_491_and_both_succeed_in_the_end() {
    let mut sim = talking(10, true, vec![(ms(300), Reply::new(200))]);
    sim.act(ALICE, Act::Update(Offer::direction(Direction::SendOnly)));
    sim.act(BOB, Act::Update(Offer::direction(Direction::SendOnly)));
    sim.run_for(secs(8));
    assert!([ALICE, BOB].iter().any(|phone| sim.phone(*phone).heard("UPDATE").any(|answer| answer.status() == 491)));
    assert_eq!(direction(&sim, BOB).map(Direction::receives), Some(false));
    assert_eq!(direction(&sim, ALICE).map(Direction::receives), Some(false));
    hang_up(sim, ALICE);
}

#[test]
fn a_reinvite_that_meets_an_update() {
    for (updater, inviter) in SIDES {
        let mut sim = talking(11, true, vec![(ms(300), Reply::new(200))]);
        sim.act(updater, Act::Update(Offer::direction(Direction::SendOnly)));
        sim.act(inviter, Act::Reinvite(Offer::direction(Direction::SendOnly)));
        sim.run_for(secs(8));
        assert!(
            ["INVITE", "UPDATE"].iter().any(|method| sim
                .phone(inviter)
                .heard(method)
                .chain(sim.phone(updater).heard(method))
                .any(|answer| answer.status() == 491))
        );
        assert_eq!(direction(&sim, updater).map(Direction::receives), Some(false));
        hang_up(sim, inviter);
    }
}

#[test]
fn whoever_thinks_too_long_about_the_reinvite_is_not_waited_for() {
    let mut sim = talking(12, false, vec![(ms(10), Reply::new(100))]);
    sim.phone_mut(ALICE).setup_mut().updates = true;
    sim.act(ALICE, Act::Update(Offer::direction(Direction::SendOnly)));
    sim.run_for(secs(22));
    let answer = last(&sim, ALICE, "UPDATE");
    assert_eq!((answer.status(), answer.header("Retry-After").is_some()), (500, true));
    assert!(sim.phone(BOB).heard("CANCEL").count() == 1);
    assert_eq!(direction(&sim, BOB), Some(Direction::SendRecv));
    hang_up(sim, ALICE);
}

#[test]
fn one_that_the_far_side_never_answers_ends_the_call() {
    let mut sim = talking(13, true, vec![]);
    sim.link(CORE, BOB, Link::CUT);
    sim.act(ALICE, Act::Update(Offer::direction(Direction::SendOnly)));
    sim.run_for(secs(40));
    sim.link(CORE, BOB, Link::CLEAN);
    assert_eq!(sim.end_reason(), Some(EndReason::DialogLost));
    sim.act(BOB, Act::Bye);
    sim.settle();
    sim.phone_mut(ALICE).forgive("no-answer");
    sim.finish();
}

#[test]
fn one_without_an_offer_is_answered_for_a_peer_that_takes_none() {
    for (asker, other) in SIDES {
        let mut sim = talking(14, false, vec![]);
        sim.act(asker, Act::Update(Offer { late: true, contact: Some(format!("sip:elsewhere@{asker}")), ..Offer::default() }));
        sim.run_for(ms(300));
        assert_eq!((last(&sim, asker, "UPDATE").status(), requests(&sim, other, "UPDATE")), (200, 0));
        sim.act(other, Act::Bye);
        sim.finish();
        assert_eq!(last(&sim, asker, "BYE").uri(), format!("sip:elsewhere@{asker}"));
    }
}

#[test]
fn before_the_answer_it_waits_for_the_first_offer_to_be_answered() {
    let mut sim = Sim::new(15);
    sim.expect(BOB, Script::new().reply(50, 180).reply(3000, 200));
    sim.place(ALICE, "bob", Script::new());
    sim.run_until_status(ALICE, 180);
    // Neither phone would offer now: these are made by hand.
    for (phone, other, status) in [(ALICE, BOB, 500), (BOB, ALICE, 491)] {
        let body = String::from_utf8_lossy(&last(&sim, BOB, "INVITE").body).into_owned();
        let edit = Edit::Body("application/sdp".into(), body.into_bytes());
        sim.act(phone, Act::Update(Offer { late: true, edits: vec![edit], ..Offer::default() }));
        sim.run_for(ms(200));
        let answer = last(&sim, phone, "UPDATE");
        assert_eq!((answer.status(), answer.header("Retry-After").is_some()), (status, status == 500), "RFC 3311 §5.2");
        assert_eq!(requests(&sim, other, "UPDATE"), 0);
    }
    sim.run_until_talking(ALICE, BOB);
    hang_up(sim, ALICE);
}

#[test]
fn a_call_that_we_answer_takes_one() {
    let mut sim = Sim::new(16);
    sim.place(ALICE, "echo", Script::new());
    sim.run_for(ms(500));
    update(&mut sim, ALICE, Direction::SendOnly);
    assert_eq!(direction(&sim, ALICE), Some(Direction::RecvOnly));
    update(&mut sim, ALICE, Direction::SendRecv);
    assert_eq!(direction(&sim, ALICE), Some(Direction::SendRecv));
    hang_up(sim, ALICE);
}

#[test]
fn a_hang_up_while_one_is_open() {
    for takes in [true, false] {
        for (holder, held) in SIDES {
            for hanger in [holder, held] {
                let mut sim = talking(17, takes, vec![(secs(5), Reply::new(200))]);
                sim.act(holder, Act::Update(Offer::direction(Direction::SendOnly)));
                sim.run_for(ms(500));
                sim.act(hanger, Act::Bye);
                sim.finish();
                assert!(matches!(sim.end_reason(), Some(EndReason::CallerHungUp | EndReason::CalleeHungUp)));
            }
        }
    }
}

#[test]
fn its_target_refresh_counts_for_its_own_leg() {
    let mut sim = talking(18, true, vec![]);
    sim.act(BOB, Act::Update(Offer { contact: Some("sip:bob@10.0.2.1:5099".into()), ..Offer::default() }));
    sim.run_for(ms(300));
    sim.act(ALICE, Act::Bye);
    sim.finish();
    assert_eq!(last(&sim, BOB, "BYE").uri(), "sip:bob@10.0.2.1:5099");
    assert_eq!(sim.call(BOB).outcome, Some(Outcome::TheyHungUp));
    assert!(sim.call(BOB).has(When::Reanswered));
}

#[test]
fn another_phone_answers_after_the_session_was_changed_with_one() {
    for (updater, updated) in SIDES {
        let mut sim = Sim::new(13);
        for phone in [ALICE, BOB] {
            (sim.phone_mut(phone).setup_mut().reliable, sim.phone_mut(phone).setup_mut().updates) = (true, true);
        }
        sim.expect(BOB, Script::new().reply_with(50, Reply::new(183).with_sdp()).reply_with(2000, Reply::new(200).fork(1)));
        sim.place(ALICE, "bob", Script::new());
        sim.run_until_status(ALICE, 183);
        sim.run_for(ms(300));
        sim.act(updater, Act::Update(Offer::direction(Direction::SendOnly)));
        sim.run_for(ms(300));
        assert_eq!(requests(&sim, updated, "UPDATE"), 1);
        sim.run_until_talking(ALICE, BOB);
        sim.run_for(ms(500));
        // It knows the first offer alone, and is offered what the caller has since.
        let offer = sim.phone(BOB).heard("INVITE").filter(|message| message.is_request()).last().expect("a re-INVITE");
        let expected = if updater == ALICE { "a=sendonly" } else { "a=recvonly" };
        assert!(offer.header("To").is_some_and(|to| to.contains(";tag=")) && String::from_utf8_lossy(&offer.body).contains(expected));
        assert_eq!(sim.phone(ALICE).heard("INVITE").filter(|message| message.is_request()).count(), 0);
        hang_up(sim, ALICE);
    }
}
