//! `proxy`: a trunk's calls go through a proxy.

use crate::{invite_of, worded};
use tandem_phone::{Act, Outcome, Script, When};
use tandem_sim::{ALICE, BOB, ms};

/// Where bob heard requests of this method, in their order.
fn heard_at(sim: &tandem_sim::Sim, method: &str) -> Vec<String> {
    let heard =
        sim.phone(BOB).trace().iter().filter(|traced| !traced.sent && traced.message.is_request() && traced.message.method() == method);
    heard.map(|traced| traced.local.to_string()).collect()
}

const KEYS: &str = "proxy = \"sip:10.7.0.1:5070;lr\"";

#[test]
fn the_invite_goes_to_the_proxy_and_names_the_target() {
    let mut sim = worded("", KEYS);
    sim.alias([10, 7, 0, 1].into(), BOB);
    let invite = invite_of(&mut sim, "111", &[]);
    sim.finish();
    assert_eq!((invite.uri(), invite.header("Route")), ("sip:111@10.0.2.1", Some("<sip:10.7.0.1:5070;lr>")));
    assert_eq!(heard_at(&sim, "INVITE"), ["10.7.0.1:5070"]);
    assert_eq!(heard_at(&sim, "ACK"), ["10.0.2.1:5060"], "the proxy did not ask to stay on the way");
}

#[test]
fn a_proxy_that_stays_on_the_way_is_on_the_dialog_s_route() {
    let mut sim = worded("", KEYS);
    sim.alias([10, 7, 0, 1].into(), BOB);
    sim.phone_mut(BOB).setup_mut().record_route = vec!["<sip:10.7.0.1:5070;lr>".into()];
    sim.expect(BOB, Script::answers(100));
    sim.place(ALICE, "111", Script::new());
    sim.run_until_talking(ALICE, BOB);
    sim.act(ALICE, Act::Bye);
    sim.run_for(ms(200));
    sim.finish();
    for method in ["INVITE", "ACK", "BYE"] {
        assert_eq!(heard_at(&sim, method), ["10.7.0.1:5070"], "{method}");
    }
}

#[test]
fn cancel_and_the_ack_of_a_failure_go_the_same_way() {
    let mut sim = worded("", KEYS);
    sim.alias([10, 7, 0, 1].into(), BOB);
    sim.expect(BOB, Script::answers(20_000));
    sim.place(ALICE, "111", Script::new().cancel(When::Status(180), 500));
    sim.finish();
    for method in ["INVITE", "CANCEL", "ACK"] {
        assert_eq!(heard_at(&sim, method), ["10.7.0.1:5070"], "{method}");
        let routes: Vec<_> =
            sim.phone(BOB).heard(method).filter(|message| message.is_request()).map(|message| message.header("Route")).collect();
        assert_eq!(routes, [Some("<sip:10.7.0.1:5070;lr>")], "{method}");
    }
}

#[test]
fn every_target_is_tried_through_it() {
    let text = tandem_sim::STANDARD.replace(
        "[{ uri = \"sip:10.0.2.1\" }]\ncodecs = [\"g722\"",
        "[{ uri = \"sip:10.9.9.1\" }, { uri = \"sip:10.0.2.1\" }]\nproxy = \"sip:10.0.2.1;lr\"\ncodecs = [\"g722\"",
    );
    assert_ne!(text, tandem_sim::STANDARD);
    let mut sim = tandem_sim::Sim::with_config(1, &text);
    sim.expect(BOB, Script::new().reply(50, 503)).expect(BOB, Script::answers(100));
    sim.place(ALICE, "bob", Script::new().bye(500));
    sim.finish();
    let uris: Vec<_> =
        sim.phone(BOB).heard("INVITE").filter(|message| message.is_request()).map(|message| message.uri().to_owned()).collect();
    assert_eq!(uris, ["sip:bob@10.9.9.1", "sip:bob@10.0.2.1"]);
    assert_eq!(sim.call(ALICE).outcome, Some(Outcome::WeHungUp));
}
