//! Each request but INVITE, ACK, CANCEL, BYE and PRACK, outside of a dialog and inside one, from either side: what becomes of it is what the
//! table in `docs/sip-coverage.md` says.

use std::{net::SocketAddr, time::Duration};
use tandem_phone::{Act, Edit, Habits, Message, Reply, Request, Script};
use tandem_sim::{ALICE, BOB, Sim, ms};

/// What the table says of a method.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    Relayed,
    Status(u16),
    /// Something that other tests show.
    Other,
}

/// The rows: method, event, outside, inside.
fn table() -> Vec<(String, Option<String>, [Fate; 2])> {
    let page = include_str!("../../../../docs/sip-coverage.md");
    let section = page.split("## Requests, one by one").nth(1).expect("the section is there");
    let lines = section.lines().skip_while(|line| !line.starts_with("|---")).skip(1).take_while(|line| line.starts_with('|'));
    let row = |line: &str| {
        let cells: Vec<_> = line.split('|').map(str::trim).collect();
        let fate = |cell: &str| match cell.split([' ', ',']).next().unwrap_or_default() {
            "passed" => Fate::Relayed,
            word => word.parse().map_or(Fate::Other, Fate::Status),
        };
        let mut words = cells[1].split('`').skip(1).step_by(2);
        let method = words.next().expect("a method").to_owned();
        (method, words.next().map(str::to_owned), [fate(cells[2]), fate(cells[3])])
    };
    lines.map(row).collect()
}

fn last(sim: &Sim, phone: SocketAddr, method: &str) -> Option<Message> {
    sim.phone(phone).heard(method).filter(|message| !message.is_request()).last().cloned()
}

fn was_asked(sim: &Sim, phone: SocketAddr, method: &str) -> bool {
    sim.phone(phone).heard(method).any(Message::is_request)
}

fn assert_is(fate: Fate, sim: &Sim, (asker, other): (SocketAddr, SocketAddr), method: &str, place: &str) {
    let answer = last(sim, asker, method).unwrap_or_else(|| unreachable!("{method} {place} has no answer"));
    let asked = was_asked(sim, other, method);
    match fate {
        Fate::Relayed => assert_eq!((answer.status(), asked), (200, true), "{method} {place}"),
        Fate::Status(status) => {
            assert_eq!((answer.status(), asked), (status, false), "{method} {place}");
            // RFC 3261 §21.4.6, RFC 6665 §8.2.2 (489).
            assert!(status != 405 || answer.header("Allow").is_some_and(|allow| !allow.contains(method)), "{method} {place}");
            assert!(status != 489 || answer.header("Allow-Events") == Some("refer"), "{method} {place}");
        }
        Fate::Other => {}
    }
}

#[test]
fn outside_of_a_dialog() {
    let rows = table();
    assert!(rows.len() > 10, "{rows:?}");
    for (method, event, [fate, _]) in rows {
        for (asker, other, to) in [(ALICE, BOB, "bob"), (BOB, ALICE, "alice")] {
            let mut sim = Sim::new(1);
            let event = event.as_ref().map(|event| format!("Event: {event}\r\n")).unwrap_or_default();
            sim.send_raw(
                asker,
                format!(
                    "{method} sip:{to}@10.0.0.1 SIP/2.0\r\nVia: SIP/2.0/UDP {asker};branch=z9hG4bKo\r\nFrom: <sip:a@{asker}>;tag=1\r\nTo: <sip:{to}@10.0.0.1>\r\n\
                     Call-ID: o\r\nCSeq: 1 {method}\r\nMax-Forwards: 70\r\nContact: <sip:a@{asker}>\r\n{event}Content-Length: 0\r\n\r\n"
                ),
            );
            sim.run_for(ms(200));
            assert_is(fate, &sim, (asker, other), &method, "outside of a dialog");
            sim.finish();
        }
    }
}

#[test]
fn inside_a_dialog() {
    for (method, event, [_, fate]) in table() {
        for (asker, other) in [(ALICE, BOB), (BOB, ALICE)] {
            let habits = |habits: &mut Habits| habits.others = vec![(Duration::ZERO, Reply::new(200))];
            let mut sim = Sim::new(2);
            sim.expect(BOB, Script::answers(100).habits(habits));
            sim.place(ALICE, "bob", Script::new().habits(habits));
            sim.run_until_talking(ALICE, BOB);
            sim.run_for(ms(100));
            let edits = event.iter().map(|event| Edit::add("Event", event)).collect();
            if fate != Fate::Other {
                sim.act(asker, Act::Request(Request { method: method.clone(), edits }));
                sim.run_for(ms(200));
                assert_is(fate, &sim, (asker, other), &method, "inside a dialog");
            }
            sim.act(ALICE, Act::Bye);
            sim.finish();
        }
    }
}
