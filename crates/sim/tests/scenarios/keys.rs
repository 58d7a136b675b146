//! Keys from each kind of leg to each: telephone events, INFO, and tones in the sound.

use crate::sound::tones;
use std::net::SocketAddr;
use tandem_model::EventKind;
use tandem_phone::{Act, Edit, Place, Reply, Request, Script, media::keys_in};
use tandem_sim::{ALICE, BOB, Link, STANDARD, Sim, ms, secs};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    Events,
    Info,
    Tones,
}

pub(crate) const WAYS: [Way; 3] = [Way::Events, Way::Info, Way::Tones];

impl Way {
    fn name(self) -> &'static str {
        match self {
            Way::Events => "rfc4733",
            Way::Info => "info",
            Way::Tones => "inband",
        }
    }
}

/// What is pressed: 100 ms each, with pauses of 100.
pub(crate) const PRESSED: &str = "1556#";

/// The house where Alice and Bob have these habits.
pub(crate) fn house(alice: Way, bob: Way) -> String {
    let with = |text: &str, name: &str, way: Way| {
        let section = format!("name = \"{name}\"\nmatch");
        assert!(text.contains(&section));
        text.replace(&section, &format!("name = \"{name}\"\ndtmf = \"{}\"\nmatch", way.name()))
    };
    with(&with(STANDARD, "alice", alice), "bob", bob)
}

/// A call between the two, each of whom hums and notes what comes.
pub(crate) fn talking(seed: u64, text: &str) -> Sim {
    let mut sim = Sim::with_config(seed, text);
    tones(&mut sim);
    let takes = |habits: &mut tandem_phone::Habits| habits.others = vec![(ms(0), Reply::new(200)); 20];
    sim.expect(BOB, Script::answers(100).habits(takes));
    sim.place_with(ALICE, Place::new(&sim.uri(ALICE, "bob")).script(Script::new().habits(takes)));
    sim.run_until_talking(ALICE, BOB);
    sim.run_for(secs(1));
    for phone in [ALICE, BOB] {
        sim.phone_mut(phone).stream_mut(0).expect("sound").keep();
    }
    sim
}

fn info(sim: &mut Sim, phone: SocketAddr, kind: &str, body: &str) {
    sim.act(phone, Act::Request(Request { method: "INFO".into(), edits: vec![Edit::Body(kind.into(), body.as_bytes().to_vec())] }));
}

/// One phone presses its keys in its way.
pub(crate) fn press(sim: &mut Sim, phone: SocketAddr, way: Way) {
    for sign in PRESSED.chars() {
        match way {
            Way::Info => {
                info(sim, phone, "application/dtmf-relay", &format!("Signal={sign}\r\nDuration=100\r\n"));
                sim.run_for(ms(200));
            }
            Way::Events | Way::Tones => {
                let number = (way == Way::Events).then_some(101);
                sim.phone_mut(phone).stream_mut(0).expect("sound").press(sign, number, 5, 5);
            }
        }
    }
    sim.run_for(secs(2));
}

/// The keys that came as events, with their length.
pub(crate) fn events_at(sim: &Sim, phone: SocketAddr) -> Vec<(char, usize)> {
    let kept = sim.call(phone).stream().and_then(|stream| stream.kept()).expect("it was kept");
    let mut events: Vec<(u32, char, usize)> = Vec::new();
    for (_, packet) in kept.packets.iter().filter(|(_, packet)| packet.payload_type == 101) {
        let sign = b"0123456789*#ABCD"[usize::from(packet.payload[0])].into();
        let ms = usize::from(u16::from_be_bytes([packet.payload[2], packet.payload[3]])) / 8;
        match events.last_mut().filter(|(begins, ..)| *begins == packet.timestamp) {
            Some((_, same, lasted)) => {
                assert_eq!(*same, sign);
                *lasted = ms.max(*lasted);
            }
            None => events.push((packet.timestamp, sign, ms)),
        }
    }
    events.into_iter().map(|(_, sign, ms)| (sign, ms)).collect()
}

/// The keys that came as tones: what is shorter than 40 ms is none.
pub(crate) fn tones_at(sim: &Sim, phone: SocketAddr) -> Vec<(char, usize)> {
    let kept = sim.call(phone).stream().and_then(|stream| stream.kept()).expect("it was kept");
    keys_in(&kept.sound).into_iter().filter(|(_, ms)| *ms >= 40).collect()
}

/// The keys that came by INFO.
pub(crate) fn infos_at(sim: &Sim, phone: SocketAddr) -> Vec<(char, usize)> {
    let requests = sim.phone(phone).heard("INFO");
    let of = |body: &str| {
        let mut lines = body.lines();
        let sign = lines.next()?.strip_prefix("Signal=")?.chars().next()?;
        Some((sign, lines.next()?.strip_prefix("Duration=")?.parse().ok()?))
    };
    requests.filter(|message| message.is_request()).filter_map(|message| of(std::str::from_utf8(&message.body).ok()?)).collect()
}

/// Every key is there once, in order, about as long as it was pressed, and in no other way.
pub(crate) fn assert_pressed(sim: &Sim, phone: SocketAddr, way: Way, what: &str) {
    for (kind, found) in [(Way::Events, events_at(sim, phone)), (Way::Info, infos_at(sim, phone)), (Way::Tones, tones_at(sim, phone))] {
        let signs: String = found.iter().map(|(sign, _)| *sign).collect();
        assert_eq!(signs, if kind == way { PRESSED } else { "" }, "{what}: {kind:?} of {found:?}");
        assert!(found.iter().all(|(_, ms)| (70..=150).contains(ms)), "{what}: {kind:?} of {found:?}");
    }
}

/// What was told of keys, of that leg.
pub(crate) fn told(sim: &Sim, leg: usize) -> String {
    let mut legs: Vec<_> = sim.core().events.iter().filter_map(|event| event.leg).collect();
    legs.sort_unstable();
    legs.dedup();
    let of_leg = sim.core().events.iter().filter(|event| event.leg == legs.get(leg).copied());
    let sign = |kind: &EventKind| if let EventKind::LegDtmf(press) = kind { Some(press.key.sign()) } else { None };
    of_leg.filter_map(|event| sign(&event.kind)).collect()
}

pub(crate) fn hang_up(mut sim: Sim) {
    sim.act(ALICE, Act::Bye);
    sim.finish();
}

#[test]
fn each_key_gets_across_once_whatever_both_are_used_to() {
    for (seed, (alice, bob)) in WAYS.into_iter().flat_map(|alice| WAYS.map(|bob| (alice, bob))).enumerate() {
        for (presser, hearer, way, wanted, leg) in [(ALICE, BOB, alice, bob, 0), (BOB, ALICE, bob, alice, 1)] {
            let mut sim = talking(seed as u64, &house(alice, bob));
            press(&mut sim, presser, way);
            let what = format!("{way:?} to {wanted:?} from {}", if leg == 0 { "the caller" } else { "the callee" });
            assert_pressed(&sim, hearer, wanted, &what);
            // Sound that is passed on as it is nobody listens to.
            let is_told = (way, wanted) != (Way::Tones, Way::Tones);
            assert_eq!(told(&sim, leg), if is_told { PRESSED } else { "" }, "{what}");
            assert_eq!(told(&sim, 1 - leg), "", "{what}");
            let stream = sim.call(hearer).stream().expect("sound");
            assert_eq!((stream.gaps(), stream.sources(), stream.clock_jumps()), (0, 1, 0), "{what}: one stream without a seam");
            hang_up(sim);
        }
    }
}

#[test]
fn a_leg_is_told_of_events_only_where_it_presses_its_keys_so() {
    for (alice, bob) in WAYS.into_iter().flat_map(|alice| WAYS.map(|bob| (alice, bob))) {
        let sim = talking(1, &house(alice, bob));
        let lists = |phone: SocketAddr, status: Option<u16>| {
            let mut heard = sim.phone(phone).heard("INVITE");
            let message = heard.find(|message| status.is_none_or(|status| !message.is_request() && message.status() == status));
            String::from_utf8_lossy(&message.expect("a message").body).contains("telephone-event")
        };
        assert_eq!(lists(BOB, None), bob == Way::Events, "the offer, {alice:?} to {bob:?}");
        assert_eq!(lists(ALICE, Some(200)), alice == Way::Events, "the answer, {alice:?} to {bob:?}");
        hang_up(sim);
    }
}

#[test]
fn lost_and_doubled_packets_leave_each_key_one_key() {
    for (seed, way) in WAYS.into_iter().filter(|way| *way != Way::Events).enumerate() {
        let mut sim = talking(seed as u64, &house(Way::Events, way));
        sim.link(ALICE, tandem_sim::CORE, Link { loss: 150, duplicates: 300, ..Link::CLEAN });
        press(&mut sim, ALICE, Way::Events);
        sim.link(ALICE, tandem_sim::CORE, Link::CLEAN);
        let found = if way == Way::Info { infos_at(&sim, BOB) } else { tones_at(&sim, BOB) };
        assert_eq!(found.iter().map(|(sign, _)| *sign).collect::<String>(), PRESSED, "{found:?}");
        assert_eq!(told(&sim, 0), PRESSED);
        hang_up(sim);
    }
}

#[test]
fn info_is_heard_from_who_has_events_too_and_in_any_form() {
    let mut sim = talking(5, STANDARD);
    for (kind, body) in [
        ("application/dtmf-relay", "Signal= 1\nDuration = 100\n"),
        ("application/dtmf", "5"),
        ("application/dtmf-relay", "Signal=5\r\n"),
        // The flash is no key, and what cannot be read is none either.
        ("application/dtmf-relay", "Signal=16\r\nDuration=100\r\n"),
        ("application/dtmf-relay", "Signal=what\r\n"),
        ("application/dtmf", "6\r\n"),
        ("application/dtmf-relay", "Signal=11\r\nDuration=100\r\n"),
    ] {
        info(&mut sim, ALICE, kind, body);
        sim.run_for(ms(400));
    }
    let statuses: Vec<u16> =
        sim.phone(ALICE).heard("INFO").filter(|message| !message.is_request()).map(|message| message.status()).collect();
    assert_eq!(statuses, [200, 200, 200, 200, 400, 200, 200]);
    let found = events_at(&sim, BOB);
    assert_eq!(found, [('1', 100), ('5', 160), ('5', 160), ('6', 160), ('#', 100)]);
    assert_eq!(infos_at(&sim, BOB), []);
    assert_eq!(told(&sim, 0), PRESSED);
    hang_up(sim);
}

#[test]
fn keys_by_info_go_one_at_a_time_and_a_peer_that_takes_none_is_asked_no_more() {
    let mut sim = Sim::with_config(6, &house(Way::Events, Way::Info));
    tones(&mut sim);
    sim.expect(BOB, Script::answers(100).habits(|habits| habits.others = vec![(ms(400), Reply::new(200)), (ms(0), Reply::new(415))]));
    sim.place(ALICE, "bob", Script::new());
    sim.run_until_talking(ALICE, BOB);
    for sign in "123".chars() {
        sim.phone_mut(ALICE).stream_mut(0).expect("sound").press(sign, Some(101), 5, 1);
    }
    sim.run_for(ms(450));
    assert_eq!(infos_at(&sim, BOB).len(), 1, "the next waits for the answer");
    sim.run_for(secs(3));
    assert_eq!(infos_at(&sim, BOB).iter().map(|(sign, _)| *sign).collect::<String>(), "12", "nothing behind the refusal");
    let refused = sim.core().events.iter().filter(|event| event.kind == EventKind::LegDtmfRefused(415)).count();
    assert_eq!((refused, told(&sim, 0).as_str()), (1, "123"));
    hang_up(sim);
}
