//! Sound through the node: what one phone sends, the other hears.

use crate::sound::{assert_hears, stream, tones};
use std::net::SocketAddr;
use tandem_model::EndReason;
use tandem_phone::{
    Act, Offer, Place, Script,
    media::Packet,
    sdp::{Direction, Format},
};
use tandem_sim::{ALICE, BOB, DORA, Link, Sim, ms, secs};

fn sounding(seed: u64) -> Sim {
    let mut sim = Sim::new(seed);
    tones(&mut sim);
    sim
}

fn talking(seed: u64) -> Sim {
    let mut sim = sounding(seed);
    sim.expect(BOB, Script::answers(100));
    sim.place(ALICE, "bob", Script::new());
    sim.run_until_talking(ALICE, BOB);
    sim
}

fn hang_up(sim: &mut Sim) {
    sim.act(ALICE, Act::Bye);
    sim.finish();
}

#[test]
fn each_hears_the_tone_of_the_other() {
    let mut sim = talking(1);
    sim.run_for(secs(2));
    assert_hears(&sim, ALICE, 620.0);
    assert_hears(&sim, BOB, 440.0);
    for phone in [ALICE, BOB] {
        let stream = stream(&sim, phone);
        assert!(stream.received() > 90 && stream.gaps() == 0 && stream.sources() == 1, "{stream:?}");
        assert_eq!(stream.source().map(|source| source.ip().to_string()), Some("10.0.0.1".into()));
    }
    hang_up(&mut sim);
    let figures = sim.core().records().next().map(|record| record.legs.iter().map(|leg| leg.media).collect::<Vec<_>>()).unwrap_or_default();
    assert_eq!(figures.len(), 2);
    for leg in figures {
        let leg = leg.map(|leg| (leg.received.packets > 90, leg.sent.packets > 90, leg.received.lost));
        assert_eq!(leg, Some((true, true, 0)));
    }
}

#[test]
fn between_ipv4_and_ipv6() {
    let mut sim = sounding(2);
    sim.expect(DORA, Script::answers(100));
    sim.place(ALICE, "dora", Script::new());
    sim.run_until_talking(ALICE, DORA);
    sim.run_for(secs(1));
    assert_hears(&sim, ALICE, 1000.0);
    assert_hears(&sim, DORA, 440.0);
    hang_up(&mut sim);
}

#[test]
fn the_same_codec_under_different_numbers() {
    let mut sim = sounding(3);
    sim.phone_mut(BOB).setup_mut().formats = vec![Format::pcma()];
    sim.expect(BOB, Script::answers(100));
    let mut place = Place::new(&sim.uri(ALICE, "bob"));
    place.formats = Some(vec![Format::new(111, "PCMA/8000")]);
    sim.place_with(ALICE, place);
    sim.run_until_talking(ALICE, BOB);
    sim.run_for(secs(1));
    assert_hears(&sim, ALICE, 620.0);
    assert_hears(&sim, BOB, 440.0);
    hang_up(&mut sim);
}

#[test]
fn silence_while_held_and_one_stream_throughout() {
    let mut sim = talking(4);
    sim.run_for(secs(1));
    sim.act(ALICE, Act::Reinvite(Offer::direction(Direction::Inactive)));
    sim.run_for(ms(200));
    let before = stream(&sim, BOB).received();
    sim.run_for(secs(2));
    assert_eq!(stream(&sim, BOB).received(), before);
    sim.act(ALICE, Act::Reinvite(Offer::direction(Direction::SendRecv)));
    sim.run_for(secs(1));
    tones(&mut sim);
    hang_up(&mut sim);
}

#[test]
fn a_change_of_codec_keeps_the_stream() {
    let mut sim = talking(5);
    sim.run_for(secs(1));
    sim.act(ALICE, Act::Reinvite(Offer { formats: Some(vec![Format::pcma()]), ..Offer::default() }));
    sim.run_for(secs(2));
    tones(&mut sim);
    hang_up(&mut sim);
}

#[test]
fn early_media_is_heard() {
    let mut sim = sounding(6);
    sim.expect(BOB, Script::new().reply_with(50, tandem_phone::Reply::new(183).with_sdp()).reply(3000, 200));
    sim.place(ALICE, "bob", Script::new());
    sim.run_until_status(ALICE, 183);
    sim.run_for(secs(2));
    assert_hears(&sim, ALICE, 620.0);
    sim.run_until_talking(ALICE, BOB);
    hang_up(&mut sim);
}

#[test]
fn a_strangers_packets_are_neither_relayed_nor_steal_the_stream() {
    let mut sim = talking(7);
    sim.run_for(secs(1));
    let stranger = SocketAddr::from(([10, 66, 6, 6], 4000));
    let packet = Packet { payload_type: 0, marker: false, sequence: 7, timestamp: 9, ssrc: 666, payload: vec![0x55; 160] }.print();
    let (before, dropped) = (stream(&sim, BOB).received(), sim.core().shard.dropped);
    for address in sim.core().shard.addresses() {
        for _ in 0..50 {
            sim.send_media(stranger, address, packet.clone());
        }
    }
    sim.run_for(secs(1));
    assert_eq!(sim.core().shard.dropped, dropped + 100);
    assert!(stream(&sim, BOB).received() - before <= 51);
    assert_hears(&sim, ALICE, 620.0);
    assert_hears(&sim, BOB, 440.0);
    for phone in [ALICE, BOB] {
        assert_eq!((stream(&sim, phone).gaps(), stream(&sim, phone).sources()), (0, 1));
    }
    hang_up(&mut sim);
}

#[test]
fn loss_is_counted() {
    let mut sim = talking(8);
    sim.link(ALICE, tandem_sim::CORE, Link { loss: 100, ..Link::CLEAN });
    sim.run_for(secs(10));
    sim.link(ALICE, tandem_sim::CORE, Link::CLEAN);
    hang_up(&mut sim);
    let lost = sim.core().records().next().and_then(|record| record.legs[0].media).map(|media| media.received.lost);
    assert!(lost.is_some_and(|lost| (25..90).contains(&lost)), "{lost:?} of about 50");
}

#[test]
fn echo_and_tone_are_heard() {
    for (user, tone) in [("echo", 440.0), ("tone", 440.0)] {
        let mut sim = sounding(9);
        sim.phone_mut(ALICE).setup_mut().tone = Some(if user == "echo" { 440.0 } else { 300.0 });
        sim.place(ALICE, user, Script::new());
        sim.run_for(secs(2));
        let heard = stream(&sim, ALICE).meter().measure();
        assert!(heard.is_some_and(|heard| (heard.frequency_hz - tone).abs() < 1.0), "{user}: {heard:?}");
        hang_up(&mut sim);
    }
}

#[test]
fn a_phone_that_falls_silent_is_hung_up() {
    let mut sim = talking(10);
    sim.run_for(secs(2));
    sim.link(BOB, tandem_sim::CORE, Link::CUT);
    sim.run_for(secs(310));
    sim.link(BOB, tandem_sim::CORE, Link::CLEAN);
    assert_eq!(sim.end_reason(), Some(EndReason::Inactivity));
    sim.finish();
}

#[test]
fn a_phone_behind_nat_is_heard_and_hears() {
    let mut sim = sounding(11);
    let (seen, written) = (SocketAddr::from(([10, 0, 8, 1], 5060)), SocketAddr::from(([192, 168, 1, 2], 5060)));
    let mut setup = tandem_phone::Setup::new("natted", written, tandem_sim::CORE, 77);
    setup.sticky = true;
    setup.tone = Some(1000.0);
    sim.add_phone(seen, setup);
    sim.expect(BOB, Script::answers(100));
    sim.place(seen, "bob", Script::new());
    sim.run_until_talking(seen, BOB);
    sim.run_for(secs(2));
    assert_hears(&sim, BOB, 1000.0);
    assert_hears(&sim, seen, 620.0);
    sim.act(BOB, Act::Bye);
    sim.finish();
}
