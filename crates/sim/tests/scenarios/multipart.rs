//! A session description among the parts of a body (RFC 5621): found wherever one is read, and plain to the other side.

use crate::statuses;
use tandem_phone::{Act, Body, Edit, Message, Offer, Outcome, Place, Reply, Script};
use tandem_sim::{ALICE, BOB, Sim, ms};

const PCMU: &str = "m=audio 4000 RTP/AVP 0\r\n";

fn sdp(host: &str, version: u32) -> String {
    format!("v=0\r\no=a 1 {version} IN IP4 {host}\r\ns=-\r\nc=IN IP4 {host}\r\nt=0 0\r\n{PCMU}")
}

/// A body with ISUP in front of the description, text around both, and that boundary.
fn mixed(sdp: &str, isup: &str, kind: &str) -> Edit {
    let body = format!(
        "a preamble\r\n--one two\r\nContent-Type: application/isup;version=itu-t92+\r\nContent-Disposition: signal;handling={isup}\r\n\r\n\u{1}\u{2}\r\n\
         --one two\r\nContent-Type: application/sdp\r\n\r\n{sdp}\r\n--one two--\r\nan epilogue"
    );
    Edit::Body(format!("multipart/{kind};boundary=\"one two\""), body.into_bytes())
}

fn is_plain(message: &Message) -> bool {
    message.header("Content-Type") == Some("application/sdp") && message.body.starts_with(b"v=0\r\n")
}

#[test]
fn in_the_invite_and_in_its_answer() {
    for kind in ["mixed", "related", "alternative"] {
        let mut sim = Sim::new(1);
        let answer = Reply { body: Body::None, ..Reply::new(200) }.edit(mixed(&sdp("10.0.2.1", 1), "optional", kind));
        sim.expect(BOB, Script::new().reply_with(200, answer));
        let place = Place::new(&sim.uri(ALICE, "bob")).edit(mixed(&sdp("10.0.1.1", 1), "optional", kind));
        sim.place_with(ALICE, place.script(Script::new().bye(500)));
        sim.settle();
        assert!(is_plain(sim.phone(BOB).heard("INVITE").next().expect("an INVITE")));
        assert!(is_plain(sim.phone(ALICE).heard("INVITE").last().expect("a 200")));
        assert_eq!(sim.call(ALICE).outcome, Some(Outcome::WeHungUp));
    }
}

#[test]
fn in_early_media() {
    let mut sim = Sim::new(2);
    let early = Reply::new(183).edit(mixed(&sdp("10.0.2.1", 1), "optional", "mixed"));
    sim.expect(BOB, Script::new().reply_with(50, early).reply(300, 486));
    sim.place(ALICE, "bob", Script::new());
    sim.settle();
    assert_eq!(statuses(&sim, ALICE), [100, 183, 486]);
    let early = sim.phone(ALICE).heard("INVITE").find(|response| response.status() == 183).cloned().expect("a 183");
    assert!(is_plain(&early));
}

#[test]
fn in_a_reinvite() {
    let mut sim = Sim::new(3);
    sim.expect(BOB, Script::answers(100));
    sim.place(ALICE, "bob", Script::new());
    sim.run_until_talking(ALICE, BOB);
    let held = sdp("10.0.1.1", 7).replace(PCMU, "m=audio 4000 RTP/AVP 0\r\na=sendonly\r\n");
    sim.act(ALICE, Act::Reinvite(Offer { edits: vec![mixed(&held, "optional", "mixed")], ..Offer::default() }));
    sim.run_for(ms(200));
    let offer = sim.phone(BOB).heard("INVITE").last().cloned().expect("a re-INVITE");
    assert!(is_plain(&offer) && offer.body.ends_with(b"a=sendonly\r\n"));
    assert_eq!(sim.phone(ALICE).heard("INVITE").last().map(Message::status), Some(200));
}

#[test]
fn a_part_that_must_be_understood() {
    let mut sim = Sim::new(4);
    let place = Place::new(&sim.uri(ALICE, "bob")).edit(mixed(&sdp("10.0.1.1", 1), "required", "mixed"));
    sim.place_with(ALICE, place);
    sim.finish();
    assert_eq!(sim.call(ALICE).outcome, Some(Outcome::Failed(415)));
    assert!(sim.phone(BOB).calls().is_empty());
}

#[test]
fn a_body_that_need_not_be_understood_is_no_offer() {
    let mut sim = Sim::new(5);
    sim.expect(BOB, Script::answers(100));
    let note = Edit::Body("text/plain".into(), b"hello".to_vec());
    let place = Place::new(&sim.uri(ALICE, "bob")).late().edit(note).edit(Edit::set("Content-Disposition", "icon;handling=optional"));
    sim.place_with(ALICE, place.script(Script::new().bye(500)));
    sim.finish();
    assert_eq!(sim.call(ALICE).outcome, Some(Outcome::WeHungUp));
    assert!(sim.phone(BOB).heard("INVITE").next().is_some_and(|invite| invite.body.is_empty()));
}
