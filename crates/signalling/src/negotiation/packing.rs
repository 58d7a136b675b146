//! Packets of another length than a leg asked for, in a codec that both speak.
//!
//! Who is told what a leg asked for (`a=ptime`) mostly sends that. Where it asked for something else itself, or said nothing, it may not: then media looks at each
//! packet, and cuts and joins those that are of another length.

use super::wishes::Wishes;
use tandem_model::{Across, Carries, Codec, PayloadRule};

/// Lengths that packets can be made to have, in milliseconds: steps of ten.
const SHORTEST_MS: u16 = 10;
const LONGEST_MS: u16 = 60;

/// The least and the most that packets to a leg have to hold, in milliseconds; `None` where it did not ask, or whoever speaks to it wants
/// the same for itself.
fn lengths(listener: &Wishes, speaker: &Wishes) -> Option<(u8, u8)> {
    let most = listener.maxptime.filter(|most| *most >= SHORTEST_MS).unwrap_or(u16::MAX);
    let (least, most) = match listener.ptime {
        Some(asked) => (asked.min(most), asked.min(most)),
        None => (0, most),
    };
    let is_made = (SHORTEST_MS..=LONGEST_MS).contains(&most) && (least == 0 || least.is_multiple_of(10));
    let is_sent = speaker.ptime.is_some_and(|sent| (least..=most).contains(&sent));
    (is_made && !is_sent).then_some((u8::try_from(least).ok()?, u8::try_from(most).ok()?))
}

/// Makes rules for what goes on as it is rules for packets of the length that the listener asked for. Opus cannot be cut.
pub(super) fn pack(rules: &mut [PayloadRule], listener: &Wishes, speaker: &Wishes) {
    let Some((least_ms, most_ms)) = lengths(listener, speaker) else { return };
    let is_cut = |rule: &PayloadRule| matches!(rule.carries, Carries::Sound(Codec::Pcmu | Codec::Pcma | Codec::G722));
    if !rules.iter().any(|rule| is_cut(rule) && matches!(rule.across, Across::As(_))) {
        return;
    }
    for rule in rules {
        let Across::As(number) = rule.across else { continue };
        match rule.carries {
            Carries::Sound(_) if !is_cut(rule) => {}
            Carries::Sound(_) | Carries::Noise => rule.across = Across::Packed { number, least_ms, most_ms },
            Carries::Event => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wishes(ptime: u16, maxptime: u16) -> Wishes {
        let said = |value: u16| Some(value).filter(|value| *value > 0);
        Wishes::of_lengths(said(ptime), said(maxptime))
    }

    #[test]
    fn only_what_was_asked_for_and_may_not_come_is_made() {
        // Of the listener, ptime and maxptime; of the speaker; and what is made.
        for (listener, speaker, made) in [
            ((20, 0), (30, 0), Some((20, 20))),
            ((20, 0), (0, 0), Some((20, 20))),
            ((20, 0), (20, 0), None),
            ((20, 0), (20, 150), None),
            ((0, 0), (30, 0), None),
            ((0, 20), (30, 0), Some((0, 20))),
            ((0, 40), (30, 0), None),
            ((0, 40), (0, 0), Some((0, 40))),
            ((0, 150), (0, 0), None),
            ((60, 40), (20, 0), Some((40, 40))),
            ((25, 0), (20, 0), None),
            ((120, 0), (20, 0), None),
            ((5, 0), (20, 0), None),
            ((20, 5), (30, 0), Some((20, 20))),
        ] {
            let found = lengths(&wishes(listener.0, listener.1), &wishes(speaker.0, speaker.1));
            assert_eq!(found, made, "{listener:?} hears {speaker:?}");
        }
    }
}
