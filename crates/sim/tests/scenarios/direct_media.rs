//! `anchor = false`: media flows between the phones, but no description names who made it.

use tandem_phone::Script;
use tandem_sim::{ALICE, BOB, Sim};

#[test]
fn the_origin_is_the_nodes_own_address() {
    let mut sim = Sim::new(1);
    sim.may_tell_addresses();
    sim.expect(BOB, Script::answers(100));
    sim.place(ALICE, "direct", Script::new().bye(500));
    sim.finish();
    for phone in [ALICE, BOB] {
        let heard = sim.phone(phone).trace().iter().filter(|traced| !traced.sent && !traced.message.body.is_empty());
        let texts: Vec<String> = heard.map(|traced| String::from_utf8_lossy(&traced.message.body).into_owned()).collect();
        assert_eq!(texts.len(), 1);
        let origin = texts[0].lines().find(|line| line.starts_with("o=")).unwrap_or_default();
        assert!(origin.starts_with("o=- ") && origin.ends_with(" IN IP4 10.0.0.1"), "{origin}");
    }
}
