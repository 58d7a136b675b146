//! A transfer that the other peer carries out: its REFER goes through us, and so do the NOTIFYs back.

use crate::transfer_replaces::asking;
use std::net::SocketAddr;
use tandem_phone::{Act, Edit, Outcome, Refer, Reply, Request, Script};
use tandem_sim::{ALICE, BOB, CAROL, CORE, DORA, Link, STANDARD, Sim, ms, secs, standard_over_tcp};

/// Alice calls, and obeys.
fn talking(seed: u64, callee: SocketAddr, user: &str, obeys: bool) -> Sim {
    let mut sim = Sim::with_config(seed, &STANDARD.replace("[[trunk]]\n", "[[trunk]]\nrefer = \"pass\"\n"));
    sim.expect(callee, Script::answers(100));
    sim.place(ALICE, user, Script::new().habits(|habits| habits.obeys_refer = obeys));
    sim.run_until_talking(ALICE, callee);
    sim.run_for(ms(200));
    sim
}

fn refer(sim: &mut Sim, from: SocketAddr, user: &str) {
    let refer = Refer::to(&sim.uri(from, user)).edit(Edit::add("Referred-By", &format!("<sip:bob@{from}>")));
    sim.act(from, Act::Refer(refer));
}

#[test]
fn the_other_phone_carries_it_out() {
    let mut sim = talking(1, BOB, "bob", true);
    sim.expect(CAROL, Script::answers(200));
    let refer = Refer::to(&sim.uri(BOB, "carol")).edit(Edit::add("Referred-By", &format!("<sip:bob@{BOB}>")));
    sim.act(BOB, Act::Refer(refer.edit(Edit::set("Max-Forwards", "5"))));
    sim.run_for(secs(1));
    let heard = sim.phone(ALICE).heard("REFER").next().expect("a REFER");
    assert_eq!(heard.header("Refer-To"), Some("<sip:carol@10.0.0.1:5060>"));
    assert_eq!(heard.header("Max-Forwards"), Some("4"), "a circle comes to its end");
    assert_eq!(heard.header("Referred-By"), Some("<sip:bob@10.0.0.1>"));
    let referral = &sim.call(BOB).referrals()[0];
    assert_eq!((referral.status, referral.progress.as_slice()), (Some(202), &[100, 200][..]));
    assert_eq!(referral.ended.as_deref(), Some("noresource"));
    sim.act(BOB, Act::Bye);
    sim.run_for(ms(500));
    assert_eq!(sim.call(ALICE).outcome, Some(Outcome::TheyHungUp));
    assert!(sim.phone(ALICE).call(1).outcome.is_none(), "she talks to carol");
    sim.act_in(ALICE, 1, Act::Bye);
    sim.finish();
}

#[test]
fn a_target_behind_us_is_named_as_the_other_side_knows_us() {
    let mut sim = talking(2, DORA, "dora", true);
    sim.expect(BOB, Script::answers(200));
    refer(&mut sim, DORA, "bob");
    sim.run_for(secs(1));
    assert_eq!(sim.phone(ALICE).heard("REFER").next().and_then(|refer| refer.header("Refer-To")), Some("<sip:bob@10.0.0.1:5060>"));
    assert_eq!(sim.call(DORA).referrals()[0].progress, [100, 200]);
    sim.act(DORA, Act::Bye);
    sim.act_in(ALICE, 1, Act::Bye);
    sim.finish();
}

#[test]
fn a_secure_target_behind_us_is_not_named_without_tls() {
    let mut sim = talking(9, BOB, "bob", true);
    sim.act(BOB, Act::Refer(Refer { to: "<sips:carol@10.0.0.1>".into(), edits: Vec::new() }));
    sim.run_for(secs(1));
    assert_eq!(sim.call(BOB).referrals()[0].status, Some(603));
    assert_eq!(sim.phone(ALICE).heard("REFER").count(), 0);
    // What is not ours is for the other side to reach.
    sim.act(BOB, Act::Refer(Refer { to: "<sips:carol@example.com>".into(), edits: Vec::new() }));
    sim.run_for(ms(100));
    assert_eq!(sim.phone(ALICE).heard("REFER").next().and_then(|refer| refer.header("Refer-To")), Some("<sips:carol@example.com>"));
    sim.run_for(secs(40));
    sim.act(BOB, Act::Bye);
    sim.finish();
}

#[test]
fn a_refusal_is_passed_back_and_the_call_goes_on() {
    let mut sim = talking(3, BOB, "bob", false);
    refer(&mut sim, BOB, "carol");
    sim.run_for(ms(500));
    assert_eq!(sim.call(BOB).referrals()[0].status, Some(405));
    sim.run_for(secs(5));
    assert_eq!(sim.call(ALICE).outcome, None);
    sim.act(ALICE, Act::Bye);
    sim.finish();
}

#[test]
fn a_failure_is_told_and_the_next_refer_has_an_id() {
    let mut sim = talking(4, BOB, "bob", true);
    for _ in 0..2 {
        refer(&mut sim, BOB, "barred");
        sim.run_for(secs(1));
    }
    let referrals = sim.call(BOB).referrals();
    assert_eq!(referrals.iter().map(|referral| referral.progress.clone()).collect::<Vec<_>>(), [[100, 403], [100, 403]]);
    let events: Vec<_> = sim.phone(BOB).heard("NOTIFY").filter_map(|notify| notify.header("Event")).collect();
    let second = format!("refer;id={}", referrals[1].cseq);
    assert_eq!(events, ["refer", "refer", &second, &second]);
    sim.act(ALICE, Act::Bye);
    sim.finish();
}

#[test]
fn who_asked_has_hung_up() {
    let mut sim = talking(5, BOB, "bob", true);
    sim.expect(CAROL, Script::answers(500));
    refer(&mut sim, BOB, "carol");
    sim.run_for(ms(100));
    sim.act(BOB, Act::Bye);
    sim.run_for(secs(2));
    assert!(sim.phone(ALICE).call(1).was_answered());
    sim.act_in(ALICE, 1, Act::Bye);
    sim.finish();
}

#[test]
fn a_notify_that_nobody_asked_for() {
    let mut sim = talking(6, BOB, "bob", true);
    let edits =
        vec![Edit::add("Event", "refer"), Edit::add("Subscription-State", "active;expires=60"), Edit::add("Contact", "<sip:x@10.0.2.1>")];
    sim.act(BOB, Act::Request(Request { method: "NOTIFY".into(), edits }));
    sim.run_for(ms(200));
    assert_eq!(sim.phone(BOB).heard("NOTIFY").last().map(|answer| answer.status()), Some(481));
    assert_eq!(sim.phone(ALICE).heard("NOTIFY").count(), 0);
    sim.act(ALICE, Act::Bye);
    sim.finish();
}

/// Alice has taken five REFERs of Bob, and said nothing yet; so many are not remembered.
#[test]
fn a_notify_of_what_is_forgotten_is_told_of_nothing_else() {
    let mut sim = Sim::with_config(7, &STANDARD.replace("[[trunk]]\n", "[[trunk]]\nrefer = \"pass\"\n"));
    let taken = Reply::new(202).edit(Edit::add("Contact", "<sip:alice@10.0.1.1>"));
    sim.expect(BOB, Script::answers(100));
    sim.place(ALICE, "bob", Script::new().habits(|habits| habits.others = vec![(ms(0), taken); 5]));
    sim.run_until_talking(ALICE, BOB);
    for _ in 0..5 {
        refer(&mut sim, BOB, "carol");
        sim.run_for(ms(300));
    }
    let last = sim.phone(ALICE).heard("REFER").last().and_then(|refer| refer.cseq()).map(|(number, _)| number).expect("a REFER");
    for (event, status) in [(format!("refer;id={last}"), 200), ("refer".to_owned(), 481)] {
        let mut edits = vec![Edit::add("Event", &event), Edit::add("Subscription-State", "terminated;reason=noresource")];
        edits.push(Edit::add("Contact", "<sip:alice@10.0.1.1>"));
        edits.push(Edit::Body("message/sipfrag;version=2.0".into(), b"SIP/2.0 200 OK\r\n".to_vec()));
        sim.act(ALICE, Act::Request(Request { method: "NOTIFY".into(), edits }));
        sim.run_for(ms(300));
        assert_eq!(sim.phone(ALICE).heard("NOTIFY").last().map(|answer| answer.status()), Some(status), "{event}");
    }
    let told: Vec<_> = sim.call(BOB).referrals().iter().map(|referral| referral.progress.clone()).collect();
    assert_eq!(told, [vec![], vec![], vec![], vec![], vec![200]]);
    sim.act(BOB, Act::Bye);
    sim.finish();
}

/// The 202 of who carries it out is late, and its NOTIFY is not: the transferor has its 202 first, and may hang up.
#[test]
fn a_notify_that_overtakes_the_answer() {
    let mut sim = Sim::with_config(11, &STANDARD.replace("[[trunk]]\n", "[[trunk]]\nrefer = \"pass\"\n"));
    let taken = Reply::new(202).edit(Edit::add("Contact", "<sip:alice@10.0.1.1>"));
    sim.expect(BOB, Script::answers(100));
    sim.place(ALICE, "bob", Script::new().habits(|habits| habits.others = vec![(ms(900), taken)]));
    sim.run_until_talking(ALICE, BOB);
    refer(&mut sim, BOB, "carol");
    sim.run_for(ms(300));
    let mut edits = vec![Edit::add("Event", "refer"), Edit::add("Subscription-State", "active;expires=60")];
    edits.push(Edit::add("Contact", "<sip:alice@10.0.1.1>"));
    edits.push(Edit::Body("message/sipfrag;version=2.0".into(), b"SIP/2.0 100 Trying\r\n".to_vec()));
    sim.act(ALICE, Act::Request(Request { method: "NOTIFY".into(), edits }));
    sim.run_for(ms(200));
    let referral = &sim.call(BOB).referrals()[0];
    assert_eq!((referral.status, referral.progress.as_slice()), (Some(202), &[100][..]));
    sim.act(BOB, Act::Bye);
    sim.run_for(secs(2));
    assert_eq!(sim.phone(BOB).heard("REFER").count(), 1, "one final answer");
    sim.finish();
}

/// The connection breaks under the REFER: the transferor hears that, and no NOTIFY of what alice makes of it all the same.
#[test]
fn a_notify_of_what_went_down_with_its_connection() {
    let mut sim = Sim::with_config(12, &standard_over_tcp(&[ALICE]).replace("[[trunk]]\n", "[[trunk]]\nrefer = \"pass\"\n"));
    sim.phone_mut(ALICE).setup_mut().transport = tandem_model::Transport::Tcp;
    let taken = Reply::new(202).edit(Edit::add("Contact", "<sip:alice@10.0.1.1;transport=tcp>"));
    sim.expect(BOB, Script::answers(100));
    sim.place(ALICE, "bob", Script::new().habits(|habits| habits.others = vec![(secs(30), taken)]));
    sim.run_until_talking(ALICE, BOB);
    refer(&mut sim, BOB, "carol");
    sim.run_for(ms(300));
    sim.break_connections(ALICE);
    sim.run_for(ms(300));
    assert_eq!(sim.call(BOB).referrals()[0].status, Some(500));
    let mut edits = vec![Edit::add("Event", "refer"), Edit::add("Subscription-State", "active;expires=60")];
    edits.push(Edit::add("Contact", "<sip:alice@10.0.1.1;transport=tcp>"));
    edits.push(Edit::Body("message/sipfrag;version=2.0".into(), b"SIP/2.0 100 Trying\r\n".to_vec()));
    sim.act(ALICE, Act::Request(Request { method: "NOTIFY".into(), edits }));
    sim.run_for(ms(300));
    assert_eq!(sim.phone(ALICE).heard("NOTIFY").last().map(|answer| answer.status()), Some(481));
    assert_eq!(sim.phone(BOB).heard("NOTIFY").count(), 0);
    sim.act(BOB, Act::Bye);
    sim.finish();
}

/// Dora takes Bob's place, and Alice tells then what becomes of his REFER.
#[test]
fn a_notify_of_what_somebody_asked_whose_place_was_taken() {
    let house = STANDARD.replace("[[trunk]]\n", "[[trunk]]\nrefer = \"pass\"\n");
    let mut sim = Sim::with_config(13, &house.replace("name = \"dora\"\n", "name = \"dora\"\nreplaces = true\n"));
    let taken = Reply::new(202).edit(Edit::add("Contact", "<sip:alice@10.0.1.1>"));
    sim.expect(BOB, Script::answers(100));
    sim.place(ALICE, "bob", Script::new().habits(|habits| habits.others = vec![(ms(0), taken)]));
    sim.run_until_talking(ALICE, BOB);
    refer(&mut sim, BOB, "carol");
    sim.run_for(ms(300));
    let place = asking(&sim, BOB);
    sim.place_with(DORA, place);
    sim.run_for(secs(1));
    assert_eq!((sim.call(BOB).outcome, sim.call(DORA).was_answered()), (Some(Outcome::TheyHungUp), true));
    let mut edits = vec![Edit::add("Event", "refer"), Edit::add("Subscription-State", "terminated;reason=noresource")];
    edits.push(Edit::add("Contact", "<sip:alice@10.0.1.1>"));
    edits.push(Edit::Body("message/sipfrag;version=2.0".into(), b"SIP/2.0 200 OK\r\n".to_vec()));
    sim.act(ALICE, Act::Request(Request { method: "NOTIFY".into(), edits }));
    sim.run_for(ms(300));
    assert_eq!(sim.phone(ALICE).heard("NOTIFY").last().map(|answer| answer.status()), Some(481));
    assert_eq!((sim.phone(BOB).heard("NOTIFY").count(), sim.phone(DORA).heard("NOTIFY").count()), (0, 0));
    sim.act(ALICE, Act::Bye);
    sim.finish();
}

/// Bob is far away: when his refusal comes, the next NOTIFY is on its way to him.
#[test]
fn a_refusal_of_a_notify_that_the_next_one_crosses() {
    let mut sim = Sim::with_config(14, &STANDARD.replace("[[trunk]]\n", "[[trunk]]\nrefer = \"pass\"\n"));
    for (from, to) in [(BOB, CORE), (CORE, BOB)] {
        sim.link(from, to, Link { delay: ms(60), ..Link::CLEAN });
    }
    sim.expect(BOB, Script::answers(100).habits(|habits| habits.notify_status = 404));
    sim.place(ALICE, "bob", Script::new().habits(|habits| habits.obeys_refer = true));
    sim.run_until_talking(ALICE, BOB);
    refer(&mut sim, BOB, "barred");
    sim.run_for(secs(1));
    assert_eq!(sim.call(BOB).referrals()[0].progress, [100, 403]);
    let answers: Vec<_> = sim.phone(ALICE).heard("NOTIFY").map(|answer| answer.status()).collect();
    assert_eq!(answers, [481, 481]);
    sim.act(BOB, Act::Bye);
    sim.finish();
}

/// Whoever carries the transfer out tells of it all the same: a status, how often the transferor is told, and what the teller hears.
#[test]
fn a_refusal_of_a_notify_is_told_and_no_more_are_passed() {
    for (status, told, heard) in [
        (404, 1, [481, 481]),
        (405, 1, [405, 481]),
        (408, 1, [481, 481]),
        (481, 1, [481, 481]),
        (489, 1, [489, 481]),
        (500, 2, [500, 500]),
        (603, 2, [603, 603]),
    ] {
        let mut sim = Sim::with_config(10, &STANDARD.replace("[[trunk]]\n", "[[trunk]]\nrefer = \"pass\"\n"));
        sim.expect(BOB, Script::answers(100).habits(|habits| habits.notify_status = status));
        sim.place(ALICE, "bob", Script::new().habits(|habits| habits.obeys_refer = true));
        sim.run_until_talking(ALICE, BOB);
        sim.expect(CAROL, Script::answers(1_000));
        refer(&mut sim, BOB, "carol");
        sim.run_for(secs(3));
        let progress = &sim.call(BOB).referrals()[0].progress;
        assert_eq!(progress.len(), told, "{status}: {progress:?}");
        let answers: Vec<_> = sim.phone(ALICE).heard("NOTIFY").map(|answer| answer.status()).collect();
        assert_eq!(answers, heard, "{status}");
        assert_eq!((sim.call(ALICE).outcome, sim.call(BOB).outcome), (None, None), "{status}: the call goes on");
        sim.act(BOB, Act::Bye);
        sim.act_in(ALICE, 1, Act::Bye);
        sim.finish();
    }
}
