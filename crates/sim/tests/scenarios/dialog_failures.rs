//! What each refusal of a re-INVITE or an UPDATE does to the call (RFC 3261 §12.2.1.2, §14.1, RFC 5057 §5.1): a row a status.

use std::net::SocketAddr;
use tandem_model::EndReason;
use tandem_phone::{Act, Offer, Outcome, Reply, Request, Script, When, sdp::Direction};
use tandem_sim::{ALICE, BOB, Sim, ms, secs};

/// After these there is no dialog any more.
const ENDING: [u16; 11] = [404, 408, 410, 416, 480, 481, 482, 484, 485, 502, 604];

/// These end it where they answer an INVITE, which makes the usage; an UPDATE is tried as one.
const ENDING_INVITE: [u16; 2] = [405, 501];

/// The rest is about the one request: what the other side said, and what the one who asked hears.
const STAYING: [(u16, u16); 31] = [
    (300, 500),
    (302, 500),
    (305, 500),
    (380, 500),
    (400, 500),
    (401, 500),
    (403, 403),
    (406, 500),
    (407, 500),
    (413, 500),
    (415, 500),
    (417, 500),
    (420, 500),
    (421, 500),
    (422, 500),
    (423, 500),
    (428, 500),
    (433, 433),
    (483, 483),
    (486, 486),
    (488, 488),
    (489, 500),
    (493, 500),
    (494, 500),
    (500, 500),
    (503, 500),
    (505, 500),
    (580, 500),
    (600, 600),
    (603, 603),
    (606, 606),
];

/// A call in which `asked` says that to the change of the other side.
fn refused(asker: SocketAddr, status: u16, act: fn(Offer) -> Act) -> Sim {
    let script = |script: Script| script.habits(|habits| habits.reoffers = vec![(ms(20), Reply::new(status))]);
    let mut sim = Sim::new(u64::from(status));
    sim.expect(BOB, script(Script::answers(100)));
    sim.place(ALICE, "bob", script(Script::new()));
    sim.run_until_talking(ALICE, BOB);
    sim.run_for(ms(300));
    sim.act(asker, act(Offer::direction(Direction::SendOnly)));
    sim.run_for(ms(300));
    sim
}

fn other(phone: SocketAddr) -> SocketAddr {
    if phone == ALICE { BOB } else { ALICE }
}

fn direction(sim: &Sim, phone: SocketAddr) -> Option<Direction> {
    sim.call(phone).remote_sdp().and_then(|sdp| sdp.audio_line()).map(|line| line.direction)
}

fn assert_over(mut sim: Sim, asker: SocketAddr, status: u16) {
    assert_eq!(sim.end_reason(), Some(EndReason::DialogLost), "{status}");
    let reason = sim.phone(asker).heard("BYE").last().and_then(|bye| bye.header("Reason")).unwrap_or_default().to_owned();
    let cause = if status == 408 { 481 } else { status };
    assert!(reason.starts_with(&format!("SIP;cause={cause};")), "{status}: {reason}");
    assert_eq!(sim.call(asker).outcome, Some(Outcome::TheyHungUp));
    sim.finish();
}

#[test]
fn what_ends_the_dialog() {
    for asker in [ALICE, BOB] {
        for status in ENDING.into_iter().chain(ENDING_INVITE) {
            assert_over(refused(asker, status, Act::Reinvite), asker, status);
        }
        for status in ENDING {
            assert_over(refused(asker, status, Act::Update), asker, status);
        }
    }
}

#[test]
fn what_leaves_the_session_as_it_was() {
    for asker in [ALICE, BOB] {
        for act in [Act::Reinvite as fn(Offer) -> Act, Act::Update] {
            for (said, heard) in STAYING {
                let mut sim = refused(asker, said, act);
                let method = if matches!(act(Offer::default()), Act::Update(_)) { "UPDATE" } else { "INVITE" };
                let answers: Vec<u16> =
                    sim.phone(asker).heard(method).map(tandem_phone::Message::status).filter(|status| *status >= 300).collect();
                assert_eq!(answers, [heard], "for {said}");
                assert_eq!(direction(&sim, other(asker)), Some(Direction::SendRecv), "{said}");
                assert_eq!(sim.end_reason(), None, "{said}");
                // And the next change finds it as ready as ever.
                sim.act(asker, act(Offer::direction(Direction::SendRecv)));
                sim.run_for(ms(300));
                sim.act(other(asker), Act::Bye);
                sim.finish();
                assert!(sim.call(asker).has(When::Reanswered));
            }
        }
    }
}

/// INFO and its like end no dialog by what they are answered, but whoever asked might take it so (RFC 5057 §5.1).
#[test]
fn what_ends_a_dialog_is_not_said_in_one_that_goes_on() {
    for asker in [ALICE, BOB] {
        for (method, said) in ["INFO", "OPTIONS", "MESSAGE"].into_iter().flat_map(|method| ENDING.map(|status| (method, status))) {
            let answering = |script: Script| script.habits(|habits| habits.others = vec![(ms(20), Reply::new(said))]);
            let mut sim = Sim::new(u64::from(said));
            sim.expect(BOB, answering(Script::answers(100)));
            sim.place(ALICE, "bob", answering(Script::new()));
            sim.run_until_talking(ALICE, BOB);
            sim.run_for(ms(300));
            sim.act(asker, Act::Request(Request { method: method.into(), edits: Vec::new() }));
            sim.run_for(ms(300));
            let heard: Vec<u16> =
                sim.phone(asker).heard(method).filter(|one| !one.is_request()).map(tandem_phone::Message::status).collect();
            let is_over = matches!(said, 408 | 481);
            assert_eq!(heard, [if is_over { 487 } else { 500 }], "{method} {said}");
            assert_eq!(sim.end_reason(), is_over.then_some(EndReason::DialogLost), "{method} {said}");
            sim.act(asker, Act::Bye);
            sim.finish();
        }
    }
}

/// RFC 3261 §8.1.3.1: a change that is lost with its connection counts as refused with 503, and that ends nothing.
#[test]
fn what_is_lost_with_its_connection_leaves_the_session_too() {
    for asker in [ALICE, BOB] {
        for act in [Act::Reinvite as fn(Offer) -> Act, Act::Update] {
            let mut sim = Sim::over_tcp(1, &[other(asker)]);
            let slow = |script: Script| script.habits(|habits| habits.reoffers = vec![(secs(5), Reply::new(200))]);
            sim.expect(BOB, slow(Script::answers(100)));
            sim.place(ALICE, "bob", slow(Script::new()));
            sim.run_until_talking(ALICE, BOB);
            sim.run_for(ms(300));
            sim.act(asker, act(Offer::direction(Direction::SendOnly)));
            sim.run_for(secs(1));
            sim.break_connections(other(asker));
            sim.run_for(secs(1));
            assert!(sim.call(asker).has(When::Reanswered));
            assert_eq!(sim.end_reason(), None);
            sim.act(asker, Act::Bye);
            sim.settle();
            // Its 487 finds nobody: the transaction went with the connection.
            sim.phone_mut(other(asker)).forgive("ack-missing");
            sim.finish();
        }
    }
}

#[test]
fn nobody_at_the_address_any_more_ends_the_call() {
    for asker in [ALICE, BOB] {
        for act in [Act::Reinvite as fn(Offer) -> Act, Act::Update] {
            let mut sim = Sim::new(1);
            sim.expect(BOB, Script::answers(100));
            sim.place(ALICE, "bob", Script::new());
            sim.run_until_talking(ALICE, BOB);
            sim.run_for(ms(300));
            sim.core_mut().unreachable.push(other(asker));
            sim.act(asker, act(Offer::direction(Direction::SendOnly)));
            sim.run_for(secs(1));
            assert_eq!(sim.end_reason(), Some(EndReason::DialogLost));
            sim.core_mut().unreachable.clear();
            sim.act(other(asker), Act::Bye);
            sim.finish();
        }
    }
}
