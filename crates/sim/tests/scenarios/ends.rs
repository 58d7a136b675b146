//! How each leg ends: status, words, Q.850 cause and whose word it was, in its event and in its record; and the Reason that its peer is
//! told.

use crate::talking_in;
use std::net::SocketAddr;
use tandem_model::{EndReason, EndedBy, LegEnd, MediaEvent};
use tandem_phone::{Act, Edit, Message, Reply, Request, Script, When};
use tandem_sim::{ALICE, BOB, STANDARD, Sim, ms, secs};

fn talking(seed: u64) -> Sim {
    talking_in(Sim::new(seed), ms(100))
}

/// The ends of caller and callee, and why the call ended. Each event says what the record does: the simulator sees to that.
fn ends(sim: &mut Sim) -> (Vec<(u16, String, u8, EndedBy)>, EndReason) {
    sim.finish();
    let record = sim.core().records().next().expect("a record");
    let said = |LegEnd { sip_status, reason, q850_cause, by }: &LegEnd| (*sip_status, reason.to_string(), *q850_cause, *by);
    (record.legs.iter().map(|leg| said(&leg.end)).collect(), record.reason)
}

fn reason_heard(sim: &Sim, phone: SocketAddr, method: &str) -> Option<String> {
    let request = sim.phone(phone).heard(method).find(|message| message.is_request())?;
    request.header("Reason").map(str::to_owned)
}

/// The phone hangs up with that Reason.
fn bye_with(sim: &mut Sim, phone: SocketAddr, reasons: &[&str]) {
    let edits = reasons.iter().map(|reason| Edit::add("Reason", reason)).collect();
    sim.act(phone, Act::Request(Request { method: "BYE".into(), edits }));
    sim.run_for(ms(200));
    // The phone did not know that its request was a BYE.
    sim.act(phone, Act::Bye);
}

/// A CANCEL for the INVITE that alice sent.
fn cancel_with(sim: &mut Sim, reason: &str) {
    let invite = sim.phone(ALICE).trace().iter().find(|traced| traced.sent).map(|traced| traced.message.clone()).expect("an INVITE");
    let text = |name: &str| invite.header(name).unwrap_or_default().to_owned();
    let names = ["Via", "From", "To", "Call-ID"].map(|name| format!("{name}: {}\r\n", text(name))).concat();
    let cseq = invite.cseq().map_or(0, |(number, _)| number);
    let cancel = format!(
        "CANCEL {} SIP/2.0\r\n{names}Max-Forwards: 70\r\nCSeq: {cseq} CANCEL\r\nReason: {reason}\r\nContent-Length: 0\r\n\r\n",
        invite.uri()
    );
    sim.send_raw(ALICE, cancel);
}

#[test]
fn whoever_hangs_up_says_why_and_the_other_hears_it() {
    for (who, other, words) in [(ALICE, BOB, "caller hung up"), (BOB, ALICE, "callee hung up")] {
        for (given, heard, status, cause) in [
            (vec![], None, 200, 16),
            (vec!["Q.850;cause=16;text=\"bye\""], Some("Q.850;cause=16;text=\"bye\""), 200, 16),
            (vec!["Q.850;cause=38"], Some("Q.850;cause=38"), 503, 38),
            (vec!["SIP;cause=600"], Some("SIP;cause=600"), 600, 17),
            (vec!["SIP;cause=480", "Q.850;cause=31"], Some("SIP;cause=480, Q.850;cause=31"), 480, 31),
            (vec!["X.int;reasoncode=0x2;add-info=1", "garbage", "Q.850;cause=999"], None, 200, 16),
        ] {
            let mut sim = talking(1);
            bye_with(&mut sim, who, &given);
            sim.settle();
            assert_eq!(reason_heard(&sim, other, "BYE").as_deref(), heard, "{given:?}");
            let (ends, _) = ends(&mut sim);
            let mut by = [EndedBy::Peer, EndedBy::Node];
            if who == BOB {
                by.reverse();
            }
            assert_eq!(ends, by.map(|by| (status, words.to_owned(), cause, by)), "{given:?}");
        }
    }
}

#[test]
fn whoever_cancels_says_why() {
    let mut sim = Sim::new(2);
    sim.expect(BOB, Script::answers(20_000));
    sim.place(ALICE, "bob", Script::new());
    sim.run_until_status(ALICE, 180);
    cancel_with(&mut sim, "SIP;cause=200;text=\"Call completed elsewhere\", Q.850;cause=26");
    let (ends, reason) = ends(&mut sim);
    let terminated = |by| (487, "Request Terminated".to_owned(), 26, by);
    assert_eq!((ends, reason), (vec![terminated(EndedBy::Peer), terminated(EndedBy::Node)], EndReason::Cancelled));
    assert_eq!(reason_heard(&sim, BOB, "CANCEL").as_deref(), Some("SIP;cause=200;text=\"Call completed elsewhere\", Q.850;cause=26"));
    let refusal = sim.phone(ALICE).heard("INVITE").last().and_then(|answer| answer.header("Reason").map(str::to_owned));
    assert_eq!(refusal, None, "whoever cancels knows why");
}

#[test]
fn a_refusal_says_why() {
    for (status, reason, at_caller, cause) in [
        (486, None, 486, 17),
        (404, None, 404, 1),
        (480, Some("Q.850;cause=20"), 480, 20),
        (603, Some("Q.850;cause=21;location=U"), 603, 21),
        (486, Some("Q.850;cause=1"), 486, 1),
        (499, None, 499, 31),
        (302, None, 302, 31),
    ] {
        let mut sim = Sim::new(3);
        let mut reply = Reply::new(status);
        reply.edits.extend(reason.map(|reason| Edit::add("Reason", reason)));
        sim.expect(BOB, Script::new().reply_with(50, reply));
        sim.place(ALICE, "bob", Script::new());
        let (ends, end) = ends(&mut sim);
        assert_eq!(end, EndReason::Failed(at_caller));
        let told: Vec<_> = ends.iter().map(|(status, _, cause, by)| (*status, *cause, *by)).collect();
        assert_eq!(told, [(at_caller, cause, EndedBy::Node), (status, cause, EndedBy::Peer)], "{status} {reason:?}");
        let heard = sim.phone(ALICE).heard("INVITE").last().and_then(|answer| answer.header("Reason").map(str::to_owned));
        assert_eq!(heard.as_deref(), reason);
    }
}

#[test]
fn a_cause_says_what_a_status_cannot() {
    for (status, reason, at_caller) in [
        (503, "Q.850;cause=17", 486),
        (503, "Q.850;cause=1", 404),
        (501, "SIP;cause=503, Q.850;cause=28", 484),
        // These say nothing of the called party either, or nothing at all.
        (503, "Q.850;cause=34", 500),
        (503, "Q.850;cause=16", 500),
        (503, "SIP;cause=486", 500),
        (503, "Q.850;cause=1000", 500),
        (305, "Q.850;cause=17", 500),
        // A status that goes on as it is is not changed.
        (480, "Q.850;cause=17", 480),
    ] {
        let text = STANDARD.replace("name = \"bob\"\n", "name = \"bob\"\nfailover = []\n");
        let mut sim = Sim::with_config(4, &text);
        sim.expect(BOB, Script::new().reply_with(50, Reply::new(status).edit(Edit::add("Reason", reason))));
        sim.place(ALICE, "bob", Script::new());
        sim.finish();
        assert_eq!(sim.call(ALICE).final_status(), Some(at_caller), "{status} {reason}");
    }
}

#[test]
fn what_we_end_ourselves_tells_both_why() {
    type Case<'a> = (&'a str, &'a dyn Fn(&mut Sim), (u16, &'a str, u8));
    let short = STANDARD.replace("max_duration = \"6h\"", "max_duration = \"1m\"");
    let no_media = |sim: &mut Sim, held| {
        let call = sim.core().events.first().expect("a call").call;
        let leg = call.leg(1).expect("a leg");
        sim.media_event(call, MediaEvent::Inactive { leg, held });
    };
    let cases: [Case<'_>; 4] = [
        (&short, &|sim| sim.run_for(secs(61)), (480, "maximum duration", 31)),
        (STANDARD, &|sim| no_media(sim, false), (480, "no media", 41)),
        (STANDARD, &|sim| no_media(sim, true), (480, "no media", 41)),
        (STANDARD, &|sim| sim.end_all(EndReason::Shutdown), (500, "node stopped", 41)),
    ];
    for (text, end_it, (status, words, cause)) in cases {
        let mut sim = talking_in(Sim::with_config(5, text), ms(100));
        end_it(&mut sim);
        sim.settle();
        for phone in [ALICE, BOB] {
            assert_eq!(reason_heard(&sim, phone, "BYE"), Some(format!("Q.850;cause={cause};text=\"{words}\"")));
        }
        let (told, _) = ends(&mut sim);
        assert_eq!(told, vec![(status, words.to_owned(), cause, EndedBy::Node); 2]);
    }
}

#[test]
fn each_phase_has_its_end() {
    // The caller gives up before anything came back from the callee, and after a 180.
    for (deaf, statuses) in [(100, [487, 487]), (0, [487, 487])] {
        let mut sim = Sim::new(7);
        sim.expect(BOB, Script::answers(20_000).habits(|habits| habits.deaf = deaf));
        sim.place(ALICE, "bob", Script::new().cancel(When::Status(100), 300));
        let (told, reason) = ends(&mut sim);
        let told: Vec<_> = told.iter().map(|(status, _, cause, by)| (*status, *cause, *by)).collect();
        assert_eq!(told, [(statuses[0], 16, EndedBy::Peer), (statuses[1], 16, EndedBy::Node)], "deaf to {deaf}");
        assert_eq!(reason, EndReason::Cancelled);
    }
    // Nobody answers, however long it rings.
    let mut sim = Sim::new(8);
    sim.expect(BOB, Script::new().reply(50, 180));
    sim.place(ALICE, "bob", Script::new());
    let (told, reason) = ends(&mut sim);
    let rang = (487, "not answered in time".to_owned(), 19, EndedBy::Node);
    assert_eq!((told, reason), (vec![(480, "Temporarily Unavailable".to_owned(), 19, EndedBy::Node), rang], EndReason::RingTimeout));
    assert_eq!(reason_heard(&sim, BOB, "CANCEL").as_deref(), Some("Q.850;cause=19;text=\"not answered in time\""));
    // Nowhere to go: one leg.
    let mut sim = Sim::new(9);
    sim.place(ALICE, "nobody-is-called-so", Script::new());
    let (told, reason) = ends(&mut sim);
    assert_eq!((told, reason), (vec![(404, "Not Found".to_owned(), 1, EndedBy::Node)], EndReason::Failed(404)));
}

#[test]
fn a_phone_that_answers_too_late_learns_that_another_did() {
    let mut sim = Sim::new(10);
    sim.expect(BOB, Script::new().reply(20, 180).reply(100, 200).reply_with(150, Reply::new(200).with_sdp().fork(1)));
    sim.place(ALICE, "bob", Script::new());
    sim.run_for(secs(1));
    let byes: Vec<&Message> = sim.phone(BOB).heard("BYE").filter(|message| message.is_request()).collect();
    assert_eq!(byes.len(), 1);
    assert_eq!(byes[0].header("Reason"), Some("SIP;cause=200;text=\"Call completed elsewhere\""));
    sim.act(ALICE, Act::Bye);
    sim.finish();
}
