//! A blind transfer that we carry out (RFC 5589 §6.1): who hears whom afterwards, what the transferor is told, and every way in which it
//! comes to nothing.

use crate::sound::{assert_hears, tones};
use std::net::SocketAddr;
use tandem_model::{EndReason, EventKind, TrunkId};
use tandem_phone::{Act, Edit, Habits, Offer, Outcome, Refer, Referral, Reply, Request, Script, When, sdp::Direction};
use tandem_sim::{ALICE, BOB, CAROL, DORA, STANDARD, Sim, ms, secs};

pub(crate) fn house() -> String {
    STANDARD.replace("[[trunk]]\n", "[[trunk]]\nrefer = \"execute\"\n")
}

pub(crate) fn sounding(seed: u64) -> Sim {
    let mut sim = Sim::with_config(seed, &house());
    tones(&mut sim);
    sim
}

/// Alice called bob, and they talk.
fn talking(seed: u64, alice: Script, bob: Script) -> Sim {
    let mut sim = sounding(seed);
    sim.expect(BOB, bob.reply(20, 180).reply(100, 200));
    sim.place(ALICE, "bob", alice);
    sim.run_until_talking(ALICE, BOB);
    sim.run_for(ms(200));
    sim
}

pub(crate) fn refer(sim: &Sim, from: SocketAddr, user: &str) -> Act {
    Act::Refer(Refer::to(&sim.uri(from, user)))
}

fn assert_silent(sim: &mut Sim, phone: SocketAddr) {
    let received = |sim: &Sim| sim.call(phone).stream().map_or(0, |stream| stream.received());
    let before = received(sim);
    sim.run_for(ms(500));
    assert_eq!(received(sim), before, "nobody is to be heard");
}

pub(crate) fn referral(sim: &Sim, phone: SocketAddr) -> &Referral {
    sim.call(phone).referrals().last().expect("a REFER")
}

pub(crate) fn assert_told(sim: &Sim, phone: SocketAddr, progress: &[u16]) {
    let referral = referral(sim, phone);
    assert_eq!((referral.status, referral.progress.as_slice()), (Some(202), progress));
    assert_eq!(referral.ended.as_deref(), Some("noresource"));
}

#[test]
fn the_callee_transfers_the_caller() {
    let mut sim = talking(1, Script::new(), Script::new());
    sim.act(BOB, Act::Reinvite(Offer::direction(Direction::SendOnly)));
    sim.run_for(ms(500));
    sim.expect(CAROL, Script::answers(300));
    let refer = refer(&sim, BOB, "carol");
    sim.act(BOB, refer);
    sim.run_until("carol talks", |sim| sim.phone(CAROL).calls().first().is_some_and(|call| call.has(When::Confirmed)));
    sim.run_for(secs(4));
    assert_told(&sim, BOB, &[100, 180, 200]);
    assert_eq!(sim.call(BOB).outcome, Some(Outcome::TheyHungUp), "who does not hang up is hung up");
    assert_hears(&sim, ALICE, 850.0);
    assert_hears(&sim, CAROL, 440.0);
    sim.act(ALICE, Act::Bye);
    sim.finish();
    let record = sim.core().records().next().expect("a record");
    assert_eq!((record.legs.len(), record.reason), (3, EndReason::CallerHungUp));
    assert_eq!(record.legs[1].replaced_by, Some(record.legs[2].leg));
    let transferred = sim.core().events.iter().filter(|event| matches!(event.kind, EventKind::LegTransferred { .. })).count();
    assert_eq!(transferred, 1);
}

#[test]
fn the_caller_transfers_the_callee() {
    let mut sim = talking(2, Script::new(), Script::new());
    sim.expect(DORA, Script::answers(300));
    let refer = refer(&sim, ALICE, "dora");
    sim.act(ALICE, refer);
    sim.run_until("dora talks", |sim| sim.phone(DORA).calls().first().is_some_and(|call| call.has(When::Confirmed)));
    sim.act(ALICE, Act::Bye);
    sim.run_for(secs(2));
    assert_hears(&sim, BOB, 1000.0);
    assert_hears(&sim, DORA, 620.0);
    assert_told(&sim, ALICE, &[100, 180, 200]);
    sim.act(DORA, Act::Bye);
    sim.finish();
}

#[test]
fn the_transferor_hangs_up_right_after_the_202() {
    for early in [0, 60, 150, 299] {
        let mut sim = talking(3, Script::new(), Script::new());
        sim.expect(CAROL, Script::answers(300));
        let refer = refer(&sim, BOB, "carol");
        sim.act(BOB, refer);
        sim.run_for(ms(early));
        sim.act(BOB, Act::Bye);
        sim.run_until("carol talks", |sim| sim.phone(CAROL).calls().first().is_some_and(|call| call.has(When::Confirmed)));
        sim.run_for(secs(2));
        assert_hears(&sim, ALICE, 850.0);
        assert_hears(&sim, CAROL, 440.0);
        sim.act(CAROL, Act::Bye);
        sim.finish();
    }
}

#[test]
fn a_failed_transfer_returns_to_the_held_call() {
    for (said, told) in [(486, 486), (603, 603), (404, 404), (503, 503)] {
        let mut sim = talking(4, Script::new(), Script::new());
        sim.act(BOB, Act::Reinvite(Offer::direction(Direction::SendOnly)));
        sim.run_for(ms(300));
        sim.expect(CAROL, Script::new().reply(20, 180).reply(300, said));
        let refer = refer(&sim, BOB, "carol");
        sim.act(BOB, refer);
        sim.run_for(secs(1));
        assert_told(&sim, BOB, &[100, 180, told]);
        sim.act(BOB, Act::Reinvite(Offer::direction(Direction::SendRecv)));
        sim.run_for(secs(2));
        assert_hears(&sim, ALICE, 620.0);
        assert_hears(&sim, BOB, 440.0);
        sim.act(ALICE, Act::Bye);
        sim.finish();
    }
}

#[test]
fn a_failed_transfer_whose_transferor_has_gone_ends_the_call() {
    let mut sim = talking(5, Script::new(), Script::new());
    sim.expect(CAROL, Script::new().reply(20, 180).reply(500, 486));
    let refer = refer(&sim, BOB, "carol");
    sim.act(BOB, refer);
    sim.run_for(ms(200));
    sim.act(BOB, Act::Bye);
    sim.run_for(secs(1));
    assert_eq!(sim.call(ALICE).outcome, Some(Outcome::TheyHungUp));
    sim.finish();
    assert_eq!(sim.end_reason(), Some(EndReason::CalleeHungUp));
}

#[test]
fn nobody_answers_the_transfer() {
    let mut sim = talking(6, Script::new(), Script::new());
    sim.expect(CAROL, Script::new().reply(20, 180));
    let refer = refer(&sim, BOB, "carol");
    sim.act(BOB, refer);
    sim.run_for(secs(200));
    assert_told(&sim, BOB, &[100, 180, 408]);
    assert_hears(&sim, ALICE, 620.0);
    sim.act(ALICE, Act::Bye);
    sim.finish();
}

#[test]
fn the_one_who_is_transferred_hangs_up_meanwhile() {
    for after in [0, 40, 150, 400, 600] {
        let mut sim = talking(7, Script::new(), Script::new());
        sim.expect(CAROL, Script::answers(300));
        let refer = refer(&sim, BOB, "carol");
        sim.act(BOB, refer);
        sim.run_for(ms(after));
        sim.act(ALICE, Act::Bye);
        sim.finish();
        assert_eq!(sim.end_reason(), Some(EndReason::CallerHungUp), "after {after} ms");
    }
}

#[test]
fn what_cannot_be_a_transfer_is_refused() {
    let refused = |to: &str, status: u16| {
        let mut sim = talking(8, Script::new(), Script::new());
        sim.act(BOB, Act::Refer(Refer { to: to.into(), edits: Vec::new() }));
        sim.run_for(ms(200));
        assert_eq!(referral(&sim, BOB).status, Some(status), "{to}");
        assert!(referral(&sim, BOB).progress.is_empty());
        sim.act(ALICE, Act::Bye);
        sim.finish();
    };
    refused("<sip:>", 400);
    refused("nonsense", 400);
    refused("<sip:a@10.0.0.1>, <sip:b@10.0.0.1>", 400);
    refused("<tel:+15551234>", 603);
    refused("<http://example.com/>", 603);
    refused("<sip:carol@10.0.0.1;method=BYE>", 403);
}

#[test]
fn policy_says_where_it_may_lead() {
    for (user, status) in [("barred", 403), ("unknown", 404), ("echo", 403), ("alice", 482), ("bob", 482), ("nowhere", 503)] {
        let mut sim = talking(9, Script::new(), Script::new());
        if user == "nowhere" {
            sim.core_mut().unreachable.push(SocketAddr::from(([10, 0, 99, 1], 5060)));
        }
        let refer = refer(&sim, BOB, user);
        sim.act(BOB, refer);
        sim.run_for(secs(1));
        assert_told(&sim, BOB, &[100, status]);
        assert_hears(&sim, ALICE, 620.0);
        sim.act(ALICE, Act::Bye);
        sim.finish();
    }
}

#[test]
fn who_may_not_transfer_hears_403() {
    let mut sim = Sim::new(10);
    sim.expect(BOB, Script::answers(100));
    sim.place(ALICE, "bob", Script::new());
    sim.run_until_talking(ALICE, BOB);
    let refer = refer(&sim, BOB, "carol");
    sim.act(BOB, refer);
    sim.run_for(ms(200));
    assert_eq!(referral(&sim, BOB).status, Some(403));
    sim.act(ALICE, Act::Bye);
    sim.finish();
}

#[test]
fn without_a_subscription_nothing_is_told() {
    for header in ["Supported", "Require"] {
        let mut sim = talking(11, Script::new(), Script::new());
        sim.expect(CAROL, Script::answers(200));
        let to = sim.uri(BOB, "carol");
        sim.act(BOB, Act::Refer(Refer::to(&to).edit(Edit::add("Refer-Sub", "false")).edit(Edit::add(header, "norefersub"))));
        sim.run_until("carol talks", |sim| sim.phone(CAROL).calls().first().is_some_and(|call| call.has(When::Confirmed)));
        sim.run_for(secs(3));
        assert_eq!(referral(&sim, BOB).status, Some(202));
        assert!(referral(&sim, BOB).progress.is_empty());
        assert_eq!(sim.phone(BOB).heard("REFER").last().and_then(|said| said.header("Refer-Sub")), Some("false"));
        assert_eq!(sim.call(BOB).outcome, Some(Outcome::TheyHungUp));
        let invite = sim.phone(BOB).heard("INVITE").next().expect("an INVITE");
        assert!(invite.list("Supported").contains(&"norefersub"));
        sim.act(ALICE, Act::Bye);
        sim.finish();
    }
}

#[test]
fn a_refused_notify_ends_the_subscription_and_nothing_else() {
    let refuses = |habits: &mut Habits| habits.notify_status = 481;
    let mut sim = talking(12, Script::new(), Script::new().habits(refuses));
    sim.expect(CAROL, Script::answers(200));
    let refer = refer(&sim, BOB, "carol");
    sim.act(BOB, refer);
    sim.run_until("carol talks", |sim| sim.phone(CAROL).calls().first().is_some_and(|call| call.has(When::Confirmed)));
    sim.run_for(secs(3));
    assert_eq!(sim.phone(BOB).heard("NOTIFY").count(), 1);
    assert_hears(&sim, ALICE, 850.0);
    sim.act(ALICE, Act::Bye);
    sim.finish();
}

/// RFC 6665 §4.2.2: the rest of the statuses is about the one NOTIFY, and the next comes when it has its answer.
#[test]
fn a_notify_that_fails_for_itself_is_followed_by_the_next() {
    for status in [500, 603] {
        let mut sim = talking(12, Script::new(), Script::new().habits(|habits| habits.notify_status = status));
        sim.expect(CAROL, Script::answers(200));
        let refer = refer(&sim, BOB, "carol");
        sim.act(BOB, refer);
        sim.run_for(secs(4));
        assert_eq!((referral(&sim, BOB).progress.first(), referral(&sim, BOB).progress.last()), (Some(&100), Some(&200)), "{status}");
        assert_eq!(referral(&sim, BOB).ended.as_deref(), Some("noresource"), "{status}");
        sim.act(ALICE, Act::Bye);
        sim.finish();
    }
}

#[test]
fn the_next_refer_of_a_dialog_has_an_id() {
    let mut sim = talking(13, Script::new(), Script::new());
    for user in ["barred", "unknown"] {
        let refer = refer(&sim, BOB, user);
        sim.act(BOB, refer);
        sim.run_for(ms(500));
    }
    let events: Vec<_> = sim.phone(BOB).heard("NOTIFY").filter_map(|notify| notify.header("Event")).collect();
    let second = format!("refer;id={}", referral(&sim, BOB).cseq);
    assert_eq!(events, ["refer", "refer", &second, &second]);
    sim.act(ALICE, Act::Bye);
    sim.finish();
}

#[test]
fn one_transfer_at_a_time() {
    let mut sim = talking(14, Script::new(), Script::new());
    sim.expect(CAROL, Script::answers(500));
    let (first, second) = (refer(&sim, BOB, "carol"), refer(&sim, ALICE, "dora"));
    sim.act(BOB, first);
    sim.act(ALICE, second);
    sim.run_for(ms(100));
    let statuses = [referral(&sim, ALICE).status, referral(&sim, BOB).status];
    assert!(statuses == [Some(202), Some(491)] || statuses == [Some(491), Some(202)], "{statuses:?}");
    sim.run_for(secs(4));
    sim.act(ALICE, Act::Bye);
    sim.act(BOB, Act::Bye);
    sim.finish();
}

#[test]
fn a_subscription_is_refreshed_and_let_go_of() {
    let mut sim = talking(15, Script::new(), Script::new());
    sim.expect(CAROL, Script::answers(2000));
    let refer = refer(&sim, BOB, "carol");
    sim.act(BOB, refer);
    sim.run_for(ms(300));
    let subscribe = |expires: &str, event: &str| {
        let edits = vec![Edit::add("Event", event), Edit::add("Expires", expires), Edit::add("Contact", &format!("<sip:bob@{BOB}>"))];
        Act::Request(Request { method: "SUBSCRIBE".into(), edits })
    };
    sim.act(BOB, subscribe("60", "refer"));
    sim.run_for(ms(200));
    let answer = sim.phone(BOB).heard("SUBSCRIBE").last().expect("an answer");
    assert_eq!((answer.status(), answer.header("Expires")), (200, Some("60")));
    assert_eq!(sim.phone(BOB).heard("NOTIFY").count(), 3, "100, 180, and what the refresh asks for");
    sim.act(BOB, subscribe("0", "refer"));
    sim.run_for(ms(200));
    assert_eq!(referral(&sim, BOB).ended.as_deref(), Some("timeout"));
    sim.run_for(secs(5));
    assert_hears(&sim, ALICE, 850.0);
    sim.act(ALICE, Act::Bye);
    sim.finish();
}

#[test]
fn a_subscription_that_nobody_refreshes_runs_out() {
    let mut sim = talking(23, Script::new(), Script::new());
    sim.expect(CAROL, Script::answers(5000));
    let refer = refer(&sim, BOB, "carol");
    sim.act(BOB, refer);
    sim.run_for(ms(300));
    let edits = vec![Edit::add("Event", "refer"), Edit::add("Expires", "2"), Edit::add("Contact", &format!("<sip:bob@{BOB}>"))];
    sim.act(BOB, Act::Request(Request { method: "SUBSCRIBE".into(), edits }));
    sim.run_for(secs(3));
    assert_eq!(referral(&sim, BOB).ended.as_deref(), Some("timeout"));
    let told = sim.phone(BOB).heard("NOTIFY").count();
    sim.run_for(secs(8));
    assert_eq!(sim.phone(BOB).heard("NOTIFY").count(), told, "nothing more is told");
    assert_hears(&sim, ALICE, 850.0);
    assert_hears(&sim, CAROL, 440.0);
    sim.act(ALICE, Act::Bye);
    sim.finish();
}

/// RFC 5630 §5.1.2: whoever asks for TLS is not called without.
#[test]
fn a_secure_target_is_not_called_without_tls() {
    for user in ["carol", "all"] {
        let mut sim = talking(24, Script::new(), Script::new());
        sim.act(BOB, Act::Refer(Refer { to: format!("<sips:{user}@10.0.0.1>"), edits: Vec::new() }));
        sim.run_for(secs(1));
        assert_told(&sim, BOB, &[100, 480]);
        assert!(sim.phone(CAROL).calls().is_empty() && sim.phone(DORA).calls().is_empty(), "{user}");
        assert_hears(&sim, ALICE, 620.0);
        sim.act(ALICE, Act::Bye);
        sim.finish();
    }
}

#[test]
fn whom_the_target_hears_of() {
    let mut sim = talking(16, Script::new(), Script::new());
    sim.expect(CAROL, Script::answers(200));
    let to = sim.uri(BOB, "carol");
    sim.act(BOB, Act::Refer(Refer::to(&to).edit(Edit::add("Referred-By", &format!("\"Bob\" <sip:bob@{BOB}>;cid=1")))));
    sim.run_for(secs(4));
    let invite = sim.phone(CAROL).heard("INVITE").next().expect("an INVITE");
    assert!(invite.header("From").is_some_and(|from| from.starts_with("<sip:alice@10.0.0.1>")), "{:?}", invite.header("From"));
    assert_eq!(invite.header("Referred-By"), Some("<sip:bob@10.0.0.1>"), "its host stays behind us");
    assert_silent(&mut sim, BOB);
    sim.act(CAROL, Act::Bye);
    sim.finish();
}

#[test]
fn transferred_on_and_on_until_it_is_enough() {
    let mut sim = talking(17, Script::new(), Script::new());
    sim.phone_mut(CAROL).always(Script::answers(100));
    sim.phone_mut(DORA).always(Script::answers(100));
    let mut at = BOB;
    for turn in 0..9 {
        let to = if at == CAROL { "dora" } else { "carol" };
        let (refer, last) = (refer(&sim, at, to), sim.phone(at).calls().len() - 1);
        sim.act_in(at, last, refer);
        sim.run_for(secs(4));
        if turn == 8 {
            assert_eq!(sim.phone(at).call(last).referrals()[0].status, Some(403), "a call goes to and fro no longer");
        } else {
            at = if at == CAROL { DORA } else { CAROL };
        }
    }
    sim.act(ALICE, Act::Bye);
    sim.finish();
}

/// RFC 3261 §16.3: a REFER that went in a circle comes to its end as what it asks for would.
#[test]
fn the_target_is_called_with_the_hops_that_are_left() {
    let mut sim = talking(25, Script::new(), Script::new());
    sim.expect(CAROL, Script::answers(100));
    let to = sim.uri(BOB, "carol");
    sim.act(BOB, Act::Refer(Refer::to(&to).edit(Edit::set("Max-Forwards", "0"))));
    sim.run_for(ms(200));
    assert_eq!(referral(&sim, BOB).status, Some(483));
    sim.act(BOB, Act::Refer(Refer::to(&to).edit(Edit::set("Max-Forwards", "5"))));
    sim.run_for(secs(4));
    let invite = sim.phone(CAROL).heard("INVITE").next().expect("an INVITE");
    assert_eq!(invite.header("Max-Forwards"), Some("4"));
    sim.act(ALICE, Act::Bye);
    sim.finish();
}

#[test]
fn media_that_goes_past_us_is_transferred_too() {
    let mut sim = sounding(18);
    sim.may_tell_addresses();
    sim.expect(BOB, Script::answers(100));
    sim.place(ALICE, "direct", Script::new());
    sim.run_until_talking(ALICE, BOB);
    sim.expect(CAROL, Script::new().reply(100, 200));
    let refer = refer(&sim, BOB, "carol");
    sim.act(BOB, refer);
    sim.run_for(secs(4));
    assert_hears(&sim, ALICE, 850.0);
    assert_hears(&sim, CAROL, 440.0);
    sim.act(ALICE, Act::Bye);
    sim.finish();
}

#[test]
fn the_target_answers_with_nothing_that_fits() {
    let mut sim = talking(19, Script::new(), Script::new());
    sim.phone_mut(CAROL).setup_mut().formats = vec![tandem_phone::sdp::Format::new(9, "G722/8000")];
    sim.expect(CAROL, Script::new().reply_with(100, Reply::new(200)));
    let refer = refer(&sim, BOB, "carol");
    sim.act(BOB, refer);
    sim.run_for(secs(2));
    assert_told(&sim, BOB, &[100, 488]);
    assert_hears(&sim, ALICE, 620.0);
    sim.act(ALICE, Act::Bye);
    sim.finish();
}

#[test]
fn a_dialog_of_others_is_named_to_the_target() {
    let mut sim = talking(20, Script::new(), Script::new());
    sim.expect(CAROL, Script::answers(100));
    let to = format!("{}?Replaces=c%40d%3Bto-tag%3D1%3Bfrom-tag%3D2", sim.uri(BOB, "carol"));
    sim.act(BOB, Act::Refer(Refer::to(&to)));
    sim.run_for(secs(1));
    let invite = sim.phone(CAROL).heard("INVITE").next().expect("an INVITE");
    assert_eq!((invite.header("Replaces"), invite.header("Require")), (Some("c@d;to-tag=1;from-tag=2"), Some("replaces")));
    assert_eq!(sim.phone_mut(CAROL).forgive("replaces"), 1, "it has no such dialog");
    assert_told(&sim, BOB, &[100, 481]);
    assert_hears(&sim, ALICE, 620.0);
    sim.act(ALICE, Act::Bye);
    sim.finish();
}

#[test]
fn a_trunk_counts_the_target_until_it_has_declined() {
    let mut sim = talking(22, Script::new(), Script::new());
    sim.expect(CAROL, Script::new().reply(20, 180).reply(300, 486));
    let refer = refer(&sim, BOB, "carol");
    sim.act(BOB, refer);
    sim.run_for(ms(200));
    assert_eq!(sim.core().carried(TrunkId(2)), 1);
    sim.run_for(secs(1));
    assert_eq!(sim.core().carried(TrunkId(2)), 0);
    sim.act(ALICE, Act::Bye);
    sim.finish();
}
