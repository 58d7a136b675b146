//! Session-ID (RFC 7989): both sides of a call name it alike, whoever brings the names.

use crate::transfer_blind::{refer, sounding};
use std::net::SocketAddr;
use tandem_model::EventKind;
use tandem_phone::{Act, Edit, Message, Place, Reply, Script, When};
use tandem_sim::{ALICE, BOB, CAROL, Sim, ms, secs};

const NOBODY: &str = "00000000000000000000000000000000";
const OF_ALICE: &str = "a11ce000a11c4000a11ca11ca11ca11c";
const OF_BOB: &str = "b0b00000b0b04000b0b0b0b0b0b0b0b0";

/// The two UUIDs of a message: its sender's, and that of who gets it.
fn ends(message: &Message) -> (String, String) {
    let value = message.header("Session-ID").expect("each message has one");
    let (own, remote) = value.split_once(";remote=").expect("it names two");
    assert!([own, remote].iter().all(|uuid| uuid.len() == 32), "{value}");
    (own.into(), remote.into())
}

/// What a phone heard last in messages of that method.
fn last(sim: &Sim, phone: SocketAddr, method: &str) -> (String, String) {
    ends(sim.phone(phone).heard(method).last().expect("it came"))
}

fn of(message: Option<&Message>) -> (String, String) {
    ends(message.expect("it came"))
}

fn named(uuid: &str, remote: &str) -> Edit {
    Edit::add("Session-ID", &format!("{uuid};remote={remote}"))
}

#[test]
fn what_one_side_says_of_itself_the_other_hears() {
    let mut sim = Sim::new(1);
    sim.expect(
        BOB,
        Script::new()
            .reply_with(100, Reply::new(180).edit(named(OF_BOB, OF_ALICE)))
            .reply_with(300, Reply::new(200).edit(named(OF_BOB, OF_ALICE))),
    );
    sim.place_with(ALICE, Place::new(&sim.uri(ALICE, "bob")).edit(named(OF_ALICE, NOBODY)).script(Script::new().bye(1000)));
    sim.finish();
    let requests = |phone, method: &'static str| of(sim.phone(phone).heard(method).find(|message| message.is_request()));
    assert_eq!(requests(BOB, "INVITE"), (OF_ALICE.into(), NOBODY.into()));
    let answers: Vec<_> = sim.phone(ALICE).heard("INVITE").map(ends).collect();
    assert_eq!(answers[0], (NOBODY.into(), OF_ALICE.into()), "100: nobody is there yet");
    assert!(answers[1..].iter().all(|answer| *answer == (OF_BOB.into(), OF_ALICE.into())), "{answers:?}");
    let to_bob = (OF_ALICE.to_owned(), OF_BOB.to_owned());
    assert_eq!((requests(BOB, "ACK"), requests(BOB, "BYE")), (to_bob.clone(), to_bob));
    assert_eq!(last(&sim, ALICE, "BYE"), (OF_BOB.into(), OF_ALICE.into()), "200");
    let record = sim.core().records().next().expect("there is one");
    let ids: Vec<_> = record.legs.iter().map(|leg| &*leg.session_id).collect();
    assert_eq!(ids, [format!("{OF_BOB};remote={OF_ALICE}"), format!("{OF_ALICE};remote={OF_BOB}")]);
    let created: Vec<_> = sim
        .core()
        .events
        .iter()
        .filter_map(|event| if let EventKind::LegCreated(names) = &event.kind { Some(names) } else { None })
        .collect();
    let call_ids: Vec<_> = record.legs.iter().map(|leg| &leg.sip_call_id).collect();
    assert_eq!(created.iter().map(|names| &names.sip_call_id).collect::<Vec<_>>(), call_ids);
    assert_eq!(&*created[1].session_id, format!("{OF_ALICE};remote={NOBODY}"), "bob has not spoken yet");
}

#[test]
fn who_says_nothing_is_named_and_the_same_all_along() {
    let mut sim = Sim::new(2);
    sim.expect(BOB, Script::answers(200));
    sim.place(ALICE, "bob", Script::new().bye(1000));
    sim.finish();
    let (alice, nobody) = of(sim.phone(BOB).heard("INVITE").next());
    assert_eq!(nobody, NOBODY);
    let (bob, same) = last(&sim, ALICE, "INVITE");
    assert!(same == alice && bob != alice && alice != NOBODY && bob != NOBODY);
    assert_eq!(&alice[12..13], "5", "the version of a UUID that is made of a name");
    assert_eq!(last(&sim, BOB, "BYE"), (alice.clone(), bob.clone()));
    assert_eq!(last(&sim, ALICE, "BYE"), (bob, alice));
}

#[test]
fn a_refused_call_and_one_that_we_answer_are_named_too() {
    let mut sim = Sim::new(3);
    sim.expect(BOB, Script::new().reply(100, 486));
    sim.place(ALICE, "bob", Script::new());
    sim.settle();
    let (alice, _) = of(sim.phone(BOB).heard("INVITE").next());
    assert_eq!(last(&sim, BOB, "ACK"), (alice.clone(), NOBODY.into()), "as its INVITE");
    assert_eq!(last(&sim, ALICE, "INVITE").1, alice);
    sim.place(ALICE, "echo", Script::new().bye(500));
    sim.finish();
    let (us, alice_again) = last(&sim, ALICE, "INVITE");
    assert!(us != NOBODY && alice_again != alice, "another call, other names");
    assert_eq!(last(&sim, ALICE, "BYE"), (us, alice_again));
}

#[test]
fn a_caller_who_is_not_to_be_known_is_named_by_us() {
    let mut sim = Sim::new(4);
    sim.expect(BOB, Script::answers(100));
    let place = Place::new(&sim.uri(ALICE, "bob")).edit(named(OF_ALICE, NOBODY)).edit(Edit::add("Privacy", "id"));
    sim.place_with(ALICE, place.script(Script::new().bye(500)));
    sim.finish();
    let (shown, _) = of(sim.phone(BOB).heard("INVITE").next());
    assert!(shown != OF_ALICE && shown != NOBODY);
    assert_eq!(last(&sim, ALICE, "INVITE").1, OF_ALICE);
}

#[test]
fn who_was_transferred_hears_of_the_new_one() {
    let mut sim = sounding(5);
    sim.expect(BOB, Script::answers(100));
    sim.expect(CAROL, Script::answers(200));
    sim.place(ALICE, "bob", Script::new());
    sim.run_until_talking(ALICE, BOB);
    sim.run_for(ms(200));
    let (bob, alice) = last(&sim, ALICE, "INVITE");
    let refer = refer(&sim, BOB, "carol");
    sim.act(BOB, refer);
    sim.run_until("carol talks", |sim| sim.phone(CAROL).calls().first().is_some_and(|call| call.has(When::Confirmed)));
    sim.run_for(secs(3));
    assert_eq!(of(sim.phone(CAROL).heard("INVITE").next()), (alice.clone(), NOBODY.into()));
    sim.act(CAROL, Act::Bye);
    sim.finish();
    let (carol, same) = last(&sim, ALICE, "BYE");
    assert!(carol != bob && carol != NOBODY && same == alice);
}
