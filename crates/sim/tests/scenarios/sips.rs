//! `sips:` promises TLS on every hop (RFC 3261 §26.2.2): over UDP it is refused and never served as `sip:` (RFC 5630 §5.1.2).

use tandem_phone::{Edit, Outcome, Place, Script};
use tandem_sim::{ALICE, BOB, Sim};

const URI: fn() -> Edit = || Edit::Uri("sips:bob@10.0.0.1".into());
const CONTACT: fn() -> Edit = || Edit::set("Contact", "<sips:alice@10.0.1.1>");

#[test]
fn it_is_refused_before_anything_is_spent() {
    for (edits, reason) in [
        (vec![URI()], "480 sips Request-URI without TLS"),
        (vec![URI(), CONTACT()], "480 sips Request-URI without TLS"),
        (vec![CONTACT()], "480 sips Contact without TLS"),
    ] {
        let mut sim = Sim::new(1);
        sim.expect(BOB, Script::answers(100));
        let place = Place { edits, ..Place::new(&sim.uri(ALICE, "bob")) };
        sim.place_with(ALICE, place);
        sim.finish();
        assert_eq!(sim.call(ALICE).outcome, Some(Outcome::Failed(480)));
        let answer = sim.phone(ALICE).heard("INVITE").last().map(|answer| (answer.label(), answer.header("Warning").map(str::to_owned)));
        let (label, warning) = answer.unwrap_or_default();
        assert!(label.starts_with(reason), "{label}");
        assert_eq!(warning.as_deref(), Some("380 - \"SIPS Not Allowed\""));
        assert_eq!((sim.core().founded(), sim.phone(BOB).calls().len()), (0, 0));
    }
}

#[test]
fn a_name_of_that_scheme_promises_nothing() {
    let mut sim = Sim::new(2);
    sim.expect(BOB, Script::answers(100));
    let place = Place::new(&sim.uri(ALICE, "bob")).edit(Edit::set("To", "<sips:bob@10.0.0.1>"));
    sim.place_with(ALICE, Place { script: Script::new().bye(500), ..place });
    sim.finish();
    assert_eq!(sim.call(ALICE).outcome, Some(Outcome::WeHungUp));
}
