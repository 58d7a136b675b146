//! A REFER outside of any dialog that names one by Target-Dialog (RFC 4538): what comes of it, and the dialog of its own in which it is
//! told (RFC 3515 §2.4.4).

use crate::sound::assert_hears;
use crate::transfer_blind::{house, sounding};
use crate::transfer_replaces::asking;
use crate::{RACE_LIMIT, talking_in};
use std::net::SocketAddr;
use tandem_model::EventKind;
use tandem_phone::{Act, Call, Edit, Outcome, Refer, Reply, Request, Script, When};
use tandem_sim::{ALICE, Action, BOB, CAROL, DORA, STANDARD, Sim, explore_losses, ms, secs};

/// Alice called bob, and they talk.
fn talking(seed: u64) -> Sim {
    talking_in(sounding(seed), ms(200))
}

fn to(sim: &Sim, from: SocketAddr, user: &str) -> Refer {
    Refer::to(&sim.uri(from, user))
}

fn refer(sim: &mut Sim, from: SocketAddr, user: &str) {
    let refer = to(sim, from, user);
    sim.act(from, Act::ReferOutside(refer));
}

/// The dialog of the last REFER outside of any.
fn aside(sim: &Sim, phone: SocketAddr) -> &Call {
    sim.phone(phone).calls().iter().rfind(|call| call.is_aside()).expect("a REFER outside of any dialog")
}

fn assert_refused(sim: &Sim, phone: SocketAddr, status: u16) {
    let referral = &aside(sim, phone).referrals()[0];
    assert_eq!((referral.status, referral.progress.as_slice()), (Some(status), &[][..]));
}

fn assert_told(sim: &Sim, phone: SocketAddr, progress: &[u16]) {
    let referral = &aside(sim, phone).referrals()[0];
    assert_eq!((referral.status, referral.progress.as_slice()), (Some(202), progress));
    assert_eq!(referral.ended.as_deref(), Some("noresource"));
}

fn carol_talks(sim: &mut Sim) {
    sim.run_until("carol talks", |sim| sim.phone(CAROL).calls().first().is_some_and(|call| call.has(When::Confirmed)));
}

fn last_answer<'a>(sim: &'a Sim, phone: SocketAddr, method: &'a str) -> &'a tandem_phone::Message {
    sim.phone(phone).heard(method).filter(|message| !message.is_request()).last().expect("an answer")
}

#[test]
fn a_blind_transfer_is_carried_out_and_told_in_a_dialog_of_its_own() {
    let mut sim = talking(1);
    sim.expect(CAROL, Script::new().reply(20, 180).reply(300, 200));
    refer(&mut sim, BOB, "carol");
    carol_talks(&mut sim);
    sim.run_for(secs(4));
    assert_told(&sim, BOB, &[100, 180, 200]);
    let notifies: Vec<_> = sim.phone(BOB).heard("NOTIFY").collect();
    assert!(notifies.iter().all(|notify| notify.call_id() == aside(&sim, BOB).call_id), "in the dialog of the REFER");
    assert!(notifies.iter().all(|notify| notify.header("Event") == Some("refer")), "it is the first REFER of that dialog");
    let answer = last_answer(&sim, BOB, "REFER");
    assert_eq!(notifies[0].header("Contact"), answer.header("Contact"), "one dialog has one Contact");
    assert_eq!(sim.call(BOB).outcome, Some(Outcome::TheyHungUp), "who does not hang up is hung up");
    assert_hears(&sim, ALICE, 850.0);
    assert_hears(&sim, CAROL, 440.0);
    sim.act(ALICE, Act::Bye);
    sim.finish();
    let record = sim.core().records().next().expect("a record");
    assert_eq!(record.legs.len(), 3, "the dialog of the REFER is no leg of the conversation");
    let created = sim.core().events.iter().filter(|event| matches!(event.kind, EventKind::LegCreated(_))).count();
    assert_eq!(created, 3);
}

#[test]
fn the_caller_may_as_well() {
    let mut sim = talking(2);
    sim.expect(DORA, Script::answers(200));
    refer(&mut sim, ALICE, "dora");
    sim.run_for(secs(4));
    assert_told(&sim, ALICE, &[100, 180, 200]);
    assert_hears(&sim, BOB, 1000.0);
    sim.act(BOB, Act::Bye);
    sim.finish();
}

#[test]
fn a_route_of_its_own() {
    let mut sim = sounding(3);
    sim.phone_mut(BOB).setup_mut().record_route = vec![format!("<sip:{BOB};lr>"), format!("<sip:edge@{BOB};lr>")];
    let mut sim = talking_in(sim, ms(200));
    sim.expect(CAROL, Script::answers(200));
    refer(&mut sim, BOB, "carol");
    sim.run_for(secs(2));
    assert_told(&sim, BOB, &[100, 180, 200]);
    assert_eq!(last_answer(&sim, BOB, "REFER").list("Record-Route").len(), 2, "RFC 3261 §12.1.1");
    assert_eq!(sim.phone(BOB).heard("NOTIFY").next().map(|notify| notify.list("Route").len()), Some(2));
    sim.act(ALICE, Act::Bye);
    sim.finish();
}

#[test]
fn a_failed_transfer_returns_to_the_call() {
    let mut sim = talking(4);
    for _ in 0..2 {
        sim.expect(CAROL, Script::new().reply(200, 486));
        refer(&mut sim, BOB, "carol");
        sim.run_for(secs(1));
        assert_told(&sim, BOB, &[100, 486]);
    }
    let events: Vec<_> = sim.phone(BOB).heard("NOTIFY").filter_map(|notify| notify.header("Event")).collect();
    assert_eq!(events, ["refer"; 4], "each is the first of its dialog");
    sim.act(BOB, Act::Refer(to(&sim, BOB, "barred")));
    sim.run_for(secs(1));
    assert_eq!(sim.phone(BOB).heard("NOTIFY").last().and_then(|notify| notify.header("Event")), Some("refer"), "the first in the call");
    assert_hears(&sim, ALICE, 620.0);
    sim.act(ALICE, Act::Bye);
    sim.finish();
}

#[test]
fn an_attended_transfer() {
    let mut sim = talking(5);
    sim.expect(CAROL, Script::answers(100));
    let second = sim.place(BOB, "carol", Script::new());
    sim.run_for(secs(1));
    let attended = sim.phone(BOB).call(second).attended().expect("a dialog");
    sim.act(BOB, Act::ReferOutside(attended));
    sim.run_for(secs(5));
    let referral = &aside(&sim, BOB).referrals()[0];
    assert_eq!((referral.status, referral.progress.last()), (Some(202), Some(&200)));
    assert_hears(&sim, ALICE, 850.0);
    assert_hears(&sim, CAROL, 440.0);
    sim.act(ALICE, Act::Bye);
    sim.finish();
}

#[test]
fn without_a_subscription_there_is_no_dialog() {
    let mut sim = talking(6);
    sim.expect(CAROL, Script::answers(200));
    let silent = to(&sim, BOB, "carol").edit(Edit::add("Refer-Sub", "false")).edit(Edit::add("Require", "norefersub, tdialog"));
    sim.act(BOB, Act::ReferOutside(silent));
    carol_talks(&mut sim);
    sim.run_for(secs(2));
    let answer = last_answer(&sim, BOB, "REFER");
    assert_eq!((answer.status(), answer.header("Refer-Sub")), (202, Some("false")));
    assert_eq!(sim.phone(BOB).heard("NOTIFY").count(), 0);
    assert_hears(&sim, ALICE, 850.0);
    sim.act(ALICE, Act::Bye);
    sim.finish();
}

fn passing(seed: u64, obeys: bool) -> Sim {
    let mut sim = Sim::with_config(seed, &STANDARD.replace("[[trunk]]\n", "[[trunk]]\nrefer = \"pass\"\n"));
    sim.expect(BOB, Script::answers(100));
    sim.place(ALICE, "bob", Script::new().habits(|habits| habits.obeys_refer = obeys));
    sim.run_until_talking(ALICE, BOB);
    sim.run_for(ms(200));
    sim
}

#[test]
fn it_is_passed_on_where_that_is_the_rule() {
    let mut sim = passing(7, true);
    sim.expect(CAROL, Script::answers(200));
    refer(&mut sim, BOB, "carol");
    sim.run_for(secs(1));
    let heard = sim.phone(ALICE).heard("REFER").next().expect("a REFER");
    assert_eq!((heard.call_id(), heard.header("Target-Dialog")), (sim.call(ALICE).call_id.as_str(), None), "in her dialog");
    assert_told(&sim, BOB, &[100, 200]);
    assert!(sim.phone(BOB).heard("NOTIFY").all(|notify| notify.call_id() == aside(&sim, BOB).call_id));
    sim.act(BOB, Act::Bye);
    sim.run_for(ms(500));
    assert!(sim.phone(ALICE).call(1).outcome.is_none(), "she talks to carol");
    sim.act_in(ALICE, 1, Act::Bye);
    sim.finish();
}

#[test]
fn the_other_phone_refuses_what_is_passed_on() {
    let mut sim = passing(8, false);
    // As often as one likes: what is refused leaves nothing.
    for _ in 0..20 {
        refer(&mut sim, BOB, "carol");
        sim.run_for(ms(500));
        assert_refused(&sim, BOB, 405);
    }
    sim.act(ALICE, Act::Bye);
    sim.finish();
}

#[test]
fn the_call_ends_while_the_other_phone_is_at_it() {
    let mut sim = passing(9, true);
    sim.expect(CAROL, Script::new().reply(20, 180).reply(5_000, 200));
    refer(&mut sim, BOB, "carol");
    sim.run_for(ms(500));
    sim.act(BOB, Act::Bye);
    sim.run_for(secs(1));
    assert_told(&sim, BOB, &[100, 487]);
    sim.run_for(secs(6));
    sim.act_in(ALICE, 1, Act::Bye);
    sim.finish();
}

/// Dora takes Bob's place, and asks Alice something, before Alice tells what becomes of his REFER.
#[test]
fn whose_place_was_taken_is_told_and_nobody_else() {
    let house = STANDARD.replace("[[trunk]]\n", "[[trunk]]\nrefer = \"pass\"\n");
    let mut sim = Sim::with_config(25, &house.replace("name = \"dora\"\n", "name = \"dora\"\nreplaces = true\n"));
    let taken = Reply::new(202).edit(Edit::add("Contact", "<sip:alice@10.0.1.1>"));
    let others = vec![(ms(0), taken), (secs(1), Reply::new(200))];
    sim.expect(BOB, Script::answers(100));
    sim.place(ALICE, "bob", Script::new().habits(|habits| habits.others = others));
    sim.run_until_talking(ALICE, BOB);
    refer(&mut sim, BOB, "carol");
    sim.run_for(ms(300));
    let place = asking(&sim, BOB);
    sim.place_with(DORA, place);
    sim.run_for(secs(1));
    sim.act(DORA, Act::Request(Request { method: "INFO".into(), edits: Vec::new() }));
    sim.run_for(ms(300));
    for (status, state) in [("100 Trying", "active;expires=60"), ("200 OK", "terminated;reason=noresource")] {
        let mut edits = vec![Edit::add("Event", "refer"), Edit::add("Subscription-State", state)];
        edits.push(Edit::add("Contact", "<sip:alice@10.0.1.1>"));
        edits.push(Edit::Body("message/sipfrag;version=2.0".into(), format!("SIP/2.0 {status}\r\n").into_bytes()));
        sim.act(ALICE, Act::Request(Request { method: "NOTIFY".into(), edits }));
        sim.run_for(ms(300));
        assert_eq!(last_answer(&sim, ALICE, "NOTIFY").status(), 200);
        assert_eq!(sim.phone(DORA).heard("INFO").count(), 0, "no answer to what she asked");
    }
    assert_told(&sim, BOB, &[100, 200]);
    sim.run_for(secs(1));
    assert_eq!(last_answer(&sim, DORA, "INFO").status(), 200);
    sim.act(ALICE, Act::Bye);
    sim.finish();
}

#[test]
fn the_subscriber_refuses_what_is_passed_back() {
    let config = STANDARD.replace("[[trunk]]\n", "[[trunk]]\nrefer = \"pass\"\n");
    let mut sim = Sim::with_config(10, &config);
    sim.expect(BOB, Script::answers(100).habits(|habits| habits.notify_status = 481));
    sim.place(ALICE, "bob", Script::new().habits(|habits| habits.obeys_refer = true));
    sim.run_until_talking(ALICE, BOB);
    sim.expect(CAROL, Script::answers(2_000));
    refer(&mut sim, BOB, "carol");
    sim.run_for(secs(3));
    assert_eq!(aside(&sim, BOB).referrals()[0].progress, [100]);
    assert_eq!(aside(&sim, BOB).referrals()[0].ended.as_deref(), Some("refused with 481"));
    sim.act(BOB, Act::Bye);
    sim.act_in(ALICE, 1, Act::Bye);
    sim.finish();
}

#[test]
fn refused_where_nobody_may_refer() {
    let mut sim = talking_in(Sim::new(11), ms(200));
    refer(&mut sim, BOB, "carol");
    sim.run_for(ms(200));
    assert_refused(&sim, BOB, 405);
    let answer = last_answer(&sim, BOB, "REFER");
    assert_eq!(answer.header("Allow"), Some("INVITE, ACK, CANCEL, BYE, OPTIONS, MESSAGE"));
    assert!(
        !sim.phone(BOB).heard("INVITE").next().and_then(|invite| invite.header("Supported")).is_some_and(|tags| tags.contains("tdialog"))
    );
    sim.act(ALICE, Act::Bye);
    sim.finish();
}

#[test]
fn announced_where_somebody_may() {
    for (rule, announced) in [("execute", "norefersub, tdialog"), ("pass", "tdialog")] {
        let config = STANDARD.replace("[[trunk]]\n", &format!("[[trunk]]\nrefer = \"{rule}\"\nsession_timer = \"off\"\nprack = \"off\"\n"));
        let mut sim = talking_in(Sim::with_config(12, &config), ms(200));
        let supported =
            |message: Option<&tandem_phone::Message>| message.and_then(|message| message.header("Supported")).map(str::to_owned);
        assert_eq!(supported(sim.phone(BOB).heard("INVITE").next()).as_deref(), Some(announced));
        assert_eq!(supported(sim.phone(ALICE).heard("INVITE").last()).as_deref(), Some(announced));
        sim.act(BOB, Act::Request(Request { method: "OPTIONS".into(), edits: vec![Edit::add("Require", "tdialog")] }));
        sim.run_for(ms(200));
        assert_eq!(last_answer(&sim, BOB, "OPTIONS").status(), 200, "inside the dialog it is known too");
        for (method, name, said) in
            [("OPTIONS", "Supported", announced), ("PUBLISH", "Allow", "INVITE, ACK, CANCEL, BYE, OPTIONS, MESSAGE, REFER")]
        {
            sim.send_raw(
                BOB,
                format!(
                    "{method} sip:x@10.0.0.1 SIP/2.0\r\nVia: SIP/2.0/UDP {BOB};branch=z9hG4bKo{method}\r\nFrom: <sip:a@{BOB}>;tag=1\r\n\
                     To: <sip:x@10.0.0.1>\r\nCall-ID: {method}\r\nCSeq: 1 {method}\r\nMax-Forwards: 70\r\nContent-Length: 0\r\n\r\n"
                ),
            );
            sim.run_for(ms(200));
            assert_eq!(last_answer(&sim, BOB, method).header(name), Some(said));
        }
        sim.act(ALICE, Act::Bye);
        sim.finish();
    }
}

#[test]
fn what_names_no_dialog_of_theirs_is_refused_alike() {
    let mut sim = talking(13);
    sim.expect(CAROL, Script::answers(100));
    sim.place(DORA, "carol", Script::new());
    sim.run_until_talking(DORA, CAROL);
    let mine = sim.call(BOB).target_dialog().expect("a dialog");
    let theirs = sim.call(CAROL).target_dialog().expect("a dialog");
    let turned = {
        let (call_id, tags) = mine.split_once(';').expect("tags");
        let turned = tags.replace("local-tag", "#").replace("remote-tag", "local-tag").replace('#', "remote-tag");
        format!("{call_id};{turned}")
    };
    let another = mine.replacen(|first: char| first.is_ascii_hexdigit(), "Z", 1);
    let peer = format!("{mine}x");
    let open = sim.core().held().1;
    for named in [theirs, turned, another, peer, "nothing@all;local-tag=a;remote-tag=b".into()] {
        let wrong = to(&sim, BOB, "carol").edit(Edit::set("Target-Dialog", &named)).edit(Edit::add("Require", "tdialog"));
        sim.act(BOB, Act::ReferOutside(wrong));
        sim.run_for(ms(200));
        assert_refused(&sim, BOB, 403);
    }
    let none = to(&sim, BOB, "carol").edit(Edit::remove("Target-Dialog"));
    sim.act(BOB, Act::ReferOutside(none));
    sim.run_for(ms(200));
    assert_refused(&sim, BOB, 403);
    assert_eq!(sim.core().held().1, open, "nothing is left open");
    for phone in [ALICE, DORA] {
        sim.act(phone, Act::Bye);
    }
    sim.finish();
}

#[test]
fn what_cannot_be_read() {
    let mut sim = talking(14);
    let mine = sim.call(BOB).target_dialog().expect("a dialog");
    let call_id = mine.split(';').next().expect("a Call-ID");
    for named in ["", ";", call_id, &format!("{call_id};local-tag=a"), &format!("{mine}, {mine}"), &format!("{mine};;;\"")] {
        let wrong = to(&sim, BOB, "carol").edit(Edit::set("Target-Dialog", named));
        sim.act(BOB, Act::ReferOutside(wrong));
        sim.run_for(ms(200));
        assert_eq!(aside(&sim, BOB).referrals()[0].status, Some(400), "{named:?}");
    }
    for edit in [Edit::add("Target-Dialog", &mine), Edit::remove("Contact"), Edit::remove("Refer-To")] {
        let wrong = to(&sim, BOB, "carol").edit(edit);
        sim.act(BOB, Act::ReferOutside(wrong));
        sim.run_for(ms(200));
        assert_refused(&sim, BOB, 400);
    }
    let unknown = to(&sim, BOB, "carol").edit(Edit::add("Require", "tdialog, nothing"));
    sim.act(BOB, Act::ReferOutside(unknown));
    sim.run_for(ms(200));
    assert_refused(&sim, BOB, 420);
    assert_eq!(last_answer(&sim, BOB, "REFER").header("Unsupported"), Some("nothing"));
    sim.act(ALICE, Act::Bye);
    sim.finish();
}

#[test]
fn a_call_that_is_not_answered_or_is_over() {
    let mut sim = sounding(15);
    sim.expect(BOB, Script::new().reply(20, 180).reply(2_000, 200));
    sim.place(ALICE, "bob", Script::new());
    sim.run_for(ms(500));
    refer(&mut sim, ALICE, "carol");
    sim.run_for(ms(200));
    assert_refused(&sim, ALICE, 403);
    sim.run_until_talking(ALICE, BOB);
    let was = sim.call(BOB).target_dialog().expect("a dialog");
    sim.act(ALICE, Act::Bye);
    sim.run_for(secs(40));
    // She talks again, so that there is a call to send it from.
    sim.expect(BOB, Script::answers(100));
    let again = sim.place(ALICE, "bob", Script::new());
    sim.run_for(secs(1));
    let late = to(&sim, BOB, "carol").edit(Edit::set("Target-Dialog", &was));
    sim.act_in(BOB, 1, Act::ReferOutside(late));
    sim.run_for(ms(200));
    assert_refused(&sim, BOB, 403);
    sim.act_in(ALICE, again, Act::Bye);
    sim.finish();
}

#[test]
fn the_transferor_hangs_up_before_the_news() {
    for early in [1, 60, 150, 299] {
        let mut sim = talking(16);
        sim.expect(CAROL, Script::answers(300));
        refer(&mut sim, BOB, "carol");
        sim.run_for(ms(early));
        sim.act(BOB, Act::Bye);
        carol_talks(&mut sim);
        sim.run_for(secs(2));
        assert_hears(&sim, ALICE, 850.0);
        assert_told(&sim, BOB, &[100, 180, 200]);
        sim.act(CAROL, Act::Bye);
        sim.finish();
    }
}

#[test]
fn everybody_hangs_up_before_the_news() {
    let mut sim = talking(17);
    sim.expect(CAROL, Script::new().reply(20, 180));
    refer(&mut sim, BOB, "carol");
    sim.run_for(ms(500));
    sim.act(ALICE, Act::Bye);
    sim.run_for(secs(1));
    assert_told(&sim, BOB, &[100, 180, 487]);
    sim.finish();
}

fn subscribe(sim: &mut Sim, expires: &str) -> u16 {
    let edits = vec![Edit::add("Event", "refer"), Edit::add("Expires", expires), Edit::add("Contact", &format!("<sip:bob@{BOB}>"))];
    let aside = sim.phone(BOB).calls().len() - 1;
    sim.act_in(BOB, aside, Act::Request(Request { method: "SUBSCRIBE".into(), edits }));
    sim.run_for(ms(200));
    last_answer(sim, BOB, "SUBSCRIBE").status()
}

#[test]
fn it_can_be_refreshed_and_let_go_of() {
    let mut sim = talking(18);
    sim.expect(CAROL, Script::new().reply(20, 180).reply(8_000, 200));
    refer(&mut sim, BOB, "carol");
    sim.run_for(ms(500));
    assert_eq!(subscribe(&mut sim, "60"), 200);
    assert_eq!(aside(&sim, BOB).referrals()[0].progress, [100, 180, 180]);
    assert_eq!(subscribe(&mut sim, "0"), 200);
    sim.run_for(secs(1));
    assert_eq!(aside(&sim, BOB).referrals()[0].ended.as_deref(), Some("timeout"));
    assert_eq!(subscribe(&mut sim, "60"), 481, "it is over");
    carol_talks(&mut sim);
    sim.run_for(secs(2));
    assert_hears(&sim, ALICE, 850.0);
    sim.act(ALICE, Act::Bye);
    sim.finish();
}

#[test]
fn nothing_else_is_asked_in_that_dialog() {
    let mut sim = talking(19);
    sim.expect(CAROL, Script::new().reply(20, 180).reply(8_000, 200));
    refer(&mut sim, BOB, "carol");
    sim.run_for(ms(500));
    let aside = sim.phone(BOB).calls().len() - 1;
    // The phone takes its dialog for lost where it hears so, and says no more in it.
    for (method, status) in [("INFO", 405), ("REFER", 405), ("NONSENSE", 501), ("BYE", 481)] {
        sim.act_in(BOB, aside, Act::Request(Request { method: method.into(), edits: Vec::new() }));
        sim.run_for(ms(200));
        assert_eq!(last_answer(&sim, BOB, method).status(), status, "{method}");
    }
    carol_talks(&mut sim);
    sim.run_for(secs(2));
    sim.act(ALICE, Act::Bye);
    sim.finish();
}

#[test]
fn a_subscriber_that_is_gone() {
    let mut sim = talking(20);
    sim.expect(CAROL, Script::new().reply(20, 180).reply(1_000, 200));
    let gone = to(&sim, BOB, "carol").edit(Edit::set("Contact", "<sip:bob@10.0.2.99>"));
    sim.may_tell_addresses();
    sim.act(BOB, Act::ReferOutside(gone));
    carol_talks(&mut sim);
    sim.run_for(secs(40));
    assert_hears(&sim, ALICE, 850.0);
    sim.act(ALICE, Act::Bye);
    sim.finish();
}

#[test]
fn its_sender_proves_who_it_is() {
    let asked = house().replace("name = \"bob\"\n", "name = \"bob\"\nchallenge = { username = \"bob-in\", password = \"secret\" }\n");
    let mut sim = Sim::with_config(21, &asked);
    let mut sim = {
        sim.phone_mut(BOB).setup_mut().login = Some(("bob-in".into(), "secret".into()));
        talking_in(sim, ms(200))
    };
    sim.expect(CAROL, Script::answers(200));
    refer(&mut sim, BOB, "carol");
    sim.run_for(secs(2));
    let statuses: Vec<_> = sim.phone(BOB).heard("REFER").map(|answer| answer.status()).collect();
    assert_eq!(statuses, [401, 202]);
    assert_told(&sim, BOB, &[100, 180, 200]);
    sim.act(ALICE, Act::Bye);
    sim.finish();
}

#[test]
fn a_flood_of_them() {
    let mut sim = talking(22);
    sim.phone_mut(CAROL).always(Script::new().reply(20, 180));
    for _ in 0..200 {
        refer(&mut sim, BOB, "carol");
    }
    sim.run_for(secs(1));
    let accepted = sim.phone(BOB).calls().iter().flat_map(|call| call.referrals()).filter(|one| one.status == Some(202)).count();
    assert_eq!(accepted, 1, "one transfer at a time");
    assert_eq!(sim.core().held().0, 4, "the legs of the call, the target's, and one dialog");
    sim.act(ALICE, Act::Bye);
    sim.finish();
}

#[test]
fn no_more_than_the_call_has_room_for() {
    let mut sim = talking(23);
    for round in 0..10 {
        refer(&mut sim, BOB, "barred");
        sim.run_for(secs(1));
        let expected = if round < 8 { 202 } else { 403 };
        assert_eq!(aside(&sim, BOB).referrals()[0].status, Some(expected), "round {round}");
    }
    sim.act(ALICE, Act::Bye);
    sim.finish();
}

const BOB_REFERS: Action = (BOB, |sim| refer(sim, BOB, "carol"));
const BYE_ALICE: Action = (ALICE, |sim| sim.act(ALICE, Act::Bye));
const BYE_BOB: Action = (BOB, |sim| sim.act(BOB, Act::Bye));

/// In every order, each message lost once: whatever is lost or comes twice, one call ends once and leaves nothing.
fn race(seed: u64, actions: &[Action]) {
    let explored = explore_losses(RACE_LIMIT, |run| {
        let mut sim = Sim::with_config(seed, &house());
        sim.phone_mut(CAROL).always(Script::answers(300));
        let mut sim = talking_in(sim, ms(200));
        sim.race(run, actions);
        sim.run_for(secs(40));
        for phone in [ALICE, BOB, CAROL] {
            for call in 0..sim.phone(phone).calls().len() {
                sim.act_in(phone, call, Act::Bye);
            }
            sim.run_for(secs(40));
            if run.has_lost() {
                sim.phone_mut(phone).forgive("cseq-order");
            }
        }
        sim.finish();
    });
    assert!(explored.complete && explored.runs > 1, "{explored:?}");
}

#[test]
fn a_refer_alone() {
    race(30, &[BOB_REFERS]);
}

#[test]
fn a_refer_crosses_the_hang_up_of_its_sender() {
    race(31, &[BOB_REFERS, BYE_BOB]);
}

#[test]
fn a_refer_crosses_the_hang_up_of_the_other() {
    race(32, &[BOB_REFERS, BYE_ALICE]);
}
