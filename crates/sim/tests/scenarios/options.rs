//! OPTIONS outside of a dialog is told what an INVITE in its place would be told (RFC 3261 §11.2), by what its trunk may do.

use tandem_phone::{Message, Script};
use tandem_sim::{ALICE, BOB, STANDARD, Sim, ms};

fn house(alice: &str) -> Sim {
    Sim::with_config(1, &STANDARD.replace("name = \"alice\"", &format!("name = \"alice\"\n{alice}")))
}

fn options(required: &str) -> String {
    format!(
        "OPTIONS sip:bob@10.0.0.1 SIP/2.0\r\nVia: SIP/2.0/UDP {ALICE};branch=z9hG4bKo\r\nFrom: <sip:a@{ALICE}>;tag=1\r\nTo: <sip:bob@10.0.0.1>\r\n\
         Call-ID: o\r\nCSeq: 1 OPTIONS\r\nMax-Forwards: 70\r\n{required}Content-Length: 0\r\n\r\n"
    )
}

fn answer(sim: &mut Sim, request: String) -> Message {
    sim.send_raw(ALICE, request);
    sim.run_for(ms(100));
    let answer = sim.phone(ALICE).heard("OPTIONS").last();
    answer.expect("an answer").clone()
}

#[test]
fn what_an_invite_is_told() {
    for keys in ["", "prack = \"off\"", "session_timer = \"off\"", "refer = \"execute\"", "prack = \"off\"\nsession_timer = \"off\""] {
        let mut sim = house(keys);
        let told = answer(&mut sim, options(""));
        sim.expect(BOB, Script::answers(100));
        sim.place(ALICE, "bob", Script::new().bye(500));
        sim.settle();
        let accepted = sim.phone(ALICE).heard("INVITE").find(|message| message.status() == 200).expect("an answer");
        assert_eq!(told.list("Allow"), accepted.list("Allow"), "{keys}");
        assert_eq!(told.list("Supported").join(","), accepted.list("Supported").join(","), "{keys}");
        assert_eq!(told.list("Allow").contains(&"PRACK"), !keys.contains("prack"), "{keys}");
        sim.finish();
    }
}

#[test]
fn what_it_may_require() {
    for (keys, required, status) in [("", "100rel, timer", 200), ("prack = \"off\"", "100rel, timer", 420), ("", "gruu", 420)] {
        let mut sim = house(keys);
        let told = answer(&mut sim, options(&format!("Require: {required}\r\n")));
        assert_eq!(told.status(), status, "{keys} {required}");
        let unknown = match (status, required) {
            (200, _) => None,
            (_, "gruu") => Some("gruu"),
            _ => Some("100rel"),
        };
        assert_eq!(told.header("Unsupported"), unknown);
        sim.finish();
    }
}
