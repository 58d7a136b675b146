//! Keys of who is muted or held, or for who is deaf: they are told of, and reach nobody, whatever way they come and would go on.

use crate::commanded::{done, legs};
use crate::keys::{PRESSED, Way, assert_pressed, events_at, hang_up, house, infos_at, press, talking, told, tones_at};
use std::net::SocketAddr;
use tandem_model::{CallCommand, HearEntry, LegId};
use tandem_sim::{ALICE, BOB, Sim};

/// What keeps the second leg from hearing the first, and what takes that back.
type Silence = fn(LegId, LegId) -> [CallCommand; 2];

const HELD: &str = "the presser is held";

const SILENCES: [(&str, Silence); 5] = [
    ("mute", |presser, _| [CallCommand::Mute { leg: presser }, CallCommand::Unmute { leg: presser }]),
    ("deafen", |_, hearer| [CallCommand::Deafen { leg: hearer }, CallCommand::Undeafen { leg: hearer }]),
    (HELD, |presser, _| [CallCommand::Hold { leg: presser, music: None }, CallCommand::Unhold { leg: presser }]),
    ("the hearer is held", |_, hearer| [CallCommand::Hold { leg: hearer, music: None }, CallCommand::Unhold { leg: hearer }]),
    ("an entry", |presser, hearer| {
        [false, true].map(|hears| CallCommand::Hear { entries: [HearEntry { speaker: presser, listener: hearer, hears }].into() })
    }),
];

/// The keys that reached a phone in any way.
fn reached(sim: &Sim, phone: SocketAddr) -> String {
    [events_at(sim, phone), infos_at(sim, phone), tones_at(sim, phone)].concat().into_iter().map(|(sign, _)| sign).collect()
}

#[test]
fn keys_reach_only_who_hears_the_presser() {
    let ways =
        [(Way::Events, Way::Info), (Way::Info, Way::Events), (Way::Info, Way::Info), (Way::Info, Way::Tones), (Way::Events, Way::Events)];
    for (seed, (from, to)) in ways.into_iter().enumerate() {
        for (name, silence) in SILENCES {
            for (presser, hearer, side) in [(ALICE, BOB, 0), (BOB, ALICE, 1)] {
                let text = if side == 0 { house(from, to) } else { house(to, from) };
                let mut sim = talking(seed as u64, &text);
                let legs = legs(&sim);
                let [off, on] = silence(legs[side], legs[1 - side]);
                let what = format!("{name}, {from:?} to {to:?}, side {side}");
                done(&mut sim, off);
                // A phone that is held sends no media.
                let is_still = name == HELD && from == Way::Events;
                if !is_still {
                    press(&mut sim, presser, from);
                }
                assert_eq!(reached(&sim, hearer), "", "{what}");
                assert_eq!(told(&sim, side), if is_still { "" } else { PRESSED }, "{what}");
                let answers: Vec<u16> =
                    sim.phone(presser).heard("INFO").filter(|message| !message.is_request()).map(|message| message.status()).collect();
                assert!(answers.iter().all(|status| *status == 200), "{what}: {answers:?}");
                done(&mut sim, on);
                press(&mut sim, presser, from);
                assert_pressed(&sim, hearer, to, &what);
                hang_up(sim);
            }
        }
    }
}

/// Who hears nothing is still heard.
#[test]
fn keys_of_the_deaf_reach_who_hears_it() {
    for (from, to) in [(Way::Events, Way::Info), (Way::Info, Way::Events)] {
        let mut sim = talking(9, &house(from, to));
        let leg = legs(&sim)[0];
        done(&mut sim, CallCommand::Deafen { leg });
        press(&mut sim, ALICE, from);
        assert_pressed(&sim, BOB, to, "a deaf presser");
        hang_up(sim);
    }
}
