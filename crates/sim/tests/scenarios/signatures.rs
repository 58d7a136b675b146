//! A signature on who calls whom (RFC 8224) that came with a call: it goes on where rules let it, and as long as it is about the numbers
//! that go on.

use crate::{invite_of, worded};
use tandem_phone::{Edit, Place, Reply, Script};
use tandem_sim::{ALICE, BOB, CAROL, STANDARD, Sim};

const IDENTITY: &str = "eyJhbGciOiJFUzI1NiJ9.e30.c2ln;info=<https://cert.example.org/c.pem>;alg=ES256;ppt=shaken";

fn signed() -> [Edit; 3] {
    [
        Edit::set("From", "<sip:+49301@10.0.1.1>;tag=x"),
        Edit::add("P-Asserted-Identity", "<sip:+49301@10.0.1.1>"),
        Edit::add("Identity", IDENTITY),
    ]
}

/// Whether bob gets it of a call to `number`.
fn passes(alice: &str, bob: &str, number: &str) -> bool {
    let mut sim = worded(alice, bob);
    let invite = invite_of(&mut sim, number, &signed());
    sim.finish();
    assert!(invite.header("Identity").is_none_or(|value| value == IDENTITY));
    invite.header("Identity").is_some()
}

const OUT: &str = "headers_out = { pass = [\"Identity\"] }";

#[test]
fn rules_for_headers_say_whether_it_crosses() {
    assert!(!passes("", "", "+49302"));
    assert!(passes("", OUT, "+49302"));
    assert!(!passes("headers_in = { remove = [\"Identity\"] }", OUT, "+49302"));
    assert!(passes("caller_id = \"pai\"", &format!("{OUT}\ncaller_id = \"pai\""), "+49302"));
}

#[test]
fn what_is_about_other_numbers_is_void() {
    let rule = |of: &str, out: &str| format!("{OUT}\nnumbers_out = [{{ of = \"{of}\", match = '^\\+49', to = '{out}' }}]");
    for of in ["called", "caller"] {
        assert!(!passes("", &rule(of, "0"), "+49302"), "{of}");
        assert!(passes("", &rule(of, "+49"), "+49302"), "{of}: nothing changes");
        let there = format!("numbers_in = [{{ of = \"{of}\", match = '^\\+49', to = '0049' }}]");
        assert!(!passes(&there, OUT, "+49302"), "{of}");
        let back = format!("{OUT}\nnumbers_out = [{{ of = \"{of}\", match = '^00', to = '+' }}]");
        assert!(passes(&there, &back, "+49302"), "{of}: as it came");
    }
    assert!(!passes("", &format!("{OUT}\ncaller = {{ number = \"+49555\" }}"), "+49302"));
    assert!(!passes("", &format!("{OUT}\ncaller = \"anonymous\""), "+49302"));
    let target = "targets = [{ uri = \"sip:10.0.2.1\" }]";
    let named = |user: &str| {
        let text = STANDARD.replace("name = \"bob\"\n", &format!("name = \"bob\"\n{OUT}\n"));
        let text = text.replace(target, &target.replace("sip:", &format!("sip:{user}@")));
        assert!(text.contains(&format!("sip:{user}@10.0.2.1")));
        let mut sim = Sim::with_config(1, &format!("{text}\n[[route]]\nname = \"all\"\ndo = {{ bridge = [\"trunk:bob\"] }}\n"));
        let passes = invite_of(&mut sim, "+49302", &signed()).header("Identity").is_some();
        sim.finish();
        passes
    };
    assert_eq!((named("+49302"), named("reception")), (true, false));
}

#[test]
fn who_is_called_instead_gets_none() {
    let contact = |number: &str| {
        let mut sim = worded("", &format!("redirect = \"follow\"\n{OUT}"));
        let moved = Reply::new(302).edit(Edit::set("Contact", &format!("<sip:{number}@10.0.3.1>")));
        sim.expect(BOB, Script::new().reply_with(50, moved)).expect(CAROL, Script::answers(100));
        let mut place = Place::new(&sim.uri(ALICE, "+49302")).script(Script::new().bye(500));
        place.edits = signed().to_vec();
        sim.place_with(ALICE, place);
        sim.finish();
        let invite = sim.phone(CAROL).heard("INVITE").find(|message| message.is_request()).expect("it is called").clone();
        invite.header("Identity").is_some()
    };
    assert_eq!((contact("+49302"), contact("+49303")), (true, false), "another place, another number");
    let text = STANDARD.replace("name = \"bob\"\n", &format!("name = \"bob\"\n{OUT}\n"));
    let mut sim = Sim::with_config(1, &format!("{text}\n[[route]]\nname = \"all\"\ndo = {{ bridge = [\"trunk:bob/+49309\"] }}\n"));
    assert!(invite_of(&mut sim, "+49302", &signed()).header("Identity").is_none());
    sim.finish();
}
