//! How much sound is in a packet: what a side asks for, or the `ptime` of its trunk.

use crate::sound::{assert_hears, stream, tones};
use tandem_phone::{Act, Place, Script, sdp::Sdp};
use tandem_sim::{ALICE, BOB, STANDARD, Sim, secs};

/// What the phone was asked for.
fn asked(sim: &Sim, phone: std::net::SocketAddr) -> Option<String> {
    sim.call(phone).remote_sdp().and_then(Sdp::audio_line)?.attribute("ptime").map(str::to_owned)
}

#[test]
fn a_trunk_that_asks_for_nothing_gets_packets_of_its_ptime() {
    let section = "name = \"bob\"\nmatch";
    assert!(STANDARD.contains(section));
    let text = STANDARD.replace(section, "name = \"bob\"\nptime = \"60ms\"\nmatch");
    let mut sim = Sim::with_config(1, &text);
    tones(&mut sim);
    sim.expect(BOB, Script::answers(100));
    sim.place_with(ALICE, Place::new(&sim.uri(ALICE, "bob")).script(Script::new()));
    sim.run_until_talking(ALICE, BOB);
    sim.phone_mut(BOB).stream_mut(0).expect("sound").keep();
    sim.run_for(secs(6));
    assert_eq!((asked(&sim, BOB), asked(&sim, ALICE)), (Some("60".into()), None));
    // The phones send 20 ms, whatever they are asked.
    let kept = stream(&sim, BOB).kept().expect("it was kept");
    assert!((95..=101).contains(&kept.packets.len()), "{}", kept.packets.len());
    assert!(kept.packets.iter().all(|(_, packet)| packet.payload.len() == 480));
    assert!((290..=310).contains(&stream(&sim, ALICE).received()));
    assert_eq!((stream(&sim, BOB).gaps(), stream(&sim, BOB).sources()), (0, 1));
    assert_hears(&sim, BOB, 440.0);
    assert_hears(&sim, ALICE, 620.0);
    sim.act(ALICE, Act::Bye);
    sim.finish();
}
